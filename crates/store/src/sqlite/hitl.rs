//! Configs of the proof dialect: their rows. Those that are not archived are kept with the tenant,
//! so that the rules can count them.

use std::collections::BTreeMap;

use askfirst_core::{
    Environment, HitlConfig, HitlId, HitlStatus, KeptHitl, Seconds, Timestamp, WorkspaceId,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::SqliteStore;
use super::codec::{self, Id};
use crate::hitl::{HitlConfigs, HitlFilter, HitlRecord};
use crate::records::Place;
use crate::store::StoreError;

/// Those of a workspace that are not archived.
pub(super) fn open(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Result<BTreeMap<HitlId, Environment>, StoreError> {
    let sql = "SELECT hitl, environment FROM hitl_configs
               WHERE workspace = ?1 AND status <> 'archived'";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([workspace.bytes()], |row| {
        Ok((row.get(0).map(HitlId::new)?, codec::environment(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What the audit log says of it. Whom its channels name is not for that log, which is kept.
pub(super) fn told(kept: &KeptHitl) -> Value {
    let KeptHitl { environment, config, .. } = kept;
    let channels: Vec<_> = config.channels.iter().map(|channel| channel.name()).collect();
    json!({
        "name": config.name,
        "environment": environment.as_str(),
        "channels": channels,
        "timeout_seconds": config.timeout,
        "status": config.status,
    })
}

pub(super) fn add(
    connection: &Connection,
    workspace: WorkspaceId,
    kept: &KeptHitl,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO hitl_configs (workspace, environment, hitl, name, channels, timeout,
                 status, created_at, updated_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)";
    let KeptHitl { id, environment, config } = kept;
    connection.prepare_cached(sql)?.execute(params![
        workspace.bytes(),
        environment.as_str(),
        id.bytes(),
        config.name,
        codec::to_json(&config.channels)?,
        config.timeout.0,
        config.status.as_str(),
        now.micros(),
    ])?;
    Ok(())
}

/// False if it was so already.
pub(super) fn change(
    connection: &Connection,
    workspace: WorkspaceId,
    kept: &KeptHitl,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE hitl_configs SET name = ?4, channels = ?5, timeout = ?6, status = ?7,
                 updated_at = ?8
               WHERE workspace = ?1 AND environment = ?2 AND hitl = ?3
                 AND (name <> ?4 OR channels <> ?5 OR timeout <> ?6 OR status <> ?7)";
    let KeptHitl { id, environment, config } = kept;
    let changed = connection.prepare_cached(sql)?.execute(params![
        workspace.bytes(),
        environment.as_str(),
        id.bytes(),
        config.name,
        codec::to_json(&config.channels)?,
        config.timeout.0,
        config.status.as_str(),
        now.micros(),
    ])?;
    Ok(changed == 1)
}

const CONFIG: &str = "SELECT hitl, environment, name, channels, timeout, status, created_at,
                        updated_at, workspace
                      FROM hitl_configs WHERE workspace = ?1 AND environment = ?2";

fn read(row: &Row<'_>) -> rusqlite::Result<HitlRecord> {
    let environment = codec::environment(row, 1)?;
    Ok(HitlRecord {
        id: row.get(0).map(HitlId::new)?,
        place: Place { workspace: codec::id(row, 8)?, environment },
        config: HitlConfig {
            name: row.get(2)?,
            channels: codec::json(row, 3)?,
            timeout: Seconds(codec::counted(row, 4)?),
            status: codec::hitl_status(row, 5)?,
        },
        created_at: codec::time(row, 6)?,
        updated_at: codec::time(row, 7)?,
    })
}

fn one(
    connection: &Connection,
    place: Place,
    id: HitlId,
) -> Result<Option<HitlRecord>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{CONFIG} AND hitl = ?3"))?;
    let row = params![place.workspace.bytes(), place.environment.as_str(), id.bytes()];
    Ok(statement.query_row(row, read).optional()?)
}

fn list(
    connection: &Connection,
    place: Place,
    filter: HitlFilter,
) -> Result<(Vec<HitlRecord>, u64), StoreError> {
    let HitlFilter { status, skip, limit } = filter;
    let (workspace, environment) = (place.workspace.bytes(), place.environment.as_str());
    let status = status.map(HitlStatus::as_str);
    let only = "AND (?3 IS NULL OR status = ?3)";
    let sql = format!("{CONFIG} {only} ORDER BY hitl DESC LIMIT ?4 OFFSET ?5");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![workspace, environment, status, limit, skip], read)?;
    let found = rows.collect::<Result<_, _>>()?;
    let sql = format!("SELECT count(*) FROM ({CONFIG} {only})");
    let total = connection
        .prepare_cached(&sql)?
        .query_row(params![workspace, environment, status], |row| codec::counted(row, 0))?;
    Ok((found, total))
}

#[async_trait]
impl HitlConfigs for SqliteStore {
    async fn hitl_config(
        &self,
        place: Place,
        id: HitlId,
    ) -> Result<Option<HitlRecord>, StoreError> {
        self.read(move |connection| one(connection, place, id)).await
    }

    async fn hitl_configs(
        &self,
        place: Place,
        filter: HitlFilter,
    ) -> Result<(Vec<HitlRecord>, u64), StoreError> {
        self.read(move |connection| list(connection, place, filter)).await
    }
}
