//! What is kept and what is let go of: retention, holds and erasure, and what a proof still says.

use askfirst_core::Scope;
use askfirst_proof::{Expect, Standing, Trust, verify_bundle};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::path_of;
use crate::support::{Client, TestServer};

const DAY: i64 = 86_400;

/// Asked with every kind of text, and rejected with a comment.
async fn rejected(asker: &Client, voter: &Client, word: &str) -> Value {
    let more = json!({
        "action": { "name": "pay", "title": format!("{word} title"), "arguments": { "to": word } },
        "reason": format!("{word} reason"),
        "metadata": { "note": word },
        "agent": { "name": format!("{word} agent") },
    });
    let asked = asker.ask_with("pay", more).await;
    let digest = &asked["action_digest"];
    let no = json!({ "decision": "reject", "action_digest": digest, "comment": word });
    voter.post(path_of(&asked, "/vote"), &no).send().await.expect(200)
}

async fn erase(client: &Client, approval: &Value) -> crate::support::Answer {
    client.post(path_of(approval, "/erase"), &json!({})).send().await
}

async fn hold(client: &Client, path: impl Into<String>) -> crate::support::Answer {
    client.call(Method::PUT, path).json(&json!({ "reason": "a lawsuit" })).send().await
}

async fn release(client: &Client, path: impl Into<String>) {
    assert_eq!(client.call(Method::DELETE, path).send().await.status, 204);
}

async fn bundle(client: &Client, approval: &Value) -> Vec<u8> {
    let path = path_of(approval, "/proof?format=bundle&wait=30s");
    client.get(path).await.expect(200).to_string().into_bytes()
}

/// The whole audit log still hangs together.
async fn audit_is_whole(server: &TestServer) {
    let id = server.workspace().id;
    let records = server.service.store().audit(id, None, 10_000).await.unwrap();
    let entries = records.iter().map(|record| (record.entry.clone(), record.hash));
    askfirst_proof::log::verify_chain(&id.to_string(), entries, &[]).unwrap();
}

#[tokio::test]
async fn what_is_erased_on_request_is_gone_and_its_proof_says_so() {
    let server = TestServer::start().await;
    let (asker, voter, admin) = (server.asker(), server.dev(), server.admin());
    let ended = rejected(&asker, &voter, "xyzzy").await;
    let whole = bundle(&admin, &ended).await;
    assert_eq!(erase(&asker, &ended).await.problem(), "403 forbidden");
    assert_eq!(erase(&voter, &ended).await.problem(), "403 forbidden");
    let pending = asker.ask("other").await;
    assert_eq!(erase(&admin, &pending).await.problem(), "409 not_ended");

    let erased = erase(&admin, &ended).await.expect(200);
    assert!(!erased.to_string().contains("xyzzy"), "{erased}");
    assert_eq!(erased["action"]["name"], "pay");
    assert_eq!(erased["action_digest"], ended["action_digest"]);
    assert_eq!(erased["status"], "rejected");
    assert_eq!(erased["votes"][0]["voter"], ended["votes"][0]["voter"]);
    assert!(erased["erased"]["at"].is_string());
    erase(&admin, &ended).await.expect(200);
    let found = admin.get("/v1/approvals?q=xyzzy").await.expect(200);
    assert_eq!(found["data"], json!([]));
    // Asked the same again, nobody is told the words of who said no then.
    let again = rejected(&asker, &voter, "plugh").await;
    assert_eq!(erase(&admin, &again).await.status, 200);

    let trust_in = |jwks: &Value| {
        let mut trust = Trust::new();
        trust.add(&jwks.to_string()).unwrap();
        trust
    };
    let trust = trust_in(&server.stranger().get("/.well-known/jwks.json").await.expect(200));
    let now = server.service.now().seconds();
    let judge = |bytes: &[u8]| verify_bundle(bytes, &trust, &Expect::default(), now).unwrap();
    let before = judge(&whole);
    assert_eq!(before.statement.comment.as_deref(), Some("xyzzy"));
    let without = bundle(&admin, &ended).await;
    assert!(!String::from_utf8_lossy(&without).contains("xyzzy"));
    let after = judge(&without);
    assert_eq!(after.standing, Standing::NotApproved(askfirst_proof::Decision::Rejected));
    assert_eq!(after.statement.comment, None);
    assert_eq!(after.statement.votes, before.statement.votes);
    assert_eq!(after.statement.decided_at, before.statement.decided_at);
    let words = after.describe().join("\n");
    assert!(words.contains("Its texts were erased at"), "{words}");
    assert!(words.contains("known by its digest only"), "{words}");

    // Whoever takes parts out of a bundle without an erasure is found out.
    let mut forged: Value = serde_json::from_slice(&without).unwrap();
    forged.as_object_mut().unwrap().remove("erased");
    let forged = forged.to_string();
    let refused = verify_bundle(forged.as_bytes(), &trust, &Expect::default(), now);
    assert!(refused.unwrap_err().to_string().contains("is missing"));
    let mut forged: Value = serde_json::from_slice(&whole).unwrap();
    forged["actions"] = json!([]);
    forged["erased"] = forged["audit"].clone();
    let forged = forged.to_string();
    let refused = verify_bundle(forged.as_bytes(), &trust, &Expect::default(), now);
    assert!(refused.unwrap_err().to_string().contains("about something else"));
    audit_is_whole(&server).await;
}

