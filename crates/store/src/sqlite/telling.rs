//! What event streams and the audit log say about an event. Both leave the action's arguments
//! out; the audit log leaves out every free text too, for it must outlive their erasure.

use askfirst_core::{
    Approval, Cause, Claim, Decision, Digest, Event, Grant, Inquiry, KeyId, Outcome, OutcomeStatus,
    Revision, Timestamp, Vote,
};
use askfirst_proof::{log, text_digest};
use serde::Serialize;
use serde_json::{Map, Value};

use super::audit;
use super::codec::{self, Json};
use crate::statement;
use crate::store::StoreError;

/// One event, told twice: with its free texts to event streams, with digests of them to the
/// audit log.
pub(super) struct Told<'a> {
    facts: Facts<'a>,
    texts: Texts<'a>,
}

enum Facts<'a> {
    /// Of a question, whose texts are the action's. Somebody waits for every one of these.
    Asked(&'a Approval),
    Others(Map<String, Value>),
}

enum Texts<'a> {
    /// What someone said with what they did, and the names of the text and of its digest.
    Said(&'static str, &'static str, Option<&'a str>),
    None,
}

impl<'a> Told<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        let comment =
            |text: &'a Option<String>| Texts::Said("comment", "comment_digest", text.as_deref());
        let (facts, texts) = match event {
            Event::Asked { approval } => {
                return Self { facts: Facts::Asked(approval), texts: Texts::None };
            }
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
        Self { facts: Facts::Others(facts), texts }
    }

    /// For event streams, as JSON.
    pub(super) fn streamed(&mut self) -> Result<Json, StoreError> {
        let facts = match &mut self.facts {
            Facts::Asked(approval) => return codec::to_json(&Question::of(approval)),
            Facts::Others(facts) => facts,
        };
        if let Texts::Said(name, _, text) = self.texts {
            facts.insert(name.into(), text.into());
        }
        let json = codec::to_json(&facts);
        if let Texts::Said(name, ..) = self.texts {
            facts.remove(name);
        }
        json
    }

    /// For the audit log, in its canonical form, with the digest of the statement where there is
    /// one.
    pub(super) fn audited(self, statement: Option<&[u8]>) -> Result<Json, StoreError> {
        let mut facts = match self.facts {
            Facts::Asked(approval) => return codec::to_json(&Asked::of(approval)),
            Facts::Others(facts) => facts,
        };
        if let Texts::Said(_, name, text) = self.texts {
            facts.insert(name.into(), text.map(|text| text_digest(text).to_string()).into());
        }
        if let Some(statement) = statement {
            let digest = text_digest(statement).to_string();
            facts.insert(log::STATEMENT_DIGEST.into(), digest.into());
        }
        audit::spelled(&facts.into())
    }
}

/// What the audit log says of a question. Texts and no numbers but small ones, and its members in
/// their order: JSON as it is written here is canonical.
#[derive(Serialize)]
struct Asked<'a> {
    action: &'a str,
    action_digest: Digest,
    asker: KeyId,
    expires_at: Timestamp,
    policy: AskedUnder<'a>,
}

#[derive(Serialize)]
struct AskedUnder<'a> {
    digest: Digest,
    name: &'a str,
    version: u32,
}

impl<'a> Asked<'a> {
    fn of(approval: &'a Approval) -> Self {
        let policy = &approval.policy;
        Self {
            action: &approval.action.name,
            action_digest: approval.action_digest,
            asker: approval.asker.key,
            expires_at: approval.expires_at,
            policy: AskedUnder {
                digest: policy.digest,
                name: policy.document.name.as_str(),
                version: policy.version,
            },
        }
    }
}

/// What event streams say of it.
#[derive(Serialize)]
struct Question<'a> {
    #[serde(flatten)]
    facts: Asked<'a>,
    reason: Option<&'a str>,
    target: Option<&'a str>,
    title: &'a str,
}

impl<'a> Question<'a> {
    fn of(approval: &'a Approval) -> Self {
        Self {
            facts: Asked::of(approval),
            reason: approval.reason.as_deref(),
            target: approval.action.target.as_deref(),
            title: &approval.action.title,
        }
    }
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
