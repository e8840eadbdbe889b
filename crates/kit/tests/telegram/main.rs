//! The kit's Telegram from a bot's side: what it takes, what it refuses and in which words.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on ends there")]

mod faults;
mod groups;
mod messages;
mod people;
mod polling;
mod support;
mod webhooks;
