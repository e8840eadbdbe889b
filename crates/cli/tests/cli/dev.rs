//! `askfirst dev`: what it prints, what it keeps, how it stops.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Dev, PATIENCE, Running, answer, command, finish, run, under_way};

#[test]
fn stdout_is_exactly_one_json_object() {
    let server = Dev::start();
    let mut members: Vec<&str> =
        server.ready.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected = ["admin_key", "agent_key", "approver_key", "login_url", "url", "workspace"];
    assert_eq!(members, expected);
    assert!(server.text("login_url").starts_with(server.url()));
    server.asked(&[]);
    let rest = server.stop();
    assert_eq!(rest.out, "", "nothing after the first line");
}

#[test]
fn the_keys_stay_the_same_over_restarts_and_so_does_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let first = Dev::start_in(folder.path());
    let id = first.asked(&[]);
    let before = first.ready.clone();
    first.stop();
    let second = Dev::start_in(folder.path());
    for name in ["workspace", "agent_key", "approver_key", "admin_key"] {
        assert_eq!(second.ready[name], before[name], "{name}");
    }
    assert_ne!(second.ready["login_url"], before["login_url"]);
    assert_eq!(second.agent(&["show", &id, "--json"]).expect(0).json()["status"], "pending");
}

#[test]
fn it_says_where_it_keeps_what_it_knows_and_how_to_begin_afresh() {
    let home = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = command(&["dev", "--listen", "127.0.0.1:0"]);
        command.env("HOME", home.path());
        Running::start(command)
    };
    let mut first = start();
    let folder = home.path().join(".local/state/askfirst/dev");
    assert_eq!(
        first.line_with("Stop it with Ctrl-C;"),
        format!("it keeps what it knows in {}.", folder.display())
    );
    let afresh = first.line_with("To begin afresh, stop it and:");
    first.signal(Signal::TERM);
    first.end().expect(0);
    assert!(folder.join("askfirst.db").exists());
    let removed = std::process::Command::new("/bin/sh").args(["-c", &afresh]).status().unwrap();
    assert!(removed.success() && !folder.exists(), "{afresh}");
    let mut again = start();
    again.line_with("Askfirst is ready");
}

#[test]
fn what_it_keeps_is_for_its_owner_only() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("made/here");
    let server = Dev::start_in(&folder);
    let mode =
        |path: &str| std::fs::metadata(folder.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("."), 0o700);
    assert_eq!(mode("askfirst.db"), 0o600);
    assert_eq!(mode("secrets"), 0o700);
    assert_eq!(mode("secrets/sealing.key"), 0o600);
    drop(server);
}

#[test]
fn without_a_folder_it_keeps_data_and_sealing_key_apart_in_the_users_own() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&["dev", "--json", "--listen", "127.0.0.1:0"]);
    command.env("HOME", home.path());
    let mut server = Running::start(command);
    serde_json::from_str::<Value>(&server.line()).unwrap();
    assert!(home.path().join(".local/state/askfirst/dev/askfirst.db").exists());
    assert!(home.path().join(".config/askfirst/dev/sealing.key").exists());
}

#[test]
fn for_a_person_it_prints_what_to_paste() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command(&["dev", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(home.path());
    let mut server = Running::start(command);
    server.line_with("Askfirst is ready at http://127.0.0.1:");
    assert!(server.line_with("Sign in").contains("once"));
    server.line_with("  export ASKFIRST_URL=http://127.0.0.1:");
    assert_eq!(server.line(), r#"  askfirst ask "Deploy v2.1 to production?""#);
    server.line_with("  curl http://127.0.0.1:");
    server.signal(Signal::INT);
    let done = server.end().expect(0);
    assert_eq!(done.err, "", "it is quiet by default");
}

#[test]
fn a_second_one_on_the_same_data_is_refused_clearly() {
    let server = Dev::start();
    let second = finish(Dev::command(&server.folder)).expect(78);
    assert_eq!(second.out, "");
    assert!(second.err.contains("another askfirst is using"), "{}", second.err);
}

#[test]
fn a_taken_address_is_told_with_the_way_out() {
    let server = Dev::start();
    let taken = server.url().strip_prefix("http://").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let second = run(&["dev", "--json", "--data", folder, "--listen", taken]).expect(78);
    assert!(second.err.contains("is taken") && second.err.contains("--listen"), "{}", second.err);
}

#[test]
fn only_loopback_addresses_are_taken() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = run(&["dev", "--json", "--listen", address]).expect(64);
        assert!(refused.err.contains("loopback"), "{}", refused.err);
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let url = "http://ask.example.com";
    run(&["dev", "--listen", "127.0.0.1:0", "--data", folder, "--public-url", url]).expect(64);
}

#[test]
fn a_graceful_stop_answers_who_waits_at_once() {
    let server = Dev::start();
    let id = server.asked(&[]);
    let path = format!("/v1/approvals/{id}?wait=60s");
    let mut waiting = under_way(server.url(), server.text("agent_key"), &path);
    let began = std::time::Instant::now();
    server.signal(Signal::TERM);
    let (status, body) = answer(&mut waiting);
    assert!(status.contains("200"), "{status} {body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], "pending");
    server.stop_after_signal();
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
}

#[test]
fn a_waiting_question_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = Dev::start_in(folder.path());
    let address = first.url().strip_prefix("http://").unwrap().to_owned();
    let (asking, id) = first.ask(&[]);
    first.stop();
    let mut again = command(&["dev", "--json", "--listen", &address, "--data"]);
    again.arg(folder.path());
    let mut second = Running::start(again);
    let ready: Value = serde_json::from_str(&second.line()).unwrap();
    let mut vote = command(&["vote", &id, "approve", "--yes"]);
    vote.env("ASKFIRST_URL", ready["url"].as_str().unwrap());
    vote.env("ASKFIRST_KEY", ready["approver_key"].as_str().unwrap());
    finish(vote).expect(0);
    asking.end().expect(0);
}
