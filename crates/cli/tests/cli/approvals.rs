//! A question from its asking to its outcome, by exit codes.

use rustix::process::Signal;

use crate::support::{Dev, command, finish};

#[test]
fn ask_exits_0_only_with_the_claim_in_hand() {
    let server = Dev::start();
    let (asking, id) = server.ask(&["--arguments", r#"{"version":"2.1"}"#, "--target", "prod-eu"]);
    let shown = server.approver(&["vote", &id, "approve", "--yes", "--comment", "go"]).expect(0);
    for text in ["Deploy v2.1?", "cli.ask", "prod-eu", "\"version\": \"2.1\"", "sha256:"] {
        assert!(shown.out.contains(text), "{text} in {}", shown.out);
    }
    let done = asking.end().expect(0);
    assert!(done.out.contains("approved by dev@localhost.test"), "{}", done.out);
    assert!(done.out.contains(": go"), "{}", done.out);
    assert!(done.out.contains("the claim is in hand"), "{}", done.out);

    let approval = server.agent(&["show", &id, "--json"]).expect(0).json();
    assert_eq!(approval["claim"]["state"], "claimed");
    // The one use is gone.
    let late = server.agent(&["wait", &id, "--claim"]).expect(3);
    assert!(late.err.contains("claim was refused"), "{}", late.err);

    server.agent(&["outcome", &id, "succeeded", "--note", "all fine"]).expect(0);
    let shown = server.agent(&["show", &id]).expect(0);
    assert!(shown.out.contains("succeeded: all fine"), "{}", shown.out);
}

#[test]
fn a_rejection_is_1_and_its_comment_is_told() {
    let server = Dev::start();
    let (asking, id) = server.ask(&[]);
    server.approver(&["vote", &id, "reject", "--yes", "--comment", "not today"]).expect(0);
    let done = asking.end().expect(1);
    assert!(done.out.contains("rejected by dev@localhost.test"), "{}", done.out);
    assert!(done.out.contains("not today"), "{}", done.out);
}

#[test]
fn an_approver_changes_it_and_the_asker_is_told_what_to_run() {
    let server = Dev::start();
    let form = r#"{"properties":{"region":{"enum":["eu","us"]}},"required":["region"]}"#;
    let open = ["--editable", "/arguments/version", "--form", form];
    let arguments = ["--arguments", r#"{"version":"2.1","share":5}"#];
    let (asking, id) = server.ask(&[arguments.as_slice(), open.as_slice()].concat());
    let vote = |more: &[&str]| {
        server.approver(&[["vote", &id, "approve", "--yes"].as_slice(), more].concat())
    };
    let refused = vote(&["--edit", "/arguments/share=6"]).expect(64);
    assert!(refused.err.contains("opened /arguments/version for changes"), "{}", refused.err);
    vote(&["--edit", "/arguments/version"]).expect(64);
    let unfit = vote(&["--answer", r#"{"region":"mars"}"#]).expect(1);
    assert!(unfit.err.contains("/answer/region"), "{}", unfit.err);
    // What was a text stays one, whatever it looks like.
    let changed =
        vote(&["--edit", "/arguments/version=2.2", "--answer", r#"{"region":"us"}"#]).expect(0);
    assert!(changed.out.contains("as you change it:"), "{}", changed.out);
    let done = asking.end().expect(0);
    for text in ["approvers changed it; run this", "\"version\": \"2.2\"", "\"region\": \"us\""] {
        assert!(done.out.contains(text), "{text} in {}", done.out);
    }
    let claimed = server.agent(&["show", &id, "--json"]).expect(0).json();
    assert_eq!(claimed["claim"]["state"], "claimed");
    assert_eq!(claimed["action"]["arguments"]["version"], "2.2");
    let late = server.agent(&[
        "wait",
        &id,
        "--digest",
        claimed["revisions"][0]["action_digest"].as_str().unwrap(),
    ]);
    assert!(late.expect(3).err.contains("approvers changed the action"));
}

#[test]
fn what_is_asked_back_reaches_the_terminal_that_waits() {
    let server = Dev::start();
    let (mut asking, id) = server.ask(&[]);
    let nothing = server.agent(&["reply", &id, "hello?"]).expect(1);
    assert!(nothing.err.contains("nobody waits for an answer"), "{}", nothing.err);
    server.approver(&["vote", &id, "more-info"]).expect(64);
    server.approver(&["vote", &id, "more-info", "--comment", "Why now?"]).expect(0);
    assert_eq!(asking.warning(), "question 1 by dev@localhost.test: Why now?");
    let advice = format!("answer it with `askfirst reply {id} --number 1 \"…\"`");
    assert_eq!(asking.warning(), advice);
    server.agent(&["reply", &id, "The fix cannot wait."]).expect(0);
    let shown = server.approver(&["vote", &id, "approve", "--yes"]).expect(0);
    for text in ["question 1 by dev@localhost.test: Why now?", "The fix cannot wait."] {
        assert!(shown.out.contains(text), "{text} in {}", shown.out);
    }
    asking.end().expect(0);
}

#[test]
fn silence_and_a_cancelled_question_are_2() {
    let server = Dev::start();
    let silent = server.agent(&["ask", "Anyone?", "--expires-in", "1s"]).expect(2);
    assert!(silent.out.contains("\nexpired at 20"), "{}", silent.out);
    let (asking, id) = server.ask(&[]);
    server.agent(&["cancel", &id, "--reason", "not needed"]).expect(0);
    asking.end().expect(2);
}

#[test]
fn an_approval_that_lapsed_or_was_revoked_is_no_yes() {
    let server = Dev::start();
    let lapsing = server.asked(&["--valid-for", "1s"]);
    server.vote(&lapsing, "approve");
    crate::support::eventually(|| {
        server.agent(&["show", &lapsing, "--json"]).expect(0).json()["usable"] == false
    });
    server.agent(&["wait", &lapsing]).expect(3);
    server.agent(&["wait", &lapsing, "--claim"]).expect(3);

    let revoked = server.asked(&[]);
    server.vote(&revoked, "approve");
    server.agent(&["wait", &revoked]).expect(0);
    server.approver(&["revoke", &revoked, "--reason", "second thoughts"]).expect(0);
    let late = server.agent(&["wait", &revoked, "--claim"]).expect(3);
    assert!(late.err.contains("revoked"), "{}", late.err);
}

#[test]
fn wait_goes_on_where_ask_was_interrupted() {
    let server = Dev::start();
    let (asking, id) = server.ask(&[]);
    asking.signal(Signal::INT);
    let stopped = asking.end().expect(3);
    let advice = format!("askfirst wait {id} --claim --digest sha256:");
    assert!(stopped.err.contains(&advice), "{}", stopped.err);
    server.vote(&id, "approve");
    server.agent(&["wait", &id, "--claim"]).expect(0);
}

#[test]
fn wait_gives_up_when_told_and_refuses_another_action() {
    let server = Dev::start();
    let id = server.asked(&[]);
    let late = server.agent(&["wait", &id, "--timeout", "1s"]).expect(3);
    assert!(late.err.contains("still pending"), "{}", late.err);
    server.vote(&id, "approve");
    let other = format!("sha256:{}", "0".repeat(64));
    server.agent(&["wait", &id, "--claim", "--digest", &other]).expect(3);
    let approval = server.agent(&["show", &id, "--json"]).expect(0).json();
    assert_eq!(approval["claim"]["state"], "available", "nothing was claimed");
}

#[test]
fn the_same_idempotency_key_asks_once() {
    let server = Dev::start();
    let first = server.asked(&["--idempotency-key", "release-812"]);
    assert_eq!(first, server.asked(&["--idempotency-key", "release-812"]));
    let other = ["ask", "Another?", "--no-wait", "--idempotency-key", "release-812"];
    let refused = server.agent(&other).expect(64);
    assert!(refused.err.contains("Idempotency-Key"), "{}", refused.err);
}

#[test]
fn a_vote_without_a_terminal_names_what_it_saw() {
    let server = Dev::start();
    let id = server.asked(&[]);
    let alone = server.approver(&["vote", &id, "approve"]).expect(64);
    assert!(alone.err.contains("--digest"), "{}", alone.err);
    let other = format!("sha256:{}", "0".repeat(64));
    let stale = server.approver(&["vote", &id, "approve", "--digest", &other]).expect(1);
    assert!(stale.err.contains("not the one you saw"), "{}", stale.err);
    let digest = server.agent(&["show", &id, "--json"]).expect(0).json()["action_digest"].clone();
    let digest = digest.as_str().unwrap();
    server.approver(&["vote", &id, "approve", "--digest", digest]).expect(0);
    let again = server.approver(&["vote", &id, "reject", "--yes"]).expect(1);
    assert!(again.err.contains("approved already"), "{}", again.err);
}

#[test]
fn who_asks_cannot_vote() {
    let server = Dev::start();
    let id = server.asked(&[]);
    // The reason comes before any question about confirming it.
    for args in [vec!["vote", &id, "approve"], vec!["vote", &id, "approve", "--yes"]] {
        let refused = server.agent(&args).expect(1);
        assert!(refused.err.contains("who asks cannot decide"), "{}", refused.err);
    }
    let refused = server.admin(&["vote", &id, "approve"]).expect(1);
    assert!(refused.err.contains("lacks the scope decide"), "{}", refused.err);
    assert_eq!(server.agent(&["show", &id, "--json"]).json()["status"], "pending");
}

#[test]
fn what_an_agent_writes_cannot_speak_to_the_terminal() {
    let server = Dev::start();
    let asked =
        ["ask", "Pay \u{202e}0001$\u{1b}[2J", "--no-wait", "--json", "--reason", "\u{1b}]0;x\u{7}"];
    let asked = server.agent(&asked).expect(0).json();
    let id = asked["id"].as_str().unwrap();
    for args in [vec!["show", id], vec!["list"], vec!["vote", id, "reject", "--yes"]] {
        let out = server.approver(&args).expect(0).out;
        assert!(out.contains("<U+202E>0001$<U+001B>[2J"), "{out}");
        assert!(!out.chars().any(|c| c == '\u{1b}' || c == '\u{202e}' || c == '\u{7}'), "{out}");
    }
}

#[test]
fn arguments_come_from_files_and_stdin_and_are_read_as_strictly_as_the_server_does() {
    let server = Dev::start();
    server.file("arguments.json", r#"{"amount": 12.5}"#);
    let id = server.asked(&["--arguments", "@arguments.json", "--metadata", r#"{"commit":"a3"}"#]);
    let approval = server.agent(&["show", &id, "--json"]).expect(0).json();
    assert_eq!(approval["action"]["arguments"]["amount"], 12.5);
    assert_eq!(approval["metadata"]["commit"], "a3");
    for (bad, why) in [
        (r#"{"a":1,"a":2}"#, "twice"),
        ("9007199254740993", "exactly"),
        ("{", "EOF"),
        ("@missing.json", "missing.json"),
    ] {
        let refused = server.agent(&["ask", "x", "--arguments", bad]).expect(64);
        assert!(refused.err.contains(why), "{bad}: {}", refused.err);
    }
    for flag in ["--arguments", "--metadata"] {
        let refused = server.agent(&["ask", "x", flag, "{version: 2}"]).expect(64).err;
        assert!(refused.contains(&format!("{flag}: not JSON")), "{refused}");
        assert!(refused.contains("line 1 column 2") && !refused.contains("the body"), "{refused}");
        // The example that it gives can be used as it stands.
        let example = refused.split_once(&format!("{flag} '")).unwrap().1;
        let example = example.split_once('\'').unwrap().0;
        server.agent(&["ask", "x", "--no-wait", flag, example]).expect(0);
    }
}

#[test]
fn a_refused_question_is_never_mistaken_for_a_rejection() {
    let server = Dev::start();
    server.agent(&["ask", "x", "--policy", "no-such-policy"]).expect(64);
    for wrong in [server.approver(&["ask", "x"]), server.admin(&["ask", "x"])] {
        let refused = wrong.expect(3).err;
        assert!(refused.contains("the wrong key to ask with: use the agent's own"), "{refused}");
    }
    let stranger = format!("{}x", &server.text("agent_key")[..56]);
    finish(server.command_with(&stranger, &["ask", "x"])).expect(3);
}

#[test]
fn a_server_that_is_away_is_3_for_a_question_and_says_where_it_looked() {
    // A port that was just free and that nobody was told of.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    drop(socket);
    let at = |args: &[&str]| {
        let mut command = command(args);
        command.env("ASKFIRST_URL", &url).env("ASKFIRST_KEY", "af_dev_none");
        finish(command)
    };
    let id = "apr_01jh0000000000000000000000";
    for args in [vec!["ask", "x"], vec!["wait", id, "--retry-for", "0s"]] {
        let away = at(&args).expect(3);
        assert!(away.err.contains(&format!("not reachable at {url}")), "{}", away.err);
    }
    at(&["show", id]).expect(1);
    let away = at(&["wait", id, "--retry-for", "0s", "--json"]).expect(3);
    let told: serde_json::Value = serde_json::from_str(&away.err).unwrap();
    assert!(told["error"].as_str().unwrap().contains("not reachable"));
}

#[test]
fn who_waits_hears_at_once_that_the_server_went_away_and_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Dev::start_in(&data);
    let url = server.url().to_owned();
    let (mut asking, id) = server.ask(&["--retry-for", "50s"]);
    let (mut hasty, other) = server.ask(&["--retry-for", "2s"]);
    server.stop();
    for waiting in [&mut asking, &mut hasty] {
        assert!(waiting.warning().contains(&url));
        let until = waiting.warning();
        assert!(until.starts_with("trying again until 20"), "{until}");
    }
    let gone = hasty.end().expect(3);
    let advice = format!("go on with `askfirst wait {other} --claim --digest sha256:");
    assert!(gone.err.contains(&advice), "{}", gone.err);
    assert!(gone.err.contains(&format!("at {url}")), "{}", gone.err);

    let listen = url.strip_prefix("http://").unwrap();
    let mut again = command(&["dev", "--json", "--listen", listen, "--data"]);
    again.arg(&data);
    let mut again = crate::support::Running::start(again);
    let ready: serde_json::Value = serde_json::from_str(&again.line()).unwrap();
    assert_eq!(asking.warning(), "the server is back; waiting on");
    let mut vote = command(&["vote", &id, "approve", "--yes"]);
    vote.env("ASKFIRST_URL", &url);
    vote.env("ASKFIRST_KEY", ready["approver_key"].as_str().unwrap());
    finish(vote).expect(0);
    asking.end().expect(0);
}

#[test]
fn list_filters_and_goes_on() {
    let server = Dev::start();
    for _ in 0..3 {
        server.asked(&["--agent", "bot"]);
    }
    let rejected = server.asked(&[]);
    server.vote(&rejected, "reject");
    let list = |args: &[&str]| {
        let args: Vec<&str> = ["list", "--json"].iter().chain(args).copied().collect();
        server.agent(&args).expect(0).json()
    };
    let ids = |page: &serde_json::Value| page["data"].as_array().unwrap().len();
    assert_eq!(ids(&list(&[])), 4);
    assert_eq!(list(&["--status", "rejected"])["data"][0]["id"], rejected.as_str());
    assert_eq!(ids(&list(&["--agent", "bot"])), 3);
    let first = list(&["--limit", "3"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&list(&["--limit", "3", "--cursor", cursor])), 1);
    assert!(server.agent(&["list", "--limit", "3"]).out.contains("there are more: --cursor"));
}

#[test]
fn the_list_is_narrowed_by_person_text_and_time() {
    let server = Dev::start();
    let decided = server.asked(&["--reason", "100% sure"]);
    server.vote(&decided, "approve");
    let open = server.asked(&[]);
    let ids = |filters: &[&str]| {
        let page = server.agent(&[&["list", "--json"], filters].concat()).expect(0).json();
        let rows = page["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["--approver", "dev@localhost.test"]), [decided.as_str()]);
    assert_eq!(ids(&["--query", "100%"]), [decided.as_str()]);
    assert_eq!(
        ids(&["--asker", "dev@localhost.test", "--since", "2020-01-31"]),
        [open.as_str(), decided.as_str()]
    );
    assert!(ids(&["--until", "2020-01-31T12:00:00Z"]).is_empty());
    let told = server.agent(&["list", "--since", "yesterday"]).expect(64);
    assert!(told.err.contains("such as 2030-01-31"), "{}", told.err);
    let told = server.agent(&["list", "--approver", "%"]).expect(1);
    assert!(told.err.contains("e-mail address"), "{}", told.err);
}
