//! Webhooks: what may be set, and how updates reach one. Those of one chat or person go one after
//! the other, and one that was not taken is tried again, later and later.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::Shared;
use super::about::unauthorized;
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::updates::KNOWN;
use super::world::World;
use crate::wire;

const PORTS: [u16; 4] = [443, 80, 88, 8443];
const LONGEST_SECRET: usize = 256;
/// The longest wait before an update is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) struct Webhook {
    url: Url,
    written: String,
    secret: Option<String>,
    most: usize,
    last_error: Option<(i64, String)>,
    /// Updates under way, and their queues.
    under_way: HashSet<i64>,
    queues: HashSet<(i64, &'static str)>,
    /// How often an update failed, and when it is tried again.
    failed: HashMap<i64, (u32, Duration)>,
}

/// An update on its way to a webhook.
struct Delivery {
    id: i64,
    queue: (i64, &'static str),
    url: Url,
    secret: Option<String>,
    body: Value,
}

impl World {
    pub(super) fn set_webhook(
        &mut self,
        bot: i64,
        parameters: &Parameters,
    ) -> Result<Value, Refusal> {
        parameters.only(
            "setWebhook",
            &["url", "secret_token", "max_connections", "allowed_updates", "drop_pending_updates"],
        )?;
        let written = parameters.text("url").unwrap_or_default();
        if written.is_empty() {
            return self.drop_webhook(bot, parameters);
        }
        let url =
            Url::parse(&written).map_err(|_| Refusal::bad("invalid webhook URL specified"))?;
        let secret = parameters.text("secret_token").filter(|secret| !secret.is_empty());
        if let Some(secret) = &secret {
            if secret.len() > LONGEST_SECRET {
                return Err(Refusal::bad("secret token is too long"));
            }
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            if !secret.bytes().all(plain) {
                return Err(Refusal::bad("secret token contains unallowed characters"));
            }
        }
        let is_plain_http = self.allow_http_webhooks && url.scheme() == "http";
        let port = url.port_or_known_default().unwrap_or_default();
        if url.scheme() != "https" && !is_plain_http {
            return Err(Refusal::bad("bad webhook: An HTTPS URL must be provided for webhook"));
        }
        if !PORTS.contains(&port) && !is_plain_http {
            return Err(Refusal::bad(
                "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
            ));
        }
        self.allow(bot, parameters)?;
        let wanted = parameters.integer("max_connections").unwrap_or(40);
        let most = wanted.clamp(1, 100);
        if most != wanted {
            // Telegram takes the nearest that it allows.
            self.mistake(format!("setWebhook with {wanted} connections"));
        }
        let account = self.accounts.get_mut(&bot).ok_or_else(unauthorized)?;
        if parameters.flag("drop_pending_updates") {
            account.updates.drop_all();
        }
        account.webhooks_set += 1;
        account.webhook = Some(Webhook {
            url,
            written,
            secret,
            most: usize::try_from(most).unwrap_or(1),
            last_error: None,
            under_way: HashSet::new(),
            queues: HashSet::new(),
            failed: HashMap::new(),
        });
        account.wake.notify_waiters();
        Ok(json!(true))
    }

    pub(super) fn delete_webhook(
        &mut self,
        bot: i64,
        parameters: &Parameters,
    ) -> Result<Value, Refusal> {
        parameters.only("deleteWebhook", &["drop_pending_updates"])?;
        self.drop_webhook(bot, parameters)
    }

    fn drop_webhook(&mut self, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
        let account = self.accounts.get_mut(&bot).ok_or_else(unauthorized)?;
        account.webhook = None;
        account.webhooks_set += 1;
        if parameters.flag("drop_pending_updates") {
            account.updates.drop_all();
        }
        account.wake.notify_waiters();
        Ok(json!(true))
    }

    pub(super) fn webhook_info(
        &mut self,
        bot: i64,
        parameters: &Parameters,
    ) -> Result<Value, Refusal> {
        parameters.only("getWebhookInfo", &[])?;
        let now = self.clock.now();
        let account = self.accounts.get_mut(&bot).ok_or_else(unauthorized)?;
        account.updates.forget_old(now);
        let mut info = json!({
            "url": "", "has_custom_certificate": false,
            "pending_update_count": account.updates.waiting().len(),
        });
        if let Some(webhook) = &account.webhook {
            info["url"] = json!(webhook.written);
            info["max_connections"] = json!(webhook.most);
            if let Some((date, message)) = &webhook.last_error {
                info["last_error_date"] = json!(date);
                info["last_error_message"] = json!(message);
            }
        }
        if let Some(allowed) = account.updates.allowed() {
            info["allowed_updates"] = json!(allowed);
        }
        Ok(info)
    }

