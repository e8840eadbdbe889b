//! A link by which one person decides one approval, whoever holds it.

use askfirst_core::administration::{Change, Denied, Holdings, permit};
use askfirst_core::*;
use serde_json::json;

use crate::stage::*;

fn link(name: &str, approval: u128) -> Principal {
    Principal::Link(LinkFacts {
        member: member(name),
        approval: ApprovalId::from_bits(approval),
        assurance: Assurance::Link,
        way: LinkWay::Url,
        standing: Standing::Good,
    })
}

const THIS: u128 = 42;

fn by_link() -> Stage {
    Stage::asked(json!({ "assurance": "link" }))
}

#[test]
fn a_vote_by_a_link_counts_as_a_link_and_says_so() {
    let mut stage = by_link();
    assert_eq!(stage.approve(link("ana", THIS)), Ok(vec!["voted", "approved"]));
    let vote = &stage.approval().votes[0];
    assert_eq!((vote.assurance, vote.via), (Assurance::Link, Via::Link));
    assert_eq!(stage.decision().by, person("ana"));
    // Where more is asked for, it is not enough.
    let needed = Refusal::AssuranceTooLow { has: Assurance::Link, needed: Assurance::Chat };
    assert_eq!(Stage::asked(json!({})).approve(link("ana", THIS)), Err(needed));
}

/// The asker was given it to pass on, so it may be the asker who answers.
#[test]
fn a_link_that_went_through_the_asker_counts_as_a_bearers_and_only_where_the_policy_says_so() {
    let passed_on = || match link("ana", THIS) {
        Principal::Link(link) => {
            Principal::Link(LinkFacts { assurance: Assurance::Bearer, ..link })
        }
        _ => unreachable!(),
    };
    for assurance in ["key", "link", "session", "passkey"] {
        let mut stage = Stage::asked(json!({ "assurance": assurance }));
        let refused = stage.approve(passed_on()).unwrap_err();
        assert!(
            matches!(refused, Refusal::AssuranceTooLow { has: Assurance::Bearer, .. }),
            "{assurance}: {refused:?}"
        );
    }
    let mut stage = Stage::asked(json!({ "assurance": "bearer" }));
    assert_eq!(stage.approve(passed_on()), Ok(vec!["voted", "approved"]));
    let vote = &stage.approval().votes[0];
    assert_eq!((vote.assurance, vote.via), (Assurance::Bearer, Via::Link));
    assert_eq!(stage.approval().assurance(), Some(Assurance::Bearer));
}

/// Whatever is written beside it.
#[test]
fn a_link_is_never_worth_more_than_a_link() {
    let Principal::Link(mut facts) = link("ana", THIS) else { unreachable!() };
    facts.assurance = Assurance::Passkey;
    let mut stage = Stage::asked(json!({}));
    let refused = stage.approve(Principal::Link(facts)).unwrap_err();
    assert!(matches!(refused, Refusal::AssuranceTooLow { has: Assurance::Link, .. }));
}

#[test]
fn a_link_is_worth_nothing_for_another_approval() {
    let mut stage = by_link();
    assert_eq!(stage.approve(link("ana", THIS + 1)), Err(Refusal::NotFound));
    let mut fresh = Stage::new(rules(json!({})));
    assert_eq!(fresh.act(link("ana", THIS), Command::Ask(Box::new(ask()))), Err(Refusal::NotFound));
}

/// Ada is an admin; by a link she is only who votes.
#[test]
fn a_link_decides_and_does_nothing_else() {
    let mut stage = by_link();
    assert_eq!(stage.act(link("ada", THIS), cancel()), Err(Refusal::NotTheAsker));
    assert_eq!(stage.approve(link("ana", THIS)), Ok(vec!["voted", "approved"]));
    assert_eq!(stage.act(link("ana", THIS), revoke()), Err(Refusal::NotARevoker));
    assert_eq!(stage.act(link("ada", THIS), revoke()), Err(Refusal::NotARevoker));
    assert!(stage.act(link("ada", THIS), consume()).is_err());
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
    let change = Change::AddMember {
        id: member("new"),
        email: email("new"),
        name: "New".into(),
        role: Role::Approver,
    };
    let told = permit(&change, &stage.facts(link("ada", THIS)), &holdings);
    assert_eq!(told, Err(Denied::Refused(Refusal::MissingScope(Scope::Members))));
}

#[test]
fn one_person_votes_once_by_link_and_session_and_who_left_by_neither() {
    let mut stage = Stage::asked(json!({
        "assurance": "link", "needs": [{ "from": ["group:sre"], "count": 2 }],
    }));
    assert_eq!(stage.approve(link("ana", THIS)), Ok(vec!["voted"]));
    assert!(matches!(stage.approve("ana"), Err(Refusal::AlreadyVoted { .. })));
    stage.leave("ben", "sre");
    assert!(matches!(stage.approve(link("ben", THIS)), Err(Refusal::NotAnApprover { .. })));
    stage.disable("ben");
    let gone = Refusal::Credential(Standing::Disabled);
    assert_eq!(stage.approve(link("ben", THIS)), Err(gone));
}
