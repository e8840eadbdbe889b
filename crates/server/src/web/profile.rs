//! One's own account: who one is here, the password, and where one is signed in.

use askama::Template;
use askfirst_core::administration::Denied;
use askfirst_core::{Assurance, SessionId};
use askfirst_store::{Credential, Session};
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::after::{After, Told};
use super::fault::{Fault, page};
use super::history::sent;
use super::linking::{self, Phone};
use super::session::{Nothing, Posted, SignedIn, no_cookie};
use super::shell::{Moment, Shell};
use super::words;
use crate::app::App;
use crate::service::passwords::{SHORTEST, Typed};
use crate::service::{Rights, ServiceError};

/// One's own account.
#[derive(Template)]
#[template(path = "profile.html")]
pub(super) struct ProfilePage {
    pub(super) shell: Shell,
    pub(super) sessions: Vec<SessionRow>,
    pub(super) has_password: bool,
    /// Whether votes from this browser are worth less than a factor of one's own makes them.
    pub(super) weak: bool,
    /// Why the password was not set.
    pub(super) notice: Option<String>,
    pub(super) shortest: usize,
    /// What was just done about the account below.
    pub(super) told: Option<Told>,
    /// Their account with the bot, if there is a bot.
    pub(super) phone: Option<Phone>,
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
    pub(super) fn new(by: &SignedIn, sessions: &[Session], has_password: bool) -> Self {
        let assurance = match by.caller.rights {
            Rights::Member { assurance, .. } => assurance,
            Rights::Key(_) | Rights::Link { .. } => Assurance::Key,
        };
        Self {
            has_password,
            weak: assurance < Assurance::Session,
            notice: None,
            shortest: SHORTEST,
            told: None,
            phone: None,
            shell: Shell::of("Your account", "/account", by, by.viewer.now),
            sessions: sessions.iter().map(|session| SessionRow::new(session, by)).collect(),
        }
    }
}

impl ProfilePage {
    async fn read(app: &App, by: &SignedIn) -> Result<Self, Fault> {
        let member = by.viewer.member.id;
        let sessions = app.service.sessions(&by.caller, member).await?;
        let has_password = app.service.has_password(&by.caller, member).await?;
        let phone = Phone::read(app, by).await?;
        Ok(Self { phone, ..Self::new(by, &sessions, has_password) })
    }
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let after: After = sent(&uri)?;
    let told = after.done(&by).and_then(linking::told);
    Ok(page(StatusCode::OK, &ProfilePage { told, ..ProfilePage::read(&app, &by).await? }))
}

/// A new password, and the one before if there is one.
#[derive(Deserialize)]
pub(super) struct NewPassword {
    #[serde(default)]
    current: String,
    password: String,
}

pub(super) async fn set_password(
    State(app): State<App>,
    posted: Posted<NewPassword>,
) -> Result<Response, Fault> {
    let Posted { by, form: NewPassword { current, password } } = posted;
    let (current, password) = (Typed::new(current), Typed::new(password));
    let (status, notice) = match app.service.set_password(&by.caller, current, password).await {
        Ok(()) => return Ok(Redirect::to("/account").into_response()),
        Err(ServiceError::Invalid(problems)) => {
            let details: Vec<_> = problems.into_iter().map(|problem| problem.detail).collect();
            (StatusCode::UNPROCESSABLE_ENTITY, details.join("; "))
        }
        Err(ServiceError::Denied(Denied::WrongPassword)) => {
            (StatusCode::FORBIDDEN, "the current password is another one".into())
        }
        Err(error @ ServiceError::TooMany { .. }) => {
            (StatusCode::TOO_MANY_REQUESTS, error.to_string())
        }
        Err(other) => return Err(other.into()),
    };
    let html = ProfilePage {
        notice: Some(words::sentence(&notice)),
        ..ProfilePage::read(&app, &by).await?
    };
    Ok(page(status, &html))
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
