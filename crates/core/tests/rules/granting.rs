//! Votes given in advance: who may give them, what they cover, and what ends them.

use std::sync::Arc;

use askfirst_core::policy::grants::MOST_USES;
use askfirst_core::*;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::*;

const GRANT: GrantId = GrantId::from_bits(9);

fn new_grant() -> NewGrant {
    NewGrant { id: GRANT, lasts: Seconds(600), uses: 2, bounds: [].into(), digest: Digest([3; 32]) }
}

fn bound(place: &str, bound: Value) -> (Pointer, Bound) {
    (place.parse().unwrap(), serde_json::from_value(bound).unwrap())
}

fn saying_yes(grant: NewGrant) -> Command {
    Command::Vote(CastVote { grant: Some(Box::new(grant)), ..vote(VoteDecision::Approve) })
}

/// The rules under which grants of ten minutes and five uses can be given.
fn offering(fields: Value) -> Value {
    let mut rules = json!({ "grants": { "for": 600, "uses": 5 } });
    rules.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    rules
}

/// Under such rules, and `ana` granted this at second 0.
fn granted(fields: Value, grant: NewGrant) -> Stage {
    let mut stage = Stage::asked(offering(fields));
    let told = stage.act("ana", saying_yes(grant)).unwrap();
    assert_eq!(told[..2], ["voted", "granted"]);
    stage
}

/// The next question, some seconds later: the same again, changed by `change`.
fn next(stage: &mut Stage, seconds: i64, change: impl FnOnce(&mut Ask)) -> Told {
    stage.now = at(seconds);
    stage.approval = None;
    let mut ask = ask();
    change(&mut ask);
    stage.ask(ask)
}

fn with_arguments(arguments: Value) -> impl FnOnce(&mut Ask) {
    move |ask| ask.action = Arc::new(Action { arguments, ..(*ask.action).clone() })
}

const AT_ONCE: [&str; 3] = ["asked", "voted", "approved"];

#[test]
fn what_was_granted_is_approved_at_once_so_often_and_so_long() {
    let mut stage = granted(json!({}), new_grant());
    let given = stage.approval().votes[0].clone();
    assert_eq!((given.via, given.granted), (Via::Web, Some(GRANT)));
    assert_eq!(next(&mut stage, 10, |_| {}), Ok(AT_ONCE.to_vec()));
    let used = stage.approval().votes[0].clone();
    assert_eq!(used.voter.id, member("ana"));
    assert_eq!((used.via, used.assurance), (Via::Grant(GRANT), Assurance::Session));
    assert_eq!((used.shown_digest, used.at), (None, at(10)));
    assert_eq!(stage.decision().by, person("ana"));
    // It is claimed as any other.
    assert_eq!(stage.act(bot(), consume()), Ok(vec!["claimed"]));
    assert_eq!(next(&mut stage, 20, |_| {}), Ok(AT_ONCE.to_vec()));
    assert_eq!(next(&mut stage, 30, |_| {}), Ok(vec!["asked"]), "twice, and not a third time");

    let mut stage = granted(json!({}), new_grant());
    assert_eq!(next(&mut stage, 599, |_| {}), Ok(AT_ONCE.to_vec()));
    assert_eq!(next(&mut stage, 600, |_| {}), Ok(vec!["asked"]), "its time is over");
}

#[test]
fn without_bounds_only_the_title_may_differ() {
    let renamed = |ask: &mut Ask| {
        ask.action = Arc::new(Action { name: "deploy.staging".into(), ..(*ask.action).clone() });
    };
    let retitled = |ask: &mut Ask| {
        ask.action = Arc::new(Action { title: "Please?".into(), ..(*ask.action).clone() });
    };
    let elsewhere = |ask: &mut Ask| {
        ask.action = Arc::new(Action { target: Some("prod-us".into()), ..(*ask.action).clone() });
    };
    let mut stage = granted(json!({}), new_grant());
    assert_eq!(next(&mut stage, 1, renamed), Ok(vec!["asked"]));
    assert_eq!(next(&mut stage, 2, elsewhere), Ok(vec!["asked"]));
    let other = json!({ "version": "2.2", "share": 0.1 });
    assert_eq!(next(&mut stage, 3, with_arguments(other)), Ok(vec!["asked"]));
    let more = json!({ "version": "2.1", "share": 0.1, "force": true });
    assert_eq!(next(&mut stage, 4, with_arguments(more)), Ok(vec!["asked"]));
    assert_eq!(next(&mut stage, 5, retitled), Ok(AT_ONCE.to_vec()));
}

