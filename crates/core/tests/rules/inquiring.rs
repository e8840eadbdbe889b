//! What approvers ask back, and who may answer.

use askfirst_core::approval::inquiry::MOST_INQUIRIES;
use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

#[test]
fn an_approver_asks_back_the_asker_answers_and_the_vote_is_still_open() {
    let mut stage = Stage::asked(json!({}));
    let deadline = stage.approval().expires_at;
    stage.now = at(5);
    assert_eq!(stage.act("ana", inquire()), Ok(vec!["more_info_requested"]));
    let inquiry = &stage.approval().inquiries[0];
    assert_eq!((inquiry.number, inquiry.at, inquiry.via), (1, at(5), Via::Web));
    assert_eq!(inquiry.by, Voter { id: member("ana"), email: email("ana") });
    assert_eq!(inquiry.question, "why now?");
    assert_eq!(inquiry.reply, None);

    stage.now = at(9);
    assert_eq!(stage.act(bot(), reply(1)), Ok(vec!["more_info_given"]));
    let answer = Reply { text: "because".into(), at: at(9) };
    assert_eq!(stage.approval().inquiries[0].reply, Some(answer));
    assert_eq!(stage.status(), Status::Pending);
    assert_eq!(stage.approval().expires_at, deadline, "the deadline stays");
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn only_who_could_vote_can_ask_back() {
    let mut stage = Stage::asked(json!({
        "needs": [{ "from": ["group:sre"] }], "assurance": "session", "separate": { "owner": true },
    }));
    let who = email("dan");
    assert_eq!(stage.act("dan", inquire()), Err(Refusal::NotAnApprover { who }));
    assert_eq!(stage.act("olga", inquire()), Err(Refusal::OwnerCannotDecide));
    assert_eq!(stage.act(bot(), inquire()), Err(Refusal::AskerCannotDecide));
    let low = Refusal::AssuranceTooLow { has: Assurance::Key, needed: Assurance::Session };
    assert_eq!(stage.act(decide_key("ana"), inquire()), Err(low));
    let stale = Command::Inquire { action_digest: OTHER_DIGEST, question: "why?".into() };
    assert_eq!(stage.act("ana", stale), Err(Refusal::StaleDigest { current: DIGEST }));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
    assert!(matches!(stage.act("ben", inquire()), Err(Refusal::AlreadyDecided { .. })));
}

#[test]
fn who_voted_already_cannot_ask_any_more() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    assert!(matches!(stage.act("ana", inquire()), Err(Refusal::AlreadyVoted { .. })));
    assert_eq!(stage.act("ben", inquire()), Ok(vec!["more_info_requested"]));
}

#[test]
fn a_person_asks_one_thing_at_a_time_and_all_together_not_for_ever() {
    let mut stage = Stage::asked(json!({}));
    for number in 1..=u32::try_from(MOST_INQUIRIES).unwrap() {
        assert_eq!(stage.act("ana", inquire()), Ok(vec!["more_info_requested"]));
        let open = Refusal::NotAnsweredYet { number, at: at(0) };
        assert_eq!(stage.act("ana", inquire()), Err(open));
        assert_eq!(stage.act(bot(), reply(number)), Ok(vec!["more_info_given"]));
    }
    let enough = Refusal::EnoughAsked { most: MOST_INQUIRIES };
    assert_eq!(stage.act("ben", inquire()), Err(enough));
}

#[test]
fn only_the_asking_key_answers_and_once() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.act(bot(), reply(1)), Err(Refusal::NoSuchInquiry { number: 1 }));
    assert_eq!(stage.act("ana", inquire()), Ok(vec!["more_info_requested"]));
    for other in [key("runner", &[Scope::Ask]), key("stranger", &[Scope::Ask])] {
        assert_eq!(stage.act(other, reply(1)), Err(Refusal::NotTheAskingKey));
    }
    assert_eq!(stage.act("ada", reply(1)), Err(Refusal::NotTheAskingKey));
    assert_eq!(stage.act(bot(), reply(1)), Ok(vec!["more_info_given"]));
    assert_eq!(stage.act(bot(), reply(1)), Ok(vec![]), "the same words again change nothing");
    let other_words = Command::Reply { number: 1, text: "forget it".into() };
    let refusal = Refusal::AlreadyReplied { number: 1, at: at(0) };
    assert_eq!(stage.act(bot(), other_words), Err(refusal));
}

#[test]
fn nothing_is_answered_after_the_end() {
    let mut stage = Stage::asked(json!({ "expires_in": 60 }));
    assert_eq!(stage.act("ana", inquire()), Ok(vec!["more_info_requested"]));
    stage.now = at(60);
    assert!(matches!(stage.act(bot(), reply(1)), Err(Refusal::AlreadyDecided { .. })));
    assert!(matches!(stage.act("ben", inquire()), Err(Refusal::AlreadyDecided { .. })));
}
