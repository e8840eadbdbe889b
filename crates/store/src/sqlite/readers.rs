//! The threads that read, and what they keep between reads. Each has a connection that cannot
//! write; no database work happens on the runtime's threads.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use askfirst_core::administration::SecretHash;
use askfirst_core::{Roster, WorkspaceId};
use crossbeam_channel::Sender;
use rusqlite::Connection;
use std::sync::Arc;
use tokio::sync::oneshot;

use super::open;
use super::queries::KeyRow;
use crate::records::Premises;
use crate::store::{Change, StoreError};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

enum Message {
    Job(Job),
    Close(oneshot::Sender<()>),
}

/// The way to the reading threads.
#[derive(Clone)]
pub(super) struct Readers {
    queue: Sender<Message>,
    count: usize,
}

impl Readers {
    pub(super) fn start(path: &Path, count: usize) -> Result<Self, StoreError> {
        let count = count.max(1);
        let (queue, waiting) = crossbeam_channel::unbounded::<Message>();
        for number in 0..count {
            let mut connection = open::open_reader(path)?;
            let waiting = waiting.clone();
            std::thread::Builder::new()
                .name(format!("askfirst-reader-{number}"))
                .spawn(move || {
                    let mut closed = None;
                    while let Ok(message) = waiting.recv() {
                        match message {
                            Message::Job(job) => job(&mut connection),
                            Message::Close(reply) => {
                                closed = Some(reply);
                                break;
                            }
                        }
                    }
                    drop(connection);
                    if let Some(closed) = closed {
                        let _gone = closed.send(());
                    }
                })
                .map_err(|error| {
                    StoreError::CannotOpen(format!("cannot start a thread: {error}"))
                })?;
        }
        Ok(Self { queue, count })
    }

    /// Has `question` answered from one consistent state that includes all that was acknowledged.
    pub(super) async fn read<R: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = move |connection: &mut Connection| {
            let result = connection
                .transaction()
                .map_err(StoreError::from)
                .and_then(|transaction| question(&transaction));
            let _gone = reply.send(result);
        };
        if self.queue.send(Message::Job(Box::new(job))).is_err() {
            return Err(closed());
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(super) async fn close(&self) {
        for _ in 0..self.count {
            let (reply, done) = oneshot::channel();
            if self.queue.send(Message::Close(reply)).is_ok() {
                let _ended = done.await;
            }
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

/// Keys that are kept at most; beyond it all are forgotten and read again.
const MOST_KEYS: usize = 16_384;

/// What almost every request asks for, kept in memory until a commit changes it.
#[derive(Default)]
pub(super) struct Kept(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Counts what was forgotten: an answer read before that must not be kept after it.
    generation: u64,
    rosters: HashMap<WorkspaceId, Arc<Roster>>,
    premises: HashMap<WorkspaceId, Arc<Premises>>,
    keys: HashMap<SecretHash, KeyRow>,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked held whole values only.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be asked before reading, and given back with what was read.
    pub(super) fn generation(&self) -> u64 {
        self.lock().generation
    }

    pub(super) fn roster(&self, workspace: WorkspaceId) -> Option<Arc<Roster>> {
        self.lock().rosters.get(&workspace).cloned()
    }

    pub(super) fn keep_roster(&self, read_at: u64, workspace: WorkspaceId, roster: &Arc<Roster>) {
        let mut inner = self.lock();
        if inner.generation == read_at {
            inner.rosters.insert(workspace, Arc::clone(roster));
        }
    }

    pub(super) fn premises(&self, workspace: WorkspaceId) -> Option<Arc<Premises>> {
        self.lock().premises.get(&workspace).cloned()
    }

    pub(super) fn keep_premises(&self, read_at: u64, premises: &Arc<Premises>) {
        let mut inner = self.lock();
        if inner.generation == read_at {
            inner.premises.insert(premises.workspace.id, Arc::clone(premises));
        }
    }

    pub(super) fn key(&self, secret: &SecretHash) -> Option<KeyRow> {
        self.lock().keys.get(secret).cloned()
    }

    pub(super) fn keep_key(&self, read_at: u64, secret: SecretHash, key: &KeyRow) {
        let mut inner = self.lock();
        if inner.keys.len() >= MOST_KEYS {
            inner.keys.clear();
        }
        if inner.generation == read_at {
            inner.keys.insert(secret, key.clone());
        }
    }

    /// Forgets the workspaces that changed.
    pub(super) fn forget(&self, changes: &[Change]) {
        for change in changes {
            if let Change::Workspace(workspace) = change {
                let mut inner = self.lock();
                inner.generation += 1;
                inner.rosters.remove(workspace);
                inner.premises.remove(workspace);
                inner.keys.retain(|_, kept| kept.key.place.workspace != *workspace);
            }
        }
    }

    /// Forgets when keys were last used.
    pub(super) fn forget_keys(&self) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.keys.clear();
    }
}
