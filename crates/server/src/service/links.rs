//! Links by which one person decides one approval without signing in. A vote by one counts as
//! `link`: it shows that the link arrived, not in whose hands. If the asker was given it to pass
//! on, it counts as `bearer`.

use askfirst_core::administration::{Change, LinkKind, NewDecisionLink};
use askfirst_core::{ApprovalId, Assurance, LinkId, LinkWay, MemberId, Scope};
use askfirst_store::{Credential, DecisionLink, Idempotency};

use super::caller::ADMINS;
use super::signin::MadeLink;
use super::{Caller, Result, Rights, Service, ServiceError};
use crate::mint::{self, Purpose};

impl Service {
    /// Makes a decision link for a member, named by id or address, and says what its votes are
    /// worth. None where this is a repeat: the link was given to the first.
    ///
    /// # Errors
    /// If the caller may not, the approval is not pending, or there is no such member. An asker
    /// hears the same of members who could not answer.
    pub async fn add_decision_link(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        member: &str,
        idempotency: Option<Idempotency>,
    ) -> Result<(Option<MadeLink>, Assurance)> {
        let place = caller.place;
        let known = self.store.approval(place, approval).await?;
        let known = known.ok_or(ServiceError::NotFound("approval"))?;
        let roster = self.store.roster(place.workspace).await?;
        let named = || {
            let mut people = roster.people.iter();
            people.find(|(_, person)| person.email.eq_ignore_ascii_case(member)).map(|(id, _)| *id)
        };
        // One key never both asks and manages members.
        let passed_on = caller.key().is_some_and(|key| key.scopes.contains(&Scope::Ask));
        if !passed_on {
            caller.need(Scope::Members, ADMINS)?;
        }
        let answers = |id: &MemberId| known.could_ever_vote(*id, &roster, self.store.now());
        let member = member.parse().ok().or_else(named).filter(|id| !passed_on || answers(id));
        let member = member.ok_or(ServiceError::NotFound("member"))?;
        let made = self.new_decision_link(caller, approval, member, passed_on, idempotency).await?;
        let (token, assurance) = made;
        let link = |token: String| {
            let url = format!("{}/d/{token}", self.public_url);
            MadeLink { url, expires_at: known.expires_at }
        };
        Ok((token.map(link), assurance))
    }

    /// The token of a new link; none where this is a repeat.
    async fn new_decision_link(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        member: MemberId,
        passed_on: bool,
        idempotency: Option<Idempotency>,
    ) -> Result<(Option<String>, Assurance)> {
        let token = mint::token()?;
        let link = NewDecisionLink {
            id: LinkId::from_bits(mint::id_bits()),
            secret: Purpose::Decision.hash(&token),
            environment: caller.place.environment,
            approval,
            member,
            kind: if passed_on { LinkKind::PassedOn } else { LinkKind::Sent },
        };
        let assurance = link.assurance();
        let change = Change::AddDecisionLink(link);
        let done = self.administer(caller, change, idempotency).await?;
        Ok(((!done.replayed).then_some(token), assurance))
    }

    /// Who decides by this link, and what; none if it cannot be used any more.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn caller_by_decision_link(
        &self,
        token: &str,
    ) -> Result<Option<(Caller, ApprovalId)>> {
        let found = self.decision_link(token).await?;
        let open = found.filter(|link| self.store.now() < link.expires_at);
        Ok(open.map(caller_of))
    }

    /// The same if its time may be over. What they do is refused then; what they wanted to decide
    /// can be looked up.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn caller_by_any_decision_link(
        &self,
        token: &str,
    ) -> Result<Option<(Caller, ApprovalId)>> {
        Ok(self.decision_link(token).await?.map(caller_of))
    }

    async fn decision_link(&self, token: &str) -> Result<Option<DecisionLink>> {
        let found = self.store.decision_link(Purpose::Decision.hash(token)).await?;
        // The buttons of a card are pressed there and nowhere else.
        Ok(found.filter(|link| link.card.is_none()))
    }
}

/// Whoever a link is for.
pub(crate) fn caller_of(link: DecisionLink) -> (Caller, ApprovalId) {
    let DecisionLink { id, place, approval, member, assurance, card, .. } = link;
    let way = match card {
        None => LinkWay::Url,
        Some(card) => LinkWay::Telegram { approves: card.approves },
    };
    let rights = Rights::Link { member, approval, assurance, way };
    (Caller { place, credential: Credential::Link(id), rights, callback_url: None }, approval)
}
