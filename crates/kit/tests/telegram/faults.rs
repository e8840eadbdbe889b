//! What goes wrong: floods, refusals, connections that break, and a Telegram that is away.

use std::time::Duration;

use askfirst_kit::telegram::{Limits, Refusal};
use serde_json::json;

use crate::support::{post, stage};

#[tokio::test]
async fn who_is_told_to_wait_and_does_not_is_counted() {
    let stage = stage().await;
    stage.telegram.flood(&stage.bot, Some(stage.chat), 7);
    let to = || json!({ "chat_id": stage.ana.id, "text": "x" });
    let (status, refused) = stage.call("sendMessage", to()).await;
    assert_eq!(status, 429);
    assert_eq!(refused["description"], "Too Many Requests: retry after 7");
    assert_eq!(refused["parameters"], json!({ "retry_after": 7 }));
    assert_eq!(stage.telegram.look(|world| world.disobeyed()), 0);
    stage.telegram.pass(Duration::from_secs(3));
    let again = stage.refused("sendMessage", to()).await;
    assert_eq!(again, "429 Too Many Requests: retry after 4");
    assert_eq!(stage.telegram.look(|world| world.disobeyed()), 1);
    let during = stage
        .telegram
        .look(|world| world.calls().map(|call| call.during_flood).collect::<Vec<_>>());
    assert_eq!(during, [false, true]);
    stage.telegram.pass(Duration::from_secs(4));
    stage.done("sendMessage", to()).await;
}

#[tokio::test]
async fn limits_make_floods() {
    let stage = stage().await;
    let ben = stage.telegram.person("Ben");
    stage.telegram.presses_start(&ben, &stage.bot, None).unwrap();
    stage.telegram.limits(Limits { chat_per_second: Some(2), ..Limits::default() });
    stage.send("one").await;
    stage.send("two").await;
    let refused =
        stage.refused("sendMessage", json!({ "chat_id": stage.ana.id, "text": "x" })).await;
    assert_eq!(refused, "429 Too Many Requests: retry after 1");
    stage.done("sendMessage", json!({ "chat_id": ben.id, "text": "x" })).await;
    stage.telegram.pass(Duration::from_secs(1));
    stage.send("three").await;
    stage.telegram.limits(Limits { bot_per_second: Some(1), ..Limits::default() });
    stage.send("four").await;
    let refused = stage.refused("sendMessage", json!({ "chat_id": ben.id, "text": "x" })).await;
    assert!(refused.starts_with("429 "), "{refused}");
}

#[tokio::test]
async fn the_next_call_is_refused_and_no_other() {
    let stage = stage().await;
    stage.telegram.refuse_next("sendMessage", Refusal::new(502, "Bad Gateway"));
    stage.done("getMe", json!({})).await;
    let to = || json!({ "chat_id": stage.ana.id, "text": "x" });
    assert_eq!(stage.refused("sendMessage", to()).await, "502 Bad Gateway");
    stage.done("sendMessage", to()).await;

    let ben = stage.telegram.person("ben");
    stage.telegram.presses_start(&ben, &stage.bot, None).unwrap();
    let there = stage.bot.chat(&stage.ana);
    stage.telegram.refuse_next_in(there, "sendMessage", Refusal::new(502, "Bad Gateway"));
    stage.done("sendMessage", json!({ "chat_id": ben.id, "text": "x" })).await;
    assert_eq!(stage.refused("sendMessage", to()).await, "502 Bad Gateway");
}

#[tokio::test]
async fn a_connection_may_break_before_or_after() {
    let stage = stage().await;
    let url = format!("{}/bot{}/sendMessage", stage.telegram.url(), stage.bot.token);
    let to = |text: &str| json!({ "chat_id": stage.ana.id, "text": text });
    stage.telegram.lose_next("sendMessage");
    assert_eq!(post(&url, &to("before")).await, None);
    stage.telegram.lose_answer_of_next("sendMessage");
    assert_eq!(post(&url, &to("after")).await, None);
    let seen: Vec<String> = stage
        .telegram
        .look(|world| world.cards(stage.chat).map(|card| card.text.clone()).collect());
    assert_eq!(seen, ["after"]);
}

#[tokio::test]
async fn a_call_waits_until_it_is_let_go() {
    let stage = stage().await;
    let held = stage.telegram.hold_next("sendMessage");
    let slow = stage.send("slow");
    let fast = async {
        let came = |world: &askfirst_kit::telegram::World| world.calls().next().map(|_| ());
        stage.telegram.wait_for("the slow call", came).await.unwrap();
        let fast = stage.send("fast").await;
        held.release();
        fast
    };
    let (slow, fast) = tokio::join!(slow, fast);
    assert!(fast < slow, "what came later was done first");
}

#[tokio::test]
async fn telegram_goes_and_comes_back_where_it_was() {
    let stage = stage().await;
    let url = format!("{}/bot{}/getMe", stage.telegram.url(), stage.bot.token);
    let offset = json!({ "offset": -1, "timeout": 50 });
    stage.done("getUpdates", json!({ "offset": 2_000_000_000 })).await;
    let polls = format!("{}/bot{}/getUpdates", stage.telegram.url(), stage.bot.token);
    let poll = post(&polls, &offset);
    let down = async {
        let waits =
            |world: &askfirst_kit::telegram::World| (world.polls(stage.bot.id) == 1).then_some(());
        stage.telegram.wait_for("a poll", waits).await.unwrap();
        stage.telegram.go_down();
    };
    let (poll, ()) = tokio::join!(poll, down);
    assert_eq!(poll, None);
    assert_eq!(post(&url, &json!({})).await, None);
    stage.telegram.come_up().await.unwrap();
    assert_eq!(post(&url, &json!({})).await.unwrap().0, 200);
}

#[tokio::test]
async fn calls_are_kept_in_order_and_not_for_ever() {
    let stage = stage().await;
    stage.telegram.keep_calls(2);
    for _ in 0..3 {
        stage.done("getMe", json!({})).await;
    }
    stage.send("x").await;
    let kept = stage.telegram.look(|world| {
        world.calls().map(|call| (call.number, call.method.clone())).collect::<Vec<_>>()
    });
    assert_eq!(kept, [(3, "getMe".to_owned()), (4, "sendMessage".to_owned())]);
    stage.telegram.keep_calls(0);
    stage.send("y").await;
    assert_eq!(stage.telegram.look(|world| world.calls().count()), 0);
}

#[tokio::test]
async fn waiting_in_vain_shows_everything() {
    tokio::time::pause();
    let stage = stage().await;
    stage.telegram.writes(&stage.ana, stage.chat, "hello").unwrap();
    let vain = stage.telegram.card_after(stage.chat, 0).await.unwrap_err();
    let shown = format!("{vain:?}");
    assert!(shown.contains("waited in vain for a message of a bot"), "{shown}");
    assert!(shown.contains("\"hello\""), "{shown}");
}
