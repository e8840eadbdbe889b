//! Groups: who may write there, what a bot hears, topics, and the day the id changes.

use askfirst_kit::telegram::Kind;
use serde_json::json;

use crate::support::stage;

#[tokio::test]
async fn a_bot_hears_commands_and_answers_and_nothing_else() {
    let stage = stage().await;
    let group = stage.telegram.group(Kind::Group, "Ops", &[&stage.bot], &[&stage.ana]);
    let to = json!({ "chat_id": group.id(), "text": "Deploy?" });
    let card = stage.done("sendMessage", to).await["message_id"].as_i64().unwrap();
    stage.telegram.writes(&stage.ana, group, "hello everyone").unwrap();
    stage.telegram.writes(&stage.ana, group, "/help@other_bot").unwrap();
    stage.telegram.writes(&stage.ana, group, "/help@Deploy_Bot").unwrap();
    stage.telegram.replies(&stage.ana, group, card, "why?").unwrap();
    let told = stage.done("getUpdates", json!({})).await;
    let heard: Vec<_> =
        told.as_array().unwrap().iter().map(|one| &one["message"]["text"]).collect();
    assert_eq!(heard, ["/start", "/help@Deploy_Bot", "why?"]);
    let ben = stage.telegram.person("Ben");
    stage.telegram.writes(&ben, group, "/help").unwrap_err();
    stage.telegram.joins(&ben, group);
    stage.telegram.writes(&ben, group, "/help").unwrap();
    let (status, refused) =
        stage.call("sendMessage", json!({ "chat_id": ben.id, "text": "x" })).await;
    assert_eq!(status, 403);
    assert_eq!(refused["description"], "Forbidden: bot can't initiate conversation with a user");
}

#[tokio::test]
async fn a_bot_may_be_silenced_thrown_out_and_taken_back() {
    let stage = stage().await;
    for (kind, word) in [(Kind::Group, "group chat"), (Kind::Supergroup, "supergroup chat")] {
        let group = stage.telegram.group(kind, "Ops", &[&stage.bot], &[&stage.ana]);
        let to = || json!({ "chat_id": group.id(), "text": "x" });
        stage.telegram.mutes(&stage.ana, &stage.bot, group).unwrap();
        assert_eq!(
            stage.refused("sendMessage", to()).await,
            "400 Bad Request: not enough rights to send text messages to the chat"
        );
        stage.telegram.kicks(&stage.ana, &stage.bot, group).unwrap();
        let kicked = stage.refused("sendMessage", to()).await;
        assert_eq!(kicked, format!("403 Forbidden: bot was kicked from the {word}"));
        stage.telegram.adds(&stage.ana, &stage.bot, group).unwrap();
        stage.done("sendMessage", to()).await;
        let told = stage.done("getUpdates", json!({ "offset": -2 })).await;
        assert_eq!(told[0]["message"]["new_chat_members"][0]["id"], stage.bot.id);
        assert_eq!(told[1]["my_chat_member"]["new_chat_member"]["status"], "member");
        stage.done("leaveChat", json!({ "chat_id": group.id() })).await;
        let left = stage.refused("sendMessage", to()).await;
        assert_eq!(left, format!("403 Forbidden: bot is not a member of the {word}"));
    }
    let elsewhere = stage.telegram.group(Kind::Group, "Not ours", &[], &[&stage.ana]);
    let told = json!({ "chat_id": elsewhere.id(), "text": "x" });
    assert_eq!(stage.refused("sendMessage", told).await, "400 Bad Request: chat not found");
}

#[tokio::test]
async fn an_upgraded_group_says_where_it_went() {
    let stage = stage().await;
    let group = stage.telegram.group(Kind::Group, "Ops", &[&stage.bot], &[&stage.ana]);
    let to = |id: i64| json!({ "chat_id": id, "text": "x" });
    stage.done("sendMessage", to(group.id())).await;
    let new = stage.telegram.upgrades(&stage.ana, group).unwrap();
    assert!(new.id() < -1_000_000_000_000);
    let (status, refused) = stage.call("sendMessage", to(group.id())).await;
    assert_eq!(status, 400);
    assert_eq!(
        refused,
        json!({
            "ok": false, "error_code": 400,
            "description": "Bad Request: group chat was upgraded to a supergroup chat",
            "parameters": { "migrate_to_chat_id": new.id() },
        })
    );
    stage.done("sendMessage", to(new.id())).await;
    let told = stage.done("getUpdates", json!({ "offset": -2 })).await;
    assert_eq!(told[0]["message"]["migrate_to_chat_id"], new.id());
    assert_eq!(told[1]["message"]["migrate_from_chat_id"], group.id());
}

