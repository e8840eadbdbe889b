//! Persons: Start, taps and their answers, comments, blocked bots.

use std::time::Duration;

use serde_json::json;

use crate::support::stage;

#[tokio::test]
async fn start_brings_its_payload() {
    let stage = stage().await;
    stage.telegram.presses_start(&stage.ana, &stage.bot, Some("Ab_-9")).unwrap();
    let told = stage.done("getUpdates", json!({})).await;
    let message = &told[1]["message"];
    assert_eq!(message["text"], "/start Ab_-9");
    assert_eq!(message["entities"], json!([{ "type": "bot_command", "offset": 0, "length": 6 }]));
    assert_eq!(message["from"]["id"], message["chat"]["id"]);
    assert_eq!(message["chat"]["type"], "private");
    assert!(stage.ana.id > 1 << 31);
    stage.telegram.presses_start(&stage.ana, &stage.bot, Some("no spaces")).unwrap_err();
}

#[tokio::test]
async fn a_tap_waits_for_its_one_answer() {
    let stage = stage().await;
    let card = stage.card().await;
    let tap = stage.telegram.taps(&stage.ana, stage.chat, card, "Approve").unwrap();
    let told = stage.done("getUpdates", json!({ "offset": -1 })).await;
    let query = &told[0]["callback_query"];
    assert_eq!((&query["id"], &query["data"]), (&json!(tap), &json!("a1")));
    assert_eq!(query["from"]["id"], json!(stage.ana.id));
    assert_eq!(query["message"]["message_id"], json!(card));
    let long = json!({ "callback_query_id": tap, "text": "x".repeat(201) });
    stage.refused("answerCallbackQuery", long).await;
    let answer = json!({ "callback_query_id": tap, "text": "Approved", "show_alert": true });
    stage.done("answerCallbackQuery", answer.clone()).await;
    let seen = stage.telegram.answer(&tap).await.unwrap();
    assert_eq!((seen.text.as_str(), seen.alert), ("Approved", true));
    let too_old =
        "400 Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(stage.refused("answerCallbackQuery", answer).await, too_old);

    let late = stage.telegram.taps(&stage.ana, stage.chat, card, "r1").unwrap();
    stage.telegram.pass(Duration::from_secs(61));
    let answer = json!({ "callback_query_id": late });
    assert_eq!(stage.refused("answerCallbackQuery", answer).await, too_old);
    let other = stage.telegram.bot("other_bot");
    let tap = stage.telegram.taps(&stage.ana, stage.chat, card, "r1").unwrap();
    let (status, _) =
        stage.call_as(&other, "answerCallbackQuery", json!({ "callback_query_id": tap })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_client_can_forge_what_no_button_has() {
    let stage = stage().await;
    let card = stage.card().await;
    stage.telegram.taps(&stage.ana, stage.chat, card, "Maybe").unwrap_err();
    stage.telegram.taps_forged(&stage.ana, stage.chat, card, "a2").unwrap();
    stage.telegram.taps_forged(&stage.ana, stage.chat, card + 70, "a3").unwrap();
    let told = stage.done("getUpdates", json!({ "offset": -2 })).await;
    assert_eq!(told[0]["callback_query"]["data"], "a2");
    assert_eq!(told[1]["callback_query"]["message"]["date"], 0);
}

#[tokio::test]
async fn a_comment_says_what_it_answers() {
    let stage = stage().await;
    let asked = stage.send("Why?").await;
    stage.telegram.replies(&stage.ana, stage.chat, asked, "too risky").unwrap();
    let told = stage.done("getUpdates", json!({ "offset": -1 })).await;
    let message = &told[0]["message"];
    assert_eq!(message["text"], "too risky");
    assert_eq!(message["reply_to_message"]["message_id"], asked);
}

#[tokio::test]
async fn nobody_is_reached_who_does_not_want_to_be() {
    let stage = stage().await;
    let to = |id: i64| json!({ "chat_id": id, "text": "x" });
    let ben = stage.telegram.person("Ben");
    assert_eq!(stage.refused("sendMessage", to(12)).await, "400 Bad Request: chat not found");
    assert_eq!(stage.refused("sendMessage", to(ben.id)).await, "400 Bad Request: chat not found");
    let nothing = stage.refused("sendMessage", json!({ "text": "x" })).await;
    assert_eq!(nothing, "400 Bad Request: chat_id is empty");

    stage.telegram.blocks(&stage.ana, &stage.bot).unwrap();
    let blocked = stage.refused("sendMessage", to(stage.ana.id)).await;
    assert_eq!(blocked, "403 Forbidden: bot was blocked by the user");
    let told = stage.done("getUpdates", json!({ "offset": -1 })).await;
    let change = &told[0]["my_chat_member"];
    assert_eq!(change["old_chat_member"]["status"], "member");
    assert_eq!(change["new_chat_member"]["status"], "kicked");
    stage.telegram.presses_start(&stage.ana, &stage.bot, None).unwrap();
    stage.done("sendMessage", to(stage.ana.id)).await;

    stage.telegram.deactivates(&stage.ana);
    let gone = stage.refused("sendMessage", to(stage.ana.id)).await;
    assert_eq!(gone, "403 Forbidden: user is deactivated");
}
