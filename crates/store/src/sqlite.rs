//! SQLite behind the [`Store`] trait: one thread writes and commits in groups, a few others read.
//! Here is only the door; each room under `sqlite/` does one thing.

mod accounts;
mod administer;
mod apply;
mod audit;
mod channels;
mod codec;
pub mod copies;
mod deliveries;
mod disk;
mod erasure;
mod execute;
mod facts;
mod farewells;
#[cfg(feature = "testing")]
mod faults;
mod grants;
mod hitl;
mod keyring;
mod links;
mod log;
mod mooring;
mod newcomers;
mod notices;
mod open;
mod outages;
mod outbox;
mod pace;
mod pens;
mod people;
mod probes;
mod proof_tokens;
mod queries;
mod readers;
mod record;
mod repeats;
mod rooms;
mod sent;
mod signins;
mod tallies;
mod telling;
mod webhooks;
mod workspaces;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use askfirst_core::administration;
use askfirst_core::{
    Allowances, Approval, ApprovalId, Digest, GrantId, KeyId, MemberId, PolicyName, Room, Roster,
    Seconds, Timestamp, WorkspaceId,
};
use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::records::{
    ApprovalFilter, AuditFilter, AuditRecord, DecisionLink, DueTimer, ErasureDue, EventRecord,
    GrantFilter, GrantRecord, Group, Health, Key, KeyLoad, KeyringChange, LoginLink, Member,
    OutboxRow, Password, Place, PolicyVersion, Premises, Proof, Resealed, Secret, Session, Shown,
    SigningKeyRecord, Workspace,
};
use crate::store::{
    Administer, AdministerError, Administered, Change, Committed, Execute, ExecuteError,
    Settlement, Store, StoreError,
};

/// Commits that a slow listener may fall behind before it skips some.
const CHANGES: usize = 4_096;

/// How to open a file.
pub struct Options {
    /// The clock; a persisted high-water mark keeps it from going back.
    pub clock: Arc<dyn Clock>,
    /// The server's public address without a slash at the end. Receipts are issued by
    /// `{issuer_base}/w/{workspace}`.
    pub issuer_base: String,
    /// Threads that read, at least 1.
    pub readers: usize,
    /// How many asks keys and workspaces may have open, and put in a month.
    pub allowances: Allowances,
}

