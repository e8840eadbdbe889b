//! What the store gives back when asked: plain rows, no behaviour.

use std::collections::BTreeSet;

use askfirst_core::administration::{PasswordHash, SecretHash};
use askfirst_core::{
    Actor, ApprovalId, Assurance, ChannelId, Delegation, Digest, Environment, Floor, Grant,
    GrantId, GroupId, Hold, KeyFacts, KeyId, LinkId, Load, MemberId, Person, Plan, Policy,
    PolicyId, PolicyName, SessionFacts, SessionId, Status, Timestamp, WebhookId, WorkspaceId,
};
use serde_json::Value;

use crate::accounts::CardLink;
use crate::deliveries::SealedSecrets;
use crate::proof_tokens::ProofToken;

/// Which rows a credential can see at all. Comes only from the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The world.
    pub environment: Environment,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// What to call it.
    pub name: String,
    /// `Dev` for a developer's own; `Live` for all others, which also hold test data.
    pub environment: Environment,
    /// Under which policy an ask goes that names none.
    pub default_policy: PolicyName,
    /// What holds for every approval.
    pub floor: Floor,
    /// How many days after the end texts are erased; none keeps them for good.
    pub retention_days: Option<u32>,
    /// Hosts that askers may have the end of an approval sent to.
    pub callback_hosts: Vec<String>,
    /// Whether a stranger made it, with a key that nobody gave them.
    pub self_service: bool,
    /// What its operator lets it have; none for all that the server takes.
    pub plan: Option<Plan>,
    /// Why nothing is erased, while somebody says so.
    pub hold: Option<Hold>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What almost every request in a workspace depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Premises {
    /// The workspace itself.
    pub workspace: Workspace,
    /// The kinds of its channels, such as `email`.
    pub ways: BTreeSet<String>,
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Their id.
    pub id: MemberId,
    /// What the rules see of them.
    pub person: Person,
    /// When they were added.
    pub created_at: Timestamp,
    /// Who votes in their place, and when.
    pub delegation: Option<Delegation>,
}

/// A named set of members.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// What policies call it by.
    pub name: String,
    /// Who is in it.
    pub members: BTreeSet<MemberId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it is good.
    pub place: Place,
    /// What the rules see of it.
    pub facts: KeyFacts,
    /// The first characters of the secret, to recognise it by.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used; written now and then, so it may lag by a minute.
    pub last_used_at: Option<Timestamp>,
    /// Where the end of what it asks is sent, unless the ask says.
    pub callback_url: Option<String>,
}

/// What a key has open and has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLoad {
    /// The key.
    pub key: KeyId,
    /// How much.
    pub load: Load,
}

/// A signed-in browser.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// What the rules see of it.
    pub facts: SessionFacts,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A link by which one person decides one approval, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionLink {
    /// Its id.
    pub id: LinkId,
    /// Where its approval is.
    pub place: Place,
    /// The only approval that it is good for.
    pub approval: ApprovalId,
    /// Whose vote it gives.
    pub member: MemberId,
    /// The most that that is worth.
    pub assurance: Assurance,
    /// Until when.
    pub expires_at: Timestamp,
    /// Which card it is the buttons of, if it is.
    pub card: Option<CardLink>,
}

/// A vote given in advance, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantRecord {
    /// As it was given, with its uses so far.
    pub grant: Grant,
    /// When it was taken back and by whom, as the audit log names them.
    pub ended: Option<(Timestamp, String)>,
}

/// Which grants to list. All conditions must hold; newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrantFilter {
    /// Only those that can still be used.
    pub open: bool,
    /// Only by this member.
    pub by: Option<MemberId>,
    /// Only for what this key asks.
    pub asker: Option<KeyId>,
    /// Only older than this one.
    pub before: Option<GrantId>,
    /// At most so many.
    pub limit: u32,
}

/// A password, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Whose.
    pub member: MemberId,
    /// As it is kept.
    pub hash: PasswordHash,
}

/// A sign-in link that can still be used.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginLink {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Whom it signs in.
    pub member: MemberId,
    /// How sure the session will be.
    pub assurance: Assurance,
    /// Until when.
    pub expires_at: Timestamp,
}

/// One version of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyVersion {
    /// The policy over its versions.
    pub id: PolicyId,
    /// Counted from 1.
    pub version: u32,
    /// SHA-256 over the canonical JSON of the document.
    pub digest: Digest,
    /// The document.
    pub document: Policy,
    /// When it was saved.
    pub created_at: Timestamp,
    /// Who saved it.
    pub by: Actor,
}

/// Something that happened to an approval, as event streams tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// The approval's version after it.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// Its particulars, without the action itself.
    pub detail: Value,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// The entry as it is hashed.
    pub entry: askfirst_proof::log::Entry,
    /// Its hash, which the next entry carries.
    pub hash: askfirst_proof::Digest,
}

