//! `/v1/limits`.

use askfirst_core::{Holder, Limit, Plan};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::request::Metered;
use crate::app::App;
use crate::service::limits::{Full, Level, Levels};

/// One count and how far it may go.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelView {
    /// `requests_per_minute`, `pending`, `asks_per_month`, `waiters`, or, of a workspace with a plan,
    /// `approvers`.
    #[schema(value_type = String, example = "pending")]
    name: Limit,
    /// How many there may be.
    limit: u64,
    /// How many there are.
    used: u64,
    /// When it begins anew; null where something has to end first.
    resets_at: Option<String>,
}

/// Something that is full.
#[derive(Debug, Serialize, ToSchema)]
pub struct FullView {
    /// What is counted.
    #[schema(value_type = String, example = "pending")]
    limit: Limit,
    /// Whose count it is: `key` or `workspace`.
    #[schema(value_type = String, example = "key")]
    of: Holder,
    /// Which key, if it is a key's.
    key: Option<String>,
}

/// How much is used of what may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// Of the key that asks.
    key: Vec<LevelView>,
    /// Of its workspace and environment.
    workspace: Vec<LevelView>,
    /// What the operator lets the workspace have; null for all that the server takes. What is null
    /// in it is not bounded by it.
    plan: Option<PlanView>,
    /// What is full now. Other keys are named to who manages keys.
    over: Vec<FullView>,
}

/// A workspace's plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// What it is called.
    #[schema(example = "starter")]
    name: String,
    /// Asks from the first of a month, in UTC, in each environment.
    asks_per_month: Option<u32>,
    /// People who may vote.
    approvers: Option<u32>,
    /// Kinds of channels.
    #[schema(example = json!(["email"]))]
    channels: Option<Vec<String>>,
    /// How many days back the audit log is read. Older entries are kept.
    audit_days: Option<u32>,
}

impl PlanView {
    fn of(plan: Plan) -> Self {
        let Plan { name, asks_per_month, approvers, channels, audit_days } = plan;
        let channels = channels.map(|kinds| kinds.into_iter().collect());
        Self { name: name.to_string(), asks_per_month, approvers, channels, audit_days }
    }
}

fn levels(all: Vec<Level>) -> Vec<LevelView> {
    let view = |Level { limit, gauge, resets_at }| LevelView {
        name: limit,
        limit: gauge.allowed,
        used: gauge.used,
        resets_at: resets_at.map(|at| at.to_string()),
    };
    all.into_iter().map(view).collect()
}

/// How much this key and its workspace have used of what they may, and what is full.
///
/// Votes, cancellations and claims count towards requests only: however much is pending or was
/// asked, what is there can be decided and used.
#[utoipa::path(get, path = "/v1/limits", tag = "workspace",
    responses((status = 200, body = LimitsView)))]
pub async fn limits(
    State(app): State<App>,
    Metered { caller, rates }: Metered,
) -> Result<Json<LimitsView>, Problem> {
    let Levels { key, workspace, plan, over } = app.service.limits(&caller, rates).await?;
    let full = |Full { limit, of, key }| FullView { limit, of, key: key.map(|id| id.to_string()) };
    let over = over.into_iter().map(full).collect();
    let (key, workspace) = (levels(key), levels(workspace));
    Ok(Json(LimitsView { key, workspace, plan: plan.map(PlanView::of), over }))
}
