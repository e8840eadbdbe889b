//! Members, groups and sign-ins, as they are read.

use std::collections::{BTreeMap, BTreeSet};

use askfirst_core::administration::SecretHash;
use askfirst_core::{
    Delegation, GroupId, MemberId, Person, Roster, SessionFacts, Standing, Timestamp, WorkspaceId,
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::accounts;
use super::codec::{self, Id};
use crate::records::{DecisionLink, Group, LoginLink, Member, Place, Session};
use crate::store::StoreError;

pub(super) fn members(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Option<MemberId>,
    limit: u32,
) -> Result<Vec<Member>, StoreError> {
    let sql = "SELECT member, email, name, role, enabled, created_at, delegate, delegate_since,
                 delegate_until FROM members
               WHERE workspace = ?1 AND (?2 IS NULL OR member > ?2) ORDER BY member LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows =
        statement.query_map((workspace.bytes(), after.map(Id::bytes), limit), read_member)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn member(
    connection: &Connection,
    workspace: WorkspaceId,
    id: MemberId,
) -> Result<Option<Member>, StoreError> {
    let sql = "SELECT member, email, name, role, enabled, created_at, delegate, delegate_since,
                 delegate_until FROM members
               WHERE workspace = ?1 AND member = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row((workspace.bytes(), id.bytes()), read_member).optional()?)
}

fn read_member(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        id: codec::id(row, 0)?,
        person: Person {
            email: row.get(1)?,
            name: row.get(2)?,
            role: codec::role(row, 3)?,
            enabled: row.get(4)?,
        },
        created_at: codec::time(row, 5)?,
        delegation: delegation(row)?,
    })
}

fn delegation(row: &Row<'_>) -> rusqlite::Result<Option<Delegation>> {
    let since = codec::maybe_time(row, 7)?;
    let until = codec::maybe_time(row, 8)?;
    let Some((since, until)) = since.zip(until) else { return Ok(None) };
    Ok(Some(Delegation { to: codec::id(row, 6)?, since, until }))
}

pub(super) fn groups(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Result<Vec<Group>, StoreError> {
    let sql = "SELECT group_id, member FROM group_members WHERE workspace = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([workspace.bytes()])?;
    let mut members: BTreeMap<GroupId, BTreeSet<MemberId>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        members.entry(codec::id(row, 0)?).or_default().insert(codec::id(row, 1)?);
    }
    let sql = "SELECT group_id, name, created_at FROM groups WHERE workspace = ?1 ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([workspace.bytes()], |row| {
        let id = codec::id(row, 0)?;
        Ok(Group {
            id,
            name: row.get(1)?,
            members: members.remove(&id).unwrap_or_default(),
            created_at: codec::time(row, 2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn roster(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Result<Roster, StoreError> {
    let people = members(connection, workspace, None, u32::MAX)?;
    let groups = groups(connection, workspace)?;
    let given = people.iter().filter_map(|member| Some((member.id, member.delegation?)));
    Ok(Roster {
        delegations: given.collect(),
        people: people.into_iter().map(|member| (member.id, member.person)).collect(),
        groups: groups.into_iter().map(|group| (group.name, group.members)).collect(),
    })
}

const SESSION: &str =
    "SELECT s.session, s.workspace, s.member, s.assurance, s.created_at, s.expires_at
     FROM sessions s
     JOIN members m ON m.workspace = s.workspace AND m.member = s.member
     WHERE s.closed_at IS NULL AND s.expires_at > ?1 AND m.enabled";

/// The session, if it is open at `now`.
pub(super) fn session_by_secret(
    connection: &Connection,
    secret: SecretHash,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let sql = format!("{SESSION} AND s.secret = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((now.micros(), secret.0), read_session).optional()?)
}

/// A member's sessions that are open at `now`, newest first.
pub(super) fn sessions(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "{SESSION} AND s.workspace = ?2 AND s.member = ?3
         ORDER BY s.created_at DESC, s.session DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let key = (now.micros(), workspace.bytes(), member.bytes());
    let rows = statement.query_map(key, read_session)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: codec::id(row, 0)?,
        workspace: codec::id(row, 1)?,
        facts: SessionFacts {
            member: codec::id(row, 2)?,
            assurance: codec::assurance(row, 3)?,
            standing: Standing::Good,
        },
        created_at: codec::time(row, 4)?,
        expires_at: codec::time(row, 5)?,
    })
}

/// What a decision link is read from, as far as other columns can follow.
pub(super) const LINK: &str = "SELECT l.link, l.workspace, l.environment, l.approval, l.member,
     l.assurance, l.expires_at, l.channel, l.account, l.approves, l.shown";
/// How many columns those are.
pub(super) const LINK_COLUMNS: usize = 11;
/// Links that nobody closed, of people who are there.
pub(super) const OPEN_LINK: &str = "FROM decision_links l
     JOIN members m ON m.workspace = l.workspace AND m.member = l.member
     WHERE l.closed_at IS NULL AND m.enabled";

pub(super) fn read_link(row: &Row<'_>) -> rusqlite::Result<DecisionLink> {
    Ok(DecisionLink {
        id: codec::id(row, 0)?,
        place: Place { workspace: codec::id(row, 1)?, environment: codec::environment(row, 2)? },
        approval: codec::id(row, 3)?,
        member: codec::id(row, 4)?,
        assurance: codec::assurance(row, 5)?,
        expires_at: codec::time(row, 6)?,
        card: accounts::card(row, 7)?,
    })
}

/// The decision link, if nobody closed it.
pub(super) fn decision_link(
    connection: &Connection,
    secret: SecretHash,
) -> Result<Option<DecisionLink>, StoreError> {
    let sql = format!("{LINK} {OPEN_LINK} AND l.secret = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([secret.0], read_link).optional()?)
}

/// The login link, if it can be used at `now`.
pub(super) fn login_link(
    connection: &Connection,
    secret: SecretHash,
    now: Timestamp,
) -> Result<Option<LoginLink>, StoreError> {
    let sql = "SELECT l.workspace, l.member, l.assurance, l.expires_at
               FROM login_links l
               JOIN members m ON m.workspace = l.workspace AND m.member = l.member
               WHERE l.secret = ?1 AND l.spent_at IS NULL AND l.expires_at > ?2 AND m.enabled";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((secret.0, now.micros()), |row| {
        Ok(LoginLink {
            workspace: codec::id(row, 0)?,
            member: codec::id(row, 1)?,
            assurance: codec::assurance(row, 2)?,
            expires_at: codec::time(row, 3)?,
        })
    });
    Ok(found.optional()?)
}
