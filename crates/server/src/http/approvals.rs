//! `/v1/approvals`: asking, reading, waiting.

use askfirst_core::{Action, Agent, ApprovalId, KeyId, Pointer, PolicyName, Priority, Seconds};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::description::maybe_length;
use super::json;
use super::policies::{PolicyDocument, policy_from};
use super::problem::Problem;
use super::request::{Body, Id, Query, patience};
use super::views::{ActionBody, AgentBody, ApprovalView};
use crate::app::App;
use crate::service::ask::{Question, Rules};
use crate::service::read::Until;
use crate::service::{Caller, Seen, ServiceError};

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskBody {
    #[schema(value_type = ActionBody)]
    action: Action,
    /// Why, in the agent's words.
    #[serde(default)]
    reason: Option<String>,
    /// The name of a policy that the key may use; absent for the workspace's default. A policy
    /// document of its own needs the scope `policies:inline`.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = "deploys")]
    policy: Option<Value>,
    /// `low`, `normal`, `high` or `critical`. Sorts; never loosens a rule.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "normal")]
    priority: Option<Priority>,
    /// Until the deadline: seconds, or a text such as `1h`; at most the policy's, at most 30 days.
    #[serde(default)]
    #[schema(schema_with = maybe_length, required = false)]
    expires_in: Option<Seconds>,
    /// How long an approval may be claimed: seconds, or a text such as `15m`; at most the policy's.
    #[serde(default)]
    #[schema(schema_with = maybe_length, required = false)]
    valid_for: Option<Seconds>,
    #[serde(default)]
    #[schema(value_type = Option<AgentBody>)]
    agent: Option<Agent>,
    /// An object of your own, given back as it came.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// Other keys, by id, that may claim.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    consumers: Vec<KeyId>,
    /// The places in the action that approvers may change, as JSON Pointers: `/target`,
    /// `/arguments` and what is in it. What is approved in the end is in the answer's `action`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["/arguments/version"]))]
    editable: Vec<Pointer>,
    /// A form that approvers fill in: JSON Schema 2020-12 without references. What they filled in
    /// is in the answer's `decision.answer`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    answer_schema: Option<Value>,
    /// Where the end is told, once, signed as a webhook is. Its host is one of the workspace's
    /// `callback_hosts`.
    #[serde(default)]
    #[schema(example = "https://ci.example.com/askfirst")]
    callback_url: Option<String>,
    /// Not in this version.
    #[serde(default)]
    #[schema(ignore)]
    notify: Value,
}

impl AskBody {
    fn question(self) -> Result<Question, Problem> {
        let absent = self.notify.is_null() || self.notify.as_array().is_some_and(Vec::is_empty);
        if !absent {
            let (pointer, what) = ("/notify".into(), "choosing channels");
            return Err(ServiceError::NotInThisVersion { pointer, what }.into());
        }
        Ok(Question {
            id: None,
            action: self.action,
            reason: self.reason,
            policy: rules(self.policy)?,
            priority: self.priority.unwrap_or_default(),
            expires_in: self.expires_in,
            valid_for: self.valid_for,
            agent: self.agent,
            metadata: self.metadata.unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            consumers: self.consumers,
            editable: self.editable,
            answer_schema: self.answer_schema,
            callback_url: self.callback_url,
            told_by: None,
        })
    }
}

fn rules(policy: Option<Value>) -> Result<Rules, Problem> {
    match policy {
        None | Some(Value::Null) => Ok(Rules::Default),
        Some(Value::String(name)) => {
            // What cannot be a name names no policy.
            let unknown = |_| {
                let detail = format!("there is no policy called {name}");
                let (name, title) = ("unknown_policy", "No such policy");
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, name, title, detail.clone())
                    .at("/policy", detail)
            };
            name.parse::<PolicyName>().map(Rules::Named).map_err(unknown)
        }
        Some(document @ Value::Object(_)) => {
            Ok(Rules::Inline(Box::new(policy_from(document, "/policy")?)))
        }
        Some(_) => {
            let detail = "the name of a policy, or a policy document";
            Err(Problem::bad_request(detail).at("/policy", detail))
        }
    }
}

/// How one approval is read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// Wait up to so long, at most 60 s: `25s`.
    wait: Option<String>,
    /// Wait for a version above this one; without it, for the end.
    after: Option<u32>,
}

/// Answers with one approval and its ETag.
pub(super) fn show(app: &App, status: StatusCode, seen: &Seen) -> Response {
    let view = ApprovalView::of(seen, &app.reach.public_url);
    let mut headers = HeaderMap::new();
    if let Ok(etag) = view.etag().parse() {
        headers.insert(header::ETAG, etag);
    }
    if status == StatusCode::CREATED
        && let Ok(location) = view.location().parse()
    {
        headers.insert(header::LOCATION, location);
    }
    // Most of an approval, so that it need not be moved while it grows.
    let mut body = Vec::with_capacity(2_048);
    match serde_json::to_writer(&mut body, &view) {
        Ok(()) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            (status, headers, body).into_response()
        }
        Err(error) => Problem::from(ServiceError::Internal(error.to_string())).into_response(),
    }
}

/// Put a question to people.
#[utoipa::path(post, path = "/v1/approvals", tag = "approvals", request_body = AskBody,
    responses((status = 201, body = ApprovalView), (status = 400, body = Problem), (status = 403, body = Problem), (status = 422, body = Problem), (status = 507, body = Problem)))]
pub async fn ask(
    State(app): State<App>,
    caller: Caller,
    body: Body<AskBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("approvals.ask");
    let question = body.value.question()?;
    let (seen, _) = app.service.ask(&caller, question, idempotency).await?;
    Ok(show(&app, StatusCode::CREATED, &seen))
}

/// Read one approval; with `wait`, once it has changed.
#[utoipa::path(get, path = "/v1/approvals/{id}", tag = "approvals",
    params(("id" = String, Path), WaitQuery),
    responses((status = 200, body = ApprovalView), (status = 304, description = "Unchanged since the given ETag"), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Query(query): Query<WaitQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let until = query.after.map_or(Until::Ended, Until::Past);
    let seen = app.service.wait(&caller, id, until, patience(query.wait.as_deref())?).await?;
    let response = show(&app, StatusCode::OK, &seen);
    match response.headers().get(header::ETAG) {
        Some(etag) if knows(&headers, etag) => {
            let headers = [(header::ETAG, etag.clone())];
            Ok((StatusCode::NOT_MODIFIED, headers).into_response())
        }
        _ => Ok(response),
    }
}

/// Whether `If-None-Match` names this tag, or any. Source: RFC 9110, section 13.1.2.
fn knows(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    let mut tags = known.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Used by the inline policy's schema.
#[derive(Debug, ToSchema)]
#[schema(as = InlinePolicy)]
#[allow(dead_code, reason = "describes a request field in OpenAPI")]
pub struct InlinePolicy(PolicyDocument);

/// Reads a document that was already parsed, with its place in the request.
pub(super) fn nested<T: serde::de::DeserializeOwned>(
    value: Value,
    place: &str,
) -> Result<T, Problem> {
    json::into(value).map_err(|problem| problem.below(place))
}
