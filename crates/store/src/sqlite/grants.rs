//! Votes given in advance: their rows, and those that stand, kept with the tenant.

use std::collections::HashMap;
use std::sync::Arc;

use askfirst_core::{
    Approval, Environment, Grant, GrantId, KeyId, MemberId, Timestamp, WorkspaceId,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{self, Id};
use crate::records::{GrantFilter, GrantRecord, Place};
use crate::store::StoreError;

/// The grants of a workspace that were not taken back, by whose asks they are for; oldest first.
#[derive(Default)]
pub(super) struct Standing(HashMap<(Environment, KeyId), Vec<Arc<Grant>>>);

impl Standing {
    pub(super) fn read(
        connection: &Connection,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let sql = "SELECT body, used, environment FROM grants
                   WHERE workspace = ?1 AND ended_at IS NULL AND ends_at > ?2 AND used < uses
                   ORDER BY grant_id";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map((workspace.bytes(), now.micros()), |row| {
            Ok((codec::environment(row, 2)?, read(row)?))
        })?;
        let mut standing = Self::default();
        for row in rows {
            let (environment, grant) = row?;
            standing.add(environment, grant, now);
        }
        Ok(standing)
    }

    pub(super) fn of(&self, environment: Environment, asker: KeyId) -> Vec<Arc<Grant>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0.get(&(environment, asker)).cloned().unwrap_or_default()
    }

    fn add(&mut self, environment: Environment, grant: Grant, now: Timestamp) {
        let standing = self.0.entry((environment, grant.terms.asker)).or_default();
        // What is over makes room for what comes.
        standing.retain(|known| known.is_open(now));
        standing.push(Arc::new(grant));
    }

    fn find(&mut self, asked: &Approval, id: GrantId) -> Option<&mut Arc<Grant>> {
        let standing = self.0.get_mut(&(asked.environment, asked.asker.key))?;
        standing.iter_mut().find(|grant| grant.id == id)
    }

    /// Records a new one.
    pub(super) fn give(
        &mut self,
        connection: &Connection,
        approval: &Approval,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO grants (grant_id, workspace, environment, approval, asker, member,
                     ends_at, uses, used, body)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        connection.prepare_cached(sql)?.execute(params![
            grant.id.bytes(),
            approval.workspace.bytes(),
            approval.environment.as_str(),
            approval.id.bytes(),
            grant.terms.asker.bytes(),
            grant.by.id.bytes(),
            grant.until().micros(),
            grant.terms.uses,
            grant.used,
            codec::to_json(grant)?,
        ])?;
        self.add(approval.environment, grant.clone(), now);
        Ok(())
    }

    /// Counts a use by what was just asked.
    pub(super) fn used(
        &mut self,
        connection: &Connection,
        asked: &Approval,
        id: GrantId,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET used = used + 1
                   WHERE grant_id = ?1 AND used < uses AND ended_at IS NULL";
        let counted = connection.prepare_cached(sql)?.execute([id.bytes()])?;
        match self.find(asked, id) {
            Some(grant) if counted == 1 => Arc::make_mut(grant).used += 1,
            _ => return Err(StoreError::Damaged(format!("{id} is not as it was kept"))),
        }
        Ok(())
    }

    /// Ends those that were given on an approval that is taken back.
    pub(super) fn end_with(
        &mut self,
        connection: &Connection,
        approval: &Approval,
        by: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET ended_at = ?2, ended_by = ?3
                   WHERE approval = ?1 AND ended_at IS NULL";
        connection.prepare_cached(sql)?.execute(params![approval.id.bytes(), now.micros(), by])?;
        for standing in self.0.values_mut() {
            standing.retain(|grant| grant.approval != approval.id);
        }
        Ok(())
    }
}

/// Ends one of this member's; false if it was over. None if they have no such grant.
pub(super) fn end(
    connection: &Connection,
    place: Place,
    id: GrantId,
    of: MemberId,
    by: &str,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    let Some(known) = one(connection, place, id)? else { return Ok(None) };
    if known.grant.by.id != of {
        return Ok(None);
    }
    if known.ended.is_some() || !known.grant.is_open(now) {
        return Ok(Some(false));
    }
    let sql = "UPDATE grants SET ended_at = ?2, ended_by = ?3 WHERE grant_id = ?1";
    connection.prepare_cached(sql)?.execute(params![id.bytes(), now.micros(), by])?;
    Ok(Some(true))
}

const GRANT: &str = "SELECT body, used, ended_at, ended_by FROM grants
                     WHERE workspace = ?1 AND environment = ?2";

pub(super) fn one(
    connection: &Connection,
    place: Place,
    id: GrantId,
) -> Result<Option<GrantRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{GRANT} AND grant_id = ?3"))?;
    let row = params![place.workspace.bytes(), place.environment.as_str(), id.bytes()];
    Ok(statement.query_row(row, record).optional()?)
}

pub(super) fn list(
    connection: &Connection,
    place: Place,
    filter: &GrantFilter,
    now: Timestamp,
) -> Result<Vec<GrantRecord>, StoreError> {
    let sql = format!(
        "{GRANT} AND (NOT ?3 OR (ended_at IS NULL AND ends_at > ?4 AND used < uses))
           AND (?5 IS NULL OR member = ?5) AND (?6 IS NULL OR asker = ?6)
           AND (?7 IS NULL OR grant_id < ?7)
         ORDER BY grant_id DESC LIMIT ?8"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(
        params![
            place.workspace.bytes(),
            place.environment.as_str(),
            filter.open,
            now.micros(),
            filter.by.map(Id::bytes),
            filter.asker.map(Id::bytes),
            filter.before.map(Id::bytes),
            filter.limit,
        ],
        record,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<GrantRecord> {
    let ended = codec::maybe_time(row, 2)?.zip(row.get(3)?);
    Ok(GrantRecord { grant: read(row)?, ended })
}

/// From `body` and `used`, the first two columns.
fn read(row: &Row<'_>) -> rusqlite::Result<Grant> {
    let grant: Grant = codec::json(row, 0)?;
    Ok(Grant { used: row.get(1)?, ..grant })
}
