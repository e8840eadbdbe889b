//! The server's signing keys: made in the background on first start, sealed in the store, held
//! open in memory. What is signed is the `proof` crate's matter.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use askfirst_core::{ChannelId, Timestamp, WebhookId};
use askfirst_proof::key::KeyBits;
use askfirst_proof::{Jwk, JwkSet, SealingKey, SigningKey};
use askfirst_store::{KeyFamily, KeyringChange, Resealed, SigningKeyRecord, Store, StoreError};
use tokio::sync::{Mutex, Notify};
use tracing::info;

use crate::service::{channels, webhooks};

/// Why no key could be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealed key does not open with this key-encryption key, or making one failed.
    #[error("the signing key {kid} cannot be opened: {why}")]
    Sealed {
        /// Which.
        kid: String,
        /// The cause.
        why: String,
    },
    /// The sealed secret of a webhook does not open, or could not be sealed.
    #[error("the secret of the webhook {webhook}: {why}; if it is lost, remove that webhook first")]
    Secret {
        /// Which.
        webhook: WebhookId,
        /// The cause.
        why: String,
    },
    /// The sealed secret of a way to people does not open, or could not be sealed.
    #[error("the secret of the channel {channel}: {why}; if it is lost, remove that channel first")]
    ChannelSecret {
        /// Which.
        channel: ChannelId,
        /// The cause.
        why: String,
    },
    /// Making a key failed.
    #[error("no signing key could be made: {0}")]
    Make(String),
}

/// Holds the signing keys once they are there.
#[derive(Default)]
pub struct Keyring {
    ready: OnceLock<Held>,
    arrived: Notify,
}

struct Held {
    receipts: Signers,
    /// Made when the first token is to be signed: few servers have any.
    proof_tokens: Mutex<Signers>,
    /// Of every family, receipts first.
    jwks: RwLock<JwkSet>,
    sealing: Arc<SealingKey>,
    bits: KeyBits,
}

/// The keys of a family that can sign, in the order in which they come to it.
type Signers = Vec<(Timestamp, Arc<SigningKey>)>;

/// The one that signs at this time.
fn due(signers: &Signers, now: Timestamp) -> Option<Arc<SigningKey>> {
    let due = signers.iter().rev().find(|(from, _)| *from <= now);
    // A clock that is set back must not leave nobody to sign.
    due.or(signers.first()).map(|(_, key)| Arc::clone(key))
}

impl Keyring {
    /// The key that signs receipts at this time, once they are there.
    #[must_use]
    pub fn signing(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        due(&self.ready.get()?.receipts, now)
    }

    /// The key that signs tokens for clients of proof.holdings at this time; the first is made now.
    /// None before those for receipts are there.
    ///
    /// # Errors
    /// If the store fails or none can be made.
    pub async fn for_proof_tokens(
        &self,
        store: &dyn Store,
    ) -> Result<Option<Arc<SigningKey>>, KeyringError> {
        let Some(held) = self.ready.get() else { return Ok(None) };
        let mut signers = held.proof_tokens.lock().await;
        if signers.is_empty() {
            let (sealing, now) = (Arc::clone(&held.sealing), store.now());
            let record = make(sealing, KeyFamily::ProofTokens, held.bits, now).await?;
            info!(kid = record.kid, "made the first key for proof.holdings' tokens");
            store.add_signing_key(record.clone()).await?;
            if let Some(key) = open(&held.sealing, &record)? {
                signers.push((record.signs_from, Arc::new(key)));
            }
            let mut jwks = held.jwks.write().unwrap_or_else(PoisonError::into_inner);
            jwks.keys.push(public(&record)?);
        }
        Ok(due(&signers, store.now()))
    }

    /// The same key, if there is one already.
    pub async fn of_proof_tokens(&self, now: Timestamp) -> Option<Arc<SigningKey>> {
        due(&*self.ready.get()?.proof_tokens.lock().await, now)
    }

    /// The public keys of every family, once they are there; an empty set before.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        let Some(held) = self.ready.get() else { return JwkSet::default() };
        held.jwks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The public keys that receipts are checked with.
    #[must_use]
    pub fn receipt_keys(&self) -> JwkSet {
        let mut jwks = self.jwks();
        jwks.keys.retain(|key| key.signs.is_none());
        jwks
    }

