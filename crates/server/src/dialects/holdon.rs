//! The API of HoldOn: an agent asks in words, and whoever has the link decides. What is that
//! product's word and what is ours stands in docs/dialects/holdon.md.

mod approval;
mod keys;
mod said;

use std::borrow::Cow;
use std::collections::BTreeMap;

use askfirst_core::{Cause, Decision, Dialect, Environment, Refusal, Status, VoteDecision};
use askfirst_store::Premises;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::status_of;
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id, Query, presented};
use crate::http::visitor::Visitor;
use crate::service::decide::Answer;
use crate::service::search::Search;
use crate::service::{Caller, NotSignedIn, Seen, ServiceError};
use crate::web;
use approval::{ApprovalView, AskBody, DecidedView, ForeignId, Sent, Way};
use keys::{KeyBody, MadeKeyView};
use said::Said;

pub(super) use approval::{callback, headers};
pub(super) use said::unnamed;

/// Where all of it is.
pub(super) const ROOTS: [&str; 3] = ["/api/approvals", "/api/decide", "/api/keys"];

/// How many approvals a list has that does not say, and the most.
const USUAL_PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 100;
/// The most that a list skips: what lies beyond is found by its status.
const FARTHEST: u32 = 1_000;
/// The longest name that somebody says, in characters.
const LONGEST_NAME: usize = 200;
/// How long people have in a stranger's workspace, where an ask does not say. Its policy allows more.
const STRANGERS_HOUR: u32 = 3_600;

const NO_TELEGRAM: Sent = Sent {
    sent: false,
    error: Some(Cow::Borrowed(
        "no Telegram is set up here: an admin does that by `askfirst channels add telegram`; for a \
         key that is made by POST /api/keys it takes telegram_bot_token and telegram_chat_id",
    )),
};
const NO_MAIL: Sent = Sent {
    sent: false,
    error: Some(Cow::Borrowed(
        "no mail is set up here: an admin does that by `askfirst channels add email`; for a key \
         that was made by POST /api/keys it takes a notification_email, and self_service_mail in \
         the server's configuration",
    )),
};
const NOBODY: Sent =
    Sent { sent: false, error: Some(Cow::Borrowed("nobody is asked any more: it is decided")) };
const TOLD: Sent = Sent { sent: true, error: None };

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/keys", post(make_key))
        .route("/api/keys/", any(nothing_here))
        .route("/api/keys/{*rest}", any(nothing_here))
        .route("/api/approvals", get(list).post(ask))
        .route("/api/approvals/{id}", get(status))
        .route("/api/decide/{token}", post(decide))
        .route("/api/approvals/", any(nothing_here))
        .route("/api/approvals/{id}/{*rest}", any(nothing_here))
        .route("/api/decide", any(nothing_here))
        .route("/api/decide/", any(nothing_here))
        .route("/api/decide/{token}/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
}

/// A problem as its clients read it: an object with one sentence.
pub(super) fn refusal(problem: &Problem) -> (StatusCode, Value) {
    (status_of(problem), json!({ "error": problem.detail() }))
}

/// A program with a key of this dialect.
struct Program(Caller);

impl FromRequestParts<App> for Program {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let metered = presented(&parts.headers, app, Dialect::Holdon).await?;
        Ok(Self(metered.caller))
    }
}

/// What stands for a link in a path. One that is no text is as unknown as any other.
struct Token(String);

impl FromRequestParts<App> for Token {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        path.map(|Path(token)| Self(token)).map_err(|_| no_link())
    }
}

async fn make_key(
    State(app): State<App>,
    visitor: Option<Extension<Visitor>>,
    headers: HeaderMap,
    body: Body<KeyBody>,
) -> Result<(StatusCode, Json<MadeKeyView>), Problem> {
    of_our_own(&headers, &app)?;
    let place = visitor.and_then(|Extension(visitor)| visitor.address);
    Ok((StatusCode::CREATED, Json(body.value.make(&app, place).await?)))
}

/// Passes unless a browser sent this from another site's page.
fn of_our_own(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    if web::is_from_elsewhere(headers, &app.reach) {
        let detail = "this was sent from a page of another site";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail));
    }
    Ok(())
}

