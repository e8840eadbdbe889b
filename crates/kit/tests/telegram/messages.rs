//! Texts, markup, buttons and edits: the limits of each.

use askfirst_kit::telegram::{Author, Bot};
use serde_json::{Value, json};

use crate::support::{post, send, stage};

#[tokio::test]
async fn a_message_comes_as_it_was_sent() {
    let stage = stage().await;
    let card = stage.card().await;
    let seen = stage.telegram.look(|world| world.message(stage.chat, card).cloned()).unwrap();
    assert_eq!(seen.author, Author::Bot(stage.bot.id));
    assert_eq!(seen.text, "Deploy?");
    assert_eq!(seen.labels(), [["Approve", "Reject"]]);
    assert_eq!(seen.button("Approve").unwrap().data.as_deref(), Some("a1"));
    assert_eq!(seen.button("r1").unwrap().style.as_deref(), Some("danger"));
}

#[tokio::test]
async fn parameters_come_as_json_as_a_form_and_in_the_query() {
    let stage = stage().await;
    let url = format!("{}/bot{}/sendMessage", stage.telegram.url(), stage.bot.token);
    let markup = r#"{"inline_keyboard":[[{"text":"Yes","callback_data":"y"}]]}"#;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("chat_id", &stage.ana.id.to_string())
        .append_pair("text", "by form")
        .append_pair("reply_markup", markup)
        .finish();
    let (status, sent) = send(&url, "application/x-www-form-urlencoded", form).await.unwrap();
    assert_eq!(status, 200, "{sent}");
    assert_eq!(sent["result"]["reply_markup"]["inline_keyboard"][0][0]["callback_data"], "y");
    let (status, refused) = send(&url, "text/plain", "chat_id=1".to_owned()).await.unwrap();
    assert_eq!((status, &refused["ok"]), (400, &json!(false)));
}

#[tokio::test]
async fn tokens_are_good_revoked_unknown_or_no_tokens() {
    let stage = stage().await;
    let me = stage.done("getMe", json!({})).await;
    assert_eq!((&me["id"], &me["is_bot"]), (&json!(stage.bot.id), &json!(true)));
    let stranger = Bot { token: format!("1{}", stage.bot.token), ..stage.bot.clone() };
    let (status, answer) = stage.call_as(&stranger, "getMe", json!({})).await;
    assert_eq!((status, &answer["description"]), (401, &json!("Unauthorized")));
    let none = format!("{}/botnonsense/getMe", stage.telegram.url());
    let (status, answer) = post(&none, &json!({})).await.unwrap();
    assert_eq!((status, &answer["description"]), (404, &json!("Not Found")));
    assert_eq!(stage.refused("getMee", json!({})).await, "404 Not Found: method not found");
    stage.telegram.revokes(&stage.bot);
    assert_eq!(stage.refused("getMe", json!({})).await, "401 Unauthorized");
}

#[tokio::test]
async fn a_text_has_1_to_4096_characters_after_its_markup_was_read() {
    let stage = stage().await;
    let to = |text: String| json!({ "chat_id": stage.ana.id, "text": text, "parse_mode": "HTML" });
    stage.done("sendMessage", to(format!("<b>{}</b>", "x".repeat(4096)))).await;
    for (text, wrong) in [
        ("x".repeat(4097), "message is too long"),
        // Two UTF-16 units each.
        ("🏟".repeat(2049), "message is too long"),
        (String::new(), "message text is empty"),
        ("<b> </b>\n".to_owned(), "message text is empty"),
    ] {
        let refused = stage.refused("sendMessage", to(text)).await;
        assert_eq!(refused, format!("400 Bad Request: {wrong}"));
    }
}

