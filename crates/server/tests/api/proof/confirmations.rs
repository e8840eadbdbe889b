//! Confirmations: asked, decided, let pass, followed, listed.

use askfirst_core::{Dialect, KeyLimits, PolicyAllowance, Scope};
use askfirst_server::service::keys::KeyWish;
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};

use super::{asked, config, config_with, deploy, error, native, path, read, scene};
use crate::support::TestServer;
use crate::support::client::path_of;
use crate::support::workspace::wish;

#[tokio::test]
async fn a_confirmation_is_an_approval_like_any_other() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let hitl = config(&program).await;
    let made = asked(&program, &hitl).await;
    let wanted = json!({
        "id": made["id"], "hitl_id": hitl, "message": "Deploy v2.1 to production?",
        "status": "pending", "response": null, "proof": null, "proof_token": null,
        "timeout_at": "2030-01-01T01:00:00Z", "created_at": "2030-01-01T00:00:00Z",
        "updated_at": "2030-01-01T00:00:00Z", "resolved_at": null,
        "deliveries": [
            { "channel": "browser", "recipient": null, "status": "sent", "error": null },
        ],
    });
    assert_eq!(made, wanted);
    assert_eq!(read(&program, &made).await, made);
    // In whatever case, and at the path that their page's prose has.
    let id = made["id"].as_str().unwrap();
    let upper = format!("/api/v1/confirmations/{}", id.to_uppercase());
    assert_eq!(program.get(upper).await.expect(200), made);
    assert_eq!(program.get(format!("/v1/confirmations/{id}")).await.expect(200), made);
    let prose = program.post("/v1/confirmations", &deploy(&hitl)).send().await.expect(201);
    assert_eq!(prose["status"], "pending");

    let ana = ours.approver("ana").await;
    let seen = native(&ana, &made).await;
    assert_eq!(seen["action"]["title"], "Deploy v2.1 to production?");
    let arguments = json!({ "hitl_id": hitl, "message": "Deploy v2.1 to production?" });
    assert_eq!(seen["action"]["arguments"], arguments);
    assert_eq!(seen["policy"]["name"], "open");
    assert_eq!(seen["metadata"]["proof_expiry_days"], 30);
    let mut vote = json!({ "decision": "approve", "action_digest": seen["action_digest"] });
    vote["comment"] = json!("Looks good, ship it!");
    ana.post(path_of(&seen, "/vote"), &vote).send().await.expect(200);
    let after = read(&program, &made).await;
    assert_eq!(after["status"], "approved");
    let response = json!({
        "action": "approve", "text": "Looks good, ship it!",
        "responded_at": "2030-01-01T00:00:00Z", "channel": "api",
    });
    assert_eq!(after["response"], response);
    assert_eq!(after["resolved_at"], "2030-01-01T00:00:00Z");

    let seen = native(&ana, &prose).await;
    ana.reject(&seen).await.expect(200);
    let after = read(&program, &prose).await;
    assert_eq!(
        (&after["status"], &after["response"]["action"]),
        (&json!("denied"), &json!("deny"))
    );
}

#[tokio::test]
async fn silence_denies_and_says_so() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    ours.policy("hasty", json!({ "expires_in": 120, "on_timeout": "reject" })).await;
    let hasty = ours.foreign(Dialect::Proof, "hasty").await;
    let hitl = config(&program).await;
    let mut body = deploy(&hitl);
    body["timeout"] = json!(1);
    let short = program.post("/api/v1/confirmations", &body).send().await.expect(201);
    assert_eq!(short["timeout_at"], "2030-01-01T00:00:01Z");
    // No longer than the policy allows, and it says how long that is.
    let cut = asked(&hasty, &hitl).await;
    assert_eq!(cut["timeout_at"], "2030-01-01T00:02:00Z");
    body.as_object_mut().unwrap().remove("timeout");
    let quick = json!({ "timeout_seconds": 60 });
    let quicker = program.call(Method::PATCH, format!("/api/v1/hitl/{hitl}")).json(&quick);
    quicker.send().await.expect(200);
    let usual = program.post("/api/v1/confirmations", &body).send().await.expect(201);
    assert_eq!(usual["timeout_at"], "2030-01-01T00:01:00Z");

    server.clock.advance(120);
    for (client, made) in [(&program, &short), (&hasty, &cut), (&program, &usual)] {
        let after = read(client, made).await;
        assert_eq!(after["status"], "denied");
        let response = json!({
            "action": "deny", "text": "timeout", "responded_at": made["timeout_at"],
            "channel": "system",
        });
        assert_eq!(after["response"], response);
        let late = client.call(Method::POST, path(made, "/approval-link")).send().await;
        assert_eq!(error(&late, 400).0, "invalid_status");
    }
}

