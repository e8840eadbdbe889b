//! Carries out a command on one approval: looks for a repeat, reads the facts, asks the rules and
//! records what they say. Nothing is written before the rules have said yes.

use std::sync::Arc;

use askfirst_core::{Allowances, Command, Event, Principal, Refusal, Standing, Status, transition};

use super::record;
use super::repeats::{self, Scope, Seen};
use super::writer::Desk;
use super::{audit, deliveries, links, queries};
use crate::store::{Change, Committed, Execute, ExecuteError, StoreError};

pub(super) fn execute(
    desk: &mut Desk<'_, '_>,
    request: &Execute,
) -> Result<Committed, ExecuteError> {
    let Desk { connection, now, .. } = *desk;
    let place = request.place;
    let Some(tenant) = desk.tenants.get(connection, place.workspace, now)? else {
        return Err(Refusal::Credential(Standing::Revoked).into());
    };
    let ask = match &request.command {
        Command::Ask(ask) => Some(&**ask),
        _ => None,
    };
    let mut facts = tenant.facts(connection, place, request.credential, ask, now)??;
    let scope = Scope::approval(place, request.credential);
    if let Some(idempotency) = &request.idempotency
        && let Some(seen) = repeats::find(connection, &scope, idempotency)?
    {
        if facts.standing() != Standing::Good {
            return Err(Refusal::Credential(facts.standing()).into());
        }
        let Seen::Approval(id) = seen? else { return Err(odd_repeat().into()) };
        let found = queries::approval(connection, place, id)?;
        let (approval, _) = found.ok_or_else(odd_repeat)?;
        return Ok(Committed {
            approval: Arc::new(approval),
            events: Vec::new(),
            replayed: true,
            passed_on: false,
            roster: facts.roster,
            now,
        });
    }

    if ask.is_some() {
        desk.disk.has_room(now)?;
    }

    // An id that is already taken shows when the ask is written, so it is not looked for before.
    let current = match ask {
        Some(_) => None,
        None => queries::approval(connection, place, request.approval)?,
    };
    let (before, snapshot) =
        current.map_or((None, None), |(approval, row)| (Some(Arc::new(approval)), Some(row)));
    if let (Some(_), Principal::Key(key)) = (ask, &facts.principal) {
        let own = key.limits.tighten(desk.allowances.key);
        let allowances = Allowances { key: own, ..desk.allowances };
        let plan = tenant.workspace.plan.as_ref();
        facts.room = desk.tallies.room(connection, place, key.id, allowances, plan, now)?;
        facts.grants = tenant.grants.of(place.environment, key.id);
    }
    if let (Command::Vote(cast), Some(before)) = (&request.command, &before)
        && cast.grant.is_some()
    {
        facts.grants = tenant.grants.of(place.environment, before.asker.key);
    }
    if let (Command::Erase, Some(before)) = (&request.command, &before) {
        facts.grants = tenant.grants.of(place.environment, before.asker.key);
    }
    let done = transition(before.as_ref(), &request.command, &facts, now)?;

    let next = &done.next;
    let actor = audit::actor(&facts.actor());
    let recording = record::Recording {
        connection,
        pens: desk.pens,
        now,
        issuer_base: desk.issuer_base,
        actor: &actor,
        next,
        events: &done.events,
    };
    match (&before, snapshot) {
        (Some(before), Some(row)) => {
            recording.update(before, row)?;
            if before.decision.is_none() && next.decision.is_some() {
                desk.tallies.ended(connection, next)?;
            }
        }
        _ => {
            if !recording.insert()? {
                return Err(Refusal::Exists.into());
            }
            desk.tallies.asked(connection, next)?;
            // Who votes was settled before it was asked.
            if next.decision.is_some() {
                desk.tallies.ended(connection, next)?;
            }
        }
    }
    if let Some(url) = ask.and_then(|ask| ask.callback_url.as_deref()) {
        deliveries::keep_callback(connection, next.id, url)?;
    }
    if recording.tell(tenant)? {
        desk.changes.push(Change::Deliveries);
    }
    let passed_on = match ask.and_then(|ask| ask.pass_on.as_ref()) {
        Some(wish) => links::pass_on(&recording, tenant, &facts, wish)?,
        None => false,
    };
    if let (Command::Vote(_), Some(shown)) = (&request.command, &request.shown) {
        record::shown(connection, next, shown)?;
    }
    if let Some(idempotency) = &request.idempotency {
        let ends_at = next.decision.as_ref().map(|_| repeats::end(now));
        repeats::remember(connection, &scope, idempotency, Seen::Approval(next.id), ends_at)?;
    }
    *desk.unscrubbed |= done.events.iter().any(|event| matches!(event, Event::Erased { .. }));
    if !done.events.is_empty() {
        let status = next.decision.as_ref().map_or(Status::Pending, |d| d.status);
        desk.changes.push(Change::Approval { place, id: next.id, status });
    }
    Ok(Committed {
        approval: done.next,
        events: done.events,
        replayed: false,
        passed_on,
        roster: facts.roster,
        now,
    })
}

/// The command and the envelope must speak of the same thing; anything else is a mistake of ours.
pub(super) fn check(request: &Execute) -> Result<(), StoreError> {
    if let Command::Ask(ask) = &request.command
        && (ask.id != request.approval
            || ask.workspace != request.place.workspace
            || ask.environment != request.place.environment)
    {
        return Err(StoreError::Damaged("the ask is not for the place it was sent to".into()));
    }
    if let Some(shown) = &request.shown
        && askfirst_proof::text_digest(&shown.text).as_bytes() != &shown.digest.0
    {
        return Err(StoreError::Damaged("the shown text does not have its digest".into()));
    }
    Ok(())
}

fn odd_repeat() -> StoreError {
    StoreError::Damaged("an idempotency key points at an approval that is not there".into())
}
