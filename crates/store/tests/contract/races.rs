//! Many at once: whatever the order, there is one end, one claim and one row.

use std::sync::Arc;

use askfirst_core::*;
use askfirst_store::*;

use crate::world::{Home, World, ask, cast, execute, idempotent};

/// Carries out all requests at the same time.
async fn together(
    store: &Arc<dyn Store>,
    requests: Vec<Execute>,
) -> Vec<Result<Committed, ExecuteError>> {
    let started: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store.execute(request).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in started {
        answers.push(task.await.unwrap());
    }
    answers
}

pub(crate) async fn of_64_racing_actors_one_gives_the_outcome<H: Home>() {
    let world = World::<H>::new().await;
    let us = world.us.clone();
    for round in 0..8 {
        let asked = world.ask().await;
        // In half of the rounds the deadline comes first, so that expiry is in the race too.
        if round % 2 == 1 {
            world.clock.advance(3_600);
        }
        let actors = (0..64).map(|actor| match (actor + round) % 4 {
            0 => (Credential::Key(us.ben_key), cast(&asked, VoteDecision::Approve)),
            1 => (Credential::Key(us.cleo_key), cast(&asked, VoteDecision::Reject)),
            2 => (Credential::Key(us.asker), Command::Cancel { reason: None }),
            _ => (Credential::System, Command::Expire),
        });
        let requests = actors.map(|(by, command)| execute(&us, by, asked.id, command)).collect();
        let answers = together(&world.store, requests).await;

        let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
        assert_eq!(won.len(), 1, "round {round}");
        let now = world.store.approval(us.place, asked.id).await.unwrap().unwrap();
        assert_eq!(*won[0].approval, now);
        let winner = now.decision.clone().unwrap();
        for answer in &answers {
            match answer {
                Ok(_) | Err(ExecuteError::Refused(Refusal::NotDue { .. })) => {}
                Err(ExecuteError::Refused(Refusal::AlreadyDecided { status, at, .. })) => {
                    assert_eq!((*status, *at), (winner.status, winner.decided_at));
                }
                other => panic!("round {round}: {other:?}"),
            }
        }
        let ends = ["approved", "rejected", "expired", "cancelled"];
        let names = world.event_names(asked.id).await;
        assert_eq!(names.iter().filter(|name| ends.contains(&name.as_str())).count(), 1);
        assert!(world.store.proof(us.place, asked.id).await.unwrap().is_some());
    }
    assert_eq!(world.home.number("SELECT count(*) FROM proofs"), 8);
    assert_eq!(world.home.number("SELECT count(due_at) FROM approvals"), 0);
    assert_eq!(world.home.number("SELECT count(*) FROM outbox"), 8);
}

pub(crate) async fn of_64_racing_consumers_one_claims<H: Home>() {
    let world = World::<H>::new().await;
    let us = world.us.clone();
    let mut ask = ask(&us, PolicyChoice::Default);
    ask.consumers = vec![us.other_asker];
    let asked = world.run(us.asker, ask.id, Command::Ask(Box::new(ask))).await.unwrap().approval;
    world.approve(us.ben_key, &asked).await;
    let requests = (0..64).map(|actor| {
        let key = if actor % 2 == 0 { us.asker } else { us.other_asker };
        let command = match actor % 8 {
            7 => (us.ben_key, Command::Revoke { reason: None }),
            _ => (key, Command::Consume { action_digest: asked.action_digest }),
        };
        execute(&us, Credential::Key(command.0), asked.id, command.1)
    });
    let answers = together(&world.store, requests.collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let now = world.store.approval(us.place, asked.id).await.unwrap().unwrap();
    assert!(now.claim.is_some());
    assert_eq!(now.version, asked.version + 3);
}

pub(crate) async fn of_100_repeated_asks_at_once_one_is_put<H: Home>() {
    let world = World::<H>::new().await;
    let us = world.us.clone();
    let before = world.home.rows();
    let requests = (0..100).map(|_| {
        // A retry carries a fresh id every time; the first one's is the approval's.
        let ask = ask(&us, PolicyChoice::Default);
        let by = Credential::Key(us.asker);
        idempotent(execute(&us, by, ask.id, Command::Ask(Box::new(ask))), "once", 1)
    });
    let answers = together(&world.store, requests.collect()).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    let id = answers[0].approval.id;
    assert!(answers.iter().all(|answer| answer.approval.id == id));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.replayed == answer.events.is_empty()));
    let after = world.home.rows();
    for table in ["approvals", "snapshots", "events", "audit", "idempotency"] {
        assert_eq!(after[table], before[table] + 1, "{table}");
    }
}

