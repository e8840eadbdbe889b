//! Letting go of texts: what goes, what stays, when it is due, and that it is gone from the disk.

use std::sync::Arc;

use askfirst_core::administration::Change;
use askfirst_core::*;
use askfirst_proof::{Statement, log, text_digest};
use askfirst_store::{Committed, Credential, ExecuteError, Settlement, Shown};
use serde_json::json;

use crate::world::{self, Home, World};

const DAY: i64 = 86_400;

/// One that has every kind of text in it, each with `word`, and has ended.
async fn wordy<H: Home>(world: &World<H>, word: &str, length: usize) -> Approval {
    let us = &world.us;
    let mut ask = world::ask(us, PolicyChoice::Default);
    let action = Action {
        name: "pay".into(),
        title: format!("{word} title"),
        arguments: json!({ "to": format!("{word} argument {}", "long ".repeat(length)), "by": 1 }),
        target: Some(format!("{word} target")),
    };
    ask.action_digest = world::digest_of(&action);
    ask.action = Arc::new(action.clone());
    ask.reason = Some(format!("{word} reason"));
    ask.agent = Some(Agent { name: format!("{word} agent"), run: None, call: None });
    ask.metadata = json!({ "note": format!("{word} metadata") });
    ask.callback_url = Some(format!("https://ci.example/{word}"));
    ask.editable = vec!["/arguments/by".parse().unwrap()];
    let asked = world.run(us.asker, ask.id, Command::Ask(Box::new(ask))).await.unwrap().approval;
    let question = format!("{word} question");
    let inquire = Command::Inquire { action_digest: asked.action_digest, question };
    world.run(us.cleo_key, asked.id, inquire).await.unwrap();
    let reply = Command::Reply { number: 1, text: format!("{word} reply") };
    world.run(us.asker, asked.id, reply).await.unwrap();

    let pointer: Pointer = "/arguments/by".parse().unwrap();
    let mut edited = action;
    edited.arguments["by"] = json!(format!("{word} edit"));
    let digest = world::digest_of(&edited);
    let text = format!("{word} shown {}", asked.id);
    let shown_digest = Digest(*text_digest(&text).as_bytes());
    let vote = Command::Vote(CastVote {
        decision: VoteDecision::Approve,
        action_digest: asked.action_digest,
        shown_digest: Some(shown_digest),
        comment: Some(format!("{word} comment")),
        on_behalf_of: None,
        edits: Some(Edits { changes: [(pointer, edited.arguments["by"].clone())].into(), digest }),
        answer: None,
        grant: None,
    });
    let mut request = world::execute(us, Credential::Key(us.ben_key), asked.id, vote);
    request.shown = Some(Shown {
        digest: shown_digest,
        renderer: "web/1".into(),
        channel: "web".into(),
        locale: "en".into(),
        text,
    });
    world.store.execute(request).await.unwrap();
    let consume = Command::Consume { action_digest: digest };
    world.run(us.asker, asked.id, consume).await.unwrap();
    let status = OutcomeStatus::Succeeded;
    let report = Command::Report { status, note: Some(format!("{word} note")) };
    Arc::unwrap_or_clone(world.run(us.asker, asked.id, report).await.unwrap().approval)
}

async fn erase<H: Home>(world: &World<H>, id: ApprovalId) -> Result<Committed, ExecuteError> {
    let request = world::execute(&world.us, Credential::System, id, Command::Erase);
    world.store.execute(request).await
}

async fn keep_for<H: Home>(world: &World<H>, days: Option<u32>) {
    let retention_days = Some(days);
    let change = Change::SetWorkspace {
        name: None,
        default_policy: None,
        floor: None,
        retention_days,
        callback_hosts: None,
    };
    world.administer(change).await.unwrap();
}

async fn due<H: Home>(world: &World<H>) -> Vec<ApprovalId> {
    let due = world.store.due_erasures(1_000).await.unwrap();
    assert!(due.iter().all(|due| due.place == world.us.place));
    due.into_iter().map(|due| due.approval).collect()
}

/// Checks the whole audit log.
async fn audit_is_whole<H: Home>(world: &World<H>) {
    let workspace = world.us.place.workspace;
    let records = world.store.audit(workspace, None, 100_000).await.unwrap();
    let entries = records.iter().map(|record| (record.entry.clone(), record.hash));
    log::verify_chain(&workspace.to_string(), entries, &[]).unwrap();
}

