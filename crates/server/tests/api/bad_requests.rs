//! Requests that make no sense around their bodies: credentials, hosts, methods, queries,
//! headers, and bytes that are no HTTP at all.

use askfirst_core::administration::Change;
use askfirst_core::{Dialect, Environment, Scope, Seconds};
use hyper::Method;
use serde_json::json;

use crate::support::client::path_of;
use crate::support::workspace::wish;
use crate::support::{START, TestServer, wire};

#[tokio::test]
async fn keys_that_are_none_are_turned_away() {
    let server = TestServer::start().await;
    let good = &server.ready.agent_key;
    let unknown = askfirst_server::mint::api_key(Dialect::Native, Environment::Dev).unwrap();
    let mut broken = good.clone();
    let last = broken.pop().unwrap();
    broken.push(if last == 'x' { 'y' } else { 'x' });
    for key in ["", "x", "af_dev_", &broken, &unknown, &good.to_uppercase(), &format!("{good}x")] {
        let answer = server.with_key(key).get("/v1/approvals").await;
        assert_eq!(answer.problem(), "401 not_authenticated", "{key}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(
            key.is_empty()
                || !answer.body.windows(key.len()).any(|w| w == key.as_bytes())
                || key == "x"
        );
    }
    for header in [format!("Basic {good}"), good.clone(), "Bearer".into(), "Bearer  ".into()] {
        let call = server.stranger().call(Method::GET, "/v1/approvals");
        let answer = call.header("authorization", &header).send().await;
        assert_eq!(answer.problem(), "401 not_authenticated", "{header}");
    }
    assert_eq!(server.stranger().get("/v1/approvals").await.problem(), "401 not_authenticated");
    let twice = server.asker().call(Method::GET, "/v1/approvals");
    let twice = twice.header("authorization", "Bearer x").send().await;
    assert_eq!(twice.problem(), "401 not_authenticated");
    let lower = server.stranger().call(Method::GET, "/v1/approvals");
    let lower = lower.header("authorization", &format!("bearer {good}")).send().await;
    assert_eq!(lower.status, 200);
}

#[tokio::test]
async fn a_key_in_the_address_or_a_cookie_opens_nothing() {
    let server = TestServer::start().await;
    let key = &server.ready.admin_key;
    let stranger = server.stranger();
    for name in ["key", "api_key", "access_token", "token", "authorization"] {
        let answer = stranger.get(format!("/v1/workspace?{name}={key}")).await;
        assert_eq!(answer.problem(), "401 not_authenticated", "{name}");
        let call = stranger.call(Method::GET, "/v1/workspace");
        let answer = call.header("cookie", &format!("{name}={key}")).send().await;
        assert_eq!(answer.problem(), "401 not_authenticated", "{name}");
        let call = stranger.call(Method::GET, "/v1/workspace");
        let answer = call.header("x-api-key", key).send().await;
        assert_eq!(answer.problem(), "401 not_authenticated", "{name}");
    }
}

#[tokio::test]
async fn revoked_expired_and_orphaned_keys_stop_at_once() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    let (id, revoked) = workspace.key(wish(&[Scope::Ask])).await;
    let mut short = wish(&[Scope::Ask]);
    short.expires_in = Some(Seconds(60));
    let (_, expiring) = workspace.key(short).await;
    let decider = workspace.decider(ana).await;
    let mut owned = wish(&[Scope::Ask]);
    owned.owner = Some(ana);
    let (_, owned) = workspace.key(owned).await;

    let say = |key: &str| {
        let client = server.with_key(key);
        async move {
            let answer =
                client.post("/v1/approvals", &crate::support::client::question("a", json!({})));
            let answer = answer.send().await;
            let detail =
                if answer.status == 201 { "asked".into() } else { answer.json()["detail"].clone() };
            (answer.status, detail.as_str().unwrap_or_default().to_owned())
        }
    };
    assert_eq!(say(&expiring).await.0, 201);
    server.clock.advance(59);
    assert_eq!(say(&expiring).await.0, 201);
    server.clock.advance(1);
    assert_eq!(say(&expiring).await, (401, "this API key has expired".into()));
    assert_eq!(say(&revoked).await.0, 201);
    let gone = server.admin().call(Method::DELETE, format!("/v1/keys/{id}")).send().await;
    assert_eq!(gone.expect(200)["standing"], "revoked");
    assert_eq!(say(&revoked).await, (401, "this API key was revoked".into()));
    let disable = Change::UpdateMember { id: ana, name: None, role: None, enabled: Some(false) };
    workspace.change(disable).await;
    // Disabling a person takes their decide keys back and silences the keys they answer for.
    assert_eq!(decider.get("/v1/approvals").await.problem(), "401 not_authenticated");
    assert_eq!(say(&owned).await.0, 401);
}

