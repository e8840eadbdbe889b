//! Who waits for which approval in this process. A wake-up is a hint: waiters read again, and a
//! lost hint costs them one slow poll, never the truth.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askfirst_core::{ApprovalId, WorkspaceId};
use askfirst_store::{Change, Store};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One approval.
    Approval(ApprovalId),
    /// Anything in a workspace.
    Workspace(WorkspaceId),
}

type Channels = Mutex<HashMap<Topic, watch::Sender<u64>>>;

/// The registry.
#[derive(Debug, Default)]
pub struct Wakeups {
    channels: Channels,
}

/// A place in the registry; leaving it is dropping it.
#[derive(Debug)]
pub struct Waiter {
    wakeups: Arc<Wakeups>,
    topic: Topic,
    woken: Option<watch::Receiver<u64>>,
}

impl Wakeups {
    /// Registers. Do so before reading: what lands in between still wakes.
    #[must_use]
    pub fn register(self: &Arc<Self>, topic: Topic) -> Waiter {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = channels.entry(topic).or_insert_with(|| watch::channel(0).0);
        Waiter { wakeups: Arc::clone(self), topic, woken: Some(sender.subscribe()) }
    }

    /// Wakes whoever waits for one of these.
    fn wake(&self, changes: &[Change]) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let wake = |topic| {
            if let Some(sender) = channels.get(&topic) {
                sender.send_modify(|count| *count += 1);
            }
        };
        for change in changes {
            match change {
                Change::Approval { place, id, .. } => {
                    wake(Topic::Approval(*id));
                    wake(Topic::Workspace(place.workspace));
                }
                Change::Workspace(id) => wake(Topic::Workspace(*id)),
                Change::Deliveries | Change::Halted => {}
            }
        }
    }

    fn wake_all(&self) {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.values().for_each(|sender| sender.send_modify(|count| *count += 1));
    }

    /// How many topics are waited for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many wait.
    #[must_use]
    pub fn waiters(&self) -> usize {
        let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        channels.values().map(watch::Sender::receiver_count).sum()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Waiter {
    /// Returns once something about the topic may have changed since the last call.
    pub async fn woken(&mut self) {
        match &mut self.woken {
            // The sender lives in the registry as long as this waiter does.
            Some(woken) => drop(woken.changed().await),
            None => std::future::pending().await,
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut channels = self.wakeups.channels.lock().unwrap_or_else(PoisonError::into_inner);
        self.woken = None;
        if channels.get(&self.topic).is_some_and(|sender| sender.receiver_count() == 0) {
            channels.remove(&self.topic);
        }
    }
}

/// Feeds the registry from the store's changes until `stop`; if the store halts, `halted` is
/// cancelled so that the process can end.
pub async fn feed(
    wakeups: Arc<Wakeups>,
    store: Arc<dyn Store>,
    stop: CancellationToken,
    halted: CancellationToken,
) {
    let mut changes = store.changes();
    loop {
        let changes = tokio::select! {
            () = stop.cancelled() => return,
            changes = changes.recv() => changes,
        };
        match changes {
            Ok(changes) if changes.contains(&Change::Halted) => {
                halted.cancel();
                wakeups.wake_all();
            }
            Ok(changes) => wakeups.wake(&changes),
            // Too slow to hear each one: everyone reads again.
            Err(broadcast::error::RecvError::Lagged(_)) => wakeups.wake_all(),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wakeup_between_registering_and_waiting_is_not_lost() {
        let wakeups = Arc::new(Wakeups::default());
        let workspace = WorkspaceId::from_bits(1);
        let mut waiter = wakeups.register(Topic::Workspace(workspace));
        wakeups.wake(&[Change::Workspace(workspace)]);
        waiter.woken().await;
    }

    #[tokio::test]
    async fn a_topic_lives_as_long_as_someone_waits() {
        let wakeups = Arc::new(Wakeups::default());
        let topic = Topic::Approval(ApprovalId::from_bits(1));
        let (one, two) = (wakeups.register(topic), wakeups.register(topic));
        drop(one);
        assert_eq!(wakeups.len(), 1);
        drop(two);
        assert!(wakeups.is_empty());
    }
}
