//! What was just done, told on the page that follows a form. A form ends in a redirect, so that
//! reloading repeats nothing; what came of it goes along in the address, marked for the session
//! that did it, so that nobody else's link puts words of ours on a page.

use askfirst_core::Problem;
use askfirst_core::administration::Denied;
use axum::response::{IntoResponse, Redirect, Response};
use form_urlencoded::Serializer;
use serde::Deserialize;

use super::fault::Fault;
use super::session::{SessionToken, SignedIn};
use super::shell::{Text, text};
use crate::service::ServiceError;

/// How something ended, or why nothing was done.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) good: bool,
    pub(super) title: &'static str,
    pub(super) details: Vec<Text>,
}

impl Told {
    pub(super) fn good(title: &'static str, detail: &str) -> Self {
        Self { good: true, title, details: vec![text(detail)] }
    }

    pub(super) fn bad(title: &'static str, detail: &str) -> Self {
        Self { good: false, title, details: vec![text(detail)] }
    }
}

/// What an address says was done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct After {
    done: String,
    mark: String,
}

impl After {
    /// What was done, if this session did it.
    pub(super) fn done(&self, by: &SignedIn) -> Option<&str> {
        by.token.marked(&self.done, &self.mark).then_some(self.done.as_str())
    }
}

/// To the page that tells it.
pub(super) fn lead(path: &str, done: &str, by: &SignedIn) -> Response {
    Redirect::to(&address(path, done, &by.token)).into_response()
}

/// Where that page is, for the session that did it.
pub(super) fn address(path: &str, done: &str, of: &SessionToken) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("done", done).append_pair("mark", &of.mark(done));
    format!("{path}?{}", query.finish())
}

/// What was wrong with the fields of a form, where that was all.
///
/// # Errors
/// Whatever else kept it from being done.
pub(super) fn mistakes<T>(done: Result<T, ServiceError>) -> Result<Result<T, Vec<Problem>>, Fault> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(ServiceError::Invalid(mistakes)) => Ok(Err(mistakes)),
        Err(ServiceError::Denied(Denied::Invalid(mistake))) => Ok(Err(vec![mistake])),
        Err(other) => Err(other.into()),
    }
}
