//! What was sent, found by what one looks for, and sent again. Each receiver's and each channel's
//! log is read by its own index and the few of them are merged, as one index over all of them would
//! cost every event another write.

mod asker;

use askfirst_core::administration::{GivenUp, Way};
use askfirst_core::{ApprovalId, KeyId, NoticeId, Timestamp, WorkspaceId};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::codec::{self, Id};
use super::{SqliteStore, deliveries, notices};
use crate::deliveries::{Delivery, DeliveryState};
use crate::notices::{Notice, NoticeState};
use crate::records::Place;
use crate::sent::{AskerFilter, DeliveryFilter, GivenUpCounts, NoticeFilter, SentFilter, SentLog};
use crate::store::{Store, StoreError};

type Bytes = [u8; 16];

/// The part of a filter that reads alike for receivers and people, as it is bound.
struct Window {
    since: i64,
    until: i64,
    /// Older than this row: when it was written, and its position.
    before: (i64, i64),
}

impl Window {
    /// `position` finds the row that a page ended with; one that was forgotten since was the oldest
    /// of its time.
    fn of<W, S, I: Copy>(
        filter: &SentFilter<W, S, I>,
        position: impl Fn(I) -> rusqlite::Result<Option<i64>>,
    ) -> Result<Self, StoreError> {
        let mut until = filter.until.map_or(i64::MAX, Timestamp::micros);
        let mut before = (i64::MAX, i64::MAX);
        match filter.before {
            Some((at, Some(id))) => before = (at.micros(), position(id)?.unwrap_or(0)),
            Some((at, None)) => until = until.min(at.micros()),
            None => {}
        }
        Ok(Self { since: filter.since.map_or(i64::MIN, Timestamp::micros), until, before })
    }
}

