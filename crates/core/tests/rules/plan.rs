//! Random worlds: a few people, a policy, and what everybody tries one after the other.

use askfirst_core::*;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::stage::*;

pub(crate) const NAMES: [&str; 6] = ["ana", "ben", "cal", "dan", "eve", "fay"];
const GROUPS: [&str; 3] = ["a", "b", "c"];

/// Someone of the world, whatever its size turns out to be.
type Someone = Index;

#[derive(Clone, Debug)]
pub(crate) enum Who {
    Session(Someone, Assurance),
    SignedOut(Someone, Standing),
    DecideKey(Someone),
    /// By a link, for this approval or for another.
    Link(Someone, bool),
    Asker,
    /// The asking key, should it ever have got the right to decide.
    MightyAsker(Someone),
    Runner,
    Stranger,
    System,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Toggle(Someone),
    Move(Someone, Index),
    Promote(Someone, Role),
    /// Hands votes over from now on, for so many seconds.
    Delegate(Someone, Someone, i64),
    Floor(Floor),
}

/// Somebody tries something, some seconds after the last.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) wait: i64,
    pub(crate) change: Option<Change>,
    pub(crate) who: Who,
    pub(crate) command: Command,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    people: Vec<(Role, bool, u8)>,
    policy: Value,
    floor: Floor,
    owner: Someone,
    /// Who is away for the first minute, and who votes in their place.
    away: Vec<(Someone, Someone)>,
    pub(crate) steps: Vec<Step>,
}

impl Plan {
    /// The world before anything was asked.
    pub(crate) fn stage(&self) -> Stage {
        let mut stage = Stage::new(rules(self.policy.clone()));
        stage.floor = self.floor;
        stage.roster = Roster::default();
        for (name, (role, enabled, groups)) in NAMES.iter().zip(&self.people) {
            let (role, enabled) = (*role, *enabled);
            let person = Person { email: email(name), name: (*name).into(), role, enabled };
            stage.roster.people.insert(member(name), person);
            for (bit, group) in GROUPS.iter().enumerate() {
                if groups >> bit & 1 == 1 {
                    stage.join(name, group);
                }
            }
        }
        for (from, to) in &self.away {
            let (from, to) = (self.name(*from), self.name(*to));
            if from != to {
                stage.delegate(from, to, 60);
            }
        }
        stage
    }

    pub(crate) fn name(&self, someone: Someone) -> &'static str {
        NAMES[someone.index(self.people.len())]
    }

    pub(crate) fn asker(&self) -> KeyFacts {
        KeyFacts { owner: member(self.name(self.owner)), ..bot() }
    }

    pub(crate) fn principal(&self, who: &Who) -> Principal {
        let owned = |key: KeyFacts| KeyFacts { owner: member(self.name(self.owner)), ..key };
        match who {
            Who::Session(someone, sure) => session_at(self.name(*someone), *sure).principal(),
            Who::SignedOut(someone, standing) => {
                SessionFacts { standing: *standing, ..session(self.name(*someone)) }.principal()
            }
            Who::DecideKey(someone) => decide_key(self.name(*someone)).principal(),
            Who::Link(someone, this) => Principal::Link(LinkFacts {
                member: member(self.name(*someone)),
                approval: ApprovalId::from_bits(if *this { 42 } else { 43 }),
                assurance: Assurance::Link,
                way: LinkWay::Url,
                standing: Standing::Good,
            }),
            Who::Asker => self.asker().principal(),
            Who::MightyAsker(someone) => {
                let scopes = Scope::ALL.into_iter().collect();
                let member = Some(member(self.name(*someone)));
                KeyFacts { scopes, member, ..self.asker() }.principal()
            }
            Who::Runner => owned(key("runner", &[Scope::Ask])).principal(),
            Who::Stranger => owned(key("stranger", &[Scope::Ask])).principal(),
            Who::System => Principal::System,
        }
    }

    /// Moves the world on to where the step is tried.
    pub(crate) fn prepare(&self, stage: &mut Stage, step: &Step) {
        stage.now = Timestamp::from_micros(stage.now.micros() + step.wait * 1_000_000);
        match &step.change {
            None => {}
            Some(Change::Floor(floor)) => stage.floor = *floor,
            Some(Change::Delegate(from, to, seconds)) => {
                let (from, to) = (self.name(*from), self.name(*to));
                if from != to {
                    stage.delegate(from, to, *seconds);
                }
            }
            Some(Change::Promote(someone, role)) => stage.make(self.name(*someone), *role),
            Some(Change::Toggle(someone)) => {
                let name = self.name(*someone);
                if stage.roster.people[&member(name)].enabled {
                    stage.disable(name);
                } else {
                    stage.enable(name);
                }
            }
            Some(Change::Move(someone, group)) => {
                let (name, group) = (self.name(*someone), GROUPS[group.index(GROUPS.len())]);
                if stage.roster.groups.get(group).is_some_and(|ids| ids.contains(&member(name))) {
                    stage.leave(name, group);
                } else {
                    stage.join(name, group);
                }
            }
        }
    }
}

