//! Signing in by a password or a link, and out. Opening a link shows whom it signs in; only its button uses it
//! up, because mail scanners and chat previews open links too.

use askama::Template;
use askfirst_core::ApprovalId;
use askfirst_core::administration::Denied;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::fault::{Fault, page};
use super::linking;
use super::session::{Cookie, Nothing, Posted, SessionToken, no_cookie};
use super::shell::{Moment, Shell, Text, span, text};
use crate::app::App;
use crate::http::visitor::Visitor;
use crate::service::ServiceError;
use crate::service::passwords::{Accepted, Typed};

/// Where to go after signing in; one of our own pages, never what a link says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Next {
    #[default]
    Inbox,
    /// One of [`PAGES`].
    Page(&'static str),
    Approval(ApprovalId),
}

/// Pages without an id in their path.
const PAGES: [&str; 7] =
    ["/history", "/audit", "/people", "/account", "/away", "/grants", "/channels"];

impl Next {
    pub(super) fn of(path: &str) -> Self {
        match path.strip_prefix("/a/").map(str::parse) {
            Some(Ok(id)) => Self::Approval(id),
            Some(Err(_)) => Self::Inbox,
            None => {
                let known = PAGES.into_iter().find(|page| *page == path);
                known.map_or(Self::Inbox, Self::Page)
            }
        }
    }

    pub(super) fn path(&self) -> String {
        match self {
            Self::Inbox => "/".into(),
            Self::Page(page) => (*page).into(),
            Self::Approval(id) => format!("/a/{id}"),
        }
    }