/// Newest first, and no more than were asked for.
fn merged<T>(mut rows: Vec<((i64, i64), T)>, limit: u32) -> Vec<T> {
    rows.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    rows.truncate(limit as usize);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn ids(
    connection: &Connection,
    sql: &str,
    workspace: WorkspaceId,
) -> Result<Vec<Bytes>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([workspace.bytes()], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn webhooks(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<Bytes>, StoreError> {
    ids(connection, "SELECT webhook FROM webhooks WHERE workspace = ?1", workspace)
}

fn channels(connection: &Connection, workspace: WorkspaceId) -> Result<Vec<Bytes>, StoreError> {
    ids(connection, "SELECT channel FROM channels WHERE workspace = ?1", workspace)
}

/// Of these, the one that is meant, or all.
fn meant<T: Id>(known: Vec<Bytes>, only: Option<T>) -> Vec<Bytes> {
    let only = only.map(Id::bytes);
    known.into_iter().filter(|id| only.is_none_or(|only| only == *id)).collect()
}

fn find_deliveries(
    connection: &Connection,
    workspace: WorkspaceId,
    filter: &DeliveryFilter,
) -> Result<Vec<Delivery>, StoreError> {
    let position = |id: askfirst_core::DeliveryId| {
        let sql = "SELECT position FROM deliveries WHERE delivery = ?1";
        connection.prepare_cached(sql)?.query_row([id.bytes()], |row| row.get(0)).optional()
    };
    let window = Window::of(filter, position)?;
    let (index, state) = match filter.state {
        None => ("deliveries_of_webhook", ""),
        Some(DeliveryState::Waiting) => ("deliveries_waiting", "AND d.settled_at IS NULL"),
        Some(DeliveryState::Dead) => {
            ("deliveries_dead", "AND d.settled_at IS NOT NULL AND d.delivered = 0")
        }
        Some(DeliveryState::Delivered) => {
            ("deliveries_of_webhook", "AND d.settled_at IS NOT NULL AND d.delivered = 1")
        }
    };
    // A delivery's id follows from what it is: no index is needed to find those of one approval.
    let versions = filter.approval.map(|id| versions(connection, workspace, id)).transpose()?;
    let (index, which) = match versions {
        Some(_) => (String::new(), "d.delivery IN (SELECT unhex(value) FROM json_each(?2))"),
        None => (format!("INDEXED BY {index}"), "?2 IS NULL"),
    };
    let sql = format!(
        "{} WHERE d.webhook = ?1 AND {which} {state} AND d.workspace = ?3
           AND ifnull(d.environment = ?4, 1) AND d.added_at >= ?5 AND d.added_at < ?6
           AND (d.added_at, d.position) < (?7, ?8)
         ORDER BY d.added_at DESC, d.position DESC LIMIT ?9",
        deliveries::lines(&index)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for webhook in meant(webhooks(connection, workspace)?, filter.way) {
        let named = filter.approval.zip(versions.as_ref()).map(|(approval, versions)| {
            let id = |version: &u32| deliveries::id_of(Id::from_bytes(webhook), approval, *version);
            let ids = versions.iter().map(|version| format!("\"{:032x}\"", id(version).to_bits()));
            format!("[{}]", ids.collect::<Vec<_>>().join(","))
        });
        let row = params![
            webhook,
            named,
            workspace.bytes(),
            filter.environment.map(|environment| environment.as_str()),
            window.since,
            window.until,
            window.before.0,
            window.before.1,
            filter.limit,
        ];
        let rows = statement.query_map(row, |row| {
            Ok((place(row, "added_at", "position")?, deliveries::line(row)?))
        })?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(merged(found, filter.limit))
}

fn place(row: &Row<'_>, at: &str, position: &str) -> rusqlite::Result<(i64, i64)> {
    Ok((row.get(at)?, row.get(position)?))
}

/// The events that one approval has.
fn versions(
    connection: &Connection,
    workspace: WorkspaceId,
    approval: ApprovalId,
) -> Result<Vec<u32>, StoreError> {
    let sql = "SELECT version FROM events WHERE approval = ?1 AND workspace = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map((approval.bytes(), workspace.bytes()), |row| codec::counted(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn find_notices(
    connection: &Connection,
    workspace: WorkspaceId,
    filter: &NoticeFilter,
) -> Result<Vec<Notice>, StoreError> {
    let position = |id: NoticeId| {
        let sql = "SELECT position FROM notices WHERE notice = ?1";
        connection.prepare_cached(sql)?.query_row([id.bytes()], |row| row.get(0)).optional()
    };
    let window = Window::of(filter, position)?;
    let (index, state) = match filter.state {
        None => ("notices_of_channel", ""),
        Some(NoticeState::Waiting) => ("notices_waiting", "AND n.settled_at IS NULL"),
        Some(NoticeState::Dead) => ("notices_dead", "AND n.settled_at IS NOT NULL AND n.dead = 1"),
        Some(NoticeState::Sent) => {
            ("notices_of_channel", "AND n.settled_at IS NOT NULL AND n.sent = 1 AND n.dead = 0")
        }
        Some(NoticeState::Dropped) => {
            ("notices_of_channel", "AND n.settled_at IS NOT NULL AND n.sent = 0 AND n.dead = 0")
        }
    };
    let (index, which) = match filter.approval {
        Some(_) => ("notices_of_approval", "n.approval = ?2"),
        None => (index, "?2 IS NULL"),
    };
    let sql = format!(
        "{} WHERE n.channel = ?1 AND {which} {state} AND n.workspace = ?3
           AND ifnull(n.environment = ?4, 1) AND n.added_at >= ?5 AND n.added_at < ?6
           AND (n.added_at, n.position) < (?7, ?8)
           AND NOT {}
         ORDER BY n.added_at DESC, n.position DESC LIMIT ?9",
        notices::lines(&format!("INDEXED BY {index}")),
        notices::planned("n.")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for channel in meant(channels(connection, workspace)?, filter.way) {
        let row = params![
            channel,
            filter.approval.map(Id::bytes),
            workspace.bytes(),
            filter.environment.map(|environment| environment.as_str()),
            window.since,
            window.until,
            window.before.0,
            window.before.1,
            filter.limit,
        ];
        let rows = statement
            .query_map(row, |row| Ok((place(row, "added_at", "position")?, notices::line(row)?)))?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(merged(found, filter.limit))
}

const DEAD_DELIVERIES: &str = "deliveries d INDEXED BY deliveries_dead
    WHERE d.webhook = ?1 AND d.settled_at >= ?2 AND d.settled_at < ?3 AND d.settled_at IS NOT NULL
      AND d.delivered = 0 AND ifnull(d.environment = ?4, 1)";
const DEAD_NOTICES: &str = "notices n INDEXED BY notices_dead
    WHERE n.channel = ?1 AND n.settled_at >= ?2 AND n.settled_at < ?3 AND n.settled_at IS NOT NULL
      AND n.dead = 1 AND ifnull(n.environment = ?5, 1)";

pub(super) fn given_up(
    connection: &Connection,
    workspace: WorkspaceId,
    which: &GivenUp,
    now: Timestamp,
) -> Result<GivenUpCounts, StoreError> {
    let world = which.environment.map(|environment| environment.as_str());
    let (from, until) = (which.from.micros(), which.until.micros());
    let mut counts = GivenUpCounts::default();
    match which.way {
        Way::Webhooks(only) => {
            let sql = format!("SELECT count(*) FROM {DEAD_DELIVERIES}");
            let mut statement = connection.prepare_cached(&sql)?;
            for webhook in meant(webhooks(connection, workspace)?, only) {
                let row = params![webhook, from, until, world];
                counts.sendable += statement.query_row(row, |row| codec::counted::<u64>(row, 0))?;
            }
        }
        Way::Channels(only) => {
            let worth = notices::worth_telling("?4");
            let sql = format!(
                "SELECT count(*) FILTER (WHERE {worth}), count(*) FILTER (WHERE NOT {worth})
                 FROM {DEAD_NOTICES}"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            for channel in meant(channels(connection, workspace)?, only) {
                let row = params![channel, from, until, now.micros(), world];
                let (sendable, over) = statement.query_row(row, |row| {
                    Ok((codec::counted::<u64>(row, 0)?, codec::counted::<u64>(row, 1)?))
                })?;
                counts.sendable += sendable;
                counts.over += over;
            }
        }
    }
    Ok(counts)
}

/// Has the oldest of what was given up sent again, as much as one change may; says how much.
pub(super) fn replay(
    connection: &Connection,
    workspace: WorkspaceId,
    which: &GivenUp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let world = which.environment.map(|environment| environment.as_str());
    let (from, until) = (which.from.micros(), which.until.micros());
    let mut oldest: Vec<((i64, i64), Bytes)> = Vec::new();
    let mut take = |sql: &str, row: &[&dyn rusqlite::ToSql]| -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement
            .query_map(row, |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, Bytes>(2)?)))?;
        for row in rows {
            oldest.push(row?);
        }
        Ok(())
    };
    match which.way {
        Way::Webhooks(only) => {
            let sql = format!(
                "SELECT d.settled_at, d.position, d.delivery FROM {DEAD_DELIVERIES}
                 ORDER BY d.settled_at, d.position LIMIT ?5"
            );
            for webhook in meant(webhooks(connection, workspace)?, only) {
                take(&sql, params![webhook, from, until, world, GivenUp::MOST])?;
            }
        }
        Way::Channels(only) => {
            let sql = format!(
                "SELECT n.settled_at, n.position, n.notice FROM {DEAD_NOTICES} AND {}
                 ORDER BY n.settled_at, n.position LIMIT ?6",
                notices::worth_telling("?4")
            );
            for channel in meant(channels(connection, workspace)?, only) {
                take(&sql, params![channel, from, until, now.micros(), world, GivenUp::MOST])?;
            }
        }
    }
    oldest.sort_unstable();
    oldest.truncate(GivenUp::MOST as usize);
    let mut again = 0;
    for (_, id) in oldest {
        let is_due = match which.way {
            Way::Webhooks(_) => deliveries::retry(connection, workspace, Id::from_bytes(id), now)?,
            Way::Channels(_) => {
                let retried = notices::retry(connection, workspace, Id::from_bytes(id), now)?;
                matches!(retried, notices::Retried::Yes)
            }
        };
        again += u64::from(is_due);
    }
    Ok(again)
}

#[async_trait]
impl SentLog for SqliteStore {
    async fn find_deliveries(
        &self,
        workspace: WorkspaceId,
        filter: DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.read(move |connection| find_deliveries(connection, workspace, &filter)).await
    }

    async fn deliveries_of_asker(
        &self,
        place: Place,
        asker: KeyId,
        filter: AskerFilter,
    ) -> Result<(Vec<Delivery>, u32), StoreError> {
        self.read(move |connection| asker::find(connection, place, asker, &filter)).await
    }

    async fn find_notices(
        &self,
        workspace: WorkspaceId,
        filter: NoticeFilter,
    ) -> Result<Vec<Notice>, StoreError> {
        self.read(move |connection| find_notices(connection, workspace, &filter)).await
    }

    async fn notice(
        &self,
        workspace: WorkspaceId,
        id: NoticeId,
    ) -> Result<Option<Notice>, StoreError> {
        self.read(move |connection| notices::one(connection, workspace, id)).await
    }

    async fn given_up(
        &self,
        workspace: WorkspaceId,
        which: GivenUp,
    ) -> Result<GivenUpCounts, StoreError> {
        let now = self.now();
        self.read(move |connection| given_up(connection, workspace, &which, now)).await
    }
}
