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
/// Ten attempts of one delivery take as long.
const LAST: Seconds = Seconds(76 * 3_600);
/// As many are given up at a time.
const AT_A_TIME: u32 = 2_000;
/// No attempt has more time than this: what is due later is not on its way.
pub(super) const LONGEST_LEASE: Seconds = Seconds(60);

/// What may be claimed for a receiver now.
pub(super) struct Admitted {
    /// So many.
    pub(super) limit: u32,
    /// During an outage: what finds out whether it is over.
    pub(super) probe: Option<Probe>,
}

/// Which delivery finds out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    /// What waited longest.
    Oldest,
    /// What came last. Taken in turns with the other, as a receiver may refuse what is old and take
    /// what is new.
    Newest,
}

/// How many of so many may be claimed now. During an outage that is one, and until `until`, when its
/// lease ends, no other.
pub(super) fn admitted(
    connection: &Connection,
    webhook: WebhookId,
    limit: u32,
    now: Timestamp,
    until: Timestamp,
) -> Result<Admitted, StoreError> {
    let sql = "SELECT probe_at, failures FROM webhooks WHERE webhook = ?1 AND probe_at IS NOT NULL";
    let known = connection
        .prepare_cached(sql)?
        .query_row([webhook.bytes()], |row| {
            Ok((codec::time(row, 0)?, codec::counted::<u32>(row, 1)?))
        })
        .optional()?;
    let Some((probe_at, failures)) = known else { return Ok(Admitted { limit, probe: None }) };
    let probe = Some(if failures.is_multiple_of(2) { Probe::Newest } else { Probe::Oldest });
    if now < probe_at {
        return Ok(Admitted { limit: 0, probe });
    }
    let sql = "UPDATE webhooks SET probe_at = ?2 WHERE webhook = ?1";
    connection.prepare_cached(sql)?.execute((webhook.bytes(), until.micros()))?;
    Ok(Admitted { limit: limit.min(1), probe })
}

/// An attempt before its time is not one of the ten, as long as ten would take.
pub(super) fn is_free(added_at: Timestamp, now: Timestamp) -> bool {
    added_at > now.minus(LAST)
}

/// Counts a failure. In an outage that lasts as long as ten attempts, what waited as long is given
/// up, if it ever had a turn or not.
pub(super) fn failed(
    connection: &Connection,
    webhook: WebhookId,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let oldest = now.minus(LAST).micros();
    let sql = "UPDATE webhooks SET failures = failures + 1,
                 failing_since = ifnull(failing_since, ?2),
                 probe_at = CASE WHEN failures + 1 >= ?3 THEN ?4 END
               WHERE webhook = ?1 AND callbacks = 0 AND state = 'active'
               RETURNING probe_at IS NOT NULL AND failing_since <= ?5";
    let row = params![webhook.bytes(), now.micros(), FAILURES, now.plus(PAUSE).micros(), oldest];
    let long = connection.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?;
    if long != Some(true) {
        return Ok(());
    }
    // What never had a turn has been due since it happened.
    let sql = "UPDATE deliveries SET settled_at = ?2, due_at = NULL, why = ?4
               WHERE position IN (SELECT position FROM deliveries
                 WHERE webhook = ?1 AND due_at <= ?3 ORDER BY due_at LIMIT ?5)
               RETURNING approval";
    let why = format!("nothing was taken for three days, at last because {why}");
    let row = params![webhook.bytes(), now.micros(), oldest, why, AT_A_TIME];
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(row, |row| codec::id(row, 0))?;
    for approval in rows.collect::<Result<Vec<ApprovalId>, _>>()? {
        deliveries::next_is_due(connection, webhook, approval, now)?;
    }
    Ok(())
}

/// Somebody wants it tried now. Whether the outage is over, the receiver says.
pub(super) fn try_now(
    connection: &Connection,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET probe_at = ?2 WHERE webhook = ?1 AND probe_at > ?2";
    connection.prepare_cached(sql)?.execute((webhook.bytes(), now.micros()))?;
    Ok(())
}

/// Nothing is known of a receiver any more.
pub(super) fn forget(connection: &Connection, webhook: WebhookId) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET failures = 0, failing_since = NULL, probe_at = NULL
               WHERE webhook = ?1";
    connection.prepare_cached(sql)?.execute([webhook.bytes()])?;
    Ok(())
}

/// All that waits for its time is due.
pub(super) fn all_is_due(
    connection: &Connection,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<(), StoreError> {
    // What is due within a lease may be on its way; it comes soon enough.
    let sql = "UPDATE deliveries SET due_at = ?2,
                 earlier = CASE WHEN added_at > ?4 THEN min(earlier + 1, attempt)
                   ELSE earlier END
               WHERE webhook = ?1 AND settled_at IS NULL AND due_at > ?3";
    let (lease, oldest) = (now.plus(LONGEST_LEASE).micros(), now.minus(LAST).micros());
    let row = params![webhook.bytes(), now.micros(), lease, oldest];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Notes that something was taken. After an outage, all that waits is due.
pub(super) fn over(
    connection: &Connection,
    webhook: WebhookId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT probe_at IS NOT NULL FROM webhooks WHERE webhook = ?1 AND failures > 0";
    let known = connection.prepare_cached(sql)?.query_row([webhook.bytes()], |row| row.get(0));
    let Some(down) = known.optional()? else { return Ok(false) };
    forget(connection, webhook)?;
    if down {
        all_is_due(connection, webhook, now)?;
    }
    Ok(down)
}
