//! Idempotency keys: a repeat gives the first one's result, and only to whom it belongs.

use askfirst_core::administration::Change;
use askfirst_core::*;
use askfirst_store::*;

use crate::world::{Home, Tenant, World, ask, cast, execute, idempotent, new_key};

fn keyed(tenant: &Tenant, key: KeyId, body: u8) -> Execute {
    let mut ask = ask(tenant, PolicyChoice::Default);
    if key == tenant.test_asker {
        ask.environment = Environment::Test;
    }
    let place = Place { environment: ask.environment, ..tenant.place };
    let by = Credential::Key(key);
    let request = execute(tenant, by, ask.id, Command::Ask(Box::new(ask)));
    idempotent(Execute { place, ..request }, "same", body)
}

pub(crate) async fn another_body_under_the_same_key_is_a_mistake<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    world.store.execute(keyed(us, us.asker, 1)).await.unwrap();
    let before = world.home.rows();
    let other = world.store.execute(keyed(us, us.asker, 2)).await;
    assert!(matches!(other, Err(ExecuteError::IdempotencyMismatch)), "{other:?}");
    assert_eq!(world.home.rows(), before);
}

pub(crate) async fn another_credentials_same_key_never_matches<H: Home>() {
    let world = World::<H>::new().await;
    let (us, them) = (&world.us, &world.them);
    let mut made = Vec::new();
    for request in [
        keyed(us, us.asker, 1),
        keyed(us, us.other_asker, 1),
        keyed(us, us.test_asker, 1),
        keyed(them, them.asker, 1),
    ] {
        let answer = world.store.execute(request).await.unwrap();
        assert!(!answer.replayed);
        made.push(answer.approval.id);
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 4);
    let mut elsewhere = keyed(us, us.asker, 1);
    elsewhere.idempotency.as_mut().unwrap().operation = "ask something else".into();
    assert!(!world.store.execute(elsewhere).await.unwrap().replayed);
}

pub(crate) async fn a_repeat_gives_the_approval_as_it_is_now<H: Home>() {
    let mut world = World::<H>::new().await;
    let us = world.us.clone();
    let first = world.store.execute(keyed(&us, us.asker, 1)).await.unwrap().approval;
    let decided = world.approve(us.ben_key, &first).await;
    world.reopen().await;
    let again = world.store.execute(keyed(&us, us.asker, 1)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.events, []);
    assert_eq!(*again.approval, decided);
}

pub(crate) async fn a_repeated_vote_is_not_a_second_vote<H: Home>() {
    let world = World::<H>::new().await;
    let asked = world.ask_under("two").await;
    let by = Credential::Key(world.us.ben_key);
    let vote = execute(&world.us, by, asked.id, cast(&asked, VoteDecision::Approve));
    let vote = idempotent(vote, "vote", 1);
    let first = world.store.execute(vote.clone()).await.unwrap();
    let again = world.store.execute(vote).await.unwrap();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(again.approval, first.approval);
    assert_eq!(again.approval.votes.len(), 1);
}

pub(crate) async fn a_revoked_key_gets_no_repeat<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    world.store.execute(keyed(us, us.asker, 1)).await.unwrap();
    world.administer(Change::RevokeKey { id: us.asker }).await.unwrap();
    let again = world.store.execute(keyed(us, us.asker, 1)).await;
    let worthless = Refusal::Credential(Standing::Revoked);
    assert!(matches!(&again, Err(ExecuteError::Refused(no)) if *no == worthless), "{again:?}");
}

pub(crate) async fn a_key_is_kept_until_seven_days_after_the_end<H: Home>() {
    const DAY: i64 = 86_400;
    let world = World::<H>::new().await;
    let us = &world.us;
    let ended = world.store.execute(keyed(us, us.asker, 1)).await.unwrap().approval;
    let waiting = world.store.execute(keyed(us, us.other_asker, 1)).await.unwrap().approval;
    world.approve(us.ben_key, &ended).await;

    world.clock.advance(7 * DAY - 1);
    world.store.tidy().await.unwrap();
    assert!(world.store.execute(keyed(us, us.asker, 1)).await.unwrap().replayed);
    world.clock.advance(1);
    assert_eq!(world.store.tidy().await.unwrap(), 1);
    assert!(!world.store.execute(keyed(us, us.asker, 1)).await.unwrap().replayed);
    // Overdue, but no timer has ended it: its key stays.
    let again = world.store.execute(keyed(us, us.other_asker, 1)).await.unwrap();
    assert_eq!((again.replayed, again.approval.id), (true, waiting.id));
}

pub(crate) async fn a_repeated_administrative_change_is_made_once<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let change = |body| Administer {
        workspace: us.place.workspace,
        credential: Credential::System,
        change: Change::AddKey(new_key(&[Scope::Ask], None, us.ana)),
        idempotency: Some(Idempotency {
            key: "same".into(),
            operation: "add key".into(),
            fingerprint: [body; 32],
        }),
    };
    let first = world.store.administer(change(1)).await.unwrap();
    let before = world.home.rows();
    let again = world.store.administer(change(1)).await.unwrap();
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(again.subject, first.subject);
    let other = world.store.administer(change(2)).await;
    assert!(matches!(other, Err(AdministerError::IdempotencyMismatch)), "{other:?}");
    assert_eq!(world.home.rows(), before);
}
