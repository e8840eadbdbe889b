//! A confirmation, as its clients write and read it, and the approval that it is.

use std::str::FromStr;

use askfirst_core::{
    Action, Approval, ApprovalId, Cause, Decision, Dialect, HitlId, HitlStatus, KeyFacts, Priority,
    Seconds, Status, Via, WorkspaceId,
};
use askfirst_store::{HitlRecord, ProofToken};
use aws_lc_rs::digest;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::tokens::{self, TokenView, USUAL_DAYS};
use super::ways::{self, Attempt, Way};
use super::{
    CONFIG_ARCHIVED, INVALID_STATUS, NO_ENCRYPTION, Nothing, Program, invalid, own, second, told,
};
use crate::app::App;
use crate::dialects::title::title;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id};
use crate::mint;
use crate::service::ask::{Question, Rules};
use crate::service::{NotSignedIn, Seen, ServiceError};

/// What the action of every confirmation is called.
const NAME: &str = "confirmation";
/// The longest message, in characters.
const LONGEST_MESSAGE: usize = 2_000;
/// For how many days a proof may be good.
const PROOF_DAYS: [u32; 4] = [7, 30, 90, 365];
/// The longest that a confirmation may be said to wait, in seconds.
const LONGEST_TIMEOUT: u32 = 86_400;

/// The id of a confirmation: the first 12 bytes of its approval's id in hexadecimal digits. The
/// last 4 follow from those, so that nothing has to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConfirmationId(pub(super) ApprovalId);

/// A text that is no id of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAConfirmationId;

impl ConfirmationId {
    /// The one with these bytes.
    fn of(bytes: [u8; 12]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"askfirst/confirmation/1\0");
        context.update(&bytes);
        let mut all = [0; 16];
        all[..12].copy_from_slice(&bytes);
        all[12..].copy_from_slice(&context.finish().as_ref()[..4]);
        Self(ApprovalId::from_bits(u128::from_be_bytes(all)))
    }

    /// A new one.
    fn new() -> Self {
        Self::of(mint::short_id())
    }
}

impl FromStr for ConfirmationId {
    type Err = NotAConfirmationId;

    fn from_str(text: &str) -> Result<Self, NotAConfirmationId> {
        let digits: HitlId = text.parse().map_err(|_| NotAConfirmationId)?;
        Ok(Self::of(digits.bytes()))
    }
}

impl std::fmt::Display for ConfirmationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:024x}", self.0.to_bits() >> 32)
    }
}

/// A confirmation to ask for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmationBody {
    hitl_id: String,
    message: String,
    #[serde(default)]
    timeout: Option<u32>,
    #[serde(default)]
    proof_expiry_days: Option<u32>,
}

impl ConfirmationBody {
    fn check(&self) -> Result<HitlId, Problem> {
        let length = self.message.chars().count();
        if is_sealed(&self.message) {
            let detail = "the message is encrypted, and this version takes none of those; send it \
                          as plain text, under a config without a key";
            return Err(own(NO_ENCRYPTION, "No encryption", detail));
        }
        if self.message.trim().is_empty() || length > LONGEST_MESSAGE {
            let detail = format!("1 to {LONGEST_MESSAGE} characters, not all blank");
            return Err(invalid("/message", detail));
        }
        if self.timeout.is_some_and(|span| !(1..=LONGEST_TIMEOUT).contains(&span)) {
            let detail = format!("1 to {LONGEST_TIMEOUT} seconds");
            return Err(invalid("/timeout", detail));
        }
        if self.proof_expiry_days.is_some_and(|days| !PROOF_DAYS.contains(&days)) {
            return Err(invalid("/proof_expiry_days", "7, 30, 90 or 365"));
        }
        self.hitl_id.parse().map_err(|_| invalid("/hitl_id", "24 hexadecimal digits"))
    }

