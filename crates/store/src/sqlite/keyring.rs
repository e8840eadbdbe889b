//! The keys that sign, sealed, and what was done to them. Opening them is the server's.

use rusqlite::{Connection, params};
use serde_json::json;

use super::audit::{self, Telling};
use super::writer::Desk;
use super::{codec, queries};
use crate::records::{KeyringChange, SigningKeyRecord};
use crate::store::{Change, StoreError};

/// All of them, in the order in which they come to sign.
pub(super) fn all(connection: &Connection) -> Result<Vec<SigningKeyRecord>, StoreError> {
    let sql = "SELECT kid, public_jwk, sealed, created_at, signs_from, family FROM signing_keys
               ORDER BY signs_from, created_at, kid";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(SigningKeyRecord {
            kid: row.get(0)?,
            public_jwk: row.get(1)?,
            sealed: row.get(2)?,
            created_at: codec::time(row, 3)?,
            signs_from: codec::time(row, 4)?,
            family: codec::key_family(row, 5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const ADD: &str =
    "INSERT INTO signing_keys (kid, public_jwk, sealed, created_at, signs_from, family)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT";

/// Adds one, unless it is there.
pub(super) fn add(connection: &Connection, key: &SigningKeyRecord) -> Result<(), StoreError> {
    write(connection, &format!("{ADD} DO NOTHING"), key)
}

fn write(connection: &Connection, sql: &str, key: &SigningKeyRecord) -> Result<(), StoreError> {
    let (made, from) = (key.created_at.micros(), key.signs_from.micros());
    let row = params![key.kid, key.public_jwk, key.sealed, made, from, key.family.as_str()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Changes or adds them, and tells every workspace.
pub(super) fn change(
    desk: &mut Desk<'_, '_>,
    keys: &[SigningKeyRecord],
    change: KeyringChange,
) -> Result<(), StoreError> {
    let update = format!("{ADD} (kid) DO UPDATE SET sealed = ?3, signs_from = ?5");
    for key in keys {
        write(desk.connection, &update, key)?;
    }
    let kids: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
    let detail = audit::spelled(&json!({ "keys": kids }))?;
    for workspace in queries::workspaces(desk.connection)? {
        if let Some(tenant) = desk.tenants.get(desk.connection, workspace.id, desk.now)? {
            let (actor, kind) = ("system", change.as_str());
            let telling =
                Telling { at: desk.now, actor, kind, subject: "keyring", detail: &detail };
            audit::append(desk.pens, tenant, &telling)?;
            desk.changes.push(Change::Workspace(workspace.id));
        }
    }
    Ok(())
}
