//! Who may answer since something was asked: somebody new in the workspace or a group, or in whose
//! hands another's votes are from now on. With the change that lets them, it is noted that the
//! workspace is to be looked through, now or when that begins; a few open approvals at a time are
//! looked at then, so that no other write waits long.

use askfirst_core::administration::Change;
use askfirst_core::{About, Approval, ApprovalId, MemberId, Timestamp, WorkspaceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::channels::Ways;
use super::codec::{self, Id};
use super::facts::Tenant;
use super::notices::{self, Subject};
use super::writer::Desk;
use crate::store::{self, StoreError};

/// When somebody may be able to answer who could not before, by this change.
fn from_when(change: &Change, now: Timestamp) -> Vec<Timestamp> {
    match change {
        Change::AddMember { .. }
        | Change::UpdateMember { role: Some(_), .. }
        // Who is gone may have had somebody's votes, which are theirs again.
        | Change::UpdateMember { enabled: Some(_), .. }
        | Change::SetWorkspace { floor: Some(_), .. }
        | Change::AddGroup { .. }
        | Change::SetGroup { .. }
        | Change::Delegate { delegation: None, .. }
        // Whoever was to be asked by it is asked by another way.
        | Change::RemoveChannel { .. } => vec![now],
        // The one from its beginning on, the other once it is over.
        Change::Delegate { delegation: Some(given), .. } => {
            vec![given.since.max(now), given.until.max(now)]
        }
        _ => Vec::new(),
    }
}

/// Notes with a change that the workspace is to be looked through. Without a way to people there is
/// nothing to do now.
pub(super) fn note(
    connection: &Connection,
    tenant: &Tenant,
    change: &Change,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tells = |at: &Timestamp| *at > now || !tenant.channels.is_empty();
    for at in from_when(change, now).into_iter().filter(tells) {
        look(connection, tenant.workspace.id, at)?;
    }
    Ok(())
}

/// Notes that a workspace is to be looked through from then on.
pub(super) fn look(
    connection: &Connection,
    workspace: WorkspaceId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO newcomers (workspace, due_at) VALUES (?1, ?2)
               ON CONFLICT DO UPDATE SET after = NULL";
    connection.prepare_cached(sql)?.execute((workspace.bytes(), at.micros()))?;
    Ok(())
}

/// Whether a workspace is to be looked through now.
pub(super) fn are_due(connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM newcomers WHERE due_at <= ?1)";
    Ok(connection.prepare_cached(sql)?.query_row([now.micros()], |row| row.get(0))?)
}

/// Looks at the next few open approvals of one workspace that is due, and has those told who could
/// answer now and were not told. True if there may be more to look at.
pub(super) fn tell(desk: &mut Desk<'_, '_>, limit: u32) -> Result<bool, StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let sql = "SELECT workspace, due_at, after FROM newcomers WHERE due_at <= ?1
               ORDER BY due_at LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    let due = statement.query_row([now.micros()], |row| {
        let after = codec::maybe_id::<ApprovalId>(row, 2)?;
        Ok((codec::id::<WorkspaceId>(row, 0)?, row.get::<_, i64>(1)?, after))
    });
    let Some((workspace, mut due_at, after)) = due.optional()? else { return Ok(false) };
    if after.is_none() {
        // One look is enough for all that is due by now.
        let sql = "SELECT max(due_at) FROM newcomers WHERE workspace = ?1 AND due_at <= ?2";
        let key = (workspace.bytes(), now.micros());
        due_at = connection.prepare_cached(sql)?.query_row(key, |row| row.get(0))?;
        let sql = "DELETE FROM newcomers WHERE workspace = ?1 AND due_at < ?2";
        connection.prepare_cached(sql)?.execute((workspace.bytes(), due_at))?;
    }
    let mut last = None;
    if let Some(tenant) = desk.tenants.get(connection, workspace, now)?
        && !tenant.channels.is_empty()
    {
        let open = open(connection, workspace, tenant.workspace.environment, after, limit)?;
        let mut told = false;
        for approval in &open {
            let awaited = approval.awaited(&tenant.roster, tenant.workspace.floor, now);
            told |= ask(connection, &tenant.channels, approval, &awaited, now)?;
        }
        if told {
            desk.changes.push(store::Change::Deliveries);
        }
        last = open.last().filter(|_| open.len() == limit as usize).map(|approval| approval.id);
    }
    let key = (workspace.bytes(), due_at);
    match last {
        Some(last) => {
            let sql = "UPDATE newcomers SET after = ?3 WHERE workspace = ?1 AND due_at = ?2";
            connection.prepare_cached(sql)?.execute((key.0, key.1, last.bytes()))?;
        }
        None => {
            let sql = "DELETE FROM newcomers WHERE workspace = ?1 AND due_at = ?2";
            connection.prepare_cached(sql)?.execute(key)?;
        }
    }
    Ok(true)
}

