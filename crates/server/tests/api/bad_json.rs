//! Bodies that are refused before they mean anything: each with its kind, its place, and not a
//! byte written.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestServer, wire};

async fn send(client: &Client, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
    let call = client.call(Method::POST, path).bytes(body);
    call.header("content-type", "application/json").send().await
}

/// The body of an ask with `arguments` as they are written.
fn with_arguments(arguments: &str) -> String {
    format!(r#"{{"action":{{"name":"a","title":"A?","arguments":{arguments}}}}}"#)
}

#[tokio::test]
async fn unknown_fields_and_wrong_types_are_named_with_their_place() {
    let server = TestServer::start().await;
    let agent = server.asker();
    server.signing().await;
    let before = server.picture();
    let action = json!({ "name": "a", "title": "A?" });
    for (body, pointer) in [
        (json!({ "action": action, "exipres_in": 60 }), "/exipres_in"),
        (json!({ "action": action, "approved": true }), "/approved"),
        (json!({ "action": action, "status": "approved" }), "/status"),
        (json!({ "action": { "name": "a", "title": "A?", "argumnets": {} } }), "/action/argumnets"),
        (json!({ "action": action, "agent": { "name": "x", "id": 1 } }), "/agent/id"),
        (json!({ "action": "deploy" }), "/action"),
        (json!({ "action": { "name": 1, "title": "A?" } }), "/action/name"),
        // A list is not an object whose fields go by position.
        (json!({ "action": ["a", "A?", {}, null] }), "/action"),
        (json!({ "action": action, "agent": ["x"] }), "/agent"),
        (
            json!({ "action": action, "policy": { "name": "x", "needs": [[["members"], 1]] } }),
            "/policy/needs/0",
        ),
        (json!({ "action": action, "reason": ["why"] }), "/reason"),
        (json!({ "action": action, "priority": "urgent" }), "/priority"),
        (json!({ "action": action, "expires_in": -1 }), "/expires_in"),
        (json!({ "action": action, "expires_in": 1.5 }), "/expires_in"),
        (json!({ "action": action, "expires_in": "soon" }), "/expires_in"),
        (json!({ "action": action, "valid_for": true }), "/valid_for"),
        (json!({ "action": action, "consumers": ["me"] }), "/consumers/0"),
        (json!({ "action": action, "policy": 7 }), "/policy"),
        (json!({ "action": action, "policy": ["default"] }), "/policy"),
        (
            json!({ "action": action, "policy": { "name": "x", "needs": [], "on_timout": 1 } }),
            "/policy/on_timout",
        ),
        (
            json!({ "action": action, "policy": { "name": "x", "needs": [{ "from": ["sre"] }] } }),
            "/policy/needs/0/from/0",
        ),
        (
            json!({ "action": action, "policy": { "name": "x", "needs": [], "on_timeout": "approve" } }),
            "/policy/on_timeout",
        ),
    ] {
        let answer = agent.post("/v1/approvals", &body).send().await;
        assert_eq!(answer.problem(), "400 bad_request", "{body}");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    for (body, missing) in [(json!({}), "action"), (json!({ "action": { "name": "a" } }), "title")]
    {
        let answer = agent.post("/v1/approvals", &body).send().await;
        assert_eq!(answer.problem(), "400 bad_request", "{body}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(missing), "{}", answer.json());
    }
    assert_eq!(server.picture(), before);
}

#[tokio::test]
async fn json_that_two_readers_could_read_differently_is_refused() {
    let server = TestServer::start().await;
    let agent = server.asker();
    server.signing().await;
    let before = server.picture();
    for (body, pointer) in [
        (with_arguments(r#"{"amount":1,"amount":9999}"#), "/action/arguments/amount"),
        (with_arguments(r#"[{"a":1,"\u0061":2}]"#), "/action/arguments/0/a"),
        (
            r#"{"action":{"name":"a","title":"A?"},"action":{"name":"b","title":"B?"}}"#.into(),
            "/action",
        ),
        (with_arguments(r#""\ud800""#), "/action/arguments"),
        (with_arguments(r#""\udc00\ud800""#), "/action/arguments"),
        (with_arguments(r#""a\u0000b""#), "/action/arguments"),
        (with_arguments("9007199254740992"), "/action/arguments"),
        (with_arguments("-9007199254740992"), "/action/arguments"),
    ] {
        let answer = send(&agent, "/v1/approvals", body.clone()).await;
        assert_eq!(answer.problem(), "400 bad_request", "{body}");
        assert_eq!(answer.pointers(), [pointer], "{body}");
    }
    for (body, word) in [
        (with_arguments("9007199254740993"), "exactly"),
        (with_arguments("1e400"), "exactly"),
        (with_arguments("-1e400"), "exactly"),
        (with_arguments("0.1000000000000000055511151231257827"), "exactly"),
        (with_arguments("NaN"), "expected"),
        (with_arguments("01"), "number"),
        (with_arguments("1 2"), "expected"),
        (with_arguments(&format!("{}{}", "[".repeat(31), "]".repeat(31))), "deeper"),
        ("[".repeat(100_000), "deeper"),
        (r#"{"a":"#.repeat(40_000), "deeper"),
        ("{".into(), "EOF"),
        ("\u{feff}{}".into(), "expected"),
        ("{} {}".into(), "trailing"),
        ("[]".into(), "invalid type"),
        ("null".into(), "invalid type"),
    ] {
        let answer = send(&agent, "/v1/approvals", body.clone()).await;
        assert_eq!(answer.problem(), "400 bad_request", "{}", &body[..body.len().min(80)]);
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{}", answer.json());
    }
    let invalid = [br#"{"action":{"name":"a","title":""#.as_slice(), b"\xff\xfe", b"\"}}"].concat();
    assert_eq!(send(&agent, "/v1/approvals", invalid).await.problem(), "400 bad_request");
    let overlong =
        [br#"{"action":{"name":"a","title":""#.as_slice(), b"\xc0\xaf", b"\"}}"].concat();
    assert_eq!(send(&agent, "/v1/approvals", overlong).await.problem(), "400 bad_request");
    assert_eq!(server.picture(), before);
    let deepest = with_arguments(&format!("{}{}", "[".repeat(30), "]".repeat(30)));
    assert_eq!(send(&agent, "/v1/approvals", deepest).await.status, 201);
}

#[tokio::test]
async fn look_alike_keys_stay_apart() {
    let server = TestServer::start().await;
    let agent = server.asker();
    // The same word composed and decomposed.
    let body = with_arguments(r#"{"caf\u00e9":1,"cafe\u0301":2}"#);
    let asked = send(&agent, "/v1/approvals", body).await.expect(201);
    assert_eq!(asked["action"]["arguments"].as_object().unwrap().len(), 2);
    let one = agent.ask_with("a", json!({})).await;
    let with_target = json!({ "action": { "name": "a", "title": "Do a?", "arguments": { "version": "2.1" }, "target": "x" } });
    let other = agent.post("/v1/approvals", &with_target).send().await.expect(201);
    assert_ne!(one["action_digest"], other["action_digest"]);
}

#[tokio::test]
async fn only_json_is_read_and_only_so_much() {
    let server = TestServer::start().await;
    let agent = server.asker();
    server.signing().await;
    let before = server.picture();
    let body = with_arguments("{}");
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
    ] {
        let call = agent.call(Method::POST, "/v1/approvals").bytes(body.clone());
        let answer = call.header("content-type", content_type).send().await;
        assert_eq!(answer.problem(), "415 unsupported_media_type", "{content_type}");
    }
    let untyped = agent.call(Method::POST, "/v1/approvals").bytes(body.clone()).send().await;
    assert_eq!(untyped.problem(), "415 unsupported_media_type");
    let form = agent.call(Method::POST, "/v1/approvals").bytes("action=deploy");
    let form = form.header("content-type", "application/json").send().await;
    assert_eq!(form.problem(), "400 bad_request");
    let empty = agent.call(Method::POST, "/v1/approvals").send().await;
    assert_eq!(empty.problem(), "400 bad_request");

    let large = |size: usize| {
        let frame = with_arguments("\"\"").len();
        with_arguments(&format!("\"{}\"", "x".repeat(size - frame)))
    };
    let answer = send(&agent, "/v1/approvals", large(256 * 1024 + 1)).await;
    assert_eq!(answer.problem(), "413 too_large");
    assert_eq!(server.picture(), before);
    assert_eq!(send(&agent, "/v1/approvals", large(256 * 1024)).await.status, 201);
    let utf8 = agent.call(Method::POST, "/v1/approvals").bytes(body);
    let utf8 = utf8.header("content-type", "Application/JSON; charset=utf-8").send().await;
    assert_eq!(utf8.status, 201);
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off_at_the_limit() {
    let server = TestServer::start().await;
    let key = &server.ready.agent_key;
    let head = format!(
        "POST /v1/approvals HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\n",
        server.address
    );
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(5));
    let answer = wire::exchange(server.address, chunked.as_bytes()).await;
    assert_eq!(wire::status(&answer), 413, "{answer}");
    // A declared length is believed at once; nothing of the body has to come.
    let declared = format!("{head}content-length: 1000000000\r\n\r\n{{");
    let answer = wire::exchange(server.address, declared.as_bytes()).await;
    assert_eq!(wire::status(&answer), 413, "{answer}");
}

#[tokio::test]
async fn what_later_versions_bring_is_refused_and_never_dropped() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let asked = agent.ask("deploy").await;
    server.signing().await;
    let before = server.picture();
    let ask = |field: &str, value: Value| {
        let mut body = json!({ "action": { "name": "a", "title": "A?" } });
        body[field] = value;
        agent.post("/v1/approvals", &body)
    };
    let steps = json!([{ "after": "0m", "add": ["members"], "notify": ["email"] }]);
    let policy = json!({ "name": "p", "needs": [{ "from": ["members"] }], "steps": steps });
    let key = |scope: &str| admin.post("/v1/keys", &json!({ "name": "k", "scopes": [scope] }));
    for (call, pointer) in [
        (ask("notify", json!(["email"])), "/notify"),
        (ask("policy", policy.clone()), "/policy/steps/0/notify"),
        (admin.post("/v1/policies", &policy), "/steps/0/notify"),
        (key("gate"), "/scopes/0"),
        (key("channels"), "/scopes/0"),
    ] {
        let answer = call.send().await;
        assert_eq!(answer.problem(), "422 not_in_this_version", "{pointer}");
        assert_eq!(answer.pointers(), [pointer]);
    }
    // Spelled out and empty is the same as absent.
    for (field, value) in
        [("editable", json!([])), ("answer_schema", json!(null)), ("notify", json!(null))]
    {
        assert_eq!(ask(field, value).once(field).send().await.status, 201);
    }
    assert_ne!(server.picture(), before);
    assert_eq!(agent.read(&asked).await["votes"], json!([]));
}
