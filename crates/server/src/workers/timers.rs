//! Ends approvals at their deadline, and takes the steps before it. The rules say what silence
//! means; this only notices.

use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{Command, Refusal};
use askfirst_store::{Credential, Execute, ExecuteError, Store};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::Metrics;

/// How many overdue approvals are taken at once.
const BATCH: u32 = 500;
/// The longest nap: a new approval may have an earlier deadline than all before it.
const LONGEST_NAP: Duration = Duration::from_millis(250);

/// Runs until `stop`.
pub async fn run(store: Arc<dyn Store>, metrics: Arc<Metrics>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let nap = match expire_due(&store, &metrics).await {
            Ok(0) => nap(&store).await,
            Ok(count) => {
                info!(count, "deadlines passed or steps taken");
                continue;
            }
            Err(error) => {
                warn!(%error, "deadlines could not be read; trying again");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(nap) => {}
        }
    }
}

async fn nap(store: &Arc<dyn Store>) -> Duration {
    let Ok(Some(due)) = store.next_timer().await else { return LONGEST_NAP };
    let wait = (due.micros() - store.now().micros()).max(1_000).unsigned_abs();
    Duration::from_micros(wait).min(LONGEST_NAP)
}

async fn expire_due(
    store: &Arc<dyn Store>,
    metrics: &Metrics,
) -> Result<usize, askfirst_store::StoreError> {
    let due = store.due_timers(BATCH).await?;
    // All at once, so that the writer commits them together.
    let expiries = due.iter().map(async |timer| {
        let run = |command| {
            store.execute(Execute {
                place: timer.place,
                approval: timer.approval,
                credential: Credential::System,
                command,
                idempotency: None,
                shown: None,
            })
        };
        match run(Command::Expire).await {
            // The deadline is still to come, so a step is what was due.
            Err(ExecuteError::Refused(Refusal::NotDue { .. })) => run(Command::Escalate).await,
            expired => expired,
        }
    });
    let mut ended = 0;
    for result in futures_util::future::join_all(expiries).await {
        match result {
            Ok(committed) => {
                metrics.happened(&committed);
                ended += 1;
            }
            // Somebody decided in the meantime; the timer went with that decision.
            Err(
                ExecuteError::Refused(_)
                | ExecuteError::IdempotencyMismatch
                | ExecuteError::NoRoom { .. },
            ) => {}
            Err(ExecuteError::Store(error)) => return Err(error),
        }
    }
    Ok(ended)
}
