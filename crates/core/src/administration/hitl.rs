//! Configs of the proof dialect: who may write them, and how many. They give nobody a vote.

use super::{Denied, Holdings, invalid};
use crate::{Dialect, Facts, KeptHitl, Principal, Refusal, Scope};

/// The most that one world of a workspace may have, but for archived ones.
const MOST: usize = 500;

/// Programs write them for themselves: any key of that dialect, in its own world. Keys of one
/// place are one account there.
pub(super) fn authorise(kept: &KeptHitl, facts: &Facts) -> Result<(), Denied> {
    match &facts.principal {
        Principal::System => Ok(()),
        Principal::Key(key)
            if key.dialect == Dialect::Proof
                && key.environment == kept.environment
                && key.scopes.contains(&Scope::Ask) =>
        {
            Ok(())
        }
        _ => Err(Refusal::MissingScope(Scope::Ask).into()),
    }
}

pub(super) fn add(kept: &KeptHitl, holdings: &Holdings) -> Result<(), Denied> {
    sound(kept)?;
    let there = holdings.hitl.values().filter(|world| **world == kept.environment).count();
    if there >= MOST {
        let detail = format!("there are {there} already, which is the most; archive one first");
        return Err(invalid("", &detail));
    }
    Ok(())
}

/// What is archived stays as it is.
pub(super) fn change(kept: &KeptHitl, holdings: &Holdings) -> Result<(), Denied> {
    if holdings.hitl.get(&kept.id) != Some(&kept.environment) {
        return Err(Denied::Unknown { what: "config" });
    }
    sound(kept)
}

fn sound(kept: &KeptHitl) -> Result<(), Denied> {
    match kept.config.problems().into_iter().next() {
        Some(problem) => Err(Denied::Invalid(problem)),
        None => Ok(()),
    }
}
