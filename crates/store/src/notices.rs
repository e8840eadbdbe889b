//! What is told to people, as the store keeps it: the ways to them, what waits to be told, what
//! became of it. Telling is the server's.

use askfirst_core::{
    About, ApprovalId, ChannelId, ChannelSettings, ChatRoom, Environment, MemberId, NoticeId,
    Timestamp, WorkspaceId,
};
use async_trait::async_trait;

use crate::records::Place;
use crate::store::StoreError;

/// A way to people.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// That it takes nothing at present, whoever is told.
    pub down: Option<Down>,
    /// How much waits to be told by it.
    pub waiting: u64,
    /// Whom it does not reach, up to 100, the latest first.
    pub unreached: Vec<Unreached>,
}

/// Somebody whose last notice by a way was given up. Whatever arrives ends it; each that comes is
/// tried all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// Whom.
    pub member: MemberId,
    /// Their address now.
    pub address: String,
    /// When the last one was given up.
    pub since: Timestamp,
    /// Why, in words.
    pub why: String,
}

/// A way that takes nothing: it failed a few times in a row, and it was not about whom it was for.
/// What waits for it is kept and not tried, but for one notice now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// Since the first of those failures.
    pub since: Timestamp,
    /// Not before then is it tried again.
    pub next_probe_at: Timestamp,
}

/// That a way went down, or takes something again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It takes nothing any more.
    Down {
        /// Since when.
        since: Timestamp,
    },
    /// It took something again; all that waits is due.
    Up {
        /// Since when it had not.
        since: Timestamp,
    },
}

/// How much is on its way to people, by all ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeCounts {
    /// It will be told, or is being told. Reminders that are only planned are not counted.
    pub waiting: u64,
    /// Ways that take nothing at present.
    pub channels_down: u64,
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
    /// Whom; of a group, what stands for it ([`ChatRoom::place`](askfirst_core::ChatRoom::place)).
    pub member: MemberId,
    /// Where they are reached: their address, the account that they linked, or the group. None if
    /// they have none any more.
    pub address: Option<String>,
    /// What is told.
    pub about: About,
    /// What the way knows the card by that they hold now; none if only a digest reached them.
    pub last: Option<String>,
    /// What the way knows the first by that this person holds about this approval: it or the
    /// digest that it was told in. None where nothing else reached them.
    pub first: Option<String>,
    /// Whether they were told of it by itself before, and not only in a digest.
    pub alone: bool,
    /// Which others it is told with, in one: those with the same digest.
    pub digest: Option<NoticeId>,
    /// Counts from 1 and never back.
    pub attempt: u32,
    /// The same since it was last asked for once more, without attempts while the way was down.
    pub round: u32,
    /// Whether this attempt is to find out if the way works again.
    pub probe: bool,
}

impl ClaimedNotice {
    /// The group into which it is told, if it is one.
    #[must_use]
    pub fn room(&self) -> Option<&ChatRoom> {
        self.channel.settings.room_at(self.member)
    }
}

