//! Reading requests: who calls, the strict body, query parameters, the idempotency key.

use std::time::Duration;

use askfirst_core::Dialect;
use askfirst_store::Idempotency;
use aws_lc_rs::digest;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::json;
use super::problem::Problem;
use crate::app::App;
use crate::rates::Pair;
use crate::service::{Caller, NotSignedIn};

/// The largest body, in bytes.
pub const LARGEST_BODY: usize = 256 * 1024;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;
/// The longest that one request may wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Who calls, with what the request counts towards.
#[derive(Debug)]
pub struct Metered {
    /// Who.
    pub caller: Caller,
    /// How fast its key and workspace make requests.
    pub rates: Option<Pair>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Metered::from_request_parts(parts, app).await.map(|metered| metered.caller)
    }
}

impl FromRequestParts<App> for Metered {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        presented(&parts.headers, app, Dialect::Native).await
    }
}

/// Whoever presents a key of this dialect.
///
/// # Errors
/// There is no key, it is not good, or it speaks another dialect.
pub(crate) async fn presented(
    headers: &HeaderMap,
    app: &App,
    dialect: Dialect,
) -> Result<Metered, Problem> {
    let mut headers = headers.get_all(header::AUTHORIZATION).iter();
    let header = headers.next().ok_or(NotSignedIn::Missing(dialect))?;
    // Whoever sends two leaves it to the reader which one counts.
    if headers.next().is_some() {
        return Err(NotSignedIn::Unknown.into());
    }
    let text = header.to_str().map_err(|_| NotSignedIn::Unknown)?;
    let secret = match text.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => secret.trim(),
        _ => return Err(NotSignedIn::Missing(dialect).into()),
    };
    let caller = app.service.caller_by_key(secret, dialect).await?;
    let rates = app.service.admit(&caller)?;
    Ok(Metered { caller, rates })
}

/// A body that was read strictly, with what its idempotency key stands for.
#[derive(Debug)]
pub struct Body<T> {
    /// The body.
    pub value: T,
    fingerprint: [u8; 32],
    key: Option<String>,
}

impl<T> Body<T> {
    /// The idempotency of this request, as the operation `operation`.
    pub fn idempotency(&self, operation: impl Into<String>) -> Option<Idempotency> {
        self.key.clone().map(|key| Idempotency {
            key,
            operation: operation.into(),
            fingerprint: self.fingerprint,
        })
    }
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts)?;
        if hyper::body::Body::size_hint(&body).lower() > LARGEST_BODY as u64 {
            return Err(too_large());
        }
        let limited = Limited::new(body, LARGEST_BODY).collect();
        let collected = tokio::time::timeout(BODY_PATIENCE, limited).await.map_err(|_| {
            let detail = "the body did not arrive within 10 seconds";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail)
        })?;
        let bytes = collected.map_err(|error| too_large_or_broken(&*error))?.to_bytes();
        if !bytes.is_empty() && !is_json(&parts) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Not JSON",
                "send the body as `Content-Type: application/json`",
            ));
        }
        // Some commands have nothing to say; an absent body is then an empty object.
        let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
        let parsed = json::parse(text)?;
        let fingerprint = if key.is_some() { fingerprint(&parsed)? } else { [0; 32] };
        Ok(Self { value: json::typed(parsed, text)?, fingerprint, key })
    }
}

fn too_large_or_broken(error: &(dyn std::error::Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return too_large();
        }
        cause = error.source();
    }
    Problem::bad_request("the body broke off")
}

fn too_large() -> Problem {
    let detail = format!("a body has at most {LARGEST_BODY} bytes");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large", detail)
}

fn is_json(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Compares requests by what they say, not by how they are spaced.
fn fingerprint(value: &serde_json::Value) -> Result<[u8; 32], Problem> {
    let canonical = askfirst_proof::canonical(value)
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, &canonical).as_ref());
    Ok(hash)
}

