//! `/v1/approvals/{id}/links`: links by which one person decides one approval.

use askfirst_core::ApprovalId;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::request::{Body, Id};
use crate::app::App;
use crate::service::Caller;

/// Whose link it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecisionLink {
    /// Who decides by it: a member's id, or their address.
    member: String,
}

/// A link by which one person decides one approval.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionLinkView {
    /// Shown this once; null on a repeat of the same request.
    url: Option<String>,
    /// Until when it can be used; null on a repeat of the same request.
    expires_at: Option<String>,
    /// What its votes are worth: `link`, or `bearer` for the key that asked.
    #[schema(example = "link")]
    assurance: &'static str,
}

/// Make a link by which a member decides this approval without signing in. Give it to that member
/// only: whoever opens it can vote in their name, at the assurance `link`. It ends with the
/// approval, and it is good for nothing else.
///
/// The key that asked may make one too, to pass it on, where the policy says `assurance: bearer`.
/// Since the asker has such a link, its votes show nothing about who answered: they count as
/// `bearer`, and the receipt says so.
#[utoipa::path(post, path = "/v1/approvals/{id}/links", tag = "approvals",
    params(("id" = String, Path)), request_body = NewDecisionLink,
    responses((status = 201, body = DecisionLinkView), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<NewDecisionLink>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("approvals.link/{id}"));
    let member = body.value.member.trim();
    let (made, assurance) = app.service.add_decision_link(&caller, id, member, idempotency).await?;
    let (url, expires_at) = made.map(|link| (link.url, link.expires_at.to_string())).unzip();
    let view = DecisionLinkView { url, expires_at, assurance: assurance.as_str() };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}
