//! Somebody is away, and somebody else votes in their place.

use askfirst_core::administration::{Change, Denied, Holdings, permit};
use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

fn as_vote_for(name: &str, decision: VoteDecision) -> Command {
    Command::Vote(CastVote { on_behalf_of: Some(member(name)), ..vote(decision) })
}

#[test]
fn a_delegate_fills_the_seat_of_who_is_away_and_both_are_named() {
    let mut stage = Stage::asked(json!({}));
    assert!(matches!(stage.approve("dan"), Err(Refusal::NotAnApprover { .. })));
    stage.delegate("ana", "dan", 100);
    assert_eq!(stage.approve("dan"), Ok(vec!["voted", "approved"]));
    let vote = &stage.approval().votes[0];
    assert_eq!(vote.voter.email, email("dan"));
    assert_eq!(vote.on_behalf_of.as_ref().unwrap().email, email("ana"));
    assert_eq!(stage.decision().by, person("dan"));
}

#[test]
fn it_holds_from_its_beginning_to_its_end_only() {
    let mut stage = Stage::asked(json!({}));
    stage.now = at(10);
    stage.delegate("ana", "dan", 20);
    stage.now = at(9);
    assert!(matches!(stage.approve("dan"), Err(Refusal::NotAnApprover { .. })));
    stage.now = at(30);
    assert!(matches!(stage.approve("dan"), Err(Refusal::NotAnApprover { .. })));
    stage.now = at(29);
    assert_eq!(stage.approve("dan"), Ok(vec!["voted", "approved"]));
}

#[test]
fn nobody_fills_two_seats_by_standing_in() {
    // Ana and Ben are both needed; Ben is away and Ana votes in his place.
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.delegate("ben", "ana", 100);
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    let again = stage.act("ana", as_vote_for("ben", VoteDecision::Approve));
    assert!(matches!(again, Err(Refusal::AlreadyVoted { .. })), "{again:?}");
    assert_eq!(stage.missing(), 1);
    // Who is away can come back and vote.
    assert_eq!(stage.approve("ben"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_seat_is_voted_for_once_by_its_holder_or_the_delegate() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.delegate("ana", "dan", 100);
    assert_eq!(stage.approve("dan"), Ok(vec!["voted"]));
    assert!(matches!(stage.approve("ana"), Err(Refusal::AlreadyVoted { .. })));
    assert!(matches!(stage.approve("dan"), Err(Refusal::AlreadyVoted { .. })));
    // Two who are away have one delegate: one vote.
    stage.delegate("ben", "dan", 100);
    let other = stage.act("dan", as_vote_for("ben", VoteDecision::Approve));
    assert!(matches!(other, Err(Refusal::AlreadyVoted { .. })), "{other:?}");
    assert_eq!(stage.approve("ben"), Ok(vec!["voted", "approved"]));
}

#[test]
fn one_chooses_in_whose_place_one_votes_only_among_those_who_are_away() {
    let mut stage = Stage::asked(json!({}));
    let refused = stage.act("dan", as_vote_for("ana", VoteDecision::Approve));
    assert!(matches!(refused, Err(Refusal::NotDelegated { .. })), "{refused:?}");
    stage.delegate("ana", "dan", 100);
    stage.delegate("ben", "dan", 100);
    let chosen = stage.act("dan", as_vote_for("ben", VoteDecision::Reject));
    assert_eq!(chosen, Ok(vec!["voted", "rejected"]));
    assert_eq!(stage.approval().votes[0].on_behalf_of.as_ref().unwrap().email, email("ben"));
}

#[test]
fn who_is_kept_out_is_kept_out_by_delegation_too() {
    let apart = json!({ "needs": [{ "from": ["members"] }], "separate": { "owner": true } });
    // The owner of the asking key is away: the seat is no more theirs to lend than to use.
    let mut stage = Stage::asked(apart.clone());
    stage.delegate("olga", "otis", 100);
    assert!(matches!(stage.approve("otis"), Err(Refusal::NotAnApprover { .. })));
    let named = stage.act("dan", as_vote_for("olga", VoteDecision::Approve));
    assert_eq!(named, Err(Refusal::OwnerCannotDecide));
    // And the owner stands in for nobody.
    let mut stage = Stage::asked(apart);
    stage.delegate("ana", "olga", 100);
    assert_eq!(stage.approve("olga"), Err(Refusal::OwnerCannotDecide));
    let named = stage.act("olga", as_vote_for("ana", VoteDecision::Approve));
    assert_eq!(named, Err(Refusal::OwnerCannotDecide));
}

#[test]
fn an_auditor_or_someone_disabled_stands_in_for_nobody_and_nobody_for_who_is_disabled() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.delegate("ana", "otis", 100);
    assert!(matches!(stage.approve("otis"), Err(Refusal::NotAnApprover { .. })));
    let named = stage.act("otis", as_vote_for("ana", VoteDecision::Approve));
    assert!(matches!(named, Err(Refusal::NotDelegated { .. })), "{named:?}");
    stage.delegate("ana", "dan", 100);
    assert_eq!(stage.approve("dan"), Ok(vec!["voted"]));
    stage.disable("ana");
    assert_eq!(stage.missing(), 2, "a vote for who is gone counts no more");
}

fn hand_over(stage: &Stage, by: &str, from: &str, to: &str, span: i64) -> Result<(), Denied> {
    let until = Timestamp::from_micros(stage.now.micros() + span * 1_000_000);
    let delegation = Some(Delegation { to: member(to), since: stage.now, until });
    let holdings = Holdings {
        environment: Environment::Live,
        groups: [].into(),
        policies: [].into(),
        default_policy: None,
        webhooks: [].into(),
        channels: [].into(),
        hitl: [].into(),
        plan: None,
    };
    let change = Change::Delegate { member: member(from), delegation };
    permit(&change, &stage.facts(by.principal()), &holdings)
}

#[test]
fn one_hands_over_ones_own_votes_and_an_admin_those_of_others() {
    let stage = Stage::new(rules(json!({})));
    assert_eq!(hand_over(&stage, "ana", "ana", "dan", 60), Ok(()));
    assert!(matches!(hand_over(&stage, "ana", "ben", "ana", 60), Err(Denied::Role { .. })));
    assert_eq!(hand_over(&stage, "ada", "ben", "ana", 60), Ok(()));
}

#[test]
fn votes_are_not_handed_round_in_a_circle_nor_for_ever_nor_to_who_has_none() {
    let mut stage = Stage::new(rules(json!({})));
    let refused = |told: Result<(), Denied>, place: &str| {
        assert!(matches!(&told, Err(Denied::Invalid(p)) if p.pointer == place), "{told:?}");
    };
    refused(hand_over(&stage, "ana", "ana", "ana", 60), "/to");
    refused(hand_over(&stage, "ana", "ana", "otis", 60), "/to");
    refused(hand_over(&stage, "ana", "ana", "nobody", 60), "/to");
    refused(hand_over(&stage, "ana", "ana", "ben", 0), "/until");
    refused(hand_over(&stage, "ana", "ana", "ben", 400 * 86_400), "/until");
    stage.delegate("ben", "cal", 50);
    stage.delegate("cal", "ana", 50);
    refused(hand_over(&stage, "ana", "ana", "ben", 60), "/to");
    // Once they are back there is no circle.
    stage.now = at(50);
    assert_eq!(hand_over(&stage, "ana", "ana", "ben", 60), Ok(()));
}
