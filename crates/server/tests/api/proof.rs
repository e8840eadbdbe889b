//! The API of proof.holdings: configs, confirmations and what comes of them, in that API's words.

mod configs;
mod confirmations;
mod doors;
mod tokens;
mod webhooks;

use askfirst_core::{ApprovalId, Dialect};
use serde_json::{Value, json};

use crate::support::workspace::Workspace;
use crate::support::{Answer, Client, TestServer};

/// A workspace where keys vote too, and a key of proof.holdings'.
async fn scene<'a>(server: &'a TestServer, name: &str) -> (Workspace<'a>, Client) {
    let ours = server.found(name).await;
    ours.policy("open", json!({})).await;
    let program = ours.foreign(Dialect::Proof, "open").await;
    (ours, program)
}

/// A config with this channel alone, by its id.
async fn config_with(client: &Client, channel: Value) -> String {
    let body = json!({ "name": "Releases", "channels": [channel] });
    let made = client.post("/api/v1/hitl", &body).send().await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn config(client: &Client) -> String {
    config_with(client, json!({ "type": "browser" })).await
}

/// The body on that product's page.
fn deploy(hitl: &str) -> Value {
    json!({ "hitl_id": hitl, "message": "Deploy v2.1 to production?", "timeout": 3600 })
}

async fn asked(client: &Client, hitl: &str) -> Value {
    client.post("/api/v1/confirmations", &deploy(hitl)).send().await.expect(201)
}

fn path(confirmation: &Value, rest: &str) -> String {
    format!("/api/v1/confirmations/{}{rest}", confirmation["id"].as_str().unwrap())
}

async fn read(client: &Client, confirmation: &Value) -> Value {
    client.get(path(confirmation, "")).await.expect(200)
}

/// The approval that a confirmation is, as this person reads it.
async fn native(client: &Client, confirmation: &Value) -> Value {
    let all = client.get("/v1/approvals?limit=100").await.expect(200);
    let is = |known: &&Value| {
        let id: ApprovalId = known["id"].as_str().unwrap().parse().unwrap();
        format!("{:024x}", id.to_bits() >> 32) == confirmation["id"].as_str().unwrap()
    };
    all["data"].as_array().unwrap().iter().find(is).unwrap().clone()
}

/// The error that its clients get: its code, and what it says.
#[track_caller]
fn error(answer: &Answer, status: u16) -> (String, String) {
    let told = answer.json();
    assert_eq!(answer.status, status, "{told}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(told.as_object().unwrap().len(), 1, "{told}");
    let error = &told["error"];
    assert_eq!(error["request_id"], answer.header("x-request-id"), "{told}");
    for detail in error["details"].as_array().into_iter().flatten() {
        for name in ["field", "message", "code"] {
            assert!(detail[name].is_string(), "{told}");
        }
    }
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}
