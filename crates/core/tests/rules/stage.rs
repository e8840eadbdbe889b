//! The cast of the stories and the stage they act on.
//!
//! `ana` and `ben` are the group `sre`, `cal` is `security`, `dan` is in no group; all four are
//! approvers. `olga` owns the asking key `bot`. `ada` is an admin, `pia` edits policies and
//! `otis` is an auditor. The key `runner` may consume what `bot` asked for; `stranger` may not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askfirst_core::approval::event;
use askfirst_core::*;
use serde_json::{Value, json};

pub(crate) const DIGEST: Digest = Digest([7; 32]);
pub(crate) const OTHER_DIGEST: Digest = Digest([8; 32]);

/// A point in time: seconds after the question was put.
pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_893_456_000 + seconds)
}

fn bits(name: &str) -> u128 {
    name.bytes().fold(0, |bits, byte| bits << 8 | u128::from(byte))
}

pub(crate) fn member(name: &str) -> MemberId {
    MemberId::from_bits(bits(name))
}

pub(crate) fn key_id(name: &str) -> KeyId {
    KeyId::from_bits(bits(name))
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

pub(crate) fn person(name: &str) -> Actor {
    Actor::Member { id: member(name), email: email(name) }
}

pub(crate) fn named(name: &str) -> PolicyName {
    name.parse().unwrap()
}

/// The policy `deploys` with these fields; where they are silent, one `chat` vote of `sre`.
pub(crate) fn rules(fields: Value) -> FrozenPolicy {
    let mut document = json!({
        "name": "deploys",
        "needs": [{ "from": ["group:sre"] }],
        "assurance": "chat",
        "expires_in": 3600,
        "valid_for": 900,
    });
    let Value::Object(fields) = fields else { panic!("fields of a policy, please") };
    for (field, value) in fields {
        document[field] = value;
    }
    let document = serde_json::from_value(document).unwrap();
    FrozenPolicy { id: Some(PolicyId::from_bits(1)), version: 3, digest: OTHER_DIGEST, document }
}

pub(crate) fn key(name: &str, scopes: &[Scope]) -> KeyFacts {
    KeyFacts {
        id: key_id(name),
        label: name.into(),
        owner: member("olga"),
        member: None,
        scopes: scopes.iter().copied().collect(),
        policies: PolicyAllowance::Any,
        environment: Environment::Live,
        dialect: Dialect::Native,
        limits: KeyLimits::default(),
        standing: Standing::Good,
    }
}

/// The key that asks.
pub(crate) fn bot() -> KeyFacts {
    key("bot", &[Scope::Ask])
}

/// A key that votes as this person.
pub(crate) fn decide_key(name: &str) -> KeyFacts {
    let of_their_own = key(&format!("{name}-cli"), &[Scope::Decide]);
    KeyFacts { owner: member(name), member: Some(member(name)), ..of_their_own }
}

/// This person, signed in with a factor of their own.
pub(crate) fn session(name: &str) -> SessionFacts {
    SessionFacts { member: member(name), assurance: Assurance::Session, standing: Standing::Good }
}

/// This person, known less or more surely.
pub(crate) fn session_at(name: &str, assurance: Assurance) -> SessionFacts {
    SessionFacts { assurance, ..session(name) }
}

/// Who can act on the stage.
pub(crate) trait IntoPrincipal {
    fn principal(self) -> Principal;
}
impl IntoPrincipal for &str {
    fn principal(self) -> Principal {
        Principal::Session(session(self))
    }
}
impl IntoPrincipal for SessionFacts {
    fn principal(self) -> Principal {
        Principal::Session(self)
    }
}
impl IntoPrincipal for KeyFacts {
    fn principal(self) -> Principal {
        Principal::Key(self)
    }
}
impl IntoPrincipal for Principal {
    fn principal(self) -> Principal {
        self
    }
}

pub(crate) fn vote(decision: VoteDecision) -> CastVote {
    CastVote {
        decision,
        on_behalf_of: None,
        action_digest: DIGEST,
        shown_digest: None,
        comment: None,
        edits: None,
        answer: None,
        grant: None,
    }
}

pub(crate) fn inquire() -> Command {
    Command::Inquire { action_digest: DIGEST, question: "why now?".into() }
}

pub(crate) fn reply(number: u32) -> Command {
    Command::Reply { number, text: "because".into() }
}

pub(crate) fn consume() -> Command {
    Command::Consume { action_digest: DIGEST }
}

pub(crate) fn revoke() -> Command {
    Command::Revoke { reason: None }
}

pub(crate) fn cancel() -> Command {
    Command::Cancel { reason: None }
}

pub(crate) fn report(status: OutcomeStatus) -> Command {
    Command::Report { status, note: None }
}

/// A question under the saved policy `deploys`.
pub(crate) fn ask() -> Ask {
    Ask {
        id: ApprovalId::from_bits(42),
        workspace: WorkspaceId::from_bits(1),
        environment: Environment::Live,
        action: Arc::new(Action {
            name: "deploy.production".into(),
            title: "Deploy v2.1?".into(),
            arguments: json!({ "version": "2.1", "share": 0.1 }),
            target: Some("prod-eu".into()),
        }),
        action_digest: DIGEST,
        editable: Vec::new(),
        answer_schema: None,
        reason: Some("all checks are green".into()),
        priority: Priority::Normal,
        agent: None,
        metadata: json!({ "commit": "a3f9b2e" }),
        policy: PolicyChoice::Named(named("deploys")),
        expires_in: None,
        callback_url: None,
        told_by: None,
        pass_on: None,
        valid_for: None,
        consumers: vec![key_id("runner")],
    }
}

/// What an act led to: the names of its events, or why not.
pub(crate) type Told = Result<Vec<&'static str>, Refusal>;

/// People, rules and a clock; and the approval, once it was asked for.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) roster: Roster,
    pub(crate) floor: Floor,
    pub(crate) saved: Option<Arc<FrozenPolicy>>,
    pub(crate) now: Timestamp,
    pub(crate) approval: Option<Arc<Approval>>,
    pub(crate) log: Vec<Event>,
    pub(crate) room: Room,
    /// Whatever was granted so far, with its uses.
    pub(crate) grants: Vec<Grant>,
    pub(crate) hold: Option<Hold>,
}

