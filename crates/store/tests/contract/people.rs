//! People, keys and sign-ins: what counts is how things stand in the transaction.

use std::collections::BTreeSet;

use askfirst_core::administration::{Change, Denied, NewKey, PasswordHash};
use askfirst_core::*;
use askfirst_store::*;

use crate::world::{
    self, Home, World, administer, cast, execute, name, new_key, next, policy, saved, secret,
};

fn refused(answer: Result<Committed, ExecuteError>) -> Refusal {
    match answer {
        Err(ExecuteError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn enabled(id: MemberId, enabled: bool) -> Change {
    Change::UpdateMember { id, name: None, role: None, enabled: Some(enabled) }
}

pub(crate) async fn who_left_the_group_since_the_ask_cannot_vote<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let asked = world.ask_under("sre").await;
    let members = BTreeSet::from([us.ana, us.cleo]);
    world.administer(Change::SetGroup { id: us.sre, members }).await.unwrap();
    let ben = world.vote(us.ben_key, &asked, VoteDecision::Approve).await;
    assert!(matches!(refused(ben), Refusal::NotAnApprover { .. }));
    let cleo = world.approve(us.cleo_key, &asked).await;
    assert_eq!(cleo.status_at(world.store.now()), Status::Approved);
}

pub(crate) async fn the_workspaces_floor_counts_as_it_is_at_the_vote<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let asked = world.ask().await;
    let floor = |floor| Change::SetWorkspace {
        name: None,
        default_policy: None,
        floor: Some(floor),
        retention_days: None,
        callback_hosts: None,
    };
    world.administer(floor(Floor { separate_owner: true, ..Floor::default() })).await.unwrap();
    let owner = world.vote(us.ana_key, &asked, VoteDecision::Approve).await;
    assert_eq!(refused(owner), Refusal::OwnerCannotDecide);
    let session = Floor { assurance: Assurance::Session, ..Floor::default() };
    world.administer(floor(session)).await.unwrap();
    let key = world.vote(us.ben_key, &asked, VoteDecision::Approve).await;
    assert!(matches!(refused(key), Refusal::AssuranceTooLow { .. }));
    world.administer(floor(Floor::default())).await.unwrap();
    world.approve(us.ana_key, &asked).await;
}

pub(crate) async fn a_disabled_member_is_shut_out_at_once<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let asked = world.ask().await;
    let (session, token) = world.sign_in(us.ben).await;
    let link = secret();
    let expires_at = world.store.now().plus(Seconds(600));
    world
        .administer(Change::AddLoginLink { secret: link, member: us.ben, expires_at })
        .await
        .unwrap();
    let owned = new_key(&[Scope::Ask], None, us.ben);
    let (owned_id, owned_secret) = (owned.id, owned.secret);
    world.administer(Change::AddKey(owned)).await.unwrap();
    assert!(world.store.session_by_secret(token).await.unwrap().is_some());
    assert!(world.store.login_link(link).await.unwrap().is_some());

    world.administer(enabled(us.ben, false)).await.unwrap();
    assert_eq!(world.store.session_by_secret(token).await.unwrap(), None);
    assert_eq!(world.store.login_link(link).await.unwrap(), None);
    let vote = cast(&asked, VoteDecision::Approve);
    let by_session = execute(us, Credential::Session(session), asked.id, vote.clone());
    assert!(matches!(refused(world.store.execute(by_session).await), Refusal::Credential(_)));
    let by_key = world.run(us.ben_key, asked.id, vote.clone()).await;
    assert!(matches!(refused(by_key), Refusal::Credential(Standing::Revoked)));
    let by_owned = world.run(owned_id, asked.id, Command::Cancel { reason: None }).await;
    assert!(matches!(refused(by_owned), Refusal::Credential(Standing::Disabled)));
    let key = world.store.key_by_secret(owned_secret).await.unwrap().unwrap();
    assert_eq!(key.facts.standing, Standing::Disabled);

    // Coming back gives none of it back but the keys that were theirs to answer for.
    world.administer(enabled(us.ben, true)).await.unwrap();
    assert_eq!(world.store.session_by_secret(token).await.unwrap(), None);
    assert_eq!(world.store.login_link(link).await.unwrap(), None);
    let by_key = world.run(us.ben_key, asked.id, vote).await;
    assert!(matches!(refused(by_key), Refusal::Credential(Standing::Revoked)));
    let key = world.store.key_by_secret(owned_secret).await.unwrap().unwrap();
    assert_eq!(key.facts.standing, Standing::Good);
}

