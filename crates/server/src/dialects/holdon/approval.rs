//! An approval as HoldOn's clients write and read it, and what is sent of its end.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use askfirst_core::{
    Action, Actor, Approval, ApprovalId, Assurance, Decision, KeyFacts, Priority, Seconds, Status,
};
use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::said::Said;
use crate::dialects::second;
use crate::dialects::title::title;
use crate::dialects::{Parcel, Told};
use crate::http::problem::Problem;
use crate::outgoing::signature::Secret;
use crate::service::Seen;
use crate::service::ask::{Question, Rules};

/// What the action of everything that is asked here is called.
const NAME: &str = "approval";

/// The id of an approval: the bits of our own as a UUID, in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ForeignId(pub(super) ApprovalId);

/// A text that is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAnId;

impl FromStr for ForeignId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = Uuid::try_parse(text).map_err(|_| NotAnId)?;
        let id = Self(ApprovalId::from_bits(id.as_u128()));
        // One spelling for each id.
        if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
    }
}

impl std::fmt::Display for ForeignId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Uuid::from_u128(self.0.to_bits()).as_hyphenated().fmt(f)
    }
}

/// A way to people, as it is named in `notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    Telegram,
    Email,
}

/// The kinds of channels that they are.
fn kinds(ways: Vec<Way>) -> BTreeSet<String> {
    let kind = |way| match way {
        Way::Telegram => "telegram",
        Way::Email => "email",
    };
    ways.into_iter().map(kind).map(str::to_owned).collect()
}

/// A text, of which an empty one says as much as none.
pub(super) fn given<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(input)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// Whole seconds, also as languages write them that have one kind of number.
fn whole<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    let Some(value) = Option::<Value>::deserialize(input)? else { return Ok(None) };
    // Without an exponent, and without a point where nothing is behind it.
    let text = value.as_f64().map(|seconds| seconds.to_string());
    let seconds = text.and_then(|text| text.parse().ok());
    seconds.map(Some).ok_or_else(|| D::Error::custom("a number of seconds, such as 3600"))
}

/// What to ask.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskBody {
    action: String,
    #[serde(default, deserialize_with = "given")]
    context: Option<String>,
    #[serde(default)]
    urgency: Option<Priority>,
    #[serde(default)]
    pub(super) notify: Option<Vec<Way>>,
    #[serde(default, deserialize_with = "given")]
    pub(super) webhook_url: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    pub(super) expires_in: Option<u32>,
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

impl AskBody {
    /// The same as a question under the rules of this key.
    pub(super) fn question(self, key: &KeyFacts) -> Result<Question, Problem> {
        if self.action.trim().is_empty() {
            return Err(Problem::bad_request("/action: say what needs approval"));
        }
        // All of it is among the arguments: those are what people approve, and what a vote in
        // advance is bound to. The title is only what they see first.
        let title = title(&self.action);
        let mut arguments = Map::from_iter([("action".to_owned(), self.action.into())]);
        arguments.extend(self.context.map(|context| ("context".to_owned(), context.into())));
        let arguments = Value::Object(arguments);
        Ok(Question {
            id: None,
            action: Action { name: NAME.into(), title, arguments, target: None },
            reason: None,
            policy: Rules::of(key),
            priority: self.urgency.unwrap_or_default(),
            expires_in: self.expires_in.map(Seconds),
            valid_for: None,
            agent: None,
            metadata: Value::Object(self.metadata.unwrap_or_default()),
            consumers: Vec::new(),
            editable: Vec::new(),
            answer_schema: None,
            callback_url: self.webhook_url,
            told_by: self.notify.map(kinds),
        })
    }
}

/// Whether people were told by one way.
#[derive(Serialize)]
pub(super) struct Sent {
    pub(super) sent: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Cow<'static, str>>,
}

/// An approval as it stands.
#[derive(Serialize)]
pub(super) struct ApprovalView {
    id: String,
    status: &'static str,
    pub(super) decision_url: Option<String>,
    /// Told to whoever asks, when they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notifications: Option<BTreeMap<Way, Sent>>,
    expires_at: String,
    created_at: String,
    action: Value,
    context: Value,
    urgency: Priority,
    decided_by: Option<String>,
    decided_at: Option<String>,
    note: Option<String>,
    metadata: Value,
}

impl ApprovalView {
    /// `pages`: where those are who can sign in and open its page, if anybody can.
    pub(super) fn of(seen: &Seen, pages: Option<&str>) -> Self {
        let approval = &seen.approval;
        let decision = approval.decision_at(seen.now);
        let end = decision.as_ref().map(|decision| End::of(approval, decision));
        let (decided_by, note) = end.map(|end| (end.by, end.note)).unwrap_or_default();
        Self {
            id: ForeignId(approval.id).to_string(),
            status: decision.as_ref().map_or("pending", |decision| word(decision.status)),
            decision_url: pages.map(|pages| format!("{pages}/a/{}", approval.id)),
            notifications: None,
            expires_at: second(approval.expires_at),
            created_at: second(approval.created_at),
            // Null once the texts are erased.
            action: approval.action.arguments["action"].clone(),
            context: approval.action.arguments["context"].clone(),
            urgency: approval.priority,
            decided_by,
            decided_at: decision.map(|decision| second(decision.decided_at)),
            note,
            metadata: approval.metadata.clone(),
        }
    }
}

