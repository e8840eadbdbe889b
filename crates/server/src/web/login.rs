//! Signing in by a link, and out. Opening a link shows whom it signs in; only its button uses it
//! up, because mail scanners and chat previews open links too.

use askama::Template;
use askfirst_core::ApprovalId;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::fault::{Fault, page};
use super::session::{Cookie, Nothing, Posted, SessionToken, no_cookie};
use super::shell::{Moment, Shell, Text, text};
use crate::app::App;

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
const PAGES: [&str; 4] = ["/history", "/audit", "/account", "/away"];

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

/// Says how to get a link.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub(super) struct SignedOutPage {
    pub(super) shell: Shell,
    pub(super) wanted: bool,
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
}

pub(super) async fn signed_out(Query(wish): Query<Wish>) -> Response {
    let wanted = wish.next() != Next::Inbox;
    page(StatusCode::OK, &SignedOutPage { shell: Shell::bare("Sign in"), wanted })
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
    let Some((link, member)) = app.service.login_link(&token).await? else {
        return Err(Fault::LinkSpent);
    };
    let login = LoginPage {
        shell: Shell::bare("Sign in"),
        token,
        name: text(&member.person.name),
        email: text(&member.person.email),
        until: Moment::at(link.expires_at),
        next: wish.next().path(),
    };
    Ok(page(StatusCode::OK, &login))
}

pub(super) async fn burn(
    State(app): State<App>,
    Path(token): Path<String>,
    Cookie(earlier): Cookie,
    Form(wish): Form<Wish>,
) -> Result<Response, Fault> {
    let opened = SessionToken::new(app.service.open_session(&token).await?);
    // Whoever was signed in here before is not any more.
    if let Some(earlier) = earlier
        && let Some(caller) = app.service.caller_by_session(earlier.as_str()).await?
    {
        app.service.close_session(&caller).await?;
    }
    let cookie = opened.to_cookie(&app.reach).map(|cookie| (header::SET_COOKIE, cookie));
    let gone = Redirect::to(&wish.next().path());
    Ok((AppendHeaders(cookie), gone).into_response())
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
