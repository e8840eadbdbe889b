//! What proves decisions to clients of proof.holdings: their rows.

use askfirst_core::administration::{ProofRevocation, RevocationReason};
use askfirst_core::{Approval, ApprovalId, Dialect, Digest, Timestamp};
use askfirst_proof::token::LIST_SLOTS;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::SqliteStore;
use super::codec::{self, Id};
use super::pens::Pens;
use crate::proof_tokens::{ProofToken, ProofTokens, RevokedProof, SignedProofToken};
use crate::records::Place;
use crate::store::StoreError;

/// The columns of a token, in the order in which [`read`] takes them.
pub(super) const COLUMNS: &str = "t.number, t.token, t.expires_at, t.revoked_at, t.reason";

/// A row for what was just decided, if people did and its asker's clients look for one.
pub(super) fn decided(pens: &Pens<'_>, approval: &Approval) -> Result<(), StoreError> {
    // What no vote led to has no assurance.
    if approval.asker.dialect != Dialect::Proof || approval.assurance().is_none() {
        return Ok(());
    }
    let sql = "INSERT INTO proof_tokens (approval, workspace, environment) VALUES (?1, ?2, ?3)";
    let environment = approval.environment.as_str();
    pens.write(sql, params![approval.id.bytes(), approval.workspace.bytes(), environment])?;
    Ok(())
}

/// The token of a row with [`COLUMNS`] from this one on; none where there is none.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<ProofToken>> {
    let Some(number) = codec::maybe_counted(row, first)? else { return Ok(None) };
    let revoked_at = codec::maybe_time(row, first + 3)?;
    let reason = |_| codec::revocation_reason(row, first + 4);
    Ok(Some(ProofToken {
        number,
        token: row.get(first + 1)?,
        expires_at: codec::maybe_time(row, first + 2)?,
        revoked: revoked_at.map(|at| reason(at).map(|reason| (at, reason))).transpose()?,
    }))
}

pub(super) fn signed(
    connection: &Connection,
    approval: ApprovalId,
    signed: &SignedProofToken,
) -> Result<(), StoreError> {
    let sql = "UPDATE proof_tokens SET token = ?2, digest = ?3, expires_at = ?4
               WHERE approval = ?1 AND digest IS NULL";
    let SignedProofToken { token, digest, expires_at } = signed;
    let row = params![approval.bytes(), token, digest.0, expires_at.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// It says the comment.
pub(super) fn forget(connection: &Connection, approval: ApprovalId) -> Result<(), StoreError> {
    let sql = "UPDATE proof_tokens SET token = NULL WHERE approval = ?1";
    connection.prepare_cached(sql)?.execute([approval.bytes()])?;
    Ok(())
}

/// An approver took the approval back, so nothing proves it any more.
pub(super) fn taken_back(
    connection: &Connection,
    approval: &Approval,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE proof_tokens SET revoked_at = ?2, reason = ?3
               WHERE approval = ?1 AND revoked_at IS NULL";
    let reason = RevocationReason::UserRequest.as_str();
    let row = params![approval.id.bytes(), now.micros(), reason];
    let changed = connection.prepare_cached(sql)?.execute(row)?;
    count_revocation(connection, changed)
}

/// So that who signs the lists sees that there is something new without reading them.
fn count_revocation(connection: &Connection, changed: usize) -> Result<(), StoreError> {
    if changed == 1 {
        let sql = "UPDATE meta SET revocations = revocations + 1";
        connection.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// In a copy that takes the place of a database: from the next list on, since slots may have been
/// given since it was made that it does not know.
pub(super) fn skip_slots(connection: &Connection) -> Result<(), StoreError> {
    let slots = codec::signed(LIST_SLOTS);
    let sql = "UPDATE sqlite_sequence SET seq = ((seq + 1) / ?1 + 1) * ?1 - 1
               WHERE name = 'proof_tokens'";
    if connection.execute(sql, [slots])? == 0 {
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES ('proof_tokens', ?1)";
        connection.execute(sql, [slots - 1])?;
    }
    Ok(())
}

/// False if it was taken back already, or there is none.
pub(super) fn revoke(
    connection: &Connection,
    place: Place,
    revocation: &ProofRevocation,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE proof_tokens SET revoked_at = ?4, reason = ?5
               WHERE approval = ?1 AND workspace = ?2 AND environment = ?3
                 AND revoked_at IS NULL";
    let changed = connection.prepare_cached(sql)?.execute(params![
        revocation.approval.bytes(),
        place.workspace.bytes(),
        place.environment.as_str(),
        now.micros(),
        revocation.reason.as_str(),
    ])?;
    count_revocation(connection, changed)?;
    Ok(changed == 1)
}

#[async_trait]
impl ProofTokens for SqliteStore {
    async fn proof_token(
        &self,
        digest: Digest,
    ) -> Result<Option<(ApprovalId, ProofToken)>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS}, t.approval FROM proof_tokens t WHERE digest = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_row([digest.0], |row| {
                let token = read(row, 0)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
                Ok((codec::id(row, 5)?, token))
            });
            Ok(found.optional()?)
        })
        .await
    }

    async fn revocations(&self, first: u64) -> Result<Option<u64>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT (SELECT max(number) FROM proof_tokens), revocations FROM meta";
            let mut statement = connection.prepare_cached(sql)?;
            let (newest, revocations) = statement.query_row([], |row| {
                Ok((codec::maybe_counted::<u64>(row, 0)?, codec::counted(row, 1)?))
            })?;
            Ok(newest.filter(|newest| *newest >= first).map(|_| revocations))
        })
        .await
    }

    async fn revoked_numbers(&self, first: u64, end: u64) -> Result<Vec<u64>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT number FROM proof_tokens
                       WHERE revoked_at IS NOT NULL AND number >= ?1 AND number < ?2
                       ORDER BY number";
            let mut statement = connection.prepare_cached(sql)?;
            let span = (codec::signed(first), codec::signed(end));
            let rows = statement.query_map(span, |row| codec::counted(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoked_proofs(&self, skip: u32, limit: u32) -> Result<Vec<RevokedProof>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT approval, revoked_at, reason FROM proof_tokens
                       WHERE revoked_at IS NOT NULL ORDER BY revoked_at DESC, number DESC
                       LIMIT ?1 OFFSET ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([limit, skip], |row| {
                Ok(RevokedProof {
                    approval: codec::id(row, 0)?,
                    at: codec::time(row, 1)?,
                    reason: codec::revocation_reason(row, 2)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