    /// Returns once there is a key.
    pub async fn arrived(&self) {
        loop {
            let notified = self.arrived.notified();
            if self.ready.get().is_some() {
                return;
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
            let family = KeyFamily::Receipts;
            let record = make(Arc::clone(&sealing), family, bits, store.now()).await?;
            info!(kid = record.kid, bits = bits.count(), "made the first signing key");
            store.add_signing_key(record).await?;
            records = store.signing_keys().await?;
        }
        records.sort_by_key(|record| record.family);
        let (mut receipts, mut proof_tokens) = (Signers::new(), Signers::new());
        let mut jwks = JwkSet::default();
        for record in &records {
            // Those that sign no more, and those that do not sign yet, are published too.
            jwks.keys.push(public(record)?);
            if let Some(key) = open(&sealing, record)? {
                let signers = match record.family {
                    KeyFamily::Receipts => &mut receipts,
                    KeyFamily::ProofTokens => &mut proof_tokens,
                };
                signers.push((record.signs_from, Arc::new(key)));
            }
        }
        if receipts.is_empty() {
            return Err(KeyringError::Make("every one that there was is lost".into()));
        }
        let (proof_tokens, jwks) = (Mutex::new(proof_tokens), RwLock::new(jwks));
        if self.ready.set(Held { receipts, proof_tokens, jwks, sealing, bits }).is_ok() {
            self.arrived.notify_waiters();
        }
        Ok(())
    }
}

/// Makes another key of each family that there is, to sign from `signs_from` on; what signs now
/// goes on until then. The first is the one for receipts.
///
/// # Errors
/// If the store fails, the present keys do not open, or none can be made.
pub async fn rotate(
    store: &dyn Store,
    sealing: Arc<SealingKey>,
    bits: KeyBits,
    signs_from: Timestamp,
) -> Result<Vec<SigningKeyRecord>, KeyringError> {
    let records = store.signing_keys().await?;
    opens(&sealing, &records)?;
    let mut made = Vec::new();
    for family in families(&records) {
        let record = make(Arc::clone(&sealing), family, bits, store.now()).await?;
        made.push(SigningKeyRecord { signs_from, ..record });
    }
    let rotated = KeyringChange::Rotated;
    store.change_signing_keys(made.clone(), Resealed::default(), rotated).await?;
    Ok(made)
}

/// The families that there are keys of, receipts first; those are there in any case.
fn families(records: &[SigningKeyRecord]) -> BTreeSet<KeyFamily> {
    records.iter().map(|record| record.family).chain([KeyFamily::Receipts]).collect()
}

/// Seals every key, and the secrets of every webhook and channel, under another sealing key, all or
/// none.
///
/// # Errors
/// If the store fails or a present key does not open.
pub async fn reseal(
    store: &dyn Store,
    from: &SealingKey,
    to: &SealingKey,
) -> Result<Vec<SigningKeyRecord>, KeyringError> {
    let mut records = store.signing_keys().await?;
    for record in &mut records {
        let Some(key) = open(from, record)? else { continue };
        let failed = |error: &dyn std::fmt::Display| KeyringError::Make(error.to_string());
        let private = key.to_pkcs8().map_err(|e| failed(&e))?;
        let sealed = to.seal(&associated(&record.kid), &private).map_err(|e| failed(&e))?;
        record.sealed = Some(sealed);
    }
    let mut secrets = Resealed {
        webhooks: store.webhook_secrets().await?,
        channels: store.channel_secrets().await?,
    };
    for (id, known) in &mut secrets.webhooks {
        *known = webhooks::reseal(*id, known, from, to)?;
    }
    for (id, sealed) in &mut secrets.channels {
        *sealed = channels::reseal(*id, sealed, from, to)?;
    }
    store.change_signing_keys(records.clone(), secrets, KeyringChange::Resealed).await?;
    Ok(records)
}

/// Goes on without the keys whose sealing key is lost: they stay published, so that what they
/// signed can be checked, and another one of each family signs from now on. The first is the one
/// for receipts.
///
/// # Errors
/// If the store fails or none can be made.
pub async fn replace_lost(
    store: &dyn Store,
    sealing: Arc<SealingKey>,
    bits: KeyBits,
) -> Result<Vec<SigningKeyRecord>, KeyringError> {
    let mut records = store.signing_keys().await?;
    for record in &mut records {
        if open(&sealing, record).is_err() {
            record.sealed = None;
        }
    }
    let mut made = Vec::new();
    for family in families(&records) {
        made.push(make(Arc::clone(&sealing), family, bits, store.now()).await?);
    }
    records.extend(made.iter().cloned());
    store.change_signing_keys(records, Resealed::default(), KeyringChange::Replaced).await?;
    Ok(made)
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
    family: KeyFamily,
    bits: KeyBits,
    now: Timestamp,
) -> Result<SigningKeyRecord, KeyringError> {
    let failed = |error: &dyn std::fmt::Display| KeyringError::Make(error.to_string());
    let made = tokio::task::spawn_blocking(move || {
        let key = SigningKey::generate(bits).map_err(|e| failed(&e))?;
        let kid = key.kid().to_owned();
        let private = key.to_pkcs8().map_err(|e| failed(&e))?;
        let sealed = sealing.seal(&associated(&kid), &private).map_err(|e| failed(&e))?;
        let public_jwk = serde_json::to_string(key.jwk()).map_err(|e| failed(&e))?;
        let sealed = Some(sealed);
        Ok(SigningKeyRecord { kid, family, public_jwk, sealed, created_at: now, signs_from: now })
    });
    made.await.map_err(|error| KeyringError::Make(error.to_string()))?
}

/// None where the private key is gone for good.
fn open(
    sealing: &SealingKey,
    record: &SigningKeyRecord,
) -> Result<Option<SigningKey>, KeyringError> {
    let failed = |why: String| KeyringError::Sealed { kid: record.kid.clone(), why };
    let Some(sealed) = &record.sealed else { return Ok(None) };
    let private = sealing
        .open(&associated(&record.kid), sealed)
        .map_err(|error| failed(error.to_string()))?;
    SigningKey::from_pkcs8(&private).map(Some).map_err(|error| failed(error.to_string()))
}

fn public(record: &SigningKeyRecord) -> Result<Jwk, KeyringError> {
    let damaged = |error: serde_json::Error| {
        StoreError::Damaged(format!("the public key {}: {error}", record.kid))
    };
    let jwk: Jwk = serde_json::from_str(&record.public_jwk).map_err(damaged)?;
    let other = record.family != KeyFamily::Receipts;
    Ok(Jwk { signs: other.then(|| record.family.as_str().into()), ..jwk })
}
