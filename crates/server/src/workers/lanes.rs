//! Attempts that run side by side, a few at a time for each receiver, so that one that is slow
//! holds up nobody else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use askfirst_store::Change;
use tokio::sync::broadcast;
use tokio::task::{self, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often a worker looks without being woken: for what is due again.
const SLOW_POLL: Duration = Duration::from_secs(1);
/// How long attempts have to end when the server stops; the rest comes after the next start.
const LAST_CALL: Duration = Duration::from_secs(5);

/// What runs, and for whom.
pub(super) struct Lanes<K> {
    attempts: JoinSet<()>,
    busy: HashMap<task::Id, K>,
    for_all: usize,
}

impl<K: Copy + PartialEq> Lanes<K> {
    /// At most so many at a time for all receivers together.
    pub(super) fn new(for_all: usize) -> Self {
        Self { attempts: JoinSet::new(), busy: HashMap::new(), for_all }
    }

    /// How many more may be begun, for all receivers together.
    pub(super) fn room(&self) -> usize {
        self.for_all.saturating_sub(self.attempts.len())
    }

    /// How many more may be begun for this one, of so many, if it is `most` at a time.
    pub(super) fn room_for(&self, whom: K, most: usize, of: usize) -> usize {
        let now = self.busy.values().filter(|busy| **busy == whom).count();
        most.saturating_sub(now).min(of)
    }

    /// Begins one.
    pub(super) fn begin(&mut self, whom: K, attempt: impl Future<Output = ()> + Send + 'static) {
        let task = self.attempts.spawn(attempt);
        self.busy.insert(task.id(), whom);
    }

    fn ended(&mut self, done: Result<(task::Id, ()), JoinError>) {
        let id = match done {
            Ok((id, ())) => id,
            Err(error) => {
                warn!(%error, "an attempt broke off");
                error.id()
            }
        };
        self.busy.remove(&id);
    }

    /// Returns when there may be something to begin: something new, something due again, or room.
    /// False if the worker should end.
    pub(super) async fn wait(
        &mut self,
        changes: &mut broadcast::Receiver<Arc<[Change]>>,
        stop: &CancellationToken,
    ) -> bool {
        let slow_poll = tokio::time::sleep(SLOW_POLL);
        tokio::pin!(slow_poll);
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = &mut slow_poll => return true,
                Some(done) = self.attempts.join_next_with_id() => {
                    self.ended(done);
                    while let Some(done) = self.attempts.try_join_next_with_id() {
                        self.ended(done);
                    }
                    return true;
                }
                changes = changes.recv() => match changes {
                    Ok(changes) if changes.contains(&Change::Halted) => return false,
                    Ok(changes) if !changes.contains(&Change::Deliveries) => {}
                    Ok(_) | Err(_) => return true,
                },
            }
        }
    }

    /// Lets what runs end, within reason.
    pub(super) async fn finish(mut self) {
        let rest = async { while self.attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_CALL, rest).await.is_err() {
            warn!("some attempts did not end in time; they are made again after the next start");
        }
    }
}
