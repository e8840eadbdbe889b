//! The one place where an approval changes: a command, the facts and the time go in; events and
//! the next state, or a refusal, come out. The same input gives the same answer every time.

use std::sync::Arc;

use super::event::{self, Event};
use super::voting::{self, keeps_owner_out};
use super::{erasure, escalation, grant, inquiry};
use crate::quorum::NeedSet;
use crate::{
    Approval, Ask, Asker, Cause, Claim, Command, Decision, Digest, Facts, FrozenPolicy, KeyFacts,
    MemberId, Outcome, OutcomeStatus, PolicyChoice, Principal, Refusal, Scope, Seconds, Standing,
    Status, Timestamp,
};

/// What a command led to. Folding `events` over the current approval gives `next`.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The approval afterwards.
    pub next: Arc<Approval>,
    /// What happened, in order; empty if the command changed nothing.
    pub events: Vec<Event>,
}

/// Decides what `command` does to `current` at `now`.
///
/// # Errors
/// A [`Refusal`]; nothing changes then.
pub fn transition(
    current: Option<&Arc<Approval>>,
    command: &Command,
    facts: &Facts,
    now: Timestamp,
) -> Result<Transition, Refusal> {
    match facts.standing() {
        Standing::Good => {}
        standing => return Err(Refusal::Credential(standing)),
    }
    same_environment(current.map(Arc::as_ref), command, facts)?;
    let events = match (current, command) {
        (None, Command::Ask(ask)) => put(ask, facts, now)?,
        (Some(_), Command::Ask(_)) => return Err(Refusal::Exists),
        (None, _) => return Err(Refusal::NotFound),
        (Some(approval), Command::Vote(cast)) => voting::vote(approval, cast, facts, now)?,
        (Some(approval), Command::Inquire { action_digest, question }) => {
            inquiry::inquire(approval, *action_digest, question, facts, now)?
        }
        (Some(approval), Command::Reply { number, text }) => {
            inquiry::reply(approval, *number, text, facts, now)?
        }
        (Some(approval), Command::Cancel { reason }) => cancel(approval, reason, facts, now)?,
        (Some(approval), Command::Look) => escalation::look(approval, facts, now)?,
        (Some(approval), Command::Escalate) => escalation::escalate(approval, now)?,
        (Some(approval), Command::Expire) => expire(approval, now)?,
        (Some(approval), Command::Consume { action_digest }) => {
            consume(approval, *action_digest, facts, now)?
        }
        (Some(approval), Command::Revoke { reason }) => revoke(approval, reason, facts, now)?,
        (Some(approval), Command::Report { status, note }) => {
            report(approval, *status, note, facts, now)?
        }
        (Some(approval), Command::Hold { reason }) => erasure::hold(approval, reason, facts, now)?,
        (Some(approval), Command::Release) => erasure::release(approval, facts)?,
        (Some(approval), Command::Erase) => erasure::erase(approval, facts, now)?,
    };
    let mut next = current.cloned();
    for event in &events {
        next = Some(event::apply(next, event).map_err(|_| Refusal::Exists)?);
    }
    next.map(|next| Transition { next, events }).ok_or(Refusal::NotFound)
}

/// A key neither sees nor makes anything outside its own environment, and a link nothing but its
/// own approval. People are in all of them.
fn same_environment(
    current: Option<&Approval>,
    command: &Command,
    facts: &Facts,
) -> Result<(), Refusal> {
    let environment = match (current, command) {
        (Some(approval), _) => approval.environment,
        (None, Command::Ask(ask)) => ask.environment,
        (None, _) => return Ok(()),
    };
    match &facts.principal {
        Principal::Key(key) if key.environment != environment => Err(Refusal::NotFound),
        Principal::Link(link) if current.is_none_or(|known| known.id != link.approval) => {
            Err(Refusal::NotFound)
        }
        _ => Ok(()),
    }
}

