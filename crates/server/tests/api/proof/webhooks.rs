//! What receivers of that API are sent: its body, its headers, its schedule, and what was asked in
//! it alone.

use askfirst_core::{Dialect, Scope};
use hyper::Method;
use serde_json::{Value, json};

use super::{asked, config, native, scene};
use crate::support::TestServer;
use crate::support::client::path_of;
use crate::support::receiver::{Message, Receiver, answer_of};

/// HMAC-SHA256 as receivers of that API compute it: of time, point and body, under the secret as
/// they were given it.
#[track_caller]
fn check_signature(message: &Message, secret: &str) {
    use aws_lc_rs::hmac;
    let timestamp = message.header("x-proof-timestamp");
    assert!(!timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit()));
    let signed = [timestamp.as_bytes(), b".", &message.body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &signed);
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(message.header("x-proof-signature"), hex);
}

#[tokio::test]
async fn the_end_of_a_confirmation_is_sent_as_proof_holdings_sends_it() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let admin = ours.client(&[Scope::Workspace, Scope::ReadAll]).await;
    let mut receiver = Receiver::start().await;
    let wish = json!({ "url": receiver.url(), "dialect": "proof" });
    let hook = admin.post("/v1/webhooks", &wish).send().await.expect(201);
    // Receivers there know no challenge.
    assert_eq!((&hook["state"], &hook["dialect"]), (&json!("active"), &json!("proof")));
    assert!(receiver.challenges().is_empty());
    let secret = hook["secret"].as_str().unwrap();
    let hitl = config(&program).await;
    let ana = ours.approver("ana").await;
    for (decision, status, action) in
        [("approve", "approved", "approve"), ("reject", "denied", "deny")]
    {
        let made = asked(&program, &hitl).await;
        let seen = native(&ana, &made).await;
        ana.vote(&seen, decision).await.expect(200);
        let message = receiver.next().await;
        let response = json!({
            "action": action, "text": null, "responded_at": "2030-01-01T00:00:00Z",
            "channel": "api",
        });
        let wanted = json!({
            "event": format!("confirmation.{status}"), "confirmation_id": made["id"],
            "hitl_id": hitl, "status": status, "message": "Deploy v2.1 to production?",
            "response": response, "encrypted": false, "resolved_at": "2030-01-01T00:00:00Z",
        });
        assert_eq!(message.json(), wanted);
        assert_eq!(message.header("content-type"), "application/json");
        check_signature(&message, secret);
        assert!(message.is_signed_with(secret), "and as all of ours are");
    }

    // Silence is a denial by the system; withdrawing is one too.
    let silent = asked(&program, &hitl).await;
    server.clock.advance(3_600);
    let told = receiver.next().await.json();
    assert_eq!(
        (&told["confirmation_id"], &told["event"]),
        (&silent["id"], &json!("confirmation.denied"))
    );
    assert_eq!(
        (&told["response"]["channel"], &told["response"]["text"]),
        (&json!("system"), &json!("timeout"))
    );

    // What is asked in another API is none of its business.
    let other = ours.asker().await.ask_under("open").await;
    ana.approve(&other).await.expect(200);
    assert!(receiver.is_quiet());

    // Three attempts, and what is erased meanwhile is not told after all.
    receiver.answer(answer_of(503, ""));
    let made = asked(&program, &hitl).await;
    let seen = native(&ana, &made).await;
    ana.reject(&seen).await.expect(200);
    let first = receiver.next().await;
    let log = format!("/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
    let newest = async || admin.get(log.as_str()).await.expect(200)["data"][0].clone();
    while newest().await["response_status"] != 503 {}
    admin.post(path_of(&seen, "/erase"), &json!({})).send().await.expect(200);
    for (status, pause) in [(500, 10), (502, 100)] {
        receiver.answer(answer_of(status, ""));
        server.clock.advance(pause + pause / 10);
        let again = receiver.next().await;
        assert_eq!((again.id(), &again.json()["message"]), (first.id(), &Value::Null));
        check_signature(&again, secret);
        while newest().await["response_status"] != status {}
    }
    assert_eq!(newest().await["state"], "dead");

    // Their log has it, for the key that asked.
    let list = async |client: &crate::support::Client, query: &str| {
        client.get(format!("/api/v1/webhook-deliveries{query}")).await.expect(200)
    };
    let all = list(&program, "").await;
    assert_eq!(all["pagination"]["total"], 4);
    let failed = &list(&program, "?status=failed&event_type=confirmation.denied").await["data"];
    let [failed] = &failed.as_array().unwrap()[..] else { panic!("{failed}") };
    assert_eq!(failed, &all["data"][0]);
    assert_eq!(
        (&failed["status"], &failed["attempts"], &failed["response_status"], &failed["url"]),
        (&json!("failed"), &json!(3), &json!(502), &Value::Null)
    );
    assert_eq!(list(&program, "?status=success").await["pagination"]["total"], 3);
    assert_eq!(list(&program, "?event_type=confirmation.approved").await["pagination"]["total"], 1);
    let id = failed["id"].as_str().unwrap();
    let path = format!("/api/v1/webhook-deliveries/{id}");
    let whole = program.get(path.as_str()).await.expect(200);
    assert_eq!(whole["payload"]["confirmation_id"], made["id"]);
    assert_eq!((&whole["id"], &whole["response_body"]), (&failed["id"], &Value::Null));
    let stats = list(&program, "/stats").await;
    let wanted = json!({
        "total": 4, "by_status": { "pending": 0, "delivered": 3, "failed": 1 },
        "delivery_rate": "75.0%", "recent_failures_24h": 1,
    });
    assert_eq!(stats, wanted);
    let other = ours.foreign(Dialect::Proof, "open").await;
    assert_eq!(list(&other, "").await["data"], json!([]));
    assert_eq!(super::error(&other.get(path.as_str()).await, 404).0, "not_found");
    let retry =
        |client: &crate::support::Client| client.call(Method::POST, format!("{path}/retry"));
    assert_eq!(super::error(&retry(&other).send().await, 404).0, "not_found");
    let told = super::error(&retry(&program).send().await, 403);
    assert!(told.0 == "forbidden" && told.1.contains("deliveries retry dlv_"), "{told:?}");
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn a_receiver_of_that_api_is_told_of_ends_alone() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let admin = ours.client(&[Scope::Workspace]).await;
    let mut receiver = Receiver::start().await;
    let url = receiver.url();
    for (wish, problem, pointer) in [
        (
            json!({ "url": url, "dialect": "proof", "events": ["asked"] }),
            "400 bad_request",
            "/events",
        ),
        (json!({ "callbacks": true, "dialect": "proof" }), "422 invalid", "/dialect"),
        (json!({ "url": url, "dialect": "ambedo" }), "422 invalid", "/dialect"),
        (json!({ "url": url, "dialect": "morse" }), "400 bad_request", "/dialect"),
    ] {
        let answer = admin.post("/v1/webhooks", &wish).send().await;
        let found = (answer.problem(), answer.pointers());
        assert_eq!(found, (problem.into(), vec![pointer.into()]), "{wish}");
    }
    admin.post("/v1/webhooks", &json!({ "url": url, "dialect": "proof" })).send().await.expect(201);
    asked(&program, &config(&program).await).await;
    assert!(receiver.is_quiet());
}