#[tokio::test]
async fn texts_go_when_their_time_is_over_but_not_while_somebody_holds_them() {
    let server = TestServer::start().await;
    let (asker, voter, admin) = (server.asker(), server.dev(), server.admin());
    let plain = rejected(&asker, &voter, "plain").await;
    let held = rejected(&asker, &voter, "held").await;
    let keep = |days: Value| {
        admin.call(Method::PATCH, "/v1/workspace").json(&json!({ "retention_days": days })).send()
    };
    for wrong in [json!(0), json!(3_651)] {
        let refused = keep(wrong).await;
        assert_eq!(refused.status, 422);
        assert!(refused.json().to_string().contains("/retention_days"));
    }
    assert_eq!(keep(json!("1")).await.status, 400);
    assert_eq!(keep(json!(30)).await.expect(200)["retention_days"], 30);
    let same = admin.call(Method::PATCH, "/v1/workspace").json(&json!({})).send().await;
    assert_eq!(same.expect(200)["retention_days"], 30);

    let on = path_of(&held, "/hold");
    let long = json!({ "reason": "x".repeat(501) });
    assert_eq!(admin.call(Method::PUT, &on).json(&long).send().await.status, 422);
    let seen = hold(&admin, &on).await.expect(200);
    assert_eq!(seen["hold"]["reason"], "a lawsuit");
    assert_eq!(erase(&admin, &held).await.problem(), "409 on_hold");
    hold(&admin, "/v1/workspace/hold").await.expect(200);
    server.clock.advance(31 * DAY);
    assert_eq!(erase(&admin, &plain).await.problem(), "409 on_hold");
    release(&admin, "/v1/workspace/hold").await;

    let path = path_of(&plain, "?wait=30s&after=3");
    let gone = admin.get(path).await.expect(200);
    assert!(gone["erased"]["at"].is_string(), "{gone}");
    assert_eq!(gone["erased"]["by"], "system");
    assert_eq!(admin.read(&held).await["erased"], Value::Null);
    release(&admin, &on).await;
    let gone = admin.get(path_of(&held, "?wait=30s&after=5")).await.expect(200);
    assert!(gone["erased"]["at"].is_string(), "{gone}");
    assert_eq!(keep(Value::Null).await.expect(200)["retention_days"], Value::Null);

    let read = server.workspace().client(&[Scope::Audit]).await;
    let log = read.get("/v1/audit?limit=100").await.expect(200).to_string();
    for kind in ["approval.held", "approval.released", "approval.erased", "workspace.held"] {
        assert!(log.contains(kind), "{kind}");
    }
    audit_is_whole(&server).await;
}
