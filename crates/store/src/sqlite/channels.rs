//! Ways to people: their rows, and those of a workspace, kept with the tenant, so that one without
//! any pays nothing for them.

use std::collections::{BTreeMap, BTreeSet};

use askfirst_core::administration::ChannelSecret;
use askfirst_core::{
    About, Approval, ChannelId, ChannelSettings, ChatRoom, Claim, Environment, Event, MemberId,
    NewChannel, Timestamp, WorkspaceId,
};
use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};

use super::codec::{self, Id};
use super::facts::Tenant;
use super::farewells::Whose;
use super::{accounts, farewells, notices};
use crate::notices::{Channel, Down};
use crate::store::StoreError;

/// The ways of a workspace, those first by which people answer, and who has linked an account.
pub(super) struct Ways {
    all: Vec<(ChannelId, ChannelSettings)>,
    linked: BTreeMap<ChannelId, BTreeSet<MemberId>>,
}

impl Ways {
    pub(super) fn read(connection: &Connection, id: WorkspaceId) -> Result<Self, StoreError> {
        let all = all(connection, id, "0")?;
        let mut all: Vec<_> = all.into_iter().map(|known| (known.id, known.settings)).collect();
        all.sort_by_key(|(_, settings)| !settings.hears());
        Ok(Self { all, linked: accounts::linked(connection, id)? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn all(&self) -> BTreeMap<ChannelId, ChannelSettings> {
        self.all.iter().cloned().collect()
    }

    /// Those that tell of this approval.
    pub(super) fn of(
        &self,
        approval: &Approval,
    ) -> impl Iterator<Item = &(ChannelId, ChannelSettings)> {
        self.all.iter().filter(|(_, settings)| approval.is_told_by(settings.kind()))
    }

    /// By which of them this person is asked: by the first that reaches them. Nobody is asked the
    /// same thing twice.
    pub(super) fn to(&self, approval: &Approval, member: MemberId) -> Option<ChannelId> {
        let linked = |id: &ChannelId| self.linked.get(id).is_some_and(|who| who.contains(&member));
        let mut ways = self.of(approval);
        ways.find(|(id, settings)| !settings.hears() || linked(id)).map(|(id, _)| *id)
    }

    /// By which of them this person is asked if one of them did not reach them.
    pub(super) fn after(
        &self,
        approval: &Approval,
        member: MemberId,
        failed: ChannelId,
    ) -> Option<ChannelId> {
        let linked = |id: &ChannelId| self.linked.get(id).is_some_and(|who| who.contains(&member));
        let behind = self.of(approval).skip_while(|(id, _)| *id != failed).skip(1);
        let mut behind = behind.filter(|(id, settings)| !settings.hears() || linked(id));
        behind.next().map(|(id, _)| *id)
    }
}

impl Tenant {
    /// Has an event told to the people whom it concerns; true if there are any.
    pub(super) fn tell_people(
        &self,
        connection: &Connection,
        next: &Approval,
        version: u32,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // What is asked on trial is nobody's business but the asker's.
        if self.channels.is_empty() || next.environment == Environment::Test {
            return Ok(false);
        }
        let awaited = || next.awaited(&self.roster, self.workspace.floor, now);
        let mut told = false;
        for (channel, settings) in self.channels.of(next) {
            let (afterwards, hears) = (settings.afterwards(), settings.hears());
            let about = notices::Subject { channel: *channel, approval: next, version, now };
            // Whoever reads along in a group holds its card, too.
            let rooms = || settings.rooms().iter().map(ChatRoom::place);
            let is_theirs = |member: &MemberId| {
                self.channels.to(next, *member) == Some(*channel)
                    || settings.room_at(*member).is_some()
            };
            let asked = || awaited().into_iter().filter(is_theirs).chain(rooms());
            told |= match event {
                Event::Asked { .. } => about.to_new(connection, &asked().collect::<Vec<_>>())?,
                Event::Escalated { .. } => {
                    let asked = about.to_new(connection, &asked().collect::<Vec<_>>())?;
                    asked | (hears && about.progress(connection)?)
                }
                Event::Edited { .. } => {
                    let all: Vec<_> = awaited().into_iter().chain(rooms()).collect();
                    about.changed(connection, &all, is_theirs)?
                        | (hears && about.progress(connection)?)
                }
                Event::Decided { decision } => about.ended(connection, decision, hears)?,
                Event::Voted { .. } | Event::Inquired { .. } | Event::Replied { .. }
                    if hears && next.decision.is_none() =>
                {
                    about.progress(connection)?
                }
                Event::ClaimSettled { claim: Claim::Claimed { .. } }
                    if afterwards.tells(About::Claimed) =>
                {
                    about.afterwards(connection, About::Claimed, hears)?
                }
                Event::ClaimSettled { claim: Claim::Revoked { .. } } if hears => {
                    about.afterwards(connection, About::Ended, hears)?
                }
                Event::Reported { .. } if afterwards.tells(About::Reported) => {
                    about.afterwards(connection, About::Reported, hears)?
                }
                _ => false,
            };
        }
        Ok(told)
    }
}

const CHANNEL: &str =
    "SELECT channel, workspace, settings, sealed, created_at, troubled_at, why, {waiting},
       failing_since, probe_at
     FROM channels c";
/// How many wait. The log is long; only those are in this index.
fn waiting() -> String {
    format!(
        "(SELECT count(*) FROM notices n INDEXED BY notices_waiting
          WHERE n.channel = c.channel AND n.settled_at IS NULL AND NOT {})",
        notices::planned("n.")
    )
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Channel> {
    Ok(Channel {
        id: codec::id(row, 0)?,
        workspace: codec::id(row, 1)?,
        settings: codec::json::<ChannelSettings>(row, 2)?,
        sealed: row.get(3)?,
        created_at: codec::time(row, 4)?,
        trouble: codec::maybe_time(row, 5)?.zip(row.get(6)?),
        waiting: codec::counted(row, 7)?,
        down: codec::maybe_time(row, 8)?
            .zip(codec::maybe_time(row, 9)?)
            .map(|(since, next_probe_at)| Down { since, next_probe_at }),
        unreached: Vec::new(),
    })
}

pub(super) fn list(connection: &Connection, id: WorkspaceId) -> Result<Vec<Channel>, StoreError> {
    let mut found = all(connection, id, &waiting())?;
    name_unreached(connection, &mut found)?;
    Ok(found)
}

fn name_unreached(connection: &Connection, of: &mut [Channel]) -> Result<(), StoreError> {
    for channel in of {
        channel.unreached = notices::unreached(connection, channel)?;
    }
    Ok(())
}

fn all(
    connection: &Connection,
    id: WorkspaceId,
    waiting: &str,
) -> Result<Vec<Channel>, StoreError> {
    let sql = CHANNEL.replace("{waiting}", waiting) + " WHERE workspace = ?1 ORDER BY channel";
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([id.bytes()], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Those of all workspaces.
pub(super) fn every(connection: &Connection) -> Result<Vec<Channel>, StoreError> {
    let sql = CHANNEL.replace("{waiting}", &waiting()) + " ORDER BY channel";
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([], row)?;
    let mut found: Vec<Channel> = rows.collect::<Result<_, _>>()?;
    name_unreached(connection, &mut found)?;
    Ok(found)
}

/// Those of all workspaces by which people answer, without counts.
pub(super) fn hearing(connection: &Connection) -> Result<Vec<Channel>, StoreError> {
    let sql = CHANNEL.replace("{waiting}", "0") + " WHERE settings ->> 'kind' <> 'email'";
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One of them, without a count of what waits.
pub(super) fn one(connection: &Connection, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    let sql = CHANNEL.replace("{waiting}", "0") + " WHERE channel = ?1";
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query_map([id.bytes()], row)?;
    Ok(rows.next().transpose()?)
}

pub(super) fn add(
    connection: &Connection,
    workspace: WorkspaceId,
    new: &NewChannel,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO channels (channel, workspace, settings, sealed, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(sql)?.execute(params![
        new.id.bytes(),
        workspace.bytes(),
        codec::to_json(&new.settings)?,
        new.sealed,
        now.micros(),
    ])?;
    Ok(())
}

/// Sets one up otherwise; what differs, for the audit log, which learns of a secret only that it
/// changed. None if nothing does.
pub(super) fn change(
    connection: &Connection,
    workspace: WorkspaceId,
    id: ChannelId,
    settings: &ChannelSettings,
    secret: &ChannelSecret,
    now: Timestamp,
) -> Result<Option<Value>, StoreError> {
    let known = one(connection, id)?.filter(|known| known.workspace == workspace);
    let Some(known) = known else { return Ok(None) };
    let plain = |settings: &ChannelSettings| {
        let value = serde_json::to_value(settings);
        let value = value.map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok::<_, StoreError>(value.as_object().cloned().unwrap_or_default())
    };
    let (before, after) = (plain(&known.settings)?, plain(settings)?);
    let mut differs = Map::new();
    for (name, value) in after {
        let was = before.get(&name).cloned().unwrap_or_default();
        if was != value {
            differs.insert(name, json!({ "from": was, "to": value }));
        }
    }
    let sealed = match secret {
        ChannelSecret::Keep => known.sealed.as_ref(),
        ChannelSecret::Replace(sealed) => sealed.as_ref(),
    };
    let named = match settings {
        ChannelSettings::Email(_) => "password",
        ChannelSettings::Telegram(_) => "token",
    };
    match (secret, &known.sealed) {
        (ChannelSecret::Keep, _) | (ChannelSecret::Replace(None), None) => {}
        (ChannelSecret::Replace(None), Some(_)) => {
            differs.insert(named.into(), "removed".into());
        }
        (ChannelSecret::Replace(Some(_)), _) => {
            differs.insert(named.into(), "changed".into());
        }
    }
    if differs.is_empty() {
        return Ok(None);
    }
    let stays = |room: &ChatRoom| settings.rooms().iter().any(|other| other.id == room.id);
    for room in known.settings.rooms().iter().filter(|room| !stays(room)) {
        farewells::begin(connection, &known, Whose::One(room.place()), now)?;
    }
    // What went wrong before says nothing of it now.
    let sql = "UPDATE channels SET settings = ?2, sealed = ?3, why = NULL, troubled_at = NULL,
                 failures = 0, failing_since = NULL, probe_at = NULL, quiet_until = NULL
               WHERE channel = ?1";
    let row = params![id.bytes(), codec::to_json(settings)?, sealed];
    connection.prepare_cached(sql)?.execute(row)?;
    notices::hasten(connection, id, now)?;
    Ok(Some(Value::Object(differs)))
}

/// What waits to be told by it goes along; the rest of its log goes when there is time to tidy. Cards
/// that could be answered until now are to say that they cannot.
pub(super) fn remove(
    connection: &Connection,
    workspace: WorkspaceId,
    id: ChannelId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let known = one(connection, id)?.filter(|known| known.workspace == workspace);
    if let Some(way) = known.filter(|known| known.settings.hears()) {
        farewells::begin(connection, &way, Whose::All, now)?;
    }
    let sql = "DELETE FROM channels WHERE channel = ?1 AND workspace = ?2";
    connection.prepare_cached(sql)?.execute((id.bytes(), workspace.bytes()))?;
    let sql = "DELETE FROM notices WHERE channel = ?1 AND workspace = ?2 AND settled_at IS NULL";
    connection.prepare_cached(sql)?.execute((id.bytes(), workspace.bytes()))?;
    accounts::remove_all(connection, id)
}

/// Notes what went wrong by it, or that it works.
pub(super) fn note(
    connection: &Connection,
    id: ChannelId,
    trouble: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE channels SET why = ?2, troubled_at = ?3 WHERE channel = ?1 AND why IS NOT ?2";
    let at = trouble.map(|_| now.micros());
    connection.prepare_cached(sql)?.execute(params![id.bytes(), trouble, at])?;
    Ok(())
}

/// The provider wants to be left alone until then.
pub(super) fn keep_quiet(
    connection: &Connection,
    id: ChannelId,
    until: Timestamp,
) -> Result<(), StoreError> {
    let sql =
        "UPDATE channels SET quiet_until = max(ifnull(quiet_until, 0), ?2) WHERE channel = ?1";
    connection.prepare_cached(sql)?.execute((id.bytes(), until.micros()))?;
    Ok(())
}

/// Puts these secrets in the place of what was sealed otherwise.
pub(super) fn reseal(
    connection: &Connection,
    secrets: &[(ChannelId, Vec<u8>)],
) -> Result<(), StoreError> {
    let sql = "UPDATE channels SET sealed = ?2 WHERE channel = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    for (id, sealed) in secrets {
        statement.execute(params![id.bytes(), sealed])?;
    }
    Ok(())
}
