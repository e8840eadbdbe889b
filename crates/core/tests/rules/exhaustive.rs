//! Every small world: all policies of up to two needs over two groups, all memberships of up to
//! four people, and every order in which they can say yes or no.

use std::collections::BTreeMap;
use std::sync::Arc;

use askfirst_core::*;
use serde_json::json;

use crate::oracle::{fits, most_seated, seats_of};
use crate::stage::*;

const NAMES: [&str; 4] = ["ana", "ben", "cal", "dan"];

fn policies() -> Vec<FrozenPolicy> {
    let mut needs = Vec::new();
    for from in [json!(["group:a"]), json!(["group:b"]), json!(["group:a", "group:b"])] {
        for count in [1, 2] {
            needs.push(json!({ "from": from, "count": count }));
        }
    }
    let pairs = needs.iter().flat_map(|one| needs.iter().map(move |two| json!([one, two])));
    let all: Vec<_> = needs.iter().map(|one| json!([one])).chain(pairs).collect();
    let both = all.iter().flat_map(|needs| [1, 2].map(|rejections| (needs.clone(), rejections)));
    both.map(|(needs, rejections)| rules(json!({ "needs": needs, "rejections": rejections })))
        .collect()
}

/// People who may be in neither, one or both groups. Who is interchangeable is listed once: the
/// orders of voting go over all of them anyway.
fn rosters() -> Vec<Roster> {
    let mut memberships: Vec<Vec<u8>> = vec![vec![]];
    let mut all = Vec::new();
    for _ in 0..=NAMES.len() {
        let longer = memberships.iter().flat_map(|some| {
            let least = some.last().copied().unwrap_or(0);
            (least..4).map(move |next| [some.clone(), vec![next]].concat())
        });
        let longer: Vec<_> = longer.collect();
        all.append(&mut memberships);
        memberships = longer;
    }
    all.into_iter().map(|groups| roster(&groups)).collect()
}

fn roster(groups: &[u8]) -> Roster {
    let mut roster = Stage::new(rules(json!({}))).roster;
    let olga = roster.people.remove_entry(&member("olga"));
    let cast = NAMES.iter().zip(groups);
    let cast = cast.filter_map(|(name, _)| roster.people.remove_entry(&member(name)));
    roster.people = cast.chain(olga).collect();
    roster.groups = BTreeMap::new();
    for (bit, group) in ["a", "b"].into_iter().enumerate() {
        let inside = NAMES.iter().zip(groups).filter(|(_, groups)| *groups >> bit & 1 == 1);
        roster.groups.insert(group.into(), inside.map(|(name, _)| member(name)).collect());
    }
    roster
}

#[derive(Default, Debug, PartialEq)]
struct Count {
    worlds: u32,
    impossible: u32,
    votes: u32,
    approved: u32,
    rejected: u32,
    unreachable: u32,
}

struct World {
    seats: Vec<usize>,
    /// Everyone who may vote: their facts, and the needs they fit.
    people: Vec<(Facts, Vec<bool>)>,
    rejections: usize,
}

impl World {
    fn all(&self) -> u32 {
        u32::try_from(self.seats.len()).unwrap()
    }

    fn seated(&self, who: impl Iterator<Item = usize>) -> u32 {
        let fits: Vec<_> = who.map(|person| self.people[person].1.clone()).collect();
        most_seated(&self.seats, &fits)
    }

    /// Goes through every continuation of `votes`, which led to `approval`.
    fn explore(&self, approval: &Arc<Approval>, votes: &mut Vec<(usize, bool)>, count: &mut Count) {
        for person in 0..self.people.len() {
            if votes.iter().any(|(voter, _)| *voter == person) {
                continue;
            }
            for yes in [true, false] {
                let decision = if yes { VoteDecision::Approve } else { VoteDecision::Reject };
                let facts = &self.people[person].0;
                let command = Command::Vote(vote(decision));
                let next = transition(Some(approval), &command, facts, at(1)).unwrap().next;
                votes.push((person, yes));
                count.votes += 1;
                self.check(&next, &facts.roster, votes, count);
                if next.decision.is_none() {
                    self.explore(&next, votes, count);
                }
                votes.pop();
            }
        }
    }

    fn check(&self, next: &Approval, roster: &Roster, votes: &[(usize, bool)], count: &mut Count) {
        let yeses = || votes.iter().filter(|(_, yes)| *yes).map(|(person, _)| *person);
        let noes = votes.iter().filter(|(_, yes)| !yes).count();
        let silent = (0..self.people.len()).filter(|p| votes.iter().all(|(voter, _)| voter != p));
        let seated = self.seated(yeses());
        let cause = next.decision.as_ref().map(|decision| (decision.status, &decision.cause));
        if noes >= self.rejections {
            assert_eq!(cause, Some((Status::Rejected, &Cause::Rejections)), "{next:?}");
            count.rejected += 1;
        } else if seated == self.all() {
            assert_eq!(cause, Some((Status::Approved, &Cause::NeedsMet)), "{next:?}");
            count.approved += 1;
        } else if self.seated(yeses().chain(silent)) < self.all() {
            assert!(
                matches!(cause, Some((Status::Rejected, Cause::Unreachable { .. }))),
                "{next:?}"
            );
            count.unreachable += 1;
        } else {
            assert_eq!(cause, None, "{next:?}");
            assert_eq!(next.remaining(roster).approvals, self.all() - seated, "{next:?}");
        }
    }
}

#[test]
fn every_small_world_ends_as_brute_force_says() {
    let mut count = Count::default();
    for policy in policies() {
        for roster in rosters() {
            explore_world(&policy, &roster, &mut count);
        }
    }
    // So that nobody shrinks the worlds without noticing.
    let expected = Count {
        worlds: 84 * 70,
        impossible: 3_392,
        votes: 166_576,
        approved: 46_640,
        rejected: 59_752,
        unreachable: 12_044,
    };
    assert_eq!(count, expected);
}

fn explore_world(policy: &FrozenPolicy, roster: &Roster, count: &mut Count) {
    let rules = &policy.document;
    let shared = Arc::new(roster.clone());
    let facts = |principal| Facts {
        principal,
        roster: Arc::clone(&shared),
        floor: Floor::default(),
        policy: Some(Arc::new(policy.clone())),
        known_keys: [key_id("runner")].into(),
        room: Room::default(),
        grants: Vec::new(),
        hold: None,
    };
    let people = roster.people.keys().map(|id| {
        let session = SessionFacts { member: *id, ..session("ana") };
        (facts(Principal::Session(session)), fits(rules, *id, roster, 0))
    });
    let world = World {
        seats: seats_of(rules),
        people: people.filter(|(_, fits)| fits.contains(&true)).collect(),
        rejections: usize::from(rules.rejections),
    };
    count.worlds += 1;
    let question = Command::Ask(Box::new(ask()));
    let asked = transition(None, &question, &facts(Principal::Key(bot())), at(0));
    if world.seated(0..world.people.len()) < world.all() {
        assert!(matches!(asked, Err(Refusal::Unsatisfiable { .. })), "{asked:?}");
        count.impossible += 1;
        return;
    }
    world.explore(&asked.unwrap().next, &mut Vec::new(), count);
}
