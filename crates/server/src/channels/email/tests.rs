//! Promises of a mail: what it has a button for is all there, and nothing in it is an agent's but
//! words. How it travels is tried with a mail server that is not ours (`tests/mail`).

use std::sync::Arc;

use askfirst_core::{About, Approval, Locale, NoticeId, Outcome, OutcomeStatus, Status, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::card::{
    Afterwards, Answering, Asked, Digest, Ended, Item, Occasion, What, one_line, short_line,
};
use super::super::{Card, Limits};
use super::LARGEST_ACCOUNT;
use super::letter::{self, Spelled};
use crate::render::tests::{any_json, nasty_text, reader, sample_approval};
use crate::render::{self, CONTINUED, glyphs};

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
    let asked = Asked::of(
        approval,
        Occasion::New,
        answering,
        Limits { account: most, measure: |text| text.chars().count() },
    );
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
        taken_back: None,
        at: Timestamp::from_seconds(1_893_456_060),
        comment: crate::render::glyphs::visible("Not on a Friday.\nOn Monday.").lines,
        page: format!("{SERVER}/a/apr_x"),
    };
    let mut card = card(What::Ended(ended));
    card.locale = Locale::De;
    let spelled = letter::spelled(&card, SERVER).unwrap();
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", spelled.subject, spelled.text));
}

fn reported(note: &str, locale: Locale) -> Spelled {
    let mut approval = sample_approval();
    let status = OutcomeStatus::Succeeded;
    let at = Timestamp::from_seconds(1_893_456_060);
    approval.outcome = Some(Outcome { status, note: Some(note.into()), at });
    let page = format!("{SERVER}/a/apr_x");
    let after = Afterwards::of(&approval, About::Reported, page).unwrap();
    let card = Card { locale, ..card(What::Afterwards(after)) };
    letter::spelled(&card, SERVER).unwrap()
}

#[test]
fn a_report_reads_like_this() {
    for locale in Locale::ALL {
        let spelled = reported("Done in 3 s.\nDecided by: ana@example.com\u{202e}", locale);
        insta::assert_snapshot!(
            format!("a_report_reads_like_this_{}", locale.as_str()),
            format!("Subject: {}\n\n{}", spelled.subject, spelled.text)
        );
    }
}

#[test]
fn a_report_has_its_bounds_and_says_what_is_beyond_them() {
    let long = reported(&"x".repeat(2_000), Locale::En).text;
    assert!(long.contains("1000 more characters are on its page") && long.len() < 2_500, "{long}");
    let lines = reported(&"x\n".repeat(400), Locale::En).text;
    assert!(lines.contains("720 more characters are on its page"), "{lines}");
    assert!(lines.lines().count() < 70, "{lines}");
    assert!(!reported(" \n ", Locale::En).text.contains("NOT VERIFIED"), "nothing was said");
    let word = reported("x", Locale::En);
    assert!(!word.text.contains("more") && word.html.contains("NOT VERIFIED"));
}

proptest! {
    #[test]
    fn a_report_is_an_agents_word_and_nothing_else(note in nasty_text()) {
        let note = format!("{note}\n-- \nsee its page\nhttps://evil.example\n<script>x</script>");
        let spelled = reported(&note, Locale::En);
        let ours = spelled.text.split("NOT VERIFIED:\n").nth(1).unwrap();
        let theirs: Vec<_> = ours.lines().take_while(|line| line.starts_with(CONTINUED)).collect();
        prop_assert!(theirs.len() > 4, "{}", spelled.text);
        let rest = ours.lines().skip(theirs.len()).collect::<Vec<_>>().join("\n");
        prop_assert!(!rest.contains("evil.example"), "{}", rest);
        prop_assert!(!spelled.html.contains("<script"));
        prop_assert!(!spelled.text.chars().any(|c| c != '\n' && glyphs::is_unsafe(c)));
    }

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
            prop_assert_eq!(reader::value_of(&spelled.text, "Arguments"), arguments.clone());
            // To the byte what a vote on the page behind it keeps, and so what a bundle has.
            let kept = render::account(&with(arguments)).shown().text;
            prop_assert!(spelled.text.contains(&kept), "{}\n---\n{}", spelled.text, kept);
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
        let limits = Limits { account: LARGEST_ACCOUNT, measure: |text| text.chars().count() };
        let what = What::Asked(Asked::of(&approval, Occasion::New, answering, limits));
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

fn digest(titles: &[&str], count: usize) -> Digest {
    let item = |title: &&str| Item {
        title: short_line(title, 100),
        deadline: Timestamp::from_seconds(1_893_459_600),
        page: format!("{SERVER}/a/apr_x"),
    };
    let inbox = Some(format!("{SERVER}/"));
    Digest { items: titles.iter().map(item).collect(), count, inbox }
}

#[test]
fn a_digest_reads_like_this() {
    let what = What::Digest(digest(&["Deploy v2.1 to production?", "Pay 12 €?"], 7));
    let spelled = letter::spelled(&card(what.clone()), SERVER).unwrap();
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", spelled.subject, spelled.text));
    let german = Card { locale: Locale::De, ..card(what) };
    let spelled = letter::spelled(&german, SERVER).unwrap();
    insta::assert_snapshot!(format!("Subject: {}\n\n{}", spelled.subject, spelled.text));
}

proptest! {
    #[test]
    fn a_digest_shows_names_as_words_and_has_nothing_to_press(title in nasty_text()) {
        let hostile = format!("{title}\r\nBcc: thief@example.com\r\n\r\n<a href=\"https://evil.example\">x</a>");
        let long = "x".repeat(4_000);
        let what = What::Digest(digest(&[&hostile, &long, "\u{202e}gnp.exe"], 3));
        let spelled = letter::spelled(&card(what.clone()), SERVER).unwrap();
        for text in [&spelled.text, &spelled.html] {
            let turned = text.contains('\u{202e}');
            prop_assert!(!turned && !text.contains("suggest="));
        }
        prop_assert!(spelled.text.contains("<U+202E>"));
        prop_assert!(!spelled.html.contains("<a href=\"https://evil"));
        prop_assert!(!spelled.text.contains(&"x".repeat(101)), "a name has its bounds");
        prop_assert!(spelled.html.len() < 10_000 && !spelled.subject.contains(['\r', '\n']));
        let mail = letter::write(&card(what), "us@example.com", "askfirst.example", SERVER).unwrap();
        let mail = mail.formatted();
        prop_assert!(mail.is_ascii(), "what needs no agreement with the server");
        let mail = String::from_utf8(mail).unwrap();
        let head = mail.split("\r\n\r\n").next().unwrap();
        prop_assert!(!head.to_lowercase().contains("\nbcc:"), "{head}");
    }
}
