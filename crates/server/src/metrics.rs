//! What is counted while the server runs, for Prometheus; what happens to approvals is passed on
//! to the traces from here. Every label has a small fixed set of
//! values: nothing that a client writes, no id and no path, only the patterns of our own routes.
//! The address it is read at is [`page`]'s.

pub mod page;
mod unheard;

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use askfirst_core::Timestamp;
use askfirst_store::{Committed, DeliveryCounts, Health, NoticeCounts, Then, Told};
use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::traces::Traces;
pub use unheard::Unheard;

/// Bounds of the latency buckets, in seconds: from one write to a whole wait.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 65.0];

/// The pattern of one of our routes; none where nothing matched.
#[derive(Clone, Debug)]
struct Route(Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: Route,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Taken {
    route: Route,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Happened {
    event: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    why: &'static str,
}

/// What is counted.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_seconds: Family<Taken, Histogram, fn() -> Histogram>,
    events: Family<Happened, Counter>,
    delivery_attempts: Family<Attempt, Counter>,
    deliveries_waiting: Gauge,
    deliveries_dead: Gauge,
    webhooks_down: Gauge,
    notice_attempts: Family<Attempt, Counter>,
    notices_waiting: Gauge,
    channels_down: Gauge,
    chat_refused: Family<Refused, Counter>,
    pending: Gauge,
    waiters: Gauge,
    outbox: Gauge,
    bytes: Gauge,
    free: Gauge,
    writable: Gauge,
    queued: Gauge,
    late: Gauge<f64, AtomicU64>,
    batches: Counter,
    operations: Counter,
    /// Where it is told what happens, if anywhere.
    pub(crate) traces: Option<Traces>,
    /// Two readers at once would count the store's own counts twice.
    telling: Mutex<()>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("askfirst");
        let buckets: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(buckets),
            events: Family::default(),
            delivery_attempts: Family::default(),
            deliveries_waiting: Gauge::default(),
            deliveries_dead: Gauge::default(),
            webhooks_down: Gauge::default(),
            notice_attempts: Family::default(),
            notices_waiting: Gauge::default(),
            channels_down: Gauge::default(),
            chat_refused: Family::default(),
            pending: Gauge::default(),
            waiters: Gauge::default(),
            outbox: Gauge::default(),
            bytes: Gauge::default(),
            free: Gauge::default(),
            writable: Gauge::default(),
            queued: Gauge::default(),
            late: Gauge::default(),
            batches: Counter::default(),
            operations: Counter::default(),
            traces: None,
            telling: Mutex::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which program this is", version);
        let help = "Requests answered, by method, route and class of status";
        registry.register("requests", help, m.requests.clone());
        let help = "How long requests took; those that wait for a decision do so on purpose";
        let seconds = Unit::Seconds;
        registry.register_with_unit("request", help, seconds.clone(), m.request_seconds.clone());
        let help = "What happened to approvals: asked, voted, approved, claimed and so on";
        registry.register("events", help, m.events.clone());
        let help = "Attempts to send to webhooks: delivered, retried, given_up or disabled";
        registry.register("delivery_attempts", help, m.delivery_attempts.clone());
        let help = "Deliveries to webhooks that wait or are being sent";
        registry.register("deliveries_waiting", help, m.deliveries_waiting.clone());
        let help = "Deliveries to webhooks that were given up and are still in the log";
        registry.register("deliveries_dead", help, m.deliveries_dead.clone());
        let help = "Webhooks that take nothing, so that one delivery in 30 seconds tries them";
        registry.register("webhooks_down", help, m.webhooks_down.clone());
        let help = "Attempts to tell people: sent, retried, given_up, dropped or not_taken";
        registry.register("notice_attempts", help, m.notice_attempts.clone());
        let help = "Notices to people that wait or are being sent";
        registry.register("notices_waiting", help, m.notices_waiting.clone());
        let help = "Ways to people that take nothing, whoever it is for";
        registry.register("channels_down", help, m.channels_down.clone());
        let help = "What was heard in chats and came to nothing";
        registry.register("chat_refused", help, m.chat_refused.clone());
        registry.register("pending", "Approvals that wait for people", m.pending.clone());
        registry.register("waiters", "Requests that wait for news", m.waiters.clone());
        registry.register("outbox", "Receipts that wait to be signed", m.outbox.clone());
        let help = "Size of the database";
        registry.register_with_unit("database", help, Unit::Bytes, m.bytes.clone());
        let help = "Room on the database's disk";
        registry.register_with_unit("disk_free", help, Unit::Bytes, m.free.clone());
        registry.register("writable", "Whether the store takes writes: 1 or 0", m.writable.clone());
        registry.register("writer_queued", "Writes that wait for their turn", m.queued.clone());
        registry.register("writer_batches", "Transactions committed", m.batches.clone());
        let help = "Writes committed in them; divided by the batches, the size of a batch";
        registry.register("writer_operations", help, m.operations.clone());
        let help = "By how much the deadline that waits longest has passed; 0 if none has";
        registry.register_with_unit("timer_late", help, seconds, m.late.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// With what happens told there too.
    #[must_use]
    pub fn traced(traces: Option<Traces>) -> Self {
        Self { traces, ..Self::default() }
    }

    /// A request was answered.
    pub fn answered(
        &self,
        method: &Method,
        route: Option<MatchedPath>,
        status: StatusCode,
        took: Duration,
    ) {
        let route = Route(route);
        let taken = Taken { route: route.clone() };
        self.request_seconds.get_or_create(&taken).observe(took.as_secs_f64());
        let labels = Answered { method: known(method), route, status: class(status) };
        self.requests.get_or_create(&labels).inc();
    }

    /// This happened to an approval, and is durable.
    pub fn happened(&self, committed: &Committed) {
        for event in &committed.events {
            self.events.get_or_create(&Happened { event: event.name() }).inc();
        }
        if let Some(traces) = &self.traces {
            traces.happened(committed);
        }
    }

    /// An attempt to send to a webhook has ended.
    pub fn attempted(&self, then: &Then) {
        let result = match then {
            Then::Delivered => "delivered",
            Then::Retry { .. } => "retried",
            Then::GiveUp { .. } => "given_up",
            Then::Disable { .. } => "disabled",
        };
        self.delivery_attempts.get_or_create(&Attempt { result }).inc();
    }

    /// Something that was heard in a chat came to nothing.
    pub fn unheard(&self, why: Unheard) {
        self.chat_refused.get_or_create(&Refused { why: why.as_str() }).inc();
    }

    /// An attempt to tell somebody something has ended.
    pub fn told_somebody(&self, told: &Told) {
        let result = match told {
            Told::Sent { .. } | Told::SentTogether { .. } => "sent",
            Told::Dropped { .. } => "dropped",
            Told::Retry { .. } => "retried",
            Told::GiveUp { .. } => "given_up",
            Told::NotTaken { .. } => "not_taken",
            Told::Later { .. } => "put_off",
        };
        self.notice_attempts.get_or_create(&Attempt { result }).inc();
    }

    /// Everything as text, with what is so now; the rest of it is as it was when the store cannot
    /// be asked.
    pub(crate) fn told(
        &self,
        health: Option<&Health>,
        deliveries: Option<DeliveryCounts>,
        notices: Option<NoticeCounts>,
        waiters: usize,
        now: Timestamp,
    ) -> String {
        let _one_at_a_time = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiters.set(i64::try_from(waiters).unwrap_or(i64::MAX));
        self.writable.set(i64::from(health.is_some_and(|health| health.writable)));
        let gauge = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        if let Some(DeliveryCounts { waiting, dead, webhooks_down }) = deliveries {
            gauge(&self.deliveries_waiting, waiting);
            gauge(&self.deliveries_dead, dead);
            gauge(&self.webhooks_down, webhooks_down);
        }
        if let Some(NoticeCounts { waiting, channels_down }) = notices {
            gauge(&self.notices_waiting, waiting);
            gauge(&self.channels_down, channels_down);
        }
        if let Some(health) = health {
            gauge(&self.pending, health.pending);
            gauge(&self.outbox, health.outbox);
            gauge(&self.bytes, health.bytes);
            gauge(&self.free, health.free.unwrap_or(0));
            gauge(&self.queued, health.queued);
            let late = health.oldest_timer.map_or(0, |due| now.micros() - due.micros()).max(0);
            self.late.set(Duration::from_micros(late.unsigned_abs()).as_secs_f64());
            for (counter, value) in
                [(&self.batches, health.batches), (&self.operations, health.operations)]
            {
                counter.inc_by(value.saturating_sub(counter.get()));
            }
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Clients can make methods up.
pub(crate) fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