pub(crate) async fn what_was_erased_stands_nowhere_in_the_files<H: Home>() {
    let mut world = World::<H>::new().await;
    let mut words = Vec::new();
    let mut ended = Vec::new();
    // Of lengths that fit into a page, fill one, and need many; in an order that mixes them.
    for count in 0_usize..120 {
        let word = format!("wrd{count:03}x");
        ended.push(wordy(&world, &word, (count * 37) % 800).await);
        words.push(word);
    }
    let kept = words.split_off(100);
    assert_eq!(world.home.found(&words), words);
    world.clock.advance(DAY);
    for (count, approval) in ended.iter().take(100).enumerate() {
        erase(&world, approval.id).await.unwrap();
        if count == 50 {
            world.reopen().await;
        }
    }
    while !world.store.scrub().await.unwrap() {}
    assert_eq!(world.home.found(&words), Vec::<String>::new());
    assert_eq!(world.home.found(&kept), kept);
    audit_is_whole(&world).await;

    let before = &ended[0];
    let after = world.store.approval(world.us.place, before.id).await.unwrap().unwrap();
    assert_eq!(after.action.name, before.action.name);
    assert_eq!(after.action_digest, before.action_digest);
    assert_eq!(after.asked_digest(), before.asked_digest());
    assert_eq!(after.decision.as_ref().unwrap().status, Status::Approved);
    assert_eq!(after.votes.len(), before.votes.len());
    assert_eq!(after.votes[0].voter, before.votes[0].voter);
    assert_eq!(after.assurance(), before.assurance());
    assert_eq!(after.erased.as_ref().unwrap().by, Actor::System);
    let text = Some("title".into());
    let filter = askfirst_store::ApprovalFilter { text, limit: 100, ..Default::default() };
    let found = world.store.approvals(world.us.place, filter).await.unwrap();
    assert_eq!(found.len(), kept.len());

    // Erasing again does nothing; a note would bring text back.
    assert_eq!(erase(&world, before.id).await.unwrap().events, []);
}

pub(crate) async fn what_is_due_is_what_ended_long_enough_ago_and_is_not_held<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let pending = world.ask().await;
    let rejected = world.ask().await;
    world.vote(us.ben_key, &rejected, VoteDecision::Reject).await.unwrap();
    let held = world.ask().await;
    world.vote(us.ben_key, &held, VoteDecision::Reject).await.unwrap();
    let as_system = |command| world::execute(us, Credential::System, held.id, command);
    let hold = Command::Hold { reason: "a lawsuit".into() };
    world.store.execute(as_system(hold)).await.unwrap();
    // Nobody said how long to keep texts: for good.
    world.clock.advance(4_000 * DAY);
    assert_eq!(due(&world).await, []);
    let approved = world.ask().await;
    let approved = world.approve(us.ben_key, &approved).await;
    keep_for(&world, Some(30)).await;
    assert_eq!(due(&world).await, [rejected.id]);
    assert!(matches!(
        erase(&world, pending.id).await,
        Err(ExecuteError::Refused(Refusal::NotEnded))
    ));
    world.expire(pending.id).await.unwrap();
    assert_eq!(due(&world).await, [rejected.id, pending.id]);

    // What was approved has its time from the end of its use.
    let valid = i64::from(approved.policy.document.valid_for.0);
    world.clock.advance(30 * DAY + valid - 1);
    assert_eq!(due(&world).await, [rejected.id, pending.id]);
    world.clock.advance(1);
    assert_eq!(due(&world).await, [rejected.id, pending.id, approved.id]);

    let reason = Some("an inquiry".to_owned());
    world.administer(Change::HoldWorkspace { reason }).await.unwrap();
    assert_eq!(due(&world).await, []);
    let refused = erase(&world, rejected.id).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Refusal::OnHold { .. }))));
    world.administer(Change::HoldWorkspace { reason: None }).await.unwrap();
    erase(&world, rejected.id).await.unwrap();
    assert_eq!(due(&world).await, [pending.id, approved.id]);

    let refused = erase(&world, held.id).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Refusal::OnHold { .. }))));
    world.store.execute(as_system(Command::Release)).await.unwrap();
    assert_eq!(due(&world).await, [held.id, pending.id, approved.id]);
    let whole = world.store.audit(us.place.workspace, None, 1_000).await.unwrap();
    let kinds: Vec<_> = whole.iter().rev().take(4).map(|r| r.entry.kind.as_str()).collect();
    let wanted = ["approval.released", "approval.erased", "workspace.released", "workspace.held"];
    assert_eq!(kinds, wanted);
    audit_is_whole(&world).await;
}