/// Which audit entries to read. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only of this kind, such as `member.added`; or of this family of kinds, such as `member`.
    pub kind: Option<String>,
    /// Only by this actor, as the log names it; in whatever ASCII case.
    pub actor: Option<String>,
    /// Only about this subject.
    pub subject: Option<String>,
    /// Only at this time or later.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only after this index.
    pub after: Option<u64>,
    /// Only before this index.
    pub before: Option<u64>,
    /// The newest first; else the oldest.
    pub newest_first: bool,
    /// At most so many.
    pub limit: u32,
}

/// The signed statement of a decision, or the statement alone while it waits for its signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The canonical JSON that is, or will be, signed.
    pub statement: Vec<u8>,
    /// The JWT, once signed.
    pub token: Option<String>,
    /// The audit entry that recorded this statement.
    pub audit_index: u64,
    /// The audit entry that recorded that the texts were erased.
    pub erased_index: Option<u64>,
    /// What proves it to clients of the API that asked, where that has such.
    pub proof_token: Option<ProofToken>,
}

/// What an approver was shown, kept by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// SHA-256 of the text.
    pub digest: Digest,
    /// Which renderer in which version made it, such as `web/1`.
    pub renderer: String,
    /// Where it was shown.
    pub channel: String,
    /// In which language.
    pub locale: String,
    /// The text itself.
    pub text: String,
}

/// What a signing key signs. No key signs what is of another family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyFamily {
    /// Receipts.
    #[default]
    Receipts,
    /// Tokens for clients of proof.holdings, and the lists of those that are revoked.
    ProofTokens,
}

impl KeyFamily {
    /// Every family.
    pub const ALL: [Self; 2] = [Self::Receipts, Self::ProofTokens];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipts => "receipts",
            Self::ProofTokens => "proof_tokens",
        }
    }
}

/// A signing key, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs.
    pub family: KeyFamily,
    /// The public JWK as JSON.
    pub public_jwk: String,
    /// The private key, sealed under the key-encryption key; none where that was lost.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs, unless a newer one does. It is published from the start.
    pub signs_from: Timestamp,
}

/// What was done to the keys that sign, as the audit log of every workspace tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyringChange {
    /// Another key signs, or will.
    Rotated,
    /// They are sealed under another key now.
    Resealed,
    /// What they were sealed under is lost; another key signs.
    Replaced,
}

impl KeyringChange {
    /// Its name in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "keyring.rotated",
            Self::Resealed => "keyring.resealed",
            Self::Replaced => "keyring.replaced",
        }
    }
}

/// Secrets that were sealed under another key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Of webhooks.
    pub webhooks: Vec<(WebhookId, SealedSecrets)>,
    /// Of ways to people.
    pub channels: Vec<(ChannelId, Vec<u8>)>,
}

/// Work that was written with the change that causes it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its id, stable over attempts.
    pub id: i64,
    /// What kind of work, such as `sign_receipt`.
    pub kind: String,
    /// Where.
    pub place: Place,
    /// About which approval.
    pub approval: ApprovalId,
    /// Counted from 1; settles only with the attempt that claimed it.
    pub attempt: u32,
}

/// An approval whose deadline has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTimer {
    /// Where.
    pub place: Place,
    /// Which.
    pub approval: ApprovalId,
    /// When it was due.
    pub due_at: Timestamp,
}

/// An approval whose texts are kept no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasureDue {
    /// Where.
    pub place: Place,
    /// Which.
    pub approval: ApprovalId,
}

/// Which approvals to list. All conditions must hold; newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApprovalFilter {
    /// Only with this status at the time of reading.
    pub status: Option<Status>,
    /// Only what is not pending any more.
    pub ended: bool,
    /// Only what ended in another way than by approval.
    pub unapproved: bool,
    /// Only where this member of the action's arguments is this text.
    pub argument: Option<(&'static str, String)>,
    /// Only under the policy of this name.
    pub policy: Option<PolicyName>,
    /// Only by an agent of this name.
    pub agent: Option<String>,
    /// Only asked by this key.
    pub asker: Option<KeyId>,
    /// Only asked by a key that this member answers for.
    pub owner: Option<MemberId>,
    /// Only where this member voted.
    pub approver: Option<MemberId>,
    /// Only asked at this time or later.
    pub created_after: Option<Timestamp>,
    /// Only asked before this time.
    pub created_before: Option<Timestamp>,
    /// Only with this text in the title, name, target or reason.
    pub text: Option<String>,
    /// Only older than this one.
    pub before: Option<ApprovalId>,
    /// Not the first so many.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

/// What a store knows about its own state.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Schema version of the data.
    pub schema: u32,
    /// Whether writes are taken.
    pub writable: bool,
    /// Size in bytes.
    pub bytes: u64,
    /// Approvals still pending.
    pub pending: u64,
    /// Due time of the timer that waits longest.
    pub oldest_timer: Option<Timestamp>,
    /// Work rows waiting.
    pub outbox: u64,
    /// Bytes that are free on its disk; none if the system does not tell.
    pub free: Option<u64>,
    /// Writes that wait for their turn.
    pub queued: u64,
    /// Transactions committed since the start.
    pub batches: u64,
    /// Writes committed in them.
    pub operations: u64,
}

/// Used by [`Store::key_by_secret`](crate::Store::key_by_secret) and its kin.
pub type Secret = SecretHash;
