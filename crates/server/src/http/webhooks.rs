//! `/v1/webhooks`: who is told of what happens, and what went there.

use std::collections::BTreeSet;

use askfirst_core::{Dialect, Environment, Event, Seconds, Timestamp, WebhookId};
use askfirst_store::{Webhook, WebhookState};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deliveries::{DeliveryPage, DeliveryView};
use super::description::maybe_length;
use super::people::{NoBody, PageQuery};
use super::problem::Problem;
use super::request::{Body, Id, Query, cursor, page_size};
use crate::app::App;
use crate::service::Caller;
use crate::service::deliveries::Kind;
use crate::service::webhooks::{ENDS, WebhookWish};

/// A receiver of what happens.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// `whk_…`
    id: String,
    /// Where it listens; null for what signs callbacks, which go where each approval says.
    url: Option<String>,
    /// Which events it gets; none for all.
    events: BTreeSet<String>,
    /// In whose words it is told: `native`, which are these, or `proof`; then only of what was asked
    /// in that API.
    dialect: &'static str,
    /// `live`, `test` or `dev`.
    environment: &'static str,
    /// When it was made.
    created_at: String,
    /// `unconfirmed` until it gives back what it is challenged with, `active`, or `disabled` once
    /// it answered 410. Only for an active one anything is kept and sent.
    state: &'static str,
    /// Since when it is disabled.
    disabled_at: Option<String>,
    /// While it is not active: what went wrong last, and what to do.
    problem: Option<String>,
    /// Until when the secret before the newest signs too, while it does.
    older_secret_until: Option<String>,
    /// Since when it takes nothing, if it failed five times in a row. What waits is kept, and one
    /// delivery every 30 seconds tries it, until something is taken.
    down_since: Option<String>,
    /// While it takes nothing: not before then is anything sent.
    next_try_at: Option<String>,
    /// How much waits for it.
    waiting: u64,
}

/// A new receiver with its secret.
#[derive(Serialize, ToSchema)]
pub struct MadeWebhookView {
    /// What it verifies with, `whsec_…`. Shown this once; null on a repeat of the same request.
    secret: Option<String>,
    #[serde(flatten)]
    view: WebhookView,
}

/// A receiver to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhookBody {
    /// Where it listens: `https`, on port 443 or 8443, at an address of the public internet, unless
    /// the operator opened another.
    #[serde(default)]
    #[schema(example = "https://hooks.example.com/askfirst")]
    url: Option<String>,
    /// Instead of a URL: it signs what goes to the `callback_url` of approvals, and is active at
    /// once. One for each environment.
    #[serde(default)]
    callbacks: bool,
    /// Which events it gets, by their names; none for all.
    #[serde(default)]
    #[schema(example = json!(["approved", "rejected"]))]
    events: Vec<String>,
    /// `native`, or `proof`: then it is told in the words of that API, only of what was asked there,
    /// only of its end, and at once, since receivers there know no challenge.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    dialect: Dialect,
    /// `live` or `test`; absent for that of the key that makes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    environment: Option<Environment>,
}

/// How a secret gives way to another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateBody {
    /// For how long the one before signs too: seconds, or a text such as `24h`, which holds where
    /// nothing is said. At most 7 days; 0 if somebody else may know it.
    #[serde(default = "a_day")]
    #[schema(schema_with = maybe_length, required = false)]
    overlap: Seconds,
}

const fn a_day() -> Seconds {
    Seconds(24 * 3_600)
}

/// All receivers.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookList {
    data: Vec<WebhookView>,
}

fn view(webhook: Webhook, now: Timestamp) -> WebhookView {
    let older = webhook.secrets.older.map(|(_, until)| until).filter(|until| now < *until);
    let id = webhook.id;
    let unasked = || {
        format!("it has not answered a challenge yet; POST /v1/webhooks/{id}/challenge sends one")
    };
    let problem = match webhook.state {
        WebhookState::Active => None,
        WebhookState::Unconfirmed | WebhookState::Disabled => {
            Some(webhook.problem.unwrap_or_else(unasked))
        }
    };
    WebhookView {
        id: id.to_string(),
        url: webhook.url,
        events: webhook.events,
        dialect: webhook.dialect.as_str(),
        environment: webhook.place.environment.as_str(),
        created_at: webhook.created_at.to_string(),
        state: webhook.state.as_str(),
        disabled_at: webhook.disabled_at.map(|at| at.to_string()),
        problem,
        older_secret_until: older.map(|until| until.to_string()),
        down_since: webhook.outage.map(|outage| outage.since.to_string()),
        next_try_at: webhook.outage.map(|outage| outage.next_try_at.to_string()),
        waiting: webhook.waiting,
    }
}