#[test]
fn a_bound_says_what_may_stand_at_its_place() {
    let bounds = [
        bound("/arguments/version", json!("any")),
        bound("/arguments/share", json!({ "within": { "at_most": 0.5 } })),
        bound("/target", json!({ "one_of": ["prod-eu", "prod-us"] })),
    ];
    let grant = NewGrant { bounds: bounds.into(), uses: 5, ..new_grant() };
    let mut stage = granted(json!({}), grant);
    let mut told = |version: Value, share: Value, target: Option<&str>| {
        let target = target.map(str::to_owned);
        let arguments = json!({ "version": version, "share": share });
        let change = move |ask: &mut Ask| {
            ask.action = Arc::new(Action { arguments, target, ..(*ask.action).clone() });
        };
        next(&mut stage, 1, change).unwrap().len() == AT_ONCE.len()
    };
    assert!(told(json!({ "anything": [1] }), json!(0.5), Some("prod-us")));
    assert!(told(json!("2.2"), json!(-1), Some("prod-eu")));
    assert!(!told(json!("2.2"), json!(0.51), Some("prod-eu")));
    assert!(!told(json!("2.2"), json!("0.1"), Some("prod-eu")), "a text is no number");
    assert!(!told(json!("2.2"), json!(0.1), Some("prod-ap")));
    assert!(!told(json!("2.2"), json!(0.1), None));
}

#[test]
fn a_grant_is_one_vote_and_no_more() {
    let two = json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] });
    let mut stage = granted(two, new_grant());
    assert_eq!(next(&mut stage, 1, |_| {}), Ok(vec!["asked", "voted"]));
    assert_eq!(stage.missing(), 1);
    assert!(matches!(stage.approve("ana"), Err(Refusal::AlreadyVoted { .. })));
    assert_eq!(stage.reject("ben"), Ok(vec!["voted", "rejected"]), "who is left can still say no");
    // Both of them said so in advance.
    let again = NewGrant { id: GrantId::from_bits(10), ..new_grant() };
    next(&mut stage, 2, with_arguments(json!({ "version": "2.1", "share": 0.1 }))).unwrap();
    assert_eq!(stage.act("ben", saying_yes(again)), Ok(vec!["voted", "granted", "approved"]));
    assert_eq!(next(&mut stage, 3, |_| {}), Ok(vec!["asked", "voted"]), "ana's is used up");
    let hers = NewGrant { id: GrantId::from_bits(11), ..new_grant() };
    assert_eq!(stage.act("ana", saying_yes(hers)), Ok(vec!["voted", "granted", "approved"]));
    assert_eq!(next(&mut stage, 4, |_| {}), Ok(vec!["asked", "voted", "voted", "approved"]));
}

#[test]
fn it_is_good_for_the_same_key_and_the_same_policy_only() {
    let mut stage = granted(json!({}), new_grant());
    stage.approval = None;
    let other = key("other", &[Scope::Ask]);
    assert_eq!(stage.act(other, Command::Ask(Box::new(ask()))), Ok(vec!["asked"]));
    let mut changed = (**stage.saved.as_ref().unwrap()).clone();
    changed.digest = Digest([1; 32]);
    stage.saved = Some(Arc::new(changed));
    assert_eq!(next(&mut stage, 1, |_| {}), Ok(vec!["asked"]));
}

