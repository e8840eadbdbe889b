//! What went wrong, as a page that says what to do. Refusals of a vote are told on the approval's
//! own page; here is everything else.

use askama::Template;
use askfirst_core::administration::Denied;
use askfirst_store::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tracing::error;

use super::login::Next;
use super::shell::Shell;
use super::words;
use crate::service::ServiceError;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody is signed in.
    SignedOut(Next),
    /// Nobody is signed in, and nobody would see a page.
    NoStream,
    /// A form sent by a page that is not ours.
    ForeignPost,
    /// A form of another session.
    OldForm,
    /// A form without what it must have.
    BadForm,
    /// A sign-in link that cannot be used.
    LinkSpent,
    /// A decision link that cannot be used.
    DecisionLinkOver,
    /// Not there, or not for these eyes.
    NotFound,
    /// The path takes no such method.
    WrongMethod,
    /// The receipt is not signed yet.
    NoProof,
    /// The service says so.
    Service(ServiceError),
}

impl From<ServiceError> for Fault {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound(_) => Self::NotFound,
            ServiceError::Denied(Denied::LinkSpent) => Self::LinkSpent,
            other => Self::Service(other),
        }
    }
}

/// A page that says what went wrong.
#[derive(Template)]
#[template(path = "fault.html")]
pub(super) struct FaultPage {
    pub(super) shell: Shell,
    pub(super) status: u16,
    pub(super) title: String,
    pub(super) detail: String,
}

/// Renders a page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

pub(super) async fn nothing_here() -> Fault {
    Fault::NotFound
}

pub(super) async fn wrong_method() -> Fault {
    Fault::WrongMethod
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if let Self::SignedOut(next) = &self {
            return Redirect::to(&next.login()).into_response();
        }
        if matches!(self, Self::NoStream) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let (status, title, detail) = self.told();
        let title: String = title.into();
        let mut response = page(
            status,
            &FaultPage { shell: Shell::bare(&title), status: status.as_u16(), title, detail },
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl Fault {
    fn told(self) -> (StatusCode, &'static str, String) {
        let (status, title, detail) = match self {
            Self::Service(error) => return service_error(error),
            Self::SignedOut(_) | Self::NoStream => {
                (StatusCode::UNAUTHORIZED, "You are signed out", "Sign in and try again.")
            }
            Self::ForeignPost => (
                StatusCode::FORBIDDEN,
                "This did not come from Askfirst",
                "Your browser says that another site sent this form, so nothing was done. Open \
                 Askfirst yourself and decide there.",
            ),
            Self::OldForm => (
                StatusCode::FORBIDDEN,
                "This page was too old",
                "The form belongs to another session, so nothing was done. Go back, reload the \
                 page and try again.",
            ),
            Self::BadForm => (
                StatusCode::BAD_REQUEST,
                "This form was not complete",
                "Nothing was done. Go back, reload the page and try again.",
            ),
            Self::DecisionLinkOver => (
                StatusCode::NOT_FOUND,
                "This link no longer works",
                "A link for a decision works until the request is decided or its deadline has \
                 passed. Nothing was recorded. If you have an account, sign in and look at the \
                 request there.",
            ),
            Self::LinkSpent => (
                StatusCode::NOT_FOUND,
                "This link no longer works",
                "Sign-in links work once and for a day. If this browser is signed in already, just \
                 go to the inbox. For a new link, ask an admin of your workspace; a server of your \
                 own machine (scripts/dev, or askfirst dev) prints one each time it starts.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "Nothing to see here",
                "There is no such page, or it is not for your account. If someone sent you this \
                 link, ask them whether you are among the approvers.",
            ),
            Self::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "That is not how this page works",
                "Nothing was done. Go to the inbox and start from there.",
            ),
            Self::NoProof => (
                StatusCode::CONFLICT,
                "There is no receipt yet",
                "A receipt is signed once the request has ended, usually within a second. Go back \
                 and try again.",
            ),
        };
        (status, title, detail.into())
    }
}

fn service_error(error: ServiceError) -> (StatusCode, &'static str, String) {
    match error {
        ServiceError::Refused(refusal) => {
            let told = words::refusal(&refusal);
            (told.status, told.title, told.detail)
        }
        ServiceError::Denied(denied) => {
            let detail = format!("Nothing was done: {denied}.");
            match denied {
                Denied::Invalid(_) => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "Something needs to be changed", detail)
                }
                Denied::Taken { .. } | Denied::LastOwner | Denied::InUse { .. } => {
                    (StatusCode::CONFLICT, "This cannot be done as things are", detail)
                }
                Denied::OverPlan(_) => {
                    (StatusCode::FORBIDDEN, "The plan has no room for this", detail)
                }
                _ => (StatusCode::FORBIDDEN, "You cannot do this", detail),
            }
        }
        ServiceError::TooMany { .. } => {
            let detail = format!("Nothing was done: {error}.");
            (StatusCode::TOO_MANY_REQUESTS, "Too many", detail)
        }
        ServiceError::Forbidden(needed) => {
            (StatusCode::FORBIDDEN, "You cannot do this", format!("This needs {needed}."))
        }
        ServiceError::Invalid(problems) => {
            let details: Vec<_> = problems.into_iter().map(|problem| problem.detail).collect();
            let detail = format!("Nothing was done: {}.", details.join("; "));
            (StatusCode::UNPROCESSABLE_ENTITY, "Something needs to be changed", detail)
        }
        ServiceError::Store(StoreError::Unknown(why)) => {
            error!(%why, "a page could not tell what was recorded");
            let detail = "The server does not know whether your answer was recorded. Wait a \
                          moment, open the request again and look before you answer again.";
            (StatusCode::SERVICE_UNAVAILABLE, "It is unclear what happened", detail.into())
        }
        ServiceError::Store(why) => {
            error!(%why, "a page could not be read");
            let detail = "Nothing was recorded. Wait a moment and try again; if it stays like \
                          this, tell whoever runs this server.";
            (StatusCode::SERVICE_UNAVAILABLE, "The server cannot do this now", detail.into())
        }
        other => {
            error!(error = %other, "a page failed");
            let detail = "This should not happen. Go back and look at the request before you \
                          answer again; whoever runs this server finds the reason in its log.";
            (StatusCode::INTERNAL_SERVER_ERROR, "Something broke", detail.into())
        }
    }
}
