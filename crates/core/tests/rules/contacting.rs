//! People without an account: they decide where a policy names them, by a link, and nothing else.

use askfirst_core::administration::{Change, Denied, Holdings, NewKey, SecretHash, permit};
use askfirst_core::*;
use serde_json::{Value, json};

use crate::stage::*;

fn link(name: &str) -> Principal {
    Principal::Link(LinkFacts {
        member: member(name),
        approval: ask().id,
        assurance: Assurance::Link,
        way: LinkWay::Url,
        standing: Standing::Good,
    })
}

/// Under rules that name `dan`, who has no account.
fn with_dan(fields: Value) -> Stage {
    let mut rules_of = json!({
        "assurance": "link", "needs": [{ "from": ["contact:dan@example.com"] }],
    });
    rules_of.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let mut stage = Stage::new(rules(rules_of));
    stage.make("dan", Role::Contact);
    assert_eq!(stage.ask(ask()), Ok(vec!["asked"]));
    stage
}

#[test]
fn a_contact_decides_by_a_link_where_the_policy_names_them() {
    let mut stage = with_dan(json!({}));
    assert!(matches!(stage.approve("ana"), Err(Refusal::NotAnApprover { .. })));
    assert_eq!(stage.approve(link("dan")), Ok(vec!["voted", "approved"]));
    let vote = &stage.approval().votes[0];
    assert_eq!((vote.voter.email.as_str(), vote.via), ("dan@example.com", Via::Link));
    assert_eq!(stage.decision().by, person("dan"));
}

#[test]
fn members_are_those_with_an_account() {
    let members = json!({ "needs": [{ "from": ["members"] }] });
    assert!(matches!(with_dan(members).approve(link("dan")), Err(Refusal::NotAnApprover { .. })));
    let by_name = json!({ "needs": [{ "from": ["member:dan@example.com", "group:sre"] }] });
    assert!(matches!(with_dan(by_name).approve(link("dan")), Err(Refusal::NotAnApprover { .. })));
    // A group says itself who is in it.
    let mut stage = with_dan(json!({ "needs": [{ "from": ["group:sre"] }] }));
    stage.join("dan", "sre");
    assert_eq!(stage.approve(link("dan")), Ok(vec!["voted", "approved"]));
    // Ana has an account, so she is no contact.
    let mut stage = Stage::new(rules(json!({
        "assurance": "link", "needs": [{ "from": ["contact:ana@example.com"] }],
    })));
    assert!(matches!(stage.ask(ask()), Err(Refusal::Unsatisfiable { .. })));
}

#[test]
fn one_person_is_one_seat_with_and_without_an_account() {
    let two = json!({
        "needs": [{ "from": ["contact:dan@example.com"] }, { "from": ["group:sre"] }],
    });
    let mut stage = with_dan(two);
    stage.join("dan", "sre");
    assert_eq!(stage.approve(link("dan")), Ok(vec!["voted"]));
    stage.make("dan", Role::Approver);
    assert!(matches!(stage.approve("dan"), Err(Refusal::AlreadyVoted { .. })));
    assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
}

#[test]
fn a_policy_does_not_ask_more_of_a_contact_than_a_link_can_give() {
    let document = rules(json!({
        "assurance": "session",
        "steps": [{ "after": 60, "add": ["contact:dan@example.com"] }],
    }))
    .document;
    let problems = document.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].pointer, "/assurance");
}

#[test]
fn a_contact_gets_no_account_by_the_back_door() {
    let mut stage = with_dan(json!({}));
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
    let dan = member("dan");
    let told = |stage: &Stage, change: Change| {
        permit(&change, &stage.facts(Principal::Session(session("ada"))), &holdings)
    };
    let invalid = |told: Result<(), Denied>| match told {
        Err(Denied::Invalid(problem)) => problem.pointer,
        other => panic!("{other:?}"),
    };
    let key = NewKey {
        id: key_id("dans"),
        label: "dans".into(),
        secret: SecretHash([1; 32]),
        hint: "af".into(),
        environment: Environment::Live,
        dialect: Dialect::Native,
        scopes: [Scope::Decide].into(),
        policies: PolicyAllowance::Any,
        member: Some(dan),
        owner: Some(member("ada")),
        expires_at: None,
        limits: KeyLimits::default(),
        callback_url: None,
    };
    let until = at(1_000);
    let hand = |to: &str| Some(Delegation { to: member(to), since: at(0), until });
    let login =
        Change::AddLoginLink { secret: SecretHash([2; 32]), member: dan, expires_at: until };
    assert_eq!(invalid(told(&stage, login.clone())), "/id");
    assert_eq!(invalid(told(&stage, Change::AddKey(key))), "/member");
    let from = Change::Delegate { member: dan, delegation: hand("ana") };
    assert_eq!(invalid(told(&stage, from)), "/id");
    let to = Change::Delegate { member: member("ana"), delegation: hand("dan") };
    assert_eq!(invalid(told(&stage, to)), "/to");
    let role = |of: &str, role| Change::UpdateMember {
        id: member(of),
        name: None,
        role: Some(role),
        enabled: None,
    };
    assert_eq!(invalid(told(&stage, role("ana", Role::Contact))), "/role");
    // With a role they have an account like anybody.
    assert_eq!(told(&stage, role("dan", Role::Approver)), Ok(()));
    stage.make("dan", Role::Approver);
    assert_eq!(told(&stage, login), Ok(()));
}
