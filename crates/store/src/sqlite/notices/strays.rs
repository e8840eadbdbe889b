//! Cards that people have and that were not noted: whoever told them died before, or the provider's
//! answer was lost. A press shows that there is one.

use askfirst_core::{About, ChannelId, NoticeId, Status};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::codec::{self, Id};
use super::super::writer::Desk;
use super::super::{channels, queries};
use super::{Subject, claiming, settling};
use crate::notices::{ClaimedNotice, Told};
use crate::store::{Change, StoreError};

/// The row that names the card which somebody holds, of all that they were told of an approval by
/// the way of this one.
const LAST: &str = "SELECT l.notice, l.reference, l.about FROM notices n
     JOIN notices l ON l.approval = n.approval AND l.channel = n.channel AND l.member = n.member
       AND l.sent = 1 AND l.digest IS NULL AND l.reference IS NOT NULL
     WHERE n.notice = ?1 ORDER BY l.settled_at DESC, l.position DESC LIMIT 1";

struct Last {
    notice: NoticeId,
    reference: String,
    about: About,
}

fn last(connection: &Connection, of: NoticeId) -> Result<Option<Last>, StoreError> {
    let read = |row: &Row<'_>| {
        let about = codec::about(row, 2)?;
        Ok(Last { notice: codec::id(row, 0)?, reference: row.get(1)?, about })
    };
    Ok(connection.prepare_cached(LAST)?.query_row([of.bytes()], read).optional()?)
}

/// What the way knows the card by that whoever was told this holds now.
pub(super) fn reference(
    connection: &Connection,
    of: NoticeId,
) -> Result<Option<String>, StoreError> {
    Ok(last(connection, of)?.map(|last| last.reference))
}

/// Notes that what they hold is known by this. What was to be told once more, as nobody knew that it
/// had arrived, need not be.
pub(super) fn adopt(
    desk: &mut Desk<'_, '_>,
    id: NoticeId,
    reference: &str,
) -> Result<(), StoreError> {
    let connection = desk.connection;
    let known = last(connection, id)?;
    let sql = "SELECT channel, settled_at IS NULL, attempt > 0 FROM notices WHERE notice = ?1";
    let row = connection.prepare_cached(sql)?.query_row([id.bytes()], |row| {
        Ok((codec::id::<ChannelId>(row, 0)?, row.get::<_, bool>(1)?, row.get::<_, bool>(2)?))
    });
    let Some((channel, waits, tried)) = row.optional()? else { return Ok(()) };
    let Some(way) = channels::one(connection, channel)? else { return Ok(()) };
    let claimed = claiming::as_it_stands(connection, &way, id)?;
    let noted = known.as_ref().map_or(id, |last| last.notice);
    if waits && tried {
        let told = Told::Sent { reference: reference.to_owned() };
        settling::settle(desk, &[(claimed.clone(), told)])?;
    }
    let sql = "UPDATE notices SET reference = ?2, sent = 1, digest = NULL WHERE notice = ?1";
    connection.prepare_cached(sql)?.execute((noted.bytes(), reference))?;
    say_the_end(desk, &claimed, known.as_ref())
}

/// Nothing else would change it any more, once all is over.
fn say_the_end(
    desk: &mut Desk<'_, '_>,
    claimed: &ClaimedNotice,
    known: Option<&Last>,
) -> Result<(), StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let found = queries::approval(connection, claimed.place, claimed.approval)?;
    let Some((approval, _)) = found.filter(|(known, _)| known.status_at(now) != Status::Pending)
    else {
        return Ok(());
    };
    match known.filter(|last| !last.about.asks()) {
        Some(last) => {
            super::retry(connection, claimed.place.workspace, last.notice, now)?;
        }
        None => {
            let (channel, version) = (claimed.channel.id, approval.version);
            let subject = Subject { channel, approval: &approval, version, now };
            let sql = "SELECT EXISTS (SELECT 1 FROM notices WHERE approval = ?1 AND channel = ?2
                         AND member = ?3 AND about = 'ended' AND settled_at IS NULL)";
            let key = params![approval.id.bytes(), channel.bytes(), claimed.member.bytes()];
            let waits: bool = connection.prepare_cached(sql)?.query_row(key, |row| row.get(0))?;
            if waits {
                return Ok(());
            }
            subject.add_once(connection, claimed.member, About::Ended)?;
        }
    }
    desk.changes.push(Change::Deliveries);
    Ok(())
}
