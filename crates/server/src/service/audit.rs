//! Reading the audit log.

use askfirst_core::Scope;
use askfirst_store::AuditRecord;

use super::caller::READERS;
use super::{Caller, Result, Service};

impl Service {
    /// Audit entries after index `after`, oldest first.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn audit(
        &self,
        caller: &Caller,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>> {
        caller.need(Scope::Audit, READERS)?;
        Ok(self.store.audit(caller.place.workspace, after, limit).await?)
    }
}
