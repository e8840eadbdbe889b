//! Opens the file: folder and file for their owner only, one server at a time, the settings that
//! make an acknowledged write durable, and the migrations, forward only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use refinery::{Migration, Runner};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// "ASk1", as the first migration writes it into the file's head.
const APPLICATION_ID: i64 = 1_095_985_969;
/// How long to wait where another process has the file for a moment.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
/// Statements that a connection keeps prepared; more than there are.
const PREPARED: usize = 128;
/// KiB of pages that the writer keeps. Nothing else in memory grows with what is stored, and this
/// is full from some ten thousand approvals on. Twice as much saves a vote up to three page reads.
const WRITER_CACHE: i32 = 32 * 1_024;
/// KiB of pages that each reader keeps.
const READER_CACHE: i32 = 8 * 1_024;

const MIGRATIONS: [(&str, &str); 1] =
    [("V1__initial", include_str!("../../migrations/sqlite/V1__initial.sql"))];

/// A file that this process alone may write, brought to this program's schema.
pub(super) struct Opened {
    /// The write connection.
    pub(super) connection: Connection,
    /// Held as long as the connection is; the system lets go of it when the process dies.
    pub(super) lock: File,
    /// The number of the newest migration.
    pub(super) schema: u32,
    /// Whether somebody reads an older state, so that the log could not be cleared.
    pub(super) unscrubbed: bool,
}

/// Brings the log over into the file, where what is written over is zeroed, and empties it. True
/// if somebody who reads an older state was in the way.
pub(super) fn scrub(connection: &Connection) -> rusqlite::Result<bool> {
    // Whoever reads is soon done; a copy for a backup may take longer, and comes first.
    connection.busy_timeout(std::time::Duration::from_millis(100))?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    connection.busy_timeout(PATIENCE)?;
    busy
}

pub(super) fn open(path: &Path) -> Result<Opened, StoreError> {
    prepare_folder(path)?;
    let lock = lock(path)?;
    private_file(path).map_err(|error| cannot(path, "create", &error))?;
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|error| cannot(path, "open", &error))?;
    // Before the settings, one of which is written into the file.
    is_ours(&connection, path)?;
    settings(&connection).map_err(|error| cannot(path, "open", &error))?;
    let schema = migrate(&mut connection, path)?;
    // Whoever wrote before may have died before it cleared the log of what it erased.
    let unscrubbed = scrub(&connection).map_err(|error| cannot(path, "open", &error))?;
    Ok(Opened { connection, lock, schema, unscrubbed })
}

/// A connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE)?;
    Ok(connection)
}

pub(super) fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // No URIs: a path is a path. No mutex: each connection stays on its own thread.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Plans do not depend on the values bound, so statements are never planned again for them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

pub(super) fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL syncs the log at every commit: what is acknowledged survives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    // What is deleted or written over is zeroed in its page, so that what is erased is gone.
    connection.pragma_update(None, "secure_delete", true)?;
    // The log is copied back by `log`, and not inside a commit.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE)
}

pub(super) fn prepare_folder(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| no_place(folder, "create the folder", &error))
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Where the lock of a database lies.
pub(super) fn lock_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let name = lock_name(path);
    let file = private_file(&name).map_err(|error| no_place(&name, "create", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(StoreError::InUse(path.display().to_string()))
        }
        Err(std::fs::TryLockError::Error(error)) => Err(cannot(&name, "lock", &error)),
    }
}

pub(super) fn is_ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let id: i64 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(|error| cannot(path, "read", &error))?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|error| cannot(path, "read", &error))?;
    // A crash between creating the history table and the first migration leaves only that table.
    if id == APPLICATION_ID || tables <= 1 {
        return Ok(());
    }
    Err(StoreError::CannotOpen(format!("{} is not a database of askfirst", path.display())))
}

fn known() -> Result<Vec<Migration>, refinery::Error> {
    MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect()
}

