//! The one thread that writes. It takes what waits, carries it out in one transaction, commits
//! once and only then answers: while the disk syncs, the next batch collects itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use askfirst_core::{Allowances, Timestamp};
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::{broadcast, oneshot};
use tracing::{error, warn};

use super::disk::Disk;
use super::facts::Tenants;
use super::log::Log;
use super::mooring::Mooring;
use super::open::Opened;
use super::pace::Pace;
use super::pens::Pens;
use super::readers::Kept;
use super::tallies::Tallies;
use crate::clock::Clock;
use crate::store::{Change, StoreError};

/// The most that share one transaction; bounds how long the first of them waits.
const BATCH: usize = 512;

/// What the writer and the store's handle both see.
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    /// Microseconds; no time was given out or recorded that is later.
    pub(super) high_water: AtomicI64,
    pub(super) writable: AtomicBool,
    pub(super) changes: broadcast::Sender<Arc<[Change]>>,
    pub(super) kept: Kept,
    pub(super) tally: Tally,
    pub(super) disk: Disk,
    pub(super) mooring: Mooring,
    pub(super) allowances: Allowances,
    #[cfg(feature = "testing")]
    pub(super) faults: super::faults::Faults,
}

/// What was committed since the start.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) batches: AtomicU64,
    pub(super) operations: AtomicU64,
}

impl Shared {
    /// Now, never earlier than any time given out before.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now().micros();
        let before = self.high_water.fetch_max(now, Ordering::SeqCst);
        Timestamp::from_micros(before.max(now))
    }

    /// From here on nothing is written any more.
    fn halt(&self) {
        self.writable.store(false, Ordering::SeqCst);
        let _nobody_listens = self.changes.send([Change::Halted].into());
    }
}

/// What an operation has at hand while it runs, inside the transaction.
pub(super) struct Desk<'a, 'c> {
    pub(super) connection: &'c Connection,
    pub(super) pens: &'a Pens<'c>,
    /// The time of the whole batch.
    pub(super) now: Timestamp,
    pub(super) tenants: &'a mut Tenants,
    pub(super) tallies: &'a mut Tallies,
    pub(super) issuer_base: &'a str,
    pub(super) disk: &'a Disk,
    pub(super) allowances: Allowances,
    /// Set where something is erased that the log still has.
    pub(super) unscrubbed: &'a mut bool,
    /// Told to the world after the commit.
    pub(super) changes: &'a mut Vec<Change>,
}

/// One operation with someone waiting for its result. It may run twice: where one of a batch
/// fails below the rules, the batch is rolled back and its operations run again one by one.
trait Job: Send {
    fn work(&mut self, desk: &mut Desk<'_, '_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, end: Result<(), StoreError>);
}

struct Task<R, F> {
    work: F,
    result: Option<R>,
    reply: oneshot::Sender<Result<R, StoreError>>,
}

impl<R, F> Job for Task<R, F>
where
    R: Send,
    F: FnMut(&mut Desk<'_, '_>) -> Result<R, StoreError> + Send,
{
    fn work(&mut self, desk: &mut Desk<'_, '_>) -> Result<(), StoreError> {
        self.result = Some((self.work)(desk)?);
        Ok(())
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let never = || StoreError::Unknown("the operation gave no result".into());
        let result = end.and_then(|()| result.ok_or_else(never));
        // Who asked may have gone away; what is recorded is recorded.
        let _gone = reply.send(result);
    }
}

