//! Who may vote, how surely, on what, how often; and whose vote fills which seat.

use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

fn not_an_approver(name: &str) -> Told {
    Err(Refusal::NotAnApprover { who: email(name) })
}

#[test]
fn a_vote_is_recorded_with_who_how_surely_and_on_what() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.now = at(5);
    let cast = CastVote {
        shown_digest: Some(OTHER_DIGEST),
        comment: Some("looks right".into()),
        ..vote(VoteDecision::Approve)
    };
    assert_eq!(stage.act("ana", Command::Vote(cast)), Ok(vec!["voted"]));
    let vote = stage.approval().vote_of(member("ana")).unwrap();
    assert_eq!(vote.voter, Voter { id: member("ana"), email: email("ana") });
    assert_eq!(vote.decision, VoteDecision::Approve);
    assert_eq!(vote.assurance, Assurance::Session);
    assert_eq!(vote.via, Via::Web);
    assert_eq!(vote.at, at(5));
    assert_eq!(vote.action_digest, DIGEST);
    assert_eq!(vote.shown_digest, Some(OTHER_DIGEST));
    assert_eq!(vote.comment.as_deref(), Some("looks right"));
    assert_eq!(stage.status(), Status::Pending);
    assert_eq!(stage.approval().version, 2);
}

#[test]
fn a_decide_key_votes_as_its_member_and_says_so() {
    let mut stage = Stage::asked(json!({ "assurance": "key" }));
    assert_eq!(stage.approve(decide_key("ana")), Ok(vec!["voted", "approved"]));
    let vote = &stage.approval().votes[0];
    assert_eq!(vote.voter.id, member("ana"));
    assert_eq!(vote.via, Via::Key(key_id("ana-cli")));
    assert_eq!(vote.assurance, Assurance::Key);
    assert_eq!(stage.decision().by, person("ana"));
}

#[test]
fn who_asks_cannot_decide() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["members"] }], "assurance": "key" }));
    assert_eq!(stage.approve(bot()), Err(Refusal::AskerCannotDecide));
    assert_eq!(stage.reject(bot()), Err(Refusal::AskerCannotDecide));
}

#[test]
fn who_asks_cannot_decide_even_with_a_right_to_decide() {
    let mut stage = Stage::asked(json!({ "assurance": "key" }));
    let scopes = Scope::ALL.into_iter().collect();
    let mighty = KeyFacts { scopes, member: Some(member("ana")), ..bot() };
    assert_eq!(stage.approve(mighty), Err(Refusal::AskerCannotDecide));
}

#[test]
fn a_key_decides_only_with_the_scope_and_a_person() {
    let mut stage = Stage::asked(json!({ "assurance": "key" }));
    let missing = Err(Refusal::MissingScope(Scope::Decide));
    assert_eq!(stage.approve(key("stranger", &[Scope::Ask])), missing);
    assert_eq!(stage.approve(key("stranger", &[Scope::Decide])), missing);
    let unscoped = KeyFacts { scopes: [Scope::ReadAll].into(), ..decide_key("ana") };
    assert_eq!(stage.approve(unscoped), missing);
    assert_eq!(stage.approve(Principal::System), missing);
}

#[test]
fn the_owner_of_the_asking_key_may_vote_where_nothing_keeps_them_out() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["members"] }] }));
    assert_eq!(stage.approve("olga"), Ok(vec!["voted", "approved"]));
}

#[test]
fn the_owner_is_kept_out_by_the_policy() {
    let mut stage = Stage::asked(json!({
        "needs": [{ "from": ["members"] }], "separate": { "owner": true }, "assurance": "key",
    }));
    assert_eq!(stage.approve("olga"), Err(Refusal::OwnerCannotDecide));
    assert_eq!(stage.reject("olga"), Err(Refusal::OwnerCannotDecide));
    assert_eq!(stage.approve(decide_key("olga")), Err(Refusal::OwnerCannotDecide));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn the_owner_is_kept_out_by_the_floor_as_it_is_now() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["members"] }] }));
    stage.floor.separate_owner = true;
    assert_eq!(stage.approve("olga"), Err(Refusal::OwnerCannotDecide));
}

