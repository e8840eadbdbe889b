//! What is on its way to receivers: written with the event, claimed under a lease, settled. Of one
//! approval and receiver only the first that waits is due, so that each arrives before the next.

use std::sync::Arc;

use askfirst_core::{Approval, ApprovalId, DeliveryId, Seconds, Timestamp, WebhookId, WorkspaceId};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::audit::{self, Telling};
use super::codec::{self, Id};
use super::outages::{self, Admitted, Probe};
use super::pens::Pens;
use super::writer::Desk;
use super::{SqliteStore, webhooks};
use crate::deliveries::{
    Attempted, ClaimedDelivery, Deliveries, Delivery, DeliveryCounts, DeliveryState, SealedSecrets,
    Then, Webhook,
};
use crate::records::{EventRecord, Place};
use crate::store::{Change, Store, StoreError};

/// For what an asker had sent somewhere, or is told in other words than ours: the approval.
const ASKED: &str = "iif(w.callbacks OR w.dialect <> 'native', (SELECT t.body FROM approvals a
      JOIN snapshots t ON t.snapshot = a.snapshot
      WHERE a.workspace = d.workspace AND a.environment = d.environment
        AND a.approval = d.approval), NULL)";

/// Its id follows from what it is, so that it is the same wherever it is counted.
pub(super) fn id_of(webhook: WebhookId, approval: ApprovalId, version: u32) -> DeliveryId {
    let mut named = Vec::with_capacity(36);
    named.extend(webhook.bytes());
    named.extend(approval.bytes());
    named.extend(version.to_be_bytes());
    let digest = askfirst_proof::text_digest(&named);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    DeliveryId::from_bytes(bytes)
}

/// Another event for a receiver, due now unless one before it still waits.
pub(super) fn add(
    pens: &Pens<'_>,
    webhook: WebhookId,
    next: &Approval,
    version: u32,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO deliveries
                 (delivery, workspace, environment, webhook, approval, version, added_at, due_at)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7,
                 CASE WHEN EXISTS (SELECT 1 FROM deliveries
                   WHERE webhook = ?4 AND approval = ?5 AND settled_at IS NULL) THEN NULL
                 ELSE ?7 END";
    pens.write(
        sql,
        params![
            id_of(webhook, next.id, version).bytes(),
            next.workspace.bytes(),
            next.environment.as_str(),
            webhook.bytes(),
            next.id.bytes(),
            version,
            now.micros(),
        ],
    )?;
    Ok(true)
}

/// Where an asker has the end of an approval sent.
pub(super) fn keep_callback(
    connection: &Connection,
    approval: ApprovalId,
    url: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO callbacks (approval, url) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![approval.bytes(), url])?;
    Ok(())
}

/// The end of an approval for whoever asked; false if they did not say where.
pub(super) fn call_back(
    pens: &Pens<'_>,
    webhook: WebhookId,
    next: &Approval,
    version: u32,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO deliveries
                 (delivery, workspace, environment, webhook, approval, version, added_at, due_at,
                  url)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, url FROM callbacks WHERE approval = ?5";
    let row = params![
        id_of(webhook, next.id, version).bytes(),
        next.workspace.bytes(),
        next.environment.as_str(),
        webhook.bytes(),
        next.id.bytes(),
        version,
        now.micros(),
    ];
    Ok(pens.write(sql, row)? > 0)
}

/// An address can say as much as a text does. What has not arrived yet still goes there.
pub(super) fn forget_callback(
    connection: &Connection,
    approval: ApprovalId,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM callbacks WHERE approval = ?1";
    connection.prepare_cached(sql)?.execute([approval.bytes()])?;
    // The index holds callbacks only; any other one would be read for every settled delivery.
    let sql = "UPDATE deliveries INDEXED BY deliveries_callbacks SET url = NULL
               WHERE approval = ?1 AND url IS NOT NULL AND settled_at IS NOT NULL";
    connection.prepare_cached(sql)?.execute([approval.bytes()])?;
    Ok(())
}

