//! Receivers of what happens: making them, seeing what was sent, having it sent once more. Their
//! secrets are made here, told once, and sealed for the store.

mod body;
pub(crate) mod callback;
mod challenge;

use std::collections::BTreeSet;
use std::sync::Arc;

use askfirst_core::administration::{Change, NewWebhook};
use askfirst_core::{DeliveryId, Dialect, Environment, Scope, Seconds, WebhookId};
use askfirst_proof::SealingKey;
use askfirst_store::{Delivery, Idempotency, SealedSecrets, Webhook, WebhookState};
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderValue};
use tracing::debug;
use zeroize::Zeroizing;

use super::caller::ADMINS;
use super::{Caller, Result, Service, ServiceError, mistake};
use crate::dialects::Parcel;
use crate::keyring::KeyringError;
use crate::mint;
use crate::outgoing::signature::{self, Secret};
use crate::outgoing::{Answer, Outgoing};

pub use body::body;

/// The events with which an approval ends: what a callback can be told.
pub const ENDS: [&str; 4] = ["approved", "rejected", "expired", "cancelled"];
/// The longest URL that is taken, in bytes.
pub(crate) const LONGEST_URL: usize = 2_048;

/// What it takes to send to receivers.
#[derive(Clone)]
pub struct Sender {
    /// The way out.
    pub outgoing: Outgoing,
    /// What their secrets are sealed under.
    pub sealing: Arc<SealingKey>,
    /// Challenges that are under way.
    challenges: challenge::Running,
}

impl Sender {
    /// Sends by this way what is signed with secrets sealed under this key.
    #[must_use]
    pub fn new(outgoing: Outgoing, sealing: Arc<SealingKey>) -> Self {
        Self { outgoing, sealing, challenges: challenge::Running::default() }
    }

    /// A new secret for a receiver, and the same sealed.
    pub(crate) fn mint(&self, to: WebhookId) -> Result<(Zeroizing<String>, Vec<u8>)> {
        let secret = mint::signing_secret()?.text();
        let sealed = self.sealing.seal(&place(to), secret.as_bytes());
        Ok((secret, sealed.map_err(|error| ServiceError::Internal(error.to_string()))?))
    }

    /// Sends a receiver a parcel, signed; `also` makes more headers, if need be with its secrets.
    ///
    /// # Errors
    /// What kept it from an answer and what to do, in words.
    pub async fn send(
        &self,
        to: WebhookId,
        url: &str,
        secrets: &SealedSecrets,
        parcel: &Parcel,
        also: impl FnOnce(&[Secret]) -> HeaderMap,
    ) -> std::result::Result<Answer, String> {
        let Parcel { id, body, at } = parcel;
        let secrets = secrets.at(*at).map(|sealed| self.secret(to, sealed));
        let secrets = secrets.collect::<std::result::Result<Vec<_>, _>>()?;
        let target = self.outgoing.check(url).map_err(|error| error.to_string())?;
        let signed = signature::headers(&id.to_string(), *at, body, &secrets);
        let mut headers = signed.map_err(|error| error.to_string())?;
        headers.extend(also(&secrets));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sent = self.outgoing.send(&target, Method::POST, headers, body.clone()).await;
        sent.map_err(|failure| {
            debug!(webhook.id = %to, ?failure, "a webhook could not be reached");
            failure.to_string()
        })
    }

    fn secret(&self, webhook: WebhookId, sealed: &[u8]) -> std::result::Result<Secret, String> {
        let opened = self.sealing.open(&place(webhook), sealed);
        let told = |why: &str| {
            format!(
                "the secret of this webhook cannot be used ({why}); give it another one: POST \
                 /v1/webhooks/{webhook}/rotate with {{\"overlap\": 0}}"
            )
        };
        let text = opened.map_err(|error| told(&error.to_string()))?;
        let text = std::str::from_utf8(&text).map_err(|_| told("it is no text"))?;
        text.parse().map_err(|_| told("it is none"))
    }
}

/// Where a secret is kept, as it is sealed to it.
fn place(id: WebhookId) -> String {
    format!("webhooks/{id}/secret")
}

/// The same secrets, sealed under another key.
///
/// # Errors
/// [`KeyringError::Secret`] if it does not open, or cannot be sealed.
pub(crate) fn reseal(
    id: WebhookId,
    secrets: &SealedSecrets,
    from: &SealingKey,
    to: &SealingKey,
) -> std::result::Result<SealedSecrets, KeyringError> {
    let anew = |sealed: &[u8]| {
        let opened = from.open(&place(id), sealed);
        let resealed = opened.and_then(|secret| to.seal(&place(id), &secret));
        resealed.map_err(|error| KeyringError::Secret { webhook: id, why: error.to_string() })
    };
    let older = match &secrets.older {
        Some((sealed, until)) => Some((anew(sealed)?, *until)),
        None => None,
    };
    Ok(SealedSecrets { newest: anew(&secrets.newest)?, older })
}

/// What a new receiver should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookWish {
    /// Where it listens; none to sign callbacks.
    pub url: Option<String>,
    /// Names of the events that it gets; none for all.
    pub events: BTreeSet<String>,
    /// In whose words it is told; if not in ours, only of what was asked in that API.
    pub dialect: Dialect,
    /// Of which world it is told; none for the maker's own.
    pub environment: Option<Environment>,
}

/// A new receiver with its secret, or a repeat without it.
pub struct MadeWebhook {
    /// The receiver.
    pub webhook: Webhook,
    /// What it verifies with, on the first answer only.
    pub secret: Option<Zeroizing<String>>,
}

