//! Copies the write-ahead log back into the file. SQLite would do it inside a commit, with
//! everybody waiting who is in the batch, and syncs the file for it; here a thread of its own does
//! most of it while the writer goes on, and the writer the little that came in meanwhile, after
//! all are answered. Only then can the log begin anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tracing::warn;

use super::open;
use crate::store::StoreError;

/// Pages in the log after which it is copied back: 16 MiB, so that hot pages are copied seldom.
const ENOUGH: u32 = 4_096;
/// Pages after which the writer copies by itself, since the other thread does not keep up.
const TOO_MANY: u32 = 16 * ENOUGH;

/// The log, as the writer sees it.
pub(super) struct Log {
    /// How many it had after the last commit.
    pages: Arc<AtomicU32>,
    /// How many it had when it was last seen to.
    seen_to: u32,
    /// Whether the other thread is through.
    copied: Arc<AtomicBool>,
    wanted: Option<Sender<()>>,
    copier: Option<JoinHandle<()>>,
}

impl Log {
    /// Of the database at `path`, which `writer` writes.
    pub(super) fn of(writer: &mut Connection, path: &Path) -> Result<Self, StoreError> {
        let pages = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&pages);
        // In place of SQLite's own, which copies.
        writer.wal_hook(Some(move |_: &mut _, pages: std::ffi::c_int| {
            count.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        open::settings(&connection)?;
        let copied = Arc::new(AtomicBool::new(false));
        let through = Arc::clone(&copied);
        let (wanted, waiting) = bounded(1);
        let copier = std::thread::Builder::new()
            .name("askfirst-log".into())
            .spawn(move || copy(&connection, &waiting, &through))
            .map_err(|error| StoreError::CannotOpen(format!("cannot start a thread: {error}")))?;
        Ok(Self { pages, seen_to: 0, copied, wanted: Some(wanted), copier: Some(copier) })
    }

    /// Sees to it, between two transactions.
    pub(super) fn tend(&mut self, writer: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.seen_to {
            self.seen_to = 0;
        }
        let enough = pages - self.seen_to >= ENOUGH;
        if self.copied.swap(false, Ordering::Acquire) || (enough && pages >= TOO_MANY) {
            self.seen_to = pages;
            checkpoint(writer);
        } else if enough && let Some(wanted) = &self.wanted {
            self.seen_to = pages;
            // If it is full, it is at it already.
            let _ = wanted.try_send(());
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(copier) = self.copier.take() {
            let _panicked = copier.join();
        }
    }
}

fn copy(connection: &Connection, wanted: &Receiver<()>, copied: &AtomicBool) {
    while wanted.recv().is_ok() {
        checkpoint(connection);
        copied.store(true, Ordering::Release);
    }
}

/// Copies what no reader is in the way of, and waits for nobody. What is not copied stays in the
/// log, which is as durable, so a failure costs only room.
fn checkpoint(connection: &Connection) {
    match connection.wal_checkpoint_v2::<&str>(None, CheckpointMode::PASSIVE) {
        // Busy: somebody else copies at this moment.
        Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => {
            warn!(%error, "the log was not copied back into the database; it grows until it is");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a story that fails may panic")]

    use super::*;

    #[test]
    fn under_writes_without_a_pause_the_log_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("askfirst.db");
        let mut writer = open::open(&path).unwrap().connection;
        writer.execute_batch("CREATE TABLE wide (body BLOB NOT NULL) STRICT").unwrap();
        let mut log = Log::of(&mut writer, &path).unwrap();
        let (mut written, mut anew, mut most) = (0, 0, 0);
        while anew < 3 {
            let before = log.pages.load(Ordering::Relaxed);
            writer.execute("INSERT INTO wide VALUES (zeroblob(65536))", []).unwrap();
            log.tend(&writer);
            let pages = log.pages.load(Ordering::Relaxed);
            anew += u32::from(pages < before);
            most = most.max(pages);
            written += 1;
            assert!(written < 100_000, "the log only grows: {pages} pages");
        }
        assert!((ENOUGH..=2 * TOO_MANY).contains(&most), "{most}");
        drop(log);
        let rows: u32 =
            writer.query_row("SELECT count(*) FROM wide", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, written);
        let check: String =
            writer.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
}
