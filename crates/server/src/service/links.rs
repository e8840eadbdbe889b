//! Links by which one person decides one approval without signing in. A vote by one counts as
//! `link`: it shows that the link arrived, not in whose hands.

use askfirst_core::administration::Change;
use askfirst_core::{ApprovalId, LinkId, MemberId};
use askfirst_store::{Credential, Idempotency};

use super::signin::MadeLink;
use super::{Caller, Result, Rights, Service, ServiceError};
use crate::mint::{self, Purpose};

impl Service {
    /// Makes a decision link. None where this is a repeat: the link was given to the first.
    ///
    /// # Errors
    /// If the caller may not, the approval is not pending, or there is no such member.
    pub async fn add_decision_link(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        member: MemberId,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<MadeLink>> {
        let place = caller.place;
        let known = self.store.approval(place, approval).await?;
        let known = known.ok_or(ServiceError::NotFound("approval"))?;
        let token = mint::token()?;
        let change = Change::AddDecisionLink {
            id: LinkId::from_bits(mint::id_bits()),
            secret: Purpose::Decision.hash(&token),
            environment: place.environment,
            approval,
            member,
        };
        let done = self.administer(caller, change, idempotency).await?;
        let url = format!("{}/d/{token}", self.public_url);
        Ok((!done.replayed).then_some(MadeLink { url, expires_at: known.expires_at }))
    }

    /// Who decides by this link, and what; none if it cannot be used any more.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn caller_by_decision_link(
        &self,
        token: &str,
    ) -> Result<Option<(Caller, ApprovalId)>> {
        let link = self.store.decision_link(Purpose::Decision.hash(token)).await?;
        Ok(link.map(|link| {
            let caller = Caller {
                place: link.place,
                credential: Credential::Link(link.id),
                rights: Rights::Link { member: link.member, approval: link.approval },
            };
            (caller, link.approval)
        }))
    }
}
