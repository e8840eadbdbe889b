//! Keys, people and groups.

use crate::support::{Dev, finish};

#[test]
fn a_key_is_made_shown_once_used_and_revoked() {
    let server = Dev::start();
    let create = ["keys", "create", "--name", "bot", "--scopes", "ask", "--expires-in", "90d"];
    let as_json: Vec<&str> = create.iter().copied().chain(["--json"]).collect();
    let made = server.admin(&as_json).expect(0).json();
    let members: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(members, ["id", "key"], "exactly these");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("af_dev_"), "{key}");
    finish(server.command_with(key, &["ask", "x", "--no-wait"])).expect(0);

    let list = server.admin(&["keys", "list"]).expect(0).out;
    assert!(list.contains(id) && list.contains("bot") && !list.contains(key), "{list}");
    server.admin(&["keys", "revoke", id]).expect(0);
    let late = finish(server.command_with(key, &["ask", "x"])).expect(3);
    assert!(late.err.contains("revoked"), "{}", late.err);
}

#[test]
fn a_second_key_of_one_name_is_made_and_told() {
    let server = Dev::start();
    let create = ["keys", "create", "--name", "bot", "--scopes", "ask"];
    let first = server.admin(&create).expect(0);
    assert_eq!(first.err, "");
    let second = server.admin(&create).expect(0);
    let id = first.out.split_whitespace().nth(1).unwrap();
    assert!(second.err.contains("a key named bot was there already"), "{}", second.err);
    assert!(second.err.contains(&format!("askfirst keys revoke {id}")), "{}", second.err);
    for old in [id, second.out.split_whitespace().nth(1).unwrap()] {
        server.admin(&["keys", "revoke", old]).expect(0);
    }
    let third = server.admin(&create).expect(0);
    assert_eq!(third.err, "", "a revoked key stands in nobody's way");
}

#[test]
fn a_decide_key_is_bound_to_a_member_by_address() {
    let server = Dev::start();
    server.admin(&["members", "add", "ana@example.com", "--name", "Ana"]).expect(0);
    let create = ["keys", "create", "--name", "ana's", "--scopes", "decide", "--json"];
    let bound: Vec<&str> = create.iter().copied().chain(["--member", "ana@example.com"]).collect();
    let made = server.admin(&bound).expect(0).json();
    let id = server.asked(&[]);
    let vote = ["vote", id.as_str(), "approve", "--yes"];
    finish(server.command_with(made["key"].as_str().unwrap(), &vote)).expect(0);
    let votes = server.agent(&["show", &id, "--json"]).json()["votes"].clone();
    assert_eq!(votes[0]["approver"]["email"], "ana@example.com");
}

#[test]
fn scopes_that_must_not_share_a_key_are_refused() {
    let server = Dev::start();
    for scopes in ["ask,decide", "ask,keys", "nonsense"] {
        let create = ["keys", "create", "--name", "x", "--scopes", scopes, "--json"];
        let refused = server.admin(&create).expect(1);
        let told: serde_json::Value = serde_json::from_str(&refused.err).unwrap();
        assert!(told["problem"]["status"].is_u64(), "{}", refused.err);
    }
    server.agent(&["keys", "list"]).expect(1);
}

#[test]
fn people_come_change_and_go() {
    let server = Dev::start();
    let add = ["members", "add", "ana@example.com", "--name", "Ana", "--json"];
    let added = server.admin(&add).expect(0).json();
    assert_eq!(added["role"], "approver");
    server.admin(&["members", "role", "ana@example.com", "auditor"]).expect(0);
    let link = server.admin(&["members", "link", "ANA@example.com", "--json"]).expect(0).json();
    assert!(link["url"].as_str().unwrap().contains("/login/"));
    let off = server.admin(&["members", "disable", "ana@example.com", "--json"]).expect(0).json();
    assert_eq!(off["enabled"], false);
    server.admin(&["members", "enable", added["id"].as_str().unwrap()]).expect(0);
    let list = server.admin(&["members", "list"]).expect(0).out;
    assert!(list.contains("ana@example.com") && list.contains("auditor"), "{list}");
    let nobody = server.admin(&["members", "link", "nobody@example.com"]).expect(1);
    assert!(nobody.err.contains("no member nobody@example.com"), "{}", nobody.err);
    server.admin(&["members", "disable", "dev@localhost.test"]).expect(1);
}

