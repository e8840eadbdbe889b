//! The inbox, and how an approval looks in a list.

use askama::Template;
use askfirst_core::Status;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::fault::{Fault, page};
use super::linking::Phone;
use super::session::SignedIn;
use super::sheet::urgent;
use super::shell::{Moment, Shell, Text, span, text};
use super::words::{self, Sign};
use crate::app::App;
use crate::service::Seen;
use crate::service::presence::FULL_INBOX;

/// The inbox.
#[derive(Template)]
#[template(path = "inbox.html")]
pub(super) struct InboxPage {
    pub(super) shell: Shell,
    pub(super) yours: Vec<Row>,
    pub(super) others: Vec<Row>,
    pub(super) ended: Vec<Row>,
    /// Whether there may be more than is shown.
    pub(super) full: bool,
    /// Whether they could answer on their phone and have not said by which account.
    pub(super) phone: bool,
    /// Where programs reach this server.
    pub(super) url: String,
}

/// One approval in a list.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) title: Text,
    pub(super) target: Option<Text>,
    pub(super) asker: Text,
    pub(super) sign: Sign,
    pub(super) urgent: Option<&'static str>,
    /// When it was asked, or when it ended.
    pub(super) at: Moment,
    pub(super) deadline: Moment,
    /// `58 min`, while it is pending.
    pub(super) left: Option<String>,
    /// Votes so far and votes needed, where more than one is.
    pub(super) votes: Option<String>,
    /// Who ended it; none while it waits, and where the deadline did.
    pub(super) by: Option<Text>,
}

impl Row {
    pub(super) fn new(seen: &Seen) -> Self {
        let approval = &seen.approval;
        let now = seen.now;
        let decision = approval.decision_at(now);
        let status = approval.status_at(now);
        let pending = status == Status::Pending;
        let left = (approval.expires_at.micros() - now.micros()) / 1_000_000;
        let seats = approval.policy.document.seats();
        let missing = approval.remaining(&seen.roster).approvals;
        let at = decision.as_ref().map_or(approval.created_at, |decision| decision.decided_at);
        Self {
            id: approval.id.to_string(),
            title: text(approval.called()),
            target: approval.action.target.as_deref().map(text),
            asker: text(&approval.asker.label),
            sign: words::sign(status),
            urgent: urgent(approval.priority),
            at: Moment::seen_from(at, now),
            deadline: Moment::seen_from(approval.expires_at, now),
            left: pending.then(|| span(left.max(0))),
            votes: (pending && seats > 1)
                .then(|| format!("{} of {seats} approvals", seats.saturating_sub(missing))),
            by: decision.and_then(|it| words::actor(&it.by)).map(|by| text(&by)),
        }
    }
}

pub(super) fn rows(seen: &[Seen]) -> Vec<Row> {
    seen.iter().map(Row::new).collect()
}

pub(super) async fn inbox(State(app): State<App>, by: SignedIn) -> Result<Response, Fault> {
    let inbox = app.service.inbox(&by.caller).await?;
    let waiting = inbox.yours.len() + inbox.others.len();
    let title = match inbox.yours.len() {
        0 => "Inbox".into(),
        count => format!("({count}) Inbox"),
    };
    let idle = inbox.yours.is_empty();
    let phone = idle && Phone::read(&app, &by).await?.is_some_and(|phone| phone.is_wanted(&by));
    let full = waiting >= FULL_INBOX as usize;
    let html = InboxPage {
        shell: Shell::of(&title, "/", &by, by.viewer.now),
        yours: rows(&inbox.yours),
        others: rows(&inbox.others),
        ended: rows(&inbox.ended),
        full,
        phone,
        url: app.reach.public_url.clone(),
    };
    Ok(page(StatusCode::OK, &html))
}
