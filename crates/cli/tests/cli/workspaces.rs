//! `askfirst workspaces`: what a server's operator does with its workspaces while it is stopped.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Dev, Done, finish, run};

fn workspaces(data: &Path, args: &[&str]) -> Done {
    run(&[&["workspaces"], args, &["--data", data.to_str().unwrap(), "--json"]].concat())
}

fn listed(data: &Path) -> Vec<Value> {
    let all = workspaces(data, &["list"]).expect(0).json();
    all["data"].as_array().unwrap().clone()
}

#[test]
fn the_operator_gives_a_plan_and_nobody_inside_does() {
    let own = tempfile::tempdir().unwrap();
    let data = own.path().join("data");
    assert!(workspaces(&data, &["list"]).expect(78).err.contains("no database"));
    let server = Dev::start_in(&data);
    let id = server.text("workspace").to_owned();
    let shown = server.admin(&["limits", "--json"]).expect(0).json();
    assert_eq!(shown["plan"], Value::Null);
    let busy = workspaces(&data, &["plan", &id, "free"]).expect(78);
    assert!(busy.err.contains("another askfirst is using"), "{}", busy.err);
    server.stop();

    let given = workspaces(&data, &["plan", &id, "starter", "--asks-per-month", "2"]);
    let given = given.expect(0).json();
    assert_eq!(
        (&given["plan"]["name"], &given["plan"]["asks_per_month"]),
        (&"starter".into(), &2.into())
    );
    assert_eq!(listed(&data), [given]);
    for (wrong, said) in [
        (vec!["plan", &id, "none", "--approvers", "2"], "name of your own"),
        (vec!["plan", &id, "Starter"], "a plan's name"),
        (vec!["plan", &id, "free", "--approvers", "0"], "0"),
        (vec!["plan", &id, "free", "--channels", "pigeon"], "telegram"),
    ] {
        let refused = workspaces(&data, &wrong).expect(64);
        assert!(refused.err.contains(said), "{wrong:?}: {}", refused.err);
    }
    let nowhere = "wsp_0000000000000000000000000z";
    let unknown = workspaces(&data, &["plan", nowhere, "free"]).expect(1);
    assert!(unknown.err.contains("workspaces list"), "{}", unknown.err);

    let server = Dev::start_in(&data);
    let asked = [server.asked(&[]), server.asked(&[])];
    let full = server.agent(&["ask", "Deploy?", "--no-wait"]);
    assert_ne!(full.code, 0);
    assert!(full.err.contains("its plan, starter"), "{}", full.err);
    server.vote(&asked[0], "approve");
    let told = server.agent(&["limits"]).expect(0).out;
    assert!(told.contains("plan starter: asks a month 2; approvers 3; channels email"), "{told}");
    assert!(told.contains("over: asks_per_month of the workspace"), "{told}");
    server.stop();

    let mine = ["plan", &id, "ours", "--channels", "email,slack", "--audit-days", "90"];
    let mine = workspaces(&data, &mine).expect(0).json();
    assert_eq!(mine["plan"]["asks_per_month"], Value::Null);
    assert_eq!(mine["plan"]["channels"].as_array().unwrap().len(), 2);
    assert_eq!(workspaces(&data, &["plan", &id, "none"]).expect(0).json()["plan"], Value::Null);
    let server = Dev::start_in(&data);
    server.asked(&[]);
    server.admin(&["audit", "verify"]).expect(0);
}

/// A key that a stranger makes.
fn stranger(server: &Dev) -> String {
    let made = sh(&format!("curl -s {}/api/keys --json '{{\"name\":\"x\"}}'", server.url()));
    made["key"].as_str().unwrap().to_owned()
}

fn sh(line: &str) -> Value {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    serde_json::from_str(&finish(command).expect(0).out).unwrap()
}

fn start_open(data: &Path) -> Dev {
    let mut command = Dev::command(data);
    command.arg("--self-service");
    Dev::run(command, data)
}

#[test]
fn the_operator_stops_and_removes_what_strangers_made() {
    let own = tempfile::tempdir().unwrap();
    let data = own.path().join("data");
    let server = start_open(&data);
    let ours = server.text("workspace").to_owned();
    let keys = [stranger(&server), stranger(&server)];
    let ask = |server: &Dev, key: &str| {
        let body = "{\"action\":\"Deploy?\"}";
        let bearer = format!("Authorization: Bearer {key}");
        sh(&format!("curl -s {}/api/approvals -H '{bearer}' --json '{body}'", server.url()))
    };
    assert_eq!(ask(&server, &keys[0])["status"], "pending");
    server.stop();

    let all = listed(&data);
    let of = |all: &[Value], strangers| -> Vec<String> {
        let found = all.iter().filter(|one| one["self_service"] == strangers);
        found.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&all, false), [ours.as_str()]);
    let strangers = of(&all, true);
    assert_eq!(strangers.len(), 2);
    let (first, second) = (strangers[0].as_str(), strangers[1].as_str());
    let busy = all.iter().find(|one| one["id"] == first).unwrap();
    assert_eq!((&busy["keys"], &busy["pending"]), (&1.into(), &1.into()));

    for verb in ["stop", "remove"] {
        let unasked = workspaces(&data, &[verb, first]).expect(64);
        assert!(unasked.err.contains("add --yes"), "{}", unasked.err);
        let kept = workspaces(&data, &[verb, first, &ours, "--yes"]).expect(64);
        assert!(kept.err.contains("people sign in to it"), "{}", kept.err);
    }
    assert_eq!(listed(&data), all);
    let stopped = workspaces(&data, &["stop", first, "--yes"]).expect(0).json();
    assert_eq!(stopped["keys"], 1);
    let server = start_open(&data);
    assert!(ask(&server, &keys[0])["error"].is_string());
    assert_eq!(ask(&server, &keys[1])["status"], "pending");
    server.stop();

    // What waits is not unused, and what was used just now is not either.
    let none = workspaces(&data, &["remove", "--unused-for", "1s", "--yes"]).expect(0).json();
    assert_eq!(none["removed"], serde_json::json!([]));
    let gone = workspaces(&data, &["remove", first, second, "--yes"]).expect(0).json();
    assert_eq!(gone["removed"], serde_json::json!([first, second]));
    assert_eq!(of(&listed(&data), true), Vec::<String>::new());
    let server = start_open(&data);
    assert!(ask(&server, &keys[1])["error"].is_string());
    let log = server.admin(&["audit", "export", "--kind", "workspace.removed"]).expect(0).out;
    assert_eq!(log.lines().count(), 2);
    server.admin(&["audit", "verify"]).expect(0);
    stranger(&server);
}
