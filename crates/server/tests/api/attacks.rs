//! Attacks that go through no one door: requests that two readers cut differently, sessions that
//! somebody planted, people who look like others, and forms that bring what JSON may not.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::path_of;
use crate::support::{Answer, TestServer, wire};

async fn post(server: &TestServer, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let call = server.stranger().call(Method::POST, path).header("cookie", cookie);
    let call = call.header("content-type", "application/x-www-form-urlencoded");
    call.header("sec-fetch-site", "same-origin").bytes(body.finish()).send().await
}

async fn page(server: &TestServer, path: &str, cookie: &str) -> (u16, String) {
    let answer = server.stranger().call(Method::GET, path).header("cookie", cookie).send().await;
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

/// The hidden fields of the form by which somebody votes.
fn fields(page: &str) -> Vec<(String, String)> {
    let form = page.split("id=\"decide\"").nth(1).unwrap_or_default();
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    let pairs = inputs.filter_map(|rest| {
        let (name, rest) = rest.split_once("\" value=\"")?;
        Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
    });
    pairs.collect()
}

#[tokio::test]
async fn a_request_ends_where_every_reader_says() {
    let server = TestServer::start().await;
    let host = server.address;
    let hidden = format!("GET /v1/openapi.json HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let body = "{\"action\":{}}";
    let length = body.len();
    let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    let cases = [
        (format!("content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"), 401),
        (format!("transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n{chunks}"), 401),
        (format!("transfer-encoding: xchunked\r\n\r\n{chunks}"), 400),
        (format!("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n{chunks}"), 400),
        (format!("transfer-encoding : chunked\r\n\r\n{chunks}"), 400),
        (format!("transfer-encoding:\r\n chunked\r\n\r\n{chunks}"), 400),
        (format!("content-length: {length}\r\ncontent-length: 4\r\n\r\n{body}"), 400),
        (format!("content-length: +{length}\r\n\r\n{body}"), 400),
        (format!("content-length: {length}, {length}\r\n\r\n{body}"), 400),
        (format!("content-length: 0x{length:x}\r\n\r\n{body}"), 400),
    ];
    for (rest, expected) in cases {
        let first = format!("POST /v1/approvals HTTP/1.1\r\nhost: {host}\r\n{rest}");
        let answer = wire::exchange(host, format!("{first}{hidden}").as_bytes()).await;
        assert_eq!(wire::status(&answer), expected, "{rest:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{rest:?}: {answer}");
    }
}

#[tokio::test]
async fn a_session_that_was_planted_opens_nothing_before_or_after() {
    let server = TestServer::start().await;
    let ana = server.workspace().member("ana").await;
    let planted = format!("askfirst_dev={}", "A".repeat(43));
    assert_eq!(page(&server, "/", &planted).await.0, 303);
    let made = server.admin().post(format!("/v1/members/{ana}/login-link"), &json!({}));
    let made = made.send().await.expect(201);
    let path = made["url"].as_str().unwrap().trim_start_matches(&server.ready.url).to_owned();
    let opened = post(&server, &path, &planted, &[("next", "/")]).await;
    assert_eq!(opened.status, 303);
    let own = opened.header("set-cookie").split(';').next().unwrap().to_owned();
    assert_ne!(own, planted);
    assert_eq!(page(&server, "/", &own).await.0, 200);
    assert_eq!(page(&server, "/", &planted).await.0, 303);
    // Where two cookies of the name come, one was tossed in; it is not for us to pick.
    for both in [format!("{planted}; {own}"), format!("{own}; {planted}"), format!("{own}; {own}")]
    {
        assert_eq!(page(&server, "/", &both).await.0, 303);
    }
}

#[tokio::test]
async fn nobody_joins_under_an_address_that_reads_like_anothers() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let add = async |email: &str| {
        admin.post("/v1/members", &json!({ "email": email, "name": "Ana" })).send().await
    };
    add("ana@example.com").await.expect(201);
    for again in ["ana@example.com", "ANA@EXAMPLE.COM", "Ana@Example.com"] {
        assert_eq!(add(again).await.status, 409, "{again}");
    }
    for other in [
        "\u{430}na@example.com",
        "ana@ex\u{430}mple.com",
        "ana\u{200b}@example.com",
        "ana@example.com\u{200b}",
        "\u{202e}ana@example.com",
        "ana\u{301}@example.com",
        "an\u{ff41}@example.com",
        "\u{212a}ana@example.com",
        "ana@example\u{3002}com",
        "ana@example..com",
        "ana@example.com.",
        "ana@evil.example@example.com",
        "\"ana@example.com\"@evil.example",
        "<ana@example.com>",
        "ana,ben@example.com",
    ] {
        assert_eq!(add(other).await.problem(), "422 invalid", "{other:?}");
    }
    add("ana+ops@xn--exmple-cua.com").await.expect(201);
}

#[tokio::test]
async fn a_form_brings_nothing_that_json_may_not() {
    let server = TestServer::start().await;
    let (agent, ana) = (server.asker(), server.workspace().member("ana").await);
    let cookie = server.workspace().sign_in(ana).await;
    server.workspace().policy("links", json!({ "assurance": "link" })).await;
    let asked = agent.post("/v1/approvals", &json!({
        "action": { "name": "run", "title": "Run?", "arguments": { "command": "ls" } }, "policy": "links",
        "editable": ["/arguments/command"], "answer_schema": { "properties": { "why": { "type": "string" } } },
    }));
    let asked = asked.send().await.expect(201);
    let path = path_of(&asked, "").replace("/v1/approvals", "/a");
    let form = fields(&page(&server, &path, &cookie).await.1);
    assert_eq!(form.len(), 4, "{form:?}");
    let nul = "rm -rf /tmp/x\0/y";
    for (decision, name) in [
        ("approve", "comment"),
        ("reject", "comment"),
        ("more_info", "comment"),
        ("approve", "answer0"),
        ("approve", "edit0"),
    ] {
        let mut sent: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        sent.extend([("decision", decision), (name, nul)]);
        let answer = post(&server, &format!("{path}/vote"), &cookie, &sent).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        if name == "edit0" {
            // A change is read first; what is then approved is refused.
            let mut sent: Vec<_> =
                fields(&said).into_iter().filter(|(name, _)| name != "edit0").collect();
            sent.extend([("decision".into(), "approve".into()), ("edit0".into(), nul.into())]);
            let sent: Vec<_> = sent.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let answer = post(&server, &format!("{path}/vote"), &cookie, &sent).await;
            assert_eq!(answer.status, 422, "{name}");
            continue;
        }
        assert_eq!(answer.status, 422, "{decision} {name}: {said}");
        assert!(said.contains("NUL"), "{said}");
    }
    let now: Value = agent.read(&asked).await;
    assert_eq!((&now["version"], &now["status"]), (&json!(1), &json!("pending")));
}

#[tokio::test]
async fn a_form_votes_on_what_it_was_made_for_and_on_nothing_else() {
    let server = TestServer::start().await;
    let (agent, ana) = (server.asker(), server.workspace().member("ana").await);
    let cookie = server.workspace().sign_in(ana).await;
    server.workspace().policy("links", json!({ "assurance": "link" })).await;
    let (one, other) = (agent.ask_under("links").await, agent.ask_under("links").await);
    let web = |asked: &Value| path_of(asked, "").replace("/v1/approvals", "/a");
    let form = fields(&page(&server, &web(&one), &cookie).await.1);
    let mut sent: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    sent.push(("decision", "approve"));
    // The same action, asked twice: the form of one shows another request's account.
    let swapped = post(&server, &format!("{}/vote", web(&other)), &cookie, &sent).await;
    assert_eq!(swapped.status, 409);
    assert_eq!(agent.read(&other).await["status"], "pending");
    assert_eq!(post(&server, &format!("{}/vote", web(&one)), &cookie, &sent).await.status, 303);
    // Sent again it says the same, and votes once.
    assert_eq!(post(&server, &format!("{}/vote", web(&one)), &cookie, &sent).await.status, 303);
    let now = agent.read(&one).await;
    assert_eq!(
        (now["status"].as_str(), now["votes"].as_array().unwrap().len()),
        (Some("approved"), 1)
    );
}
