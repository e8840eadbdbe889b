//! The rules of an approval, told as stories, checked as properties and tried exhaustively.
//! One binary, so that all of them share one cast of people and one way to act.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on ends there")]

mod asking;
mod bounding;
mod claiming;
mod contacting;
mod credentials;
mod delegating;
mod editing;
mod ending;
mod erasing;
mod escalating;
mod exhaustive;
mod granting;
mod inquiring;
mod linking;
mod oracle;
mod plan;
mod properties;
mod stage;
mod voting;
