//! What one person was or will be told, as a line on a page.

use askfirst_core::About;
use askfirst_store::{Notice, NoticeState};

use super::session::SignedIn;
use super::shell::{Moment, Text, text};
use super::words::Sign;

/// What one person was or will be told.
#[derive(Clone, Debug)]
pub(super) struct NoticeRow {
    pub(super) approval: String,
    pub(super) who: Option<Text>,
    pub(super) about: &'static str,
    pub(super) at: Moment,
    pub(super) sign: Sign,
    pub(super) attempts: u32,
    pub(super) next: Option<Moment>,
    pub(super) why: Option<Text>,
}

impl NoticeRow {
    pub(super) fn new(notice: &Notice, by: &SignedIn) -> Self {
        let (class, icon, word) = match notice.state {
            NoticeState::Waiting => ("pending", "clock", "Waiting"),
            NoticeState::Sent => ("approved", "check", "Handed over"),
            NoticeState::Dropped => ("cancelled", "bar", "Not wanted any more"),
            NoticeState::Dead => ("rejected", "cross", "Given up"),
        };
        let seen = |at| Moment::seen_from(at, by.viewer.now);
        Self {
            approval: notice.approval.to_string(),
            who: notice.address.as_deref().map(text),
            about: match notice.about {
                About::Asked => "that their answer is wanted",
                About::Changed => "that it was changed",
                About::Ended => "how it ended",
                About::Claimed => "that the agent has its answer",
                About::Reported => "what the agent reports",
                About::Reminder => "that their answer is still wanted",
                About::Progress => "what else happened to it",
            },
            at: seen(notice.at),
            sign: Sign { class, icon, word },
            attempts: notice.attempts,
            next: notice.next_at.map(seen),
            why: notice.why.as_deref().map(text),
        }
    }
}
