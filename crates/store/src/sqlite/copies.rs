//! Copies of the whole file for safe keeping: taken while a server writes, and looked through
//! before one is believed. Where copies lie and when they are taken is for others to decide.

use std::fs::File;
use std::path::{Path, PathBuf};

use askfirst_core::{Timestamp, WorkspaceId};
use askfirst_proof::log::Head;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{audit, channels, codec, keyring, open, outbox, proof_tokens, queries, webhooks};
use crate::deliveries::WebhookState;
use crate::notices::Channel;
use crate::records::SigningKeyRecord;
use crate::store::StoreError;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Which shape the data has.
    pub schema: u32,
    /// No time recorded in it is later.
    pub recorded_until: Timestamp,
    /// Workspaces.
    pub workspaces: u64,
    /// People with an account.
    pub members: u64,
    /// Approvals in all.
    pub approvals: u64,
    /// Approvals that were still pending.
    pub pending: u64,
    /// The head of each workspace's audit log, by which a later log shows that it continues it.
    pub heads: Vec<(WorkspaceId, Head)>,
    /// The signing keys, sealed.
    pub signing_keys: Vec<SigningKeyRecord>,
}

/// Copies the database at `from`, as it is at one moment, into `to`, an empty file or none. A
/// server may go on writing meanwhile; what it acknowledged before this call is in the copy.
///
/// # Errors
/// [`StoreError::CannotOpen`] if it cannot be read or is not ours, or `to` cannot be written.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let connection = open::connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| open::cannot(from, "open", &error))?;
    open::is_ours(&connection, from)?;
    let target = to.to_str().ok_or_else(|| {
        StoreError::CannotOpen(format!("{} is not written in UTF-8", to.display()))
    })?;
    // One reading transaction: it neither waits for the writer nor holds it up.
    connection
        .execute("VACUUM INTO ?1", [target])
        .map_err(|error| open::cannot(from, "copy", &error))?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(|error| open::cannot(to, "sync", &error))
}

/// The newest schema that this program knows.
#[must_use]
pub fn newest_schema() -> u32 {
    open::newest_schema()
}

/// Looks through a file that nobody writes to: that it is ours, of a schema this program knows,
/// and that every page, index and reference is in order.
///
/// # Errors
/// [`StoreError::CannotOpen`] if it is not ours or from a newer version;
/// [`StoreError::Damaged`] with the first thing that is out of order.
pub fn examine(path: &Path) -> Result<Census, StoreError> {
    let damaged =
        |what: &dyn std::fmt::Display| StoreError::Damaged(format!("{}: {what}", path.display()));
    let connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| open::cannot(path, "open", &error))?;
    open::is_ours(&connection, path)?;
    let schema = open::known_schema(&connection, path)?;
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| damaged(&error))?;
    if verdict != "ok" {
        return Err(damaged(&verdict));
    }
    let orphan: Option<String> = connection
        .query_row("PRAGMA foreign_key_check", [], |row| row.get(0))
        .optional()
        .map_err(|error| damaged(&error))?;
    if let Some(table) = orphan {
        return Err(damaged(&format!("a row of {table} refers to one that is not there")));
    }
    count(&connection, schema).map_err(|error| damaged(&error))
}

/// Makes a copy ready to take the place of a database that went on after it was made: what is
/// numbered for the world outside goes on beyond all that may have been given since.
///
/// # Errors
/// If it could not be written.
pub fn prepare(path: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection =
        open::connect(path, flags).map_err(|error| open::cannot(path, "open", &error))?;
    proof_tokens::skip_slots(&connection)?;
    connection.close().map_err(|(_, error)| open::cannot(path, "close", &error))
}

/// What a database tells at a glance, also while a server uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Which shape the data has.
    pub schema: u32,
    /// No time recorded in it is later.
    pub recorded_until: Timestamp,
    /// When the deadline is that waits longest.
    pub oldest_timer: Option<Timestamp>,
    /// The signing keys, sealed.
    pub signing_keys: Vec<SigningKeyRecord>,
    /// How many webhooks are in each state, for those that there are.
    pub webhooks: Vec<(WebhookState, u64)>,
    /// Every way to people.
    pub channels: Vec<Channel>,
}

/// Looks into a database without changing it and without checking every page.
///
/// # Errors
/// [`StoreError::CannotOpen`] if it is not ours, from a newer version, or cannot be read.
pub fn glance(path: &Path) -> Result<Glance, StoreError> {
    let connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| open::cannot(path, "open", &error))?;
    open::is_ours(&connection, path)?;
    let schema = open::known_schema(&connection, path)?;
    let sql = format!("SELECT high_water, ({}) FROM meta", outbox::NEXT_TIMER);
    let (recorded_until, oldest_timer) = connection
        .query_row(&sql, [], |row| Ok((codec::time(row, 0)?, codec::maybe_time(row, 1)?)))?;
    let signing_keys = keyring::all(&connection)?;
    let webhooks = webhooks::by_state(&connection)?;
    let channels = channels::every(&connection)?;
    Ok(Glance { schema, recorded_until, oldest_timer, signing_keys, webhooks, channels })
}

fn count(connection: &Connection, schema: u32) -> Result<Census, StoreError> {
    let sql = "SELECT (SELECT high_water FROM meta), (SELECT count(*) FROM workspaces),
                 (SELECT count(*) FROM members), (SELECT count(*) FROM approvals),
                 (SELECT count(*) FROM approvals WHERE status = 'pending')";
    let mut census = connection.query_row(sql, [], |row| {
        Ok(Census {
            schema,
            recorded_until: codec::time(row, 0)?,
            workspaces: codec::counted(row, 1)?,
            members: codec::counted(row, 2)?,
            approvals: codec::counted(row, 3)?,
            pending: codec::counted(row, 4)?,
            heads: Vec::new(),
            signing_keys: Vec::new(),
        })
    })?;
    for workspace in queries::workspaces(connection)? {
        census.heads.push((workspace.id, audit::head(connection, workspace.id)?));
    }
    census.signing_keys = keyring::all(connection)?;
    Ok(census)
}

/// The right to put another file in a database's place. While it is held no server starts there.
pub struct Claim {
    path: PathBuf,
    _lock: File,
}

/// Claims the place of a database, whether or not there is one yet.
///
/// # Errors
/// [`StoreError::CannotOpen`] if a server is using it, or the folder cannot be used.
pub fn claim(path: &Path) -> Result<Claim, StoreError> {
    open::prepare_folder(path)?;
    Ok(Claim { path: path.to_owned(), _lock: open::lock(path)? })
}

impl Claim {
    /// Where the lock lies, so that whoever claims for somebody else can hand it over.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        open::lock_name(&self.path)
    }

    /// Writes what is still in the log of the database there into the database itself, so that
    /// the one file is the whole of it. Nothing to do where there is none.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] if it cannot, being damaged for example; nothing is lost then.
    pub fn settle_log(&self) -> Result<(), StoreError> {
        if !self.path.exists() {
            return Ok(());
        }
        let failed = |error: rusqlite::Error| open::cannot(&self.path, "settle", &error);
        let connection = open::connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        let connection = connection.map_err(failed)?;
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(failed)?;
        if busy != 0 {
            let why = format!("{} is being read by another program", self.path.display());
            return Err(StoreError::CannotOpen(why));
        }
        Ok(())
    }
}
