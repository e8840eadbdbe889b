//! Fail points for tests: what a disk can do to a commit, on demand.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use rusqlite::Connection;

use crate::store::StoreError;

/// The faults that wait to happen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    commit: AtomicU8,
    full: AtomicBool,
}

const LOST: u8 = 1;
const KEPT: u8 = 2;

impl Faults {
    /// The next commit fails; `durable` says which of the two it was in truth.
    pub(super) fn fail_next_commit(&self, durable: bool) {
        self.commit.store(if durable { KEPT } else { LOST }, Ordering::SeqCst);
    }

    pub(super) fn before_commit(&self) -> Result<(), StoreError> {
        self.strike(LOST)
    }

    pub(super) fn after_commit(&self) -> Result<(), StoreError> {
        self.strike(KEPT)
    }

    fn strike(&self, kind: u8) -> Result<(), StoreError> {
        match self.commit.compare_exchange(kind, 0, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => Err(StoreError::Unknown("the disk failed, as the test wanted".into())),
            Err(_) => Ok(()),
        }
    }

    /// From the next transaction on the file cannot grow, or can again.
    pub(super) fn fill_disk(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Gives the file the room that the test wants it to have.
    pub(super) fn make_room(&self, connection: &Connection) -> Result<(), StoreError> {
        // SQLite raises a limit below the present size to that size.
        let most = if self.full.load(Ordering::SeqCst) { 1 } else { u32::MAX - 1 };
        connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?;
        Ok(())
    }
}