pub(crate) async fn a_key_ends_when_it_is_revoked_or_its_time_is_over<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let asked = world.ask().await;
    let expires_at = Some(world.store.now().plus(Seconds(60)));
    let short = NewKey { expires_at, ..new_key(&[Scope::Decide], Some(us.ben), us.ben) };
    let (id, secret) = (short.id, short.secret);
    world.administer(Change::AddKey(short)).await.unwrap();
    let standing =
        async || world.store.key_by_secret(secret).await.unwrap().unwrap().facts.standing;
    assert_eq!(standing().await, Standing::Good);

    world.clock.advance(60);
    assert_eq!(standing().await, Standing::Expired);
    let late = world.vote(id, &asked, VoteDecision::Approve).await;
    assert!(matches!(refused(late), Refusal::Credential(Standing::Expired)));
    world.administer(Change::RevokeKey { id }).await.unwrap();
    assert_eq!(standing().await, Standing::Revoked);
    let late = world.vote(id, &asked, VoteDecision::Approve).await;
    assert!(matches!(refused(late), Refusal::Credential(Standing::Revoked)));

    let listed = world.store.keys(us.place.workspace, None, 100).await.unwrap();
    let last = listed.last().unwrap();
    assert_eq!((last.facts.id, last.facts.standing), (id, Standing::Revoked));
    let revoked_at = last.revoked_at;
    world.clock.advance(1);
    world.administer(Change::RevokeKey { id }).await.unwrap();
    let listed = world.store.keys(us.place.workspace, None, 100).await.unwrap();
    assert_eq!(listed.last().unwrap().revoked_at, revoked_at);
}

pub(crate) async fn a_login_link_works_once<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let link = secret();
    let expires_at = world.store.now().plus(Seconds(600));
    let add = Change::AddLoginLink { secret: link, member: us.ben, expires_at };
    world.administer(add).await.unwrap();
    let seen = world.store.login_link(link).await.unwrap().unwrap();
    assert_eq!((seen.member, seen.assurance), (us.ben, Assurance::Session));
    let token = secret();
    let open = |secret| Change::OpenSession {
        link,
        id: SessionId::from_bits(world::next()),
        secret,
        expires_at: world.store.now().plus(Seconds(86_400)),
    };
    let elsewhere =
        administer(&*world.store, &world.them, Credential::System, open(secret())).await;
    assert!(matches!(elsewhere, Err(AdministerError::Denied(Denied::LinkSpent))));
    world.administer(open(token)).await.unwrap();
    let again = world.administer(open(secret())).await;
    assert!(matches!(again, Err(AdministerError::Denied(Denied::LinkSpent))), "{again:?}");
    assert_eq!(world.store.login_link(link).await.unwrap(), None);
    let session = world.store.session_by_secret(token).await.unwrap().unwrap();
    assert_eq!((session.facts.member, session.facts.assurance), (us.ben, Assurance::Session));
    let audit = world.store.audit(us.place.workspace, None, 1_000).await.unwrap();
    let last = &audit.last().unwrap().entry;
    assert_eq!(
        (last.kind.as_str(), last.actor.as_str()),
        ("session.opened", "member:ben@us.example")
    );

    let late = secret();
    let add = Change::AddLoginLink { secret: late, member: us.ben, expires_at };
    world.administer(add).await.unwrap();
    world.clock.advance(600);
    assert_eq!(world.store.login_link(late).await.unwrap(), None);
}

