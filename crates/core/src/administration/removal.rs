//! Which workspaces the operator may take away for good. What people run is not among them: their
//! record is theirs.

use super::Denied;
use crate::{Hold, Refusal};

/// Passes for a stranger's workspace that nobody holds.
///
/// # Errors
/// [`Denied::InUse`], [`Refusal::OnHold`].
pub fn may_remove(called: &str, self_service: bool, hold: Option<&Hold>) -> Result<(), Denied> {
    if !self_service {
        let by = "people sign in to it; only workspaces that strangers made are taken away".into();
        return Err(Denied::InUse { what: format!("the workspace {called}"), by });
    }
    match hold {
        Some(Hold { by, at, reason }) => {
            let (by, at, reason) = (by.clone(), *at, reason.clone());
            Err(Refusal::OnHold { by, at, reason }.into())
        }
        None => Ok(()),
    }
}
