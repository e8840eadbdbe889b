//! Groups: everybody reads, only who linked an account decides, and the bot follows the group.

use askfirst_kit::telegram::{Chat, Kind, Message, Person, Refusal};
use hyper::Method;
use serde_json::{Value, json};

use super::{Known, Scene, labels, two, votes};

/// A group with the bot and these people in it, into which requests come.
async fn room(scene: &Scene, people: &[&Person]) -> (Chat, Value) {
    let chat = scene.telegram.group(Kind::Supergroup, "Deploys", &[&scene.bot], people);
    let wish = json!({ "chat": chat.id() });
    let made = scene.admin.post(scene.path("/rooms"), &wish).send().await.expect(201);
    (chat, made["rooms"][0].clone())
}

async fn next(scene: &Scene, chat: Chat, after: i64) -> Message {
    scene.telegram.card_after(chat, after).await.unwrap()
}

async fn says(scene: &Scene, chat: Chat, message: i64, words: &str) -> Message {
    let found = |world: &askfirst_kit::telegram::World| {
        world.message(chat, message).filter(|known| known.text.contains(words)).cloned()
    };
    scene.telegram.wait_for(words, found).await.unwrap()
}

async fn press(scene: &Scene, by: &Person, chat: Chat, message: i64, button: &str) -> String {
    let tap = scene.telegram.taps(by, chat, message, button).unwrap();
    scene.telegram.answer(&tap).await.unwrap().text
}

async fn refused(scene: &Scene, wish: Value) -> (Vec<String>, String) {
    let answer = scene.admin.post(scene.path("/rooms"), &wish).send().await;
    assert_eq!(answer.status, 422, "{wish}");
    (answer.pointers(), answer.json()["errors"].to_string())
}

#[tokio::test]
async fn everybody_in_a_group_reads_and_only_who_decides_is_heard() {
    let scene = Scene::begin().await;
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    two(&scene).await;
    let eve = scene.telegram.person("Eve");
    let (chat, room) = room(&scene, &[&ana.person, &ben.person, &eve]).await;
    assert_eq!((&room["title"], &room["topic"]), (&json!("Deploys"), &Value::Null));
    let hello = next(&scene, chat, 0).await;
    assert!(hello.text.contains("come here from now on"), "{}", hello.text);

    let asker = scene.server.asker();
    let asked = asker.ask_under("two").await;
    let card = next(&scene, chat, hello.id).await;
    assert!(card.text.contains("of whoever decides this"), "{}", card.text);
    assert!(card.text.contains(asked["action_digest"].as_str().unwrap()));
    let (hers, his) = (scene.card(&ana).await, scene.card(&ben).await);

    let said = press(&scene, &eve, chat, card.id, "Approve").await;
    assert!(said.contains("not linked"), "{said}");
    assert_eq!(scene.refused("stranger").await, 1);
    assert_eq!(asker.read(&asked).await["votes"], json!([]));

    // One vote each, wherever it is given.
    let said = press(&scene, &ana.person, chat, card.id, "Approve").await;
    assert_eq!(said, "Recorded. Others must answer too.");
    says(&scene, chat, card.id, "Approved by ana@example.com").await;
    scene.says(&ana, hers.id, "Approved by ana@example.com").await;
    scene.says(&ben, his.id, "Approved by ana@example.com").await;
    let links = async || {
        let log = scene.server.admin().get("/v1/audit?kind=decision_link&limit=100").await;
        log.expect(200)["data"].as_array().unwrap().len()
    };
    let again = async || {
        let said = press(&scene, &ana.person, chat, card.id, "Approve").await;
        assert!(said.contains("answered this already"), "{said}");
        links().await
    };
    let before = again().await;
    assert!(before > 0);
    assert_eq!(again().await, before, "who presses twice has one link");
    let said = press(&scene, &ben.person, chat, card.id, "Approve").await;
    assert_eq!(said, "Recorded, and it is approved.");
    let ended = says(&scene, chat, card.id, "Approved: ").await;
    assert!(ended.text.contains("Decided by ben@example.com"), "{}", ended.text);
    assert!(!labels(&ended).contains(&"Approve".into()));
    scene.says(&ben, his.id, "Approved: ").await;
    let known = asker.ended(&asked).await;
    let chat_vote = || ("approve".into(), "chat".into(), "telegram".into());
    assert_eq!(votes(&known), [chat_vote(), chat_vote()]);

    // Of who comes late, the end is said.
    let data = card.button("Approve").unwrap().data.clone().unwrap();
    let late = scene.telegram.taps_forged(&ana.person, chat, card.id, &data).unwrap();
    let said = scene.telegram.answer(&late).await.unwrap().text;
    assert!(said.contains("approved"), "{said}");

    let log = scene.admin.get(scene.path("/notices")).await.expect(200);
    let named = |line: &&Value| line["address"] == "Deploys";
    assert!(log["data"].as_array().unwrap().iter().find(named).is_some(), "{log}");
    scene.is_faultless();
}

