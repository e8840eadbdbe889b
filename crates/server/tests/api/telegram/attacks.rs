//! Whoever is not the person on the card decides nothing, whatever they send.

use askfirst_kit::telegram::{Options, Telegram};
use hyper::Method;
use serde_json::{Value, json};

use super::{Known, Scene, two};
use crate::support::{Client, TestServer};

/// What another client could make of a card's data: every kind of button, other tokens, cut ones.
fn forgeries(data: &str, count: usize) -> Vec<String> {
    let (letter, token) = data.split_at(1);
    let mut forged = Vec::new();
    for number in 0..count {
        let place = number % token.len();
        let other = char::from(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[number * 7 % 64],
        );
        let mut token: Vec<char> = token.chars().collect();
        token[place] = if token[place] == other { '!' } else { other };
        if number % 5 == 0 {
            token.truncate(place);
        }
        let letter = if number % 3 == 0 { letter } else { "a" };
        forged.push(format!("{letter}{}", token.into_iter().collect::<String>()));
    }
    forged
}

async fn tap(scene: &Scene, by: &Known, chat: &Known, message: i64, data: &str) -> usize {
    let tap = scene.telegram.taps_forged(&by.person, chat.chat, message, data).unwrap();
    let said = scene.telegram.answer(&tap).await.unwrap();
    assert!(said.alert && !said.text.is_empty(), "{}", said.text);
    1
}

#[tokio::test]
async fn a_thousand_forged_taps_decide_nothing_and_are_counted() {
    let scene = Scene::begin().await;
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    two(&scene).await;
    let eve = Known {
        person: scene.telegram.person("Eve"),
        chat: scene.bot.chat(&ana.person),
        member: ana.member,
        seen: 0,
    };
    let asked = scene.server.asker().ask_under("two").await;
    let (hers, his) = (scene.card(&ana).await, scene.card(&ben).await);
    let data = hers.button("Approve").unwrap().data.clone().unwrap();
    let mut tried = 0;
    // Tokens that nobody was given.
    for forged in forgeries(&data, 500) {
        tried += tap(&scene, &ben, &ben, his.id, &forged).await;
    }
    assert_eq!(scene.refused("unknown_button").await, 500);
    // The right token in other hands: somebody in the chat, and another approver, who has one vote
    // of his own and not hers.
    for number in 0..500 {
        let by = if number % 2 == 0 { &eve } else { &ben };
        tried += tap(&scene, by, &ana, hers.id, &data).await;
    }
    assert_eq!((tried, scene.refused("other_account").await), (1_000, 500));
    assert_eq!(scene.server.asker().read(&asked).await["votes"], json!([]));

    // A card's token opens no page either.
    let page = scene.server.stranger().get(format!("/d/{}", &data[1..])).await;
    assert_ne!(page.status, 200);
}

#[tokio::test]
async fn a_button_of_another_bot_or_workspace_is_none() {
    let scene = Scene::begin().await;
    scene.server.workspace().policy("one", json!({ "assurance": "chat" })).await;
    let ana = scene.linked("ana").await;
    let asked = scene.server.asker().ask_under("one").await;
    let card = scene.card(&ana).await;
    let data = card.button("Approve").unwrap().data.clone().unwrap();

    let rival = scene.server.found("rival").await;
    let bot = scene.telegram.bot("rival_bot");
    let wish = json!({ "kind": "telegram", "token": bot.token, "api": scene.telegram.url() });
    let theirs = rival.client(&askfirst_core::Scope::ADMINISTER).await;
    theirs.post("/v1/channels", &wish).send().await.expect(201);
    scene.telegram.presses_start(&ana.person, &bot, None).unwrap();
    let chat = bot.chat(&ana.person);
    let hello = scene.telegram.card_after(chat, 0).await.unwrap();
    let tap = scene.telegram.taps_forged(&ana.person, chat, hello.id, &data).unwrap();
    assert!(scene.telegram.answer(&tap).await.unwrap().text.contains("not good any more"));
    assert_eq!(scene.refused("other_bot").await, 1);
    assert_eq!(scene.server.asker().read(&asked).await["votes"], json!([]));
}

/// A server whose bot is heard by webhook.
async fn hooked() -> (Scene, String, String) {
    let server = TestServer::start().await;
    let telegram =
        Telegram::with(Options { allow_http_webhooks: true, ..Options::default() }).await.unwrap();
    let bot = telegram.bot("askfirst_bot");
    let wish = json!({ "kind": "telegram", "token": bot.token, "api": telegram.url(),
        "receive": "webhook" });
    let admin = server.admin();
    let made = admin.post("/v1/channels", &wish).send().await.expect(201);
    let hook = format!("/hooks/telegram/{}", made["id"].as_str().unwrap());
    let secret = telegram.look(|world| {
        let call = world.calls_of("setWebhook").next_back().cloned().unwrap();
        call.parameters["secret_token"].as_str().unwrap().to_owned()
    });
    let channel = made["id"].as_str().unwrap().to_owned();
    (Scene { server, telegram, bot, admin, channel }, hook, secret)
}

