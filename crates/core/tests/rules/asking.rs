//! Who may ask, under which rules, and what an ask may change about them.

use std::sync::Arc;

use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

fn only(names: &[&str]) -> PolicyAllowance {
    PolicyAllowance::Only(names.iter().map(|name| named(name)).collect())
}

fn inline(policy: FrozenPolicy) -> Ask {
    let frozen = FrozenPolicy { id: None, version: 0, ..policy };
    Ask { policy: PolicyChoice::Inline(Arc::new(frozen)), ..ask() }
}

#[test]
fn a_question_is_frozen_with_its_policy_and_its_asker() {
    let stage = Stage::asked(json!({}));
    let approval = stage.approval();
    assert_eq!(approval.version, 1);
    assert_eq!(approval.status_at(stage.now), Status::Pending);
    assert_eq!(approval.created_at, at(0));
    assert_eq!(approval.expires_at, at(3600));
    assert_eq!(approval.valid_for, Seconds(900));
    assert_eq!(approval.asker.key, key_id("bot"));
    assert_eq!(approval.asker.label, "bot");
    assert_eq!(approval.asker.owner, member("olga"));
    assert_eq!(approval.asker.owner_email, "olga@example.com");
    assert_eq!(*approval.policy, rules(json!({})));
    assert_eq!(approval.claim_state(stage.now), None);
    assert!(!approval.is_usable(stage.now));
}

#[test]
fn an_ask_needs_room_and_nothing_else_does() {
    let full = Gauge { used: 2, allowed: 2 };
    let over = |room: Room| {
        let mut stage = Stage::new(rules(json!({})));
        stage.room = room;
        match stage.ask(ask()) {
            Err(Refusal::OverLimit(over)) => over,
            other => panic!("{other:?}"),
        }
    };
    let pending = Load { pending: full, ..Load::default() };
    let asked = Load { asks_per_month: full, ..Load::default() };
    let told = over(Room { key: pending, workspace: asked, ..Room::default() });
    assert_eq!((told.limit, told.of, told.used), (Limit::Pending, Holder::Key, 2));
    let told = over(Room { workspace: pending, ..Room::default() });
    assert_eq!((told.limit, told.of), (Limit::Pending, Holder::Workspace));
    let told = over(Room { key: asked, month_ends: Some(at(90)), ..Room::default() });
    assert_eq!((told.limit, told.of), (Limit::AsksPerMonth, Holder::Key));
    assert_eq!((told.resets_at, told.retry_after), (Some(at(90)), Seconds(90)));

    // However full it is, what was asked before is decided, withdrawn and claimed.
    let none = Room { key: pending, workspace: asked, month_ends: Some(at(90)), plan: None };
    let mut stage = Stage::asked(json!({}));
    stage.room = none.clone();
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
    let claim = Command::Consume { action_digest: DIGEST };
    assert!(stage.act(bot(), claim).is_ok());
    let mut stage = Stage::asked(json!({}));
    stage.room = none;
    assert!(stage.act(bot(), Command::Cancel { reason: None }).is_ok());
}

#[test]
fn only_a_key_with_the_scope_ask_asks() {
    let mut stage = Stage::new(rules(json!({})));
    let question = Command::Ask(Box::new(ask()));
    let missing = Err(Refusal::MissingScope(Scope::Ask));
    assert_eq!(stage.act(key("bot", &[Scope::ReadAll]), question.clone()), missing);
    assert_eq!(stage.act(decide_key("ana"), question.clone()), missing);
    assert_eq!(stage.act("ada", question.clone()), missing);
    assert_eq!(stage.act(Principal::System, question), missing);
}

#[test]
fn an_id_is_asked_for_once() {
    let mut stage = Stage::asked(json!({}));
    assert_eq!(stage.ask(ask()), Err(Refusal::Exists));
}

#[test]
fn nothing_can_be_done_to_what_was_never_asked() {
    let mut stage = Stage::new(rules(json!({})));
    assert_eq!(stage.approve("ana"), Err(Refusal::NotFound));
    assert_eq!(stage.act(bot(), consume()), Err(Refusal::NotFound));
    assert_eq!(stage.act(bot(), cancel()), Err(Refusal::NotFound));
    assert_eq!(stage.act("ada", revoke()), Err(Refusal::NotFound));
    assert_eq!(stage.act(bot(), report(OutcomeStatus::Failed)), Err(Refusal::NotFound));
    assert_eq!(stage.expire(), Err(Refusal::NotFound));
}

