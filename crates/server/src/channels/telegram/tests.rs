//! Promises of a message: it is one that Telegram takes, what it has a button for is all there, and
//! nothing in it is an agent's but words.

use std::sync::Arc;

use askfirst_core::{Approval, Locale, NoticeId, Status, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::card::{Answering, Asked, Ended, Occasion, What, one_line};
use super::super::{Card, Limits};
use super::message::{self, Press, TOKEN_LENGTH, length};
use super::{Did, LARGEST_ACCOUNT, read};
use crate::render::tests::{any_json, nasty_text, sample_approval};

const LIMITS: Limits = Limits { account: LARGEST_ACCOUNT, measure: length };

fn token() -> String {
    "t".repeat(TOKEN_LENGTH)
}

fn card(what: What) -> Card {
    Card {
        id: NoticeId::from_bits(7),
        follows: None,
        to: "4567".into(),
        locale: Locale::En,
        at: Timestamp::from_seconds(1_893_456_000),
        trial: true,
        what,
    }
}

fn asked(approval: &Approval) -> Value {
    let url = Some("https://askfirst.example/a/apr_x".to_owned());
    let whole = crate::render::account(approval).to_text();
    let approves = length(&whole) <= LARGEST_ACCOUNT;
    let answering = Answering::Here { token: token(), all: false, approves, url };
    message::write(&card(What::Asked(Asked::of(approval, Occasion::New, answering, LIMITS))))
}

/// What is seen of our HTML; panics if it holds anything that is not ours.
fn seen(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let end = rest[at..].find('>').unwrap() + at;
        let tag = &rest[at + 1..end];
        assert!(["b", "/b", "i", "/i", "pre", "/pre"].contains(&tag), "<{tag}>");
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    assert!(!text.contains('>'), "{text}");
    for part in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;"].iter().any(|known| part.starts_with(known)), "{part}");
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn buttons(message: &Value) -> Vec<Value> {
    let rows = message["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
    rows.iter().flat_map(|row| row.as_array().cloned().unwrap()).collect()
}

fn offers(message: &Value, press: Press) -> bool {
    let data = format!("{}{}", press.letter(), token());
    buttons(message).iter().any(|button| button["callback_data"] == data.as_str())
}

#[test]
fn a_question_reads_like_this() {
    let message = asked(&sample_approval());
    insta::assert_snapshot!(seen(message["text"].as_str().unwrap()));
    insta::assert_json_snapshot!(message["reply_markup"]);
    assert_eq!(message["link_preview_options"]["is_disabled"], true);
}

#[test]
fn an_end_reads_like_this() {
    let ended = Ended {
        title: one_line("Deploy <b>v2.1</b> & more?"),
        status: Status::Rejected,
        by: Some(one_line("ben@example.com")),
        at: Timestamp::from_seconds(1_893_456_060),
        comment: crate::render::glyphs::visible("Not on a Friday.\n<i>On Monday.").lines,
        taken_back: None,
        page: "http://localhost:8080/a/apr_x".into(),
    };
    let message = message::write(&Card { locale: Locale::De, ..card(What::Ended(ended)) });
    insta::assert_snapshot!(message["text"].as_str().unwrap());
    assert_eq!(message["reply_markup"], Value::Null, "Telegram opens no page of localhost");
}

#[test]
fn a_button_carries_what_it_is_for_and_nothing_else_is_one() {
    for press in Press::ALL {
        let data = format!("{}{}", press.letter(), token());
        assert!(data.len() <= 64);
        assert_eq!(Press::read(&data), Some((press, &*token())));
        assert_eq!(Press::of_stored(&press.stored()), Some(press));
    }
    for wrong in
        ["", "a", "x", &token(), &format!("z{}", token()), &format!("a{}x", token()), "äöü"]
    {
        assert_eq!(Press::read(wrong), None, "{wrong}");
    }
}

fn any_approval() -> impl Strategy<Value = Approval> {
    (any_json(), nasty_text(), prop::collection::vec(nasty_text(), 0..40)).prop_map(
        |(arguments, title, more)| {
            let mut approval = sample_approval();
            let action = Arc::make_mut(&mut approval.action);
            action.arguments = json!({ "given": arguments, "more": more });
            action.title = title;
            approval
        },
    )
}

proptest! {
    #[test]
    fn what_can_be_approved_is_all_there_and_fits(approval in any_approval()) {
        let message = asked(&approval);
        let text = seen(message["text"].as_str().unwrap());
        prop_assert!((1..=4096).contains(&length(&text)), "{}", length(&text));
        let whole = crate::render::account(&approval).to_text();
        if offers(&message, Press::Approve) {
            for line in whole.lines() {
                prop_assert!(text.contains(line.trim_end()), "{line}");
            }
        } else {
            prop_assert!(length(&whole) > LARGEST_ACCOUNT);
            prop_assert!(offers(&message, Press::Reject) && !offers(&message, Press::ApproveSaying));
            prop_assert!(buttons(&message).iter().any(|button| button["url"].is_string()));
        }
        for button in buttons(&message) {
            let data = button["callback_data"].as_str().unwrap_or("x");
            prop_assert!((1..=64).contains(&data.len()));
        }
    }
}

#[test]
fn whoever_does_something_is_known_by_their_number_alone() {
    let heard = read(json!({ "update_id": 5, "callback_query": {
        "id": "q", "from": { "id": 7_000_000_001_i64, "is_bot": false, "first_name": "A\u{202e}na",
            "username": "ana" },
        "message": { "message_id": 9, "date": 0, "chat": { "id": -5, "type": "group" } },
        "chat_instance": "1", "data": "x" } }));
    let heard = heard.unwrap().unwrap();
    assert_eq!((heard.by.id.as_str(), heard.chat, heard.private), ("7000000001", -5, false));
    assert!(heard.by.name.contains("@ana") && !heard.by.name.contains('\u{202e}'));
    assert_eq!(heard.did, Did::Pressed { query: "q".into(), message: Some(9), data: "x".into() });
    for odd in [json!({ "update_id": 1 }), json!({ "update_id": 1, "poll": {} })] {
        assert_eq!(read(odd).unwrap(), None);
    }
    assert!(read(json!({ "callback_query": 5 })).is_err());
}
