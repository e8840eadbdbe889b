//! What the rules need to know about the world at the moment of a command.
//! The store reads these in the transaction that will record the outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    Actor, ApprovalId, Assurance, Dialect, Environment, FrozenPolicy, Grant, Hold, KeyId,
    KeyLimits, MemberId, PolicyAllowance, Role, Room, Scope, Timestamp,
};

/// Whether a credential may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// Someone took it back.
    Revoked,
    /// Its time is over.
    Expired,
    /// The person behind it is disabled or gone.
    Disabled,
}

/// A key as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key.
    pub id: KeyId,
    /// Its name.
    pub label: String,
    /// The member who answers for it.
    pub owner: MemberId,
    /// The member as whom a decide key votes.
    pub member: Option<MemberId>,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Under which policies it may ask.
    pub policies: PolicyAllowance,
    /// The environment it belongs to.
    pub environment: Environment,
    /// Which API it speaks.
    pub dialect: Dialect,
    /// How much it may ask, where that is less than every key may.
    pub limits: KeyLimits,
    /// Whether it may still be used.
    pub standing: Standing,
}

/// A signed-in browser as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// Who is signed in.
    pub member: MemberId,
    /// How surely.
    pub assurance: Assurance,
    /// Whether it may still be used.
    pub standing: Standing,
}

/// A link by which one person decides one approval, as it stands now. Whoever holds it may be
/// somebody else. The buttons of a card are one too, and only who they were sent to can press them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    /// Whose it is.
    pub member: MemberId,
    /// The only approval that it is good for.
    pub approval: ApprovalId,
    /// What its votes are worth: no more than a link, or, if the asker was given it, than a
    /// bearer's; by a chat no more than the account that was linked.
    pub assurance: Assurance,
    /// By which way it came to them.
    pub way: LinkWay,
    /// Whether it may still be used.
    pub standing: Standing,
}

/// What a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkWay {
    /// An address that opens a page.
    Url,
    /// The buttons of a card on Telegram.
    Telegram {
        /// Whether it had one to approve.
        approves: bool,
    },
}

/// The credential behind a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A program.
    Key(KeyFacts),
    /// A person.
    Session(SessionFacts),
    /// A person, by a link for one approval.
    Link(LinkFacts),
    /// The server itself: a timer, or the operator's console.
    System,
}

/// A member as the rules see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Unique in the workspace.
    pub email: String,
    /// What to call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// False once removed.
    pub enabled: bool,
}

/// Who votes in somebody's place for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// The delegate.
    pub to: MemberId,
    /// From when on.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Delegation {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

/// The people of a workspace and their groups, now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Everyone, also who is disabled.
    pub people: BTreeMap<MemberId, Person>,
    /// Who is in which group.
    pub groups: BTreeMap<String, BTreeSet<MemberId>>,
    /// Who has handed their votes to whom; also what is over or still to come.
    pub delegations: BTreeMap<MemberId, Delegation>,
}

impl Roster {
    /// The member, if they are enabled and of a role that votes.
    #[must_use]
    pub fn voter(&self, id: MemberId) -> Option<&Person> {
        self.people.get(&id).filter(|person| person.enabled && person.role.may_vote())
    }

    /// Whether `from` has handed their votes to `to` now.
    #[must_use]
    pub fn delegated(&self, from: MemberId, to: MemberId, now: Timestamp) -> bool {
        self.delegations.get(&from).is_some_and(|given| given.to == to && given.holds(now))
    }

    /// For whom this member votes now, besides themselves.
    pub fn delegators(&self, to: MemberId, now: Timestamp) -> impl Iterator<Item = MemberId> {
        let given =
            self.delegations.iter().filter(move |(_, given)| given.to == to && given.holds(now));
        given.map(|(from, _)| *from)
    }

    /// The member's address, or their id if they are unknown.
    #[must_use]
    pub fn email(&self, id: MemberId) -> String {
        self.people.get(&id).map_or_else(|| id.to_string(), |person| person.email.clone())
    }

    /// The member as they stand in the record.
    #[must_use]
    pub fn actor(&self, id: MemberId) -> Actor {
        Actor::Member { id, email: self.email(id) }
    }
}

/// What holds for every approval of a workspace, whatever its policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floor {
    /// The least a vote must have.
    pub assurance: Assurance,
    /// Keeps the owner of the asking key out of every approval.
    pub separate_owner: bool,
}

impl Default for Floor {
    fn default() -> Self {
        Self { assurance: Assurance::Bearer, separate_owner: false }
    }
}

/// Everything a transition may look at besides the approval and the command.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Who gives the command.
    pub principal: Principal,
    /// The people, now.
    pub roster: Arc<Roster>,
    /// The workspace's floor, now.
    pub floor: Floor,
    /// For an ask: the policy it chose, in its newest version; none if there is no such policy.
    pub policy: Option<Arc<FrozenPolicy>>,
    /// For an ask: which of the consumers it names are keys of this workspace and environment.
    pub known_keys: BTreeSet<KeyId>,
    /// For an ask: the room there is for it.
    pub room: Room,
    /// For an ask, a vote or an erasure: the grants for the asking key that were not taken back, oldest
    /// first.
    pub grants: Vec<Arc<Grant>>,
    /// Why nothing of the workspace may be erased, while somebody says so.
    pub hold: Option<Hold>,
}

impl Facts {
    /// The one who acts, as they stand in the record.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.principal {
            Principal::Key(key) => match key.member {
                Some(member) => self.roster.actor(member),
                None => Actor::Key { id: key.id, label: key.label.clone() },
            },
            Principal::Session(session) => self.roster.actor(session.member),
            Principal::Link(link) => self.roster.actor(link.member),
            Principal::System => Actor::System,
        }
    }

    /// Whether the credential, and the person behind it, may still be used.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let (standing, person) = match &self.principal {
            Principal::Key(key) => (key.standing, key.member.unwrap_or(key.owner)),
            Principal::Session(session) => (session.standing, session.member),
            Principal::Link(link) => (link.standing, link.member),
            Principal::System => return Standing::Good,
        };
        let enabled = self.roster.people.get(&person).is_some_and(|person| person.enabled);
        if standing == Standing::Good && !enabled { Standing::Disabled } else { standing }
    }
}
