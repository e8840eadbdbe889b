//! What has ended, and the form to find it by. The form is a GET: what is looked for stands in the
//! address, so it can be kept, sent on and gone back to.

use askama::Template;
use askfirst_core::{Seconds, Status, Timestamp};
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use form_urlencoded::Serializer;
use serde::Deserialize;

use super::fault::{Fault, page};
use super::inbox::{Row, rows};
use super::session::SignedIn;
use super::shell::{Shell, Text, text};
use super::words;
use crate::app::App;
use crate::service::search::{LONGEST_TEXT, Search, point_in_time};

/// How many ended approvals are on a page.
const PAGE: u32 = 30;
/// What a day is.
const DAY: Seconds = Seconds(24 * 3_600);

/// What has ended.
#[derive(Template)]
#[template(path = "history.html")]
pub(super) struct HistoryPage {
    pub(super) shell: Shell,
    pub(super) rows: Vec<Row>,
    /// The address of the next page.
    pub(super) older: Option<String>,
    /// Whether this is the first page.
    pub(super) first: bool,
    /// As it was sent.
    pub(super) wish: Wish,
    /// The same in words, where it leaves anything out.
    pub(super) told: Vec<(&'static str, Text)>,
    /// What is wrong with it.
    pub(super) mistakes: Vec<String>,
    pub(super) statuses: Vec<Choice>,
    pub(super) policies: Vec<Choice>,
}

/// One choice of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) word: String,
    pub(super) chosen: bool,
}

impl Choice {
    pub(super) fn new(value: &str, word: &str, chosen: &str) -> Self {
        Self { value: value.into(), word: word.into(), chosen: value == chosen }
    }
}

/// What is looked for, as it was written; what is empty leaves nothing out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    pub(super) q: String,
    pub(super) status: String,
    pub(super) policy: String,
    pub(super) agent: String,
    pub(super) asker: String,
    pub(super) approver: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) before: String,
}

impl Wish {
    /// Every field but the place in the list, with its name.
    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("q", &self.q),
            ("status", &self.status),
            ("policy", &self.policy),
            ("agent", &self.agent),
            ("asker", &self.asker),
            ("approver", &self.approver),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// The address of the page that starts after `before`.
    fn address(&self, before: &str) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in self.fields().into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.append_pair("before", before);
        format!("/history?{}", query.finish())
    }

    /// What it leaves in, in words.
    fn told(&self) -> Vec<(&'static str, Text)> {
        let words = [
            "with",
            "what ended as",
            "under",
            "by the agent",
            "asked by a key of",
            "voted on by",
            "asked from",
            "asked until",
        ];
        let fields = words.into_iter().zip(self.fields());
        let fields = fields.filter(|(_, (_, value))| !value.is_empty());
        fields.map(|(words, (_, value))| (words, text(value))).collect()
    }

    fn search(&self, mistakes: &mut Vec<String>) -> Search {
        Search {
            unapproved: false,
            argument: None,
            status: ended_status(&self.status, mistakes),
            ended: true,
            policy: parsed("Policy", &self.policy, mistakes),
            agent: short("Agent", &self.agent, mistakes),
            asker: parsed("Asked by", &self.asker, mistakes),
            approver: parsed("Voted by", &self.approver, mistakes),
            text: short("Text", &self.q, mistakes),
            created_after: day("From", &self.from, mistakes),
            // The last day is meant to be in it.
            created_before: day("To", &self.to, mistakes).map(|day| day.plus(DAY)),
            before: parsed("The place in the list", &self.before, mistakes),
            limit: PAGE,
        }
    }
}

fn ended_status(text: &str, mistakes: &mut Vec<String>) -> Option<Status> {
    let known = Status::ALL.into_iter().find(|status| status.as_str() == text);
    match known {
        Some(Status::Pending) => {
            mistakes.push("Ended as: what is pending is in the inbox, not here.".into());
            None
        }
        None if !text.is_empty() => {
            mistakes.push("Ended as: choose one of the list.".into());
            None
        }
        known => known,
    }
}

/// A field with a grammar of its own.
pub(super) fn parsed<T>(label: &str, text: &str, mistakes: &mut Vec<String>) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let read = text.parse().map_err(|error| mistakes.push(format!("{label}: {error}.")));
    read.ok()
}

/// A text that is looked for.
pub(super) fn short(label: &str, text: &str, mistakes: &mut Vec<String>) -> Option<String> {
    if text.chars().count() > LONGEST_TEXT {
        mistakes.push(format!("{label}: at most {LONGEST_TEXT} characters."));
        return None;
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// The beginning of a day.
pub(super) fn day(label: &str, text: &str, mistakes: &mut Vec<String>) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    // A day has ten characters; a point in time has more.
    let day = (text.len() == 10).then(|| point_in_time(text).ok()).flatten();
    if day.is_none() {
        mistakes.push(format!("{label}: a day such as 2030-01-31."));
    }
    day
}

/// The query of an address, as a form sends it.
///
/// # Errors
/// One that no form of ours sends.
pub(super) fn sent<T: serde::de::DeserializeOwned>(uri: &Uri) -> Result<T, Fault> {
    let read = Query::<T>::try_from_uri(uri);
    read.map(|Query(wish)| wish).map_err(|_| Fault::BadForm)
}

pub(super) async fn history(
    State(app): State<App>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let wish: Wish = sent(&uri)?;
    let mut mistakes = Vec::new();
    let search = wish.search(&mut mistakes);
    let now = by.viewer.now;
    let shell = Shell::of("History", "/history", &by, now);
    let names = app.service.policies(&by.caller).await?;
    let names = names.into_iter().map(|policy| policy.document.name.to_string()).collect();
    if !mistakes.is_empty() {
        let html = HistoryPage::new(shell, wish, names, Vec::new()).with_mistakes(mistakes);
        return Ok(page(StatusCode::BAD_REQUEST, &html));
    }
    let (seen, older) = app.service.search(&by.caller, search).await?;
    let mut html = HistoryPage::new(shell, wish, names, rows(&seen));
    html.older = older.map(|id| html.wish.address(&id.to_string()));
    Ok(page(StatusCode::OK, &html))
}

impl HistoryPage {
    pub(super) fn new(shell: Shell, wish: Wish, policies: Vec<String>, rows: Vec<Row>) -> Self {
        let ended = Status::ALL.into_iter().filter(|status| *status != Status::Pending);
        let statuses = ended.map(|status| {
            Choice::new(status.as_str(), words::sign(status).word, wish.status.as_str())
        });
        let mut policies = policies;
        // One that is gone still has its history.
        if !wish.policy.is_empty() && !policies.contains(&wish.policy) {
            policies.push(wish.policy.clone());
        }
        Self {
            shell,
            rows,
            older: None,
            first: wish.before.is_empty(),
            told: wish.told(),
            mistakes: Vec::new(),
            statuses: statuses.collect(),
            policies: policies.iter().map(|name| Choice::new(name, name, &wish.policy)).collect(),
            wish,
        }
    }

    fn with_mistakes(self, mistakes: Vec<String>) -> Self {
        Self { mistakes, ..self }
    }
}