#[test]
fn who_is_in_none_of_the_groups_cannot_vote() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.approve("dan"), not_an_approver("dan"));
    assert_eq!(stage.reject("ada"), not_an_approver("ada"));
}

#[test]
fn who_was_removed_from_the_group_after_being_told_cannot_vote() {
    let mut stage = Stage::asked(json!({}));
    stage.leave("ana", "sre");
    assert_eq!(stage.approve("ana"), not_an_approver("ana"));
    assert_eq!(stage.status(), Status::Pending);
}

#[test]
fn who_joined_the_group_after_the_question_can_vote() {
    let mut stage = Stage::asked(json!({}));
    stage.join("dan", "sre");
    assert_eq!(stage.approve("dan"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_vote_keeps_its_seat_when_the_voter_leaves_the_group_later() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    stage.approve("ana").unwrap();
    stage.leave("ana", "sre");
    assert_eq!(stage.approve("ben"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_vote_counts_no_more_once_its_voter_is_disabled() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["members"], "count": 2 }] }));
    stage.approve("ana").unwrap();
    stage.disable("ana");
    assert_eq!(stage.missing(), 2);
    assert_eq!(stage.approve("ben"), Ok(vec!["voted"]));
    assert_eq!(stage.approve("cal"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_disabled_person_cannot_vote() {
    let mut stage = Stage::asked(json!({ "assurance": "key" }));
    stage.disable("ana");
    assert_eq!(stage.approve("ana"), Err(Refusal::Credential(Standing::Disabled)));
    assert_eq!(stage.approve(decide_key("ana")), Err(Refusal::Credential(Standing::Disabled)));
}

#[test]
fn an_auditor_reads_everything_and_decides_nothing() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["members"] }] }));
    assert_eq!(stage.approve("otis"), not_an_approver("otis"));
    stage.make("ana", Role::Auditor);
    assert_eq!(stage.approve("ana"), not_an_approver("ana"));
    assert_eq!(stage.approve("pia"), Ok(vec!["voted", "approved"]));
}

#[test]
fn an_admin_has_no_vote_where_the_policy_names_others() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.approve("ada"), not_an_approver("ada"));
}

