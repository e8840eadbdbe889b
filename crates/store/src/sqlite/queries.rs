//! Reading workspaces, keys, policies and approvals. Each question is one function; a row of
//! another workspace or environment is as if it were not there.

use askfirst_core::administration::SecretHash;
use askfirst_core::{
    Actor, Approval, ApprovalId, Digest, KeyFacts, KeyId, PolicyName, Standing, Status, Timestamp,
    WorkspaceId,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};

use super::codec::{self, Id};
use super::proof_tokens;
use crate::records::{
    ApprovalFilter, EventRecord, Key, Place, PolicyVersion, Premises, Proof, Shown, Workspace,
};
use crate::store::StoreError;

const WORKSPACE: &str = "SELECT workspace, name, environment, default_policy, floor, created_at,
       retention_days, hold, callback_hosts, self_service, plan FROM workspaces";

pub(super) fn workspaces(connection: &Connection) -> Result<Vec<Workspace>, StoreError> {
    let sql = format!("{WORKSPACE} ORDER BY created_at, workspace");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], read_workspace)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn workspace(
    connection: &Connection,
    id: WorkspaceId,
) -> Result<Option<Workspace>, StoreError> {
    let sql = format!("{WORKSPACE} WHERE workspace = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([id.bytes()], read_workspace).optional()?)
}

/// A workspace with the kinds of its channels.
pub(super) fn premises(
    connection: &Connection,
    id: WorkspaceId,
) -> Result<Option<Premises>, StoreError> {
    let Some(workspace) = workspace(connection, id)? else { return Ok(None) };
    let sql = "SELECT DISTINCT settings ->> 'kind' FROM channels WHERE workspace = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let ways = statement.query_map([id.bytes()], |row| row.get(0))?;
    Ok(Some(Premises { workspace, ways: ways.collect::<Result<_, _>>()? }))
}

fn read_workspace(row: &Row<'_>) -> rusqlite::Result<Workspace> {
    Ok(Workspace {
        id: codec::id(row, 0)?,
        name: row.get(1)?,
        environment: codec::environment(row, 2)?,
        default_policy: codec::parsed(row, 3)?,
        floor: codec::json(row, 4)?,
        created_at: codec::time(row, 5)?,
        retention_days: row.get(6)?,
        hold: codec::maybe_json(row, 7)?,
        callback_hosts: codec::json(row, 8)?,
        self_service: row.get(9)?,
        plan: codec::maybe_json(row, 10)?,
    })
}

/// A key as it is stored; whether it may be used depends on the time.
#[derive(Clone, Debug)]
pub(super) struct KeyRow {
    pub(super) key: Key,
    /// Whether the person behind it is enabled.
    enabled: bool,
}

impl KeyRow {
    /// Whether the key itself may be used; the person behind it is for the rules to look up.
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        if self.key.revoked_at.is_some() {
            Standing::Revoked
        } else if self.key.expires_at.is_some_and(|end| now >= end) {
            Standing::Expired
        } else {
            Standing::Good
        }
    }

    /// The key with its standing at `now`, the person behind it considered.
    pub(super) fn at(mut self, now: Timestamp) -> Key {
        self.key.facts.standing = match self.standing(now) {
            Standing::Good if !self.enabled => Standing::Disabled,
            standing => standing,
        };
        self.key
    }
}

const KEY: &str = "SELECT k.key, k.workspace, k.environment, k.hint, k.label, k.owner, k.member,
    k.scopes, k.policies, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, m.enabled,
    k.limits, k.dialect, k.callback_url
    FROM keys k
    JOIN members m ON m.workspace = k.workspace AND m.member = coalesce(k.member, k.owner)";

