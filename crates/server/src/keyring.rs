//! The server's signing keys: made in the background on first start, sealed in the store, held
//! open in memory. What is signed is the `proof` crate's matter.

use std::sync::{Arc, OnceLock};

use askfirst_proof::key::KeyBits;
use askfirst_proof::{JwkSet, SealingKey, SigningKey};
use askfirst_store::{SigningKeyRecord, Store, StoreError};
use tokio::sync::Notify;
use tracing::info;

/// Why no key could be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealed key does not open with this key-encryption key, or making one failed.
    #[error(
        "the signing key {kid} cannot be opened: {why}; is this the sealing key it was sealed with?"
    )]
    Sealed {
        /// Which.
        kid: String,
        /// The cause.
        why: String,
    },
    /// Making a key failed.
    #[error("no signing key could be made: {0}")]
    Make(String),
}

/// Holds the signing key once there is one.
#[derive(Default)]
pub struct Keyring {
    ready: OnceLock<Held>,
    arrived: Notify,
}

struct Held {
    signing: Arc<SigningKey>,
    jwks: JwkSet,
}

impl Keyring {
    /// The key that signs, once it is there.
    #[must_use]
    pub fn signing(&self) -> Option<Arc<SigningKey>> {
        self.ready.get().map(|held| Arc::clone(&held.signing))
    }

    /// The public keys, once they are there; an empty set before.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        self.ready.get().map_or_else(|| JwkSet { keys: Vec::new() }, |held| held.jwks.clone())
    }

    /// Returns once there is a key.
    pub async fn arrived(&self) -> Arc<SigningKey> {
        loop {
            let notified = self.arrived.notified();
            if let Some(key) = self.signing() {
                return key;
            }
            notified.await;
        }
    }

    /// Opens the stored keys, or makes the first one of `bits` bits.
    ///
    /// # Errors
    /// If the store fails, the sealing key is another one, or no key can be made.
    pub async fn load(
        &self,
        store: &dyn Store,
        sealing: Arc<SealingKey>,
        bits: KeyBits,
    ) -> Result<(), KeyringError> {
        let mut records = store.signing_keys().await?;
        if records.is_empty() {
            let record = make(Arc::clone(&sealing), bits, store.now()).await?;
            info!(kid = record.kid, bits = bits.count(), "made the first signing key");
            store.add_signing_key(record).await?;
            records = store.signing_keys().await?;
        }
        let mut keys = Vec::new();
        for record in &records {
            keys.push(open(&sealing, record)?);
        }
        let jwks = JwkSet { keys: keys.iter().map(|key| key.jwk().clone()).collect() };
        // The newest signs; the others stay published for what they signed.
        let newest = keys.pop().ok_or_else(|| KeyringError::Make("none was kept".into()))?;
        if self.ready.set(Held { signing: Arc::new(newest), jwks }).is_ok() {
            self.arrived.notify_waiters();
        }
        Ok(())
    }
}

/// Whether every one of these keys opens with this sealing key.
///
/// # Errors
/// [`KeyringError::Sealed`] with the first that does not.
pub fn opens(sealing: &SealingKey, records: &[SigningKeyRecord]) -> Result<(), KeyringError> {
    records.iter().try_for_each(|record| open(sealing, record).map(drop))
}

fn associated(kid: &str) -> String {
    format!("signing_keys/{kid}/private")
}

async fn make(
    sealing: Arc<SealingKey>,
    bits: KeyBits,
    now: askfirst_core::Timestamp,
) -> Result<SigningKeyRecord, KeyringError> {
    let failed = |error: &dyn std::fmt::Display| KeyringError::Make(error.to_string());
    let made = tokio::task::spawn_blocking(move || {
        let key = SigningKey::generate(bits).map_err(|e| failed(&e))?;
        let kid = key.kid().to_owned();
        let private = key.to_pkcs8().map_err(|e| failed(&e))?;
        let sealed = sealing.seal(&associated(&kid), &private).map_err(|e| failed(&e))?;
        let public_jwk = serde_json::to_string(key.jwk()).map_err(|e| failed(&e))?;
        Ok(SigningKeyRecord { kid, public_jwk, sealed, created_at: now })
    });
    made.await.map_err(|error| KeyringError::Make(error.to_string()))?
}

fn open(sealing: &SealingKey, record: &SigningKeyRecord) -> Result<SigningKey, KeyringError> {
    let sealed = |why: String| KeyringError::Sealed { kid: record.kid.clone(), why };
    let private = sealing
        .open(&associated(&record.kid), &record.sealed)
        .map_err(|error| sealed(error.to_string()))?;
    SigningKey::from_pkcs8(&private).map_err(|error| sealed(error.to_string()))
}
