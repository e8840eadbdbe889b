//! Sending everything again that was given up within a time. Looking counts it; a button sends it.

use askfirst_core::Timestamp;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::after::{Told, lead};
use super::fault::Fault;
use super::once;
use super::session::{Posted, SignedIn};
use super::shell::{Text, text};
use crate::app::App;
use crate::service::deliveries::{Kind, ReplayWish, Replayed};
use crate::service::search::point_in_time;

/// What the form offers before anything is typed: the last day, in microseconds.
const DAY: i64 = 24 * 3_600 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;

/// What is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Events, to webhooks.
    Events,
    /// Messages, to people.
    Messages,
}

/// The form, and how much it is about.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    which: Which,
    /// Tells a repeat of it.
    pub(super) once: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) mistake: Option<Text>,
    pub(super) counted: Option<Counted>,
}

/// What was given up in the time that was asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// Would be sent now.
    pub(super) now: u64,
    /// Would be left for another time.
    pub(super) left: u64,
    /// Asks for an answer that nobody wants any more.
    pub(super) over: u64,
}

impl Which {
    /// The page with the form.
    const fn page(self) -> &'static str {
        match self {
            Self::Events => "/webhooks",
            Self::Messages => "/channels",
        }
    }

    const fn kind(self) -> Kind {
        match self {
            Self::Events => Kind::Webhook,
            Self::Messages => Kind::Email,
        }
    }

    /// What tells a repeat of one from the other.
    const fn operation(self) -> &'static str {
        match self {
            Self::Events => "webhooks.replay",
            Self::Messages => "channels.replay",
        }
    }
}

/// From when to when, as it was typed; all of it in UTC.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Range {
    from: String,
    to: String,
}

impl Range {
    fn is_empty(&self) -> bool {
        self.from.is_empty() && self.to.is_empty()
    }

    /// # Errors
    /// What is wrong with it, for people.
    fn wish(&self, which: Which) -> Result<ReplayWish, String> {
        let time = |name: &str, typed: &str| {
            let told = |_| format!("{name}: a time such as 2030-01-31T14:00, in UTC");
            point_in_time(&whole(typed.trim())).map_err(told)
        };
        let (from, until) = (time("From", &self.from)?, time("Until", &self.to)?);
        if until <= from {
            return Err("this ends before it begins; let “until” be the later one".into());
        }
        let (kind, environment) = (Some(which.kind()), None);
        Ok(ReplayWish { kind, webhook: None, channel: None, environment, from, until })
    }
}

/// A point in time as browsers write it, with the seconds and the zone that they leave out.
fn whole(typed: &str) -> String {
    match typed.len() {
        16 => format!("{typed}:00Z"),
        19 => format!("{typed}Z"),
        _ => typed.to_owned(),
    }
}

/// As a field of a form has it, to the minute.
fn minute(time: i64) -> String {
    Timestamp::from_micros(time).to_string().chars().take(16).collect()
}

impl Replay {
    pub(super) fn new(which: Which, once: String, now: Timestamp) -> Self {
        let until = now.micros() + MINUTE;
        let (from, to) = (minute(until - DAY), minute(until));
        Self { which, once, from, to, mistake: None, counted: None }
    }

    /// How much was given up in this time; nothing is sent.
    pub(super) async fn counted(
        which: Which,
        app: &App,
        by: &SignedIn,
        range: Range,
    ) -> Result<Self, Fault> {
        let fresh = Self::new(which, once::fresh(), by.viewer.now);
        if range.is_empty() {
            return Ok(fresh);
        }
        let (mistake, counted) = match range.wish(which) {
            Err(why) => (Some(text(&format!("{why}."))), None),
            Ok(wish) => {
                let found = app.service.would_replay(&by.caller, wish).await?;
                let Replayed { count: now, left, over, .. } = found;
                (None, Some(Counted { now, left, over }))
            }
        };
        Ok(Self { from: range.from, to: range.to, mistake, counted, ..fresh })
    }

    /// The page with the form.
    pub(super) const fn page(&self) -> &'static str {
        self.which.page()
    }

    /// Whether what is sent again are messages to people.
    pub(super) fn is_to_people(&self) -> bool {
        self.which == Which::Messages
    }

    /// One of what is sent again.
    pub(super) const fn noun(&self) -> &'static str {
        match self.which {
            Which::Events => "event",
            Which::Messages => "message",
        }
    }
}

/// What came of it.
pub(super) fn told(which: Which, done: &str) -> Option<Told> {
    let (count, left) = done.strip_prefix("replayed.")?.split_once('.')?;
    let rest = match left {
        "0" => String::new(),
        left => format!(" {left} more were given up in this time; do it again for them."),
    };
    let detail = match which {
        Which::Events => format!(
            "{count} of them, with the same bytes and the same ids, in the order of each approval. \
             What is for a webhook that is not active waits until it is.{rest}"
        ),
        Which::Messages => format!("{count} of them, the oldest first, as things stand now.{rest}"),
    };
    Some(Told::good("What was given up is sent again", &detail))
}

/// What to send again, and what tells a repeat of it.
#[derive(Deserialize)]
pub(super) struct Wish {
    once: String,
    #[serde(flatten)]
    range: Range,
}

async fn send(which: Which, app: App, posted: Posted<Wish>) -> Result<Response, Fault> {
    let Posted { by, form: Wish { once, range } } = posted;
    let once = once::of(&once, which.operation(), &[&range.from, &range.to])?;
    let wish = range.wish(which).map_err(|_| Fault::BadForm)?;
    let done = app.service.replay(&by.caller, wish, Some(&once)).await?;
    Ok(lead(which.page(), &format!("replayed.{}.{}", done.count, done.left), &by))
}

pub(super) async fn send_events(
    State(app): State<App>,
    posted: Posted<Wish>,
) -> Result<Response, Fault> {
    send(Which::Events, app, posted).await
}

pub(super) async fn send_messages(
    State(app): State<App>,
    posted: Posted<Wish>,
) -> Result<Response, Fault> {
    send(Which::Messages, app, posted).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_as_browsers_write_it_and_goes_forward() {
        let range = |from: &str, to: &str| Range { from: from.into(), to: to.into() };
        let wish = range("2030-01-31T14:00", "2030-01-31T14:00:30").wish(Which::Events).unwrap();
        assert_eq!(wish.until.micros() - wish.from.micros(), 30_000_000);
        assert!(range("2030-01-31", "2030-02-01T00:00:00Z").wish(Which::Events).is_ok());
        for (from, to) in [("", "2030-01-31"), ("soon", "2030-01-31"), ("2030-01-31", "2030-01-31")]
        {
            assert!(range(from, to).wish(Which::Events).is_err(), "{from} {to}");
        }
        let offered = Replay::new(Which::Events, String::new(), wish.from);
        let offered = range(&offered.from, &offered.to).wish(Which::Events).unwrap();
        assert!(offered.from < wish.from && wish.from < offered.until);
    }
}
