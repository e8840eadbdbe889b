//! Sending everything again that was given up within a time. Looking counts it; a button sends it.

use askfirst_core::Timestamp;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::super::after::{Told, lead};
use super::super::fault::Fault;
use super::super::once;
use super::super::session::{Posted, SignedIn};
use super::super::shell::{Text, text};
use crate::app::App;
use crate::service::deliveries::{Kind, ReplayWish};
use crate::service::search::point_in_time;

/// What the form offers before anything is typed: the last day, in microseconds.
const DAY: i64 = 24 * 3_600 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;

/// The form, and how much it is about.
#[derive(Clone, Debug)]
pub(in crate::web) struct Replay {
    pub(in crate::web) from: String,
    pub(in crate::web) to: String,
    pub(in crate::web) mistake: Option<Text>,
    /// How much would be sent now, and how much would be left for another time.
    pub(in crate::web) counted: Option<(u64, u64)>,
}

/// From when to when, as it was typed; all of it in UTC.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Range {
    from: String,
    to: String,
}

impl Range {
    fn is_empty(&self) -> bool {
        self.from.is_empty() && self.to.is_empty()
    }

    /// # Errors
    /// What is wrong with it, for people.
    fn wish(&self) -> Result<ReplayWish, String> {
        let time = |name: &str, typed: &str| {
            let told = |_| format!("{name}: a time such as 2030-01-31T14:00, in UTC");
            point_in_time(&whole(typed.trim())).map_err(told)
        };
        let (from, until) = (time("From", &self.from)?, time("Until", &self.to)?);
        if until <= from {
            return Err("this ends before it begins; let “until” be the later one".into());
        }
        let (kind, environment) = (Some(Kind::Webhook), None);
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
    pub(super) fn new(now: Timestamp) -> Self {
        let until = now.micros() + MINUTE;
        Self { from: minute(until - DAY), to: minute(until), mistake: None, counted: None }
    }

    /// How much was given up in this time; nothing is sent.
    pub(super) async fn counted(app: &App, by: &SignedIn, range: Range) -> Result<Self, Fault> {
        if range.is_empty() {
            return Ok(Self::new(by.viewer.now));
        }
        let (mistake, counted) = match range.wish() {
            Err(why) => (Some(text(&format!("{why}."))), None),
            Ok(wish) => {
                let found = app.service.would_replay(&by.caller, wish).await?;
                (None, Some((found.count, found.left)))
            }
        };
        Ok(Self { from: range.from, to: range.to, mistake, counted })
    }
}

/// What came of it.
pub(super) fn told(done: &str) -> Option<Told> {
    let (count, left) = done.strip_prefix("replayed.")?.split_once('.')?;
    let rest = match left {
        "0" => String::new(),
        left => format!(" {left} more were given up in this time; do it again for them."),
    };
    let detail = format!(
        "{count} of them, with the same bytes and the same ids, in the order of each approval. \
         What is for a webhook that is not active waits until it is.{rest}"
    );
    Some(Told::good("What was given up is sent again", &detail))
}

/// What to send again, and what tells a repeat of it.
#[derive(Deserialize)]
pub(in crate::web) struct Wish {
    once: String,
    #[serde(flatten)]
    range: Range,
}

pub(in crate::web) async fn send(
    State(app): State<App>,
    posted: Posted<Wish>,
) -> Result<Response, Fault> {
    let Posted { by, form: Wish { once, range } } = posted;
    let once = once::of(&once, "webhooks.replay", &[&range.from, &range.to])?;
    let wish = range.wish().map_err(|_| Fault::BadForm)?;
    let done = app.service.replay(&by.caller, wish, Some(&once)).await?;
    Ok(lead("/webhooks", &format!("replayed.{}.{}", done.count, done.left), &by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_as_browsers_write_it_and_goes_forward() {
        let range = |from: &str, to: &str| Range { from: from.into(), to: to.into() };
        let wish = range("2030-01-31T14:00", "2030-01-31T14:00:30").wish().unwrap();
        assert_eq!(wish.until.micros() - wish.from.micros(), 30_000_000);
        assert!(range("2030-01-31", "2030-02-01T00:00:00Z").wish().is_ok());
        for (from, to) in [("", "2030-01-31"), ("soon", "2030-01-31"), ("2030-01-31", "2030-01-31")]
        {
            assert!(range(from, to).wish().is_err(), "{from} {to}");
        }
        let offered = Replay::new(wish.from);
        let offered = range(&offered.from, &offered.to).wish().unwrap();
        assert!(offered.from < wish.from && wish.from < offered.until);
    }
}
