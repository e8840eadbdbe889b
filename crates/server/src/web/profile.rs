//! One's own account: who one is here, and where one is signed in.

use askama::Template;
use askfirst_core::SessionId;
use askfirst_store::{Credential, Session};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::fault::{Fault, page};
use super::session::{Nothing, Posted, SignedIn, no_cookie};
use super::shell::{Moment, Shell};
use super::words;
use crate::app::App;

/// One's own account.
#[derive(Template)]
#[template(path = "profile.html")]
pub(super) struct ProfilePage {
    pub(super) shell: Shell,
    pub(super) sessions: Vec<SessionRow>,
}

/// One signed-in browser.
#[derive(Clone, Debug)]
pub(super) struct SessionRow {
    pub(super) id: String,
    /// What its votes are worth, in words.
    pub(super) how: &'static str,
    pub(super) opened: Moment,
    pub(super) until: Moment,
    /// Whether it is the one that looks.
    pub(super) here: bool,
}

impl SessionRow {
    pub(super) fn new(session: &Session, by: &SignedIn) -> Self {
        Self {
            id: session.id.to_string(),
            how: words::assurance(session.facts.assurance),
            opened: Moment::seen_from(session.created_at, by.viewer.now),
            until: Moment::at(session.expires_at),
            here: by.caller.credential == Credential::Session(session.id),
        }
    }
}

impl ProfilePage {
    pub(super) fn new(by: &SignedIn, sessions: &[Session]) -> Self {
        Self {
            shell: Shell::of("Your account", "/account", by, by.viewer.now),
            sessions: sessions.iter().map(|session| SessionRow::new(session, by)).collect(),
        }
    }
}

pub(super) async fn show(State(app): State<App>, by: SignedIn) -> Result<Response, Fault> {
    let sessions = app.service.sessions(&by.caller, by.viewer.member.id).await?;
    Ok(page(StatusCode::OK, &ProfilePage::new(&by, &sessions)))
}

/// Which session.
#[derive(Deserialize)]
pub(super) struct Which {
    session: String,
}

pub(super) async fn close(
    State(app): State<App>,
    posted: Posted<Which>,
) -> Result<Response, Fault> {
    let Posted { by, form: Which { session } } = posted;
    let id: SessionId = session.parse().map_err(|_| Fault::NotFound)?;
    app.service.close_session_of(&by.caller, by.viewer.member.id, id).await?;
    if by.caller.credential == Credential::Session(id) {
        let cookie = no_cookie(&app.reach).map(|cookie| (header::SET_COOKIE, cookie));
        return Ok((AppendHeaders(cookie), Redirect::to("/login")).into_response());
    }
    Ok(Redirect::to("/account").into_response())
}

pub(super) async fn close_others(
    State(app): State<App>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let Posted { by, form: Nothing {} } = posted;
    app.service.close_sessions_of(&by.caller, by.viewer.member.id, true).await?;
    Ok(Redirect::to("/account").into_response())
}
