//! What is on its way to people: written with the event, claimed under a lease, settled. Of one
//! approval, person and way only the first that waits is due, so that each is told in order.

mod claiming;
mod gathering;
mod reminders;
mod settling;
mod strays;
mod subject;
mod unreached;

use askfirst_core::{
    About, ApprovalId, ChannelId, MemberId, NoticeId, Seconds, Timestamp, WorkspaceId,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{self, Id};
use super::{SqliteStore, channels, newcomers, probes};
use crate::notices::{
    Channel, ClaimedNotice, Notice, NoticeCounts, NoticeState, Notices, Told, Turn,
};
use crate::records::Place;
use crate::store::{Store, StoreError};
pub(super) use reminders::planned;
pub(super) use subject::Subject;
pub(super) use unreached::unreached;

/// No attempt has more time than this.
pub(super) const LONGEST_LEASE: Seconds = Seconds(90);

/// Has what was tried by one way and is to be tried again tried now: something about the way has
/// changed. What is being told at this moment is given its time.
pub(super) fn hasten(
    connection: &Connection,
    channel: ChannelId,
    now: Timestamp,
) -> Result<(), StoreError> {
    // What was not tried, and what is gathered for a digest, waits for something else.
    let sql = "UPDATE notices SET due_at = ?2
               WHERE channel = ?1 AND due_at > ?2 AND settled_at IS NULL AND attempt > 0
                 AND held = 0 AND (gathered_at IS NULL OR digest IS NOT NULL)";
    connection.prepare_cached(sql)?.execute((channel.bytes(), now.micros()))?;
    Ok(())
}

/// Whether a notice `n` is still worth telling at `now`, a parameter: who is asked is asked no more
/// once it has ended.
pub(super) fn worth_telling(now: &str) -> String {
    let asks: Vec<_> = About::ALL.into_iter().filter(|about| about.asks()).collect();
    let asks: Vec<_> = asks.iter().map(|about| format!("'{}'", about.as_str())).collect();
    format!(
        "(n.about NOT IN ({}) OR EXISTS (SELECT 1 FROM approvals a
            WHERE a.workspace = n.workspace AND a.environment = n.environment
              AND a.approval = n.approval AND a.status = 'pending' AND a.expires_at > {now}))",
        asks.join(", ")
    )
}

/// What becomes of asking to tell something once more.
pub(super) enum Retried {
    /// It will be told.
    Yes,
    /// It asks for an answer, and the approval has ended.
    Over,
    /// There is no such notice, or its way is gone.
    Unknown,
}

/// Has one told once more that was told or given up, and one that waits told now; behind those for
/// the same person that were before it.
pub(super) fn retry(
    connection: &Connection,
    workspace: WorkspaceId,
    id: NoticeId,
    now: Timestamp,
) -> Result<Retried, StoreError> {
    let sql = format!(
        "SELECT {}, n.approval, n.channel, n.member
         FROM notices n WHERE n.notice = ?1 AND n.workspace = ?2 AND n.channel IN
           (SELECT channel FROM channels WHERE workspace = ?2)",
        worth_telling("?3")
    );
    type Bytes = [u8; 16];
    let mut statement = connection.prepare_cached(&sql)?;
    let known = statement.query_row((id.bytes(), workspace.bytes(), now.micros()), |row| {
        let line: (Bytes, Bytes, Bytes) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok((row.get::<_, bool>(0)?, line))
    });
    let Some((worth, (approval, channel, member))) = known.optional()? else {
        return Ok(Retried::Unknown);
    };
    if !worth {
        return Ok(Retried::Over);
    }
    // Whoever has it has it still: what follows goes into its thread.
    let sql = "UPDATE notices SET due_at = CASE WHEN settled_at IS NULL THEN due_at END,
                 settled_at = NULL, dead = 0, earlier = attempt,
                 gathered_at = iif(held, gathered_at, NULL), digest = iif(held, digest, NULL)
               WHERE notice = ?1";
    connection.prepare_cached(sql)?.execute([id.bytes()])?;
    // The first of those that wait is due, and none behind it, whatever it was before.
    let waits = format!(
        "approval = ?1 AND channel = ?2 AND member = ?3 AND settled_at IS NULL AND NOT {}",
        planned("")
    );
    let sql = format!(
        "UPDATE notices SET due_at = NULL WHERE {waits} AND due_at IS NOT NULL
           AND position > (SELECT min(position) FROM notices WHERE {waits})"
    );
    connection.prepare_cached(&sql)?.execute((approval, channel, member))?;
    let sql = format!(
        "UPDATE notices SET due_at = ?4 WHERE {waits} AND (due_at IS NULL OR notice = ?5)
           AND NOT (held = 1 AND due_at > ?4) AND position = (SELECT min(position) FROM notices WHERE {waits})"
    );
    let first = params![approval, channel, member, now.micros(), id.bytes()];
    connection.prepare_cached(&sql)?.execute(first)?;
    Ok(Retried::Yes)
}

