//! What happens to an approval after it was asked: votes, cancel, claim, revoke, outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use askfirst_core::approval::{edit, event};
use askfirst_core::{
    Approval, ApprovalId, CastVote, Command, Digest, Edits, Event, FormAnswer, MemberId,
    OutcomeStatus, Pointer, Revision, Timestamp, VoteDecision, Voter,
};
use askfirst_store::{Execute, Idempotency, Shown};

use serde_json::Value;

use super::grants::Granting;
use super::{Caller, Result, Seen, Service, ServiceError, digest_of, form, mistake};

/// An approver's answer as a door read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no.
    pub decision: VoteDecision,
    /// The digest of the action they saw.
    pub action_digest: Digest,
    /// In whose place, if it is to be another's.
    pub on_behalf_of: Option<MemberId>,
    /// What they say with it.
    pub comment: Option<String>,
    /// What they want changed before they say yes, place by place.
    pub edits: BTreeMap<Pointer, Value>,
    /// What they filled in.
    pub answer: Option<Value>,
    /// What else of the kind they say yes to, in advance.
    pub grant: Option<Granting>,
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
        let (seen, _) = self.vote_once(caller, approval, answer, idempotency).await?;
        Ok(seen)
    }

    /// The same, and whether it was recorded before under the same key.
    ///
    /// # Errors
    /// As [`Service::vote`].
    pub async fn vote_once(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        answer: Answer,
        idempotency: Option<Idempotency>,
    ) -> Result<(Seen, bool)> {
        let comment = short("/comment", answer.comment)?;
        let mut edits = None;
        let mut filled_in = None;
        let mut grant = None;
        if !answer.edits.is_empty() || answer.answer.is_some() || answer.grant.is_some() {
            // The digest in the vote says that this is what will be changed: no other action has
            // it. A form never changes.
            let seen = self.store.approval(caller.place, approval).await?;
            let seen = seen.ok_or(ServiceError::NotFound("approval"))?;
            let granting = answer.grant.map(|granting| granting.with(&seen, &answer.edits));
            grant = granting.transpose()?;
            edits = edited(&seen, answer.edits)?;
            filled_in = answer.answer.map(|value| checked(&seen, value)).transpose()?;
        }
        let command = Command::Vote(CastVote {
            decision: answer.decision,
            on_behalf_of: answer.on_behalf_of,
            action_digest: answer.action_digest,
            shown_digest: answer.shown.as_ref().map(|shown| shown.digest),
            comment,
            edits,
            answer: filled_in,
            grant: grant.map(Box::new),
        });
        self.command_once(caller, approval, command, answer.shown, idempotency).await
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

    /// Says that the caller is looking at it, for the others to see.
    ///
    /// # Errors
    /// A refusal of the rules; nothing changed then.
    pub async fn look(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        self.command(caller, approval, Command::Look, None, idempotency).await
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

    pub(super) async fn command(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        command: Command,
        shown: Option<Shown>,
        idempotency: Option<Idempotency>,
    ) -> Result<Seen> {
        let done = self.command_once(caller, approval, command, shown, idempotency).await;
        done.map(|(seen, _)| seen)
    }

    async fn command_once(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        command: Command,
        shown: Option<Shown>,
        idempotency: Option<Idempotency>,
    ) -> Result<(Seen, bool)> {
        // Who may not even read it learns no more than about an unknown id. An asker trying to
        // vote on its own question is told so by the rules themselves.
        let seen = self.store.approval(caller.place, approval).await?;
        let seen = seen.ok_or(ServiceError::NotFound("approval"))?;
        let roster = self.store.roster(caller.place.workspace).await?;
        let votes = matches!(command, Command::Vote(_) | Command::Inquire { .. } | Command::Look)
            && caller.member().is_some();
        if !votes && !caller.reads(&seen, &roster, self.store.now()) {
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
        let (seen, repeated) = self.execute(request).await?;
        Ok((self.with_proof(seen).await?, repeated))
    }
}

/// The approval as it would stand after these changes by this person. What a page shows of it is
/// what they then say yes to.
///
/// # Errors
/// If the changes are not allowed.
pub fn as_edited(
    approval: &Arc<Approval>,
    by: Voter,
    changes: &BTreeMap<Pointer, Value>,
    now: Timestamp,
) -> Result<Arc<Approval>> {
    let action = edit::edited(&approval.action, &approval.editable, changes)
        .map_err(ServiceError::Refused)?;
    let revision = Revision {
        number: approval.revision() + 1,
        action_digest: digest_of(&action)?,
        action: Arc::new(action),
        by: Some(by),
        at: now,
    };
    let edited = event::apply(Some(Arc::clone(approval)), &Event::Edited { revision });
    edited.map_err(|error| ServiceError::Internal(error.to_string()))
}

/// The digest of what the edits make of the action. Whether they are allowed is up to the rules,
/// which look at who asks first.
fn edited(seen: &Approval, changes: BTreeMap<Pointer, Value>) -> Result<Option<Edits>> {
    if changes.is_empty() {
        return Ok(None);
    }
    if changes.values().any(holds_nul) {
        return Err(mistake("/edits", NO_NUL));
    }
    let digest = match edit::edited(&seen.action, &seen.editable, &changes) {
        Ok(action) => digest_of(&action)?,
        Err(_) => seen.action_digest,
    };
    Ok(Some(Edits { changes, digest }))
}

fn checked(seen: &Approval, value: Value) -> Result<FormAnswer> {
    if holds_nul(&value) {
        return Err(mistake("/answer", NO_NUL));
    }
    // What has no digest could not be stated in a receipt.
    digest_of(&value).map_err(|_| mistake("/answer", "numbers here are those of RFC 8785"))?;
    let problems = seen.answer_schema.as_ref().map(|schema| form::answer_problems(schema, &value));
    Ok(FormAnswer { value, problems: problems.unwrap_or_default() })
}

fn said(pointer: &str, text: Option<String>, otherwise: &str) -> Result<String> {
    short(pointer, text)?.ok_or_else(|| mistake(pointer, otherwise))
}

fn short(pointer: &str, text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > LONGEST_COMMENT => {
            Err(mistake(pointer, format!("at most {LONGEST_COMMENT} characters")))
        }
        Some(text) if text.contains('\0') => Err(mistake(pointer, NO_NUL)),
        Some(text) if text.trim().is_empty() => Ok(None),
        text => Ok(text),
    }
}

/// Programs that end a text there would run less than what was read.
const NO_NUL: &str = "NUL (U+0000) is not allowed in text";

/// Whether a text in it holds what JSON is refused for at the door. A form can send it.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
