//! What follows from an attempt to tell: for what was told, for what waits behind it, and for the
//! way itself.

use askfirst_core::{About, Status, Timestamp};
use rusqlite::params;

use super::super::codec::Id;
use super::super::writer::Desk;
use super::super::{channels, farewells, probes, queries};
use super::Subject;
use super::reminders::{self, planned};
use crate::notices::{ClaimedNotice, Told, Turn};
use crate::store::{Change, StoreError};

/// How an attempt ended, as its row will say.
struct Ending<'a> {
    due_at: Option<Timestamp>,
    /// What the way knows it by, if it took it.
    reference: Option<&'a str>,
    /// Whether it stays with the others of its digest.
    together: bool,
    dead: bool,
    uncounted: bool,
    why: Option<&'a str>,
}

/// Ends one attempt, in which each of these was told.
pub(super) fn settle(
    desk: &mut Desk<'_, '_>,
    ended: &[(ClaimedNotice, Told)],
) -> Result<Option<Turn>, StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let mut held = Vec::new();
    for (claimed, told) in ended {
        let sql = "SELECT 1 FROM notices WHERE notice = ?1 AND attempt = ?2 AND settled_at IS NULL";
        // Who lost the lease to a later attempt has nothing to say.
        if connection.prepare_cached(sql)?.exists((claimed.id.bytes(), claimed.attempt))? {
            held.push((claimed, told));
        } else if let Told::Sent { reference } = told {
            farewells::came_late(desk, claimed, reference)?;
        }
    }
    // What it shows of the way is shown once, however many were told together.
    let tried = held.iter().find(|(_, told)| !matches!(told, Told::Dropped { .. }));
    let mut turn = None;
    let mut down = false;
    if let Some((claimed, told)) = tried {
        let channel = claimed.channel.id;
        let trouble = match told {
            Told::Retry { why, .. } | Told::GiveUp { why } | Told::NotTaken { why, .. } => {
                Some(why.as_str())
            }
            Told::Sent { .. }
            | Told::SentTogether { .. }
            | Told::Dropped { .. }
            | Told::Later { .. } => None,
        };
        channels::note(connection, channel, trouble, now)?;
        match told {
            Told::NotTaken { .. } => (down, turn) = probes::failed(connection, channel, now)?,
            Told::Later { at, .. } => {
                channels::keep_quiet(connection, channel, *at)?;
                turn = probes::worked(desk, channel)?;
            }
            _ => turn = probes::worked(desk, channel)?,
        }
    } else if let Some((claimed, _)) = held.iter().find(|(claimed, _)| claimed.probe) {
        probes::wait(connection, claimed.channel.id, now)?;
    }
    for (claimed, told) in held {
        let ending = Ending::of(told, down, now);
        write(desk, claimed, &ending)?;
        if ending.dead && claimed.about.asks() {
            by_another_way(desk, claimed)?;
        }
        let asked = matches!(claimed.about, About::Asked | About::Changed);
        if ending.reference.is_some() && asked {
            reminders::plan(connection, claimed, now)?;
        }
    }
    Ok(turn)
}

impl<'a> Ending<'a> {
    fn of(told: &'a Told, down: bool, now: Timestamp) -> Self {
        let empty = Self {
            due_at: None,
            reference: None,
            together: false,
            dead: false,
            uncounted: false,
            why: None,
        };
        match told {
            Told::Sent { reference } => Self { reference: Some(reference), ..empty },
            Told::SentTogether { reference } => {
                Self { reference: Some(reference), together: true, ..empty }
            }
            Told::Dropped { why } => Self { why: Some(why), ..empty },
            Told::GiveUp { why } => Self { dead: true, why: Some(why), ..empty },
            Told::Retry { at, why } => {
                Self { due_at: Some(*at), together: true, why: Some(why), ..empty }
            }
            Told::Later { at, why } => {
                Self { due_at: Some(*at), together: true, uncounted: true, why: Some(why), ..empty }
            }
            Told::NotTaken { at, why } => {
                // At the end of the queue, so that each probe is another one's.
                let due_at = if down { Some(now) } else { *at };
                let dead = due_at.is_none();
                Self { due_at, together: true, dead, uncounted: down, why: Some(why), ..empty }
            }
        }
    }
}

/// Writes how it ended, and has the next one of its approval and person told.
fn write(
    desk: &mut Desk<'_, '_>,
    claimed: &ClaimedNotice,
    ending: &Ending<'_>,
) -> Result<(), StoreError> {
    let (connection, now) = (desk.connection, desk.now);
    let settled_at = ending.due_at.is_none().then(|| now.micros());
    // One before it may have been asked for once more meanwhile; that goes first. What was sent
    // once stays in their hands.
    let sql = "UPDATE notices SET sent = max(sent, ?3 IS NOT NULL), reference = ifnull(?3, reference), dead = ?4, settled_at = ?5, why = ?6,
                 earlier = earlier + ?7, uncounted = uncounted + ?7, held = 0,
                 digest = iif(?8, digest, NULL),
                 due_at = CASE WHEN ?2 IS NOT NULL AND EXISTS (SELECT 1 FROM notices f
                   WHERE f.approval = notices.approval AND f.channel = notices.channel
                     AND f.member = notices.member AND f.settled_at IS NULL
                     AND f.position < notices.position AND NOT {PLANNED}) THEN NULL ELSE ?2 END
               WHERE notice = ?1";
    let sql = sql.replace("{PLANNED}", &planned("f."));
    connection.prepare_cached(&sql)?.execute(params![
        claimed.id.bytes(),
        ending.due_at.map(Timestamp::micros),
        ending.reference,
        ending.dead,
        settled_at,
        ending.why,
        ending.uncounted,
        ending.together,
    ])?;
    if settled_at.is_some() {
        let sql = "UPDATE notices SET due_at = ?4 WHERE position =
                     (SELECT position FROM notices WHERE approval = ?1 AND channel = ?2
                        AND member = ?3 AND settled_at IS NULL AND NOT {PLANNED}
                      ORDER BY position LIMIT 1)
                     AND due_at IS NULL";
        let sql = sql.replace("{PLANNED}", &planned(""));
        let next = params![
            claimed.approval.bytes(),
            claimed.channel.id.bytes(),
            claimed.member.bytes(),
            now.micros(),
        ];
        if connection.prepare_cached(&sql)?.execute(next)? > 0 {
            desk.changes.push(Change::Deliveries);
        }
    }
    Ok(())
}

/// Whoever was not reached is asked by the next way that there is to them, at once.
fn by_another_way(desk: &mut Desk<'_, '_>, claimed: &ClaimedNotice) -> Result<(), StoreError> {
    let (connection, now, place) = (desk.connection, desk.now, claimed.place);
    let Some((approval, _)) = queries::approval(connection, place, claimed.approval)? else {
        return Ok(());
    };
    let Some(tenant) = desk.tenants.get(connection, place.workspace, now)? else { return Ok(()) };
    let (member, failed) = (claimed.member, claimed.channel.id);
    let Some(channel) = tenant.channels.after(&approval, member, failed) else { return Ok(()) };
    let floor = tenant.workspace.floor;
    if approval.status_at(now) != Status::Pending
        || !approval.awaited(&tenant.roster, floor, now).contains(&member)
    {
        return Ok(());
    }
    let subject = Subject { channel, approval: &approval, version: approval.version, now };
    if subject.to_new_one(connection, member)? {
        desk.changes.push(Change::Deliveries);
    }
    Ok(())
}
