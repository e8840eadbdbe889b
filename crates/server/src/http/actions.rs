//! What can be done with an approval: vote, cancel, consume, outcome, revoke.

use askfirst_core::{ApprovalId, Digest, OutcomeStatus, VoteDecision};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::approvals::show;
use super::problem::Problem;
use super::request::{Body, Id};
use super::views::ApprovalView;
use crate::app::App;
use crate::service::decide::{Answer, Inquiring};
use crate::service::{Caller, ServiceError};

/// An approver's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteBody {
    /// `approve`, `reject`, or `more_info`, which asks the asker what the comment says and leaves
    /// the vote open.
    #[schema(value_type = String, example = "approve")]
    decision: Choice,
    /// The digest of the action that the voter saw.
    #[schema(value_type = String)]
    action_digest: Digest,
    /// What to say with it. With `more_info`, what to ask.
    #[serde(default)]
    comment: Option<String>,
    /// Not in this version.
    #[serde(default)]
    #[schema(ignore)]
    edits: Value,
    /// Not in this version.
    #[serde(default)]
    #[schema(ignore)]
    answer: Value,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Approve,
    Reject,
    MoreInfo,
}

/// The answer to what an approver asked back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplyBody {
    /// Which of the approval's `inquiries`.
    number: u32,
    /// In words.
    text: String,
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// In words.
    #[serde(default)]
    reason: Option<String>,
}

/// What will be run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsumeBody {
    /// The digest of the action that is about to be run.
    #[schema(value_type = String)]
    action_digest: Digest,
}

/// How it went.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeBody {
    /// `succeeded` or `failed`.
    #[schema(value_type = String, example = "succeeded")]
    status: OutcomeStatus,
    /// In words.
    #[serde(default)]
    note: Option<String>,
}

/// Vote as the member that the decide key is bound to.
#[utoipa::path(post, path = "/v1/approvals/{id}/vote", tag = "approvals",
    params(("id" = String, Path)), request_body = VoteBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn vote(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<VoteBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.vote/{id}"));
    let VoteBody { decision, action_digest, comment, edits, answer } = body.value;
    for (pointer, what, value) in
        [("/edits", "editing by approvers", &edits), ("/answer", "answering with a form", &answer)]
    {
        if !value.is_null() {
            return Err(ServiceError::NotInThisVersion { pointer: pointer.into(), what }.into());
        }
    }
    let decision = match decision {
        Choice::Approve => VoteDecision::Approve,
        Choice::Reject => VoteDecision::Reject,
        Choice::MoreInfo => {
            let asking = Inquiring { action_digest, question: comment };
            let seen = app.service.inquire(&caller, id, asking, idempotency).await?;
            return Ok(show(&app, StatusCode::OK, &seen));
        }
    };
    let answer = Answer { decision, action_digest, comment, shown: None };
    let seen = app.service.vote(&caller, id, answer, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Answer what an approver asked back. The deadline stays.
#[utoipa::path(post, path = "/v1/approvals/{id}/reply", tag = "approvals",
    params(("id" = String, Path)), request_body = ReplyBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn reply(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<ReplyBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.reply/{id}"));
    let ReplyBody { number, text } = body.value;
    let seen = app.service.reply(&caller, id, number, text, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Withdraw a question.
#[utoipa::path(post, path = "/v1/approvals/{id}/cancel", tag = "approvals",
    params(("id" = String, Path)), request_body = ReasonBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<ReasonBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.cancel/{id}"));
    let seen = app.service.cancel(&caller, id, body.value.reason, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Claim the one use of an approved action, just before running it.
#[utoipa::path(post, path = "/v1/approvals/{id}/consume", tag = "approvals",
    params(("id" = String, Path)), request_body = ConsumeBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn consume(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<ConsumeBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.consume/{id}"));
    let seen = app.service.consume(&caller, id, body.value.action_digest, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Say how the claimed action went.
#[utoipa::path(post, path = "/v1/approvals/{id}/outcome", tag = "approvals",
    params(("id" = String, Path)), request_body = OutcomeBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn outcome(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<OutcomeBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.outcome/{id}"));
    let OutcomeBody { status, note } = body.value;
    let seen = app.service.report(&caller, id, status, note, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Take an approval back before it is claimed.
#[utoipa::path(post, path = "/v1/approvals/{id}/revoke", tag = "approvals",
    params(("id" = String, Path)), request_body = ReasonBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<ReasonBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.revoke/{id}"));
    let seen = app.service.revoke(&caller, id, body.value.reason, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}
