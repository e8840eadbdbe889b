//! The audit log of each workspace: entries chained by their hashes, written in the transaction
//! of what they tell. Entries hold no payload and no comment, only digests of them, so that those
//! can be erased later without breaking the chain.

use askfirst_core::{Actor, Timestamp, WorkspaceId};
use askfirst_proof::canonical::canonical;
use askfirst_proof::log::{self, Entry, Head, Line};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::codec::{self, Id, Json};
use super::facts::Tenant;
use super::pens::Pens;
use crate::records::{AuditFilter, AuditRecord};
use crate::store::StoreError;

/// What an entry tells, before it has its place.
pub(super) struct Telling<'a> {
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) kind: &'a str,
    pub(super) subject: &'a str,
    /// As [`spelled`] spells it.
    pub(super) detail: &'a Json,
}

/// A detail in its canonical form.
pub(super) fn spelled(detail: &Value) -> Result<Json, StoreError> {
    canonical(detail).map(Json).map_err(not_expressible)
}

/// How an actor is named in the log: what stays true when labels change.
pub(super) fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Key { id, .. } => format!("key:{id}"),
        Actor::Member { email, .. } => member(email),
        Actor::System => "system".into(),
    }
}

/// How a person is named in it.
pub(super) fn member(email: &str) -> String {
    format!("member:{email}")
}

/// Adds the next entry to the workspace's log and says where it stands.
pub(super) fn append(
    pens: &Pens<'_>,
    tenant: &mut Tenant,
    telling: &Telling<'_>,
) -> Result<u64, StoreError> {
    let head = append_to(pens, tenant.workspace.id, &tenant.name, tenant.head, telling)?;
    tenant.head = head;
    Ok(head.index)
}

/// As [`append`], for a workspace that is only just being made.
pub(super) fn append_to(
    pens: &Pens<'_>,
    workspace: WorkspaceId,
    name: &str,
    head: Head,
    telling: &Telling<'_>,
) -> Result<Head, StoreError> {
    let Telling { at, actor, kind, subject, detail } = *telling;
    let line = Line {
        workspace: name,
        index: head.index + 1,
        at: &at.to_string(),
        actor,
        kind,
        subject,
        detail: &detail.0,
        previous: head.hash,
    };
    let hash = line.hash().map_err(not_expressible)?;
    let sql = "INSERT INTO audit
               (workspace, position, at, actor, kind, subject, detail, previous, hash)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    pens.write(
        sql,
        params![
            workspace.bytes(),
            codec::signed(line.index),
            at.micros(),
            actor,
            kind,
            subject,
            detail,
            head.hash.as_bytes(),
            hash.as_bytes(),
        ],
    )?;
    Ok(Head { index: line.index, hash })
}

/// The end of a workspace's log.
pub(super) fn head(connection: &Connection, workspace: WorkspaceId) -> Result<Head, StoreError> {
    let sql =
        "SELECT position, hash FROM audit WHERE workspace = ?1 ORDER BY position DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row([workspace.bytes()], |row| {
        let hash = askfirst_proof::Digest::from_bytes(row.get(1)?);
        Ok(Head { index: codec::counted(row, 0)?, hash })
    });
    match found.optional()? {
        Some(head) => Ok(head),
        None => empty(&workspace.to_string()),
    }
}

/// The head of a log without entries.
pub(super) fn empty(name: &str) -> Result<Head, StoreError> {
    Ok(Head { index: 0, hash: log::genesis(name).map_err(not_expressible)? })
}

fn not_expressible(error: askfirst_proof::canonical::CanonicalError) -> StoreError {
    StoreError::Damaged(error.to_string())
}

/// Entries by filter.
pub(super) fn entries(
    connection: &Connection,
    workspace: WorkspaceId,
    filter: &AuditFilter,
) -> Result<Vec<AuditRecord>, StoreError> {
    // Time never goes back in a log, so a period is a range of places in it.
    let place =
        |at: Option<Timestamp>| at.map(|at| place_of(connection, workspace, at)).transpose();
    let (since, until) = (place(filter.since)?, place(filter.until)?);
    let after = filter.after.map(|after| codec::signed(after).saturating_add(1));
    let first = after.max(since).unwrap_or(0);
    let before = filter.before.map(codec::signed);
    let end = [before, until].into_iter().flatten().min().unwrap_or(i64::MAX);
    let order = if filter.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT position, at, actor, kind, subject, detail, previous, hash FROM audit
         WHERE workspace = ?1 AND position >= ?2 AND position < ?3
           AND (?4 IS NULL OR kind = ?4 OR substr(kind, 1, length(?4) + 1) = ?4 || '.')
           AND (?5 IS NULL OR actor = ?5 COLLATE NOCASE)
           AND (?6 IS NULL OR subject = ?6)
         ORDER BY position {order} LIMIT ?7"
    );
    let name = workspace.to_string();
    let mut statement = connection.prepare_cached(&sql)?;
    let wanted = params![
        workspace.bytes(),
        first,
        end,
        filter.kind,
        filter.actor,
        filter.subject,
        filter.limit,
    ];
    let rows = statement.query_map(wanted, |row| {
        Ok(AuditRecord {
            entry: Entry {
                workspace: name.clone(),
                index: codec::counted(row, 0)?,
                at: codec::time(row, 1)?.to_string(),
                actor: row.get(2)?,
                kind: row.get(3)?,
                subject: row.get(4)?,
                detail: codec::json(row, 5)?,
                previous: askfirst_proof::Digest::from_bytes(row.get(6)?),
            },
            hash: askfirst_proof::Digest::from_bytes(row.get(7)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The place of the first entry that is not before `at`; one past the last if all are. Found by
/// halving, since places are counted without gaps.
fn place_of(
    connection: &Connection,
    workspace: WorkspaceId,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT at FROM audit WHERE workspace = ?1 AND position = ?2")?;
    let last = codec::signed(head(connection, workspace)?.index);
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let then: i64 =
            statement.query_row(params![workspace.bytes(), middle], |row| row.get(0))?;
        if then < at.micros() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
