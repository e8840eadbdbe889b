//! `/v1/approvals/{id}/links`: links by which one person decides one approval.

use askfirst_core::{ApprovalId, MemberId};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::people::LinkView;
use super::problem::Problem;
use super::request::{Body, Id};
use crate::app::App;
use crate::service::Caller;

/// Whose link it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecisionLink {
    /// Who decides by it, by member id.
    #[schema(value_type = String)]
    member: MemberId,
}

/// Make a link by which a member decides this approval without signing in. Give it to that member
/// only: whoever opens it can vote in their name, at the assurance `link`. It ends with the
/// approval, and it is good for nothing else.
#[utoipa::path(post, path = "/v1/approvals/{id}/links", tag = "approvals",
    params(("id" = String, Path)), request_body = NewDecisionLink,
    responses((status = 201, body = LinkView), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<NewDecisionLink>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.link/{id}"));
    let made = app.service.add_decision_link(&caller, id, body.value.member, idempotency).await?;
    let view = LinkView::of(made);
    Ok((StatusCode::CREATED, Json(view)).into_response())
}
