//! What is kept and what is let go of: holds, and the erasure of texts.

use askfirst_core::ApprovalId;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::approvals::show;
use super::people::NoBody;
use super::problem::Problem;
use super::request::{Body, Id};
use super::views::{ApprovalView, HoldView};
use crate::app::App;
use crate::service::Caller;
use crate::service::ServiceError;

/// Why something must be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldBody {
    /// On one line. The audit log tells it for good, so nothing that may have to be erased.
    reason: String,
}

/// Erase the texts of an approval that has ended: arguments, title, reason, comments, answers and
/// what was shown. Who decided what, when and on which digest stays. It cannot be undone.
#[utoipa::path(post, path = "/v1/approvals/{id}/erase", tag = "approvals",
    params(("id" = String, Path)), request_body = Option<NoBody>,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn erase(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<NoBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.erase/{id}"));
    let seen = app.service.erase(&caller, id, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Put an approval on legal hold: its texts are not erased until it is released.
#[utoipa::path(put, path = "/v1/approvals/{id}/hold", tag = "approvals",
    params(("id" = String, Path)), request_body = HoldBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn hold(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<HoldBody>,
) -> Result<Response, Problem> {
    let seen = app.service.hold(&caller, id, body.value.reason).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Release an approval from its hold.
#[utoipa::path(delete, path = "/v1/approvals/{id}/hold", tag = "approvals",
    params(("id" = String, Path)),
    responses((status = 204, description = "Released"), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn release(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
) -> Result<StatusCode, Problem> {
    app.service.release(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put the whole workspace on legal hold: nothing of it is erased until it is released.
#[utoipa::path(put, path = "/v1/workspace/hold", tag = "workspace", request_body = HoldBody,
    responses((status = 200, body = HoldView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn hold_workspace(
    State(app): State<App>,
    caller: Caller,
    body: Body<HoldBody>,
) -> Result<Json<HoldView>, Problem> {
    let held = app.service.hold_workspace(&caller, Some(body.value.reason)).await?.hold;
    let held = held.ok_or_else(|| ServiceError::Internal("the hold is not there".into()))?;
    Ok(Json(HoldView::of(&held)))
}

/// Release the workspace from its hold.
#[utoipa::path(delete, path = "/v1/workspace/hold", tag = "workspace",
    responses((status = 204, description = "Released"), (status = 403, body = Problem)))]
pub async fn release_workspace(
    State(app): State<App>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    app.service.hold_workspace(&caller, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
