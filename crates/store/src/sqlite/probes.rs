//! Whether a way to people works at all. After a few failures in a row that are its own, whoever is
//! told, only one notice now and then is claimed for it, to find out; the others wait and lose none
//! of their attempts. Kept with the way, so that a restart knows it, and another process would.

use askfirst_core::{ChannelId, Seconds, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Id};
use super::notices;
use super::writer::Desk;
use crate::notices::{Down, Turn};
use crate::store::{Change, StoreError};

/// So many failures in a row put a way down.
const FAILURES: u32 = 3;
/// So long nothing is tried by a way that is down.
const PAUSE: Seconds = Seconds(30);

/// How many may be claimed of so many, and whether that is to find out if the way works.
pub(super) fn admitted(down: Option<Down>, now: Timestamp, limit: u32) -> (u32, bool) {
    match down {
        None => (limit, false),
        Some(down) if now < down.next_probe_at => (0, true),
        Some(_) => (limit.min(1), true),
    }
}

/// The next attempt by a way that is down comes not before then.
pub(super) fn wait(
    connection: &Connection,
    id: ChannelId,
    until: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE channels SET probe_at = ?2 WHERE channel = ?1 AND probe_at IS NOT NULL";
    connection.prepare_cached(sql)?.execute((id.bytes(), until.micros()))?;
    Ok(())
}

/// Counts a failure of the way itself. Gives whether it is down, and since when if it went down
/// with this one.
pub(super) fn failed(
    connection: &Connection,
    id: ChannelId,
    now: Timestamp,
) -> Result<(bool, Option<Turn>), StoreError> {
    let sql = "UPDATE channels SET failures = failures + 1,
                 failing_since = ifnull(failing_since, ?2),
                 probe_at = CASE WHEN failures + 1 >= ?3 THEN ?4 END
               WHERE channel = ?1 RETURNING failures, failing_since";
    let row = params![id.bytes(), now.micros(), FAILURES, now.plus(PAUSE).micros()];
    let counted = connection
        .prepare_cached(sql)?
        .query_row(row, |row| Ok((codec::counted::<u32>(row, 0)?, codec::time(row, 1)?)));
    // It was removed in the meantime.
    let Some((failures, since)) = counted.optional()? else { return Ok((false, None)) };
    Ok((failures >= FAILURES, (failures == FAILURES).then_some(Turn::Down { since })))
}

/// Notes that a way works. If it was down, all that was tried by it is due.
pub(super) fn worked(desk: &mut Desk<'_, '_>, id: ChannelId) -> Result<Option<Turn>, StoreError> {
    let connection = desk.connection;
    let sql = "SELECT failing_since, probe_at FROM channels WHERE channel = ?1 AND failures > 0";
    let known = connection
        .prepare_cached(sql)?
        .query_row([id.bytes()], |row| Ok((codec::time(row, 0)?, codec::maybe_time(row, 1)?)));
    let Some((since, probe_at)) = known.optional()? else { return Ok(None) };
    let sql = "UPDATE channels SET failures = 0, failing_since = NULL, probe_at = NULL
               WHERE channel = ?1";
    connection.prepare_cached(sql)?.execute([id.bytes()])?;
    if probe_at.is_none() {
        return Ok(None);
    }
    notices::hasten(connection, id, desk.now)?;
    desk.changes.push(Change::Deliveries);
    Ok(Some(Turn::Up { since }))
}
