//! What is sent of an event, to the byte. It is made of the stored event, which never changes, and
//! leaves out the texts that people wrote: those can be erased, and what is signed must be the
//! same in every attempt. So it need not be kept to be shown later.

use askfirst_core::ApprovalId;
use askfirst_store::{EventRecord, Place};
use bytes::Bytes;
use serde_json::{Value, json};

/// What people wrote, as events name it.
const TEXTS: [&str; 7] = ["title", "target", "reason", "comment", "question", "reply", "note"];

/// What a receiver is sent of an event.
#[must_use]
pub fn body(place: Place, approval: ApprovalId, event: &EventRecord) -> Bytes {
    let mut detail = event.detail.clone();
    if let Value::Object(members) = &mut detail {
        for text in TEXTS {
            members.remove(text);
        }
    }
    let body = json!({
        "type": format!("approval.{}", event.name),
        "timestamp": event.at,
        "data": {
            "workspace": place.workspace,
            "environment": place.environment.as_str(),
            "approval": approval,
            "sequence": event.version,
            "detail": detail,
        },
    });
    Bytes::from(body.to_string())
}
