//! What every command has in common: a credential that is good now, and of the right world.

use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

const BAD: [Standing; 3] = [Standing::Revoked, Standing::Expired, Standing::Disabled];

fn everything() -> Vec<Command> {
    vec![
        Command::Vote(vote(VoteDecision::Approve)),
        Command::Vote(vote(VoteDecision::Reject)),
        cancel(),
        Command::Expire,
        consume(),
        revoke(),
        report(OutcomeStatus::Succeeded),
    ]
}

#[test]
fn a_bad_key_can_do_nothing_at_all() {
    for standing in BAD {
        let refused = Err(Refusal::Credential(standing));
        let mut stage = Stage::new(rules(json!({})));
        let bad = || KeyFacts { standing, ..bot() };
        assert_eq!(stage.act(bad(), Command::Ask(Box::new(ask()))), refused);
        let mut stage = Stage::asked(json!({ "assurance": "key" }));
        for command in everything() {
            assert_eq!(stage.act(bad(), command.clone()), refused);
            let decides = KeyFacts { standing, ..decide_key("ana") };
            assert_eq!(stage.act(decides, command), refused);
        }
    }
}

#[test]
fn a_bad_session_can_do_nothing_at_all() {
    for standing in BAD {
        let mut stage = Stage::asked(json!({}));
        for command in everything() {
            for name in ["ana", "ada"] {
                let bad = SessionFacts { standing, ..session(name) };
                assert_eq!(stage.act(bad, command.clone()), Err(Refusal::Credential(standing)));
            }
        }
    }
}

#[test]
fn a_key_is_worth_no_more_than_the_person_behind_it() {
    let mut stage = Stage::approved();
    stage.disable("olga");
    assert_eq!(stage.act(bot(), consume()), Err(Refusal::Credential(Standing::Disabled)));
    stage.roster.people.remove(&member("olga"));
    assert_eq!(stage.act(bot(), consume()), Err(Refusal::Credential(Standing::Disabled)));
    stage.roster.people.remove(&member("ana"));
    assert_eq!(stage.act("ana", revoke()), Err(Refusal::Credential(Standing::Disabled)));
}

#[test]
fn a_key_of_another_environment_does_not_see_the_approval() {
    let elsewhere = |key: KeyFacts| KeyFacts { environment: Environment::Test, ..key };
    let mut stage = Stage::asked(json!({ "assurance": "key" }));
    let mut approved = Stage::approved();
    for command in everything() {
        for key in [bot(), decide_key("ana")] {
            let key = elsewhere(key);
            assert_eq!(stage.act(key.clone(), command.clone()), Err(Refusal::NotFound));
            assert_eq!(approved.act(key, command.clone()), Err(Refusal::NotFound));
        }
    }
    assert_eq!(stage.approve(decide_key("ana")), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_key_asks_only_in_its_own_environment() {
    let mut stage = Stage::new(rules(json!({})));
    let elsewhere = Ask { environment: Environment::Test, ..ask() };
    assert_eq!(stage.ask(elsewhere), Err(Refusal::NotFound));
}
