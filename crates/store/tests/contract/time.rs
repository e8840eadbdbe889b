//! Clock, deadlines and work that waits.

use askfirst_core::*;
use askfirst_store::*;

use crate::world::{Home, START, World};

pub(crate) async fn now_never_goes_back_when_the_clock_does<H: Home>() {
    let mut world = World::<H>::new().await;
    world.clock.advance(100);
    let asked = world.ask().await;
    let before = world.store.now();
    assert_eq!(before, Timestamp::from_seconds(START + 100));
    world.clock.advance(-3_600);
    assert_eq!(world.store.now(), before);
    let approved = world.approve(world.us.ben_key, &asked).await;
    assert!(approved.decision.unwrap().decided_at >= asked.created_at);

    world.reopen().await;
    assert_eq!(world.store.now(), before);
    world.clock.advance(3_601);
    assert_eq!(world.store.now(), before.plus(Seconds(1)));
}

pub(crate) async fn deadlines_come_due_in_their_order<H: Home>() {
    let world = World::<H>::new().await;
    let place = world.us.place;
    assert_eq!(world.store.next_timer().await.unwrap(), None);
    let first = world.ask().await;
    world.clock.advance(10);
    let second = world.ask().await;
    assert_eq!(world.store.next_timer().await.unwrap(), Some(first.expires_at));
    world.clock.advance(3_589);
    assert_eq!(world.store.due_timers(10).await.unwrap(), []);
    world.clock.advance(11);
    let due = |approval: &Approval| DueTimer {
        place,
        approval: approval.id,
        due_at: approval.expires_at,
    };
    assert_eq!(world.store.due_timers(10).await.unwrap(), [due(&first), due(&second)]);
    assert_eq!(world.store.due_timers(1).await.unwrap(), [due(&first)]);

    let ended = world.expire(first.id).await.unwrap().approval;
    let decision = ended.decision.as_ref().unwrap();
    assert_eq!((decision.status, decision.decided_at), (Status::Expired, first.expires_at));
    assert_eq!(world.store.due_timers(10).await.unwrap(), [due(&second)]);
    world.expire(second.id).await.unwrap();
    assert_eq!(world.store.next_timer().await.unwrap(), None);
}

pub(crate) async fn a_vote_after_the_deadline_counts_for_nothing<H: Home>() {
    let world = World::<H>::new().await;
    let asked = world.ask().await;
    world.clock.advance(3_600);
    let late = world.vote(world.us.ben_key, &asked, VoteDecision::Approve).await;
    let Err(ExecuteError::Refused(Refusal::AlreadyDecided { status, at, .. })) = late else {
        panic!("{late:?}");
    };
    assert_eq!((status, at), (Status::Expired, asked.expires_at));
    // Not even if the clock goes back over the deadline.
    world.clock.advance(-3_600);
    let late = world.vote(world.us.ben_key, &asked, VoteDecision::Approve).await;
    assert!(matches!(late, Err(ExecuteError::Refused(Refusal::AlreadyDecided { .. }))));
}

async fn one_decided<H: Home>(world: &World<H>) -> ApprovalId {
    let asked = world.ask().await;
    world.approve(world.us.ben_key, &asked).await.id
}

pub(crate) async fn work_is_claimed_once_until_its_lease_is_over<H: Home>() {
    let world = World::<H>::new().await;
    let store = &world.store;
    let approval = one_decided(&world).await;
    let claim = async || store.claim_outbox("sign_receipt", 30, 10).await.unwrap();
    assert_eq!(store.claim_outbox("another_kind", 30, 10).await.unwrap(), []);
    let first = claim().await;
    assert_eq!((first.len(), first[0].approval, first[0].attempt), (1, approval, 1));
    assert_eq!(first[0].place, world.us.place);
    world.clock.advance(29);
    assert_eq!(claim().await, []);
    world.clock.advance(1);
    let second = claim().await;
    assert_eq!((second[0].id, second[0].attempt), (first[0].id, 2));

    let signed = |token: &str| Settlement::Signed { token: token.into(), proof_token: None };
    store.settle(&first[0], signed("late")).await.unwrap();
    let proof = store.proof(world.us.place, approval).await.unwrap().unwrap();
    assert_eq!(proof.token, None);
    store.settle(&second[0], signed("in time")).await.unwrap();
    let proof = store.proof(world.us.place, approval).await.unwrap().unwrap();
    assert_eq!(proof.token.as_deref(), Some("in time"));
    world.clock.advance(3_600);
    assert_eq!(claim().await, []);

    // The next row is not mistaken for the one that went.
    let another = one_decided(&world).await;
    store.settle(&first[0], signed("late")).await.unwrap();
    let third = claim().await;
    assert_ne!(third[0].id, first[0].id);
    assert_eq!((third[0].approval, third[0].attempt), (another, 1));
}

