//! Reading approvals: one, many, waiting for a change, and the events of one.

use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{ApprovalId, Status};
use askfirst_store::{ApprovalFilter, EventRecord};

use super::{Caller, Result, Seen, Service, ServiceError};
use crate::wakeups::Topic;

/// How long a waiter trusts its wake-ups before it reads again by itself.
const SLOW_POLL: Duration = Duration::from_secs(5);
/// How long a signature may take before what it proves is told without it.
const SIGNING: Duration = Duration::from_secs(5);
/// How many pages are read to fill one page for a caller who may not see everything.
const MOST_PAGES: usize = 20;

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A version above this one.
    Past(u32),
    /// The end of the approval.
    Ended,
    /// Its signed receipt.
    Signed,
}

impl Service {
    /// One approval.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for what is not for this caller's eyes.
    pub async fn approval(&self, caller: &Caller, id: ApprovalId) -> Result<Seen> {
        let now = self.store.now();
        let approval = self.store.approval(caller.place, id).await?;
        let roster = self.store.roster(caller.place.workspace).await?;
        let approval = approval.filter(|approval| caller.reads(approval, &roster, now));
        let approval = Arc::new(approval.ok_or(ServiceError::NotFound("approval"))?);
        self.with_proof(Seen { approval, roster, proof: None, now }).await
    }

    /// One approval; of what has just been decided, once that is signed, which takes a moment.
    ///
    /// # Errors
    /// As [`Service::approval`].
    pub async fn approval_signed(&self, caller: &Caller, id: ApprovalId) -> Result<Seen> {
        let seen = self.approval(caller, id).await?;
        if seen.approval.decision.is_none() || holds(&seen, Until::Signed) {
            return Ok(seen);
        }
        self.patiently(caller, id, Until::Signed, SIGNING).await
    }

    /// Adds the proof to an approval that has ended.
    pub(super) async fn with_proof(&self, mut seen: Seen) -> Result<Seen> {
        if seen.approval.decision.is_some() {
            let place = askfirst_store::Place {
                workspace: seen.approval.workspace,
                environment: seen.approval.environment,
            };
            seen.proof = self.store.proof(place, seen.approval.id).await?;
        }
        Ok(seen)
    }

    /// One approval once `until` holds, or as it is after `patience` or when the server stops.
    ///
    /// # Errors
    /// As [`Service::approval`], or if this caller waits too often already.
    pub async fn wait(
        &self,
        caller: &Caller,
        id: ApprovalId,
        until: Until,
        patience: Duration,
    ) -> Result<Seen> {
        let _stay = if patience.is_zero() { None } else { Some(self.stay(caller)?) };
        self.patiently(caller, id, until, patience).await
    }

    /// One approval once it has ended, or as it is after `patience`. Who does so again and again has
    /// a [`Service::stay`] meanwhile.
    ///
    /// # Errors
    /// As [`Service::approval`].
    pub async fn ended(&self, caller: &Caller, id: ApprovalId, patience: Duration) -> Result<Seen> {
        self.patiently(caller, id, Until::Ended, patience).await
    }

    async fn patiently(
        &self,
        caller: &Caller,
        id: ApprovalId,
        until: Until,
        patience: Duration,
    ) -> Result<Seen> {
        let deadline = tokio::time::Instant::now() + patience;
        // Register before reading: a decision landing in between still wakes us.
        let mut waiter = self.wakeups.register(Topic::Approval(id));
        loop {
            let seen = self.approval(caller, id).await?;
            let now = tokio::time::Instant::now();
            if holds(&seen, until) || now >= deadline || self.stopping.is_cancelled() {
                return Ok(seen);
            }
            let due = (seen.approval.expires_at.micros() - seen.now.micros()).max(0);
            let due = Duration::from_micros(due.unsigned_abs()) + Duration::from_millis(5);
            let nap = if seen.approval.decision.is_some() { SLOW_POLL } else { due.min(SLOW_POLL) };
            tokio::select! {
                () = waiter.woken() => {}
                () = tokio::time::sleep_until(deadline.min(now + nap)) => {}
                () = self.stopping.cancelled() => {}
            }
            // Rights can end while one waits.
            self.still_good(caller).await?;
        }
    }

    /// Approvals by filter, newest first, as far as this caller may see them.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn approvals(&self, caller: &Caller, filter: ApprovalFilter) -> Result<Vec<Seen>> {
        Ok(self.page(caller, filter).await?.0)
    }

    /// One page of approvals by filter, newest first, and after which one the next page starts.
    /// A page can be short, or empty, and still have a next one: to who may see little of a busy
    /// workspace, each look at it costs a bounded search.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn page(
        &self,
        caller: &Caller,
        mut filter: ApprovalFilter,
    ) -> Result<(Vec<Seen>, Option<ApprovalId>)> {
        let roster = self.store.roster(caller.place.workspace).await?;
        let wanted = filter.limit as usize;
        // One more than wanted tells whether there is another page.
        filter.limit += 1;
        let mut searched = None;
        // A key that only asks sees its own; the database can tell which those are.
        let own = caller.key().filter(|key| !caller.reads_all() && key.member.is_none());
        if let Some(key) = own {
            if filter.asker.is_some_and(|asker| asker != key.id) {
                return Ok((Vec::new(), None));
            }
            filter.asker = Some(key.id);
        }
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let now = self.store.now();
            let page = self.store.approvals(caller.place, filter.clone()).await?;
            let last = page.last().map(|approval| approval.id);
            let full = page.len() > wanted;
            let visible = page.into_iter().filter(|approval| caller.reads(approval, &roster, now));
            found.extend(visible.map(|approval| Seen {
                approval: Arc::new(approval),
                roster: roster.clone(),
                proof: None,
                now,
            }));
            searched = last.filter(|_| full);
            if found.len() > wanted || searched.is_none() {
                break;
            }
            filter.before = searched;
        }
        if found.len() > wanted {
            found.truncate(wanted);
            searched = found.last().map(|seen: &Seen| seen.approval.id);
        }
        Ok((found, searched))
    }

    /// What happened to one approval after version `after`; waits up to `patience` for more if
    /// there is nothing yet. Who does so again and again has a [`Service::stay`] meanwhile.
    ///
    /// # Errors
    /// As [`Service::approval`].
    pub async fn events(
        &self,
        caller: &Caller,
        id: ApprovalId,
        after: u32,
        patience: Duration,
    ) -> Result<Vec<EventRecord>> {
        self.patiently(caller, id, Until::Past(after), patience).await?;
        Ok(self.store.events(caller.place, id, after).await?)
    }
}

fn holds(seen: &Seen, until: Until) -> bool {
    match until {
        Until::Past(version) => seen.approval.version > version,
        Until::Ended => seen.approval.status_at(seen.now) != Status::Pending,
        Until::Signed => seen.proof.as_ref().is_some_and(|proof| proof.token.is_some()),
    }
}