fn assurance() -> impl Strategy<Value = Assurance> {
    prop_oneof![
        6 => Just(Assurance::Session),
        2 => Just(Assurance::Passkey),
        2 => prop::sample::select(Assurance::ALL.to_vec()),
    ]
}

fn floor() -> impl Strategy<Value = Floor> {
    let least = prop_oneof![
        4 => Just(Assurance::Bearer),
        1 => prop::sample::select(Assurance::ALL.to_vec()),
    ];
    (least, prop::bool::weighted(0.15))
        .prop_map(|(assurance, separate_owner)| Floor { assurance, separate_owner })
}

fn need() -> impl Strategy<Value = Value> {
    let sources = [
        "group:a",
        "group:b",
        "group:c",
        "members",
        "member:ana@example.com",
        "member:BEN@example.com",
        "contact:ana@example.com",
        "contact:dan@example.com",
    ];
    let from = prop::sample::subsequence(sources.to_vec(), 1..=2);
    let count = prop_oneof![5 => Just(1), 1 => Just(2)];
    (from, count).prop_map(|(from, count)| json!({ "from": from, "count": count }))
}

fn policy() -> impl Strategy<Value = Value> {
    let least = prop_oneof![
        5 => Just("key"),
        2 => Just("chat"),
        1 => Just("session"),
        1 => Just("passkey"),
    ];
    let needs = prop::collection::vec(need(), 1..=3_usize);
    let silence = prop::sample::select(vec!["expire", "reject"]);
    let step = prop::sample::select(vec!["group:a", "group:c", "member:cal@example.com"]);
    let steps = prop::collection::vec(step, 0..=2_usize).prop_map(|steps| {
        let step = |(at, who)| json!({ "after": 7 + 20 * at, "add": [who] });
        Value::from_iter((0_u32..).zip(steps).map(step))
    });
    (needs, 1..=3_u16, least, prop::bool::weighted(0.2), silence, steps).prop_map(
        |(needs, rejections, assurance, owner, on_timeout, steps)| {
            json!({
                "needs": needs,
                "rejections": rejections,
                "assurance": assurance,
                "separate": { "owner": owner },
                "expires_in": 100,
                "on_timeout": on_timeout,
                "steps": steps,
                "valid_for": 60,
            })
        },
    )
}

fn voter() -> impl Strategy<Value = Who> {
    prop_oneof![
        3 => (any::<Someone>(), assurance()).prop_map(|(who, sure)| Who::Session(who, sure)),
        1 => any::<Someone>().prop_map(Who::DecideKey),
        1 => (any::<Someone>(), prop::bool::weighted(0.8)).prop_map(|(who, this)| Who::Link(who, this)),
    ]
}

fn anyone() -> impl Strategy<Value = Who> {
    let standing = prop::sample::select(vec![Standing::Revoked, Standing::Expired]);
    prop_oneof![
        4 => voter(),
        1 => (any::<Someone>(), standing).prop_map(|(who, why)| Who::SignedOut(who, why)),
        2 => Just(Who::Asker),
        1 => any::<Someone>().prop_map(Who::MightyAsker),
        1 => Just(Who::Runner),
        1 => Just(Who::Stranger),
        1 => Just(Who::System),
    ]
}

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![9 => Just(DIGEST), 1 => Just(OTHER_DIGEST)]
}

