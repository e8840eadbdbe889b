//! Stories about the API, told over a real socket to the real server on a temporary file. Only
//! the clock is the story's own.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on ends there")]

#[path = "../support/support.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's own words"
)]
mod support;

mod bad_json;
mod bad_requests;
mod deadlines;
mod idempotency;
mod quorum;
mod races;
mod refusals;
mod story;
