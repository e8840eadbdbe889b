//! `/v1/grants`: votes given in advance.

use std::collections::BTreeMap;

use askfirst_core::{Action, Bound, GrantId, KeyId, MemberId, Pointer, Seconds, Timestamp};
use askfirst_store::{GrantFilter, GrantRecord};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

use super::description::length;
use super::problem::Problem;
use super::request::{Id, Query, cursor, page_size};
use super::views::{ActionBody, PersonView};
use crate::app::App;
use crate::service::Caller;
use crate::service::grants::Granting;

/// A yes to more of the kind, in advance: what the same key asks under the same policy, with the
/// same name, target and arguments wherever `bounds` leaves nothing open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantBody {
    /// For how long: seconds, or a text such as `1h`.
    #[serde(rename = "for")]
    #[schema(schema_with = length)]
    lasts: Seconds,
    /// How many times.
    #[schema(minimum = 1)]
    uses: u32,
    /// What may differ, by JSON Pointers into the action. Each is `"any"`, `{"one_of": […]}` or
    /// `{"within": {"at_least": 1, "at_most": 9}}`, of which one end may be missing.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "/arguments/version": "any" }))]
    bounds: BTreeMap<Pointer, Bound>,
}

impl From<GrantBody> for Granting {
    fn from(body: GrantBody) -> Self {
        let GrantBody { lasts, uses, bounds } = body;
        Self { lasts, uses, bounds }
    }
}

/// A vote given in advance.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView {
    /// `grt_…`
    id: String,
    /// `open`, `used_up`, `over` or `revoked`.
    state: &'static str,
    /// Whose vote it is.
    by: PersonView,
    /// How we knew who it was; what its uses count as.
    assurance: &'static str,
    /// The approval on which it was given. Revoked, that takes its grants along.
    approval: String,
    /// Only for what this key asks.
    asker: String,
    /// Only while the policy is the document of this digest.
    policy_digest: String,
    /// The action that was approved.
    #[schema(value_type = ActionBody)]
    action: Arc<Action>,
    /// What may differ from it.
    #[schema(value_type = Object)]
    bounds: BTreeMap<Pointer, Bound>,
    /// How many times it can be used.
    uses: u32,
    /// How many times it was.
    used: u32,
    /// When it was given.
    given_at: String,
    /// Until when it can be used.
    until: String,
    /// SHA-256 over the RFC 8785 form of the terms, as the audit log has it.
    terms_digest: String,
    /// When it was taken back.
    revoked_at: Option<String>,
    /// Who took it back, as the audit log names them.
    revoked_by: Option<String>,
}

impl GrantView {
    fn of(known: GrantRecord, now: Timestamp) -> Self {
        let GrantRecord { grant, ended } = known;
        let until = grant.until();
        let state = match &ended {
            Some(_) => "revoked",
            None if grant.used >= grant.terms.uses => "used_up",
            None if now >= until => "over",
            None => "open",
        };
        let (revoked_at, revoked_by) = ended.unzip();
        Self {
            id: grant.id.to_string(),
            state,
            by: PersonView { id: grant.by.id.to_string(), email: grant.by.email },
            assurance: grant.assurance.as_str(),
            approval: grant.approval.to_string(),
            asker: grant.terms.asker.to_string(),
            policy_digest: grant.terms.policy.to_string(),
            action: grant.terms.action,
            bounds: grant.terms.bounds,
            uses: grant.terms.uses,
            used: grant.used,
            given_at: grant.at.to_string(),
            until: until.to_string(),
            terms_digest: grant.digest.to_string(),
            revoked_at: revoked_at.map(|at| at.to_string()),
            revoked_by,
        }
    }
}

/// Which grants are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GrantQuery {
    /// Only those that can still be used.
    #[serde(default)]
    open: bool,
    /// Only by this member.
    #[param(value_type = Option<String>)]
    by: Option<MemberId>,
    /// Only for what this key asks.
    #[param(value_type = Option<String>)]
    asker: Option<KeyId>,
    /// Rows in a page, 1 to 100.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// A page of grants, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantPage {
    data: Vec<GrantView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// List grants: one's own, or all of them for who may read everything.
#[utoipa::path(get, path = "/v1/grants", tag = "approvals", params(GrantQuery),
    responses((status = 200, body = GrantPage), (status = 403, body = Problem)))]
pub async fn list_grants(
    State(app): State<App>,
    caller: Caller,
    query: Query<GrantQuery>,
) -> Result<Json<GrantPage>, Problem> {
    let GrantQuery { open, by, asker, limit, cursor: after } = query.0;
    let limit = page_size(limit)?;
    let before = cursor(after.as_deref())?;
    let filter = GrantFilter { open, by, asker, before, limit: limit + 1 };
    let mut rows = app.service.grants(&caller, filter).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().map(|row| row.grant.id.to_string());
    let now = app.service.now();
    let data = rows.into_iter().map(|row| GrantView::of(row, now)).collect();
    Ok(Json(GrantPage { data, next_cursor: last.filter(|_| more) }))
}

/// Get a grant.
#[utoipa::path(get, path = "/v1/grants/{id}", tag = "approvals", params(("id" = String, Path)),
    responses((status = 200, body = GrantView), (status = 404, body = Problem)))]
pub async fn get_grant(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<GrantId>,
) -> Result<Json<GrantView>, Problem> {
    let known = app.service.grant(&caller, id).await?;
    Ok(Json(GrantView::of(known, app.service.now())))
}

/// Take a grant back, at once. What it was used for stays.
#[utoipa::path(delete, path = "/v1/grants/{id}", tag = "approvals", params(("id" = String, Path)),
    responses((status = 204, description = "It is good for nothing any more"),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn revoke_grant(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<GrantId>,
) -> Result<StatusCode, Problem> {
    app.service.revoke_grant(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
