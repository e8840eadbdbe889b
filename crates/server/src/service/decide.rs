//! What happens to an approval after it was asked: votes, cancel, claim, revoke, outcome.

use askfirst_core::{ApprovalId, CastVote, Command, Digest, OutcomeStatus, VoteDecision};
use askfirst_store::{Execute, Idempotency, Shown};

use super::{Caller, Result, Seen, Service, ServiceError, mistake};

/// An approver's answer as a door read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no.
    pub decision: VoteDecision,
    /// The digest of the action they saw.
    pub action_digest: Digest,
    /// What they say with it.
    pub comment: Option<String>,
    /// What the page showed them, if a page did.
    pub shown: Option<Shown>,
}

/// A question back, as a door read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiring {
    /// The digest of the action they saw.
    pub action_digest: Digest,
    /// What they want to know.
    pub question: Option<String>,
}

/// The longest comment, reason or note, in characters.
pub const LONGEST_COMMENT: usize = 2_000;

impl Service {
    /// Records a vote.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn vote(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        answer: Answer,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let comment = short("/comment", answer.comment)?;
        let command = Command::Vote(CastVote {
            decision: answer.decision,
            action_digest: answer.action_digest,
            shown_digest: answer.shown.as_ref().map(|shown| shown.digest),
            comment,
        });
        self.command(caller, approval, command, answer.shown, idempotency).await
    }

    /// Asks the asker for more before deciding.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn inquire(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        answer: Inquiring,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let Inquiring { action_digest, question } = answer;
        let question = said("/comment", question, "say what you want to know")?;
        let command = Command::Inquire { action_digest, question };
        self.command(caller, approval, command, None, idempotency).await
    }

    /// Answers what was asked back.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn reply(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        number: u32,
        text: String,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let text = said("/text", Some(text), "an answer has words")?;
        let command = Command::Reply { number, text };
        self.command(caller, approval, command, None, idempotency).await
    }

    /// Withdraws a question.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn cancel(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        reason: Option<String>,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let reason = short("/reason", reason)?;
        self.command(caller, approval, Command::Cancel { reason }, None, idempotency).await
    }

    /// Claims the one use of an approved action.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn consume(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        action_digest: Digest,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let command = Command::Consume { action_digest };
        self.command(caller, approval, command, None, idempotency).await
    }

    /// Takes an approval back before it is used.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn revoke(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        reason: Option<String>,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let reason = short("/reason", reason)?;
        self.command(caller, approval, Command::Revoke { reason }, None, idempotency).await
    }

    /// Records how the claimed action went.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn report(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        status: OutcomeStatus,
        note: Option<String>,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let note = short("/note", note)?;
        self.command(caller, approval, Command::Report { status, note }, None, idempotency).await
    }

    async fn command(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        command: Command,
        shown: Option<Shown>,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        // Who may not even read it learns no more than about an unknown id. An asker trying to
        // vote on its own question is told so by the rules themselves.
        let seen = self.store.approval(caller.place, approval).await?;
        let seen = seen.ok_or(ServiceError::NotFound("approval"))?;
        let roster = self.store.roster(caller.place.workspace).await?;
        let votes = matches!(command, Command::Vote(_) | Command::Inquire { .. })
            && caller.member().is_some();
        if !votes && !caller.reads(&seen, &roster) {
            return Err(ServiceError::NotFound("approval"));
        }
        let request = Execute {
            place: caller.place,
            approval,
            credential: caller.credential,
            command,
            idempotency,
            shown,
        };
        let (seen, _) = self.execute(request).await?;
        self.with_proof(seen).await
    }
}

fn said(pointer: &str, text: Option<String>, otherwise: &str) -> Result<String> {
    short(pointer, text)?.ok_or_else(|| mistake(pointer, otherwise))
}

fn short(pointer: &str, text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > LONGEST_COMMENT => {
            Err(mistake(pointer, format!("at most {LONGEST_COMMENT} characters")))
        }
        Some(text) if text.trim().is_empty() => Ok(None),
        text => Ok(text),
    }
}
