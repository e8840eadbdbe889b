//! The time of this Telegram: the machine's, and ahead of it by what a test wants to have passed.

use std::time::Duration;

use tokio::time::Instant;

pub(super) struct Clock {
    started: Instant,
    started_unix: i64,
    ahead: Duration,
}

impl Clock {
    #[allow(
        clippy::disallowed_methods,
        reason = "this stands for a server of others, which has a clock of its own"
    )]
    pub(super) fn start() -> Self {
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let started_unix = unix.map_or(0, |unix| i64::try_from(unix.as_secs()).unwrap_or_default());
        Self { started: Instant::now(), started_unix, ahead: Duration::ZERO }
    }

    /// How long it has been running, by its own reckoning.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed() + self.ahead
    }

    /// Seconds since 1970.
    pub(super) fn unix(&self) -> i64 {
        self.started_unix + i64::try_from(self.now().as_secs()).unwrap_or_default()
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.ahead += time;
    }
}
