//! The writes of administration, one function each. Whether they are allowed was settled before.

use std::collections::BTreeSet;

use askfirst_core::administration::{NewKey, PasswordHash, SecretHash};
use askfirst_core::{
    Assurance, Delegation, Digest, GroupId, KeyId, MemberId, Policy, PolicyId, PolicyName, Role,
    SessionId, Timestamp, WorkspaceId,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::audit::{self, Telling};
use super::codec::{self, Id, Json};
use super::pens::Pens;
use crate::records::{LoginLink, Member, PolicyVersion, Workspace};
use crate::store::StoreError;

type Written = Result<(), StoreError>;

/// A workspace with its first owner, its first policy and the first entry of its audit log.
pub(super) fn create_workspace(
    connection: &Connection,
    pens: &Pens<'_>,
    workspace: &Workspace,
    owner: &Member,
    policy: &PolicyVersion,
    now: Timestamp,
) -> Written {
    let id = workspace.id;
    let name = id.to_string();
    let sql = "INSERT INTO workspaces
                 (workspace, name, environment, default_policy, floor, created_at, callback_hosts,
                   self_service, plan)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        id.bytes(),
        workspace.name,
        workspace.environment.as_str(),
        workspace.default_policy.as_str(),
        codec::to_json(&workspace.floor)?,
        workspace.created_at.micros(),
        codec::to_json(&workspace.callback_hosts)?,
        workspace.self_service,
        workspace.plan.as_ref().map(codec::to_json).transpose()?,
    ])?;
    let person = &owner.person;
    add_member(connection, id, owner.id, &person.email, &person.name, person.role, now)?;
    let by = codec::to_json(&policy.by)?;
    save_policy(connection, id, policy.id, &policy.document, policy.digest, &by, now)?;
    let mut detail = json!({
        "environment": workspace.environment.as_str(),
        "owner": person.email,
        "policy": { "name": policy.document.name.as_str(), "digest": policy.digest },
    });
    if let Some(plan) = &workspace.plan {
        detail["plan"] = json!(plan);
    }
    let telling = Telling {
        at: now,
        actor: "system",
        kind: "workspace.created",
        subject: &name,
        detail: &audit::spelled(&detail)?,
    };
    let head = audit::empty(&name)?;
    audit::append_to(pens, id, &name, head, &telling)?;
    Ok(())
}

pub(super) fn set_workspace(connection: &Connection, next: &Workspace) -> Written {
    let sql =
        "UPDATE workspaces SET name = ?2, default_policy = ?3, floor = ?4, retention_days = ?5,
                 hold = ?6, callback_hosts = ?7, plan = ?8
               WHERE workspace = ?1";
    connection.prepare_cached(sql)?.execute(params![
        next.id.bytes(),
        next.name,
        next.default_policy.as_str(),
        codec::to_json(&next.floor)?,
        next.retention_days,
        next.hold.as_ref().map(codec::to_json).transpose()?,
        codec::to_json(&next.callback_hosts)?,
        next.plan.as_ref().map(codec::to_json).transpose()?,
    ])?;
    Ok(())
}