pub(crate) async fn a_link_that_somebody_else_made_opens_a_weaker_session<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let (ana, _) = world.sign_in(us.ana).await;
    let (link, token) = (secret(), secret());
    let expires_at = world.store.now().plus(Seconds(600));
    let add = Change::AddLoginLink { secret: link, member: us.ben, expires_at };
    administer(&*world.store, us, Credential::Session(ana), add).await.unwrap();
    let id = SessionId::from_bits(world::next());
    world.administer(Change::OpenSession { link, id, secret: token, expires_at }).await.unwrap();
    let session = world.store.session_by_secret(token).await.unwrap().unwrap();
    assert_eq!(session.facts.assurance, Assurance::Link);
}

pub(crate) async fn a_session_is_closed_by_its_member_or_an_admin<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let (ana, _) = world.sign_in(us.ana).await;
    let (ben, ben_token) = world.sign_in(us.ben).await;
    let (cleo, cleo_token) = world.sign_in(us.cleo).await;
    let close = |by, id| {
        administer(&*world.store, us, Credential::Session(by), Change::CloseSession { id })
    };
    let other = close(ben, cleo).await;
    assert!(matches!(other, Err(AdministerError::Denied(Denied::Role { .. }))), "{other:?}");
    close(cleo, cleo).await.unwrap();
    close(ana, ben).await.unwrap();
    assert_eq!(world.store.session_by_secret(ben_token).await.unwrap(), None);
    assert_eq!(world.store.session_by_secret(cleo_token).await.unwrap(), None);
}

pub(crate) async fn sessions_are_listed_while_open_and_closed_all_at_once<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let (ana, _) = world.sign_in(us.ana).await;
    let (first, first_token) = world.sign_in(us.ben).await;
    world.clock.advance(60);
    let (second, second_token) = world.sign_in(us.ben).await;
    let (cleo, _) = world.sign_in(us.cleo).await;
    let listed = async |member| {
        let sessions = world.store.sessions(us.place.workspace, member).await.unwrap();
        sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(us.ben).await, [second, first]);
    let theirs = world.store.sessions(world.them.place.workspace, us.ben).await.unwrap();
    assert!(theirs.is_empty());

    let close = |by, member, except| {
        let change = Change::CloseSessions { member, except };
        administer(&*world.store, us, Credential::Session(by), change)
    };
    let other = close(cleo, us.ben, None).await;
    assert!(matches!(other, Err(AdministerError::Denied(Denied::Role { .. }))), "{other:?}");
    close(second, us.ben, Some(second)).await.unwrap();
    assert_eq!(listed(us.ben).await, [second]);
    assert_eq!(world.store.session_by_secret(first_token).await.unwrap(), None);
    close(ana, us.ben, None).await.unwrap();
    assert!(listed(us.ben).await.is_empty());
    assert_eq!(world.store.session_by_secret(second_token).await.unwrap(), None);
    assert_eq!(listed(us.cleo).await, [cleo]);
    // What was there to close, and who closed it; nothing to close leaves no entry.
    close(ana, us.ben, None).await.unwrap();
    let log = world.store.audit(us.place.workspace, None, 1_000).await.unwrap();
    let closed = log.iter().filter(|record| record.entry.kind == "member.signed_out");
    let closed: Vec<_> = closed
        .map(|record| (record.entry.actor.as_str(), record.entry.detail["sessions"].clone()))
        .collect();
    assert_eq!(closed, [("member:ben@us.example", 1.into()), ("member:ana@us.example", 1.into())]);
    world.clock.advance(86_400);
    assert!(listed(us.cleo).await.is_empty());
}

