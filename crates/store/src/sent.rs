//! What was sent, to receivers and to people, found by what one looks for, and what of it was given
//! up. Sending it again is a change like any other ([`Replay`]).
//!
//! [`Replay`]: askfirst_core::administration::Change::Replay

use askfirst_core::administration::GivenUp;
use askfirst_core::{
    ApprovalId, ChannelId, DeliveryId, Dialect, Environment, KeyId, NoticeId, Timestamp, WebhookId,
    WorkspaceId,
};
use async_trait::async_trait;

use crate::deliveries::{Delivery, DeliveryState};
use crate::notices::{Notice, NoticeState};
use crate::records::Place;
use crate::store::StoreError;

/// Which of what was sent is looked for; an absent member says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct SentFilter<Way, State, Id> {
    /// By which way.
    pub way: Option<Way>,
    /// How it stands.
    pub state: Option<State>,
    /// Of which approval.
    pub approval: Option<ApprovalId>,
    /// Of which world.
    pub environment: Option<Environment>,
    /// Written then or later.
    pub since: Option<Timestamp>,
    /// Written before then.
    pub until: Option<Timestamp>,
    /// Older than this one, which was written then; without an id, written before then.
    pub before: Option<(Timestamp, Option<Id>)>,
    /// How many, at most.
    pub limit: u32,
}

/// Of what was sent to receivers.
pub type DeliveryFilter = SentFilter<WebhookId, DeliveryState, DeliveryId>;
/// Of what people were told.
pub type NoticeFilter = SentFilter<ChannelId, NoticeState, NoticeId>;

/// How much was given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenUpCounts {
    /// It can be sent again.
    pub sendable: u64,
    /// It asks for an answer that nobody wants any more, and is not sent again.
    pub over: u64,
}

/// Of what one key asked: what went to receivers that are told in another API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskerFilter {
    /// In whose words.
    pub dialect: Dialect,
    /// How it stands.
    pub state: Option<DeliveryState>,
    /// Whether it tells of an approval, or of another end.
    pub approved: Option<bool>,
    /// Its id begins with these bytes.
    pub begins: Option<[u8; 12]>,
    /// Settled then or later.
    pub since: Option<Timestamp>,
    /// Not the first so many.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

impl AskerFilter {
    /// How far is counted.
    pub const MOST: u32 = 10_000;
}

/// The log of what was sent.
#[async_trait]
pub trait SentLog: Send + Sync {
    /// What was or will be sent to receivers, newest first.
    async fn find_deliveries(
        &self,
        workspace: WorkspaceId,
        filter: DeliveryFilter,
    ) -> Result<Vec<Delivery>, StoreError>;
    /// What people were or will be told, newest first.
    async fn find_notices(
        &self,
        workspace: WorkspaceId,
        filter: NoticeFilter,
    ) -> Result<Vec<Notice>, StoreError>;
    /// One thing that somebody was or will be told.
    async fn notice(
        &self,
        workspace: WorkspaceId,
        id: NoticeId,
    ) -> Result<Option<Notice>, StoreError>;
    /// What went out of what one key asked, newest first, and how much that is in all, counted up to
    /// [`AskerFilter::MOST`].
    async fn deliveries_of_asker(
        &self,
        place: Place,
        asker: KeyId,
        filter: AskerFilter,
    ) -> Result<(Vec<Delivery>, u32), StoreError>;
    /// How much was given up within a time.
    async fn given_up(
        &self,
        workspace: WorkspaceId,
        which: GivenUp,
    ) -> Result<GivenUpCounts, StoreError>;
}
