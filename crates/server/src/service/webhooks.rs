//! Receivers of what happens: making them, seeing what was sent, having it sent once more. Their
//! secrets are made here, told once, and sealed for the store.

use std::collections::BTreeSet;
use std::sync::Arc;

use askfirst_core::administration::{Change, NewWebhook};
use askfirst_core::{DeliveryId, Environment, Scope, WebhookId};
use askfirst_proof::SealingKey;
use askfirst_store::{ClaimedDelivery, Delivery, Idempotency, Webhook};
use zeroize::Zeroizing;

use super::caller::ADMINS;
use super::{Caller, Result, Service, ServiceError, mistake};
use crate::keyring::KeyringError;
use crate::mint;
use crate::outgoing::Outgoing;
use crate::outgoing::signature::Secret;

/// The longest URL that is taken, in bytes.
const LONGEST_URL: usize = 2_048;

/// What it takes to send to receivers.
#[derive(Clone)]
pub struct Sender {
    /// The way out.
    pub outgoing: Outgoing,
    /// What their secrets are sealed under.
    pub sealing: Arc<SealingKey>,
}

impl Sender {
    /// The secret that signs this delivery.
    ///
    /// # Errors
    /// What is wrong and what to do, in words.
    pub fn secret(&self, claimed: &ClaimedDelivery) -> std::result::Result<Secret, String> {
        let opened = self.sealing.open(&place(claimed.webhook), &claimed.sealed);
        let told = |why: &str| {
            format!("the secret of this webhook cannot be used ({why}); remove it and make it anew")
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

/// The same secret, sealed under another key.
///
/// # Errors
/// [`KeyringError::Secret`] if it does not open, or cannot be sealed.
pub(crate) fn reseal(
    id: WebhookId,
    sealed: &[u8],
    from: &SealingKey,
    to: &SealingKey,
) -> std::result::Result<Vec<u8>, KeyringError> {
    let opened = from.open(&place(id), sealed);
    let resealed = opened.and_then(|secret| to.seal(&place(id), &secret));
    resealed.map_err(|error| KeyringError::Secret { webhook: id, why: error.to_string() })
}

/// What a new receiver should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookWish {
    /// Where it listens.
    pub url: String,
    /// Names of the events that it gets; none for all.
    pub events: BTreeSet<String>,
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
        let failed = |error: &dyn std::fmt::Display| ServiceError::Internal(error.to_string());
        let sender = self.sender.as_ref().ok_or_else(|| failed(&"nothing is sent from here"))?;
        if wish.url.len() > LONGEST_URL {
            return Err(mistake("/url", format!("a URL has at most {LONGEST_URL} bytes")));
        }
        sender.outgoing.check(&wish.url).map_err(|error| mistake("/url", error.to_string()))?;
        let id = WebhookId::from_bits(mint::id_bits());
        let secret = mint::signing_secret()?.text();
        let sealed = sender.sealing.seal(&place(id), secret.as_bytes()).map_err(|e| failed(&e))?;
        let environment = wish.environment.unwrap_or(caller.place.environment);
        let WebhookWish { url, events, .. } = wish;
        let new = NewWebhook { id, environment, url, events, sealed };
        let done = self.administer(caller, Change::AddWebhook(new), idempotency).await?;
        let webhook = self.webhook(caller, done.subject.parse().unwrap_or(id)).await?;
        Ok(MadeWebhook { webhook, secret: (!done.replayed).then_some(secret) })
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

    /// Has something sent once more, now.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn retry_delivery(&self, caller: &Caller, id: DeliveryId) -> Result<Delivery> {
        self.administer(caller, Change::RetryDelivery { id }, None).await?;
        let found = self.store.delivery(caller.place.workspace, id).await?;
        found.ok_or(ServiceError::NotFound("delivery"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_sealed_anew_opens_under_the_new_key_alone() {
        let [from, to] = [1, 2].map(|byte| SealingKey::from_bytes(&[byte; 32]).unwrap());
        let (id, other) = (WebhookId::from_bits(1), WebhookId::from_bits(2));
        let sealed = from.seal(&place(id), b"whsec_x").unwrap();
        let anew = reseal(id, &sealed, &from, &to).unwrap();
        assert_eq!(&*to.open(&place(id), &anew).unwrap(), b"whsec_x");
        assert!(from.open(&place(id), &anew).is_err());
        let told = reseal(other, &sealed, &from, &to).unwrap_err().to_string();
        assert!(
            told.contains(&other.to_string()) && told.contains("remove that webhook"),
            "{told}"
        );
    }
}
