//! Work that waits for its time: deadlines, the outbox with its leases, and what is tidied away.

use askfirst_core::{ApprovalId, Seconds, Status, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Id};
use super::proof_tokens;
use super::writer::Desk;
use crate::records::{DueTimer, Health, OutboxRow, Place};
use crate::store::{Change, Settlement, StoreError};

pub(super) fn due_timers(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<DueTimer>, StoreError> {
    let sql = "SELECT workspace, environment, approval, due_at FROM approvals
               WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((now.micros(), limit), |row| {
        Ok(DueTimer {
            place: Place {
                workspace: codec::id(row, 0)?,
                environment: codec::environment(row, 1)?,
            },
            approval: codec::id(row, 2)?,
            due_at: codec::time(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the next timer is due. Spelled so that the index of those that are pending answers it.
pub(super) const NEXT_TIMER: &str = "SELECT min(due_at) FROM approvals WHERE due_at IS NOT NULL";

pub(super) fn next_timer(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = connection.prepare_cached(NEXT_TIMER)?;
    Ok(statement.query_row([], |row| codec::maybe_time(row, 0))?)
}

/// Claims due rows: counts the attempt and hides them until the lease is over.
pub(super) fn claim(
    desk: &mut Desk<'_, '_>,
    kind: &str,
    lease: Seconds,
    limit: u32,
) -> Result<Vec<OutboxRow>, StoreError> {
    let sql = "SELECT outbox, workspace, environment, approval, attempt FROM outbox
               WHERE kind = ?1 AND due_at <= ?2 AND dead_at IS NULL ORDER BY due_at LIMIT ?3";
    let mut statement = desk.connection.prepare_cached(sql)?;
    let rows = statement.query_map((kind, desk.now.micros(), limit), |row| {
        let attempt: u32 = codec::counted(row, 4)?;
        Ok(OutboxRow {
            id: row.get(0)?,
            kind: kind.into(),
            place: Place {
                workspace: codec::id(row, 1)?,
                environment: codec::environment(row, 2)?,
            },
            approval: codec::id(row, 3)?,
            attempt: attempt + 1,
        })
    })?;
    let rows: Vec<OutboxRow> = rows.collect::<Result<_, _>>()?;
    let sql = "UPDATE outbox SET attempt = ?2, due_at = ?3 WHERE outbox = ?1";
    let mut statement = desk.connection.prepare_cached(sql)?;
    for row in &rows {
        statement.execute(params![row.id, row.attempt, desk.now.plus(lease).micros()])?;
    }
    Ok(rows)
}

/// Ends an attempt. A later attempt has a higher count, so who lost the lease finds no row.
pub(super) fn settle(
    desk: &mut Desk<'_, '_>,
    row: &OutboxRow,
    settlement: &Settlement,
) -> Result<(), StoreError> {
    let connection = desk.connection;
    let sql = "SELECT 1 FROM outbox WHERE outbox = ?1 AND attempt = ?2 AND dead_at IS NULL";
    let mut held = connection.prepare_cached(sql)?;
    if !held.exists((row.id, row.attempt))? {
        return Ok(());
    }
    match settlement {
        Settlement::Signed { token, proof_token } => {
            let sql = "UPDATE proofs SET token = ?2 WHERE approval = ?1 AND token IS NULL";
            connection.prepare_cached(sql)?.execute(params![row.approval.bytes(), token])?;
            if let Some(signed) = proof_token {
                proof_tokens::signed(connection, row.approval, signed)?;
            }
            let sql = "DELETE FROM outbox WHERE outbox = ?1";
            connection.prepare_cached(sql)?.execute([row.id])?;
            if let Some(status) = status(connection, row.place, row.approval)? {
                let change = Change::Approval { place: row.place, id: row.approval, status };
                desk.changes.push(change);
            }
        }
        Settlement::Retry { at, why } => {
            let sql = "UPDATE outbox SET due_at = ?2, why = ?3 WHERE outbox = ?1";
            connection.prepare_cached(sql)?.execute(params![row.id, at.micros(), why])?;
        }
        Settlement::GiveUp { why } => {
            let sql = "UPDATE outbox SET dead_at = ?2, why = ?3 WHERE outbox = ?1";
            connection.prepare_cached(sql)?.execute(params![row.id, desk.now.micros(), why])?;
        }
    }
    Ok(())
}

fn status(
    connection: &Connection,
    place: Place,
    id: ApprovalId,
) -> Result<Option<Status>, StoreError> {
    let sql = "SELECT status FROM approvals
               WHERE workspace = ?1 AND environment = ?2 AND approval = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (place.workspace.bytes(), place.environment.as_str(), id.bytes());
    Ok(statement.query_row(key, |row| codec::status(row, 0)).optional()?)
}

/// Rows of each kind that one call removes at most, so that no write waits long behind it.
const AT_ONCE: u32 = 5_000;

/// Removes what has no use any more.
pub(super) fn tidy(desk: &mut Desk<'_, '_>) -> Result<u64, StoreError> {
    let mut gone = 0;
    for sql in [
        "DELETE FROM idempotency
         WHERE (workspace, environment, credential, operation, key) IN
           (SELECT workspace, environment, credential, operation, key FROM idempotency
            WHERE ends_at <= ?1 LIMIT ?2)",
        "DELETE FROM sessions WHERE session IN
           (SELECT session FROM sessions WHERE closed_at IS NOT NULL OR expires_at <= ?1 LIMIT ?2)",
        // For a day whoever comes late is told that they do.
        "DELETE FROM decision_links WHERE link IN
           (SELECT link FROM decision_links WHERE expires_at <= ?1 - 86400000000 LIMIT ?2)",
        "DELETE FROM room_cards WHERE secret IN
           (SELECT secret FROM room_cards WHERE expires_at <= ?1 - 86400000000 LIMIT ?2)",
        "DELETE FROM login_links WHERE secret IN
           (SELECT secret FROM login_links
            WHERE spent_at IS NOT NULL OR expires_at <= ?1 LIMIT ?2)",
        "UPDATE webhooks SET older = NULL, older_until = NULL WHERE webhook IN
           (SELECT webhook FROM webhooks WHERE older_until <= ?1 LIMIT ?2)",
        // The log of what was sent goes back thirty days.
        "DELETE FROM deliveries WHERE position IN
           (SELECT position FROM deliveries WHERE settled_at <= ?1 - 2592000000000 LIMIT ?2)",
        "DELETE FROM notices WHERE position IN
           (SELECT position FROM notices WHERE settled_at <= ?1 - 2592000000000 LIMIT ?2)",
    ] {
        let mut statement = desk.connection.prepare_cached(sql)?;
        gone += statement.execute((desk.now.micros(), AT_ONCE))? as u64;
    }
    // Of receivers that are gone. Steps from one receiver to the next in the index: reading all
    // that is on its way would keep every write waiting.
    let sql = "WITH RECURSIVE receivers (webhook) AS
                 (SELECT min(webhook) FROM deliveries UNION ALL
                  SELECT (SELECT min(d.webhook) FROM deliveries d WHERE d.webhook > r.webhook)
                  FROM receivers r WHERE r.webhook IS NOT NULL)
               DELETE FROM deliveries WHERE position IN
                 (SELECT position FROM deliveries WHERE webhook IN
                    (SELECT webhook FROM receivers WHERE webhook IS NOT NULL
                     EXCEPT SELECT webhook FROM webhooks) LIMIT ?1)";
    gone += desk.connection.prepare_cached(sql)?.execute([AT_ONCE])? as u64;
    Ok(gone)
}

pub(super) fn health(
    connection: &Connection,
    schema: u32,
    writable: bool,
) -> Result<Health, StoreError> {
    let sql = format!(
        "SELECT (SELECT count(*) FROM approvals WHERE due_at IS NOT NULL), ({NEXT_TIMER}),
           (SELECT count(*) FROM outbox WHERE dead_at IS NULL),
           (SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([], |row| {
        Ok(Health {
            schema,
            writable,
            pending: codec::counted(row, 0)?,
            oldest_timer: codec::maybe_time(row, 1)?,
            outbox: codec::counted(row, 2)?,
            bytes: codec::counted(row, 3)?,
            free: None,
            queued: 0,
            batches: 0,
            operations: 0,
        })
    })?)
}
