//! Signs the statements of decisions. The statement was committed with the decision; signing it
//! again after a crash gives the same bytes.

use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{Seconds, Status};
use askfirst_proof::SigningKey;
use askfirst_store::{Change, OutboxRow, Settlement, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::keyring::Keyring;

/// The kind of outbox row that asks for a signature.
const KIND: &str = "sign_receipt";
/// How long one worker has for one batch.
const LEASE_SECONDS: u32 = 30;
/// How many are signed at once.
const BATCH: u32 = 32;
/// How often it looks without being woken.
const SLOW_POLL: Duration = Duration::from_secs(2);
/// After so many tries a statement is given up and the operator is told.
const MOST_TRIES: u32 = 50;

/// Runs until `stop`.
pub async fn run(store: Arc<dyn Store>, keyring: Arc<Keyring>, stop: CancellationToken) {
    tokio::select! {
        () = keyring.arrived() => {}
        () = stop.cancelled() => return,
    }
    let mut changes = store.changes();
    while !stop.is_cancelled() {
        // Asked for each time: another one may have come to sign.
        let Some(key) = keyring.signing(store.now()) else { return };
        match sign_waiting(&store, &key).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => warn!(%error, "receipts could not be signed; trying again"),
        }
        let slow_poll = tokio::time::sleep(SLOW_POLL);
        tokio::pin!(slow_poll);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = &mut slow_poll => break,
                changes = changes.recv() => match changes {
                    Ok(changes) if changes.contains(&Change::Halted) => return,
                    Ok(changes) if !changes.iter().any(has_ended) => {}
                    Ok(_) | Err(_) => break,
                },
            }
        }
    }
}

/// What has not ended has nothing to sign.
fn has_ended(change: &Change) -> bool {
    matches!(change, Change::Approval { status, .. } if *status != Status::Pending)
}

async fn sign_waiting(store: &Arc<dyn Store>, key: &Arc<SigningKey>) -> Result<usize, StoreError> {
    let rows = store.claim_outbox(KIND, LEASE_SECONDS, BATCH).await?;
    for row in &rows {
        let settlement = sign(store, key, row).await?;
        store.settle(row, settlement).await?;
    }
    Ok(rows.len())
}

async fn sign(
    store: &Arc<dyn Store>,
    key: &Arc<SigningKey>,
    row: &OutboxRow,
) -> Result<Settlement, StoreError> {
    let Some(proof) = store.proof(row.place, row.approval).await? else {
        return Ok(Settlement::GiveUp { why: "there is no statement to sign".into() });
    };
    let signer = Arc::clone(key);
    let signed = tokio::task::spawn_blocking(move || signer.sign_receipt(&proof.statement)).await;
    let why = match signed {
        Ok(Ok(token)) => return Ok(Settlement::Signed { token }),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    if row.attempt >= MOST_TRIES {
        error!(approval.id = %row.approval, why, "a receipt could not be signed; giving up");
        return Ok(Settlement::GiveUp { why });
    }
    let at = store.now().plus(Seconds(row.attempt.min(60)));
    Ok(Settlement::Retry { at, why })
}