impl Stage {
    /// Everyone in place, nothing asked yet; `deploys` has these rules.
    pub(crate) fn new(saved: FrozenPolicy) -> Self {
        let cast = [
            ("ana", Role::Approver),
            ("ben", Role::Approver),
            ("cal", Role::Approver),
            ("dan", Role::Approver),
            ("olga", Role::Approver),
            ("ada", Role::Admin),
            ("pia", Role::PolicyEditor),
            ("otis", Role::Auditor),
        ];
        let people = cast.map(|(name, role)| {
            let person = Person { email: email(name), name: name.into(), role, enabled: true };
            (member(name), person)
        });
        let groups = BTreeMap::from([
            ("sre".to_owned(), BTreeSet::from([member("ana"), member("ben")])),
            ("security".to_owned(), BTreeSet::from([member("cal")])),
        ]);
        Self {
            roster: Roster { people: BTreeMap::from(people), groups, delegations: BTreeMap::new() },
            floor: Floor::default(),
            saved: Some(Arc::new(saved)),
            now: at(0),
            approval: None,
            log: Vec::new(),
            room: Room::default(),
            grants: Vec::new(),
            hold: None,
        }
    }

    /// The question was put under these rules, by `bot`, at second 0.
    pub(crate) fn asked(fields: Value) -> Self {
        let mut stage = Self::new(rules(fields));
        assert_eq!(stage.ask(ask()), Ok(vec!["asked"]));
        stage
    }

    /// Under the usual rules, and `ana` said yes at second 10.
    pub(crate) fn approved() -> Self {
        let mut stage = Self::asked(json!({}));
        stage.now = at(10);
        assert_eq!(stage.approve("ana"), Ok(vec!["voted", "approved"]));
        stage
    }

