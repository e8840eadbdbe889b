//! Ways to people. Each speaks to one provider and knows neither the database nor when to try
//! again: it is given a card, hands it over, or says in words why not.
//!
//! A card says first what will happen, in the one text that every page shows too. What does not fit
//! a way whole has no button to approve.

pub mod card;
pub mod email;
pub mod telegram;
pub mod wording;

use askfirst_core::Seconds;
use async_trait::async_trait;

pub use card::{Answering, Card, Parting, What};

/// What a way can carry.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the account of what will happen can be, as `measure` counts it.
    pub account: usize,
    /// How the provider counts the length of a text.
    pub measure: fn(&str) -> usize,
}

/// Why a card was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    /// What went wrong and what to do, in words.
    pub why: String,
    /// What it was about.
    pub blame: Blame,
}

/// What a failure is about, and so what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The way itself: nothing else would be taken either.
    Way,
    /// This card to this person, for now.
    ForNow,
    /// This card to this person, for good: trying again would end the same.
    ForGood,
    /// The place: it is elsewhere now, by this number of the provider's.
    Moved {
        /// Where.
        to: i64,
    },
    /// Nothing: the provider wants to be left alone for so long.
    Pace {
        /// Until it takes something again.
        wait: Seconds,
    },
}

/// One way to people, as it is set up for a workspace.
#[async_trait]
pub trait Channel: Send + Sync {
    /// What it can carry.
    fn limits(&self) -> Limits;

    /// Hands a card over; gives what the provider knows it by, which is stored. The same card may
    /// come again, after a crash: a provider that can tell drops it.
    ///
    /// # Errors
    /// [`Failure`].
    async fn send(&self, card: &Card) -> Result<String, Failure>;

    /// Has the card of this reference tell what this one does: that it changed, how it ended, what
    /// came of it. A way that cannot change what it sent sends another one behind it; that is what
    /// this does unless it is written otherwise.
    ///
    /// # Errors
    /// [`Failure`].
    async fn update(&self, _reference: &str, card: &Card) -> Result<String, Failure> {
        self.send(card).await
    }

    /// Has the card of this reference say that nothing can be answered there any more. A way that cannot change what it sent does nothing.
    ///
    /// # Errors
    /// [`Failure`].
    async fn part(&self, _reference: &str, _parting: &Parting) -> Result<(), Failure> {
        Ok(())
    }
}