/// Reads a list of events.
fn events_from(names: Vec<String>) -> Result<BTreeSet<String>, Problem> {
    let known = |name: &str| Event::NAMES.contains(&name);
    if let Some((at, odd)) = names.iter().enumerate().find(|(_, name)| !known(name)) {
        let detail = format!("there is no event {odd:?}; there are {}", Event::NAMES.join(", "));
        return Err(Problem::bad_request(detail.clone()).at(format!("/events/{at}"), detail));
    }
    Ok(names.into_iter().collect())
}

/// Have what happens sent somewhere, signed. The secret to verify it with is in the answer, this
/// once. A challenge is sent there before the answer: whether it came back is its `state`.
#[utoipa::path(post, path = "/v1/webhooks", tag = "webhooks", request_body = NewWebhookBody,
    responses((status = 201, body = MadeWebhookView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    body: Body<NewWebhookBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("webhooks.add");
    let NewWebhookBody { url, callbacks, events, dialect, environment } = body.value;
    let odd = match (&url, callbacks) {
        (None, false) => Some(("/url", "where it listens, or `\"callbacks\": true`")),
        (Some(_), true) => Some(("/url", "callbacks go where each approval says; leave it out")),
        (None, true) if !events.is_empty() => {
            Some(("/events", "callbacks tell the end of an approval; leave it out"))
        }
        (Some(_), false) if !dialect.is_native() && !events.is_empty() => {
            Some(("/events", "in another API's words it is told of ends alone; leave it out"))
        }
        _ => None,
    };
    if let Some((pointer, detail)) = odd {
        return Err(Problem::bad_request(detail).at(pointer, detail));
    }
    let events = match callbacks || !dialect.is_native() {
        true => ENDS.map(str::to_owned).into(),
        false => events_from(events)?,
    };
    let wish = WebhookWish { url, events, dialect, environment };
    let made = app.service.add_webhook(&caller, wish, idempotency).await?;
    let secret = made.secret.map(|secret| secret.to_string());
    let body = MadeWebhookView { secret, view: view(made.webhook, app.service.now()) };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// List webhooks, oldest first, without their secrets.
#[utoipa::path(get, path = "/v1/webhooks", tag = "webhooks",
    responses((status = 200, body = WebhookList), (status = 403, body = Problem)))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<WebhookList>, Problem> {
    let found = app.service.webhooks(&caller).await?;
    let now = app.service.now();
    Ok(Json(WebhookList { data: found.into_iter().map(|one| view(one, now)).collect() }))
}

/// Get a webhook.
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(view(app.service.webhook(&caller, id).await?, app.service.now())))
}

/// Remove a webhook, at once. What waited for it is not sent, and its log goes.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 204, description = "Nothing is sent to it any more"),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<WebhookId>,
) -> Result<StatusCode, Problem> {
    app.service.remove_webhook(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask a webhook that is unconfirmed or disabled whether it wants to be told: it is sent a challenge
/// and has ten seconds to give it back. The answer says in `state` whether it did, and in `problem`
/// what to do if not. Nothing is sent to one that is active.
#[utoipa::path(post, path = "/v1/webhooks/{id}/challenge", tag = "webhooks",
    params(("id" = String, Path)), request_body = Option<NoBody>,
    responses((status = 200, body = WebhookView), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn challenge(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<WebhookId>,
    _body: Body<NoBody>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(view(app.service.challenge_webhook(&caller, id).await?, app.service.now())))
}

/// Another secret for a webhook, which is in the answer, this once. Until the overlap is over the
/// one before signs too, so that its receiver can take its time; one before that does not.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate", tag = "webhooks",
    params(("id" = String, Path)), request_body = RotateBody,
    responses((status = 200, body = MadeWebhookView), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<WebhookId>,
    body: Body<RotateBody>,
) -> Result<Json<MadeWebhookView>, Problem> {
    let idempotency = body.idempotency(format!("webhooks.rotate/{id}"));
    let overlap = body.value.overlap;
    let made = app.service.rotate_webhook(&caller, id, overlap, idempotency).await?;
    let secret = made.secret.map(|secret| secret.to_string());
    Ok(Json(MadeWebhookView { secret, view: view(made.webhook, app.service.now()) }))
}

/// What was or will be sent to a webhook, newest first. What is settled is forgotten after thirty
/// days.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path), PageQuery),
    responses((status = 200, body = DeliveryPage), (status = 404, body = Problem)))]
pub async fn deliveries(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<WebhookId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<DeliveryPage>, Problem> {
    let limit = page_size(query.limit)?;
    let before = cursor(query.cursor.as_deref())?;
    let mut rows = app.service.deliveries(&caller, id, before, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().map(|row| row.id.to_string()).filter(|_| more);
    let data = rows.into_iter().map(DeliveryView::of_delivery).collect();
    Ok(Json(DeliveryPage::new(data, last, &[Kind::Webhook])))
}
