//! What event streams and the audit log say about an event. Both leave the action's arguments
//! out; the audit log leaves out every free text too, for it must outlive their erasure.

use askfirst_core::{
    Approval, Cause, Claim, Decision, Event, Grant, Inquiry, Outcome, OutcomeStatus, Revision, Vote,
};
use askfirst_proof::text_digest;
use serde_json::{Map, Value, json};

use super::audit;
use super::codec::{self, Json};
use crate::statement;
use crate::store::StoreError;

/// One event, told twice: with its free texts to event streams, with digests of them to the
/// audit log.
pub(super) struct Told<'a> {
    facts: Map<String, Value>,
    texts: Texts<'a>,
}

enum Texts<'a> {
    /// Of a question. Its digest is among the facts.
    Question(&'a Approval),
    /// What someone said with what they did, and the names of the text and of its digest.
    Said(&'static str, &'static str, Option<&'a str>),
    None,
}

impl<'a> Told<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let comment =
            |text: &'a Option<String>| Texts::Said("comment", "comment_digest", text.as_deref());
        let (facts, texts) = match event {
            Event::Asked { approval } => (asked(approval), Texts::Question(approval)),
            Event::Voted { vote } => (voted(vote), comment(&vote.comment)),
            Event::Granted { grant } => (granted(grant), Texts::None),
            Event::Edited { revision } => (edited(revision), Texts::None),
            Event::Inquired { inquiry } => (
                inquired(inquiry),
                Texts::Said("question", "question_digest", Some(&inquiry.question)),
            ),
            Event::Replied { number, reply } => (
                object([("number", (*number).into())]),
                Texts::Said("reply", "reply_digest", Some(&reply.text)),
            ),
            Event::Escalated { number, added } => (
                object([
                    ("step", (*number).into()),
                    ("added", added.iter().map(ToString::to_string).collect()),
                ]),
                Texts::None,
            ),
            Event::Looked { look } => (
                object([
                    ("by", look.by.email.as_str().into()),
                    ("via", statement::via(look.via).into()),
                ]),
                Texts::None,
            ),
            Event::Decided { decision } => (decided(decision), comment(&decision.comment)),
            Event::ClaimSettled { claim } => (
                settled(claim),
                match claim {
                    Claim::Revoked { reason, .. } => {
                        Texts::Said("reason", "reason_digest", reason.as_deref())
                    }
                    Claim::Claimed { .. } => Texts::None,
                },
            ),
            Event::Reported { outcome } => {
                (reported(outcome), Texts::Said("note", "note_digest", outcome.note.as_deref()))
            }
            // Why something is kept is about the record, and not part of what may be erased.
            Event::HoldSet { hold } => (
                object([
                    ("by", audit::actor(&hold.by).into()),
                    ("reason", hold.reason.as_str().into()),
                ]),
                Texts::None,
            ),
            Event::HoldReleased { by } => (object([("by", audit::actor(by).into())]), Texts::None),
            Event::Erased { erasure } => {
                (object([("by", audit::actor(&erasure.by).into())]), Texts::None)
            }
        };
        Self { facts, texts }
    }

    /// For event streams, as JSON.
    pub(super) fn streamed(&mut self) -> Result<Json, StoreError> {
        let texts = match self.texts {
            Texts::Question(approval) => vec![
                ("title", Some(approval.action.title.as_str())),
                ("target", approval.action.target.as_deref()),
                ("reason", approval.reason.as_deref()),
            ],
            Texts::Said(name, _, text) => vec![(name, text)],
            Texts::None => Vec::new(),
        };
        for (name, text) in &texts {
            self.facts.insert((*name).into(), (*text).into());
        }
        let json = codec::to_json(&self.facts);
        for (name, _) in texts {
            self.facts.remove(name);
        }
        json
    }

    /// For the audit log.
    pub(super) fn audited(mut self) -> Map<String, Value> {
        if let Texts::Said(_, name, text) = self.texts {
            self.facts.insert(name.into(), text.map(|text| text_digest(text).to_string()).into());
        }
        self.facts
    }
}

fn asked(approval: &Approval) -> Map<String, Value> {
    let policy = &approval.policy;
    object([
        ("action", approval.action.name.as_str().into()),
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
        ("on_behalf_of", vote.on_behalf_of.as_ref().map(|whose| whose.email.as_str()).into()),
        ("assurance", vote.assurance.as_str().into()),
        ("via", statement::via(vote.via).into()),
        ("action_digest", vote.action_digest.to_string().into()),
        ("shown_digest", vote.shown_digest.map(|digest| digest.to_string()).into()),
    ])
}

fn granted(grant: &Grant) -> Map<String, Value> {
    object([
        ("grant", grant.id.to_string().into()),
        ("by", grant.by.email.as_str().into()),
        ("assurance", grant.assurance.as_str().into()),
        ("uses", grant.terms.uses.into()),
        ("until", grant.until().to_string().into()),
        ("terms_digest", grant.digest.to_string().into()),
    ])
}

fn edited(revision: &Revision) -> Map<String, Value> {
    object([
        ("number", revision.number.into()),
        ("action_digest", revision.action_digest.to_string().into()),
        ("by", revision.by.as_ref().map(|by| by.email.as_str()).into()),
    ])
}

fn inquired(inquiry: &Inquiry) -> Map<String, Value> {
    object([
        ("number", inquiry.number.into()),
        ("by", inquiry.by.email.as_str().into()),
        ("via", statement::via(inquiry.via).into()),
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
