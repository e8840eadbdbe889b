//! Whether a receiver takes anything at all. After a few failures in a row, whatever was sent, only
//! one delivery now and then is claimed for it, to find out; with very much waiting, all of it would
//! be tried for nothing otherwise, and the disk would be busy with that. Kept with the receiver, so
//! that a restart knows it, and another process would.
//!
//! What is signed for callbacks goes to many hosts, of which one says nothing about another.

use askfirst_core::{ApprovalId, Seconds, Timestamp, WebhookId};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Id};
use super::deliveries;
use crate::store::StoreError;

/// So many failures in a row make an outage. A delivery alone comes so far only after hours.
const FAILURES: u32 = 5;
/// So long nothing is tried during one.
const PAUSE: Seconds = Seconds(30);
/// Ten attempts of one delivery take as long; what never had a turn is given up as late.
const LAST: Seconds = Seconds(76 * 3_600);
/// As many are given up at a time.
const AT_A_TIME: u32 = 500;

/// How many of so many may be claimed now. During an outage that is one, and until `until`, when its
/// lease ends, no other.
pub(super) fn admitted(
    connection: &Connection,
    webhook: WebhookId,
    limit: u32,
    now: Timestamp,
    until: Timestamp,
) -> Result<u32, StoreError> {
    let sql = "SELECT probe_at FROM webhooks WHERE webhook = ?1 AND probe_at IS NOT NULL";
    let probe_at = connection
        .prepare_cached(sql)?
        .query_row([webhook.bytes()], |row| codec::time(row, 0))
        .optional()?;
    match probe_at {
        None => Ok(limit),
        Some(at) if now < at => Ok(0),
        Some(_) => {
            let sql = "UPDATE webhooks SET probe_at = ?2 WHERE webhook = ?1";
            connection.prepare_cached(sql)?.execute((webhook.bytes(), until.micros()))?;
            Ok(limit.min(1))
        }
    }
}

/// Counts a failure. During an outage, what waited as long as ten attempts take is given up.
pub(super) fn failed(
    connection: &Connection,
    webhook: WebhookId,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET failures = failures + 1,
                 failing_since = ifnull(failing_since, ?2),
                 probe_at = CASE WHEN failures + 1 >= ?3 THEN ?4 END
               WHERE webhook = ?1 AND callbacks = 0 RETURNING probe_at IS NOT NULL";
    let row = params![webhook.bytes(), now.micros(), FAILURES, now.plus(PAUSE).micros()];
    let down = connection.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    if down != Some(true) {
        return Ok(());
    }
    // What never had a turn has been due since it happened.
    let sql = "UPDATE deliveries SET settled_at = ?2, due_at = NULL, why = ?4
               WHERE position IN (SELECT position FROM deliveries
                 WHERE webhook = ?1 AND due_at <= ?3 ORDER BY due_at LIMIT ?5)
               RETURNING approval";
    let oldest = Timestamp::from_micros(now.micros() - i64::from(LAST.0) * 1_000_000);
    let why = format!("nothing was taken for three days, at last because {why}");
    let row = params![webhook.bytes(), now.micros(), oldest.micros(), why, AT_A_TIME];
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(row, |row| codec::id(row, 0))?;
    for approval in rows.collect::<Result<Vec<ApprovalId>, _>>()? {
        deliveries::next_is_due(connection, webhook, approval, now)?;
    }
    Ok(())
}

/// Somebody wants it tried now.
pub(super) fn forget(connection: &Connection, webhook: WebhookId) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET failures = 0, failing_since = NULL, probe_at = NULL
               WHERE webhook = ?1";
    connection.prepare_cached(sql)?.execute([webhook.bytes()])?;
    Ok(())
}

/// Notes that something was taken. After an outage, all that waits is due.
pub(super) fn over(
    connection: &Connection,
    webhook: WebhookId,
    lease: Seconds,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT probe_at IS NOT NULL FROM webhooks WHERE webhook = ?1 AND failures > 0";
    let known = connection.prepare_cached(sql)?.query_row([webhook.bytes()], |row| row.get(0));
    let Some(down) = known.optional()? else { return Ok(false) };
    forget(connection, webhook)?;
    if down {
        // What is due within a lease may be on its way; it comes soon enough.
        let sql = "UPDATE deliveries SET due_at = ?2
                   WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?3";
        let row = params![webhook.bytes(), now.micros(), now.plus(lease).micros()];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    Ok(down)
}
