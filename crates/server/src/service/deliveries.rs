//! What went to receivers and to people, in one log: finding it, and having it sent once more, one
//! by one or all that was given up within a time.

use std::fmt;
use std::str::FromStr;

use askfirst_core::administration::{Change, GivenUp, Way};
use askfirst_core::{
    ApprovalId, ChannelId, DeliveryId, Environment, NoticeId, Scope, Timestamp, WebhookId,
    WorkspaceId,
};
use askfirst_store::{
    AskerFilter, Delivery, DeliveryFilter, DeliveryState, GivenUpCounts, Idempotency, Notice,
    NoticeFilter, NoticeState, SentFilter,
};
use serde::Deserialize;

use super::caller::ADMINS;
use super::channels::name_room;
use super::{Caller, Needed, Result, Service, ServiceError};

/// How something was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// To a receiver.
    Webhook,
    /// To a person, by mail.
    Email,
}

impl Kind {
    /// Every one, in the order in which those of one moment are listed.
    pub const ALL: [Self; 2] = [Self::Webhook, Self::Email];

    /// Its name, everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }

    /// What it takes to see it: the same as for the log of one receiver, or one channel.
    const fn scope(self) -> Scope {
        match self {
            Self::Webhook => Scope::Workspace,
            Self::Email => Scope::Channels,
        }
    }
}

/// How it stands with something that is sent, of whatever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It will be sent, or is being sent.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// The mail server has it.
    Sent,
    /// It had become pointless.
    Dropped,
    /// It was given up.
    Dead,
}

impl State {
    const fn of_delivery(self) -> Option<DeliveryState> {
        match self {
            Self::Waiting => Some(DeliveryState::Waiting),
            Self::Delivered => Some(DeliveryState::Delivered),
            Self::Dead => Some(DeliveryState::Dead),
            Self::Sent | Self::Dropped => None,
        }
    }

    const fn of_notice(self) -> Option<NoticeState> {
        match self {
            Self::Waiting => Some(NoticeState::Waiting),
            Self::Sent => Some(NoticeState::Sent),
            Self::Dropped => Some(NoticeState::Dropped),
            Self::Dead => Some(NoticeState::Dead),
            Self::Delivered => None,
        }
    }
}

/// Which one of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentId {
    /// An event for a receiver.
    Delivery(DeliveryId),
    /// Something for a person.
    Notice(NoticeId),
}

impl fmt::Display for SentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivery(id) => id.fmt(f),
            Self::Notice(id) => id.fmt(f),
        }
    }
}

/// What is no id of something that is sent.
#[derive(Debug, thiserror::Error)]
#[error("not an id of the form dlv_… or ntc_…")]
pub struct NotSent;

impl FromStr for SentId {
    type Err = NotSent;

    fn from_str(text: &str) -> std::result::Result<Self, NotSent> {
        let delivery = text.parse().map(Self::Delivery);
        delivery.or_else(|_| text.parse().map(Self::Notice)).map_err(|_| NotSent)
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// An event for a receiver.
    Delivery(Delivery),
    /// Something for a person.
    Notice(Notice),
}

impl Sent {
    /// Which one it is.
    #[must_use]
    pub const fn id(&self) -> SentId {
        match self {
            Self::Delivery(delivery) => SentId::Delivery(delivery.id),
            Self::Notice(notice) => SentId::Notice(notice.id),
        }
    }

    /// Where a page that ends with it ends.
    #[must_use]
    pub const fn place(&self) -> Place {
        match self {
            Self::Delivery(delivery) => Place { at: delivery.at, id: self.id() },
            Self::Notice(notice) => Place { at: notice.at, id: self.id() },
        }
    }
}

/// A place between two lines of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When the line before it was written.
    at: Timestamp,
    /// That line.
    id: SentId,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.micros(), self.id)
    }
}

impl FromStr for Place {
    type Err = NotSent;

    fn from_str(text: &str) -> std::result::Result<Self, NotSent> {
        let (at, id) = text.split_once('.').ok_or(NotSent)?;
        let at = at.parse().map_err(|_| NotSent)?;
        Ok(Self { at: Timestamp::from_micros(at), id: id.parse()? })
    }
}

/// What is looked for in the log; an absent member says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentSearch {
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only what stands so.
    pub state: Option<State>,
    /// Only to this receiver.
    pub webhook: Option<WebhookId>,
    /// Only by this channel.
    pub channel: Option<ChannelId>,
    /// Only of this approval.
    pub approval: Option<ApprovalId>,
    /// Only of this world.
    pub environment: Option<Environment>,
    /// Only what happened then or later.
    pub since: Option<Timestamp>,
    /// Only what happened before then.
    pub until: Option<Timestamp>,
    /// Older than this.
    pub before: Option<Place>,
    /// How many, at most.
    pub limit: u32,
}

