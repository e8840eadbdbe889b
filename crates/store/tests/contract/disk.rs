//! Opening, and what happens when the disk fails at the worst moment.

use std::sync::Arc;

use askfirst_core::*;
use askfirst_store::*;

use crate::world::{Home, World, ask, execute};

pub(crate) async fn a_second_server_is_refused<H: Home>() {
    let world = World::<H>::new().await;
    let second = world.home.open(Arc::clone(&world.clock)).err().unwrap();
    assert!(matches!(second, StoreError::InUse(_)));
    assert!(second.to_string().contains("another askfirst is using"), "{second}");
    world.store.close().await;
    world.home.open(Arc::clone(&world.clock)).unwrap().close().await;
}

pub(crate) async fn a_newer_schema_is_refused<H: Home>() {
    let world = World::<H>::new().await;
    world.store.close().await;
    world.home.pretend_newer();
    let before = world.home.rows();
    let refused = world.home.open(Arc::clone(&world.clock)).err().unwrap();
    assert!(matches!(refused, StoreError::CannotOpen(_)));
    assert!(refused.to_string().contains("newer askfirst"), "{refused}");
    assert_eq!(world.home.rows(), before);
}

pub(crate) async fn a_closed_store_takes_no_writes<H: Home>() {
    let world = World::<H>::new().await;
    world.store.close().await;
    let late = ask(&world.us, PolicyChoice::Default);
    let answer = world.run(world.us.asker, late.id, Command::Ask(Box::new(late))).await;
    let refused = matches!(answer, Err(ExecuteError::Store(StoreError::Unavailable(_))));
    assert!(refused, "{answer:?}");
}

async fn a_failed_commit<H: Home>(durable: bool) {
    let world = World::<H>::new().await;
    let asked = world.ask().await;
    world.store.close().await;
    let (store, levers) = world.home.open_with_levers(Arc::clone(&world.clock));
    levers.fail_next_commit(durable);
    let mut changes = store.changes();
    let us = &world.us;
    let by = Credential::Key(us.asker);
    let cancel = Command::Cancel { reason: None };
    let unknown = store.execute(execute(us, by, asked.id, cancel.clone())).await;
    let said = matches!(unknown, Err(ExecuteError::Store(StoreError::Unknown(_))));
    assert!(said, "{unknown:?}");
    assert_eq!(*changes.recv().await.unwrap(), [Change::Halted]);
    assert!(!store.health().await.unwrap().writable);
    for _ in 0..2 {
        let later = store.execute(execute(us, by, asked.id, cancel.clone())).await;
        let said = matches!(later, Err(ExecuteError::Store(StoreError::Unavailable(_))));
        assert!(said, "{later:?}");
    }
    store.close().await;

    // Only the disk knows, and a restart asks it.
    let store = world.home.open(Arc::clone(&world.clock)).unwrap();
    let truth = store.approval(us.place, asked.id).await.unwrap().unwrap();
    assert_eq!(truth.decision.is_some(), durable);
    let again = store.execute(execute(us, by, asked.id, cancel)).await;
    assert_eq!(again.is_ok(), !durable, "{again:?}");
    assert_eq!(world.home.number("SELECT count(*) FROM proofs"), 1);
    store.close().await;
}

pub(crate) async fn a_failed_commit_that_was_lost_is_unknown_and_halts<H: Home>() {
    a_failed_commit::<H>(false).await;
}

pub(crate) async fn a_failed_commit_that_was_kept_is_unknown_and_halts<H: Home>() {
    a_failed_commit::<H>(true).await;
}

pub(crate) async fn a_full_disk_refuses_what_it_cannot_keep<H: Home>() {
    let world = World::<H>::new().await;
    world.store.close().await;
    let (store, levers) = world.home.open_with_levers(Arc::clone(&world.clock));
    let us = &world.us;
    let ask = async || {
        let ask = ask(us, PolicyChoice::Default);
        let id = ask.id;
        let by = Credential::Key(us.asker);
        (id, store.execute(execute(us, by, id, Command::Ask(Box::new(ask)))).await)
    };
    levers.fill_disk(true);
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        match ask().await {
            (id, Ok(_)) => kept.push(id),
            (id, Err(ExecuteError::Store(StoreError::Unavailable(_)))) => lost.push(id),
            (_, other) => panic!("{other:?}"),
        }
    }
    assert!(!lost.is_empty());
    assert!(store.health().await.unwrap().writable);
    levers.fill_disk(false);
    kept.push(ask().await.1.unwrap().approval.id);
    store.close().await;

    let store = world.home.open(Arc::clone(&world.clock)).unwrap();
    // What was rolled back was not counted either.
    let room = store.room(us.place, Some(us.asker)).await.unwrap();
    assert_eq!(room.key.pending.used, kept.len() as u64);
    for id in kept {
        assert!(store.approval(us.place, id).await.unwrap().is_some());
    }
    for id in lost {
        assert_eq!(store.approval(us.place, id).await.unwrap(), None);
    }
    let records = store.audit(us.place.workspace, None, 1_000).await.unwrap();
    let entries = records.into_iter().map(|record| (record.entry, record.hash));
    let workspace = us.place.workspace.to_string();
    askfirst_proof::log::verify_chain(&workspace, entries, &[]).unwrap();
    store.close().await;
}

pub(crate) async fn nothing_is_written_to_what_was_carried_off<H: Home>() {
    let world = World::<H>::new().await;
    let before = world.ask().await;
    world.home.carry_off(true);
    let late = ask(&world.us, PolicyChoice::Default);
    let refused = world.run(world.us.asker, late.id, Command::Ask(Box::new(late))).await;
    let told = matches!(refused, Err(ExecuteError::Store(StoreError::Unavailable(_))));
    assert!(told, "{refused:?}");
    assert!(!world.store.health().await.unwrap().writable);
    world.home.carry_off(false);
    let after = world.ask().await;
    world.store.close().await;
    let store = world.home.open(Arc::clone(&world.clock)).unwrap();
    for approval in [before, after] {
        assert!(store.approval(world.us.place, approval.id).await.unwrap().is_some());
    }
    store.close().await;
}

pub(crate) async fn on_a_disk_nearly_full_people_decide_and_nothing_new_is_asked<H: Home>() {
    let mut world = World::<H>::new().await;
    world.store.close().await;
    let (store, levers) = world.home.open_with_levers(Arc::clone(&world.clock));
    world.store = store;
    let (one, two) = (world.ask().await, world.ask().await);
    let before = world.home.rows();
    levers.keep_free(u64::MAX);
    let late = ask(&world.us, PolicyChoice::Default);
    let refused = world.run(world.us.asker, late.id, Command::Ask(Box::new(late))).await;
    assert!(matches!(refused, Err(ExecuteError::NoRoom { .. })), "{refused:?}");
    assert_eq!(world.home.rows(), before, "what is refused leaves nothing");
    let asks = async || {
        let late = ask(&world.us, PolicyChoice::Default);
        world.run(world.us.asker, late.id, Command::Ask(Box::new(late))).await
    };
    // Also of those that are committed together, only the questions are refused.
    let (vote, ask) = tokio::join!(world.approve(world.us.ana_key, &one), asks());
    assert!(vote.decision.is_some());
    assert!(matches!(ask, Err(ExecuteError::NoRoom { .. })), "{ask:?}");
    let cancel = Command::Cancel { reason: None };
    world.run(world.us.asker, two.id, cancel).await.unwrap();
    levers.keep_free(0);
    asks().await.unwrap();
    world.store.close().await;
}
