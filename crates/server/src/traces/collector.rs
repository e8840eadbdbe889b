//! The way to the collector: a queue of a fixed length that drops what does not fit, and one task
//! that sends what is in it, by OTLP over HTTP with protobuf. Whoever serves a request never waits
//! here, and a collector that does not answer is told of once.

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::NoCollector;

/// Spans that wait at most; more are dropped. Some 600 bytes each.
const QUEUE: usize = 4096;
/// Spans in one message.
const BATCH: usize = 512;
/// How long a span waits for others to travel with.
const PAUSE: Duration = Duration::from_secs(1);
/// For one message, its answer included.
const PATIENCE: Duration = Duration::from_secs(5);
/// For what is left when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// The most that is read of an answer; more of it says nothing to us.
const ANSWER: usize = 64 * 1024;
/// Where a collector takes traces, below its own address.
const PLACE: &str = "/v1/traces";

/// The queue and the task behind it.
pub(super) struct Collector {
    queue: mpsc::Sender<SpanData>,
    state: Arc<State>,
    stop: CancellationToken,
    sending: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct State {
    /// Spans that nobody got: no room, or no answer.
    lost: AtomicU64,
    /// The last message did not arrive.
    failing: AtomicBool,
    /// There is a message's worth of spans.
    enough: Notify,
}

impl Collector {
    /// Starts sending to the collector at this address.
    pub(super) fn start(endpoint: &str) -> Result<Self, NoCollector> {
        let state = Arc::new(State::default());
        let exporter = exporter(endpoint, &state)?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let task = send(exporter, waiting, Arc::clone(&state), stop.clone());
        Ok(Self { queue, state, stop, sending: Mutex::new(Some(tokio::spawn(task))) })
    }

    /// Takes a span, or drops it.
    pub(super) fn put(&self, span: SpanData) {
        if self.queue.try_send(span).is_err() {
            self.state.lost.fetch_add(1, Ordering::Relaxed);
        } else if self.queue.capacity() <= QUEUE - BATCH {
            self.state.enough.notify_one();
        }
    }

    /// Sends what is there, but does not try for long, and takes no more.
    pub(super) async fn finish(&self) {
        self.stop.cancel();
        let sending = self.sending.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut sending) = sending else { return };
        if tokio::time::timeout(FAREWELL, &mut sending).await.is_err() {
            sending.abort();
            warn!("the last traces did not reach the collector in time");
        }
        let left = QUEUE - self.queue.capacity();
        let lost = self.state.lost.load(Ordering::Relaxed) + left as u64;
        if lost > 0 {
            warn!(lost, "so many spans were dropped: there was no room, or no collector");
        }
    }
}

async fn send(
    exporter: SpanExporter,
    mut waiting: mpsc::Receiver<SpanData>,
    state: Arc<State>,
    stop: CancellationToken,
) {
    let (mut stopped, mut failed) = (false, false);
    while !stopped {
        tokio::select! {
            () = stop.cancelled() => {
                waiting.close();
                stopped = true;
            }
            // Where nobody answers there is no hurry, however much there is to tell.
            () = state.enough.notified(), if !failed => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
        loop {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Ok(span) = waiting.try_recv()
            {
                batch.push(span);
            }
            if batch.is_empty() {
                break;
            }
            let count = batch.len() as u64;
            // What went wrong was told by whoever saw it.
            failed = exporter.export(batch).await.is_err();
            if failed {
                state.lost.fetch_add(count, Ordering::Relaxed);
                // The rest would wait for the same.
                break;
            }
        }
    }
}

fn exporter(endpoint: &str, state: &Arc<State>) -> Result<SpanExporter, NoCollector> {
    let unusable = |error: &dyn Error| NoCollector(told(error));
    // Straight to where the settings say, and nowhere else.
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| unusable(&error))?;
    let endpoint = endpoint.trim_end_matches('/');
    let endpoint = match endpoint.ends_with(PLACE) {
        true => endpoint.to_owned(),
        false => format!("{endpoint}{PLACE}"),
    };
    let courier = Courier { client, endpoint: endpoint.clone(), state: Arc::clone(state) };
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(PATIENCE)
        // What did not arrive is dropped: behind it more is waiting.
        .with_retry_policy(RetryPolicy::disabled())
        .with_http_client(courier)
        .build()
        .map_err(|error| unusable(&error))?;
    let resource = Resource::builder_empty()
        .with_service_name("askfirst")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

/// Carries messages, and says once that they do not arrive, and once that they do again.
#[derive(Debug)]
struct Courier {
    client: reqwest::Client,
    endpoint: String,
    state: Arc<State>,
}

#[async_trait]
impl HttpClient for Courier {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.carry(request).await;
        let (endpoint, failing) = (&self.endpoint, &self.state.failing);
        let why = match &answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answered {}", response.status())),
            Err(error) => Some(told(&**error)),
        };
        match why {
            Some(error) if !failing.swap(true, Ordering::Relaxed) => {
                warn!(error, endpoint, "traces do not reach the collector and are dropped");
            }
            None if failing.swap(false, Ordering::Relaxed) => {
                let lost = self.state.lost.load(Ordering::Relaxed);
                info!(endpoint, lost, "traces reach the collector again");
            }
            _ => {}
        }
        answer
    }
}

impl Courier {
    async fn carry(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut given = self.client.execute(request.try_into()?).await?;
        let status = given.status();
        let mut body = Vec::new();
        while let Some(part) = given.chunk().await? {
            if body.len() + part.len() > ANSWER {
                break;
            }
            body.extend_from_slice(&part);
        }
        Ok(Response::builder().status(status).body(body.into())?)
    }
}

/// An error with what is behind it; the outermost says only that sending failed.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text += &format!(": {error}");
        behind = error.source();
    }
    text
}
