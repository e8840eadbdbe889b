//! A mail server that takes nothing for a while: what waits is kept, it is asked now and then
//! whether it works, and nobody loses an attempt by it.

use std::collections::{BTreeMap, BTreeSet};

use askfirst_core::Seconds;
use serde_json::{Value, json};

use crate::channels::mailbox;
use crate::support::mailbox::{Letter, Mailbox};
use crate::support::receiver::{Message, Receiver};
use crate::support::{Client, TestServer};
use crate::webhooks::hook;

const CLOSED: &str = "421 4.3.2 closed for the night";

/// Sets mail up through this server; gives the channel's path.
pub(crate) async fn mail(admin: &Client, through: &Mailbox) -> String {
    let wish = mailbox(through.address.port());
    let made = admin.post("/v1/channels", &wish).send().await.expect(201);
    format!("/v1/channels/{}", made["id"].as_str().unwrap())
}

/// The channel, once it is as `wanted` says.
pub(crate) async fn channel(admin: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let seen = admin.get(path).await.expect(200);
        if wanted(&seen) {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

/// What people were told, newest first.
pub(crate) async fn log(admin: &Client, path: &str) -> Vec<Value> {
    let page = admin.get(format!("{path}/notices?limit=100")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

/// Whether a mail is due, or on its way: nothing but a lease is as long as that, by a clock that
/// stands still.
pub(crate) fn is_held(server: &TestServer, line: &Value) -> bool {
    let now = server.service.store().now();
    let held = now.plus(Seconds(90)).to_string();
    line["next_attempt_at"].as_str().is_some_and(|next| *next <= *now.to_string() || next == held)
}

fn is_down(channel: &Value) -> bool {
    !channel["down_since"].is_null()
}

/// The channel, once it is down and nothing is on its way any more. Whatever is still on its way
/// then fails later than the story says, and puts off the next attempt.
async fn down(server: &TestServer, admin: &Client, path: &str) -> Value {
    let down = channel(admin, path, is_down).await;
    while log(admin, path).await.iter().any(|line| is_held(server, line)) {
        tokio::task::yield_now().await;
    }
    down
}

#[tokio::test]
async fn a_mail_server_that_takes_nothing_is_asked_once_in_30_seconds_and_nobody_loses_an_attempt()
{
    let server = TestServer::start().await;
    let admin = server.admin();
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    mails.close(Some(CLOSED));
    for number in 0..6 {
        server.asker().ask(&format!("deploy{number}")).await;
    }
    let down = down(&server, &admin, &path).await;
    assert!(down["last_error"].as_str().unwrap().contains("closed for the night"), "{down}");
    assert_eq!(down["down_since"], "2030-01-01T00:00:00.000Z");
    assert_eq!(down["next_probe_at"], "2030-01-01T00:00:30.000Z");
    assert_eq!(down["waiting"], 6);
    let tried = |lines: &[Value]| -> u64 {
        lines.iter().map(|line| line["attempts"].as_u64().unwrap()).sum()
    };
    // Some were on their way when it went down.
    let lines = log(&admin, &path).await;
    assert!(tried(&lines) <= 4, "{lines:?}");
    assert!(lines.iter().all(|line| line["next_attempt_at"] == down["next_probe_at"]));

    let begun = mails.sessions();
    for next in ["00:01:00", "00:01:30", "00:02:00"] {
        server.clock.advance(30);
        let next = format!("2030-01-01T{next}.000Z");
        let seen = channel(&admin, &path, |seen| seen["next_probe_at"] == *next).await;
        assert_eq!(seen["down_since"], down["down_since"]);
    }
    assert_eq!(mails.sessions(), begun + 3, "one in 30 seconds");
    assert!(tried(&log(&admin, &path).await) <= 4, "a probe costs nobody an attempt");

    mails.close(None);
    server.clock.advance(30);
    let letters = mails.several(6).await;
    assert_eq!(letters.len(), 6);
    let up = channel(&admin, &path, |seen| seen["waiting"] == 0).await;
    assert!(!is_down(&up) && up["last_error"].is_null() && up["next_probe_at"].is_null());
    assert!(mails.rest().is_empty(), "each is told once");
}

#[tokio::test]
async fn a_test_that_arrives_brings_a_mail_server_up_at_once() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    mails.close(Some(CLOSED));
    for number in 0..4 {
        server.asker().ask(&format!("deploy{number}")).await;
    }
    down(&server, &admin, &path).await;
    let trial = admin.post(format!("{path}/test"), &json!({})).send().await.expect(200);
    assert_eq!(trial["sent"], false);
    assert!(is_down(&admin.get(&path).await.expect(200)), "a test that fails changes nothing");
    mails.close(None);
    let trial = admin.post(format!("{path}/test"), &json!({})).send().await.expect(200);
    assert_eq!(trial["sent"], true, "{trial}");
    // The clock stands still: nothing waited for its time.
    assert_eq!(mails.several(5).await.len(), 5);
}

#[tokio::test]
async fn who_is_refused_says_nothing_about_the_mail_server() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    server.workspace().member("ana").await;
    mails.refuse("ana@example.com", "451 4.7.1 come back later");
    for number in 0..5 {
        server.asker().ask(&format!("deploy{number}")).await;
    }
    mails.several(5).await;
    loop {
        let lines = log(&admin, &path).await;
        let ana: Vec<_> =
            lines.iter().filter(|line| line["address"] == "ana@example.com").collect();
        let refused =
            |line: &&Value| line["reason"].as_str().is_some_and(|why| why.contains("451"));
        if ana.iter().all(refused) {
            assert!(ana.iter().all(|line| line["attempts"] == 1));
            assert!(ana.iter().all(|line| line["state"] == "waiting"));
            break;
        }
    }
    assert!(!is_down(&admin.get(&path).await.expect(200)));
}

#[tokio::test]
async fn a_server_that_lets_us_send_nothing_keeps_all_that_waits() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    // As one answers that wants to know who sends: for good, and to everything.
    mails.close(Some("554 5.7.1 you may not send here"));
    for number in 0..4 {
        server.asker().ask(&format!("deploy{number}")).await;
    }
    down(&server, &admin, &path).await;
    mails.close(None);
    server.clock.advance(3_600 - 60);
    assert_eq!(mails.several(4).await.len(), 4, "none was given up");
}

#[tokio::test]
async fn who_is_not_reached_is_named_until_something_arrives() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    let ana = server.workspace().member("ana").await;
    mails.refuse("ana@example.com", "550 5.1.1 no such user");
    let asked = server.asker().ask("deploy").await;
    let some = |seen: &Value| !seen["unreached"].as_array().unwrap().is_empty();
    let seen = channel(&admin, &path, some).await;
    assert_eq!(seen["unreached"].as_array().unwrap().len(), 1, "{seen}");
    let named = &seen["unreached"][0];
    assert_eq!((&named["member"], &named["address"]), (&json!(ana), &json!("ana@example.com")));
    assert!(named["reason"].as_str().unwrap().contains("no such user"), "{named}");
    assert!(!is_down(&seen), "and everybody else is");
    assert_eq!(mails.next().await.to, "dev@localhost.test");
    // It is tried all the same, and what arrives counts.
    mails.accept("ana@example.com");
    server.asker().ask("again").await;
    channel(&admin, &path, |seen| !some(seen)).await;
    server.asker().cancel(&asked).await.expect(200);
}

