//! The parts of an approval as the API shows it.

use std::sync::Arc;

use askfirst_core::{
    Actor, Approval, Cause, Claim, ClaimState, Decision, Digest, KeyId, MemberId, Remaining,
    Status, Timestamp, Via,
};
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::super::policies::PolicyDocument;
use crate::service::Seen;
use crate::service::proofs::receipt_of;

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
pub(super) struct RevisionView {
    /// Counted from 1.
    pub(super) number: u32,
    /// What was asked for then.
    #[schema(value_type = ActionBody)]
    pub(super) action: Arc<askfirst_core::Action>,
    /// Its digest.
    #[schema(value_type = String)]
    pub(super) action_digest: Digest,
    /// Who changed it; null for the first.
    pub(super) by: Option<PersonView>,
    /// Since when it holds.
    #[schema(value_type = String)]
    pub(super) at: Timestamp,
}

/// Who asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AskerView {
    /// `key_…`
    #[schema(value_type = String)]
    pub(super) key: KeyId,
    /// The key's name.
    pub(super) label: String,
    /// Who answers for it.
    pub(super) owner: String,
    /// The same person: `mem_…`
    #[schema(value_type = String)]
    pub(super) owner_id: MemberId,
}

/// The policy that applies.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PolicyView {
    /// Its name.
    pub(super) name: String,
    /// Its version; 0 for one that came with the ask.
    pub(super) version: u32,
    /// SHA-256 over the RFC 8785 form of the document.
    #[schema(value_type = String)]
    pub(super) digest: Digest,
    /// The text.
    #[schema(value_type = PolicyDocument)]
    #[serde(serialize_with = "document")]
    pub(super) document: Arc<askfirst_core::FrozenPolicy>,
}

/// One approver's answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VoteView {
    /// Whose vote it is.
    pub(super) approver: PersonView,
    /// In whose place, where that is not their own.
    pub(super) on_behalf_of: Option<PersonView>,
    /// `approve` or `reject`.
    pub(super) decision: &'static str,
    /// How we know who it was.
    pub(super) assurance: &'static str,
    /// `web`, `link`, `key:` and the decide key's id, or `grant:` and the id of a grant that the
    /// approver gave earlier.
    pub(super) via: String,
    /// When.
    pub(super) at: String,
    /// The action it is about.
    pub(super) action_digest: String,
    /// Which revision of the action that is, counted from 1.
    pub(super) revision: u32,
    /// Whether it still counts: an approval does not once the action was changed, or once a later
    /// one fills in the form differently.
    pub(super) counts: bool,
    /// What the page showed; null where the server rendered nothing.
    pub(super) shown_digest: Option<String>,
    /// What they said with it.
    pub(super) comment: Option<String>,
    /// What they filled in.
    #[schema(value_type = Option<Object>)]
    pub(super) answer: Option<Value>,
    /// The grant for more of the kind that they gave with it.
    pub(super) granted: Option<String>,
}

/// Someone who is looking at it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LookView {
    /// Who.
    pub(super) by: PersonView,
    /// When they last said so.
    pub(super) at: String,
}

/// What an approver asked back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InquiryView {
    /// Counted from 1; give it back with the reply.
    pub(super) number: u32,
    /// Who wants to know.
    pub(super) by: PersonView,
    /// When they asked.
    pub(super) at: String,
    /// In their words.
    pub(super) question: String,
    /// The asker's answer, once there is one.
    pub(super) reply: Option<ReplyView>,
}

/// The asker's answer to what was asked back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplyView {
    /// In the asker's words.
    pub(super) text: String,
    /// When.
    pub(super) at: String,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// `mem_…`
    pub(in crate::http) id: String,
    /// Their address.
    pub(in crate::http) email: String,
}

/// What is still needed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemainingView {
    /// Votes missing over all needs, one person one seat.
    pub(super) approvals: u32,
    /// Where they are missing.
    pub(super) needs: Vec<NeedView>,
    /// The same in words.
    pub(super) words: String,
}

/// Votes missing from one need.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NeedView {
    /// Position in the policy.
    pub(super) need: usize,
    /// Who could meet it.
    pub(super) from: Vec<String>,
    /// How many are missing.
    pub(super) missing: u16,
}

/// The one terminal outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecisionView {
    /// `approved`, `rejected`, `expired` or `cancelled`.
    pub(super) status: &'static str,
    /// From when it counts.
    pub(super) decided_at: String,
    /// Whose act it was: an address, `key …` or `system`.
    pub(super) by: String,
    /// Why, in words.
    pub(super) cause: String,
    /// What the last word came with.
    pub(super) comment: Option<String>,
    /// What approvers filled in, where the question came with a form.
    #[schema(value_type = Option<Object>)]
    pub(super) answer: Option<Value>,
}

