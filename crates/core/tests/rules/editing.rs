//! Approvers change what is asked for, and fill in forms.

use std::collections::BTreeMap;

use askfirst_core::approval::edit;
use askfirst_core::*;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::*;

const CHANGED: Digest = Digest([9; 32]);
const CHANGED_AGAIN: Digest = Digest([10; 32]);

fn place(text: &str) -> Pointer {
    text.parse().unwrap()
}

fn changes(list: &[(&str, Value)]) -> BTreeMap<Pointer, Value> {
    list.iter().map(|(at, value)| (place(at), value.clone())).collect()
}

/// Two of `sre` are needed; the version and the target may be changed.
fn open_for_changes() -> Stage {
    let mut stage = Stage::new(rules(json!({
        "needs": [{ "from": ["group:sre"], "count": 2 }], "rejections": 2,
    })));
    let editable = vec![place("/arguments/version"), place("/target")];
    assert_eq!(stage.ask(Ask { editable, ..ask() }), Ok(vec!["asked"]));
    stage
}

fn edited(seen: Digest, list: &[(&str, Value)], digest: Digest) -> Command {
    let edits = Some(Edits { changes: changes(list), digest });
    Command::Vote(CastVote { action_digest: seen, edits, ..vote(VoteDecision::Approve) })
}

fn approve(seen: Digest) -> Command {
    Command::Vote(CastVote { action_digest: seen, ..vote(VoteDecision::Approve) })
}

#[test]
fn an_edit_makes_a_revision_and_earlier_approvals_are_asked_again() {
    let mut stage = open_for_changes();
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    assert_eq!(stage.missing(), 1);
    let edit = edited(DIGEST, &[("/arguments/version", json!("2.2"))], CHANGED);
    assert_eq!(stage.act("ben", edit), Ok(vec!["edited", "voted"]));

    let approval = stage.approval();
    assert_eq!(approval.action.arguments, json!({ "version": "2.2", "share": 0.1 }));
    assert_eq!((approval.action_digest, approval.asked_digest()), (CHANGED, DIGEST));
    assert_eq!((approval.revision(), approval.revisions.len()), (2, 2));
    assert_eq!(approval.revisions[0].action.arguments["version"], "2.1");
    let standing: Vec<_> = approval.votes.iter().map(|vote| approval.stands(vote)).collect();
    assert_eq!(standing, [false, true], "both stay in the record");
    assert_eq!(stage.missing(), 1);

    let stale = Refusal::StaleDigest { current: CHANGED };
    assert_eq!(stage.act("ana", approve(DIGEST)), Err(stale));
    assert_eq!(stage.act("ana", approve(CHANGED)), Ok(vec!["voted", "approved"]));
    assert_eq!(stage.act(bot(), consume()), Err(Refusal::StaleDigest { current: CHANGED }));
    let claim = Command::Consume { action_digest: CHANGED };
    assert_eq!(stage.act(bot(), claim), Ok(vec!["claimed"]));
}

