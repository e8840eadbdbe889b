//! Receipts, bundles and the keys to check them with.

use askfirst_core::{ApprovalId, Status, Timestamp};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Problem;
use super::request::{Id, Query, patience};
use super::views::ProofView;
use crate::app::App;
use crate::service::Caller;

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
