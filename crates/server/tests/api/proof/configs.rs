//! Configs: made, changed, finished, archived, shared by the keys of one place and by no other.

use askfirst_core::{Dialect, Environment, PolicyAllowance, Scope};
use askfirst_server::service::keys::KeyWish;
use hyper::Method;
use serde_json::{Value, json};

use super::{asked, config, config_with, deploy, error, scene};
use crate::support::TestServer;
use crate::support::workspace::wish;

fn telegram() -> Value {
    json!({ "type": "telegram", "config": { "chat_id": "123456789" } })
}

#[tokio::test]
async fn a_config_is_made_changed_finished_and_archived() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let body = json!({ "name": "Releases", "channels": [telegram(), { "type": "browser" }] });
    let made = program.post("/api/v1/hitl", &body).once("k").send().await.expect(201);
    let wanted = json!({
        "id": made["id"], "user_id": made["user_id"], "name": "Releases",
        "profile_id": null, "circle_id": null,
        "channels": [telegram(), { "type": "browser", "config": {} }],
        "timeout_seconds": 3600, "status": "pending", "keypair": null,
        "environment": "production",
        "created_at": "2030-01-01T00:00:00Z", "updated_at": "2030-01-01T00:00:00Z",
    });
    assert_eq!(made, wanted);
    for name in ["id", "user_id"] {
        let id = made[name].as_str().unwrap();
        assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    let again = program.post("/api/v1/hitl", &body).once("k").send().await.expect(201);
    assert_eq!(again, made, "a repeat makes no second one");

    let path = format!("/api/v1/hitl/{}", made["id"].as_str().unwrap());
    server.clock.advance(1);
    let change = json!({ "name": "Deploys", "timeout_seconds": 60 });
    let patch = |body: &Value| program.call(Method::PATCH, path.clone()).json(body);
    let changed = patch(&change).send().await.expect(200);
    assert_eq!((&changed["name"], &changed["timeout_seconds"]), (&json!("Deploys"), &json!(60)));
    assert_eq!(changed["channels"], made["channels"]);
    assert_eq!(changed["updated_at"], "2030-01-01T00:00:01Z");

    // Their client announces JSON and sends none.
    let post = |rest: &str| {
        let call = program.call(Method::POST, format!("{path}{rest}"));
        call.header("content-type", "application/json")
    };
    let authorized = post("/authorize").send().await.expect(200);
    assert_eq!(authorized["hitl_id"], made["id"]);
    assert!(
        authorized["message"]
            .as_str()
            .unwrap()
            .contains("once whoever it belongs to has linked it here")
    );
    let finished = post("/finalize").send().await.expect(200);
    assert_eq!(finished["status"], "active");
    let authorizations = json!([
        { "channel": "telegram", "recipient": "123456789", "authorization_id": null, "status": "pending" },
        { "channel": "browser", "recipient": null, "authorization_id": null, "status": "active" },
    ]);
    assert_eq!(finished["authorizations"], authorizations);
    assert_eq!(authorized["authorizations"], authorizations);
    assert_eq!(post("/finalize").send().await.expect(200), finished, "once more changes nothing");

    let delete = || program.call(Method::DELETE, path.clone()).json(&json!({ "reason": "x" }));
    let archived = delete().send().await.expect(200);
    assert_eq!(archived["status"], "archived");
    assert_eq!(delete().send().await.expect(200), archived);
    assert_eq!(program.get(path.as_str()).await.expect(200), archived);
    let asked = program.post("/api/v1/confirmations", &deploy(made["id"].as_str().unwrap()));
    for call in [patch(&change), post("/finalize"), post("/authorize"), asked] {
        assert_eq!(error(&call.send().await, 400).0, "config_archived");
    }

    // The log names it, and not whom its channels name.
    let audit = ours.client(&[Scope::Audit]).await.get("/v1/audit?kind=hitl").await.expect(200);
    let kinds: Vec<_> =
        audit["data"].as_array().unwrap().iter().map(|entry| entry["kind"].clone()).collect();
    assert_eq!(kinds.len(), 4, "{audit}");
    assert!(!audit.to_string().contains("123456789"), "{audit}");
}

