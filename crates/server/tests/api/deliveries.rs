//! One log of what went to webhooks and to people: found by what one looks for, page by page, and
//! sent again one by one or all that was given up within a time, in order.

use askfirst_core::{Environment, Scope};
use serde_json::{Value, json};

use crate::channels::mailbox;
use crate::support::mailbox::Mailbox;
use crate::support::receiver::{Receiver, answer_of};
use crate::support::{Client, TestServer};

async fn hook(admin: &Client, receiver: &Receiver, more: Value) -> String {
    let mut wish = json!({ "url": receiver.url() });
    for (name, value) in more.as_object().unwrap() {
        wish[name] = value.clone();
    }
    let made = admin.post("/v1/webhooks", &wish).send().await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn mail(admin: &Client, postbox: &Mailbox) -> String {
    let made = admin.post("/v1/channels", &mailbox(postbox.address.port())).send().await;
    made.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn found(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(format!("/v1/deliveries?limit=100{query}")).await.expect(200);
    assert_eq!(page["next_cursor"], Value::Null);
    page["data"].as_array().unwrap().clone()
}

/// What is found, once it says so.
async fn once(client: &Client, query: &str, ready: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    loop {
        let lines = found(client, query).await;
        if ready(&lines) {
            return lines;
        }
    }
}

fn all_are(state: &str, count: usize) -> impl Fn(&[Value]) -> bool {
    move |lines| lines.len() == count && lines.iter().all(|line| line["state"] == state)
}

fn column(lines: &[Value], name: &str) -> Vec<String> {
    lines.iter().map(|line| line[name].as_str().unwrap_or("-").to_owned()).collect()
}

async fn retry(client: &Client, id: &Value) -> crate::support::client::Answer {
    let path = format!("/v1/deliveries/{}/retry", id.as_str().unwrap());
    client.post(path, &json!({})).send().await
}

async fn replay(client: &Client, more: Value) -> Value {
    let mut wish = json!({ "from": "2030-01-01", "to": "2030-02-01" });
    for (name, value) in more.as_object().unwrap() {
        wish[name] = value.clone();
    }
    client.post("/v1/deliveries/replay", &wish).send().await.expect(200)
}

#[tokio::test]
async fn one_log_has_what_went_to_receivers_and_to_people() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    server.workspace().member("ana").await;
    let (mut receiver, mut postbox) = (Receiver::start().await, Mailbox::start().await);
    let (whk, chn) = (hook(&admin, &receiver, json!({})).await, mail(&admin, &postbox).await);
    postbox.refuse("ana@example.com", "554 5.7.1 it looks like spam");
    receiver.answer(answer_of(503, "later"));
    let asked = agent.ask("deploy").await;
    postbox.next().await;
    receiver.next().await;
    let ready = |lines: &[Value]| lines.iter().all(|line| line["attempts"] == 1);
    let lines = once(&admin, "", ready).await;
    assert_eq!(column(&lines, "kind"), ["webhook", "email", "email"]);
    for line in &lines {
        assert_eq!((&line["approval"], &line["environment"]), (&asked["id"], &json!("dev")));
    }
    assert_eq!((&lines[0]["webhook"], &lines[0]["event"]), (&json!(whk), &json!("asked")));
    assert_eq!((&lines[0]["channel"], &lines[0]["address"]), (&Value::Null, &Value::Null));
    assert_eq!((&lines[1]["channel"], &lines[1]["webhook"]), (&json!(chn), &Value::Null));

    let dead = once(&admin, "&state=dead", all_are("dead", 1)).await;
    assert_eq!(
        (&dead[0]["address"], &dead[0]["about"]),
        (&json!("ana@example.com"), &json!("asked"))
    );
    assert!(dead[0]["last_error"].as_str().unwrap().contains("554"));
    once(&admin, "&state=sent", all_are("sent", 1)).await;
    let answered = |lines: &[Value]| lines.len() == 1 && lines[0]["response_status"] == 503;
    let waiting = once(&admin, "&state=waiting", answered).await;
    assert_eq!(waiting[0]["response_body"], "later");

    let id = asked["id"].as_str().unwrap();
    let other = agent.ask("other").await;
    receiver.next().await;
    postbox.next().await;
    once(&admin, "&state=dead", all_are("dead", 2)).await;
    once(&admin, "&state=delivered", all_are("delivered", 1)).await;
    for (query, count) in [
        ("", 6),
        ("&kind=webhook", 2),
        ("&kind=email", 4),
        (&*format!("&webhook={whk}"), 2),
        (&*format!("&channel={chn}"), 4),
        (&*format!("&approval={id}"), 3),
        (&*format!("&approval={id}&kind=webhook&state=waiting"), 1),
        (&*format!("&approval={id}&state=dead"), 1),
        (&*format!("&approval={}&state=delivered", other["id"].as_str().unwrap()), 1),
        ("&state=dropped", 0),
        ("&environment=dev", 6),
        ("&environment=live", 0),
        ("&until=2030-01-01", 0),
        ("&since=2030-01-01&until=2030-01-02", 6),
        ("&since=2030-01-02", 0),
    ] {
        assert_eq!(found(&admin, query).await.len(), count, "{query}");
    }
}

#[tokio::test]
async fn pages_of_both_kinds_leave_nothing_out_and_show_nothing_twice() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    server.workspace().member("ana").await;
    let (one, two) = (Receiver::start().await, Receiver::start().await);
    let postbox = Mailbox::start().await;
    hook(&admin, &one, json!({})).await;
    hook(&admin, &two, json!({})).await;
    mail(&admin, &postbox).await;
    for round in 0..4 {
        agent.ask("deploy").await;
        // Some at the same moment as others.
        server.clock.advance(round % 2);
    }
    let all = found(&admin, "").await;
    assert_eq!(all.len(), 4 * (2 + 2));
    let at = column(&all, "at");
    assert!(at.is_sorted_by(|one, next| one >= next), "newest first: {at:?}");
    for limit in [1, 2, 3, 5] {
        let mut paged = Vec::new();
        let mut path = format!("/v1/deliveries?limit={limit}");
        loop {
            let page = admin.get(path).await.expect(200);
            paged.extend(column(page["data"].as_array().unwrap(), "id"));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/deliveries?limit={limit}&cursor={cursor}");
        }
        assert_eq!(paged, column(&all, "id"), "{limit} at a time");
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_named() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let (whk, chn) = ("whk_00000000000000000000000001", "chn_00000000000000000000000001");
    for (query, pointer) in [
        ("kind=pigeon".into(), "?kind"),
        ("state=lost".into(), "?state"),
        ("webhook=1".into(), "?webhook"),
        (format!("webhook={chn}"), "?webhook"),
        (format!("webhook={whk}&channel={chn}"), "?channel"),
        (format!("kind=email&webhook={whk}"), "?kind"),
        ("approval=x".into(), "?approval"),
        ("environment=moon".into(), "?environment"),
        ("since=yesterday".into(), "?since"),
        ("since=2030-01-02&until=2030-01-01".into(), "?until"),
        ("cursor=7".into(), "?cursor"),
        ("cursor=7.apr_1".into(), "?cursor"),
        ("limit=101".into(), "?limit"),
        ("colour=1".into(), "?colour"),
    ] {
        let refused = admin.get(format!("/v1/deliveries?{query}")).await;
        assert_eq!((refused.status, refused.pointers()), (400, vec![pointer.into()]), "{query}");
    }
    for (wish, pointer) in [
        (json!({ "from": "x", "to": "2030-01-01" }), "/from"),
        (json!({ "from": "2030-01-01", "to": "2030-01-01" }), "/to"),
        (json!({ "from": "2030-01-01" }), ""),
        (json!({ "from": "2030-01-01", "to": "2030-01-02", "kind": "pigeon" }), "/kind"),
        (json!({ "from": "2030-01-01", "to": "2030-01-02", "webhook": "x" }), "/webhook"),
        (
            json!({ "from": "2030-01-01", "to": "2030-01-02", "kind": "webhook", "channel": chn }),
            "/kind",
        ),
        (json!({ "from": "2030-01-01", "to": "2030-01-02", "all": true }), "/all"),
    ] {
        let refused = admin.post("/v1/deliveries/replay", &wish).send().await;
        assert_eq!((refused.status, refused.pointers()), (400, vec![pointer.into()]), "{wish}");
    }
    for id in ["dlv_00000000000000000000000001", "ntc_00000000000000000000000001", "x"] {
        assert_eq!(retry(&admin, &json!(id)).await.status, 404, "{id}");
    }
    assert_eq!(found(&admin, &format!("&webhook={whk}")).await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_kind_takes_its_own_scope_and_nobody_sees_another_workspace() {
    let server = TestServer::start().await;
    let (ours, theirs) = (server.found("acme").await, server.found("rival").await);
    ours.policy("open", json!({})).await;
    let (hooks, mails) =
        (ours.client(&[Scope::Workspace]).await, ours.client(&[Scope::Channels]).await);
    let both = ours.client(&[Scope::Workspace, Scope::Channels]).await;
    let (mut live, test) = (Receiver::start().await, Receiver::start().await);
    let mut postbox = Mailbox::start().await;
    hook(&hooks, &live, json!({})).await;
    hook(&hooks, &test, json!({ "environment": "test" })).await;
    mail(&mails, &postbox).await;
    postbox.refuse("owner@acme.example", "554 5.7.1 it looks like spam");
    live.answer(answer_of(410, "gone"));
    ours.asker().await.ask("deploy").await;
    ours.client_in(Environment::Test, &[Scope::Ask]).await.ask("deploy").await;
    live.next().await;
    once(&both, "&environment=live", all_are("dead", 2)).await;
    assert_eq!(column(&found(&both, "&environment=test").await, "kind"), ["webhook"]);

    for (client, kinds, count) in [
        (&hooks, json!(["webhook"]), 2),
        (&mails, json!(["email"]), 1),
        (&both, json!(["webhook", "email"]), 3),
    ] {
        let page = client.get("/v1/deliveries").await.expect(200);
        assert_eq!((&page["kinds"], page["data"].as_array().unwrap().len()), (&kinds, count));
    }
    let dead = found(&both, "&state=dead").await;
    let (hooked, mailed) = (&dead[0]["id"], &dead[1]["id"]);
    let wish = |kind: &str| json!({ "from": "2030-01-01", "to": "2031-01-01", "kind": kind });
    for (client, kind, id) in [(&hooks, "email", mailed), (&mails, "webhook", hooked)] {
        assert_eq!(client.get(format!("/v1/deliveries?kind={kind}")).await.status, 403);
        assert_eq!(retry(client, id).await.status, 403);
        let refused = client.post("/v1/deliveries/replay", &wish(kind)).send().await;
        assert_eq!(refused.status, 403);
    }
    let asker = ours.asker().await;
    assert_eq!(asker.get("/v1/deliveries").await.status, 403);

    let other = theirs.client(&[Scope::Workspace, Scope::Channels]).await;
    assert_eq!(found(&other, "").await, Vec::<Value>::new());
    let hooked_by = dead[0]["webhook"].as_str().unwrap();
    assert_eq!(found(&other, &format!("&webhook={hooked_by}")).await, Vec::<Value>::new());
    for id in [hooked, mailed] {
        assert_eq!(retry(&other, id).await.status, 404);
    }
    let nothing = replay(&other, json!({})).await;
    assert_eq!(nothing["count"], 0);
    assert_eq!(found(&both, "&state=dead").await.len(), 2, "nobody else touches what is ours");
    // A world alone can be sent again.
    assert_eq!(replay(&both, json!({ "environment": "test" })).await["count"], 0);
    assert!(postbox.is_quiet());
}

#[tokio::test]
async fn a_mail_is_sent_again_while_its_answer_is_wanted() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut postbox = Mailbox::start().await;
    mail(&admin, &postbox).await;
    let dev = "dev@localhost.test";
    postbox.refuse(dev, "554 5.7.1 it looks like spam");
    let asked = agent.ask("deploy").await;
    let dead = once(&admin, "", all_are("dead", 1)).await.remove(0);
    let again = retry(&admin, &dead["id"]).await.expect(202);
    assert_eq!((&again["id"], &again["state"]), (&dead["id"], &json!("waiting")));
    once(&admin, "", |lines| lines[0]["state"] == "dead" && lines[0]["attempts"] == 2).await;
    postbox.accept(dev);
    retry(&admin, &dead["id"]).await.expect(202);
    let letter = postbox.next().await;
    assert!(letter.id().contains(dead["id"].as_str().unwrap()));
    once(&admin, "", all_are("sent", 1)).await;
    // What arrived is sent once more too: the same mail.
    retry(&admin, &dead["id"]).await.expect(202);
    assert_eq!(postbox.next().await.id(), letter.id());
    once(&admin, "", all_are("sent", 1)).await;

    agent.cancel(&asked).await.expect(200);
    assert!(postbox.next().await.subject().starts_with("Cancelled"));
    let lines = once(&admin, "", all_are("sent", 2)).await;
    let refused = retry(&admin, &dead["id"]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.problem().contains("ended"), "{}", refused.problem());
    // How it ended is still true.
    retry(&admin, &lines[0]["id"]).await.expect(202);
    let told = postbox.next().await;
    assert!(told.subject().starts_with("Cancelled"), "{}", told.text());
    assert_eq!(told.header("In-Reply-To"), Some(letter.id()));
    let audit = admin.get("/v1/audit?kind=notice.retried").await.expect(200);
    assert_eq!(audit["data"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_was_given_up_in_a_time_is_sent_again_in_order() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut receiver = Receiver::start().await;
    let id = hook(&admin, &receiver, json!({ "events": ["asked", "cancelled"] })).await;
    for _ in 0..1_000 {
        receiver.answer(answer_of(500, ""));
    }
    let asked = agent.ask("deploy").await;
    agent.cancel(&asked).await.expect(200);
    let mut seen = 0;
    loop {
        let lines = found(&admin, "").await;
        let attempts: u64 = lines.iter().filter_map(|line| line["attempts"].as_u64()).sum();
        match all_are("dead", 2)(&lines) {
            true => break,
            false if attempts > seen => server.clock.advance(96_000),
            // What takes nothing is tried again after half a minute.
            false => server.clock.advance(1),
        }
        seen = attempts;
    }
    receiver.answer_as_usual();
    while !receiver.is_quiet() {}

    let expected = json!({
        "kinds": ["webhook", "email"], "dry_run": true, "count": 2, "left": 0, "over": 0,
    });
    for _ in 0..2 {
        let counted = replay(&admin, json!({ "dry_run": true })).await;
        assert_eq!(counted, expected, "counting changes nothing");
    }
    // It was given up later than it happened.
    let early = json!({ "from": "2029-01-01", "to": "2030-01-01T00:01:00Z", "webhook": id });
    assert_eq!(replay(&admin, early).await["count"], 0);
    let other = json!({ "webhook": "whk_00000000000000000000000001" });
    assert_eq!(replay(&admin, other).await["count"], 0);

    let body = json!({ "from": "2030-01-01", "to": "2030-02-01", "webhook": id });
    let done = admin.post("/v1/deliveries/replay", &body).once("r").send().await.expect(200);
    let expected = json!({
        "kinds": ["webhook"], "dry_run": false, "count": 2, "left": 0, "over": 0,
    });
    assert_eq!(done, expected);
    for event in ["approval.asked", "approval.cancelled"] {
        assert_eq!(receiver.next().await.json()["type"], event, "as it happened");
    }
    once(&admin, "", all_are("delivered", 2)).await;
    let repeat = admin.post("/v1/deliveries/replay", &body).once("r").send().await.expect(200);
    assert_eq!(repeat, done, "a repeat says the same and sends nothing");
    assert_eq!(replay(&admin, json!({})).await["count"], 0);
    assert!(receiver.is_quiet());
    let audit = admin.get("/v1/audit?kind=delivery.replayed").await.expect(200);
    assert_eq!(audit["data"].as_array().unwrap().len(), 1);
    assert_eq!(audit["data"][0]["subject"], json!(id));
    assert_eq!(audit["data"][0]["detail"]["count"], 2);
}

#[tokio::test]
async fn mails_about_what_has_ended_are_counted_and_not_sent_again() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    server.workspace().member("ana").await;
    let mut postbox = Mailbox::start().await;
    let id = mail(&admin, &postbox).await;
    let both = ["dev@localhost.test", "ana@example.com"];
    for to in both {
        postbox.refuse(to, "554 5.7.1 it looks like spam");
    }
    let over = agent.ask("deploy").await;
    let open = agent.ask("later").await;
    once(&admin, "", all_are("dead", 4)).await;
    agent.cancel(&over).await.expect(200);
    for to in both {
        postbox.accept(to);
    }
    let wish = json!({ "channel": id });
    let done = replay(&admin, wish.clone()).await;
    let expected = json!({
        "kinds": ["email"], "dry_run": false, "count": 2, "left": 0, "over": 2,
    });
    assert_eq!(done, expected);
    let letters = postbox.several(2).await;
    assert_eq!([&*letters[0].to, &*letters[1].to], ["ana@example.com", "dev@localhost.test"]);
    let of_open = format!("&approval={}", open["id"].as_str().unwrap());
    once(&admin, &of_open, all_are("sent", 2)).await;
    assert_eq!(replay(&admin, wish).await["count"], 0);
    assert!(postbox.is_quiet());
}