#[tokio::test]
async fn words_are_asked_for_in_the_topic_of_whoever_pressed() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let eve = scene.telegram.person("Eve");
    let chat = scene.telegram.group(Kind::Supergroup, "Ops", &[&scene.bot], &[&ana.person, &eve]);
    let topic = scene.telegram.topic(chat, "Approvals").unwrap();
    let wish = json!({ "chat": chat.id(), "topic": topic });
    scene.admin.post(scene.path("/rooms"), &wish).send().await.expect(201);
    let hello = next(&scene, chat, 0).await;
    assert_eq!(hello.thread, Some(topic));

    let asker = scene.server.asker();
    let asked = asker.ask_under("one").await;
    let card = next(&scene, chat, hello.id).await;
    assert_eq!(card.thread, Some(topic));
    assert_eq!(press(&scene, &ana.person, chat, card.id, "Reject, and say…").await, "");
    let prompt = next(&scene, chat, card.id).await;
    assert!(prompt.force_reply.is_some() && prompt.reply_to == Some(card.id));
    assert!(prompt.text.starts_with("ana") && prompt.thread == Some(topic), "{}", prompt.text);

    // Somebody else answers, and somebody talks: neither is meant.
    scene.telegram.replies(&eve, chat, prompt.id, "Do it").unwrap();
    scene.telegram.writes(&ana.person, chat, "What is this about?").unwrap();
    scene.telegram.replies(&ana.person, chat, prompt.id, "Not on a Friday").unwrap();
    let known = asker.ended(&asked).await;
    assert_eq!(
        (&known["status"], &known["decision"]["comment"]),
        (&json!("rejected"), &json!("Not on a Friday"))
    );
    let said = next(&scene, chat, prompt.id).await;
    assert!(said.text.contains("rejected"), "to her words alone: {}", said.text);
    scene.is_faultless();
}

#[tokio::test]
async fn a_card_of_a_group_is_good_in_that_group_alone() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let (chat, room) = room(&scene, &[&ana.person]).await;
    let elsewhere = scene.telegram.group(Kind::Group, "Other", &[&scene.bot], &[&ana.person]);
    let hello = next(&scene, chat, 0).await;
    let asker = scene.server.asker();
    let asked = asker.ask_under("one").await;
    let card = next(&scene, chat, hello.id).await;
    let data = card.button("Approve").unwrap().data.clone().unwrap();
    for (number, place) in [(1, ana.chat), (2, elsewhere)] {
        let tap = scene.telegram.taps_forged(&ana.person, place, card.id, &data).unwrap();
        let said = scene.telegram.answer(&tap).await.unwrap();
        assert!(said.alert && said.text.contains("not good any more"), "{}", said.text);
        assert_eq!(scene.refused("other_account").await, number);
    }
    assert_eq!(asker.read(&asked).await["votes"], json!([]));

    // Once nothing is written there any more, nothing is heard there either.
    let path = scene.path(&format!("/rooms/{}", room["id"].as_str().unwrap()));
    assert_eq!(scene.admin.call(Method::DELETE, path.clone()).send().await.status, 204);
    assert_eq!(scene.admin.call(Method::DELETE, path).send().await.status, 404);
    let closed = says(&scene, chat, card.id, "Requests do not come here any more").await;
    assert!(!labels(&closed).contains(&"Approve".into()));
    let tap = scene.telegram.taps_forged(&ana.person, chat, card.id, &data).unwrap();
    assert!(scene.telegram.answer(&tap).await.unwrap().alert);
    assert_eq!(asker.read(&asked).await["votes"], json!([]));
    asker.ask_under("one").await;
    let hers = scene.card(&ana).await;
    assert_eq!(scene.press(&ana, hers.id, "Approve").await, "Recorded, and it is approved.");
    scene.telegram.look(|world| assert_eq!(world.cards(chat).last().unwrap().id, card.id));
}

#[tokio::test]
async fn what_needs_more_than_a_chat_is_only_rejected_in_a_group() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("sure", json!({ "assurance": "session" })).await;
    let ana = scene.linked("ana").await;
    let (chat, _) = room(&scene, &[&ana.person]).await;
    let hello = next(&scene, chat, 0).await;
    let asker = scene.server.asker();
    let asked = asker.ask_under("sure").await;
    let card = next(&scene, chat, hello.id).await;
    assert!(card.button("Approve").is_none());
    let data = card.button("Reject").unwrap().data.clone().unwrap();
    let forged = format!("a{}", &data[1..]);
    let tap = scene.telegram.taps_forged(&ana.person, chat, card.id, &forged).unwrap();
    let said = scene.telegram.answer(&tap).await.unwrap();
    assert!(said.alert && said.text.contains("on its page only"), "{}", said.text);
    assert_eq!(asker.read(&asked).await["votes"], json!([]));
    assert_eq!(
        press(&scene, &ana.person, chat, card.id, "Reject").await,
        "Recorded, and it is rejected."
    );
    scene.is_faultless();
}

