//! Whoever is asked more than they can read gets the rest together: what is too much is gathered,
//! and told in one after a while, at most one such digest in five minutes. Which ones are told
//! together is kept, so that a second attempt tells the same.

use askfirst_core::{About, ChannelId, MemberId, NoticeId, Role, Seconds, Timestamp};
use rusqlite::{Connection, params};

use super::super::codec::{self, Id};
use crate::notices::ClaimedNotice;
use crate::store::StoreError;

/// So much is told one by one within [`SPAN`].
const MOST: u32 = 6;
/// So much where the deadline is near: who is flooded with that gets the rest together too.
const MOST_NEAR: u32 = 20;
/// A deadline is near when no more than this is left: a digest could come too late.
const NEAR: Seconds = Seconds(15 * 60);
/// What counts as at once; and no two digests come closer together.
const SPAN: Seconds = Seconds(5 * 60);
/// So long more is waited for before a digest goes out.
const PATIENCE: Seconds = Seconds(60);
/// So many are told together.
const TOGETHER: u32 = 1_000;
/// So many where each needs a link of its own, as for people without an account.
const LINKED: u32 = 20;

/// Whether it is too much to tell this by itself now, if they cannot know it.
pub(super) fn is_too_much(
    connection: &Connection,
    row: &ClaimedNotice,
    deadline: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !matches!(row.about, About::Asked | About::Reminder) {
        return Ok(false);
    }
    let near = deadline.is_some_and(|deadline| deadline <= now.plus(NEAR));
    let sql = "SELECT (SELECT count(*) FROM notices WHERE channel = ?1 AND member = ?2 AND sent = 1
                   AND settled_at > ?3 AND digest IS NULL AND about IN ('asked', 'reminder'))
                 + (SELECT count(*) FROM notices WHERE channel = ?1 AND member = ?2 AND held = 1
                   AND digest IS NULL AND about IN ('asked', 'reminder'))";
    let key = (row.channel.id.bytes(), row.member.bytes(), now.minus(SPAN).micros());
    let told: u32 = connection.prepare_cached(sql)?.query_row(key, |row| codec::counted(row, 0))?;
    Ok(told >= if near { MOST_NEAR } else { MOST })
}

/// Keeps it for the next digest.
pub(super) fn gather(
    connection: &Connection,
    row: &ClaimedNotice,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE notices SET gathered_at = ?2, due_at = ?3 WHERE notice = ?1";
    let due_at = next(connection, row.channel.id, row.member, now)?;
    connection.prepare_cached(sql)?.execute((row.id.bytes(), now.micros(), due_at.micros()))?;
    Ok(())
}

/// When the next digest is due.
fn next(
    connection: &Connection,
    channel: ChannelId,
    member: MemberId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let sql = "SELECT (SELECT min(due_at) FROM notices WHERE channel = ?1 AND member = ?2
                   AND gathered_at IS NOT NULL AND settled_at IS NULL AND digest IS NULL),
                 (SELECT max(settled_at) FROM notices WHERE channel = ?1 AND member = ?2
                   AND sent = 1 AND settled_at > ?3 AND gathered_at IS NOT NULL),
                 EXISTS (SELECT 1 FROM notices WHERE channel = ?1 AND member = ?2 AND held = 1
                   AND gathered_at IS NOT NULL)";
    let key = (channel.bytes(), member.bytes(), now.minus(SPAN).micros());
    let (planned, last, on_its_way) = connection.prepare_cached(sql)?.query_row(key, |row| {
        Ok((codec::maybe_time(row, 0)?, codec::maybe_time(row, 1)?, row.get::<_, bool>(2)?))
    })?;
    if let Some(planned) = planned {
        return Ok(planned);
    }
    let last = if on_its_way { Some(now) } else { last };
    let free = last.map(|last| last.plus(SPAN));
    Ok(now.plus(PATIENCE).max(free.unwrap_or(now)))
}

/// One digest: whose, and which if it was made up before.
pub(super) struct Due {
    member: MemberId,
    digest: Option<NoticeId>,
}

/// The digests that are due.
pub(super) fn due(
    connection: &Connection,
    channel: ChannelId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let sql = "SELECT member, digest FROM notices WHERE channel = ?1 AND gathered_at IS NOT NULL
                 AND settled_at IS NULL AND due_at <= ?2
               GROUP BY member, digest ORDER BY min(due_at) LIMIT ?3";
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((channel.bytes(), now.micros(), limit), |row| {
        Ok(Due { member: codec::id(row, 0)?, digest: codec::maybe_id(row, 1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is told in it, by its rows.
pub(super) fn make_up(
    connection: &Connection,
    channel: ChannelId,
    due: &Due,
    now: Timestamp,
) -> Result<(NoticeId, Vec<NoticeId>), StoreError> {
    let sql = "SELECT n.notice FROM notices n
               WHERE n.channel = ?1 AND n.member = ?2 AND n.digest IS ?3
                 AND n.gathered_at IS NOT NULL AND n.settled_at IS NULL
               ORDER BY n.position LIMIT
                 ifnull((SELECT ?5 FROM members m JOIN channels c ON c.workspace = m.workspace
                         WHERE c.channel = ?1 AND m.member = ?2 AND m.role = ?4), ?6)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(
        params![
            channel.bytes(),
            due.member.bytes(),
            due.digest.map(Id::bytes),
            Role::Contact.as_str(),
            LINKED,
            TOGETHER,
        ],
        |row| codec::id(row, 0),
    )?;
    let rows: Vec<NoticeId> = rows.collect::<Result<_, _>>()?;
    let digest = due.digest.unwrap_or_else(|| name(&rows));
    let sql = "UPDATE notices SET digest = ?2 WHERE notice = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    for row in &rows {
        statement.execute((row.bytes(), digest.bytes()))?;
    }
    // What did not go into it waits for the next.
    let sql = "UPDATE notices SET due_at = ?3 WHERE channel = ?1 AND member = ?2
                 AND gathered_at IS NOT NULL AND settled_at IS NULL AND digest IS NULL
                 AND due_at < ?3";
    let next = (channel.bytes(), due.member.bytes(), now.plus(SPAN).micros());
    connection.prepare_cached(sql)?.execute(next)?;
    Ok((digest, rows))
}

/// Its id follows from what is in it.
fn name(rows: &[NoticeId]) -> NoticeId {
    let mut named = b"digest".to_vec();
    for row in rows {
        named.extend(row.bytes());
    }
    super::subject::hashed(&named)
}