fn put(ask: &Ask, facts: &Facts, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    let key = key_with(Scope::Ask, facts)?;
    let policy = chosen_policy(ask, key, facts)?;
    let rules = &policy.document;
    let expires_in = tightened("expires_in", ask.expires_in, rules.expires_in)?;
    let valid_for = tightened("valid_for", ask.valid_for, rules.valid_for)?;
    if let Some(&key) = ask.consumers.iter().find(|key| !facts.known_keys.contains(key)) {
        return Err(Refusal::UnknownConsumer { key });
    }
    let kept_out = keeps_owner_out(&policy, facts).then_some(key.owner);
    // Checked when it was saved; but a need of nobody would be met from the start.
    let mut problems = rules.problems();
    // A step at the deadline itself never comes.
    let within = Seconds(expires_in.0 - 1);
    problems.extend(rules.unsatisfiable(kept_out, &facts.roster, within));
    if !problems.is_empty() {
        return Err(Refusal::Unsatisfiable { name: rules.name.clone(), problems });
    }
    facts.room.for_one_more(now)?;
    let approval = Approval {
        id: ask.id,
        workspace: ask.workspace,
        environment: ask.environment,
        version: 1,
        asker: Asker {
            key: key.id,
            label: key.label.clone(),
            owner: key.owner,
            owner_email: facts.roster.email(key.owner),
            dialect: key.dialect,
        },
        action: Arc::clone(&ask.action),
        action_digest: ask.action_digest,
        editable: ask.editable.clone(),
        revisions: Vec::new(),
        answer_schema: ask.answer_schema.clone(),
        reason: ask.reason.clone(),
        priority: ask.priority,
        agent: ask.agent.clone(),
        metadata: ask.metadata.clone(),
        policy,
        consumers: ask.consumers.clone(),
        created_at: now,
        expires_at: now.plus(expires_in),
        valid_for,
        votes: Vec::new(),
        inquiries: Vec::new(),
        escalated: 0,
        looks: Vec::new(),
        told_by: ask.told_by.clone(),
        decision: None,
        claim: None,
        outcome: None,
        hold: None,
        erased: None,
    };
    let mut events = grant::cast(&approval, facts, now);
    events.insert(0, Event::Asked { approval: Arc::new(approval) });
    Ok(events)
}

fn chosen_policy(ask: &Ask, key: &KeyFacts, facts: &Facts) -> Result<Arc<FrozenPolicy>, Refusal> {
    match &ask.policy {
        PolicyChoice::Inline(policy) => {
            key_with(Scope::InlinePolicies, facts)?;
            return Ok(Arc::clone(policy));
        }
        PolicyChoice::Named(name) if facts.policy.is_none() => {
            return Err(Refusal::PolicyUnknown { name: name.clone() });
        }
        PolicyChoice::Named(name) if !key.policies.permits(name) => {
            return Err(Refusal::PolicyNotAllowed { name: name.clone() });
        }
        PolicyChoice::Named(_) | PolicyChoice::Default => {}
    }
    facts.policy.clone().ok_or(Refusal::NotFound)
}

fn tightened(
    field: &'static str,
    asked: Option<Seconds>,
    allowed: Seconds,
) -> Result<Seconds, Refusal> {
    match asked {
        None => Ok(allowed),
        Some(Seconds(0)) => Err(Refusal::TooShort { field }),
        Some(asked) if asked > allowed => Err(Refusal::Loosens { field, asked, allowed }),
        Some(asked) => Ok(asked),
    }
}

fn cancel(
    approval: &Approval,
    reason: &Option<String>,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let allowed = match &facts.principal {
        Principal::Key(key) => key.id == approval.asker.key && key.scopes.contains(&Scope::Ask),
        Principal::Session(session) => is_admin(session.member, facts),
        Principal::Link(_) | Principal::System => false,
    };
    if !allowed {
        return Err(Refusal::NotTheAsker);
    }
    undecided(approval, now)?;
    let decision = Decision {
        status: Status::Cancelled,
        decided_at: now,
        by: facts.actor(),
        cause: Cause::Withdrawn,
        comment: reason.clone(),
        answer: None,
        valid_until: None,
    };
    Ok(vec![Event::Decided { decision }])
}

