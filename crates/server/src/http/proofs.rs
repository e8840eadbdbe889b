//! Receipts, bundles and the keys to check them with; and taking back a token that proves to clients
//! of another product.

use askfirst_core::administration::RevocationReason;
use askfirst_core::{ApprovalId, Status, Timestamp};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use super::request::{Body, Id, Query, patience};
use super::views::ProofView;
use crate::app::App;
use crate::service::{Caller, ServiceError, mistake};

/// How a proof is read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProofQuery {
    /// Wait up to so long for it, at most 60 s: `5s`.
    wait: Option<String>,
    /// `bundle` for the receipt with everything needed to check it offline.
    #[param(value_type = Option<String>)]
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Receipt,
    Bundle,
}

/// The signed receipt of an approval that has ended.
#[utoipa::path(get, path = "/v1/approvals/{id}/proof", tag = "proofs",
    params(("id" = String, Path), ProofQuery),
    responses((status = 200, body = ProofView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Query(query): Query<ProofQuery>,
) -> Result<Response, Problem> {
    let patience = patience(query.wait.as_deref())?;
    let now = app.service.now();
    let (approval, answer) = match query.format {
        Some(Format::Bundle) => {
            let (approval, bundle) = app.service.bundle(&caller, id, patience).await?;
            (approval, bundle.map(|bundle| Json(bundle).into_response()))
        }
        None | Some(Format::Receipt) => {
            let (approval, receipt) = app.service.receipt(&caller, id, patience).await?;
            let view = receipt.map(|receipt| ProofView {
                token: receipt.token,
                expires_at: Timestamp::from_seconds(receipt.expires_at).to_string(),
            });
            (approval, view.map(|view| Json(view).into_response()))
        }
    };
    answer.ok_or_else(|| missing(approval.status_at(now)))
}

/// Why a proof token is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRevocation {
    /// `user_request`, `fraud`, `key_compromise`, `asset_transferred` or `other`, which is meant
    /// where nothing is said.
    #[serde(default)]
    #[schema(example = "fraud")]
    reason: Option<String>,
}

/// A proof token that is good no more.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevokedToken {
    /// Of which approval.
    approval: String,
    /// When it was taken back, the first time.
    revoked_at: String,
    /// Why.
    reason: &'static str,
}

/// Take back the token that proves a decision to clients of proof.holdings. The decision and its
/// receipt stay as they are. For admins; the key that asked does it in that product's own API.
#[utoipa::path(post, path = "/v1/approvals/{id}/proof-token/revoke", tag = "proofs",
    params(("id" = String, Path)), request_body = Option<TokenRevocation>,
    responses((status = 200, body = RevokedToken), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<TokenRevocation>,
) -> Result<Json<RevokedToken>, Problem> {
    let idempotency = body.idempotency(format!("approvals.proof_token.revoke/{id}"));
    let reason = match body.value.reason.as_deref() {
        None => RevocationReason::default(),
        Some(word) => RevocationReason::called(word).ok_or_else(|| {
            let words = RevocationReason::ALL.map(RevocationReason::as_str).join(", ");
            mistake("/reason", format!("one of {words}"))
        })?,
    };
    let known = app.service.take_back_proof_token(&caller, id, reason, idempotency).await?;
    let (at, reason) = known.revoked.ok_or(ServiceError::NotFound("proof token"))?;
    let (approval, revoked_at) = (id.to_string(), at.to_string());
    Ok(Json(RevokedToken { approval, revoked_at, reason: reason.as_str() }))
}

fn missing(status: Status) -> Problem {
    let (name, title, detail) = match status {
        Status::Pending => {
            ("pending", "Still pending", "this has not ended yet, so there is nothing to prove")
        }
        _ => (
            "unsigned",
            "Not signed yet",
            "the receipt is being signed; ask again, with `wait=5s` for example",
        ),
    };
    Problem::new(StatusCode::CONFLICT, name, title, detail)
}

/// The public keys that receipts are checked with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "proofs",
    responses((status = 200, description = "RFC 7517 key set")))]
pub async fn jwks(State(app): State<App>) -> Response {
    let keys = app.service.jwks();
    // Before the first key is made, nobody should remember that there was none.
    let cache = if keys.keys.is_empty() { "no-store" } else { "public, max-age=60" };
    ([(header::CACHE_CONTROL, cache)], Json(keys)).into_response()
}
