//! Approvals as the API shows them. Nothing in here lets its reader decide.

use std::sync::Arc;

use askfirst_core::{Actor, Approval, Cause, Claim, ClaimState, Decision, Remaining, Status, Via};
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::policies::PolicyDocument;
use crate::service::Seen;
use crate::service::proofs::receipt_of;

/// One approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    /// `apr_…`
    id: String,
    /// `pending`, `approved`, `rejected`, `expired` or `cancelled`.
    status: &'static str,
    /// One more with every event.
    version: u32,
    /// `live`, `test` or `dev`.
    environment: &'static str,
    /// What is asked for, and what the digest binds.
    #[schema(value_type = ActionBody)]
    action: Arc<askfirst_core::Action>,
    /// SHA-256 over the RFC 8785 form of `action`.
    #[schema(example = "sha256:9f86d0…")]
    action_digest: String,
    /// Every revision of the action; the last one is `action`.
    revisions: Vec<RevisionView>,
    /// The agent's reason, in its own words.
    reason: Option<String>,
    /// `low`, `normal`, `high` or `critical`.
    priority: &'static str,
    /// Who says they are asking.
    #[schema(value_type = Option<AgentBody>)]
    agent: Option<askfirst_core::Agent>,
    /// The asker's own notes.
    #[schema(value_type = Object)]
    metadata: Value,
    /// Who asked, by the credential.
    asker: AskerView,
    /// Other keys that may claim.
    consumers: Vec<String>,
    /// The rules, frozen when it was asked.
    policy: PolicyView,
    /// In the order in which they were recorded.
    votes: Vec<VoteView>,
    /// What approvers asked back, and the asker's answers.
    inquiries: Vec<InquiryView>,
    /// What is still needed; all zero once it has ended.
    remaining: RemainingView,
    /// The end, once there is one.
    decision: Option<DecisionView>,
    /// What became of an approval's one use.
    claim: Option<ClaimView>,
    /// Approved, in time, not claimed or revoked.
    usable: bool,
    /// How the action went, by the asker's word.
    outcome: Option<OutcomeView>,
    /// The signed receipt, once it has ended and is signed.
    proof: Option<ProofView>,
    /// When it was asked.
    created_at: String,
    /// The deadline.
    expires_at: String,
    /// Where to go on.
    links: LinksView,
}

/// What is asked for.
#[derive(Debug, serde::Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    /// A machine's name for the kind of action.
    #[schema(example = "deploy.production")]
    pub name: String,
    /// One line for people.
    #[schema(example = "Deploy v2.1 to production?")]
    pub title: String,
    /// Any JSON; what the action will be run with.
    #[serde(default)]
    pub arguments: Value,
    /// What it acts on.
    #[serde(default)]
    pub target: Option<String>,
}

/// Who says they are asking.
#[derive(Debug, serde::Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentBody {
    /// The agent's name for itself.
    pub name: String,
    /// Its run.
    #[serde(default)]
    pub run: Option<String>,
    /// Its tool call within the run.
    #[serde(default)]
    pub call: Option<String>,
}

/// One revision of the action.
#[derive(Debug, Serialize, ToSchema)]
struct RevisionView {
    /// Counted from 1.
    number: u32,
    /// Its digest.
    action_digest: String,
}

/// Who asked.
#[derive(Debug, Serialize, ToSchema)]
struct AskerView {
    /// `key_…`
    key: String,
    /// The key's name.
    label: String,
    /// Who answers for it.
    owner: String,
}

/// The policy that applies.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyView {
    /// Its name.
    name: String,
    /// Its version; 0 for one that came with the ask.
    version: u32,
    /// SHA-256 over the RFC 8785 form of the document.
    digest: String,
    /// The text.
    #[schema(value_type = PolicyDocument)]
    #[serde(serialize_with = "document")]
    document: Arc<askfirst_core::FrozenPolicy>,
}

/// One approver's answer.
#[derive(Debug, Serialize, ToSchema)]
struct VoteView {
    /// Whose vote it is.
    approver: PersonView,
    /// `approve` or `reject`.
    decision: &'static str,
    /// How we know who it was.
    assurance: &'static str,
    /// `web`, or `key:` and the decide key's id.
    via: String,
    /// When.
    at: String,
    /// The action it is about.
    action_digest: String,
    /// What the page showed; null where the server rendered nothing.
    shown_digest: Option<String>,
    /// What they said with it.
    comment: Option<String>,
}

/// What an approver asked back.
#[derive(Debug, Serialize, ToSchema)]
struct InquiryView {
    /// Counted from 1; give it back with the reply.
    number: u32,
    /// Who wants to know.
    by: PersonView,
    /// When they asked.
    at: String,
    /// In their words.
    question: String,
    /// The asker's answer, once there is one.
    reply: Option<ReplyView>,
}

