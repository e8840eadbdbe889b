//! Ways that were taken away, from everybody or from one person, until their cards say so.

use std::collections::BTreeMap;

use askfirst_core::{ApprovalId, ChannelId, MemberId, Seconds, Timestamp, WorkspaceId};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::codec::{self, Id};
use super::newcomers;
use super::notices::LONGEST_LEASE;
use super::writer::Desk;
use crate::farewells::{Farewell, Farewells, OpenCard};
use crate::notices::{Channel, ClaimedNotice};
use crate::records::Place;
use crate::store::{Change, Store as _, StoreError};

/// How long a provider that is down is waited for. The secret is kept no longer.
const PATIENCE: Seconds = Seconds(3_600);

/// What of a way's log, for one person or all, belongs to approvals that wait for answers.
const OF_PENDING: &str = "FROM approvals a INDEXED BY approvals_pending
     CROSS JOIN notices n INDEXED BY notices_of_approval
       ON n.approval = a.approval AND n.channel = ?1 AND (?3 IS NULL OR n.member = ?3)
     WHERE a.workspace = ?2 AND a.status = 'pending'";

/// Whose cards say so.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// Everybody's: the way itself goes, and its secret is kept for that alone.
    All,
    /// Theirs: the way is used as it is.
    One(MemberId),
}

/// Keeps what is needed to have the cards of a way say that it was taken away, if there are any. Of
/// what waits for answers its log is forgotten, so that people are asked by another way.
pub(super) fn begin(
    connection: &Connection,
    way: &Channel,
    whose: Whose,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (member, sealed) = match whose {
        Whose::All => (None, way.sealed.as_ref()),
        Whose::One(member) => (Some(member.bytes()), None),
    };
    let cards = open_cards(connection, way, member)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM notices WHERE channel = ?1 AND held = 1
                 AND (?2 IS NULL OR member = ?2))";
    let key = (way.id.bytes(), member);
    let on_its_way: bool = connection.prepare_cached(sql)?.query_row(key, |row| row.get(0))?;
    let sql = format!("DELETE FROM notices WHERE position IN (SELECT n.position {OF_PENDING})");
    let key = (way.id.bytes(), way.workspace.bytes(), member);
    if connection.prepare_cached(&sql)?.execute(key)? > 0 {
        newcomers::look(connection, way.workspace, now)?;
    }
    if cards.is_empty() && !on_its_way {
        return Ok(());
    }
    let settles_at = if on_its_way { now.plus(LONGEST_LEASE) } else { now };
    let due_at = if cards.is_empty() { settles_at } else { now };
    let sql = "INSERT INTO farewells
                 (channel, workspace, settings, sealed, created_at, due_at, settles_at, ends_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (channel) DO UPDATE SET settings = excluded.settings,
                 sealed = excluded.sealed, due_at = min(due_at, excluded.due_at),
                 settles_at = max(settles_at, excluded.settles_at), ends_at = excluded.ends_at";
    connection.prepare_cached(sql)?.execute(params![
        way.id.bytes(),
        way.workspace.bytes(),
        codec::to_json(&way.settings)?,
        sealed,
        way.created_at.micros(),
        due_at.micros(),
        settles_at.micros(),
        now.plus(PATIENCE).micros(),
    ])?;
    for card in cards {
        keep(connection, way.id, &card)?;
    }
    Ok(())
}

/// The last card that each person has of what waits for answers, or whose end they were yet to be
/// told.
fn open_cards(
    connection: &Connection,
    way: &Channel,
    member: Option<[u8; 16]>,
) -> Result<Vec<OpenCard>, StoreError> {
    let sql = format!(
        "SELECT n.environment, n.approval, n.member, n.reference, n.settled_at, n.position
           {OF_PENDING} AND n.sent = 1 AND n.digest IS NULL AND n.reference IS NOT NULL
         UNION
         SELECT n.environment, n.approval, n.member, n.reference, n.settled_at, n.position
           FROM notices w INDEXED BY notices_waiting
           CROSS JOIN notices n INDEXED BY notices_of_approval
             ON n.approval = w.approval AND n.channel = ?1
           WHERE w.channel = ?1 AND w.settled_at IS NULL AND (?3 IS NULL OR n.member = ?3)
             AND n.sent = 1 AND n.digest IS NULL AND n.reference IS NOT NULL
         ORDER BY 5, 6"
    );
    let workspace = way.workspace;
    let mut statement = connection.prepare_cached(&sql)?;
    let key = (way.id.bytes(), workspace.bytes(), member);
    let rows = statement.query_map(key, |row| card(row, workspace))?;
    let mut last: BTreeMap<(ApprovalId, MemberId), OpenCard> = BTreeMap::new();
    for card in rows {
        let card = card?;
        last.insert((card.approval, card.member), card);
    }
    Ok(last.into_values().collect())
}

fn card(row: &rusqlite::Row<'_>, workspace: WorkspaceId) -> rusqlite::Result<OpenCard> {
    Ok(OpenCard {
        place: Place { workspace, environment: codec::environment(row, 0)? },
        approval: codec::id(row, 1)?,
        member: codec::id(row, 2)?,
        reference: row.get(3)?,
    })
}

