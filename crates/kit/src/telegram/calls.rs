//! What bots have called, in order, and what they were told: bounded, so that long runs fit.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// A call of a bot.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Counts up by one with each call, from 1.
    pub number: u64,
    /// When it came, since the kit was started.
    pub at: Duration,
    /// The bot, if the token was good.
    pub bot: Option<i64>,
    /// Such as `sendMessage`.
    pub method: String,
    /// As they came.
    pub parameters: Map<String, Value>,
    /// What was answered; 0 as long as nothing was, and if the connection was dropped.
    pub status: u16,
    /// What was said to a refusal.
    pub description: Option<String>,
    /// What it was answered, if it was taken. Of `getUpdates` nothing is kept.
    pub result: Option<Value>,
    /// Whether it came although the bot had been told to wait.
    pub during_flood: bool,
}

impl Call {
    pub(super) fn value(&self) -> Value {
        json!({
            "number": self.number, "at_ms": u64::try_from(self.at.as_millis()).unwrap_or(u64::MAX),
            "bot": self.bot, "method": self.method, "parameters": self.parameters,
            "status": self.status, "description": self.description, "result": self.result,
            "during_flood": self.during_flood,
        })
    }
}

pub(super) struct Log {
    calls: VecDeque<Call>,
    /// The number of the first that is kept.
    first: u64,
    most: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { calls: VecDeque::new(), first: 1, most: 100_000 }
    }
}

impl Log {
    pub(super) fn keep_at_most(&mut self, most: usize) {
        self.most = most;
        self.shrink();
    }

    /// Notes a call that came; the number is its own.
    pub(super) fn came(&mut self, mut call: Call) -> u64 {
        let number = self.first + self.calls.len() as u64;
        call.number = number;
        self.calls.push_back(call);
        self.shrink();
        number
    }

    pub(super) fn change(&mut self, number: u64, change: impl FnOnce(&mut Call)) {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        if let Some(call) = place.and_then(|place| self.calls.get_mut(place)) {
            change(call);
        }
    }

    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter()
    }

    fn shrink(&mut self) {
        while self.calls.len() > self.most {
            self.calls.pop_front();
            self.first += 1;
        }
    }
}