pub(super) fn keys(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Option<KeyId>,
    limit: u32,
) -> Result<Vec<KeyRow>, StoreError> {
    let sql = format!(
        "{KEY} WHERE k.workspace = ?1 AND (?2 IS NULL OR k.key > ?2) ORDER BY k.key LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((workspace.bytes(), after.map(Id::bytes), limit), read_key)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn key(
    connection: &Connection,
    workspace: WorkspaceId,
    id: KeyId,
) -> Result<Option<KeyRow>, StoreError> {
    let sql = format!("{KEY} WHERE k.key = ?1 AND k.workspace = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((id.bytes(), workspace.bytes()), read_key).optional()?)
}

pub(super) fn key_by_secret(
    connection: &Connection,
    secret: SecretHash,
) -> Result<Option<KeyRow>, StoreError> {
    let sql = format!("{KEY} WHERE k.secret = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([secret.0], read_key).optional()?)
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let environment = codec::environment(row, 2)?;
    Ok(KeyRow {
        key: Key {
            place: Place { workspace: codec::id(row, 1)?, environment },
            facts: KeyFacts {
                id: codec::id(row, 0)?,
                label: row.get(4)?,
                owner: codec::id(row, 5)?,
                member: codec::maybe_id(row, 6)?,
                scopes: codec::json(row, 7)?,
                policies: codec::json(row, 8)?,
                environment,
                dialect: codec::dialect(row, 15)?,
                limits: codec::json(row, 14)?,
                standing: Standing::Good,
            },
            hint: row.get(3)?,
            created_at: codec::time(row, 9)?,
            expires_at: codec::maybe_time(row, 10)?,
            revoked_at: codec::maybe_time(row, 11)?,
            last_used_at: codec::maybe_time(row, 12)?,
            callback_url: row.get(16)?,
        },
        enabled: row.get(13)?,
    })
}

const POLICY: &str =
    "SELECT v.policy, v.version, v.digest, v.document, v.created_at, v.by FROM policies p
     JOIN policy_versions v ON v.policy = p.policy";

/// The newest versions of the policies that are there.
pub(super) fn policies(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Result<Vec<PolicyVersion>, StoreError> {
    let sql = format!(
        "{POLICY} AND v.version = p.newest
         WHERE p.workspace = ?1 AND p.removed_at IS NULL ORDER BY p.name"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([workspace.bytes()], read_policy)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn policy_versions(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &PolicyName,
) -> Result<Vec<PolicyVersion>, StoreError> {
    let sql = format!(
        "{POLICY} WHERE p.workspace = ?1 AND p.name = ?2 AND p.removed_at IS NULL
         ORDER BY v.version DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map((workspace.bytes(), name.as_str()), read_policy)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_policy(row: &Row<'_>) -> rusqlite::Result<PolicyVersion> {
    Ok(PolicyVersion {
        id: codec::id(row, 0)?,
        version: codec::counted(row, 1)?,
        digest: codec::digest(row, 2)?,
        document: codec::json(row, 3)?,
        created_at: codec::time(row, 4)?,
        by: codec::json::<Actor>(row, 5)?,
    })
}

/// One approval, and the row its snapshot is in.
pub(super) fn approval(
    connection: &Connection,
    place: Place,
    id: ApprovalId,
) -> Result<Option<(Approval, i64)>, StoreError> {
    let sql = "SELECT s.body, s.snapshot FROM approvals a
               JOIN snapshots s ON s.snapshot = a.snapshot
               WHERE a.workspace = ?1 AND a.environment = ?2 AND a.approval = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (place.workspace.bytes(), place.environment.as_str(), id.bytes());
    let found = statement.query_row(key, |row| Ok((codec::json(row, 0)?, row.get(1)?)));
    Ok(found.optional()?)
}

/// Approvals by filter, newest first, with the status that each has at `now`.
pub(super) fn approvals(
    connection: &Connection,
    place: Place,
    filter: &ApprovalFilter,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let (matching, id) = matching(filter);
    let sql = format!("SELECT s.body {matching} ORDER BY {id} DESC LIMIT ?10 OFFSET ?17");
    let mut statement = connection.prepare_cached(&sql)?;
    let values = params_from_iter(bound(place, filter, now));
    let rows = statement.query_map(values, |row| codec::json(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many there are, counted up to the filter's limit.
pub(super) fn count_approvals(
    connection: &Connection,
    place: Place,
    filter: &ApprovalFilter,
    now: Timestamp,
) -> Result<u32, StoreError> {
    let (matching, _) = matching(filter);
    let sql = format!("SELECT count(*) FROM (SELECT 1 {matching} LIMIT ?10 OFFSET ?17)");
    let mut statement = connection.prepare_cached(&sql)?;
    let values = params_from_iter(bound(place, filter, now));
    Ok(statement.query_row(values, |row| codec::counted(row, 0))?)
}

/// Where approvals that match are found, and what their ids are called there.
fn matching(filter: &ApprovalFilter) -> (String, &'static str) {
    // An overdue pending one is, to its readers, already what its policy makes of silence. The
    // conditions are written apart so that waiting ones are found by their own index.
    let status = match filter.status {
        None => "",
        Some(Status::Pending) => "AND a.status = 'pending' AND a.expires_at > ?4",
        Some(_) => {
            "AND (a.status = ?3 OR (a.status = 'pending' AND a.expires_at <= ?4 AND a.silence = ?3))"
        }
    };
    let ended = if filter.ended { "AND (a.status <> 'pending' OR a.expires_at <= ?4)" } else { "" };
    // Silence never approves.
    let unapproved = if filter.unapproved {
        "AND a.status <> 'approved' AND (a.status <> 'pending' OR a.expires_at <= ?4)"
    } else {
        ""
    };
    // What somebody voted on is found, and ordered, by a table of its own.
    let (from, id) = match filter.approver {
        None => ("approvals a", "a.approval"),
        Some(_) => (
            "voters v CROSS JOIN approvals a ON v.workspace = ?1 AND v.environment = ?2
             AND v.member = ?11 AND a.approval = v.approval",
            "v.approval",
        ),
    };
    // 17 bytes come after every id, so without a cursor the same range serves. The text is looked
    // for as it is: no letter in it is a wildcard.
    let matching = format!(
        "FROM {from} JOIN snapshots s ON s.snapshot = a.snapshot
         WHERE a.workspace = ?1 AND a.environment = ?2 {status} {ended} {unapproved}
           AND {id} < ifnull(?5, x'ffffffffffffffffffffffffffffffffff')
           AND (?6 IS NULL OR a.policy = ?6)
           AND (?7 IS NULL OR a.agent = ?7)
           AND (?8 IS NULL OR a.asker = ?8)
           AND (?9 IS NULL OR instr(s.search, ?9) > 0)
           AND (?12 IS NULL OR a.created_at >= ?12)
           AND (?13 IS NULL OR a.created_at < ?13)
           AND (?14 IS NULL OR a.asker IN
             (SELECT k.key FROM keys k WHERE k.workspace = ?1 AND k.owner = ?14))
           AND (?15 IS NULL OR json_extract(s.body, '$.action.arguments.' || ?15) = ?16)"
    );
    (matching, id)
}

/// The values of that, numbered from 1.
fn bound(place: Place, filter: &ApprovalFilter, now: Timestamp) -> [Box<dyn ToSql>; 17] {
    let argument = filter.argument.clone();
    [
        Box::new(place.workspace.bytes()),
        Box::new(place.environment.as_str()),
        Box::new(filter.status.map(Status::as_str)),
        Box::new(now.micros()),
        Box::new(filter.before.map(Id::bytes)),
        Box::new(filter.policy.as_ref().map(|name| name.as_str().to_owned())),
        Box::new(filter.agent.clone()),
        Box::new(filter.asker.map(Id::bytes)),
        Box::new(filter.text.as_deref().map(str::to_lowercase)),
        Box::new(filter.limit),
        Box::new(filter.approver.map(Id::bytes)),
        Box::new(filter.created_after.map(Timestamp::micros)),
        Box::new(filter.created_before.map(Timestamp::micros)),
        Box::new(filter.owner.map(Id::bytes)),
        Box::new(argument.as_ref().map(|(name, _)| *name)),
        Box::new(argument.map(|(_, text)| text)),
        Box::new(filter.skip),
    ]
}

pub(super) fn events(
    connection: &Connection,
    place: Place,
    id: ApprovalId,
    after: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    let sql = "SELECT version, name, at, detail FROM events
               WHERE approval = ?1 AND version > ?2 AND workspace = ?3 AND environment = ?4
               ORDER BY version";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (id.bytes(), after, place.workspace.bytes(), place.environment.as_str());
    let rows = statement.query_map(key, |row| {
        Ok(EventRecord {
            version: codec::counted(row, 0)?,
            name: row.get(1)?,
            at: codec::time(row, 2)?,
            detail: codec::json(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn proof(
    connection: &Connection,
    place: Place,
    id: ApprovalId,
) -> Result<Option<Proof>, StoreError> {
    let sql = format!(
        "SELECT p.statement, p.token, p.audit_index, p.erased_index, {}
         FROM proofs p LEFT JOIN proof_tokens t ON t.approval = p.approval
         WHERE p.approval = ?1 AND p.workspace = ?2 AND p.environment = ?3",
        proof_tokens::COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let key = (id.bytes(), place.workspace.bytes(), place.environment.as_str());
    let found = statement.query_row(key, |row| {
        Ok(Proof {
            statement: row.get(0)?,
            token: row.get(1)?,
            audit_index: codec::counted(row, 2)?,
            erased_index: codec::maybe_counted(row, 3)?,
            proof_token: proof_tokens::read(row, 4)?,
        })
    });
    Ok(found.optional()?)
}

pub(super) fn rejected_before(
    connection: &Connection,
    place: Place,
    digest: Digest,
    but: ApprovalId,
    limit: u32,
) -> Result<Vec<ApprovalId>, StoreError> {
    let sql = "SELECT approval FROM rejected_actions
               WHERE workspace = ?1 AND environment = ?2 AND digest = ?3 AND approval <> ?4
               ORDER BY approval DESC LIMIT ?5";
    let mut statement = connection.prepare_cached(sql)?;
    let environment = place.environment.as_str();
    let key = params![place.workspace.bytes(), environment, digest.0, but.bytes(), limit];
    let rows = statement.query_map(key, |row| codec::id(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn shown(
    connection: &Connection,
    place: Place,
    id: ApprovalId,
) -> Result<Vec<Shown>, StoreError> {
    let sql = "SELECT s.digest, s.renderer, s.channel, s.locale, t.text FROM shown s
               JOIN shown_texts t ON t.workspace = s.workspace
                AND t.environment = s.environment AND t.digest = s.digest
               WHERE s.approval = ?1 AND s.workspace = ?2 AND s.environment = ?3
               ORDER BY s.digest";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (id.bytes(), place.workspace.bytes(), place.environment.as_str());
    let rows = statement.query_map(key, |row| {
        Ok(Shown {
            digest: codec::digest(row, 0)?,
            renderer: row.get(1)?,
            channel: row.get(2)?,
            locale: row.get(3)?,
            text: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
