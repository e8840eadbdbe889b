//! How a question ends: by its votes, by silence, by being withdrawn; and that it ends once.

use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

fn already(status: Status, by: Actor, when: Timestamp) -> Told {
    Err(Refusal::AlreadyDecided { status, by, at: when })
}

#[test]
fn the_last_vote_that_was_needed_approves() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.now = at(10);
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    stage.now = at(20);
    let yes = CastVote { comment: Some("go".into()), ..vote(VoteDecision::Approve) };
    assert_eq!(stage.act("ben", Command::Vote(yes)), Ok(vec!["voted", "approved"]));
    assert_eq!(
        stage.decision(),
        &Decision {
            status: Status::Approved,
            decided_at: at(20),
            by: person("ben"),
            cause: Cause::NeedsMet,
            answer: None,
            comment: Some("go".into()),
            valid_until: Some(at(920)),
        }
    );
    assert_eq!(stage.approval().version, 4);
}

#[test]
fn one_no_ends_it_by_default() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.approve("ana").unwrap();
    assert_eq!(stage.reject("ben"), Ok(vec!["voted", "rejected"]));
    assert_eq!(stage.decision().cause, Cause::Rejections);
    assert_eq!(stage.decision().by, person("ben"));
    assert_eq!(stage.decision().valid_until, None);
    assert_eq!(stage.approval().claim_state(stage.now), None);
}

#[test]
fn as_many_noes_as_the_policy_says_end_it() {
    let needs = json!([{ "from": ["members"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs, "rejections": 3 }));
    assert_eq!(stage.reject("ana"), Ok(vec!["voted"]));
    assert_eq!(stage.reject("ben"), Ok(vec!["voted"]));
    assert_eq!(stage.reject("cal"), Ok(vec!["voted", "rejected"]));
    assert_eq!(stage.decision().cause, Cause::Rejections);
}

#[test]
fn it_ends_as_rejected_once_the_needs_cannot_be_met_and_says_why() {
    let needs = json!([{ "from": ["group:sre"], "count": 2 }, { "from": ["group:security"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs, "rejections": 2 }));
    assert_eq!(stage.reject("ana"), Ok(vec!["voted", "rejected"]));
    let detail = "1 more from group:sre needed, and nobody is left who could give it";
    assert_eq!(stage.decision().cause, Cause::Unreachable { detail: detail.into() });
}

#[test]
fn who_is_kept_out_is_not_waited_for() {
    let needs = json!([{ "from": ["member:olga@example.com", "group:sre"], "count": 2 }]);
    let apart = json!({ "owner": true });
    let mut stage = Stage::asked(json!({ "needs": needs, "rejections": 2, "separate": apart }));
    assert_eq!(stage.reject("ben"), Ok(vec!["voted", "rejected"]));
    assert!(matches!(stage.decision().cause, Cause::Unreachable { .. }));
}

#[test]
fn who_was_disabled_or_left_meanwhile_is_not_waited_for() {
    let needs = json!([{ "from": ["group:sre"] }, { "from": ["group:security"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs }));
    stage.disable("cal");
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "rejected"]));
    let detail = "1 more from group:security needed, and nobody is left who could give it";
    assert_eq!(stage.decision().cause, Cause::Unreachable { detail: detail.into() });
}

#[test]
fn a_no_never_approves() {
    // Ana's yes comes back with her account just before Cal says no: the needs are met then, but
    // the one who spoke last said no.
    for (rejections, events) in [(1, vec!["voted", "rejected"]), (2, vec!["voted"])] {
        let needs = json!([{ "from": ["members"], "count": 2 }]);
        let mut stage = Stage::asked(json!({ "needs": needs, "rejections": rejections }));
        stage.approve("ana").unwrap();
        stage.disable("ana");
        assert_eq!(stage.approve("ben"), Ok(vec!["voted"]));
        stage.enable("ana");
        assert_eq!(stage.reject("cal"), Ok(events));
    }
}

