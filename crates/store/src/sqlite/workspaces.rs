//! How a workspace comes to be, with all that it begins with; how much each is used; and how one
//! goes, with every row that is of it.

use std::sync::{Arc, Mutex, PoisonError};

use askfirst_core::WorkspaceId;
use askfirst_core::administration::{self, Denied, may_remove};
use async_trait::async_trait;
use rusqlite::Connection;
use serde_json::json;

use super::audit::{self, Telling};
use super::codec::{self, Id};
use super::{SqliteStore, administer, apply, queries, writer};
use crate::records::{Member, PolicyVersion, Workspace};
use crate::store::{Administer, AdministerError, Change, Credential, StoreError};
use crate::workspaces::{WorkspaceUse, Workspaces};

impl SqliteStore {
    pub(super) async fn found(
        &self,
        workspace: Workspace,
        owner: Member,
        policy: PolicyVersion,
        then: Vec<administration::Change>,
    ) -> Result<(), AdministerError> {
        let (id, credential) = (workspace.id, Credential::System);
        let then: Vec<_> = then
            .into_iter()
            .map(|change| Administer { workspace: id, credential, change, idempotency: None })
            .collect();
        // What has begun to be written is undone by failing, so why it was is handed over beside it.
        let why = Arc::new(Mutex::new(None));
        let told = Arc::clone(&why);
        let work = move |desk: &mut writer::Desk<'_, '_>| {
            if queries::workspace(desk.connection, id)?.is_some() {
                return Err(StoreError::Exists(format!("the workspace {id}")));
            }
            apply::create_workspace(
                desk.connection,
                desk.pens,
                &workspace,
                &owner,
                &policy,
                desk.now,
            )?;
            for request in &then {
                match administer::administer(desk, request) {
                    Ok(_) => {}
                    Err(AdministerError::Store(error)) => return Err(error),
                    Err(other) => {
                        let undone = StoreError::Unavailable(other.to_string());
                        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(other);
                        return Err(undone);
                    }
                }
            }
            desk.changes.push(Change::Workspace(id));
            Ok(())
        };
        let done = self.writer.write(work).await;
        match why.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(why) if done.is_err() => Err(why),
            _ => Ok(done?),
        }
    }
}

#[async_trait]
impl Workspaces for SqliteStore {
    async fn workspaces_in_use(&self) -> Result<Vec<WorkspaceUse>, AdministerError> {
        Ok(self.read(in_use).await?)
    }

    async fn remove_workspaces(&self, ids: Vec<WorkspaceId>) -> Result<(), AdministerError> {
        let work = move |desk: &mut writer::Desk<'_, '_>| match remove(desk, &ids) {
            Err(AdministerError::Store(error)) => Err(error),
            answer => Ok(answer),
        };
        self.writer.write(work).await?
    }
}

fn in_use(connection: &Connection) -> Result<Vec<WorkspaceUse>, StoreError> {
    let sql = "SELECT
                 (SELECT count(*) FROM keys k WHERE k.workspace = ?1 AND k.revoked_at IS NULL),
                 (SELECT ifnull(sum(t.pending), 0) FROM tallies t
                  WHERE t.workspace = ?1 AND t.key = x''),
                 (SELECT max(k.last_used_at) FROM keys k WHERE k.workspace = ?1)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut all = Vec::new();
    for workspace in queries::workspaces(connection)? {
        let used = statement.query_row([workspace.id.bytes()], |row| {
            let (keys, pending) = (codec::counted(row, 0)?, codec::counted(row, 1)?);
            let last_used_at = codec::maybe_time(row, 2)?;
            Ok(WorkspaceUse { workspace, keys, pending, last_used_at })
        })?;
        all.push(used);
    }
    Ok(all)
}

fn remove(desk: &mut writer::Desk<'_, '_>, ids: &[WorkspaceId]) -> Result<(), AdministerError> {
    let connection = desk.connection;
    let mut going = Vec::new();
    for id in ids {
        let found = queries::workspace(connection, *id)?;
        let found = found.ok_or(Denied::Unknown { what: "workspace" })?;
        may_remove(&id.to_string(), found.self_service, found.hold.as_ref())?;
        going.push(found);
    }
    delete(connection, ids)?;
    *desk.unscrubbed = true;
    for workspace in &going {
        desk.tenants.forget(workspace.id);
        desk.tallies.forget(workspace.id);
        desk.changes.push(Change::Workspace(workspace.id));
    }
    for ours in queries::workspaces(connection)?.into_iter().filter(|other| !other.self_service) {
        let Some(tenant) = desk.tenants.get(connection, ours.id, desk.now)? else { continue };
        for gone in &going {
            let detail = audit::spelled(&json!({ "created_at": gone.created_at }))?;
            let (subject, kind) = (gone.id.to_string(), "workspace.removed");
            let telling =
                Telling { at: desk.now, actor: "system", kind, subject: &subject, detail: &detail };
            audit::append(desk.pens, tenant, &telling)?;
        }
        desk.changes.push(Change::Workspace(ours.id));
    }
    Ok(())
}

/// Every row of theirs, in whatever table there is.
fn delete(connection: &Connection, ids: &[WorkspaceId]) -> Result<(), StoreError> {
    let hex = |id: &WorkspaceId| id.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let ids = json!(ids.iter().map(hex).collect::<Vec<String>>()).to_string();
    let theirs = "workspace IN (SELECT unhex(value) FROM json_each(?1))";
    // Rows point at each other; at the end of the transaction none is left that could.
    connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let sql = format!(
        "DELETE FROM callbacks WHERE approval IN (SELECT approval FROM approvals WHERE {theirs})"
    );
    connection.execute(&sql, [&ids])?;
    let sql = "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
               WHERE t.type = 'table' AND c.name = 'workspace'";
    let mut statement = connection.prepare(sql)?;
    let tables = statement.query_map([], |row| row.get::<_, String>(0))?;
    for table in tables.collect::<Result<Vec<_>, _>>()? {
        connection.execute(&format!("DELETE FROM \"{table}\" WHERE {theirs}"), [&ids])?;
    }
    Ok(())
}
