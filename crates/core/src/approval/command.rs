//! What someone wants to happen to an approval. Who they are is a fact, not part of the command.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::edit::{Edits, Pointer};
use super::grant::NewGrant;
use super::passing::PassOn;
use crate::{
    Action, Agent, ApprovalId, Digest, Environment, FrozenPolicy, KeyId, MemberId, OutcomeStatus,
    PolicyName, Priority, Problem, Seconds, VoteDecision, WorkspaceId,
};

/// Which rules an ask wants to be under.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyChoice {
    /// The workspace's default.
    Default,
    /// A saved one.
    Named(PolicyName),
    /// One of its own, already checked and hashed.
    Inline(Arc<FrozenPolicy>),
}

/// A new question.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The id it will have.
    pub id: ApprovalId,
    /// The tenant, from the credential.
    pub workspace: WorkspaceId,
    /// The world, from the credential.
    pub environment: Environment,
    /// What is asked for.
    pub action: Arc<Action>,
    /// SHA-256 over the canonical JSON of `action`.
    pub action_digest: Digest,
    /// The places in the action that approvers may change.
    pub editable: Vec<Pointer>,
    /// The form that comes with an approval, as JSON Schema.
    pub answer_schema: Option<Value>,
    /// The agent's reason.
    pub reason: Option<String>,
    /// The asker's word on urgency.
    pub priority: Priority,
    /// Who says they are asking.
    pub agent: Option<Agent>,
    /// The asker's own notes.
    pub metadata: Value,
    /// Which rules.
    pub policy: PolicyChoice,
    /// A shorter deadline than the policy's.
    pub expires_in: Option<Seconds>,
    /// A shorter validity than the policy's.
    pub valid_for: Option<Seconds>,
    /// Other keys that may claim.
    pub consumers: Vec<KeyId>,
    /// Where the end is told. Whether that may be reached was looked at before.
    pub callback_url: Option<String>,
    /// By which kinds of channels people are told; none for all.
    pub told_by: Option<BTreeSet<String>>,
    /// The link that comes with it, where a bearer's word counts and a contact could answer.
    pub pass_on: Option<PassOn>,
}

/// A form that was filled in. Checking it is not the rules' work, refusing it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormAnswer {
    /// What was filled in.
    pub value: Value,
    /// Where it is not what the form asks for.
    pub problems: Vec<Problem>,
}

/// An approver's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CastVote {
    /// Yes or no.
    pub decision: VoteDecision,
    /// In whose place, if not in one's own. Left open, it is one's own seat, or that of the first
    /// who handed theirs over.
    pub on_behalf_of: Option<MemberId>,
    /// The digest of the action that the voter saw.
    pub action_digest: Digest,
    /// The digest of what the page showed.
    pub shown_digest: Option<Digest>,
    /// What they say with it.
    pub comment: Option<String>,
    /// What they want changed before they say yes.
    pub edits: Option<Edits>,
    /// What they filled in.
    pub answer: Option<FormAnswer>,
    /// What else they say yes to in advance.
    pub grant: Option<Box<NewGrant>>,
}

/// Everything that can be wanted of an approval.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Put the question.
    Ask(Box<Ask>),
    /// Answer it.
    Vote(CastVote),
    /// Ask the asker for more before deciding.
    Inquire {
        /// The digest of the action that the question is about.
        action_digest: Digest,
        /// In the approver's words.
        question: String,
    },
    /// Answer what was asked back.
    Reply {
        /// Which [`Inquiry`](super::inquiry::Inquiry).
        number: u32,
        /// In the asker's words.
        text: String,
    },
    /// Withdraw it.
    Cancel {
        /// Why.
        reason: Option<String>,
    },
    /// Say that one is looking at it.
    Look,
    /// Note the steps that have come.
    Escalate,
    /// Note that the deadline has passed.
    Expire,
    /// Claim the one use.
    Consume {
        /// The digest of what will be run.
        action_digest: Digest,
    },
    /// Take an approval back before it is used.
    Revoke {
        /// Why.
        reason: Option<String>,
    },
    /// Keep its texts until the hold is released.
    Hold {
        /// Why.
        reason: String,
    },
    /// End that.
    Release,
    /// Let go of its texts.
    Erase,
    /// Say how it went.
    Report {
        /// How.
        status: OutcomeStatus,
        /// In words.
        note: Option<String>,
    },
}
