//! Setting a bot up: it is asked who it is, is heard by nobody else, and every refusal says what to
//! do.

use askfirst_kit::telegram::{Options, Refusal, Telegram};
use hyper::Method;
use serde_json::{Value, json};

use super::Scene;
use crate::support::{Client, TestServer};

async fn refused(server: &TestServer, wish: Value) -> (Vec<String>, String) {
    let answer = server.admin().post("/v1/channels", &wish).send().await;
    assert_eq!(answer.status, 422, "{wish}");
    let details = answer.json()["errors"].to_string();
    (answer.pointers(), details)
}

#[tokio::test]
async fn a_bot_that_cannot_be_heard_is_not_set_up() {
    let server = TestServer::start().await;
    let telegram = Telegram::start().await.unwrap();
    let bot = telegram.bot("askfirst_bot");
    let api = telegram.url();
    let wish = |more: Value| {
        let mut wish = json!({ "kind": "telegram", "token": bot.token, "api": api });
        for (name, value) in more.as_object().unwrap() {
            wish[name] = value.clone();
        }
        wish
    };
    let cases = [
        (json!({ "token": null }), "/token", "needs it"),
        (json!({ "token": "hello" }), "/token", "@BotFather gave"),
        (
            json!({ "token": format!("{}:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", bot.id) }),
            "/token",
            "does not know this token",
        ),
        (json!({ "host": "smtp.example.com" }), "/host", "has none"),
        (json!({ "api": "ftp://example.com" }), "/api", "not spoken here"),
        (json!({ "api": "http://10.1.2.3" }), "/api", "private address"),
        (json!({ "api": "http://127.0.0.1:9" }), "/api", "was not reached"),
    ];
    for (more, pointer, words) in cases {
        let (pointers, details) = refused(&server, wish(more.clone())).await;
        assert_eq!(pointers, [pointer], "{more}");
        assert!(details.contains(words), "{more}: {details}");
        assert!(!details.contains(&bot.token), "{details}");
    }
    let none = server.admin().get("/v1/channels").await.expect(200);
    assert_eq!(none["data"], json!([]));

    let made = server.admin().post("/v1/channels", &wish(json!({}))).send().await.expect(201);
    assert_eq!((&made["bot"], &made["bot_username"]), (&json!(bot.id), &json!("askfirst_bot")));
    assert!(!made.to_string().contains(&bot.token) && made.get("host").is_none());
    let (pointers, _) = refused(&server, wish(json!({}))).await;
    assert_eq!(pointers, ["/kind"], "two would tell everybody everything twice");
}

#[tokio::test]
async fn a_webhook_that_was_set_elsewhere_goes_only_if_somebody_says_so() {
    let server = TestServer::start().await;
    let options = Options { allow_http_webhooks: true, ..Options::default() };
    let telegram = Telegram::with(options).await.unwrap();
    let bot = telegram.bot("askfirst_bot");
    let set = json!({ "url": "http://127.0.0.1:9/secret-path" });
    let elsewhere = telegram.url().strip_prefix("http://").unwrap().parse().unwrap();
    let elsewhere = Client { address: elsewhere, key: None };
    let path = format!("/bot{}/setWebhook", bot.token);
    elsewhere.post(path, &set).send().await.expect(200);
    let mut wish = json!({ "kind": "telegram", "token": bot.token, "api": telegram.url() });
    let (pointers, details) = refused(&server, wish.clone()).await;
    assert_eq!(pointers, ["/take_over"]);
    assert!(details.contains("127.0.0.1") && !details.contains("secret-path"), "{details}");
    wish["take_over"] = true.into();
    server.admin().post("/v1/channels", &wish).send().await.expect(201);
    telegram.wait_for("a poll", |world| (world.polls(bot.id) > 0).then_some(())).await.unwrap();
}

#[tokio::test]
async fn a_new_token_is_taken_of_the_same_bot_alone_and_a_revoked_one_is_told() {
    let scene = Scene::begin().await;
    let other = scene.telegram.bot("another_bot");
    let patch = |more: Value| scene.admin.call(Method::PATCH, scene.path("")).json(&more).send();
    let refused = patch(json!({ "token": other.token })).await;
    assert_eq!(refused.pointers(), ["/token"]);
    let refused = patch(json!({ "api": "http://127.0.0.1:9" })).await;
    assert_eq!(refused.pointers(), ["/token"], "it was given for another server");
    assert_eq!(patch(json!({ "host": "x" })).await.status, 422);
    let changed = patch(json!({ "locale": "de" })).await.expect(200);
    assert_eq!(changed["locale"], "de");

    scene.telegram.revokes(&scene.bot);
    loop {
        let known = scene.admin.get(scene.path("")).await.expect(200);
        if let Some(why) = known["last_error"].as_str() {
            assert!(why.contains("@BotFather") && !why.contains(&scene.bot.token), "{why}");
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn another_program_that_listens_as_the_bot_is_named() {
    let scene = Scene::begin().await;
    let conflict = Refusal::conflict("terminated by other getUpdates request");
    scene
        .telegram
        .wait_for("a poll", |world| (world.polls(scene.bot.id) > 0).then_some(()))
        .await
        .unwrap();
    scene.telegram.refuse_next("getUpdates", conflict);
    // The poll that waits ends once somebody does something.
    let ana = scene.telegram.person("Ana");
    scene.telegram.presses_start(&ana, &scene.bot, None).unwrap();
    loop {
        let known = scene.admin.get(scene.path("")).await.expect(200);
        if known["last_error"].as_str().is_some_and(|why| why.contains("another program")) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_test_comes_to_whoever_tries_it_once_they_are_linked() {
    let scene = Scene::begin().await;
    let answer = scene.admin.post(scene.path("/test"), &json!({})).send().await;
    assert_eq!(answer.status, 422);
    assert!(answer.json().to_string().contains("channels link telegram"));
    let owner = scene.server.workspace().owner().await;
    let known = scene.link(owner, &scene.telegram.person("Olu")).await;
    let sent = scene.admin.post(scene.path("/test"), &json!({})).send().await.expect(200);
    assert_eq!(sent["sent"], true);
    let card = scene.card(&known).await;
    assert!(card.text.contains("It works"), "{}", card.text);
    scene.is_faultless();
}
