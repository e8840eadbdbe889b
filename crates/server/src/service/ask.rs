//! Putting a question.

use std::collections::BTreeSet;
use std::sync::Arc;

use askfirst_core::approval::edit;
use askfirst_core::{
    Action, Agent, ApprovalId, Ask, Command, FrozenPolicy, KeyFacts, KeyId, PassOn, Pointer,
    Policy, PolicyAllowance, PolicyChoice, PolicyName, Priority, Problem, Refusal, Scope, Seconds,
};
use askfirst_store::{Committed, Execute, Idempotency};
use serde_json::Value;

use super::form;
use super::{Caller, Needed, Result, Seen, Service, ServiceError, digest_of};
use crate::mint;

/// What a door read.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The id it will have, where the API that it is asked in has ids of its own kind.
    pub id: Option<ApprovalId>,
    /// What is asked for.
    pub action: Action,
    /// The agent's reason.
    pub reason: Option<String>,
    /// Which rules.
    pub policy: Rules,
    /// The asker's word on urgency.
    pub priority: Priority,
    /// A shorter deadline.
    pub expires_in: Option<Seconds>,
    /// A shorter validity.
    pub valid_for: Option<Seconds>,
    /// Who says they are asking.
    pub agent: Option<Agent>,
    /// The asker's own notes.
    pub metadata: Value,
    /// Other keys that may claim.
    pub consumers: Vec<KeyId>,
    /// The places in the action that approvers may change.
    pub editable: Vec<Pointer>,
    /// The form that comes with an approval, as JSON Schema.
    pub answer_schema: Option<Value>,
    /// Where the end is told.
    pub callback_url: Option<String>,
    /// By which kinds of channels people are told; none for all.
    pub told_by: Option<BTreeSet<String>>,
}

impl Question {
    /// The id that it will have.
    pub(super) fn new_id(&self) -> ApprovalId {
        self.id.unwrap_or_else(|| ApprovalId::from_bits(mint::id_bits()))
    }
}

/// Which rules a question wants to be under.
#[derive(Clone, Debug, PartialEq)]
pub enum Rules {
    /// The workspace's default.
    Default,
    /// A saved policy.
    Named(PolicyName),
    /// A policy of its own.
    Inline(Box<Policy>),
}

impl Rules {
    /// Those of a key that cannot say under which: its one policy, or the default.
    #[must_use]
    pub fn of(key: &KeyFacts) -> Self {
        match &key.policies {
            PolicyAllowance::Only(names) if names.len() == 1 => {
                names.first().cloned().map_or(Self::Default, Self::Named)
            }
            _ => Self::Default,
        }
    }
}

/// The longest texts an asker may send, in characters.
const LONGEST: [(&str, usize); 7] = [
    ("/action/name", 128),
    ("/action/title", 300),
    ("/action/target", 1_024),
    ("/reason", 4_096),
    ("/agent/name", 128),
    ("/agent/run", 256),
    ("/agent/call", 256),
];
const LONGEST_METADATA: usize = 16 * 1024;

impl Service {
    /// Puts a question; says whether an earlier request under the same key already had.
    ///
    /// # Errors
    /// Mistakes in the question, or a refusal.
    pub async fn ask(
        &self,
        caller: &Caller,
        question: Question,
        idempotency: Option<Idempotency>,
    ) -> Result<(Seen, bool)> {
        let id = question.new_id();
        let committed = self.put(caller, id, question, None, idempotency).await?;
        let replayed = committed.replayed;
        // What a repeat gives back may have ended in the meantime.
        Ok((self.with_proof(Seen::of(committed)).await?, replayed))
    }

