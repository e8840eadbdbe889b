//! Whom a way does not reach. It is kept nowhere: it is what the log says of the last thing that
//! was to be told to somebody.

use rusqlite::Connection;

use super::super::codec::{self, Id};
use crate::notices::{Channel, Unreached};
use crate::store::StoreError;

/// No more of them are named.
const MOST: u32 = 100;

/// Whoever's last notice by this way was given up, the latest first.
pub(in crate::sqlite) fn unreached(
    connection: &Connection,
    channel: &Channel,
) -> Result<Vec<Unreached>, StoreError> {
    // With a single max(), the other columns are those of its row.
    let sql = "SELECT n.member, m.email, max(n.settled_at), n.why
               FROM notices n INDEXED BY notices_dead
               LEFT JOIN members m ON m.workspace = n.workspace AND m.member = n.member
               WHERE n.channel = ?1 AND ifnull(m.enabled, 1) AND n.settled_at IS NOT NULL AND n.dead = 1
                 AND NOT EXISTS (SELECT 1 FROM notices s INDEXED BY notices_recent
                   WHERE s.channel = n.channel AND s.member = n.member AND s.sent = 1
                     AND s.dead = 0 AND s.settled_at >= n.settled_at)
               GROUP BY n.member ORDER BY max(n.settled_at) DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((channel.id.bytes(), MOST), |row| {
        let member = codec::id(row, 0)?;
        let room = || channel.settings.room_at(member).map(|room| room.title.clone());
        let address = row.get::<_, Option<String>>(1)?.or_else(room);
        let Some(address) = address else { return Ok(None) };
        Ok(Some(Unreached {
            member,
            address,
            since: codec::time(row, 2)?,
            why: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        }))
    })?;
    let known = rows.filter_map(Result::transpose);
    Ok(known.collect::<Result<_, _>>()?)
}
