//! The cookie of a signed-in browser, and the two ways in: reading a page, and posting a form
//! that was made for this very session.

use std::convert::Infallible;

use aws_lc_rs::hmac;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::{Form, RequestPartsExt as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use super::login::Next;
use crate::app::{App, Reach};
use crate::service::Caller;
use crate::service::presence::Viewer;
use crate::service::signin::SESSION_LIFE;

/// The secret in the cookie.
#[derive(Clone)]
pub(super) struct SessionToken(String);

/// The name and attributes of the cookie. Only a loopback server goes without https.
fn cookie_kind(reach: &Reach) -> (&'static str, &'static str) {
    if reach.is_https() {
        ("__Host-askfirst", "Path=/; Secure; HttpOnly; SameSite=Lax")
    } else {
        ("askfirst_dev", "Path=/; HttpOnly; SameSite=Strict")
    }
}

/// The one cookie of this name that a browser sent, if it can be one of ours.
pub(super) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let value = pairs.next()?;
    // Two of them: someone else planted one, and it is not for us to pick.
    if pairs.next().is_some() || value.is_empty() || value.len() > 64 {
        return None;
    }
    Some(value.into())
}

impl SessionToken {
    pub(super) fn new(token: String) -> Self {
        Self(token)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The cookie that a browser sent, if it can be one of ours.
    pub(super) fn of(headers: &HeaderMap, reach: &Reach) -> Option<Self> {
        let (name, _) = cookie_kind(reach);
        cookie_of(headers, name).map(Self)
    }

    /// What proves that a form was made for this session.
    pub(super) fn csrf(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, CSRF_DOMAIN))
    }

    fn proves(&self, csrf: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let Ok(tag) = URL_SAFE_NO_PAD.decode(csrf) else { return false };
        // Compares in constant time.
        hmac::verify(&key, CSRF_DOMAIN, &tag).is_ok()
    }

    /// What shows that this session was told so, and nobody made it up.
    pub(super) fn mark(&self, told: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.marking(), told.as_bytes()))
    }

    pub(super) fn marked(&self, told: &str, mark: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(mark) else { return false };
        hmac::verify(&self.marking(), told.as_bytes(), &tag).is_ok()
    }

    /// A key of its own: what is marked is no proof that a form was made for this session.
    fn marking(&self) -> hmac::Key {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, MARK_DOMAIN).as_ref())
    }

    /// The `Set-Cookie` that gives this to a browser.
    pub(super) fn to_cookie(&self, reach: &Reach) -> Option<HeaderValue> {
        let (name, attributes) = cookie_kind(reach);
        let life = SESSION_LIFE.0;
        HeaderValue::from_str(&format!("{name}={}; {attributes}; Max-Age={life}", self.0)).ok()
    }
}

const CSRF_DOMAIN: &[u8] = b"askfirst/csrf/1";
const MARK_DOMAIN: &[u8] = b"askfirst/mark/1";

/// The `Set-Cookie` that takes the session away from a browser.
pub(super) fn no_cookie(reach: &Reach) -> Option<HeaderValue> {
    let (name, attributes) = cookie_kind(reach);
    HeaderValue::from_str(&format!("{name}=; {attributes}; Max-Age=0")).ok()
}

/// A person with an open session.
pub(super) struct SignedIn {
    pub(super) caller: Caller,
    pub(super) token: SessionToken,
    pub(super) viewer: Viewer,
}

impl SignedIn {
    async fn look_up(parts: &Parts, app: &App) -> Result<Option<Self>, Fault> {
        let Some(token) = SessionToken::of(&parts.headers, &app.reach) else { return Ok(None) };
        let Some(caller) = app.service.caller_by_session(token.as_str()).await? else {
            return Ok(None);
        };
        let viewer = app.service.viewer(&caller).await?;
        Ok(Some(Self { caller, token, viewer }))
    }
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Fault> {
        match Self::look_up(parts, app).await? {
            Some(signed_in) => Ok(signed_in),
            None if parts.method == Method::GET => {
                Err(Fault::SignedOut(Next::of(parts.uri.path())))
            }
            None => Err(Fault::SignedOut(Next::default())),
        }
    }
}

impl OptionalFromRequestParts<App> for SignedIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, Fault> {
        Self::look_up(parts, app).await
    }
}

/// A form, and the person for whose session it was made.
pub(super) struct Posted<F> {
    pub(super) by: SignedIn,
    pub(super) form: F,
}

#[derive(Deserialize)]
struct Marked<F> {
    csrf: String,
    #[serde(flatten)]
    form: F,
}

impl<F: DeserializeOwned> FromRequest<App> for Posted<F> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        let (mut parts, body) = request.into_parts();
        let by: SignedIn = parts.extract_with_state(app).await?;
        let request = Request::from_parts(parts, body);
        let form = Form::<Marked<F>>::from_request(request, app).await;
        let Form(Marked { csrf, form }) = form.map_err(|_| Fault::BadForm)?;
        if by.token.proves(&csrf) { Ok(Self { by, form }) } else { Err(Fault::OldForm) }
    }
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// What the browser sent as its session, whether or not that is open.
pub(super) struct Cookie(pub(super) Option<SessionToken>);

impl FromRequestParts<App> for Cookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(SessionToken::of(&parts.headers, &app.reach)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_session_was_told_is_not_believed_nor_is_it_a_forms_token() {
        let [own, other] = ["one", "two"].map(|token| SessionToken::new(token.into()));
        let mark = own.mark("tested");
        assert!(own.marked("tested", &mark));
        for (session, told, mark) in [
            (&other, "tested", &*mark),
            (&own, "removed", &mark),
            (&own, "tested", ""),
            (&own, "tested", "~"),
        ] {
            assert!(!session.marked(told, mark), "{told} {mark}");
        }
        assert!(own.proves(&own.csrf()));
        let domain = std::str::from_utf8(CSRF_DOMAIN).unwrap();
        assert!(!own.proves(&own.mark(domain)), "a mark is no form's token");
    }
}