/// The same digest twice is not the same revision: nobody's old yes comes back to life.
#[test]
fn changing_it_back_does_not_bring_old_approvals_back() {
    let mut stage = open_for_changes();
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    let there = edited(DIGEST, &[("/target", json!("prod-us"))], CHANGED);
    assert_eq!(stage.act("ben", there), Ok(vec!["edited", "voted"]));
    stage.join("dan", "sre");
    let back = edited(CHANGED, &[("/target", json!("prod-eu"))], DIGEST);
    assert_eq!(stage.act("dan", back), Ok(vec!["edited", "voted"]));
    assert_eq!(stage.approval().action_digest, DIGEST);
    assert_eq!(stage.missing(), 1, "only who changed it back has approved it");
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_rejection_outlives_a_change() {
    let mut stage = open_for_changes();
    stage.join("cal", "sre");
    assert_eq!(stage.reject("cal"), Ok(vec!["voted"]));
    let edit = edited(DIGEST, &[("/target", Value::Null)], CHANGED);
    assert_eq!(stage.act("ben", edit), Ok(vec!["edited", "voted"]));
    let again = Command::Vote(CastVote { action_digest: CHANGED, ..vote(VoteDecision::Reject) });
    assert!(matches!(stage.act("cal", again.clone()), Err(Refusal::AlreadyVoted { .. })));
    assert_eq!(stage.act("ana", again), Ok(vec!["voted", "rejected"]));
}

#[test]
fn what_was_not_opened_cannot_be_changed() {
    let mut stage = open_for_changes();
    for (list, why) in [
        (vec![("/arguments/share", json!(1))], "/arguments/share"),
        (vec![("/arguments", json!({}))], "/arguments"),
        (vec![("/arguments/versions", json!("3"))], "/arguments/versions"),
    ] {
        let told = stage.act("ana", edited(DIGEST, &list, CHANGED));
        assert!(
            matches!(&told, Err(Refusal::NotEditable { pointer, .. }) if pointer.as_str() == why),
            "{told:?}"
        );
    }
    for bad in [json!(5), json!(" "), json!("x".repeat(edit::LONGEST_TARGET + 1))] {
        let told = stage.act("ana", edited(DIGEST, &[("/target", bad)], CHANGED));
        assert!(matches!(told, Err(Refusal::BadEdit { .. })), "{told:?}");
    }
    let inside = edited(DIGEST, &[("/arguments/version/0", json!("3"))], CHANGED);
    assert!(matches!(stage.act("ana", inside), Err(Refusal::BadEdit { .. })));
    let edits = Some(Edits { changes: changes(&[("/target", json!("x"))]), digest: CHANGED });
    let no = Command::Vote(CastVote { edits, ..vote(VoteDecision::Reject) });
    assert_eq!(stage.act("ana", no), Err(Refusal::EditsWithoutApproval));
    assert_eq!(stage.approval().version, 1);
}

#[test]
fn of_two_changes_none_is_inside_the_other() {
    let mut stage = Stage::new(rules(json!({})));
    let editable = vec![place("/arguments")];
    assert_eq!(stage.ask(Ask { editable, ..ask() }), Ok(vec!["asked"]));
    let list = [("/arguments", json!({ "version": 1 })), ("/arguments/version", json!("2"))];
    let told = stage.act("ana", edited(DIGEST, &list, CHANGED));
    assert!(matches!(told, Err(Refusal::EditsOverlap { .. })), "{told:?}");
}

#[test]
fn a_change_that_changes_nothing_is_none() {
    let mut stage = open_for_changes();
    let same = edited(DIGEST, &[("/arguments/version", json!("2.1"))], DIGEST);
    assert_eq!(stage.act("ana", same), Ok(vec!["voted"]));
    assert_eq!(stage.approval().revision(), 1);
}

#[test]
fn who_may_not_vote_may_not_change_either() {
    let mut stage = open_for_changes();
    let edit = edited(DIGEST, &[("/target", json!("mine"))], CHANGED);
    assert!(matches!(stage.act("dan", edit.clone()), Err(Refusal::NotAnApprover { .. })));
    assert_eq!(stage.act(bot(), edit), Err(Refusal::AskerCannotDecide));
}

#[test]
fn there_is_an_end_to_changing() {
    let mut stage = open_for_changes();
    stage.saved = None;
    let mut digest = DIGEST;
    for round in 0..edit::MOST_REVISIONS - 1 {
        let next = if digest == CHANGED { CHANGED_AGAIN } else { CHANGED };
        let who = if round % 2 == 0 { "ana" } else { "ben" };
        let edit = edited(digest, &[("/target", json!(format!("t{round}")))], next);
        assert_eq!(stage.act(who, edit), Ok(vec!["edited", "voted"]));
        digest = next;
    }
    let last = edited(digest, &[("/target", json!("one more"))], DIGEST);
    assert!(matches!(
        stage.act("ben", last),
        Err(Refusal::AlreadyVoted { .. }) | Err(Refusal::EnoughEdited { .. })
    ));
    assert_eq!(stage.approval().revision(), edit::MOST_REVISIONS);
}

fn with_form() -> Stage {
    let needs = json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] });
    let mut stage = Stage::new(rules(needs));
    let answer_schema = Some(json!({ "type": "string" }));
    assert_eq!(stage.ask(Ask { answer_schema, ..ask() }), Ok(vec!["asked"]));
    stage
}