enum Message {
    Job(Box<dyn Job>),
    /// Between two transactions.
    Scrub(oneshot::Sender<Result<bool, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer thread.
#[derive(Clone)]
pub(super) struct Writer {
    queue: Sender<Message>,
}

impl Writer {
    /// Starts the thread; it keeps the lock for as long as it has the connection.
    pub(super) fn start(
        opened: Opened,
        path: &Path,
        shared: Arc<Shared>,
        issuer_base: String,
    ) -> Result<Self, StoreError> {
        let held = opened.lock;
        let mut connection = opened.connection;
        let log = Log::of(&mut connection, path)?;
        let (queue, waiting) = crossbeam_channel::unbounded();
        let thread = Thread {
            connection,
            log,
            shared,
            issuer_base,
            tenants: Tenants::default(),
            tallies: Tallies::default(),
            pace: Pace::default(),
            unscrubbed: opened.unscrubbed,
        };
        std::thread::Builder::new()
            .name("askfirst-writer".into())
            .spawn(move || {
                let closed = thread.run(&waiting);
                drop(waiting);
                drop(held);
                if let Some(closed) = closed {
                    let _gone = closed.send(());
                }
            })
            .map_err(|error| StoreError::CannotOpen(format!("cannot start a thread: {error}")))?;
        Ok(Self { queue })
    }

    /// Has `work` done in a transaction; the answer comes after the commit.
    pub(super) async fn write<R: Send + 'static>(
        &self,
        work: impl FnMut(&mut Desk<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let (reply, result) = oneshot::channel();
        let job = Box::new(Task { work, result: None, reply });
        if self.queue.send(Message::Job(job)).is_err() {
            return Err(closed());
        }
        let lost = |_| Err(StoreError::Unknown("the writer stopped before it answered".into()));
        result.await.unwrap_or_else(lost)
    }

    /// How many operations wait for their turn.
    pub(super) fn queued(&self) -> u64 {
        self.queue.len() as u64
    }

    /// Clears the log of what was written over, if there was an erasure since the last time.
    pub(super) async fn scrub(&self) -> Result<bool, StoreError> {
        let (reply, result) = oneshot::channel();
        if self.queue.send(Message::Scrub(reply)).is_err() {
            return Err(closed());
        }
        result.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Finishes what is queued and ends the thread.
    pub(super) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).is_ok() {
            let _ended = done.await;
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

struct Thread {
    connection: Connection,
    log: Log,
    shared: Arc<Shared>,
    issuer_base: String,
    tenants: Tenants,
    tallies: Tallies,
    pace: Pace,
    /// Whether something was erased that the log may still have.
    unscrubbed: bool,
}

/// Why a transaction did not become durable.
enum Fault {
    /// Rolled back; nothing was written.
    Undone(StoreError),
    /// The commit itself failed: it may be durable or not.
    Unknown(StoreError),
}

impl Thread {
    /// Works until it is told to close, or until nobody can reach it any more.
    fn run(mut self, waiting: &Receiver<Message>) -> Option<oneshot::Sender<()>> {
        // A panic ends the thread; the halt must be told then too.
        let watch = HaltOnPanic(Arc::clone(&self.shared));
        let mut closing = None;
        while closing.is_none() {
            let Ok(first) = waiting.recv() else { break };
            let most = self.pace.batch(waiting.len() + 1).min(BATCH);
            let mut batch = Vec::new();
            let mut scrub = None;
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Job(job) => batch.push(job),
                    Message::Scrub(reply) => scrub = Some(reply),
                    Message::Close(reply) => closing = Some(reply),
                }
                next = if batch.len() < most { waiting.try_recv().ok() } else { None };
            }
            self.carry_out(batch);
            self.log.tend(&self.connection);
            if let Some(reply) = scrub {
                let _gone = reply.send(self.scrub());
            }
        }
        self.shared.writable.store(false, Ordering::SeqCst);
        drop(watch);
        closing
    }

    /// Clears the log, if there is something in it that must not be.
    fn scrub(&mut self) -> Result<bool, StoreError> {
        if self.unscrubbed && self.shared.writable.load(Ordering::SeqCst) {
            self.unscrubbed = super::open::scrub(&self.connection)?;
        }
        Ok(!self.unscrubbed)
    }

    fn carry_out(&mut self, mut batch: Vec<Box<dyn Job>>) {
        if batch.is_empty() {
            return;
        }
        if !self.shared.writable.load(Ordering::SeqCst) {
            return answer_all(batch, &Err(halted()));
        }
        match self.transact(&mut batch) {
            Ok(()) => answer_all(batch, &Ok(())),
            Err(Fault::Unknown(error)) => answer_all(batch, &Err(error)),
            Err(Fault::Undone(error)) if batch.len() == 1 => answer_all(batch, &Err(error)),
            Err(Fault::Undone(_)) => {
                for job in batch {
                    self.carry_out(vec![job]);
                }
            }
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Fault> {
        let mut changes = Vec::new();
        let began = Instant::now();
        if let Err(error) = self.prepare(batch, &mut changes) {
            warn!(%error, operations = batch.len(), "a transaction failed and was rolled back");
            self.undo();
            return Err(Fault::Undone(error));
        }
        let worked = began.elapsed();
        if let Err(error) = self.commit() {
            error!(%error, "a commit failed; it is unknown whether it was recorded, so no write is taken any more");
            self.shared.halt();
            return Err(Fault::Unknown(error));
        }
        self.pace.note(batch.len(), worked, began.elapsed() - worked);
        self.shared.tally.batches.fetch_add(1, Ordering::Relaxed);
        self.shared.tally.operations.fetch_add(batch.len() as u64, Ordering::Relaxed);
        // Before anyone is answered: a read after the answer must not see what was kept before.
        self.shared.kept.forget(&changes);
        // Together, so that who listens is woken once for all of them.
        if !changes.is_empty() {
            let _nobody_listens = self.shared.changes.send(changes.into());
        }
        Ok(())
    }

    fn prepare(
        &mut self,
        batch: &mut [Box<dyn Job>],
        changes: &mut Vec<Change>,
    ) -> Result<(), StoreError> {
        self.shared.mooring.holds()?;
        let now = self.shared.now();
        self.tenants.trim();
        self.tallies.trim();
        #[cfg(feature = "testing")]
        self.shared.faults.make_room(&self.connection)?;
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let written = self.connection.total_changes();
        let pens = Pens::new(&self.connection);
        for job in batch {
            job.work(&mut Desk {
                connection: &self.connection,
                pens: &pens,
                now,
                tenants: &mut self.tenants,
                tallies: &mut self.tallies,
                issuer_base: &self.issuer_base,
                disk: &self.shared.disk,
                allowances: self.shared.allowances,
                unscrubbed: &mut self.unscrubbed,
                changes,
            })?;
        }
        self.tallies.flush(&self.connection)?;
        if self.connection.total_changes() != written {
            let sql = "UPDATE meta SET high_water = ?1 WHERE high_water < ?1";
            self.connection.prepare_cached(sql)?.execute([now.micros()])?;
        }
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        let unknown = |error: rusqlite::Error| StoreError::Unknown(error.to_string());
        let mut commit = self.connection.prepare_cached("COMMIT").map_err(unknown)?;
        #[cfg(feature = "testing")]
        self.shared.faults.before_commit()?;
        commit.execute([]).map_err(unknown)?;
        #[cfg(feature = "testing")]
        self.shared.faults.after_commit()?;
        Ok(())
    }

    fn undo(&mut self) {
        // What was read or counted up in the transaction is not true any more.
        self.tenants.clear();
        self.tallies.clear();
        // A full disk makes SQLite roll back by itself.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            error!(%error, "a rollback failed; no write is taken any more");
            self.shared.halt();
        }
    }
}

struct HaltOnPanic(Arc<Shared>);

impl Drop for HaltOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.halt();
        }
    }
}

fn halted() -> StoreError {
    let why = "a commit failed before; the server must be restarted to read what was recorded";
    StoreError::Unavailable(why.into())
}

fn answer_all(batch: Vec<Box<dyn Job>>, end: &Result<(), StoreError>) {
    for job in batch {
        job.answer(end.clone());
    }
}
