//! The links that whoever asks gets to pass on, where another product's API gives one. Their tokens
//! are no secret from who asks, so they are worth a bearer's word. One that comes with the answer to
//! an ask is the same each time that the same is asked again; none is kept.

use askfirst_core::administration::{Change, LinkKind, NewDecisionLink};
use askfirst_core::{
    Approval, Assurance, LinkId, MemberId, Refusal, Role, Roster, Status, Timestamp,
};

use super::{Caller, Result, Seen, Service, ServiceError};
use crate::mint::{self, Purpose};

impl Service {
    /// The token of a new link for the asker to pass on, in the name of the first contact who could
    /// answer. None where a bearer's word does not count, or nobody is asked any more.
    ///
    /// # Errors
    /// If the caller did not ask this.
    pub async fn token_to_pass_on(&self, caller: &Caller, asked: &Seen) -> Result<Option<String>> {
        match heir(&asked.approval, &asked.roster, asked.now) {
            Some(contact) => self.pass_on(caller, asked, contact, mint::token()?).await,
            None => Ok(None),
        }
    }

    /// The token of the link that comes with the answer to an ask. If the ask is a repeat, it is the
    /// first one's, and nothing is made anew.
    ///
    /// # Errors
    /// As [`Service::token_to_pass_on`].
    pub async fn token_with_the_ask(
        &self,
        caller: &Caller,
        asked: &Seen,
        repeated: bool,
    ) -> Result<Option<String>> {
        let heir = heir(&asked.approval, &asked.roster, asked.now);
        let Some(contact) = heir else { return Ok(None) };
        let token = self.token_for(&asked.approval, contact)?;
        // It is missing if the server died between the two.
        let secret = Purpose::Decision.hash(&token);
        if repeated && self.store.decision_link(secret).await?.is_some() {
            return Ok(Some(token));
        }
        self.pass_on(caller, asked, contact, token).await
    }

    async fn pass_on(
        &self,
        caller: &Caller,
        asked: &Seen,
        member: MemberId,
        token: String,
    ) -> Result<Option<String>> {
        let secret = Purpose::Decision.hash(&token);
        // Of one token there is one link, also if two repeats make it at once.
        let mut id = [0; 16];
        id.copy_from_slice(&secret.0[..16]);
        let link = NewDecisionLink {
            id: LinkId::from_bits(u128::from_be_bytes(id)),
            secret,
            environment: caller.place.environment,
            approval: asked.approval.id,
            member,
            kind: LinkKind::PassedOn,
        };
        match self.administer(caller, Change::AddDecisionLink(link), None).await {
            Ok(_) => Ok(Some(token)),
            // The workspace's floor is higher, or it has just ended.
            Err(
                ServiceError::Refused(Refusal::AssuranceTooLow { .. }) | ServiceError::NotFound(_),
            ) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The address of the link that whoever asked got with the answer, if they got one.
    ///
    /// # Errors
    /// If there is nothing to make it of.
    pub(crate) fn passed_on_url(
        &self,
        approval: &Approval,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Option<String>> {
        let open = heir(approval, roster, now);
        let Some(contact) = open.or_else(|| last_word(approval, roster)) else { return Ok(None) };
        let token = self.token_for(approval, contact)?;
        Ok(Some(format!("{}/decide/{token}", self.public_url)))
    }

    fn token_for(&self, approval: &Approval, contact: MemberId) -> Result<String> {
        let label = format!("askfirst/passed-on/{}/{}/{contact}", approval.workspace, approval.id);
        let derived = self.sender()?.sealing.derive(&label);
        let derived = derived.map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(mint::token_from(&derived))
    }
}

/// In whose name whoever had the link answered, once it is decided.
fn last_word(approval: &Approval, roster: &Roster) -> Option<MemberId> {
    let vote = approval.votes.iter().rfind(|vote| vote.assurance == Assurance::Bearer)?;
    roster.people.get(&vote.voter.id).filter(|person| person.role == Role::Contact)?;
    Some(vote.voter.id)
}

/// In whose name whoever has the link answers, if anybody.
fn heir(approval: &Approval, roster: &Roster, now: Timestamp) -> Option<MemberId> {
    let open = approval.status_at(now) == Status::Pending;
    if !open || approval.policy.document.assurance > Assurance::Bearer {
        return None;
    }
    let contacts = roster.people.iter().filter(|(_, person)| person.role == Role::Contact);
    let could = |id: &MemberId| approval.could_ever_vote(*id, roster, now);
    contacts.map(|(id, _)| *id).find(could)
}