    /// Puts a question under its id, with the link that is to come with it.
    pub(super) async fn put(
        &self,
        caller: &Caller,
        id: ApprovalId,
        question: Question,
        pass_on: Option<PassOn>,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed> {
        if !caller.key().is_some_and(|key| key.scopes.contains(&Scope::Ask)) {
            return Err(ServiceError::Forbidden(Needed::Scope(Scope::Ask)));
        }
        let mistakes = mistakes(&question);
        if !mistakes.is_empty() {
            return Err(ServiceError::Invalid(mistakes));
        }
        if let Some(url) = &question.callback_url {
            self.check_callback(caller, url).await?;
        }
        let policy = match question.policy {
            Rules::Default => PolicyChoice::Default,
            Rules::Named(name) => PolicyChoice::Named(name),
            Rules::Inline(document) => PolicyChoice::Inline(Arc::new(freeze(*document)?)),
        };
        let ask = Ask {
            id,
            workspace: caller.place.workspace,
            environment: caller.place.environment,
            action_digest: digest_of(&question.action)?,
            action: Arc::new(question.action),
            reason: question.reason,
            priority: question.priority,
            agent: question.agent,
            metadata: question.metadata,
            policy,
            expires_in: question.expires_in,
            valid_for: question.valid_for,
            consumers: question.consumers,
            editable: question.editable,
            answer_schema: question.answer_schema,
            callback_url: question.callback_url,
            told_by: question.told_by,
            pass_on,
        };
        let request = Execute {
            place: caller.place,
            approval: id,
            credential: caller.credential,
            command: Command::Ask(Box::new(ask)),
            idempotency,
            shown: None,
        };
        self.commit(request).await
    }

    /// As [`Service::ask`], but a deadline beyond the policy's is cut to that one.
    ///
    /// # Errors
    /// As [`Service::ask`].
    pub async fn ask_within(
        &self,
        caller: &Caller,
        question: Question,
        idempotency: Option<Idempotency>,
    ) -> Result<(Seen, bool)> {
        match self.ask(caller, question.clone(), idempotency.clone()).await {
            // Nothing was recorded, and the refusal says how long it may be.
            Err(ServiceError::Refused(Refusal::Loosens {
                field: "expires_in", allowed, ..
            })) => {
                let question = Question { expires_in: Some(allowed), ..question };
                self.ask(caller, question, idempotency).await
            }
            answer => answer,
        }
    }
}

/// An inline policy is checked here, since nobody saved it before.
fn freeze(document: Policy) -> Result<FrozenPolicy> {
    let mut problems = document.problems();
    if !problems.is_empty() {
        problems.iter_mut().for_each(|p| p.pointer = format!("/policy{}", p.pointer));
        return Err(ServiceError::Invalid(problems));
    }
    Ok(FrozenPolicy { id: None, version: 0, digest: digest_of(&document)?, document })
}

fn mistakes(question: &Question) -> Vec<Problem> {
    let agent = question.agent.as_ref();
    let texts = [
        Some(question.action.name.as_str()),
        Some(question.action.title.as_str()),
        question.action.target.as_deref(),
        question.reason.as_deref(),
        agent.map(|agent| agent.name.as_str()),
        agent.and_then(|agent| agent.run.as_deref()),
        agent.and_then(|agent| agent.call.as_deref()),
    ];
    let mut found = Vec::new();
    for ((pointer, longest), text) in LONGEST.into_iter().zip(texts) {
        let length = text.map_or(1, |text| text.chars().count());
        let required = pointer != "/reason" && pointer != "/action/target";
        if length > longest || (required && text.is_some_and(|text| text.trim().is_empty())) {
            let detail = format!("1 to {longest} characters, not all blank");
            found.push(Problem { pointer: pointer.into(), detail });
        }
    }
    for (pointer, span) in
        [("/expires_in", question.expires_in), ("/valid_for", question.valid_for)]
    {
        if span.is_some_and(|span| span < Seconds(1) || span > Seconds::LONGEST) {
            let detail = "between 1 second and 30 days (2592000 seconds) from now".into();
            found.push(Problem { pointer: pointer.into(), detail });
        }
    }
    if !question.metadata.is_null() && !question.metadata.is_object() {
        let detail = "an object of your own notes, or absent".into();
        found.push(Problem { pointer: "/metadata".into(), detail });
    } else if question.metadata.to_string().len() > LONGEST_METADATA {
        let detail = format!("at most {LONGEST_METADATA} bytes of JSON");
        found.push(Problem { pointer: "/metadata".into(), detail });
    }
    found.extend(edit::problems(&question.action, &question.editable));
    found.extend(question.answer_schema.as_ref().map(form::schema_problems).unwrap_or_default());
    if question.consumers.len() > 16 {
        let detail = "at most 16 other keys".into();
        found.push(Problem { pointer: "/consumers".into(), detail });
    }
    found
}
