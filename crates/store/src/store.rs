//! The promises of a store. Each method's text is what the contract suite tests.

use std::sync::Arc;

use askfirst_core::administration::{self, Denied};
use askfirst_core::{
    Approval, ApprovalId, Command, Digest, Event, GrantId, KeyId, LinkId, MemberId, PolicyName,
    Refusal, Room, Roster, SessionId, Status, Timestamp, WorkspaceId,
};
use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::accounts::Accounts;
use crate::deliveries::Deliveries;
use crate::farewells::Farewells;
use crate::hitl::HitlConfigs;
use crate::notices::Notices;
use crate::proof_tokens::{ProofTokens, SignedProofToken};
use crate::records::{
    ApprovalFilter, AuditFilter, AuditRecord, DecisionLink, DueTimer, ErasureDue, EventRecord,
    GrantFilter, GrantRecord, Group, Health, Key, KeyLoad, KeyringChange, LoginLink, Member,
    OutboxRow, Password, Place, PolicyVersion, Premises, Proof, Resealed, Secret, Session, Shown,
    SigningKeyRecord, Workspace,
};
use crate::rooms::Rooms;
use crate::sent::SentLog;
use crate::workspaces::Workspaces;

const MEBIBYTE: u64 = 1024 * 1024;

/// By what right a command is given. The store looks up what it is worth, in the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An API key.
    Key(KeyId),
    /// A signed-in browser.
    Session(SessionId),
    /// A link for one approval.
    Link(LinkId),
    /// The server itself.
    System,
}

/// Makes a repeated request give the first one's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// Which operation, on what; part of the key's scope, with workspace, environment and
    /// credential.
    pub operation: String,
    /// SHA-256 of the request body; another body under the same key is a mistake.
    pub fingerprint: [u8; 32],
}

/// A command for one approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Execute {
    /// Where; from the credential.
    pub place: Place,
    /// Which; for an ask, the id it will have.
    pub approval: ApprovalId,
    /// By what right.
    pub credential: Credential,
    /// What is wanted.
    pub command: Command,
    /// The client's key against repeats.
    pub idempotency: Option<Idempotency>,
    /// With a vote: what the page showed. Stored with it.
    pub shown: Option<Shown>,
}

/// What is durable now.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The approval as it stands.
    pub approval: Arc<Approval>,
    /// What this command did; empty for a repeat.
    pub events: Vec<Event>,
    /// Whether an earlier request under the same idempotency key did it.
    pub replayed: bool,
    /// Whether the link that was to come with the ask was made.
    pub passed_on: bool,
    /// The people as they were in the transaction.
    pub roster: Arc<Roster>,
    /// The time of the transaction.
    pub now: Timestamp,
}

/// A command that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The rules say no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key was used with another body; nothing changed.
    #[error("this idempotency key was used before with another request")]
    IdempotencyMismatch,
    /// The disk has less room than is kept for decisions, so no new question is put; nothing
    /// changed. Votes and all else on questions that are there go on.
    #[error("the disk has {} MiB left and {} are kept for decisions", free / MEBIBYTE, floor / MEBIBYTE)]
    NoRoom {
        /// Bytes that are free.
        free: u64,
        /// Bytes that are kept.
        floor: u64,
    },
    /// The store could not, or does not know whether it did.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An administrative change.
#[derive(Clone, Debug, PartialEq)]
pub struct Administer {
    /// Where; from the credential.
    pub workspace: WorkspaceId,
    /// By what right.
    pub credential: Credential,
    /// What is wanted.
    pub change: administration::Change,
    /// The client's key against repeats.
    pub idempotency: Option<Idempotency>,
}

/// An administrative change that is durable now.
#[derive(Clone, Debug, PartialEq)]
pub struct Administered {
    /// The id of what was made or changed, as text: an id, or a policy's name; of a replay, how
    /// much. On a repeat under the same idempotency key, that of the first time.
    pub subject: String,
    /// Whether an earlier request under the same idempotency key did it.
    pub replayed: bool,
    /// The time of the transaction.
    pub now: Timestamp,
}

/// An administrative change that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AdministerError {
    /// Not allowed, or makes no sense; nothing changed.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The idempotency key was used with another body; nothing changed.
    #[error("this idempotency key was used before with another request")]
    IdempotencyMismatch,
    /// The store could not, or does not know whether it did.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What can go wrong below the rules. Drivers' own errors stay inside, as text for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The write may or may not be durable. Never tell anyone that it is not.
    #[error("it is unknown whether this was recorded: {0}")]
    Unknown(String),
    /// Nothing was written; writes are not taken now.
    #[error("the store takes no writes now: {0}")]
    Unavailable(String),
    /// The data cannot be what this program wrote.
    #[error("the stored data is damaged: {0}")]
    Damaged(String),
    /// The data cannot be opened: of a newer version, not readable.
    #[error("{0}")]
    CannotOpen(String),
    /// The folder or its files cannot be made or written, as in: permission denied.
    #[error("{0}")]
    NoPlace(String),
    /// Another process has it open.
    #[error("another askfirst is using {0}; two servers cannot share one SQLite file")]
    InUse(String),
    /// What was to be made is there already; nothing changed.
    #[error("{0} already exists")]
    Exists(String),
}

