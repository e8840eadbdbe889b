//! The one use of an approved action: who claims it, until when, who takes it back, how it went.

use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

fn runner() -> KeyFacts {
    key("runner", &[Scope::Ask])
}

fn stranger() -> KeyFacts {
    key("stranger", &[Scope::Ask])
}

fn claim_state(stage: &Stage) -> Option<ClaimState> {
    stage.approval().claim_state(stage.now)
}

#[test]
fn the_asker_claims_what_was_approved() {
    let mut stage = Stage::approved();
    assert_eq!(claim_state(&stage), Some(ClaimState::Available));
    assert!(stage.approval().is_usable(stage.now));
    stage.now = at(30);
    assert_eq!(stage.act(bot(), consume()), Ok(vec!["claimed"]));
    let claim = Claim::Claimed { by: key_id("bot"), at: at(30) };
    assert_eq!(stage.approval().claim, Some(claim));
    assert_eq!(claim_state(&stage), Some(ClaimState::Claimed));
    assert!(!stage.approval().is_usable(stage.now));
}

#[test]
fn a_consumer_that_the_asker_named_claims_too() {
    let mut stage = Stage::approved();
    assert_eq!(stage.act(runner(), consume()), Ok(vec!["claimed"]));
    assert!(stage.approval().may_consume(key_id("runner")));
}

#[test]
fn no_other_key_claims() {
    let mut stage = Stage::approved();
    assert_eq!(stage.act(stranger(), consume()), Err(Refusal::NotAConsumer));
    let missing = Err(Refusal::MissingScope(Scope::Ask));
    assert_eq!(stage.act(key("bot", &[Scope::ReadAll]), consume()), missing);
    assert_eq!(stage.act(decide_key("ana"), consume()), missing);
    assert_eq!(stage.act("ana", consume()), missing);
    assert_eq!(stage.act("ada", consume()), missing);
    assert!(stage.approval().is_usable(stage.now));
}

#[test]
fn what_is_run_must_be_what_was_approved() {
    let mut stage = Stage::approved();
    let other = Command::Consume { action_digest: OTHER_DIGEST };
    assert_eq!(stage.act(bot(), other), Err(Refusal::StaleDigest { current: DIGEST }));
    assert_eq!(stage.act(bot(), consume()), Ok(vec!["claimed"]));
}

#[test]
fn an_approval_is_claimed_once() {
    let mut stage = Stage::approved();
    stage.now = at(30);
    stage.act(bot(), consume()).unwrap();
    let gone = Err(Refusal::AlreadyClaimed { by: key_id("bot"), at: at(30) });
    assert_eq!(stage.act(bot(), consume()), gone);
    assert_eq!(stage.act(runner(), consume()), gone);
    stage.now = at(5000);
    assert_eq!(stage.act(runner(), consume()), gone);
}

#[test]
fn an_approval_lapses_at_the_end_of_its_validity() {
    let mut stage = Stage::approved();
    let until = at(10 + 900);
    stage.now = until;
    assert_eq!(stage.act(bot(), consume()), Err(Refusal::Lapsed { at: until }));
    assert_eq!(claim_state(&stage), Some(ClaimState::Lapsed));
    assert!(!stage.approval().is_usable(stage.now));
    assert_eq!(stage.status(), Status::Approved, "it stays what was decided");

    stage.now = Timestamp::from_micros(until.micros() - 1000);
    assert!(stage.approval().is_usable(stage.now));
    assert_eq!(stage.act(bot(), consume()), Ok(vec!["claimed"]));
}

#[test]
fn a_claim_may_come_after_the_deadline_for_votes() {
    let mut stage = Stage::asked(json!({}));
    stage.now = at(3599);
    stage.approve("ana").unwrap();
    stage.now = at(3700);
    assert_eq!(stage.act(bot(), consume()), Ok(vec!["claimed"]));
}

#[test]
fn what_was_not_approved_is_not_claimed() {
    let mut stage = Stage::asked(json!({}));
    let refused = |status| Err(Refusal::NotApproved { status });
    assert_eq!(stage.act(bot(), consume()), refused(Status::Pending));
    assert_eq!(stage.act("ana", revoke()), refused(Status::Pending));
    let mut late = stage.clone();
    late.now = at(3600);
    assert_eq!(late.act(bot(), consume()), refused(Status::Expired));
    stage.reject("ana").unwrap();
    assert_eq!(stage.act(bot(), consume()), refused(Status::Rejected));
    assert_eq!(stage.act("ana", revoke()), refused(Status::Rejected));
    assert_eq!(claim_state(&stage), None);
}

