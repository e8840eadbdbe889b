//! What belongs to another workspace or environment is as if it were not there.

use std::collections::BTreeSet;

use askfirst_core::administration::{Change, Denied};
use askfirst_core::*;
use askfirst_store::*;

use crate::world::{self, Home, World, administer, ask, cast, execute, new_key, next};

pub(crate) async fn a_foreign_approval_is_not_found_like_an_unknown_one<H: Home>() {
    let world = World::<H>::new().await;
    let (us, them) = (&world.us, &world.them);
    let ours = world.ask().await;
    let ours = world.approve(us.ben_key, &ours).await;
    let unknown = ApprovalId::from_bits(world::next());
    let before = world.home.rows();

    let test = Place { environment: Environment::Test, ..us.place };
    for (place, asker, voter) in
        [(them.place, them.asker, them.ben_key), (test, us.test_asker, us.test_asker)]
    {
        for command in [
            cast(&ours, VoteDecision::Approve),
            Command::Cancel { reason: None },
            Command::Expire,
            Command::Consume { action_digest: ours.action_digest },
            Command::Revoke { reason: None },
            Command::Report { status: OutcomeStatus::Failed, note: None },
        ] {
            for key in [asker, voter] {
                let mut answers = Vec::new();
                for id in [ours.id, unknown] {
                    let mut request = execute(us, Credential::Key(key), id, command.clone());
                    request.place = place;
                    answers.push(format!("{:?}", world.store.execute(request).await));
                }
                assert_eq!(answers[0], answers[1]);
                assert!(answers[0].contains("NotFound"), "{}", answers[0]);
            }
        }
        for id in [ours.id, unknown] {
            let store = &world.store;
            assert_eq!(store.approval(place, id).await.unwrap(), None);
            assert_eq!(store.events(place, id, 0).await.unwrap(), []);
            assert_eq!(store.proof(place, id).await.unwrap(), None);
            assert_eq!(store.shown(place, id).await.unwrap(), []);
        }
        let all = ApprovalFilter { limit: 10, ..ApprovalFilter::default() };
        assert_eq!(world.store.approvals(place, all).await.unwrap(), []);
    }
    assert_eq!(world.home.rows(), before);
}

pub(crate) async fn a_credential_is_worth_nothing_in_another_place<H: Home>() {
    let world = World::<H>::new().await;
    let (us, them) = (&world.us, &world.them);
    let asked = world.ask().await;
    let (session, _) = world.sign_in(us.ana).await;
    let their_ask = ask(them, PolicyChoice::Default);
    let cross =
        execute(them, Credential::Key(us.asker), their_ask.id, Command::Ask(Box::new(their_ask)));
    let mut test = cross.clone();
    test.place = Place { environment: Environment::Test, ..us.place };
    test.command = cast(&asked, VoteDecision::Approve);
    for request in [
        cross,
        test,
        execute(us, Credential::Key(them.ben_key), asked.id, cast(&asked, VoteDecision::Approve)),
        execute(us, Credential::Key(KeyId::from_bits(9)), asked.id, Command::Expire),
        execute(them, Credential::Session(session), asked.id, Command::Expire),
    ] {
        let answer = world.store.execute(request).await;
        let worthless = Refusal::Credential(Standing::Revoked);
        assert!(
            matches!(&answer, Err(ExecuteError::Refused(no)) if *no == worthless),
            "{answer:?}"
        );
    }
    let members = Change::SetGroup { id: them.sre, members: BTreeSet::new() };
    let answer = administer(&*world.store, them, Credential::Session(session), members).await;
    assert!(matches!(answer, Err(AdministerError::Denied(Denied::Refused(_)))), "{answer:?}");
}