/// Approvals that wait for answers, in the order of their ids.
fn open(
    connection: &Connection,
    workspace: WorkspaceId,
    environment: askfirst_core::Environment,
    after: Option<ApprovalId>,
    limit: u32,
) -> Result<Vec<Approval>, StoreError> {
    let sql = "SELECT s.body FROM approvals a INDEXED BY approvals_pending
               JOIN snapshots s ON s.snapshot = a.snapshot
               WHERE a.workspace = ?1 AND a.environment = ?2 AND a.status = 'pending'
                 AND a.approval > ?3 ORDER BY a.approval LIMIT ?4";
    let after = after.map_or([0; 16], Id::bytes);
    let mut statement = connection.prepare_cached(sql)?;
    let row = params![workspace.bytes(), environment.as_str(), after, limit];
    let rows = statement.query_map(row, |row| codec::json(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Asks those of them whom nobody ever asked, or whose notice was dropped before it was told, as
/// they could not answer then; and tells those that it changed who could not answer when it did.
fn ask(
    connection: &Connection,
    ways: &Ways,
    approval: &Approval,
    people: &[MemberId],
    now: Timestamp,
) -> Result<bool, StoreError> {
    // The newest decides: a notice that waits, was sent, or was given up is theirs already.
    let sql = format!(
        "SELECT notice, settled_at IS NOT NULL AND sent = 0 AND dead = 0,
           settled_at IS NOT NULL AND added_at < ?4
         FROM notices WHERE approval = ?1 AND channel = ?2 AND member = ?3 AND NOT {}
         ORDER BY position DESC LIMIT 1",
        notices::planned("")
    );
    let changed_at = approval.revisions.last().map(|last| last.at.micros());
    let mut any = false;
    for (channel, _) in ways.of(approval) {
        let channel = *channel;
        let subject = Subject { channel, approval, version: approval.version, now };
        for member in people {
            let row = (approval.id.bytes(), channel.bytes(), member.bytes(), changed_at);
            let known = connection.prepare_cached(&sql)?.query_row(row, |row| {
                let out_of_date: Option<bool> = row.get(2)?;
                Ok((codec::id(row, 0)?, row.get(1)?, out_of_date.unwrap_or_default()))
            });
            match known.optional()? {
                None if ways.to(approval, *member) != Some(channel) => continue,
                None if was_asked(connection, approval, *member)? => continue,
                None => subject.add(connection, *member, About::Asked)?,
                Some((notice, true, _)) => {
                    notices::retry(connection, approval.workspace, notice, now)?;
                }
                Some((_, false, true)) => subject.add(connection, *member, About::Changed)?,
                Some((_, false, false)) => continue,
            }
            any = true;
        }
    }
    Ok(any)
}

/// Whether they know of it by another way, or will.
fn was_asked(
    connection: &Connection,
    approval: &Approval,
    member: MemberId,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM notices WHERE approval = ?1 AND member = ?2
                 AND (sent = 1 OR settled_at IS NULL))";
    let key = (approval.id.bytes(), member.bytes());
    Ok(connection.prepare_cached(sql)?.query_row(key, |row| row.get(0))?)
}
