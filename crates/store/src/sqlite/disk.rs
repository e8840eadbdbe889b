//! How much room the disk has. Below a floor no new question is put, so that there is room to
//! record what people decide about those that are there.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use askfirst_core::Timestamp;

use crate::store::ExecuteError;

/// The disk that the database lies on.
pub(super) struct Disk {
    folder: PathBuf,
    /// Bytes that are kept for decisions; 0 keeps none.
    floor: AtomicU64,
    /// The time of the batch that last found room; each looks once.
    found_at: AtomicI64,
}

impl Disk {
    /// Of this database.
    pub(super) fn of(database: &Path) -> Self {
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_owned();
        Self { folder, floor: AtomicU64::new(0), found_at: AtomicI64::new(i64::MIN) }
    }

    /// Keeps so many bytes free of new questions.
    pub(super) fn keep_free(&self, bytes: u64) {
        self.floor.store(bytes, Ordering::Relaxed);
        self.found_at.store(i64::MIN, Ordering::Relaxed);
    }

    /// Bytes that are free for us; none if the system does not tell.
    pub(super) fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Errors: [`ExecuteError::NoRoom`]. Where the system does not tell, the write itself will.
    pub(super) fn has_room(&self, now: Timestamp) -> Result<(), ExecuteError> {
        let floor = self.floor.load(Ordering::Relaxed);
        if floor == 0 || self.found_at.load(Ordering::Relaxed) == now.micros() {
            return Ok(());
        }
        match self.free() {
            Some(free) if free < floor => Err(ExecuteError::NoRoom { free, floor }),
            _ => {
                self.found_at.store(now.micros(), Ordering::Relaxed);
                Ok(())
            }
        }
    }
}
