//! `/v1/policies`.

use askfirst_core::{Policy, PolicyName};
use askfirst_store::PolicyVersion;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::approvals::nested;
use super::description::length;
use super::problem::Problem;
use super::request::{Body, Id};
use crate::app::App;
use crate::service::{Caller, ServiceError};

/// A policy: who may decide, how many, how surely, by when, what silence means.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "describes the document in OpenAPI; the rules read it themselves")]
pub struct PolicyDocument {
    /// 1 to 64 of a-z, 0-9, `.`, `_`, `-`.
    #[schema(example = "deploys")]
    name: String,
    /// All must be met; one natural person fills one seat over all of them.
    needs: Vec<NeedDocument>,
    /// How many rejections end it; 1 by default.
    rejections: Option<u16>,
    /// The least a vote must have: `bearer`, `key`, `link`, `chat`, `session` (default) or
    /// `passkey`.
    assurance: Option<String>,
    /// Who is kept out.
    separate: Option<SeparateDocument>,
    /// How long people have: seconds, or a text such as `1h` (default). At most 30 days.
    #[schema(schema_with = length, required = false)]
    expires_in: Option<String>,
    /// What silence means: `expire` (default) or `reject`.
    on_timeout: Option<String>,
    /// Who else may answer after a while, in order of time.
    steps: Option<Vec<StepDocument>>,
    /// How far approvers may say yes to more of the kind in advance; not at all without it.
    grants: Option<GrantLimitsDocument>,
    /// How long an approval may be claimed: seconds, or a text such as `15m` (default).
    #[schema(schema_with = length, required = false)]
    valid_for: Option<String>,
}

/// So many votes from these people.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "describes the document in OpenAPI; the rules read it themselves")]
struct NeedDocument {
    /// `group:NAME`, `member:EMAIL`, `contact:EMAIL` or `members`.
    #[schema(example = json!(["group:sre"]))]
    from: Vec<String>,
    /// How many different people; 1 by default.
    count: Option<u16>,
}

/// What happens if it is still open so long after it was asked.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "describes the document in OpenAPI; the rules read it themselves")]
struct StepDocument {
    /// How long after the question was put: seconds, or a text such as `15m`; before the deadline.
    #[schema(schema_with = length)]
    after: String,
    /// Who may from then on fill any seat that is open: `group:NAME`, `member:EMAIL`,
    /// `contact:EMAIL`, `members`.
    #[schema(example = json!(["group:leads"]))]
    add: Vec<String>,
}

/// Who is kept out although they are among the approvers.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "describes the document in OpenAPI; the rules read it themselves")]
struct SeparateDocument {
    /// The owner of the asking key.
    owner: Option<bool>,
}

/// The widest grant that an approver may give.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "describes the document in OpenAPI; the rules read it themselves")]
struct GrantLimitsDocument {
    /// For how long at most: seconds, or a text such as `1h`. At most 30 days.
    #[schema(rename = "for", schema_with = length)]
    lasts: String,
    /// How many times at most, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    uses: u32,
}

/// One version of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyVersionView {
    /// `pol_…`, the same over all versions.
    id: String,
    /// Its name.
    name: String,
    /// Counted from 1.
    version: u32,
    /// SHA-256 over the RFC 8785 form of the document.
    digest: String,
    /// The text.
    #[schema(value_type = PolicyDocument)]
    document: Policy,
    /// When it was saved.
    created_at: String,
    /// Who saved it.
    created_by: String,
}

/// A list of policies.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyList {
    data: Vec<PolicyVersionView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

fn view(version: PolicyVersion) -> PolicyVersionView {
    PolicyVersionView {
        id: version.id.to_string(),
        name: version.document.name.to_string(),
        version: version.version,
        digest: version.digest.to_string(),
        document: version.document,
        created_at: version.created_at.to_string(),
        created_by: version.by.to_string(),
    }
}

/// Reads a policy document that stands at `place` in the request.
pub(super) fn policy_from(mut document: Value, place: &str) -> Result<Policy, Problem> {
    let steps = document.get_mut("steps").and_then(Value::as_array_mut);
    for (index, step) in steps.into_iter().flatten().enumerate() {
        let notify = step.as_object_mut().and_then(|step| step.remove("notify"));
        if notify.is_some_and(|notify| notify.as_array().is_none_or(|names| !names.is_empty())) {
            let pointer = format!("{place}/steps/{index}/notify");
            return Err(
                ServiceError::NotInThisVersion { pointer, what: "choosing channels" }.into()
            );
        }
    }
    nested(document, place)
}

/// Save a policy. A known name gets a new version; approvals keep the one they were asked under.
#[utoipa::path(post, path = "/v1/policies", tag = "policies", request_body = PolicyDocument,
    responses((status = 201, body = PolicyVersionView), (status = 400, body = Problem), (status = 422, body = Problem)))]
pub async fn save(
    State(app): State<App>,
    caller: Caller,
    body: Body<Value>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("policies.save");
    let document = policy_from(body.value, "")?;
    let saved = app.service.save_policy(&caller, document, idempotency).await?;
    Ok((StatusCode::CREATED, Json(view(saved))).into_response())
}

/// The newest version of every policy that the caller may use.
#[utoipa::path(get, path = "/v1/policies", tag = "policies",
    responses((status = 200, body = PolicyList)))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<PolicyList>, Problem> {
    let all = app.service.policies(&caller).await?;
    Ok(Json(PolicyList { data: all.into_iter().map(view).collect(), next_cursor: None }))
}

/// The newest version of one policy.
#[utoipa::path(get, path = "/v1/policies/{name}", tag = "policies",
    params(("name" = String, Path)),
    responses((status = 200, body = PolicyVersionView), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<PolicyName>,
) -> Result<Json<PolicyVersionView>, Problem> {
    let versions = app.service.policy_versions(&caller, &name).await?;
    let newest = versions.into_iter().next().ok_or(ServiceError::NotFound("policy"))?;
    Ok(Json(view(newest)))
}

/// All versions of one policy, newest first.
#[utoipa::path(get, path = "/v1/policies/{name}/versions", tag = "policies",
    params(("name" = String, Path)),
    responses((status = 200, body = PolicyList), (status = 404, body = Problem)))]
pub async fn versions(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<PolicyName>,
) -> Result<Json<PolicyList>, Problem> {
    let versions = app.service.policy_versions(&caller, &name).await?;
    Ok(Json(PolicyList { data: versions.into_iter().map(view).collect(), next_cursor: None }))
}

/// Remove a policy. What was asked under it keeps its copy.
#[utoipa::path(delete, path = "/v1/policies/{name}", tag = "policies",
    params(("name" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<PolicyName>,
) -> Result<StatusCode, Problem> {
    app.service.remove_policy(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
