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

mod access;
mod administering;
mod afterwards;
mod attacks;
mod audit;
mod bad_json;
mod bad_requests;
mod callbacks;
mod challenges;
mod channels;
mod deadlines;
mod delegating;
mod deliveries;
mod description;
mod dialects;
mod docs;
mod editing;
mod escalating;
mod floods;
mod grants;
mod harmless;
mod holdon;
mod idempotency;
mod keeping;
mod leaving;
mod limits;
mod links;
mod lists;
mod newcomers;
mod outages;
mod passwords;
mod plans;
mod proof;
mod quorum;
mod races;
mod refusals;
mod secrets;
mod signatures;
mod slow;
mod story;
mod strangers;
mod telegram;
mod tenancy;
mod votes;
mod ways;
mod webhooks;

/// Whether kept files are written anew instead of compared.
#[allow(clippy::disallowed_methods, reason = "a switch for who runs the tests, not a setting")]
fn updating() -> bool {
    std::env::var_os("UPDATE_SPEC").is_some()
}
