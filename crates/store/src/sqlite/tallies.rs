//! How many approvals each key and each workspace has open and has asked for this month. Counted
//! along in the transaction that makes or ends an approval, for counting rows would take longer
//! the more there are.

use std::collections::HashMap;

use askfirst_core::{
    Allowance, Allowances, Approval, Gauge, KeyId, KeyLimits, Load, Plan, PlanName, Room,
    Timestamp, WorkspaceId,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{self, Id};
use super::queries;
use crate::records::{KeyLoad, Place};
use crate::store::StoreError;

/// The most keys that are told to be full.
const MOST_FULL: u32 = 100;

/// More than this many are forgotten together, between transactions.
const MOST_KEPT: usize = 16_384;

/// The counts that the writer has read, kept between transactions, since nobody else changes them.
/// What a batch changed is written once, at its end; a rollback forgets all of them.
#[derive(Default)]
pub(super) struct Tallies {
    known: HashMap<Whose, Tally>,
    /// What the database does not know yet.
    changed: Vec<Whose>,
}

/// A key's count in a place, or, without one, the whole workspace's.
type Whose = (Place, Option<KeyId>);

#[derive(Clone, Copy, Default)]
struct Tally {
    pending: i64,
    month: i64,
    asks: i64,
    /// Whether it is among what changed.
    changed: bool,
}

impl Tallies {
    fn of(
        &mut self,
        connection: &Connection,
        place: Place,
        key: Option<KeyId>,
    ) -> Result<&mut Tally, StoreError> {
        use std::collections::hash_map::Entry;
        match self.known.entry((place, key)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => Ok(free.insert(read_tally(connection, place, key)?)),
        }
    }

    /// One more open, one more asked.
    pub(super) fn asked(
        &mut self,
        connection: &Connection,
        approval: &Approval,
    ) -> Result<(), StoreError> {
        let this_month = month(approval.created_at);
        for key in [Some(approval.asker.key), None] {
            let tally = self.of(connection, place_of(approval), key)?;
            let asks = if tally.month == this_month { tally.asks + 1 } else { 1 };
            let pending = tally.pending + 1;
            let noted = std::mem::replace(&mut tally.changed, true);
            (tally.pending, tally.month, tally.asks) = (pending, this_month, asks);
            if !noted {
                self.changed.push((place_of(approval), key));
            }
        }
        Ok(())
    }

    /// One fewer open.
    pub(super) fn ended(
        &mut self,
        connection: &Connection,
        approval: &Approval,
    ) -> Result<(), StoreError> {
        for key in [Some(approval.asker.key), None] {
            let tally = self.of(connection, place_of(approval), key)?;
            tally.pending -= 1;
            if !std::mem::replace(&mut tally.changed, true) {
                self.changed.push((place_of(approval), key));
            }
        }
        Ok(())
    }

    /// The room that a key, and its workspace, have at `now`, with what this batch did so far.
    pub(super) fn room(
        &mut self,
        connection: &Connection,
        place: Place,
        key: KeyId,
        allowances: Allowances,
        plan: Option<&Plan>,
        now: Timestamp,
    ) -> Result<Room, StoreError> {
        let (all, plan) = under(plan, allowances.workspace);
        let own = self.of(connection, place, Some(key))?.load(allowances.key, now);
        let workspace = self.of(connection, place, None)?.load(all, now);
        Ok(Room { key: own, workspace, month_ends: now.month().map(|(_, end)| end), plan })
    }

    /// Writes what changed; part of every transaction, before its commit.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO tallies (workspace, environment, key, pending, month, asks)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT DO UPDATE SET
                     pending = excluded.pending, month = excluded.month, asks = excluded.asks";
        for (place, key) in std::mem::take(&mut self.changed) {
            let Some(tally) = self.known.get_mut(&(place, key)) else { continue };
            connection.prepare_cached(sql)?.execute(params![
                place.workspace.bytes(),
                place.environment.as_str(),
                key_bytes(key),
                tally.pending,
                tally.month,
                tally.asks,
            ])?;
            tally.changed = false;
        }
        Ok(())
    }

    /// What is counted of a workspace that is gone.
    pub(super) fn forget(&mut self, workspace: WorkspaceId) {
        self.known.retain(|(place, _), _| place.workspace != workspace);
        self.changed.retain(|(place, _)| place.workspace != workspace);
    }

    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.changed.clear();
    }

    /// Between transactions, when all of it is written.
    pub(super) fn trim(&mut self) {
        if self.known.len() > MOST_KEPT {
            self.clear();
        }
    }
}

