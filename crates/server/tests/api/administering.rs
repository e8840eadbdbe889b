//! The pages that administer webhooks and channels: for whom they are, that no form works twice or
//! for another session, and that nothing of another workspace is there.

use std::collections::BTreeSet;

use askfirst_core::administration::Change;
use askfirst_core::{Role, Scope, Seconds};
use hyper::Method;
use serde_json::{Value, json};

use crate::channels::mailbox;
use crate::passwords::{csrf, page, post};
use crate::support::mailbox::Mailbox;
use crate::support::receiver::{Receiver, answer_of};
use crate::support::workspace::Workspace;
use crate::support::{Answer, TestServer};

/// A member of this role, signed in.
async fn signed_in(workspace: Workspace<'_>, name: &str, role: Role) -> String {
    let id = workspace.member(name).await;
    let change = Change::UpdateMember { id, name: None, role: Some(role), enabled: None };
    workspace.change(change).await;
    workspace.sign_in(id).await
}

async fn look(server: &TestServer, path: &str, cookie: &str) -> Answer {
    server.stranger().call(Method::GET, path).header("cookie", cookie).send().await
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

/// What stands in a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let at = page.find(&mark).unwrap() + mark.len();
    page[at..].split('"').next().unwrap().to_owned()
}

fn secret(page: &str) -> Option<String> {
    let at = page.find("whsec_")?;
    Some(page[at..].split('<').next().unwrap().to_owned())
}

async fn webhooks(server: &TestServer) -> Vec<Value> {
    let all = server.admin().get("/v1/webhooks").await.expect(200);
    all["data"].as_array().unwrap().clone()
}

/// A form of the page `/webhooks` to add one.
async fn add(server: &TestServer, cookie: &str, more: &[(&str, &str)]) -> Answer {
    let shown = page(server, "/webhooks", cookie).await;
    let (csrf, once) = (csrf(&shown), hidden(&shown, "once"));
    let fields = [&[("csrf", csrf.as_str()), ("once", once.as_str())][..], more].concat();
    post(server, "/webhooks/add", cookie, &fields).await
}

#[tokio::test]
async fn a_webhook_in_another_products_words_is_made_on_the_page() {
    let server = TestServer::start().await;
    let owner = signed_in(server.workspace(), "olga", Role::Owner).await;
    let url = ("url", "http://127.0.0.1:9/");
    for (more, said) in [
        (vec![url, ("dialect", "klingon")], "Choose one of these"),
        (vec![url, ("dialect", "ambedo")], "Choose one of these"),
        (vec![url, ("dialect", "proof"), ("event-asked", "yes")], "of ends alone"),
    ] {
        let refused = add(&server, &owner, &more).await;
        assert_eq!(refused.status, 422);
        assert!(text(&refused).contains(said), "{said}: {}", text(&refused));
    }
    assert_eq!(webhooks(&server).await, [json!(null); 0]);
    assert_eq!(add(&server, &owner, &[url, ("dialect", "proof")]).await.status, 200);
    let [hook] = &webhooks(&server).await[..] else { panic!("one was made") };
    assert_eq!((&hook["dialect"], &hook["state"]), (&json!("proof"), &json!("active")));
    let shown = page(&server, "/webhooks", &owner).await;
    assert!(shown.contains("In the words of proof.holdings"), "{shown}");
}

