//! What is told: a span for each request, by its route's pattern, and one trace for each approval,
//! made of its id. Spans are put together by hand, so that nothing leaves the process but what
//! stands here by name: ids, our own words, numbers. No path, no payload, no text that anybody
//! wrote, no address, no name.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use askfirst_core::{Event, Timestamp};
use askfirst_store::Committed;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::NoCollector;
use super::collector::Collector;
use crate::app::App;
use crate::http::front::REQUEST_ID;
use crate::metrics::known;
use crate::mint;

tokio::task_local! {
    /// The request that is being served.
    static CAUSE: SpanContext;
}

/// What is told to a collector; cheap to clone.
#[derive(Clone)]
pub struct Traces {
    collector: Arc<Collector>,
    scope: InstrumentationScope,
}

impl Traces {
    /// Tells the collector at this address from now on; to be called where tasks can be spawned.
    ///
    /// # Errors
    /// An address or environment that cannot be used; a collector that does not answer is no error.
    pub fn start(endpoint: &str) -> Result<Self, NoCollector> {
        let version = env!("CARGO_PKG_VERSION");
        let scope = InstrumentationScope::builder("askfirst").with_version(version).build();
        Ok(Self { collector: Arc::new(Collector::start(endpoint)?), scope })
    }

    /// Has every request of these routes followed.
    pub(crate) fn around(&self, router: Router<App>, app: &App) -> Router<App> {
        let state = (self.clone(), app.clone());
        router.layer(middleware::from_fn_with_state(state, follow))
    }

    /// This happened to an approval, and is durable. Its trace has the id of the approval.
    pub(crate) fn happened(&self, committed: &Committed) {
        let approval = &committed.approval;
        let bits = approval.id.to_bits();
        let trace = TraceId::from(bits);
        // A UUIDv7 ends in 62 random bits.
        #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
        let whole = SpanId::from(bits as u64);
        let about = [
            KeyValue::new("askfirst.approval.id", approval.id.to_string()),
            KeyValue::new("askfirst.workspace.id", approval.workspace.to_string()),
            KeyValue::new("askfirst.environment", approval.environment.as_str()),
        ];
        let cause = CAUSE.try_with(Clone::clone).ok().filter(SpanContext::is_sampled);
        let now = moment(committed.now);
        for event in &committed.events {
            let mut links = SpanLinks::default();
            links.links.extend(cause.clone().map(Link::with_context));
            let mut attributes = about.to_vec();
            if let Event::Voted { vote } = event {
                attributes.push(KeyValue::new("askfirst.vote", vote.decision.as_str()));
                attributes.push(KeyValue::new("askfirst.assurance", vote.assurance.as_str()));
            }
            self.collector.put(SpanData {
                parent_span_id: whole,
                links,
                attributes,
                ..self.span(
                    sampled(trace, SpanId::from(mint::span_id())),
                    format!("approval {}", event.name()),
                    (now, now),
                )
            });
            if let Event::Decided { decision } = event {
                let status = KeyValue::new("askfirst.status", decision.status.as_str());
                let took = (moment(approval.created_at), moment(decision.decided_at));
                self.collector.put(SpanData {
                    attributes: about.iter().cloned().chain([status]).collect(),
                    ..self.span(sampled(trace, whole), "approval".into(), took)
                });
            }
        }
    }

    /// Sends what is still there, as far as that takes no longer than a moment.
    pub(crate) async fn flush(&self) {
        self.collector.finish().await;
    }

