//! The command line itself: help, versions, completions, mistakes.

use crate::support::{command, finish, run};

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
