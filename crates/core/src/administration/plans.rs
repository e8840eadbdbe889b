//! What a workspace's plan has room for, where it is asked for. Who is bounded by a plan does not
//! give it; and what is there stays, however little the plan has room for.

use super::{Change, Denied, Holdings};
use crate::limits::plan::votes;
use crate::{Facts, Plan, Principal};

/// Only whoever runs the server gives a plan.
pub(super) fn authorise(facts: &Facts) -> Result<(), Denied> {
    match facts.principal {
        Principal::System => Ok(()),
        _ => Err(Denied::Operators),
    }
}

/// A plan that makes sense, or none.
pub(super) fn check(plan: Option<&Plan>) -> Result<(), Denied> {
    let problem = plan.and_then(|plan| plan.problems().into_iter().next());
    problem.map_or(Ok(()), |problem| Err(Denied::Invalid(problem)))
}

/// Passes what the plan has room for. On the console its operator is bounded by nothing.
pub(super) fn has_room(change: &Change, facts: &Facts, holdings: &Holdings) -> Result<(), Denied> {
    let Some(plan) = holdings.plan.as_ref().filter(|_| facts.principal != Principal::System) else {
        return Ok(());
    };
    match change {
        Change::AddMember { role, .. } if votes(*role, true) => {
            Ok(plan.room_for_approver(&facts.roster)?)
        }
        Change::UpdateMember { id, role, enabled, .. } => {
            let Some(person) = facts.roster.people.get(id) else { return Ok(()) };
            let before = votes(person.role, person.enabled);
            let after = votes(role.unwrap_or(person.role), enabled.unwrap_or(person.enabled));
            if before || !after {
                return Ok(());
            }
            Ok(plan.room_for_approver(&facts.roster)?)
        }
        Change::AddChannel(channel) => Ok(plan.room_for_channel(channel.settings.kind())?),
        _ => Ok(()),
    }
}
