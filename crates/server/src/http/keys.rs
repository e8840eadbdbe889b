//! `/v1/keys`.

use std::collections::BTreeSet;

use askfirst_core::{
    Dialect, Environment, KeyId, KeyLimits, MemberId, PolicyAllowance, PolicyName, Scope, Seconds,
    Standing,
};
use askfirst_store::Key;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::description::maybe_length;
use super::people::PageQuery;
use super::problem::Problem;
use super::request::{Body, Id, Query, cursor, page_size};
use crate::app::App;
use crate::service::keys::KeyWish;
use crate::service::{Caller, ServiceError};

/// A key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// `key_…`
    id: String,
    /// Its name.
    name: String,
    /// The first characters, to recognise it by.
    hint: String,
    /// `live`, `test` or `dev`.
    environment: &'static str,
    /// The API that it speaks: `native`, which is this one, `ambedo`, `proof` or `holdon`.
    dialect: &'static str,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    scopes: BTreeSet<Scope>,
    /// Under which policies it may ask besides the default; `["*"]` for all.
    policies: Vec<String>,
    /// As whom a decide key votes.
    member: Option<String>,
    /// Who answers for it.
    owner: String,
    /// `good`, `revoked`, `expired` or `disabled`.
    standing: &'static str,
    /// How much it may, where that is less than every key may.
    limits: KeyLimitsBody,
    /// Of a key for HoldOn: where the end of what it asks is sent, unless the ask says.
    callback_url: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it stops by itself.
    expires_at: Option<String>,
    /// When it was taken back.
    revoked_at: Option<String>,
    /// When it was last used, to the minute.
    last_used_at: Option<String>,
}

/// How much one key may, where that is less than every key of the server may.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyLimitsBody {
    /// Requests in a minute.
    requests_per_minute: Option<u32>,
    /// Undecided approvals.
    pending: Option<u32>,
    /// Requests that wait.
    waiters: Option<u32>,
    /// Asks from the first of a month, in UTC.
    asks_per_month: Option<u32>,
}

impl From<KeyLimits> for KeyLimitsBody {
    fn from(limits: KeyLimits) -> Self {
        let KeyLimits { requests_per_minute, pending, waiters, asks_per_month } = limits;
        Self { requests_per_minute, pending, waiters, asks_per_month }
    }
}

impl From<KeyLimitsBody> for KeyLimits {
    fn from(body: KeyLimitsBody) -> Self {
        let KeyLimitsBody { requests_per_minute, pending, waiters, asks_per_month } = body;
        Self { requests_per_minute, pending, waiters, asks_per_month }
    }
}

