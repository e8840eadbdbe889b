//! Stories about the terminal inbox, told to a screen in memory: what its reader sees, and what
//! is sent.

use askfirst_core::{Roster, Timestamp};
use askfirst_server::http::views::ApprovalView;
use askfirst_server::render;
use askfirst_server::render::glyphs::is_unsafe;
use askfirst_server::service::Seen;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::lines::{self, Looks, plain};
use super::*;

const NOW: i64 = 1_893_456_100;

/// An approval as the server tells it.
fn told(more: &Value) -> Value {
    let person = json!({ "id": "mem_01h00000000000000000000004", "email": "olu@example.com" });
    let mut told = json!({
        "id": "apr_01h00000000000000000000001",
        "workspace": "wsp_01h00000000000000000000002",
        "status": "pending", "version": 1, "environment": "live",
        "action": { "name": "deploy.production", "title": "Deploy v2.1 to production?",
            "arguments": { "version": "2.1", "flags": ["--wait"] }, "target": "prod-eu" },
        "editable": [], "revisions": [], "answer_schema": null,
        "reason": "All checks are green.\nThe error budget allows it.", "priority": "high",
        "agent": { "name": "release-bot", "run": "r-812", "call": null },
        "metadata": { "commit": "a3f9b2e" },
        "asker": { "key": "key_01h00000000000000000000003", "label": "release-ci",
            "owner": person["email"], "owner_id": person["id"] },
        "consumers": [],
        "policy": { "name": "deploys", "version": 3, "digest": format!("sha256:{}", "cd".repeat(32)),
            "document": { "name": "deploys", "needs": [{ "from": ["group:sre"], "count": 2 }],
                "steps": [{ "after": "10m", "add": ["members"] }] } },
        "votes": [], "inquiries": [], "looking": [], "escalated": 0,
        "remaining": { "approvals": 2, "needs": [], "words": "2 more approvals: 2 from group:sre" },
        "decision": null,
        "created_at": "2030-01-01T00:00:00Z", "expires_at": "2030-01-01T01:00:00Z", "valid_for": 900,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        told[name] = value.clone();
    }
    told["action_digest"] = approval::own_digest(&told["action"]).unwrap().into();
    told
}

fn open(more: &Value) -> Inbox {
    let mut inbox = empty();
    inbox.hear(News::Waiting(vec![told(more)]));
    assert!(matches!(&press(&mut inbox, "\n")[..], [Effect::Follow(_, 0)]), "{:?}", inbox.notice);
    inbox
}

fn empty() -> Inbox {
    let looks = Looks { colours: false };
    Inbox::new("approver in Acme".into(), true, Timestamp::from_seconds(NOW), looks)
}

/// Types; `\n` is Enter and `\t` is Esc.
fn press(inbox: &mut Inbox, keys: &str) -> Vec<Effect> {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\t' => KeyCode::Esc,
        '\u{8}' => KeyCode::Backspace,
        c => KeyCode::Char(c),
    };
    let mut effects = Vec::new();
    for c in keys.chars() {
        inbox.looked();
        effects.extend(inbox.press(KeyEvent::new(code(c), KeyModifiers::NONE)));
    }
    effects
}

/// The screen as text.
fn screen(inbox: &mut Inbox, width: u16, height: u16) -> String {
    inbox.size = (width, height);
    inbox.looked();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(inbox, frame)).unwrap();
    let text = terminal.backend().to_string();
    let rows: Vec<_> = text.lines().map(|row| row.trim_matches('"').trim_end()).collect();
    rows.join("\n")
}

fn voted(effects: &[Effect]) -> &Value {
    let [Effect::Vote(_, body)] = effects else { panic!("{effects:?}") };
    body
}