fn answer() -> impl Strategy<Value = Command> {
    let decision = prop_oneof![5 => Just(VoteDecision::Approve), 1 => Just(VoteDecision::Reject)];
    (decision, digest()).prop_map(|(decision, action_digest)| {
        Command::Vote(CastVote { action_digest, ..vote(decision) })
    })
}

/// Sends it to the one or the other target, whichever it was meant for before.
fn edit() -> impl Strategy<Value = Command> {
    let target = prop::sample::select(vec![("prod-eu", DIGEST), ("prod-us", OTHER_DIGEST)]);
    let decision = prop_oneof![9 => Just(VoteDecision::Approve), 1 => Just(VoteDecision::Reject)];
    (target, decision, prop::sample::select(vec![DIGEST, OTHER_DIGEST])).prop_map(
        |((target, digest), decision, action_digest)| {
            let changes = [("/target".parse().unwrap(), json!(target))].into();
            let edits = Some(Edits { changes, digest });
            Command::Vote(CastVote { action_digest, edits, ..vote(decision) })
        },
    )
}

fn using() -> impl Strategy<Value = Command> {
    let status = prop::sample::select(vec![OutcomeStatus::Succeeded, OutcomeStatus::Failed]);
    prop_oneof![
        3 => digest().prop_map(|action_digest| Command::Consume { action_digest }),
        2 => status.prop_map(report),
    ]
}

/// Mostly what makes sense, now and then anything by anyone.
fn attempt() -> impl Strategy<Value = (Who, Command)> {
    let asking_back = prop_oneof![Just(inquire()), (1..4_u32).prop_map(reply)];
    let anything = prop_oneof![
        4 => answer(),
        1 => asking_back,
        2 => using(),
        1 => Just(cancel()),
        1 => Just(Command::Expire),
        1 => Just(revoke()),
    ];
    prop_oneof![
        24 => (voter(), answer()),
        8 => (prop_oneof![Just(Who::Asker), Just(Who::Runner)], using()),
        4 => (voter(), edit()),
        3 => (voter(), Just(revoke())),
        4 => (voter(), Just(inquire())),
        4 => (Just(Who::Asker), (1..4_u32).prop_map(reply)),
        2 => Just((Who::System, Command::Expire)),
        2 => Just((Who::System, Command::Escalate)),
        1 => (voter(), Just(Command::Look)),
        16 => (anyone(), anything),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any::<Someone>().prop_map(Change::Toggle),
        4 => any::<(Someone, Index)>().prop_map(|(who, group)| Change::Move(who, group)),
        1 => (any::<Someone>(), prop::sample::select(Role::ALL.to_vec()))
            .prop_map(|(who, role)| Change::Promote(who, role)),
        3 => (any::<(Someone, Someone)>(), 1..80_i64)
            .prop_map(|((from, to), seconds)| Change::Delegate(from, to, seconds)),
        1 => floor().prop_map(Change::Floor),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let wait = prop_oneof![8 => Just(0), 8 => 1..8_i64, 1 => 30..120_i64];
    (wait, prop::option::weighted(0.1, change()), attempt())
        .prop_map(|(wait, change, (who, command))| Step { wait, change, who, command })
}

/// Any world with any course of events.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let role = prop_oneof![
        8 => Just(Role::Approver),
        2 => prop::sample::select(Role::ALL.to_vec()),
    ];
    let person = (role, prop::bool::weighted(0.95), 0..8_u8);
    let size = prop_oneof![1 => 1..=2_usize, 5 => 3..=NAMES.len()];
    let people = size.prop_flat_map(move |size| prop::collection::vec(person.clone(), size));
    let steps = prop::collection::vec(step(), 1..32);
    let away = prop::collection::vec(any::<(Someone, Someone)>(), 0..=2_usize);
    (people, policy(), floor(), any::<Someone>(), away, steps).prop_map(
        |(people, policy, floor, owner, away, steps)| Plan {
            people,
            policy,
            floor,
            owner,
            away,
            steps,
        },
    )
}