/// The asker's answer to what was asked back.
#[derive(Debug, Serialize, ToSchema)]
struct ReplyView {
    /// In the asker's words.
    text: String,
    /// When.
    at: String,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
struct PersonView {
    /// `mem_…`
    id: String,
    /// Their address.
    email: String,
}

/// What is still needed.
#[derive(Debug, Serialize, ToSchema)]
struct RemainingView {
    /// Votes missing over all needs, one person one seat.
    approvals: u32,
    /// Where they are missing.
    needs: Vec<NeedView>,
    /// The same in words.
    words: String,
}

/// Votes missing from one need.
#[derive(Debug, Serialize, ToSchema)]
struct NeedView {
    /// Position in the policy.
    need: usize,
    /// Who could meet it.
    from: Vec<String>,
    /// How many are missing.
    missing: u16,
}

/// The one terminal outcome.
#[derive(Debug, Serialize, ToSchema)]
struct DecisionView {
    /// `approved`, `rejected`, `expired` or `cancelled`.
    status: &'static str,
    /// From when it counts.
    decided_at: String,
    /// Whose act it was: an address, `key …` or `system`.
    by: String,
    /// Why, in words.
    cause: String,
    /// What the last word came with.
    comment: Option<String>,
    /// A form's answer; always null in this version.
    answer: Option<Value>,
}

/// What became of an approval's one use.
#[derive(Debug, Serialize, ToSchema)]
struct ClaimView {
    /// `available`, `claimed`, `lapsed` or `revoked`.
    state: &'static str,
    /// Until when it can be, or could have been, claimed.
    valid_until: Option<String>,
    /// Who claimed or revoked.
    by: Option<String>,
    /// When.
    at: Option<String>,
    /// What was said with a revocation.
    reason: Option<String>,
}

/// How the action went.
#[derive(Debug, Serialize, ToSchema)]
struct OutcomeView {
    /// `succeeded` or `failed`.
    #[schema(value_type = String)]
    status: askfirst_core::OutcomeStatus,
    /// In the asker's words.
    note: Option<String>,
    /// When it was reported.
    at: String,
}

/// A signed receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProofView {
    /// The JWT.
    pub token: String,
    /// When it stops being good.
    pub expires_at: String,
}

/// Where to go on.
#[derive(Debug, Serialize, ToSchema)]
struct LinksView {
    /// This approval.
    #[serde(rename = "self")]
    this: String,
    /// What happened to it.
    events: String,
    /// Its receipt.
    proof: String,
    /// The page where people decide, after signing in.
    page: String,
}

impl ApprovalView {
    /// Shows an approval as it is at the time it was read.
    #[must_use]
    pub fn of(seen: &Seen, public_url: &str) -> Self {
        let approval = &seen.approval;
        let status = approval.status_at(seen.now);
        let id = approval.id.to_string();
        let policy = &approval.policy;
        Self {
            status: status.as_str(),
            version: approval.version,
            environment: approval.environment.as_str(),
            action: Arc::clone(&approval.action),
            action_digest: approval.action_digest.to_string(),
            revisions: vec![RevisionView {
                number: 1,
                action_digest: approval.action_digest.to_string(),
            }],
            reason: approval.reason.clone(),
            priority: approval.priority.as_str(),
            agent: approval.agent.clone(),
            metadata: approval.metadata.clone(),
            asker: AskerView {
                key: approval.asker.key.to_string(),
                label: approval.asker.label.clone(),
                owner: approval.asker.owner_email.clone(),
            },
            consumers: approval.consumers.iter().map(ToString::to_string).collect(),
            policy: PolicyView {
                name: policy.document.name.to_string(),
                version: policy.version,
                digest: policy.digest.to_string(),
                document: Arc::clone(policy),
            },
            votes: approval.votes.iter().map(vote).collect(),
            inquiries: approval.inquiries.iter().map(inquiry).collect(),
            remaining: remaining(status, &approval.remaining(&seen.roster)),
            decision: approval.decision_at(seen.now).as_ref().map(decision),
            claim: claim(approval, seen),
            usable: approval.is_usable(seen.now),
            outcome: approval.outcome.as_ref().map(|outcome| OutcomeView {
                status: outcome.status,
                note: outcome.note.clone(),
                at: outcome.at.to_string(),
            }),
            proof: proof(seen),
            created_at: approval.created_at.to_string(),
            expires_at: approval.expires_at.to_string(),
            links: LinksView {
                this: format!("{public_url}/v1/approvals/{id}"),
                events: format!("{public_url}/v1/approvals/{id}/events"),
                proof: format!("{public_url}/v1/approvals/{id}/proof"),
                page: format!("{public_url}/a/{id}"),
            },
            id,
        }
    }