pub(crate) async fn failed_work_waits_for_its_next_time_or_is_given_up<H: Home>() {
    let world = World::<H>::new().await;
    let store = &world.store;
    one_decided(&world).await;
    let claim = async || store.claim_outbox("sign_receipt", 30, 10).await.unwrap();
    let row = claim().await.remove(0);
    let at = store.now().plus(Seconds(5));
    let why = "no key".to_owned();
    store.settle(&row, Settlement::Retry { at, why: why.clone() }).await.unwrap();
    assert_eq!(claim().await, []);
    world.clock.advance(5);
    let row = claim().await.remove(0);
    assert_eq!(row.attempt, 2);
    assert_eq!(store.health().await.unwrap().outbox, 1);
    store.settle(&row, Settlement::GiveUp { why }).await.unwrap();
    world.clock.advance(3_600);
    assert_eq!(claim().await, []);
    assert_eq!(store.health().await.unwrap().outbox, 0);
    assert_eq!(world.home.number("SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL"), 1);
}

pub(crate) async fn changes_are_told_after_they_are_durable<H: Home>() {
    let world = World::<H>::new().await;
    let mut changes = world.store.changes();
    let asked = world.ask().await;
    let place = world.us.place;
    let told = |status| Change::Approval { place, id: asked.id, status };
    assert_eq!(*changes.recv().await.unwrap(), [told(Status::Pending)]);
    let approved = world.approve(world.us.ben_key, &asked).await;
    assert_eq!(*changes.recv().await.unwrap(), [told(Status::Approved)]);
    assert_eq!(world.store.approval(place, asked.id).await.unwrap(), Some(approved));
    let row = world.store.claim_outbox("sign_receipt", 30, 1).await.unwrap().remove(0);
    world
        .store
        .settle(&row, Settlement::Signed { token: "t".into(), proof_token: None })
        .await
        .unwrap();
    assert_eq!(*changes.recv().await.unwrap(), [told(Status::Approved)]);
    let revoke = askfirst_core::administration::Change::RevokeKey { id: world.us.other_asker };
    world.administer(revoke).await.unwrap();
    assert_eq!(*changes.recv().await.unwrap(), [Change::Workspace(place.workspace)]);
    let again = world.vote(world.us.ben_key, &asked, VoteDecision::Approve).await;
    assert!(again.is_err());
    assert!(changes.try_recv().is_err());
}

pub(crate) async fn health_tells_what_waits<H: Home>() {
    let world = World::<H>::new().await;
    let asked = world.ask().await;
    one_decided(&world).await;
    let health = world.store.health().await.unwrap();
    assert_eq!((health.pending, health.outbox, health.writable), (1, 1, true));
    assert_eq!(health.oldest_timer, Some(asked.expires_at));
    assert!(health.schema >= 1 && health.bytes > 0);
}

pub(crate) async fn a_signing_key_is_added_once<H: Home>() {
    let mut world = World::<H>::new().await;
    let key = SigningKeyRecord {
        family: KeyFamily::Receipts,
        kid: "kid-1".into(),
        public_jwk: "{}".into(),
        sealed: Some(vec![1, 2, 3]),
        created_at: world.store.now(),
        signs_from: world.store.now(),
    };
    world.store.add_signing_key(key.clone()).await.unwrap();
    let other = SigningKeyRecord { sealed: Some(vec![9]), ..key.clone() };
    world.store.add_signing_key(other).await.unwrap();
    world.reopen().await;
    assert_eq!(world.store.signing_keys().await.unwrap(), [key]);
}

pub(crate) async fn a_change_of_the_signing_keys_is_told_to_every_workspace<H: Home>() {
    let mut world = World::<H>::new().await;
    let now = world.store.now();
    let old = SigningKeyRecord {
        family: KeyFamily::Receipts,
        kid: "old".into(),
        public_jwk: "{}".into(),
        sealed: Some(vec![1]),
        created_at: now,
        signs_from: now,
    };
    world.store.add_signing_key(old.clone()).await.unwrap();
    let resealed = SigningKeyRecord { sealed: None, ..old };
    let later = now.plus(Seconds(60));
    let new = SigningKeyRecord {
        family: KeyFamily::Receipts,
        kid: "new".into(),
        sealed: Some(vec![2]),
        signs_from: later,
        ..resealed.clone()
    };
    let both = vec![new.clone(), resealed.clone()];
    world
        .store
        .change_signing_keys(both, Resealed::default(), KeyringChange::Rotated)
        .await
        .unwrap();
    world.reopen().await;
    assert_eq!(world.store.signing_keys().await.unwrap(), [resealed, new]);
    for tenant in [&world.us, &world.them] {
        let workspace = tenant.place.workspace;
        let log = world.store.audit(workspace, None, 1_000).await.unwrap();
        assert_eq!(log.last().unwrap().entry.kind, "keyring.rotated");
        let entries = log.into_iter().map(|record| (record.entry, record.hash));
        askfirst_proof::log::verify_chain(&workspace.to_string(), entries, &[]).unwrap();
    }
    world.store.close().await;
}
