//! The claims of a receipt: what Askfirst says about one decided approval.
//! The store commits their bytes with the decision; signing them later is `key`'s work, and
//! judging whether a signed statement means "yes" is `verify`'s.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, Digest, canonical_of, parse_strict_into};
use crate::moment::Moment;

/// Everything a receipt says. Every claim is always written, `null` where it does not apply, so
/// that a missing claim is an error and never a silent default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Who says it: `{public_url}/w/{workspace}`.
    pub iss: String,
    /// The workspace it is said for, one plain string.
    pub aud: String,
    /// When it was written, in seconds since 1970.
    pub iat: i64,
    /// When it stops being good, in seconds since 1970. For an approval this is `valid_until`
    /// with its fraction cut, so that a verifier knowing only JWT fails closed.
    pub exp: i64,
    /// A name for this receipt alone.
    pub jti: String,
    /// Whether anything real was at stake.
    pub environment: Environment,
    /// The approval's id.
    pub approval: String,
    /// How it ended.
    pub decision: Decision,
    /// The digest of the action as first asked for.
    pub asked_digest: Digest,
    /// The digest of the action that was decided, after any edits.
    pub action_digest: Digest,
    /// Who asked.
    pub asker: Asker,
    /// When it was decided.
    pub decided_at: Moment,
    /// Until when an approval may be used; `null` unless approved.
    pub valid_until: Option<Moment>,
    /// The deciding comment.
    pub comment: Option<String>,
    /// The digest of the form answer, if the approval asked for one.
    pub answer_digest: Option<Digest>,
    /// The rules it was decided under.
    pub policy: PolicyRef,
    /// Every vote, in the order they were given.
    pub votes: Vec<Vote>,
    /// The lowest assurance among the votes that counted; `null` if none did.
    pub assurance: Option<Assurance>,
}

/// Who asked, as the server knows it from the credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asker {
    /// The id of the key that asked.
    pub key: String,
    /// The member who owns the key or the agent.
    pub owner: Option<String>,
    /// The key's label, given by its owner.
    pub label: String,
}

/// The policy version that was frozen into the approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRef {
    /// Its name.
    pub name: String,
    /// Its version, counted from 1.
    pub version: u32,
    /// SHA-256 over the canonical bytes of its document.
    pub digest: Digest,
}

/// One approver's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Who answered.
    pub approver: String,
    /// Whose seat they filled, if they stood in for someone.
    pub on_behalf_of: Option<String>,
    /// What they answered.
    pub decision: VoteDecision,
    /// How surely we know who it was.
    pub assurance: Assurance,
    /// The way it came: a channel, `web`, `api`.
    pub via: String,
    /// When.
    pub at: Moment,
    /// The digest of the revision they answered.
    pub action_digest: Digest,
    /// The digest of the text they were shown, where it was kept.
    pub shown_digest: Option<Digest>,
}

/// Whether anything real was at stake. Test and dev receipts prove nothing about live actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real people, real consequences.
    Live,
    /// A rehearsal on a real server.
    Test,
    /// A developer's machine.
    Dev,
}

/// How an approval ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Enough eligible people said yes in time.
    Approved,
    /// Someone said no, or yes became impossible.
    Rejected,
    /// Nobody decided before the deadline.
    Expired,
    /// The asker took it back.
    Cancelled,
}

/// What one approver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoteDecision {
    /// Yes, to exactly this revision.
    Approve,
    /// No.
    Reject,
    /// Neither yet: the approver asked something back.
    MoreInfo,
}

/// How surely we know who voted, weakest first: the order is the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// Whoever held a link that the asker also had.
    Bearer,
    /// A program holding a member's decide key.
    Key,
    /// Whoever held a personal link.
    Link,
    /// A proved chat account, number or address.
    Chat,
    /// A signed-in member.
    Session,
    /// A member with a passkey, for this decision.
    Passkey,
}

/// Why bytes are not a statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// Not the claims of a receipt, or not well-formed.
    #[error("the claims are not those of a receipt: {0}")]
    NotAStatement(#[source] CanonicalError),
    /// The same claims, spelled in another way or with one left out.
    #[error("the claims are not complete and in canonical form")]
    NotCanonical,
}

impl Statement {
    /// The payload of the receipt: canonical JSON. These bytes are stored with the decision and
    /// signed unchanged. Errors: [`CanonicalError`], which the typed fields leave no way to.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical_of(self)
    }

    /// Reads a payload back, and only the spelling that [`Statement::to_bytes`] writes.
    ///
    /// That one comparison refuses missing claims, extra white space, `1.0` for `1`, and every
    /// other second way to write the same thing. Errors: [`StatementError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StatementError> {
        let statement: Self = parse_strict_into(bytes).map_err(StatementError::NotAStatement)?;
        let again = statement.to_bytes().map_err(StatementError::NotAStatement)?;
        if again != bytes {
            return Err(StatementError::NotCanonical);
        }
        Ok(statement)
    }
}

/// Writes an enum the way it is spelled on the wire, and reads it back.
macro_rules! spelled {
    ($type:ty { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $type {
            /// The word used on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord(word.to_owned())) }
            }
        }
    };
}

/// A word that a closed list does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown word {0:?}")]
pub struct UnknownWord(pub String);

spelled!(Environment { Live = "live", Test = "test", Dev = "dev" });
spelled!(Decision { Approved = "approved", Rejected = "rejected", Expired = "expired", Cancelled = "cancelled" });
spelled!(VoteDecision { Approve = "approve", Reject = "reject", MoreInfo = "more_info" });
spelled!(Assurance {
    Bearer = "bearer",
    Key = "key",
    Link = "link",
    Chat = "chat",
    Session = "session",
    Passkey = "passkey",
});
