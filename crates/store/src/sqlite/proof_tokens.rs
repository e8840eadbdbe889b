//! What proves decisions to clients of proof.holdings: their rows.

use std::collections::BTreeMap;

use askfirst_core::administration::ProofRevocation;
use askfirst_core::{Approval, ApprovalId, Dialect, Digest, Timestamp};
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
    if approval.asker.dialect != Dialect::Proof || !approval.was_decided_by_people() {
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

/// False if it was taken back already, or there is none.
pub(super) fn revoke(
    connection: &Connection,
    place: Place,
    revocation: &ProofRevocation,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE proof_tokens SET revoked_at = ?4, reason = ?5
               WHERE approval = ?1 AND workspace = ?2 AND environment = ?3
                 AND revoked_at IS NULL AND digest IS NOT NULL";
    let changed = connection.prepare_cached(sql)?.execute(params![
        revocation.approval.bytes(),
        place.workspace.bytes(),
        place.environment.as_str(),
        now.micros(),
        revocation.reason.as_str(),
    ])?;
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

    async fn proof_tokens(
        &self,
        place: Place,
        approvals: Vec<ApprovalId>,
    ) -> Result<BTreeMap<ApprovalId, ProofToken>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM proof_tokens t
                 WHERE approval = ?1 AND workspace = ?2 AND environment = ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = BTreeMap::new();
            for id in approvals {
                let key = (id.bytes(), place.workspace.bytes(), place.environment.as_str());
                let token = statement.query_row(key, |row| read(row, 0)).optional()?;
                found.extend(token.flatten().map(|token| (id, token)));
            }
            Ok(found)
        })
        .await
    }

    async fn revoked_numbers(&self, first: u64, end: u64) -> Result<Option<Vec<u64>>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT max(number) FROM proof_tokens";
            let mut newest = connection.prepare_cached(sql)?;
            let newest: Option<u64> = newest.query_row([], |row| codec::maybe_counted(row, 0))?;
            if newest.is_none_or(|newest| newest < first) {
                return Ok(None);
            }
            let sql = "SELECT number FROM proof_tokens
                       WHERE revoked_at IS NOT NULL AND number >= ?1 AND number < ?2
                       ORDER BY number";
            let mut statement = connection.prepare_cached(sql)?;
            let span = (codec::signed(first), codec::signed(end));
            let rows = statement.query_map(span, |row| codec::counted(row, 0))?;
            Ok(Some(rows.collect::<Result<_, _>>()?))
        })
        .await
    }

    async fn revoked_proofs(&self, limit: u32) -> Result<Vec<RevokedProof>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT approval, revoked_at, reason FROM proof_tokens
                       WHERE revoked_at IS NOT NULL ORDER BY number DESC LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([limit], |row| {
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
