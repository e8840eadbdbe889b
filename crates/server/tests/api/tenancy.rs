//! What belongs to another workspace, or another environment, is not there: its ids read like
//! unknown ones and like no ids at all, to the last byte.

use askfirst_core::{Environment, Scope};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer};

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// The routes on one thing, with a body that makes sense.
fn routes(kind: &str) -> Vec<(Method, &'static str, Value)> {
    let digest = json!({ "action_digest": DIGEST });
    match kind {
        "approvals" => vec![
            (Method::GET, "", Value::Null),
            (Method::GET, "?wait=10s", Value::Null),
            (Method::GET, "/events", Value::Null),
            (Method::GET, "/proof", Value::Null),
            (Method::GET, "/proof?format=bundle&wait=10s", Value::Null),
            (Method::POST, "/vote", json!({ "decision": "approve", "action_digest": DIGEST })),
            (Method::POST, "/cancel", json!({})),
            (Method::POST, "/consume", digest),
            (Method::POST, "/outcome", json!({ "status": "failed" })),
            (Method::POST, "/revoke", json!({})),
        ],
        "members" => vec![
            (Method::GET, "", Value::Null),
            (Method::PATCH, "", json!({ "name": "x" })),
            (Method::POST, "/login-link", json!({})),
        ],
        "groups" => vec![
            (Method::GET, "", Value::Null),
            (Method::PUT, "/members", json!({ "members": [] })),
            (Method::DELETE, "", Value::Null),
        ],
        "keys" => vec![(Method::DELETE, "", Value::Null)],
        _ => vec![
            (Method::GET, "", Value::Null),
            (Method::GET, "/versions", Value::Null),
            (Method::DELETE, "", Value::Null),
        ],
    }
}

async fn send(client: &Client, method: &Method, path: &str, body: &Value) -> Answer {
    let call = client.call(method.clone(), path);
    if body.is_null() { call.send().await } else { call.json(body).send().await }
}

/// Everything about an answer but its moment.
fn fingerprint(answer: &Answer) -> (u16, Value, Vec<(String, String)>) {
    let headers = answer.headers.iter().map(|(name, value)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let stable = headers.filter(|(name, _)| name != "x-request-id" && name != "date");
    (answer.status, answer.without_instance(), stable.collect())
}

#[tokio::test]
async fn foreign_unknown_and_malformed_ids_read_alike_on_every_route() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.found("acme").await, server.found("rival").await);
    let them = theirs.member("zoe").await;
    let their_group = theirs.group("sre", &[them]).await;
    theirs.policy("secret", json!({})).await;
    let (their_key, their_secret) =
        theirs.key(crate::support::workspace::wish(&[Scope::Ask])).await;
    let their_agent = server.with_key(&their_secret);
    let their_approval = their_agent.ask("deploy").await;
    let in_test = ours.client_in(Environment::Test, &[Scope::Ask]).await.ask("deploy").await;
    let ids = [
        (
            "approvals",
            their_approval["id"].as_str().unwrap().to_owned(),
            "apr_00000000000000000000000000",
        ),
        ("approvals", in_test["id"].as_str().unwrap().to_owned(), "apr_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("members", them.to_string(), "mem_00000000000000000000000000"),
        ("groups", their_group.to_string(), "grp_00000000000000000000000000"),
        ("keys", their_key, "key_00000000000000000000000000"),
        ("policies", "secret".into(), "unknown"),
    ];
    let ana = ours.approver("ana").await;
    let clients = [ours.client(&Scope::ADMINISTER).await, ours.asker().await, ana];
    server.signing().await;
    let before = server.picture();
    for (kind, foreign, unknown) in &ids {
        for client in &clients {
            for (method, rest, body) in routes(kind) {
                let path = |id: &str| format!("/v1/{kind}/{id}{rest}");
                let expected = send(client, &method, &path(unknown), &body).await;
                assert!(
                    matches!(expected.status, 403 | 404),
                    "{method} {}: {}",
                    path(unknown),
                    expected.problem()
                );
                let long = "x".repeat(500);
                let bad = [
                    "x",
                    "apr_",
                    "%00",
                    "%ff",
                    "..%2f..%2fetc",
                    "mem_%F0%9F%98%80",
                    "'%20OR%201=1--",
                    &long,
                ];
                for id in std::iter::once(&**foreign).chain(bad) {
                    let answer = send(client, &method, &path(id), &body).await;
                    if expected.status == 403 {
                        // Without the scope, every id is the same closed door.
                        assert!(matches!(answer.status, 403 | 404), "{method} {}", path(id));
                    } else {
                        assert_eq!(
                            fingerprint(&answer),
                            fingerprint(&expected),
                            "{method} {}",
                            path(id)
                        );
                    }
                }
            }
        }
    }
    assert_eq!(server.picture(), before);
}

