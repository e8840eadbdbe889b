//! The link that an asker gets with the answer: with the approval itself, or not at all.

use askfirst_core::administration::Change;
use askfirst_core::*;
use askfirst_store::*;

use crate::world::{Home, World, ask, execute, idempotent, name, next, policy, saved, secret};

/// People, one of whom has no account and could answer.
async fn with_a_contact<H: Home>() -> (World<H>, MemberId) {
    let world = World::<H>::new().await;
    let id = MemberId::from_bits(next());
    let email = "joe@partner.example".to_owned();
    let from = vec![format!("contact:{email}").parse().unwrap(), Source::Members];
    let name = "Joe".to_owned();
    world.administer(Change::AddMember { id, email, name, role: Role::Contact }).await.unwrap();
    for (called, assurance) in [("links", Assurance::Bearer), ("surer", Assurance::Link)] {
        let needs = vec![Need { from: from.clone(), count: 1 }];
        let document = Policy { assurance, needs, ..policy(called, &[], &[]) };
        world.administer(saved(document)).await.unwrap();
    }
    (world, id)
}

fn wish() -> PassOn {
    PassOn { id: LinkId::from_bits(next()), secret: secret() }
}

fn asking<H: Home>(world: &World<H>, under: &str, wish: &PassOn) -> Execute {
    let wanted = ask(&world.us, PolicyChoice::Named(name(under)));
    let wanted = Ask { pass_on: Some(wish.clone()), ..wanted };
    let by = Credential::Key(world.us.asker);
    execute(&world.us, by, wanted.id, Command::Ask(Box::new(wanted)))
}

async fn kinds<H: Home>(world: &World<H>) -> Vec<String> {
    let log = world.store.audit(world.us.place.workspace, None, 1_000).await.unwrap();
    log.into_iter().map(|entry| entry.entry.kind).collect()
}

pub(crate) async fn a_link_comes_with_the_ask<H: Home>() {
    let (mut world, joe) = with_a_contact::<H>().await;
    let before = kinds(&world).await.len();
    let wish = wish();
    let request = idempotent(asking(&world, "links", &wish), "once", 1);
    let done = world.store.execute(request.clone()).await.unwrap();
    assert!(done.passed_on && !done.replayed);
    world.reopen().await;
    let link = world.store.decision_link(wish.secret).await.unwrap().unwrap();
    assert_eq!((link.id, link.approval, link.member), (wish.id, done.approval.id, joe));
    assert_eq!((link.assurance, link.expires_at), (Assurance::Bearer, done.approval.expires_at));
    assert_eq!(kinds(&world).await[before..], ["approval.asked", "decision_link.added"]);

    let again = world.store.execute(request).await.unwrap();
    assert!(again.replayed && !again.passed_on, "a repeat makes none");
    assert_eq!(kinds(&world).await.len(), before + 2);
}

pub(crate) async fn where_nobody_could_answer_by_a_link_there_is_none<H: Home>() {
    let (world, joe) = with_a_contact::<H>().await;
    let asked = async |under: &str| {
        let wish = wish();
        let done = world.store.execute(asking(&world, under, &wish)).await.unwrap();
        assert_eq!(done.approval.status_at(done.now), Status::Pending);
        let link = world.store.decision_link(wish.secret).await.unwrap();
        assert_eq!(done.passed_on, link.is_some(), "{under}");
        link.is_some()
    };
    assert!(asked("links").await);
    assert!(!asked("surer").await, "a bearer's word does not count");
    assert!(!asked("default").await, "who could answer has an account");
    let floor = |assurance| Change::SetWorkspace {
        name: None,
        default_policy: None,
        floor: Some(Floor { assurance, ..Floor::default() }),
        retention_days: None,
        callback_hosts: None,
    };
    world.administer(floor(Assurance::Link)).await.unwrap();
    assert!(!asked("links").await, "the workspace wants more");
    world.administer(floor(Assurance::Bearer)).await.unwrap();
    assert!(asked("links").await);
    let gone = Change::UpdateMember { id: joe, name: None, role: None, enabled: Some(false) };
    world.administer(gone).await.unwrap();
    assert!(!asked("links").await, "nobody is left");
    assert_eq!(kinds(&world).await.iter().filter(|kind| *kind == "decision_link.added").count(), 2);
}
