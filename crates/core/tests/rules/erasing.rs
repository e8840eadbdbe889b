//! Letting go of texts: who may, when, and what keeps it from happening.

use askfirst_core::*;
use serde_json::{Value, json};

use crate::stage::*;

fn held_for(reason: &str) -> Command {
    Command::Hold { reason: reason.into() }
}

fn keeper() -> KeyFacts {
    key("keeper", &[Scope::Workspace])
}

/// Approved and used.
fn claimed() -> Stage {
    let mut stage = Stage::approved();
    assert_eq!(stage.act(bot(), consume()), Ok(vec!["claimed"]));
    stage
}

#[test]
fn admins_keys_for_the_workspace_and_the_server_erase_and_nobody_else() {
    for command in [Command::Erase, held_for("why"), Command::Release] {
        let mut stage = claimed();
        let missing = Err(Refusal::MissingScope(Scope::Workspace));
        assert_eq!(stage.act(bot(), command.clone()), missing);
        assert_eq!(stage.act(decide_key("ana"), command.clone()), missing);
        assert_eq!(stage.act("ana", command.clone()), Err(Refusal::NotAnAdmin));
        assert_eq!(stage.act("otis", command.clone()), Err(Refusal::NotAnAdmin));
        assert!(stage.clone().act("ada", command.clone()).is_ok());
        assert!(stage.clone().act(keeper(), command.clone()).is_ok());
        assert!(stage.act(Principal::System, command).is_ok());
    }
}

#[test]
fn what_is_still_needed_is_not_erased() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.act("ada", Command::Erase), Err(Refusal::NotEnded));
    let mut stage = Stage::approved();
    let until = stage.approval().decision.as_ref().unwrap().valid_until.unwrap();
    assert_eq!(stage.act("ada", Command::Erase), Err(Refusal::StillUsable { until }));
    stage.now = until;
    assert_eq!(stage.act("ada", Command::Erase), Ok(vec!["erased"]));
    assert_eq!(stage.act("ada", Command::Erase), Ok(vec![]));
}

#[test]
fn a_hold_on_one_or_on_all_keeps_the_texts_until_it_is_released() {
    let mut stage = claimed();
    assert_eq!(stage.act("ada", held_for("a lawsuit")), Ok(vec!["held"]));
    assert_eq!(stage.act("ada", held_for("a lawsuit")), Ok(vec![]));
    let by = stage.roster.actor(member("ada"));
    let reason = "a lawsuit".to_owned();
    let on_hold = Err(Refusal::OnHold { by: by.clone(), at: stage.now, reason });
    assert_eq!(stage.act("ada", held_for("another")), on_hold);
    assert_eq!(stage.act(Principal::System, Command::Erase), on_hold);
    assert_eq!(stage.approval().erasable_from(), None);
    assert_eq!(stage.act("ada", Command::Release), Ok(vec!["released"]));
    assert_eq!(stage.act("ada", Command::Release), Ok(vec![]));

    let hold = Hold { by: by.clone(), at: at(3), reason: "all of it".into() };
    let on_hold = Err(Refusal::OnHold { by, at: at(3), reason: "all of it".into() });
    stage.hold = Some(hold);
    assert_eq!(stage.act("ada", Command::Erase), on_hold);
    stage.hold = None;
    assert_eq!(stage.act("ada", Command::Erase), Ok(vec!["erased"]));
    let gone = Err(Refusal::Erased { at: stage.now });
    assert_eq!(stage.act("ada", held_for("too late")), gone);
}

#[test]
fn the_words_go_and_what_was_decided_stays() {
    let mut stage = claimed();
    let before = stage.approval().clone();
    assert_eq!(stage.act("ada", Command::Erase), Ok(vec!["erased"]));
    let after = stage.approval();
    assert_eq!((after.action.title.as_str(), &after.action.arguments), ("", &Value::Null));
    assert_eq!(after.action_digest, before.action_digest);
    assert_eq!(after.policy, before.policy);
    assert_eq!(after.claim, before.claim);
    assert_eq!(after.assurance(), before.assurance());
    assert_eq!(after.votes[0].voter, before.votes[0].voter);
    // What happened afterwards can still be told, but not in words.
    let status = OutcomeStatus::Succeeded;
    let noted = Command::Report { status, note: Some("words".into()) };
    assert_eq!(stage.act(bot(), noted), Err(Refusal::Erased { at: stage.now }));
    let plain = Command::Report { status, note: None };
    assert_eq!(stage.act(bot(), plain), Ok(vec!["outcome_reported"]));
}