#[test]
fn people_are_invited_and_signed_out_from_the_command_line() {
    let server = Dev::start();
    let invite = ["members", "invite", "Ana", "ana@example.com", "--role", "auditor"];
    let told = server.admin(&invite).expect(0).out;
    let link = told.lines().find_map(|line| line.trim().strip_prefix(server.url())).unwrap();
    assert!(link.starts_with("/login/") && told.contains("works once"), "{told}");
    // Once more it is neither another person nor another link, and says how to get that.
    let again = server.admin(&invite).expect(1);
    assert!(again.err.contains("askfirst members link ana@example.com"), "{}", again.err);
    assert_eq!(again.out, "");
    let json = ["members", "invite", "Ben", "ben@example.com", "--json"];
    let ben = server.admin(&json).expect(0).json();
    assert_eq!(ben["role"], "approver");
    assert!(ben["url"].as_str().unwrap().contains("/login/") && ben["expires_at"].is_string());
    server.agent(&["members", "invite", "Eve", "eve@example.com"]).expect(1);
    let list = server.admin(&["members", "list"]).expect(0).out;
    assert_eq!(list.matches("ana@example.com").count(), 1);
    assert!(!list.contains("eve@example.com"), "{list}");

    let none = server.admin(&["members", "sessions", "ana@example.com"]).expect(0).out;
    assert_eq!(none, "none\n");
    let sign_in = |path: &str| {
        let mut curl = std::process::Command::new("/usr/bin/curl");
        let url = format!("{}{path}", server.url());
        curl.args(["--silent", "--fail", "--header", "Sec-Fetch-Site: same-origin"]);
        curl.args(["--data", "next=/", &url]).env_clear();
        curl.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        finish(curl).expect(0);
    };
    let another = || {
        let link = server.admin(&["members", "link", "ana@example.com", "--json"]);
        let link = link.expect(0).json();
        link["url"].as_str().unwrap().strip_prefix(server.url()).unwrap().to_owned()
    };
    sign_in(link);
    sign_in(&another());
    sign_in(&another());
    let open = ["members", "sessions", "ana@example.com", "--json"];
    let sessions = server.admin(&open).expect(0).json();
    let sessions = sessions["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    let one = sessions[1]["id"].as_str().unwrap();
    let left = server.admin(&["members", "sessions", "ana@example.com", "--close", one]).expect(0);
    assert!(left.out.lines().count() == 2 && !left.out.contains(one), "{}", left.out);
    assert!(left.out.contains("worth link"), "{}", left.out);
    server.admin(&["members", "sessions", "ana@example.com", "--close", one]).expect(1);
    server.admin(&["members", "sessions", "ana@example.com", "--close", "all"]).expect(64);
    let out = server.admin(&["members", "sessions", "ana@example.com", "--close-all"]).expect(0);
    assert_eq!(out.out, "none\n");
}

#[test]
fn groups_are_made_of_addresses() {
    let server = Dev::start();
    server.admin(&["members", "add", "ana@example.com", "--name", "Ana"]).expect(0);
    server.admin(&["groups", "create", "sre", "ana@example.com"]).expect(0);
    let list = server.admin(&["groups", "list"]).expect(0).out;
    assert_eq!(list, "sre  ana@example.com\n");
    server.admin(&["groups", "set", "sre", "ana@example.com", "dev@localhost.test"]).expect(0);
    let list = server.admin(&["groups", "list", "--json"]).expect(0).json();
    assert_eq!(list["data"][0]["members"].as_array().unwrap().len(), 2);
    server.admin(&["groups", "remove", "sre"]).expect(64);
    server.admin(&["groups", "remove", "sre", "--yes"]).expect(0);
    assert_eq!(server.admin(&["groups", "list"]).expect(0).out, "none\n");
    server.admin(&["groups", "set", "sre"]).expect(1);
}

#[test]
fn limits_say_what_is_used_and_who_is_over_which() {
    let server = Dev::start();
    server.agent(&["ask", "x", "--no-wait"]).expect(0);
    let told = server.agent(&["limits"]).expect(0).out;
    assert!(told.contains("key        pending              1 of 200000"), "{told}");
    assert!(told.contains("workspace  asks_per_month"), "{told}");
    let json = server.agent(&["limits", "--json"]).expect(0).json();
    assert_eq!(json["key"][1]["used"], 1);
    assert_eq!(json["over"], serde_json::json!([]));
}

#[test]
fn texts_are_held_released_and_erased() {
    let server = Dev::start();
    let ask = ["ask", "Pay xyzzy?", "--name", "pay", "--no-wait", "--json"];
    let asked = server.agent(&ask).expect(0).json();
    let id = asked["id"].as_str().unwrap().to_owned();
    server.admin(&["erase", &id, "--yes"]).expect(1);
    server.agent(&["cancel", &id]).expect(0);
    let held = server.admin(&["hold", &id, "--reason", "a lawsuit", "--json"]).expect(0).json();
    assert_eq!(held["hold"]["reason"], "a lawsuit");
    let refused = server.admin(&["erase", &id, "--yes"]).expect(1);
    assert!(refused.err.contains("a lawsuit"), "{}", refused.err);
    server.admin(&["release", &id]).expect(0);
    server.admin(&["erase", &id]).expect(64);
    server.admin(&["erase", &id, "--yes"]).expect(0);
    let shown = server.admin(&["show", &id]).expect(0).out;
    assert!(shown.contains("texts      erased at") && !shown.contains("xyzzy"), "{shown}");
    let list = server.admin(&["list"]).expect(0).out;
    assert!(list.contains("pay") && !list.contains("xyzzy"), "{list}");
}

#[test]
fn a_workspace_keeps_texts_for_so_long_or_for_good() {
    let server = Dev::start();
    let shown = server.admin(&["workspace", "show"]).expect(0).out;
    assert!(shown.contains("texts           kept for good"), "{shown}");
    server.admin(&["workspace", "retention", "0"]).expect(64);
    server.admin(&["workspace", "retention", "90"]).expect(64);
    let set = server.admin(&["workspace", "retention", "90", "--yes"]).expect(0).out;
    assert!(set.contains("erased 90 days after the end"), "{set}");
    let held = server.admin(&["workspace", "hold", "--reason", "an inquiry"]).expect(0).out;
    assert!(held.contains("on hold") && held.contains("an inquiry"), "{held}");
    server.admin(&["workspace", "hold", "--reason", "another"]).expect(1);
    let free = server.admin(&["workspace", "release", "--json"]).expect(0).json();
    assert!(free["hold"].is_null());
    let off = server.admin(&["workspace", "retention", "off", "--json"]).expect(0).json();
    assert!(off["retention_days"].is_null());
}

#[test]
fn a_key_is_given_limits_of_its_own() {
    let server = Dev::start();
    let make = ["keys", "create", "--name", "small", "--scopes", "ask", "--json", "--pending", "1"];
    let made = server.admin(&make).expect(0).json();
    let ask = ["ask", "x", "--no-wait"];
    let small = |args: &[&str]| finish(server.command_with(made["key"].as_str().unwrap(), args));
    small(&ask).expect(0);
    let refused = small(&ask);
    assert!(refused.code != 0 && refused.err.contains("may have 1"), "{refused:?}");
    let much = ["keys", "create", "--name", "big", "--scopes", "ask", "--pending", "9999999"];
    let refused = server.admin(&much).expect(1);
    assert!(refused.err.contains("at most 200000"), "{}", refused.err);
}
