//! Policies: saved only if they make sense and somebody could meet them, removed only if unused.

use super::{Denied, Holdings};
use crate::{Facts, Policy, PolicyName};

pub(super) fn save(document: &Policy, facts: &Facts) -> Result<(), Denied> {
    let mut problems = document.problems();
    if problems.is_empty() {
        problems = document.unsatisfiable(None, &facts.roster, document.expires_in);
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Denied::BadPolicy { name: document.name.clone(), problems })
}

pub(super) fn remove(name: &PolicyName, holdings: &Holdings) -> Result<(), Denied> {
    if !holdings.policies.contains(name) {
        return Err(Denied::Unknown { what: "policy" });
    }
    if holdings.default_policy.as_ref() == Some(name) {
        let by = "it is the workspace's default; choose another default first".into();
        return Err(Denied::InUse { what: format!("the policy {name}"), by });
    }
    Ok(())
}
