//! Keys that strangers make themselves: each with a workspace of its own, so many and no more, and
//! nothing at all unless the operator opened it.

use askfirst_core::{Afterwards, EmailSettings, Environment, Locale, MailSecurity};
use askfirst_server::channels::telegram::API;
use askfirst_server::config::outgoing::OutgoingSettings;
use askfirst_server::service::self_service::{Mail, SelfService};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::mailbox::Mailbox;
use crate::support::receiver::Receiver;
use crate::support::{Answer, Client, TestServer};

async fn make(server: &TestServer, body: Value) -> Answer {
    server.stranger().post("/api/keys", &body).send().await
}

async fn stranger(server: &TestServer, body: Value) -> Client {
    let made = make(server, body).await.expect(201);
    server.with_key(made["key"].as_str().unwrap())
}

async fn ask(client: &Client, more: Value) -> Value {
    let mut body = json!({ "action": "Send $4,200 wire to vendor" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    client.post("/api/approvals", &body).send().await.expect(201)
}

async fn decide(server: &TestServer, asked: &Value) -> Answer {
    let token = asked["decision_url"].as_str().unwrap().rsplit_once("/decide/").unwrap().1;
    let body = json!({ "decision": "approved" });
    server.stranger().post(format!("/api/decide/{token}"), &body).send().await
}

async fn approve(server: &TestServer, asked: &Value) {
    decide(server, asked).await.expect(200);
}

fn path(asked: &Value) -> String {
    format!("/api/approvals/{}", asked["id"].as_str().unwrap())
}

#[track_caller]
fn error(answer: &Answer, status: u16) -> String {
    let told = answer.json();
    assert_eq!(answer.status, status, "{told}");
    assert_eq!(told.as_object().unwrap().len(), 1, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_stranger_has_a_workspace_that_nobody_else_sees() {
    let server = TestServer::open_to_strangers(9, 9, None).await;
    let made = make(&server, json!({ "name": "one" })).await.expect(201);
    assert!(made["key"].as_str().unwrap().starts_with("ho_sk_live_"), "{made}");
    assert_eq!(
        (&made["name"], &made["created_at"]),
        (&json!("one"), &json!("2030-01-01T00:00:00Z"))
    );
    let one = server.with_key(made["key"].as_str().unwrap());
    let two = stranger(&server, json!({ "name": "two" })).await;
    let asked = ask(&one, json!({})).await;
    assert_eq!(asked["expires_at"], "2030-01-01T01:00:00Z");
    let long = ask(&one, json!({ "expires_in": 2_592_000 })).await;
    assert_eq!(long["expires_at"], "2030-01-31T00:00:00Z");
    assert_eq!(two.get(path(&asked)).await.status, 404);
    assert_eq!(two.get("/api/approvals").await.expect(200)["approvals"], json!([]));
    let native = server.admin().get("/v1/approvals").await.expect(200);
    assert_eq!(native["data"], json!([]), "nor does anybody else's workspace");
    // The key asks in its own API, and nothing else.
    for (method, path) in [
        (Method::GET, "/v1/approvals"),
        (Method::GET, "/v1/keys"),
        (Method::GET, "/v1/members"),
        (Method::GET, "/v1/workspace"),
        (Method::GET, "/api/pause"),
    ] {
        assert_eq!(one.call(method, path).send().await.status, 401, "{path}");
    }
    approve(&server, &asked).await;
    assert_eq!(one.get(path(&asked)).await.expect(200)["status"], "approved");
    let text = String::from_utf8(one.get(path(&asked)).await.body.to_vec()).unwrap();
    assert!(!text.contains("link.invalid"), "{text}");
    // The link is told once, and nobody signs in to see the page.
    for found in [
        one.get(path(&asked)).await.expect(200),
        one.get("/api/approvals").await.expect(200)["approvals"][0].clone(),
    ] {
        assert_eq!(found["decision_url"], Value::Null);
    }
    let told = error(&decide(&server, &asked).await, 409);
    assert_eq!(told, "already approved by somebody with the link at 2030-01-01T00:00:00Z");
}

#[tokio::test]
async fn clients_may_write_what_says_nothing() {
    let server = TestServer::open_to_strangers(9, 9, None).await;
    let body = json!({ "name": "x", "notification_email": "", "webhook_url": "",
        "telegram_bot_token": "", "telegram_chat_id": null });
    let made = make(&server, body).await.expect(201);
    let named = [&made["notification_email"], &made["webhook_url"], &made["telegram"]];
    assert_eq!(named, [&Value::Null; 3]);
    let agent = server.with_key(made["key"].as_str().unwrap());
    let empty = json!({ "context": "", "urgency": null, "webhook_url": "", "expires_in": 600.0 });
    let asked = ask(&agent, empty).await;
    assert_eq!((&asked["context"], &asked["urgency"]), (&Value::Null, &json!("normal")));
    assert_eq!(asked["expires_at"], "2030-01-01T00:10:00Z");
    assert_eq!(
        ask(&agent, json!({ "expires_in": null })).await["expires_at"],
        "2030-01-01T01:00:00Z"
    );
    for bad in [json!(0.5), json!("600"), json!(-1), json!(5e9), json!([600])] {
        let body = json!({ "action": "x", "expires_in": bad });
        let told = error(&agent.post("/api/approvals", &body).send().await, 400);
        assert!(told.contains("/expires_in: a number of seconds"), "{told}");
    }
}

#[tokio::test]
async fn strangers_make_no_keys_unless_that_is_opened() {
    let server = TestServer::start().await;
    server.signing().await;
    let before = server.picture();
    let told = error(&make(&server, json!({ "name": "x" })).await, 403);
    assert!(told.contains("askfirst keys create --dialect holdon"), "{told}");
    assert_eq!(server.picture(), before);
}

#[tokio::test]
async fn strangers_make_so_many_keys_and_no_more() {
    let server = TestServer::open_to_strangers(2, 3, None).await;
    for name in ["a", "b"] {
        make(&server, json!({ "name": name })).await.expect(201);
    }
    let full = make(&server, json!({ "name": "c" })).await;
    assert_eq!(full.header("retry-after"), "1800");
    let told = error(&full, 429);
    assert!(told.contains("new keys from this address"), "{told}");
    server.clock.advance(3_600);
    let last = stranger(&server, json!({ "name": "d" })).await;
    let told = error(&make(&server, json!({ "name": "e" })).await, 503);
    assert!(told.contains("there are 3 already"), "{told}");

    // Those count that exist: what the operator takes away makes room, and is gone at once.
    ask(&last, json!({})).await;
    let store = server.service.store();
    let strangers = store.workspaces().await.unwrap().into_iter().rev();
    let newest = strangers.map(|known| known.id).next().unwrap();
    store.remove_workspaces(vec![newest]).await.unwrap();
    let body = json!({ "action": "x" });
    assert_eq!(last.post("/api/approvals", &body).send().await.status, 401);
    server.clock.advance(3_600);
    make(&server, json!({ "name": "e" })).await.expect(201);
    error(&make(&server, json!({ "name": "f" })).await, 503);
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_before_anything_is_made() {
    let server = TestServer::open_to_strangers(1, 1, None).await;
    server.signing().await;
    let before = server.picture();
    let with = |more: Value| {
        let mut body = json!({ "name": "x" });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        body
    };
    for (body, words) in [
        (json!({}), "missing field `name`"),
        (json!({ "name": " " }), "/name: 1 to 128"),
        (json!({ "name": "a\nb" }), "/name: 1 to 128"),
        (json!({ "name": "x".repeat(129) }), "/name: 1 to 128"),
        (json!({ "name": 7 }), "/name"),
        (with(json!({ "notification_email": "ana" })), "/notification_email"),
        (
            with(json!({ "notification_email": "a@example.com,b@example.com" })),
            "/notification_email",
        ),
        (with(json!({ "notification_email": "nobody@self-service.invalid" })), "under .invalid"),
        (with(json!({ "notification_email": "Whoever-Has-It@link.INVALID" })), "under .invalid"),
        (with(json!({ "notification_email": "a@b.invalid" })), "under .invalid"),
        (with(json!({ "webhook_url": "nowhere" })), "/webhook_url"),
        (with(json!({ "webhook_url": "https://10.0.0.1/" })), "/webhook_url"),
        (with(json!({ "webhook_url": "https://169.254.169.254/latest" })), "/webhook_url"),
        (with(json!({ "webhook_url": "http://example.com/" })), "/webhook_url"),
        (with(json!({ "webhook_url": "file:///etc/passwd" })), "/webhook_url"),
        (
            with(json!({ "webhook_url": format!("https://example.com/{}", "x".repeat(2_100)) })),
            "2048",
        ),
        (with(json!({ "scopes": ["decide"] })), "scopes"),
    ] {
        let told = error(&make(&server, body.clone()).await, 400);
        assert!(told.contains(words), "{body}: {told}");
    }
    let sent = server.stranger().post("/api/keys", &json!({ "name": "x" }));
    error(&sent.header("origin", "https://evil.example").send().await, 403);
    error(&server.stranger().get("/api/keys").await, 405);
    assert_eq!(server.picture(), before);
    // None of it counted. What is around a name is no part of it.
    let around = format!("  {}\n", "x".repeat(128));
    let made = make(&server, json!({ "name": around })).await.expect(201);
    assert_eq!(made["name"], "x".repeat(128));
    let agent = server.with_key(made["key"].as_str().unwrap());
    let inside = json!({ "action": "x", "webhook_url": "https://10.0.0.1/" });
    let told = error(&agent.post("/api/approvals", &inside).send().await, 400);
    assert!(told.contains("/webhook_url"), "{told}");
}

#[tokio::test]
async fn what_an_operator_opens_inside_stays_closed_to_strangers() {
    let environment = Environment::Live;
    let open = SelfService {
        environment,
        keys_per_hour: 9,
        workspaces: 9,
        mail: None,
        telegram_api: API.into(),
        plan: None,
    };
    let allowed_hosts =
        ["10.0.0.0/8", "8.8.4.4", "hooks.internal"].map(|host| host.parse().unwrap());
    let (allowed_hosts, allowed_ports) = (allowed_hosts.into(), vec![9000]);
    let outgoing = OutgoingSettings { allowed_hosts, allowed_ports, ca_file: None };
    let opened = outgoing.open(outgoing.trust().unwrap(), false);
    let server = TestServer::open_with(open, outgoing).await;
    let agent = stranger(&server, json!({ "name": "x" })).await;
    for url in [
        "https://10.0.0.1/",
        "http://10.0.0.1:9000/",
        "https://hooks.internal/",
        "http://hooks.internal/",
        "https://hooks.example.com:9000/",
        "http://8.8.4.4/",
    ] {
        for (path, what) in [("/api/keys", "name"), ("/api/approvals", "action")] {
            let body = json!({ what: "x", "webhook_url": url });
            let told = error(&agent.post(path, &body).send().await, 400);
            assert!(told.contains("/webhook_url") && told.contains("a public host"), "{told}");
        }
        assert!(opened.check(url).is_ok(), "to others {url} is open");
    }
}

#[tokio::test]
async fn the_end_goes_to_the_keys_own_webhook_or_where_the_approval_says() {
    let server = TestServer::open_to_strangers(9, 9, None).await;
    let (mut own, mut other) = (Receiver::start().await, Receiver::start().await);
    let agent = stranger(&server, json!({ "name": "x", "webhook_url": own.url() })).await;
    let first = ask(&agent, json!({})).await;
    approve(&server, &first).await;
    assert_eq!(own.next().await.json()["approval"]["id"], first["id"]);
    let second = ask(&agent, json!({ "webhook_url": other.url() })).await;
    approve(&server, &second).await;
    assert_eq!(other.next().await.json()["approval"]["id"], second["id"]);
    assert!(own.is_quiet());
}

#[tokio::test]
async fn a_contact_is_written_to_unless_the_approval_says_otherwise() {
    let mut mailbox = Mailbox::start().await;
    let settings = EmailSettings {
        host: "127.0.0.1".into(),
        port: mailbox.address.port(),
        security: MailSecurity::None,
        username: None,
        from: "askfirst@example.com".into(),
        locale: Locale::En,
        afterwards: Afterwards::None,
    };
    let mail = Mail { settings, password: None };
    let server = TestServer::open_to_strangers(9, 9, Some(mail)).await;
    let mailed = json!({ "name": "x", "notification_email": "ana@example.com" });
    let agent = stranger(&server, mailed).await;
    let quiet = ask(&agent, json!({ "action": "Quiet one", "notify": ["telegram"] })).await;
    assert_eq!(quiet["notifications"].as_object().unwrap().len(), 1);
    assert_eq!(quiet["notifications"]["telegram"]["sent"], false);
    for (more, title) in [
        (json!({ "action": "Usual one" }), "Usual one"),
        (json!({ "action": "Loud one", "notify": ["telegram", "email"] }), "Loud one"),
    ] {
        let asked = ask(&agent, more).await;
        assert_eq!(asked["notifications"]["email"], json!({ "sent": true }));
        let letter = mailbox.next().await;
        assert_eq!(letter.to, "ana@example.com");
        assert!(letter.raw.contains(title) && !letter.raw.contains("Quiet"), "{}", letter.raw);
    }
    // Who named no contact is told so, and nobody is written to.
    let silent = stranger(&server, json!({ "name": "y" })).await;
    let asked = ask(&silent, json!({ "notify": ["email"] })).await;
    let why = asked["notifications"]["email"]["error"].as_str().unwrap();
    assert!(why.contains("notification_email"), "{why}");
    assert_eq!(ask(&silent, json!({})).await["notifications"], json!({}));
}