#[tokio::test]
async fn a_channel_that_is_not_there_says_so_and_nothing_is_pretended() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    for (channel, name, shown) in [
        (
            json!({ "type": "telegram", "config": { "chat_id": "-1001234567890" } }),
            "telegram",
            "***7890",
        ),
        (
            json!({ "type": "whatsapp", "config": { "phone_number": "+15551234567" } }),
            "whatsapp",
            "***4567",
        ),
        (json!({ "type": "telegram", "config": { "chat_id": "1234" } }), "telegram", "***"),
    ] {
        let made = asked(&program, &config_with(&program, channel).await).await;
        let [delivery] = &made["deliveries"].as_array().unwrap()[..] else { panic!("{made}") };
        assert_eq!((&delivery["channel"], &delivery["recipient"]), (&json!(name), &json!(shown)));
        assert_eq!(delivery["status"], "failed");
        let why = delivery["error"].as_str().unwrap().to_lowercase();
        let told = match name {
            "telegram" => "no bot of telegram is set up here",
            _ => "whatsapp is not available in this version",
        };
        assert!(why.starts_with(told), "{why}");
    }
}

#[tokio::test]
async fn a_config_gives_nobody_a_vote() {
    let server = TestServer::start().await;
    let (ours, _) = scene(&server, "acme").await;
    ours.member("eve").await;
    let ana = ours.member("ana").await;
    ours.group("board", &[ana]).await;
    ours.policy("strict", json!({ "needs": [{ "from": ["group:board"] }] })).await;
    let program = ours.foreign(Dialect::Proof, "strict").await;
    // Whom the program names is told, at most; the policy says who decides.
    let eve = json!({ "type": "telegram", "config": { "chat_id": "eve@example.com" } });
    let made = asked(&program, &config_with(&program, eve).await).await;
    let ana = ours.decider(ana).await;
    let seen = native(&ana, &made).await;
    let eve = ours.approver("eva").await;
    assert_eq!(eve.approve(&seen).await.problem(), "403 not_an_approver");
    ana.approve(&seen).await.expect(200);
    assert_eq!(read(&program, &made).await["status"], "approved");
}

#[tokio::test]
async fn a_link_decides_where_the_policy_takes_a_bearers_word_and_leads_to_the_page_elsewhere() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let made = asked(&program, &config(&program).await).await;
    let call = |client: &crate::support::Client, made: &Value| {
        // Their client announces JSON and sends none.
        let call = client.call(Method::POST, path(made, "/approval-link"));
        call.header("content-type", "application/json")
    };
    let page = call(&program, &made).send().await.expect(200)["approval_url"].clone();
    let page = page.as_str().unwrap();
    assert!(page.starts_with(&format!("http://{}/a/apr_", server.address)), "{page}");

    let admin = ours.client(&[Scope::Members]).await;
    let cora = json!({ "email": "cora@partner.example", "name": "Cora", "role": "contact" });
    admin.post("/v1/members", &cora).send().await.expect(201);
    let needs = json!([{ "from": ["contact:cora@partner.example"] }]);
    ours.policy("cora", json!({ "needs": needs, "assurance": "bearer" })).await;
    let program = ours.foreign(Dialect::Proof, "cora").await;
    let made = asked(&program, &config(&program).await).await;
    let first = call(&program, &made).send().await.expect(200)["approval_url"].clone();
    let next = call(&program, &made).send().await.expect(200)["approval_url"].clone();
    assert_ne!(first, next, "each is a fresh one");
    for link in [&first, &next] {
        let path = link.as_str().unwrap().strip_prefix(&format!("http://{}", server.address));
        let path = path.unwrap();
        assert!(path.starts_with("/d/"), "{path}");
        let page = server.stranger().get(path).await;
        assert_eq!(page.status, 200);
        let page = String::from_utf8(page.body.to_vec()).unwrap();
        assert!(page.contains("Deploy v2.1 to production?"), "{page}");
    }
    // Nobody else's key gets one.
    let other = ours.foreign(Dialect::Proof, "cora").await;
    assert_eq!(error(&call(&other, &made).send().await, 404).0, "not_found");
    assert_eq!(read(&program, &made).await["status"], "pending");
}