async fn ask(
    State(app): State<App>,
    Program(caller): Program,
    body: Body<AskBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("holdon.ask");
    let key = caller.key().ok_or(NotSignedIn::Missing(Dialect::Holdon))?;
    let mut value = body.value;
    let premises = app.service.premises(&caller).await?;
    if value.webhook_url.is_none() {
        value.webhook_url.clone_from(&caller.callback_url);
    }
    if value.expires_in.is_none() && premises.workspace.self_service {
        value.expires_in = Some(STRANGERS_HOUR);
    }
    let wanted = value.notify.clone();
    let question = value.question(key)?;
    let asked = app.service.ask_with_link(&caller, question, idempotency).await;
    let (seen, token) = asked.map_err(told)?;
    let mut view = ApprovalView::of(&seen, pages(&app, &premises));
    view.notifications = Some(notifications(&caller, &premises, &seen, wanted));
    if let Some(token) = token {
        view.decision_url = Some(format!("{}/decide/{token}", app.reach.public_url));
    }
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Where the pages are of those who can sign in. In a stranger's workspace nobody can.
fn pages<'a>(app: &'a App, premises: &Premises) -> Option<&'a str> {
    (!premises.workspace.self_service).then_some(app.reach.public_url.as_str())
}

/// What became of telling people. It is queued with the approval itself, and sent when the mail
/// server or Telegram takes it.
fn notifications(
    caller: &Caller,
    premises: &Premises,
    seen: &Seen,
    wanted: Option<Vec<Way>>,
) -> BTreeMap<Way, Sent> {
    // What is asked on trial is told nobody.
    let trial = caller.place.environment == Environment::Test;
    let tells_by = |kind| !trial && premises.ways.contains(kind);
    let (mail, telegram) = (tells_by("email"), tells_by("telegram"));
    let all = || [(telegram, Way::Telegram), (mail, Way::Email)];
    let there = || all().into_iter().filter_map(|(there, way)| there.then_some(way)).collect();
    let wanted: Vec<Way> = wanted.unwrap_or_else(there);
    let open = seen.approval.status_at(seen.now) == Status::Pending;
    let sent = |way| match way {
        Way::Telegram if !telegram => NO_TELEGRAM,
        Way::Email if !mail => NO_MAIL,
        _ if !open => NOBODY,
        Way::Telegram | Way::Email => TOLD,
    };
    wanted.into_iter().map(|way| (way, sent(way))).collect()
}

async fn status(
    State(app): State<App>,
    Program(caller): Program,
    Id(ForeignId(id)): Id<ForeignId>,
) -> Result<Json<ApprovalView>, Problem> {
    let seen = app.service.approval(&caller, id).await?;
    if seen.approval.asker.dialect != Dialect::Holdon {
        return Err(ServiceError::NotFound("approval").into());
    }
    let premises = app.service.premises(&caller).await?;
    Ok(Json(ApprovalView::of(&seen, pages(&app, &premises))))
}

/// Which approvals are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    status: Option<Standing>,
    limit: Option<u32>,
    offset: Option<u32>,
}

/// How an approval stands, in their words.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Pending,
    Approved,
    Rejected,
    Expired,
}

impl Standing {
    /// What that is in ours.
    const fn ours(self) -> &'static [Status] {
        match self {
            Self::Pending => &[Status::Pending],
            Self::Approved => &[Status::Approved],
            Self::Rejected => &[Status::Rejected],
            Self::Expired => &[Status::Expired, Status::Cancelled],
        }
    }
}

/// Some of a key's approvals, newest first.
#[derive(Serialize)]
struct ApprovalList {
    approvals: Vec<ApprovalView>,
    limit: u32,
    offset: u32,
    has_more: bool,
}

async fn list(
    State(app): State<App>,
    Program(caller): Program,
    Query(query): Query<ListQuery>,
) -> Result<Json<ApprovalList>, Problem> {
    let (limit, offset) = (query.limit.unwrap_or(USUAL_PAGE), query.offset.unwrap_or(0));
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let detail = format!("limit: 1 to {LARGEST_PAGE}");
        return Err(Problem::bad_request(detail));
    }
    if offset > FARTHEST {
        let detail = format!("offset: at most {FARTHEST}; narrow the list by its status");
        return Err(Problem::bad_request(detail));
    }
    let wanted = match query.status {
        None => vec![None],
        Some(standing) => standing.ours().iter().copied().map(Some).collect(),
    };
    // A key that only asks sees its own, and those were all asked here.
    let (mut found, mut has_more) = (Vec::new(), false);
    for status in wanted {
        let search = Search { status, limit: offset + limit, ..Search::default() };
        let (some, next) = app.service.search(&caller, search).await?;
        found.extend(some);
        has_more |= next.is_some();
    }
    found.sort_by_key(|seen| std::cmp::Reverse(seen.approval.id));
    has_more |= found.len() > (offset + limit) as usize;
    let page = found.iter().skip(offset as usize).take(limit as usize);
    let premises = app.service.premises(&caller).await?;
    let pages = pages(&app, &premises);
    let approvals = page.map(|seen| ApprovalView::of(seen, pages)).collect();
    Ok(Json(ApprovalList { approvals, limit, offset, has_more }))
}