#[test]
fn who_could_not_vote_now_has_not_voted_in_advance() {
    let unused = |change: fn(&mut Stage)| {
        let mut stage = granted(json!({ "assurance": "key" }), new_grant());
        change(&mut stage);
        assert_eq!(next(&mut stage, 1, |_| {}), Ok(vec!["asked"]));
    };
    unused(|stage| stage.leave("ana", "sre"));
    unused(|stage| stage.disable("ana"));
    unused(|stage| stage.make("ana", Role::Auditor));
    unused(|stage| stage.floor.assurance = Assurance::Passkey);

    let mut stage = granted(json!({ "needs": [{ "from": ["members"] }] }), new_grant());
    stage.floor.separate_owner = true;
    assert_eq!(next(&mut stage, 1, |_| {}), Ok(AT_ONCE.to_vec()), "ana does not own the key");
    let mut stage = Stage::asked(offering(json!({ "needs": [{ "from": ["members"] }] })));
    stage.act("olga", saying_yes(new_grant())).unwrap();
    stage.floor.separate_owner = true;
    assert_eq!(next(&mut stage, 1, |_| {}), Ok(vec!["asked"]), "olga does");
}

#[test]
fn a_form_is_filled_in_anew_each_time() {
    let mut stage = granted(json!({}), new_grant());
    let form = |ask: &mut Ask| ask.answer_schema = Some(json!({ "type": "string" }));
    assert_eq!(next(&mut stage, 1, form), Ok(vec!["asked"]));
    let answer = Some(FormAnswer { value: json!("x"), problems: Vec::new() });
    let cast =
        CastVote { answer, grant: Some(Box::new(new_grant())), ..vote(VoteDecision::Approve) };
    assert!(matches!(stage.act("ben", Command::Vote(cast)), Err(Refusal::BadGrant { .. })));
}

#[test]
fn nobody_grants_more_than_the_policy_lets_them() {
    let mut none = Stage::asked(json!({}));
    let told = none.act("ana", saying_yes(new_grant()));
    assert_eq!(told, Err(Refusal::NoGrants { policy: named("deploys") }));

    let refused = |who: Principal, grant: NewGrant| {
        let mut stage = Stage::asked(offering(json!({ "assurance": "link" })));
        stage.delegate("ben", "dan", 100);
        let before = stage.approval().clone();
        let told = stage.act(who, saying_yes(grant));
        assert_eq!(stage.approval(), &before);
        match told {
            Err(Refusal::BadGrant { pointer, .. }) => pointer,
            other => panic!("{other:?}"),
        }
    };
    let ana = || Principal::Session(session("ana"));
    let with = |bounds: &[(Pointer, Bound)]| NewGrant {
        bounds: bounds.iter().cloned().collect(),
        ..new_grant()
    };
    let new = new_grant;
    assert_eq!(refused(ana(), NewGrant { lasts: Seconds(601), ..new() }), "/grant/for");
    assert_eq!(refused(ana(), NewGrant { lasts: Seconds(0), ..new() }), "/grant/for");
    assert_eq!(refused(ana(), NewGrant { uses: 6, ..new() }), "/grant/uses");
    assert_eq!(refused(ana(), NewGrant { uses: 0, ..new() }), "/grant/uses");
    let nowhere = with(&[bound("/arguments/speed", json!("any"))]);
    assert_eq!(refused(ana(), nowhere), "/grant/bounds/~1arguments~1speed");
    let outside = with(&[bound("/arguments/share", json!({ "within": { "at_least": 1 } }))]);
    assert_eq!(refused(ana(), outside), "/grant/bounds/~1arguments~1share");
    let both = with(&[bound("/arguments", json!("any")), bound("/arguments/share", json!("any"))]);
    assert_eq!(refused(ana(), both), "/grant/bounds/~1arguments");
    let link = LinkFacts {
        member: member("ana"),
        approval: ask().id,
        assurance: Assurance::Link,
        way: LinkWay::Url,
        standing: Standing::Good,
    };
    assert_eq!(refused(Principal::Link(link), new()), "/grant");
    assert_eq!(refused(Principal::Session(session("dan")), new()), "/grant", "in ben's place");

    let mut stage = Stage::asked(offering(json!({})));
    let no = CastVote { grant: Some(Box::new(new())), ..vote(VoteDecision::Reject) };
    assert!(matches!(stage.act("ana", Command::Vote(no)), Err(Refusal::BadGrant { .. })));
    assert_eq!(stage.act(bot(), saying_yes(new())), Err(Refusal::AskerCannotDecide));
}

