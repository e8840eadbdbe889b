//! Spans of time in order, and a steady rate to measure them at.

use std::time::{Duration, Instant};

/// Spans, the shortest first.
pub(crate) struct Spans(Vec<Duration>);

impl Spans {
    /// Puts them in order.
    pub(crate) fn of(mut spans: Vec<Duration>) -> Self {
        spans.sort_unstable();
        Self(spans)
    }

    /// The span that so many of a hundred do not exceed, in milliseconds; NaN of none.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(f64::NAN, |span| span.as_secs_f64() * 1e3)
    }
}

/// The middle one; NaN of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Turns at a steady rate, whatever each of them takes.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    began: Instant,
    gap: Duration,
}

impl Pace {
    /// So many a second, from a moment on.
    pub(crate) fn new(per_second: u32) -> Self {
        let began = Instant::now() + Duration::from_millis(200);
        Self { began, gap: Duration::from_secs(1) / per_second.max(1) }
    }

    /// Returns when it is this one's turn.
    pub(crate) async fn turn(self, number: u32) {
        tokio::time::sleep_until((self.began + self.gap * number).into()).await;
    }
}