/// What somebody decides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionBody {
    decision: Word,
    #[serde(default)]
    decided_by: Option<String>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Approved,
    Rejected,
}

impl DecisionBody {
    fn said(&mut self) -> Result<Said, Problem> {
        let text = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let name = text(self.decided_by.take());
        let broken = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        if name.as_deref().is_some_and(|n| n.chars().count() > LONGEST_NAME || n.contains(broken)) {
            let detail =
                format!("/decided_by: one line of at most {LONGEST_NAME} characters, or left out");
            return Err(Problem::bad_request(detail));
        }
        Ok(Said { name, note: text(self.note.take()) })
    }
}

async fn decide(
    State(app): State<App>,
    Token(token): Token,
    headers: HeaderMap,
    mut body: Body<DecisionBody>,
) -> Result<Json<DecidedView>, Problem> {
    of_our_own(&headers, &app)?;
    let said = body.value.said()?;
    let known = app.service.caller_by_any_decision_link(&token).await?;
    // Others open the page, where whoever holds them reads before they answer.
    let (caller, id) = known.filter(|(caller, _)| caller.is_bearer()).ok_or_else(no_link)?;
    let seen = app.service.approval(&caller, id).await?;
    if seen.approval.asker.dialect != Dialect::Holdon {
        return Err(no_link());
    }
    // Its link is over with it, and could not say so.
    if let Some(end) = seen.approval.decision_at(seen.now)
        && seen.now >= seen.approval.expires_at
    {
        return Err(ended(&seen, &end));
    }
    let idempotency = body.idempotency(format!("holdon.decide {id}"));
    let answer = Answer {
        decision: match body.value.decision {
            Word::Approved => VoteDecision::Approve,
            Word::Rejected => VoteDecision::Reject,
        },
        // Nobody can change what is asked here, so its link stands for one action.
        action_digest: seen.approval.action_digest,
        on_behalf_of: None,
        comment: said.comment(),
        edits: BTreeMap::new(),
        answer: None,
        grant: None,
        shown: None,
    };
    match app.service.vote(&caller, id, answer, idempotency).await {
        Ok(seen) => Ok(Json(DecidedView::from(&seen))),
        Err(refused @ ServiceError::Refused(Refusal::AlreadyDecided { .. })) => {
            let seen = app.service.approval(&caller, id).await?;
            let end = seen.approval.decision_at(seen.now);
            Err(end.map_or_else(|| told(refused), |end| ended(&seen, &end)))
        }
        Err(other) => Err(told(other)),
    }
}

/// It is decided, or nobody decides it any more.
fn ended(seen: &Seen, end: &Decision) -> Problem {
    let how = approval::ended(&seen.approval, end);
    if matches!(end.cause, Cause::Deadline | Cause::Withdrawn) {
        let detail = format!("too late: {how}; ask again if it is still wanted");
        return Problem::new(StatusCode::GONE, "over", "Too late", detail);
    }
    Problem::new(StatusCode::CONFLICT, "already_decided", "Already decided", how)
}

fn no_link() -> Problem {
    Problem::not_found(
        "this link decides nothing: it is not known here. open the decision_url that came with \
         the approval",
    )
}

/// In the fields of this API.
fn told(error: ServiceError) -> Problem {
    match error {
        ServiceError::Invalid(mut mistakes) => {
            for mistake in &mut mistakes {
                match mistake.pointer.as_str() {
                    "/callback_url" => mistake.pointer = "/webhook_url".into(),
                    "/comment" => mistake.pointer = "/note".into(),
                    _ => {}
                }
            }
            ServiceError::Invalid(mistakes).into()
        }
        other => other.into(),
    }
}

async fn nothing_here() -> Problem {
    Problem::not_found(
        "there is nothing at this path; there are /api/keys, /api/approvals, \
         /api/approvals/{id} and /api/decide/{token}",
    )
}

async fn wrong_method() -> Problem {
    let detail = "this path does not take that method; POST /api/approvals asks, GET \
                  /api/approvals/{id} tells how it stands, and POST /api/decide/{token} decides";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Wrong method", detail)
}