fn newer(path: &Path, name: &str) -> StoreError {
    StoreError::CannotOpen(format!(
        "{} was written by a newer askfirst: it has the migration {name}, which this one does not \
         know; start the newer one, or restore a backup from before",
        path.display(),
    ))
}

/// The schema of a file that is only read, if this program can bring it to its own.
pub(super) fn known_schema(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let known = known().map_err(|error| cannot(path, "read", &error))?;
    let sql = "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";
    let applied = connection.prepare(sql).and_then(|mut statement| {
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    });
    let applied = applied.map_err(|error| cannot(path, "read", &error))?;
    for (version, name, checksum) in &applied {
        let same = |one: &&Migration| u32::try_from(one.version()).ok() == Some(*version);
        match known.iter().find(same) {
            None => return Err(newer(path, name)),
            Some(ours) if ours.checksum().to_string() != *checksum => {
                return Err(StoreError::CannotOpen(format!(
                    "{} was written by an unreleased askfirst: its migration {name} is another \
                     than this one's; open it with the askfirst that wrote it",
                    path.display()
                )));
            }
            Some(_) => {}
        }
    }
    Ok(applied.last().map_or(0, |(version, ..)| *version))
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<u32, StoreError> {
    let failed = |error: refinery::Error| match error.kind() {
        refinery::error::Kind::MissingVersion(migration) => newer(path, migration.name()),
        _ => cannot(path, "migrate", &error),
    };
    let known = known().map_err(failed)?;
    let runner = Runner::new(&known).set_abort_missing(true).set_abort_divergent(true);
    runner.run(connection).map_err(failed)?;
    Ok(newest(&known))
}

fn newest(known: &[Migration]) -> u32 {
    let newest = known.iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    u32::try_from(newest).unwrap_or(0)
}

/// The newest schema that this program knows.
pub(super) fn newest_schema() -> u32 {
    known().map_or(0, |known| newest(&known))
}

fn no_place(path: &Path, what: &str, error: &std::io::Error) -> StoreError {
    StoreError::NoPlace(format!("cannot {what} {}: {error}", path.display()))
}

pub(super) fn cannot(path: &Path, what: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::CannotOpen(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a story that fails may panic")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_and_its_folder_are_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state").join("askfirst.db");
        let opened = open(&path).unwrap();
        opened.connection.execute_batch("UPDATE meta SET high_water = 1").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for name in ["askfirst.db", "askfirst.db-wal", "askfirst.db-shm", "askfirst.db.lock"] {
            assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn somebody_elses_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("theirs.db");
        let theirs = Connection::open(&path).unwrap();
        theirs.execute_batch("CREATE TABLE one (a); CREATE TABLE two (a);").unwrap();
        drop(theirs);
        let before = std::fs::read(&path).unwrap();
        let refused = open(&path).err().unwrap().to_string();
        assert!(refused.ends_with("is not a database of askfirst"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::write(&path, "not a database at all, but long enough to be looked at").unwrap();
        assert!(matches!(open(&path), Err(StoreError::CannotOpen(_))));
    }

    #[test]
    fn what_is_acknowledged_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&folder.path().join("askfirst.db")).unwrap();
        let setting = |name: &str| -> String {
            let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            opened.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(setting("journal_mode"), "wal");
        assert_eq!(setting("synchronous"), "2");
        assert_eq!(setting("foreign_keys"), "1");
        assert_eq!(setting("trusted_schema"), "0");
    }

    #[test]
    fn what_a_connection_keeps_in_memory_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("askfirst.db");
        let writer = open(&path).unwrap().connection;
        let reader = open_reader(&path).unwrap();
        for (connection, most) in [(&writer, 32 * 1_024), (&reader, 8 * 1_024)] {
            let kept: i64 =
                connection.query_row("PRAGMA cache_size", [], |row| row.get(0)).unwrap();
            // Below zero it is KiB; above, pages of whatever size.
            assert!((-most..0).contains(&kept), "{kept}");
        }
    }
}
