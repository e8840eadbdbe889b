//! The command as people and scripts use it: the real binary, real servers, no sleeping.

#![allow(clippy::unwrap_used, reason = "a story that cannot go on ends there")]

mod approvals;
mod audit;
mod backups;
mod clock;
mod confirmations;
mod deliveries;
mod dev;
mod dialects;
mod doctor;
mod holdon;
mod inbox;
mod keyring;
mod mails;
mod managing;
mod metrics;
mod operate;
mod policies;
mod proofs;
mod receivers;
mod receiving;
mod samples;
mod screen;
mod serve;
mod support;
mod taps;
mod telegram;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod trials;
mod usage;
mod webhooks;
mod workspaces;