/// What was given up and is to be sent again; an absent member says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayWish {
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only to this receiver.
    pub webhook: Option<WebhookId>,
    /// Only by this channel.
    pub channel: Option<ChannelId>,
    /// Only of this world.
    pub environment: Option<Environment>,
    /// Given up then or later.
    pub from: Timestamp,
    /// Given up before then.
    pub until: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Of which kinds: those that were wanted, and that the caller may see.
    pub kinds: Vec<Kind>,
    /// How much is due again, or would be.
    pub count: u64,
    /// How much more there is, for another time.
    pub left: u64,
    /// Mails that ask for an answer that nobody wants any more: they are not sent again.
    pub over: u64,
}

/// The kinds that are wanted, if the caller may see them; or all that they may.
fn kinds(caller: &Caller, wanted: Option<Kind>) -> Result<Vec<Kind>> {
    if let Some(kind) = wanted {
        caller.need(kind.scope(), ADMINS)?;
        return Ok(vec![kind]);
    }
    let may = |kind: &Kind| caller.need(kind.scope(), ADMINS).is_ok();
    let all: Vec<_> = Kind::ALL.into_iter().filter(may).collect();
    match all.is_empty() {
        true => Err(caller
            .need(Scope::Workspace, ADMINS)
            .err()
            .unwrap_or(ServiceError::NotFound("delivery"))),
        false => Ok(all),
    }
}

impl SentSearch {
    /// The part of a page that is of one kind, or none if no line of that kind can be wanted.
    fn of<W, S, I>(
        &self,
        kind: Kind,
        way: Option<W>,
        state: Option<Option<S>>,
        own: impl Fn(SentId) -> Option<I>,
    ) -> Option<SentFilter<W, S, I>> {
        let state = match state {
            Some(None) => return None,
            Some(state) => state,
            None => None,
        };
        let before = self.before.map(|place| match own(place.id) {
            Some(id) => (place.at, Some(id)),
            // Of one moment, a millisecond, the kinds are listed in their order.
            None if kind == Kind::ALL[0] => (place.at, None),
            None => (Timestamp::from_micros(place.at.micros().saturating_add(1_000)), None),
        });
        Some(SentFilter {
            way,
            state,
            approval: self.approval,
            environment: self.environment,
            since: self.since,
            until: self.until,
            before,
            limit: self.limit,
        })
    }

    fn of_deliveries(&self) -> Option<DeliveryFilter> {
        let state = self.state.map(State::of_delivery);
        self.of(Kind::Webhook, self.webhook, state, |id| match id {
            SentId::Delivery(id) => Some(id),
            SentId::Notice(_) => None,
        })
    }

    fn of_notices(&self) -> Option<NoticeFilter> {
        let state = self.state.map(State::of_notice);
        self.of(Kind::Email, self.channel, state, |id| match id {
            SentId::Notice(id) => Some(id),
            SentId::Delivery(_) => None,
        })
    }
}

impl Service {
    /// What went to receivers of another API of what the calling key asked, newest first, and how
    /// much that is in all.
    ///
    /// # Errors
    /// If it is no key that asks, or it could not be read.
    pub async fn sent_of_own(
        &self,
        caller: &Caller,
        filter: AskerFilter,
    ) -> Result<(Vec<Delivery>, u32)> {
        let key = caller.key().filter(|key| key.scopes.contains(&Scope::Ask));
        let key = key.ok_or(ServiceError::Forbidden(Needed::Scope(Scope::Ask)))?;
        Ok(self.store.deliveries_of_asker(caller.place, key.id, filter).await?)
    }

    /// What was or will be sent, newest first, and of which kinds: those that the caller may see.
    ///
    /// # Errors
    /// If the caller may see none of it.
    pub async fn sent(
        &self,
        caller: &Caller,
        search: SentSearch,
    ) -> Result<(Vec<Kind>, Vec<Sent>)> {
        let kinds = kinds(caller, search.kind)?;
        let workspace = caller.place.workspace;
        let mut found = Vec::new();
        for kind in &kinds {
            match kind {
                Kind::Webhook => {
                    let Some(filter) = search.of_deliveries() else { continue };
                    let rows = self.store.find_deliveries(workspace, filter).await?;
                    found.extend(rows.into_iter().map(Sent::Delivery));
                }
                Kind::Email => {
                    let Some(filter) = search.of_notices() else { continue };
                    let rows = self.store.find_notices(workspace, filter).await?;
                    found.extend(rows.into_iter().map(Sent::Notice));
                }
            }
        }
        // Stable: of one moment and kind they come in their own order.
        found.sort_by_key(|sent| std::cmp::Reverse(sent.place().at));
        found.truncate(search.limit as usize);
        self.name_rooms(workspace, &mut found).await?;
        Ok((kinds, found))
    }