/// Something that became durable; a hint for waiters, which read again before they believe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An approval has a new version, or its receipt was signed.
    Approval {
        /// Where.
        place: Place,
        /// Which.
        id: ApprovalId,
        /// Whether it has ended.
        status: Status,
    },
    /// People, keys, policies or settings of a workspace changed.
    Workspace(WorkspaceId),
    /// Something waits to be sent.
    Deliveries,
    /// A commit failed with an unknown result; no write will be taken any more.
    Halted,
}

/// What became of a claimed outbox row.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// The receipt of its approval was signed: this token is stored and the row goes.
    Signed {
        /// The JWT.
        token: String,
        /// What proves it to clients of the API that asked, if that was not signed yet.
        proof_token: Option<SignedProofToken>,
    },
    /// Try again at `at`.
    Retry {
        /// When.
        at: Timestamp,
        /// Why it did not work, in words.
        why: String,
    },
    /// No use; the row is kept as dead.
    GiveUp {
        /// Why, in words.
        why: String,
    },
}

/// Durable state. Object safe; shared as `Arc<dyn Store>`.
#[async_trait]
pub trait Store:
    Accounts
    + Deliveries
    + Farewells
    + HitlConfigs
    + Notices
    + ProofTokens
    + Rooms
    + SentLog
    + Workspaces
    + Send
    + Sync
{
    /// Now, by the store's clock; never earlier than any time it has recorded.
    fn now(&self) -> Timestamp;

    /// A stream of what became durable, a commit at a time. May skip when slow; truth is in the
    /// reads.
    fn changes(&self) -> broadcast::Receiver<Arc<[Change]>>;

    /// Carries out a command in a transaction of its own: loads the facts, runs the rules, writes
    /// snapshot, events, audit entries, timer, outbox rows, statement and idempotency together.
    /// Durable when it returns. A refusal writes nothing. With an idempotency key seen before and
    /// the same fingerprint: the current approval, `replayed`; with another: a mismatch.
    async fn execute(&self, request: Execute) -> Result<Committed, ExecuteError>;

    /// Carries out an administrative change in a transaction of its own, with its audit entry.
    async fn administer(&self, request: Administer) -> Result<Administered, AdministerError>;

    /// Makes a workspace with its first owner and its first policy; the first audit entry is this.
    /// `then` are changes by the server itself, in the same transaction: all of it is there, or
    /// nothing. Errors: [`AdministerError::Store`] with [`StoreError::Exists`] for an id that exists;
    /// what keeps one of the changes from being made.
    async fn create_workspace(
        &self,
        workspace: Workspace,
        owner: Member,
        policy: PolicyVersion,
        then: Vec<administration::Change>,
    ) -> Result<(), AdministerError>;

    /// All workspaces, oldest first.
    async fn workspaces(&self) -> Result<Vec<Workspace>, StoreError>;
    /// One workspace.
    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        let premises = self.premises(id).await?;
        Ok(premises.map(|premises| premises.workspace.clone()))
    }
    /// One of them with the kinds of its channels.
    async fn premises(&self, id: WorkspaceId) -> Result<Option<Arc<Premises>>, StoreError>;
    /// The people and groups as the rules see them.
    async fn roster(&self, workspace: WorkspaceId) -> Result<Arc<Roster>, StoreError>;
    /// Members after `after`, by id.
    async fn members(
        &self,
        workspace: WorkspaceId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError>;
    /// One member.
    async fn member(
        &self,
        workspace: WorkspaceId,
        id: MemberId,
    ) -> Result<Option<Member>, StoreError>;
    /// All groups, by name.
    async fn groups(&self, workspace: WorkspaceId) -> Result<Vec<Group>, StoreError>;
    /// Keys after `after`, by id, revoked ones too.
    async fn keys(
        &self,
        workspace: WorkspaceId,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<Key>, StoreError>;
    /// The key whose secret has this hash, with its standing at this moment.
    async fn key_by_secret(&self, secret: Secret) -> Result<Option<Key>, StoreError>;
    /// Notes when keys were last used. Best effort, no audit entry.
    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError>;
    /// The session whose token has this hash, if it is open now.
    async fn session_by_secret(&self, secret: Secret) -> Result<Option<Session>, StoreError>;
    /// The sessions of one member that are open now, newest first.
    async fn sessions(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<Vec<Session>, StoreError>;
    /// The passwords of enabled members with this address, in whatever ASCII case, in all
    /// workspaces; at most eight.
    async fn passwords_by_email(&self, email: &str) -> Result<Vec<Password>, StoreError>;
    /// The password of one member.
    async fn password(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<Option<Password>, StoreError>;
    /// The login link whose token has this hash, if it can still be used. Does not use it.
    async fn login_link(&self, secret: Secret) -> Result<Option<LoginLink>, StoreError>;
    /// The decision link with this hash, if nobody closed it; its time may be over.
    async fn decision_link(&self, secret: Secret) -> Result<Option<DecisionLink>, StoreError>;
    /// Grants by filter, newest first.
    async fn grants(
        &self,
        place: Place,
        filter: GrantFilter,
    ) -> Result<Vec<GrantRecord>, StoreError>;
    /// One grant.
    async fn grant(&self, place: Place, id: GrantId) -> Result<Option<GrantRecord>, StoreError>;
    /// The newest version of every policy, by name.
    async fn policies(&self, workspace: WorkspaceId) -> Result<Vec<PolicyVersion>, StoreError>;
    /// All versions of one policy, newest first; empty if there is none of that name.
    async fn policy_versions(
        &self,
        workspace: WorkspaceId,
        name: &PolicyName,
    ) -> Result<Vec<PolicyVersion>, StoreError>;

    /// One approval, as it was last recorded.
    async fn approval(&self, place: Place, id: ApprovalId) -> Result<Option<Approval>, StoreError>;
    /// Approvals by filter, newest first. An overdue pending one counts as what its policy makes
    /// of silence.
    async fn approvals(
        &self,
        place: Place,
        filter: ApprovalFilter,
    ) -> Result<Vec<Approval>, StoreError>;
    /// How many approvals a filter finds, counted up to its limit.
    async fn count_approvals(
        &self,
        place: Place,
        filter: ApprovalFilter,
    ) -> Result<u32, StoreError>;
    /// What happened to one approval after version `after`, oldest first.
    async fn events(
        &self,
        place: Place,
        id: ApprovalId,
        after: u32,
    ) -> Result<Vec<EventRecord>, StoreError>;
    /// The proof of one approval; none while it is pending.
    async fn proof(&self, place: Place, id: ApprovalId) -> Result<Option<Proof>, StoreError>;
    /// The newest approvals of this action, other than `but`, that people said no to.
    async fn rejected_before(
        &self,
        place: Place,
        digest: Digest,
        but: ApprovalId,
        limit: u32,
    ) -> Result<Vec<ApprovalId>, StoreError>;
    /// What approvers of one approval were shown.
    async fn shown(&self, place: Place, id: ApprovalId) -> Result<Vec<Shown>, StoreError>;
    /// Audit entries by filter.
    async fn find_audit(
        &self,
        workspace: WorkspaceId,
        filter: AuditFilter,
    ) -> Result<Vec<AuditRecord>, StoreError>;
    /// Audit entries after index `after` (none: from the first), oldest first.
    async fn audit(
        &self,
        workspace: WorkspaceId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.find_audit(workspace, AuditFilter { after, limit, ..AuditFilter::default() }).await
    }

    /// The room for another ask now: of this key, if one is named, and of the place.
    async fn room(&self, place: Place, key: Option<KeyId>) -> Result<Room, StoreError>;
    /// The keys of a place that have no room for another ask now, by id; at most 100.
    async fn full_keys(&self, place: Place) -> Result<Vec<KeyLoad>, StoreError>;

    /// Signing keys, oldest first.
    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError>;
    /// Adds a signing key; idempotent by kid.
    async fn add_signing_key(&self, key: SigningKeyRecord) -> Result<(), StoreError>;
    /// Puts these in the place of those with the same kid, or beside the others, and these sealed
    /// secrets in the place of their owners', together with an audit entry in every workspace.
    async fn change_signing_keys(
        &self,
        keys: Vec<SigningKeyRecord>,
        secrets: Resealed,
        change: KeyringChange,
    ) -> Result<(), StoreError>;

    /// Approvals whose deadline has come, longest overdue first. An `Expire` for each ends them.
    async fn due_timers(&self, limit: u32) -> Result<Vec<DueTimer>, StoreError>;
    /// When the next deadline comes.
    async fn next_timer(&self) -> Result<Option<Timestamp>, StoreError>;
    /// Ended approvals whose workspace keeps their texts no longer, leaving out what is on hold.
    /// An `Erase` for each lets go of them.
    async fn due_erasures(&self, limit: u32) -> Result<Vec<ErasureDue>, StoreError>;
    /// After erasures: sees to it that what was erased stands nowhere in the files any more. False
    /// if somebody still reads an older state; ask again then.
    async fn scrub(&self) -> Result<bool, StoreError>;
    /// Claims due work of one kind for `lease_seconds`; nobody else gets it meanwhile.
    async fn claim_outbox(
        &self,
        kind: &str,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError>;
    /// Says what became of a claimed row. Ignored if the lease was lost to a later attempt.
    async fn settle(&self, row: &OutboxRow, settlement: Settlement) -> Result<(), StoreError>;
    /// Forgets idempotency keys whose time is over and closed sessions; says how many rows went.
    async fn tidy(&self) -> Result<u64, StoreError>;

    /// How the store is doing.
    async fn health(&self) -> Result<Health, StoreError>;
    /// Finishes what is queued and closes; later writes are refused.
    async fn close(&self);
}
