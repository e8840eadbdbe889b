//! Whoever is asked a lot gets the rest together, without anything to press; and whoever has not
//! answered late in the time is reminded once.

use hyper::Method;
use serde_json::{Value, json};

use crate::outages::{is_held, log, mail};
use crate::support::client::path_of;
use crate::support::mailbox::{Letter, Mailbox};
use crate::support::{Client, TestServer};

const DEV: &str = "dev@localhost.test";

async fn ask_many(agent: &Client, count: usize, expires_in: u32) -> Vec<Value> {
    let mut asked = Vec::new();
    for number in 0..count {
        let more = json!({ "expires_in": expires_in });
        asked.push(agent.ask_with(&format!("deploy{number}"), more).await);
    }
    asked
}

/// What came until nothing is due any more and nothing is on its way.
async fn all_quiet(server: &TestServer, path: &str, mails: &mut Mailbox) -> Vec<Letter> {
    let admin = server.admin();
    while !server.service.store().due_channels().await.unwrap().is_empty()
        || log(&admin, path).await.iter().any(|line| is_held(server, line))
    {
        tokio::task::yield_now().await;
    }
    mails.rest()
}

fn links(letter: &Letter) -> Vec<String> {
    let text = letter.text();
    let found = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    found.map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn an_agent_that_asks_a_lot_fills_one_mail_and_not_a_mailbox() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    let asked = ask_many(&agent, 40, 3_600).await;
    let alone = mails.several(6).await;
    assert!(alone.iter().all(|letter| letter.text().contains("suggest=approve")));
    let more = all_quiet(&server, &path, &mut mails).await;
    assert!(more.is_empty(), "{} more", more.len());

    server.clock.advance(60);
    let digest = mails.next().await;
    assert_eq!(
        (digest.to.as_str(), digest.subject().as_str()),
        (DEV, "34 more requests wait for you")
    );
    let text = digest.text();
    assert!(!text.contains("suggest=") && !text.contains("/d/"), "nothing can be decided by it");
    assert!(text.contains("14 more are in your inbox."), "{text}");
    let own = format!("http://{}/", server.address);
    assert!(links(&digest).iter().all(|link| link.starts_with(&own)), "{:?}", links(&digest));
    assert_eq!(links(&digest).iter().filter(|link| link.contains("/a/apr_")).count(), 20);
    assert!(digest.header("In-Reply-To").is_none());

    // Within five minutes of it there is no other, and those that come are in the next.
    assert!(all_quiet(&server, &path, &mut mails).await.is_empty());
    ask_many(&agent, 30, 3_600).await;
    server.clock.advance(200);
    let soon = all_quiet(&server, &path, &mut mails).await;
    assert!(soon.is_empty(), "{:?}", soon.first().map(Letter::subject));
    server.clock.advance(100);
    let rest = all_quiet(&server, &path, &mut mails).await;
    let subjects: Vec<_> = rest.iter().map(Letter::subject).collect();
    assert_eq!(subjects, ["30 more requests wait for you"]);

    // How it ended is news only for what they have a mail of its own about.
    for approval in &asked {
        agent.cancel(approval).await.expect(200);
    }
    let ends = all_quiet(&server, &path, &mut mails).await;
    assert_eq!(ends.len(), 6);
    assert!(ends.iter().all(|letter| letter.subject().starts_with("Cancelled: ")));
}

#[tokio::test]
async fn what_is_near_its_deadline_comes_by_itself_up_to_a_bound() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    ask_many(&agent, 30, 600).await;
    let alone = all_quiet(&server, &path, &mut mails).await;
    assert_eq!(alone.len(), 20);
    server.clock.advance(60);
    assert_eq!(mails.next().await.subject(), "10 more requests wait for you");
}

#[tokio::test]
async fn one_alone_comes_as_itself_and_what_was_answered_does_not_come() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    let asked = ask_many(&agent, 9, 3_600).await;
    let first = all_quiet(&server, &path, &mut mails).await;
    assert_eq!(first.len(), 6);
    let told = |approval: &Value| {
        first
            .iter()
            .any(|letter| letter.text().contains(approval["action_digest"].as_str().unwrap()))
    };
    let untold: Vec<_> = asked.iter().filter(|approval| !told(approval)).collect();
    assert_eq!(untold.len(), 3);
    agent.cancel(untold[0]).await.expect(200);
    server.dev().reject(untold[1]).await.expect(200);
    server.clock.advance(60);
    let letter = mails.next().await;
    assert!(letter.subject().starts_with("Your answer is wanted: "), "{}", letter.subject());
    assert!(letter.text().contains("suggest=approve"));
    let more = all_quiet(&server, &path, &mut mails).await;
    assert!(more.is_empty());
}

#[tokio::test]
async fn a_digest_that_is_not_taken_comes_again_as_the_same() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    ask_many(&agent, 12, 3_600).await;
    assert_eq!(all_quiet(&server, &path, &mut mails).await.len(), 6);
    mails.refuse(DEV, "451 4.7.1 come back later");
    server.clock.advance(60);
    let tried = |lines: Vec<Value>| {
        let refused =
            |line: &&Value| line["reason"].as_str().is_some_and(|why| why.contains("451"));
        lines.iter().filter(refused).count()
    };
    while tried(log(&admin, &path).await) != 6 {}
    // More is asked meanwhile; it does not change what was made up.
    ask_many(&agent, 8, 3_600).await;
    mails.accept(DEV);
    server.clock.advance(10);
    let digest = mails.next().await;
    assert_eq!(digest.subject(), "6 more requests wait for you");
}

