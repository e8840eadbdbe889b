//! Who can answer only later hears of what is open by mail, once: whoever joins a group, and
//! whoever votes in another's place from then on.

use askfirst_core::administration::Change;
use askfirst_core::{Delegation, Seconds};
use serde_json::{Value, json};

use crate::channels::mailbox;
use crate::support::TestServer;
use crate::support::client::path_of;
use crate::support::mailbox::Mailbox;

const ANA_AND_BEN: [&str; 2] = ["ana@example.com", "ben@example.com"];

#[tokio::test]
async fn who_can_answer_later_is_mailed_about_what_is_open() {
    let server = TestServer::start().await;
    let (ours, admin) = (server.workspace(), server.admin());
    let [ana, ben, cleo] =
        [ours.member("ana").await, ours.member("ben").await, ours.member("cleo").await];
    let sre = ours.group("sre", &[ana]).await;
    ours.policy("sre", json!({ "needs": [{ "from": ["group:sre"] }], "assurance": "link" })).await;
    let mut postbox = Mailbox::start().await;
    let made = admin.post("/v1/channels", &mailbox(postbox.address.port())).send().await;
    let log = format!("/v1/channels/{}/notices", made.expect(201)["id"].as_str().unwrap());
    let asker = ours.asker().await;
    let over = asker.ask_under("sre").await;
    assert_eq!(postbox.next().await.to, "ana@example.com");
    asker.cancel(&over).await.expect(200);
    postbox.next().await;
    let open = asker.ask_under("sre").await;
    assert_eq!(postbox.next().await.to, "ana@example.com");

    let set = async |members: &[_]| {
        ours.change(Change::SetGroup { id: sre, members: members.iter().copied().collect() }).await;
    };
    set(&[ana, ben]).await;
    let letter = postbox.next().await;
    assert_eq!(letter.to, "ben@example.com");
    assert!(letter.subject().starts_with("Your answer is wanted"));
    assert!(letter.text().contains("/d/"), "with a link of his own");

    let since = server.service.now().plus(Seconds(600));
    let given = Delegation { to: cleo, since, until: since.plus(Seconds(86_400)) };
    ours.change(Change::Delegate { member: ana, delegation: Some(given) }).await;
    // Gone and back: he knows of it.
    set(&[ana]).await;
    set(&[ana, ben]).await;
    while server.service.store().newcomers_are_due().await.unwrap() {}
    let told = admin.get(&log).await.expect(200);
    assert_eq!(told["data"].as_array().unwrap().len(), 4, "{told}");
    assert!(postbox.is_quiet());
    server.clock.advance(600);
    assert_eq!(postbox.next().await.to, "cleo@example.com");
    let told = admin.get(&log).await.expect(200);
    let of_open = |line: &&Value| line["approval"] == open["id"];
    let lines = told["data"].as_array().unwrap();
    assert_eq!(lines.iter().filter(of_open).count(), 3, "each once: {told}");
}

#[tokio::test]
async fn who_could_not_answer_while_it_was_changed_hears_of_that_when_they_are_back() {
    let server = TestServer::start().await;
    let (ours, admin) = (server.workspace(), server.admin());
    let [ana, ben, cleo] =
        [ours.member("ana").await, ours.member("ben").await, ours.member("cleo").await];
    let ben_votes = ours.decider(ben).await;
    ours.group("sre", &[ana, ben]).await;
    let needs = json!([{ "from": ["group:sre"], "count": 2 }]);
    ours.policy("sre", json!({ "needs": needs, "assurance": "key" })).await;
    let mut postbox = Mailbox::start().await;
    admin.post("/v1/channels", &mailbox(postbox.address.port())).send().await.expect(201);
    let ask = json!({ "policy": "sre", "editable": ["/arguments/version"] });
    let asked = ours.asker().await.ask_with("deploy", ask).await;
    let first = postbox.several(2).await;
    assert_eq!(first.iter().map(|letter| &*letter.to).collect::<Vec<_>>(), ANA_AND_BEN);

    server.clock.advance(1);
    let since = server.service.now();
    let given = Delegation { to: cleo, since, until: since.plus(Seconds(600)) };
    ours.change(Change::Delegate { member: ana, delegation: Some(given) }).await;
    assert_eq!(postbox.next().await.to, "cleo@example.com");
    server.clock.advance(1);
    let edit = json!({
        "decision": "approve", "action_digest": asked["action_digest"],
        "edits": { "/arguments/version": "2.2" },
    });
    ben_votes.post(path_of(&asked, "/vote"), &edit).send().await.expect(200);
    let changed = postbox.next().await;
    assert_eq!((&*changed.to, changed.text().contains("2.2")), ("cleo@example.com", true));
    assert!(postbox.is_quiet());

    server.clock.advance(600);
    let back = postbox.next().await;
    assert_eq!((&*back.to, back.text().contains("2.2")), ("ana@example.com", true));
    assert_eq!(back.header("In-Reply-To"), Some(first[0].id()));
    // Once: gone and back again changes nothing.
    let since = server.service.now();
    let given = Delegation { to: cleo, since, until: since.plus(Seconds(60)) };
    ours.change(Change::Delegate { member: ana, delegation: Some(given) }).await;
    server.clock.advance(60);
    while server.service.store().newcomers_are_due().await.unwrap() {}
    let log = admin.get("/v1/deliveries?state=waiting").await.expect(200);
    assert_eq!(log["data"], json!([]));
    assert!(postbox.is_quiet());
}
