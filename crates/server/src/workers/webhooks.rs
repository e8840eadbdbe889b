//! Sends what happened to whoever wants to be told. What is due was committed with the event; it
//! is claimed under a lease, sent outside of any transaction, and settled. Whoever dies in between
//! leaves it to the next, who sends the same bytes under the same id.

use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{Seconds, Timestamp, WebhookId};
use askfirst_store::{Attempted, ClaimedDelivery, Store, StoreError, Then};
use hyper::StatusCode;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::lanes::Lanes;
use crate::dialects::{Parcel, Told};
use crate::metrics::Metrics;
use crate::outgoing::Answer;
use crate::outgoing::signature::Secret;
use crate::service::webhooks::Sender;

/// Longer than one attempt can take.
const LEASE_SECONDS: u32 = 30;
/// Attempts at a time for one receiver, so that a slow one holds up nobody else.
const FOR_ONE: usize = 8;
/// Attempts at a time for all of them.
const FOR_ALL: usize = 512;
/// Bytes of an answer that are kept.
const KEPT: usize = 1_024;

/// Runs until `stop`.
pub async fn run(
    store: Arc<dyn Store>,
    sender: Sender,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut changes = store.changes();
    let mut lanes = Lanes::new(FOR_ALL);
    loop {
        if let Err(error) = send_due(&store, &sender, &metrics, &mut lanes).await {
            warn!(%error, "what is due for webhooks could not be read; trying again");
        }
        if !lanes.wait(&mut changes, &stop).await {
            return lanes.finish().await;
        }
    }
}

/// Claims what is due, as far as there is room, and begins to send it.
async fn send_due(
    store: &Arc<dyn Store>,
    sender: &Sender,
    metrics: &Arc<Metrics>,
    lanes: &mut Lanes<WebhookId>,
) -> Result<(), StoreError> {
    let mut claims = Vec::new();
    let mut room = lanes.room();
    for webhook in store.due_webhooks().await? {
        let limit = lanes.room_for(webhook, FOR_ONE, room);
        if limit > 0 {
            room -= limit;
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            // Together, so that they share a commit.
            claims.push(store.claim_deliveries(webhook, LEASE_SECONDS, limit));
        }
    }
    for claimed in futures_util::future::join_all(claims).await {
        for claimed in claimed? {
            let (store, sender) = (Arc::clone(store), sender.clone());
            let metrics = Arc::clone(metrics);
            let webhook = claimed.webhook;
            lanes.begin(webhook, async move {
                let attempted = attempt(&*store, &sender, &claimed).await;
                metrics.attempted(&attempted.then);
                if let Err(error) = store.settle_delivery(&claimed, attempted).await {
                    // The lease ends, and it is sent again.
                    warn!(%error, delivery.id = %claimed.id, "an attempt could not be noted");
                }
            });
        }
    }
    Ok(())
}

async fn attempt(store: &dyn Store, sender: &Sender, claimed: &ClaimedDelivery) -> Attempted {
    let now = store.now();
    // The hosts may be others than when it was asked.
    if let Some(Err(why)) =
        claimed.hosts.as_ref().map(|hosts| sender.may_call_back(&claimed.url, hosts))
    {
        return Attempted { then: Then::GiveUp { why }, status: None, answer: None };
    }
    let told = Told::from(claimed);
    let parcel = Parcel { id: claimed.id, body: told.body(), at: now };
    let also = |secrets: &[Secret]| (told.manner().headers)(&told, &parcel, secrets);
    let sender = sender.toward(claimed.hosts.as_deref().unwrap_or_default());
    let sent = sender.send(claimed.webhook, &claimed.url, &claimed.secrets, &parcel, also).await;
    // It may have taken long.
    let now = store.now();
    match sent {
        Ok(answer) => judge(claimed, &answer, now),
        Err(why) => Attempted { then: later(claimed, why, None, now), status: None, answer: None },
    }
}

fn judge(claimed: &ClaimedDelivery, answer: &Answer, now: Timestamp) -> Attempted {
    let status = answer.status;
    let then = if status.is_success() {
        Then::Delivered
    } else if status == StatusCode::GONE && claimed.hosts.is_some() {
        let why = "it answered 410 Gone, which asks for nothing more".into();
        Then::GiveUp { why }
    } else if status == StatusCode::GONE {
        let id = claimed.webhook;
        let why = format!(
            "it answered 410 Gone, which asks for nothing more; if that was a mistake, \
             POST /v1/webhooks/{id}/challenge"
        );
        Then::Disable { why }
    } else {
        let why = format!("it answered {status}; only 2xx says that it has what was sent");
        later(claimed, why, answer.pause(now), now)
    };
    let kept = &answer.body[..answer.body.len().min(KEPT)];
    let kept = (!kept.is_empty()).then(|| String::from_utf8_lossy(kept).into_owned());
    Attempted { then, status: Some(status.as_u16()), answer: kept }
}

/// Another attempt by the schedule, or not before the receiver wants one; none after the last.
fn later(claimed: &ClaimedDelivery, why: String, wanted: Option<Duration>, now: Timestamp) -> Then {
    let (attempts, pauses) = (claimed.round as usize, Told::from(claimed).manner().pauses);
    let Some(pause) = attempts.checked_sub(1).and_then(|at| pauses.get(at)) else {
        return Then::GiveUp { why };
    };
    // Each delivery has its own share, so that what failed together does not come back together. Of
    // less than a minute there is nothing to share out.
    let spread = u32::try_from(claimed.id.to_bits() % 1_024).unwrap_or(0);
    let jitter = u64::from(*pause / 60 * 60) * u64::from(spread) / 10_240;
    let pause = u64::from(*pause) + jitter;
    let pause = wanted.map_or(pause, |wanted| pause.max(wanted.as_secs()));
    Then::Retry { at: now.plus(Seconds(u32::try_from(pause).unwrap_or(u32::MAX))), why }
}
