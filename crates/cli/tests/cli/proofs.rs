//! Receipts and bundles, fetched once and checked offline.

use serde_json::{Value, json};

use crate::support::{Dev, Done, command, eventually, finish};

/// Checks a file with no server in sight.
fn verify(server: &Dev, args: &[&str]) -> Done {
    let args: Vec<&str> = ["verify"].iter().chain(args).copied().collect();
    let mut command = command(&args);
    command.current_dir(&server.folder);
    finish(command)
}

fn proven(server: &Dev, id: &str) {
    server.agent(&["proof", id, "--bundle", "-o", "bundle.json"]).expect(0);
    server.agent(&["proof", id, "-o", "receipt.jwt"]).expect(0);
    server.agent(&["jwks", "-o", "jwks.json"]).expect(0);
}

fn bundle(server: &Dev) -> Value {
    let text = std::fs::read_to_string(server.folder.join("bundle.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_approval_verifies_offline_as_usable_and_a_change_of_one_letter_does_not() {
    let server = Dev::start();
    let arguments = ["--name", "deploy", "--arguments", r#"{"version":"2.1"}"#];
    let id = server.asked(&arguments);
    server.vote(&id, "approve");
    proven(&server, &id);

    let trust = ["--trust", "jwks.json"];
    let good = verify(&server, &["bundle.json", trust[0], trust[1]]).expect(0);
    for text in ["DEV RECEIPT", "APPROVED at", "\"Deploy v2.1?\"", "dev@localhost.test"] {
        assert!(good.out.contains(text), "{text} in {}", good.out);
    }
    verify(&server, &["receipt.jwt", trust[0], trust[1]]).expect(0);

    let mut tampered = bundle(&server);
    tampered["actions"][0]["action"]["arguments"]["version"] = json!("6.6");
    server.file("tampered.json", &tampered.to_string());
    let bad = verify(&server, &["tampered.json", trust[0], trust[1]]).expect(4);
    assert!(bad.out.contains("NOT VALID"), "{}", bad.out);
    server.file("no-bundle.json", "{}");
    verify(&server, &["no-bundle.json", trust[0], trust[1]]).expect(4);
}

#[test]
fn only_the_trusted_signer_counts_by_key_or_by_thumbprint() {
    let (server, other) = (Dev::start(), Dev::start());
    let id = server.asked(&[]);
    server.vote(&id, "approve");
    proven(&server, &id);
    other.agent(&["jwks", "-o", "jwks.json"]).expect(0);
    let others = other.folder.join("jwks.json");
    let others = others.to_str().unwrap();
    verify(&server, &["bundle.json", "--trust", others]).expect(4);
    verify(&server, &["bundle.json", "--trust", others, "--trust", "jwks.json"]).expect(0);
    let verdict = verify(&server, &["bundle.json", "--trust", "jwks.json", "--json"]).expect(0);
    let thumbprint = verdict.json()["signer"].as_str().unwrap().to_owned();
    verify(&server, &["bundle.json", "--trust", &thumbprint]).expect(0);
    let hyphen = format!("-{}", "A".repeat(42));
    verify(&server, &["bundle.json", "--trust", &hyphen]).expect(4);
    // A bare receipt brings no keys along.
    verify(&server, &["receipt.jwt", "--trust", &thumbprint]).expect(4);
    verify(&server, &["bundle.json"]).expect(64);
    verify(&server, &["bundle.json", "--trust", "neither-file-nor-thumbprint"]).expect(64);
    verify(&server, &["missing.json", "--trust", "jwks.json"]).expect(64);
}

#[test]
fn a_rejection_is_authentic_and_no_approval() {
    let server = Dev::start();
    let id = server.asked(&[]);
    server.vote(&id, "reject");
    proven(&server, &id);
    let verdict = verify(&server, &["bundle.json", "--trust", "jwks.json"]).expect(3);
    assert!(verdict.out.contains("NOT APPROVED: rejected"), "{}", verdict.out);
    let verdict = verify(&server, &["bundle.json", "--trust", "jwks.json", "--json"]).expect(3);
    assert_eq!(verdict.json()["standing"], "not_approved");
}

#[test]
fn an_approval_that_was_not_claimed_in_time_is_no_longer_usable() {
    let server = Dev::start();
    let id = server.asked(&["--valid-for", "1s"]);
    server.vote(&id, "approve");
    proven(&server, &id);
    let verdict = || verify(&server, &["bundle.json", "--trust", "jwks.json"]);
    eventually(|| verdict().code == 5);
    assert!(verdict().out.contains("NO LONGER USABLE"));
}

#[test]
fn what_the_checker_knows_is_held_against_the_receipt() {
    let server = Dev::start();
    let id = server.asked(&["--name", "deploy"]);
    server.vote(&id, "approve");
    proven(&server, &id);
    server.file("action.json", r#"{"name": "deploy", "title": "Deploy v2.1?"}"#);
    server.file("other.json", r#"{"name": "deploy", "title": "Deploy v6.6?"}"#);
    let workspace = server.text("workspace");
    for (flag, right, wrong) in [
        ("--workspace", workspace, "wsp_other"),
        ("--environment", "dev", "live"),
        ("--approval", &id, "apr_01jh0000000000000000000000"),
        ("--action", "action.json", "other.json"),
    ] {
        verify(&server, &["bundle.json", "--trust", "jwks.json", flag, right]).expect(0);
        verify(&server, &["bundle.json", "--trust", "jwks.json", flag, wrong]).expect(4);
    }
}

#[test]
fn there_is_nothing_to_prove_about_a_pending_question() {
    let server = Dev::start();
    let id = server.asked(&[]);
    let early = server.agent(&["proof", &id]).expect(1);
    assert!(early.err.contains("has not ended yet"), "{}", early.err);
}
