//! Erases the texts that workspaces keep no longer, a few at a time so that nobody waits behind
//! it, and then clears the files of them. What is left when the server dies is due at the next
//! start.

use std::sync::Arc;
use std::time::Duration;

use askfirst_core::Command;
use askfirst_store::{Credential, ErasureDue, Execute, ExecuteError, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::Metrics;

/// How many are erased in one go; they share a transaction.
const BATCH: u32 = 50;
/// Between two batches: room for everybody else's writes.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn run(store: Arc<dyn Store>, metrics: Arc<Metrics>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let nap = match erase_due(&store, &metrics).await {
            Ok(0) => match store.scrub().await {
                Ok(_) => EVERY,
                Err(error) => {
                    warn!(%error, "the files could not be cleared of what was erased");
                    EVERY
                }
            },
            Ok(count) => {
                info!(count, "texts were erased, as their workspaces keep them no longer");
                PAUSE
            }
            Err(error) => {
                warn!(%error, "texts could not be erased; trying again");
                EVERY
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(nap) => {}
        }
    }
}

async fn erase_due(store: &Arc<dyn Store>, metrics: &Metrics) -> Result<usize, StoreError> {
    let due = store.due_erasures(BATCH).await?;
    let erasures = due.iter().map(|&ErasureDue { place, approval }| {
        store.execute(Execute {
            place,
            approval,
            credential: Credential::System,
            command: Command::Erase,
            idempotency: None,
            shown: None,
        })
    });
    let mut erased = 0;
    for result in futures_util::future::join_all(erasures).await {
        match result {
            Ok(committed) => {
                metrics.happened(&committed);
                erased += 1;
            }
            Err(ExecuteError::Store(error)) => return Err(error),
            // Somebody put it on hold in the meantime.
            Err(_) => {}
        }
    }
    Ok(erased)
}