pub(crate) async fn administration_reaches_only_its_own_workspace<H: Home>() {
    let world = World::<H>::new().await;
    let them = world.them.clone();
    let before = world.home.rows();
    for change in [
        Change::UpdateMember { id: them.ben, name: None, role: None, enabled: Some(false) },
        Change::SetGroup { id: them.sre, members: BTreeSet::new() },
        Change::RemoveGroup { id: them.sre },
        Change::SetGroup { id: world.us.sre, members: BTreeSet::from([them.ben]) },
        Change::RevokeKey { id: them.asker },
        Change::CloseSession { id: SessionId::from_bits(world::next()) },
    ] {
        let said = format!("{change:?}");
        let answer = world.administer(change).await;
        let unknown = matches!(answer, Err(AdministerError::Denied(Denied::Unknown { .. })));
        assert!(unknown, "{said}: {answer:?}");
    }
    assert_eq!(world.home.rows(), before);
    let them = them.place.workspace;
    assert_eq!(world.store.member(world.us.place.workspace, world.them.ben).await.unwrap(), None);
    assert!(world.store.roster(them).await.unwrap().people.values().all(|person| person.enabled));
}

pub(crate) async fn a_workspace_is_made_once<H: Home>() {
    let world = World::<H>::new().await;
    let store = &world.store;
    let workspace = store.workspace(world.us.place.workspace).await.unwrap().unwrap();
    let owner = store.member(workspace.id, world.us.ana).await.unwrap().unwrap();
    let policy = store.policies(workspace.id).await.unwrap().remove(0);
    let before = world.home.rows();
    let make = async |workspace, then| {
        store.create_workspace(workspace, owner.clone(), policy.clone(), then).await
    };
    let again = make(workspace.clone(), vec![]).await;
    let exists =
        |why: &AdministerError| matches!(why, AdministerError::Store(StoreError::Exists(_)));
    assert!(again.as_ref().is_err_and(exists), "{again:?}");
    assert_eq!(world.home.rows(), before);
    let all = store.workspaces().await.unwrap();
    assert_eq!(all.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), ["us", "them"]);
    let first = store.audit(workspace.id, None, 1).await.unwrap().remove(0);
    assert_eq!((first.entry.index, first.entry.kind.as_str()), (1, "workspace.created"));
}

pub(crate) async fn a_workspace_is_made_with_all_that_it_begins_with_or_not_at_all<H: Home>() {
    let world = World::<H>::new().await;
    let store = &world.store;
    let known = store.workspace(world.us.place.workspace).await.unwrap().unwrap();
    let workspace = Workspace { id: WorkspaceId::from_bits(next()), ..known };
    let owner = store.member(known.id, world.us.ana).await.unwrap().unwrap();
    let owner = Member { id: MemberId::from_bits(next()), ..owner };
    let policy = store.policies(known.id).await.unwrap().remove(0);
    let policy = PolicyVersion { id: PolicyId::from_bits(next()), ..policy };
    let make = async |then| {
        store.create_workspace(workspace.clone(), owner.clone(), policy.clone(), then).await
    };
    let contact = |email: &str| Change::AddMember {
        id: MemberId::from_bits(next()),
        email: email.into(),
        name: "Cleo".into(),
        role: Role::Contact,
    };
    let key = || Change::AddKey(new_key(&[Scope::Ask], None, owner.id));
    let before = world.home.rows();
    let odd = make(vec![contact("cleo@example.com"), key(), contact("nobody")]).await;
    assert!(matches!(odd, Err(AdministerError::Denied(Denied::Invalid(_)))), "{odd:?}");
    assert_eq!(world.home.rows(), before);
    // What waited in the same batch is not undone with it.
    world.ask().await;
    make(vec![contact("cleo@example.com"), key()]).await.unwrap();
    let people = store.roster(workspace.id).await.unwrap().people.len();
    assert_eq!((people, store.keys(workspace.id, None, 9).await.unwrap().len()), (2, 1));
    let log = store.audit(workspace.id, None, 9).await.unwrap();
    let kinds: Vec<_> = log.iter().map(|record| record.entry.kind.as_str()).collect();
    assert_eq!(kinds, ["workspace.created", "member.added", "key.added"]);
}
