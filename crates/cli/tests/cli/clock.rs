//! The machine's clock is turned while the real binary runs: nothing is extended, reopened or
//! approved by it. libfaketime stands between the server and its clock; clients keep the true one.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Dev, eventually};

/// Where Debian and its kin have it, on whatever machine.
fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|folder| folder.path());
    let places = folders.chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")]);
    let mut found = places.map(|place| place.join("faketime/libfaketime.so.1"));
    found.find(|library| library.exists()).unwrap_or_else(|| {
        panic!("this needs libfaketime: apt-get install libfaketime, as scripts/test does itself")
    })
}

/// A server whose clock is as far from the true one as `shift` in its folder says.
pub(crate) fn server(folder: &Path) -> Dev {
    let mut command = Dev::command(&folder.join("data"));
    command
        .env("LD_PRELOAD", libfaketime())
        .env("FAKETIME_TIMESTAMP_FILE", folder.join("shift"))
        .env("FAKETIME_NO_CACHE", "1")
        // Naps go on as they do on a machine whose clock is set.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Dev::run(command, &folder.join("data"))
}

fn shift(folder: &Path, by: &str) {
    // Put in place at once: the server may look at any moment.
    let new = folder.join("shift.new");
    std::fs::write(&new, format!("{by}\n")).unwrap();
    std::fs::rename(new, folder.join("shift")).unwrap();
}

fn show(server: &Dev, id: &str) -> Value {
    server.admin(&["show", id, "--json"]).expect(0).json()
}

fn moment(approval: &Value, member: &str) -> String {
    approval[member].as_str().unwrap().to_owned()
}

#[test]
fn a_clock_that_is_set_extends_nothing_and_approves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shift(folder, "+0");
    let first = server(folder);
    let (open, approved) = (first.asked(&[]), first.asked(&[]));
    first.vote(&approved, "approve");
    let before = show(&first, &open);

    // Two days back: time stands still, and deadlines stay where they are.
    shift(folder, "-2d");
    let late = first.asked(&["--expires-in", "10s"]);
    let fresh = show(&first, &late);
    assert!(moment(&fresh, "created_at") >= moment(&before, "created_at"));
    assert_eq!(show(&first, &open), before);
    let next = show(&first, &first.asked(&[]));
    assert_eq!(moment(&next, "created_at"), moment(&fresh, "created_at"), "the clock is back");
    // The same after a crash: what was recorded is known again.
    first.kill();
    let second = server(folder);
    let after = second.asked(&[]);
    assert!(
        moment(&show(&second, &after), "created_at") >= moment(&fresh, "created_at"),
        "time goes on from what was recorded, not from what the clock says"
    );
    assert_eq!(show(&second, &open)["status"], "pending");

    // Three hours ahead: everything that was open is over, and what was approved has lapsed.
    shift(folder, "+3h");
    for id in [&open, &late, &after] {
        assert_eq!(show(&second, id)["status"], "expired");
        let refused = second.approver(&["vote", id, "approve", "--yes"]).expect(1);
        assert!(refused.err.contains("expired"), "{}", refused.err);
    }
    let claim = show(&second, &approved);
    assert_eq!((&claim["usable"], &claim["claim"]["state"]), (&false.into(), &"lapsed".into()));
    // The worker has noted it, with the deadline as the time of the end.
    eventually(|| second.admin(&["audit", "export"]).out.contains("approval.expired"));
    assert_eq!(show(&second, &open)["decision"]["decided_at"], before["expires_at"]);

    // Set right again, nothing comes back to life, after a restart neither.
    shift(folder, "+0");
    assert_eq!(show(&second, &open)["status"], "expired");
    second.kill();
    let third = server(folder);
    for id in [&open, &late, &after] {
        assert_eq!(show(&third, id)["status"], "expired");
        third.approver(&["vote", id, "approve", "--yes"]).expect(1);
    }
    assert_eq!(show(&third, &approved)["usable"], false);
    let log = third.admin(&["audit", "verify"]).expect(0).out;
    assert!(!log.is_empty());
}