    pub(crate) fn facts(&self, who: Principal) -> Facts {
        Facts {
            principal: who,
            roster: Arc::new(self.roster.clone()),
            floor: self.floor,
            policy: self.saved.clone(),
            known_keys: BTreeSet::from([key_id("bot"), key_id("runner")]),
            room: self.room.clone(),
            grants: self.grants.iter().cloned().map(Arc::new).collect(),
            hold: self.hold.clone(),
        }
    }

    /// Runs one command; what holds for every transition is checked on the way.
    pub(crate) fn act(&mut self, who: impl IntoPrincipal, command: Command) -> Told {
        let facts = self.facts(who.principal());
        let current = self.approval.as_ref();
        let answer = transition(current, &command, &facts, self.now);
        assert_eq!(answer, transition(current, &command, &facts, self.now), "not deterministic");
        let done = answer?;
        let mut folded = self.approval.clone();
        for event in &done.events {
            let text = serde_json::to_string(event).unwrap();
            let read: Event = serde_json::from_str(&text).unwrap();
            assert_eq!(&read, event, "an event is read back as it was written");
            folded = Some(event::apply(folded, &read).unwrap());
        }
        assert_eq!(folded.as_ref(), Some(&done.next), "the events do not give the next state");
        let text = serde_json::to_string(&done.next).unwrap();
        let read = serde_json::from_str(&text).unwrap();
        self.approval = Some(read);
        assert_eq!(folded, self.approval, "an approval is read back as it was written");
        self.keep_grants(&done.events);
        let names = done.events.iter().map(Event::name).collect();
        self.log.extend(done.events);
        Ok(names)
    }

    /// As a store does.
    fn keep_grants(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Granted { grant } => self.grants.push(grant.clone()),
                Event::Voted { vote: Vote { via: Via::Grant(id), .. } } => {
                    let used = self.grants.iter_mut().find(|grant| grant.id == *id);
                    used.unwrap_or_else(|| panic!("nobody granted {id}")).used += 1;
                }
                _ => {}
            }
        }
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> Told {
        self.act(bot(), Command::Ask(Box::new(ask)))
    }

    pub(crate) fn approve(&mut self, who: impl IntoPrincipal) -> Told {
        self.act(who, Command::Vote(vote(VoteDecision::Approve)))
    }

    pub(crate) fn reject(&mut self, who: impl IntoPrincipal) -> Told {
        self.act(who, Command::Vote(vote(VoteDecision::Reject)))
    }

    pub(crate) fn expire(&mut self) -> Told {
        self.act(Principal::System, Command::Expire)
    }

    pub(crate) fn approval(&self) -> &Approval {
        self.approval.as_ref().unwrap_or_else(|| panic!("nothing was asked"))
    }

    pub(crate) fn decision(&self) -> &Decision {
        let decision = self.approval().decision.as_ref();
        decision.unwrap_or_else(|| panic!("nothing was decided"))
    }

    /// Votes still missing, as the people are now.
    pub(crate) fn missing(&self) -> u32 {
        self.approval().remaining(&self.roster).approvals
    }

    pub(crate) fn status(&self) -> Status {
        self.approval().status_at(self.now)
    }

    pub(crate) fn join(&mut self, name: &str, group: &str) {
        self.roster.groups.entry(group.into()).or_default().insert(member(name));
    }

    pub(crate) fn leave(&mut self, name: &str, group: &str) {
        self.roster.groups.entry(group.into()).or_default().remove(&member(name));
    }

    fn person(&mut self, name: &str) -> &mut Person {
        let person = self.roster.people.get_mut(&member(name));
        person.unwrap_or_else(|| panic!("{name} is not in the cast"))
    }

    pub(crate) fn disable(&mut self, name: &str) {
        self.person(name).enabled = false;
    }

    pub(crate) fn enable(&mut self, name: &str) {
        self.person(name).enabled = true;
    }

    /// From now on, for so many seconds.
    pub(crate) fn delegate(&mut self, from: &str, to: &str, seconds: i64) {
        let until = Timestamp::from_micros(self.now.micros() + seconds * 1_000_000);
        let given = Delegation { to: member(to), since: self.now, until };
        self.roster.delegations.insert(member(from), given);
    }

    pub(crate) fn make(&mut self, name: &str, role: Role) {
        self.person(name).role = role;
    }
}
