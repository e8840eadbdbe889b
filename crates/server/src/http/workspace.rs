//! `/v1/workspace` and `/v1/audit`.

use askfirst_core::{Assurance, Floor, PolicyName};
use askfirst_store::Workspace;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use super::request::{Body, Query, cursor, page_size};
use crate::app::App;
use crate::service::Caller;
use crate::service::workspace::WorkspaceUpdate;

/// The workspace that the key belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkspaceView {
    /// `wsp_…`
    id: String,
    /// What it is called.
    name: String,
    /// `dev` for a developer's own; `live` for all others.
    environment: &'static str,
    /// Under which policy an ask goes that names none.
    default_policy: String,
    /// What holds for every approval.
    floor: FloorBody,
    /// The `iss` of its receipts.
    issuer: String,
    /// When it was made.
    created_at: String,
}

/// What holds for every approval, whatever its policy says.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FloorBody {
    /// The least a vote must have.
    #[schema(value_type = String, example = "link")]
    assurance: Assurance,
    /// Keeps the owner of the asking key out of every approval.
    separate_owner: bool,
}

/// What changes about a workspace; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceChange {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    default_policy: Option<PolicyName>,
    #[serde(default)]
    floor: Option<FloorBody>,
}

/// One entry of the audit log, as it is hashed, with its hash.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Whose log it is in.
    workspace: String,
    /// Its place, counted without gaps.
    index: u64,
    /// When.
    at: String,
    /// Who.
    actor: String,
    /// What was done.
    kind: String,
    /// To what.
    subject: String,
    /// The particulars.
    #[schema(value_type = Object)]
    detail: Value,
    /// The hash of the entry before.
    previous: String,
    /// SHA-256 over the RFC 8785 form of this entry.
    hash: String,
}

/// A page of the audit log, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    data: Vec<AuditView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// Which part of the audit log.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Rows in a page, 1 to 100.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
}

fn view(app: &App, workspace: &Workspace) -> WorkspaceView {
    let Floor { assurance, separate_owner } = workspace.floor;
    WorkspaceView {
        id: workspace.id.to_string(),
        name: workspace.name.clone(),
        environment: workspace.environment.as_str(),
        default_policy: workspace.default_policy.to_string(),
        floor: FloorBody { assurance, separate_owner },
        issuer: format!("{}/w/{}", app.reach.public_url, workspace.id),
        created_at: workspace.created_at.to_string(),
    }
}

/// The workspace that the key belongs to.
#[utoipa::path(get, path = "/v1/workspace", tag = "workspace",
    responses((status = 200, body = WorkspaceView)))]
pub async fn get(State(app): State<App>, caller: Caller) -> Result<Json<WorkspaceView>, Problem> {
    Ok(Json(view(&app, &app.service.workspace(&caller).await?)))
}

/// Change its name, default policy or floor.
#[utoipa::path(patch, path = "/v1/workspace", tag = "workspace", request_body = WorkspaceChange,
    responses((status = 200, body = WorkspaceView), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    body: Body<WorkspaceChange>,
) -> Result<Json<WorkspaceView>, Problem> {
    let WorkspaceChange { name, default_policy, floor } = body.value;
    let floor =
        floor.map(|FloorBody { assurance, separate_owner }| Floor { assurance, separate_owner });
    let update = WorkspaceUpdate { name, default_policy, floor };
    Ok(Json(view(&app, &app.service.update_workspace(&caller, update).await?)))
}

/// Read the audit log, oldest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditPage), (status = 403, body = Problem)))]
pub async fn audit(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let limit = page_size(query.limit)?;
    let after: Option<u64> = cursor(query.cursor.as_deref())?;
    let mut found = app.service.audit(&caller, after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().map(|record| record.entry.index.to_string());
    let data = found.into_iter().map(|record| AuditView {
        workspace: record.entry.workspace,
        index: record.entry.index,
        at: record.entry.at,
        actor: record.entry.actor,
        kind: record.entry.kind,
        subject: record.entry.subject,
        detail: record.entry.detail,
        previous: record.entry.previous.to_string(),
        hash: record.hash.to_string(),
    });
    Ok(Json(AuditPage { data: data.collect(), next_cursor: last.filter(|_| more) }))
}
