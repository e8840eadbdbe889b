//! `[limits]`: how much one key, one workspace and all together may ask of a server. The defaults
//! only keep a program that runs wild from taking everything; what is sensible is for who knows
//! the programs.

use askfirst_core::{Allowance, Allowances, KeyLimits};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The limits of a server. Every number is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests that one key may make in a minute, all at once or spread.
    pub requests_per_minute_per_key: u32,
    /// Requests that all keys of a workspace may make in a minute.
    pub requests_per_minute: u32,
    /// Undecided approvals of one key.
    pub pending_per_key: u32,
    /// Undecided approvals of a workspace, in each of its environments.
    pub pending: u32,
    /// Asks of one key from the first of a month, in UTC.
    pub asks_per_month_per_key: u32,
    /// Asks in a workspace from the first of a month, in each of its environments.
    pub asks_per_month: u32,
    /// Requests of one key, or of one signed-in person, that wait for something to happen.
    pub waiters_per_key: u32,
    /// Waiting requests of everyone.
    pub waiters: u32,
    /// Connections of everyone.
    pub connections: u32,
    /// Keys that strangers make themselves in an hour, from one place or for one contact.
    pub self_service_keys_per_hour: u32,
    /// Workspaces that strangers made, in all.
    pub self_service_workspaces: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_minute_per_key: 600_000,
            requests_per_minute: 3_000_000,
            pending_per_key: 200_000,
            pending: 1_000_000,
            asks_per_month_per_key: 50_000_000,
            asks_per_month: 200_000_000,
            waiters_per_key: 20_000,
            waiters: 50_000,
            connections: 60_000,
            self_service_keys_per_hour: 5,
            self_service_workspaces: 1_000,
        }
    }
}

impl Limits {
    /// Whether every number makes sense.
    ///
    /// # Errors
    /// The first that is 0.
    pub fn check(&self) -> Result<(), ConfigError> {
        let all = [
            ("limits.requests_per_minute_per_key", self.requests_per_minute_per_key),
            ("limits.requests_per_minute", self.requests_per_minute),
            ("limits.pending_per_key", self.pending_per_key),
            ("limits.pending", self.pending),
            ("limits.asks_per_month_per_key", self.asks_per_month_per_key),
            ("limits.asks_per_month", self.asks_per_month),
            ("limits.waiters_per_key", self.waiters_per_key),
            ("limits.waiters", self.waiters),
            ("limits.connections", self.connections),
            ("limits.self_service_keys_per_hour", self.self_service_keys_per_hour),
            ("limits.self_service_workspaces", self.self_service_workspaces),
        ];
        match all.into_iter().find(|(_, number)| *number == 0) {
            None => Ok(()),
            Some((setting, _)) => {
                let why = "at least 1; leave it out for the default".into();
                Err(ConfigError::Wrong { setting, why })
            }
        }
    }

    /// What every key may.
    #[must_use]
    pub const fn of_keys(&self) -> KeyLimits {
        KeyLimits {
            requests_per_minute: Some(self.requests_per_minute_per_key),
            pending: Some(self.pending_per_key),
            waiters: Some(self.waiters_per_key),
            asks_per_month: Some(self.asks_per_month_per_key),
        }
    }

    /// What the store keeps count of.
    #[must_use]
    pub fn allowances(&self) -> Allowances {
        let of = |pending: u32, asks: u32| Allowance {
            pending: pending.into(),
            asks_per_month: asks.into(),
        };
        Allowances {
            key: of(self.pending_per_key, self.asks_per_month_per_key),
            workspace: of(self.pending, self.asks_per_month),
        }
    }
}