/// A store in one SQLite file.
pub struct SqliteStore {
    writer: writer::Writer,
    readers: readers::Readers,
    shared: Arc<writer::Shared>,
    schema: u32,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings it to this program's schema.
    ///
    /// # Errors
    /// [`StoreError::InUse`] by another server; [`StoreError::NoPlace`];
    /// [`StoreError::CannotOpen`]: written by a newer version, not a
    /// database of ours, or not readable.
    pub fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let opened = open::open(path)?;
        let schema = opened.schema;
        let high_water: i64 =
            opened.connection.query_row("SELECT high_water FROM meta", [], |row| row.get(0))?;
        let (changes, _) = broadcast::channel(CHANGES);
        let shared = Arc::new(writer::Shared {
            clock: options.clock,
            high_water: AtomicI64::new(high_water),
            writable: AtomicBool::new(true),
            changes,
            kept: readers::Kept::default(),
            tally: writer::Tally::default(),
            disk: disk::Disk::of(path),
            mooring: mooring::Mooring::of(path),
            allowances: options.allowances,
            #[cfg(feature = "testing")]
            faults: faults::Faults::default(),
        });
        let readers = readers::Readers::start(path, options.readers)?;
        let issuer_base = options.issuer_base;
        let writer = writer::Writer::start(opened, path, Arc::clone(&shared), issuer_base)?;
        Ok(Self { writer, readers, shared, schema })
    }

    /// Puts no new question while fewer than `bytes` are free on the disk; 0 always does.
    pub fn keep_free(&self, bytes: u64) {
        self.shared.disk.keep_free(bytes);
    }

    /// Makes the next commit fail. `durable` says what the disk did in truth.
    #[cfg(feature = "testing")]
    pub fn fail_next_commit(&self, durable: bool) {
        self.shared.faults.fail_next_commit(durable);
    }

    /// Lets the file grow no more, or again. Writes that need room are refused meanwhile.
    #[cfg(feature = "testing")]
    pub fn fill_disk(&self, full: bool) {
        self.shared.faults.fill_disk(full);
    }

    async fn read<R: Send + 'static>(
        &self,
        question: impl FnOnce(&rusqlite::Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        self.readers.read(question).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn now(&self) -> Timestamp {
        self.shared.now()
    }

    fn changes(&self) -> broadcast::Receiver<Arc<[Change]>> {
        self.shared.changes.subscribe()
    }

    async fn execute(&self, request: Execute) -> Result<Committed, ExecuteError> {
        execute::check(&request)?;
        let work = move |desk: &mut writer::Desk<'_, '_>| match execute::execute(desk, &request) {
            Err(ExecuteError::Store(error)) => Err(error),
            answer => Ok(answer),
        };
        self.writer.write(work).await?
    }

    async fn administer(&self, request: Administer) -> Result<Administered, AdministerError> {
        let work =
            move |desk: &mut writer::Desk<'_, '_>| match administer::administer(desk, &request) {
                Err(AdministerError::Store(error)) => Err(error),
                answer => Ok(answer),
            };
        self.writer.write(work).await?
    }

    async fn create_workspace(
        &self,
        workspace: Workspace,
        owner: Member,
        policy: PolicyVersion,
        then: Vec<administration::Change>,
    ) -> Result<(), AdministerError> {
        self.found(workspace, owner, policy, then).await
    }

    async fn workspaces(&self) -> Result<Vec<Workspace>, StoreError> {
        self.read(queries::workspaces).await
    }

    async fn premises(&self, id: WorkspaceId) -> Result<Option<Arc<Premises>>, StoreError> {
        if let Some(premises) = self.shared.kept.premises(id) {
            return Ok(Some(premises));
        }
        let read_at = self.shared.kept.generation();
        let premises = self.read(move |connection| queries::premises(connection, id)).await?;
        let premises = premises.map(Arc::new);
        if let Some(premises) = &premises {
            self.shared.kept.keep_premises(read_at, premises);
        }
        Ok(premises)
    }

    async fn roster(&self, workspace: WorkspaceId) -> Result<Arc<Roster>, StoreError> {
        if let Some(roster) = self.shared.kept.roster(workspace) {
            return Ok(roster);
        }
        let read_at = self.shared.kept.generation();
        let roster = self.read(move |connection| people::roster(connection, workspace)).await?;
        let roster = Arc::new(roster);
        self.shared.kept.keep_roster(read_at, workspace, &roster);
        Ok(roster)
    }

    async fn members(
        &self,
        workspace: WorkspaceId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Vec<Member>, StoreError> {
        self.read(move |connection| people::members(connection, workspace, after, limit)).await
    }

    async fn member(
        &self,
        workspace: WorkspaceId,
        id: MemberId,
    ) -> Result<Option<Member>, StoreError> {
        self.read(move |connection| people::member(connection, workspace, id)).await
    }

    async fn groups(&self, workspace: WorkspaceId) -> Result<Vec<Group>, StoreError> {
        self.read(move |connection| people::groups(connection, workspace)).await
    }

    async fn keys(
        &self,
        workspace: WorkspaceId,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<Key>, StoreError> {
        let now = self.now();
        let rows =
            self.read(move |connection| queries::keys(connection, workspace, after, limit)).await?;
        Ok(rows.into_iter().map(|row| row.at(now)).collect())
    }

    async fn key_by_secret(&self, secret: Secret) -> Result<Option<Key>, StoreError> {
        let now = self.now();
        if let Some(row) = self.shared.kept.key(&secret) {
            return Ok(Some(row.at(now)));
        }
        let read_at = self.shared.kept.generation();
        let row = self.read(move |connection| queries::key_by_secret(connection, secret)).await?;
        if let Some(row) = &row {
            self.shared.kept.keep_key(read_at, secret, row);
        }
        Ok(row.map(|row| row.at(now)))
    }

    async fn touch_keys(&self, used: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        let work = move |desk: &mut writer::Desk<'_, '_>| apply::touch_keys(desk.connection, &used);
        self.writer.write(work).await?;
        self.shared.kept.forget_keys();
        Ok(())
    }

    async fn session_by_secret(&self, secret: Secret) -> Result<Option<Session>, StoreError> {
        let now = self.now();
        self.read(move |connection| people::session_by_secret(connection, secret, now)).await
    }

    async fn sessions(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<Vec<Session>, StoreError> {
        let now = self.now();
        self.read(move |connection| people::sessions(connection, workspace, member, now)).await
    }

    async fn decision_link(&self, secret: Secret) -> Result<Option<DecisionLink>, StoreError> {
        self.read(move |connection| people::decision_link(connection, secret)).await
    }

    async fn passwords_by_email(&self, email: &str) -> Result<Vec<Password>, StoreError> {
        let email = email.to_owned();
        self.read(move |connection| signins::passwords_by_email(connection, &email)).await
    }

    async fn password(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<Option<Password>, StoreError> {
        self.read(move |connection| signins::password(connection, workspace, member)).await
    }

    async fn login_link(&self, secret: Secret) -> Result<Option<LoginLink>, StoreError> {
        let now = self.now();
        self.read(move |connection| people::login_link(connection, secret, now)).await
    }

    async fn grants(
        &self,
        place: Place,
        filter: GrantFilter,
    ) -> Result<Vec<GrantRecord>, StoreError> {
        let now = self.now();
        self.read(move |connection| grants::list(connection, place, &filter, now)).await
    }

    async fn grant(&self, place: Place, id: GrantId) -> Result<Option<GrantRecord>, StoreError> {
        self.read(move |connection| grants::one(connection, place, id)).await
    }

    async fn policies(&self, workspace: WorkspaceId) -> Result<Vec<PolicyVersion>, StoreError> {
        self.read(move |connection| queries::policies(connection, workspace)).await
    }

    async fn policy_versions(
        &self,
        workspace: WorkspaceId,
        name: &PolicyName,
    ) -> Result<Vec<PolicyVersion>, StoreError> {
        let name = name.clone();
        self.read(move |connection| queries::policy_versions(connection, workspace, &name)).await
    }

    async fn approval(&self, place: Place, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        let found = self.read(move |connection| queries::approval(connection, place, id)).await?;
        Ok(found.map(|(approval, _)| approval))
    }

    async fn approvals(
        &self,
        place: Place,
        filter: ApprovalFilter,
    ) -> Result<Vec<Approval>, StoreError> {
        let now = self.now();
        self.read(move |connection| queries::approvals(connection, place, &filter, now)).await
    }

    async fn count_approvals(
        &self,
        place: Place,
        filter: ApprovalFilter,
    ) -> Result<u32, StoreError> {
        let now = self.now();
        self.read(move |connection| queries::count_approvals(connection, place, &filter, now)).await
    }

    async fn events(
        &self,
        place: Place,
        id: ApprovalId,
        after: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        self.read(move |connection| queries::events(connection, place, id, after)).await
    }

    async fn proof(&self, place: Place, id: ApprovalId) -> Result<Option<Proof>, StoreError> {
        self.read(move |connection| queries::proof(connection, place, id)).await
    }

    async fn rejected_before(
        &self,
        place: Place,
        digest: Digest,
        but: ApprovalId,
        limit: u32,
    ) -> Result<Vec<ApprovalId>, StoreError> {
        self.read(move |connection| queries::rejected_before(connection, place, digest, but, limit))
            .await
    }

    async fn shown(&self, place: Place, id: ApprovalId) -> Result<Vec<Shown>, StoreError> {
        self.read(move |connection| queries::shown(connection, place, id)).await
    }

    async fn find_audit(
        &self,
        workspace: WorkspaceId,
        filter: AuditFilter,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.read(move |connection| audit::entries(connection, workspace, &filter)).await
    }

    async fn room(&self, place: Place, key: Option<KeyId>) -> Result<Room, StoreError> {
        let (allowances, now) = (self.shared.allowances, self.now());
        self.read(move |connection| tallies::room(connection, place, key, allowances, now)).await
    }

    async fn full_keys(&self, place: Place) -> Result<Vec<KeyLoad>, StoreError> {
        let (allowance, now) = (self.shared.allowances.key, self.now());
        self.read(move |connection| tallies::full_keys(connection, place, allowance, now)).await
    }

    async fn signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        self.read(keyring::all).await
    }

    async fn add_signing_key(&self, key: SigningKeyRecord) -> Result<(), StoreError> {
        let work = move |desk: &mut writer::Desk<'_, '_>| keyring::add(desk.connection, &key);
        self.writer.write(work).await
    }

    async fn change_signing_keys(
        &self,
        keys: Vec<SigningKeyRecord>,
        secrets: Resealed,
        change: KeyringChange,
    ) -> Result<(), StoreError> {
        let work = move |desk: &mut writer::Desk<'_, '_>| {
            deliveries::reseal(desk.connection, &secrets.webhooks)?;
            channels::reseal(desk.connection, &secrets.channels)?;
            farewells::reseal(desk.connection, &secrets.channels)?;
            keyring::change(desk, &keys, change)
        };
        self.writer.write(work).await
    }

    async fn due_timers(&self, limit: u32) -> Result<Vec<DueTimer>, StoreError> {
        let now = self.now();
        self.read(move |connection| outbox::due_timers(connection, now, limit)).await
    }

    async fn next_timer(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(outbox::next_timer).await
    }

    async fn due_erasures(&self, limit: u32) -> Result<Vec<ErasureDue>, StoreError> {
        let now = self.now();
        self.read(move |connection| erasure::due(connection, now, limit)).await
    }

    async fn scrub(&self) -> Result<bool, StoreError> {
        self.writer.scrub().await
    }

    async fn claim_outbox(
        &self,
        kind: &str,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let kind = kind.to_owned();
        let work = move |desk: &mut writer::Desk<'_, '_>| {
            outbox::claim(desk, &kind, Seconds(lease_seconds), limit)
        };
        self.writer.write(work).await
    }

    async fn settle(&self, row: &OutboxRow, settlement: Settlement) -> Result<(), StoreError> {
        let row = row.clone();
        let work = move |desk: &mut writer::Desk<'_, '_>| outbox::settle(desk, &row, &settlement);
        self.writer.write(work).await
    }

    async fn tidy(&self) -> Result<u64, StoreError> {
        self.writer.write(outbox::tidy).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        let schema = self.schema;
        let writable =
            self.shared.writable.load(Ordering::SeqCst) && self.shared.mooring.holds().is_ok();
        let tally = &self.shared.tally;
        let (batches, operations) =
            (tally.batches.load(Ordering::Relaxed), tally.operations.load(Ordering::Relaxed));
        let queued = self.writer.queued();
        let health = self.read(move |connection| outbox::health(connection, schema, writable));
        let free = self.shared.disk.free();
        Ok(Health { queued, batches, operations, free, ..health.await? })
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
