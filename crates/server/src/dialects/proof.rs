//! The API of proof.holdings: a program names its ways to people once, asks for confirmations by
//! them, and polls or listens until somebody has decided. What is that product's word and what is
//! ours stands in docs/dialects/proof.md.

mod config;
mod confirmation;
mod delivery;
mod discovery;
mod list;
mod stream;
mod tokens;
mod ways;
pub(super) mod webhook;

use askfirst_core::{Dialect, Problem as Mistake};
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{any, get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{second, status_of};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::presented;
use crate::service::{Caller, ServiceError};

pub(crate) use tokens::claims;

/// Where all of it is. What else is below `/api/v1` is not this API's.
pub(super) const ROOTS: [&str; 7] = [
    "/api/v1/confirmations",
    "/v1/confirmations",
    "/api/v1/hitl",
    "/api/v1/proofs",
    "/api/v1/webhook-deliveries",
    "/api/v1/authorizations",
    "/api/v1/me",
];

/// Those with something there.
const LIVELY: [&str; 4] = [ROOTS[0], ROOTS[1], ROOTS[2], ROOTS[4]];

pub(super) fn routes() -> Router<App> {
    let mut router = Router::new()
        .route("/api/v1/hitl", get(config::list).post(config::add))
        .route("/api/v1/hitl/{id}", get(config::get).patch(config::change).delete(config::archive))
        .route("/api/v1/hitl/{id}/finalize", post(config::finalize))
        .route("/api/v1/hitl/{id}/authorize", post(config::authorize))
        .route(
            "/api/v1/hitl/{id}/keys",
            get(config::no_keys).put(config::refuse_keys).delete(config::no_keys),
        )
        .route("/api/v1/hitl/chat-id-discovery", post(discovery::start))
        .route("/api/v1/hitl/chat-id-discovery/{token}", get(discovery::look))
        .route("/api/v1/hitl/{id}/approver-keys", get(config::approver_keys));
    let log = "/api/v1/webhook-deliveries";
    router = router
        .route(log, get(delivery::list))
        .route("/api/v1/webhook-deliveries/stats", get(delivery::stats))
        .route("/api/v1/webhook-deliveries/{id}", get(delivery::get))
        .route("/api/v1/webhook-deliveries/{id}/retry", post(delivery::retry));
    // Their page says the second; their example and their client the first.
    for root in ["/api/v1/confirmations", "/v1/confirmations"] {
        router = router
            .route(root, get(list::list).post(confirmation::add))
            .route(&format!("{root}/{{id}}"), get(confirmation::get))
            .route(&format!("{root}/{{id}}/approval-link"), post(confirmation::link))
            .route(&format!("{root}/{{id}}/events"), get(stream::events));
    }
    router = router
        .route("/api/v1/proofs/validate", post(tokens::validate))
        .route("/api/v1/proofs/revoked", get(tokens::revoked))
        .route("/api/v1/proofs/status-list/{id}", get(tokens::status_list))
        .route("/api/v1/proofs/{id}/status", get(tokens::status))
        .route("/api/v1/proofs/{id}/revoke", post(tokens::revoke));
    for root in ROOTS {
        let below = ["/", "/{id}/", "/{id}/{*rest}"];
        for rest in below {
            router = router.route(&format!("{root}{rest}"), any(nothing_here));
        }
    }
    for root in ROOTS.iter().filter(|root| !LIVELY.contains(root)) {
        for rest in ["", "/{id}"] {
            router = router.route(&format!("{root}{rest}"), any(nothing_here));
        }
    }
    router.method_not_allowed_fallback(wrong_method)
}

/// The kinds of problem that are named after what happened, and not after their status.
const OWN: [&str; 3] = [INVALID_STATUS, CONFIG_ARCHIVED, NO_ENCRYPTION];
const INVALID_STATUS: &str = "invalid_status";
const CONFIG_ARCHIVED: &str = "config_archived";
const NO_ENCRYPTION: &str = "encryption_unavailable";

/// A problem as its clients read it.
pub(super) fn refusal(problem: &Problem) -> (StatusCode, Value) {
    let status = status_of(problem);
    let code = match status.as_u16() {
        _ if OWN.contains(&problem.name()) => problem.name(),
        400 => "validation_error",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        429 => "rate_limited",
        500 => "internal_error",
        503 => "service_unavailable",
        _ => problem.name(),
    };
    let mut error = Map::new();
    error.insert("code".into(), code.into());
    error.insert("message".into(), problem.detail().into());
    let details: Vec<_> =
        problem.mistakes().map(|(pointer, detail)| field(pointer, detail)).collect();
    if !details.is_empty() {
        error.insert("details".into(), details.into());
    }
    if let Some(seconds) = problem.retry_after() {
        // Their client reads the first, their documents name the second.
        error.insert("retryAfter".into(), seconds.into());
        error.insert("retry_after".into(), seconds.into());
    }
    error.insert("request_id".into(), problem.request().into());
    (status, json!({ "error": error }))
}

/// A mistake in one place of the request.
fn field(pointer: &str, detail: &str) -> Value {
    // What is missing has no place of its own; the words name it.
    let named = |begins: &str| detail.strip_prefix(begins)?.split('`').next();
    let (name, code) = if let Some(name) = named("missing field `") {
        let place = pointer.trim_start_matches('/').replace('/', ".");
        (if place.is_empty() { name.into() } else { format!("{place}.{name}") }, "required")
    } else {
        let name = pointer.trim_start_matches(['/', '?']).replace('/', ".");
        let unknown = detail.starts_with("unknown field");
        (name, if unknown { "unrecognized" } else { "invalid" })
    };
    json!({ "field": name, "message": detail, "code": code })
}

/// A program with a key of this dialect.
struct Program(Caller);

impl FromRequestParts<App> for Program {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let metered = presented(&parts.headers, app, Dialect::Proof).await?;
        Ok(Self(metered.caller))
    }
}

/// A body that says nothing. Clients of this API announce JSON and send none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn own(name: &str, title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, name, title, detail)
}

fn invalid(pointer: &str, detail: impl Into<String>) -> Problem {
    let detail = detail.into();
    ServiceError::Invalid(vec![Mistake { pointer: pointer.into(), detail }]).into()
}

/// In the words of this API there are no approvals, and a deadline is a timeout.
fn told(error: ServiceError) -> Problem {
    match error {
        ServiceError::NotFound("approval" | "pending approval") => {
            ServiceError::NotFound("confirmation").into()
        }
        ServiceError::Invalid(mut mistakes) => {
            for mistake in &mut mistakes {
                if mistake.pointer == "/expires_in" {
                    mistake.pointer = "/timeout".into();
                }
            }
            ServiceError::Invalid(mistakes).into()
        }
        other => other.into(),
    }
}

async fn nothing_here() -> Problem {
    Problem::not_found(
        "there is nothing at this path; there are /api/v1/confirmations, /api/v1/hitl, \
         /api/v1/proofs and /api/v1/webhook-deliveries",
    )
}

async fn wrong_method() -> Problem {
    let detail = "this path does not take that method; docs/dialects/proof.md, which is at \
                  /docs/proof of this server, has all calls";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Wrong method", detail)
}
