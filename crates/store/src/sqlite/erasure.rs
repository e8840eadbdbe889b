//! Takes the texts of an approval out of every row that has them. What was signed with a comment
//! in it is stated again without, for what is signed cannot be changed.

use askfirst_core::{Approval, ApprovalId, Timestamp};
use askfirst_proof::Statement;
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, Id};
use super::deliveries;
use super::proof_tokens;
use super::record::searchable;
use crate::records::{ErasureDue, Place};
use crate::store::StoreError;

/// Approvals whose texts their workspace keeps no longer, those due longest first in each.
pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ErasureDue>, StoreError> {
    let sql = "SELECT a.workspace, a.environment, a.approval FROM workspaces w
               CROSS JOIN approvals a ON a.workspace = w.workspace
                AND a.erasable_from <= ?1 - w.retention_days * 86400000000
               WHERE w.retention_days IS NOT NULL AND w.hold IS NULL
                 AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.approval = a.approval
                   AND g.ended_at IS NULL AND g.ends_at > ?1 AND g.used < g.uses)
               ORDER BY a.workspace, a.erasable_from LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((now.micros(), limit), |row| {
        Ok(ErasureDue {
            place: Place {
                workspace: codec::id(row, 0)?,
                environment: codec::environment(row, 1)?,
            },
            approval: codec::id(row, 2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Everything but the approval itself, which is written without its texts as any new version is.
pub(super) fn forget_texts(connection: &Connection, next: &Approval) -> Result<(), StoreError> {
    let (id, workspace) = (next.id.bytes(), next.workspace.bytes());
    let environment = next.environment.as_str();
    let sql = "UPDATE snapshots SET search = ?4 WHERE snapshot =
                 (SELECT snapshot FROM approvals
                  WHERE workspace = ?1 AND environment = ?2 AND approval = ?3)";
    let row = params![workspace, environment, id, searchable(next)];
    connection.prepare_cached(sql)?.execute(row)?;
    // Only what is there is replaced. A hold's reason is about the record itself.
    let sql = "UPDATE events SET detail = json_replace(detail, '$.title', NULL,
                 '$.target', NULL, '$.reason', NULL, '$.comment', NULL, '$.question', NULL,
                 '$.reply', NULL, '$.note', NULL)
               WHERE approval = ?1 AND name <> 'held'";
    connection.prepare_cached(sql)?.execute([id])?;
    // None of them stands any more; their digests do.
    let sql = "UPDATE grants SET body = json_set(body, '$.terms.action.title', '',
                 '$.terms.action.arguments', NULL, '$.terms.action.target', NULL,
                 '$.terms.bounds', json('{}'))
               WHERE approval = ?1";
    connection.prepare_cached(sql)?.execute([id])?;
    // Two requests may have been shown in the very same words.
    let sql = "DELETE FROM shown_texts WHERE workspace = ?1 AND environment = ?2
                 AND digest IN (SELECT digest FROM shown WHERE approval = ?3)
                 AND NOT EXISTS (SELECT 1 FROM shown s WHERE s.workspace = ?1
                   AND s.environment = ?2 AND s.digest = shown_texts.digest AND s.approval <> ?3)";
    connection.prepare_cached(sql)?.execute(params![workspace, environment, id])?;
    connection.prepare_cached("DELETE FROM shown WHERE approval = ?1")?.execute([id])?;
    proof_tokens::forget(connection, next.id)?;
    deliveries::forget_callback(connection, next.id)
}

/// The statement as it is from now on, if it had a comment in it.
pub(super) fn statement_without_comment(
    connection: &Connection,
    id: ApprovalId,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(error.to_string());
    let sql = "SELECT statement FROM proofs WHERE approval = ?1";
    let mut found = connection.prepare_cached(sql)?;
    let bytes: Option<Vec<u8>> = found.query_row([id.bytes()], |row| row.get(0)).optional()?;
    let Some(bytes) = bytes else { return Ok(None) };
    let mut statement = Statement::from_bytes(&bytes).map_err(|error| damaged(&error))?;
    if statement.comment.take().is_none() {
        return Ok(None);
    }
    // Another receipt of the same decision, and named as another.
    statement.iat = now.seconds();
    statement.jti.push_str("_2");
    Ok(Some(statement.to_bytes().map_err(|error| damaged(&error))?))
}

/// Writes down which audit entry told of it, and has the new statement signed, if there is one.
pub(super) fn note(
    connection: &Connection,
    next: &Approval,
    index: u64,
    statement: Option<Vec<u8>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, index) = (next.id.bytes(), codec::signed(index));
    let sql = "UPDATE proofs SET erased_index = ?2 WHERE approval = ?1";
    connection.prepare_cached(sql)?.execute(params![id, index])?;
    let Some(statement) = statement else { return Ok(()) };
    let sql = "UPDATE proofs SET statement = ?2, token = NULL, audit_index = ?3
               WHERE approval = ?1";
    connection.prepare_cached(sql)?.execute(params![id, statement, index])?;
    // Whoever is signing the former one right now must find no row to settle.
    let sql = "DELETE FROM outbox WHERE approval = ?1 AND kind = 'sign_receipt'";
    connection.prepare_cached(sql)?.execute([id])?;
    let sql = "INSERT INTO outbox (workspace, environment, kind, approval, due_at)
               VALUES (?1, ?2, 'sign_receipt', ?3, ?4)";
    let workspace = next.workspace.bytes();
    let row = params![workspace, next.environment.as_str(), id, now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}
