//! Idempotency keys: what an earlier request under the same key did, within the place, the
//! credential and the operation it was made with.

use askfirst_core::{ApprovalId, Seconds, Timestamp, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Id};
use crate::records::Place;
use crate::store::{Credential, Idempotency, StoreError};

/// How long a key is kept after the end of what it belongs to.
const KEPT: Seconds = Seconds(7 * 86_400);

/// Within which a key means the same thing.
pub(super) struct Scope {
    workspace: [u8; 16],
    environment: &'static str,
    credential: [u8; 17],
}

impl Scope {
    pub(super) fn approval(place: Place, credential: Credential) -> Self {
        Self {
            workspace: place.workspace.bytes(),
            environment: place.environment.as_str(),
            credential: bytes(credential),
        }
    }

    pub(super) fn administration(workspace: WorkspaceId, credential: Credential) -> Self {
        Self { workspace: workspace.bytes(), environment: "-", credential: bytes(credential) }
    }
}

fn bytes(credential: Credential) -> [u8; 17] {
    let (kind, id) = match credential {
        Credential::System => (0, [0; 16]),
        Credential::Key(id) => (1, id.bytes()),
        Credential::Session(id) => (2, id.bytes()),
        Credential::Link(id) => (3, id.bytes()),
    };
    let mut bytes = [kind; 17];
    bytes[1..].copy_from_slice(&id);
    bytes
}

/// What the first request made or changed.
pub(super) enum Seen {
    Approval(ApprovalId),
    Subject(String),
}

/// The key was used with another body.
pub(super) struct Mismatch;

impl From<Mismatch> for crate::store::ExecuteError {
    fn from(_: Mismatch) -> Self {
        Self::IdempotencyMismatch
    }
}

impl From<Mismatch> for crate::store::AdministerError {
    fn from(_: Mismatch) -> Self {
        Self::IdempotencyMismatch
    }
}

pub(super) fn find(
    connection: &Connection,
    scope: &Scope,
    idempotency: &Idempotency,
) -> Result<Option<Result<Seen, Mismatch>>, StoreError> {
    let sql = "SELECT fingerprint, approval, subject FROM idempotency
               WHERE workspace = ?1 AND environment = ?2 AND credential = ?3
                 AND operation = ?4 AND key = ?5";
    let mut statement = connection.prepare_cached(sql)?;
    let key = params![
        scope.workspace,
        scope.environment,
        scope.credential,
        idempotency.operation,
        idempotency.key,
    ];
    let found = statement.query_row(key, |row| {
        let fingerprint: [u8; 32] = row.get(0)?;
        let seen = match codec::maybe_id(row, 1)? {
            Some(approval) => Seen::Approval(approval),
            None => Seen::Subject(row.get(2)?),
        };
        Ok(if fingerprint == idempotency.fingerprint { Ok(seen) } else { Err(Mismatch) })
    });
    Ok(found.optional()?)
}

/// Until when a key is kept whose subject has ended by `now`.
pub(super) fn end(now: Timestamp) -> Timestamp {
    now.plus(KEPT)
}

/// Notes what a request did. Without `ends_at` it is kept until its approval has ended.
pub(super) fn remember(
    connection: &Connection,
    scope: &Scope,
    idempotency: &Idempotency,
    seen: Seen,
    ends_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO idempotency (workspace, environment, credential, operation, key,
                 fingerprint, approval, subject, ends_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let (approval, subject) = match seen {
        Seen::Approval(id) => (Some(id.bytes()), None),
        Seen::Subject(subject) => (None, Some(subject)),
    };
    connection.prepare_cached(sql)?.execute(params![
        scope.workspace,
        scope.environment,
        scope.credential,
        idempotency.operation,
        idempotency.key,
        idempotency.fingerprint,
        approval,
        subject,
        ends_at.map(Timestamp::micros),
    ])?;
    Ok(())
}

/// Lets the keys of an approval end, now that it has.
pub(super) fn approval_ended(
    connection: &Connection,
    approval: ApprovalId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE idempotency SET ends_at = ?2 WHERE approval = ?1 AND ends_at IS NULL";
    connection.prepare_cached(sql)?.execute(params![approval.bytes(), end(now).micros()])?;
    Ok(())
}
