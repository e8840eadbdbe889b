//! Exit codes, and how a command that failed says why. `docs/cli.md` has the same table.

use serde_json::json;

use crate::client::CallError;
use crate::terminal::{inert, readable};

/// It is done; for a question: approved, and the claim is in hand.
pub(crate) const DONE: u8 = 0;
/// It failed; what to do is on stderr.
pub(crate) const FAILED: u8 = 1;
/// A question: it was rejected. No other failure of `ask` and `wait` has this code.
pub(crate) const REJECTED: u8 = 1;
/// A question: it expired, or was cancelled.
pub(crate) const ENDED: u8 = 2;
/// A question: it cannot be told, so the answer is no.
pub(crate) const UNSURE: u8 = 3;
/// A proof: not valid, or of a signer that is not trusted.
pub(crate) const INVALID: u8 = 4;
/// Used wrongly.
pub(crate) const USAGE: u8 = 64;
/// The server stopped because it no longer knows what its store recorded.
pub(crate) const HALTED: u8 = 70;
/// Not set up: configuration, data folder, address or keys.
pub(crate) const NOT_SET_UP: u8 = 78;

/// Why a command failed, where that has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The machine is not set up for it.
    #[error("{0}")]
    NotSetUp(String),
    /// The server stopped itself.
    #[error("{0}")]
    Halted(String),
    /// What was asked cannot be told.
    #[error("{0}")]
    Unsure(String),
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => USAGE,
            Self::NotSetUp(_) => NOT_SET_UP,
            Self::Halted(_) => HALTED,
            Self::Unsure(_) => UNSURE,
        }
    }
}

/// A usage mistake that only the command itself could find.
pub(crate) fn usage(what: impl Into<String>) -> anyhow::Error {
    Failure::Usage(what.into()).into()
}

/// Something about this machine that has to be put right first.
pub(crate) fn not_set_up(what: impl std::fmt::Display) -> anyhow::Error {
    Failure::NotSetUp(what.to_string()).into()
}

/// There is no telling, so the answer is no.
pub(crate) fn unsure(what: impl Into<String>) -> anyhow::Error {
    Failure::Unsure(what.into()).into()
}

/// How a command fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// The code of a failure that has none of its own.
    pub(crate) code: u8,
    /// Whether programs read it.
    pub(crate) json: bool,
}

/// Tells stderr what went wrong and gives the exit code.
pub(crate) fn report(error: &anyhow::Error, manner: Manner) -> u8 {
    let call = error.downcast_ref::<CallError>();
    if manner.json {
        let problem = call.and_then(CallError::document);
        let told = json!({ "error": format!("{error:#}"), "problem": problem });
        eprintln!("{}", inert(&told.to_string()));
    } else {
        // It may repeat what somebody else wrote.
        let told = format!("{error:#}");
        let lines: Vec<_> = told.lines().map(readable).collect();
        eprintln!("askfirst: {}", lines.join("\n"));
    }
    let own = error.downcast_ref::<Failure>().map(Failure::code);
    let mistaken = call.is_some_and(CallError::is_our_mistake) && manner.code == UNSURE;
    own.unwrap_or(if mistaken { USAGE } else { manner.code })
}
