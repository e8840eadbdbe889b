//! Letting go of the texts of what has ended: when that may be, what goes and what stays. Who
//! voted on which digest, when and how it ended stays; that is what receipts and the audit log
//! speak of. A legal hold keeps the texts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::edit::Revision;
use super::event::Event;
use crate::{
    Action, Actor, Approval, Claim, Facts, Principal, Refusal, Scope, Timestamp, administration,
};

/// The longest reason for a hold, in characters.
pub const LONGEST_REASON: usize = 500;
/// The most days that a workspace can keep texts for before they are erased: ten years.
pub const LONGEST_RETENTION: u32 = 3_650;

/// Somebody's word that texts must be kept, on one approval or on a whole workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who said so.
    pub by: Actor,
    /// Since when.
    pub at: Timestamp,
    /// Why. It is told in the audit log, so it outlives the hold.
    pub reason: String,
}

/// That the texts of an approval are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Who wanted it; the server itself where the workspace's retention did.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Which of the votes counted in the end, in their order; the answers that told are gone.
    pub stood: Vec<bool>,
}

/// Keeps the texts of an approval until the hold is released, whatever the retention says.
pub(super) fn hold(
    approval: &Approval,
    reason: &str,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    keeper(facts)?;
    if let Some(erasure) = &approval.erased {
        return Err(Refusal::Erased { at: erasure.at });
    }
    if let Some(held) = &approval.hold {
        return if held.reason == reason { Ok(Vec::new()) } else { Err(on_hold(held)) };
    }
    let hold = Hold { by: facts.actor(), at: now, reason: reason.into() };
    Ok(vec![Event::HoldSet { hold }])
}

/// Ends a hold.
pub(super) fn release(approval: &Approval, facts: &Facts) -> Result<Vec<Event>, Refusal> {
    keeper(facts)?;
    match &approval.hold {
        Some(_) => Ok(vec![Event::HoldReleased { by: facts.actor() }]),
        None => Ok(Vec::new()),
    }
}

/// Erases the texts of what has ended and cannot be used any more.
pub(super) fn erase(
    approval: &Approval,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    keeper(facts)?;
    if approval.erased.is_some() {
        return Ok(Vec::new());
    }
    let Some(decision) = &approval.decision else { return Err(Refusal::NotEnded) };
    if let (true, Some(until)) = (approval.is_usable(now), decision.valid_until) {
        return Err(Refusal::StillUsable { until });
    }
    let given = facts.grants.iter().find(|grant| grant.approval == approval.id);
    if let Some(grant) = given.filter(|grant| grant.is_open(now)) {
        return Err(Refusal::StillGranted { until: grant.until() });
    }
    if let Some(held) = approval.hold.as_ref().or(facts.hold.as_ref()) {
        return Err(on_hold(held));
    }
    let stood = approval.votes.iter().map(|vote| approval.stands(vote)).collect();
    let erasure = Erasure { by: facts.actor(), at: now, stood };
    Ok(vec![Event::Erased { erasure }])
}

fn on_hold(held: &Hold) -> Refusal {
    Refusal::OnHold { by: held.by.clone(), at: held.at, reason: held.reason.clone() }
}

/// Who may decide over what is kept: admins, keys that may change the workspace, the server.
fn keeper(facts: &Facts) -> Result<(), Refusal> {
    match &facts.principal {
        Principal::System => Ok(()),
        Principal::Key(key) if key.scopes.contains(&Scope::Workspace) => Ok(()),
        Principal::Key(_) | Principal::Link(_) => Err(Refusal::MissingScope(Scope::Workspace)),
        Principal::Session(session) => {
            let person = facts.roster.voter(session.member);
            let admin = person.is_some_and(|person| person.role.is_admin());
            if admin { Ok(()) } else { Err(Refusal::NotAnAdmin) }
        }
    }
}

/// Whether this can be a hold's reason.
///
/// # Errors
/// If it is empty, long, or not on one line.
pub fn check_reason(reason: &str) -> Result<(), administration::Denied> {
    let long = reason.chars().count() > LONGEST_REASON;
    if long || reason.trim().is_empty() || reason.chars().any(char::is_control) {
        let detail = "say why, in 1 to 500 printable characters on one line";
        return Err(administration::invalid("/reason", detail));
    }
    Ok(())
}

impl Approval {
    /// From when on its texts are of no more use to it: from its end, or from the end of the time
    /// in which it could be used. None while it is pending or held, and once they are gone.
    #[must_use]
    pub fn erasable_from(&self) -> Option<Timestamp> {
        if self.hold.is_some() || self.erased.is_some() {
            return None;
        }
        let decision = self.decision.as_ref()?;
        Some(decision.valid_until.unwrap_or(decision.decided_at))
    }

    /// Takes out the words that people and agents wrote. The action's name stays; the audit log
    /// has it too.
    pub(super) fn erase_texts(&mut self, erasure: Erasure) {
        let bare = |action: &Action| {
            Arc::new(Action {
                name: action.name.clone(),
                title: String::new(),
                arguments: Value::Null,
                target: None,
            })
        };
        self.action = bare(&self.action);
        for Revision { action, .. } in &mut self.revisions {
            *action = bare(action);
        }
        self.editable.clear();
        self.answer_schema = None;
        self.reason = None;
        self.agent = None;
        self.metadata = Value::Object(Map::new());
        for vote in &mut self.votes {
            vote.comment = None;
            vote.answer = None;
        }
        for inquiry in &mut self.inquiries {
            inquiry.question.clear();
            if let Some(reply) = &mut inquiry.reply {
                reply.text.clear();
            }
        }
        if let Some(decision) = &mut self.decision {
            decision.comment = None;
            decision.answer = None;
        }
        if let Some(Claim::Revoked { reason, .. }) = &mut self.claim {
            *reason = None;
        }
        if let Some(outcome) = &mut self.outcome {
            outcome.note = None;
        }
        self.erased = Some(erasure);
    }
}
