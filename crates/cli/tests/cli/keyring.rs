//! `askfirst keyring`: another key signs, another key seals, the sealing key is lost; and whatever
//! was signed before can be checked all the same.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Dev, Done, run};

fn keyring(data: &Path, args: &[&str]) -> Done {
    run(&[&["keyring"], args, &["--data", data.to_str().unwrap(), "--json"]].concat())
}

fn states(data: &Path) -> Vec<String> {
    let keys = keyring(data, &["list"]).expect(0).json();
    let keys = keys["data"].as_array().unwrap().clone();
    keys.iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

/// Asks and approves; gives who signed it, checked with what the server publishes.
fn signer(server: &Dev) -> Value {
    let id = server.asked(&[]);
    server.vote(&id, "approve");
    checked(server, &id)["signer"].clone()
}

fn checked(server: &Dev, id: &str) -> Value {
    // The agent's key is derived from the sealing key; this one sees what others asked too.
    server.admin(&["proof", id, "--bundle", "--output", "bundle.json"]).expect(0);
    server.agent(&["jwks", "--output", "jwks.json"]).expect(0);
    server.agent(&["verify", "bundle.json", "--trust", "jwks.json", "--json"]).expect(0).json()
}

fn published(server: &Dev) -> usize {
    let jwks = server.agent(&["jwks"]).expect(0).out;
    serde_json::from_str::<Value>(&jwks).unwrap()["keys"].as_array().unwrap().len()
}

/// A folder that outlives its servers.
fn place() -> (tempfile::TempDir, PathBuf) {
    let own = tempfile::tempdir().unwrap();
    let data = own.path().join("data");
    (own, data)
}

#[test]
fn another_key_is_published_first_and_signs_later() {
    let (_own, data) = place();
    let server = Dev::start_in(&data);
    let first = signer(&server);
    let busy = keyring(&data, &["rotate"]).expect(78);
    assert!(busy.err.contains("another askfirst is using"), "{}", busy.err);
    server.stop();

    let next = keyring(&data, &["rotate", "--overlap", "1h"]).expect(0).json();
    assert_eq!(next["state"], "comes");
    assert_eq!(states(&data), ["signs", "comes"]);
    let server = Dev::start_in(&data);
    assert_eq!(published(&server), 2, "both, before the new one signs");
    assert_eq!(signer(&server), first);
    server.stop();

    let now = keyring(&data, &["rotate", "--overlap", "0"]).expect(0).json();
    assert_eq!(states(&data), ["published", "signs", "comes"]);
    let server = Dev::start_in(&data);
    let old = server.asked(&[]);
    assert_eq!(signer(&server), now["kid"]);
    server.vote(&old, "approve");
    // The log tells both, and goes on.
    let log = server.admin(&["audit", "export"]).expect(0).out;
    assert_eq!(log.matches("keyring.rotated").count(), 2, "{log}");
    server.admin(&["audit", "verify"]).expect(0);
}

#[test]
fn another_sealing_key_takes_over_whole() {
    let (own, data) = place();
    let server = Dev::start_in(&data);
    let first = signer(&server);
    server.stop();
    let (present, new) = (data.join("secrets/sealing.key"), own.path().join("new.key"));
    let new_path = new.to_str().unwrap();
    let same = keyring(&data, &["reseal", present.to_str().unwrap()]).expect(64);
    assert!(same.err.contains("the present sealing key"), "{}", same.err);
    assert_eq!(keyring(&data, &["reseal", new_path]).expect(0).json()["keys"], 1);

    // The old one opens nothing any more, and that is said.
    let refused = run(&["dev", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    assert!(refused.expect(78).err.contains("sealing key"), "the old key must not fit");
    keyring(&data, &["rotate"]).expect(78);
    std::fs::rename(&new, &present).unwrap();
    let server = Dev::start_in(&data);
    assert_eq!(signer(&server), first, "the same key signs");
}

#[test]
fn a_lost_sealing_key_ends_the_old_keys_and_not_what_they_signed() {
    let (_own, data) = place();
    let server = Dev::start_in(&data);
    let id = server.asked(&[]);
    server.vote(&id, "approve");
    let first = checked(&server, &id)["signer"].clone();
    server.stop();
    let early = keyring(&data, &["replace-lost", "--yes"]).expect(1);
    assert!(early.err.contains("nothing is lost"), "{}", early.err);
    std::fs::remove_file(data.join("secrets/sealing.key")).unwrap();
    let (to, from) = (data.parent().unwrap().join("a.db"), data.to_str().unwrap());
    let to = to.to_str().unwrap();
    run(&["backup", to, "--data", from]).expect(0);
    std::fs::remove_file(data.join("askfirst.db")).unwrap();
    let told = run(&["restore", to, "--data", from]).expect(78).err;
    assert!(told.contains("--sealing-key-lost"), "{told}");
    run(&["restore", to, "--data", from, "--sealing-key-lost"]).expect(0);
    let rotate = keyring(&data, &["rotate"]).expect(78);
    assert!(rotate.err.contains("there is no sealing key at"), "{}", rotate.err);
    let unasked = keyring(&data, &["replace-lost"]).expect(64);
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(states(&data), ["signs"], "nothing was changed");

    let made = keyring(&data, &["replace-lost", "--yes"]).expect(0).json();
    assert_eq!(states(&data), ["lost", "signs"]);
    let server = Dev::start_in(&data);
    assert_eq!(signer(&server), made["kid"]);
    assert_eq!(checked(&server, &id)["signer"], first, "what it signed is still checked");
    assert_eq!(published(&server), 2);
    let log = server.admin(&["audit", "export"]).expect(0).out;
    assert!(log.contains("keyring.replaced"), "{log}");
}
