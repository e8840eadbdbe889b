//! `/v1/deliveries`: what went to receivers and to people, in one log, and having it sent once more.

use askfirst_core::administration::GivenUp;
use askfirst_core::{ApprovalId, ChannelId, Environment, Timestamp, WebhookId};
use askfirst_store::{Delivery, Notice};
use axum::Json;
use axum::extract::State as Axum;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::{parsed, window};
use super::people::NoBody;
use super::problem::Problem;
use super::request::{Body, Id, Query, cursor, page_size};
use crate::app::App;
use crate::service::Caller;
use crate::service::deliveries::{Kind, ReplayWish, Sent, SentId, SentSearch, State};
use crate::service::search::point_in_time;

/// One event for one receiver, or something for one person.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct DeliveryView {
    /// `dlv_…`, the `webhook-id` of every attempt; or `ntc_…`, the beginning of the `Message-ID`.
    id: String,
    /// `webhook` or `email`.
    kind: &'static str,
    /// `live`, `test` or `dev`.
    environment: &'static str,
    /// Of which approval.
    approval: String,
    /// When it happened, and since when it waits.
    at: String,
    /// `waiting`; `delivered` (the receiver has it) or `sent` (the mail server has it); `dropped`
    /// (a mail that had become pointless) or `dead` (given up).
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next; null behind another one of its approval that waits.
    next_attempt_at: Option<String>,
    /// When it arrived, was dropped, or was given up.
    settled_at: Option<String>,
    /// What went wrong last and what to do, or why it was dropped.
    last_error: Option<String>,
    /// To which webhook; null for a mail, and so is all that follows up to `response_body`.
    webhook: Option<String>,
    /// Where it is sent, if it is a callback.
    url: Option<String>,
    /// What happened.
    event: Option<String>,
    /// The approval's version after it: what is told of one approval is told in this order.
    sequence: Option<u32>,
    /// The status that was answered last.
    response_status: Option<u16>,
    /// The beginning of what was answered last, at most 1024 bytes.
    response_body: Option<String>,
    /// By which channel; null for a webhook, and so is all that follows.
    channel: Option<String>,
    /// To whom.
    member: Option<String>,
    /// Their address now; null if they have no account any more.
    address: Option<String>,
    /// `asked`, `changed`, `reminder`, `ended`, `claimed` (the agent has its answer) or `reported` (how it says
    /// that it went).
    about: Option<&'static str>,
}

/// A page of what was or will be sent, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryPage {
    data: Vec<DeliveryView>,
    /// Of which kinds: those that were asked for, and that the key may see.
    #[schema(value_type = Vec<String>)]
    kinds: Vec<&'static str>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

fn names(kinds: &[Kind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.as_str()).collect()
}

impl DeliveryPage {
    pub(super) fn new(data: Vec<DeliveryView>, next: Option<String>, kinds: &[Kind]) -> Self {
        Self { data, kinds: names(kinds), next_cursor: next }
    }
}

impl DeliveryView {
    fn of(sent: Sent) -> Self {
        match sent {
            Sent::Delivery(delivery) => Self::of_delivery(delivery),
            Sent::Notice(notice) => Self::of_notice(notice),
        }
    }

    pub(super) fn of_delivery(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            kind: Kind::Webhook.as_str(),
            environment: delivery.environment.as_str(),
            approval: delivery.approval.to_string(),
            at: delivery.at.to_string(),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_at.map(|at| at.to_string()),
            settled_at: delivery.settled_at.map(|at| at.to_string()),
            last_error: delivery.why,
            webhook: Some(delivery.webhook.to_string()),
            url: delivery.url,
            event: Some(delivery.event),
            sequence: Some(delivery.version),
            response_status: delivery.status,
            response_body: delivery.answer,
            ..Self::default()
        }
    }

    fn of_notice(notice: Notice) -> Self {
        Self {
            id: notice.id.to_string(),
            kind: Kind::Email.as_str(),
            environment: notice.environment.as_str(),
            approval: notice.approval.to_string(),
            at: notice.at.to_string(),
            state: notice.state.as_str(),
            attempts: notice.attempts,
            next_attempt_at: notice.next_at.map(|at| at.to_string()),
            settled_at: notice.settled_at.map(|at| at.to_string()),
            last_error: notice.why,
            channel: Some(notice.channel.to_string()),
            member: Some(notice.member.to_string()),
            address: notice.address,
            about: Some(notice.about.as_str()),
            ..Self::default()
        }
    }
}

/// Which of what was sent is listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// `webhook` or `email`; absent for all that the key may see.
    #[param(value_type = Option<String>)]
    kind: Option<Kind>,
    /// `waiting`, `delivered`, `sent`, `dropped` or `dead`.
    #[param(value_type = Option<String>)]
    state: Option<State>,
    /// Only to this webhook (`whk_…`).
    webhook: Option<String>,
    /// Only by this channel (`chn_…`).
    channel: Option<String>,
    /// Only of this approval (`apr_…`).
    approval: Option<String>,
    /// `live`, `test` or `dev`; absent for all of the workspace.
    #[param(value_type = Option<String>)]
    environment: Option<Environment>,
    /// Only what happened at this time or later: RFC 3339, or a day, which begins at 00:00 UTC.
    #[param(example = "2030-01-31T12:00:00Z")]
    since: Option<String>,
    /// Only what happened before this time.
    #[param(example = "2030-02-01")]
    until: Option<String>,
    /// Rows in a page, 1 to 100.
    limit: Option<u32>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// What was given up and is to be sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// What was given up at this time or later: RFC 3339, or a day, which begins at 00:00 UTC.
    #[schema(example = "2030-01-31T12:00:00Z")]
    from: String,
    /// What was given up before this time.
    #[schema(example = "2030-02-01")]
    to: String,
    /// `webhook` or `email`; absent for all that the key may have sent again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    kind: Option<Kind>,
    /// Only to this webhook.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    webhook: Option<WebhookId>,
    /// Only by this channel.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    channel: Option<ChannelId>,
    /// `live`, `test` or `dev`; absent for all of the workspace.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    environment: Option<Environment>,
    /// With `true`, nothing is sent: the answer says how much would be.
    #[serde(default)]
    dry_run: bool,
}

