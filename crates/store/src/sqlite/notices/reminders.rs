//! One more word to whoever was asked and has not answered, late in the time that they have. It is
//! planned when they are asked, and stands behind nothing: whether it is still wanted is looked up
//! when its time has come.

use askfirst_core::{About, Seconds, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::super::codec::{self, Id};
use crate::notices::ClaimedNotice;
use crate::store::StoreError;

/// Whoever has less time than this until the reminder has not forgotten yet.
const LEAST: Seconds = Seconds(10 * 60);

/// What was planned and not begun, as a condition on a row of `table`, which ends in a dot unless it
/// is empty: it holds up nothing, and nobody sees it.
pub(in crate::sqlite) fn planned(table: &str) -> String {
    format!("({table}about = 'reminder' AND {table}attempt = 0)")
}

/// When somebody who is asked at `now` is reminded: three quarters through the time that is left.
fn time(now: Timestamp, deadline: Timestamp) -> Option<Timestamp> {
    let left = deadline.micros().saturating_sub(now.micros());
    let wait = left / 4 * 3;
    (wait >= i64::from(LEAST.0) * 1_000_000)
        .then(|| Timestamp::from_micros(now.micros().saturating_add(wait)))
}

/// Plans it for whoever was asked just now; later if they were asked anew. One alone reaches them.
pub(super) fn plan(
    connection: &Connection,
    asked: &ClaimedNotice,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (place, approval) = (asked.place, asked.approval);
    let sql = "SELECT expires_at FROM approvals WHERE workspace = ?1 AND environment = ?2
                 AND approval = ?3 AND due_at IS NOT NULL";
    let key = (place.workspace.bytes(), place.environment.as_str(), approval.bytes());
    let deadline =
        connection.prepare_cached(sql)?.query_row(key, |row| codec::time(row, 0)).optional()?;
    let Some(at) = deadline.and_then(|deadline| time(now, deadline)) else { return Ok(()) };
    let about = About::Reminder;
    // One reached them, or they had answered when its time came, and are asked anew.
    let sql = "SELECT count(*), ifnull(max(sent), 0) FROM notices WHERE approval = ?1
                 AND channel = ?2 AND member = ?3 AND about = 'reminder'
                 AND settled_at IS NOT NULL";
    let key = (approval.bytes(), asked.channel.id.bytes(), asked.member.bytes());
    let (former, reminded): (u32, bool) = connection
        .prepare_cached(sql)?
        .query_row(key, |row| Ok((codec::counted(row, 0)?, row.get(1)?)))?;
    if reminded {
        return Ok(());
    }
    let id = super::subject::notice_id(asked.channel.id, approval, asked.member, former, about);
    let sql = "INSERT INTO notices (notice, workspace, environment, channel, approval, member,
                 about, added_at, due_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT (notice) DO UPDATE SET due_at = ?9
                 WHERE settled_at IS NULL AND attempt = 0 AND gathered_at IS NULL";
    connection.prepare_cached(sql)?.execute(params![
        id.bytes(),
        place.workspace.bytes(),
        place.environment.as_str(),
        asked.channel.id.bytes(),
        approval.bytes(),
        asked.member.bytes(),
        about.as_str(),
        now.micros(),
        at.micros(),
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_comes_late_in_the_time_and_only_if_there_is_some() {
        let at = |left: i64| {
            let now = Timestamp::from_seconds(1_000);
            time(now, Timestamp::from_seconds(1_000 + left)).map(|at| at.seconds() - 1_000)
        };
        assert_eq!(at(3_600), Some(2_700));
        assert_eq!(at(800), Some(600));
        assert_eq!(at(799), None);
        assert_eq!(at(0), None);
        assert_eq!(at(-60), None);
        assert_eq!(at(30 * 86_400), Some(1_944_000));
    }
}
