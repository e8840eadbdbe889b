//! Long polls: what is told again until it was confirmed, and what happens when two listen.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::stage;

fn ids(told: &Value) -> Vec<i64> {
    told.as_array().unwrap().iter().map(|one| one["update_id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn what_was_not_confirmed_comes_again() {
    let stage = stage().await;
    for word in ["one", "two", "three"] {
        stage.telegram.writes(&stage.ana, stage.chat, word).unwrap();
    }
    let first = ids(&stage.done("getUpdates", json!({})).await);
    assert_eq!(first.len(), 4);
    assert!(first.windows(2).all(|pair| pair[1] == pair[0] + 1));
    assert_eq!(ids(&stage.done("getUpdates", json!({})).await), first);
    let told = stage.telegram.look(|world| world.updates(stage.bot.id).cloned().collect());
    assert_eq!(ids(&told), first);
    assert_eq!(ids(&stage.done("getUpdates", json!({ "limit": 2 })).await), first[..2]);
    let rest = stage.done("getUpdates", json!({ "offset": first[1] })).await;
    assert_eq!(ids(&rest), first[1..]);
    assert_eq!(ids(&stage.done("getUpdates", json!({ "offset": -2 })).await), first[2..]);
    assert_eq!(ids(&stage.done("getUpdates", json!({})).await), first[2..]);
    assert!(ids(&stage.done("getUpdates", json!({ "offset": first[3] + 1 })).await).is_empty());
}

#[tokio::test]
async fn a_poll_waits_for_something_to_happen() {
    let stage = stage().await;
    let offset = ids(&stage.done("getUpdates", json!({})).await)[0] + 1;
    let poll = stage.call("getUpdates", json!({ "offset": offset, "timeout": 50 }));
    let told = async {
        stage
            .telegram
            .wait_for("a poll", |world| (world.polls(stage.bot.id) == 1).then_some(()))
            .await
            .unwrap();
        stage.telegram.writes(&stage.ana, stage.chat, "now").unwrap();
    };
    let ((status, answer), ()) = tokio::join!(poll, told);
    assert_eq!(status, 200);
    assert_eq!(answer["result"][0]["message"]["text"], "now");
}

#[tokio::test]
async fn of_two_polls_the_older_ends_with_a_conflict() {
    let stage = stage().await;
    let offset = ids(&stage.done("getUpdates", json!({})).await)[0] + 1;
    let poll = || stage.call("getUpdates", json!({ "offset": offset, "timeout": 50 }));
    let polls = |count: u64| {
        let bot = stage.bot.id;
        stage.telegram.wait_for("a poll", move |world| (world.polls(bot) == count).then_some(()))
    };
    let newer = async {
        polls(1).await.unwrap();
        poll().await
    };
    let tap = async {
        polls(2).await.unwrap();
        stage.telegram.writes(&stage.ana, stage.chat, "now").unwrap();
    };
    let ((status, older), (newer, _), ()) = tokio::join!(poll(), newer, tap);
    assert_eq!(status, 409);
    assert_eq!(
        older["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance \
         is running"
    );
    assert_eq!(newer, 200);
}

#[tokio::test]
async fn a_bot_says_what_it_wants_to_hear() {
    let stage = stage().await;
    let card = stage.card().await;
    stage.done("getUpdates", json!({ "allowed_updates": ["callback_query"], "offset": -1 })).await;
    stage.telegram.writes(&stage.ana, stage.chat, "unheard").unwrap();
    stage.telegram.taps(&stage.ana, stage.chat, card, "Approve").unwrap();
    let told = stage.done("getUpdates", json!({})).await;
    assert_eq!(ids(&told).len(), 2, "{told}");
    assert!(told[1]["callback_query"].is_object());
    let info = stage.done("getWebhookInfo", json!({})).await;
    assert_eq!(info["allowed_updates"], json!(["callback_query"]));
    stage.done("getUpdates", json!({ "allowed_updates": ["reactions"] })).await;
    assert_eq!(stage.telegram.look(|world| world.mistakes().len()), 1);
}

#[tokio::test]
async fn who_listens_too_late_has_missed_it() {
    let stage = stage().await;
    let card = stage.card().await;
    stage.telegram.taps(&stage.ana, stage.chat, card, "Approve").unwrap();
    assert_eq!(stage.telegram.look(|world| world.pending(stage.bot.id)), 2);
    stage.telegram.pass(Duration::from_secs(151));
    let told = stage.done("getUpdates", json!({})).await;
    assert_eq!(ids(&told).len(), 1, "a tap is kept for 150 seconds, a message for a day");
}

#[tokio::test]
async fn ten_thousand_people_and_their_taps_fit() {
    let stage = stage().await;
    stage.telegram.keep_calls(1000);
    let people: Vec<_> = (0..10_000).map(|_| stage.telegram.person("One of many")).collect();
    for person in &people {
        stage.telegram.presses_start(person, &stage.bot, None).unwrap();
    }
    let mut taps = Vec::new();
    for person in &people[..1000] {
        let chat = stage.bot.chat(person);
        taps.push(stage.telegram.taps_forged(person, chat, 1, "a").unwrap());
    }
    let mut heard = 0;
    let mut offset = 0;
    while heard < 11_001 {
        let told = stage.done("getUpdates", json!({ "offset": offset })).await;
        let ids = ids(&told);
        assert_eq!(ids.len(), 100.min(11_001 - heard));
        heard += ids.len();
        offset = ids[ids.len() - 1] + 1;
        for one in told.as_array().unwrap() {
            if let Some(id) = one["callback_query"]["id"].as_str() {
                stage.done("answerCallbackQuery", json!({ "callback_query_id": id })).await;
            }
        }
    }
    assert!(stage.telegram.look(|world| taps.iter().all(|tap| world.answer(tap).is_some())));
    assert_eq!(stage.telegram.look(|world| world.calls().count()), 1000);
}
