//! The end of a confirmation, as receivers of that API are sent it.

use askfirst_core::Environment;
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use super::confirmation::{ConfirmationId, ResponseView, word};
use super::second;
use crate::dialects::{Parcel, Told};
use crate::outgoing::signature::Secret;

/// In their order.
#[derive(Serialize)]
struct Ended<'a> {
    event: String,
    confirmation_id: String,
    hitl_id: &'a Value,
    status: &'static str,
    message: &'a Value,
    response: Option<ResponseView>,
    encrypted: bool,
    resolved_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<bool>,
}

pub(in crate::dialects) fn body(told: &Told<'_>) -> Bytes {
    let decision = told.asked.and_then(|asked| asked.decision.as_ref().map(|end| (asked, end)));
    // Both are null once the texts are erased.
    let argument = |name: &str| {
        told.asked.and_then(|asked| asked.action.arguments.get(name)).unwrap_or(&Value::Null)
    };
    let status = decision.map_or("denied", |(_, end)| word(end.status));
    let ended = Ended {
        event: format!("confirmation.{status}"),
        confirmation_id: ConfirmationId(told.approval).to_string(),
        hitl_id: argument("hitl_id"),
        status,
        message: argument("message"),
        response: decision.map(|(asked, end)| ResponseView::of(asked, end)),
        encrypted: false,
        resolved_at: second(decision.map_or(told.event.at, |(_, end)| end.decided_at)),
        test: (told.place.environment != Environment::Live).then_some(true),
    };
    // Texts and truths: there is nothing in it that could not be written.
    Bytes::from(serde_json::to_vec(&ended).unwrap_or_default())
}

/// The time in seconds, and the signature of time, point and body. There is room for one there, so
/// while one secret takes over from another, the newest signs.
pub(in crate::dialects) fn headers(_: &Told<'_>, parcel: &Parcel, secrets: &[Secret]) -> HeaderMap {
    let seconds = parcel.at.seconds().to_string();
    let signature =
        secrets.first().map(|secret| secret.hex(&[seconds.as_bytes(), b".", &parcel.body]));
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-proof-timestamp", Some(seconds)), ("x-proof-signature", signature)] {
        // Digits alone.
        if let Some(Ok(value)) = value.map(|value| HeaderValue::from_str(&value)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}
