//! What is answered to a call that is refused, in Telegram's words.

use serde_json::{Value, json};

/// A refusal: the HTTP status, which is `error_code` too, `description` and `parameters`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, beginning with the status in words.
    pub description: String,
    /// `retry_after` in seconds, or `migrate_to_chat_id`.
    pub parameters: Option<Value>,
    /// Whether Telegram might have looked away, and whoever called has a mistake to mend.
    pub(super) mistake: bool,
}

impl Refusal {
    /// A refusal without parameters; `description` is whole.
    #[must_use]
    pub fn new(status: u16, description: impl Into<String>) -> Self {
        Self { status, description: description.into(), parameters: None, mistake: false }
    }

    /// 400 for what Telegram may do or pass over in silence, and the kit does not know.
    #[must_use]
    pub(super) fn unknown(what: &str) -> Self {
        Self { mistake: true, ..Self::bad(&format!("the kit {what}")) }
    }

    /// 400: what the call asks for cannot be.
    #[must_use]
    pub fn bad(what: &str) -> Self {
        Self::new(400, format!("Bad Request: {what}"))
    }

    /// 403: the bot may not.
    #[must_use]
    pub fn forbidden(what: &str) -> Self {
        Self::new(403, format!("Forbidden: {what}"))
    }

    /// 409: another one does it already.
    #[must_use]
    pub fn conflict(what: &str) -> Self {
        Self::new(409, format!("Conflict: {what}"))
    }

    /// 429: too many calls; `seconds` until one may be taken.
    #[must_use]
    pub fn flood(seconds: u64) -> Self {
        Self {
            parameters: Some(json!({ "retry_after": seconds })),
            ..Self::new(429, format!("Too Many Requests: retry after {seconds}"))
        }
    }

    /// 400: the group has another chat id since.
    #[must_use]
    pub fn migrated(to: i64) -> Self {
        Self {
            parameters: Some(json!({ "migrate_to_chat_id": to })),
            ..Self::bad("group chat was upgraded to a supergroup chat")
        }
    }

    /// The answer's body.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({
            "ok": false, "error_code": self.status, "description": self.description,
        });
        if let Some(parameters) = &self.parameters {
            body["parameters"] = parameters.clone();
        }
        body
    }

    pub(super) fn retry_after(&self) -> Option<u64> {
        self.parameters.as_ref()?.get("retry_after")?.as_u64()
    }
}
