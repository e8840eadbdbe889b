//! Grants: a vote given in advance. Who approves one action can say yes to the next ones of its
//! kind as well, for so long and so many times, within bounds. The vote is then in as soon as the
//! same key asks for such a thing under the same policy; everything else is as with any vote: it
//! fills the voter's own seat, if they still have one, and every use is on the record.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::edit::{self, Pointer};
use super::event::Event;
use super::voting::{self, keeps_owner_out, least_assurance};
use crate::policy::GrantLimits;
use crate::quorum::NeedSet;
use crate::{
    Action, Approval, ApprovalId, Assurance, CastVote, Digest, Facts, GrantId, KeyId, Refusal,
    Seconds, Timestamp, Via, Vote, VoteDecision, Voter,
};

/// The most places of an action that one grant leaves open.
pub const MOST_BOUNDS: usize = 32;
/// The most values that one place may have.
pub const MOST_VALUES: usize = 100;
/// The most grants that stand at a time for one asking key.
pub const MOST_GRANTS: usize = 100;

/// What may stand at one place of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Bound {
    /// Whatever the asker likes.
    Any,
    /// One of these values.
    OneOf(Vec<Value>),
    /// A number from here to there, both included.
    Within {
        /// The least; none for no end downwards.
        #[serde(default)]
        at_least: Option<Number>,
        /// The most; none for no end upwards.
        #[serde(default)]
        at_most: Option<Number>,
    },
}

impl Bound {
    /// Whether `value` may stand there.
    #[must_use]
    pub fn admits(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(values) => values.contains(value),
            Self::Within { at_least, at_most } => {
                let Some(value) = value.as_f64() else { return false };
                let far = |end: &Option<Number>| end.as_ref().map(Number::as_f64);
                // An end that is no number admits nothing.
                far(at_least).is_none_or(|end| end.is_some_and(|end| end <= value))
                    && far(at_most).is_none_or(|end| end.is_some_and(|end| value <= end))
            }
        }
    }
}

/// What was agreed to. Its canonical JSON is what a grant's digest is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Only what this key asks.
    pub asker: KeyId,
    /// Only under the policy document of this digest; a changed policy is another one.
    pub policy: Digest,
    /// The action that was approved. Others of its kind have its name, and its target and
    /// arguments wherever `bounds` leaves nothing open. The title is only for people.
    pub action: Arc<Action>,
    /// What may differ, place by place.
    pub bounds: BTreeMap<Pointer, Bound>,
    /// For how long from the vote on.
    #[serde(rename = "for")]
    pub lasts: Seconds,
    /// How many times.
    pub uses: u32,
}

impl Terms {
    /// Whether `action` is of the kind that was agreed to.
    #[must_use]
    pub fn covers(&self, action: &Action) -> bool {
        let agreed = self.fixed(&self.action);
        agreed.is_some() && action.name == self.action.name && self.fixed(action) == agreed
    }

    /// Target and arguments with every open place emptied; none if a place is missing or has what
    /// its bound does not admit.
    fn fixed(&self, action: &Action) -> Option<(Option<String>, Value)> {
        let (mut target, mut arguments) = (action.target.clone(), action.arguments.clone());
        for (pointer, bound) in &self.bounds {
            if !edit::value_at(action, pointer).is_some_and(|value| bound.admits(&value)) {
                return None;
            }
            match pointer.as_str().strip_prefix("/arguments") {
                Some(place) => *arguments.pointer_mut(place)? = Value::Null,
                None => target = None,
            }
        }
        Some((target, arguments))
    }
}

/// A grant as a voter wants to give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// The id it will have.
    pub id: GrantId,
    /// For how long.
    pub lasts: Seconds,
    /// How many times.
    pub uses: u32,
    /// What may differ from the action that is voted on.
    pub bounds: BTreeMap<Pointer, Bound>,
    /// SHA-256 over the canonical JSON of [`NewGrant::terms`].
    pub digest: Digest,
}

impl NewGrant {
    /// What it comes to, given with a vote on `approval` for this action.
    #[must_use]
    pub fn terms(&self, approval: &Approval, action: &Arc<Action>) -> Terms {
        Terms {
            asker: approval.asker.key,
            policy: approval.policy.digest,
            action: Arc::clone(action),
            bounds: self.bounds.clone(),
            lasts: self.lasts,
            uses: self.uses,
        }
    }
}

/// A vote given in advance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The approval on which it was given; taken back, it takes its grants along.
    pub approval: ApprovalId,
    /// Whose vote it is.
    pub by: Voter,
    /// How we knew who it was.
    pub assurance: Assurance,
    /// When it was given.
    pub at: Timestamp,
    /// What was agreed to.
    pub terms: Terms,
    /// What binds that.
    pub digest: Digest,
    /// How many times it was used.
    pub used: u32,
}

impl Grant {
    /// Until when it can be used.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.at.plus(self.terms.lasts)
    }

    /// Whether time and uses are left at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.until() && self.used < self.terms.uses
    }

    fn is_for(&self, asked: &Approval, now: Timestamp) -> bool {
        self.is_open(now)
            && self.terms.asker == asked.asker.key
            && self.terms.policy == asked.policy.digest
            && self.terms.covers(&asked.action)
    }
}

