//! Approvals as the API shows them. Nothing in here lets its reader decide.

mod parts;

use std::sync::Arc;

use askfirst_core::{ApprovalId, Digest, Timestamp, WorkspaceId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use parts::{ActionBody, AgentBody, HoldView, PersonView, ProofView, in_words};
use parts::{
    AskerView, ClaimView, DecisionView, ErasedView, InquiryView, LinksView, LookView, OutcomeView,
    PolicyView, RemainingView, RevisionView, VoteView, claim, decision, inquiry, look, proof,
    remaining, revisions, vote,
};

use crate::service::Seen;

/// One approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    /// `apr_…`
    #[schema(value_type = String)]
    id: ApprovalId,
    /// `pending`, `approved`, `rejected`, `expired` or `cancelled`.
    status: &'static str,
    /// One more with every event.
    version: u32,
    /// `wsp_…`
    #[schema(value_type = String)]
    workspace: WorkspaceId,
    /// `live`, `test` or `dev`.
    environment: &'static str,
    /// What is asked for, and what the digest binds.
    #[schema(value_type = ActionBody)]
    action: Arc<askfirst_core::Action>,
    /// SHA-256 over the RFC 8785 form of `action`.
    #[schema(value_type = String, example = "sha256:9f86d0…")]
    action_digest: Digest,
    /// The places in it that approvers may change, as JSON Pointers.
    editable: Vec<String>,
    /// Every revision of the action; the last one is `action`.
    revisions: Vec<RevisionView>,
    /// The form that comes with an approval, as JSON Schema.
    #[schema(value_type = Option<Object>)]
    answer_schema: Option<Value>,
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
    /// Who said that they are looking at it, once each.
    looking: Vec<LookView>,
    /// How many steps of the policy have come.
    escalated: u32,
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
    /// Why its texts must be kept, while it is on hold.
    hold: Option<HoldView>,
    /// That its texts were erased, and when. The digests still stand for what they were.
    erased: Option<ErasedView>,
    /// The signed receipt, once it has ended and is signed.
    proof: Option<ProofView>,
    /// When it was asked.
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// The deadline.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// How long an approval may be claimed, in seconds.
    valid_for: u32,
    /// Where to go on.
    links: LinksView,
}

impl ApprovalView {
    /// Shows an approval as it is at the time it was read.
    #[must_use]
    pub fn of(seen: &Seen, public_url: &str) -> Self {
        let approval = &seen.approval;
        let status = approval.status_at(seen.now);
        let this = format!("{public_url}/v1/approvals/{}", approval.id);
        let policy = &approval.policy;
        Self {
            status: status.as_str(),
            version: approval.version,
            workspace: approval.workspace,
            environment: approval.environment.as_str(),
            action: Arc::clone(&approval.action),
            action_digest: approval.action_digest,
            editable: approval.editable.iter().map(ToString::to_string).collect(),
            revisions: revisions(approval),
            answer_schema: approval.answer_schema.clone(),
            reason: approval.reason.clone(),
            priority: approval.priority.as_str(),
            agent: approval.agent.clone(),
            metadata: approval.metadata.clone(),
            asker: AskerView {
                key: approval.asker.key,
                label: approval.asker.label.clone(),
                owner: approval.asker.owner_email.clone(),
                owner_id: approval.asker.owner,
            },
            consumers: approval.consumers.iter().map(ToString::to_string).collect(),
            policy: PolicyView {
                name: policy.document.name.to_string(),
                version: policy.version,
                digest: policy.digest,
                document: Arc::clone(policy),
            },
            votes: approval.votes.iter().map(|given| vote(approval, given)).collect(),
            inquiries: approval.inquiries.iter().map(inquiry).collect(),
            looking: approval.looks.iter().map(look).collect(),
            escalated: approval.escalated,
            remaining: remaining(status, &approval.remaining(&seen.roster)),
            decision: approval.decision_at(seen.now).as_ref().map(decision),
            claim: claim(approval, seen),
            usable: approval.is_usable(seen.now),
            outcome: approval.outcome.as_ref().map(|outcome| OutcomeView {
                status: outcome.status,
                note: outcome.note.clone(),
                at: outcome.at.to_string(),
            }),
            hold: approval.hold.as_ref().map(HoldView::of),
            erased: approval.erased.as_ref().map(|erasure| ErasedView {
                by: erasure.by.to_string(),
                at: erasure.at.to_string(),
            }),
            proof: proof(seen),
            created_at: approval.created_at,
            expires_at: approval.expires_at,
            valid_for: approval.valid_for.0,
            links: LinksView {
                events: [&this, "/events"].concat(),
                proof: [&this, "/proof"].concat(),
                page: format!("{public_url}/a/{}", approval.id),
                this,
            },
            id: approval.id,
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
