//! Receivers of webhooks that note when something reaches them, and a bare client that sends them
//! the like: what the road itself costs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::server::Server;

/// When what was sent about an approval came first, and how often it came.
type Arrivals = Arc<Mutex<HashMap<String, (Instant, u32)>>>;

/// One that listens until it is dropped.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) url: String,
    arrivals: Arrivals,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Receiver {
    /// Listens on a free port of loopback.
    pub(crate) async fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let arrivals = Arrivals::default();
        let router = Router::new().fallback(receive).with_state(Arc::clone(&arrivals));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, arrivals, serving })
    }

    /// Has the server send it these events.
    pub(crate) async fn subscribe(&self, server: &Server, event: &str) -> anyhow::Result<()> {
        let mut client = Client::connect(&server.ready.url).await?;
        let body = json!({ "url": self.url, "events": [event], "environment": "dev" }).to_string();
        let made = client.call("POST", "/v1/webhooks", &server.ready.admin_key, &body).await?;
        let made = made.json();
        ensure!(made["state"] == "active", "the receiver was not taken: {made}");
        Ok(())
    }

    /// When what is known by this came, if it did.
    pub(crate) fn arrival(&self, id: &str) -> Option<Instant> {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.get(id).map(|(at, _)| *at)
    }

    /// How many came, each counted once.
    pub(crate) fn came(&self) -> usize {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Returns when so many came.
    ///
    /// # Errors
    /// If they do not within `patience`.
    pub(crate) async fn wait_for(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.came() < count {
            ensure!(began.elapsed() < patience, "only {} of {count} arrived", self.came());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// How many came more than once.
    pub(crate) fn repeated(&self) -> usize {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.values().filter(|(_, times)| *times > 1).count()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(arrivals): State<Arrivals>, body: Bytes) -> Response {
    let now = Instant::now();
    let Ok(event) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Some(challenge) = event["data"]["challenge"].as_str() {
        return axum::Json(json!({ "challenge": challenge })).into_response();
    }
    if let Some(approval) = event["data"]["approval"].as_str() {
        let mut arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.entry(approval.into()).or_insert((now, 0)).1 += 1;
    }
    StatusCode::NO_CONTENT.into_response()
}

/// Sends a receiver what a delivery looks like, by a connection of its own as deliveries go.
pub(crate) async fn send_bare(url: &str, id: &str) -> anyhow::Result<()> {
    let body = json!({
        "type": "approval.asked",
        "timestamp": "2026-03-02T10:00:00.000000Z",
        "data": {
            "workspace": "wsp_0000000000000000000000000", "environment": "dev", "approval": id,
            "sequence": 1, "detail": { "by": "key:agent", "policy": "default" },
        },
    });
    let signature = "webhook-id: dlv_0000000000000000000000000\r\n\
                     webhook-timestamp: 1772445600\r\n\
                     webhook-signature: v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    let mut client = Client::connect(url).await.context("the receiver cannot be reached")?;
    let request = client.request("POST", "/", "none", &body.to_string(), signature);
    let reply = client.send(&request).await?;
    ensure!(reply.status == 204, "the receiver answered {}", reply.status);
    Ok(())
}
