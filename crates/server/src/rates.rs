//! How fast keys and workspaces make requests, counted in this process. What they may have open
//! is counted by the store.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use askfirst_core::{
    Gauge, Holder, KeyFacts, KeyId, Limit, Overrun, Scope, Seconds, Timestamp, WorkspaceId,
};
use askfirst_store::Clock;
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::limits::Limits;

/// How fast each of many makes something.
pub(crate) type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, Pace, StateInformationMiddleware>;

/// The clock that refills: one that never jumps, for a machine's clock that was set back would
/// refill nothing for as long.
#[derive(Clone)]
pub(crate) struct Pace(Arc<dyn Clock>);

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }
}

impl governor::clock::Clock for Pace {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(self.0.now().micros().max(0).unsigned_abs())
    }
}

/// How much of a minute's requests is used, and how long until none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests that are not refilled yet.
    pub gauge: Gauge,
    /// Until all of them are.
    pub full_again_in: Duration,
}

/// The rates behind one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The key's.
    pub key: Rate,
    /// The workspace's.
    pub workspace: Rate,
}

/// All rates.
pub struct Rates {
    pace: Pace,
    keys: Limiter<KeyId>,
    /// Keys with a rate of their own, by that.
    special: Mutex<HashMap<u32, Arc<Limiter<KeyId>>>>,
    most_per_key: u32,
    workspaces: Limiter<WorkspaceId>,
    /// Who decides is counted apart, so that no number of asks keeps anyone from it.
    deciders: Limiter<WorkspaceId>,
}

impl Rates {
    /// Nobody has made a request yet. `clock` refills.
    #[must_use]
    pub fn new(limits: &Limits, clock: Arc<dyn Clock>) -> Self {
        let pace = Pace::new(clock);
        let quota = |number| Quota::per_minute(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN));
        let most_per_key = limits.requests_per_minute_per_key;
        let workspaces = quota(limits.requests_per_minute);
        Self {
            keys: limiter(quota(most_per_key), &pace),
            special: Mutex::default(),
            most_per_key,
            workspaces: limiter(workspaces, &pace),
            deciders: limiter(workspaces, &pace),
            pace,
        }
    }

    /// Counts a request of a key. `now` is only what a refusal's time is told from.
    ///
    /// # Errors
    /// The key's rate, or that of its workspace, is used up.
    pub fn count(
        &self,
        key: &KeyFacts,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<Pair, Overrun> {
        let decides = key.scopes.contains(&Scope::Decide);
        let workspaces = if decides { &self.deciders } else { &self.workspaces };
        let own = key.limits.requests_per_minute.filter(|own| *own < self.most_per_key);
        Ok(Pair {
            key: match own {
                Some(own) => self.one(&self.special(own), &key.id, Holder::Key, now)?,
                None => self.one(&self.keys, &key.id, Holder::Key, now)?,
            },
            workspace: self.one(workspaces, &workspace, Holder::Workspace, now)?,
        })
    }

    fn special(&self, number: u32) -> Arc<Limiter<KeyId>> {
        let mut special = self.special.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let number = NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
            Arc::new(limiter(Quota::per_minute(number), &self.pace))
        };
        Arc::clone(special.entry(number).or_insert_with(made))
    }

    fn one<K: Clone + Eq + std::hash::Hash>(
        &self,
        limiter: &Limiter<K>,
        who: &K,
        of: Holder,
        now: Timestamp,
    ) -> Result<Rate, Overrun> {
        match limiter.check_key(who) {
            Ok(state) => {
                let allowed = state.quota().burst_size().get();
                let used = allowed.saturating_sub(state.remaining_burst_capacity());
                let full_again_in = state.quota().replenish_interval() * used;
                let gauge = Gauge { used: used.into(), allowed: allowed.into() };
                Ok(Rate { gauge, full_again_in })
            }
            Err(not_yet) => {
                let allowed = u64::from(not_yet.quota().burst_size().get());
                let wait = not_yet.wait_time_from(self.pace.now());
                Err(Overrun {
                    limit: Limit::RequestsPerMinute,
                    of,
                    allowed,
                    used: allowed,
                    resets_at: Some(later(now, wait)),
                    retry_after: whole_seconds(wait),
                    plan: None,
                })
            }
        }
    }

    /// Forgets who has made no request for so long that it is as if there never was one.
    pub fn tidy(&self) {
        self.keys.retain_recent();
        self.workspaces.retain_recent();
        self.deciders.retain_recent();
        let mut special = self.special.lock().unwrap_or_else(PoisonError::into_inner);
        special.retain(|_, limiter| {
            limiter.retain_recent();
            !limiter.is_empty()
        });
    }
}

pub(crate) fn limiter<K: Clone + Eq + std::hash::Hash>(quota: Quota, pace: &Pace) -> Limiter<K> {
    let nobody = HashMapStateStore::default();
    RateLimiter::new(quota, nobody, pace.clone())
}

/// Rounded up: who comes back too early is refused again.
pub(crate) fn whole_seconds(span: Duration) -> Seconds {
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    Seconds(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// The point that lies `span` after `now`.
#[must_use]
pub fn later(now: Timestamp, span: Duration) -> Timestamp {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    // Points in time are whole milliseconds: rounded up, so that it is not promised too early.
    Timestamp::from_micros(now.micros().saturating_add(micros).saturating_add(999))
}
