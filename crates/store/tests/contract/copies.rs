//! Copies of a SQLite file: taken beside a server that writes, and believed only if whole.

use std::sync::Arc;

use askfirst_core::Allowances;
use askfirst_store::{Options, SqliteStore, Store, StoreError, copies};
use rusqlite::Connection;

use crate::sqlite::SqliteFile;
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_while_the_store_writes_is_whole_and_has_what_was_acknowledged() {
    let world = World::<SqliteFile>::new().await;
    for _ in 0..20 {
        world.ask().await;
    }
    let (from, to) = (world.home.path(), world.home.path().with_extension("copy"));
    let copying = tokio::task::spawn_blocking({
        let (from, to) = (from.clone(), to.clone());
        move || copies::copy(&from, &to)
    });
    for _ in 0..50 {
        world.ask().await;
    }
    copying.await.unwrap().unwrap();
    let census = copies::examine(&to).unwrap();
    assert!((20..=70).contains(&census.approvals), "{census:?}");
    assert_eq!(census.pending, census.approvals);
    assert_eq!((census.workspaces, census.schema), (2, copies::newest_schema()));
    let ours = world.us.place.workspace;
    let head = census.heads.iter().find(|(id, _)| *id == ours).unwrap().1;
    let log = world.store.audit(ours, Some(head.index - 1), 1).await.unwrap();
    assert_eq!(log[0].hash, head.hash, "the copy's log is the beginning of the store's");

    let issuer_base = "https://ask.example".into();
    let options = Options {
        clock: Arc::clone(&world.clock) as _,
        issuer_base,
        readers: 1,
        allowances: Allowances::default(),
    };
    let copy = SqliteStore::open(&to, options).unwrap();
    assert_eq!(copy.health().await.unwrap().pending, census.pending);
    copy.close().await;
    world.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_takes_a_databases_place_gives_no_slot_that_may_be_taken() {
    let world = World::<SqliteFile>::new().await;
    let to = world.home.path().with_extension("copy");
    copies::copy(&world.home.path(), &to).unwrap();
    let last = || {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'proof_tokens'";
        Connection::open(&to).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    // Each time it goes on in another list of 131,072.
    for list in 1..4 {
        copies::prepare(&to).unwrap();
        assert_eq!(last(), list * 131_072 - 1);
    }
    copies::examine(&to).unwrap();
    world.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_whole_not_ours_or_newer_is_not_believed() {
    let world = World::<SqliteFile>::new().await;
    world.ask().await;
    let to = |name: &str| world.home.path().with_file_name(name);
    let changed = |name: &str, sql: &str| {
        let to = to(name);
        copies::copy(&world.home.path(), &to).unwrap();
        let connection = Connection::open(&to).unwrap();
        connection.execute_batch(&format!("PRAGMA foreign_keys = off; {sql}")).unwrap();
        drop(connection);
        copies::examine(&to)
    };
    changed("same.db", "").unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                 VALUES (999, 'tomorrow', '2030-01-01T00:00:00Z', '1')";
    for (name, sql, said) in [
        ("newer.db", newer, "newer askfirst"),
        ("other.db", "UPDATE refinery_schema_history SET checksum = '1'", "unreleased askfirst"),
        ("orphan.db", "DELETE FROM workspaces", "refers to one that is not there"),
        ("theirs.db", "PRAGMA application_id = 7", "is not a database of askfirst"),
    ] {
        let refused = changed(name, sql).unwrap_err().to_string();
        assert!(refused.contains(said), "{name}: {refused}");
    }
    // A page of an index overwritten with another one's content.
    let torn = to("torn.db");
    copies::copy(&world.home.path(), &torn).unwrap();
    let mut bytes = std::fs::read(&torn).unwrap();
    let last = bytes.len() - 4_096;
    bytes.copy_within(4_096..8_192, last);
    std::fs::write(&torn, bytes).unwrap();
    let refused = copies::examine(&torn).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");
    world.store.close().await;
}