fn expire(approval: &Approval, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    if let Some(decision) = &approval.decision {
        return Err(already_decided(decision));
    }
    match approval.decision_at(now) {
        Some(decision) => Ok(vec![Event::Decided { decision }]),
        None => Err(Refusal::NotDue { at: approval.expires_at }),
    }
}

fn consume(
    approval: &Approval,
    digest: Digest,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let key = key_with(Scope::Ask, facts)?;
    if !approval.may_consume(key.id) {
        return Err(Refusal::NotAConsumer);
    }
    let until = approved_until(approval, now)?;
    if digest != approval.action_digest {
        return Err(Refusal::StaleDigest { current: approval.action_digest });
    }
    unclaimed(approval, until, now)?;
    Ok(vec![Event::ClaimSettled { claim: Claim::Claimed { by: key.id, at: now } }])
}

fn revoke(
    approval: &Approval,
    reason: &Option<String>,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let person = match &facts.principal {
        Principal::Key(key) if key.id == approval.asker.key => None,
        Principal::Key(key) => key.member.filter(|_| key.scopes.contains(&Scope::Decide)),
        Principal::Session(session) => Some(session.member),
        // It is for deciding, and nothing else.
        Principal::Link(_) | Principal::System => None,
    };
    let allowed = person.is_some_and(|member| {
        is_admin(member, facts) || approval.seats_of(member, &facts.roster, now) != NeedSet::NONE
    });
    if !allowed {
        return Err(Refusal::NotARevoker);
    }
    let until = approved_until(approval, now)?;
    unclaimed(approval, until, now)?;
    let claim = Claim::Revoked { by: facts.actor(), at: now, reason: reason.clone() };
    Ok(vec![Event::ClaimSettled { claim }])
}

fn report(
    approval: &Approval,
    status: OutcomeStatus,
    note: &Option<String>,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let key = key_with(Scope::Ask, facts)?;
    if !approval.may_consume(key.id) {
        return Err(Refusal::NotAConsumer);
    }
    if !matches!(approval.claim, Some(Claim::Claimed { .. })) {
        return Err(Refusal::NotClaimed);
    }
    if let (Some(erasure), Some(_)) = (&approval.erased, note) {
        return Err(Refusal::Erased { at: erasure.at });
    }
    match &approval.outcome {
        None => {}
        // Saying the same thing again is what a client does that lost the answer.
        Some(told) if told.status == status && told.note == *note => return Ok(Vec::new()),
        Some(told) => return Err(Refusal::OutcomeReported { status: told.status, at: told.at }),
    }
    Ok(vec![Event::Reported { outcome: Outcome { status, note: note.clone(), at: now } }])
}

fn key_with(scope: Scope, facts: &Facts) -> Result<&KeyFacts, Refusal> {
    match &facts.principal {
        Principal::Key(key) if key.scopes.contains(&scope) => Ok(key),
        _ => Err(Refusal::MissingScope(scope)),
    }
}

fn is_admin(member: MemberId, facts: &Facts) -> bool {
    facts.roster.voter(member).is_some_and(|person| person.role.is_admin())
}

pub(super) fn undecided(approval: &Approval, now: Timestamp) -> Result<(), Refusal> {
    approval.decision_at(now).map_or(Ok(()), |decision| Err(already_decided(&decision)))
}

fn already_decided(decision: &Decision) -> Refusal {
    Refusal::AlreadyDecided {
        status: decision.status,
        by: decision.by.clone(),
        at: decision.decided_at,
    }
}

fn approved_until(approval: &Approval, now: Timestamp) -> Result<Timestamp, Refusal> {
    let until = approval.decision.as_ref().and_then(|decision| decision.valid_until);
    until.ok_or_else(|| Refusal::NotApproved { status: approval.status_at(now) })
}

fn unclaimed(approval: &Approval, until: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    match &approval.claim {
        Some(Claim::Claimed { by, at }) => Err(Refusal::AlreadyClaimed { by: *by, at: *at }),
        Some(Claim::Revoked { by, at, .. }) => Err(Refusal::Revoked { by: by.clone(), at: *at }),
        None if now >= until => Err(Refusal::Lapsed { at: until }),
        None => Ok(()),
    }
}