    /// The page that says how to sign in.
    pub(super) fn login(&self) -> String {
        match self {
            Self::Inbox => "/login".into(),
            other => format!("/login?next={}", other.path()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Wish {
    next: Option<String>,
}

impl Wish {
    fn next(&self) -> Next {
        self.next.as_deref().map(Next::of).unwrap_or_default()
    }
}

/// Takes a password, and says how to get a link.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub(super) struct SignedOutPage {
    pub(super) shell: Shell,
    pub(super) wanted: bool,
    /// Why signing in did not work: a title and what to do.
    pub(super) notice: Option<(&'static str, String)>,
    /// As it was typed.
    pub(super) email: String,
    pub(super) next: String,
}

/// Says whom a link signs in.
#[derive(Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage {
    pub(super) shell: Shell,
    pub(super) token: String,
    pub(super) name: Text,
    pub(super) email: Text,
    pub(super) until: Moment,
    pub(super) next: String,
    /// Whether it is an invitation: somebody else made it, and there is no password yet.
    pub(super) welcome: bool,
    /// The name as it is typed.
    pub(super) plain_name: String,
    /// Why the link was not used.
    pub(super) notice: Option<String>,
}

pub(super) async fn signed_out(Query(wish): Query<Wish>) -> Response {
    page(StatusCode::OK, &SignedOutPage::new(&wish.next()))
}

impl SignedOutPage {
    pub(super) fn new(next: &Next) -> Self {
        let wanted = *next != Next::Inbox;
        let (shell, email) = (Shell::bare("Sign in"), String::new());
        Self { shell, wanted, notice: None, email, next: next.path() }
    }
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    email: String,
    password: String,
    next: Option<String>,
}

pub(super) async fn sign_in(
    State(app): State<App>,
    visitor: Option<Extension<Visitor>>,
    Cookie(earlier): Cookie,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Fault> {
    let Form(Credentials { email, password, next }) = form.map_err(|_| Fault::BadForm)?;
    let next = Wish { next }.next();
    let place = visitor.and_then(|Extension(visitor)| visitor.address);
    let email = email.trim().to_owned();
    let (status, notice) = match app.service.sign_in(&email, Typed::new(password), place).await {
        Ok(token) => {
            return entered(&app, &SessionToken::new(token), earlier, &next.path()).await;
        }
        Err(ServiceError::Denied(Denied::WrongPassword)) => (
            StatusCode::FORBIDDEN,
            (
                "The address or the password is wrong",
                "Try again. Who has no password yet needs a link.".to_owned(),
            ),
        ),
        Err(ServiceError::TooMany { retry_after, .. }) => {
            let detail = format!(
                "Nobody can sign in with this address, or from this place, for {}. A link works \
                 meanwhile.",
                span(retry_after.0.into())
            );
            (StatusCode::TOO_MANY_REQUESTS, ("Too many attempts", detail))
        }
        Err(other) => return Err(other.into()),
    };
    let html = SignedOutPage { notice: Some(notice), email, ..SignedOutPage::new(&next) };
    Ok(page(status, &html))
}

/// Gives the browser its new session. Whoever was signed in there before is not any more.
async fn entered(
    app: &App,
    opened: &SessionToken,
    earlier: Option<SessionToken>,
    path: &str,
) -> Result<Response, Fault> {
    if let Some(earlier) = earlier
        && let Some(caller) = app.service.caller_by_session(earlier.as_str()).await?
    {
        app.service.close_session(&caller).await?;
    }
    let cookie = opened.to_cookie(&app.reach).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(cookie), Redirect::to(path)).into_response())
}

pub(super) async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if is_prefetch(&headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(page(StatusCode::OK, &LoginPage::read(&app, token, &wish.next()).await?))
}

impl LoginPage {
    async fn read(app: &App, token: String, next: &Next) -> Result<Self, Fault> {
        let Some((link, member)) = app.service.login_link(&token).await? else {
            return Err(Fault::LinkSpent);
        };
        Ok(Self {
            shell: Shell::bare("Sign in"),
            name: text(&member.person.name),
            email: text(&member.person.email),
            until: Moment::at(link.expires_at),
            next: next.path(),
            welcome: app.service.is_invitation(&link).await?,
            plain_name: member.person.name,
            notice: None,
            token,
        })
    }
}

/// What goes with using a link up.
#[derive(Deserialize)]
pub(super) struct Entry {
    next: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

pub(super) async fn burn(
    State(app): State<App>,
    Path(token): Path<String>,
    Cookie(earlier): Cookie,
    form: Result<Form<Entry>, FormRejection>,
) -> Result<Response, Fault> {
    let Form(Entry { next, name, password }) = form.map_err(|_| Fault::BadForm)?;
    let next = Wish { next }.next();
    let wanted = (!password.is_empty()).then(|| Typed::new(password));
    match app.service.accept(&token, &name, wanted).await {
        Ok(Accepted { session, invited }) => {
            let opened = SessionToken::new(session);
            // Whoever came for one request goes there; the inbox offers the rest later.
            let offer = match invited && next == Next::Inbox {
                true => linking::offer(&app, &opened).await?,
                false => None,
            };
            entered(&app, &opened, earlier, &offer.unwrap_or_else(|| next.path())).await
        }
        Err(ServiceError::Invalid(problems)) => {
            let details: Vec<_> = problems.into_iter().map(|problem| problem.detail).collect();
            let read = LoginPage::read(&app, token, &next).await?;
            let html = LoginPage { plain_name: name, notice: Some(details.join("; ")), ..read };
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
        }
        Err(other) => Err(other.into()),
    }
}

pub(super) async fn sign_out(
    State(app): State<App>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let Posted { by, form: Nothing {} } = posted;
    app.service.close_session(&by.caller).await?;
    let cookie = no_cookie(&app.reach).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(cookie), Redirect::to("/login")).into_response())
}

/// Whether nobody looks yet: the browser only fetches ahead.
pub(super) fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz"].into_iter().any(|name| {
        let value = headers.get(HeaderName::from_static(name));
        value.and_then(|v| v.to_str().ok()).is_some_and(|v| v.starts_with("prefetch"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_can_be_next() {
        let id = ApprovalId::from_bits(7);
        assert_eq!(Next::of(&format!("/a/{id}")), Next::Approval(id));
        assert_eq!(Next::of("/history"), Next::Page("/history"));
        for bad in
            ["//evil.example", "/\\evil.example", "https://evil.example", "/a/../x", "", "/a/"]
        {
            assert_eq!(Next::of(bad), Next::Inbox, "{bad}");
        }
    }
}