#[tokio::test]
async fn a_topic_has_to_be_there() {
    let stage = stage().await;
    let group = stage.telegram.group(Kind::Supergroup, "Ops", &[&stage.bot], &[&stage.ana]);
    let topic = stage.telegram.topic(group, "Deploys").unwrap();
    let to =
        |thread: i64| json!({ "chat_id": group.id(), "text": "x", "message_thread_id": thread });
    let sent = stage.done("sendMessage", to(topic)).await;
    assert_eq!(
        (&sent["message_thread_id"], &sent["is_topic_message"]),
        (&json!(topic), &json!(true))
    );
    let refused = stage.refused("sendMessage", to(topic + 70)).await;
    assert_eq!(refused, "400 Bad Request: message thread not found");
    stage.telegram.writes_in(&stage.ana, group, topic, "/status").unwrap();
    let told = stage.done("getUpdates", json!({ "offset": -1 })).await;
    assert_eq!(told[0]["message"]["message_thread_id"], topic);
    let plain = stage.telegram.group(Kind::Group, "Small", &[&stage.bot], &[]);
    stage.telegram.topic(plain, "none here").unwrap_err();
}

#[tokio::test]
async fn everyone_in_a_group_can_tap() {
    let stage = stage().await;
    let ben = stage.telegram.person("Ben");
    let group = stage.telegram.group(Kind::Supergroup, "Ops", &[&stage.bot], &[&stage.ana, &ben]);
    let card = json!({
        "chat_id": group.id(), "text": "Deploy?",
        "reply_markup": { "inline_keyboard": [[{ "text": "Approve", "callback_data": "a" }]] },
    });
    let card = stage.done("sendMessage", card).await["message_id"].as_i64().unwrap();
    stage.telegram.taps(&ben, group, card, "Approve").unwrap();
    let told = stage.done("getUpdates", json!({ "offset": -1 })).await;
    let query = &told[0]["callback_query"];
    assert_eq!(query["from"]["id"], ben.id);
    assert_eq!(query["message"]["chat"]["id"], group.id());
}

#[tokio::test]
async fn a_channel_is_written_by_administrators() {
    let stage = stage().await;
    let channel = stage.telegram.group(Kind::Channel, "News", &[&stage.bot], &[]);
    let to = || json!({ "chat_id": channel.id(), "text": "x" });
    let sent = stage.done("sendMessage", to()).await;
    assert_eq!(sent["sender_chat"]["id"], channel.id());
    stage.telegram.adds(&stage.ana, &stage.bot, channel).unwrap();
    let refused = stage.refused("sendMessage", to()).await;
    assert_eq!(refused, "400 Bad Request: need administrator rights in the channel chat");
}

#[tokio::test]
async fn a_bot_can_look_where_it_stands() {
    let stage = stage().await;
    let group = stage.telegram.group(Kind::Group, "Ops", &[&stage.bot], &[&stage.ana]);
    let stands = || json!({ "chat_id": group.id(), "user_id": stage.bot.id });
    assert_eq!(stage.done("getChatMember", stands()).await["status"], "member");
    stage.telegram.mutes(&stage.ana, &stage.bot, group).unwrap();
    let member = stage.done("getChatMember", stands()).await;
    assert_eq!(
        (&member["status"], &member["can_send_messages"]),
        (&json!("restricted"), &json!(false))
    );
    let chat = stage.done("getChat", json!({ "chat_id": group.id() })).await;
    assert_eq!((&chat["title"], &chat["type"]), (&json!("Ops"), &json!("group")));
}
