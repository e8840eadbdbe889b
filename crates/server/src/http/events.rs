//! `/v1/approvals/{id}/events`: what happened to an approval, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use askfirst_core::ApprovalId;
use askfirst_store::EventRecord;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;

use super::problem::Problem;
use super::request::Id;
use crate::app::App;
use crate::crowd::Stay;
use crate::service::Caller;

/// How often a silent stream says that it is alive; shorter than proxies' usual patience.
const KEEP_ALIVE: Duration = Duration::from_secs(45);
/// How long one look waits for the next event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Follow one approval. Each event's id is the approval's version after it; a stream that
/// broke off goes on with `Last-Event-ID`.
#[utoipa::path(get, path = "/v1/approvals/{id}/events", tag = "approvals",
    params(("id" = String, Path), ("Last-Event-ID" = Option<u32>, Header, description = "Go on after this version")),
    responses((status = 200, content_type = "text/event-stream", description = "One event per change"), (status = 404, body = Problem)))]
pub async fn stream(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(value) => value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Problem::bad_request("Last-Event-ID is not one that this stream gave")
        })?,
    };
    // The first look is part of the answer, so that an unknown id is a 404 and not a stream.
    let first = app.service.events(&caller, id, after, Duration::ZERO).await?;
    let stay = app.service.stay(&caller)?;
    let stream = follow(app, caller, id, after, first, stay);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn follow(
    app: App,
    caller: Caller,
    id: ApprovalId,
    after: u32,
    first: Vec<EventRecord>,
    stay: Stay,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let looks = stream::unfold((after, Some(first), stay), move |(after, ready, stay)| {
        let (app, caller) = (app.clone(), caller.clone());
        async move {
            let records = match ready {
                Some(records) => records,
                None if app.service.is_stopping() => return None,
                // A credential that went bad, or a store that fails, ends the stream; the client
                // comes back and is told why.
                None => app.service.events(&caller, id, after, PATIENCE).await.ok()?,
            };
            let after = records.last().map_or(after, |record| record.version);
            Some((stream::iter(records), (after, None, stay)))
        }
    });
    looks.flatten().map(move |record| Ok(event(id, &record)))
}

fn event(id: ApprovalId, record: &EventRecord) -> Event {
    let data = json!({
        "approval": id,
        "version": record.version,
        "type": record.name,
        "at": record.at,
        "detail": record.detail,
    });
    Event::default().id(record.version.to_string()).event(&record.name).data(data.to_string())
}
