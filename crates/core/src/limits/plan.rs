//! What the operator lets one workspace have as a whole: asks in a month, approvers, kinds of
//! channels, how far back its audit log is read. A plan is data; who gives one is the operator.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Allowance;
use crate::policy::is_name;
use crate::{Problem, Role, Roster, Seconds, Timestamp};

/// What a plan is called: as policies are, 1 to 64 of a-z, 0-9, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PlanName(String);

/// A text that cannot name a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a plan's name has 1 to 64 of a-z, 0-9, '.', '_' and '-', and is not `none`")]
pub struct NoPlanName;

impl FromStr for PlanName {
    type Err = NoPlanName;
    fn from_str(text: &str) -> Result<Self, NoPlanName> {
        if is_name(text) && text != "none" { Ok(Self(text.into())) } else { Err(NoPlanName) }
    }
}

impl fmt::Display for PlanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PlanName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How much a workspace may have. What is absent is bounded by nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it is called.
    pub name: PlanName,
    /// Asks from the first of a month, in UTC, in each environment.
    #[serde(default)]
    pub asks_per_month: Option<u32>,
    /// People who may vote: everybody enabled but auditors, contacts among them.
    #[serde(default)]
    pub approvers: Option<u32>,
    /// Kinds of channels.
    #[serde(default)]
    pub channels: Option<BTreeSet<String>>,
    /// How many days back the audit log is read.
    #[serde(default)]
    pub audit_days: Option<u32>,
}

/// The plans that are there to begin with. Their numbers of asks and approvers, and their
/// channels, are those of Ambedo's page; the days are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// 50 asks a month, one approver.
    Free,
    /// 500 asks a month, three approvers.
    Starter,
    /// As much as the server takes.
    Pro,
}

impl Preset {
    /// Every preset, the smallest first.
    pub const ALL: [Self; 3] = [Self::Free, Self::Starter, Self::Pro];

    /// The name of its plan.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Starter => "starter",
            Self::Pro => "pro",
        }
    }

    /// The preset of this name.
    #[must_use]
    pub fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name)
    }

    /// It as a plan.
    #[must_use]
    pub fn plan(self) -> Plan {
        let mail = || Some(BTreeSet::from(["email".to_owned()]));
        let (asks, approvers, channels, days) = match self {
            Self::Free => (Some(50), Some(1), mail(), Some(7)),
            Self::Starter => (Some(500), Some(3), mail(), Some(30)),
            Self::Pro => (None, None, None, None),
        };
        Plan {
            name: PlanName(self.as_str().to_owned()),
            asks_per_month: asks,
            approvers,
            channels,
            audit_days: days,
        }
    }
}

/// Something that a plan has no room for. Time alone changes none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverPlan {
    /// Which plan.
    pub plan: PlanName,
    /// What it has no room for.
    pub what: Beyond,
}

/// What a plan has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// Another person who may vote.
    Approver {
        /// How many there are.
        used: u32,
        /// How many there may be.
        allowed: u32,
    },
    /// A channel of this kind.
    Channel {
        /// The kind.
        kind: String,
        /// The kinds that it has.
        allowed: BTreeSet<String>,
    },
    /// Entries of the audit log that are so old.
    Audit {
        /// For how many days they are read.
        days: u32,
        /// The first moment whose entries are read.
        from: Timestamp,
    },
}

impl fmt::Display for OverPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, what } = self;
        match what {
            Beyond::Approver { used, allowed } => write!(
                f,
                "this workspace has {used} who may vote and its plan, {plan}, has room for \
                 {allowed}; disable somebody or make them auditor first"
            ),
            Beyond::Channel { kind, allowed } if allowed.is_empty() => {
                write!(f, "this workspace's plan, {plan}, has no channels, and so none of {kind}")
            }
            Beyond::Channel { kind, allowed } => {
                let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
                let allowed = allowed.join(", ");
                write!(f, "this workspace's plan, {plan}, has no {kind} channel; it has {allowed}")
            }
            Beyond::Audit { days, from } => write!(
                f,
                "this workspace's plan, {plan}, reads the audit log {days} days back, from {from} \
                 on; older entries are kept"
            ),
        }?;
        f.write_str(", or ask whoever runs this server for another plan")
    }
}

impl std::error::Error for OverPlan {}

impl Plan {
    /// What makes no sense in it.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let numbers = [
            ("/asks_per_month", self.asks_per_month),
            ("/approvers", self.approvers),
            ("/audit_days", self.audit_days),
        ];
        let none = numbers.into_iter().filter(|(_, number)| *number == Some(0));
        let told = |(pointer, _): (&str, _)| Problem {
            pointer: pointer.into(),
            detail: "at least 1; leave it out for no bound".into(),
        };
        none.map(told).collect()
    }

    /// What a workspace with this plan may have open and ask for, where every one may have `all`;
    /// and whether the plan is what bounds its asks.
    #[must_use]
    pub fn tighten(&self, all: Allowance) -> (Allowance, bool) {
        match self.asks_per_month.map(u64::from) {
            Some(own) if own <= all.asks_per_month => {
                (Allowance { asks_per_month: own, ..all }, true)
            }
            _ => (all, false),
        }
    }

    /// Passes while there is room for one more who may vote.
    ///
    /// # Errors
    /// [`OverPlan`].
    pub fn room_for_approver(&self, roster: &Roster) -> Result<(), OverPlan> {
        let used = approvers(roster);
        match self.approvers {
            Some(allowed) if used >= allowed => Err(self.over(Beyond::Approver { used, allowed })),
            _ => Ok(()),
        }
    }

    /// Passes if it has channels of this kind.
    ///
    /// # Errors
    /// [`OverPlan`].
    pub fn room_for_channel(&self, kind: &str) -> Result<(), OverPlan> {
        match &self.channels {
            Some(allowed) if !allowed.contains(kind) => {
                Err(self.over(Beyond::Channel { kind: kind.into(), allowed: allowed.clone() }))
            }
            _ => Ok(()),
        }
    }

    /// The first moment whose audit entries are read at `now`; none reads all.
    #[must_use]
    pub fn audit_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.audit_days.map(|days| now.minus(Seconds(days.saturating_mul(24 * 3_600))))
    }

    /// Passes if audit entries as old as `since` are read at `now`.
    ///
    /// # Errors
    /// [`OverPlan`].
    pub fn reads_audit(&self, since: Timestamp, now: Timestamp) -> Result<(), OverPlan> {
        match (self.audit_days, self.audit_from(now)) {
            (Some(days), Some(from)) if since < from => {
                Err(self.over(Beyond::Audit { days, from }))
            }
            _ => Ok(()),
        }
    }

    fn over(&self, what: Beyond) -> OverPlan {
        OverPlan { plan: self.name.clone(), what }
    }
}

/// How many people may vote.
#[must_use]
pub fn approvers(roster: &Roster) -> u32 {
    let voting = roster.people.values().filter(|person| votes(person.role, person.enabled));
    u32::try_from(voting.count()).unwrap_or(u32::MAX)
}

/// Whether somebody of this role counts as an approver.
#[must_use]
pub const fn votes(role: Role, enabled: bool) -> bool {
    enabled && role.may_vote()
}