/// What a replay did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// Of which kinds: those that were asked for, and that the key may have sent again.
    #[schema(value_type = Vec<String>)]
    kinds: Vec<&'static str>,
    /// Whether nothing was done.
    dry_run: bool,
    /// How much is due again, or would be: at most 1000 of each kind, the oldest first.
    count: u64,
    /// How much more was given up in this time. Ask again for it.
    left: u64,
    /// Mails that are not sent again, as they ask for an answer to what has ended.
    over: u64,
}

/// The kind that a receiver or a channel stands for; what cannot both be is a mistake.
fn kind_of(
    kind: Option<Kind>,
    webhook: bool,
    channel: bool,
    mistake: impl Fn(&str, &str) -> Problem,
) -> Result<Option<Kind>, Problem> {
    let named = match (webhook, channel) {
        (true, true) => {
            return Err(mistake(
                "channel",
                "nothing went to a webhook by a channel; name one of them",
            ));
        }
        (true, false) => Some(Kind::Webhook),
        (false, true) => Some(Kind::Email),
        (false, false) => return Ok(kind),
    };
    match kind {
        Some(_) if kind != named => {
            Err(mistake("kind", "what you name is of the other kind; leave this out"))
        }
        _ => Ok(named),
    }
}

/// List what was or will be sent to webhooks and to people, newest first. What is settled is
/// forgotten after thirty days. Webhooks take the scope `workspace`, mail the scope `channels`; with
/// one of them, only that is listed, and `kinds` says so.
#[utoipa::path(get, path = "/v1/deliveries", tag = "deliveries", params(DeliveryQuery),
    responses((status = 200, body = DeliveryPage), (status = 403, body = Problem)))]
pub async fn list(
    Axum(app): Axum<App>,
    caller: Caller,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<DeliveryPage>, Problem> {
    let webhook = parsed::<WebhookId>("webhook", query.webhook.as_deref())?;
    let channel = parsed::<ChannelId>("channel", query.channel.as_deref())?;
    let kind = kind_of(query.kind, webhook.is_some(), channel.is_some(), |name, detail| {
        Problem::bad_request(format!("{name}: {detail}")).at(format!("?{name}"), detail)
    })?;
    let (since, until) =
        window(("since", query.since.as_deref()), ("until", query.until.as_deref()))?;
    let limit = page_size(query.limit)?;
    let search = SentSearch {
        kind,
        state: query.state,
        webhook,
        channel,
        approval: parsed::<ApprovalId>("approval", query.approval.as_deref())?,
        environment: query.environment,
        since,
        until,
        before: cursor(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let (kinds, mut found) = app.service.sent(&caller, search).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().map(|sent| sent.place().to_string()).filter(|_| more);
    let data = found.into_iter().map(DeliveryView::of).collect();
    Ok(Json(DeliveryPage::new(data, next, &kinds)))
}

/// Send something once more: the same under the same id, as soon as what comes before it has
/// arrived. It begins a new round of attempts. A mail that asks for an answer is not sent again once
/// its approval has ended.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", tag = "deliveries",
    params(("id" = String, Path)), request_body = Option<NoBody>,
    responses((status = 202, body = DeliveryView), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn retry(
    Axum(app): Axum<App>,
    caller: Caller,
    Id(id): Id<SentId>,
    body: Body<NoBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("deliveries.retry/{id}"));
    let sent = app.service.retry_sent(&caller, id, idempotency).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(sent))).into_response())
}

/// Send everything again that was given up within a time, in the order of each approval. At most
/// 1000 of each kind become due at once; `left` says how much more there is. With `dry_run`, it
/// only counts.
#[utoipa::path(post, path = "/v1/deliveries/replay", tag = "deliveries", request_body = ReplayBody,
    responses((status = 200, body = ReplayView), (status = 403, body = Problem)))]
pub async fn replay(
    Axum(app): Axum<App>,
    caller: Caller,
    body: Body<ReplayBody>,
) -> Result<Json<ReplayView>, Problem> {
    let idempotency = body.idempotency("deliveries.replay");
    let ReplayBody { from, to, kind, webhook, channel, environment, dry_run } = body.value;
    let mistake = |name: &str, detail: &str| {
        Problem::bad_request(format!("{name}: {detail}")).at(format!("/{name}"), detail)
    };
    let time = |name: &str, text: &str| -> Result<Timestamp, Problem> {
        point_in_time(text).map_err(|error| mistake(name, &error.to_string()))
    };
    let (from, until) = (time("from", &from)?, time("to", &to)?);
    if until <= from {
        return Err(mistake("to", "this is not after `from`"));
    }
    let kind = kind_of(kind, webhook.is_some(), channel.is_some(), mistake)?;
    let wish = ReplayWish { kind, webhook, channel, environment, from, until };
    let done = match dry_run {
        true => app.service.would_replay(&caller, wish).await?,
        false => app.service.replay(&caller, wish, idempotency.as_ref()).await?,
    };
    Ok(Json(ReplayView {
        kinds: names(&done.kinds),
        dry_run,
        count: done.count,
        left: done.left,
        over: done.over,
    }))
}

const _: () = assert!(GivenUp::MOST == 1_000, "said in the descriptions above");