#[test]
fn it_looks_as_it_did() {
    let mut inbox = empty();
    insta::assert_snapshot!("looking", screen(&mut inbox, 60, 8));
    inbox.hear(News::Waiting(Vec::new()));
    insta::assert_snapshot!("empty", screen(&mut inbox, 60, 8));
    let other = json!({ "id": "apr_01h00000000000000000000009", "priority": "critical",
        "action": { "name": "pay", "title": "Pay \u{202e}0001 EUR?\u{1b}[2J", "target": null } });
    inbox.hear(News::Waiting(vec![told(&json!({})), told(&other)]));
    insta::assert_snapshot!("list", screen(&mut inbox, 80, 24));
    insta::assert_snapshot!("list_small", screen(&mut inbox, 40, 12));
    insta::assert_snapshot!("too_small", screen(&mut inbox, 20, 5));
    press(&mut inbox, "j\n");
    insta::assert_snapshot!("open", screen(&mut inbox, 80, 40));
    insta::assert_snapshot!("open_small", screen(&mut inbox, 40, 12));
    press(&mut inbox, "a");
    insta::assert_snapshot!("confirm_small", screen(&mut inbox, 40, 12));
    press(&mut inbox, "nm");
    inbox.paste("Why\nnow?");
    insta::assert_snapshot!("question_small", screen(&mut inbox, 40, 12));
    press(&mut inbox, "\t?");
    insta::assert_snapshot!("help", screen(&mut inbox, 60, 16));
}

#[test]
fn a_yes_is_said_twice_and_names_what_was_shown() {
    let mut inbox = open(&json!({}));
    assert_eq!(press(&mut inbox, "a\n n"), [], "neither Enter nor no is a yes");
    press(&mut inbox, "cfine\n");
    let sent = press(&mut inbox, "ay");
    let body = voted(&sent);
    assert_eq!(body["decision"], "approve");
    assert_eq!(body["action_digest"], told(&json!({}))["action_digest"]);
    assert_eq!(body["comment"], "fine");
    assert_eq!(press(&mut inbox, "ayryq"), [], "it is under way");
    let mut after = told(&json!({ "version": 2 }));
    after["remaining"]["words"] = "1 more approval: 1 from group:sre".into();
    assert_eq!(inbox.hear(News::Voted(Ok(after))), [Effect::Unfollow, Effect::Refresh]);
    assert!(
        screen(&mut inbox, 80, 24).contains("✓ your vote counts; still needed: 1 more approval")
    );
}

#[test]
fn nothing_is_decided_from_the_list_nor_by_a_paste() {
    let mut inbox = empty();
    inbox.hear(News::Waiting(vec![told(&json!({}))]));
    assert_eq!(press(&mut inbox, "ayry"), []);
    assert!(screen(&mut inbox, 80, 24).contains("open it first"));
    press(&mut inbox, "\n");
    inbox.paste("ay\nay\n");
    assert_eq!(inbox.open.as_ref().unwrap().doing, Doing::Reading);
    let controlled = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(inbox.press(controlled), [Effect::Quit]);
}

#[test]
fn what_was_decided_meanwhile_is_told_and_not_overwritten() {
    let mut inbox = open(&json!({}));
    press(&mut inbox, "a");
    let decision = json!({ "by": "ana@example.com", "comment": "no\u{1b}]0;x\u{7}", "cause": "x" });
    let ended = told(&json!({ "version": 2, "status": "rejected", "decision": decision }));
    assert_eq!(inbox.hear(News::One(ended)), [Effect::Unfollow, Effect::Refresh]);
    assert_eq!(press(&mut inbox, "y"), []);
    let shown = screen(&mut inbox, 80, 24);
    assert!(
        shown
            .contains("meanwhile rejected by ana@example.com: no<U+001B>]0;x<U+0007>; you decided"),
        "{shown}"
    );
    assert!(shown.contains("Nothing waits for you."));
}

