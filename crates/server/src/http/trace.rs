//! One line of log per request, with an id that the answer carries too. No bodies, no secrets.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, info, info_span, warn};

use crate::mint;

tokio::task_local! {
    static REQUEST: String;
}

/// The header that carries the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that is being served; `none` outside of one.
pub(crate) fn request_id() -> String {
    REQUEST.try_with(Clone::clone).unwrap_or_else(|_| "none".into())
}

/// Gives each request an id, and logs method, route, status and duration.
pub async fn record(request: Request, next: Next) -> Response {
    let id = format!("{:032x}", mint::id_bits());
    let method = request.method().clone();
    // The route's pattern, never the path itself: paths can carry tokens.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let span = info_span!("request", id, %method, route);
    let began = Instant::now();
    let answer = REQUEST.scope(id.clone(), next.run(request)).instrument(span.clone());
    let mut response = answer.await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let _entered = span.enter();
    let (status, milliseconds) = (response.status().as_u16(), began.elapsed().as_millis());
    if status >= 500 {
        warn!(status, milliseconds, "answered");
    } else {
        info!(status, milliseconds, "answered");
    }
    response
}
