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

pub(crate) async fn a_strangers_workspace_goes_with_every_row_of_it<H: Home>() {
    let world = World::<H>::new().await;
    let store = &world.store;
    let place = Place { workspace: WorkspaceId::from_bits(next()), ..world.us.place };
    let workspace = store.workspace(world.us.place.workspace).await.unwrap().unwrap();
    let name = "vanishing-workspace".to_owned();
    let workspace = Workspace { id: place.workspace, self_service: true, name, ..workspace };
    let owner = store.member(world.us.place.workspace, world.us.ana).await.unwrap().unwrap();
    let mut owner = Member { id: MemberId::from_bits(next()), ..owner };
    owner.person.email = "vanishing@example.com".into();
    let document = world::policy("default", &["members"], &[1]);
    let policy = PolicyVersion {
        id: PolicyId::from_bits(next()),
        version: 1,
        digest: world::digest_of(&document),
        document,
        created_at: store.now(),
        by: Actor::System,
    };
    let before = world.home.rows();
    let (asker, voter) = (
        new_key(&[Scope::Ask], None, owner.id),
        new_key(&[Scope::Decide], Some(owner.id), owner.id),
    );
    let (secret, them) = (asker.secret, world::Tenant { place, ana: owner.id, ..world.us.clone() });
    let (ask_key, vote_key) = (asker.id, voter.id);
    let then = vec![Change::AddKey(asker), Change::AddKey(voter)];
    store.create_workspace(workspace, owner, policy, then).await.unwrap();
    for decided in [true, false] {
        let mut ask = ask(&them, PolicyChoice::Default);
        ask.reason = Some("vanishing-reason".into());
        ask.callback_url = Some("https://vanishing.example.com/".into());
        let id = ask.id;
        let run = async |key, command| {
            store.execute(execute(&them, Credential::Key(key), id, command)).await.unwrap()
        };
        let asked = run(ask_key, Command::Ask(Box::new(ask))).await;
        if decided {
            run(vote_key, cast(&asked.approval, VoteDecision::Approve)).await;
        }
    }
    let used = store.workspaces_in_use().await.unwrap();
    let theirs = used.iter().find(|used| used.workspace.id == place.workspace).unwrap();
    assert_eq!((theirs.keys, theirs.pending), (2, 1));
    assert!(store.key_by_secret(secret).await.unwrap().is_some());

    // What people run is not taken away, and nothing is if one of them is not.
    let ours = world.us.place.workspace;
    let unknown = WorkspaceId::from_bits(next());
    for ids in [vec![ours], vec![place.workspace, ours], vec![place.workspace, unknown]] {
        let kept = store.remove_workspaces(ids).await;
        assert!(matches!(kept, Err(AdministerError::Denied(_))), "{kept:?}");
    }
    assert!(store.workspace(place.workspace).await.unwrap().is_some());
    store.remove_workspaces(vec![place.workspace]).await.unwrap();
    assert_eq!(store.workspace(place.workspace).await.unwrap(), None);
    assert!(store.key_by_secret(secret).await.unwrap().is_none());
    let lost =
        execute(&them, Credential::Key(ask_key), ApprovalId::from_bits(next()), Command::Erase);
    assert!(store.execute(lost).await.is_err());
    while !store.scrub().await.unwrap() {}
    let words = ["-workspace", "@example.com", "-reason", ".example.com/"];
    let words = words.map(|word| format!("vanishing{word}"));
    assert_eq!(world.home.found(&words), Vec::<String>::new());
    // An entry in the logs of both that people run, and nothing else that was not there before.
    let mut after = world.home.rows();
    *after.get_mut("audit").unwrap() -= 2;
    // Numbers that were given are not given again.
    after.insert("sqlite_sequence".into(), before["sqlite_sequence"]);
    assert_eq!(after, before);
    let last = store.audit(ours, None, 100).await.unwrap().pop().unwrap();
    assert_eq!(last.entry.kind, "workspace.removed");
    assert_eq!(last.entry.subject, place.workspace.to_string());
    // What is asked elsewhere goes on.
    let asked = world.ask().await;
    world.approve(world.us.ben_key, &asked).await;
}
