//! What can be done with an approval besides voting: reply, cancel, consume, outcome, revoke.

use askfirst_core::{ApprovalId, Digest, OutcomeStatus};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::approvals::show;
use super::people::NoBody;
use super::problem::Problem;
use super::request::{Body, Id};
use super::views::ApprovalView;
use crate::app::App;
use crate::service::Caller;

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

/// Say that you are looking at it, for the other approvers to see. It decides nothing.
#[utoipa::path(post, path = "/v1/approvals/{id}/look", tag = "approvals",
    params(("id" = String, Path)), request_body = NoBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn look(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<NoBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.look/{id}"));
    let seen = app.service.look(&caller, id, idempotency).await?;
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
