//! `askfirst inbox` in a real terminal.

use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::screen::{Screen, count};
use crate::support::{Dev, finish, run};

fn inbox(server: &Dev, key: &str, size: (u16, u16), more: &[(&str, &str)]) -> Screen {
    Screen::run(server, key, "inbox", size, more)
}

#[test]
fn a_request_that_comes_in_is_read_and_approved_in_a_terminal() {
    let server = Dev::start();
    let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
    screen.shows("Nothing waits for you.");
    let (asking, id) = server.ask(&["--target", "prod-eu", "--arguments", r#"{"version":"2.1"}"#]);
    screen.shows("Deploy v2.1?");
    screen.press("\r");
    screen.shows("WHAT IS ASKED FOR");
    screen.shows("version: \"2.1\"");
    screen.press("c");
    screen.shows("What do you say with your vote?");
    screen.press("go on\r");
    screen.press("a");
    screen.shows("APPROVE this?");
    screen.shows("rows of it were not on this screen yet");
    assert_eq!(server.agent(&["show", &id, "--json"]).expect(0).json()["status"], "pending");
    screen.press("y");
    screen.shows("approved by dev@localhost.test: go on");
    let asked = asking.end().expect(0);
    assert!(asked.out.contains("the claim is in hand"), "{}", asked.out);
    let shown = server.agent(&["show", &id, "--json"]).expect(0).json();
    assert_eq!(shown["votes"][0]["action_digest"], shown["action_digest"]);
    screen.press("q");
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    assert!(
        written.trim_end().ends_with("approved by dev@localhost.test: go on"),
        "what was done stays"
    );
}

#[test]
fn what_others_decide_meanwhile_and_what_the_window_becomes_is_seen() {
    let server = Dev::start();
    let id = server.asked(&["--target", "prod-eu"]);
    let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
    screen.shows("Deploy v2.1?");
    screen.press("\r");
    screen.shows("WHAT IS ASKED FOR");
    let tty = screen.file("tty");
    let resize = Command::new("stty").args(["-F", &tty, "rows", "12", "cols", "40"]).status();
    assert!(resize.unwrap().success());
    screen.terminal.screen_mut().set_size(count(12), count(40));
    screen.shows("more ↓");
    screen.press("a");
    screen.shows("APPROVE this?");
    server.vote(&id, "reject");
    screen.shows("meanwhile rejected by");
    screen.press("y");
    screen.press("q");
    assert_eq!(screen.end().0, 0);
    assert_eq!(server.agent(&["show", &id, "--json"]).expect(0).json()["status"], "rejected");
}

#[test]
fn hostile_words_are_only_shown() {
    let server = Dev::start();
    let words = "pay\u{1b}[2J\u{1b}]52;c;cm0gLXJm\u{7}\u{1b}]8;;http://evil.example\u{1b}\\x\u{9b}31m\u{202e}0001";
    let body = serde_json::json!({
        "action": { "name": words, "title": words, "target": words, "arguments": { words: words } },
        "reason": words, "agent": { "name": words }, "metadata": { words: words },
    });
    let ask = server.file("ask.json", &body.to_string());
    let mut curl = Command::new("/usr/bin/curl");
    curl.current_dir(&server.folder).args([
        "--silent",
        "--fail-with-body",
        "--json",
        &format!("@{ask}"),
    ]);
    curl.args(["--header", &format!("Authorization: Bearer {}", server.text("agent_key"))]);
    curl.arg(format!("{}/v1/approvals", server.url()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(curl).expect(0);
    let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
    screen.shows("pay<U+001B>[2J<U+001B>]52;c;cm0gLXJm<U+0007>");
    screen.press("\r");
    screen.shows("LOOK CLOSELY");
    screen.shows("<U+202E>");
    for _ in 0..6 {
        screen.press(" ");
    }
    screen.shows("END OF THE AGENT'S OWN WORDS");
    screen.press("c");
    screen.shows("What do you say");
    screen.press("\u{202e}x\r");
    screen.shows("a approve");
    screen.press("G");
    screen.shows("Comment: <U+202E>x");
    screen.press("q");
    screen.shows("Enter open");
    screen.press("q");
    let (code, written) = screen.end();
    assert_eq!(code, 0);
    for raw in ["\u{1b}[2J\u{1b}]", "\u{1b}]52", "\u{1b}]8", "\u{9b}", "\u{202e}"] {
        assert!(!written.contains(raw), "{raw:?} reached the terminal");
    }
}

#[test]
fn the_terminal_is_given_back_however_it_ends() {
    let server = Dev::start();
    server.asked(&[]);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
        screen.shows("Deploy v2.1?");
        screen.signal(signal);
        assert_eq!(screen.end().0, 0, "{signal:?}");
    }
    let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
    screen.shows("Deploy v2.1?");
    screen.press("\u{3}");
    assert_eq!(screen.end().0, 0);
    let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
    screen.shows("Deploy v2.1?");
    screen.press("\u{1b}[24~");
    let (code, written) = screen.end();
    assert_eq!(code, 101);
    let left = written.find("\u{1b}[?1049l").unwrap();
    assert!(written[left..].contains("it panics, as the test wanted"), "and it can be read");
}

#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    let server = Dev::start();
    server.asked(&["--priority", "critical"]);
    let coloured = |more: &[(&str, &str)]| {
        let mut screen = inbox(&server, server.text("approver_key"), (80, 24), more);
        screen.shows("CRITICAL Deploy v2.1?");
        screen.press("q");
        let (_, written) = screen.end();
        written.contains("\u{1b}[38;5;")
    };
    assert!(coloured(&[]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
}

#[test]
fn a_server_that_goes_away_is_told_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Dev::start_in(&data);
    server.asked(&[]);
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut screen = inbox(&server, server.text("approver_key"), (80, 24), &[]);
    screen.shows("Deploy v2.1?");
    server.stop();
    screen.shows("the server has been away for");
    assert!(screen.text().contains("Deploy v2.1?"), "what is known stays");
    let mut again = crate::support::command(&["dev", "--json", "--listen", &address, "--data"]);
    again.arg(&data);
    let mut again = crate::support::Running::start(again);
    assert!(again.line().contains("url"));
    screen.shows("the server is back");
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn without_a_terminal_or_a_right_to_decide_it_says_what_to_do() {
    let server = Dev::start();
    let told = server.approver(&["inbox"]).expect(64).err;
    assert!(told.contains("askfirst list --status pending --json"), "{told}");
    assert_eq!(server.approver(&["inbox", "--json"]).expect(64).out, "");
    assert!(run(&["inbox"]).expect(64).err.contains("needs a terminal"));
    let screen = inbox(&server, server.text("agent_key"), (80, 24), &[]);
    let (code, written) = screen.end();
    assert_eq!(code, 1);
    assert!(written.contains("cannot decide") && !written.contains("\u{1b}[?1049h"), "{written}");
}