#[test]
fn an_ask_may_shorten_its_times() {
    let mut stage = Stage::new(rules(json!({})));
    let short = Ask { expires_in: Some(Seconds(60)), valid_for: Some(Seconds(5)), ..ask() };
    stage.ask(short).unwrap();
    assert_eq!(stage.approval().expires_at, at(60));
    stage.now = at(59);
    stage.approve("ana").unwrap();
    assert_eq!(stage.decision().valid_until, Some(at(64)));
}

#[test]
fn an_ask_may_name_exactly_what_its_policy_allows() {
    let mut stage = Stage::new(rules(json!({})));
    let same = Ask { expires_in: Some(Seconds(3600)), valid_for: Some(Seconds(900)), ..ask() };
    assert_eq!(stage.ask(same), Ok(vec!["asked"]));
}

#[test]
fn an_ask_may_not_loosen_its_policy() {
    let mut stage = Stage::new(rules(json!({})));
    let loosens = |field, asked, allowed| {
        Err(Refusal::Loosens { field, asked: Seconds(asked), allowed: Seconds(allowed) })
    };
    let long = Ask { expires_in: Some(Seconds(3601)), ..ask() };
    assert_eq!(stage.ask(long), loosens("expires_in", 3601, 3600));
    let long = Ask { valid_for: Some(Seconds(901)), ..ask() };
    assert_eq!(stage.ask(long), loosens("valid_for", 901, 900));
}

#[test]
fn an_ask_may_not_be_over_before_it_began() {
    let mut stage = Stage::new(rules(json!({})));
    let none = Ask { expires_in: Some(Seconds(0)), ..ask() };
    assert_eq!(stage.ask(none), Err(Refusal::TooShort { field: "expires_in" }));
    let none = Ask { valid_for: Some(Seconds(0)), ..ask() };
    assert_eq!(stage.ask(none), Err(Refusal::TooShort { field: "valid_for" }));
}

#[test]
fn a_policy_that_does_not_exist_is_named_in_the_refusal() {
    let mut stage = Stage::new(rules(json!({})));
    stage.saved = None;
    assert_eq!(stage.ask(ask()), Err(Refusal::PolicyUnknown { name: named("deploys") }));
}

#[test]
fn a_key_asks_only_under_the_policies_it_was_given() {
    let mut stage = Stage::new(rules(json!({})));
    let question = || Command::Ask(Box::new(ask()));
    let elsewhere = KeyFacts { policies: only(&["mails"]), ..bot() };
    assert_eq!(
        stage.act(elsewhere, question()),
        Err(Refusal::PolicyNotAllowed { name: named("deploys") })
    );
    let here = KeyFacts { policies: only(&["mails", "deploys"]), ..bot() };
    assert_eq!(stage.act(here, question()), Ok(vec!["asked"]));
}

#[test]
fn the_default_policy_is_open_to_every_asking_key() {
    let mut stage = Stage::new(rules(json!({})));
    let narrow = KeyFacts { policies: only(&[]), ..bot() };
    let default = Ask { policy: PolicyChoice::Default, ..ask() };
    assert_eq!(stage.act(narrow, Command::Ask(Box::new(default))), Ok(vec!["asked"]));
}