/// A new key with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeKeyView {
    /// Shown this once; null on a repeat of the same request.
    key: Option<String>,
    #[serde(flatten)]
    view: KeyView,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// What to call it.
    name: String,
    /// What it may do. `ask` never shares a key with `decide`, `keys`, `members`, `policies` or
    /// `workspace`.
    scopes: Vec<String>,
    /// Under which policies it may ask besides the default; `["*"]` for all.
    #[serde(default)]
    policies: Vec<String>,
    /// For the scope `decide`: the member as whom it votes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    member: Option<MemberId>,
    /// Who answers for it; absent for whoever makes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    owner: Option<MemberId>,
    /// `live` or `test`; absent for that of the key that makes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    environment: Option<Environment>,
    /// `native`, or the API of another product: `ambedo`, `proof` or `holdon`. A key of that opens the doors of that API
    /// and no others; its scope is `ask`, and it asks under one policy.
    #[serde(default)]
    #[schema(example = "native")]
    dialect: Option<String>,
    /// Until it stops by itself: seconds, or a text such as `90d`.
    #[serde(default)]
    #[schema(schema_with = maybe_length, required = false)]
    expires_in: Option<Seconds>,
    /// How much it may, where that is less than every key of the server may.
    #[serde(default)]
    limits: KeyLimitsBody,
    /// For the dialect `holdon`: where the end of what it asks is sent, unless the ask says; at a
    /// host among the workspace's `callback_hosts`.
    #[serde(default)]
    #[schema(example = "https://ci.example.com/decided")]
    callback_url: Option<String>,
}

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyPage {
    data: Vec<KeyView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

fn view(key: Key) -> KeyView {
    KeyView {
        id: key.facts.id.to_string(),
        name: key.facts.label,
        hint: key.hint,
        environment: key.place.environment.as_str(),
        dialect: key.facts.dialect.as_str(),
        scopes: key.facts.scopes,
        policies: match key.facts.policies {
            PolicyAllowance::Any => vec!["*".into()],
            PolicyAllowance::Only(names) => names.iter().map(ToString::to_string).collect(),
        },
        member: key.facts.member.map(|id| id.to_string()),
        owner: key.facts.owner.to_string(),
        standing: match key.facts.standing {
            Standing::Good => "good",
            Standing::Revoked => "revoked",
            Standing::Expired => "expired",
            Standing::Disabled => "disabled",
        },
        limits: key.facts.limits.into(),
        callback_url: key.callback_url,
        created_at: key.created_at.to_string(),
        expires_at: key.expires_at.map(|at| at.to_string()),
        revoked_at: key.revoked_at.map(|at| at.to_string()),
        last_used_at: key.last_used_at.map(|at| at.to_string()),
    }
}

/// Reads a list of policy names, or `*`.
///
/// # Errors
/// What is no name.
pub fn allowance(names: &[String]) -> Result<PolicyAllowance, Problem> {
    if names.iter().any(|name| name == "*") {
        return Ok(PolicyAllowance::Any);
    }
    let parse = |(index, name): (usize, &String)| {
        name.parse::<PolicyName>().map_err(|error| {
            let pointer = format!("/policies/{index}");
            Problem::bad_request(error.to_string()).at(pointer, error.to_string())
        })
    };
    Ok(PolicyAllowance::Only(names.iter().enumerate().map(parse).collect::<Result<_, _>>()?))
}

/// Reads a list of scopes.
fn scopes_from(words: &[String]) -> Result<BTreeSet<Scope>, Problem> {
    let scope = |(index, word): (usize, &String)| {
        let pointer = format!("/scopes/{index}");
        let later = [("gate", "the scope gate"), ("channels", "the scope channels")];
        if let Some(&(_, what)) = later.iter().find(|(later, _)| later == word) {
            return Err(ServiceError::NotInThisVersion { pointer, what }.into());
        }
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or_else(|| {
            let known = Scope::ALL.map(Scope::as_str).join(", ");
            let detail = format!("there is no scope {word:?}; there are {known}");
            Problem::bad_request(detail.clone()).at(pointer, detail)
        })
    };
    words.iter().enumerate().map(scope).collect()
}

/// Reads the name of a dialect.
fn dialect_from(word: Option<&str>) -> Result<Dialect, Problem> {
    let Some(word) = word else { return Ok(Dialect::Native) };
    Dialect::ALL.into_iter().find(|dialect| dialect.as_str() == word).ok_or_else(|| {
        let known = Dialect::ALL.map(Dialect::as_str).join(", ");
        let detail = format!("there is no dialect {word:?}; there are {known}");
        Problem::bad_request(detail.clone()).at("/dialect", detail)
    })
}

/// Make a key. Its text is in the answer, this once.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", request_body = NewKeyBody,
    responses((status = 201, body = MadeKeyView), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    body: Body<NewKeyBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("keys.add");
    let NewKeyBody {
        name,
        scopes,
        policies,
        member,
        owner,
        environment,
        dialect,
        expires_in,
        limits,
        callback_url,
    } = body.value;
    let (scopes, policies) = (scopes_from(&scopes)?, allowance(&policies)?);
    let dialect = dialect_from(dialect.as_deref())?;
    let wish = KeyWish {
        label: name,
        environment,
        dialect,
        scopes,
        policies,
        member,
        owner,
        expires_in,
        limits: limits.into(),
        callback_url,
    };
    let made = app.service.add_key(&caller, wish, idempotency).await?;
    let body = MadeKeyView { key: made.secret, view: view(made.key) };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// List keys, oldest first, without their secrets.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(PageQuery),
    responses((status = 200, body = KeyPage)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<KeyPage>, Problem> {
    let limit = page_size(query.limit)?;
    let after = cursor(query.cursor.as_deref())?;
    let mut found = app.service.keys(&caller, after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().map(|key| key.facts.id.to_string());
    let data = found.into_iter().map(view).collect();
    Ok(Json(KeyPage { data, next_cursor: last.filter(|_| more) }))
}

/// The key that this request came with, so that its holder can find out what it is good for.
#[utoipa::path(get, path = "/v1/keys/current", tag = "keys",
    responses((status = 200, body = KeyView), (status = 401, body = Problem)))]
pub async fn current(State(app): State<App>, caller: Caller) -> Result<Json<KeyView>, Problem> {
    Ok(Json(view(app.service.current_key(&caller).await?)))
}

/// Revoke a key, at once.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = KeyView), (status = 404, body = Problem)))]
pub async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyView>, Problem> {
    Ok(Json(view(app.service.revoke_key(&caller, id).await?)))
}
