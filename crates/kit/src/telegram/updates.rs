//! What a bot has yet to be told: numbered one by one, kept until it was confirmed or got old.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

/// What bots are told unless they ask for something else; the rest has to be asked for.
const BY_DEFAULT: [&str; 5] =
    ["message", "edited_message", "channel_post", "callback_query", "my_chat_member"];

/// All that the kit ever tells.
pub(super) const KNOWN: [&str; 6] = [
    "message",
    "edited_message",
    "channel_post",
    "callback_query",
    "my_chat_member",
    "chat_member",
];

/// So many are kept to be looked at.
const MOST_TOLD: usize = 2000;

/// What happened, on its way to a bot.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub(super) id: i64,
    pub(super) kind: &'static str,
    pub(super) what: Value,
    /// When nobody wants to hear it any more.
    pub(super) until: Duration,
    /// Those of one queue reach a webhook one after the other.
    pub(super) queue: (i64, &'static str),
}

impl Update {
    pub(super) fn value(&self) -> Value {
        json!({ "update_id": self.id, self.kind: self.what })
    }
}

pub(super) struct Updates {
    waiting: VecDeque<Update>,
    next: i64,
    allowed: Option<Vec<String>>,
    /// The latest there were, whether a bot has them yet or not.
    told: VecDeque<Value>,
}

impl Updates {
    /// Begins to count at `first`.
    pub(super) fn new(first: i64) -> Self {
        Self { waiting: VecDeque::new(), next: first, allowed: None, told: VecDeque::new() }
    }

    /// Puts it at the end, unless the bot does not want to hear of such.
    pub(super) fn push(&mut self, kind: &'static str, what: Value, queue: i64, until: Duration) {
        let allowed = match &self.allowed {
            Some(allowed) => allowed.iter().any(|word| word == kind),
            None => BY_DEFAULT.contains(&kind),
        };
        if allowed {
            let update = Update { id: self.next, kind, what, until, queue: (queue, kind) };
            if self.told.len() == MOST_TOLD {
                self.told.pop_front();
            }
            self.told.push_back(update.value());
            self.waiting.push_back(update);
            self.next += 1;
        }
    }

    /// What the bot wants to hear of from now on; an empty list stands for the default.
    pub(super) fn allow(&mut self, kinds: Vec<String>) {
        self.allowed = (!kinds.is_empty()).then_some(kinds);
    }

    pub(super) fn allowed(&self) -> Option<&[String]> {
        self.allowed.as_deref()
    }

    /// Lets go of what was confirmed by `offset`, or of all but the last so many if it is
    /// negative, and of what got old.
    pub(super) fn confirm(&mut self, offset: i64, now: Duration) {
        self.forget_old(now);
        if offset < 0 {
            let last = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let all = self.waiting.len();
            self.waiting.drain(..all.saturating_sub(last));
        } else {
            self.waiting.retain(|update| update.id >= offset);
        }
    }

    pub(super) fn forget_old(&mut self, now: Duration) {
        self.waiting.retain(|update| update.until > now);
    }

    pub(super) fn remove(&mut self, id: i64) {
        self.waiting.retain(|update| update.id != id);
    }

    pub(super) fn drop_all(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn told(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.told.iter()
    }

    pub(super) fn waiting(&self) -> impl ExactSizeIterator<Item = &Update> {
        self.waiting.iter()
    }
}
