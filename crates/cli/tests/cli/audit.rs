//! The audit log, taken away and checked.

use crate::support::Dev;

#[test]
fn the_log_is_checked_on_the_server_and_from_the_file() {
    let server = Dev::start();
    let id = server.asked(&[]);
    server.vote(&id, "approve");
    let whole = server.admin(&["audit", "verify", "--json"]).expect(0).json();
    assert_eq!(whole["whole"], true);
    assert_eq!(whole["workspace"], server.text("workspace"));
    assert_eq!(whole["against_saved_head"], false);
    let head = whole["head"].as_str().unwrap().to_owned();

    let file = server.folder.join("audit.jsonl");
    let path = file.to_str().unwrap();
    let told = server.admin(&["audit", "export", "--output", path]).expect(0);
    assert!(told.out.contains("bytes in"), "{}", told.out);
    let log = std::fs::read_to_string(&file).unwrap();
    assert_eq!(log, server.admin(&["audit", "export"]).expect(0).out);
    assert_eq!(log.lines().count() as u64, whole["entries"].as_u64().unwrap());
    assert!(log.contains("approval.approved"), "{log}");
    let checked = server.agent(&["audit", "verify", path, "--head", &head]).expect(0);
    assert!(checked.out.contains(&head), "{}", checked.out);
    assert!(!checked.out.contains("Keep this head"), "{}", checked.out);

    let verify = |log: &str, more: &[&str]| {
        let path = server.file("changed.jsonl", log);
        server.agent(&[&["audit", "verify", &path], more].concat())
    };
    let changed = log.replacen("\"approve\"", "\"reject\"", 1);
    assert_ne!(changed, log);
    let told = verify(&changed, &[]).expect(4);
    assert!(told.out.contains("NOT WHOLE"), "{}", told.out);
    let lines: Vec<_> = log.lines().collect();
    let gap = [&lines[..2], &lines[3..]].concat().join("\n");
    verify(&gap, &[]).expect(4);
    // A cut tail shows against a head that was saved before, and only against that.
    let cut = lines[..lines.len() - 1].join("\n");
    let told = verify(&cut, &[]).expect(0);
    assert!(told.out.contains("a cut tail or a log written anew cannot be seen"), "{}", told.out);
    let told = verify(&cut, &["--head", &head, "--json"]).expect(4).json();
    assert_eq!(told["whole"], false);
}

#[test]
fn what_is_no_log_is_said_so() {
    let server = Dev::start();
    let empty = server.file("empty.jsonl", "");
    assert!(server.agent(&["audit", "verify", &empty]).expect(64).err.contains("no entry"));
    let other = server.file("other.jsonl", "{}\n");
    let told = server.agent(&["audit", "verify", &other]).expect(1);
    assert!(told.err.contains("line 1"), "{}", told.err);
    server.agent(&["audit", "verify", &other, "--head", "seven"]).expect(64);
    // Who asks may not read what others did.
    assert!(server.agent(&["audit", "export"]).expect(1).err.contains("audit"));
}

#[test]
fn a_part_of_the_log_is_exported_for_spreadsheets_and_for_people() {
    let server = Dev::start();
    let id = server.asked(&[]);
    server.vote(&id, "approve");
    let csv = server.admin(&["audit", "export", "--format", "csv", "--kind", "approval"]).expect(0);
    assert!(csv.out.starts_with("index,at,actor,kind,subject,detail,previous,hash\r\n"));
    assert_eq!(csv.out.lines().count(), 4, "{}", csv.out);
    let about = ["audit", "export", "--subject", &id, "--actor", "dev@localhost.test"];
    let part = server.admin(&about).expect(0).out;
    assert!(!part.is_empty() && part.lines().all(|line| line.contains(&id)), "{part}");
    let early = server.admin(&["audit", "export", "--until", "2020-01-31"]).expect(0);
    assert_eq!(early.out, "");
    // A part is no chain, and says so.
    let file = server.file("part.jsonl", &part);
    server.agent(&["audit", "verify", &file]).expect(4);
    assert!(server.admin(&["audit", "export", "--since", "soon"]).expect(64).err.contains("a day"));
    let told = server.admin(&["audit", "export", "--kind", "%"]).expect(1);
    assert!(told.err.contains("member.added"), "{}", told.err);
}

#[test]
fn an_export_that_fails_leaves_the_file_as_it_was() {
    let server = Dev::start();
    let kept = server.file("kept.csv", "precious");
    server.agent(&["audit", "export", "--format", "csv", "--output", &kept]).expect(1);
    let content = || std::fs::read_to_string(server.folder.join(&kept)).unwrap();
    assert_eq!(content(), "precious");
    assert!(!server.folder.join("kept.csv.part").exists());
    server.admin(&["audit", "export", "--format", "csv", "--output", &kept]).expect(0);
    assert!(content().starts_with("index,"));
}