/// What a line of the log is read from, by this index if one is named.
pub(super) fn lines(index: &str) -> String {
    format!(
        "SELECT n.notice, n.channel, n.approval, n.member, m.email, n.about, n.added_at, n.sent,
           n.dead, n.settled_at, n.attempt - n.uncounted,
           CASE WHEN n.due_at < c.probe_at THEN c.probe_at ELSE n.due_at END, n.why, n.environment,
           n.position
         FROM notices n {index}
         LEFT JOIN channels c ON c.channel = n.channel
         LEFT JOIN members m ON m.workspace = n.workspace AND m.member = n.member"
    )
}

/// One line of it.
pub(super) fn one(
    connection: &Connection,
    workspace: WorkspaceId,
    id: NoticeId,
) -> Result<Option<Notice>, StoreError> {
    let sql = format!("{} WHERE n.workspace = ?1 AND n.notice = ?2", lines(""));
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((workspace.bytes(), id.bytes()), line).optional()?)
}

pub(super) fn line(row: &Row<'_>) -> rusqlite::Result<Notice> {
    let settled_at = codec::maybe_time(row, 9)?;
    Ok(Notice {
        id: codec::id(row, 0)?,
        channel: codec::id(row, 1)?,
        approval: codec::id(row, 2)?,
        member: codec::id(row, 3)?,
        address: row.get(4)?,
        about: codec::about(row, 5)?,
        at: codec::time(row, 6)?,
        state: match (settled_at, row.get(8)?, row.get(7)?) {
            (None, _, _) => NoticeState::Waiting,
            (_, true, _) => NoticeState::Dead,
            (_, _, true) => NoticeState::Sent,
            (_, false, false) => NoticeState::Dropped,
        },
        attempts: codec::counted(row, 10)?,
        next_at: codec::maybe_time(row, 11)?,
        settled_at,
        why: row.get(12)?,
        environment: codec::environment(row, 13)?,
    })
}

#[async_trait]
impl Notices for SqliteStore {
    async fn channels(&self, workspace: WorkspaceId) -> Result<Vec<Channel>, StoreError> {
        self.read(move |connection| channels::list(connection, workspace)).await
    }

