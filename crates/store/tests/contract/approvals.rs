//! Asking, voting, claiming: what is recorded, that it is recorded whole, and how it is found.

use std::sync::Arc;

use askfirst_core::administration::Change;
use askfirst_core::*;
use askfirst_store::*;

use crate::world::{self, Home, World, ask, cast, execute, name, new_key, policy, saved};

pub(crate) async fn what_was_acknowledged_is_there_after_reopening<H: Home>() {
    let mut world = World::<H>::new().await;
    let pending = world.ask().await;
    let asked = world.ask().await;
    let approved = world.approve(world.us.ben_key, &asked).await;
    let head = world.store.audit(world.us.place.workspace, None, 1_000).await.unwrap();
    let room = world.store.room(world.us.place, Some(world.us.asker)).await.unwrap();
    let counted = (room.key.pending.used, room.workspace.asks_per_month.used);
    assert_eq!(counted, (1, 2), "one open, two asked");

    world.reopen().await;
    let read = |id| world.store.approval(world.us.place, id);
    assert_eq!(read(pending.id).await.unwrap(), Some(pending.clone()));
    assert_eq!(read(approved.id).await.unwrap(), Some(approved.clone()));
    assert_eq!(world.event_names(approved.id).await, ["asked", "voted", "approved"]);
    assert_eq!(world.store.room(world.us.place, Some(world.us.asker)).await.unwrap(), room);
    assert_eq!(world.store.audit(world.us.place.workspace, None, 1_000).await.unwrap(), head);
    assert_eq!(world.store.members(world.us.place.workspace, None, 10).await.unwrap().len(), 3);
    // And it counts on from there.
    world.approve(world.us.ben_key, &pending).await;
    let after = world.store.room(world.us.place, Some(world.us.asker)).await.unwrap();
    assert_eq!((after.key.pending.used, after.workspace.asks_per_month.used), (0, 2));
}

pub(crate) async fn a_refusal_writes_nothing<H: Home>() {
    let world = World::<H>::new().await;
    let (us, pending) = (world.us.clone(), world.ask().await);
    let decided = world.ask().await;
    let decided = world.approve(us.ben_key, &decided).await;
    let before = world.home.rows();

    let approve = |approval| cast(approval, VoteDecision::Approve);
    let consume = |digest| Command::Consume { action_digest: digest };
    let unknown = ask(&us, PolicyChoice::Named(name("nobody-wrote-it")));
    let mut loose = ask(&us, PolicyChoice::Default);
    loose.expires_in = Some(Seconds(86_400));
    let taken = Ask { id: pending.id, ..ask(&us, PolicyChoice::Default) };
    let mut stale = pending.clone();
    stale.action_digest = Digest([9; 32]);
    for (key, id, command) in [
        (us.asker, unknown.id, Command::Ask(Box::new(unknown))),
        (us.asker, loose.id, Command::Ask(Box::new(loose))),
        (us.asker, taken.id, Command::Ask(Box::new(taken))),
        (us.asker, pending.id, approve(&pending)),
        (us.ben_key, pending.id, approve(&stale)),
        (us.ben_key, decided.id, approve(&decided)),
        (us.other_asker, pending.id, Command::Cancel { reason: None }),
        (us.asker, pending.id, consume(pending.action_digest)),
        (us.asker, decided.id, consume(Digest([9; 32]))),
        (us.asker, decided.id, Command::Report { status: OutcomeStatus::Failed, note: None }),
        (us.other_asker, decided.id, Command::Revoke { reason: None }),
        (us.asker, ApprovalId::from_bits(world::next()), Command::Cancel { reason: None }),
    ] {
        let said = format!("{command:?}");
        let request =
            world::idempotent(execute(&us, Credential::Key(key), id, command), "refused", 1);
        let answer = world.store.execute(request).await;
        assert!(matches!(answer, Err(ExecuteError::Refused(_))), "{said}: {answer:?}");
    }
    assert!(matches!(world.expire(pending.id).await, Err(ExecuteError::Refused(_))));
    assert_eq!(world.home.rows(), before);
    assert_eq!(world.store.approval(us.place, pending.id).await.unwrap(), Some(pending));
}