fn claim(
    desk: &mut Desk<'_, '_>,
    webhook: WebhookId,
    lease: Seconds,
    limit: u32,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let until = now.plus(lease);
    let Admitted { limit, probe } = outages::admitted(connection, webhook, limit, now, until)?;
    if limit == 0 {
        return Ok(Vec::new());
    }
    let which = match probe {
        Some(Probe::Newest) => "d.due_at <= ?2 ORDER BY d.due_at DESC, d.position DESC",
        Some(Probe::Oldest) | None => "d.due_at <= ?2 ORDER BY d.due_at, d.position",
    };
    let mut rows = due(connection, webhook, which, now, limit)?;
    if rows.is_empty() && probe.is_some() {
        // Whether it takes something again need not wait for the next to be due.
        let which = "d.due_at > ?2 ORDER BY d.due_at, d.position";
        rows = due(connection, webhook, which, now.plus(outages::LONGEST_LEASE), limit)?;
        for (row, added_at) in &mut rows {
            let earlier = (row.attempt - row.round + 1).min(row.attempt - 1);
            if outages::is_free(*added_at, now) {
                row.round = row.attempt - earlier;
            }
        }
    }
    let sql = "UPDATE deliveries SET attempt = ?2, earlier = ?3, due_at = ?4 WHERE delivery = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    for (row, _) in &rows {
        let earlier = row.attempt - row.round;
        statement.execute(params![row.id.bytes(), row.attempt, earlier, until.micros()])?;
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// Those of a receiver that are meant, with when they were added.
fn due(
    connection: &Connection,
    webhook: WebhookId,
    which: &'static str,
    moment: Timestamp,
    limit: u32,
) -> Result<Vec<(ClaimedDelivery, Timestamp)>, StoreError> {
    let sql = format!(
        "SELECT d.delivery, iif(w.callbacks, ifnull(d.url, ''), w.url), d.workspace, d.environment, d.approval, d.version,
           e.name, e.at, e.detail, d.attempt, d.earlier, w.sealed, w.older, w.older_until,
           iif(w.callbacks, s.callback_hosts, NULL), d.added_at, {ASKED}, w.dialect
         FROM deliveries d
         JOIN webhooks w ON w.webhook = d.webhook AND w.state = 'active'
         JOIN workspaces s ON s.workspace = d.workspace
         JOIN events e ON e.approval = d.approval AND e.version = d.version
         WHERE d.webhook = ?1 AND {which} LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((webhook.bytes(), moment.micros(), limit), |row| {
        let (attempt, earlier): (u32, u32) = (codec::counted(row, 9)?, codec::counted(row, 10)?);
        let event = EventRecord {
            version: codec::counted(row, 5)?,
            name: row.get(6)?,
            at: codec::time(row, 7)?,
            detail: codec::json(row, 8)?,
        };
        let claimed = ClaimedDelivery {
            id: codec::id(row, 0)?,
            webhook,
            url: row.get(1)?,
            hosts: codec::maybe_json(row, 14)?,
            secrets: webhooks::secrets(row, 11)?,
            place: Place {
                workspace: codec::id(row, 2)?,
                environment: codec::environment(row, 3)?,
            },
            approval: codec::id(row, 4)?,
            asked: codec::maybe_json(row, 16)?.map(Arc::new),
            dialect: codec::dialect(row, 17)?,
            event,
            attempt: attempt + 1,
            round: (attempt + 1).saturating_sub(earlier),
        };
        Ok((claimed, codec::time(row, 15)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Of an approval and a receiver, the first that waits is due. False if none does, or it was due.
pub(super) fn next_is_due(
    connection: &Connection,
    webhook: WebhookId,
    approval: ApprovalId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE deliveries SET due_at = ?3 WHERE position =
                 (SELECT position FROM deliveries
                  WHERE webhook = ?1 AND approval = ?2 AND settled_at IS NULL
                  ORDER BY version LIMIT 1) AND due_at IS NULL";
    let next = params![webhook.bytes(), approval.bytes(), now.micros()];
    Ok(connection.prepare_cached(sql)?.execute(next)? > 0)
}

fn settle(
    desk: &mut Desk<'_, '_>,
    claimed: &ClaimedDelivery,
    attempted: &Attempted,
) -> Result<(), StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let (due_at, delivered, settled_at, why) = match &attempted.then {
        Then::Delivered => (None, true, Some(now), None),
        Then::Retry { at, why } => (Some(*at), false, None, Some(why)),
        Then::GiveUp { why } | Then::Disable { why } => (None, false, Some(now), Some(why)),
    };
    // One before it may have been asked for once more meanwhile; that goes first.
    let sql = "UPDATE deliveries SET delivered = ?4, settled_at = ?5, why = ?6,
                 status = ?7, answer = ?8,
                 due_at = CASE WHEN ?3 IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries f
                   WHERE f.webhook = deliveries.webhook AND f.approval = deliveries.approval
                     AND f.settled_at IS NULL AND f.version < deliveries.version)
                   THEN NULL ELSE ?3 END
               WHERE delivery = ?1 AND attempt = ?2 AND settled_at IS NULL";
    let held = connection.prepare_cached(sql)?.execute(params![
        claimed.id.bytes(),
        claimed.attempt,
        due_at.map(Timestamp::micros),
        delivered,
        settled_at.map(Timestamp::micros),
        why,
        attempted.status,
        attempted.answer,
    ])?;
    // Who lost the lease to a later attempt has nothing to say.
    if held == 0 {
        return Ok(());
    }
    if settled_at.is_some() && next_is_due(connection, claimed.webhook, claimed.approval, now)? {
        desk.changes.push(Change::Deliveries);
    }
    match &attempted.then {
        Then::Delivered => {
            if outages::over(connection, claimed.webhook, now)? {
                desk.changes.push(Change::Deliveries);
            }
        }
        Then::Retry { why, .. } | Then::GiveUp { why } => {
            outages::failed(connection, claimed.webhook, why, now)?;
        }
        Then::Disable { .. } => {}
    }
    if let Then::Disable { why } = &attempted.then
        && webhooks::disable(connection, claimed.webhook, why, now)?
    {
        let workspace = claimed.place.workspace;
        if let Some(tenant) = desk.tenants.get(connection, workspace, now)? {
            let telling = Telling {
                at: now,
                actor: "system",
                kind: "webhook.disabled",
                subject: &claimed.webhook.to_string(),
                detail: &audit::spelled(&json!({ "status": attempted.status }))?,
            };
            audit::append(desk.pens, tenant, &telling)?;
        }
        desk.tenants.forget(workspace);
        desk.changes.push(Change::Workspace(workspace));
    }
    Ok(())
}

/// Has one sent once more that arrived or was given up, and one that waits sent now; behind those of
/// its approval that were before it. False if there is none, or nobody to send it to.
pub(super) fn retry(
    connection: &Connection,
    workspace: WorkspaceId,
    id: DeliveryId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE deliveries
               SET due_at = CASE WHEN settled_at IS NULL THEN due_at END,
                 settled_at = NULL, delivered = 0, earlier = attempt
               WHERE delivery = ?1 AND workspace = ?2 AND webhook IN
                 (SELECT webhook FROM webhooks WHERE workspace = ?2)
               RETURNING webhook, approval";
    let mut statement = connection.prepare_cached(sql)?;
    let known = statement.query_row((id.bytes(), workspace.bytes()), |row| {
        Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, [u8; 16]>(1)?))
    });
    let Some((webhook, approval)) = known.optional()? else { return Ok(false) };
    outages::try_now(connection, Id::from_bytes(webhook), now)?;
    // The first of those that wait is due, and none behind it, whatever it was before.
    let sql = "UPDATE deliveries SET due_at = NULL
               WHERE webhook = ?1 AND approval = ?2 AND settled_at IS NULL
                 AND due_at IS NOT NULL AND version > (SELECT min(version) FROM deliveries
                   WHERE webhook = ?1 AND approval = ?2 AND settled_at IS NULL)";
    connection.prepare_cached(sql)?.execute((webhook, approval))?;
    let sql = "UPDATE deliveries SET due_at = ?3
               WHERE webhook = ?1 AND approval = ?2 AND settled_at IS NULL
                 AND (due_at IS NULL OR delivery = ?4) AND version = (SELECT min(version)
                   FROM deliveries WHERE webhook = ?1 AND approval = ?2 AND settled_at IS NULL)";
    let first = params![webhook, approval, now.micros(), id.bytes()];
    connection.prepare_cached(sql)?.execute(first)?;
    Ok(true)
}

/// Puts these secrets in the place of what was sealed otherwise.
pub(super) fn reseal(
    connection: &Connection,
    secrets: &[(WebhookId, SealedSecrets)],
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET sealed = ?2, older = ?3, older_until = ?4 WHERE webhook = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    for (id, secrets) in secrets {
        let (older, until) = secrets.older.as_ref().map(|(older, at)| (older, at.micros())).unzip();
        statement.execute(params![id.bytes(), secrets.newest, older, until])?;
    }
    Ok(())
}

/// What a line of the log is read from, by this index if one is named.
pub(super) fn lines(index: &str) -> String {
    format!(
        "SELECT d.delivery, d.webhook, d.approval, d.version, e.name, e.at, d.delivered,
           d.settled_at, d.attempt,
           CASE WHEN d.due_at < w.probe_at THEN w.probe_at ELSE d.due_at END, d.why, d.status, d.answer, d.url, d.environment,
           d.added_at, d.position, e.detail, {ASKED}, ifnull(w.dialect, 'native')
         FROM deliveries d {index}
         LEFT JOIN webhooks w ON w.webhook = d.webhook
         JOIN events e ON e.approval = d.approval AND e.version = d.version"
    )
}

pub(super) fn line(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let settled_at = codec::maybe_time(row, 7)?;
    Ok(Delivery {
        id: codec::id(row, 0)?,
        webhook: codec::id(row, 1)?,
        approval: codec::id(row, 2)?,
        asked: codec::maybe_json(row, 18)?.map(Arc::new),
        dialect: codec::dialect(row, 19)?,
        version: codec::counted(row, 3)?,
        event: row.get(4)?,
        at: codec::time(row, 5)?,
        state: match (row.get(6)?, settled_at) {
            (true, _) => DeliveryState::Delivered,
            (false, Some(_)) => DeliveryState::Dead,
            (false, None) => DeliveryState::Waiting,
        },
        settled_at,
        attempts: codec::counted(row, 8)?,
        next_at: codec::maybe_time(row, 9)?,
        why: row.get(10)?,
        status: codec::maybe_counted(row, 11)?,
        answer: row.get(12)?,
        url: row.get(13)?,
        environment: codec::environment(row, 14)?,
        detail: codec::json(row, 17)?,
    })
}

#[async_trait]
impl Deliveries for SqliteStore {
    async fn webhooks(&self, workspace: WorkspaceId) -> Result<Vec<Webhook>, StoreError> {
        self.read(move |connection| webhooks::list(connection, workspace)).await
    }

    async fn webhook_secrets(&self) -> Result<Vec<(WebhookId, SealedSecrets)>, StoreError> {
        let question = |connection: &Connection| {
            let sql = "SELECT webhook, sealed, older, older_until FROM webhooks";
            let mut all = connection.prepare_cached(sql)?;
            let rows =
                all.query_map([], |row| Ok((codec::id(row, 0)?, webhooks::secrets(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn challenge_failed(&self, webhook: WebhookId, why: String) -> Result<(), StoreError> {
        let work = move |desk: &mut Desk<'_, '_>| {
            webhooks::challenge_failed(desk.connection, webhook, &why)
        };
        self.writer.write(work).await
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let question = move |connection: &Connection| {
            let sql = format!(
                "{} WHERE d.workspace = ?1 AND d.webhook = ?2 AND (?3 IS NULL OR
                   (d.added_at, d.position) <
                     (SELECT added_at, position FROM deliveries WHERE delivery = ?3))
                 ORDER BY d.added_at DESC, d.position DESC LIMIT ?4",
                lines("")
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let before = before.map(Id::bytes);
            let row = params![workspace.bytes(), webhook.bytes(), before, limit];
            let rows = statement.query_map(row, line)?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn delivery(
        &self,
        workspace: WorkspaceId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        let question = move |connection: &Connection| {
            let sql = format!("{} WHERE d.workspace = ?1 AND d.delivery = ?2", lines(""));
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row((workspace.bytes(), id.bytes()), line).optional()?)
        };
        self.read(question).await
    }

    async fn delivery_counts(&self) -> Result<DeliveryCounts, StoreError> {
        let question = |connection: &Connection| {
            let sql = "SELECT (SELECT count(*) FROM deliveries WHERE settled_at IS NULL),
                         (SELECT count(*) FROM deliveries
                          WHERE settled_at IS NOT NULL AND delivered = 0),
                         (SELECT count(*) FROM webhooks WHERE probe_at IS NOT NULL)";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement.query_row([], |row| {
                Ok(DeliveryCounts {
                    waiting: codec::counted(row, 0)?,
                    dead: codec::counted(row, 1)?,
                    webhooks_down: codec::counted(row, 2)?,
                })
            })?)
        };
        self.read(question).await
    }

    async fn due_webhooks(&self) -> Result<Vec<WebhookId>, StoreError> {
        let now = self.now();
        let question = move |connection: &Connection| {
            let sql = "SELECT webhook FROM webhooks w WHERE state = 'active'
                         AND (probe_at IS NULL OR probe_at <= ?1)
                         AND (EXISTS (SELECT 1 FROM deliveries d
                            WHERE d.webhook = w.webhook AND d.due_at <= ?1)
                          OR probe_at IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries d
                            WHERE d.webhook = w.webhook AND d.due_at IS NOT NULL))";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([now.micros()], |row| codec::id(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn claim_deliveries(
        &self,
        webhook: WebhookId,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let lease = Seconds(lease_seconds).min(outages::LONGEST_LEASE);
        let work = move |desk: &mut Desk<'_, '_>| claim(desk, webhook, lease, limit);
        self.writer.write(work).await
    }

    async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        attempted: Attempted,
    ) -> Result<(), StoreError> {
        let claimed = claimed.clone();
        let work = move |desk: &mut Desk<'_, '_>| settle(desk, &claimed, &attempted);
        self.writer.write(work).await
    }
}
