//! A pause, as its clients write and read it, and the approval that it is.

use std::str::FromStr;

use askfirst_core::{Action, ApprovalId, KeyFacts, Priority, Status};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::dialects::Told;
use crate::dialects::title::title;
use crate::http::problem::Problem;
use crate::service::Seen;
use crate::service::ask::{Question, Rules};

/// What the action of every pause is called.
const NAME: &str = "pause";

/// The id of a pause: `wch_` and the bits of its approval's id in 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WatchId(pub(super) ApprovalId);

/// A text that is no id of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAWatchId;

impl FromStr for WatchId {
    type Err = NotAWatchId;

    fn from_str(text: &str) -> Result<Self, NotAWatchId> {
        let digits = text.strip_prefix("wch_").ok_or(NotAWatchId)?;
        // One spelling for each id.
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 32 || !digits.bytes().all(hex) {
            return Err(NotAWatchId);
        }
        let bits = u128::from_str_radix(digits, 16).map_err(|_| NotAWatchId)?;
        Ok(Self(ApprovalId::from_bits(bits)))
    }
}

impl std::fmt::Display for WatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "wch_{:032x}", self.0.to_bits())
    }
}

/// A pause to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PauseBody {
    action: String,
    #[serde(default)]
    context: Option<Value>,
    #[serde(default, alias = "callbackUrl", alias = "webhook_url")]
    webhook_url: Option<String>,
}

impl PauseBody {
    /// The same as a question under the rules of this key.
    pub(super) fn question(self, key: &KeyFacts) -> Result<Question, Problem> {
        let context = self.context.unwrap_or_else(|| Value::Object(Map::new()));
        if !context.is_object() {
            let detail = "/context: an object, such as {\"environment\": \"prod\"}, or left out";
            return Err(Problem::bad_request(detail));
        }
        if self.action.trim().is_empty() {
            return Err(Problem::bad_request("/action: say what the agent wants to do"));
        }
        // All of it is among the arguments: those are what people approve, and what a vote in
        // advance is bound to. The title is only what they see first.
        let action = Action {
            name: NAME.into(),
            title: title(&self.action),
            arguments: json!({ "action": self.action, "context": context }),
            target: None,
        };
        Ok(Question {
            id: None,
            action,
            reason: None,
            policy: Rules::of(key),
            priority: Priority::default(),
            expires_in: None,
            valid_for: None,
            agent: None,
            metadata: Value::Object(Map::new()),
            consumers: Vec::new(),
            editable: Vec::new(),
            answer_schema: None,
            callback_url: self.webhook_url,
            told_by: None,
        })
    }
}

/// A pause as it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PauseView {
    watch_id: String,
    status: &'static str,
    status_url: String,
    approval_url: String,
    created_at: String,
    expires_at: String,
    resolved_at: Option<String>,
    resolved_by: Option<String>,
    comment: Option<String>,
    agent_context: Value,
}

impl PauseView {
    pub(super) fn of(seen: &Seen, public_url: &str) -> Self {
        let approval = &seen.approval;
        let watch_id = WatchId(approval.id).to_string();
        let decision = approval.decision_at(seen.now);
        let decision = decision.as_ref();
        Self {
            status: decision.map_or(Status::Pending, |decision| decision.status).as_str(),
            status_url: format!("{public_url}{}/{watch_id}", super::ROOT),
            approval_url: format!("{public_url}/a/{}", approval.id),
            created_at: approval.created_at.to_string(),
            expires_at: approval.expires_at.to_string(),
            resolved_at: decision.map(|decision| decision.decided_at.to_string()),
            resolved_by: decision.map(|decision| decision.by.to_string()),
            comment: decision.and_then(|decision| decision.comment.clone()),
            // Null once the texts are erased.
            agent_context: approval.action.arguments.clone(),
            watch_id,
        }
    }
}

/// What whoever waits for the end of a pause is sent. In their order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ended<'a> {
    watch_id: String,
    status: &'a str,
    resolved_at: String,
    agent_context: &'a Value,
}

/// The end of a pause, as it is sent to its webhook.
pub(in crate::dialects) fn callback(told: &Told<'_>) -> Bytes {
    let decided = told.asked.and_then(|asked| asked.decision.as_ref());
    let ended = Ended {
        watch_id: WatchId(told.approval).to_string(),
        status: &told.event.name,
        resolved_at: decided.map_or(told.event.at, |decision| decision.decided_at).to_string(),
        agent_context: told.asked.map_or(&Value::Null, |asked| &asked.action.arguments),
    };
    // Texts and a map of them: there is nothing in it that could not be written.
    Bytes::from(serde_json::to_vec(&ended).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_reads_back_as_itself(bits: u128) {
            let id = WatchId(ApprovalId::from_bits(bits));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn another_spelling_is_no_id() {
        let good = WatchId(ApprovalId::from_bits(0xa3f9)).to_string();
        assert_eq!(good, "wch_0000000000000000000000000000a3f9");
        for bad in [
            good.to_uppercase(),
            good.replace("wch_", "apr_"),
            good.replace("a3f9", "A3F9"),
            good.replace("wch_0", "wch_+"),
            format!("{good}0"),
            good[..35].to_owned(),
            "wch_".into(),
            String::new(),
        ] {
            assert!(bad.parse::<WatchId>().is_err(), "{bad}");
        }
    }
}
