//! Configs of the proof dialect: kept in one place, counted there, and found nowhere else; and
//! approvals counted and found by what was asked under them.

use askfirst_core::administration::{Change, Denied};
use askfirst_core::*;
use askfirst_store::*;

use crate::world::*;

fn kept(id: u8, environment: Environment, status: HitlStatus) -> KeptHitl {
    let config = HitlConfig {
        name: "Releases".into(),
        channels: vec![HitlChannel::Browser {}],
        timeout: Seconds(60),
        status,
    };
    KeptHitl { id: HitlId::new([id; 12]), environment, config }
}

pub(crate) async fn configs_are_kept_in_their_place<H: Home>() {
    let world = World::<H>::new().await;
    let place = world.us.place;
    let add = async |kept: KeptHitl| world.administer(Change::AddHitl(kept)).await;
    let pending = |id| kept(id, place.environment, HitlStatus::Pending);
    for id in 1..=3 {
        add(pending(id)).await.unwrap();
    }
    let known = world.store.hitl_config(place, HitlId::new([2; 12])).await.unwrap().unwrap();
    assert_eq!((known.place, &known.config), (place, &pending(2).config));
    let list = async |place, status, skip, limit| {
        let filter = HitlFilter { status, skip, limit };
        let (found, total) = world.store.hitl_configs(place, filter).await.unwrap();
        (found.iter().map(|one| one.id.bytes()[0]).collect::<Vec<_>>(), total)
    };
    assert_eq!(list(place, None, 0, 9).await, (vec![3, 2, 1], 3));
    assert_eq!(list(place, None, 1, 1).await, (vec![2], 3));

    // What is archived is read, and stays as it is.
    let archived = kept(2, place.environment, HitlStatus::Archived);
    world.administer(Change::SetHitl(archived.clone())).await.unwrap();
    assert_eq!(list(place, Some(HitlStatus::Archived), 0, 9).await, (vec![2], 1));
    let again = world.administer(Change::SetHitl(pending(2))).await.unwrap_err();
    let unknown = |error: &AdministerError| {
        matches!(error, AdministerError::Denied(Denied::Unknown { what: "config" }))
    };
    assert!(unknown(&again), "{again}");

    // Another world of the same workspace, and another workspace, have none of it.
    let test = Place { environment: Environment::Test, ..place };
    for other in [test, world.them.place] {
        assert_eq!(world.store.hitl_config(other, known.id).await.unwrap(), None);
        assert_eq!(list(other, None, 0, 9).await, (vec![], 0));
    }
    let elsewhere = KeptHitl { environment: Environment::Test, ..pending(1) };
    let refused = world.administer(Change::SetHitl(elsewhere)).await.unwrap_err();
    assert!(unknown(&refused), "{refused}");
}

pub(crate) async fn approvals_are_counted_and_found_by_an_argument<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let mut made = Vec::new();
    for name in ["one", "two", "one"] {
        let mut question = ask(us, PolicyChoice::Default);
        let action = Action {
            arguments: serde_json::json!({ "hitl_id": name }),
            ..(*question.action).clone()
        };
        question.action_digest = digest_of(&action);
        question.action = action.into();
        let (id, command) = (question.id, Command::Ask(Box::new(question)));
        made.insert(0, world.run(us.asker, id, command).await.unwrap().approval.id);
    }
    let of = |name: &str| ApprovalFilter {
        argument: Some(("hitl_id", name.to_owned())),
        limit: 9,
        ..ApprovalFilter::default()
    };
    let ids = async |filter: ApprovalFilter| {
        let found = world.store.approvals(us.place, filter).await.unwrap();
        found.iter().map(|approval| approval.id).collect::<Vec<_>>()
    };
    let count =
        async |filter: ApprovalFilter| world.store.count_approvals(us.place, filter).await.unwrap();
    assert_eq!(ids(of("one")).await, [made[0], made[2]]);
    assert_eq!(ids(ApprovalFilter { skip: 1, ..of("one") }).await, [made[2]]);
    assert_eq!(count(of("one")).await, 2);
    assert_eq!(count(ApprovalFilter { limit: 1, ..of("one") }).await, 1, "up to the limit");
    assert_eq!(count(of("' OR 1")).await, 0);
    let ended = ApprovalFilter { unapproved: true, ..of("one") };
    assert_eq!(count(ended).await, 0);
    assert_eq!(count(ApprovalFilter { argument: None, ..of("") }).await, 3);
}