#[tokio::test]
async fn html_is_read_as_strictly_as_telegram_reads_it() {
    let stage = stage().await;
    for (text, wrong) in [
        ("a < b", "unsupported start tag \"\" at byte offset 2"),
        ("<br>", "unsupported start tag \"br\" at byte offset 0"),
        ("<b>x", "can't find end tag corresponding to start tag \"b\""),
        ("<b>x</i>", "unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\""),
        ("x</b>", "unexpected end tag at byte offset 1"),
    ] {
        let told = json!({ "chat_id": stage.ana.id, "text": text, "parse_mode": "HTML" });
        let refused = stage.refused("sendMessage", told).await;
        assert_eq!(refused, format!("400 Bad Request: can't parse entities: {wrong}"));
    }
    let told = json!({
        "chat_id": stage.ana.id, "parse_mode": "HTML",
        "text": "  🏟 <b>a &lt; b</b> <a href=\"https://example.org/x?a=1&amp;b=2\">l</a>\r\n",
    });
    let sent = stage.done("sendMessage", told).await;
    assert_eq!(sent["text"], "🏟 a < b l");
    assert_eq!(
        sent["entities"],
        json!([
            { "type": "bold", "offset": 3, "length": 5 },
            { "type": "text_link", "offset": 9, "length": 1, "url": "https://example.org/x?a=1&b=2" },
        ])
    );
    let markdown = json!({ "chat_id": stage.ana.id, "text": "*a*", "parse_mode": "MarkdownV2" });
    assert!(stage.refused("sendMessage", markdown).await.contains("send HTML"));
    let unescaped = json!({ "chat_id": stage.ana.id, "text": "a & b", "parse_mode": "HTML" });
    stage.done("sendMessage", unescaped).await;
    let mistakes = stage.telegram.look(|world| world.mistakes().to_vec());
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
}

#[tokio::test]
async fn buttons_have_limits() {
    let stage = stage().await;
    let with = |rows: Value| {
        json!({
            "chat_id": stage.ana.id, "text": "x", "reply_markup": { "inline_keyboard": rows },
        })
    };
    let data = |data: &str| json!([[{ "text": "x", "callback_data": data }]]);
    let url = |url: &str| json!([[{ "text": "x", "url": url }]]);
    stage.done("sendMessage", with(data(&"x".repeat(64)))).await;
    stage.done("sendMessage", with(url("http://127.0.0.1:8080/a"))).await;
    stage.done("sendMessage", with(url("https://example.org/a"))).await;
    let many = |rows: usize, columns: usize| {
        json!(vec![vec![json!({ "text": "x", "callback_data": "x" }); columns]; rows])
    };
    stage.done("sendMessage", with(many(12, 8))).await;
    let parse = "can't parse inline keyboard button: ";
    for (rows, wrong) in [
        (data(&"x".repeat(65)), "BUTTON_DATA_INVALID".to_owned()),
        // 33 characters, 66 bytes.
        (data(&"ü".repeat(33)), "BUTTON_DATA_INVALID".to_owned()),
        (data(""), format!("{parse}text buttons are unallowed in the inline keyboard")),
        (
            json!([[{ "text": "x" }]]),
            format!("{parse}text buttons are unallowed in the inline keyboard"),
        ),
        (
            url("http://localhost:8080/a"),
            "inline keyboard button URL 'http://localhost:8080/a' is invalid: Wrong HTTP URL"
                .to_owned(),
        ),
        (
            url("ftp://example.org"),
            "inline keyboard button URL 'ftp://example.org' is invalid: Unsupported URL protocol"
                .to_owned(),
        ),
        (many(1, 9), "reply markup is too long".to_owned()),
        (many(13, 8), "reply markup is too long".to_owned()),
        (
            json!([[{ "text": "x", "callback_data": "x", "style": "red" }]]),
            format!("{parse}invalid button style specified"),
        ),
        (
            json!([{ "text": "x", "callback_data": "x" }]),
            "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays"
                .to_owned(),
        ),
    ] {
        let refused = stage.refused("sendMessage", with(rows)).await;
        assert_eq!(refused, format!("400 Bad Request: {wrong}"));
    }
    assert_eq!(stage.telegram.look(|world| world.mistakes().to_vec()), [""; 0]);
    let two = json!([[{ "text": "x", "callback_data": "x", "url": "https://example.org" }]]);
    assert!(stage.refused("sendMessage", with(two)).await.contains("one action"));
    let reply = |placeholder: &str| {
        json!({
            "chat_id": stage.ana.id, "text": "Why?",
            "reply_markup": { "force_reply": true, "input_field_placeholder": placeholder },
        })
    };
    stage.done("sendMessage", reply(&"x".repeat(64))).await;
    stage.refused("sendMessage", reply(&"x".repeat(65))).await;
}

