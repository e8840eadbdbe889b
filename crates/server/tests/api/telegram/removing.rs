//! What becomes of the cards of a bot that is taken out of use.

use askfirst_kit::telegram::Message;
use hyper::Method;
use serde_json::json;

use super::{Known, Scene, labels};
use crate::support::mailbox::Mailbox;

const PARTED: &str = "This bot is not used any more. Nothing can be answered here.";

async fn remove(scene: &Scene) {
    scene.admin.call(Method::DELETE, scene.path("")).send().await.expect(204);
}

async fn asked(scene: &Scene, of: &Known) -> Message {
    scene.server.asker().ask_under("one").await;
    scene.card(of).await
}

/// Waits until nothing is kept of it.
async fn gone(scene: &Scene) {
    while !scene.server.service.store().channel_secrets().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Waits until nothing is due that nobody is at.
async fn begun(scene: &Scene) {
    while scene.server.service.store().farewells_are_due().await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn cards_of_a_bot_that_is_removed_say_so_and_people_are_asked_by_the_next_way() {
    let scene = Scene::begin().await;
    let mut mailbox = Mailbox::start().await;
    let mail = crate::channels::mailbox(mailbox.address.port());
    scene.admin.post("/v1/channels", &mail).send().await.expect(201);
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    scene.server.workspace().group("sre", &[ana.member, ben.member]).await;
    let needs = json!([{ "from": ["group:sre"], "count": 2 }]);
    let more = json!({ "needs": needs, "assurance": "link" });
    scene.server.workspace().policy("two", more).await;
    let asked = scene.server.asker().ask_under("two").await;
    let (hers, his) = (scene.card(&ana).await, scene.card(&ben).await);
    scene.press(&ana, hers.id, "Approve").await;
    scene.says(&ben, his.id, "Approved by ana@example.com").await;
    scene.says(&ana, hers.id, "Nothing is wanted of you here now").await;

    remove(&scene).await;
    let his = scene.says(&ben, his.id, PARTED).await;
    assert!(his.text.contains("Your answer is still wanted"), "{}", his.text);
    assert_eq!(labels(&his), ["Open all of it"], "and no button answers");
    let page = his.button("Open all of it").unwrap().url.clone().unwrap();
    assert!(page.ends_with(&format!("/a/{}", asked["id"].as_str().unwrap())), "{page}");
    let hers = scene.says(&ana, hers.id, PARTED).await;
    assert!(!hers.text.contains("still wanted"), "{}", hers.text);
    // He alone is asked again, by mail, where it can be answered.
    let letter = mailbox.next().await;
    assert_eq!(letter.to, "ben@example.com");
    assert!(mailbox.is_quiet());
    gone(&scene).await;
    scene.admin.get(scene.path("")).await.expect(404);
    let known = scene.server.asker().read(&asked).await;
    assert_eq!(known["status"], "pending");
    scene.is_faultless();
}

#[tokio::test]
async fn a_provider_that_is_down_hears_later_that_a_bot_was_removed() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let card = asked(&scene, &ana).await;
    scene.telegram.go_down();
    remove(&scene).await;
    // The first attempt fails, and it is left alone for a while.
    begun(&scene).await;
    scene.telegram.come_up().await.unwrap();
    let said = scene.says(&ana, card.id, PARTED);
    tokio::pin!(said);
    loop {
        let next = async {
            scene.server.clock.advance(30);
            begun(&scene).await;
            tokio::task::yield_now().await;
        };
        tokio::select! {
            biased;
            _ = &mut said => break,
            () = next => {}
        }
    }
    gone(&scene).await;
}

#[tokio::test]
async fn the_token_of_a_removed_bot_is_kept_for_an_hour_at_most() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    asked(&scene, &ana).await;
    scene.telegram.go_down();
    remove(&scene).await;
    assert_eq!(scene.server.service.store().channel_secrets().await.unwrap().len(), 1);
    scene.server.clock.advance(3_600);
    gone(&scene).await;
}

#[tokio::test]
async fn cards_of_an_account_that_is_unlinked_or_shut_out_say_so() {
    let scene = Scene::begin().await;
    let mut mailbox = Mailbox::start().await;
    let mail = crate::channels::mailbox(mailbox.address.port());
    scene.admin.post("/v1/channels", &mail).send().await.expect(201);
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    scene.server.workspace().group("sre", &[ana.member, ben.member]).await;
    let needs = json!([{ "from": ["group:sre"], "count": 2 }]);
    let more = json!({ "needs": needs, "assurance": "link" });
    scene.server.workspace().policy("two", more).await;
    let asked = scene.server.asker().ask_under("two").await;
    let (hers, his) = (scene.card(&ana).await, scene.card(&ben).await);

    let theirs = scene.path(&format!("/accounts/{}", ana.member));
    scene.admin.call(Method::DELETE, theirs).send().await.expect(204);
    let card = scene.says(&ana, hers.id, "not linked to Askfirst any more").await;
    assert!(card.text.contains("Your answer is still wanted"), "{}", card.text);
    assert_eq!(labels(&card), ["Open all of it"]);
    assert_eq!(mailbox.next().await.to, "ana@example.com", "who is asked by the next way");
    let path = format!("/v1/members/{}", ben.member);
    let gone = json!({ "enabled": false });
    scene.admin.call(Method::PATCH, path).json(&gone).send().await.expect(200);
    let card = scene.says(&ben, his.id, "not linked to Askfirst any more").await;
    assert!(!card.text.contains("still wanted"), "{}", card.text);
    assert_eq!(labels(&card), [] as [String; 0], "he has no page here");
    assert_eq!(scene.server.asker().read(&asked).await["status"], "pending");
    scene.is_faultless();
}