    async fn channel_secrets(&self) -> Result<Vec<(ChannelId, Vec<u8>)>, StoreError> {
        let question = |connection: &Connection| {
            let sql = "SELECT channel, sealed FROM channels WHERE sealed IS NOT NULL UNION ALL
                       SELECT channel, sealed FROM farewells WHERE sealed IS NOT NULL";
            let mut all = connection.prepare_cached(sql)?;
            let rows = all.query_map([], |row| Ok((codec::id(row, 0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn notices(
        &self,
        workspace: WorkspaceId,
        channel: ChannelId,
        before: Option<NoticeId>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError> {
        let question = move |connection: &Connection| {
            let sql = format!(
                "{} WHERE n.workspace = ?1 AND n.channel = ?2 AND (?3 IS NULL OR
                   (n.added_at, n.position) <
                     (SELECT added_at, position FROM notices WHERE notice = ?3))
                   AND NOT {}
                 ORDER BY n.added_at DESC, n.position DESC LIMIT ?4",
                lines(""),
                planned("n.")
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let before = before.map(Id::bytes);
            let rows = statement
                .query_map(params![workspace.bytes(), channel.bytes(), before, limit], line)?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn notice_counts(&self) -> Result<NoticeCounts, StoreError> {
        let question = |connection: &Connection| {
            let sql = format!(
                "SELECT (SELECT count(*) FROM notices WHERE settled_at IS NULL AND NOT {}),
                   (SELECT count(*) FROM channels WHERE probe_at IS NOT NULL)",
                planned("")
            );
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row([], |row| {
                Ok(NoticeCounts {
                    waiting: codec::counted(row, 0)?,
                    channels_down: codec::counted(row, 1)?,
                })
            })?)
        };
        self.read(question).await
    }

    async fn hearing_channels(&self) -> Result<Vec<Channel>, StoreError> {
        self.read(channels::hearing).await
    }

    async fn channel(&self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.read(move |connection| channels::one(connection, id)).await
    }

    async fn due_channels(&self) -> Result<Vec<(ChannelId, bool)>, StoreError> {
        let now = self.now();
        let question = move |connection: &Connection| {
            let sql = "SELECT channel, settings ->> 'kind' <> 'email' FROM channels c
                       WHERE (c.probe_at IS NULL OR c.probe_at <= ?1)
                         AND (c.quiet_until IS NULL OR c.quiet_until <= ?1) AND EXISTS
                         (SELECT 1 FROM notices n WHERE n.channel = c.channel AND n.due_at <= ?1)
                       ORDER BY channel";
            let mut statement = connection.prepare_cached(sql)?;
            let rows =
                statement.query_map([now.micros()], |row| Ok((codec::id(row, 0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn claim_notices(
        &self,
        channel: ChannelId,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<ClaimedNotice>, StoreError> {
        let lease = Seconds(lease_seconds).min(LONGEST_LEASE);
        self.writer.write(move |desk| claiming::claim(desk, channel, lease, limit)).await
    }

    async fn settle_notices(
        &self,
        ended: Vec<(ClaimedNotice, Told)>,
    ) -> Result<Option<Turn>, StoreError> {
        self.writer.write(move |desk| settling::settle(desk, &ended)).await
    }

    async fn told_to(
        &self,
        place: Place,
        approval: ApprovalId,
        member: MemberId,
        kind: &'static str,
    ) -> Result<Option<NoticeState>, StoreError> {
        let question = move |connection: &Connection| {
            let sql = format!(
                "SELECT max(n.sent), max(n.settled_at IS NULL) FROM notices n
                 JOIN channels c ON c.channel = n.channel AND c.settings ->> 'kind' = ?5
                 WHERE n.workspace = ?1 AND n.environment = ?2 AND n.approval = ?3
                   AND n.member = ?4 AND NOT {}",
                planned("n.")
            );
            let workspace = place.workspace.bytes();
            let environment = place.environment.as_str();
            let key = params![workspace, environment, approval.bytes(), member.bytes(), kind];
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row(key, |row| {
                Ok(match (row.get::<_, Option<bool>>(0)?, row.get::<_, Option<bool>>(1)?) {
                    (Some(true), _) => Some(NoticeState::Sent),
                    (Some(false), Some(true)) => Some(NoticeState::Waiting),
                    (Some(false), _) => Some(NoticeState::Dead),
                    (None, _) => None,
                })
            })?)
        };
        self.read(question).await
    }

    async fn card_held(&self, notice: NoticeId) -> Result<Option<String>, StoreError> {
        self.read(move |connection| strays::reference(connection, notice)).await
    }

    async fn adopt_card(&self, notice: NoticeId, reference: String) -> Result<(), StoreError> {
        self.writer.write(move |desk| strays::adopt(desk, notice, &reference)).await
    }

    async fn newcomers_are_due(&self) -> Result<bool, StoreError> {
        let now = self.now();
        self.read(move |connection| newcomers::are_due(connection, now)).await
    }

    async fn tell_newcomers(&self, limit: u32) -> Result<bool, StoreError> {
        self.writer.write(move |desk| newcomers::tell(desk, limit)).await
    }

    async fn note_channel(
        &self,
        workspace: WorkspaceId,
        id: ChannelId,
        trouble: Option<String>,
    ) -> Result<Option<Turn>, StoreError> {
        self.writer
            .write(move |desk| {
                let known = channels::one(desk.connection, id)?;
                if known.is_none_or(|known| known.workspace != workspace) {
                    return Ok(None);
                }
                channels::note(desk.connection, id, trouble.as_deref(), desk.now)?;
                if trouble.is_some() { Ok(None) } else { probes::worked(desk, id) }
            })
            .await
    }
}
