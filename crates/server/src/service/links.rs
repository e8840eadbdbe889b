//! Links by which one person decides one approval without signing in. A vote by one counts as
//! `link`: it shows that the link arrived, not in whose hands. If the asker was given it to pass
//! on, it counts as `bearer`.

use askfirst_core::administration::{Change, NewDecisionLink};
use askfirst_core::{ApprovalId, Assurance, LinkId, MemberId, Refusal, Role, Scope};
use askfirst_store::{Credential, Idempotency};

use super::caller::ADMINS;
use super::signin::MadeLink;
use super::{Caller, Result, Rights, Seen, Service, ServiceError};
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
        let token = mint::token()?;
        let link = NewDecisionLink {
            id: LinkId::from_bits(mint::id_bits()),
            secret: Purpose::Decision.hash(&token),
            environment: place.environment,
            approval,
            member: member.ok_or(ServiceError::NotFound("member"))?,
            passed_on,
        };
        let change = Change::AddDecisionLink(link);
        let done = self.administer(caller, change, idempotency).await?;
        let url = format!("{}/d/{token}", self.public_url);
        let made = (!done.replayed).then_some(MadeLink { url, expires_at: known.expires_at });
        Ok((made, link.assurance()))
    }

    /// An address to pass on to whoever is to decide: a new link of the first contact who could, if
    /// a bearer's word counts; else the page for who signs in.
    ///
    /// # Errors
    /// If the caller did not ask this, or it is not pending.
    pub async fn address_to_pass_on(&self, caller: &Caller, asked: &Seen) -> Result<String> {
        let (approval, roster) = (&asked.approval, &asked.roster);
        let page = format!("{}/a/{}", self.public_url, approval.id);
        let contacts = roster.people.iter().filter(|(_, person)| person.role == Role::Contact);
        let could = |id: &MemberId| approval.could_ever_vote(*id, roster, asked.now);
        let Some(contact) = contacts.map(|(id, _)| *id).find(could) else { return Ok(page) };
        match self.add_decision_link(caller, approval.id, &contact.to_string(), None).await {
            Ok((Some(made), _)) => Ok(made.url),
            Ok((None, _)) | Err(ServiceError::Refused(Refusal::AssuranceTooLow { .. })) => Ok(page),
            Err(error) => Err(error),
        }
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
                rights: Rights::Link {
                    member: link.member,
                    approval: link.approval,
                    assurance: link.assurance,
                },
            };
            (caller, link.approval)
        }))
    }
}