#[test]
fn enough_noes_outweigh_enough_yeses() {
    let needs = json!([{ "from": ["members"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs, "rejections": 2 }));
    stage.reject("ana").unwrap();
    stage.disable("ana");
    assert_eq!(stage.reject("ben"), Ok(vec!["voted"]));
    stage.enable("ana");
    assert_eq!(stage.approve("cal"), Ok(vec!["voted", "rejected"]));
    assert_eq!(stage.decision().cause, Cause::Rejections);
}

#[test]
fn a_vote_a_moment_before_the_deadline_counts() {
    let mut stage = Stage::asked(json!({}));
    stage.now = Timestamp::from_micros(at(3600).micros() - 1000);
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_vote_at_the_deadline_is_late_before_any_worker_ran() {
    for late in [3600, 3601, 100_000] {
        let mut stage = Stage::asked(json!({}));
        stage.now = at(late);
        let expired = already(Status::Expired, Actor::System, at(3600));
        assert_eq!(stage.approve("ana"), expired);
        assert_eq!(stage.reject("ana"), expired);
        assert_eq!(stage.act(bot(), cancel()), expired);
        assert_eq!(stage.status(), Status::Expired);
    }
}

#[test]
fn silence_expires_it_at_the_deadline_itself() {
    let mut stage = Stage::asked(json!({ "on_timeout": "expire" }));
    stage.now = at(3599);
    assert_eq!(stage.status(), Status::Pending);
    assert_eq!(stage.expire(), Err(Refusal::NotDue { at: at(3600) }));
    stage.now = at(5000);
    let before = stage.approval().decision_at(stage.now);
    assert_eq!(stage.expire(), Ok(vec!["expired"]));
    assert_eq!(
        stage.decision(),
        &Decision {
            status: Status::Expired,
            decided_at: at(3600),
            by: Actor::System,
            cause: Cause::Deadline,
            answer: None,
            comment: None,
            valid_until: None,
        }
    );
    assert_eq!(before.as_ref(), Some(stage.decision()), "readers saw the same before");
}

#[test]
fn silence_may_mean_no() {
    let mut stage = Stage::asked(json!({ "on_timeout": "reject" }));
    stage.now = at(3600);
    assert_eq!(stage.approve("ana"), already(Status::Rejected, Actor::System, at(3600)));
    assert_eq!(stage.expire(), Ok(vec!["rejected"]));
    assert_eq!(stage.decision().decided_at, at(3600));
    assert_eq!(stage.decision().cause, Cause::Deadline);
}

#[test]
fn half_a_quorum_at_the_deadline_is_silence() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.approve("ana").unwrap();
    stage.now = at(3600);
    assert_eq!(stage.expire(), Ok(vec!["expired"]));
}

#[test]
fn the_asker_withdraws_its_question() {
    let mut stage = Stage::asked(json!({}));
    stage.now = at(9);
    let reason = Some("no longer needed".to_owned());
    assert_eq!(stage.act(bot(), Command::Cancel { reason: reason.clone() }), Ok(vec!["cancelled"]));
    assert_eq!(
        stage.decision(),
        &Decision {
            status: Status::Cancelled,
            decided_at: at(9),
            by: Actor::Key { id: key_id("bot"), label: "bot".into() },
            cause: Cause::Withdrawn,
            answer: None,
            comment: reason,
            valid_until: None,
        }
    );
}

#[test]
fn an_admin_withdraws_any_question() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.act("ada", cancel()), Ok(vec!["cancelled"]));
    assert_eq!(stage.decision().by, person("ada"));
}

#[test]
fn nobody_else_withdraws_a_question() {
    let mut stage = Stage::asked(json!({ "assurance": "key" }));
    let refused = Err(Refusal::NotTheAsker);
    assert_eq!(stage.act(key("stranger", &[Scope::Ask]), cancel()), refused);
    assert_eq!(stage.act(key("runner", &[Scope::Ask]), cancel()), refused);
    assert_eq!(stage.act(key("bot", &[Scope::ReadAll]), cancel()), refused);
    assert_eq!(stage.act("ana", cancel()), refused);
    assert_eq!(stage.act("olga", cancel()), refused);
    assert_eq!(stage.act(decide_key("ana"), cancel()), refused);
    assert_eq!(stage.act(Principal::System, cancel()), refused);
    assert_eq!(stage.status(), Status::Pending);
}

#[test]
fn an_outcome_never_changes() {
    let mut ended = Vec::new();
    let mut stage = Stage::asked(json!({}));
    stage.approve("ana").unwrap();
    ended.push(stage);
    let mut stage = Stage::asked(json!({}));
    stage.reject("ana").unwrap();
    ended.push(stage);
    let mut stage = Stage::asked(json!({}));
    stage.act("ada", cancel()).unwrap();
    ended.push(stage);
    let mut stage = Stage::asked(json!({}));
    stage.now = at(3600);
    stage.expire().unwrap();
    ended.push(stage);

    for mut stage in ended {
        let decision = stage.decision().clone();
        let refused = already(decision.status, decision.by.clone(), decision.decided_at);
        for later in [stage.now, at(3600), at(9999)] {
            stage.now = later;
            assert_eq!(stage.approve("ben"), refused);
            assert_eq!(stage.reject("ben"), refused);
            assert_eq!(stage.approve("ana"), refused, "also for who voted");
            assert_eq!(stage.act(bot(), cancel()), refused);
            assert_eq!(stage.expire(), refused);
            assert_eq!(stage.decision(), &decision);
            assert_eq!(stage.approval().decision_at(later), Some(decision.clone()));
        }
    }
}

#[test]
fn the_lowest_assurance_that_counted_is_told() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.approve(session_at("ana", Assurance::Passkey)).unwrap();
    assert_eq!(stage.approval().assurance(), None);
    stage.approve(session_at("ben", Assurance::Chat)).unwrap();
    assert_eq!(stage.approval().assurance(), Some(Assurance::Chat));
}

#[test]
fn silence_has_no_assurance_although_someone_said_no() {
    let mut stage = Stage::asked(json!({ "rejections": 2, "on_timeout": "reject" }));
    stage.reject("ana").unwrap();
    stage.now = at(3600);
    stage.expire().unwrap();
    assert_eq!(stage.decision().status, Status::Rejected);
    assert_eq!(stage.approval().assurance(), None);
}

#[test]
fn nothing_remains_once_it_ended() {
    let mut stage = Stage::approved();
    stage.disable("ana");
    assert_eq!(stage.missing(), 0);
    let mut stage = Stage::asked(json!({}));
    stage.reject("ana").unwrap();
    assert_eq!(stage.missing(), 0);
}