/// The grant that comes with a vote, if one does. `counted` has the vote's own changes.
pub(super) fn given(
    counted: &Approval,
    cast: &CastVote,
    vote: &Vote,
    facts: &Facts,
    now: Timestamp,
) -> Result<Option<Grant>, Refusal> {
    let Some(new) = &cast.grant else { return Ok(None) };
    let policy = &counted.policy.document;
    let Some(limits) = policy.grants else {
        return Err(Refusal::NoGrants { policy: policy.name.clone() });
    };
    let no = |pointer: &str, detail: String| {
        Err(Refusal::BadGrant { pointer: format!("/grant{pointer}"), detail })
    };
    if cast.decision != VoteDecision::Approve {
        return no("", "only who approves can say yes to more of the kind".into());
    }
    if vote.on_behalf_of.is_some() {
        return no("", "only for oneself, and not in another's place".into());
    }
    if matches!(vote.via, Via::Link | Via::Telegram) {
        return no("", "a link is for one decision alone; sign in to say yes to more".into());
    }
    if counted.answer_schema.is_some() {
        return no("", "this comes with a form, which is filled in anew each time".into());
    }
    if let Some((pointer, detail)) = beyond(new, limits) {
        return no(pointer, detail);
    }
    if facts.grants.iter().filter(|known| known.is_open(now)).count() >= MOST_GRANTS {
        return no("", format!("{MOST_GRANTS} grants stand for this key; take one back first"));
    }
    if let Some((pointer, detail)) = misfit(&counted.action, &new.bounds) {
        return no(&format!("/bounds/{}", escaped(pointer)), detail);
    }
    Ok(Some(Grant {
        id: new.id,
        approval: counted.id,
        by: vote.voter.clone(),
        assurance: vote.assurance,
        at: now,
        terms: new.terms(counted, &counted.action),
        digest: new.digest,
        used: 0,
    }))
}

/// Where it is wider than the policy lets it be.
fn beyond(new: &NewGrant, limits: GrantLimits) -> Option<(&'static str, String)> {
    if new.lasts < Seconds(1) || new.lasts > limits.lasts {
        return Some(("/for", format!("1s to {}, by the policy", limits.lasts)));
    }
    if new.uses < 1 || new.uses > limits.uses {
        return Some(("/uses", format!("1 to {}, by the policy", limits.uses)));
    }
    None
}

/// The first bound that makes no sense for the action it starts from.
fn misfit<'a>(
    action: &Action,
    bounds: &'a BTreeMap<Pointer, Bound>,
) -> Option<(&'a Pointer, String)> {
    for (index, (pointer, bound)) in bounds.iter().enumerate() {
        if index >= MOST_BOUNDS {
            return Some((pointer, format!("at most {MOST_BOUNDS} places")));
        }
        let mut others = bounds.keys().filter(|other| *other != pointer);
        if let Some(inner) = others.find(|other| pointer.covers(other)) {
            return Some((pointer, format!("{inner} is part of it; name one of them")));
        }
        if matches!(bound, Bound::OneOf(values) if values.len() > MOST_VALUES) {
            return Some((pointer, format!("at most {MOST_VALUES} values")));
        }
        match edit::value_at(action, pointer) {
            None => return Some((pointer, "there is no such place in the action".into())),
            Some(value) if !bound.admits(&value) => {
                return Some((pointer, "what stands there now is outside of this bound".into()));
            }
            Some(_) => {}
        }
    }
    None
}

/// The votes that were given in advance for what has just been asked, and what they decide.
pub(super) fn cast(asked: &Approval, facts: &Facts, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    if facts.grants.is_empty() || asked.answer_schema.is_some() {
        return events;
    }
    let mut counted = asked.clone();
    for grant in facts.grants.iter().filter(|grant| grant.is_for(asked, now)) {
        let voter = grant.by.id;
        let seats = counted.seats_of(voter, &facts.roster, now);
        let kept_out = keeps_owner_out(&asked.policy, facts) && voter == asked.asker.owner;
        let sure = grant.assurance >= least_assurance(asked, facts);
        if seats == NeedSet::NONE || kept_out || !sure || counted.vote_of(voter).is_some() {
            continue;
        }
        let vote = Vote {
            voter: Voter { id: voter, email: facts.roster.email(voter) },
            on_behalf_of: None,
            decision: VoteDecision::Approve,
            assurance: grant.assurance,
            via: Via::Grant(grant.id),
            at: now,
            action_digest: asked.action_digest,
            revision: asked.revision(),
            shown_digest: None,
            comment: None,
            answer: None,
            granted: None,
            seats,
        };
        counted.votes.push(vote.clone());
        events.push(Event::Voted { vote });
        if let Some(decision) = voting::decided(&counted, facts, facts.roster.actor(voter), now) {
            events.push(Event::Decided { decision });
            break;
        }
    }
    events
}

/// A pointer as one token of another pointer.
fn escaped(pointer: &Pointer) -> String {
    pointer.as_str().replace('~', "~0").replace('/', "~1")
}