#[tokio::test]
async fn who_may_send_nothing_is_told_so_at_whatever_point_the_server_says_it() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    mails.refuse("dev@localhost.test", "554 5.7.1 <dev@localhost.test>: Relay access denied");
    for number in 0..4 {
        server.asker().ask(&format!("deploy{number}")).await;
    }
    let down = down(&server, &admin, &path).await;
    let why = down["last_error"].as_str().unwrap();
    assert!(why.contains("lets this server send nothing") && why.contains("password"), "{why}");
    assert!(log(&admin, &path).await.iter().all(|line| line["state"] == "waiting"));
}

#[tokio::test]
async fn after_two_hours_without_mail_and_a_receiver_all_comes_once_in_order_and_held_up_nobody() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let ana = server.approver("ana").await;
    let (mut gone, mut well) = (Receiver::start().await, Receiver::start().await);
    let gone_id = hook(&admin, &gone, json!([])).await.0;
    let well_id = hook(&admin, &well, json!([])).await.0;
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    mails.close(Some(CLOSED));
    gone.refuse(true);

    let long = json!({ "expires_in": 86_400 });
    server.workspace().policy("long", long).await;

    // A third is decided, a third is withdrawn, a third stays open.
    let mut asked = Vec::new();
    for number in 0..30 {
        let more = json!({ "policy": "long" });
        let one = agent.ask_with(&format!("deploy{number}"), more).await;
        match number % 3 {
            0 => drop(ana.approve(&one).await.expect(200)),
            1 => drop(agent.cancel(&one).await.expect(200)),
            _ => {}
        }
        asked.push(one["id"].as_str().unwrap().to_owned());
    }
    let events = 30 + 20 + 10;
    // The clock stands still: who is well has all of it although the others have nothing.
    let mut first = Vec::new();
    for _ in 0..events {
        first.push(well.next().await);
    }
    in_order(&first, &asked);
    assert_eq!(first.iter().map(Message::id).collect::<BTreeSet<_>>().len(), events);

    down(&server, &admin, &path).await;
    channel(&admin, &format!("/v1/webhooks/{well_id}"), |seen| seen["waiting"] == 0).await;
    for _ in 0..12 {
        server.clock.advance(600);
        settled(&server, &admin, &path).await;
    }
    assert!(mails.rest().is_empty());
    let waiting = admin.get(&path).await.expect(200)["waiting"].as_u64().unwrap();
    // Two people for each of ten, and whoever was being told when it ended.
    assert!((20..=28).contains(&waiting), "{waiting}");
    let counts = server.service.store().delivery_counts().await.unwrap();
    assert_eq!(counts.dead, 0);

    gone.refuse(false);
    mails.close(None);
    // Their next attempts come within two hours and a tenth.
    for _ in 0..16 {
        server.clock.advance(600);
        settled(&server, &admin, &path).await;
    }
    for hook in [&gone_id, &well_id] {
        channel(&admin, &format!("/v1/webhooks/{hook}"), |seen| seen["waiting"] == 0).await;
        let lines =
            admin.get(format!("/v1/webhooks/{hook}/deliveries?limit=100")).await.expect(200);
        let lines = lines["data"].as_array().unwrap();
        assert_eq!(lines.len(), events);
        assert!(lines.iter().all(|line| line["state"] == "delivered"));
        assert!(hook == &gone_id || lines.iter().all(|line| line["attempts"] == 1));
    }
    let mut told = Vec::new();
    let mut bodies = BTreeMap::new();
    for message in gone.rest() {
        let known = bodies.insert(message.id().to_owned(), message.body.clone());
        match known {
            Some(known) => assert_eq!(known, message.body, "the same id, the same bytes"),
            None => told.push(message),
        }
    }
    assert_eq!(told.len(), events);
    in_order(&told, &asked);
    assert!(well.is_quiet(), "nothing comes twice to who took it");

    let letters = mails.rest();
    let named = |to: &str, name: &str| {
        let of = letters.iter().filter(|letter| letter.to == to);
        of.filter(|letter| !letter.subject().starts_with("Still") && letter.text().contains(name))
            .count()
    };
    for (number, id) in asked.iter().enumerate() {
        for to in ["dev@localhost.test", "ana@example.com"] {
            let count = named(to, &format!("Do deploy{number}?"));
            assert_eq!(count, usize::from(number % 3 == 2), "{id} to {to}");
        }
    }
    let ids: BTreeSet<_> = letters.iter().map(Letter::id).collect();
    assert_eq!(ids.len(), letters.len(), "no mail came twice");
}

/// Returns once nothing is due, and no mail is on its way.
async fn settled(server: &TestServer, admin: &Client, path: &str) {
    let store = server.service.store();
    while !store.due_channels().await.unwrap().is_empty()
        || !store.due_webhooks().await.unwrap().is_empty()
        || log(admin, path).await.iter().any(|line| is_held(server, line))
    {
        tokio::task::yield_now().await;
    }
}

/// Of each approval the first event comes first, and so on.
fn in_order(messages: &[Message], asked: &[String]) {
    for id in asked {
        let of = messages.iter().map(Message::json).filter(|body| body["data"]["approval"] == **id);
        let sequence: Vec<_> = of.map(|body| body["data"]["sequence"].as_u64().unwrap()).collect();
        let wanted: Vec<_> = (1..=sequence.len() as u64).collect();
        assert!(!sequence.is_empty() && sequence == wanted, "{id}: {sequence:?}");
    }
}
