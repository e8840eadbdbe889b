//! Steps that come while a question is open, and approvers who say that they are at it. Neither
//! decides anything: a step counts from its time on, whether or not it was noted yet.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::transition::undecided;
use super::voting::eligible;
use crate::policy::steps::Step;
use crate::quorum::NeedSet;
use crate::{Approval, Facts, MemberId, Refusal, Roster, Seconds, Timestamp, Via, Voter};

/// Who says this again so soon says nothing new.
const LOOK_AGAIN: Seconds = Seconds(60);

/// Someone is looking at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Who.
    pub by: Voter,
    /// How they said so.
    pub via: Via,
    /// When they last did.
    pub at: Timestamp,
}

impl Approval {
    /// The time since it was asked.
    #[must_use]
    pub fn elapsed(&self, now: Timestamp) -> Seconds {
        let seconds = (now.micros() - self.created_at.micros()).max(0) / 1_000_000;
        Seconds(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The time from the question to its deadline.
    #[must_use]
    pub fn span(&self) -> Seconds {
        // A step at the deadline itself never comes.
        let micros = (self.expires_at.micros() - self.created_at.micros()).max(1) - 1;
        Seconds(u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX))
    }

    /// The needs that this person's vote could meet at `now`.
    #[must_use]
    pub fn seats_of(&self, member: MemberId, roster: &Roster, now: Timestamp) -> NeedSet {
        self.policy.document.seats_of(member, roster, self.elapsed(now))
    }

    /// Whether this person is among the approvers, now or after a step still to come, or votes in
    /// the place of one.
    #[must_use]
    pub fn could_ever_vote(&self, member: MemberId, roster: &Roster, now: Timestamp) -> bool {
        let seats = |id| self.policy.document.seats_of(id, roster, self.span());
        let lent = || roster.delegators(member, now).any(|id| seats(id) != NeedSet::NONE);
        seats(member) != NeedSet::NONE || roster.voter(member).is_some() && lent()
    }

    /// When something next happens by itself: a step, or the deadline.
    #[must_use]
    pub fn next_due(&self) -> Timestamp {
        let step = self.policy.document.steps.get(self.escalated as usize);
        step.map_or(self.expires_at, |step| self.step_due(step).min(self.expires_at))
    }

    fn step_due(&self, step: &Step) -> Timestamp {
        self.created_at.plus(step.after)
    }
}

/// Notes every step that has come.
pub(super) fn escalate(approval: &Approval, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    undecided(approval, now)?;
    let steps = approval.policy.document.steps.iter().zip(1_u32..);
    let due: Vec<_> = steps
        .skip(approval.escalated as usize)
        .take_while(|(step, _)| approval.step_due(step) <= now)
        .map(|(step, number)| Event::Escalated { number, added: step.add.clone() })
        .collect();
    if due.is_empty() { Err(Refusal::NotDue { at: approval.next_due() }) } else { Ok(due) }
}

/// Who could vote says that they are looking at it.
pub(super) fn look(
    approval: &Approval,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let looking = eligible(approval, facts, now)?;
    let earlier = approval.looks.iter().find(|look| look.by.id == looking.voter.id);
    if earlier.is_some_and(|look| now < look.at.plus(LOOK_AGAIN)) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::Looked { look: Look { by: looking.voter, via: looking.via, at: now } }])
}
