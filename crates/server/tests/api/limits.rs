//! How much a key and a workspace may ask of a server, and what never depends on it.

use askfirst_core::{Environment, Scope};
use askfirst_server::config::limits::Limits;
use serde_json::{Value, json};

use crate::support::client::{path_of, question};
use crate::support::{Answer, Client, TestServer};

async fn put(client: &Client) -> Answer {
    client.post("/v1/approvals", &question("deploy", json!({}))).send().await
}

/// One count of `GET /v1/limits`, as `used of limit`.
fn level(limits: &Value, of: &str, name: &str) -> String {
    let levels = limits[of].as_array().unwrap();
    let level = levels.iter().find(|level| level["name"] == name);
    let level = level.unwrap_or_else(|| panic!("no {name} in {limits}"));
    format!("{} of {}", level["used"], level["limit"])
}

async fn limits(client: &Client) -> Value {
    client.get("/v1/limits").await.expect(200)
}

#[tokio::test]
async fn a_key_with_too_much_pending_asks_again_when_something_has_ended() {
    let server = TestServer::limited(Limits { pending_per_key: 2, ..Limits::default() }).await;
    let (agent, dev) = (server.asker(), server.dev());
    let (one, two) = (agent.ask("one").await, agent.ask("two").await);

    let third = put(&agent).await;
    assert_eq!(third.problem(), "429 limit");
    assert_eq!(third.header("retry-after"), "5");
    let told = third.json();
    let expected = json!({
        "name": "pending", "of": "key", "limit": 2, "used": 2, "resets_at": null,
    });
    assert_eq!(told["limit"], expected);
    assert!(told["detail"].as_str().unwrap().contains("2 pending approvals"), "{told}");
    let seen = limits(&agent).await;
    assert_eq!(level(&seen, "key", "pending"), "2 of 2");
    let own = server.service.store().keys(server.workspace().id, None, 9).await.unwrap();
    let own = own.iter().find(|key| key.facts.scopes.contains(&Scope::Ask)).unwrap();
    let full = json!([{ "limit": "pending", "of": "key", "key": own.facts.id }]);
    assert_eq!(seen["over"], full);

    // Another key of the workspace has its own count, and who manages keys sees whose is full.
    let other = server.workspace().asker().await;
    put(&other).await.expect(201);
    assert_eq!(limits(&other).await["over"], json!([]));
    assert_eq!(limits(&server.admin()).await["over"], full);

    // Deciding, taking back and claiming go on, and each end makes room for one.
    dev.approve(&one).await.expect(200);
    put(&agent).await.expect(201);
    assert_eq!(put(&agent).await.problem(), "429 limit");
    agent.consume(&one).await.expect(200);
    assert_eq!(put(&agent).await.problem(), "429 limit", "a claim is of what had ended before");
    agent.cancel(&two).await.expect(200);
    put(&agent).await.expect(201);
    assert_eq!(put(&agent).await.problem(), "429 limit");
    server.clock.advance(3_600);
    server.settled(&agent, "0 of 2").await;
    put(&agent).await.expect(201);
}

#[tokio::test]
async fn a_workspace_has_a_limit_over_all_its_keys_and_each_environment_its_own() {
    let server = TestServer::limited(Limits { pending: 2, ..Limits::default() }).await;
    let acme = server.found("acme").await;
    acme.policy("open", json!({})).await;
    acme.approver("ana").await;
    let (one, two) = (acme.asker().await, acme.asker().await);
    let tests = acme.client_in(Environment::Test, &[Scope::Ask]).await;
    let put = async |client: &Client| {
        client.post("/v1/approvals", &question("x", json!({ "policy": "open" }))).send().await
    };
    put(&one).await.expect(201);
    put(&two).await.expect(201);
    let third = put(&one).await;
    assert_eq!(third.problem(), "429 limit");
    assert_eq!(third.json()["limit"]["of"], "workspace");
    let full = json!([{ "limit": "pending", "of": "workspace", "key": null }]);
    assert_eq!(limits(&two).await["over"], full);
    put(&tests).await.expect(201);
    let rival = server.found("rival").await;
    rival.policy("open", json!({})).await;
    rival.approver("zoe").await;
    put(&rival.asker().await).await.expect(201);
}

