//! How much a key, and a workspace as a whole, may have at a time: what is counted, by which
//! names, and when an ask is one too many. Counting belongs to the callers.

pub mod plan;

use serde::{Deserialize, Serialize};

use crate::{Refusal, Seconds, Timestamp};

pub use plan::{Beyond, OverPlan, Plan, PlanName, Preset};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Requests with a key, refilled all the time.
    RequestsPerMinute,
    /// Approvals that nobody has decided yet.
    Pending,
    /// Requests that wait for something to happen.
    Waiters,
    /// Asks since the first of the month, in UTC.
    AsksPerMonth,
    /// People who may vote.
    Approvers,
}

impl Limit {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestsPerMinute => "requests_per_minute",
            Self::Pending => "pending",
            Self::Waiters => "waiters",
            Self::AsksPerMonth => "asks_per_month",
            Self::Approvers => "approvers",
        }
    }
}

/// Whose count it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// One key's.
    Key,
    /// One signed-in person's.
    Member,
    /// Everyone's in the workspace and environment.
    Workspace,
    /// Everyone's on this server.
    Server,
}

impl Holder {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Member => "member",
            Self::Workspace => "workspace",
            Self::Server => "server",
        }
    }
}

/// One count and how far it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub allowed: u64,
}

impl Gauge {
    /// Whether another one would be too many.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.used >= self.allowed
    }
}

impl Default for Gauge {
    fn default() -> Self {
        Self { used: 0, allowed: u64::MAX }
    }
}

/// How many asks a holder may have open, and put in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Open at a time.
    pub pending: u64,
    /// From the first of a month to its last day, in UTC.
    pub asks_per_month: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { pending: u64::MAX, asks_per_month: u64::MAX }
    }
}

/// What one key may have, where that is less than every key of the server may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyLimits {
    /// Requests in a minute.
    #[serde(default)]
    pub requests_per_minute: Option<u32>,
    /// Undecided approvals.
    #[serde(default)]
    pub pending: Option<u32>,
    /// Requests that wait.
    #[serde(default)]
    pub waiters: Option<u32>,
    /// Asks from the first of a month.
    #[serde(default)]
    pub asks_per_month: Option<u32>,
}

impl KeyLimits {
    /// Every limit with its number, if it has one.
    #[must_use]
    pub const fn each(&self) -> [(Limit, Option<u32>); 4] {
        [
            (Limit::RequestsPerMinute, self.requests_per_minute),
            (Limit::Pending, self.pending),
            (Limit::Waiters, self.waiters),
            (Limit::AsksPerMonth, self.asks_per_month),
        ]
    }

    /// What a key with these may have open and ask for, where every key may have `all`.
    #[must_use]
    pub fn tighten(&self, all: Allowance) -> Allowance {
        let least = |own: Option<u32>, all: u64| own.map_or(all, |own| all.min(own.into()));
        Allowance {
            pending: least(self.pending, all.pending),
            asks_per_month: least(self.asks_per_month, all.asks_per_month),
        }
    }
}

/// The allowances of every key and every workspace of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowances {
    /// Of each key.
    pub key: Allowance,
    /// Of each workspace, in each of its environments.
    pub workspace: Allowance,
}

/// What a holder has of what an ask counts towards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Approvals that nobody has decided yet.
    pub pending: Gauge,
    /// Asks of this month.
    pub asks_per_month: Gauge,
}

/// The room there is for another ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Of the asking key.
    pub key: Load,
    /// Of its workspace and environment.
    pub workspace: Load,
    /// When the month's counts begin anew.
    pub month_ends: Option<Timestamp>,
    /// The workspace's plan, where that is what bounds its asks of a month.
    pub plan: Option<PlanName>,
}

/// A count that is full, with its particulars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// What is counted.
    pub limit: Limit,
    /// Whose count it is.
    pub of: Holder,
    /// How many there may be.
    pub allowed: u64,
    /// How many there are.
    pub used: u64,
    /// When there is room again, if time alone makes room.
    pub resets_at: Option<Timestamp>,
    /// After how long it is worth trying again.
    pub retry_after: Seconds,
    /// The plan that says so, where it is one.
    pub plan: Option<PlanName>,
}

/// How soon to try again where something has to end first, which nobody knows when it will.
pub const TRY_SOON: Seconds = Seconds(5);

impl std::fmt::Display for Overrun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { of, allowed, used, .. } = self;
        let of = match of {
            Holder::Key => "this key",
            Holder::Member => "this member",
            Holder::Workspace => "this workspace",
            Holder::Server => "this server",
        };
        match self.limit {
            Limit::RequestsPerMinute => write!(f, "{of} may make {allowed} requests a minute"),
            Limit::Pending => {
                write!(f, "{of} has {used} pending approvals and may have {allowed}")?;
                f.write_str("; another can be asked when one of them has ended")
            }
            Limit::Waiters => {
                write!(f, "{of} has {used} requests waiting and may have {allowed}")?;
                f.write_str("; read without waiting, or wait for fewer at a time")
            }
            Limit::AsksPerMonth => {
                write!(f, "{of} has asked {used} times this month and may ask {allowed} times")
            }
            Limit::Approvers => write!(f, "{of} has {used} approvers and may have {allowed}"),
        }?;
        if let Some(plan) = &self.plan {
            write!(f, " under its plan, {plan}")?;
        }
        self.resets_at.map_or(Ok(()), |at| write!(f, "; there is room again at {at}"))
    }
}

impl Room {
    /// Passes while there is room for one more at `now`.
    ///
    /// # Errors
    /// [`Refusal::OverLimit`] with the first count that is full, the key's own before the
    /// workspace's.
    pub fn for_one_more(&self, now: Timestamp) -> Result<(), Refusal> {
        for (of, load) in [(Holder::Key, self.key), (Holder::Workspace, self.workspace)] {
            let counts = [
                (Limit::Pending, load.pending, None),
                (Limit::AsksPerMonth, load.asks_per_month, self.month_ends),
            ];
            for (limit, gauge, resets_at) in counts {
                if !gauge.is_full() {
                    continue;
                }
                let Gauge { used, allowed } = gauge;
                let retry_after = resets_at.map_or(TRY_SOON, |at| until(now, at));
                let bounds = (of, limit) == (Holder::Workspace, Limit::AsksPerMonth);
                let plan = self.plan.clone().filter(|_| bounds);
                let full = Overrun { limit, of, allowed, used, resets_at, retry_after, plan };
                return Err(Refusal::OverLimit(full));
            }
        }
        Ok(())
    }
}

/// Whole seconds from `now` to `at`, rounded up.
fn until(now: Timestamp, at: Timestamp) -> Seconds {
    let micros = at.micros().saturating_sub(now.micros()).max(0);
    Seconds(u32::try_from(micros.saturating_add(999_999) / 1_000_000).unwrap_or(u32::MAX))
}
