//! What holds in every world, whoever tries what in whatever order.
//! That the events give the next state, also when they were written down and read back, and that
//! the same input gives the same answer, is checked by [`Stage::act`] at every single step.

use std::collections::{BTreeMap, BTreeSet};

use askfirst_core::approval::event;
use askfirst_core::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::Oracle;
use crate::plan::{NAMES, Plan, plan};
use crate::stage::*;

/// The world right after the question was put; none if nobody could have answered it.
fn asked(plan: &Plan) -> Option<Stage> {
    let mut stage = plan.stage();
    let editable = vec!["/target".parse().unwrap()];
    match stage.act(plan.asker(), Command::Ask(Box::new(Ask { editable, ..ask() }))) {
        Ok(_) => Some(stage),
        Err(Refusal::Unsatisfiable { .. } | Refusal::Credential(Standing::Disabled)) => None,
        Err(refusal) => panic!("{refusal}"),
    }
}

/// Lets the plan run; `watch` sees the world before and after every try, and the answer.
fn run(plan: &Plan, mut watch: impl FnMut(&Stage, &Stage, &Told)) -> Option<Stage> {
    let mut stage = asked(plan)?;
    for step in &plan.steps {
        plan.prepare(&mut stage, step);
        let before = stage.clone();
        let told = stage.act(plan.principal(&step.who), step.command.clone());
        watch(&before, &stage, &told);
    }
    Some(stage)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_rules_agree_with_a_second_opinion(plan in plan()) {
        let Some(mut stage) = asked(&plan) else { return Ok(()) };
        let mut oracle = Oracle::new(stage.approval());
        for step in &plan.steps {
            plan.prepare(&mut stage, step);
            let who = plan.principal(&step.who);
            let accepted = oracle.hears(&stage.facts(who.clone()), &step.command, stage.now);
            let told = stage.act(who, step.command.clone());
            prop_assert_eq!(told.is_ok(), accepted, "{:?} told {:?}", step, told);
            prop_assert_eq!(stage.status(), oracle.status(stage.now), "after {:?}", step);
        }
    }

    #[test]
    fn an_outcome_is_one_and_never_changes(plan in plan()) {
        let ended = run(&plan, |before, after, told| {
            let (was, is) = (before.approval(), after.approval());
            if told.is_err() {
                assert_eq!(was, is, "a refusal changes nothing");
            }
            let events = told.as_ref().map_or(0, Vec::len);
            assert_eq!(is.version as usize, was.version as usize + events);
            if was.decision.is_some() {
                assert_eq!(was.decision, is.decision);
                assert_eq!(was.votes, is.votes);
            }
            // What a reader was told before is what the record says afterwards.
            if let Some(decision) = was.decision_at(before.now) {
                assert_eq!(is.decision_at(after.now), Some(decision));
            }
            if was.claim.is_some() {
                assert_eq!(was.claim, is.claim);
            }
            assert_eq!(is.is_usable(after.now), is.claim_state(after.now) == Some(ClaimState::Available));
        });
        let Some(stage) = ended else { return Ok(()) };
        let ends = ["approved", "rejected", "expired", "cancelled"];
        let of = |names: &[&str]| stage.log.iter().filter(|e| names.contains(&e.name())).count();
        prop_assert!(of(&ends) <= 1);
        prop_assert!(of(&["claimed", "revoked"]) <= 1);
        prop_assert!(of(&["outcome_reported"]) <= 1);
        prop_assert_eq!(stage.approval().version as usize, stage.log.len());
        let folded = stage.log.iter().try_fold(None, |so_far, event| {
            event::apply(so_far, event).map(Some)
        });
        prop_assert_eq!(folded, Ok(stage.approval.clone()));
    }

    #[test]
    fn every_vote_is_of_another_person_in_time_and_not_the_askers(plan in plan()) {
        let Some(stage) = run(&plan, |_, _, _| {}) else { return Ok(()) };
        let approval = stage.approval();
        let standing = || approval.votes.iter().filter(|vote| approval.stands(vote));
        // Nobody twice, neither as who voted nor as in whose place.
        let people: Vec<_> = standing().flat_map(Vote::people).collect();
        let once: BTreeSet<_> = people.iter().collect();
        prop_assert_eq!(once.len(), people.len());
        for vote in &approval.votes {
            prop_assert!(vote.via != Via::Key(approval.asker.key));
            prop_assert!(vote.at < approval.expires_at);
            prop_assert!(vote.assurance >= approval.policy.document.assurance);
            let approves = vote.decision == VoteDecision::Approve;
            if approves && approval.stands(vote) {
                prop_assert_eq!(vote.action_digest, approval.action_digest);
            }
            let apart = approval.policy.document.separate.owner;
            prop_assert!(!(apart && vote.people().any(|id| id == approval.asker.owner)));
        }
        if let Some(decision) = &approval.decision && decision.status == Status::Approved {
            prop_assert!(decision.decided_at < approval.expires_at);
            prop_assert_eq!(decision.valid_until, Some(decision.decided_at.plus(approval.valid_for)));
            let Some(Claim::Claimed { at, .. }) = approval.claim else { return Ok(()) };
            prop_assert!(Some(at) < decision.valid_until);
        } else {
            prop_assert_eq!(&approval.claim, &None);
        }
    }

    #[test]
    fn who_is_waited_for_is_who_could_vote_or_whose_delegate_is(plan in plan()) {
        let Some(mut stage) = asked(&plan) else { return Ok(()) };
        for step in &plan.steps {
            plan.prepare(&mut stage, step);
            if stage.status() != Status::Pending {
                break;
            }
            let awaited = stage.approval().awaited(&stage.roster, stage.floor, stage.now);
            let told: BTreeSet<_> = awaited.iter().copied().collect();
            prop_assert_eq!(told.len(), awaited.len(), "nobody is told twice");
            for &id in stage.roster.people.keys() {
                let given = stage.roster.delegations.get(&id).filter(|given| given.holds(stage.now));
                let lent = given.is_some_and(|given| told.contains(&given.to));
                let (told, could) = (told.contains(&id), could_vote(&stage, id));
                prop_assert!(could || !told, "{} is told, and cannot", id);
                prop_assert!(told || lent || !could, "{} could, and is not told", id);
            }
            let _refused_or_not = stage.act(plan.principal(&step.who), step.command.clone());
        }
    }

    #[test]
    fn two_votes_come_to_the_same_in_either_order(
        mut plan in plan(),
        before in 0..6_usize,
        one in 0..NAMES.len(),
        gap in 1..NAMES.len(),
        yes in any::<(bool, bool)>(),
    ) {
        plan.steps.truncate(before);
        let Some(mut stage) = run(&plan, |_, _, _| {}) else { return Ok(()) };
        // For a seat that one holds and another stands in for, who comes first matters.
        stage.roster.delegations.clear();
        let votes = [(one, yes.0), ((one + gap) % NAMES.len(), yes.1)];
        let Some((forth, back)) = in_either_order(&stage, votes) else { return Ok(()) };
        prop_assert_eq!(forth.approval().votes.len(), back.approval().votes.len());
        prop_assert_eq!(forth.status(), back.status());
        prop_assert_eq!(forth.missing(), back.missing());
        let cause = |stage: &Stage| {
            let decision = stage.approval().decision.as_ref();
            decision.map(|decision| std::mem::discriminant(&decision.cause))
        };
        prop_assert_eq!(cause(&forth), cause(&back));
    }
}