pub(super) fn add_member(
    connection: &Connection,
    workspace: WorkspaceId,
    id: MemberId,
    email: &str,
    name: &str,
    role: Role,
    now: Timestamp,
) -> Written {
    let sql = "INSERT INTO members (workspace, member, email, name, role, enabled, created_at)
               VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)";
    let row = params![workspace.bytes(), id.bytes(), email, name, role.as_str(), now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn update_member(
    connection: &Connection,
    workspace: WorkspaceId,
    id: MemberId,
    name: Option<&str>,
    role: Option<Role>,
    enabled: Option<bool>,
) -> Written {
    let sql = "UPDATE members SET name = ifnull(?3, name), role = ifnull(?4, role),
                 enabled = ifnull(?5, enabled)
               WHERE workspace = ?1 AND member = ?2";
    let row = params![workspace.bytes(), id.bytes(), name, role.map(Role::as_str), enabled];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Who votes in a member's place, and when.
pub(super) fn delegate(
    connection: &Connection,
    workspace: WorkspaceId,
    id: MemberId,
    delegation: Option<&Delegation>,
) -> Written {
    let sql = "UPDATE members SET delegate = ?3, delegate_since = ?4, delegate_until = ?5
               WHERE workspace = ?1 AND member = ?2";
    let row = params![
        workspace.bytes(),
        id.bytes(),
        delegation.map(|given| given.to.bytes()),
        delegation.map(|given| given.since.micros()),
        delegation.map(|given| given.until.micros()),
    ];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Ends everything by which a member could still act. Enabling them again gives none of it back.
pub(super) fn shut_out(
    connection: &Connection,
    workspace: WorkspaceId,
    id: MemberId,
    now: Timestamp,
) -> Written {
    for sql in [
        "UPDATE sessions SET closed_at = ?3
         WHERE workspace = ?1 AND member = ?2 AND closed_at IS NULL",
        "UPDATE login_links SET spent_at = ?3
         WHERE workspace = ?1 AND member = ?2 AND spent_at IS NULL",
        "UPDATE decision_links SET closed_at = ?3
         WHERE workspace = ?1 AND member = ?2 AND closed_at IS NULL",
        "UPDATE keys SET revoked_at = ?3
         WHERE workspace = ?1 AND member = ?2 AND revoked_at IS NULL",
    ] {
        let row = params![workspace.bytes(), id.bytes(), now.micros()];
        connection.prepare_cached(sql)?.execute(row)?;
    }
    for sql in [
        "DELETE FROM accounts WHERE workspace = ?1 AND member = ?2",
        "DELETE FROM account_codes WHERE workspace = ?1 AND member = ?2",
    ] {
        connection.prepare_cached(sql)?.execute((workspace.bytes(), id.bytes()))?;
    }
    Ok(())
}

pub(super) fn add_group(
    connection: &Connection,
    workspace: WorkspaceId,
    id: GroupId,
    name: &str,
    now: Timestamp,
) -> Written {
    let sql = "INSERT INTO groups (workspace, group_id, name, created_at) VALUES (?1, ?2, ?3, ?4)";
    let row = params![workspace.bytes(), id.bytes(), name, now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn set_group(
    connection: &Connection,
    workspace: WorkspaceId,
    id: GroupId,
    members: &BTreeSet<MemberId>,
) -> Written {
    let sql = "DELETE FROM group_members WHERE workspace = ?1 AND group_id = ?2";
    connection.prepare_cached(sql)?.execute(params![workspace.bytes(), id.bytes()])?;
    let sql = "INSERT INTO group_members (workspace, group_id, member) VALUES (?1, ?2, ?3)";
    let mut statement = connection.prepare_cached(sql)?;
    for member in members {
        statement.execute(params![workspace.bytes(), id.bytes(), member.bytes()])?;
    }
    Ok(())
}

pub(super) fn remove_group(
    connection: &Connection,
    workspace: WorkspaceId,
    id: GroupId,
) -> Written {
    let sql = "DELETE FROM groups WHERE workspace = ?1 AND group_id = ?2";
    connection.prepare_cached(sql)?.execute(params![workspace.bytes(), id.bytes()])?;
    Ok(())
}

pub(super) fn add_key(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &NewKey,
    owner: MemberId,
    now: Timestamp,
) -> Written {
    let sql = "INSERT INTO keys (key, workspace, environment, secret, hint, label, owner, member,
                 scopes, policies, created_at, expires_at, limits, dialect, callback_url)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    connection.prepare_cached(sql)?.execute(params![
        key.id.bytes(),
        workspace.bytes(),
        key.environment.as_str(),
        key.secret.0,
        key.hint,
        key.label,
        owner.bytes(),
        key.member.map(Id::bytes),
        codec::to_json(&key.scopes)?,
        codec::to_json(&key.policies)?,
        now.micros(),
        key.expires_at.map(Timestamp::micros),
        codec::to_json(&key.limits)?,
        key.dialect.as_str(),
        key.callback_url,
    ])?;
    Ok(())
}

/// Notes uses; an older note never replaces a newer one.
pub(super) fn touch_keys(connection: &Connection, used: &[(KeyId, Timestamp)]) -> Written {
    let sql = "UPDATE keys SET last_used_at = ?2
               WHERE key = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    for (id, at) in used {
        statement.execute(params![id.bytes(), at.micros()])?;
    }
    Ok(())
}

pub(super) fn revoke_key(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyId,
    now: Timestamp,
) -> Written {
    let sql = "UPDATE keys SET revoked_at = ?3
               WHERE key = ?1 AND workspace = ?2 AND revoked_at IS NULL";
    let row = params![id.bytes(), workspace.bytes(), now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// The version that the document was saved as; none if it is the newest one already.
pub(super) fn save_policy(
    connection: &Connection,
    workspace: WorkspaceId,
    id: PolicyId,
    document: &Policy,
    digest: Digest,
    by: &Json,
    now: Timestamp,
) -> Result<Option<u32>, StoreError> {
    let name = document.name.as_str();
    let sql = "SELECT p.policy, p.newest, p.removed_at, v.digest FROM policies p
               JOIN policy_versions v ON v.policy = p.policy AND v.version = p.newest
               WHERE p.workspace = ?1 AND p.name = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![workspace.bytes(), name], |row| {
        let newest: u32 = codec::counted(row, 1)?;
        let removed = codec::maybe_time(row, 2)?.is_some();
        Ok((codec::id::<PolicyId>(row, 0)?, newest, removed, codec::digest(row, 3)?))
    });
    let (id, version) = match found.optional()? {
        Some((_, _, false, known)) if known == digest => return Ok(None),
        Some((known, newest, _, _)) => {
            let sql = "UPDATE policies SET newest = ?2, removed_at = NULL WHERE policy = ?1";
            connection.prepare_cached(sql)?.execute(params![known.bytes(), newest + 1])?;
            (known, newest + 1)
        }
        None => {
            let sql = "INSERT INTO policies (workspace, name, policy, newest)
                       VALUES (?1, ?2, ?3, 1)";
            let row = params![workspace.bytes(), name, id.bytes()];
            connection.prepare_cached(sql)?.execute(row)?;
            (id, 1)
        }
    };
    let sql = "INSERT INTO policy_versions
                 (workspace, policy, version, digest, document, created_at, by)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        workspace.bytes(),
        id.bytes(),
        version,
        digest.0,
        codec::to_json(document)?,
        now.micros(),
        by,
    ])?;
    Ok(Some(version))
}

pub(super) fn remove_policy(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &PolicyName,
    now: Timestamp,
) -> Written {
    let sql = "UPDATE policies SET removed_at = ?3 WHERE workspace = ?1 AND name = ?2";
    let row = params![workspace.bytes(), name.as_str(), now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn add_login_link(
    connection: &Connection,
    workspace: WorkspaceId,
    secret: SecretHash,
    member: MemberId,
    assurance: Assurance,
    expires_at: Timestamp,
    now: Timestamp,
) -> Written {
    let sql = "INSERT INTO login_links
                 (secret, workspace, member, assurance, created_at, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    connection.prepare_cached(sql)?.execute(params![
        secret.0,
        workspace.bytes(),
        member.bytes(),
        assurance.as_str(),
        now.micros(),
        expires_at.micros(),
    ])?;
    Ok(())
}

pub(super) fn spend_link(connection: &Connection, secret: SecretHash, now: Timestamp) -> Written {
    let sql = "UPDATE login_links SET spent_at = ?2 WHERE secret = ?1";
    connection.prepare_cached(sql)?.execute(params![secret.0, now.micros()])?;
    Ok(())
}

pub(super) fn set_password(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
    hash: &PasswordHash,
    now: Timestamp,
) -> Written {
    let sql = "INSERT INTO passwords (workspace, member, hash, set_at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (workspace, member) DO UPDATE SET hash = ?3, set_at = ?4";
    let row = params![workspace.bytes(), member.bytes(), hash.0, now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Whether there was one.
pub(super) fn remove_password(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM passwords WHERE workspace = ?1 AND member = ?2";
    let row = params![workspace.bytes(), member.bytes()];
    Ok(connection.prepare_cached(sql)?.execute(row)? > 0)
}

pub(super) fn raise_session(
    connection: &Connection,
    id: SessionId,
    assurance: Assurance,
) -> Written {
    let sql = "UPDATE sessions SET assurance = ?2 WHERE session = ?1";
    connection.prepare_cached(sql)?.execute(params![id.bytes(), assurance.as_str()])?;
    Ok(())
}

/// Uses up every link of a member.
pub(super) fn spend_links(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
    now: Timestamp,
) -> Written {
    let sql = "UPDATE login_links SET spent_at = ?3
               WHERE workspace = ?1 AND member = ?2 AND spent_at IS NULL";
    let row = params![workspace.bytes(), member.bytes(), now.micros()];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

pub(super) fn open_session(
    connection: &Connection,
    link: &LoginLink,
    id: SessionId,
    secret: SecretHash,
    expires_at: Timestamp,
    now: Timestamp,
) -> Written {
    let sql = "INSERT INTO sessions
                 (session, workspace, secret, member, assurance, created_at, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        id.bytes(),
        link.workspace.bytes(),
        secret.0,
        link.member.bytes(),
        link.assurance.as_str(),
        now.micros(),
        expires_at.micros(),
    ])?;
    Ok(())
}

pub(super) fn close_session(connection: &Connection, id: SessionId, now: Timestamp) -> Written {
    let sql = "UPDATE sessions SET closed_at = ?2 WHERE session = ?1";
    connection.prepare_cached(sql)?.execute(params![id.bytes(), now.micros()])?;
    Ok(())
}

/// Ends a member's open sessions but one; says how many.
pub(super) fn close_sessions(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
    except: Option<SessionId>,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let sql = "UPDATE sessions SET closed_at = ?3
               WHERE workspace = ?1 AND member = ?2 AND closed_at IS NULL AND expires_at > ?3
                 AND (?4 IS NULL OR session <> ?4)";
    let row = params![workspace.bytes(), member.bytes(), now.micros(), except.map(Id::bytes)];
    Ok(connection.prepare_cached(sql)?.execute(row)?)
}
