//! Claims what is due by a way: as much as it can carry, one by one, and what is too much for
//! somebody together.

use askfirst_core::{ChannelId, ChatRoom, NoticeId, Seconds, Timestamp};
use rusqlite::{Connection, Row, params};

use super::super::codec::{self, Id};
use super::super::writer::Desk;
use super::super::{channels, probes};
use super::{gathering, planned};
use crate::notices::{Channel, ClaimedNotice};
use crate::records::Place;
use crate::store::StoreError;

/// So many rows are looked at, at a time, for some that can be claimed.
const LOOK: u32 = 100;
/// And so often in one claim.
const LOOKS: u32 = 10;

const CLAIM: &str = "SELECT n.notice, n.workspace, n.environment, n.approval, n.member, n.about,
                 n.attempt, m.email,
                 (SELECT f.reference FROM notices f WHERE f.approval = n.approval
                    AND f.channel = n.channel AND f.member = n.member AND f.sent = 1
                    AND f.notice <> n.notice ORDER BY f.position LIMIT 1),
                 n.earlier, n.digest,
                 EXISTS (SELECT 1 FROM notices f WHERE f.approval = n.approval
                    AND f.channel = n.channel AND f.member = n.member AND f.sent = 1
                    AND f.digest IS NULL),
                 (SELECT a.expires_at FROM approvals a WHERE a.workspace = n.workspace
                    AND a.environment = n.environment AND a.approval = n.approval),
                 n.held OR n.sent,
                 (SELECT a.account FROM accounts a WHERE a.channel = n.channel
                    AND a.member = m.member),
                 (SELECT f.reference FROM notices f WHERE f.approval = n.approval
                    AND f.channel = n.channel AND f.member = n.member AND f.sent = 1
                    AND f.digest IS NULL AND f.reference IS NOT NULL
                  ORDER BY f.settled_at DESC, f.position DESC LIMIT 1)
               FROM notices n
               LEFT JOIN members m ON m.workspace = n.workspace AND m.member = n.member
                 AND m.enabled = 1";

/// A row to claim.
struct Claimable {
    row: ClaimedNotice,
    /// The deadline of what it is about.
    deadline: Option<Timestamp>,
    /// Whether it may have reached them before.
    known: bool,
}

fn claimable(row: &Row<'_>, way: &Channel, probe: bool) -> rusqlite::Result<Claimable> {
    let attempt: u32 = codec::counted(row, 6)?;
    let member = codec::id(row, 4)?;
    let address: Option<String> = row.get(if way.settings.hears() { 14 } else { 7 })?;
    let room = || way.settings.room_at(member).map(ChatRoom::address);
    let claimed = ClaimedNotice {
        id: codec::id(row, 0)?,
        channel: way.clone(),
        place: Place { workspace: codec::id(row, 1)?, environment: codec::environment(row, 2)? },
        approval: codec::id(row, 3)?,
        member,
        about: codec::about(row, 5)?,
        attempt: attempt + 1,
        round: (attempt + 1).saturating_sub(codec::counted(row, 9)?),
        probe,
        address: address.or_else(room),
        first: row.get(8)?,
        last: row.get(15)?,
        alone: row.get(11)?,
        digest: codec::maybe_id(row, 10)?,
    };
    Ok(Claimable { row: claimed, deadline: codec::maybe_time(row, 12)?, known: row.get(13)? })
}

/// One of them as the attempt before has it.
pub(super) fn as_it_stands(
    connection: &Connection,
    way: &Channel,
    id: NoticeId,
) -> Result<ClaimedNotice, StoreError> {
    let sql = format!("{CLAIM} WHERE n.notice = ?1");
    let read = |row: &Row<'_>| claimable(row, way, false);
    let Claimable { row, .. } = connection.prepare_cached(&sql)?.query_row([id.bytes()], read)?;
    Ok(ClaimedNotice { attempt: row.attempt - 1, ..row })
}

/// Claims what is due by one way.
pub(super) fn claim(
    desk: &mut Desk<'_, '_>,
    channel: ChannelId,
    lease: Seconds,
    limit: u32,
) -> Result<Vec<ClaimedNotice>, StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let Some(way) = channels::one(connection, channel)? else { return Ok(Vec::new()) };
    let (limit, probe) = probes::admitted(way.down, now, limit);
    let limit = limit as usize;
    let until = now.plus(lease);
    let mut claimed = Vec::new();
    for _ in 0..LOOKS {
        if claimed.len() >= limit {
            break;
        }
        let due = due(connection, &way, probe, now)?;
        let more = due.len() == LOOK as usize;
        for Claimable { row, deadline, known } in due {
            if claimed.len() >= limit {
                break;
            }
            if !known && gathering::is_too_much(connection, &row, deadline, now)? {
                gathering::gather(connection, &row, now)?;
                continue;
            }
            hold(connection, &row, until)?;
            claimed.push(row);
        }
        if !more {
            break;
        }
    }
    for due in gathering::due(connection, channel, now, limit - claimed.len())? {
        let (digest, rows) = gathering::make_up(connection, channel, &due, now)?;
        let sql = format!("{CLAIM} WHERE n.notice = ?1");
        for row in rows {
            let read = |row: &Row<'_>| claimable(row, &way, probe);
            let Claimable { row, .. } =
                connection.prepare_cached(&sql)?.query_row([row.bytes()], read)?;
            hold(connection, &row, until)?;
            claimed.push(ClaimedNotice { digest: Some(digest), ..row });
        }
    }
    if probe && !claimed.is_empty() {
        probes::wait(connection, channel, until)?;
    }
    Ok(claimed)
}

/// What is due by itself, oldest first. A reminder that was not begun waits for whatever else they
/// are told of it; one that was tried is waited for, like anything else.
fn due(
    connection: &Connection,
    way: &Channel,
    probe: bool,
    now: Timestamp,
) -> Result<Vec<Claimable>, StoreError> {
    let sql = format!(
        "{CLAIM} WHERE n.channel = ?1 AND n.due_at <= ?2 AND n.gathered_at IS NULL
           AND NOT ({} AND EXISTS
             (SELECT 1 FROM notices b WHERE b.approval = n.approval AND b.channel = n.channel
                AND b.member = n.member AND b.settled_at IS NULL AND b.notice <> n.notice))
         ORDER BY n.due_at, n.position LIMIT ?3",
        planned("n.")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let key = (way.id.bytes(), now.micros(), LOOK);
    let rows = statement.query_map(key, |row| claimable(row, way, probe))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn hold(connection: &Connection, row: &ClaimedNotice, until: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE notices SET attempt = ?2, due_at = ?3, held = 1 WHERE notice = ?1";
    let row = params![row.id.bytes(), row.attempt, until.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}
