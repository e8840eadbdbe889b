//! What is sent to receivers, as the store keeps it: who receives, what waits, what became of it.
//! Sending is the server's.

use std::collections::BTreeSet;
use std::sync::Arc;

use askfirst_core::{
    Approval, ApprovalId, DeliveryId, Dialect, Environment, Timestamp, WebhookId, WorkspaceId,
};
use async_trait::async_trait;
use serde_json::Value;

use crate::records::{EventRecord, Place};
use crate::store::StoreError;

/// A receiver of what happens in a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Of what it is told.
    pub place: Place,
    /// Where it listens; none for what signs callbacks.
    pub url: Option<String>,
    /// Names of the events that it gets; none for all.
    pub events: BTreeSet<String>,
    /// In whose words it is told; if not in ours, only of what was asked in that API.
    pub dialect: Dialect,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it verifies with.
    pub secrets: SealedSecrets,
    /// Whether anything is kept and sent for it.
    pub state: WebhookState,
    /// Since when it wants nothing, if that is so.
    pub disabled_at: Option<Timestamp>,
    /// While it is not active: what went wrong last, in words.
    pub problem: Option<String>,
    /// That it takes nothing at present, if that is so.
    pub outage: Option<Outage>,
    /// How much waits for it.
    pub waiting: u64,
}

/// A receiver takes nothing: it failed five times in a row, whatever was sent. What waits for it is
/// kept and not tried, but for one delivery every 30 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Since the first of those failures.
    pub since: Timestamp,
    /// Not before then is anything sent.
    pub next_try_at: Timestamp,
}

/// What a receiver verifies with, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecrets {
    /// What signs.
    pub newest: Vec<u8>,
    /// What it took over from, and until when that signs too.
    pub older: Option<(Vec<u8>, Timestamp)>,
}

impl SealedSecrets {
    /// Those that sign at a time, the newest first.
    pub fn at(&self, now: Timestamp) -> impl Iterator<Item = &[u8]> {
        let older = self.older.as_ref().filter(|(_, until)| now < *until);
        std::iter::once(&self.newest[..]).chain(older.map(|(sealed, _)| &sealed[..]))
    }
}

/// How it stands with a receiver. Only for an active one anything is kept and sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookState {
    /// It has not said yet that it wants to be told.
    Unconfirmed,
    /// It is told.
    Active,
    /// It said that it wants nothing more.
    Disabled,
}

impl WebhookState {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Unconfirmed, Self::Active, Self::Disabled];

    /// Its name, everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// One event for one receiver, to be sent now by whoever holds its lease. All of it but the
/// attempt is the same in every attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Where that listens.
    pub url: String,
    /// If an asker said so: hosts that such a URL may have, as the workspace has them now.
    pub hosts: Option<Vec<String>>,
    /// What it verifies with.
    pub secrets: SealedSecrets,
    /// Of what.
    pub place: Place,
    /// Of which approval.
    pub approval: ApprovalId,
    /// That approval as it stands, if an asker said where its end is sent, or if the receiver is
    /// told in other words than ours: other APIs repeat there what was asked.
    pub asked: Option<Arc<Approval>>,
    /// In whose words the receiver is told.
    pub dialect: Dialect,
    /// What happened.
    pub event: EventRecord,
    /// Counts from 1 and never back.
    pub attempt: u32,
    /// The same since it was last asked for once more.
    pub round: u32,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempted {
    /// What to do now.
    pub then: Then,
    /// The status that was answered, if any.
    pub status: Option<u16>,
    /// The beginning of what was answered with it.
    pub answer: Option<String>,
}

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Then {
    /// Nothing: it arrived.
    Delivered,
    /// Another attempt.
    Retry {
        /// When.
        at: Timestamp,
        /// What went wrong, in words.
        why: String,
    },
    /// Nothing: it was tried often enough.
    GiveUp {
        /// What went wrong, in words.
        why: String,
    },
    /// Nothing for this receiver any more.
    Disable {
        /// What went wrong, in words.
        why: String,
    },
}

/// How it stands with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be sent, or is being sent.
    Waiting,
    /// It arrived.
    Delivered,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// One line of a receiver's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// Where it is sent, if that is not where the receiver listens.
    pub url: Option<String>,
    /// Of which world.
    pub environment: Environment,
    /// Of which approval.
    pub approval: ApprovalId,
    /// As in a [`ClaimedDelivery`].
    pub asked: Option<Arc<Approval>>,
    /// The same.
    pub dialect: Dialect,
    /// The approval's version after the event.
    pub version: u32,
    /// The event's name.
    pub event: String,
    /// When that happened.
    pub at: Timestamp,
    /// Its particulars, as far as they are still there.
    pub detail: Value,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, at the earliest; none behind another one of its approval.
    pub next_at: Option<Timestamp>,
    /// When it arrived or was given up.
    pub settled_at: Option<Timestamp>,
    /// What went wrong last, in words.
    pub why: Option<String>,
    /// The status that was answered last.
    pub status: Option<u16>,
    /// The beginning of what was answered with it.
    pub answer: Option<String>,
}

/// How much is on its way to all receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// It will be sent, or is being sent.
    pub waiting: u64,
    /// It was given up within the last thirty days.
    pub dead: u64,
    /// Receivers that take nothing at present.
    pub webhooks_down: u64,
}

/// Receivers and what is on its way to them. Rows are written with the event itself.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// The receivers of a workspace, oldest first.
    async fn webhooks(&self, workspace: WorkspaceId) -> Result<Vec<Webhook>, StoreError>;
    /// The sealed secrets of every receiver there is.
    async fn webhook_secrets(&self) -> Result<Vec<(WebhookId, SealedSecrets)>, StoreError>;
    /// Notes why a receiver did not say that it wants to be told. Ignored if it is active: another
    /// challenge was answered meanwhile.
    async fn challenge_failed(&self, webhook: WebhookId, why: String) -> Result<(), StoreError>;
    /// What was or will be sent to one receiver, newest first, older than `before`.
    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError>;
    /// One of them.
    async fn delivery(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError>;
    /// How much is on its way, and how much was given up.
    async fn delivery_counts(&self) -> Result<DeliveryCounts, StoreError>;
    /// Receivers for which something is due; during an outage, those that may be tried and for
    /// which anything waits.
    async fn due_webhooks(&self) -> Result<Vec<WebhookId>, StoreError>;
    /// Claims what is due for one receiver for `lease_seconds`, counting the attempt; nobody else
    /// gets it meanwhile. Of one approval at most one is due at a time, in the order of its events.
    /// During an outage one alone is claimed, due or not.
    async fn claim_deliveries(
        &self,
        webhook: WebhookId,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError>;
    /// Says how an attempt ended. Ignored if the lease was lost to a later attempt. Five failures in
    /// a row are an outage, and whatever arrives ends it.
    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        attempted: Attempted,
    ) -> Result<(), StoreError>;
}