#[test]
fn a_policy_of_ones_own_needs_the_scope_for_it() {
    let mut stage = Stage::new(rules(json!({})));
    let own = inline(rules(json!({ "needs": [{ "from": ["member:dan@example.com"] }] })));
    assert_eq!(stage.ask(own.clone()), Err(Refusal::MissingScope(Scope::InlinePolicies)));
    let free = key("bot", &[Scope::Ask, Scope::InlinePolicies]);
    assert_eq!(stage.act(free, Command::Ask(Box::new(own))), Ok(vec!["asked"]));
    assert_eq!(stage.approve("ana"), Err(Refusal::NotAnApprover { who: "ana@example.com".into() }));
    assert_eq!(stage.approve("dan"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_policy_of_ones_own_stays_above_the_floor() {
    let mut stage = Stage::new(rules(json!({})));
    stage.floor = Floor { assurance: Assurance::Session, separate_owner: true };
    let own = inline(rules(json!({ "needs": [{ "from": ["members"] }], "assurance": "bearer" })));
    stage
        .act(key("bot", &[Scope::Ask, Scope::InlinePolicies]), Command::Ask(Box::new(own)))
        .unwrap();
    let weak = session_at("ana", Assurance::Chat);
    let (has, needed) = (Assurance::Chat, Assurance::Session);
    assert_eq!(stage.approve(weak), Err(Refusal::AssuranceTooLow { has, needed }));
    assert_eq!(stage.approve("olga"), Err(Refusal::OwnerCannotDecide));
}

#[test]
fn a_policy_that_is_wrong_in_itself_is_never_asked_under() {
    // A need of nobody would be met by a first "no".
    let nobody = rules(json!({ "needs": [{ "from": ["group:sre"], "count": 0 }] }));
    let mut stage = Stage::new(nobody);
    let Err(Refusal::Unsatisfiable { problems, .. }) = stage.ask(ask()) else { panic!("asked") };
    assert_eq!(problems[0].pointer, "/needs/0/count");
    let mut stage = Stage::new(rules(json!({ "needs": [] })));
    assert!(matches!(stage.ask(ask()), Err(Refusal::Unsatisfiable { .. })));
}

#[test]
fn a_consumer_must_be_a_key_of_this_workspace() {
    let mut stage = Stage::new(rules(json!({})));
    let consumers = vec![key_id("runner"), key_id("nowhere")];
    assert_eq!(
        stage.ask(Ask { consumers, ..ask() }),
        Err(Refusal::UnknownConsumer { key: key_id("nowhere") })
    );
}

#[test]
fn a_policy_that_nobody_can_satisfy_is_refused_at_once_and_says_where() {
    let needs = json!([{ "from": ["group:sre"] }, { "from": ["group:security"], "count": 2 }]);
    let mut stage = Stage::new(rules(json!({ "needs": needs })));
    let detail = "nobody can satisfy this: 1 of 2 from group:security would be missing, \
                  counting each person once";
    let problem = Problem { pointer: "/needs/1".into(), detail: detail.into() };
    let name = named("deploys");
    assert_eq!(stage.ask(ask()), Err(Refusal::Unsatisfiable { name, problems: vec![problem] }));
}

#[test]
fn one_person_cannot_be_counted_on_for_two_seats() {
    let needs = json!([{ "from": ["group:security"] }, { "from": ["member:cal@example.com"] }]);
    let mut stage = Stage::new(rules(json!({ "needs": needs })));
    assert!(matches!(stage.ask(ask()), Err(Refusal::Unsatisfiable { .. })));
    stage.join("dan", "security");
    assert_eq!(stage.ask(ask()), Ok(vec!["asked"]));
}

#[test]
fn an_owner_kept_out_cannot_be_counted_on() {
    let hers = json!({ "needs": [{ "from": ["member:olga@example.com"] }] });
    let mut apart = hers.clone();
    apart["separate"] = json!({ "owner": true });
    assert!(matches!(Stage::new(rules(apart)).ask(ask()), Err(Refusal::Unsatisfiable { .. })));

    let mut stage = Stage::new(rules(hers));
    stage.floor.separate_owner = true;
    assert!(matches!(stage.ask(ask()), Err(Refusal::Unsatisfiable { .. })));
    stage.floor.separate_owner = false;
    assert_eq!(stage.ask(ask()), Ok(vec!["asked"]));
}

#[test]
fn the_disabled_and_the_auditors_cannot_be_counted_on() {
    let mut stage = Stage::new(rules(json!({ "needs": [{ "from": ["group:security"] }] })));
    stage.disable("cal");
    assert!(matches!(stage.ask(ask()), Err(Refusal::Unsatisfiable { .. })));
    stage.join("otis", "security");
    assert!(matches!(stage.ask(ask()), Err(Refusal::Unsatisfiable { .. })));
    stage.enable("cal");
    assert_eq!(stage.ask(ask()), Ok(vec!["asked"]));
}

#[test]
fn a_policy_edited_after_the_question_changes_nothing() {
    let mut stage = Stage::asked(json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] }));
    let looser = json!({ "needs": [{ "from": ["members"] }], "assurance": "bearer" });
    stage.saved = Some(Arc::new(FrozenPolicy { version: 4, ..rules(looser) }));
    assert_eq!(stage.approve("dan"), Err(Refusal::NotAnApprover { who: email("dan") }));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted"]));
    stage.saved = None;
    assert_eq!(stage.approve("ben"), Ok(vec!["voted", "approved"]));
    assert_eq!(stage.approval().policy.version, 3);
}
