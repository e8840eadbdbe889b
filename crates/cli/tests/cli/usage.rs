//! The command line itself: help, versions, completions, mistakes.

use std::process::{Command, Stdio};

use crate::support::{Dev, command, finish, run};

/// The text that only a build with test hooks carries.
const MARKER: &str = "askfirst-built-with-test-hooks";

#[test]
fn the_top_level_helps() {
    insta::assert_snapshot!(run(&["--help"]).expect(0).out);
}

#[test]
fn every_command_helps_itself() {
    let help = run(&["--help"]).expect(0).out;
    let commands = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
    let commands = commands.take_while(|line| !line.trim().is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(run(&[name, "--help"]).expect(0).out.contains("Usage:"), "{name}");
    }
}

#[test]
fn a_mistake_on_the_command_line_is_64() {
    for args in [
        vec!["nonsense"],
        vec!["ask"],
        vec!["ask", "x", "--expires-in", "soon"],
        vec!["ask", "x", "--priority", "extreme"],
        vec!["wait", "not-an-id"],
        vec!["vote", "apr_01jh0000000000000000000000", "maybe"],
        vec!["list", "--limit", "0"],
        vec!["verify", "x"],
        vec!["dev", "--listen", "here"],
        vec![],
    ] {
        let done = run(&args).expect(64);
        assert_eq!(done.out, "", "{args:?}");
    }
}

#[test]
fn without_a_key_it_says_where_to_get_one() {
    let done = run(&["list"]).expect(64);
    assert!(done.err.contains("ASKFIRST_KEY") && done.err.contains("askfirst dev"), "{}", done.err);
    let mut command = command(&["list", "--url", "ftp://example.com"]);
    command.env("ASKFIRST_KEY", "af_dev_x");
    finish(command).expect(64);
}

#[test]
fn a_key_in_the_environment_is_never_shown() {
    for args in [vec!["ask", "--help"], vec!["ask"]] {
        let mut command = command(&args);
        command.env("ASKFIRST_KEY", "af_live_secret");
        let done = finish(command);
        assert!(!format!("{}{}", done.out, done.err).contains("af_live_secret"), "{done:?}");
    }
}

#[test]
fn shells_are_given_completions() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).expect(0).out;
        assert!(script.contains("askfirst") && script.contains("verify"), "{shell}");
    }
    run(&["completions", "tin-can"]).expect(64);
}

#[test]
fn test_hooks_are_in_test_builds_only_and_the_version_says_so() {
    let version = run(&["--version"]).expect(0).out;
    assert!(version.starts_with(&format!("askfirst {}", env!("CARGO_PKG_VERSION"))), "{version}");
    let binary = std::fs::read(env!("CARGO_BIN_EXE_askfirst")).unwrap();
    let marked = binary.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
    assert_eq!(marked, cfg!(feature = "testing"));
    assert_eq!(version.contains(MARKER), cfg!(feature = "testing"));
}

#[test]
fn what_is_piped_has_no_colours() {
    let done = run(&["doctor", "--url", "http://127.0.0.1:1"]).expect(1);
    assert!(!done.out.contains('\u{1b}'), "{}", done.out);
}

/// The same on a terminal; gives all that was written to it.
fn on_a_terminal(server: &Dev, arguments: &str, more: &[(&str, &str)]) -> String {
    let mut script = Command::new("/usr/bin/script");
    let inside = format!("{} {arguments}", env!("CARGO_BIN_EXE_askfirst"));
    script.args(["--quiet", "--return", "--command", &inside, "/dev/null"]);
    script.env_clear().current_dir(&server.folder).env("SHELL", "/bin/sh").env("TERM", "xterm");
    script.env("ASKFIRST_URL", server.url()).env("ASKFIRST_KEY", server.text("admin_key"));
    script.envs(more.iter().copied());
    script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(script).expect(0).out
}

#[test]
fn colours_and_progress_are_for_terminals_that_want_them() {
    let server = Dev::start();
    let id = server.asked(&[]);
    let show = format!("show {id}");
    let elsewhere = tempfile::tempdir().unwrap();
    let place = elsewhere.path().display();
    let (one, two) = (format!("{place}/one.db"), format!("{place}/two.db"));
    let backup = format!("backup {one} --force --data .");
    assert!(on_a_terminal(&server, &show, &[]).contains("\u{1b}[1m"));
    assert!(!on_a_terminal(&server, &show, &[("NO_COLOR", "1")]).contains('\u{1b}'));
    server.admin(&["audit", "export", "--output", "log.jsonl"]).expect(0);
    for (command, progress) in [
        (&*backup, "backing up: 100 %"),
        ("audit export --output again.jsonl", " bytes"),
        ("audit verify", " entries"),
        ("audit verify log.jsonl", " entries"),
    ] {
        assert!(on_a_terminal(&server, command, &[]).contains("\r\u{1b}[2K"), "{command}");
        assert!(on_a_terminal(&server, command, &[]).contains(progress), "{command}");
    }
    for args in [
        &["show", &id][..],
        &["list"],
        &["vote", &id, "approve", "--yes"],
        &["doctor"],
        &["limits"],
        &["backup", &two, "--data", "."],
        &["audit", "export", "--output", "piped.jsonl"],
        &["audit", "verify"],
        &["audit", "verify", "log.jsonl"],
        &["show", "apr_00000000000000000000000000"],
    ] {
        let who = if args[0] == "vote" { "approver" } else { "admin" };
        let done = finish(server.command_as(who, args));
        let written = done.out + &done.err;
        assert!(!written.contains('\u{1b}') && !written.contains('\r'), "{args:?}: {written:?}");
        assert!(!written.is_empty(), "{args:?}");
    }
}