#[tokio::test]
async fn a_months_asks_begin_anew_with_the_month() {
    let few = Limits { asks_per_month_per_key: 2, ..Limits::default() };
    let server = TestServer::limited(few).await;
    let (agent, dev) = (server.asker(), server.dev());
    let one = agent.post("/v1/approvals", &question("one", json!({}))).once("k1");
    let first = one.clone().send().await.expect(201);
    let second = agent.ask("two").await;
    // A repeat is no second ask, before and after the quota is full.
    assert_eq!(one.clone().send().await.expect(201)["id"], first["id"]);
    let third = put(&agent).await;
    assert_eq!(third.problem(), "429 limit");
    assert_eq!(third.json()["limit"]["name"], "asks_per_month");
    // The story begins with January.
    assert_eq!(third.json()["limit"]["resets_at"], "2030-02-01T00:00:00.000Z");
    assert_eq!(third.header("retry-after"), (31 * 86_400).to_string());
    assert_eq!(one.send().await.expect(201)["id"], first["id"]);
    dev.approve(&first).await.expect(200);
    agent.consume(&first).await.expect(200);
    agent.cancel(&second).await.expect(200);
    assert_eq!(put(&agent).await.problem(), "429 limit", "an end gives no ask back");
    server.clock.advance(31 * 86_400 - 1);
    assert_eq!(put(&agent).await.header("retry-after"), "1");
    server.clock.advance(1);
    put(&agent).await.expect(201);
    assert_eq!(level(&limits(&agent).await, "key", "asks_per_month"), "1 of 2");
}

#[tokio::test]
async fn requests_come_back_with_time_and_each_key_has_its_own() {
    let slow = Limits { requests_per_minute_per_key: 6, ..Limits::default() };
    let server = TestServer::limited(slow).await;
    let (agent, dev) = (server.asker(), server.dev());
    for used in 1..=6 {
        let seen = limits(&agent).await;
        assert_eq!(level(&seen, "key", "requests_per_minute"), format!("{used} of 6"));
    }
    let refused = agent.get("/v1/limits").await;
    assert_eq!(refused.problem(), "429 limit");
    assert_eq!(refused.json()["limit"]["name"], "requests_per_minute");
    assert_eq!(refused.json()["limit"]["of"], "key");
    assert_eq!(refused.header("retry-after"), "10");
    dev.get("/v1/approvals").await.expect(200);
    server.stranger().get("/healthz").await.expect(200);
    server.clock.advance(9);
    assert_eq!(agent.get("/v1/limits").await.header("retry-after"), "1");
    server.clock.advance(1);
    agent.get("/v1/limits").await.expect(200);
    assert_eq!(agent.get("/v1/limits").await.problem(), "429 limit");
    server.clock.advance(60);
    let seen = limits(&agent).await;
    assert_eq!(level(&seen, "key", "requests_per_minute"), "1 of 6");
}

#[tokio::test]
async fn a_workspaces_requests_are_those_of_all_its_keys() {
    let server = TestServer::limited(Limits { requests_per_minute: 4, ..Limits::default() }).await;
    let (one, two) = (server.asker(), server.admin());
    for client in [&one, &two, &one, &two] {
        client.get("/v1/limits").await.expect(200);
    }
    let refused = one.get("/v1/limits").await;
    assert_eq!(refused.problem(), "429 limit");
    assert_eq!(refused.json()["limit"]["of"], "workspace");
}

#[tokio::test]
async fn who_waits_too_often_is_told_and_can_still_read() {
    let few = Limits { waiters_per_key: 2, waiters: 3, ..Limits::default() };
    let server = TestServer::limited(few).await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    let stream = agent.call(hyper::Method::GET, path_of(&asked, "/events")).open().await;
    assert_eq!(stream.status(), 200);
    let waiting = agent.call(hyper::Method::GET, path_of(&asked, "?wait=60s"));
    let waiting = tokio::spawn(waiting.send());
    while level(&limits(&agent).await, "key", "waiters") != "2 of 2" {}

    let third = agent.get(path_of(&asked, "?wait=60s")).await;
    assert_eq!(third.problem(), "429 limit");
    assert_eq!(third.json()["limit"]["name"], "waiters");
    assert_eq!(third.header("retry-after"), "5");
    assert_eq!(agent.get(path_of(&asked, "/events")).await.problem(), "429 limit");
    assert_eq!(agent.get(path_of(&asked, "/proof?wait=60s")).await.problem(), "429 limit");
    agent.read(&asked).await;
    // Another key has its own, until all together are too many.
    let last = dev.call(hyper::Method::GET, path_of(&asked, "/events")).open().await;
    assert_eq!(last.status(), 200);
    let full = server.admin().get(path_of(&asked, "?wait=60s")).await;
    assert_eq!(full.problem(), "429 limit");
    assert_eq!(full.json()["limit"]["of"], "server");

    dev.approve(&asked).await.expect(200);
    waiting.await.unwrap().expect(200);
    drop((stream, last));
    while level(&limits(&agent).await, "key", "waiters") != "0 of 2" {}
}

