//! Webhooks: what happens reaches who wants to be told, signed, in order, again and again until
//! it is taken, and says in words what is wrong if it is not.

use askfirst_core::{Event, Scope, Seconds};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::receiver::{Receiver, answer_of};
use crate::support::{Client, TestServer};

pub(crate) async fn hook(admin: &Client, receiver: &Receiver, events: Value) -> (String, String) {
    let wish = json!({ "url": receiver.url(), "events": events });
    let made = admin.post("/v1/webhooks", &wish).send().await.expect(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

async fn challenge(admin: &Client, id: &str) -> Value {
    admin.post(format!("/v1/webhooks/{id}/challenge"), &json!({})).send().await.expect(200)
}

async fn log(admin: &Client, id: &str) -> Vec<Value> {
    let page = admin.get(format!("/v1/webhooks/{id}/deliveries")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

/// The newest line of the log, once it says so.
async fn logged(admin: &Client, id: &str, ready: impl Fn(&Value) -> bool) -> Value {
    whole_log(admin, id, |lines| lines.first().is_some_and(&ready)).await.remove(0)
}

/// All of the log, once it says so.
async fn whole_log(admin: &Client, id: &str, ready: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    loop {
        let lines = log(admin, id).await;
        if ready(&lines) {
            return lines;
        }
    }
}

/// Returns once the server has looked at all that was due before: what comes later has arrived
/// elsewhere, and all that is due is claimed together.
async fn looked(agent: &Client, elsewhere: &mut Receiver) {
    let marker = agent.ask("marker").await;
    assert_eq!(elsewhere.next().await.json()["data"]["approval"], marker["id"]);
}

async fn ask_and_cancel(agent: &Client) {
    let asked = agent.ask("deploy").await;
    agent.cancel(&asked).await.expect(200);
}

#[tokio::test]
async fn what_happens_is_told_in_order_and_signed() {
    let server = TestServer::start().await;
    let (agent, ana, admin) = (server.asker(), server.approver("ana").await, server.admin());
    let mut receiver = Receiver::start().await;
    let (id, secret) = hook(&admin, &receiver, json!([])).await;
    let told = secret.strip_prefix("whsec_").unwrap();
    for file in server.picture() {
        assert!(!file.windows(20).any(|bytes| bytes == &told.as_bytes()[..20]), "it is sealed");
    }

    let asked = agent.ask("deploy").await;
    ana.approve(&asked).await.expect(200);
    agent.consume(&asked).await.expect(200);
    agent.report(&asked, "succeeded").await.expect(200);

    let mut sequence = 0;
    for name in ["asked", "voted", "approved", "claimed", "outcome_reported"] {
        let message = receiver.next().await;
        assert!(message.is_signed_with(&secret));
        assert_eq!(message.header("content-type"), "application/json");
        let body = message.json();
        sequence += 1;
        assert_eq!(body["type"], format!("approval.{name}"));
        assert!(Event::NAMES.contains(&name));
        assert_eq!(body["data"]["approval"], asked["id"]);
        assert_eq!(body["data"]["sequence"], sequence);
        assert_eq!(body["data"]["environment"], "dev");
        assert!(!String::from_utf8_lossy(&message.body).contains("Deploy"), "no texts of people");
    }
    let last = logged(&admin, &id, |line| line["state"] == "delivered").await;
    assert_eq!((&last["attempts"], &last["response_status"]), (&json!(1), &json!(204)));
    assert!(receiver.is_quiet());

    let gone = admin.call(Method::DELETE, format!("/v1/webhooks/{id}")).send().await;
    assert_eq!(gone.status, 204);
    admin.get(format!("/v1/webhooks/{id}")).await.expect(404);
    let mut elsewhere = Receiver::start().await;
    hook(&admin, &elsewhere, json!(["asked"])).await;
    looked(&agent, &mut elsewhere).await;
    assert!(receiver.is_quiet(), "who was removed is told nothing");
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_to_the_byte_and_what_follows_waits() {
    let server = TestServer::start().await;
    let (agent, ana, admin) = (server.asker(), server.approver("ana").await, server.admin());
    let mut receiver = Receiver::start().await;
    let (id, secret) = hook(&admin, &receiver, json!(["asked", "approved"])).await;
    receiver.answer(answer_of(503, "down for a moment"));
    let asked = agent.ask("deploy").await;
    let first = receiver.next().await;
    ana.approve(&asked).await.expect(200);

    let lines = log(&admin, &id).await;
    assert_eq!((&lines[0]["event"], &lines[0]["attempts"]), (&json!("approved"), &json!(0)));
    assert_eq!(lines[0]["next_attempt_at"], Value::Null, "it waits for the one before it");
    let lines = whole_log(&admin, &id, |lines| lines[1]["last_error"] != Value::Null).await;
    let failed = &lines[1];
    let told = "it answered 503 Service Unavailable; only 2xx says that it has what was sent";
    assert_eq!(failed["last_error"], told);
    assert_eq!(failed["response_body"], "down for a moment");
    assert_eq!(failed["state"], "waiting");
    assert!(receiver.is_quiet());

    server.clock.advance(6);
    let again = receiver.next().await;
    assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    assert_ne!(again.header("webhook-timestamp"), first.header("webhook-timestamp"));
    assert!(again.is_signed_with(&secret));
    let then = receiver.next().await;
    assert_eq!(then.json()["type"], "approval.approved");

    let line = logged(&admin, &id, |line| line["state"] == "delivered").await;
    let retry = format!("/v1/deliveries/{}/retry", line["id"].as_str().unwrap());
    admin.post(retry, &json!({})).send().await.expect(202);
    let replayed = receiver.next().await;
    assert_eq!((replayed.id(), &replayed.body), (then.id(), &then.body));
}

#[tokio::test]
async fn a_receiver_may_ask_for_time_and_for_nothing_more() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut receiver = Receiver::start().await;
    let (id, _) = hook(&admin, &receiver, json!(["cancelled"])).await;
    let mut busy = answer_of(429, "");
    busy.headers_mut().insert("retry-after", "3600".parse().unwrap());
    receiver.answer(busy);
    receiver.answer(answer_of(410, ""));
    ask_and_cancel(&agent).await;
    receiver.next().await;
    let failed = logged(&admin, &id, |line| line["last_error"] != Value::Null).await;
    let hour = server.service.now().plus(Seconds(3_600)).to_string();
    assert_eq!(failed["next_attempt_at"], json!(hour), "it asked for an hour");
    let mut elsewhere = Receiver::start().await;
    hook(&admin, &elsewhere, json!(["asked"])).await;
    server.clock.advance(3_599);
    looked(&agent, &mut elsewhere).await;
    assert!(receiver.is_quiet());
    server.clock.advance(1);
    receiver.next().await;
    let dead = logged(&admin, &id, |line| line["state"] == "dead").await;
    assert!(dead["last_error"].as_str().unwrap().starts_with("it answered 410 Gone"));
    let hook = admin.get(format!("/v1/webhooks/{id}")).await.expect(200);
    assert_eq!(hook["state"], "disabled");
    assert!(hook["problem"].as_str().unwrap().contains("410"), "{hook}");
    let audit = admin.get("/v1/audit?kind=webhook.disabled").await.expect(200);
    assert_eq!(audit["data"][0]["subject"], json!(id));
    assert_eq!(audit["data"][0]["actor"], "system");
    ask_and_cancel(&agent).await;
    assert_eq!(log(&admin, &id).await.len(), 1, "nothing is kept for who wants nothing");

    // It wants to be told again only if it says so, and is told from then on.
    receiver.answer_challenge(answer_of(410, ""));
    let still = challenge(&admin, &id).await;
    assert_eq!(still["state"], "disabled");
    assert!(still["problem"].as_str().unwrap().contains("410 Gone; let it answer"), "{still}");
    let again = challenge(&admin, &id).await;
    assert_eq!((&again["state"], &again["disabled_at"]), (&json!("active"), &Value::Null));
    let audit = admin.get("/v1/audit?kind=webhook.confirmed").await.expect(200);
    let subjects: Vec<_> =
        audit["data"].as_array().unwrap().iter().map(|line| &line["subject"]).collect();
    assert_eq!(subjects.iter().filter(|subject| ***subject == json!(id)).count(), 2);
    ask_and_cancel(&agent).await;
    assert_eq!(receiver.next().await.json()["type"], "approval.cancelled");
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn it_is_given_up_after_the_last_attempt_and_not_before() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut receiver = Receiver::start().await;
    let (id, _) = hook(&admin, &receiver, json!(["cancelled"])).await;
    for _ in 0..10 {
        receiver.answer(answer_of(500, ""));
    }
    ask_and_cancel(&agent).await;
    let first = receiver.next().await;
    for attempt in 1..10 {
        let waits = |line: &Value| {
            line["attempts"] == attempt && line["response_status"] == 500 && {
                let next: askfirst_core::Timestamp =
                    line["next_attempt_at"].as_str().unwrap().parse().unwrap();
                // The lease is shorter than any pause but the first.
                attempt == 1 || next > server.service.now().plus(Seconds(31))
            }
        };
        logged(&admin, &id, waits).await;
        server.clock.advance(96_000);
        assert_eq!(receiver.next().await.id(), first.id());
    }
    let dead = logged(&admin, &id, |line| line["state"] == "dead").await;
    assert_eq!((&dead["attempts"], &dead["next_attempt_at"]), (&json!(10), &Value::Null));
    let mut elsewhere = Receiver::start().await;
    hook(&admin, &elsewhere, json!(["asked"])).await;
    server.clock.advance(96_000);
    looked(&agent, &mut elsewhere).await;
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_with_what_to_do() {
    let server = TestServer::start().await;
    let admin = server.admin();
    for (wish, pointer) in [
        (json!({ "url": "https://10.0.0.1/" }), "/url"),
        (json!({ "url": "http://example.com/" }), "/url"),
        (json!({ "url": "https://user:pass@example.com/" }), "/url"),
        (json!({ "url": "not a url" }), "/url"),
        (json!({}), "/url"),
        (json!({ "url": "https://example.com/", "callbacks": true }), "/url"),
        (json!({ "callbacks": true, "events": ["asked"] }), "/events"),
        (json!({ "url": format!("https://example.com/{}", "a".repeat(2_048)) }), "/url"),
        (json!({ "url": "https://example.com/", "events": ["asked", "exploded"] }), "/events/1"),
        (json!({ "url": "https://example.com/", "environment": "live" }), "/environment"),
    ] {
        let refused = admin.post("/v1/webhooks", &wish).send().await;
        assert!((400..=422).contains(&refused.status), "{wish}: {}", refused.status);
        assert_eq!(refused.pointers(), [pointer], "{wish}");
    }
    let wish = json!({ "url": "http://127.0.0.1:9/" });
    for _ in 0..20 {
        admin.post("/v1/webhooks", &wish).send().await.expect(201);
    }
    let full = admin.post("/v1/webhooks", &wish).send().await;
    assert!(full.problem().contains("invalid"), "{}", full.problem());
    let list = admin.get("/v1/webhooks").await;
    assert!(!String::from_utf8_lossy(&list.body).contains("whsec_"), "secrets are told once");
}

#[tokio::test]
async fn each_world_and_each_workspace_tells_its_own() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.found("acme").await, server.found("rival").await);
    ours.policy("open", json!({})).await;
    let admin = ours.client(&[Scope::Workspace]).await;
    let (mut live, mut test) = (Receiver::start().await, Receiver::start().await);
    hook(&admin, &live, json!([])).await;
    let wish = json!({ "url": test.url(), "environment": "test" });
    let made = admin.post("/v1/webhooks", &wish).send().await.expect(201);
    theirs.asker().await.ask("deploy").await;
    let trial = ours.client_in(askfirst_core::Environment::Test, &[Scope::Ask]).await;
    let tried = trial.ask("deploy").await;
    assert_eq!(test.next().await.json()["data"]["approval"], tried["id"]);
    let asked = ours.asker().await.ask("deploy").await;
    assert_eq!(live.next().await.json()["data"]["approval"], asked["id"]);
    assert!(live.is_quiet() && test.is_quiet());
    let other = theirs.client(&[Scope::Workspace]).await;
    let id = made["id"].as_str().unwrap();
    for path in [format!("/v1/webhooks/{id}"), format!("/v1/webhooks/{id}/deliveries")] {
        other.get(path).await.expect(404);
    }
    let line = logged(&admin, id, |line| line["state"] == "delivered").await;
    let retry = format!("/v1/deliveries/{}/retry", line["id"].as_str().unwrap());
    other.post(retry, &json!({})).send().await.expect(404);
}

#[tokio::test]
async fn a_secret_gives_way_to_another_while_both_sign() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut receiver = Receiver::start().await;
    let (id, first) = hook(&admin, &receiver, json!(["asked"])).await;
    let path = format!("/v1/webhooks/{id}/rotate");
    let rotate = async |wish: Value| {
        let made = admin.post(&path, &wish).send().await.expect(200);
        (made["secret"].as_str().unwrap().to_owned(), made["older_secret_until"].clone())
    };
    let mut next = async || {
        agent.ask("deploy").await;
        let message = receiver.next().await;
        logged(&admin, &id, |line| line["state"] == "delivered").await;
        message
    };
    assert!(next().await.is_signed_with(&first));

    let (second, until) = rotate(json!({})).await;
    let day = server.service.now().plus(Seconds(86_400));
    assert!(until.as_str().unwrap().parse::<askfirst_core::Timestamp>().unwrap() <= day);
    server.clock.advance(86_300);
    let message = next().await;
    assert!(message.is_signed_with(&second) && message.is_signed_with(&first));
    assert!(message.header("webhook-signature").starts_with("v1,"));
    server.clock.advance(101);
    let message = next().await;
    assert!(message.is_signed_with(&second) && !message.is_signed_with(&first));
    let seen = admin.get(format!("/v1/webhooks/{id}")).await.expect(200);
    assert_eq!(seen["older_secret_until"], Value::Null);

    // Who may know the old one is shut out at once.
    let (third, until) = rotate(json!({ "overlap": "0s" })).await;
    assert_eq!(until, Value::Null);
    let message = next().await;
    assert!(message.is_signed_with(&third) && !message.is_signed_with(&second));
    assert!(!message.header("webhook-signature").contains(' '));

    let again = admin.post(&path, &json!({})).once("r1").send().await.expect(200);
    let repeat = admin.post(&path, &json!({})).once("r1").send().await.expect(200);
    assert_eq!(repeat["secret"], Value::Null, "told once");
    assert!(next().await.is_signed_with(again["secret"].as_str().unwrap()));
    for (wish, status) in [
        (json!({ "overlap": "8d" }), 422),
        (json!({ "overlap": "soon" }), 400),
        (json!({ "overlap": -1 }), 400),
    ] {
        let refused = admin.post(&path, &wish).send().await;
        assert_eq!(
            (refused.status, refused.pointers()),
            (status, vec!["/overlap".into()]),
            "{wish}"
        );
    }
    let audit = admin.get("/v1/audit?kind=webhook.rotated").await.expect(200);
    assert_eq!(audit["data"].as_array().unwrap().len(), 3);
    for file in server.picture() {
        for secret in [&first, &second, &third] {
            let told = &secret.strip_prefix("whsec_").unwrap().as_bytes()[..20];
            assert!(!file.windows(20).any(|bytes| bytes == told), "they are sealed");
        }
    }
}