    /// Changes whenever what the view shows changes.
    #[must_use]
    pub fn etag(&self) -> String {
        let claim = self.claim.as_ref().map_or("none", |claim| claim.state);
        let signed = if self.proof.is_some() { "signed" } else { "unsigned" };
        format!(
            "\"{}-{}-{claim}-{signed}-{}\"",
            self.version, self.status, self.remaining.approvals
        )
    }

    /// Where the approval is.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.links.this
    }
}

fn document<S: Serializer>(
    policy: &askfirst_core::FrozenPolicy,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    policy.document.serialize(serializer)
}

fn vote(vote: &askfirst_core::Vote) -> VoteView {
    VoteView {
        approver: PersonView { id: vote.voter.id.to_string(), email: vote.voter.email.clone() },
        decision: vote.decision.as_str(),
        assurance: vote.assurance.as_str(),
        via: match vote.via {
            Via::Key(id) => format!("key:{id}"),
            Via::Web => "web".into(),
        },
        at: vote.at.to_string(),
        action_digest: vote.action_digest.to_string(),
        shown_digest: vote.shown_digest.map(|digest| digest.to_string()),
        comment: vote.comment.clone(),
    }
}

fn inquiry(inquiry: &askfirst_core::Inquiry) -> InquiryView {
    InquiryView {
        number: inquiry.number,
        by: PersonView { id: inquiry.by.id.to_string(), email: inquiry.by.email.clone() },
        at: inquiry.at.to_string(),
        question: inquiry.question.clone(),
        reply: inquiry
            .reply
            .as_ref()
            .map(|reply| ReplyView { text: reply.text.clone(), at: reply.at.to_string() }),
    }
}

fn remaining(status: Status, left: &Remaining) -> RemainingView {
    if status != Status::Pending {
        return RemainingView { approvals: 0, needs: Vec::new(), words: "nothing".into() };
    }
    let needs = left.needs.iter().map(|need| NeedView {
        need: need.need,
        from: need.from.iter().map(ToString::to_string).collect(),
        missing: need.missing,
    });
    RemainingView { approvals: left.approvals, needs: needs.collect(), words: in_words(left) }
}

/// `2 more approvals: 1 from group:sre and 1 from member:ana@example.com`.
#[must_use]
pub fn in_words(left: &Remaining) -> String {
    let parts: Vec<_> = left
        .needs
        .iter()
        .map(|need| {
            format!("{} from {}", need.missing, askfirst_core::policy::sources_in_words(&need.from))
        })
        .collect();
    match left.approvals {
        0 => "nothing".into(),
        1 => format!("1 more approval: {}", parts.join(" and ")),
        count => format!("{count} more approvals: {}", parts.join(" and ")),
    }
}

fn decision(decision: &Decision) -> DecisionView {
    DecisionView {
        status: decision.status.as_str(),
        decided_at: decision.decided_at.to_string(),
        by: decision.by.to_string(),
        cause: match &decision.cause {
            Cause::NeedsMet => "every need is met".into(),
            Cause::Rejections => "enough approvers rejected it".into(),
            Cause::Unreachable { detail } => format!("it cannot be approved any more: {detail}"),
            Cause::Deadline => "nobody decided before the deadline".into(),
            Cause::Withdrawn => "it was withdrawn".into(),
        },
        comment: decision.comment.clone(),
        answer: None,
    }
}

fn claim(approval: &Approval, seen: &Seen) -> Option<ClaimView> {
    let state = approval.claim_state(seen.now)?;
    let until = approval.decision.as_ref().and_then(|decision| decision.valid_until);
    let (by, at, reason) = match &approval.claim {
        Some(Claim::Claimed { by, at }) => (Some(format!("key:{by}")), Some(at), None),
        Some(Claim::Revoked { by, at, reason }) => {
            (Some(Actor::to_string(by)), Some(at), reason.clone())
        }
        None => (None, None, None),
    };
    Some(ClaimView {
        state: match state {
            ClaimState::Available => "available",
            ClaimState::Claimed => "claimed",
            ClaimState::Lapsed => "lapsed",
            ClaimState::Revoked => "revoked",
        },
        valid_until: until.map(|until| until.to_string()),
        by,
        at: at.map(ToString::to_string),
        reason,
    })
}

fn proof(seen: &Seen) -> Option<ProofView> {
    let receipt = receipt_of(seen.proof.as_ref()?).ok()??;
    let expires_at = askfirst_core::Timestamp::from_seconds(receipt.expires_at).to_string();
    Some(ProofView { token: receipt.token, expires_at })
}