/// What follows an attempt to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing: it is on its way to them.
    Sent {
        /// What the way knows it by.
        reference: String,
    },
    /// Nothing: it is on its way to them in one with the others of its digest.
    SentTogether {
        /// What the way knows that one by.
        reference: String,
    },
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
    /// Another attempt: the provider wants to be left alone until then, by this way altogether. The
    /// attempt does not count.
    Later {
        /// When.
        at: Timestamp,
        /// What it said, in words.
        why: String,
    },
    /// Another attempt: the way took nothing, and not because of whom it was for. Once it is down,
    /// the attempt does not count.
    NotTaken {
        /// When, as long as the way is not down; none after the last attempt.
        at: Option<Timestamp>,
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

impl NoticeState {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Dead => "dead",
        }
    }
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
    /// Whom; of a group, what stands for it.
    pub member: MemberId,
    /// Their address now, or what the group is called; none if they have no account any more.
    pub address: Option<String>,
    /// What.
    pub about: About,
    /// Since when it waits.
    pub at: Timestamp,
    /// How it stands.
    pub state: NoticeState,
    /// How often it was tried, leaving out attempts while the way was down.
    pub attempts: u32,
    /// When it is tried next; not before the way itself is, if that is down.
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
    /// The sealed secret of every way there is, or whose cards are yet to say that it is none.
    async fn channel_secrets(&self) -> Result<Vec<(ChannelId, Vec<u8>)>, StoreError>;
    /// What people were or will be told by one way, newest first, older than `before`.
    async fn notices(
        &self,
        workspace: WorkspaceId,
        channel: ChannelId,
        before: Option<NoticeId>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError>;
    /// How much is on its way, and what stands in it.
    async fn notice_counts(&self) -> Result<NoticeCounts, StoreError>;
    /// Ways by which something is due, but for those that are down and not to be tried yet.
    /// With each, whether people answer by it.
    async fn due_channels(&self) -> Result<Vec<(ChannelId, bool)>, StoreError>;
    /// The ways of all workspaces by which people answer.
    async fn hearing_channels(&self) -> Result<Vec<Channel>, StoreError>;
    /// One way, whosever.
    async fn channel(&self, id: ChannelId) -> Result<Option<Channel>, StoreError>;
    /// Claims what is due by one way for `lease_seconds`, counting the attempt; nobody else gets it
    /// meanwhile. Of one approval and person at most one is due at a time, in order. While the way
    /// is down, one alone is claimed, and the next not before it is settled and 30 seconds are over,
    /// or at once if it was dropped.
    /// Whoever is asked more than six things in five minutes gets the rest a while later in a
    /// digest, at most one in five minutes; what has no more than 15 minutes left comes by itself,
    /// up to twenty. Whoever was asked and told so gets a reminder, if there is time for one.
    async fn claim_notices(
        &self,
        channel: ChannelId,
        lease_seconds: u32,
        limit: u32,
    ) -> Result<Vec<ClaimedNotice>, StoreError>;
    /// Says how an attempt ended. Ignored if the lease was lost to a later attempt. Three failures
    /// of the way itself in a row put it down, whatever it takes or refuses for a reason of its own
    /// brings it up, and all that was tried by it is due then.
    async fn settle_notice(
        &self,
        claimed: &ClaimedNotice,
        told: Told,
    ) -> Result<Option<Turn>, StoreError> {
        self.settle_notices(vec![(claimed.clone(), told)]).await
    }
    /// The same for all that was told in one attempt, by one way.
    async fn settle_notices(
        &self,
        ended: Vec<(ClaimedNotice, Told)>,
    ) -> Result<Option<Turn>, StoreError>;
    /// How it stands with telling one person of an approval by ways of one kind: whether anything
    /// reached them, waits, or did not. None if they were told nothing by those, or it is long ago.
    async fn told_to(
        &self,
        place: Place,
        approval: ApprovalId,
        member: MemberId,
        kind: &'static str,
    ) -> Result<Option<NoticeState>, StoreError>;
    /// What the way knows the card by that whoever was told this holds now, about the same approval.
    async fn card_held(&self, notice: NoticeId) -> Result<Option<String>, StoreError>;
    /// Notes what the way knows it by from now on: the card showed up, and was not noted. What was to
    /// be told once more, as nobody knew that it had arrived, is not.
    async fn adopt_card(&self, notice: NoticeId, reference: String) -> Result<(), StoreError>;
    /// Whether there may be people who can answer now and were not asked, as they could not before.
    async fn newcomers_are_due(&self) -> Result<bool, StoreError>;
    /// Looks for them in the next few open approvals, and has them told, once. True if there may be
    /// more to look at.
    async fn tell_newcomers(&self, limit: u32) -> Result<bool, StoreError>;
    /// Notes whether a way works, when it was tried by hand. One that does is not down any more.
    async fn note_channel(
        &self,
        workspace: WorkspaceId,
        id: ChannelId,
        trouble: Option<String>,
    ) -> Result<Option<Turn>, StoreError>;
}
