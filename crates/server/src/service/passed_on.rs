//! The links that whoever asks gets to pass on, where another product's API gives one. Their tokens
//! are no secret from who asks, so they are worth a bearer's word. One that comes with the answer to
//! an ask is the same each time that the same is asked again; none is kept.

use askfirst_core::administration::{Change, LinkKind, NewDecisionLink};
use askfirst_core::{
    Approval, ApprovalId, Assurance, LinkId, MemberId, PassOn, Refusal, Role, Roster, Timestamp,
    WorkspaceId,
};
use askfirst_store::Idempotency;

use super::ask::Question;
use super::{Caller, Result, Seen, Service, ServiceError};
use crate::mint::{self, Purpose};

impl Service {
    /// The token of a new link for the asker to pass on, in the name of the first contact who could
    /// answer. None where a bearer's word does not count, or nobody is asked any more.
    ///
    /// # Errors
    /// If the caller did not ask this.
    pub async fn token_to_pass_on(&self, caller: &Caller, asked: &Seen) -> Result<Option<String>> {
        match asked.approval.heir(&asked.roster, asked.now) {
            Some(contact) => {
                let id = LinkId::from_bits(mint::id_bits());
                self.pass_on(caller, asked, contact, id, mint::token()?).await
            }
            None => Ok(None),
        }
    }

    /// Puts a question, as [`Service::ask`], and gives the token of the link that comes with the
    /// answer, if one does. For a repeat it is the first one's, and nothing is made anew.
    ///
    /// # Errors
    /// As [`Service::ask`].
    pub async fn ask_with_link(
        &self,
        caller: &Caller,
        question: Question,
        idempotency: Option<Idempotency>,
    ) -> Result<(Seen, Option<String>)> {
        let id = question.new_id();
        let token = self.token_for(caller.place.workspace, id)?;
        let wish = PassOn { id: link_of(id), secret: Purpose::Decision.hash(&token) };
        let committed = self.put(caller, id, question, Some(wish), idempotency).await?;
        let (made, replayed) = (committed.passed_on, committed.replayed);
        let seen = self.with_proof(Seen::of(committed)).await?;
        let token = match replayed {
            true => self.token_of_a_repeat(caller, &seen).await?,
            false => made.then_some(token),
        };
        Ok((seen, token))
    }

    async fn token_of_a_repeat(&self, caller: &Caller, asked: &Seen) -> Result<Option<String>> {
        let approval = &asked.approval;
        let Some(contact) = approval.heir(&asked.roster, asked.now) else { return Ok(None) };
        let token = self.token_for(approval.workspace, approval.id)?;
        // It is missing if nobody could have answered by it when it was asked.
        if self.store.decision_link(Purpose::Decision.hash(&token)).await?.is_some() {
            return Ok(Some(token));
        }
        self.pass_on(caller, asked, contact, link_of(approval.id), token).await
    }

    async fn pass_on(
        &self,
        caller: &Caller,
        asked: &Seen,
        member: MemberId,
        id: LinkId,
        token: String,
    ) -> Result<Option<String>> {
        let link = NewDecisionLink {
            id,
            secret: Purpose::Decision.hash(&token),
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
        let heir = approval.heir(roster, now).or_else(|| last_word(approval, roster));
        if heir.is_none() {
            return Ok(None);
        }
        let token = self.token_for(approval.workspace, approval.id)?;
        Ok(Some(format!("{}/decide/{token}", self.public_url)))
    }

    fn token_for(&self, workspace: WorkspaceId, id: ApprovalId) -> Result<String> {
        let label = format!("askfirst/passed-on/{workspace}/{id}");
        let derived = self.sender()?.sealing.derive(&label);
        let derived = derived.map_err(|error| ServiceError::Internal(error.to_string()))?;
        Ok(mint::token_from(&derived))
    }
}

/// With an approval comes one link, also if two repeats make it at once. Its id is in the order of
/// time, as its approval's is, so that many of them lie side by side on the disk.
const fn link_of(approval: ApprovalId) -> LinkId {
    LinkId::from_bits(approval.to_bits())
}

/// In whose name whoever had the link answered, once it is decided.
fn last_word(approval: &Approval, roster: &Roster) -> Option<MemberId> {
    let vote = approval.votes.iter().rfind(|vote| vote.assurance == Assurance::Bearer)?;
    roster.people.get(&vote.voter.id).filter(|person| person.role == Role::Contact)?;
    Some(vote.voter.id)
}