pub(crate) async fn one_persons_second_vote_does_not_count<H: Home>() {
    let world = World::<H>::new().await;
    let asked = world.ask_under("two").await;
    let once = world.approve(world.us.ben_key, &asked).await;
    let again = world.vote(world.us.ben_key, &asked, VoteDecision::Approve).await;
    assert!(matches!(again, Err(ExecuteError::Refused(Refusal::AlreadyVoted { .. }))));
    let (session, _) = world.sign_in(world.us.ben).await;
    let command = cast(&asked, VoteDecision::Approve);
    let request = execute(&world.us, Credential::Session(session), asked.id, command);
    let another_way = world.store.execute(request).await;
    assert!(matches!(another_way, Err(ExecuteError::Refused(Refusal::AlreadyVoted { .. }))));
    assert_eq!(world.store.approval(world.us.place, asked.id).await.unwrap(), Some(once));
    let done = world.approve(world.us.cleo_key, &asked).await;
    assert_eq!(done.status_at(world.store.now()), Status::Approved);
}

pub(crate) async fn a_policy_is_frozen_when_it_is_asked_under<H: Home>() {
    let world = World::<H>::new().await;
    let asked = world.ask_under("sre").await;
    world.administer(saved(policy("sre", &["members"], &[3]))).await.unwrap();
    let after = world.store.approval(world.us.place, asked.id).await.unwrap().unwrap();
    assert_eq!(after.policy, asked.policy);
    assert_eq!(after.policy.version, 1);
    let done = world.approve(world.us.ben_key, &asked).await;
    assert_eq!(done.status_at(world.store.now()), Status::Approved);

    let next = world.ask_under("sre").await;
    assert_eq!((next.policy.version, next.policy.document.seats()), (2, 3));
    world.administer(Change::RemovePolicy { name: name("sre") }).await.unwrap();
    let kept = world.store.approval(world.us.place, next.id).await.unwrap();
    assert_eq!(kept, Some(next));
}

pub(crate) async fn a_consumer_is_known_only_within_its_place<H: Home>() {
    let world = World::<H>::new().await;
    let us = world.us.clone();
    for stranger in [world.them.asker, us.test_asker, KeyId::from_bits(world::next())] {
        let mut ask = ask(&us, PolicyChoice::Default);
        ask.consumers = vec![us.other_asker, stranger];
        let answer = world.run(us.asker, ask.id, Command::Ask(Box::new(ask))).await;
        let Err(ExecuteError::Refused(Refusal::UnknownConsumer { key })) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(key, stranger);
    }
    let mut ask = ask(&us, PolicyChoice::Default);
    ask.consumers = vec![us.other_asker];
    let asked = world.run(us.asker, ask.id, Command::Ask(Box::new(ask))).await.unwrap().approval;
    world.approve(us.ben_key, &asked).await;
    let command = Command::Consume { action_digest: asked.action_digest };
    world.run(us.other_asker, asked.id, command).await.unwrap();
}

pub(crate) async fn events_come_in_order_with_their_versions<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let asked = world.ask_under("two").await;
    world.approve(us.ben_key, &asked).await;
    world.clock.advance(1);
    world.approve(us.cleo_key, &asked).await;
    let command = Command::Consume { action_digest: asked.action_digest };
    world.run(us.asker, asked.id, command).await.unwrap();
    let report = Command::Report { status: OutcomeStatus::Succeeded, note: Some("up".into()) };
    let last = world.run(us.asker, asked.id, report.clone()).await.unwrap();
    let repeated = world.run(us.asker, asked.id, report).await.unwrap();
    assert_eq!((repeated.events.len(), repeated.approval.version), (0, last.approval.version));

    let events = world.store.events(us.place, asked.id, 0).await.unwrap();
    let versions: Vec<_> = events.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    assert_eq!(last.approval.version, 6);
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["asked", "voted", "voted", "approved", "claimed", "outcome_reported"]);
    assert_eq!(events[1].detail["voter"], "ben@us.example");
    assert_eq!(events[1].detail["comment"], "seen");
    assert_eq!(events[3].detail["cause"], "needs_met");
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(events.iter().all(|event| !event.detail.to_string().contains("payload-4711")));
    assert_eq!(world.store.events(us.place, asked.id, 4).await.unwrap(), events[4..]);
}