#[tokio::test]
async fn a_webhook_without_its_secret_is_not_even_read() {
    let (scene, hook, secret) = hooked().await;
    let start = json!({ "update_id": 1, "message": { "message_id": 1, "date": 0, "text": "/start",
        "from": { "id": 5, "is_bot": false, "first_name": "Eve" },
        "chat": { "id": 5, "type": "private" } } });
    let stranger = scene.server.stranger();
    let call = |header: Option<&str>, body: &Value| {
        let call = stranger.call(Method::POST, hook.clone()).json(body);
        match header {
            Some(secret) => call.header("X-Telegram-Bot-Api-Secret-Token", secret),
            None => call,
        }
    };
    let nonsense = json!("no update");
    for wrong in [None, Some(""), Some("x"), Some(&secret[1..])] {
        assert_eq!(call(wrong, &nonsense).send().await.status, 401, "{wrong:?}");
    }
    assert_eq!(call(Some(&secret), &nonsense).send().await.status, 200);
    assert_eq!(call(Some(&secret), &start).send().await.status, 200);
    let unknown = format!("/hooks/telegram/{}", askfirst_core::ChannelId::from_bits(5));
    let call = stranger.call(Method::POST, unknown).json(&start);
    assert_eq!(call.send().await.status, 404);
    // A bot that is polled has no secret, so nobody may speak for it.
    let path = hook.replace("/hooks/telegram", "/v1/channels");
    let polling = json!({ "receive": "polling" });
    scene.admin.call(Method::PATCH, path).json(&polling).send().await.expect(200);
    let call = stranger.call(Method::POST, hook).json(&start);
    let call = call.header("X-Telegram-Bot-Api-Secret-Token", &secret);
    assert_eq!(call.send().await.status, 503);
    assert_eq!(scene.refused("secret").await, 4);
}

#[tokio::test]
async fn a_bot_that_was_removed_is_called_for_no_more_and_can_be_added_again() {
    let (scene, hook, secret) = hooked().await;
    scene.admin.call(Method::DELETE, scene.path("")).send().await.expect(204);
    let forgotten = scene.telegram.look(|world| world.calls_of("deleteWebhook").count());
    assert_eq!(forgotten, 1);
    let call = scene.server.stranger().call(Method::POST, hook).json(&json!({ "update_id": 1 }));
    let call = call.header("X-Telegram-Bot-Api-Secret-Token", &secret);
    assert_eq!(call.send().await.status, 404);
    let wish = json!({ "kind": "telegram", "token": scene.bot.token, "api": scene.telegram.url() });
    let made = scene.admin.post("/v1/channels", &wish).send().await.expect(201);
    // One that somebody else set meanwhile stays.
    let path = format!("/v1/channels/{}", made["id"].as_str().unwrap());
    let hooked = json!({ "receive": "webhook" });
    scene.admin.call(Method::PATCH, path.clone()).json(&hooked).send().await.expect(200);
    let address = scene.telegram.url().strip_prefix("http://").unwrap().parse().unwrap();
    let elsewhere = Client { address, key: None };
    let theirs = json!({ "url": "http://127.0.0.1:9/theirs" });
    let set = format!("/bot{}/setWebhook", scene.bot.token);
    elsewhere.post(set, &theirs).send().await.expect(200);
    scene.admin.call(Method::DELETE, path).send().await.expect(204);
    let forgotten = scene.telegram.look(|world| world.calls_of("deleteWebhook").count());
    assert_eq!(forgotten, 1);
}

#[tokio::test]
async fn the_same_update_twice_is_one_vote() {
    let (scene, hook, secret) = hooked().await;
    let ana = scene.linked("ana").await;
    let ben = scene.linked("ben").await;
    two(&scene).await;
    let asked = scene.server.asker().ask_under("two").await;
    let card = scene.card(&ana).await;
    scene.card(&ben).await;
    let data = card.button("Approve").unwrap().data.clone().unwrap();
    let update = json!({ "update_id": 77, "callback_query": { "id": "q1",
        "from": { "id": ana.person.id, "is_bot": false, "first_name": "Ana" },
        "message": { "message_id": card.id, "date": 1, "chat": { "id": ana.person.id, "type": "private" } },
        "chat_instance": "1", "data": data } });
    for _ in 0..3 {
        let call = scene.server.stranger().call(Method::POST, hook.clone()).json(&update);
        let call = call.header("X-Telegram-Bot-Api-Secret-Token", &secret);
        assert_eq!(call.send().await.status, 200);
    }
    let known = scene.server.asker().read(&asked).await;
    assert_eq!(
        (known["votes"].as_array().unwrap().len(), &known["status"]),
        (1, &json!("pending"))
    );
    assert_eq!(scene.refused("repeated").await, 2);
}
