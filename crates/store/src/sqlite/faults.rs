//! Fail points for tests: what a disk can do to a commit, on demand.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::store::StoreError;

/// The faults that wait to happen.
#[derive(Debug, Default)]
pub(super) struct Faults(AtomicU8);

const LOST: u8 = 1;
const KEPT: u8 = 2;

impl Faults {
    /// The next commit fails; `durable` says which of the two it was in truth.
    pub(super) fn fail_next_commit(&self, durable: bool) {
        self.0.store(if durable { KEPT } else { LOST }, Ordering::SeqCst);
    }

    pub(super) fn before_commit(&self) -> Result<(), StoreError> {
        self.strike(LOST)
    }

    pub(super) fn after_commit(&self) -> Result<(), StoreError> {
        self.strike(KEPT)
    }

    fn strike(&self, kind: u8) -> Result<(), StoreError> {
        match self.0.compare_exchange(kind, 0, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => Err(StoreError::Unknown("the disk failed, as the test wanted".into())),
            Err(_) => Ok(()),
        }
    }
}
