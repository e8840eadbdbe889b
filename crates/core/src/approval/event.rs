//! What happened to an approval. Folding the events gives the approval.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::edit::Revision;
use super::erasure::{Erasure, Hold};
use super::escalation::Look;
use super::grant::Grant;
use super::inquiry::{Inquiry, Reply};
use crate::{Actor, Approval, Claim, Decision, Outcome, Source, Status, Vote};

/// One thing that happened; each makes the version one higher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The question was put.
    Asked {
        /// As it was put; shared with who goes on with it, for it is the widest thing there is.
        approval: Arc<Approval>,
    },
    /// An approver changed what is asked for. Approvals given before do not count any more.
    Edited {
        /// What it is now.
        revision: Revision,
    },
    /// Someone answered.
    Voted {
        /// The answer.
        vote: Vote,
    },
    /// They said yes to more of the kind, in advance.
    Granted {
        /// To what.
        grant: Grant,
    },
    /// An approver asked back.
    Inquired {
        /// What they want to know.
        inquiry: Inquiry,
    },
    /// The asker answered that.
    Replied {
        /// Which inquiry.
        number: u32,
        /// The answer.
        reply: Reply,
    },
    /// Nobody had answered for so long that others may as well.
    Escalated {
        /// Which step of the policy, counted from 1.
        number: u32,
        /// Who may answer from now on.
        added: Vec<Source>,
    },
    /// Someone is looking at it.
    Looked {
        /// Who.
        look: Look,
    },
    /// It ended.
    Decided {
        /// How.
        decision: Decision,
    },
    /// The use was claimed or taken back.
    ClaimSettled {
        /// How.
        claim: Claim,
    },
    /// The asker said how it went.
    Reported {
        /// How.
        outcome: Outcome,
    },
    /// Its texts must be kept.
    HoldSet {
        /// By whom, and why.
        hold: Hold,
    },
    /// They need not any more.
    HoldReleased {
        /// Who said so.
        by: Actor,
    },
    /// Its texts are gone.
    Erased {
        /// By whom.
        erasure: Erasure,
    },
}

impl Event {
    /// Every name, in the order of the variants.
    pub const NAMES: [&'static str; 18] = [
        "asked",
        "edited",
        "voted",
        "granted",
        "more_info_requested",
        "more_info_given",
        "escalated",
        "looked",
        "approved",
        "rejected",
        "expired",
        "cancelled",
        "claimed",
        "revoked",
        "outcome_reported",
        "held",
        "released",
        "erased",
    ];

    /// Its name in event streams and the audit log.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::Edited { .. } => "edited",
            Self::Voted { .. } => "voted",
            Self::Granted { .. } => "granted",
            Self::Inquired { .. } => "more_info_requested",
            Self::Replied { .. } => "more_info_given",
            Self::Escalated { .. } => "escalated",
            Self::Looked { .. } => "looked",
            Self::Decided { decision } => match decision.status {
                Status::Approved => "approved",
                Status::Rejected => "rejected",
                Status::Expired => "expired",
                // A decision is never pending; cancelled is what remains.
                Status::Cancelled | Status::Pending => "cancelled",
            },
            Self::ClaimSettled { claim: Claim::Claimed { .. } } => "claimed",
            Self::ClaimSettled { claim: Claim::Revoked { .. } } => "revoked",
            Self::Reported { .. } => "outcome_reported",
            Self::HoldSet { .. } => "held",
            Self::HoldReleased { .. } => "released",
            Self::Erased { .. } => "erased",
        }
    }
}

/// An event that cannot be the next one; a sign of damage, never of a user's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {event} cannot follow here")]
pub struct OutOfOrder {
    event: &'static str,
}

/// Applies one event.
///
/// # Errors
/// If the first event is not `Asked`, or a later one is.
pub fn apply(current: Option<Arc<Approval>>, event: &Event) -> Result<Arc<Approval>, OutOfOrder> {
    let mut next = match (current, event) {
        (None, Event::Asked { approval }) => return Ok(Arc::clone(approval)),
        (None, _) | (Some(_), Event::Asked { .. }) => {
            return Err(OutOfOrder { event: event.name() });
        }
        (Some(current), _) => current,
    };
    let changed = Arc::make_mut(&mut next);
    changed.version += 1;
    match event {
        // A grant is a record of its own; the vote names it.
        Event::Asked { .. } | Event::Granted { .. } => {}
        Event::Edited { revision } => {
            if changed.revisions.is_empty() {
                changed.revisions.push(changed.first_revision());
            }
            changed.action = Arc::clone(&revision.action);
            changed.action_digest = revision.action_digest;
            changed.revisions.push(revision.clone());
        }
        Event::Voted { vote } => changed.votes.push(vote.clone()),
        Event::Inquired { inquiry } => changed.inquiries.push(inquiry.clone()),
        Event::Replied { number, reply } => {
            let mut inquiries = changed.inquiries.iter_mut();
            let inquiry = inquiries.find(|inquiry| inquiry.number == *number);
            let inquiry = inquiry.ok_or(OutOfOrder { event: event.name() })?;
            inquiry.reply = Some(reply.clone());
        }
        Event::Escalated { number, .. } => changed.escalated = *number,
        Event::Looked { look } => {
            changed.looks.retain(|known| known.by.id != look.by.id);
            changed.looks.push(look.clone());
        }
        Event::Decided { decision } => changed.decision = Some(decision.clone()),
        Event::ClaimSettled { claim } => changed.claim = Some(claim.clone()),
        Event::Reported { outcome } => changed.outcome = Some(outcome.clone()),
        Event::HoldSet { hold } => changed.hold = Some(hold.clone()),
        Event::HoldReleased { .. } => changed.hold = None,
        Event::Erased { erasure } => changed.erase_texts(erasure.clone()),
    }
    Ok(next)
}
