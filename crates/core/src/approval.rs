//! One question put to people, and its whole life, as it is stored.
//! How it changes is decided in [`transition`]; this file holds the shape and what can be read
//! off it at a point in time.

pub mod command;
pub mod edit;
pub mod erasure;
pub mod escalation;
pub mod event;
pub mod grant;
pub mod inquiry;
pub mod passing;
pub mod refusal;
pub mod remaining;
pub mod transition;
pub mod vote;
pub mod voting;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use edit::{Pointer, Revision};
use erasure::{Erasure, Hold};
use escalation::Look;
use inquiry::Inquiry;
use vote::{Vote, VoteDecision};

use crate::{
    Action, Actor, Agent, ApprovalId, Assurance, Dialect, Digest, Environment, FrozenPolicy, KeyId,
    MemberId, OnTimeout, Priority, Timestamp, WorkspaceId,
};

/// Where an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waiting for people.
    Pending,
    /// The needs were met in time.
    Approved,
    /// Said no to, or no longer approvable.
    Rejected,
    /// The deadline passed.
    Expired,
    /// Withdrawn.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Approved, Self::Rejected, Self::Expired, Self::Cancelled];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who asked, by their credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The key.
    pub key: KeyId,
    /// The key's name when it asked.
    pub label: String,
    /// The member who answers for the key.
    pub owner: MemberId,
    /// That member's address when the key asked.
    pub owner_email: String,
    /// In which API it asked, where that is not our own.
    #[serde(default, skip_serializing_if = "Dialect::is_native")]
    pub dialect: Dialect,
}

/// Why it ended as it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// Every need is met.
    NeedsMet,
    /// Enough approvers said no.
    Rejections,
    /// Nobody who is left could meet the needs.
    Unreachable {
        /// Which need, in words.
        detail: String,
    },
    /// Silence until the deadline.
    Deadline,
    /// Withdrawn by the asker or an admin.
    Withdrawn,
}

/// The one terminal outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Never [`Status::Pending`].
    pub status: Status,
    /// The moment it counts from; for silence, the deadline itself.
    pub decided_at: Timestamp,
    /// Whose act it was.
    pub by: Actor,
    /// Why.
    pub cause: Cause,
    /// What the last word came with.
    pub comment: Option<String>,
    /// What the approvers filled in; the same for all whose votes approved it.
    pub answer: Option<Value>,
    /// Until when an approval may be claimed; none for the others.
    pub valid_until: Option<Timestamp>,
}

/// What became of an approved action's one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Claim {
    /// Used, once.
    Claimed {
        /// The key that may now act.
        by: KeyId,
        /// When.
        at: Timestamp,
    },
    /// Taken back before it was used.
    Revoked {
        /// Who took it back.
        by: Actor,
        /// When.
        at: Timestamp,
        /// What they said.
        reason: Option<String>,
    },
}

/// Whether an approval can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimState {
    /// Not used yet, in time.
    Available,
    /// Used.
    Claimed,
    /// Nobody used it in time.
    Lapsed,
    /// Taken back.
    Revoked,
}

/// How the action went, by the asker's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    /// It was done.
    Succeeded,
    /// It was tried and failed.
    Failed,
}

/// The report after a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it went.
    pub status: OutcomeStatus,
    /// In the asker's words.
    pub note: Option<String>,
    /// When it was reported.
    pub at: Timestamp,
}

/// One approval. `decision` is the single source of its status.
// What is not there is left out of the stored text: most of a new approval is not there yet, and
// somebody waits while it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The world it belongs to.
    pub environment: Environment,
    /// One more with every event; the first event makes it 1.
    pub version: u32,
    /// Who asked.
    pub asker: Asker,
    /// What is asked for, in its last revision.
    pub action: Arc<Action>,
    /// What binds it.
    pub action_digest: Digest,
    /// The places in the action that approvers may change, as JSON Pointers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editable: Vec<Pointer>,
    /// Every revision, the first and the last included; empty while nobody changed anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<Revision>,
    /// The form that comes with an approval, as JSON Schema; checked by whoever reads answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<Value>,
    /// The agent's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The asker's word on urgency.
    pub priority: Priority,
    /// Who says they are asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The asker's own notes, given back as they came.
    pub metadata: Value,
    /// The rules, frozen.
    pub policy: Arc<FrozenPolicy>,
    /// Other keys that may claim.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consumers: Vec<KeyId>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// The deadline.
    pub expires_at: Timestamp,
    /// How long an approval may be claimed.
    pub valid_for: crate::Seconds,
    /// In the order in which they were recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// What approvers asked back, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inquiries: Vec<Inquiry>,
    /// How many steps of the policy were noted.
    pub escalated: u32,
    /// Who said that they are looking at it, once each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<Look>,
    /// By which kinds of channels people are told of it, if its asker chose; none for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<BTreeSet<String>>,
    /// The end, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What became of it after approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// How it went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why its texts may not be erased, while somebody says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// That its texts are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erasure>,
}

