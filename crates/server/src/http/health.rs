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
    /// Which shape the stored data has; null if it could not be read.
    schema: Option<u32>,
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
    let health = app.service.store().health().await.ok();
    let store = health.as_ref().is_some_and(|health| health.writable);
    let schema = health.map(|health| health.schema);
    let signing_key = !app.service.jwks().keys.is_empty();
    let ready = store && signing_key && !app.service.is_stopping();
    let (code, status) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (code, Json(ReadyView { status, store, schema, signing_key })).into_response()
}
