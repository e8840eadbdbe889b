//! `/v1/workspace`.

use askfirst_core::{Assurance, Floor, PolicyName};
use askfirst_store::Workspace;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::request::Body;
use super::views::HoldView;
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
    /// How many days after the end the texts of approvals are erased; `null` keeps them for good.
    retention_days: Option<u32>,
    /// Hosts that askers may have the end of an approval sent to, by `callback_url`.
    callback_hosts: Vec<String>,
    /// Why nothing is erased, while it is on hold.
    hold: Option<HoldView>,
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
    /// 1 to 3650, or `null` to keep the texts of approvals for good.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    retention_days: Option<Option<u32>>,
    /// Every host that a `callback_url` may have: a name, `*.example.com` for all below it, or an
    /// address or network that the operator opened.
    #[serde(default)]
    #[schema(example = json!(["ci.example.com"]))]
    callback_hosts: Option<Vec<String>>,
}

/// Tells `null` from nothing.
pub(super) fn present<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::deserialize(from).map(Some)
}

fn view(app: &App, workspace: &Workspace) -> WorkspaceView {
    let Floor { assurance, separate_owner } = workspace.floor;
    WorkspaceView {
        id: workspace.id.to_string(),
        name: workspace.name.clone(),
        environment: workspace.environment.as_str(),
        default_policy: workspace.default_policy.to_string(),
        floor: FloorBody { assurance, separate_owner },
        retention_days: workspace.retention_days,
        callback_hosts: workspace.callback_hosts.clone(),
        hold: workspace.hold.as_ref().map(HoldView::of),
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

/// Change its name, default policy, floor, how long texts are kept, or where callbacks may go.
#[utoipa::path(patch, path = "/v1/workspace", tag = "workspace", request_body = WorkspaceChange,
    responses((status = 200, body = WorkspaceView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    body: Body<WorkspaceChange>,
) -> Result<Json<WorkspaceView>, Problem> {
    let WorkspaceChange { name, default_policy, floor, retention_days, callback_hosts } =
        body.value;
    let floor =
        floor.map(|FloorBody { assurance, separate_owner }| Floor { assurance, separate_owner });
    let update = WorkspaceUpdate { name, default_policy, floor, retention_days, callback_hosts };
    Ok(Json(view(&app, &app.service.update_workspace(&caller, update).await?)))
}
