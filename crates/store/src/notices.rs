//! What is told to people, as the store keeps it: the ways to them, what waits to be told, what
//! became of it. Telling is the server's.

use askfirst_core::{
    About, ApprovalId, ChannelId, ChannelSettings, Environment, MemberId, NoticeId, Timestamp,
    WorkspaceId,
};
use async_trait::async_trait;

use crate::records::Place;
use crate::store::StoreError;

/// A way to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Whose.
    pub workspace: WorkspaceId,
    /// What it is set up with.
    pub settings: ChannelSettings,
    /// Its secret, sealed, where it has one.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What went wrong last, since something last arrived by it.
    pub trouble: Option<(Timestamp, String)>,
    /// How much waits to be told by it.
    pub waiting: u64,
}

/// Something to tell one person by one way, to be told now by whoever holds its lease.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedNotice {
    /// Its id.
    pub id: NoticeId,
    /// By which way.
    pub channel: Channel,
    /// Of what.
    pub place: Place,
    /// Of which approval.
    pub approval: ApprovalId,
    /// Whom.
    pub member: MemberId,
    /// Where they are reached; none if they have no account any more.
    pub address: Option<String>,
    /// What is told.
    pub about: About,
    /// The first that this person was told of this approval by this way, if anything was.
    pub first: Option<NoticeId>,
    /// Counts from 1 and never back.
    pub attempt: u32,
    /// The same since it was last asked for once more.
    pub round: u32,
}

/// What follows an attempt to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing: it is on its way to them.
    Sent,
    /// Nothing: it has become pointless.
    Dropped {
        /// Why, in words.
        why: String,
    },
    /// Another attempt.
    Retry {
        /// When.
        at: Timestamp,
        /// What went wrong, in words.
        why: String,
    },
    /// Nothing: it was tried often enough, or cannot arrive.
    GiveUp {
        /// What went wrong, in words.
        why: String,
    },
}

/// How it stands with something to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It will be told, or is being told.
    Waiting,
    /// It was handed over.
    Sent,
    /// It had become pointless.
    Dropped,
    /// It was given up.
    Dead,
}

/// One line of what people were told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// By which way.
    pub channel: ChannelId,
    /// Of which world.
    pub environment: Environment,
    /// Of which approval.
    pub approval: ApprovalId,
    /// Whom.
    pub member: MemberId,
    /// Their address now; none if they have no account any more.
    pub address: Option<String>,
    /// What.
    pub about: About,
    /// Since when it waits.
    pub at: Timestamp,
    /// How it stands.
    pub state: NoticeState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// When it was handed over, dropped or given up.
    pub settled_at: Option<Timestamp>,
    /// What went wrong last, or why it was dropped.
    pub why: Option<String>,
}

/// Ways to people and what is on its way to them. What to tell is written with the event itself.
#[async_trait]
pub trait Notices: Send + Sync {
    /// The ways of a workspace, oldest first.
    async fn channels(&self, workspace: WorkspaceId) -> Result<Vec<Channel>, StoreError>;
    /// The sealed secret of every way there is.
    async fn channel_secrets(&self) -> Result<Vec<(ChannelId, Vec<u8>)>, StoreError>;
    /// What people were or will be told by one way, newest first, older than `before`.
    async fn notices(
        &self,
        workspace: WorkspaceId,
        channel: ChannelId,
        before: Option<NoticeId>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError>;
    /// Ways by which something is due.
    async fn due_channels(&self) -> Result<Vec<ChannelId>, StoreError>;
    /// Claims what is due by one way for `lease_seconds`, counting the attempt; nobody else gets it
    /// meanwhile. Of one approval and person at most one is due at a time, in order.
    async fn claim_notices(
        &self,
        channel: ChannelId,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<ClaimedNotice>, StoreError>;
    /// Says how an attempt ended. Ignored if the lease was lost to a later attempt.
    async fn settle_notice(&self, claimed: &ClaimedNotice, told: Told) -> Result<(), StoreError>;
    /// Whether there may be people who can answer now and were not asked, as they could not before.
    async fn newcomers_are_due(&self) -> Result<bool, StoreError>;
    /// Looks for them in the next few open approvals, and has them told, once. True if there may be
    /// more to look at.
    async fn tell_newcomers(&self, limit: u32) -> Result<bool, StoreError>;
    /// Notes whether a way works, when it was tried by hand.
    async fn note_channel(
        &self,
        workspace: WorkspaceId,
        id: ChannelId,
        trouble: Option<String>,
    ) -> Result<(), StoreError>;
}