fn fill_in(value: Value) -> Command {
    let answer = Some(FormAnswer { value, problems: Vec::new() });
    Command::Vote(CastVote { answer, ..vote(VoteDecision::Approve) })
}

#[test]
fn who_approves_fills_the_form_in_and_nobody_else() {
    let mut stage = with_form();
    assert_eq!(stage.approve("ana"), Err(Refusal::AnswerMissing));
    let problems = vec![Problem { pointer: "/answer".into(), detail: "no text".into() }];
    let unfit = Some(FormAnswer { value: json!(5), problems: problems.clone() });
    let unfit = Command::Vote(CastVote { answer: unfit, ..vote(VoteDecision::Approve) });
    assert_eq!(stage.act("ana", unfit.clone()), Err(Refusal::AnswerUnfit { problems }));
    assert_eq!(stage.act(bot(), unfit), Err(Refusal::AskerCannotDecide), "who asks is told that");
    let answer = Some(FormAnswer { value: json!("eu"), problems: Vec::new() });
    let no = Command::Vote(CastVote { answer, ..vote(VoteDecision::Reject) });
    assert_eq!(stage.act("ana", no), Err(Refusal::AnswerUnwanted));
    assert_eq!(
        Stage::asked(json!({})).act("ana", fill_in(json!("eu"))),
        Err(Refusal::AnswerUnwanted)
    );
    assert_eq!(stage.reject("ana"), Ok(vec!["voted", "rejected"]), "a no needs no form");
}

#[test]
fn approvers_must_fill_in_the_same() {
    let mut stage = with_form();
    assert_eq!(stage.act("ana", fill_in(json!("eu"))), Ok(vec!["voted"]));
    assert_eq!(stage.act("ben", fill_in(json!("us"))), Ok(vec!["voted"]));
    assert_eq!(stage.missing(), 1, "whoever said eu has not said us");
    assert_eq!(stage.act("ana", fill_in(json!("us"))), Ok(vec!["voted", "approved"]));
    assert_eq!(stage.decision().answer, Some(json!("us")));
    assert_eq!(stage.approval().votes.len(), 3);
}

proptest! {
    /// Whatever is changed, everything that was not opened stays as it was.
    #[test]
    fn an_edit_touches_only_what_was_opened(
        open in prop::sample::subsequence(vec!["/target", "/arguments/a", "/arguments/b/c"], 0..=3),
        tried in prop::sample::subsequence(
            vec!["/target", "/arguments/a", "/arguments/b/c", "/arguments/b", "/arguments/d", "/arguments"], 1..=3),
        value in prop_oneof![Just(json!("x")), Just(Value::Null), Just(json!({ "z": [1] }))],
    ) {
        let arguments = json!({ "a": 1, "b": { "c": [true], "e": 2 }, "d": "keep" });
        let action = Action { name: "n".into(), title: "t".into(), arguments, target: Some("g".into()) };
        let editable: Vec<_> = open.iter().map(|at| place(at)).collect();
        let list: BTreeMap<_, _> = tried.iter().map(|at| (place(at), value.clone())).collect();
        let Ok(next) = edit::edited(&action, &editable, &list) else { return Ok(()) };
        prop_assert!(tried.iter().all(|at| open.contains(at)));
        let everything = ["/target", "/arguments/a", "/arguments/b/c", "/arguments/b/e", "/arguments/d"];
        for at in everything {
            let (before, after) = (edit::value_at(&action, &place(at)), edit::value_at(&next, &place(at)));
            let wanted = if tried.contains(&at) { Some(value.clone()) } else { before };
            prop_assert_eq!(after, wanted, "{}", at);
        }
        prop_assert_eq!((&next.name, &next.title), (&action.name, &action.title));
    }
}

#[test]
fn only_places_in_arguments_and_the_target_can_be_opened() {
    for bad in
        ["", "/", "/name", "/title", "/arguments~", "/arguments/~2", "/argumentsx", "arguments"]
    {
        assert!(bad.parse::<Pointer>().is_err(), "{bad}");
    }
    let action = (*ask().action).clone();
    let missing = edit::problems(&action, &[place("/arguments/version"), place("/arguments/nope")]);
    let places: Vec<_> = missing.into_iter().map(|problem| problem.pointer).collect();
    assert_eq!(places, ["/editable/1"]);
}