/// A key whose own limits are these.
async fn bounded(server: &TestServer, limits: Value, scopes: &[Scope]) -> Client {
    let wish = json!({ "name": "small", "scopes": scopes, "policies": ["*"], "limits": limits });
    let made = server.admin().post("/v1/keys", &wish).send().await.expect(201);
    for (name, most) in limits.as_object().unwrap() {
        assert_eq!(made["limits"][name], *most);
    }
    server.with_key(made["key"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_may_have_less_than_every_key_and_never_more() {
    let ours = Limits { pending_per_key: 3, waiters_per_key: 5, ..Limits::default() };
    let server = TestServer::limited(ours).await;
    let make = |limits: Value| {
        let wish = json!({ "name": "small", "scopes": ["ask"], "limits": limits });
        server.admin().post("/v1/keys", &wish).send()
    };
    for (wrong, status, told) in [
        (json!({ "pending": 4 }), 422, "at most 3, which is what every key of this server may"),
        (json!({ "waiters": 6 }), 422, "at most 5"),
        (json!({ "requests_per_minute": 600_001 }), 422, "at most 600000"),
        (json!({ "asks_per_month": 0 }), 422, "at least 1"),
        (json!({ "pending": -1 }), 400, ""),
        (json!({ "speed": 1 }), 400, "speed"),
    ] {
        let refused = make(wrong.clone()).await;
        assert_eq!(refused.status, status, "{wrong}");
        assert!(refused.json().to_string().contains(told), "{}", refused.json());
    }
    make(json!({ "pending": 3, "waiters": 5 })).await.expect(201);

    let small = bounded(&server, json!({ "pending": 1, "asks_per_month": 2 }), &[Scope::Ask]).await;
    let first = small.ask("one").await;
    let full = put(&small).await;
    assert_eq!(full.problem(), "429 limit");
    assert_eq!(full.json()["limit"]["limit"], 1);
    assert_eq!(level(&limits(&small).await, "key", "pending"), "1 of 1");
    let over = limits(&server.admin()).await["over"].clone();
    assert_eq!(over[0]["limit"], "pending", "who manages keys sees that one is full: {over}");
    small.cancel(&first).await.expect(200);
    let second = small.ask("two").await;
    small.cancel(&second).await.expect(200);
    assert_eq!(put(&small).await.json()["limit"]["name"], "asks_per_month");
    // Others have what they had.
    put(&server.asker()).await.expect(201);

    let slow = bounded(&server, json!({ "requests_per_minute": 2 }), &[Scope::Ask]).await;
    let patient = bounded(&server, json!({ "requests_per_minute": 2 }), &[Scope::Ask]).await;
    for _ in 0..2 {
        limits(&slow).await;
    }
    assert_eq!(slow.get("/v1/limits").await.problem(), "429 limit");
    assert_eq!(level(&limits(&patient).await, "key", "requests_per_minute"), "1 of 2");
    server.clock.advance(60);
    limits(&slow).await;
    put(&slow).await.expect(201);

    let alone = bounded(&server, json!({ "waiters": 1 }), &[Scope::Ask]).await;
    let asked = alone.ask("deploy").await;
    let stream = alone.call(hyper::Method::GET, path_of(&asked, "/events")).open().await;
    assert_eq!(stream.status(), 200);
    let second = alone.get(path_of(&asked, "?wait=60s")).await;
    assert_eq!(second.json()["limit"]["name"], "waiters");
    assert_eq!(level(&limits(&alone).await, "key", "waiters"), "1 of 1");
}

#[tokio::test]
async fn no_number_of_asks_keeps_anyone_from_deciding() {
    let few = Limits { requests_per_minute: 4, ..Limits::default() };
    let server = TestServer::limited(few).await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    while agent.get("/v1/limits").await.status == 200 {}
    assert_eq!(agent.get("/v1/limits").await.json()["limit"]["of"], "workspace");
    assert_eq!(server.admin().get("/v1/limits").await.problem(), "429 limit");
    dev.approve(&asked).await.expect(200);
    assert_eq!(level(&limits(&dev).await, "workspace", "requests_per_minute"), "2 of 4");
}