#[tokio::test]
async fn only_requests_to_our_own_name_are_answered() {
    let server = TestServer::start().await;
    let agent = server.asker();
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", ""] {
        let call = agent.call(Method::GET, "/v1/approvals").header("host", host);
        assert_eq!(call.send().await.problem(), "421 unknown_host", "{host}");
        let call = agent.call(Method::GET, "/nowhere").header("host", host);
        assert_eq!(call.send().await.status, 421, "{host}");
    }
    let ours = server.address.to_string();
    let two = agent
        .call(Method::GET, "/v1/approvals")
        .header("host", &ours)
        .header("host", "evil.example");
    assert!([400, 421].contains(&two.send().await.status));
    let absolute = format!(
        "GET http://evil.example/v1/approvals HTTP/1.1\r\nhost: {ours}\r\nconnection: close\r\n\r\n"
    );
    let answer = wire::exchange(server.address, absolute.as_bytes()).await;
    assert!([400, 401, 421].contains(&wire::status(&answer)), "{answer}");
    let none = "GET /v1/approvals HTTP/1.1\r\nconnection: close\r\n\r\n";
    assert_eq!(wire::status(&wire::exchange(server.address, none.as_bytes()).await), 421);
    // Links are made of what was configured, whoever asks under which name.
    let forwarded = agent.post("/v1/approvals", &crate::support::client::question("a", json!({})));
    let forwarded = forwarded
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    let asked = forwarded.send().await.expect(201);
    assert!(asked["links"]["page"].as_str().unwrap().starts_with(&format!("http://{ours}/")));
}

#[tokio::test]
async fn a_key_is_good_from_any_origin_because_no_browser_sends_it_by_itself() {
    let server = TestServer::start().await;
    let call =
        server.asker().post("/v1/approvals", &crate::support::client::question("a", json!({})));
    let answer = call.header("origin", "https://evil.example").send().await;
    assert_eq!(answer.status, 201);
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there_say_so() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let asked = agent.ask("deploy").await;
    for path in [
        "/v1/nothing",
        "/v1/approvals/",
        "/v1/approvals/x/y/z",
        "/v1/",
        "/v1",
        "/v2/approvals",
        "/V1/approvals",
    ] {
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        if path.starts_with("/v1") {
            assert_eq!(answer.problem(), "404 not_found", "{path}");
        }
    }
    for (method, path) in [
        (Method::PUT, "/v1/approvals".to_owned()),
        (Method::DELETE, path_of(&asked, "")),
        (Method::PATCH, path_of(&asked, "")),
        (Method::GET, path_of(&asked, "/vote")),
        (Method::HEAD, path_of(&asked, "/vote")),
        (Method::OPTIONS, path_of(&asked, "/vote")),
        (Method::TRACE, path_of(&asked, "")),
        (Method::POST, "/v1/audit".to_owned()),
        (Method::POST, "/healthz".to_owned()),
    ] {
        let answer = agent.call(method.clone(), path.clone()).send().await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(!answer.header("allow").is_empty(), "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(answer.problem(), "405 method_not_allowed", "{method} {path}");
        }
    }
    let head = agent.call(Method::HEAD, path_of(&asked, "")).send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(!head.header("etag").is_empty());
    let overridden = agent
        .call(Method::GET, path_of(&asked, "/cancel"))
        .header("x-http-method-override", "POST");
    assert_eq!(overridden.send().await.status, 405);
}

