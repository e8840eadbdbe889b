//! How many requests wait, by who sent them, so that nobody fills the server with waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askfirst_core::limits::TRY_SOON;
use askfirst_core::{Gauge, Holder, KeyId, Limit, MemberId, Overrun};

use crate::config::limits::Limits;

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A program.
    Key(KeyId),
    /// A signed-in person.
    Member(MemberId),
}

/// Everyone who waits.
#[derive(Debug)]
pub struct Crowd {
    most_each: u32,
    most: u32,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    by_who: HashMap<Who, u32>,
    all: u32,
}

/// A place in the crowd; leaving it is dropping it.
#[derive(Debug)]
pub struct Stay {
    crowd: Arc<Crowd>,
    who: Who,
}

impl Crowd {
    /// Nobody waits yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let Limits { waiters_per_key: most_each, waiters: most, .. } = *limits;
        Self { most_each, most, waiting: Mutex::default() }
    }

    fn each(&self, most: Option<u32>) -> u32 {
        most.map_or(self.most_each, |most| most.min(self.most_each))
    }

    /// Joins. `most` is how often this one may, where that is less than everyone may.
    ///
    /// # Errors
    /// There are too many of them, or too many in all.
    pub fn join(self: &Arc<Self>, who: Who, most: Option<u32>) -> Result<Stay, Overrun> {
        let most_each = self.each(most);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |of, count: u32, most: u32| {
            let (limit, used, allowed) = (Limit::Waiters, count.into(), most.into());
            let retry_after = TRY_SOON;
            Err(Overrun { limit, of, allowed, used, resets_at: None, retry_after, plan: None })
        };
        let own = waiting.by_who.get(&who).copied().unwrap_or(0);
        if own >= most_each {
            let of = match who {
                Who::Key(_) => Holder::Key,
                Who::Member(_) => Holder::Member,
            };
            return full(of, own, most_each);
        }
        if waiting.all >= self.most {
            return full(Holder::Server, waiting.all, self.most);
        }
        waiting.by_who.insert(who, own + 1);
        waiting.all += 1;
        Ok(Stay { crowd: Arc::clone(self), who })
    }

    /// How many requests of one of them wait, and may.
    #[must_use]
    pub fn of(&self, who: Who, most: Option<u32>) -> Gauge {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let used = waiting.by_who.get(&who).copied().unwrap_or(0);
        Gauge { used: used.into(), allowed: self.each(most).into() }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut waiting = self.crowd.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.all = waiting.all.saturating_sub(1);
        if let Some(own) = waiting.by_who.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                waiting.by_who.remove(&self.who);
            }
        }
    }
}