#[tokio::test]
async fn a_group_that_becomes_another_is_followed() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let small = scene.telegram.group(Kind::Group, "Deploys", &[&scene.bot], &[&ana.person]);
    let wish = json!({ "chat": small.id() });
    scene.admin.post(scene.path("/rooms"), &wish).send().await.expect(201);
    let hello = next(&scene, small, 0).await;
    let asker = scene.server.asker();
    asker.ask_under("one").await;
    next(&scene, small, hello.id).await;

    let large = scene.telegram.upgrades(&ana.person, small).unwrap();
    let asked = asker.ask_under("one").await;
    let card = next(&scene, large, 0).await;
    assert!(card.text.contains(asked["action_digest"].as_str().unwrap()));
    press(&scene, &ana.person, large, card.id, "Approve").await;
    says(&scene, large, card.id, "Approved: ").await;
    let now = scene.admin.get(scene.path("")).await.expect(200);
    assert_eq!(now["rooms"][0]["chat"], large.id());

    // The same where the first that is heard of it is a refusal.
    let third = scene.telegram.group(Kind::Supergroup, "Deploys", &[&scene.bot], &[&ana.person]);
    scene.telegram.refuse_next_in(large, "sendMessage", Refusal::migrated(third.id()));
    let asked = asker.ask_under("one").await;
    let card = next(&scene, third, 0).await;
    assert!(card.text.contains(asked["action_digest"].as_str().unwrap()));
}

#[tokio::test]
async fn a_group_that_cannot_be_written_to_is_not_added() {
    let scene = Scene::begin().await;
    let ana = scene.linked("ana").await;
    let muted = scene.telegram.group(Kind::Supergroup, "Muted", &[&scene.bot], &[&ana.person]);
    scene.telegram.mutes(&ana.person, &scene.bot, muted).unwrap();
    let gone = scene.telegram.group(Kind::Group, "Gone", &[&scene.bot], &[&ana.person]);
    scene.telegram.kicks(&ana.person, &scene.bot, gone).unwrap();
    let news = scene.telegram.group(Kind::Channel, "News", &[&scene.bot], &[]);
    let (known, _) = room(&scene, &[]).await;
    let cases = [
        (json!({ "chat": -12_345 }), "/chat", "it says the number"),
        (json!({ "chat": gone.id() }), "/chat", "it says the number"),
        (json!({ "chat": muted.id() }), "/chat", "may not write in that group"),
        (json!({ "chat": news.id() }), "/chat", "this is a channel"),
        (json!({ "chat": ana.person.id }), "/chat", "this is a person"),
        (json!({ "chat": known.id() }), "/chat", "into this group already"),
        (json!({ "chat": known.id(), "topic": 9_999 }), "/topic", "no such topic"),
    ];
    for (wish, pointer, words) in cases {
        let (pointers, details) = refused(&scene, wish.clone()).await;
        assert_eq!(pointers, [pointer], "{wish}: {details}");
        assert!(details.contains(words), "{wish}: {details}");
    }
    let now = scene.admin.get(scene.path("")).await.expect(200);
    assert_eq!(now["rooms"].as_array().unwrap().len(), 1, "{now}");
}

#[tokio::test]
async fn a_bot_says_the_number_of_a_group_where_it_is_added_or_called() {
    let scene = Scene::begin().await;
    let ana: Known = scene.linked("ana").await;
    let chat = scene.telegram.group(Kind::Supergroup, "Ops", &[], &[&ana.person]);
    scene.telegram.adds(&ana.person, &scene.bot, chat).unwrap();
    let said = next(&scene, chat, 0).await;
    assert!(said.text.contains(&format!("is {}", chat.id())), "{}", said.text);
    let topic = scene.telegram.topic(chat, "Approvals").unwrap();
    scene.telegram.writes_in(&ana.person, chat, topic, "/start@askfirst_bot").unwrap();
    let said = next(&scene, chat, said.id).await;
    let command = format!("rooms add telegram --chat={} --topic {topic}", chat.id());
    assert!(said.text.contains(&command) && said.thread == Some(topic), "{}", said.text);

    let wish = json!({ "chat": chat.id(), "topic": topic });
    scene.admin.post(scene.path("/rooms"), &wish).send().await.expect(201);
    let hello = next(&scene, chat, said.id).await;
    scene.telegram.writes_in(&ana.person, chat, topic, "/start@askfirst_bot").unwrap();
    let said = next(&scene, chat, hello.id).await;
    assert!(said.text.contains("come here already"), "{}", said.text);
    scene.is_faultless();
}