#[tokio::test]
async fn the_secret_is_shown_once_however_often_the_form_is_sent() {
    let server = TestServer::start().await;
    let owner = signed_in(server.workspace(), "olga", Role::Owner).await;
    let mut receiver = Receiver::start().await;
    let shown = page(&server, "/webhooks", &owner).await;
    let (csrf, once) = (csrf(&shown), hidden(&shown, "once"));
    let url = receiver.url();
    let fields = [
        ("csrf", csrf.as_str()),
        ("once", &once),
        ("url", &url),
        ("event-approved", "yes"),
        ("event-nonsense", "yes"),
    ];
    let made = post(&server, "/webhooks/add", &owner, &fields).await;
    assert_eq!(made.status, 200);
    let key = secret(&text(&made)).unwrap();
    assert!(made.header("cache-control").contains("no-store"));
    let challenge = receiver.challenges().pop().unwrap();
    assert!(challenge.is_signed_with(&key));
    for _ in 0..2 {
        let again = post(&server, "/webhooks/add", &owner, &fields).await;
        assert_eq!(again.status, 303);
        let to = again.header("location");
        let told = page(&server, to, &owner).await;
        assert!(told.contains("This was done already") && secret(&told).is_none());
    }
    let [hook] = &webhooks(&server).await[..] else { panic!("one was made") };
    assert_eq!((&hook["events"], &hook["state"]), (&json!(["approved"]), &json!("active")));
    assert!(receiver.challenges().is_empty());
    // Gone back to and changed, the same form is another wish.
    let others = [&fields[..4], &[("event-rejected", "yes")][..]].concat();
    assert_eq!(post(&server, "/webhooks/add", &owner, &others).await.status, 200);
    assert_eq!(webhooks(&server).await.len(), 2);

    // The same with a secret that is changed.
    let path = format!("/webhooks/{}", hook["id"].as_str().unwrap());
    let shown = page(&server, &path, &owner).await;
    assert!(secret(&shown).is_none());
    let once = hidden(&shown, "once");
    let fields = [("csrf", csrf.as_str()), ("once", &once), ("overlap", "1h")];
    let changed = post(&server, &format!("{path}/rotate"), &owner, &fields).await;
    let newer = secret(&text(&changed)).unwrap();
    assert_ne!(newer, key);
    let again = post(&server, &format!("{path}/rotate"), &owner, &fields).await;
    assert_eq!((again.status, secret(&text(&again))), (303, None));
    let asked = server.asker().ask("deploy").await;
    server.dev().approve(&asked).await.expect(200);
    let message = receiver.next().await;
    assert!(message.is_signed_with(&key) && message.is_signed_with(&newer));
    for overlap in ["8d", "soon", ""] {
        let fields = [("csrf", csrf.as_str()), ("once", "x"), ("overlap", overlap)];
        let refused = post(&server, &format!("{path}/rotate"), &owner, &fields).await;
        assert_eq!(refused.status, 400, "{overlap}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_told_at_its_field_and_nothing_typed_is_lost() {
    let server = TestServer::start().await;
    let owner = signed_in(server.workspace(), "olga", Role::Owner).await;
    for (url, told) in [
        ("", "Write where it listens"),
        ("http://10.0.0.1/\"><b>", "url-mistake"),
        ("ftp://example.com/", "url-mistake"),
        (&format!("https://example.com/{}", "x".repeat(2_048)), "at most 2048 bytes"),
    ] {
        let answer = add(&server, &owner, &[("url", url), ("event-claimed", "yes")]).await;
        assert_eq!(answer.status, 422, "{url}");
        let html = text(&answer);
        assert!(html.contains(told) && html.contains("id=\"url-mistake\""), "{url}: {html}");
        let ticked = "name=\"event-claimed\" value=\"yes\" checked";
        assert!(html.contains(ticked) && !html.contains("\"><b>"), "{html}");
    }
    assert!(webhooks(&server).await.is_empty());
    let shown = page(&server, "/webhooks", &owner).await;
    for (hosts, status) in [("ci.example.com\r\n*.hooks.example", 303), ("http://x/ <b>", 422)] {
        let fields = [("csrf", &*csrf(&shown)), ("hosts", hosts)];
        let answer = post(&server, "/webhooks/hosts", &owner, &fields).await;
        assert_eq!(answer.status, status, "{hosts}");
    }
    let workspace = server.admin().get("/v1/workspace").await.expect(200);
    assert_eq!(workspace["callback_hosts"], json!(["ci.example.com", "*.hooks.example"]));
}

#[tokio::test]
async fn a_challenge_is_put_again_and_what_was_given_up_is_sent_again() {
    let server = TestServer::start().await;
    let owner = signed_in(server.workspace(), "olga", Role::Owner).await;
    let mut receiver = Receiver::start().await;
    receiver.answer_challenge(answer_of(404, "<b>who?</b>"));
    let made = add(&server, &owner, &[("url", &receiver.url())]).await;
    let html = text(&made);
    assert!(html.contains("It answered the challenge with 404") && !html.contains("/v1/"));
    assert!(!html.contains("who?"), "what is answered to a challenge is not shown");
    let id = webhooks(&server).await[0]["id"].as_str().unwrap().to_owned();
    let csrf = csrf(&html);
    let act = async |what: &str, more: &[(&str, &str)]| {
        let fields = [&[("csrf", csrf.as_str())][..], more].concat();
        let done = post(&server, &format!("/webhooks/{id}/{what}"), &owner, &fields).await;
        assert_eq!(done.status, 303, "{what}");
        page(&server, done.header("location"), &owner).await
    };
    receiver.answer_challenge(answer_of(200, "not it"));
    let told = act("challenge", &[]).await;
    assert!(told.contains("It did not give the challenge back"), "{told}");
    assert!(act("challenge", &[]).await.contains("It gave the challenge back"));

    receiver.answer(answer_of(500, "<script>alert(1)</script>"));
    let asked = server.asker().ask("deploy").await;
    let first = receiver.next().await;
    let log = format!("/v1/webhooks/{id}/deliveries");
    let line = loop {
        let log = server.admin().get(&log).await.expect(200);
        if log["data"][0]["response_status"] == 500 {
            break log["data"][0].clone();
        }
    };
    let shown = page(&server, &format!("/webhooks/{id}"), &owner).await;
    assert!(shown.contains("&#60;script&#62;alert(1)") && !shown.contains("<script>alert"));
    assert!(shown.contains(&format!("/a/{}", asked["id"].as_str().unwrap())));
    // What the page shows is what was sent, to the byte.
    let sent = String::from_utf8(first.body.to_vec()).unwrap();
    assert!(shown.contains(&sent.replace('"', "&#34;")), "{sent}");
    assert!(!shown.contains(first.header("webhook-signature")));
    let told = act("retry", &[("delivery", line["id"].as_str().unwrap())]).await;
    assert!(told.contains("It is sent once more"));
    let second = receiver.next().await;
    assert_eq!((second.id(), &second.body), (first.id(), &first.body));
    assert!(act("remove", &[]).await.contains("The webhook is removed"));
    assert!(webhooks(&server).await.is_empty());
}

#[tokio::test]
async fn these_pages_and_their_forms_are_for_those_who_administer() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let receiver = Receiver::start().await;
    let wish = json!({ "url": receiver.url() });
    let made = server.admin().post("/v1/webhooks", &wish).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    server.asker().ask("deploy").await;
    let log = server.admin().get(format!("/v1/webhooks/{id}/deliveries")).await.expect(200);
    let delivery = log["data"][0]["id"].as_str().unwrap();
    let forms = [
        ("/webhooks/add".to_owned(), vec![("url", "http://127.0.0.1:9/"), ("once", "x")]),
        ("/webhooks/sign".into(), vec![("once", "x")]),
        ("/webhooks/hosts".into(), vec![("hosts", "evil.example")]),
        (
            "/webhooks/replay".into(),
            vec![("once", "x"), ("from", "2029-01-01"), ("to", "2031-01-01")],
        ),
        (
            "/channels/replay".into(),
            vec![("once", "x"), ("from", "2029-01-01"), ("to", "2031-01-01")],
        ),
        (format!("/webhooks/{id}/challenge"), vec![]),
        (format!("/webhooks/{id}/rotate"), vec![("once", "x"), ("overlap", "0s")]),
        (format!("/webhooks/{id}/retry"), vec![("delivery", delivery)]),
        (format!("/webhooks/{id}/remove"), vec![]),
    ];
    while webhooks(&server).await[0]["waiting"] != 0 {}
    let before = (webhooks(&server).await, server.admin().get("/v1/workspace").await.body);
    for role in Role::ALL.into_iter().filter(|role| role.has_account()) {
        let name = role.as_str();
        let cookie = signed_in(workspace, name, role).await;
        let admin = role <= Role::Admin;
        for path in ["/webhooks", &format!("/webhooks/{id}"), "/channels"] {
            let answer = look(&server, path, &cookie).await;
            assert_eq!(answer.status, if admin { 200 } else { 403 }, "{name} {path}");
            assert_eq!(text(&answer).contains("href=\"/webhooks\""), admin, "{name} {path}");
        }
        let html = text(&look(&server, "/channels", &cookie).await);
        assert_eq!(html.contains("/channels/add"), role == Role::Owner, "{name}");
        let token = csrf(&page(&server, "/account", &cookie).await);
        for (path, fields) in &forms {
            let sent = async |csrf: &str| {
                let all = [&[("csrf", csrf)][..], &fields[..]].concat();
                post(&server, path, &cookie, &all).await.status
            };
            // Neither another session's form nor one without a token does anything.
            assert_eq!(sent(&token.chars().rev().collect::<String>()).await, 403, "{name} {path}");
            assert_eq!(post(&server, path, &cookie, fields).await.status, 400, "{name} {path}");
            if !admin {
                assert_eq!(sent(&token).await, 403, "{name} {path}");
            }
            assert_eq!(look(&server, path, &cookie).await.status, 405, "{name} {path}");
        }
    }
    let after = (webhooks(&server).await, server.admin().get("/v1/workspace").await.body);
    assert_eq!(before, after);

    // Who owns another workspace finds nothing of this one.
    let theirs = server.found("rival").await;
    let rival = theirs.sign_in(theirs.owner().await).await;
    let token = csrf(&page(&server, "/webhooks", &rival).await);
    assert!(!page(&server, "/webhooks", &rival).await.contains(id));
    assert_eq!(look(&server, &format!("/webhooks/{id}"), &rival).await.status, 404);
    for (path, fields) in &forms[5..] {
        let all = [&[("csrf", token.as_str())][..], &fields[..]].concat();
        assert_eq!(post(&server, path, &rival, &all).await.status, 404, "{path}");
    }
    assert_eq!(before.0, webhooks(&server).await);
}

#[tokio::test]
async fn the_log_goes_on_page_by_page_and_a_test_world_has_its_own() {
    let server = TestServer::start().await;
    let live = server.found("acme").await;
    let owner = live.sign_in(live.owner().await).await;
    let shown = page(&server, "/webhooks", &owner).await;
    assert!(shown.contains("name=\"environment\""));
    let sign = async |environment: &str| {
        let (csrf, once) = (csrf(&shown), hidden(&shown, "once"));
        let fields = [("csrf", csrf.as_str()), ("once", &once), ("environment", environment)];
        post(&server, "/webhooks/sign", &owner, &fields).await
    };
    let both = [sign("live").await, sign("test").await];
    let secrets: BTreeSet<_> = both.iter().map(|made| secret(&text(made)).unwrap()).collect();
    assert_eq!(secrets.len(), 2);
    assert_eq!(sign("dev").await.status, 400);
    assert_eq!(sign("live").await.status, 303, "the same form again");
    let known = live.client(&[Scope::Workspace]).await.get("/v1/webhooks").await.expect(200);
    let worlds: Vec<_> =
        known["data"].as_array().unwrap().iter().map(|hook| hook["environment"].clone()).collect();
    assert_eq!(worlds, ["live", "test"]);

    let receiver = Receiver::start().await;
    let cookie = signed_in(server.workspace(), "olga", Role::Owner).await;
    add(&server, &cookie, &[("url", &receiver.url())]).await;
    let id = webhooks(&server).await[0]["id"].as_str().unwrap().to_owned();
    let mut asked = BTreeSet::new();
    for number in 0..45 {
        let approval = server.asker().ask(&format!("n{number}")).await;
        asked.insert(approval["id"].as_str().unwrap().to_owned());
    }
    let mut path = format!("/webhooks/{id}");
    let mut counts = Vec::new();
    loop {
        let shown = page(&server, &path, &cookie).await;
        let found: Vec<_> =
            asked.iter().filter(|id| shown.contains(id.as_str())).cloned().collect();
        counts.push(found.len());
        for id in found {
            asked.remove(&id);
        }
        let Some(at) = shown.find("?before=") else { break };
        let before = shown[at..].split(['"', '#']).next().unwrap();
        path = format!("/webhooks/{id}{before}");
    }
    assert_eq!((counts, asked.len()), (vec![20, 20, 5], 0));
    let odd = look(&server, &format!("/webhooks/{id}?before=nonsense"), &cookie).await;
    assert_eq!(odd.status, 404);
}

#[tokio::test]
async fn what_was_given_up_is_counted_by_looking_and_sent_by_a_button_once() {
    let server = TestServer::start().await;
    let mut receiver = Receiver::start().await;
    let wish = json!({ "url": receiver.url(), "events": ["asked"] });
    let made = server.admin().post("/v1/webhooks", &wish).send().await.expect(201);
    for _ in 0..10 {
        receiver.answer(answer_of(503, ""));
    }
    server.asker().ask("deploy").await;
    let log = format!("/v1/webhooks/{}/deliveries", made["id"].as_str().unwrap());
    let mut ids = BTreeSet::new();
    for attempt in 1..=10 {
        ids.insert(receiver.next().await.id().to_owned());
        loop {
            let log = server.admin().get(&log).await.expect(200);
            let line = &log["data"][0];
            // From the second attempt on, the pause is longer than the lease of one under way.
            let under_way = server.service.now().plus(Seconds(40)).to_string();
            let settled =
                attempt == 1 || line["next_attempt_at"].as_str().is_none_or(|at| at > &*under_way);
            if line["attempts"] == attempt && line["response_status"] == 503 && settled {
                break;
            }
        }
        if attempt < 10 {
            // A day and a bit: as long as the longest pause.
            server.clock.advance(27 * 3_600);
        }
    }
    let owner = signed_in(server.workspace(), "olga", Role::Owner).await;
    let owner_again =
        async || page(&server, "/webhooks?from=2029-12-31&to=2030-03-01", &owner).await;
    let shown = owner_again().await;
    assert!(shown.contains("<strong>1 event</strong> was given up"), "{shown}");
    assert!(receiver.is_quiet(), "looking sends nothing");
    let (csrf, once) = (csrf(&shown), hidden(&shown, "once"));
    let fields =
        [("csrf", csrf.as_str()), ("once", &once), ("from", "2029-12-31"), ("to", "2030-03-01")];
    let done = post(&server, "/webhooks/replay", &owner, &fields).await;
    assert_eq!(done.status, 303);
    let told = page(&server, done.header("location"), &owner).await;
    assert!(told.contains("What was given up is sent again"));
    ids.insert(receiver.next().await.id().to_owned());
    assert_eq!(ids.len(), 1, "the same one under the same id");
    while server.admin().get(&log).await.expect(200)["data"][0]["state"] != "delivered" {}
    assert_eq!(post(&server, "/webhooks/replay", &owner, &fields).await.status, 303);
    assert!(receiver.is_quiet(), "the same form again sends nothing");
    assert!(owner_again().await.contains("Nothing was given up in this time"));
    for range in ["from=soon&to=2030-01-01", "from=2030-01-02&to=2030-01-01", "from=2030-01-01"] {
        let odd = look(&server, &format!("/webhooks?{range}"), &owner).await;
        assert_eq!(odd.status, 400, "{range}");
        assert!(text(&odd).contains("id=\"range-mistake\""), "{range}");
    }
}

#[tokio::test]
async fn what_people_could_not_be_told_is_counted_and_sent_again_on_the_page() {
    let server = TestServer::start().await;
    let owner = signed_in(server.workspace(), "olga", Role::Owner).await;
    assert!(!page(&server, "/channels", &owner).await.contains("/channels/replay"));
    let mut postbox = Mailbox::start().await;
    let wish = mailbox(postbox.address.port());
    server.admin().post("/v1/channels", &wish).send().await.expect(201);
    postbox.refuse("dev@localhost.test", "554 5.7.1 it looks like spam");
    postbox.refuse("olga@example.com", "554 5.7.1 it looks like spam");
    let over = server.asker().ask("deploy").await;
    let open = server.asker().ask("later").await;
    let given_up = async || {
        let dead = server.admin().get("/v1/deliveries?state=dead").await.expect(200);
        dead["data"].as_array().unwrap().len()
    };
    while given_up().await < 4 {}
    server.asker().cancel(&over).await.expect(200);
    for to in ["dev@localhost.test", "olga@example.com"] {
        postbox.accept(to);
    }

    let count = async || page(&server, "/channels?from=2029-12-31&to=2030-03-01", &owner).await;
    let shown = count().await;
    assert!(shown.contains("<strong>2 messages</strong> were given up"), "{shown}");
    assert!(shown.contains("2 more ask for an answer that nobody wants any more"), "{shown}");
    assert!(postbox.is_quiet(), "looking sends nothing");
    let (csrf, once) = (csrf(&shown), hidden(&shown, "once"));
    let fields =
        [("csrf", csrf.as_str()), ("once", &once), ("from", "2029-12-31"), ("to", "2030-03-01")];
    let done = post(&server, "/channels/replay", &owner, &fields).await;
    assert_eq!(done.status, 303);
    let told = page(&server, done.header("location"), &owner).await;
    assert!(told.contains("What was given up is sent again"), "{told}");
    let letters = postbox.several(2).await;
    assert_eq!([&*letters[0].to, &*letters[1].to], ["dev@localhost.test", "olga@example.com"]);
    let of_open = format!("/v1/deliveries?approval={}&state=sent", open["id"].as_str().unwrap());
    while server.admin().get(&of_open).await.expect(200)["data"].as_array().unwrap().len() < 2 {}
    assert_eq!(post(&server, "/channels/replay", &owner, &fields).await.status, 303);
    assert!(postbox.is_quiet(), "the same form again sends nothing");
    assert!(count().await.contains("Nothing that was given up in this time is still of use"));
    let odd = look(&server, "/channels?from=soon&to=2030-01-01", &owner).await;
    assert_eq!(odd.status, 400);
    assert!(text(&odd).contains("id=\"range-mistake\""));
}
