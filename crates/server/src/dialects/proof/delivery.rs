//! What went to receivers of this API of what the calling key asked. It is there to be read: what
//! is sent again is an admin's to say.

use std::str::FromStr;

use askfirst_core::{Dialect, HitlId, Seconds};
use askfirst_store::{AskerFilter, Delivery, DeliveryState, Place};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::list::{Page, Pagination, wrong};
use super::{Nothing, Program, second};
use crate::app::App;
use crate::dialects::body_of;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id, Query};
use crate::service::{Caller, ServiceError};

const APPROVED: &str = "confirmation.approved";
const DENIED: &str = "confirmation.denied";
/// How often something is tried.
const MOST_ATTEMPTS: u32 = 3;

/// The first 12 bytes of a delivery's id, in hexadecimal digits.
#[derive(Clone, Copy)]
pub(super) struct SentId([u8; 12]);

impl FromStr for SentId {
    type Err = askfirst_core::hitl::NotAHitlId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<HitlId>().map(|digits| Self(digits.bytes()))
    }
}

/// A line of the log.
#[derive(Serialize)]
pub(super) struct DeliveryView {
    id: String,
    verification_request_id: Option<String>,
    event_type: &'static str,
    url: Option<String>,
    status: &'static str,
    attempts: u32,
    max_attempts: u32,
    last_attempt_at: Option<String>,
    next_retry_at: Option<String>,
    delivered_at: Option<String>,
    response_status: Option<u16>,
    error_message: Option<String>,
    created_at: String,
    updated_at: String,
}

impl DeliveryView {
    fn of(known: &Delivery) -> Self {
        let settled_at = known.settled_at.map(second);
        let delivered = known.state == DeliveryState::Delivered;
        let waiting = known.state == DeliveryState::Waiting;
        Self {
            id: format!("{:024x}", known.id.to_bits() >> 32),
            verification_request_id: None,
            event_type: if known.event == "approved" { APPROVED } else { DENIED },
            // An admin named it, and its path may be a secret.
            url: None,
            status: match known.state {
                DeliveryState::Waiting => "pending",
                DeliveryState::Delivered => "delivered",
                DeliveryState::Dead => "failed",
            },
            attempts: known.attempts,
            max_attempts: MOST_ATTEMPTS,
            last_attempt_at: settled_at.clone(),
            next_retry_at: known.next_at.filter(|_| waiting).map(second),
            delivered_at: settled_at.clone().filter(|_| delivered),
            response_status: known.status,
            error_message: known.why.clone(),
            created_at: second(known.at),
            updated_at: settled_at.unwrap_or_else(|| second(known.at)),
        }
    }
}

/// Which lines are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    status: Option<String>,
    event_type: Option<String>,
    verification_request_id: Option<String>,
    page: Option<u32>,
    limit: Option<u32>,
}

/// Some lines, newest first.
#[derive(Serialize)]
pub(super) struct DeliveryList {
    data: Vec<DeliveryView>,
    pagination: Pagination,
}

fn all() -> AskerFilter {
    AskerFilter {
        dialect: Dialect::Proof,
        state: None,
        approved: None,
        begins: None,
        since: None,
        skip: 0,
        limit: 1,
    }
}

pub(super) async fn list(
    State(app): State<App>,
    Program(caller): Program,
    Query(query): Query<ListQuery>,
) -> Result<Json<DeliveryList>, Problem> {
    let page = Page::of(query.page, query.limit)?;
    let state = match query.status.as_deref() {
        None => None,
        Some("pending") => Some(DeliveryState::Waiting),
        // The first is the client's word, the second that of their other one.
        Some("delivered" | "success") => Some(DeliveryState::Delivered),
        Some("failed") => Some(DeliveryState::Dead),
        Some(_) => return Err(wrong("status", "pending, delivered or failed")),
    };
    let approved = match query.event_type.as_deref() {
        None => None,
        Some(APPROVED) => Some(true),
        Some(DENIED) => Some(false),
        Some(_) => return Err(wrong("event_type", format!("{APPROVED} or {DENIED}"))),
    };
    if query.verification_request_id.is_some() {
        return Err(wrong("verification_request_id", "nothing is verified here"));
    }
    let filter = AskerFilter { state, approved, skip: page.skip(), limit: page.limit, ..all() };
    let (found, total) = app.service.sent_of_own(&caller, filter).await?;
    let data = found.iter().map(DeliveryView::of).collect();
    Ok(Json(DeliveryList { data, pagination: page.told(total.into()) }))
}

async fn one(app: &App, caller: &Caller, id: SentId) -> Result<Delivery, Problem> {
    let filter = AskerFilter { begins: Some(id.0), ..all() };
    let (found, _) = app.service.sent_of_own(caller, filter).await?;
    let found = found.into_iter().next().ok_or(ServiceError::NotFound("delivery"))?;
    Ok(found)
}

/// A line, with what is sent.
#[derive(Serialize)]
pub(super) struct WholeView {
    #[serde(flatten)]
    line: DeliveryView,
    payload: Value,
    response_body: Option<String>,
}

pub(super) async fn get(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<SentId>,
) -> Result<Json<WholeView>, Problem> {
    let known = one(&app, &caller, id).await?;
    let Caller { place, .. } = caller;
    let place = Place { environment: known.environment, ..place };
    let payload = serde_json::from_slice(&body_of(place, &known)).unwrap_or_default();
    // What a receiver answers is for who runs it.
    Ok(Json(WholeView { line: DeliveryView::of(&known), payload, response_body: None }))
}

pub(super) async fn stats(
    State(app): State<App>,
    Program(caller): Program,
) -> Result<Json<Value>, Problem> {
    let count = async |state, since| {
        let filter = AskerFilter { state: Some(state), since, ..all() };
        app.service.sent_of_own(&caller, filter).await.map(|(_, total)| total)
    };
    let yesterday = app.service.now().minus(Seconds(86_400));
    let pending = count(DeliveryState::Waiting, None).await?;
    let delivered = count(DeliveryState::Delivered, None).await?;
    let failed = count(DeliveryState::Dead, None).await?;
    let recent = count(DeliveryState::Dead, Some(yesterday)).await?;
    let settled = delivered + failed;
    let rate = if settled == 0 { 100.0 } else { f64::from(delivered) * 100.0 / f64::from(settled) };
    Ok(Json(json!({
        "total": pending + settled,
        "by_status": { "pending": pending, "delivered": delivered, "failed": failed },
        "delivery_rate": format!("{rate:.1}%"),
        "recent_failures_24h": recent,
    })))
}

pub(super) async fn retry(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<SentId>,
    body: Body<Nothing>,
) -> Result<Json<Value>, Problem> {
    let Nothing {} = body.value;
    let known = one(&app, &caller, id).await?;
    let detail = format!(
        "a key that asks has nothing sent again; an admin does, by `askfirst deliveries retry {}`",
        known.id
    );
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail))
}
