//! The API of Ambedo HITL: an agent pauses, and polls until somebody has decided. What is that
//! product's word and what is ours stands in docs/dialects/ambedo.md.

mod pause;

use askfirst_core::{Dialect, Status, VoteDecision};
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::status_of;
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id, Query, presented};
use crate::service::decide::Answer;
use crate::service::search::Search;
use crate::service::{Caller, NotSignedIn, Seen, ServiceError};
use crate::web;
use pause::{PauseBody, PauseView, WatchId};

pub(super) use pause::callback;

/// Where all of it is.
pub(super) const ROOT: &str = "/api/pause";

/// How many pauses a list has that does not say, and the most.
const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 100;
/// The most that a list skips: what lies beyond is found by its status.
const FARTHEST: u32 = 1_000;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/pause", get(list).post(pause))
        .route("/api/pause/{id}", get(status))
        .route("/api/pause/{id}/approve", post(decide))
        .route("/api/pause/", any(nothing_here))
        .route("/api/pause/{id}/", any(nothing_here))
        .route("/api/pause/{id}/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
}

/// A problem as its clients read it: few status codes, and an object with one sentence.
pub(super) fn refusal(problem: &Problem) -> (StatusCode, Value) {
    (status_of(problem), json!({ "error": problem.detail() }))
}

/// A program with a key of this dialect.
struct Program(Caller);

impl FromRequestParts<App> for Program {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let metered = presented(&parts.headers, app, Dialect::Ambedo).await?;
        Ok(Self(metered.caller))
    }
}

/// A person who is signed in. Whoever comes with a key is a program, whatever else they bring.
struct Person(Caller);

impl FromRequestParts<App> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let url = &app.reach.public_url;
        if parts.headers.contains_key(header::AUTHORIZATION) {
            presented(&parts.headers, app, Dialect::Ambedo).await?;
            return Err(forbidden(format!(
                "an API key cannot approve or reject; a person does, signed in at {url}"
            )));
        }
        if web::is_from_elsewhere(&parts.headers, &app.reach) {
            return Err(forbidden("this was sent from a page of another site".into()));
        }
        match web::signed_in(&parts.headers, app).await? {
            Some(caller) => Ok(Self(caller)),
            None => {
                let detail = format!("sign in at {url}/login; pauses are decided there, at {url}");
                let title = "Not authenticated";
                Err(Problem::new(StatusCode::UNAUTHORIZED, "not_authenticated", title, detail))
            }
        }
    }
}

fn forbidden(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
}

async fn pause(
    State(app): State<App>,
    Program(caller): Program,
    body: Body<PauseBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("ambedo.pause");
    let key = caller.key().ok_or(NotSignedIn::Missing(Dialect::Ambedo))?;
    let question = body.value.question(key)?;
    let (seen, _) = app.service.ask(&caller, question, idempotency).await.map_err(told)?;
    Ok((StatusCode::CREATED, Json(PauseView::of(&seen, &app.reach.public_url))).into_response())
}

async fn status(
    State(app): State<App>,
    Program(caller): Program,
    Id(WatchId(id)): Id<WatchId>,
) -> Result<Json<PauseView>, Problem> {
    let seen = app.service.approval(&caller, id).await.map_err(told)?;
    Ok(Json(PauseView::of(&a_pause(seen)?, &app.reach.public_url)))
}

/// Which pauses are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    status: Option<Status>,
    limit: Option<u32>,
    offset: Option<u32>,
}

/// Some of a key's pauses, newest first.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PauseList {
    pauses: Vec<PauseView>,
    /// In all, counted up to 10,000.
    total: u32,
    limit: u32,
    offset: u32,
    has_more: bool,
}

async fn list(
    State(app): State<App>,
    Program(caller): Program,
    Query(query): Query<ListQuery>,
) -> Result<Json<PauseList>, Problem> {
    let (limit, offset) = (query.limit.unwrap_or(USUAL_PAGE), query.offset.unwrap_or(0));
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let detail = format!("limit: 1 to {LARGEST_PAGE}");
        return Err(Problem::bad_request(detail));
    }
    if offset > FARTHEST {
        let detail = format!("offset: at most {FARTHEST}; narrow the list by its status");
        return Err(Problem::bad_request(detail));
    }
    // A key that only asks sees its own, and those are all pauses.
    let search = Search { status: query.status, limit, ..Search::default() };
    let (found, total) = app.service.own_page(&caller, search, offset).await?;
    let shown = |seen: &Seen| PauseView::of(seen, &app.reach.public_url);
    let pauses: Vec<_> = found.iter().map(shown).collect();
    let has_more = (offset as usize).saturating_add(pauses.len()) < total as usize;
    Ok(Json(PauseList { pauses, total, limit, offset, has_more }))
}

/// What somebody decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    decision: Word,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Approved,
    Rejected,
}

async fn decide(
    State(app): State<App>,
    Person(caller): Person,
    Id(WatchId(id)): Id<WatchId>,
    body: Body<DecisionBody>,
) -> Result<Json<PauseView>, Problem> {
    let idempotency = body.idempotency(format!("ambedo.decide {id}"));
    let DecisionBody { decision, comment } = body.value;
    let seen = a_pause(app.service.approval(&caller, id).await.map_err(told)?)?;
    let answer = Answer {
        decision: match decision {
            Word::Approved => VoteDecision::Approve,
            Word::Rejected => VoteDecision::Reject,
        },
        // Nobody can change a pause, so its id stands for one action.
        action_digest: seen.approval.action_digest,
        on_behalf_of: None,
        comment,
        edits: std::collections::BTreeMap::new(),
        answer: None,
        grant: None,
        shown: None,
    };
    let seen = app.service.vote(&caller, id, answer, idempotency).await.map_err(told)?;
    Ok(Json(PauseView::of(&seen, &app.reach.public_url)))
}

/// What was asked in this API and no other.
fn a_pause(seen: Seen) -> Result<Seen, Problem> {
    match seen.approval.asker.dialect {
        Dialect::Ambedo => Ok(seen),
        Dialect::Native | Dialect::Proof | Dialect::Holdon => {
            Err(told(ServiceError::NotFound("approval")))
        }
    }
}

/// In the words of this API there are no approvals.
fn told(error: ServiceError) -> Problem {
    match error {
        ServiceError::NotFound("approval") => ServiceError::NotFound("pause").into(),
        ServiceError::Invalid(mut mistakes) => {
            for mistake in &mut mistakes {
                if mistake.pointer == "/callback_url" {
                    mistake.pointer = "/webhookUrl".into();
                }
            }
            ServiceError::Invalid(mistakes).into()
        }
        other => other.into(),
    }
}

async fn nothing_here() -> Problem {
    Problem::not_found(
        "there is nothing at this path; there are /api/pause and /api/pause/{watchId}",
    )
}

async fn wrong_method() -> Problem {
    let detail = "this path does not take that method; POST /api/pause makes a pause, and GET \
                  /api/pause/{watchId} tells of one";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Wrong method", detail)
}
