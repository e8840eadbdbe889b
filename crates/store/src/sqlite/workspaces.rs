//! How a workspace comes to be, with all that it begins with.

use std::sync::{Arc, Mutex, PoisonError};

use askfirst_core::administration;

use super::{SqliteStore, administer, apply, queries, writer};
use crate::records::{Member, PolicyVersion, Workspace};
use crate::store::{Administer, AdministerError, Change, Credential, StoreError};

impl SqliteStore {
    pub(super) async fn found(
        &self,
        workspace: Workspace,
        owner: Member,
        policy: PolicyVersion,
        then: Vec<administration::Change>,
    ) -> Result<(), AdministerError> {
        let (id, credential) = (workspace.id, Credential::System);
        let then: Vec<_> = then
            .into_iter()
            .map(|change| Administer { workspace: id, credential, change, idempotency: None })
            .collect();
        // What has begun to be written is undone by failing, so why it was is handed over beside it.
        let why = Arc::new(Mutex::new(None));
        let told = Arc::clone(&why);
        let work = move |desk: &mut writer::Desk<'_, '_>| {
            if queries::workspace(desk.connection, id)?.is_some() {
                return Err(StoreError::Exists(format!("the workspace {id}")));
            }
            apply::create_workspace(
                desk.connection,
                desk.pens,
                &workspace,
                &owner,
                &policy,
                desk.now,
            )?;
            for request in &then {
                match administer::administer(desk, request) {
                    Ok(_) => {}
                    Err(AdministerError::Store(error)) => return Err(error),
                    Err(other) => {
                        let undone = StoreError::Unavailable(other.to_string());
                        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(other);
                        return Err(undone);
                    }
                }
            }
            desk.changes.push(Change::Workspace(id));
            Ok(())
        };
        let done = self.writer.write(work).await;
        match why.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(why) if done.is_err() => Err(why),
            _ => Ok(done?),
        }
    }
}