#[test]
fn a_vote_must_be_as_sure_as_the_policy_wants() {
    let mut stage = Stage::asked(json!({ "assurance": "session" }));
    let needed = Assurance::Session;
    for has in [Assurance::Bearer, Assurance::Link, Assurance::Chat] {
        let refused = Err(Refusal::AssuranceTooLow { has, needed });
        assert_eq!(stage.approve(session_at("ana", has)), refused);
        assert_eq!(stage.reject(session_at("ana", has)), refused);
    }
    let has = Assurance::Key;
    let refused = Err(Refusal::AssuranceTooLow { has, needed });
    assert_eq!(stage.approve(decide_key("ana")), refused);
    assert_eq!(stage.approve(session_at("ana", needed)), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_vote_must_be_as_sure_as_the_floor_wants() {
    let mut stage = Stage::asked(json!({ "assurance": "chat" }));
    stage.floor.assurance = Assurance::Passkey;
    let (has, needed) = (Assurance::Session, Assurance::Passkey);
    assert_eq!(stage.approve("ana"), Err(Refusal::AssuranceTooLow { has, needed }));
    assert_eq!(stage.approve(session_at("ana", needed)), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_floor_never_lowers_what_the_policy_wants() {
    let mut stage = Stage::asked(json!({ "assurance": "passkey" }));
    stage.floor.assurance = Assurance::Link;
    let (has, needed) = (Assurance::Session, Assurance::Passkey);
    assert_eq!(stage.approve("ana"), Err(Refusal::AssuranceTooLow { has, needed }));
}

#[test]
fn one_person_votes_once_by_whatever_way() {
    let mut stage = Stage::asked(json!({
        "needs": [{ "from": ["group:sre"], "count": 2 }], "assurance": "key",
    }));
    stage.now = at(7);
    stage.approve(decide_key("ana")).unwrap();
    stage.now = at(8);
    let again =
        Refusal::AlreadyVoted { who: email("ana"), decision: VoteDecision::Approve, at: at(7) };
    assert_eq!(stage.approve("ana"), Err(again.clone()));
    assert_eq!(stage.reject("ana"), Err(again));
    assert_eq!(stage.missing(), 1);
}

#[test]
fn a_vote_is_about_the_action_that_was_shown() {
    let mut stage = Stage::asked(json!({}));
    for decision in [VoteDecision::Approve, VoteDecision::Reject] {
        let stale = CastVote { action_digest: OTHER_DIGEST, ..vote(decision) };
        assert_eq!(
            stage.act("ana", Command::Vote(stale)),
            Err(Refusal::StaleDigest { current: DIGEST })
        );
    }
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_person_in_two_groups_fills_one_seat() {
    let needs = json!([{ "from": ["group:sre"] }, { "from": ["group:security"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs }));
    stage.join("ana", "security");
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    assert_eq!(stage.missing(), 1);
    assert_eq!(stage.status(), Status::Pending);
}

#[test]
fn whoever_comes_second_a_person_in_two_groups_moves_to_the_seat_that_is_left() {
    for second in ["ben", "cal"] {
        let needs = json!([{ "from": ["group:sre"] }, { "from": ["group:security"] }]);
        let mut stage = Stage::asked(json!({ "needs": needs }));
        stage.join("ana", "security");
        stage.approve("ana").unwrap();
        assert_eq!(stage.approve(second), Ok(vec!["voted", "approved"]), "{second}");
    }
}

#[test]
fn an_address_in_a_policy_is_one_person_however_it_is_spelt() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["member:Ana@Example.com"] }] }));
    assert_eq!(stage.approve("ben"), not_an_approver("ben"));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_group_that_does_not_exist_has_nobody_in_it() {
    let needs = json!([{ "from": ["group:ghosts", "group:security"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs }));
    assert_eq!(stage.approve("ana"), not_an_approver("ana"));
    assert_eq!(stage.approve("cal"), Ok(vec!["voted", "approved"]));
}

#[test]
fn what_remains_is_told_need_by_need() {
    let needs = json!([{ "from": ["group:sre"], "count": 2 }, { "from": ["group:security"] }]);
    let mut stage = Stage::asked(json!({ "needs": needs }));
    let sre = vec![Source::Group("sre".into())];
    let security = vec![Source::Group("security".into())];
    let open = |need, from: &Vec<Source>, missing| askfirst_core::OpenNeed {
        need,
        from: from.clone(),
        missing,
    };

    let all = stage.approval().remaining(&stage.roster);
    let needs = vec![open(0, &sre, 2), open(1, &security, 1)];
    assert_eq!(all, Remaining { approvals: 3, needs });

    stage.approve("cal").unwrap();
    stage.approve("ana").unwrap();
    let some = stage.approval().remaining(&stage.roster);
    assert_eq!(some, Remaining { approvals: 1, needs: vec![open(0, &sre, 1)] });

    stage.approve("ben").unwrap();
    let none = Remaining { approvals: 0, needs: Vec::new() };
    assert_eq!(stage.approval().remaining(&stage.roster), none);
}

#[test]
fn a_rejection_fills_no_seat() {
    let needs = json!([{ "from": ["members"], "count": 2 }]);
    let mut stage = Stage::asked(json!({ "needs": needs, "rejections": 2 }));
    assert_eq!(stage.reject("ana"), Ok(vec!["voted"]));
    assert_eq!(stage.missing(), 2);
}