#[test]
fn what_changes_under_the_hands_is_read_and_decided_anew() {
    let mut inbox = open(&json!({ "editable": ["/arguments/version"] }));
    press(&mut inbox, "a");
    let mut changed = told(&json!({ "version": 2, "editable": ["/arguments/version"],
        "action": { "name": "deploy.production", "title": "Deploy v2.1 to production?",
            "arguments": { "version": "6.6", "flags": ["--wait"] }, "target": "prod-eu" } }));
    changed["inquiries"] = json!([]);
    inbox.hear(News::One(changed.clone()));
    assert_eq!(press(&mut inbox, "y"), [], "the question has gone with what it was about");
    let shown = screen(&mut inbox, 80, 30);
    assert!(shown.contains("it changed meanwhile") && shown.contains("\"6.6\""), "{shown}");
    assert_eq!(voted(&press(&mut inbox, "ay"))["action_digest"], changed["action_digest"]);
    // A vote of somebody else changes nothing of what is read.
    let mut inbox = open(&json!({}));
    press(&mut inbox, "a");
    inbox.hear(News::One(told(&json!({ "version": 2 }))));
    assert_eq!(press(&mut inbox, "y").len(), 1);
}

#[test]
fn places_are_changed_and_forms_filled_in_before_a_yes() {
    let form = json!({ "type": "object", "required": ["region"], "properties": {
        "note": { "type": "string" }, "region": { "title": "Where?\u{202e}", "enum": ["eu", "us"] } } });
    let mut inbox = open(&json!({ "editable": ["/arguments/version"], "answer_schema": form }));
    press(&mut inbox, "a");
    let shown = screen(&mut inbox, 80, 40);
    assert!(shown.contains("fill this in first: Where?<U+202E> (region)"), "{shown}");
    press(&mut inbox, "\neu\n");
    press(&mut inbox, "kk\n\u{8}2\n");
    let shown = screen(&mut inbox, 80, 40);
    assert!(shown.contains("AS YOU CHANGED IT") && shown.contains("version: \"2.2\""), "{shown}");
    let sent = press(&mut inbox, "ay");
    let body = voted(&sent);
    assert_eq!(body["edits"], json!({ "/arguments/version": "2.2" }));
    assert_eq!(body["answer"], json!({ "region": "eu" }));
    assert_eq!(body["action_digest"], told(&json!({}))["action_digest"], "that of what was there");
    let mut inbox = open(&json!({}));
    press(&mut inbox, "e");
    assert!(screen(&mut inbox, 80, 24).contains("nothing in this request can be changed"));
}

#[test]
fn a_lost_server_is_told_with_what_is_known_and_so_is_its_return() {
    let mut inbox = open(&json!({}));
    let lost = || CallError::Unreachable { url: "http://x".into(), why: "refused".into() };
    inbox.hear(News::Lost(lost()));
    inbox.now = Timestamp::from_seconds(NOW + 12);
    inbox.hear(News::Lost(lost()));
    let shown = screen(&mut inbox, 80, 24);
    assert!(
        shown.contains("the server has been away for 12 s") && shown.contains("prod-eu"),
        "{shown}"
    );
    inbox.hear(News::One(told(&json!({}))));
    assert!(screen(&mut inbox, 80, 24).contains("the server is back"));
    // It is not known what became of a vote that had no answer.
    press(&mut inbox, "ry");
    let effects = inbox.hear(News::Voted(Err(lost().into())));
    assert!(matches!(&effects[..], [Effect::Follow(..)]));
    let shown = screen(&mut inbox, 80, 24);
    assert!(shown.contains("it is not known whether your vote was recorded"), "{shown}");
}

/// What agents and approvers might write to be taken for something else.
fn hostile() -> Vec<String> {
    let mut all: Vec<String> = [
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}]52;c;cm0gLXJm\u{7}",
        "\u{1b}]8;;http://evil\u{1b}\\x\u{1b}]8;;\u{1b}\\",
        "\u{202e}gnp.exe",
        "\u{2066}a\u{2069}",
        "\u{200b}\u{200d}",
        "\u{e0041}",
        "\u{9b}31m",
        "\u{90}q\u{9c}",
        "a\rb",
        "\u{8}\u{8}\u{8}",
        "\u{7}",
        "\u{feff}",
        "\u{85}",
        "\u{2028}WHO ASKS",
        "x\nWHO ASKS\nKey: \"ceo\"",
        "p\u{430}ypal",
    ]
    .map(Into::into)
    .into();
    all.push(format!("{}WHO ASKS", " ".repeat(73)));
    all.push("\n".repeat(60));
    all
}

