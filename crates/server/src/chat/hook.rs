//! Where Telegram calls, for bots that are heard by webhook. Whoever calls proves first that they
//! were told the secret; before that nothing of what they say is read.

use std::sync::Arc;

use askfirst_core::ChannelId;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::{BodyExt, Limited};
use tracing::warn;

use super::{hear, reply};
use crate::app::App;
use crate::channels::telegram;
use crate::http::request::Id;
use crate::metrics::Unheard;

/// What an update can hold, in bytes.
const LARGEST: usize = 256 * 1024;
/// The header that proves who calls.
const SECRET: &str = "x-telegram-bot-api-secret-token";

/// The addresses that providers call.
pub fn routes() -> Router<App> {
    Router::new().route("/hooks/telegram/{id}", post(update))
}

async fn update(
    State(app): State<App>,
    Id(id): Id<ChannelId>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    match heard(&app, id, &headers, request).await {
        Ok(()) => (StatusCode::OK, "{}").into_response(),
        Err(status) => status.into_response(),
    }
}

async fn heard(
    app: &App,
    id: ChannelId,
    headers: &HeaderMap,
    request: Request,
) -> Result<(), StatusCode> {
    let service = &app.service;
    let unavailable = |_| StatusCode::SERVICE_UNAVAILABLE;
    let channel = service.store().channel(id).await.map_err(unavailable)?;
    let channel = channel.ok_or(StatusCode::NOT_FOUND)?;
    // Without a secret anybody could speak in anybody's name.
    let secret = service.hook_secret(&channel).ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let given = headers.get(SECRET).map_or(&b""[..], |value| value.as_bytes());
    if verify_slices_are_equal(given, secret.as_bytes()).is_err() {
        service.metrics.unheard(Unheard::Secret);
        return Err(StatusCode::UNAUTHORIZED);
    }
    let body = Limited::new(request.into_body(), LARGEST).collect().await;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?.to_bytes();
    let update = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    // What cannot be read now cannot be read later either: it is taken, and not called for again.
    let Ok(Some(known)) = telegram::read(update) else { return Ok(()) };
    let said = hear(service, &channel, &known).await.map_err(|error| {
        warn!(%error, "what Telegram told was not recorded; it will tell it again");
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    let service = Arc::clone(service);
    tokio::spawn(async move {
        if let Ok(way) = service.open_bot(&channel) {
            reply(&service, &way, said).await;
        }
    });
    Ok(())
}
