//! What was given up and is to be sent again: which of it, and how much at a time. Finding it is the
//! store's.

use super::{Denied, invalid};
use crate::{ChannelId, Environment, Scope, Timestamp, WebhookId};

/// What was given up within a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// By which way.
    pub way: Way,
    /// Of which world; none for all.
    pub environment: Option<Environment>,
    /// Given up then or later.
    pub from: Timestamp,
    /// Given up before then.
    pub until: Timestamp,
}

/// How something was to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To receivers: to one, or all of them.
    Webhooks(Option<WebhookId>),
    /// To people: by one channel, or all of them.
    Channels(Option<ChannelId>),
}

impl GivenUp {
    /// The most that one change makes due again, so that no other write waits long for it.
    pub const MOST: u32 = 1_000;

    /// What it takes to have it sent again.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self.way {
            Way::Webhooks(_) => Scope::Workspace,
            Way::Channels(_) => Scope::Channels,
        }
    }

    pub(super) fn check(&self) -> Result<(), Denied> {
        if self.until <= self.from {
            return Err(invalid("/to", "this is not after `from`"));
        }
        Ok(())
    }
}