#[tokio::test]
async fn configs_are_shared_by_the_keys_of_one_place_and_no_other() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let hitl = config(&program).await;
    let path = format!("/api/v1/hitl/{hitl}");
    let colleague = ours.foreign(Dialect::Proof, "open").await;
    colleague.get(path.as_str()).await.expect(200);
    asked(&colleague, &hitl).await;
    let policies = PolicyAllowance::Only([].into());
    let environment = Some(Environment::Test);
    let on_trial =
        KeyWish { dialect: Dialect::Proof, policies, environment, ..wish(&[Scope::Ask]) };
    let (_, secret) = ours.key(on_trial).await;
    assert!(secret.starts_with("pk_test_"), "{secret}");
    let on_trial = server.with_key(&secret);
    let (_, rival) = scene(&server, "rival").await;
    for stranger in [&on_trial, &rival] {
        for call in [
            stranger.call(Method::GET, path.as_str()),
            stranger.call(Method::DELETE, path.as_str()),
            stranger.call(Method::PATCH, path.as_str()).json(&json!({ "name": "mine" })),
            stranger.call(Method::POST, format!("{path}/finalize")),
            stranger.post("/api/v1/confirmations", &deploy(&hitl)),
        ] {
            assert_eq!(
                error(&call.send().await, 404),
                ("not_found".into(), "there is no such config here".into())
            );
        }
        let listed = stranger.get("/api/v1/hitl").await.expect(200);
        assert_eq!((&listed["data"], &listed["pagination"]["total"]), (&json!([]), &json!(0)));
    }
    let own = config(&on_trial).await;
    let own = on_trial.get(format!("/api/v1/hitl/{own}")).await.expect(200);
    assert_eq!(own["environment"], "test");
    assert_eq!(program.get(path.as_str()).await.expect(200)["name"], "Releases");
}

#[tokio::test]
async fn configs_are_listed_by_status_and_page() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, config_with(&program, telegram()).await);
    }
    program.call(Method::DELETE, format!("/api/v1/hitl/{}", made[0])).send().await.expect(200);
    let ids = async |query: &str| {
        let listed = program.get(format!("/api/v1/hitl{query}")).await.expect(200);
        assert_eq!(listed["limits"], json!({}));
        let ids = listed["data"].as_array().unwrap().iter().map(|one| one["id"].clone());
        (ids.collect::<Vec<_>>(), listed["pagination"]["total"].clone())
    };
    let wanted = |made: &[String], total: u32| {
        (made.iter().map(|id| json!(id)).collect::<Vec<_>>(), json!(total))
    };
    assert_eq!(ids("").await, wanted(&made, 3));
    assert_eq!(ids("?status=archived").await, wanted(&made[..1], 1));
    assert_eq!(ids("?status=pending").await, wanted(&made[1..], 2));
    assert_eq!(ids("?limit=1&page=2").await, wanted(&made[1..2], 3));
    assert_eq!(ids("?environment=production").await, wanted(&made, 3));
    assert_eq!(ids("?environment=test").await, wanted(&[], 0));
}

#[tokio::test]
async fn a_keypair_is_refused_and_so_is_what_was_encrypted_with_one() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let hitl = config(&program).await;
    let keys = format!("/api/v1/hitl/{hitl}/keys");
    let body =
        json!({ "public_key": "-----BEGIN", "encrypted_private_key": "{}", "kdf_salt": "x" });
    let put = program.call(Method::PUT, keys.as_str()).json(&body).send().await;
    assert_eq!(error(&put, 400).0, "encryption_unavailable");
    assert_eq!(error(&program.get(keys.as_str()).await, 404).0, "not_found");
    assert_eq!(
        error(&program.call(Method::DELETE, keys.as_str()).send().await, 404).0,
        "not_found"
    );
    let approvers = program.get(format!("/api/v1/hitl/{hitl}/approver-keys")).await.expect(200);
    assert_eq!(approvers, json!({ "data": [] }));
    let sealed = json!({
        "v": 1, "alg": "RSA-OAEP-256+AES-256-GCM", "ek": "x", "iv": "x", "ct": "x", "tag": "x",
        "kid": "x",
    });
    let body = json!({ "hitl_id": hitl, "message": sealed.to_string() });
    let told = error(&program.post("/api/v1/confirmations", &body).send().await, 400);
    assert_eq!(told.0, "encryption_unavailable");
    assert!(told.1.contains("plain text"), "{}", told.1);
}

#[tokio::test]
async fn a_chats_id_is_not_found_without_a_bot_and_nothing_pretends_that_it_is() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let (_, rival) = scene(&server, "rival").await;
    let path = "/api/v1/hitl/chat-id-discovery";
    // Their client announces JSON and sends none.
    let start = program.call(Method::POST, path).header("content-type", "application/json");
    let made = start.send().await.expect(201);
    assert_eq!(made["expires_in"], 600);
    for name in ["deep_link", "qr_code", "qr_text"] {
        assert_eq!(made[name], Value::Null, "{made}");
    }
    assert!(made["message"].as_str().unwrap().contains("askfirst channels add telegram"));
    let token = format!("{path}/{}", made["token"].as_str().unwrap());
    assert_eq!(program.get(token.as_str()).await.expect(200)["status"], "pending");
    server.clock.advance(600);
    assert_eq!(program.get(token.as_str()).await.expect(200)["status"], "expired");
    let told = error(&rival.get(token.as_str()).await, 404);
    assert_eq!(told.1, "there is no such token here");
    for bad in ["x", "AAAA", &"A".repeat(43)] {
        assert_eq!(error(&program.get(format!("{path}/{bad}")).await, 404).0, "not_found");
    }
}
