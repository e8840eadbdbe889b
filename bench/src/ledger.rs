//! What the server promised: every answer that a client got, kept outside of the server, to hold
//! against what is there after a crash.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// What one client knows about one approval.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Its digest, from the answer to the ask.
    pub(crate) digest: String,
    /// The arguments that were sent.
    pub(crate) marker: String,
    /// The highest version that an answer showed.
    pub(crate) version: u64,
    /// The terminal status that an answer showed.
    pub(crate) ended: Option<String>,
    /// Whether an answer said that a claim succeeded.
    pub(crate) claimed: bool,
    /// Successful claims that answers reported; more than one breaks the promise.
    pub(crate) claims: u32,
}

/// Everything that was acknowledged so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    approvals: Mutex<HashMap<String, Known>>,
    touched: Mutex<HashSet<String>>,
    /// Idempotency keys of asks whose answer was lost, with the request's body.
    unknown: Mutex<Vec<(String, String)>>,
}

impl Ledger {
    /// Notes what an answer with an approval in it shows.
    pub(crate) fn saw(&self, approval: &serde_json::Value) {
        let Some(id) = approval["id"].as_str() else { return };
        let mut approvals = self.approvals.lock().unwrap_or_else(PoisonError::into_inner);
        let known = approvals.entry(id.to_owned()).or_default();
        self.touched.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        known.digest = approval["action_digest"].as_str().unwrap_or_default().into();
        known.marker =
            approval["action"]["arguments"]["marker"].as_str().unwrap_or_default().into();
        known.version = known.version.max(approval["version"].as_u64().unwrap_or_default());
        match approval["status"].as_str() {
            Some("pending") | None => {}
            Some(status) => known.ended = Some(status.into()),
        }
    }

    /// Notes that this client was told that it holds the one claim.
    pub(crate) fn claimed(&self, id: &str) {
        let mut approvals = self.approvals.lock().unwrap_or_else(PoisonError::into_inner);
        let known = approvals.entry(id.to_owned()).or_default();
        known.claimed = true;
        known.claims += 1;
    }

    /// Notes an ask whose answer never came.
    pub(crate) fn lost(&self, key: String, body: String) {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).push((key, body));
    }

    /// Takes the asks whose answers never came.
    pub(crate) fn take_lost(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.unknown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What answers showed since the last call.
    pub(crate) fn take_touched(&self) -> Vec<(String, Known)> {
        let touched =
            std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner));
        self.all().into_iter().filter(|(id, _)| touched.contains(id)).collect()
    }

    /// All that is known.
    pub(crate) fn all(&self) -> Vec<(String, Known)> {
        let approvals = self.approvals.lock().unwrap_or_else(PoisonError::into_inner);
        approvals.iter().map(|(id, known)| (id.clone(), known.clone())).collect()
    }

    /// One approval that had not ended, and one that was approved and unclaimed, as far as
    /// answers told; picked by `luck`.
    pub(crate) fn pick(&self, luck: u64, approved: bool) -> Option<(String, Known)> {
        let approvals = self.approvals.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |known: &Known| match approved {
            true => known.ended.as_deref() == Some("approved") && !known.claimed,
            false => known.ended.is_none(),
        };
        let fitting: Vec<_> = approvals.iter().filter(|(_, known)| fits(known)).collect();
        let count = u64::try_from(fitting.len()).ok().filter(|count| *count > 0)?;
        let (id, known) = fitting[usize::try_from(luck % count).ok()?];
        Some((id.clone(), known.clone()))
    }
}
