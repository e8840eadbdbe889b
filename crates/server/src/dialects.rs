//! The APIs of other products, for programs that were written for those. Each dialect is a
//! translation and nothing else: its objects are ordinary approvals, in the inbox, with mail,
//! receipts and `/v1` as any other. It has its own paths, ids, words and errors; the path decides
//! whose words an answer is in, also where no handler was reached.

mod ambedo;
mod holdon;
mod manner;
mod proof;
mod title;

use askfirst_core::{Dialect, Timestamp};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::app::App;
use crate::http::problem::Problem;

pub use manner::Parcel;
pub(crate) use manner::{Told, body_of};
pub(crate) use proof::claims;

/// The doors of every dialect.
pub fn routes() -> Router<App> {
    ambedo::routes().merge(proof::routes()).merge(holdon::routes())
}

/// The status of a problem as all of these APIs have it: to their clients, what makes no sense is as
/// malformed as what cannot be read.
fn status_of(problem: &Problem) -> StatusCode {
    match StatusCode::from_u16(problem.status()) {
        Ok(StatusCode::UNPROCESSABLE_ENTITY) => StatusCode::BAD_REQUEST,
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A time in RFC 3339 with whole seconds.
fn second(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(whole, _)| format!("{whole}Z"))
}

/// Whose words are spoken at this path.
#[must_use]
pub(crate) fn at(path: &str) -> Dialect {
    let below = |root: &str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if below(ambedo::ROOT) {
        Dialect::Ambedo
    } else if proof::ROOTS.into_iter().any(below) {
        Dialect::Proof
    } else if holdon::ROOTS.into_iter().any(below) {
        Dialect::Holdon
    } else {
        Dialect::Native
    }
}

/// What somebody typed with their answer, who came by a link that its asker had too, as it is kept:
/// where that API has a name said first, nothing typed is taken for one.
pub(crate) fn typed_by_bearer(asked_in: Dialect, comment: String) -> String {
    match asked_in {
        Dialect::Holdon => holdon::unnamed(comment),
        Dialect::Native | Dialect::Ambedo | Dialect::Proof => comment,
    }
}

/// The answer as clients of this dialect read it: a problem in their words, everything else as it
/// is. Its headers stay, such as when to come back.
pub(crate) fn dressed(dialect: Dialect, mut response: Response) -> Response {
    if dialect.is_native() {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (status, body) = match dialect {
        Dialect::Native => return response,
        Dialect::Ambedo => ambedo::refusal(&problem),
        Dialect::Proof => proof::refusal(&problem),
        Dialect::Holdon => holdon::refusal(&problem),
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body.to_string());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_whose_words_an_answer_is_in() {
        for path in ["/api/pause", "/api/pause/", "/api/pause/wch_1", "/api/pause/wch_1/approve"] {
            assert_eq!(at(path), Dialect::Ambedo, "{path}");
        }
        for path in ["/api/v1/confirmations", "/v1/confirmations/1", "/api/v1/hitl/1/keys"] {
            assert_eq!(at(path), Dialect::Proof, "{path}");
        }
        for path in ["/api/approvals", "/api/approvals/", "/api/keys", "/api/decide/x"] {
            assert_eq!(at(path), Dialect::Holdon, "{path}");
        }
        for path in [
            "/api/v1/approvals",
            "/api/v1/hitls",
            "/",
            "/v1/approvals",
            "/api",
            "/api/pauses",
            "/API/PAUSE",
            "/v1/api/pause",
            "/decide/x",
        ] {
            assert_eq!(at(path), Dialect::Native, "{path}");
        }
    }
}