impl Service {
    /// Makes a receiver.
    ///
    /// # Errors
    /// If the caller may not, or the wish makes no sense.
    pub async fn add_webhook(
        &self,
        caller: &Caller,
        wish: WebhookWish,
        idempotency: Option<Idempotency>,
    ) -> Result<MadeWebhook> {
        caller.need(Scope::Workspace, ADMINS)?;
        let sender = self.sender()?;
        if let Some(url) = &wish.url {
            if url.len() > LONGEST_URL {
                return Err(mistake("/url", format!("a URL has at most {LONGEST_URL} bytes")));
            }
            sender.outgoing.check(url).map_err(|error| mistake("/url", error.to_string()))?;
        }
        let id = WebhookId::from_bits(mint::id_bits());
        let (secret, sealed) = sender.mint(id)?;
        let environment = wish.environment.unwrap_or(caller.place.environment);
        let WebhookWish { url, events, dialect, .. } = wish;
        let new = NewWebhook { id, environment, url, events, dialect, sealed };
        let done = self.administer(caller, Change::AddWebhook(new), idempotency).await?;
        if done.replayed {
            // Whoever made it may still wait for the answer to its challenge.
            let webhook = self.webhook(caller, done.subject.parse().unwrap_or(id)).await?;
            return Ok(MadeWebhook { webhook, secret: None });
        }
        let webhook = self.challenge_webhook(caller, id).await?;
        Ok(MadeWebhook { webhook, secret: Some(secret) })
    }

    /// Asks a receiver that is not active whether it wants to be told, and tells it from now on if
    /// it gives the challenge back; the receiver as it is then.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn challenge_webhook(&self, caller: &Caller, id: WebhookId) -> Result<Webhook> {
        let webhook = self.webhook(caller, id).await?;
        if webhook.state == WebhookState::Active {
            return Ok(webhook);
        }
        match challenge::put(self.sender()?, &webhook, self.now()).await? {
            Ok(()) => {
                self.administer(caller, Change::ConfirmWebhook { id }, None).await?;
            }
            Err(why) => self.store.challenge_failed(id, why).await?,
        }
        self.webhook(caller, id).await
    }

    /// Gives a receiver another secret; the one before signs too for as long as `overlap` says.
    ///
    /// # Errors
    /// If the caller may not, there is none, or the overlap is too long.
    pub async fn rotate_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        overlap: Seconds,
        idempotency: Option<Idempotency>,
    ) -> Result<MadeWebhook> {
        caller.need(Scope::Workspace, ADMINS)?;
        let (secret, sealed) = self.sender()?.mint(id)?;
        let change = Change::RotateWebhook { id, sealed, overlap };
        let done = self.administer(caller, change, idempotency).await?;
        let webhook = self.webhook(caller, id).await?;
        Ok(MadeWebhook { webhook, secret: (!done.replayed).then_some(secret) })
    }

    pub(super) fn sender(&self) -> Result<&Sender> {
        let none = || ServiceError::Internal("nothing is sent from here".into());
        self.sender.as_ref().ok_or_else(none)
    }

    /// The receivers of the caller's workspace, oldest first.
    ///
    /// # Errors
    /// If the caller may not see them.
    pub async fn webhooks(&self, caller: &Caller) -> Result<Vec<Webhook>> {
        caller.need(Scope::Workspace, ADMINS)?;
        Ok(self.store.webhooks(caller.place.workspace).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// If the caller may not see it, or there is none.
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<Webhook> {
        let all = self.webhooks(caller).await?;
        let found = all.into_iter().find(|known| known.id == id);
        found.ok_or(ServiceError::NotFound("webhook"))
    }

    /// Takes a receiver away; what waited for it is not sent.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn remove_webhook(&self, caller: &Caller, id: WebhookId) -> Result<()> {
        self.administer(caller, Change::RemoveWebhook { id }, None).await?;
        Ok(())
    }

    /// What was or will be sent to a receiver, newest first.
    ///
    /// # Errors
    /// If the caller may not see it, or there is none.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        self.webhook(caller, id).await?;
        Ok(self.store.deliveries(caller.place.workspace, id, before, limit).await?)
    }
}

#[cfg(test)]
mod tests {
    use askfirst_core::Timestamp;

    use super::*;

    #[test]
    fn a_secret_sealed_anew_opens_under_the_new_key_alone() {
        let [from, to] = [1, 2].map(|byte| SealingKey::from_bytes(&[byte; 32]).unwrap());
        let (id, other) = (WebhookId::from_bits(1), WebhookId::from_bits(2));
        let [newest, older] = [b"whsec_x", b"whsec_y"].map(|s| from.seal(&place(id), s).unwrap());
        let until = Timestamp::from_seconds(1);
        let sealed = SealedSecrets { newest, older: Some((older, until)) };
        let anew = reseal(id, &sealed, &from, &to).unwrap();
        assert_eq!(&*to.open(&place(id), &anew.newest).unwrap(), b"whsec_x");
        assert!(from.open(&place(id), &anew.newest).is_err());
        let (older, still) = anew.older.unwrap();
        assert_eq!((&to.open(&place(id), &older).unwrap()[..], still), (&b"whsec_y"[..], until));
        let told = reseal(other, &sealed, &from, &to).unwrap_err().to_string();
        assert!(
            told.contains(&other.to_string()) && told.contains("remove that webhook"),
            "{told}"
        );
    }
}