pub(crate) async fn what_was_signed_with_a_comment_is_stated_again_without_it<H: Home>() {
    let world = World::<H>::new().await;
    let ended = wordy(&world, "word", 1).await;
    let place = world.us.place;
    let proof = || async { world.store.proof(place, ended.id).await.unwrap().unwrap() };
    let before = proof().await;
    // Somebody is about to sign the statement as it was.
    let row = world.store.claim_outbox("sign_receipt", 60, 1).await.unwrap().remove(0);
    erase(&world, ended.id).await.unwrap();
    let signed = |token: &str| Settlement::Signed { token: token.into(), proof_token: None };
    world.store.settle(&row, signed("with the comment")).await.unwrap();

    let after = proof().await;
    assert_eq!(after.token, None);
    let mut stated = Statement::from_bytes(&before.statement).unwrap();
    assert_eq!(stated.comment.take().unwrap(), "word comment");
    stated.jti.push_str("_2");
    stated.iat = world.store.now().seconds();
    assert_eq!(Statement::from_bytes(&after.statement).unwrap(), stated);
    assert_eq!(after.erased_index, Some(after.audit_index));
    let index = Some(after.audit_index - 1);
    let entry = world.store.audit(place.workspace, index, 1).await.unwrap().remove(0).entry;
    assert_eq!(entry.kind, "approval.erased");
    let digest = text_digest(&after.statement).to_string();
    assert_eq!(entry.detail[log::STATEMENT_DIGEST], digest);
    let row = world.store.claim_outbox("sign_receipt", 60, 9).await.unwrap().remove(0);
    world.store.settle(&row, signed("without")).await.unwrap();
    assert_eq!(proof().await.token.as_deref(), Some("without"));

    // Where there was no comment, the receipt stays as it is.
    let asked = world.ask().await;
    world.run(world.us.asker, asked.id, Command::Cancel { reason: None }).await.unwrap();
    let row = world.store.claim_outbox("sign_receipt", 60, 9).await.unwrap().remove(0);
    world.store.settle(&row, signed("the only one")).await.unwrap();
    let before = world.store.proof(place, asked.id).await.unwrap().unwrap();
    erase(&world, asked.id).await.unwrap();
    let after = world.store.proof(place, asked.id).await.unwrap().unwrap();
    assert!(after.erased_index.is_some());
    assert_eq!(askfirst_store::Proof { erased_index: None, ..after }, before);
    audit_is_whole(&world).await;
}

pub(crate) async fn texts_that_two_were_shown_stay_for_the_other<H: Home>() {
    let world = World::<H>::new().await;
    let us = &world.us;
    let text = "the very same words";
    let digest = Digest(*text_digest(text).as_bytes());
    let mut asked = Vec::new();
    for _ in 0..2 {
        let approval = world.ask().await;
        let reject = world::cast(&approval, VoteDecision::Reject);
        let mut request = world::execute(us, Credential::Key(us.ben_key), approval.id, reject);
        request.shown = Some(Shown {
            digest,
            renderer: "web/1".into(),
            channel: "web".into(),
            locale: "en".into(),
            text: text.into(),
        });
        world.store.execute(request).await.unwrap();
        asked.push(approval.id);
    }
    erase(&world, asked[0]).await.unwrap();
    assert!(world.store.shown(us.place, asked[0]).await.unwrap().is_empty());
    assert_eq!(world.store.shown(us.place, asked[1]).await.unwrap()[0].text, text);
    erase(&world, asked[1]).await.unwrap();
    assert!(world.store.shown(us.place, asked[1]).await.unwrap().is_empty());
    assert_eq!(world.home.number("SELECT count(*) FROM shown_texts"), 0);
}

pub(crate) async fn what_was_granted_keeps_its_words_for_as_long_as_it_stands<H: Home>() {
    let world = World::<H>::new().await;
    let (asked, grant) = crate::grants::granted(&world).await;
    let consume = Command::Consume { action_digest: asked.action_digest };
    world.run(world.us.asker, asked.id, consume).await.unwrap();
    let refused = erase(&world, asked.id).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(Refusal::StillGranted { .. }))));
    keep_for(&world, Some(1)).await;
    world.clock.advance(DAY + 1_800);
    assert_eq!(due(&world).await, [asked.id], "it was for ten minutes");
    erase(&world, asked.id).await.unwrap();
    let known = world.store.grant(world.us.place, grant).await.unwrap().unwrap().grant;
    assert_eq!((known.terms.action.title.as_str(), known.terms.action.target.as_ref()), ("", None));
    assert_eq!(known.terms.action.name, "deploy.production");
    while !world.store.scrub().await.unwrap() {}
    assert_eq!(world.home.found(&["payload-4711".to_owned()]), Vec::<String>::new());
    audit_is_whole(&world).await;
}
