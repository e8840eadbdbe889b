//! The way in, for every request: an id that the answer carries too, a host name that is ours, TLS
//! where people are promised it, one line of log, and an answer that no cache keeps, even if the code behind it panics. No bodies
//! and no secrets are logged. One layer does all of it, for each layer costs every request a
//! boxed future and copies of all that lies inside.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::FutureExt;
use tracing::{Instrument, error, info, info_span, warn};

use super::problem::Problem;
use super::visitor::Visitor;
use crate::app::{App, Reach};
use crate::dialects;
use crate::mint;
use crate::service::ServiceError;

tokio::task_local! {
    static REQUEST: String;
}

/// The header that carries the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that is being served; `none` outside of one.
pub(crate) fn request_id() -> String {
    REQUEST.try_with(Clone::clone).unwrap_or_else(|_| "none".into())
}

/// Lets a request in, and its answer out.
pub async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = mint::request_id();
    let method = request.method().clone();
    // The route's pattern, never the path itself: paths can carry tokens.
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("-", MatchedPath::as_str);
    let spoken = dialects::at(request.uri().path());
    let visitor = Visitor::of(&app.reach, &request);
    let client = visitor.address.map(tracing::field::display);
    let span = info_span!("request", id, %method, route, client);
    let began = Instant::now();
    let answer = REQUEST.scope(id.clone(), answered(&app.reach, &visitor, request, next));
    let mut response = dialects::dressed(spoken, answer.instrument(span.clone()).await);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    // Only assets say otherwise; everything else may hold secrets.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let _entered = span.enter();
    let took = began.elapsed();
    app.service.metrics().answered(&method, matched, response.status(), took);
    let (status, milliseconds) = (response.status().as_u16(), took.as_millis());
    if status >= 500 {
        warn!(status, milliseconds, "answered");
    } else {
        info!(status, milliseconds, "answered");
    }
    response
}

async fn answered(reach: &Reach, visitor: &Visitor, mut request: Request, next: Next) -> Response {
    if !visitor.named_us {
        let detail = "this server does not answer to that host name; set public_url to it, or add it to hosts";
        let (status, title) = (StatusCode::MISDIRECTED_REQUEST, "Unknown host");
        return Problem::new(status, "unknown_host", title, detail).into_response();
    }
    if visitor.unprotected && reach.is_https() {
        return to_https(reach, &request);
    }
    request.extensions_mut().insert(visitor.clone());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            // The panic's own words went to standard error.
            error!("a request ended in a panic");
            Problem::from(ServiceError::Internal("a panic".into())).into_response()
        }
    }
}

/// Who came to the proxy without TLS is sent to where there is some; a key that travelled like
/// that is told to be burnt.
fn to_https(reach: &Reach, request: &Request) -> Response {
    let looks = [Method::GET, Method::HEAD].contains(request.method());
    if looks && !request.headers().contains_key(header::AUTHORIZATION) {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return Redirect::permanent(&format!("{}{path}", reach.public_url)).into_response();
    }
    let detail = format!(
        "this came without TLS and was not read; send it to {}. a key or password that was in it \
         could be seen on the way: replace it",
        reach.public_url
    );
    Problem::new(StatusCode::FORBIDDEN, "https_required", "TLS is required", detail).into_response()
}
