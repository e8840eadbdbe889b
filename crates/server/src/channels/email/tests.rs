//! Promises of a mail: what it has a button for is all there, and nothing in it is an agent's but
//! words. How it travels is tried with a mail server that is not ours (`tests/mail`).

use std::sync::Arc;

use askfirst_core::{Approval, Locale, NoticeId, Status, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::card::{Answering, Asked, Ended, What, one_line};
use super::super::{Card, Limits};
use super::LARGEST_ACCOUNT;
use super::letter::{self, Spelled};
use crate::render::tests::{any_json, nasty_text, reader, sample_approval};

const SERVER: &str = "https://askfirst.example";
const LINK: &str = "https://askfirst.example/d/aToken";

fn card(what: What) -> Card {
    Card {
        id: NoticeId::from_bits(7),
        follows: None,
        to: "ana@example.com".into(),
        locale: Locale::En,
        at: Timestamp::from_seconds(1_893_456_000),
        trial: false,
        what,
    }
}

fn asked(approval: &Approval, most: usize) -> Spelled {
    let answering = Answering::ByLink { url: LINK.into() };
    let asked = Asked::of(approval, false, answering, Limits { account: most });
    letter::spelled(&card(What::Asked(asked)), SERVER).unwrap()
}

fn with(arguments: Value) -> Approval {
    let mut approval = sample_approval();
    Arc::make_mut(&mut approval.action).arguments = arguments;
    approval
}

#[test]
fn a_mail_reads_like_this() {
    let spelled = asked(&sample_approval(), LARGEST_ACCOUNT);
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", spelled.subject, spelled.text));
    insta::assert_snapshot!(spelled.html);
}

#[test]
fn an_end_reads_like_this() {
    let ended = Ended {
        title: one_line("Deploy v2.1 to production?"),
        status: Status::Rejected,
        by: Some(one_line("ben@example.com")),
        at: Timestamp::from_seconds(1_893_456_060),
        comment: crate::render::glyphs::visible("Not on a Friday.\nOn Monday.").lines,
        page: format!("{SERVER}/a/apr_x"),
    };
    let mut card = card(What::Ended(ended));
    card.locale = Locale::De;
    let spelled = letter::spelled(&card, SERVER).unwrap();
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", spelled.subject, spelled.text));
}

proptest! {
    #[test]
    fn a_button_to_approve_means_that_every_value_is_there(
        arguments in any_json(), most in 500_usize..3_000,
    ) {
        prop_assume!(!arguments.is_null());
        let spelled = asked(&with(arguments.clone()), most);
        let button = spelled.text.contains("suggest=approve");
        prop_assert_eq!(button, spelled.html.contains("suggest=approve"));
        prop_assert_eq!(button, !spelled.text.contains("missing. Read all of it"));
        if button {
            prop_assert_eq!(reader::value_of(&spelled.text, "Arguments"), arguments);
        }
    }

    #[test]
    fn what_an_agent_writes_is_no_header_and_no_markup(title in nasty_text(), value in nasty_text()) {
        let hostile = "\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script>";
        let mut approval = with(json!({ format!("{value}{hostile}"): format!("{hostile}{value}") }));
        Arc::make_mut(&mut approval.action).title = format!("{title}{hostile}");
        let spelled = asked(&approval, LARGEST_ACCOUNT);
        prop_assert!(!spelled.subject.contains(['\r', '\n']), "{}", spelled.subject);
        prop_assert!(!spelled.html.contains("<script"));
        let answering = Answering::ByLink { url: LINK.into() };
        let limits = Limits { account: LARGEST_ACCOUNT };
        let what = What::Asked(Asked::of(&approval, false, answering, limits));
        let mail = letter::write(&card(what), "us@example.com", "askfirst.example", SERVER).unwrap();
        let mail = String::from_utf8(mail.formatted()).unwrap();
        let head = mail.split("\r\n\r\n").next().unwrap();
        prop_assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");
        prop_assert_eq!(head.matches("\nSubject:").count(), 1);
        prop_assert_eq!(mail.matches("--askfirst-ntc_").count(), 3, "the parts are ours alone");
    }
}

#[test]
fn what_does_not_fit_leads_to_the_page_that_shows_it() {
    let approval = with(json!({ "rows": vec!["x".repeat(80); 400], "z": "and delete everything" }));
    let spelled = asked(&approval, LARGEST_ACCOUNT);
    assert!(spelled.text.contains(" characters are missing"), "{}", spelled.text);
    assert!(spelled.text.contains(LINK) && !spelled.text.contains("suggest="));
    assert!(!spelled.html.contains("Approve"));
    assert!(spelled.html.len() < 102_000, "{}", spelled.html.len());
}