pub(crate) async fn a_password_is_set_by_its_member_only_and_ends_what_was_open<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let by = |credential, change| administer(&*world.store, us, credential, change);
    let (ana, _) = world.sign_in(us.ana).await;
    // An admin's link lets Ben in as `link`; he is signed in elsewhere too.
    let (link, weak, token) = (secret(), SessionId::from_bits(next()), secret());
    let expires_at = world.store.now().plus(Seconds(600));
    let add = Change::AddLoginLink { secret: link, member: us.ben, expires_at };
    by(Credential::Session(ana), add.clone()).await.unwrap();
    let open = Change::OpenSession { link, id: weak, secret: token, expires_at };
    world.administer(open).await.unwrap();
    let (_, elsewhere) = world.sign_in(us.ben).await;
    let spare = secret();
    let another = Change::AddLoginLink { secret: spare, member: us.ben, expires_at };
    by(Credential::Session(ana), another).await.unwrap();

    let hash = |text: &str| PasswordHash(text.into());
    let set = |member, new: &str, before: Option<&str>| Change::SetPassword {
        member,
        hash: hash(new),
        before: before.map(hash),
    };
    for credential in [Credential::Session(ana), Credential::System, Credential::Key(us.ben_key)] {
        let answer = by(credential, set(us.ben, "one", None)).await;
        assert!(matches!(answer, Err(AdministerError::Denied(Denied::NotYours))), "{answer:?}");
    }
    by(Credential::Session(weak), set(us.ben, "one", None)).await.unwrap();
    let own = world.store.session_by_secret(token).await.unwrap().unwrap();
    assert_eq!(own.facts.assurance, Assurance::Session);
    assert_eq!(world.store.session_by_secret(elsewhere).await.unwrap(), None);
    assert_eq!(world.store.login_link(spare).await.unwrap(), None);

    // Who does not know it changes nothing, even if it was known a moment ago.
    for before in [None, Some("zero")] {
        let answer = by(Credential::Session(weak), set(us.ben, "two", before)).await;
        let denied = matches!(answer, Err(AdministerError::Denied(Denied::WrongPassword)));
        assert!(denied, "{answer:?}");
    }
    by(Credential::Session(weak), set(us.ben, "two", Some("one"))).await.unwrap();
    let sign_in = |member, password: &str| {
        let (id, secret) = (SessionId::from_bits(next()), secret());
        let password = hash(password);
        (secret, Change::SignIn { member, password, id, secret, expires_at })
    };
    for (member, password) in [(us.ben, "one"), (us.cleo, "two"), (world.them.ben, "two")] {
        let answer = world.administer(sign_in(member, password).1).await;
        let denied = matches!(answer, Err(AdministerError::Denied(Denied::WrongPassword)));
        assert!(denied, "{answer:?}");
    }
    let (opened, change) = sign_in(us.ben, "two");
    world.administer(change).await.unwrap();
    let opened = world.store.session_by_secret(opened).await.unwrap().unwrap();
    assert_eq!((opened.facts.member, opened.facts.assurance), (us.ben, Assurance::Session));

    // Found by address in whatever case, until disabled; an admin takes it away, Ben cannot.
    let found = world.store.passwords_by_email("BEN@us.example").await.unwrap();
    assert_eq!(found.iter().map(|found| found.member).collect::<Vec<_>>(), [us.ben]);
    assert!(world.store.passwords_by_email("%").await.unwrap().is_empty());
    let remove = Change::RemovePassword { member: us.ben };
    assert!(by(Credential::Session(opened.id), remove.clone()).await.is_err());
    by(Credential::Session(ana), remove).await.unwrap();
    assert!(world.store.sessions(us.place.workspace, us.ben).await.unwrap().is_empty());
    assert_eq!(world.store.password(us.place.workspace, us.ben).await.unwrap(), None);
    let log = world.store.audit(us.place.workspace, None, 1_000).await.unwrap();
    let kinds = log.iter().map(|record| record.entry.kind.as_str());
    let kinds: Vec<_> = kinds.filter(|kind| kind.contains("password")).collect();
    let set = "member.password_set";
    assert_eq!(kinds, [set, set, "member.password_removed"]);
    assert!(log.iter().all(|record| !record.entry.detail.to_string().contains("\"two\"")));
}

pub(crate) async fn the_last_owner_stays<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let demoted =
        Change::UpdateMember { id: us.ana, name: None, role: Some(Role::Admin), enabled: None };
    for change in [demoted.clone(), enabled(us.ana, false)] {
        let answer = world.administer(change).await;
        assert!(matches!(answer, Err(AdministerError::Denied(Denied::LastOwner))), "{answer:?}");
    }
    let own =
        Change::UpdateMember { id: us.ben, name: None, role: Some(Role::Owner), enabled: None };
    world.administer(own).await.unwrap();
    world.administer(demoted).await.unwrap();
    let roster = world.store.roster(us.place.workspace).await.unwrap();
    assert_eq!(roster.people[&us.ana].role, Role::Admin);
}