#[tokio::test]
async fn somebody_without_an_account_can_open_each_of_them() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let contact = json!({ "email": "eve@example.com", "name": "Eve", "role": "contact" });
    admin.post("/v1/members", &contact).send().await.expect(201);
    let needs = json!({ "needs": [{ "from": ["contact:eve@example.com"] }], "assurance": "link" });
    server.workspace().policy("eves", needs).await;
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    for _ in 0..31 {
        agent.ask_under("eves").await;
    }
    assert_eq!(all_quiet(&server, &path, &mut mails).await.len(), 6);
    server.clock.advance(60);
    let digest = mails.next().await;
    assert_eq!(digest.subject(), "20 more requests wait for you");
    let own: Vec<_> = links(&digest).into_iter().filter(|link| link.contains("/d/")).collect();
    assert_eq!(own.len(), 20, "and all of them can be opened");
    assert!(!digest.text().contains("suggest="));
}

#[tokio::test]
async fn who_has_not_answered_is_reminded_once_in_the_same_thread() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    let ana_votes = workspace.decider(ana).await;
    let needs = json!({ "needs": [{ "from": ["members"], "count": 2 }] });
    workspace.policy("two", needs).await;
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    let more = json!({ "policy": "two", "expires_in": 3_600 });
    let asked = agent.ask_with("deploy", more).await;
    let first = mails.several(3).await;
    ana_votes.approve(&asked).await.expect(200);
    // Ben is away, and Cleo, who comes in, is asked since.
    let cleo = workspace.member("cleo").await;
    let away = json!({ "to": cleo.to_string(), "until": "2030-01-15T00:00:00Z" });
    let delegation = format!("/v1/members/{ben}/delegation");
    admin.call(Method::PUT, delegation).json(&away).send().await.expect(200);
    assert_eq!(mails.next().await.to, "cleo@example.com");
    assert!(all_quiet(&server, &path, &mut mails).await.is_empty());
    server.clock.advance(2_699);
    let early = all_quiet(&server, &path, &mut mails).await;
    assert!(early.is_empty());
    server.clock.advance(1);
    let came = all_quiet(&server, &path, &mut mails).await;
    let mut whom: Vec<_> = came.iter().map(|letter| letter.to.as_str()).collect();
    whom.sort_unstable();
    assert_eq!(whom, ["cleo@example.com", DEV], "neither who answered nor who is away");
    let to_dev = came.iter().find(|letter| letter.to == DEV).unwrap();
    assert_eq!(to_dev.subject(), "Still waiting for your answer: Do deploy?");
    let asked_dev = first.iter().find(|letter| letter.to == DEV).unwrap();
    assert_eq!(to_dev.header("In-Reply-To"), Some(asked_dev.id()));
    assert!(to_dev.text().contains("suggest=approve"));
    server.clock.advance(800);
    let late = all_quiet(&server, &path, &mut mails).await;
    assert!(late.is_empty(), "once is enough");
    let dropped: Vec<_> = log(&admin, &path)
        .await
        .into_iter()
        .filter(|line| line["about"] == "reminder" && line["state"] == "dropped")
        .collect();
    assert_eq!(dropped.len(), 2, "{dropped:?}");
}

#[tokio::test]
async fn who_is_asked_anew_is_reminded_anew() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    let (ana, ben) = (workspace.decider(ana).await, workspace.decider(ben).await);
    let needs = json!({ "needs": [{ "from": ["members"], "count": 3 }] });
    workspace.policy("three", needs).await;
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    let more =
        json!({ "policy": "three", "expires_in": 3_600, "editable": ["/arguments/version"] });
    let asked = agent.ask_with("deploy", more).await;
    mails.several(3).await;
    ana.approve(&asked).await.expect(200);
    assert!(all_quiet(&server, &path, &mut mails).await.is_empty());
    server.clock.advance(2_700);
    let reminded = all_quiet(&server, &path, &mut mails).await;
    assert!(reminded.iter().all(|letter| letter.to != "ana@example.com"), "she had answered");
    let edit = json!({
        "decision": "approve", "action_digest": asked["action_digest"],
        "edits": { "/arguments/version": "2.2" },
    });
    ben.post(path_of(&asked, "/vote"), &edit).send().await.expect(200);
    let changed = all_quiet(&server, &path, &mut mails).await;
    assert!(changed.iter().any(|letter| letter.to == "ana@example.com"), "her vote is gone");
    server.clock.advance(675);
    let reminded = all_quiet(&server, &path, &mut mails).await;
    let whom: Vec<_> = reminded.iter().map(|letter| &*letter.to).collect();
    assert_eq!(whom, ["ana@example.com"], "everybody once");
    assert!(reminded[0].subject().starts_with("Still waiting"), "{}", reminded[0].subject());
}

#[tokio::test]
async fn nobody_is_reminded_of_what_has_ended_or_has_little_time() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut mails = Mailbox::start().await;
    let path = mail(&admin, &mails).await;
    let ended = agent.ask_with("a", json!({ "expires_in": 3_600 })).await;
    agent.ask_with("b", json!({ "expires_in": 780 })).await;
    mails.several(2).await;
    agent.cancel(&ended).await.expect(200);
    assert_eq!(mails.next().await.subject(), "Cancelled: Do a?");
    assert!(all_quiet(&server, &path, &mut mails).await.is_empty());
    server.clock.advance(700);
    assert!(all_quiet(&server, &path, &mut mails).await.is_empty());
    server.clock.advance(3_000);
    assert_eq!(mails.next().await.subject(), "Expired: Do b?");
    assert!(all_quiet(&server, &path, &mut mails).await.is_empty());
    let lines = log(&admin, &path).await;
    assert!(lines.iter().all(|line| line["about"] != "reminder"), "{lines:?}");
}