/// What became of an approval's one use.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClaimView {
    /// `available`, `claimed`, `lapsed` or `revoked`.
    pub(super) state: &'static str,
    /// Until when it can be, or could have been, claimed.
    pub(super) valid_until: Option<String>,
    /// Who claimed or revoked.
    pub(super) by: Option<String>,
    /// When.
    pub(super) at: Option<String>,
    /// What was said with a revocation.
    pub(super) reason: Option<String>,
}

/// How the action went.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OutcomeView {
    /// `succeeded` or `failed`.
    #[schema(value_type = String)]
    pub(super) status: askfirst_core::OutcomeStatus,
    /// In the asker's words.
    pub(super) note: Option<String>,
    /// When it was reported.
    pub(super) at: String,
}

/// Somebody's word that texts must be kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldView {
    /// Who said so.
    by: String,
    /// Since when.
    at: String,
    /// Why.
    reason: String,
}

impl HoldView {
    /// Shows a hold.
    pub(crate) fn of(hold: &askfirst_core::Hold) -> Self {
        let (by, at) = (hold.by.to_string(), hold.at.to_string());
        Self { by, at, reason: hold.reason.clone() }
    }
}

/// That texts are gone.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasedView {
    /// Who wanted it; `system` where their time was over.
    pub(super) by: String,
    /// When.
    pub(super) at: String,
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
pub(super) struct LinksView {
    /// This approval.
    #[serde(rename = "self")]
    pub(super) this: String,
    /// What happened to it.
    pub(super) events: String,
    /// Its receipt.
    pub(super) proof: String,
    /// The page where people decide, after signing in.
    pub(super) page: String,
}

pub(super) fn document<S: Serializer>(
    policy: &askfirst_core::FrozenPolicy,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    policy.document.serialize(serializer)
}

pub(super) fn revisions(approval: &Approval) -> Vec<RevisionView> {
    let first = std::iter::once(approval.first_revision());
    let later = approval.revisions.iter().skip(1).cloned();
    let seen = first.chain(later).map(|known| RevisionView {
        number: known.number,
        action: known.action,
        action_digest: known.action_digest,
        by: known.by.map(|by| PersonView { id: by.id.to_string(), email: by.email }),
        at: known.at,
    });
    seen.collect()
}

pub(super) fn vote(approval: &Approval, vote: &askfirst_core::Vote) -> VoteView {
    VoteView {
        approver: person(&vote.voter),
        on_behalf_of: vote.on_behalf_of.as_ref().map(person),
        decision: vote.decision.as_str(),
        assurance: vote.assurance.as_str(),
        via: match vote.via {
            Via::Key(id) => format!("key:{id}"),
            Via::Web => "web".into(),
            Via::Link => "link".into(),
            Via::Telegram => "telegram".into(),
            Via::Grant(id) => format!("grant:{id}"),
        },
        at: vote.at.to_string(),
        action_digest: vote.action_digest.to_string(),
        shown_digest: vote.shown_digest.map(|digest| digest.to_string()),
        comment: vote.comment.clone(),
        revision: vote.revision,
        counts: approval.stands(vote),
        answer: vote.answer.clone(),
        granted: vote.granted.map(|id| id.to_string()),
    }
}

fn person(who: &askfirst_core::Voter) -> PersonView {
    PersonView { id: who.id.to_string(), email: who.email.clone() }
}

pub(super) fn look(look: &askfirst_core::Look) -> LookView {
    LookView { by: person(&look.by), at: look.at.to_string() }
}

pub(super) fn inquiry(inquiry: &askfirst_core::Inquiry) -> InquiryView {
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

pub(super) fn remaining(status: Status, left: &Remaining) -> RemainingView {
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

pub(super) fn decision(decision: &Decision) -> DecisionView {
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
        answer: decision.answer.clone(),
    }
}

pub(super) fn claim(approval: &Approval, seen: &Seen) -> Option<ClaimView> {
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

pub(super) fn proof(seen: &Seen) -> Option<ProofView> {
    let receipt = receipt_of(seen.proof.as_ref()?).ok()??;
    let expires_at = askfirst_core::Timestamp::from_seconds(receipt.expires_at).to_string();
    Some(ProofView { token: receipt.token, expires_at })
}
