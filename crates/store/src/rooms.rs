//! Cards in groups: what their buttons stand for, as the store keeps it. Who pressed one is not known
//! before they do.

use askfirst_core::administration::SecretHash;
use askfirst_core::{ApprovalId, ChannelId, Digest, NoticeId, RoomId, Timestamp};
use async_trait::async_trait;

use crate::records::Place;
use crate::store::StoreError;

/// The buttons of a card in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomCard {
    /// Hash of what they carry.
    pub secret: SecretHash,
    /// By which notice it was put there.
    pub notice: NoticeId,
    /// The workspace and environment.
    pub place: Place,
    /// Of which approval.
    pub approval: ApprovalId,
    /// By which way.
    pub channel: ChannelId,
    /// Into which group.
    pub room: RoomId,
    /// Whether one of them approves.
    pub approves: bool,
    /// SHA-256 of what it shows.
    pub shown: Digest,
}

/// Cards in groups.
#[async_trait]
pub trait Rooms: Send + Sync {
    /// Keeps the buttons of a card, or what they are now; they are forgotten a day after `until`.
    async fn keep_room_card(&self, card: RoomCard, until: Timestamp) -> Result<(), StoreError>;
    /// The card whose buttons carry this.
    async fn room_card(&self, secret: SecretHash) -> Result<Option<RoomCard>, StoreError>;
}