fn idempotency_key(parts: &Parts) -> Result<Option<String>, Problem> {
    let mut values = parts.headers.get_all("idempotency-key").iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match parts.headers.contains_key("idempotency-key") {
            true => Err(Problem::bad_request("more than one Idempotency-Key")),
            false => Ok(None),
        };
    };
    let text = value.to_str().unwrap_or_default().trim();
    // The draft standard writes it as a quoted string; many clients do not.
    let text = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
    if text.trim().is_empty() || text.len() > LONGEST_KEY || !printable {
        let detail = format!(
            "an Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters, and no quotes in it"
        );
        return Err(Problem::bad_request(detail));
    }
    Ok(Some(text.to_owned()))
}

/// Query parameters, read strictly.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

/// What is wrong with a query, and with which parameter.
fn unreadable(error: &(dyn std::error::Error + 'static)) -> Problem {
    let mut cause = Some(error);
    while let Some(error) = cause {
        type Placed = serde_path_to_error::Error<serde::de::value::Error>;
        if let Some(placed) = error.downcast_ref::<Placed>() {
            let detail = placed.inner().to_string();
            let path = placed.path().to_string();
            // A parameter that comes twice is named only in the words.
            let name = match detail.strip_prefix("duplicate field `") {
                Some(rest) => rest.trim_end_matches('`').to_owned(),
                None => path,
            };
            return Problem::bad_request(format!("the query, {name}: {detail}"))
                .at(format!("?{name}"), detail);
        }
        cause = error.source();
    }
    Problem::bad_request(format!("the query: {error}"))
}

/// A path segment that names something by its id. What is no id names nothing.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T: std::str::FromStr + Send> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, app).await;
        let text = path.map(|axum::extract::Path(text)| text).unwrap_or_default();
        let missing = || Problem::not_found(format!("there is no such {} here", noun(parts)));
        text.parse().map(Self).map_err(|_| missing())
    }
}

/// What the route calls its things, so that a malformed id reads like an unknown one.
fn noun(parts: &Parts) -> &'static str {
    let path = parts.uri.path();
    let nouns = [
        ("/v1/approvals", "approval"),
        ("/v1/members", "member"),
        ("/v1/groups", "group"),
        ("/v1/keys", "key"),
        ("/v1/policies", "policy"),
        ("/v1/deliveries", "delivery"),
        ("/api/pause", "pause"),
        ("/api/v1/confirmations", "confirmation"),
        ("/v1/confirmations", "confirmation"),
        ("/api/v1/hitl/chat-id-discovery/", "token"),
        ("/api/v1/hitl", "config"),
        ("/api/v1/webhook-deliveries", "delivery"),
        ("/api/approvals", "approval"),
    ];
    nouns.iter().find(|(prefix, _)| path.starts_with(prefix)).map_or("thing", |(_, noun)| noun)
}

/// `25s`, `25` or `1m`, at most [`LONGEST_WAIT`].
///
/// # Errors
/// What is no length of time.
pub fn patience(text: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = text else { return Ok(Duration::ZERO) };
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => seconds,
        Err(_) => text.parse::<askfirst_core::Seconds>().map(|span| span.0).map_err(|error| {
            Problem::bad_request(format!("wait: {error}")).at("?wait", error.to_string())
        })?,
    };
    Ok(Duration::from_secs(seconds.into()).min(LONGEST_WAIT))
}

/// How many rows a page has.
///
/// # Errors
/// Less than 1 or more than 100.
pub fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(25),
        Some(limit @ 1..=100) => Ok(limit),
        Some(_) => {
            let detail = "a page has 1 to 100 rows";
            Err(Problem::bad_request(detail).at("?limit", detail))
        }
    }
}

/// Where a page goes on.
///
/// # Errors
/// What this server never gave out.
pub fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    let detail = "not a cursor that this list gave";
    let forged = |_| Problem::bad_request(detail).at("?cursor", detail);
    text.map(|text| text.parse().map_err(forged)).transpose()
}