    /// Takes up `allowed_updates`, if the call has any; without, all stays as it was.
    pub(super) fn allow(&mut self, bot: i64, parameters: &Parameters) -> Result<(), Refusal> {
        let Some(allowed) = parameters.json("allowed_updates", "allowed updates")? else {
            return Ok(());
        };
        let kinds: Option<Vec<String>> = allowed
            .as_array()
            .and_then(|kinds| kinds.iter().map(|kind| kind.as_str().map(str::to_owned)).collect());
        // Telegram looks away from what is no list of words.
        let Some(kinds) = kinds else {
            return Err(Refusal::unknown("takes a list of words as allowed_updates"));
        };
        let known = kinds.iter().filter(|kind| KNOWN.contains(&kind.as_str())).count();
        if known < kinds.len() {
            self.mistake(format!("allowed_updates asks for what the kit never tells: {kinds:?}"));
        }
        if let Some(account) = self.accounts.get_mut(&bot) {
            account.updates.allow(kinds);
        }
        Ok(())
    }

    /// The next update that can go to the webhook of a bot, or how long until one can; and which
    /// webhook it is.
    fn next_delivery(&mut self, bot: i64) -> (Option<Delivery>, Option<Duration>, u64) {
        let now = self.clock.now();
        let Some(account) = self.accounts.get_mut(&bot) else { return (None, None, 0) };
        let generation = account.webhooks_set;
        account.updates.forget_old(now);
        let Some(webhook) = &mut account.webhook else { return (None, None, generation) };
        if webhook.under_way.len() >= webhook.most {
            return (None, None, generation);
        }
        let mut wait = None;
        let mut blocked = webhook.queues.clone();
        for update in account.updates.waiting() {
            if webhook.under_way.contains(&update.id) || !blocked.insert(update.queue) {
                continue;
            }
            if let Some((_, again)) = webhook.failed.get(&update.id)
                && *again > now
            {
                let left = *again - now;
                wait = Some(wait.map_or(left, |other: Duration| other.min(left)));
                continue;
            }
            webhook.under_way.insert(update.id);
            webhook.queues.insert(update.queue);
            let delivery = Delivery {
                id: update.id,
                queue: update.queue,
                url: webhook.url.clone(),
                secret: webhook.secret.clone(),
                body: update.value(),
            };
            return (Some(delivery), None, generation);
        }
        (None, wait, generation)
    }

    fn delivered(
        &mut self,
        bot: i64,
        generation: u64,
        delivery: &Delivery,
        outcome: Result<(), String>,
    ) {
        let now = self.clock.now();
        let unix = self.clock.unix();
        let Some(account) = self.accounts.get_mut(&bot) else { return };
        if account.webhooks_set != generation {
            return;
        }
        let Some(webhook) = &mut account.webhook else { return };
        webhook.under_way.remove(&delivery.id);
        webhook.queues.remove(&delivery.queue);
        match outcome {
            Ok(()) => {
                webhook.failed.remove(&delivery.id);
                account.updates.remove(delivery.id);
            }
            Err(what) => {
                let (times, again) = webhook.failed.entry(delivery.id).or_default();
                *again = now + LONGEST_WAIT.min(Duration::from_secs(1 << (*times).min(6)));
                *times += 1;
                webhook.last_error = Some((unix, what));
            }
        }
        account.wake.notify_waiters();
    }
}

/// Brings a bot's updates to its webhook, whenever it has one, until the kit is dropped.
pub(super) async fn deliver(shared: Weak<Shared>, bot: i64, wake: Arc<tokio::sync::Notify>) {
    loop {
        // Register before looking: what comes in between still wakes.
        let woken = wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let Some(here) = shared.upgrade() else { return };
        let (delivery, wait, generation) = here.world().next_delivery(bot);
        if let Some(delivery) = delivery {
            tokio::spawn(send(here, bot, generation, delivery));
            continue;
        }
        drop(here);
        match wait {
            Some(wait) => {
                let _ = tokio::time::timeout(wait, woken).await;
            }
            None => woken.await,
        }
    }
}

async fn send(shared: Arc<Shared>, bot: i64, generation: u64, delivery: Delivery) {
    let outcome = if delivery.url.scheme() == "https" {
        Err("the kit speaks no TLS".to_owned())
    } else {
        let body = delivery.body.to_string().into();
        match wire::post(&delivery.url, delivery.secret.as_deref(), body).await {
            Ok((200..=299, body)) => {
                if body.windows(8).any(|part| part == b"\"method\"") {
                    let what = "a webhook answered with a call, which the kit does not do";
                    shared.world().mistake(what.to_owned());
                }
                Ok(())
            }
            Ok((status, _)) => Err(wrong(status)),
            Err(what) => Err(what),
        }
    };
    shared.world().delivered(bot, generation, &delivery, outcome);
    shared.changed();
}

fn wrong(status: u16) -> String {
    let reason = hyper::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
    format!("Wrong response from the webhook: {status} {}", reason.unwrap_or_default())
}