pub(crate) async fn what_a_voter_was_shown_is_kept<H: Home>() {
    let world = World::<H>::new().await;
    let asked = world.ask_under("two").await;
    let text = "Deploy v2.1 to production?";
    let shown = Shown {
        digest: Digest(*askfirst_proof::text_digest(text).as_bytes()),
        renderer: "web/1".into(),
        channel: "web".into(),
        locale: "en".into(),
        text: text.into(),
    };
    for key in [world.us.ben_key, world.us.cleo_key] {
        let command = Command::Vote(CastVote {
            decision: VoteDecision::Approve,
            action_digest: asked.action_digest,
            shown_digest: Some(shown.digest),
            comment: None,
            on_behalf_of: None,
            edits: None,
            answer: None,
            grant: None,
        });
        let mut request = execute(&world.us, Credential::Key(key), asked.id, command);
        request.shown = Some(shown.clone());
        world.store.execute(request).await.unwrap();
    }
    let kept = world.store.shown(world.us.place, asked.id).await.unwrap();
    assert_eq!(kept, std::slice::from_ref(&shown));

    let other = world.ask().await;
    let lying = Shown { text: "Delete nothing?".into(), ..shown };
    let mut request = execute(
        &world.us,
        Credential::Key(world.us.ben_key),
        other.id,
        cast(&other, VoteDecision::Approve),
    );
    request.shown = Some(lying);
    assert!(world.store.execute(request).await.is_err());
    assert_eq!(world.store.approval(world.us.place, other.id).await.unwrap(), Some(other));
}

pub(crate) async fn filters_and_cursors_find_what_they_say<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let first = world.ask().await;
    let second = world.ask_under("two").await;
    let mut ask = ask(us, PolicyChoice::Default);
    Arc::make_mut(&mut ask.action).title = "Zahle 100% an Ärzte_1".into();
    ask.agent = Some(Agent { name: "pay-bot".into(), run: None, call: None });
    let third = world.run(us.other_asker, ask.id, Command::Ask(Box::new(ask))).await.unwrap();
    let third = third.approval;
    world.approve(us.ben_key, &first).await;

    let all = ApprovalFilter { limit: 10, ..ApprovalFilter::default() };
    let text = |text: &str| ApprovalFilter { text: Some(text.into()), ..all.clone() };
    let status = |status| ApprovalFilter { status: Some(status), ..all.clone() };
    for (filter, found) in [
        (all.clone(), vec![&third, &second, &first]),
        (status(Status::Pending), vec![&third, &second]),
        (status(Status::Approved), vec![&first]),
        (status(Status::Expired), vec![]),
        (ApprovalFilter { policy: Some(name("two")), ..all.clone() }, vec![&second]),
        (ApprovalFilter { agent: Some("pay-bot".into()), ..all.clone() }, vec![&third]),
        (ApprovalFilter { asker: Some(us.other_asker), ..all.clone() }, vec![&third]),
        (text("100% AN äRZTE_"), vec![&third]),
        (text("1% an"), vec![]),
        (text("PROD-EU"), vec![&third, &second, &first]),
        (text("v2.1 to"), vec![&second, &first]),
        (ApprovalFilter { limit: 1, ..all.clone() }, vec![&third]),
        (ApprovalFilter { limit: 1, before: Some(third.id), ..all.clone() }, vec![&second]),
        (ApprovalFilter { before: Some(second.id), ..all.clone() }, vec![&first]),
        (ApprovalFilter { before: Some(second.id), ..status(Status::Pending) }, vec![]),
    ] {
        let said = format!("{filter:?}");
        let list = world.store.approvals(us.place, filter).await.unwrap();
        let ids: Vec<_> = list.iter().map(|approval| approval.id).collect();
        assert_eq!(ids, found.iter().map(|approval| approval.id).collect::<Vec<_>>(), "{said}");
    }
}

