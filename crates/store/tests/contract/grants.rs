//! Votes given in advance, as they are kept, counted and taken back.

use std::sync::Arc;

use askfirst_core::administration::{Change, Denied};
use askfirst_core::policy::GrantLimits;
use askfirst_core::*;
use askfirst_store::*;

use crate::world::*;

const USES: u32 = 3;

/// The policy `granting`, and ana's grant under it for more of what was asked.
pub(crate) async fn granted<H: Home>(world: &World<H>) -> (Approval, GrantId) {
    let limits = GrantLimits { lasts: Seconds(3_600), uses: 100 };
    let document = Policy { grants: Some(limits), ..policy("granting", &["members"], &[1]) };
    let digest = digest_of(&document);
    let id = PolicyId::from_bits(next());
    world.administer(Change::SavePolicy { id, document, digest }).await.unwrap();
    let asked = world.ask_under("granting").await;
    let mut grant = NewGrant {
        id: GrantId::from_bits(next()),
        lasts: Seconds(600),
        uses: USES,
        bounds: [].into(),
        digest: Digest([0; 32]),
    };
    grant.digest = digest_of(&grant.terms(&asked, &asked.action));
    let id = grant.id;
    let Command::Vote(cast) = cast(&asked, VoteDecision::Approve) else { panic!("a vote") };
    let vote = Command::Vote(CastVote { grant: Some(Box::new(grant)), ..cast });
    let done = world.run(world.us.ana_key, asked.id, vote).await.unwrap();
    (Arc::unwrap_or_clone(done.approval), id)
}

async fn uses<H: Home>(world: &World<H>, id: GrantId) -> u32 {
    world.store.grant(world.us.place, id).await.unwrap().unwrap().grant.used
}

pub(crate) async fn what_was_granted_is_decided_as_it_is_asked<H: Home>() {
    let mut world = World::<H>::new().await;
    let (first, id) = granted(&world).await;
    assert_eq!(world.event_names(first.id).await, ["asked", "voted", "granted", "approved"]);
    let asked = world.ask_under("granting").await;
    assert_eq!(asked.status_at(world.store.now()), Status::Approved);
    assert_eq!(world.event_names(asked.id).await, ["asked", "voted", "approved"]);
    assert!(world.store.proof(world.us.place, asked.id).await.unwrap().is_some());
    let room = world.store.room(world.us.place, Some(world.us.asker)).await.unwrap();
    assert_eq!(room.key.pending.used, 0, "nothing waits for anybody");
    assert_eq!(room.key.asks_per_month.used, 2);
    assert_eq!(world.store.next_timer().await.unwrap(), None, "it has no deadline left");
    // Who spoke is who granted it, and not the key that asked.
    let log = world.store.audit(world.us.place.workspace, None, 1_000).await.unwrap();
    let of_it = log.iter().filter(|row| row.entry.subject == asked.id.to_string());
    let told: Vec<_> =
        of_it.map(|row| (row.entry.kind.as_str(), row.entry.actor.as_str())).collect();
    let ana = "member:ana@us.example";
    let key = format!("key:{}", world.us.asker);
    assert_eq!(
        told,
        [("approval.asked", key.as_str()), ("approval.voted", ana), ("approval.approved", ana)]
    );
    world.reopen().await;
    assert_eq!(uses(&world, id).await, 1);
    for used in 2..=USES {
        let asked = world.ask_under("granting").await;
        assert_eq!(asked.status_at(world.store.now()), Status::Approved, "use {used}");
    }
    let asked = world.ask_under("granting").await;
    assert_eq!(asked.status_at(world.store.now()), Status::Pending);
    let open = GrantFilter { open: true, limit: 10, ..GrantFilter::default() };
    assert_eq!(world.store.grants(world.us.place, open).await.unwrap(), []);
    let all = GrantFilter { limit: 10, by: Some(world.us.ana), ..GrantFilter::default() };
    assert_eq!(world.store.grants(world.us.place, all.clone()).await.unwrap().len(), 1);
    assert_eq!(world.store.grants(world.them.place, all).await.unwrap(), []);
    // What ended as it was asked has an end from which its texts are let go like any other's.
    let retention_days = Some(Some(1));
    let keep = Change::SetWorkspace {
        name: None,
        default_policy: None,
        floor: None,
        retention_days,
        callback_hosts: None,
    };
    world.administer(keep).await.unwrap();
    world.clock.advance(3 * 86_400);
    let due = world.store.due_erasures(100).await.unwrap();
    assert_eq!(due.len(), 1 + USES as usize);
}

pub(crate) async fn of_64_asks_at_once_no_more_than_granted_are_approved<H: Home>() {
    let world = Arc::new(World::<H>::new().await);
    let (_, id) = granted(&world).await;
    let asks = (0..64).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.ask_under("granting").await.decision.is_some() })
    });
    let mut approved = 0;
    for asked in asks.collect::<Vec<_>>() {
        approved += u32::from(asked.await.unwrap());
    }
    assert_eq!(approved, USES);
    assert_eq!(uses(&world, id).await, USES);
}

pub(crate) async fn a_grant_is_taken_back_by_its_giver_or_with_its_approval<H: Home>() {
    let world = World::<H>::new().await;
    let (_, id) = granted(&world).await;
    let environment = world.us.place.environment;
    let revoke = |of| Change::RevokeGrant { id, environment, of };
    let by = |key, change| administer(&*world.store, &world.us, Credential::Key(key), change);
    // Ben is no admin, and it is not his.
    let told = by(world.us.ben_key, revoke(world.us.ana)).await;
    assert!(matches!(told, Err(AdministerError::Denied(Denied::Refused(_)))), "{told:?}");
    let told = by(world.us.ben_key, revoke(world.us.ben)).await;
    assert!(matches!(told, Err(AdministerError::Denied(Denied::Unknown { .. }))), "{told:?}");
    assert_eq!(
        world.ask_under("granting").await.status_at(world.store.now()),
        Status::Approved,
        "it stands"
    );
    by(world.us.ana_key, revoke(world.us.ana)).await.unwrap();
    assert_eq!(world.ask_under("granting").await.status_at(world.store.now()), Status::Pending);
    let known = world.store.grant(world.us.place, id).await.unwrap().unwrap();
    assert_eq!(known.ended.unwrap().1, "member:ana@us.example");
    by(world.us.ana_key, revoke(world.us.ana)).await.unwrap();

    let (first, _) = granted(&world).await;
    let take_back = Command::Revoke { reason: None };
    world.run(world.us.ana_key, first.id, take_back).await.unwrap();
    assert_eq!(world.ask_under("granting").await.status_at(world.store.now()), Status::Pending);
}
