//! Ways to people: who may set them up, what cannot be one, and that their secrets stay secret.
//! What people get is read by a mail server that is not ours (`tests/mail`).

use askfirst_core::administration::Change;
use askfirst_core::{Environment, MemberId, Role, Scope};
use askfirst_server::service::keys::KeyWish;
use hyper::Method;
use serde_json::{Value, json};

use crate::support::mailbox::Mailbox;
use crate::support::workspace::wish;
use crate::support::{Answer, Client, TestServer};

/// A mail server at this port of this machine.
pub(crate) fn mailbox(port: u16) -> Value {
    json!({
        "kind": "email", "host": "127.0.0.1", "port": port, "security": "none",
        "from": "askfirst@example.com",
    })
}

fn with(more: &Value) -> Value {
    let mut wish = mailbox(2525);
    for (name, value) in more.as_object().unwrap() {
        wish[name] = value.clone();
    }
    wish
}

#[tokio::test]
async fn what_cannot_be_a_channel_is_refused_with_what_to_do() {
    let server = TestServer::start().await;
    let admin = server.admin();
    for (more, pointer, told) in [
        (json!({ "host": "smtp.example.com" }), "/security", "use TLS"),
        (json!({ "host": "smtp.example.com", "security": "tls" }), "/host", "maildev"),
        (json!({ "host": "10.0.0.1", "security": "tls" }), "/host", "allowed_hosts"),
        (json!({ "host": "" }), "/host", "no name of a host"),
        (json!({ "host": "127.0.0.1/x" }), "/host", ""),
        (json!({ "host": "127.0.0.1:25" }), "/host", "give the port apart"),
        (json!({ "host": "u:p@127.0.0.1" }), "/host", ""),
        (json!({ "host": "127.0.0.1\r\nx" }), "/host", ""),
        (json!({ "port": 0 }), "/port", "587"),
        (json!({ "from": "askfirst" }), "/from", "such as"),
        (json!({ "from": "a@example.com\r\nBcc: b@example.com" }), "/from", "such as"),
        (json!({ "username": "u" }), "/password", "a name needs"),
        (json!({ "password": "p" }), "/username", "a password needs"),
        (json!({ "username": "u", "password": "" }), "/password", "1024"),
        (json!({ "kind": "pigeon" }), "/kind", "email"),
        (json!({ "security": "some" }), "/security", "starttls"),
        (json!({ "locale": "xx" }), "/locale", "de"),
        (json!({ "colour": 1 }), "/colour", "unknown"),
    ] {
        let refused = admin.post("/v1/channels", &with(&more)).send().await;
        assert!((400..=422).contains(&refused.status), "{more}: {}", refused.status);
        assert_eq!(refused.pointers(), [pointer], "{more}");
        assert!(String::from_utf8_lossy(&refused.body).contains(told), "{more}: {told}");
    }
    assert_eq!(admin.get("/v1/channels").await.expect(200)["data"], json!([]));
    admin.post("/v1/channels", &mailbox(9)).send().await.expect(201);
    let second = admin.post("/v1/channels", &mailbox(9)).send().await;
    assert_eq!(second.pointers(), ["/kind"], "two would tell everybody everything twice");
}

#[tokio::test]
async fn a_password_is_told_to_nobody() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let wish = with(&json!({ "username": "askfirst", "password": "correct horse battery" }));
    let made = admin.post("/v1/channels", &wish).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    server.asker().ask("deploy").await;
    for path in [
        "/v1/channels".to_owned(),
        format!("/v1/channels/{id}"),
        format!("/v1/channels/{id}/notices"),
        "/v1/audit".to_owned(),
    ] {
        let told = admin.get(path).await;
        assert_eq!(told.status, 200);
        assert!(!String::from_utf8_lossy(&told.body).contains("correct horse"));
    }
    for file in server.picture() {
        assert!(!file.windows(13).any(|bytes| bytes == b"correct horse"), "it is sealed");
    }
}

#[tokio::test]
async fn what_nobody_takes_is_told_with_what_to_do() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin.post("/v1/channels", &mailbox(9)).send().await.expect(201);
    let path = format!("/v1/channels/{}", made["id"].as_str().unwrap());
    let trial = admin.post(format!("{path}/test"), &json!({})).send().await.expect(200);
    assert_eq!(trial["sent"], false);
    assert!(trial["error"].as_str().unwrap().contains("127.0.0.1"), "{trial}");
    let now = admin.get(&path).await.expect(200);
    assert_eq!(now["last_error"], trial["error"]);
}

#[tokio::test]
async fn each_workspace_has_its_own_and_what_is_tried_is_told_to_nobody() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.found("acme").await, server.found("rival").await);
    let admin = ours.client(&[Scope::Channels]).await;
    let made = admin.post("/v1/channels", &mailbox(9)).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    ours.policy("open", json!({})).await;
    ours.client_in(Environment::Test, &[Scope::Ask]).await.ask("deploy").await;
    let told = admin.get(format!("/v1/channels/{id}/notices")).await.expect(200);
    assert_eq!(told["data"], json!([]));
    let other = theirs.client(&[Scope::Channels]).await;
    for path in [format!("/v1/channels/{id}"), format!("/v1/channels/{id}/notices")] {
        other.get(path).await.expect(404);
    }
}

