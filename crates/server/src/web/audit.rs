//! The audit log for admins and auditors: found by a form whose state is the address, newest
//! first, with what it takes to check that it is whole.

use askama::Template;
use askfirst_core::{ApprovalId, Seconds};
use askfirst_store::AuditRecord;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use form_urlencoded::Serializer;
use serde::Deserialize;

use super::fault::{Fault, page};
use super::history::{day, parsed, sent, short};
use super::session::SignedIn;
use super::sheet::json_lines;
use super::shell::{Moment, Shell, Text, text};
use crate::app::App;
use crate::http::audit::{Format, whole};
use crate::service::audit::AuditSearch;

/// How many entries are on a page.
const PAGE: u32 = 50;
/// What a day is.
const DAY: Seconds = Seconds(24 * 3_600);
/// What the form proposes; the log may hold other kinds.
const KINDS: [&str; 12] = [
    "approval",
    "approval.asked",
    "approval.voted",
    "approval.approved",
    "approval.rejected",
    "member",
    "group",
    "key",
    "policy",
    "login_link",
    "session",
    "workspace",
];

/// The log, or the part of it that was looked for.
#[derive(Template)]
#[template(path = "audit.html")]
pub(super) struct AuditPage {
    pub(super) shell: Shell,
    pub(super) entries: Vec<EntryView>,
    /// `12:sha256:…` of the whole log.
    pub(super) head: Option<String>,
    /// The address of the next page.
    pub(super) older: Option<String>,
    pub(super) first: bool,
    /// The query of what is looked for, to take it away in other formats.
    pub(super) query: String,
    pub(super) wish: Wish,
    pub(super) told: Vec<(&'static str, Text)>,
    pub(super) mistakes: Vec<String>,
    pub(super) kinds: &'static [&'static str],
    /// Since when the workspace's plan has entries read.
    pub(super) from: Option<Moment>,
}

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct EntryView {
    pub(super) index: u64,
    pub(super) at: Moment,
    pub(super) kind: Text,
    pub(super) actor: Text,
    pub(super) subject: Text,
    /// The page of the approval that it is about.
    pub(super) link: Option<String>,
    pub(super) detail: Vec<Text>,
    pub(super) hash: String,
}

/// What is looked for, as it was written; what is empty leaves nothing out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    pub(super) kind: String,
    pub(super) actor: String,
    pub(super) subject: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) before: String,
    /// For taking it away: `csv` or `jsonl`.
    pub(super) format: String,
}

impl Wish {
    fn fields(&self) -> [(&'static str, &'static str, &str); 5] {
        [
            ("kind", "of the kind", &self.kind),
            ("actor", "by", &self.actor),
            ("subject", "about", &self.subject),
            ("from", "from", &self.from),
            ("to", "until", &self.to),
        ]
    }

    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (name, _, value) in self.fields().into_iter().filter(|(.., value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.finish()
    }

    fn search(&self, mistakes: &mut Vec<String>) -> AuditSearch {
        AuditSearch {
            kind: parsed("Kind", &self.kind, mistakes),
            actor: parsed("Done by", &self.actor, mistakes),
            subject: short("About", self.subject.trim(), mistakes),
            since: day("From", &self.from, mistakes),
            until: day("To", &self.to, mistakes).map(|day| day.plus(DAY)),
            after: None,
            before: parsed("The place in the log", &self.before, mistakes),
            newest_first: true,
        }
    }
}

impl EntryView {
    pub(super) fn new(record: &AuditRecord, now: askfirst_core::Timestamp) -> Self {
        let entry = &record.entry;
        let about = entry.subject.parse::<ApprovalId>();
        Self {
            index: entry.index,
            at: Moment::seen_from(entry.at.parse().unwrap_or(now), now),
            kind: text(&entry.kind),
            actor: text(&entry.actor),
            subject: text(&entry.subject),
            link: about.ok().map(|id| format!("/a/{id}")),
            detail: json_lines(&entry.detail),
            hash: record.hash.to_string(),
        }
    }
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let wish: Wish = sent(&uri)?;
    // Who may not read the log is told so, whatever the form says.
    let head = app.service.audit_head(&by.caller).await?;
    let head = head.map(|last| format!("{}:{}", last.entry.index, last.hash));
    let mut mistakes = Vec::new();
    let search = wish.search(&mut mistakes);
    let now = by.viewer.now;
    let shell = Shell::of("Audit log", "/audit", &by, now);
    if !mistakes.is_empty() {
        let html = AuditPage { mistakes, ..AuditPage::new(shell, wish, head, Vec::new()) };
        return Ok(page(StatusCode::BAD_REQUEST, &html));
    }
    let mut found = app.service.audit(&by.caller, search, PAGE + 1).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let entries = found.iter().map(|record| EntryView::new(record, now)).collect();
    let mut html = AuditPage::new(shell, wish, head, entries);
    html.from = app.service.audit_from(&by.caller).await?.map(|at| Moment::seen_from(at, now));
    html.older = found.last().filter(|_| more).map(|last| {
        let query = &html.query;
        let and = if query.is_empty() { "" } else { "&" };
        format!("/audit?{query}{and}before={}", last.entry.index)
    });
    Ok(page(StatusCode::OK, &html))
}

/// All that was looked for, oldest first, as a file.
pub(super) async fn export(
    State(app): State<App>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let wish: Wish = sent(&uri)?;
    let mut mistakes = Vec::new();
    let search = wish.search(&mut mistakes);
    let format = match wish.format.as_str() {
        "csv" => Format::Csv,
        "jsonl" => Format::Jsonl,
        _ => return Err(Fault::BadForm),
    };
    if !mistakes.is_empty() {
        return Err(Fault::BadForm);
    }
    let search = AuditSearch { before: None, newest_first: false, ..search };
    Ok(whole(app, by.caller, search, format).await?)
}

impl AuditPage {
    pub(super) fn new(
        shell: Shell,
        wish: Wish,
        head: Option<String>,
        entries: Vec<EntryView>,
    ) -> Self {
        let told = wish.fields().into_iter().filter(|(.., value)| !value.is_empty());
        Self {
            shell,
            entries,
            head,
            older: None,
            first: wish.before.is_empty(),
            query: wish.query(),
            told: told.map(|(_, words, value)| (words, text(value))).collect(),
            mistakes: Vec::new(),
            kinds: &KINDS,
            from: None,
            wish,
        }
    }
}