pub(crate) async fn approvals_are_found_by_who_asked_who_voted_and_when<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let bens = new_key(&[Scope::Ask], None, us.ben);
    let bens_key = bens.id;
    world.administer(Change::AddKey(bens)).await.unwrap();
    let early = world.ask().await;
    world.clock.advance(60);
    let middle = world.ask_under("two").await;
    world.clock.advance(60);
    let ask = ask(us, PolicyChoice::Default);
    let late = world.run(bens_key, ask.id, Command::Ask(Box::new(ask))).await.unwrap().approval;
    world.approve(us.ben_key, &early).await;
    world.vote(us.ben_key, &middle, VoteDecision::Approve).await.unwrap();
    world.vote(us.cleo_key, &middle, VoteDecision::Reject).await.unwrap();

    let all = ApprovalFilter { limit: 10, ..ApprovalFilter::default() };
    let voted = |member| ApprovalFilter { approver: Some(member), ..all.clone() };
    let owned = |member| ApprovalFilter { owner: Some(member), ..all.clone() };
    let (from, to) = (Some(middle.created_at), Some(late.created_at));
    for (filter, found) in [
        (voted(us.ben), vec![&middle, &early]),
        (voted(us.cleo), vec![&middle]),
        (voted(us.ana), vec![]),
        (voted(world.them.ben), vec![]),
        (ApprovalFilter { limit: 1, ..voted(us.ben) }, vec![&middle]),
        (ApprovalFilter { before: Some(middle.id), ..voted(us.ben) }, vec![&early]),
        (ApprovalFilter { status: Some(Status::Rejected), ..voted(us.ben) }, vec![&middle]),
        (owned(us.ben), vec![&late]),
        (owned(us.ana), vec![&middle, &early]),
        (owned(world.them.ana), vec![]),
        (ApprovalFilter { asker: Some(us.asker), ..owned(us.ben) }, vec![]),
        (ApprovalFilter { ended: true, ..all.clone() }, vec![&middle, &early]),
        (ApprovalFilter { created_after: from, ..all.clone() }, vec![&late, &middle]),
        (ApprovalFilter { created_before: from, ..all.clone() }, vec![&early]),
        (ApprovalFilter { created_after: from, created_before: to, ..all.clone() }, vec![&middle]),
        (ApprovalFilter { created_after: to, created_before: from, ..all.clone() }, vec![]),
    ] {
        let said = format!("{filter:?}");
        let list = world.store.approvals(us.place, filter).await.unwrap();
        let ids: Vec<_> = list.iter().map(|approval| approval.id).collect();
        assert_eq!(ids, found.iter().map(|approval| approval.id).collect::<Vec<_>>(), "{said}");
    }
    // In time, silence ends what is left.
    world.clock.advance(3_600);
    let ended = ApprovalFilter { ended: true, ..all };
    assert_eq!(world.store.approvals(us.place, ended).await.unwrap().len(), 3);
}

pub(crate) async fn an_overdue_approval_is_listed_as_what_silence_means<H: Home>() {
    let world = World::<H>::new().await;
    let mut strict = policy("strict", &["members"], &[1]);
    strict.on_timeout = OnTimeout::Reject;
    world.administer(saved(strict)).await.unwrap();
    let (lenient, strict) = (world.ask().await, world.ask_under("strict").await);
    world.clock.advance(3_600);
    for (status, found) in [
        (Status::Pending, vec![]),
        (Status::Expired, vec![lenient.id]),
        (Status::Rejected, vec![strict.id]),
    ] {
        let filter =
            ApprovalFilter { status: Some(status), limit: 10, ..ApprovalFilter::default() };
        let list = world.store.approvals(world.us.place, filter).await.unwrap();
        assert_eq!(list.iter().map(|approval| approval.id).collect::<Vec<_>>(), found, "{status}");
    }
}
