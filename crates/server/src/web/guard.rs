//! What holds for every page: who may post to it, and the headers that it goes out with.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use crate::app::{App, Reach};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Headers of every answer. The name of the last one is newer than the `http` crate.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Refuses what other sites post, and dresses every answer.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let mut response = if changes && !is_from_us(request.headers(), &app.reach) {
        Fault::ForeignPost.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if app.reach.is_https() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Whether a form was sent by one of our own pages. Browsers send `Origin: null` from pages that
/// set `no-referrer`, as ours do; what they say in `Sec-Fetch-Site` no page can forge.
pub(super) fn is_from_us(headers: &HeaderMap, reach: &Reach) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text(HeaderName::from_static("sec-fetch-site"));
    match text(header::ORIGIN) {
        Some(origin) if origin != "null" => {
            reach.is_own_origin(origin) && matches!(site, None | Some("same-origin" | "none"))
        }
        _ => site == Some("same-origin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pairs: &[(&'static str, &'static str)]) -> bool {
        let reach = Reach {
            public_url: "https://ask.example".into(),
            hosts: vec!["ask.example".into()],
            ..Reach::default()
        };
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_from_us(&headers.collect(), &reach)
    }

    #[test]
    fn only_our_own_pages_may_post() {
        assert!(judged(&[("origin", "https://ask.example")]));
        assert!(judged(&[("origin", "https://ask.example"), ("sec-fetch-site", "same-origin")]));
        assert!(judged(&[("origin", "null"), ("sec-fetch-site", "same-origin")]));
        assert!(judged(&[("sec-fetch-site", "same-origin")]));
        for foreign in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "http://ask.example")],
            &[("origin", "https://ask.example.evil.example")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://ask.example"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!judged(foreign), "{foreign:?}");
        }
    }
}
