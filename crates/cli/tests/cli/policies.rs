//! `askfirst policy`: from files to the server and back.

use crate::support::Dev;

const GOOD: &str = "name: deploys\nneeds:\n  - { from: [members], count: 1 }\nassurance: key\n";

#[test]
fn apply_says_created_changed_and_unchanged() {
    let server = Dev::start();
    server.file("deploys.yaml", GOOD);
    let apply = || server.admin(&["policy", "apply", "deploys.yaml"]).expect(0).out;
    assert_eq!(apply(), "deploys: created, version 1\n");
    assert_eq!(apply(), "deploys: unchanged, version 1\n");
    server.file("deploys.yaml", &GOOD.replace("assurance: key", "assurance: session"));
    assert_eq!(apply(), "deploys: new version 2\n");
    let shown = server.admin(&["policy", "show", "deploys", "--json"]).expect(0).json();
    assert_eq!(shown["document"]["assurance"], "session");
    assert!(server.admin(&["policy", "list"]).expect(0).out.contains("1 from members"));
}

#[test]
fn several_documents_and_json_are_taken_and_then_asked_under() {
    let server = Dev::start();
    server.file("two.yaml", &format!("{GOOD}---\n{}", GOOD.replace("deploys", "refunds")));
    server.file(
        "third.json",
        r#"{"name": "third", "needs": [{"from": ["members"]}], "assurance": "key"}"#,
    );
    let applied = ["policy", "apply", "two.yaml", "third.json", "--json"];
    let applied = server.admin(&applied).expect(0).json();
    let names: Vec<_> = applied["data"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["deploys", "refunds", "third"]);
    let id = server.asked(&["--policy", "refunds"]);
    let shown = server.agent(&["show", &id, "--json"]).expect(0).json();
    assert_eq!(shown["policy"]["name"], "refunds");
}

#[test]
fn what_is_wrong_is_told_with_file_and_place() {
    let server = Dev::start();
    for (name, text, tells) in [
        ("typo.yaml", GOOD.replace("assurance", "asurance"), "asurance"),
        ("count.yaml", GOOD.replace("count: 1", "count: one"), "/needs/0/count"),
        ("broken.yaml", "name: [".to_owned(), "not YAML or JSON"),
        ("twice.yaml", format!("{GOOD}name: again\n"), "name"),
        ("list.yaml", "- 1".to_owned(), "a policy is a mapping"),
        ("empty.yaml", String::new(), "no policy in it"),
        // One person cannot fill two seats.
        ("unsatisfiable.yaml", GOOD.replace("count: 1", "count: 2"), "/needs"),
        ("stranger.yaml", GOOD.replace("members", "\"group:nobody\""), "nobody"),
    ] {
        server.file(name, &text);
        let bad = server.admin(&["policy", "apply", name]).expect(1);
        assert!(bad.err.contains(name), "{name}: {}", bad.err);
        assert!(bad.err.contains(tells), "{name}: {}", bad.err);
    }
    let missing = server.admin(&["policy", "apply", "missing.yaml"]).expect(64);
    assert!(missing.err.contains("missing.yaml"), "{}", missing.err);
    let all = server.admin(&["policy", "list", "--json"]).expect(0).json();
    assert_eq!(all["data"].as_array().unwrap().len(), 1, "only the default");
}

#[test]
fn a_file_is_checked_without_a_server_and_compared_with_what_is_saved() {
    let server = Dev::start();
    server.file("deploys.yaml", GOOD);
    let nowhere = |args: &[&str]| {
        let mut command = crate::support::command(args);
        command.current_dir(&server.folder).env("ASKFIRST_URL", "http://127.0.0.1:9");
        crate::support::finish(command)
    };
    let checked = nowhere(&["policy", "check", "deploys.yaml"]).expect(0);
    assert_eq!(checked.out, "deploys.yaml: deploys is well formed\n");
    server.file(
        "bad.yaml",
        &format!("{GOOD}rejections: 0\nsteps: [{{ after: 2h, add: [members] }}]\n"),
    );
    let bad = nowhere(&["policy", "check", "bad.yaml", "deploys.yaml", "--json"]).expect(1).json();
    let places: Vec<_> =
        bad["data"][0]["problems"].as_array().unwrap().iter().map(|p| &p["pointer"]).collect();
    assert_eq!(places, ["/rejections", "/steps/0/after"]);
    assert_eq!(bad["data"][1]["problems"], serde_json::json!([]));
    server.file("typo.yaml", &GOOD.replace("assurance", "asurance"));
    assert!(nowhere(&["policy", "check", "typo.yaml"]).expect(1).out.contains("asurance"));

    let diff = |code| server.admin(&["policy", "diff", "deploys.yaml"]).expect(code).out;
    assert!(diff(1).starts_with("deploys: new\n"));
    server.admin(&["policy", "apply", "deploys.yaml"]).expect(0);
    assert_eq!(diff(0), "deploys: unchanged\n");
    // A default that is spelled out is no difference.
    server.file("deploys.yaml", &format!("{GOOD}rejections: 1\nvalid_for: 15m\n"));
    assert_eq!(diff(0), "deploys: unchanged\n");
    server.file("deploys.yaml", &GOOD.replace("assurance: key", "assurance: session"));
    assert_eq!(diff(1), "deploys: changed\n  - assurance: \"key\"\n  + assurance: \"session\"\n");
    assert_eq!(server.admin(&["policy", "show", "deploys", "--json"]).json()["version"], 1);
}

#[test]
fn removing_needs_a_yes() {
    let server = Dev::start();
    server.file("deploys.yaml", GOOD);
    server.admin(&["policy", "apply", "deploys.yaml"]).expect(0);
    server.admin(&["policy", "remove", "deploys"]).expect(64);
    server.admin(&["policy", "remove", "deploys", "--yes"]).expect(0);
    server.admin(&["policy", "show", "deploys"]).expect(1);
    server.admin(&["policy", "remove", "default", "--yes"]).expect(1);
}