/// What whoever decided by a link hears of it.
#[derive(Serialize)]
pub(super) struct DecidedView {
    id: String,
    status: &'static str,
    decided_by: Option<String>,
    decided_at: Option<String>,
    note: Option<String>,
}

impl From<&Seen> for DecidedView {
    fn from(seen: &Seen) -> Self {
        let ApprovalView { id, status, decided_by, decided_at, note, .. } =
            ApprovalView::of(seen, None);
        Self { id, status, decided_by, decided_at, note }
    }
}

/// Whose word ended it.
#[derive(Default)]
struct End {
    /// Who, or who they say they are, if they decided by a link that anybody may have.
    by: Option<String>,
    note: Option<String>,
}

impl End {
    fn of(approval: &Approval, decision: &Decision) -> Self {
        let Actor::Member { id, email } = &decision.by else {
            return Self { by: None, note: decision.comment.clone() };
        };
        let last = approval.votes.last().filter(|vote| vote.voter.id == *id);
        if last.is_none_or(|vote| vote.assurance > Assurance::Bearer) {
            return Self { by: Some(email.clone()), note: decision.comment.clone() };
        }
        let Said { name, note } = Said::of(decision.comment.as_deref());
        Self { by: name, note }
    }
}

/// How it ended, in whose name as far as this API says it.
pub(super) fn ended(approval: &Approval, decision: &Decision) -> String {
    let (status, at) = (decision.status, second(decision.decided_at));
    let by = match &decision.by {
        Actor::Member { .. } => End::of(approval, decision).by,
        Actor::Key { .. } | Actor::System => return format!("already {status} at {at}"),
    };
    let by = by.unwrap_or_else(|| "somebody with the link".into());
    format!("already {status} by {by} at {at}")
}

/// How it stands, in one of their four words.
const fn word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Approved => "approved",
        Status::Rejected => "rejected",
        // Nobody decides it any more; there is no other word for that.
        Status::Expired | Status::Cancelled => "expired",
    }
}

/// What whoever waits for the end is sent. In their order.
#[derive(Serialize)]
struct Notice<'a> {
    event: &'static str,
    approval: Ended<'a>,
    timestamp: String,
}

#[derive(Serialize)]
struct Ended<'a> {
    id: String,
    action: &'a Value,
    status: &'static str,
    decided_by: Option<String>,
    decided_at: String,
    metadata: &'a Value,
}

fn status_of(told: &Told<'_>) -> Status {
    let named = |status: &Status| status.as_str() == told.event.name;
    Status::ALL.into_iter().find(named).unwrap_or(Status::Expired)
}

fn event(told: &Told<'_>) -> &'static str {
    match status_of(told) {
        Status::Approved | Status::Rejected => "approval.decided",
        Status::Pending | Status::Expired | Status::Cancelled => "approval.expired",
    }
}

/// The end of an approval, as it is sent to its webhook.
pub(in crate::dialects) fn callback(told: &Told<'_>) -> Bytes {
    let decided = told.asked.and_then(|asked| Some((asked, asked.decision.as_ref()?)));
    let notice = Notice {
        event: event(told),
        approval: Ended {
            id: ForeignId(told.approval).to_string(),
            action: told.asked.map_or(&Value::Null, |asked| &asked.action.arguments["action"]),
            status: word(status_of(told)),
            decided_by: decided.and_then(|(asked, decision)| End::of(asked, decision).by),
            decided_at: second(decided.map_or(told.event.at, |(_, end)| end.decided_at)),
            metadata: told.asked.map_or(&Value::Null, |asked| &asked.metadata),
        },
        timestamp: second(told.event.at),
    };
    // Texts and a map of them: there is nothing in it that could not be written.
    Bytes::from(serde_json::to_vec(&notice).unwrap_or_default())
}

/// What says beside the body what it is about.
pub(in crate::dialects) fn headers(told: &Told<'_>, _: &Parcel, _: &[Secret]) -> HeaderMap {
    let id = ForeignId(told.approval).to_string();
    [("x-holdon-event", event(told)), ("x-holdon-approval-id", &id)]
        .into_iter()
        .filter_map(|(name, value)| {
            Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use askfirst_core::Timestamp;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_reads_back_as_itself(bits: u128) {
            let id = ForeignId(ApprovalId::from_bits(bits));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn another_spelling_is_no_id() {
        let good = ForeignId(ApprovalId::from_bits(0xa3f9)).to_string();
        assert_eq!(good, "00000000-0000-0000-0000-00000000a3f9");
        for bad in [
            good.to_uppercase(),
            good.replace('-', ""),
            format!("{{{good}}}"),
            format!("urn:uuid:{good}"),
            good[..35].to_owned(),
            "apr_01kamy1gdgfwx8tqkfe20s58xm".into(),
            String::new(),
        ] {
            assert!(bad.parse::<ForeignId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_whole_second() {
        assert_eq!(second(Timestamp::from_micros(1_775_287_200_999_000)), "2026-04-04T07:20:00Z");
    }
}