    /// The same as a question under the rules of this key.
    fn question(self, key: &KeyFacts, config: &HitlRecord, ways: &[Way]) -> Question {
        let expires_in = self.timeout.map_or(config.config.timeout, Seconds);
        Question {
            id: Some(ConfirmationId::new().0),
            // All of it is among the arguments: those are what people approve, and what a vote in
            // advance is bound to. The title is only what they see first.
            action: Action {
                name: NAME.into(),
                title: title(&self.message),
                arguments: json!({ "hitl_id": config.id.to_string(), "message": self.message }),
                target: None,
            },
            reason: None,
            policy: Rules::of(key),
            priority: Priority::default(),
            expires_in: Some(expires_in),
            valid_for: None,
            agent: None,
            metadata: json!({
                "channels": ways,
                "proof_expiry_days": self.proof_expiry_days.unwrap_or(USUAL_DAYS),
            }),
            consumers: Vec::new(),
            editable: Vec::new(),
            answer_schema: None,
            callback_url: None,
            told_by: None,
        }
    }
}

/// Whether this is what their client makes of a message that it encrypts.
fn is_sealed(message: &str) -> bool {
    let envelope: Result<Map<String, Value>, _> = serde_json::from_str(message);
    envelope
        .is_ok_and(|envelope| ["alg", "ct", "iv"].iter().all(|name| envelope.contains_key(*name)))
}

/// What somebody said, or that nobody did.
#[derive(Serialize)]
pub(in crate::dialects) struct ResponseView {
    action: &'static str,
    text: Option<String>,
    responded_at: String,
    channel: &'static str,
}

/// By which way the last word was said.
pub(super) fn said_by(approval: &Approval) -> &'static str {
    let last = approval.votes.iter().rev().find(|vote| approval.stands(vote));
    match last.map(|vote| &vote.via) {
        Some(Via::Key(_)) => "api",
        Some(Via::Grant(_)) => "grant",
        Some(Via::Telegram) => "telegram",
        Some(Via::Web | Via::Link) | None => "browser",
    }
}

/// A workspace as their clients know it: 24 hexadecimal digits.
pub(super) fn account(workspace: WorkspaceId) -> String {
    format!("{:024x}", workspace.to_bits() >> 32)
}

impl ResponseView {
    pub(in crate::dialects) fn of(approval: &Approval, decision: &Decision) -> Self {
        let voted = said_by(approval);
        let (channel, text) = match decision.cause {
            Cause::Deadline => ("system", Some("timeout".into())),
            Cause::Withdrawn => ("system", Some("cancelled".into())),
            Cause::NeedsMet | Cause::Rejections | Cause::Unreachable { .. } => {
                (voted, decision.comment.clone())
            }
        };
        Self {
            action: if decision.status == Status::Approved { "approve" } else { "deny" },
            text,
            responded_at: second(decision.decided_at),
            channel,
        }
    }
}

/// The status that this API knows: whatever is no approval is a denial.
pub(in crate::dialects) const fn word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Approved => "approved",
        Status::Rejected | Status::Expired | Status::Cancelled => "denied",
    }
}

/// A confirmation as it stands.
#[derive(Serialize)]
pub(super) struct ConfirmationView {
    id: String,
    hitl_id: Value,
    message: Value,
    status: &'static str,
    response: Option<ResponseView>,
    proof: Option<TokenView>,
    proof_token: Option<String>,
    timeout_at: String,
    created_at: String,
    updated_at: String,
    resolved_at: Option<String>,
    deliveries: Vec<Attempt>,
}

impl ConfirmationView {
    /// # Errors
    /// If it could not be read what people were told.
    pub(super) async fn of(app: &App, seen: &Seen) -> Result<Self, ServiceError> {
        let approval = &seen.approval;
        let deliveries = ways::attempts(app, approval).await?;
        let decision = approval.decision_at(seen.now);
        let decision = decision.as_ref();
        let resolved_at = decision.map(|decision| second(decision.decided_at));
        let proof = tokens::shown(token_of(seen));
        // Both are empty once the texts are erased.
        let arguments = &approval.action.arguments;
        Ok(Self {
            id: ConfirmationId(approval.id).to_string(),
            hitl_id: arguments.get("hitl_id").cloned().unwrap_or_default(),
            message: arguments.get("message").cloned().unwrap_or_default(),
            status: word(approval.status_at(seen.now)),
            response: decision.map(|decision| ResponseView::of(approval, decision)),
            proof_token: proof.as_ref().map(|proof| proof.token.clone()),
            proof,
            timeout_at: second(approval.expires_at),
            created_at: second(approval.created_at),
            updated_at: resolved_at.clone().unwrap_or_else(|| second(approval.created_at)),
            resolved_at,
            deliveries,
        })
    }
}

