//! Steps that let others in after a while, and approvers who say that they are at it.

use askfirst_core::*;
use serde_json::{Value, json};

use crate::stage::*;

/// One of `sre`; after 15 minutes `security` too, after 30 everyone.
fn in_steps() -> Value {
    json!({ "steps": [
        { "after": 900, "add": ["group:security"] },
        { "after": "30m", "add": ["members"] },
    ] })
}

#[test]
fn a_step_lets_others_in_from_its_time_on_whether_noted_or_not() {
    let mut stage = Stage::asked(in_steps());
    stage.now = at(899);
    assert!(matches!(stage.approve("cal"), Err(Refusal::NotAnApprover { .. })));
    stage.now = at(900);
    assert!(matches!(stage.approve("dan"), Err(Refusal::NotAnApprover { .. })));
    assert_eq!(stage.clone().approve("cal"), Ok(vec!["voted", "approved"]));
    stage.now = at(1_800);
    assert_eq!(stage.approve("dan"), Ok(vec!["voted", "approved"]));
}

#[test]
fn steps_are_noted_once_in_order_and_all_that_have_come() {
    let mut stage = Stage::asked(in_steps());
    assert_eq!(stage.approval().next_due(), at(900));
    let escalate = |stage: &mut Stage| stage.act(Principal::System, Command::Escalate);
    stage.now = at(899);
    assert_eq!(escalate(&mut stage), Err(Refusal::NotDue { at: at(900) }));
    stage.now = at(900);
    assert_eq!(escalate(&mut stage), Ok(vec!["escalated"]));
    assert_eq!(escalate(&mut stage), Err(Refusal::NotDue { at: at(1_800) }));
    let open = stage.approval().remaining(&stage.roster).needs[0].from.clone();
    assert_eq!(policy::sources_in_words(&open), "group:sre or group:security");

    // A server that was away for an hour notes all of them at once.
    let mut late = Stage::asked(in_steps());
    late.now = at(2_000);
    assert_eq!(escalate(&mut late), Ok(vec!["escalated", "escalated"]));
    assert_eq!(late.approval().next_due(), late.approval().expires_at);
    late.now = at(3_600);
    assert!(matches!(escalate(&mut late), Err(Refusal::AlreadyDecided { .. })));
}

#[test]
fn while_a_step_is_to_come_a_need_is_not_out_of_reach() {
    let mut stage = Stage::asked(json!({
        "rejections": 3, "steps": [{ "after": 900, "add": ["group:security"] }],
    }));
    assert_eq!(stage.reject("ana"), Ok(vec!["voted"]));
    assert_eq!(stage.reject("ben"), Ok(vec!["voted"]), "security can still approve, later");
    stage.now = at(900);
    assert_eq!(stage.approve("cal"), Ok(vec!["voted", "approved"]));

    // An ask with an earlier deadline never gets there.
    let mut short = Stage::new(rules(json!({
        "needs": [{ "from": ["member:nobody@example.com"] }],
        "steps": [{ "after": 900, "add": ["group:security"] }],
    })));
    let ask = |seconds| Ask { expires_in: Some(Seconds(seconds)), ..ask() };
    assert!(matches!(short.ask(ask(900)), Err(Refusal::Unsatisfiable { .. })));
    assert_eq!(short.ask(ask(901)), Ok(vec!["asked"]));
}

#[test]
fn a_step_that_makes_no_sense_is_named_with_its_place() {
    let places = |steps: Value| -> Vec<String> {
        let found = rules(json!({ "steps": steps })).document.problems();
        found.into_iter().map(|problem| problem.pointer).collect()
    };
    assert_eq!(places(json!([{ "after": 3600, "add": ["members"] }])), ["/steps/0/after"]);
    assert_eq!(places(json!([{ "after": 5, "add": [] }])), ["/steps/0/add"]);
    let twice = json!([{ "after": 5, "add": ["members"] }, { "after": 5, "add": ["members"] }]);
    assert_eq!(places(twice), ["/steps/1/after"]);
    assert_eq!(places(json!(vec![json!({ "after": 0, "add": ["members"] }); 17])).len(), 17);
}

#[test]
fn a_policy_without_steps_is_written_as_it_always_was() {
    let document = rules(json!({})).document;
    assert!(serde_json::to_value(document).unwrap().get("steps").is_none());
}

#[test]
fn who_could_vote_can_say_that_they_are_at_it_and_it_decides_nothing() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.act("ana", Command::Look), Ok(vec!["looked"]));
    stage.now = at(59);
    assert_eq!(stage.act("ana", Command::Look), Ok(vec![]), "nothing new");
    stage.now = at(60);
    assert_eq!(stage.act("ana", Command::Look), Ok(vec!["looked"]));
    let looks = &stage.approval().looks;
    assert_eq!((looks.len(), looks[0].at), (1, at(60)));
    assert_eq!(stage.status(), Status::Pending);
    assert!(matches!(stage.act("dan", Command::Look), Err(Refusal::NotAnApprover { .. })));
    assert_eq!(stage.act(bot(), Command::Look), Err(Refusal::AskerCannotDecide));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
    assert!(matches!(stage.act("ben", Command::Look), Err(Refusal::AlreadyDecided { .. })));
}