#[tokio::test]
async fn lists_logs_and_references_stay_inside_their_own_walls() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.found("acme").await, server.found("rival").await);
    let zoe = theirs.member("zoe").await;
    theirs.group("sre", &[zoe]).await;
    theirs.policy("secret", json!({})).await;
    let (their_key, their_secret) =
        theirs.key(crate::support::workspace::wish(&[Scope::Ask])).await;
    let theirs = server.with_key(&their_secret).ask("deploy").await;
    ours.client_in(Environment::Test, &[Scope::Ask]).await.ask("deploy").await;
    let admin = ours.client(&Scope::ADMINISTER).await;
    for path in ["approvals", "members", "groups", "keys", "policies", "audit", "workspace"] {
        let text = admin.get(format!("/v1/{path}")).await.expect(200).to_string();
        for foreign in [
            theirs["id"].to_string(),
            zoe.to_string(),
            their_key.clone(),
            "secret".into(),
            "rival".into(),
        ] {
            assert!(!text.contains(foreign.trim_matches('"')), "{path} shows {foreign}");
        }
    }
    let listed = admin.get("/v1/approvals").await.expect(200);
    assert_eq!(listed["data"], json!([]), "test data is not live data");
    let cursor = theirs["id"].as_str().unwrap();
    let page = ours.asker().await.get(format!("/v1/approvals?cursor={cursor}")).await.expect(200);
    assert_eq!(page["data"], json!([]));

    // What is not ours cannot be named in a body either.
    let asker = ours.asker().await;
    let ask = |more: Value| {
        asker.post("/v1/approvals", &crate::support::client::question("a", more)).send()
    };
    assert_eq!(ask(json!({ "policy": "secret" })).await.problem(), "422 unknown_policy");
    assert_eq!(ask(json!({ "consumers": [their_key] })).await.problem(), "422 invalid");
    for (path, body) in [
        ("/v1/groups", json!({ "name": "g", "members": [zoe] })),
        ("/v1/keys", json!({ "name": "k", "scopes": ["decide"], "member": zoe })),
        ("/v1/keys", json!({ "name": "k", "scopes": ["ask"], "owner": zoe })),
        ("/v1/keys", json!({ "name": "k", "scopes": ["ask"], "policies": ["secret"] })),
    ] {
        assert_eq!(admin.post(path, &body).send().await.problem(), "404 not_found", "{body}");
    }
    let default = json!({ "default_policy": "secret" });
    let answer = admin.call(Method::PATCH, "/v1/workspace").json(&default).send().await;
    assert_eq!(answer.problem(), "404 not_found");
}

#[tokio::test]
async fn a_test_key_reaches_nothing_that_live_approvals_stand_on() {
    let server = TestServer::start().await;
    let live = server.found("acme").await.client(&Scope::ADMINISTER).await;
    let key = |environment: &str, scope: &str| {
        let body = json!({ "name": "k", "scopes": [scope], "environment": environment });
        live.post("/v1/keys", &body).send()
    };
    let made = key("test", "ask").await.expect(201);
    assert!(made["key"].as_str().unwrap().starts_with("af_test_"));
    for scope in ["policies", "members", "keys", "audit", "workspace"] {
        key("live", scope).await.expect(201);
        assert_eq!(key("test", scope).await.problem(), "422 bad_scopes", "{scope}");
    }
    assert_eq!(key("dev", "ask").await.problem(), "422 invalid");
}