#[tokio::test]
async fn queries_are_read_as_strictly_as_bodies() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let asked = agent.ask("deploy").await;
    for (path, pointer) in [
        ("/v1/approvals?statsu=pending".to_owned(), "?statsu"),
        ("/v1/approvals?status=done".into(), "?status"),
        ("/v1/approvals?limit=0".into(), "?limit"),
        ("/v1/approvals?limit=101".into(), "?limit"),
        ("/v1/approvals?limit=-1".into(), "?limit"),
        ("/v1/approvals?limit=ten".into(), "?limit"),
        ("/v1/approvals?limit=1&limit=2".into(), "?limit"),
        ("/v1/approvals?cursor=abc".into(), "?cursor"),
        ("/v1/approvals?cursor=".into(), "?cursor"),
        ("/v1/approvals?cursor=mem_00000000000000000000000000".into(), "?cursor"),
        ("/v1/approvals?policy=No%20Name".into(), "?policy"),
        ("/v1/approvals?asker=%25".into(), "?asker"),
        ("/v1/approvals?asker=".into(), "?asker"),
        ("/v1/approvals?approver=key_00000000000000000000000000".into(), "?approver"),
        (format!("/v1/approvals?q={}", "x".repeat(201)), "?q"),
        (format!("/v1/approvals?agent={}", "x".repeat(201)), "?agent"),
        ("/v1/approvals?created_after=yesterday".into(), "?created_after"),
        ("/v1/approvals?created_after=2030-01-01T00:00:00+02:00".into(), "?created_after"),
        ("/v1/approvals?created_before=2030-01-01T00:00:00".into(), "?created_before"),
        (
            "/v1/approvals?created_after=2030-01-02&created_before=2030-01-02".into(),
            "?created_before",
        ),
        (path_of(&asked, "?wait=soon"), "?wait"),
        (path_of(&asked, "?wait=-5s"), "?wait"),
        (path_of(&asked, "?after=x"), "?after"),
        (path_of(&asked, "?wiat=5s"), "?wiat"),
        (path_of(&asked, "/proof?format=pdf"), "?format"),
    ] {
        let answer = agent.get(&path).await;
        assert_eq!(answer.problem(), "400 bad_request", "{path}");
        assert_eq!(answer.pointers(), [pointer], "{path}");
    }
    for (path, pointer) in [
        ("/v1/audit?cursor=-1", "?cursor"),
        ("/v1/audit?cursor=99999999999999999999", "?cursor"),
        ("/v1/members?cursor=apr_00000000000000000000000000", "?cursor"),
        ("/v1/keys?limit=1000", "?limit"),
        ("/v1/members?email=x", "?email"),
    ] {
        let answer = admin.get(path).await;
        assert_eq!(answer.problem(), "400 bad_request", "{path}");
        assert_eq!(answer.pointers(), [pointer], "{path}");
    }
    // A well-formed cursor that points nowhere is a place in the order, and shows nothing foreign.
    let nowhere =
        agent.get("/v1/approvals?cursor=apr_00000000000000000000000000").await.expect(200);
    assert_eq!(nowhere, json!({ "data": [], "next_cursor": null }));
    let beyond = admin.get("/v1/audit?cursor=18446744073709551615").await;
    assert_eq!(beyond.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn bytes_that_are_no_http_end_the_connection_and_nothing_else() {
    let server = TestServer::start().await;
    let host = server.address;
    let many = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    let long = "x".repeat(20_000);
    let get = |rest: &str| format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\n{rest}\r\n");
    for (bytes, expected) in [
        ("GARBAGE\r\n\r\n".to_owned(), vec![0, 400]),
        ("\0\0\0\0\r\n\r\n".to_owned(), vec![0, 400]),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03\r\n\r\n".to_owned(), vec![0, 400]),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), vec![0, 400, 505]),
        ("GET /healthz HTTP/9.9\r\n\r\n".to_owned(), vec![0, 400, 505]),
        (get("bad header\r\n"), vec![0, 400]),
        (get("x: a\0b\r\n"), vec![0, 400]),
        (get("content-length: 5\r\ncontent-length: 6\r\n"), vec![0, 400]),
        (get("content-length: -5\r\n"), vec![0, 400]),
        (get("transfer-encoding: chunked, gzip\r\n"), vec![0, 400]),
        (get(&format!("x: {long}\r\n")), vec![0, 431]),
        (get(&many), vec![0, 431]),
        (format!("GET /{long} HTTP/1.1\r\nhost: {host}\r\n\r\n"), vec![0, 414, 431]),
    ] {
        let answer = wire::exchange(host, bytes.as_bytes()).await;
        let status = wire::status(&answer);
        assert!(expected.contains(&status), "{status} for {:?}", &bytes[..bytes.len().min(60)]);
    }
    // Two lengths at once must not smuggle a second request in.
    let smuggled = format!(
        "POST /v1/approvals HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: {host}\r\n\r\n"
    );
    let answer = wire::exchange(host, smuggled.as_bytes()).await;
    assert!(answer.matches("HTTP/1.1").count() <= 1, "{answer}");
    assert_eq!(server.stranger().get("/healthz").await.status, 200);
}

#[tokio::test]
async fn answers_are_never_cached_nor_guessed_at() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let asked = agent.ask("deploy").await;
    assert_eq!(asked["created_at"], "2030-01-01T00:00:00.000Z");
    assert_eq!(START, 1_893_456_000);
    for path in
        [path_of(&asked, ""), "/v1/approvals".into(), "/v1/nothing".into(), "/v1/workspace".into()]
    {
        let answer = agent.get(&path).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("x-request-id").is_empty());
    }
}