#[test]
fn hostile_words_are_only_words_and_pass_for_no_line_of_ours() {
    for words in hostile() {
        let more = json!({
            "action": { "name": &words, "title": &words, "arguments": { &words: [&words] }, "target": &words },
            "reason": &words, "agent": { "name": &words, "run": &words, "call": &words }, "metadata": { &words: &words },
            "editable": [], "answer_schema": { "type": "object", "properties": { &words: { "title": &words } } },
            "votes": [{ "approver": { "email": &words }, "decision": "approve", "comment": &words, "at": "", "assurance": "key" }],
            "looking": [{ "by": { "email": &words }, "at": "" }],
        });
        let mut inbox = open(&more);
        for (width, height) in [(80, 24), (40, 12), (24, 8)] {
            for keys in ["", "j", "G", "ce\t", "a", "e\n\t\t", "m\t", "q", "\n"] {
                press(&mut inbox, keys);
                let shown = screen(&mut inbox, width, height);
                let bad =
                    shown.chars().find(|c| *c != '\n' && is_unsafe(*c) && !"─›↓↪✓…│".contains(*c));
                assert_eq!(bad, None, "{words:?}\n{shown}");
            }
        }
        // However it is wrapped, a heading of ours stands once.
        let open = inbox.open.as_ref().unwrap();
        for width in [24, 40, 80] {
            let text = lines::account(&open.account, Looks { colours: true });
            let rows = lines::wrapped(&text, width);
            let headings = rows.iter().filter(|row| plain(row).trim() == "WHO ASKS").count();
            assert_eq!(headings, 1, "{words:?} at {width}");
        }
    }
}

#[test]
fn it_shows_the_text_that_a_page_shows() {
    let person = json!({ "id": "mem_01h00000000000000000000004", "email": "olu@example.com" });
    let at = "2030-01-01T00:01:00Z";
    let first = told(&json!({}));
    let mut second = told(
        &json!({ "action": { "name": "deploy.production", "title": "Deploy v2.1 to production?",
        "arguments": { "version": "2.2", "flags": ["--wait"] }, "target": "prod-eu" } }),
    );
    let revision = |number: u32, told: &Value, by: Value| json!({ "number": number, "action": told["action"], "action_digest": told["action_digest"], "by": by, "at": at });
    second["revisions"] =
        json!([revision(1, &first, Value::Null), revision(2, &second, person.clone())]);
    second["editable"] = json!(["/arguments/version"]);
    second["answer_schema"] =
        json!({ "type": "object", "properties": { "region": { "enum": ["eu"] } } });
    second["consumers"] = json!(["key_01h00000000000000000000008"]);
    second["inquiries"] = json!([
        { "number": 1, "by": person, "at": at, "question": "Why?\nNow?", "reply": { "text": "Because.", "at": at } },
        { "number": 2, "by": person, "at": at, "question": "Sure?", "reply": null },
    ]);
    let approval = Item::read(second.clone()).unwrap().approval;
    let page = render::account(&approval).to_text();
    for part in [
        "WHAT APPROVERS CHANGED",
        "Before that it was",
        "Question 2",
        "Answer to question 1",
        "Form to fill in",
        "May also use",
        "Open to others",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    // The server's own way of telling it loses nothing that the page shows.
    let seen = Seen {
        approval: approval.clone().into(),
        roster: Roster::default().into(),
        proof: None,
        now: Timestamp::from_seconds(NOW),
    };
    let again = serde_json::to_value(ApprovalView::of(&seen, "http://x")).unwrap();
    let read = Item::read(again).unwrap().approval;
    assert_eq!(read, approval);
    let lines = lines::account(&render::account(&read), Looks { colours: true });
    let text: String = lines.iter().map(|line| plain(line) + "\n").collect();
    assert_eq!(text, page);
    // A server that states another digest than the action has is not believed.
    second["action_digest"] = format!("sha256:{}", "0".repeat(64)).into();
    assert!(Item::read(second).unwrap_err().to_string().contains("do not run it"));
}