#[tokio::test]
async fn a_parameter_with_a_typo_is_refused_and_noted() {
    let stage = stage().await;
    let typo = json!({ "chat_id": stage.ana.id, "text": "x", "parsemode": "HTML" });
    let refused = stage.refused("sendMessage", typo).await;
    assert_eq!(refused, "400 Bad Request: the kit knows no field \"parsemode\" of sendMessage");
    let typo = json!({
        "chat_id": stage.ana.id, "text": "x", "link_preview_options": { "disabled": true },
    });
    stage.refused("sendMessage", typo).await;
    assert_eq!(stage.telegram.look(|world| world.mistakes().len()), 2);
}

#[tokio::test]
async fn an_edit_changes_what_is_the_bots_own() {
    let stage = stage().await;
    let card = stage.card().await;
    let edit =
        |id: i64, text: &str| json!({ "chat_id": stage.ana.id, "message_id": id, "text": text });
    let edited = stage.done("editMessageText", edit(card, "Approved by Ana")).await;
    assert_eq!(
        (&edited["text"], &edited["reply_markup"]),
        (&json!("Approved by Ana"), &Value::Null)
    );
    assert!(edited["edit_date"].is_i64());
    let same = stage.refused("editMessageText", edit(card, "Approved by Ana")).await;
    assert!(same.starts_with("400 Bad Request: message is not modified: specified new"), "{same}");
    for (id, wrong) in [
        (card + 70, "message to edit not found"),
        (1, "message can't be edited"),
        (0, "message identifier is not specified"),
    ] {
        let refused = stage.refused("editMessageText", edit(id, "x")).await;
        assert_eq!(refused, format!("400 Bad Request: {wrong}"));
    }
    let mut asks = edit(card, "x");
    asks["reply_markup"] = json!({ "force_reply": true });
    let refused = stage.refused("editMessageText", asks).await;
    assert_eq!(refused, "400 Bad Request: inline keyboard expected");
    assert_eq!(
        stage.telegram.look(|world| world.message(stage.chat, card).map(|card| card.edits)),
        Some(1)
    );
}

#[tokio::test]
async fn buttons_alone_can_be_changed() {
    let stage = stage().await;
    let card = stage.card().await;
    let bare = json!({ "chat_id": stage.ana.id, "message_id": card });
    let edited = stage.done("editMessageReplyMarkup", bare.clone()).await;
    assert_eq!((&edited["text"], &edited["reply_markup"]), (&json!("Deploy?"), &Value::Null));
    let same = stage.refused("editMessageReplyMarkup", bare).await;
    assert!(same.contains("message is not modified"), "{same}");
}

#[tokio::test]
async fn a_deleted_message_is_gone() {
    let stage = stage().await;
    let card = stage.card().await;
    let told = json!({ "chat_id": stage.ana.id, "message_id": card });
    stage.done("deleteMessage", told.clone()).await;
    let again = stage.refused("deleteMessage", told).await;
    assert_eq!(again, "400 Bad Request: message to delete not found");
    let edit = json!({ "chat_id": stage.ana.id, "message_id": card, "text": "x" });
    let edit = stage.refused("editMessageText", edit).await;
    assert_eq!(edit, "400 Bad Request: message to edit not found");
}

#[tokio::test]
async fn an_answer_points_to_what_it_answers() {
    let stage = stage().await;
    let first = stage.send("first").await;
    let to = |id: i64| json!({ "chat_id": stage.ana.id, "text": "second", "reply_parameters": { "message_id": id } });
    let sent = stage.done("sendMessage", to(first)).await;
    assert_eq!(sent["reply_to_message"]["text"], "first");
    let refused = stage.refused("sendMessage", to(first + 70)).await;
    assert_eq!(refused, "400 Bad Request: message to be replied not found");
    let mut anyway = to(first + 70);
    anyway["reply_parameters"]["allow_sending_without_reply"] = json!(true);
    stage.done("sendMessage", anyway).await;
}