pub(super) async fn add(
    State(app): State<App>,
    Program(caller): Program,
    body: Body<ConfirmationBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("proof.confirmation");
    let key = caller.key().ok_or(NotSignedIn::Missing(Dialect::Proof))?;
    let config = app.service.hitl(&caller, body.value.check()?).await?;
    if config.config.status == HitlStatus::Archived {
        let detail = "this config is archived; ask under another one";
        return Err(own(CONFIG_ARCHIVED, "Archived", detail));
    }
    let ways = ways::of(&app, &caller, &config.config).await?;
    let question = body.value.question(key, &config, &ways);
    let (seen, _) = app.service.ask_within(&caller, question, idempotency).await.map_err(told)?;
    Ok((StatusCode::CREATED, Json(ConfirmationView::of(&app, &seen).await?)).into_response())
}

pub(super) async fn get(
    State(app): State<App>,
    Program(caller): Program,
    Id(ConfirmationId(id)): Id<ConfirmationId>,
) -> Result<Json<ConfirmationView>, Problem> {
    let seen = a_confirmation(app.service.approval_signed(&caller, id).await.map_err(told)?)?;
    Ok(Json(ConfirmationView::of(&app, &seen).await?))
}

/// What proves it, once it is decided.
fn token_of(seen: &Seen) -> Option<&ProofToken> {
    seen.proof.as_ref()?.proof_token.as_ref()
}

/// Where whoever is to decide can be sent.
#[derive(Serialize)]
pub(super) struct LinkView {
    approval_url: String,
}

pub(super) async fn link(
    State(app): State<App>,
    Program(caller): Program,
    Id(ConfirmationId(id)): Id<ConfirmationId>,
    body: Body<Nothing>,
) -> Result<Json<LinkView>, Problem> {
    let Nothing {} = body.value;
    let seen = a_confirmation(app.service.approval(&caller, id).await.map_err(told)?)?;
    let status = seen.approval.status_at(seen.now);
    if status != Status::Pending {
        let detail = format!("this confirmation is {}, so nobody is asked any more", word(status));
        return Err(own(INVALID_STATUS, "Not pending", detail));
    }
    let url = &app.reach.public_url;
    let approval_url = match app.service.token_to_pass_on(&caller, &seen).await.map_err(told)? {
        Some(token) => format!("{url}/d/{token}"),
        None => format!("{url}/a/{}", seen.approval.id),
    };
    Ok(Json(LinkView { approval_url }))
}

/// What was asked in this API and no other.
pub(super) fn a_confirmation(seen: Seen) -> Result<Seen, Problem> {
    match seen.approval.asker.dialect {
        Dialect::Proof => Ok(seen),
        _ => Err(told(ServiceError::NotFound("approval"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_reads_back_as_itself(bytes: [u8; 12]) {
            let id = ConfirmationId::of(bytes);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 24);
            prop_assert_eq!(text.parse(), Ok(id));
            prop_assert_eq!(text.to_uppercase().parse(), Ok(id));
        }

        #[test]
        fn no_plain_message_is_taken_for_an_encrypted_one(message in "\\PC{0,200}") {
            prop_assert!(!is_sealed(&message));
        }
    }

    #[test]
    fn an_id_that_was_not_made_here_finds_nothing_else() {
        let id = ConfirmationId::new();
        let near = ApprovalId::from_bits(id.0.to_bits() ^ 1);
        assert_eq!(ConfirmationId(near).to_string(), id.to_string());
        assert_ne!(id.to_string().parse::<ConfirmationId>().unwrap().0, near);
        for bad in ["", "507f1f77bcf86cd79943901", "507f1f77bcf86cd79943901g", "apr_1"] {
            assert_eq!(bad.parse::<ConfirmationId>(), Err(NotAConfirmationId), "{bad}");
        }
    }
}
