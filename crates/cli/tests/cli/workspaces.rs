//! `askfirst workspaces`: what a server's operator does with its workspaces while it is stopped.

use std::path::Path;

use serde_json::Value;

use crate::support::{Dev, Done, run};

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