pub(crate) async fn a_key_without_an_owner_belongs_to_whoever_made_it<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let (ana, _) = world.sign_in(us.ana).await;
    let key = NewKey { owner: None, ..new_key(&[Scope::Keys], None, us.ana) };
    let (first, secret) = (key.id, key.secret);
    administer(&*world.store, us, Credential::Session(ana), Change::AddKey(key)).await.unwrap();
    assert_eq!(world.store.key_by_secret(secret).await.unwrap().unwrap().facts.owner, us.ana);
    let key = NewKey { owner: None, ..new_key(&[Scope::Ask], None, us.ana) };
    let secret = key.secret;
    administer(&*world.store, us, Credential::Key(first), Change::AddKey(key)).await.unwrap();
    assert_eq!(world.store.key_by_secret(secret).await.unwrap().unwrap().facts.owner, us.ana);
}

pub(crate) async fn the_same_policy_saved_again_is_no_new_version<H: Home>() {
    let world = World::<H>::new().await;
    let workspace = world.us.place.workspace;
    let versions = async || {
        let versions = world.store.policy_versions(workspace, &name("p")).await.unwrap();
        versions.iter().map(|version| version.version).collect::<Vec<_>>()
    };
    let (one, two) = (policy("p", &["members"], &[1]), policy("p", &["members"], &[2]));
    for (document, expected) in
        [(&one, vec![1]), (&one, vec![1]), (&two, vec![2, 1]), (&one, vec![3, 2, 1])]
    {
        let done = world.administer(saved(document.clone())).await.unwrap();
        assert_eq!(done.subject, "p");
        assert_eq!(versions().await, expected);
    }
    world.administer(Change::RemovePolicy { name: name("p") }).await.unwrap();
    assert_eq!(versions().await, Vec::<u32>::new());
    // A receipt names a policy and a version; that pair must never mean two texts.
    world.administer(saved(one)).await.unwrap();
    assert_eq!(versions().await, [4, 3, 2, 1]);
}

pub(crate) async fn what_is_read_is_never_older_than_what_was_acknowledged<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let workspace = us.place.workspace;
    for round in 0..20 {
        let on = round % 2 == 1;
        // Reads in flight must not leave an old roster behind.
        let (roster, key) = tokio::join!(world.store.roster(workspace), async {
            world.administer(enabled(us.cleo, on)).await.unwrap();
        });
        let ((), _) = (key, roster.unwrap());
        let roster = world.store.roster(workspace).await.unwrap();
        assert_eq!(roster.people[&us.cleo].enabled, on, "round {round}");
    }
    for round in 0..20 {
        let called = format!("round {round}");
        let rename = Change::SetWorkspace {
            name: Some(called.clone()),
            default_policy: None,
            floor: None,
            retention_days: None,
            callback_hosts: None,
        };
        let (premises, ()) = tokio::join!(world.store.premises(workspace), async {
            world.administer(rename).await.unwrap();
        });
        assert!(premises.unwrap().unwrap().ways.is_empty());
        let premises = world.store.premises(workspace).await.unwrap().unwrap();
        assert_eq!(premises.workspace.name, called);
    }
}

pub(crate) async fn the_last_use_of_a_key_is_noted<H: Home>() {
    let world = World::<H>::new().await;
    let key = new_key(&[Scope::Ask], None, world.us.ana);
    let (id, secret) = (key.id, key.secret);
    world.administer(Change::AddKey(key)).await.unwrap();
    let now = world.store.now();
    let entries = world.home.number("SELECT count(*) FROM audit");
    assert_eq!(world.store.key_by_secret(secret).await.unwrap().unwrap().last_used_at, None);
    world.store.touch_keys(vec![(id, now)]).await.unwrap();
    let key = world.store.key_by_secret(secret).await.unwrap().unwrap();
    assert_eq!(key.last_used_at, Some(now));
    assert_eq!(world.home.number("SELECT count(*) FROM audit"), entries);
}
