//! Looks for people who can answer now what was asked before they could: after a change of members
//! or groups, and when a delegation begins or ends. Whether somebody is asked is the store's
//! affair; this only notices that it is time to look.

use std::sync::Arc;
use std::time::Duration;

use askfirst_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Open approvals that one transaction looks at; others' writes go in between.
const BATCH: u32 = 50;
/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn run(store: Arc<dyn Store>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = look(&store, &stop).await {
            warn!(%error, "who can answer since something was asked could not be looked for; trying again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn look(store: &Arc<dyn Store>, stop: &CancellationToken) -> Result<(), StoreError> {
    if !store.newcomers_are_due().await? {
        return Ok(());
    }
    while !stop.is_cancelled() && store.tell_newcomers(BATCH).await? {}
    Ok(())
}
