//! What is still missing for approval, by the votes so far and the people as they are.

use serde::{Deserialize, Serialize};

use crate::quorum::{self, NeedSet};
use crate::{Approval, Roster, Source, VoteDecision};

/// Votes still missing from one need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenNeed {
    /// Position in the policy.
    pub need: usize,
    /// Who could meet it.
    pub from: Vec<Source>,
    /// How many are missing.
    pub missing: u16,
}

/// What is still needed for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// Votes missing over all needs.
    pub approvals: u32,
    /// Where they are missing. Where people fit several needs this is one way to see it; the
    /// total is the same in all.
    pub needs: Vec<OpenNeed>,
}

impl Approval {
    /// The seats that the approvals so far can fill. Who was disabled since counts no more.
    pub(crate) fn given(&self, roster: &Roster) -> Vec<NeedSet> {
        self.votes
            .iter()
            .filter(|vote| vote.decision == VoteDecision::Approve && self.stands(vote))
            .filter(|vote| vote.is_of_voters(roster))
            .map(|vote| vote.seats)
            .collect()
    }

    /// What is still needed, by the people as they are now; nothing once it has ended.
    #[must_use]
    pub fn remaining(&self, roster: &Roster) -> Remaining {
        if self.decision.is_some() {
            return Remaining { approvals: 0, needs: Vec::new() };
        }
        let policy = &self.policy.document;
        let filling = quorum::fill(&policy.counts(), &self.given(roster));
        let needs = policy.needs.iter().enumerate().zip(&filling.open);
        Remaining {
            approvals: filling.missing(),
            needs: needs
                .filter(|(_, missing)| **missing > 0)
                .map(|((need, document), &missing)| OpenNeed {
                    need,
                    from: document
                        .from
                        .iter()
                        .chain(policy.noted(self.escalated))
                        .cloned()
                        .collect(),
                    missing,
                })
                .collect(),
        }
    }
}
