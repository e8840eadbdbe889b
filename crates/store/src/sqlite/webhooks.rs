//! Receivers of what happens: their rows, and those that are told, kept with the tenant, so that a
//! workspace without any pays nothing for them.

use std::collections::{BTreeMap, BTreeSet};

use askfirst_core::administration::NewWebhook;
use askfirst_core::{Approval, Environment, Event, Timestamp, WebhookId, WorkspaceId};
use rusqlite::{Connection, Row, params};

use super::codec::{self, Id};
use super::deliveries;
use super::outages;
use super::pens::Pens;
use crate::deliveries::{Outage, SealedSecrets, Webhook, WebhookState};
use crate::records::Place;
use crate::store::StoreError;

/// The receivers of a workspace.
pub(super) struct Receivers(Vec<Webhook>);

impl Receivers {
    pub(super) fn read(connection: &Connection, id: WorkspaceId) -> Result<Self, StoreError> {
        Ok(Self(all(connection, id, "0")?))
    }

    /// Whether there is one that signs callbacks.
    pub(super) fn sign_callbacks(&self, environment: Environment) -> bool {
        let signs = |known: &Webhook| known.url.is_none() && known.place.environment == environment;
        self.0.iter().any(signs)
    }

    /// Every one, those too that are told nothing any more.
    pub(super) fn all(&self) -> BTreeMap<WebhookId, Environment> {
        self.0.iter().map(|known| (known.id, known.place.environment)).collect()
    }

    /// Has an event sent to all whom it concerns; true if there are any.
    pub(super) fn tell(
        &self,
        pens: &Pens<'_>,
        next: &Approval,
        version: u32,
        event: &Event,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut told = false;
        for known in &self.0 {
            let wants = known.events.is_empty() || known.events.contains(event.name());
            if wants
                && known.state == WebhookState::Active
                && (known.dialect.is_native() || known.dialect == next.asker.dialect)
                && known.place.environment == next.environment
            {
                told |= match known.url {
                    Some(_) => deliveries::add(pens, known.id, next, version, now)?,
                    None => deliveries::call_back(pens, known.id, next, version, now)?,
                };
            }
        }
        Ok(told)
    }
}

/// The receivers of a workspace, oldest first. `waiting` is what is counted as waiting for each.
fn all(
    connection: &Connection,
    id: WorkspaceId,
    waiting: &'static str,
) -> Result<Vec<Webhook>, StoreError> {
    let sql = format!(
        "SELECT webhook, environment, iif(callbacks, NULL, url), events, created_at, state, disabled_at, why,
           sealed, older, older_until, {waiting}, failing_since, probe_at, dialect
         FROM webhooks w WHERE workspace = ?1 ORDER BY webhook"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([id.bytes()], |row| {
        Ok(Webhook {
            id: codec::id(row, 0)?,
            place: Place { workspace: id, environment: codec::environment(row, 1)? },
            url: row.get(2)?,
            events: codec::json::<BTreeSet<String>>(row, 3)?,
            dialect: codec::dialect(row, 14)?,
            created_at: codec::time(row, 4)?,
            state: codec::webhook_state(row, 5)?,
            disabled_at: codec::maybe_time(row, 6)?,
            problem: row.get(7)?,
            secrets: secrets(row, 8)?,
            waiting: codec::counted(row, 11)?,
            outage: codec::maybe_time(row, 12)?
                .zip(codec::maybe_time(row, 13)?)
                .map(|(since, next_try_at)| Outage { since, next_try_at }),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The secrets of a receiver, in three columns from this one on.
pub(super) fn secrets(row: &Row<'_>, column: usize) -> rusqlite::Result<SealedSecrets> {
    let older: Option<Vec<u8>> = row.get(column + 1)?;
    let older = older.zip(codec::maybe_time(row, column + 2)?);
    Ok(SealedSecrets { newest: row.get(column)?, older })
}

/// How many there are in each state, in all workspaces.
pub(super) fn by_state(connection: &Connection) -> Result<Vec<(WebhookState, u64)>, StoreError> {
    let sql = "SELECT state, count(*) FROM webhooks GROUP BY state";
    let mut statement = connection.prepare(sql)?;
    let rows = statement
        .query_map([], |row| Ok((codec::webhook_state(row, 0)?, codec::counted(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn list(connection: &Connection, id: WorkspaceId) -> Result<Vec<Webhook>, StoreError> {
    let waiting = "(SELECT count(*) FROM deliveries d
                    WHERE d.webhook = w.webhook AND d.settled_at IS NULL)";
    all(connection, id, waiting)
}

/// Receivers of other APIs know no challenge, so they are told at once.
pub(super) fn add(
    connection: &Connection,
    workspace: WorkspaceId,
    new: &NewWebhook,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO webhooks
                 (webhook, workspace, environment, url, events, sealed, created_at, callbacks, dialect,
                  state)
               VALUES (?1, ?2, ?3, ifnull(?4, ''), ?5, ?6, ?7, ?4 IS NULL, ?8,
                 iif(?4 IS NULL OR ?8 <> 'native', 'active', 'unconfirmed'))";
    connection.prepare_cached(sql)?.execute(params![
        new.id.bytes(),
        workspace.bytes(),
        new.environment.as_str(),
        new.url,
        codec::to_json(&new.events)?,
        new.sealed,
        now.micros(),
        new.dialect.as_str(),
    ])?;
    Ok(())
}

/// Its log goes little by little, when there is time to tidy.
pub(super) fn remove(
    connection: &Connection,
    workspace: WorkspaceId,
    id: WebhookId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM webhooks WHERE webhook = ?1 AND workspace = ?2";
    connection.prepare_cached(sql)?.execute((id.bytes(), workspace.bytes()))?;
    Ok(())
}

/// Another secret signs from now on, and the one before too until `until`.
pub(super) fn rotate(
    connection: &Connection,
    workspace: WorkspaceId,
    id: WebhookId,
    sealed: &[u8],
    until: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET older = CASE WHEN ?4 IS NULL THEN NULL ELSE sealed END,
                 older_until = ?4, sealed = ?3
               WHERE webhook = ?1 AND workspace = ?2";
    let row = params![id.bytes(), workspace.bytes(), sealed, until.map(Timestamp::micros)];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// It is told from now on, and what waited when it was disabled is sent. False if that was so
/// already.
pub(super) fn confirm(
    connection: &Connection,
    workspace: WorkspaceId,
    id: WebhookId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhooks SET state = 'active', disabled_at = NULL, why = NULL
               WHERE webhook = ?1 AND workspace = ?2 AND state <> 'active'";
    let changed = connection.prepare_cached(sql)?.execute((id.bytes(), workspace.bytes()))?;
    if changed == 1 {
        outages::all_is_due(connection, id, now)?;
    }
    Ok(changed == 1)
}

pub(super) fn challenge_failed(
    connection: &Connection,
    id: WebhookId,
    why: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET why = ?2 WHERE webhook = ?1 AND state <> 'active'";
    connection.prepare_cached(sql)?.execute(params![id.bytes(), why])?;
    Ok(())
}

/// Nothing is sent to it any more. False if that was so already, or it is gone.
pub(super) fn disable(
    connection: &Connection,
    id: WebhookId,
    why: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhooks SET state = 'disabled', disabled_at = ?2, why = ?3,
                 failures = 0, failing_since = NULL, probe_at = NULL
               WHERE webhook = ?1 AND state = 'active'";
    let changed =
        connection.prepare_cached(sql)?.execute(params![id.bytes(), now.micros(), why])?;
    Ok(changed == 1)
}
