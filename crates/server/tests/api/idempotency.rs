//! A request that is repeated under its Idempotency-Key happens once.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::{path_of, question};
use crate::support::{Client, TestServer};

async fn count(client: &Client) -> usize {
    client.get("/v1/approvals?limit=100").await.expect(200)["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_repeated_ask_gives_the_same_status_and_the_approval_as_it_stands() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let ask = |key: &str| agent.post("/v1/approvals", &question("deploy", json!({}))).once(key);
    let first = ask("k-1").send().await.expect(201);
    // The draft standard quotes the key; both spellings are the same key.
    let second = ask("\"k-1\"").send().await.expect(201);
    assert_eq!(second["id"], first["id"]);
    // Spacing and order of members say nothing.
    let spaced =
        r#"{ "action": {"title":"Do deploy?", "arguments": {"version":"2.1"}, "name":"deploy"} }"#;
    let call = agent.call(Method::POST, "/v1/approvals").bytes(spaced).once("k-1");
    let third = call.header("content-type", "application/json").send().await.expect(201);
    assert_eq!(third["id"], first["id"]);

    dev.approve(&first).await.expect(200);
    let proof = agent.proof(&first).await;
    let current = ask("k-1").send().await.expect(201);
    assert_eq!((&current["status"], &current["proof"]), (&json!("approved"), &proof));
    assert_eq!(current, agent.read(&first).await);
    assert_eq!(count(&agent).await, 1);

    let other = agent.post("/v1/approvals", &question("other", json!({}))).once("k-1").send().await;
    assert_eq!(other.problem(), "422 idempotency_mismatch");
    assert_ne!(ask("k-2").send().await.expect(201)["id"], first["id"]);
    assert_eq!(count(&agent).await, 2);
}

#[tokio::test]
async fn a_hundred_parallel_repeats_put_one_question() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let asks = (0..100).map(|_| {
        let call = agent.post("/v1/approvals", &question("deploy", json!({}))).once("same");
        tokio::spawn(call.send())
    });
    let mut ids = std::collections::BTreeSet::new();
    for ask in asks.collect::<Vec<_>>() {
        ids.insert(ask.await.unwrap().expect(201)["id"].to_string());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(count(&agent).await, 1);
}

#[tokio::test]
async fn a_key_means_something_only_to_who_used_it_and_for_what() {
    let server = TestServer::start().await;
    let (agent, other) = (server.asker(), server.workspace().asker().await);
    let elsewhere = server.found("acme").await;
    let foreign = elsewhere.asker().await;
    let ask =
        |client: &Client| client.post("/v1/approvals", &question("a", json!({}))).once("k").send();
    let mine = ask(&agent).await.expect(201);
    let theirs = ask(&other).await.expect(201);
    let foreigners = ask(&foreign).await.expect(201);
    assert_ne!(mine["id"], theirs["id"]);
    assert_ne!(mine["id"], foreigners["id"]);
    // The same key on another operation is another request.
    let cancelled = agent.post(path_of(&mine, "/cancel"), &json!({})).once("k").send().await;
    assert_eq!(cancelled.expect(200)["status"], "cancelled");
    let second = ask(&agent).await.expect(201);
    assert_eq!((&second["id"], &second["status"]), (&mine["id"], &json!("cancelled")));
}

#[tokio::test]
async fn everything_that_happens_to_an_approval_can_be_repeated() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    let digest = json!({ "action_digest": asked["action_digest"] });
    let vote =
        json!({ "decision": "approve", "action_digest": asked["action_digest"], "comment": "go" });
    let revoked = agent.ask("other").await;
    let withdrawn = agent.ask("third").await;
    dev.approve(&revoked).await.expect(200);
    for (client, path, body) in [
        (&dev, path_of(&asked, "/vote"), vote),
        (&agent, path_of(&asked, "/consume"), digest),
        (&agent, path_of(&asked, "/outcome"), json!({ "status": "failed", "note": "no disk" })),
        (&dev, path_of(&revoked, "/revoke"), json!({ "reason": "changed my mind" })),
        (&agent, path_of(&withdrawn, "/cancel"), json!({ "reason": "not needed" })),
    ] {
        let first = client.post(&path, &body).once("k").send().await.expect(200);
        let again = client.post(&path, &body).once("k").send().await.expect(200);
        assert_eq!(again["version"], first["version"], "{path}");
        assert_eq!(again["status"], first["status"], "{path}");
        let mut other = body.clone();
        let field = if path.ends_with("consume") { "action_digest" } else { "comment" };
        let field = if path.ends_with("outcome") { "note" } else { field };
        let field =
            if path.ends_with("cancel") || path.ends_with("revoke") { "reason" } else { field };
        other[field] = match field {
            "action_digest" => json!(format!("sha256:{}", "0".repeat(64))),
            _ => json!("something else"),
        };
        let mismatch = client.post(&path, &other).once("k").send().await;
        assert_eq!(mismatch.problem(), "422 idempotency_mismatch", "{path}");
    }
}

#[tokio::test]
async fn administration_can_be_repeated_and_a_secret_is_told_once() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let ana = server.workspace().member("ana").await;
    let policy = json!({ "name": "p", "needs": [{ "from": ["members"] }] });
    for (path, body, secret) in [
        ("/v1/members".to_owned(), json!({ "email": "ben@example.com", "name": "Ben" }), ""),
        ("/v1/groups".into(), json!({ "name": "sre", "members": [ana] }), ""),
        ("/v1/policies".into(), policy, ""),
        ("/v1/keys".into(), json!({ "name": "k", "scopes": ["ask"] }), "key"),
        (format!("/v1/members/{ana}/login-link"), json!({}), "url"),
    ] {
        let send = || admin.post(&path, &body).once("k").send();
        let mut first = send().await.expect(201);
        let audit = admin.get("/v1/audit?limit=100").await.expect(200);
        let again = send().await.expect(201);
        if !secret.is_empty() {
            assert!(first[secret].is_string(), "{path}: {first}");
            first[secret] = Value::Null;
        }
        if secret == "url" {
            first["expires_at"] = Value::Null;
        }
        assert_eq!(again, first, "{path}");
        assert_eq!(admin.get("/v1/audit?limit=100").await.expect(200), audit, "{path}");
    }
    let other = admin.post("/v1/members", &json!({ "email": "c@example.com", "name": "C" }));
    assert_eq!(other.once("k").send().await.problem(), "422 idempotency_mismatch");
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let ask =
        || agent.post("/v1/approvals", &question("a", json!({ "policy": "later" }))).once("k");
    assert_eq!(ask().send().await.problem(), "422 unknown_policy");
    server.workspace().policy("later", json!({})).await;
    assert_eq!(ask().send().await.status, 201);
}

#[tokio::test]
async fn a_key_that_cannot_be_one_is_refused() {
    let server = TestServer::start().await;
    let agent = server.asker();
    server.signing().await;
    let before = server.picture();
    let ask = || agent.post("/v1/approvals", &question("a", json!({})));
    let long = "x".repeat(256);
    for key in ["", " ", "\"\"", &long, "\"", "a\tb"] {
        assert_eq!(ask().once(key).send().await.problem(), "400 bad_request", "{key:?}");
    }
    assert_eq!(ask().once("a").once("a").send().await.problem(), "400 bad_request");
    assert_eq!(server.picture(), before);
    assert_eq!(ask().once(&"x".repeat(255)).send().await.status, 201);
}
