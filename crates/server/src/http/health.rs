//! `/healthz`: the process answers. `/readyz`: it can do its work.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// How the server is doing.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// This program's version.
    version: &'static str,
}

/// What each part says.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadyView {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// Whether the store takes writes.
    store: bool,
    /// Whether there is a key to sign receipts with.
    signing_key: bool,
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operating",
    responses((status = 200, body = HealthView)))]
pub async fn healthz() -> Json<HealthView> {
    Json(HealthView { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// The server can do its work.
#[utoipa::path(get, path = "/readyz", tag = "operating",
    responses((status = 200, body = ReadyView), (status = 503, body = ReadyView)))]
pub async fn readyz(State(app): State<App>) -> Response {
    let store = app.service.store().health().await.is_ok_and(|health| health.writable);
    let signing_key = !app.service.jwks().keys.is_empty();
    let ready = store && signing_key && !app.service.is_stopping();
    let (code, status) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(ReadyView { status, store, signing_key })).into_response()
}