async fn patch(client: &Client, id: &str, more: Value) -> Answer {
    client.call(Method::PATCH, format!("/v1/channels/{id}")).json(&more).send().await
}

#[tokio::test]
async fn a_password_goes_to_no_server_but_the_one_it_was_given_for() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let wish = with(&json!({ "username": "askfirst", "password": "correct horse battery" }));
    let made = admin.post("/v1/channels", &wish).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    for more in [
        json!({ "host": "localhost" }),
        json!({ "port": 2526 }),
        json!({ "security": "starttls" }),
        json!({ "host": "localhost", "username": "somebody" }),
    ] {
        let refused = patch(&admin, id, more.clone()).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/password".into()]), "{more}");
        assert!(String::from_utf8_lossy(&refused.body).contains("password again"), "{more}");
    }
    assert_eq!(admin.get(format!("/v1/channels/{id}")).await.expect(200)["port"], 2525);

    // What is said to the same server is said by the same right.
    let more = json!({ "from": "no-reply@example.com", "locale": "de" });
    let changed = patch(&admin, id, more).await.expect(200);
    assert_eq!(
        (&changed["from"], &changed["locale"]),
        (&json!("no-reply@example.com"), &json!("de"))
    );
    assert_eq!(changed["username"], "askfirst");
    patch(&admin, id, json!({ "port": 2526, "password": "another battery" })).await.expect(200);
    patch(&admin, id, json!({})).await.expect(200);
    let log = admin.get("/v1/audit?kind=channel.changed").await.expect(200);
    let details: Vec<_> =
        log["data"].as_array().unwrap().iter().map(|entry| &entry["detail"]).collect();
    let expected = [
        json!({
            "from": { "from": "askfirst@example.com", "to": "no-reply@example.com" },
            "locale": { "from": "en", "to": "de" },
        }),
        json!({ "port": { "from": 2525, "to": 2526 }, "password": "changed" }),
    ];
    assert!(details.len() == 2 && expected.iter().all(|one| details.contains(&one)), "{details:?}");

    // Without a name there is no password, and it does not come back with one.
    patch(&admin, id, json!({ "username": null, "host": "localhost" })).await.expect(200);
    let refused = patch(&admin, id, json!({ "username": "askfirst" })).await;
    assert_eq!(refused.pointers(), ["/password"]);
    for file in server.picture() {
        for secret in ["correct horse", "another battery"] {
            assert!(!file.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
        }
    }
}

#[tokio::test]
async fn what_a_channel_cannot_be_it_cannot_become() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.found("acme").await, server.found("rival").await);
    let owner = ours.client(&[Scope::Channels]).await;
    let made = owner.post("/v1/channels", &mailbox(9)).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    for (more, pointer) in [
        (json!({ "host": "smtp.example.com" }), "/security"),
        (json!({ "host": "10.0.0.1", "security": "tls" }), "/host"),
        (json!({ "from": "askfirst" }), "/from"),
        (json!({ "password": "p" }), "/username"),
        (json!({ "username": "u" }), "/password"),
        (json!({ "username": "", "password": "p" }), "/username"),
        (json!({ "port": 0 }), "/port"),
        (json!({ "locale": "xx" }), "/locale"),
        (json!({ "kind": "email" }), "/kind"),
    ] {
        let refused = patch(&owner, id, more.clone()).await;
        assert!((400..=422).contains(&refused.status), "{more}: {}", refused.status);
        assert_eq!(refused.pointers(), [pointer], "{more}");
    }
    assert_eq!(owner.get(format!("/v1/channels/{id}")).await.expect(200), made);
    let other = theirs.client(&[Scope::Channels]).await;
    assert_eq!(patch(&other, id, json!({ "locale": "de" })).await.status, 404);

    // Who names the mail server could read the links of owners.
    let admin = MemberId::from_bits(askfirst_server::mint::id_bits());
    let (email, name) = ("admin@acme.example".to_owned(), "Admin".to_owned());
    ours.change(Change::AddMember { id: admin, email, name, role: Role::Admin }).await;
    let (_, key) = ours.key(KeyWish { owner: Some(admin), ..wish(&[Scope::Channels]) }).await;
    let refused = patch(&server.with_key(&key), id, json!({ "locale": "de" })).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn what_waits_goes_out_by_what_is_changed() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let made = admin.post("/v1/channels", &mailbox(9)).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/channels/{id}");
    server.asker().ask("deploy").await;
    while admin.get(&path).await.expect(200)["last_error"] == Value::Null {}
    let mut postbox = Mailbox::start().await;
    let more = json!({ "port": postbox.address.port(), "from": "other@example.com" });
    let changed = patch(&admin, id, more).await.expect(200);
    assert_eq!((&changed["last_error"], &changed["waiting"]), (&Value::Null, &json!(1)));
    server.clock.advance(91);
    assert!(postbox.next().await.header("From").unwrap().contains("other@example.com"));
}
