//! Signs the statements of decisions, and what proves them in the API that asked. A statement was
//! committed with the decision, so signing it again after a crash gives the same bytes; of a token,
//! the first that is kept stays.

use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{Digest, Seconds, Status, Timestamp};
use askfirst_proof::SigningKey;
use askfirst_proof::key::KeyError;
use askfirst_proof::token::TokenClaims;
use askfirst_store::{Change, OutboxRow, Proof, Settlement, SignedProofToken, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::dialects::claims;
use crate::keyring::{Keyring, KeyringError};

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
pub async fn run(
    store: Arc<dyn Store>,
    keyring: Arc<Keyring>,
    public_url: String,
    stop: CancellationToken,
) {
    tokio::select! {
        () = keyring.arrived() => {}
        () = stop.cancelled() => return,
    }
    let mut changes = store.changes();
    while !stop.is_cancelled() {
        // Asked for each time: another one may have come to sign.
        let Some(key) = keyring.signing(store.now()) else { return };
        match sign_waiting(&store, &keyring, &key, &public_url).await {
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

/// The receipt, and the token of the API that asked; or why not.
async fn sign_both(
    store: &Arc<dyn Store>,
    keyring: &Keyring,
    key: &Arc<SigningKey>,
    public_url: &str,
    row: &OutboxRow,
    proof: Proof,
) -> Result<Result<Settlement, String>, StoreError> {
    let mut other = None;
    if let Some(wanted) = proof.proof_token.as_ref().filter(|token| token.expires_at.is_none()) {
        let signer = match keyring.for_proof_tokens(&**store).await {
            Ok(signer) => signer,
            Err(KeyringError::Store(error)) => return Err(error),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let approval = store.approval(row.place, row.approval).await?;
        let claims = approval.and_then(|approval| claims(&approval, wanted.number, public_url));
        let Some(both) = signer.zip(claims) else {
            return Ok(Err("there is nothing to claim in a token".into()));
        };
        other = Some(both);
    }
    let key = Arc::clone(key);
    let signed = tokio::task::spawn_blocking(move || {
        let failed = |error: KeyError| error.to_string();
        let token = key.sign_receipt(&proof.statement).map_err(failed)?;
        let proof_token =
            other.map(|(signer, claims)| sign_claims(&signer, &claims)).transpose()?;
        Ok(Settlement::Signed { token, proof_token })
    });
    Ok(signed.await.map_err(|error| error.to_string()).flatten())
}

fn sign_claims(signer: &SigningKey, claims: &TokenClaims) -> Result<SignedProofToken, String> {
    let bytes = claims.to_bytes().map_err(|error| error.to_string())?;
    let token = signer.sign_proof_token(&bytes).map_err(|error| error.to_string())?;
    let digest = Digest(*askfirst_proof::text_digest(&token).as_bytes());
    let expires_at = Timestamp::from_seconds(claims.exp);
    Ok(SignedProofToken { token, digest, expires_at })
}

/// What has not ended has nothing to sign.
fn has_ended(change: &Change) -> bool {
    matches!(change, Change::Approval { status, .. } if *status != Status::Pending)
}

async fn sign_waiting(
    store: &Arc<dyn Store>,
    keyring: &Keyring,
    key: &Arc<SigningKey>,
    public_url: &str,
) -> Result<usize, StoreError> {
    let rows = store.claim_outbox(KIND, LEASE_SECONDS, BATCH).await?;
    for row in &rows {
        let settlement = sign(store, keyring, key, public_url, row).await?;
        store.settle(row, settlement).await?;
    }
    Ok(rows.len())
}

async fn sign(
    store: &Arc<dyn Store>,
    keyring: &Keyring,
    key: &Arc<SigningKey>,
    public_url: &str,
    row: &OutboxRow,
) -> Result<Settlement, StoreError> {
    let Some(proof) = store.proof(row.place, row.approval).await? else {
        return Ok(Settlement::GiveUp { why: "there is no statement to sign".into() });
    };
    let why = match sign_both(store, keyring, key, public_url, row, proof).await? {
        Ok(settlement) => return Ok(settlement),
        Err(why) => why,
    };
    if row.attempt >= MOST_TRIES {
        error!(approval.id = %row.approval, why, "a receipt could not be signed; giving up");
        return Ok(Settlement::GiveUp { why });
    }
    let at = store.now().plus(Seconds(row.attempt.min(60)));
    Ok(Settlement::Retry { at, why })
}
