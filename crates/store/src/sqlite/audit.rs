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
use crate::records::AuditRecord;
use crate::store::StoreError;

/// What an entry tells, before it has its place.
pub(super) struct Telling<'a> {
    pub(super) at: Timestamp,
    pub(super) actor: &'a str,
    pub(super) kind: &'a str,
    pub(super) subject: &'a str,
    pub(super) detail: &'a Value,
}

/// How an actor is named in the log: what stays true when labels change.
pub(super) fn actor(actor: &Actor) -> String {
    match actor {
        Actor::Key { id, .. } => format!("key:{id}"),
        Actor::Member { email, .. } => format!("member:{email}"),
        Actor::System => "system".into(),
    }
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
    let detail = Json(canonical(detail).map_err(not_expressible)?);
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

/// Entries after index `after`, oldest first.
pub(super) fn entries(
    connection: &Connection,
    workspace: WorkspaceId,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let sql = "SELECT position, at, actor, kind, subject, detail, previous, hash FROM audit
               WHERE workspace = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
    let name = workspace.to_string();
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((workspace.bytes(), codec::signed(after), limit), |row| {
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
