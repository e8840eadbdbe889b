//! One approver's answer, as it stands in the record.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::quorum::NeedSet;
use crate::{Assurance, Digest, GrantId, KeyId, MemberId, Roster, Timestamp};

/// What an approver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VoteDecision {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

impl VoteDecision {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// By which way a vote came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// A decide key.
    Key(KeyId),
    /// The web page.
    Web,
    /// A link for this approval alone.
    Link,
    /// A button of a card on Telegram.
    Telegram,
    /// A grant that the voter gave earlier.
    Grant(GrantId),
}

/// The person whose vote it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// Their account.
    pub id: MemberId,
    /// Their address when they voted.
    pub email: String,
}

/// One approver's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// Whose vote it is.
    pub voter: Voter,
    /// Whose seat it fills, where that is not the voter's own.
    pub on_behalf_of: Option<Voter>,
    /// Yes or no.
    pub decision: VoteDecision,
    /// How we know who it was.
    pub assurance: Assurance,
    /// How it came in.
    pub via: Via,
    /// When it was recorded.
    pub at: Timestamp,
    /// The action it is about.
    pub action_digest: Digest,
    /// Which revision of the action that is, counted from 1.
    pub revision: u32,
    /// What the page showed; none where the server rendered nothing.
    pub shown_digest: Option<Digest>,
    /// What they said with it.
    pub comment: Option<String>,
    /// What they filled in, where the question came with a form.
    pub answer: Option<Value>,
    /// The grant that they gave with it, for more of the kind.
    pub granted: Option<GrantId>,
    /// The needs it could meet, by the groups at the moment of the vote.
    pub seats: NeedSet,
}

impl Vote {
    /// Whoever has voted with it: who gave it, and in whose place.
    pub fn people(&self) -> impl Iterator<Item = MemberId> {
        [Some(&self.voter), self.on_behalf_of.as_ref()].into_iter().flatten().map(|who| who.id)
    }

    /// Whether all of them may still vote at all.
    pub(crate) fn is_of_voters(&self, roster: &Roster) -> bool {
        self.people().all(|id| roster.voter(id).is_some())
    }
}
