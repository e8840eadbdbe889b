//! What is left of a way that was taken away, as the store keeps it: its cards that still look as if
//! they could be answered, and for a while what is needed to change them. Changing them is the
//! server's.

use askfirst_core::{ApprovalId, ChannelId, MemberId, Timestamp};
use async_trait::async_trait;

use crate::notices::Channel;
use crate::records::Place;
use crate::store::StoreError;

/// A way that was taken away, or from some people, and cards of it that are to say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The way, as it is or was.
    pub channel: Channel,
    /// Whether it is gone for everybody; else it is for those who have the cards.
    pub removed: bool,
    /// Some of them.
    pub cards: Vec<OpenCard>,
}

/// A card that looks as if it could be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCard {
    /// Of what.
    pub place: Place,
    /// Of which approval.
    pub approval: ApprovalId,
    /// Who has it.
    pub member: MemberId,
    /// What the way knows it by.
    pub reference: String,
}

/// Ways that were taken away. What their cards are to say is kept an hour at most, and their secret
/// as long.
#[async_trait]
pub trait Farewells: Send + Sync {
    /// Whether there is something to do.
    async fn farewells_are_due(&self) -> Result<bool, StoreError>;
    /// Claims up to `limit` that are due for `lease_seconds`, each with up to `cards` of its cards.
    /// Whatever was kept for an hour is erased.
    async fn claim_farewells(
        &self,
        lease_seconds: u32,
        limit: u32,
        cards: u32,
    ) -> Result<Vec<Farewell>, StoreError>;
    /// Says which cards need no more to be changed, by their references, and when the rest is due.
    async fn settle_farewell(
        &self,
        channel: ChannelId,
        closed: Vec<String>,
        next: Timestamp,
    ) -> Result<(), StoreError>;
}