#[test]
fn a_policy_says_how_far_in_words_that_make_sense() {
    for (grants, place) in [
        (json!({ "for": 0, "uses": 1 }), "/grants/for"),
        (json!({ "for": "31d", "uses": 1 }), "/grants/for"),
        (json!({ "for": "1h", "uses": 0 }), "/grants/uses"),
        (json!({ "for": "1h", "uses": MOST_USES + 1 }), "/grants/uses"),
    ] {
        let problems = rules(json!({ "grants": grants })).document.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].pointer, place);
    }
    let plain = serde_json::to_value(rules(json!({})).document).unwrap();
    assert_eq!(plain.get("grants"), None, "older documents keep their digest");
}

/// Numbers and texts at three places, and what a grant leaves open of them.
fn world() -> impl Strategy<Value = (Value, Vec<Option<Bound>>, Value)> {
    let value = prop_oneof![
        (-3_i64..4).prop_map(|number| json!(number)),
        "[ab]".prop_map(|text| json!(text)),
        Just(Value::Null),
    ];
    let arguments = |value: BoxedStrategy<Value>| {
        prop::collection::vec(value, 3)
            .prop_map(|values| json!({ "a": values[0], "b": { "c": values[1] }, "d": [values[2]] }))
    };
    let number = || prop::option::of((-3_i64..4).prop_map(serde_json::Number::from));
    let bound = prop::option::of(prop_oneof![
        Just(Bound::Any),
        prop::collection::vec(value.clone(), 0..3).prop_map(Bound::OneOf),
        (number(), number()).prop_map(|(at_least, at_most)| Bound::Within { at_least, at_most }),
    ]);
    let value = value.boxed();
    (arguments(value.clone()), prop::collection::vec(bound, 3), arguments(value))
}

const PLACES: [&str; 3] = ["/a", "/b/c", "/d/0"];

proptest! {
    /// Told place by place: the same where nothing is open, admitted where something is.
    #[test]
    fn a_grant_covers_what_a_second_opinion_says((agreed, bounds, asked) in world()) {
        let named = PLACES.iter().zip(&bounds).filter_map(|(place, bound)| {
            Some((format!("/arguments{place}").parse().unwrap(), bound.clone()?))
        });
        let action = |arguments: &Value| {
            Arc::new(Action { arguments: arguments.clone(), ..(*ask().action).clone() })
        };
        let terms = Terms {
            asker: key_id("bot"),
            policy: OTHER_DIGEST,
            action: action(&agreed),
            bounds: named.collect(),
            lasts: Seconds(1),
            uses: 1,
        };
        let admitted = |value: &Value, bound: &Bound| match bound {
            Bound::Any => true,
            Bound::OneOf(values) => values.iter().any(|one| one == value),
            Bound::Within { at_least, at_most } => value.as_i64().is_some_and(|value| {
                at_least.as_ref().is_none_or(|end| end.as_i64().unwrap() <= value)
                    && at_most.as_ref().is_none_or(|end| value <= end.as_i64().unwrap())
            }),
        };
        let at = |arguments: &Value, place| arguments.pointer(place).unwrap().clone();
        let expected = PLACES.iter().zip(&bounds).all(|(place, bound)| match bound {
            None => at(&agreed, place) == at(&asked, place),
            Some(bound) => {
                admitted(&at(&asked, place), bound) && admitted(&at(&agreed, place), bound)
            }
        });
        prop_assert_eq!(terms.covers(&action(&asked)), expected);
    }
}