impl Tally {
    fn load(self, allowance: Allowance, now: Timestamp) -> Load {
        let mut load = none_of(allowance);
        load.pending.used = self.pending.max(0).unsigned_abs();
        // What was counted in an earlier month counts no more.
        if self.month == month(now) {
            load.asks_per_month.used = self.asks.max(0).unsigned_abs();
        }
        load
    }
}

fn place_of(approval: &Approval) -> Place {
    Place { workspace: approval.workspace, environment: approval.environment }
}

/// The workspace as a whole has the empty key.
fn key_bytes(key: Option<KeyId>) -> Vec<u8> {
    key.map(|key| key.bytes().to_vec()).unwrap_or_default()
}

fn read_tally(
    connection: &Connection,
    place: Place,
    key: Option<KeyId>,
) -> Result<Tally, StoreError> {
    let sql = "SELECT pending, month, asks FROM tallies
               WHERE workspace = ?1 AND environment = ?2 AND key = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let environment = place.environment.as_str();
    let row = params![place.workspace.bytes(), environment, key_bytes(key)];
    Ok(statement.query_row(row, |row| tally(row, 0)).optional()?.unwrap_or_default())
}

fn tally(row: &Row<'_>, first: usize) -> rusqlite::Result<Tally> {
    let (pending, month, asks) = (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
    Ok(Tally { pending, month, asks, changed: false })
}

/// The room that a key, and its workspace, have at `now`, as the database knows it.
pub(super) fn room(
    connection: &Connection,
    place: Place,
    key: Option<KeyId>,
    allowances: Allowances,
    now: Timestamp,
) -> Result<Room, StoreError> {
    let known = queries::workspace(connection, place.workspace)?;
    let (all, plan) =
        under(known.as_ref().and_then(|found| found.plan.as_ref()), allowances.workspace);
    let load = |key, allowance: Allowance| {
        read_tally(connection, place, key).map(|tally| tally.load(allowance, now))
    };
    Ok(Room {
        key: match key {
            Some(key) => {
                let row = queries::key(connection, place.workspace, key)?;
                let own = row.map(|row| row.key.facts.limits).unwrap_or_default();
                load(Some(key), own.tighten(allowances.key))?
            }
            None => Load::default(),
        },
        workspace: load(None, all)?,
        month_ends: now.month().map(|(_, end)| end),
        plan,
    })
}

/// What a workspace with this plan may, and the plan's name if that bounds its asks.
fn under(plan: Option<&Plan>, all: Allowance) -> (Allowance, Option<PlanName>) {
    let Some(plan) = plan else { return (all, None) };
    let (own, bounds) = plan.tighten(all);
    (own, bounds.then(|| plan.name.clone()))
}

/// The keys of a place that may ask for nothing more at `now`.
pub(super) fn full_keys(
    connection: &Connection,
    place: Place,
    allowance: Allowance,
    now: Timestamp,
) -> Result<Vec<KeyLoad>, StoreError> {
    let sql = "SELECT t.key, t.pending, t.month, t.asks, k.limits FROM tallies t
               JOIN keys k ON k.key = t.key
               WHERE t.workspace = ?1 AND t.environment = ?2 AND t.key <> x''
                 AND (t.pending >= min(?3, ifnull(json_extract(k.limits, '$.pending'), ?3))
                   OR (t.month = ?4
                     AND t.asks >= min(?5, ifnull(json_extract(k.limits, '$.asks_per_month'), ?5))))
               ORDER BY t.key LIMIT ?6";
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
        |row| {
            let own = codec::json::<KeyLimits>(row, 4)?.tighten(allowance);
            Ok(KeyLoad { key: codec::id(row, 0)?, load: tally(row, 1)?.load(own, now) })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
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