pub(crate) async fn of_100_asks_at_once_as_many_are_put_as_there_is_room_for<H: Home>() {
    let mut world = World::<H>::new().await;
    let allowance = Allowance { pending: 7, ..Allowance::default() };
    world.reopen_with(Allowances { key: allowance, ..Allowances::default() }).await;
    let us = world.us.clone();
    let requests = (0..100).map(|_| {
        let ask = ask(&us, PolicyChoice::Default);
        execute(&us, Credential::Key(us.asker), ask.id, Command::Ask(Box::new(ask)))
    });
    let answers = together(&world.store, requests.collect()).await;
    let (put, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((put.len(), refused.len()), (7, 93));
    let full = |error: &ExecuteError| matches!(error, ExecuteError::Refused(Refusal::OverLimit(_)));
    assert!(refused.into_iter().all(|answer| full(&answer.unwrap_err())));
    let room = world.store.room(us.place, Some(us.asker)).await.unwrap();
    assert_eq!((room.key.pending.used, room.workspace.pending.used), (7, 7));
    assert_eq!(world.store.full_keys(us.place).await.unwrap()[0].key, us.asker);
    assert_eq!(world.store.full_keys(world.them.place).await.unwrap(), []);
    // The count is as durable as what it counts.
    world.reopen_with(Allowances { key: allowance, ..Allowances::default() }).await;
    let kept = world.store.room(us.place, Some(us.asker)).await.unwrap();
    assert_eq!(kept, room);
}

pub(crate) async fn of_two_last_owners_leaving_at_once_one_stays<H: Home>() {
    use askfirst_core::administration::{Change, Denied};
    let world = World::<H>::new().await;
    let us = world.us.clone();
    let own =
        Change::UpdateMember { id: us.ben, name: None, role: Some(Role::Owner), enabled: None };
    world.administer(own).await.unwrap();
    let leave = |id| Change::UpdateMember { id, name: None, role: None, enabled: Some(false) };
    let (ana, ben) = tokio::join!(world.administer(leave(us.ana)), world.administer(leave(us.ben)));
    let refused = [ana.err(), ben.err()].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(refused[..], [AdministerError::Denied(Denied::LastOwner)]), "{refused:?}");
}

pub(crate) async fn an_operation_that_fails_harms_no_other<H: Home>() {
    use askfirst_core::administration::Change;
    let world = World::<H>::new().await;
    let us = world.us.clone();
    // An id that is taken is no case for the rules: the database itself refuses it.
    let broken = || Change::AddMember {
        id: us.ben,
        email: "new@us.example".into(),
        name: "New".into(),
        role: Role::Approver,
    };
    let requests = (0..64).map(|_| {
        let ask = ask(&us, PolicyChoice::Default);
        execute(&us, Credential::Key(us.asker), ask.id, Command::Ask(Box::new(ask)))
    });
    let (answers, first, second) = tokio::join!(
        together(&world.store, requests.collect()),
        world.administer(broken()),
        world.administer(broken()),
    );
    for broken in [first, second] {
        let unavailable = matches!(broken, Err(AdministerError::Store(StoreError::Unavailable(_))));
        assert!(unavailable, "{broken:?}");
    }
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.home.number("SELECT count(*) FROM approvals"), 64);
    let records = world.store.audit(us.place.workspace, None, 1_000).await.unwrap();
    let entries = records.into_iter().map(|record| (record.entry, record.hash));
    let workspace = us.place.workspace.to_string();
    askfirst_proof::log::verify_chain(&workspace, entries, &[]).unwrap();
    assert!(world.store.health().await.unwrap().writable);
}
