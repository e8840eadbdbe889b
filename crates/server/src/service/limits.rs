//! How much a caller has used of what it may, and who in the workspace has no room left.

use askfirst_core::limits::plan::approvers;
use askfirst_core::{Gauge, Holder, KeyId, Limit, Load, Overrun, Plan, Refusal, Scope, Timestamp};

use super::caller::ADMINS;
use super::{Caller, Result, Rights, Service, ServiceError};
use crate::crowd::{Stay, Who};
use crate::rates::{self, Pair, Rate};

/// One count, how far it may go, and when it begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// What is counted.
    pub limit: Limit,
    /// How many there are and may be.
    pub gauge: Gauge,
    /// When time alone empties it; none if it takes something to end.
    pub resets_at: Option<Timestamp>,
}

/// What is full, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// What is counted.
    pub limit: Limit,
    /// Whose count it is.
    pub of: Holder,
    /// Which key, if it is a key's.
    pub key: Option<KeyId>,
}

/// The limits as one caller sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Of the caller's own key.
    pub key: Vec<Level>,
    /// Of its workspace and environment.
    pub workspace: Vec<Level>,
    /// What its operator lets the workspace have; none for all that the server takes.
    pub plan: Option<Plan>,
    /// What is full: the caller's own, the workspace's, and to who manages keys, other keys'.
    pub over: Vec<Full>,
}

impl Service {
    /// Counts a request of this caller. People make theirs by hand and are not counted.
    ///
    /// # Errors
    /// [`Refusal::OverLimit`].
    pub fn admit(&self, caller: &Caller) -> Result<Option<Pair>> {
        let Some(key) = caller.key() else { return Ok(None) };
        let counted = self.rates.count(key, caller.place.workspace, self.store.now());
        counted.map(Some).map_err(over)
    }

    /// A place among those who wait, to be kept while waiting.
    ///
    /// # Errors
    /// [`Refusal::OverLimit`].
    pub fn stay(&self, caller: &Caller) -> Result<Stay> {
        self.crowd.join(who(caller), most_waiters(caller)).map_err(over)
    }

    /// How much this caller has used of what it may. `rates` are those of its request.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn limits(&self, caller: &Caller, rates: Option<Pair>) -> Result<Levels> {
        let now = self.store.now();
        let own = caller.key().map(|key| key.id);
        let room = self.store.room(caller.place, own).await?;
        let rate = |rate: Rate| Level {
            limit: Limit::RequestsPerMinute,
            gauge: rate.gauge,
            resets_at: (rate.gauge.used > 0).then(|| rates::later(now, rate.full_again_in)),
        };
        let counted = |load: Load| {
            let level = |limit, gauge, resets_at| Level { limit, gauge, resets_at };
            [
                level(Limit::Pending, load.pending, None),
                level(Limit::AsksPerMonth, load.asks_per_month, room.month_ends),
            ]
        };
        let mut key: Vec<Level> = Vec::new();
        if own.is_some() {
            key.extend(rates.map(|pair| rate(pair.key)));
            key.extend(counted(room.key));
            let gauge = self.crowd.of(who(caller), most_waiters(caller));
            key.push(Level { limit: Limit::Waiters, gauge, resets_at: None });
        }
        let mut workspace: Vec<Level> = Vec::new();
        workspace.extend(rates.map(|pair| rate(pair.workspace)));
        workspace.extend(counted(room.workspace));
        let plan = self.plan(caller).await?;
        if let Some(allowed) = plan.as_ref().and_then(|plan| plan.approvers) {
            let used = approvers(&*self.store.roster(caller.place.workspace).await?);
            let gauge = Gauge { used: used.into(), allowed: allowed.into() };
            workspace.push(Level { limit: Limit::Approvers, gauge, resets_at: None });
        }
        let over = self.full(caller, &key, &workspace).await?;
        Ok(Levels { key, workspace, plan, over })
    }

    /// The plan of the caller's workspace.
    pub(super) async fn plan(&self, caller: &Caller) -> Result<Option<Plan>> {
        let workspace = self.store.workspace(caller.place.workspace).await?;
        Ok(workspace.and_then(|workspace| workspace.plan))
    }

    async fn full(&self, caller: &Caller, key: &[Level], workspace: &[Level]) -> Result<Vec<Full>> {
        let own = caller.key().map(|key| key.id);
        let full = |levels: &[Level], of, key| {
            let full = levels.iter().filter(|level| level.gauge.is_full());
            full.map(|level| Full { limit: level.limit, of, key }).collect::<Vec<_>>()
        };
        let mut over = full(key, Holder::Key, own);
        over.extend(full(workspace, Holder::Workspace, None));
        if caller.need(Scope::Keys, ADMINS).is_ok() {
            for found in self.store.full_keys(caller.place).await? {
                let counts = [
                    (Limit::Pending, found.load.pending),
                    (Limit::AsksPerMonth, found.load.asks_per_month),
                ];
                let of = Holder::Key;
                for (limit, _) in counts.into_iter().filter(|(_, gauge)| gauge.is_full()) {
                    over.push(Full { limit, of, key: Some(found.key) });
                }
            }
        }
        Ok(over)
    }
}

fn most_waiters(caller: &Caller) -> Option<u32> {
    caller.key().and_then(|key| key.limits.waiters)
}

fn who(caller: &Caller) -> Who {
    match &caller.rights {
        Rights::Key(key) => Who::Key(key.id),
        Rights::Member { id, .. } | Rights::Link { member: id, .. } => Who::Member(*id),
    }
}

fn over(overrun: Overrun) -> ServiceError {
    ServiceError::Refused(Refusal::OverLimit(overrun))
}
