//! What Telegram does not take, takes late, or takes without saying so.

use askfirst_kit::telegram::Refusal;
use serde_json::{Value, json};

use super::Scene;
use crate::outages::{is_held, log};

#[tokio::test]
async fn a_tap_that_was_not_confirmed_is_heard_again_and_counts_once() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let asked = scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    // The answer to the next poll is lost on the way, so the tap in it is told again.
    scene.telegram.lose_answer_of_next("getUpdates");
    let said = scene.press(&ana, card.id, "Approve").await;
    assert_eq!(said, "Recorded, and it is approved.");
    let known = scene.server.asker().ended(&asked).await;
    assert_eq!(known["votes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_late_answer_to_a_tap_changes_nothing_about_the_vote() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let asked = scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    let late = "query is too old and response timeout expired or query ID is invalid";
    scene.telegram.refuse_next("answerCallbackQuery", Refusal::bad(late));
    scene.telegram.taps(&ana.person, ana.chat, card.id, "Approve").unwrap();
    assert_eq!(scene.server.asker().ended(&asked).await["status"], "approved");
    scene.says(&ana, card.id, "Approved: ").await;
}

#[tokio::test]
async fn telegram_is_left_alone_for_as_long_as_it_says() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    scene.telegram.flood(&scene.bot, None, 7);
    scene.server.asker().ask_under("one").await;
    let refused = |world: &askfirst_kit::telegram::World| {
        world.calls_of("sendMessage").any(|call| call.status == 429).then_some(())
    };
    scene.telegram.wait_for("a refusal", refused).await.unwrap();
    scene.server.asker().ask_under("one").await;
    scene.telegram.pass(std::time::Duration::from_secs(8));
    scene.server.clock.advance(8);
    let first = scene.card(&ana).await;
    scene.telegram.card_after(ana.chat, first.id).await.unwrap();
    assert_eq!(scene.telegram.look(|world| world.disobeyed()), 0, "nothing was sent meanwhile");
    let log = scene.admin.get(scene.path("/notices")).await.expect(200);
    let attempts = log["data"].as_array().unwrap().iter().map(|line| line["attempts"].as_u64());
    assert!(attempts.max().flatten() <= Some(1), "{log}");
}

#[tokio::test]
async fn whoever_blocked_the_bot_is_asked_by_mail_at_once() {
    let scene = Scene::begin().await;
    let mut mailbox = crate::support::mailbox::Mailbox::start().await;
    let mail = crate::channels::mailbox(mailbox.address.port());
    scene.admin.post("/v1/channels", &mail).send().await.expect(201);
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    scene.server.workspace().group("sre", &[ana.member, ben.member]).await;
    let more = json!({ "needs": [{ "from": ["group:sre"] }], "assurance": "link" });
    scene.server.workspace().policy("sre", more).await;
    scene.telegram.blocks(&ana.person, &scene.bot).unwrap();
    let asked = scene.server.asker().ask_under("sre").await;
    let letter = mailbox.next().await;
    assert_eq!(letter.to, "ana@example.com");
    let card = scene.card(&ben).await;
    assert!(card.button("Approve").is_some(), "and by nothing else");
    scene.press(&ben, card.id, "Reject").await;
    assert_eq!(scene.server.asker().ended(&asked).await["status"], "rejected");
    let known = scene.admin.get(scene.path("")).await.expect(200);
    let why = known["unreached"][0]["reason"].as_str().unwrap();
    assert!(why.contains("press Start"), "{why}");
    let letters: Vec<_> = mailbox.rest().into_iter().map(|letter| letter.to).collect();
    assert!(!letters.contains(&"ben@example.com".to_owned()), "{letters:?}");
}

#[tokio::test]
async fn a_card_that_was_deleted_is_no_trouble() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "key" })).await;
    let ana = scene.linked("ana").await;
    let asked = scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    scene.telegram.deletes(ana.chat, card.id);
    let key = scene.server.workspace().decider(ana.member).await;
    key.approve(&asked).await.expect(200);
    let told = scene.telegram.card_after(ana.chat, card.id).await.unwrap();
    assert!(told.text.contains("Approved: "), "{}", told.text);
}

#[tokio::test]
async fn a_card_that_was_not_noted_is_known_by_its_tap() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    scene.telegram.lose_answer_of_next("sendMessage");
    let asked = scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    assert_eq!(scene.press(&ana, card.id, "Approve").await, "Recorded, and it is approved.");
    scene.says(&ana, card.id, "Approved: ").await;
    assert_eq!(scene.server.asker().ended(&asked).await["votes"].as_array().unwrap().len(), 1);
    let cards = scene.telegram.look(|world| world.cards(ana.chat).count());
    assert_eq!(cards, 2, "the greeting and this one, which is not sent again");
    scene.is_faultless();
}

#[tokio::test]
async fn of_two_cards_of_the_same_both_say_what_became_of_it() {
    let scene = Scene::begin().await;
    let ana = scene.linked("ana").await;
    super::two(&scene).await;
    scene.telegram.lose_answer_of_next("sendMessage");
    scene.server.asker().ask_under("two").await;
    let first = scene.card(&ana).await;
    let path = scene.path("");
    let failed = |line: &Value| line["attempts"] == 1 && !is_held(&scene.server, line);
    while !log(&scene.admin, &path).await.iter().any(failed) {
        tokio::task::yield_now().await;
    }
    scene.server.clock.advance(10);
    let second = scene.telegram.card_after(ana.chat, first.id).await.unwrap();
    assert_eq!(second.text, first.text);
    let sent = |line: &Value| line["state"] == "sent";
    while !log(&scene.admin, &path).await.iter().any(sent) {
        tokio::task::yield_now().await;
    }
    scene.press(&ana, first.id, "Approve").await;
    for card in [first.id, second.id] {
        let card = scene.says(&ana, card, "Approved by ana@example.com").await;
        assert!(card.button("Approve").is_none(), "{}", card.text);
    }
    scene.is_faultless();
}
