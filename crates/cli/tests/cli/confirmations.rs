//! The lines on the page of proof.holdings, run against the real binary with nothing changed but
//! the address, the key and the ids that the page leaves to its reader.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Dev, finish};

/// As they are printed there: one line that asks, one that polls.
const PAGE: &str = include_str!("proof.sh");

fn sh(line: &str) -> Value {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    serde_json::from_str(&finish(command).expect(0).out).unwrap()
}

fn names(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_lines_of_proof_holdings_ask_and_poll() {
    let server = Dev::start();
    let wish = ["keys", "create", "--name", "agent", "--dialect", "proof", "--role", "ask"];
    let key = server.admin(&[&wish[..], &["--json"]].concat()).expect(0).json();
    let key = key["key"].as_str().unwrap();
    assert!(key.starts_with("pk_test_"), "{key}");
    assert_eq!(PAGE.matches("https://api.proof.holdings").count(), 2);
    assert_eq!(PAGE.matches("pk_live_YOUR_API_KEY").count(), 2);
    let page = PAGE
        .replace("https://api.proof.holdings", server.url())
        .replace("pk_live_YOUR_API_KEY", key);
    let config = format!(
        "curl {}/api/v1/hitl -H 'Authorization: Bearer {key}' --json \
         '{{\"name\":\"Releases\",\"channels\":[{{\"type\":\"browser\"}}]}}'",
        server.url()
    );
    let config = sh(&config);
    let page = page.replace("YOUR_HITL_CONFIG_ID", config["id"].as_str().unwrap());
    let (ask, poll) = page.split_once("# Poll for approval status\n").unwrap();
    for (decision, status) in [("approve", "approved"), ("reject", "denied")] {
        let asked = sh(ask);
        assert_eq!(asked["status"], "pending");
        assert_eq!(asked["message"], "Deploy v2.1 to production?");
        let poll = poll.replace("CONFIRMATION_ID", asked["id"].as_str().unwrap());
        assert_eq!(sh(&poll), asked);
        let open = server.approver(&["list", "--status", "pending", "--json"]).expect(0).json();
        let id = open["data"][0]["id"].as_str().unwrap();
        server.vote(id, decision);
        let polled = sh(&poll);
        assert_eq!(polled["status"], status);
        // Everything that their page shows is there.
        for name in
            ["id", "hitl_id", "message", "status", "response", "proof", "timeout_at", "created_at"]
        {
            assert!(names(&polled).contains(&name), "{name}: {polled}");
        }
        for name in ["action", "text", "responded_at"] {
            assert!(names(&polled["response"]).contains(&name), "{name}: {polled}");
        }
        let taken = ["revoke-token", id, "--reason", "fraud", "--json"];
        assert!(server.agent(&taken).expect(1).err.contains("workspace"), "who asks is no admin");
        assert_eq!(server.admin(&taken).expect(0).json()["reason"], "fraud");
    }
}