    /// Has something sent once more, now, or behind what was to come before it.
    ///
    /// # Errors
    /// If the caller may not, there is none, or it asks for an answer that nobody wants any more.
    pub async fn retry_sent(
        &self,
        caller: &Caller,
        id: SentId,
        idempotency: Option<Idempotency>,
    ) -> Result<Sent> {
        let workspace = caller.place.workspace;
        let found = match id {
            SentId::Delivery(id) => {
                self.administer(caller, Change::RetryDelivery { id }, idempotency).await?;
                self.store.delivery(workspace, id).await?.map(Sent::Delivery)
            }
            SentId::Notice(id) => {
                self.administer(caller, Change::RetryNotice { id }, idempotency).await?;
                self.store.notice(workspace, id).await?.map(Sent::Notice)
            }
        };
        let mut found = [found.ok_or(ServiceError::NotFound("delivery"))?];
        self.name_rooms(workspace, &mut found).await?;
        let [found] = found;
        Ok(found)
    }

    /// What was told into groups bears their names.
    async fn name_rooms(&self, workspace: WorkspaceId, found: &mut [Sent]) -> Result<()> {
        let nameless = |sent: &Sent| matches!(sent, Sent::Notice(one) if one.address.is_none());
        if !found.iter().any(nameless) {
            return Ok(());
        }
        let channels = self.store.channels(workspace).await?;
        for sent in found {
            let Sent::Notice(notice) = sent else { continue };
            if let Some(channel) = channels.iter().find(|known| known.id == notice.channel) {
                name_room(notice, channel);
            }
        }
        Ok(())
    }

    /// How much a replay would have sent again. Nothing changes.
    ///
    /// # Errors
    /// If the caller may see none of it.
    pub async fn would_replay(&self, caller: &Caller, wish: ReplayWish) -> Result<Replayed> {
        let mut all = Replayed { kinds: kinds(caller, wish.kind)?, ..Replayed::default() };
        for kind in all.kinds.clone() {
            let counts = self.given_up(caller, wish.of(kind)).await?;
            let now = counts.sendable.min(GivenUp::MOST.into());
            all.count += now;
            all.left += counts.sendable - now;
            all.over += counts.over;
        }
        Ok(all)
    }

    /// Has what was given up within a time sent again, the oldest first, and at most
    /// [`GivenUp::MOST`] of each kind at a time.
    ///
    /// # Errors
    /// If the caller may not, or the time makes no sense.
    pub async fn replay(
        &self,
        caller: &Caller,
        wish: ReplayWish,
        idempotency: Option<&Idempotency>,
    ) -> Result<Replayed> {
        let mut all = Replayed { kinds: kinds(caller, wish.kind)?, ..Replayed::default() };
        for kind in all.kinds.clone() {
            let which = wish.of(kind);
            // Each kind is a change of its own, which a repeat does not do twice.
            let once = idempotency.cloned().map(|once| {
                let operation = format!("{}/{}", once.operation, kind.as_str());
                Idempotency { operation, ..once }
            });
            let done = self.administer(caller, Change::Replay(which), once).await?;
            all.count += done.subject.parse::<u64>().unwrap_or(0);
            let counts = self.given_up(caller, which).await?;
            all.left += counts.sendable;
            all.over += counts.over;
        }
        Ok(all)
    }

    async fn given_up(&self, caller: &Caller, which: GivenUp) -> Result<GivenUpCounts> {
        Ok(self.store.given_up(caller.place.workspace, which).await?)
    }
}

impl ReplayWish {
    const fn of(&self, kind: Kind) -> GivenUp {
        let way = match kind {
            Kind::Webhook => Way::Webhooks(self.webhook),
            Kind::Email => Way::Channels(self.channel),
        };
        GivenUp { way, environment: self.environment, from: self.from, until: self.until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_as_itself_and_nothing_else_is_one() {
        let (at, bits) = (Timestamp::from_seconds(1_893_456_000), 7);
        for id in [
            SentId::Delivery(DeliveryId::from_bits(bits)),
            SentId::Notice(NoticeId::from_bits(bits)),
        ] {
            let place = Place { at, id };
            assert_eq!(place.to_string().parse::<Place>().ok(), Some(place));
        }
        for odd in ["", ".", "7", "7.x", "x.dlv_0000000000000000000000000z", "7.apr_1"] {
            assert!(odd.parse::<Place>().is_err(), "{odd}");
        }
    }
}
