//! `/v1/members/{id}/sessions` and `/password`: where a person is signed in, and ending that.

use askfirst_core::{MemberId, SessionId};
use askfirst_store::Session;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::request::Id;
use crate::app::App;
use crate::service::Caller;

/// A signed-in browser.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// `ses_…`
    id: String,
    /// What its votes are worth: `link` or `session`.
    assurance: &'static str,
    /// When it was opened.
    created_at: String,
    /// When it ends by itself.
    expires_at: String,
}

/// All open sessions of a person, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    data: Vec<SessionView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

fn view(session: Session) -> SessionView {
    SessionView {
        id: session.id.to_string(),
        assurance: session.facts.assurance.as_str(),
        created_at: session.created_at.to_string(),
        expires_at: session.expires_at.to_string(),
    }
}

/// List where a person is signed in.
#[utoipa::path(get, path = "/v1/members/{id}/sessions", tag = "people",
    params(("id" = String, Path)),
    responses((status = 200, body = SessionList), (status = 404, body = Problem)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
) -> Result<Json<SessionList>, Problem> {
    let open = app.service.sessions(&caller, id).await?;
    Ok(Json(SessionList { data: open.into_iter().map(view).collect(), next_cursor: None }))
}

/// Sign a person out everywhere, at once.
#[utoipa::path(delete, path = "/v1/members/{id}/sessions", tag = "people",
    params(("id" = String, Path)),
    responses((status = 204, description = "Signed out"), (status = 404, body = Problem)))]
pub async fn close_all(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    app.service.close_sessions_of(&caller, id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End one session of a person.
#[utoipa::path(delete, path = "/v1/members/{id}/sessions/{session}", tag = "people",
    params(("id" = String, Path), ("session" = String, Path)),
    responses((status = 204, description = "Ended"), (status = 404, body = Problem)))]
pub async fn close(
    State(app): State<App>,
    caller: Caller,
    Path((member, session)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    // What is no id names nothing, like an id of nobody.
    let member = member.parse().unwrap_or(MemberId::from_bits(0));
    let session = session.parse().unwrap_or(SessionId::from_bits(0));
    app.service.close_session_of(&caller, member, session).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a person's password away. They are signed out everywhere, and need a link to come back.
#[utoipa::path(delete, path = "/v1/members/{id}/password", tag = "people",
    params(("id" = String, Path)),
    responses((status = 204, description = "There is none any more"), (status = 404, body = Problem)))]
pub async fn remove_password(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    app.service.remove_password(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
