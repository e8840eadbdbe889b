//! What event streams and the audit log say about an event. Both leave the action's arguments
//! out; the audit log leaves out every free text too, for it must outlive their erasure.

use askfirst_core::{
    Action, Approval, Cause, Claim, Decision, Event, Outcome, OutcomeStatus, Vote,
};
use askfirst_proof::text_digest;
use serde_json::{Map, Value, json};

use super::audit;
use crate::statement;

/// For event streams.
pub(super) fn streamed(event: &Event) -> Value {
    match event {
        Event::Asked { approval } => {
            let Action { name, title, target, .. } = &approval.action;
            let mut told = asked(approval);
            told.insert("title".into(), title.as_str().into());
            told.insert("target".into(), target.as_deref().into());
            told.insert("reason".into(), approval.reason.as_deref().into());
            told.insert("action".into(), name.as_str().into());
            told.into()
        }
        Event::Voted { vote } => {
            let mut told = voted(vote);
            told.insert("comment".into(), vote.comment.as_deref().into());
            told.into()
        }
        Event::Decided { decision } => {
            let mut told = decided(decision);
            told.insert("comment".into(), decision.comment.as_deref().into());
            told.into()
        }
        Event::ClaimSettled { claim } => {
            let mut told = settled(claim);
            if let Claim::Revoked { reason, .. } = claim {
                told.insert("reason".into(), reason.as_deref().into());
            }
            told.into()
        }
        Event::Reported { outcome } => {
            let mut told = reported(outcome);
            told.insert("note".into(), outcome.note.as_deref().into());
            told.into()
        }
    }
}

/// For the audit log.
pub(super) fn audited(event: &Event) -> Map<String, Value> {
    match event {
        Event::Asked { approval } => {
            let mut told = asked(approval);
            told.insert("action".into(), approval.action.name.as_str().into());
            told
        }
        Event::Voted { vote } => {
            let mut told = voted(vote);
            told.insert("comment_digest".into(), digest_of(&vote.comment));
            told
        }
        Event::Decided { decision } => {
            let mut told = decided(decision);
            told.insert("comment_digest".into(), digest_of(&decision.comment));
            told
        }
        Event::ClaimSettled { claim } => {
            let mut told = settled(claim);
            if let Claim::Revoked { reason, .. } = claim {
                told.insert("reason_digest".into(), digest_of(reason));
            }
            told
        }
        Event::Reported { outcome } => {
            let mut told = reported(outcome);
            told.insert("note_digest".into(), digest_of(&outcome.note));
            told
        }
    }
}

fn asked(approval: &Approval) -> Map<String, Value> {
    let policy = &approval.policy;
    object([
        ("action_digest", approval.action_digest.to_string().into()),
        ("asker", approval.asker.key.to_string().into()),
        ("expires_at", approval.expires_at.to_string().into()),
        (
            "policy",
            json!({
                "name": policy.document.name.as_str(),
                "version": policy.version,
                "digest": policy.digest.to_string(),
            }),
        ),
    ])
}

fn voted(vote: &Vote) -> Map<String, Value> {
    object([
        ("decision", vote.decision.as_str().into()),
        ("voter", vote.voter.email.as_str().into()),
        ("assurance", vote.assurance.as_str().into()),
        ("via", statement::via(vote.via).into()),
        ("action_digest", vote.action_digest.to_string().into()),
        ("shown_digest", vote.shown_digest.map(|digest| digest.to_string()).into()),
    ])
}

fn decided(decision: &Decision) -> Map<String, Value> {
    let cause = match &decision.cause {
        Cause::NeedsMet => "needs_met",
        Cause::Rejections => "rejections",
        Cause::Unreachable { .. } => "unreachable",
        Cause::Deadline => "deadline",
        Cause::Withdrawn => "withdrawn",
    };
    object([
        ("status", decision.status.as_str().into()),
        ("by", audit::actor(&decision.by).into()),
        ("cause", cause.into()),
        ("decided_at", decision.decided_at.to_string().into()),
        ("valid_until", decision.valid_until.map(|until| until.to_string()).into()),
    ])
}

fn settled(claim: &Claim) -> Map<String, Value> {
    match claim {
        Claim::Claimed { by, .. } => object([("by", format!("key:{by}").into())]),
        Claim::Revoked { by, .. } => object([("by", audit::actor(by).into())]),
    }
}

fn reported(outcome: &Outcome) -> Map<String, Value> {
    let status = match outcome.status {
        OutcomeStatus::Succeeded => "succeeded",
        OutcomeStatus::Failed => "failed",
    };
    object([("status", status.into())])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn digest_of(text: &Option<String>) -> Value {
    text.as_ref().map(|text| text_digest(text).to_string()).into()
}