impl Approval {
    /// The decision that holds at `now`: the recorded one, or, for an overdue approval that no
    /// timer has reached yet, the one its policy names, decided at the deadline.
    #[must_use]
    pub fn decision_at(&self, now: Timestamp) -> Option<Decision> {
        match &self.decision {
            Some(decision) => Some(decision.clone()),
            None if now >= self.expires_at => Some(self.silence()),
            None => None,
        }
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Status {
        self.decision_at(now).map_or(Status::Pending, |decision| decision.status)
    }

    fn silence(&self) -> Decision {
        Decision {
            status: match self.policy.document.on_timeout {
                OnTimeout::Expire => Status::Expired,
                OnTimeout::Reject => Status::Rejected,
            },
            decided_at: self.expires_at,
            by: Actor::System,
            cause: Cause::Deadline,
            comment: None,
            answer: None,
            valid_until: None,
        }
    }

    /// What to call it: its title, or the action's name once the texts are gone.
    #[must_use]
    pub fn called(&self) -> &str {
        if self.erased.is_some() { &self.action.name } else { &self.action.title }
    }

    /// Whether people are told of it by this kind of channel.
    #[must_use]
    pub fn is_told_by(&self, kind: &str) -> bool {
        self.told_by.as_ref().is_none_or(|kinds| kinds.contains(kind))
    }

    /// Which revision the action is in, counted from 1.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revisions.last().map_or(1, |last| last.number)
    }

    /// The action as it was asked for.
    #[must_use]
    pub fn first_revision(&self) -> Revision {
        self.revisions.first().cloned().unwrap_or_else(|| Revision {
            number: 1,
            action: Arc::clone(&self.action),
            action_digest: self.action_digest,
            by: None,
            at: self.created_at,
        })
    }

    /// The digest of the action as it was asked for.
    #[must_use]
    pub fn asked_digest(&self) -> Digest {
        self.revisions.first().map_or(self.action_digest, |first| first.action_digest)
    }

    /// Whether a vote still counts for anything. An approval does while it is of the last
    /// revision and fills the form in as the last approval did; a rejection always does.
    #[must_use]
    pub fn stands(&self, vote: &Vote) -> bool {
        // What it went by is gone, so what came of it was noted.
        if let Some(erasure) = &self.erased {
            let place = self.votes.iter().position(|known| known == vote);
            return place.is_some_and(|place| erasure.stood.get(place) == Some(&true));
        }
        let current = |vote: &&Vote| {
            vote.decision == VoteDecision::Approve && vote.revision == self.revision()
        };
        match vote.decision {
            VoteDecision::Reject => true,
            VoteDecision::Approve => {
                let last = self.votes.iter().rev().find(current);
                current(&vote) && last.is_some_and(|last| last.answer == vote.answer)
            }
        }
    }

    /// Whether it ended because people said no, and not by silence or withdrawal.
    #[must_use]
    pub fn was_said_no_to(&self) -> bool {
        let cause = self.decision.as_ref().map(|decision| &decision.cause);
        matches!(cause, Some(Cause::Rejections | Cause::Unreachable { .. }))
    }

    /// What became of the one use, at `now`; none unless it was approved.
    #[must_use]
    pub fn claim_state(&self, now: Timestamp) -> Option<ClaimState> {
        let until = self.decision.as_ref()?.valid_until?;
        Some(match &self.claim {
            Some(Claim::Claimed { .. }) => ClaimState::Claimed,
            Some(Claim::Revoked { .. }) => ClaimState::Revoked,
            None if now < until => ClaimState::Available,
            None => ClaimState::Lapsed,
        })
    }

    /// Approved, in time, not claimed or revoked.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.claim_state(now) == Some(ClaimState::Available)
    }

    /// Whether this key may claim and report.
    #[must_use]
    pub fn may_consume(&self, key: KeyId) -> bool {
        self.asker.key == key || self.consumers.contains(&key)
    }

    /// The vote that this person gave, or that was given in their place, if one stands.
    #[must_use]
    pub fn vote_of(&self, member: MemberId) -> Option<&Vote> {
        self.votes.iter().find(|vote| vote.people().any(|id| id == member) && self.stands(vote))
    }

    /// The lowest assurance among the votes that led to the decision; none where silence or a
    /// withdrawal did.
    #[must_use]
    pub fn assurance(&self) -> Option<Assurance> {
        let counted = match self.decision.as_ref()?.cause {
            Cause::NeedsMet => VoteDecision::Approve,
            Cause::Rejections | Cause::Unreachable { .. } => VoteDecision::Reject,
            Cause::Deadline | Cause::Withdrawn => return None,
        };
        let votes = self.votes.iter().filter(|vote| vote.decision == counted && self.stands(vote));
        votes.map(|vote| vote.assurance).min()
    }
}
