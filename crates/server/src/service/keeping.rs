//! What is kept and what is let go of: holds, and the erasure of texts on request. What is erased
//! because its time is over is a worker's affair.

use askfirst_core::approval::erasure::check_reason;
use askfirst_core::{ApprovalId, Command};
use askfirst_store::Idempotency;

use super::{Caller, Result, Seen, Service, ServiceError};

impl Service {
    /// Erases the texts of an approval that has ended.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn erase(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        self.command(caller, approval, Command::Erase, None, idempotency).await
    }

    /// Keeps the texts of an approval until it is released.
    ///
    /// # Errors
    /// A refusal of the rules, or a reason that is none; nothing changed then.
    pub async fn hold(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        reason: String,
    ) -> Result<Seen> {
        check_reason(&reason).map_err(ServiceError::Denied)?;
        self.command(caller, approval, Command::Hold { reason }, None, None).await
    }

    /// Ends a hold.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn release(&self, caller: &Caller, approval: ApprovalId) -> Result<Seen> {
        self.command(caller, approval, Command::Release, None, None).await
    }
}