#[tokio::test]
async fn a_list_has_a_keys_own_confirmations_and_counts_them() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let other = ours.foreign(Dialect::Proof, "open").await;
    let (first, second) = (config(&program).await, config(&program).await);
    let mut made = Vec::new();
    for hitl in [&first, &first, &second, &second, &second] {
        made.insert(0, asked(&program, hitl).await);
        asked(&other, hitl).await;
    }
    let ana = ours.approver("ana").await;
    ana.approve(&native(&ana, &made[4]).await).await.expect(200);
    ana.reject(&native(&ana, &made[3]).await).await.expect(200);
    made[4] = read(&program, &made[4]).await;
    made[3] = read(&program, &made[3]).await;

    let list =
        async |query: &str| program.get(format!("/api/v1/confirmations{query}")).await.expect(200);
    let all = list("").await;
    assert_eq!(all["data"], json!(made));
    let pagination = json!({
        "page": 1, "limit": 20, "total": 5, "total_pages": 1, "pages": 1, "hasMore": false,
    });
    assert_eq!(all["pagination"], pagination);
    let middle = list("?limit=2&page=2").await;
    assert_eq!(middle["data"], json!(made[2..4]));
    let pagination = json!({
        "page": 2, "limit": 2, "total": 5, "total_pages": 3, "pages": 3, "hasMore": true,
    });
    assert_eq!(middle["pagination"], pagination);
    assert_eq!(list("?page=7").await["data"], json!([]));
    let found = async |query: &str| {
        let found = list(query).await;
        assert_eq!(found["pagination"]["total"], found["data"].as_array().unwrap().len());
        found["data"].clone()
    };
    assert_eq!(found(&format!("?hitl_id={second}")).await, json!(made[..3]));
    assert_eq!(found(&format!("?hitl_id={}", first.to_uppercase())).await, json!(made[3..]));
    assert_eq!(found("?status=approved").await, json!(made[4..]));
    assert_eq!(found("?status=denied").await, json!(made[3..4]));
    assert_eq!(found("?status=pending").await, json!(made[..3]));
    assert_eq!(found("?start_date=2030-01-01&end_date=2030-01-01").await, json!(made));
    assert_eq!(found("?start_date=2030-01-01T00:00:01Z").await, json!([]));
    assert_eq!(found("?end_date=2029-12-31").await, json!([]));
    server.clock.advance(3_600);
    assert_eq!(found("?status=expired").await.as_array().unwrap().len(), 3);
    assert_eq!(found("?status=denied").await.as_array().unwrap().len(), 4);
    assert_eq!(found("?status=pending").await, json!([]));
}

#[tokio::test]
async fn a_stream_tells_how_it_stands_and_how_it_ended() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let made = asked(&program, &config(&program).await).await;
    let events = || program.call(Method::GET, path(&made, "/events"));
    let mut stream = events().open().await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut frame = async || {
        let frame = stream.body_mut().frame().await?.unwrap().into_data().unwrap();
        let text = String::from_utf8(frame.to_vec()).unwrap();
        let (name, data) = text.strip_prefix("event: ")?.split_once("\ndata: ")?;
        Some((name.to_owned(), serde_json::from_str::<Value>(data.trim()).unwrap()))
    };
    assert_eq!(frame().await, Some(("connected".into(), made.clone())));
    let ana = ours.approver("ana").await;
    ana.approve(&native(&ana, &made).await).await.expect(200);
    let after = read(&program, &made).await;
    assert_eq!(after["status"], "approved");
    assert_eq!(frame().await, Some(("status_changed".into(), after.clone())));
    assert_eq!(frame().await, None);
    // Whoever comes late is told at once, and that is all.
    let late = events().send().await;
    let late = String::from_utf8(late.body.to_vec()).unwrap();
    assert_eq!(late.matches("event: ").count(), 1, "{late}");
    assert!(late.starts_with("event: connected\n") && late.contains("\"approved\""), "{late}");
}

#[tokio::test]
async fn a_repeat_asks_nobody_twice_and_a_full_key_is_told_when_to_come_back() {
    let server = TestServer::start().await;
    let (ours, _) = scene(&server, "acme").await;
    let limits = KeyLimits { asks_per_month: Some(1), ..KeyLimits::default() };
    let policies = PolicyAllowance::Only([].into());
    let wish = KeyWish { dialect: Dialect::Proof, policies, limits, ..wish(&[Scope::Ask]) };
    let program = server.with_key(&ours.key(wish).await.1);
    let hitl = config(&program).await;
    let call = || program.post("/api/v1/confirmations", &deploy(&hitl)).once("k1");
    let first = call().send().await.expect(201);
    assert_eq!(call().send().await.expect(201), first);
    let full = program.post("/api/v1/confirmations", &deploy(&hitl)).send().await;
    assert_eq!(error(&full, 429).0, "rate_limited");
    let after = full.header("retry-after").parse::<u32>().unwrap();
    let told = full.json();
    assert_eq!(
        (&told["error"]["retryAfter"], &told["error"]["retry_after"]),
        (&json!(after), &json!(after))
    );
}

#[tokio::test]
async fn what_is_erased_is_gone_from_a_confirmation() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let made = asked(&program, &config(&program).await).await;
    let ana = ours.approver("ana").await;
    let seen = native(&ana, &made).await;
    ana.reject(&seen).await.expect(200);
    let admin = ours.client(&[Scope::ReadAll, Scope::Workspace]).await;
    admin.post(path_of(&seen, "/erase"), &json!({})).send().await.expect(200);
    let after = read(&program, &made).await;
    assert_eq!(after["status"], "denied");
    assert_eq!(
        (&after["message"], &after["hitl_id"], &after["deliveries"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
}