    fn span(
        &self,
        span_context: SpanContext,
        name: String,
        (start_time, end_time): (SystemTime, SystemTime),
    ) -> SpanData {
        SpanData {
            span_context,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time,
            end_time,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

fn sampled(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn moment(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(at.micros()).unwrap_or(0))
}

async fn follow(
    State((traces, app)): State<(Traces, App)>,
    request: Request,
    next: Next,
) -> Response {
    let parent = parent(request.headers());
    let trace = parent.as_ref().map(SpanContext::trace_id);
    let flags = parent.as_ref().map_or(TraceFlags::SAMPLED, SpanContext::trace_flags);
    let context = SpanContext::new(
        trace.unwrap_or_else(|| TraceId::from(mint::id_bits())),
        SpanId::from(mint::span_id()),
        flags,
        false,
        TraceState::NONE,
    );
    let mut followed = Followed {
        context: context.clone(),
        parent: parent.map_or(SpanId::INVALID, |parent| parent.span_id()),
        method: known(request.method()),
        route: request.extensions().get::<MatchedPath>().cloned(),
        began: app.service.now(),
        since: Instant::now(),
        answer: None,
        traces,
    };
    let response = CAUSE.scope(context, next.run(request)).await;
    let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    followed.answer = Some((response.status(), id.map(str::to_owned)));
    response
}

/// A request on its way; told of when it is dropped, so also when nobody waits for its answer.
struct Followed {
    traces: Traces,
    context: SpanContext,
    parent: SpanId,
    method: &'static str,
    route: Option<MatchedPath>,
    began: Timestamp,
    since: Instant,
    answer: Option<(StatusCode, Option<String>)>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        if !self.context.is_sampled() {
            return;
        }
        // The words of OpenTelemetry's conventions for methods that clients make up.
        let (method, called) = match self.method {
            "other" => ("_OTHER", "HTTP"),
            method => (method, method),
        };
        let mut attributes = vec![KeyValue::new("http.request.method", method)];
        let name = match &self.route {
            Some(route) => {
                attributes.push(KeyValue::new("http.route", route.as_str().to_owned()));
                format!("{called} {}", route.as_str())
            }
            None => called.to_owned(),
        };
        let mut status = Status::Unset;
        match self.answer.take() {
            Some((code, id)) => {
                let number = i64::from(code.as_u16());
                attributes.push(KeyValue::new("http.response.status_code", number));
                attributes.extend(id.map(|id| KeyValue::new("askfirst.request.id", id)));
                if code.is_server_error() {
                    attributes.push(KeyValue::new("error.type", number.to_string()));
                    status = Status::error("");
                }
            }
            None => attributes.push(KeyValue::new("error.type", "hung_up")),
        }
        let start = moment(self.began);
        let span = SpanData {
            parent_span_id: self.parent,
            parent_span_is_remote: self.parent != SpanId::INVALID,
            span_kind: SpanKind::Server,
            attributes,
            status,
            ..self.traces.span(self.context.clone(), name, (start, start + self.since.elapsed()))
        };
        self.traces.collector.put(span);
    }
}

/// The caller's own span, from a `traceparent` as the W3C writes it. It says which trace the
/// request is told in, and whether; nothing else follows from it. What comes along in `tracestate`
/// is text of a stranger's and goes nowhere.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let mut given = headers.get_all("traceparent").iter();
    let text = given.next()?.to_str().ok()?;
    let mut parts = text.split('-');
    let mut hex = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length
                && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        })
    };
    let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    if given.next().is_some() || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(lines: &[&str]) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("traceparent", line.parse().unwrap());
        }
        parent(&headers)
    }

    #[test]
    fn a_caller_says_which_trace_it_is_in_and_whether_it_is_followed() {
        let followed = of(&[&format!("00-{TRACE}-00f067aa0ba902b7-01")]).unwrap();
        assert_eq!(followed.trace_id().to_string(), TRACE);
        assert_eq!(followed.span_id().to_string(), "00f067aa0ba902b7");
        assert!(followed.is_sampled() && followed.is_remote());
        assert!(!of(&[&format!("00-{TRACE}-00f067aa0ba902b7-00")]).unwrap().is_sampled());
        // A version to come may say more at the end.
        assert!(of(&[&format!("01-{TRACE}-00f067aa0ba902b7-01-more")]).is_some());
    }

    #[test]
    fn what_is_no_traceparent_counts_for_nothing() {
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        for bad in [
            "",
            "00",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        ] {
            assert_eq!(of(&[bad]), None, "{bad}");
        }
        assert_eq!(of(&[&good, &good]), None);
        assert_eq!(of(&[]), None);
    }
}