/// Whether this person's vote would be heard, were they known as surely as can be.
fn could_vote(stage: &Stage, member: MemberId) -> bool {
    let surest = SessionFacts { member, assurance: Assurance::Passkey, standing: Standing::Good };
    let action_digest = stage.approval().action_digest;
    let yes = CastVote { action_digest, ..vote(VoteDecision::Approve) };
    stage.clone().act(surest, Command::Vote(yes)).is_ok()
}

/// Where two votes lead, one first and the other first; none if either decides by itself.
fn in_either_order(stage: &Stage, votes: [(usize, bool); 2]) -> Option<(Stage, Stage)> {
    let after = |order: &[(usize, bool)]| {
        let mut stage = stage.clone();
        for &(who, yes) in order {
            let passkey = session_at(NAMES[who], Assurance::Passkey);
            let _refused_or_not = if yes { stage.approve(passkey) } else { stage.reject(passkey) };
        }
        stage
    };
    let [one, other] = votes;
    let decides = |vote| after(&[vote]).approval().decision.is_some();
    if decides(one) || decides(other) {
        return None;
    }
    Some((after(&[one, other]), after(&[other, one])))
}

/// The properties above would hold in worlds where nothing ever happens. These do happen.
#[test]
fn the_random_worlds_are_eventful() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..1000 {
        let plan = plan().new_tree(&mut runner).unwrap().current();
        let mut note = |what: String| *seen.entry(what).or_default() += 1;
        let ended = run(&plan, |_, _, told| match told {
            Ok(_) => {}
            Err(refusal) => {
                let debug = format!("{refusal:?}");
                let name = debug.split([' ', '(']).next().unwrap_or_default();
                note(format!("refused: {name}"));
            }
        });
        let Some(stage) = ended else {
            note("impossible".into());
            continue;
        };
        let start = asked(&plan).unwrap();
        if let Some((both, _)) = in_either_order(&start, [(0, true), (1, true)]) {
            note(format!("two votes, {} heard", both.approval().votes.len()));
        }
        stage.log.iter().for_each(|event| note(event.name().into()));
        if stage.approval().votes.iter().any(|vote| vote.on_behalf_of.is_some()) {
            note("a delegate voted".into());
        }
        let Some(decision) = &stage.approval().decision else { continue };
        let debug = format!("{:?}", decision.cause);
        note(format!("cause: {}", debug.split(' ').next().unwrap_or_default()));
        if decision.status == Status::Approved && stage.approval().votes.len() > 1 {
            note("approved by several".into());
        }
    }
    let count = |what: &str| seen.get(what).copied().unwrap_or_default();
    // About half of what is seen today.
    let wanted = [
        ("asked", 250),
        ("approved", 80),
        ("approved by several", 30),
        ("rejected", 40),
        ("expired", 10),
        ("cancelled", 10),
        ("more_info_requested", 20),
        ("more_info_given", 3),
        ("edited", 5),
        ("escalated", 20),
        ("a delegate voted", 3),
        ("looked", 5),
        ("claimed", 20),
        ("revoked", 15),
        ("outcome_reported", 10),
        ("cause: Unreachable", 15),
        ("cause: Rejections", 12),
        ("cause: Deadline", 20),
        ("two votes, 2 heard", 70),
        ("refused: AlreadyClaimed", 30),
        ("refused: AlreadyDecided", 800),
        ("refused: AlreadyVoted", 40),
        ("refused: AskerCannotDecide", 100),
        ("refused: AssuranceTooLow", 100),
        ("refused: Credential", 300),
        ("refused: Lapsed", 15),
        ("refused: MissingScope", 150),
        ("refused: NotAConsumer", 15),
        ("refused: NotARevoker", 60),
        ("refused: NotAnApprover", 80),
        ("refused: NotApproved", 200),
        ("refused: NotClaimed", 150),
        ("refused: NotAnsweredYet", 1),
        ("refused: NoSuchInquiry", 40),
        ("refused: NotTheAskingKey", 40),
        ("refused: NotDue", 60),
        ("refused: NotTheAsker", 50),
        ("refused: OutcomeReported", 1),
        ("refused: OwnerCannotDecide", 30),
        ("refused: Revoked", 10),
        ("refused: StaleDigest", 30),
    ];
    for (what, least) in wanted {
        assert!(count(what) >= least, "{what}: {}, not {least}; {seen:#?}", count(what));
    }
}
