//! `/metrics`, on an address of its own: it asks for no key, so it is not for everyone.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::serve::converse;
use crate::service::Service;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers until `stop`.
pub(crate) async fn run(listener: TcpListener, service: Arc<Service>, stop: CancellationToken) {
    let router = Router::new().route("/metrics", get(show)).with_state(service);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(converse(stream, peer, router.clone(), stop.clone()));
            }
            Err(error) => {
                debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn show(State(service): State<Arc<Service>>) -> Response {
    let health = service.store().health().await.ok();
    let deliveries = service.store().delivery_counts().await.ok();
    let notices = service.store().notice_counts().await.ok();
    let (waiters, now) = (service.wakeups.waiters(), service.store().now());
    let text = service.metrics.told(health.as_ref(), deliveries, notices, waiters, now);
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