fn keep(connection: &Connection, way: ChannelId, card: &OpenCard) -> Result<bool, StoreError> {
    let sql = "INSERT OR IGNORE INTO farewell_cards
                 (channel, reference, environment, approval, member)
               SELECT channel, ?2, ?3, ?4, ?5 FROM farewells WHERE channel = ?1";
    let row = params![
        way.bytes(),
        card.reference,
        card.place.environment.as_str(),
        card.approval.bytes(),
        card.member.bytes(),
    ];
    Ok(connection.prepare_cached(sql)?.execute(row)? == 1)
}

/// Something was being told while its way was taken away: what came of that is to say so too.
pub(super) fn came_late(
    desk: &mut Desk<'_, '_>,
    claimed: &ClaimedNotice,
    reference: &str,
) -> Result<(), StoreError> {
    let card = OpenCard {
        place: claimed.place,
        approval: claimed.approval,
        member: claimed.member,
        reference: reference.to_owned(),
    };
    if keep(desk.connection, claimed.channel.id, &card)? {
        let sql = "UPDATE farewells SET due_at = min(due_at, ?2) WHERE channel = ?1";
        let row = (claimed.channel.id.bytes(), desk.now.micros());
        desk.connection.prepare_cached(sql)?.execute(row)?;
        desk.changes.push(Change::Deliveries);
    }
    Ok(())
}

/// The secrets that are kept for them.
pub(super) fn reseal(
    connection: &Connection,
    secrets: &[(ChannelId, Vec<u8>)],
) -> Result<(), StoreError> {
    let sql = "UPDATE farewells SET sealed = ?2 WHERE channel = ?1 AND sealed IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    for (id, sealed) in secrets {
        statement.execute(params![id.bytes(), sealed])?;
    }
    Ok(())
}

/// Erases those whose time is over, and those all of whose cards are done.
fn end(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let sql = "DELETE FROM farewells WHERE ends_at <= ?1 OR settles_at <= ?1 AND NOT EXISTS
                 (SELECT 1 FROM farewell_cards c WHERE c.channel = farewells.channel)";
    connection.prepare_cached(sql)?.execute([now.micros()])?;
    Ok(())
}

fn claim(
    desk: &mut Desk<'_, '_>,
    lease: Seconds,
    limit: u32,
    cards: u32,
) -> Result<Vec<Farewell>, StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    end(connection, now)?;
    let sql = "SELECT f.channel, f.workspace, ifnull(c.settings, f.settings),
                 iif(c.channel IS NULL, f.sealed, c.sealed), f.created_at, c.channel IS NULL
               FROM farewells f LEFT JOIN channels c ON c.channel = f.channel
               WHERE f.due_at <= ?1 ORDER BY f.due_at, f.channel LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let ways = statement.query_map((now.micros(), limit), |row| {
        let channel = Channel {
            id: codec::id(row, 0)?,
            workspace: codec::id(row, 1)?,
            settings: codec::json(row, 2)?,
            sealed: row.get(3)?,
            created_at: codec::time(row, 4)?,
            trouble: None,
            down: None,
            waiting: 0,
            unreached: Vec::new(),
        };
        Ok((channel, row.get(5)?))
    })?;
    let ways: Vec<(Channel, bool)> = ways.collect::<Result<_, _>>()?;
    let mut claimed = Vec::new();
    for (channel, removed) in ways {
        let sql = "UPDATE farewells SET due_at = min(?2, ends_at) WHERE channel = ?1";
        let row = (channel.id.bytes(), now.plus(lease).micros());
        connection.prepare_cached(sql)?.execute(row)?;
        let sql = "SELECT environment, approval, member, reference FROM farewell_cards
                   WHERE channel = ?1 LIMIT ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let rows =
            statement.query_map((channel.id.bytes(), cards), |row| card(row, channel.workspace))?;
        let cards = rows.collect::<Result<_, _>>()?;
        claimed.push(Farewell { channel, removed, cards });
    }
    Ok(claimed)
}

fn settle(
    desk: &mut Desk<'_, '_>,
    way: ChannelId,
    closed: &[String],
    next: Timestamp,
) -> Result<(), StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let sql = "DELETE FROM farewell_cards WHERE channel = ?1 AND reference = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    for reference in closed {
        statement.execute((way.bytes(), reference))?;
    }
    // Nothing is left to do but to wait for what was being told.
    let sql = "UPDATE farewells SET due_at = min(ends_at, iif(EXISTS
                 (SELECT 1 FROM farewell_cards c WHERE c.channel = farewells.channel),
                 ?2, settles_at)) WHERE channel = ?1";
    connection.prepare_cached(sql)?.execute((way.bytes(), next.micros()))?;
    end(connection, now)
}

#[async_trait]
impl Farewells for SqliteStore {
    async fn farewells_are_due(&self) -> Result<bool, StoreError> {
        let now = self.now();
        let question = move |connection: &Connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM farewells WHERE due_at <= ?1)";
            Ok(connection.prepare_cached(sql)?.query_row([now.micros()], |row| row.get(0))?)
        };
        self.read(question).await
    }

    async fn claim_farewells(
        &self,
        lease_seconds: u32,
        limit: u32,
        cards: u32,
    ) -> Result<Vec<Farewell>, StoreError> {
        let lease = Seconds(lease_seconds);
        self.writer.write(move |desk| claim(desk, lease, limit, cards)).await
    }

    async fn settle_farewell(
        &self,
        channel: ChannelId,
        closed: Vec<String>,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.write(move |desk| settle(desk, channel, &closed, next)).await
    }
}