#[test]
fn an_approver_takes_it_back_before_it_is_used() {
    for who in ["ana", "ben", "ada"] {
        let mut stage = Stage::approved();
        stage.now = at(20);
        let reason = Some("wrong release".to_owned());
        let take_back = Command::Revoke { reason: reason.clone() };
        assert_eq!(stage.act(who, take_back), Ok(vec!["revoked"]));
        let claim = Claim::Revoked { by: person(who), at: at(20), reason };
        assert_eq!(stage.approval().claim, Some(claim));
        assert_eq!(claim_state(&stage), Some(ClaimState::Revoked));
        assert!(!stage.approval().is_usable(stage.now));
        let gone = Err(Refusal::Revoked { by: person(who), at: at(20) });
        assert_eq!(stage.act(bot(), consume()), gone);
        assert_eq!(stage.act("ben", revoke()), gone);
        assert_eq!(stage.status(), Status::Approved, "the decision stays what it was");
    }
}

#[test]
fn a_decide_key_takes_it_back_as_its_member() {
    let mut stage = Stage::approved();
    assert_eq!(stage.act(decide_key("ben"), revoke()), Ok(vec!["revoked"]));
    assert!(
        matches!(&stage.approval().claim, Some(Claim::Revoked { by, .. }) if *by == person("ben"))
    );
}

#[test]
fn nobody_else_takes_it_back() {
    let mut stage = Stage::approved();
    let refused = Err(Refusal::NotARevoker);
    assert_eq!(stage.act(bot(), revoke()), refused);
    let mighty = KeyFacts { scopes: [Scope::Decide].into(), member: Some(member("ana")), ..bot() };
    assert_eq!(stage.act(mighty, revoke()), refused);
    assert_eq!(stage.act(runner(), revoke()), refused);
    assert_eq!(stage.act("dan", revoke()), refused);
    assert_eq!(stage.act("otis", revoke()), refused);
    assert_eq!(stage.act(Principal::System, revoke()), refused);
    stage.leave("ana", "sre");
    assert_eq!(stage.act("ana", revoke()), refused, "also who approved and has left");
}

#[test]
fn what_was_used_or_lapsed_is_not_taken_back() {
    let mut stage = Stage::approved();
    let mut late = stage.clone();
    late.now = at(910);
    assert_eq!(late.act("ana", revoke()), Err(Refusal::Lapsed { at: at(910) }));
    stage.act(bot(), consume()).unwrap();
    let gone = Err(Refusal::AlreadyClaimed { by: key_id("bot"), at: at(10) });
    assert_eq!(stage.act("ana", revoke()), gone);
}

#[test]
fn an_outcome_is_reported_once_after_the_claim() {
    let mut stage = Stage::approved();
    let done = || report(OutcomeStatus::Succeeded);
    assert_eq!(stage.act(bot(), done()), Err(Refusal::NotClaimed));
    stage.act(bot(), consume()).unwrap();
    stage.now = at(40);
    assert_eq!(stage.act(bot(), done()), Ok(vec!["outcome_reported"]));
    let outcome = Outcome { status: OutcomeStatus::Succeeded, note: None, at: at(40) };
    assert_eq!(stage.approval().outcome, Some(outcome));
}

#[test]
fn the_same_outcome_again_changes_nothing_and_a_different_one_is_refused() {
    let mut stage = Stage::approved();
    stage.act(bot(), consume()).unwrap();
    stage.act(bot(), report(OutcomeStatus::Failed)).unwrap();
    let told = stage.approval().clone();
    stage.now = at(50);
    assert_eq!(stage.act(bot(), report(OutcomeStatus::Failed)), Ok(vec![]));
    assert_eq!(stage.approval(), &told);

    let refused = Err(Refusal::OutcomeReported { status: OutcomeStatus::Failed, at: at(10) });
    assert_eq!(stage.act(bot(), report(OutcomeStatus::Succeeded)), refused);
    let other_words = Command::Report { status: OutcomeStatus::Failed, note: Some("disk".into()) };
    assert_eq!(stage.act(bot(), other_words), refused);
}

#[test]
fn only_who_may_consume_reports() {
    let mut stage = Stage::approved();
    stage.act(runner(), consume()).unwrap();
    let done = || report(OutcomeStatus::Succeeded);
    assert_eq!(stage.act(stranger(), done()), Err(Refusal::NotAConsumer));
    assert_eq!(stage.act("ana", done()), Err(Refusal::MissingScope(Scope::Ask)));
    assert_eq!(stage.act(runner(), done()), Ok(vec!["outcome_reported"]));
}

#[test]
fn what_was_taken_back_has_no_outcome() {
    let mut stage = Stage::approved();
    stage.act("ana", revoke()).unwrap();
    assert_eq!(stage.act(bot(), report(OutcomeStatus::Failed)), Err(Refusal::NotClaimed));
}
