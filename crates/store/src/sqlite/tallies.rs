//! How many approvals each key and each workspace has open and has asked for this month. Counted
//! along in the transaction that makes or ends an approval, for counting rows would take longer
//! the more there are.

use askfirst_core::{Allowance, Allowances, Approval, Gauge, KeyId, Load, Room, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{self, Id};
use super::pens::Pens;
use crate::records::{KeyLoad, Place};
use crate::store::StoreError;

/// The most keys that are told to be full.
const MOST_FULL: u32 = 100;

/// One more open, one more asked.
pub(super) fn asked(pens: &Pens<'_>, approval: &Approval) -> Result<(), StoreError> {
    let sql = "INSERT INTO tallies (workspace, environment, key, pending, month, asks)
               VALUES (?1, ?2, ?3, 1, ?4, 1), (?1, ?2, x'', 1, ?4, 1)
               ON CONFLICT DO UPDATE SET
                 pending = pending + 1,
                 asks = CASE WHEN month = excluded.month THEN asks + 1 ELSE 1 END,
                 month = excluded.month";
    pens.write(
        sql,
        params![
            approval.workspace.bytes(),
            approval.environment.as_str(),
            approval.asker.key.bytes(),
            month(approval.created_at),
        ],
    )?;
    Ok(())
}

/// One fewer open.
pub(super) fn ended(pens: &Pens<'_>, approval: &Approval) -> Result<(), StoreError> {
    let sql = "UPDATE tallies SET pending = pending - 1
               WHERE workspace = ?1 AND environment = ?2 AND key IN (?3, x'')";
    let workspace = approval.workspace.bytes();
    let key = approval.asker.key.bytes();
    pens.write(sql, params![workspace, approval.environment.as_str(), key])?;
    Ok(())
}

/// The room that a key, and its workspace, have at `now`.
pub(super) fn room(
    connection: &Connection,
    place: Place,
    key: Option<KeyId>,
    allowances: Allowances,
    now: Timestamp,
) -> Result<Room, StoreError> {
    let load = |key: &[u8], allowance| load(connection, place, key, allowance, now);
    Ok(Room {
        key: match key {
            Some(key) => load(&key.bytes(), allowances.key)?,
            None => Load::default(),
        },
        workspace: load(&[], allowances.workspace)?,
        month_ends: now.month().map(|(_, end)| end),
    })
}

fn load(
    connection: &Connection,
    place: Place,
    key: &[u8],
    allowance: Allowance,
    now: Timestamp,
) -> Result<Load, StoreError> {
    let sql = "SELECT pending, month, asks FROM tallies
               WHERE workspace = ?1 AND environment = ?2 AND key = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement
        .query_row(params![place.workspace.bytes(), place.environment.as_str(), key], |row| {
            read(row, 0, allowance, now)
        });
    Ok(found.optional()?.unwrap_or_else(|| none_of(allowance)))
}

/// The keys of a place that may ask for nothing more at `now`.
pub(super) fn full_keys(
    connection: &Connection,
    place: Place,
    allowance: Allowance,
    now: Timestamp,
) -> Result<Vec<KeyLoad>, StoreError> {
    let sql = "SELECT key, pending, month, asks FROM tallies
               WHERE workspace = ?1 AND environment = ?2 AND key <> x''
                 AND (pending >= ?3 OR (month = ?4 AND asks >= ?5))
               ORDER BY key LIMIT ?6";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(
        params![
            place.workspace.bytes(),
            place.environment.as_str(),
            codec::signed(allowance.pending),
            month(now),
            codec::signed(allowance.asks_per_month),
            MOST_FULL,
        ],
        |row| Ok(KeyLoad { key: codec::id(row, 0)?, load: read(row, 1, allowance, now)? }),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(
    row: &Row<'_>,
    first: usize,
    allowance: Allowance,
    now: Timestamp,
) -> rusqlite::Result<Load> {
    let (pending, counted, asks): (i64, i64, i64) =
        (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
    let mut load = none_of(allowance);
    load.pending.used = pending.max(0).unsigned_abs();
    // What was counted in an earlier month counts no more.
    if counted == month(now) {
        load.asks_per_month.used = asks.max(0).unsigned_abs();
    }
    Ok(load)
}

fn none_of(allowance: Allowance) -> Load {
    Load {
        pending: Gauge { used: 0, allowed: allowance.pending },
        asks_per_month: Gauge { used: 0, allowed: allowance.asks_per_month },
    }
}

/// A month by its beginning.
fn month(now: Timestamp) -> i64 {
    now.month().map_or(0, |(start, _)| start.micros())
}
