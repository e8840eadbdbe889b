//! Groups: everybody there sees a card, and who presses it is known by their account. What they press
//! becomes a link of their own, which is judged as if the card had been sent to them.

use askfirst_core::administration::{Change, Denied, LinkKind, NewDecisionLink, SecretHash};
use askfirst_core::{ChatRoom, LinkId, Status};
use askfirst_store::{
    Account, Administer, AdministerError, CardLink, Credential, DecisionLink, RoomCard, StoreError,
};
use tracing::warn;

use super::{Hearing, NotHeard, Reply, TurnedAway};
use crate::channels::wording::{Value, say};
use crate::metrics::Unheard;
use crate::mint::{self, Purpose};
use crate::service::ServiceError;

impl Hearing<'_> {
    /// The link of whoever pressed a card in a group.
    pub(super) async fn in_room(
        &self,
        secret: SecretHash,
    ) -> Result<Result<DecisionLink, TurnedAway>, NotHeard> {
        let store = self.service.store();
        let card = store.room_card(secret).await.map_err(NotHeard)?;
        let Some(card) = card else { return Ok(Err(self.unknown())) };
        if card.channel != self.channel.id {
            return Ok(Err((Unheard::OtherBot, self.say("chat-no-button"))));
        }
        let here = |room: &ChatRoom| room.id == card.room && room.chat == self.heard.chat;
        if !self.channel.settings.rooms().iter().any(here) {
            return Ok(Err((Unheard::OtherAccount, self.say("chat-no-button"))));
        }
        let account = store.account(card.channel, &self.heard.by.id).await.map_err(NotHeard)?;
        let Some(account) = account else {
            return Ok(Err((Unheard::Stranger, self.say("chat-stranger"))));
        };
        self.link_of(&card, &account).await
    }

    /// The link by which somebody answers a card that others hold, too. Its token is told nobody:
    /// who it is shows by the account with each press.
    async fn link_of(
        &self,
        card: &RoomCard,
        account: &Account,
    ) -> Result<Result<DecisionLink, TurnedAway>, NotHeard> {
        let store = self.service.store();
        let no_key = || NotHeard(StoreError::Unavailable("no link can be made".into()));
        let sealing = &self.service.sender.as_ref().ok_or_else(no_key)?.sealing;
        let named = format!("askfirst/room-link/{}/{}", card.notice, account.member);
        let token = sealing.derive(&named).map_err(|_| no_key())?;
        let secret = Purpose::Card.hash(&mint::token_from(&token));
        let shows = |link: &CardLink| {
            (&link.account, link.approves, link.shown)
                == (&account.account.id, card.approves, card.shown)
        };
        let known = store.decision_link(secret).await.map_err(NotHeard)?;
        if let Some(link) = known.filter(|link| link.card.as_ref().is_some_and(shows)) {
            return Ok(Ok(link));
        }
        let mut id = [0; 16];
        id.copy_from_slice(&askfirst_proof::text_digest(&named).as_bytes()[..16]);
        let link = NewDecisionLink {
            id: LinkId::from_bits(u128::from_be_bytes(id)),
            secret,
            environment: card.place.environment,
            approval: card.approval,
            member: account.member,
            kind: LinkKind::Card {
                channel: card.channel,
                account: account.account.id.clone(),
                approves: card.approves,
                shown: card.shown,
            },
        };
        let request = Administer {
            workspace: card.place.workspace,
            credential: Credential::System,
            change: Change::AddDecisionLink(link),
            idempotency: None,
        };
        match store.administer(request).await {
            Ok(_) => {}
            Err(AdministerError::Denied(Denied::Unknown { .. })) => {
                return Ok(Err(self.too_late(card).await?));
            }
            Err(AdministerError::Store(error)) => return Err(NotHeard(error)),
            Err(_) => return Ok(Err((Unheard::Refused, self.say("chat-refused")))),
        }
        let link = store.decision_link(secret).await.map_err(NotHeard)?;
        Ok(link.ok_or_else(|| self.unknown()))
    }

    async fn too_late(&self, card: &RoomCard) -> Result<TurnedAway, NotHeard> {
        let store = self.service.store();
        let approval = store.approval(card.place, card.approval).await.map_err(NotHeard)?;
        let status = approval.map(|approval| approval.status_at(store.now()));
        let Some(status) = status.filter(|status| *status != Status::Pending) else {
            return Ok(self.unknown());
        };
        let status = [("status", Value::Text(status.as_str()))];
        Ok((Unheard::Refused, say(self.locale, "chat-ended", &status)))
    }

    /// Says in a group by which number it can be added, or that it was.
    pub(super) fn added(&self) -> Result<Reply, NotHeard> {
        let (chat, topic) = (self.heard.chat, self.heard.topic);
        if self.heard.private {
            return Ok(Reply::Silence);
        }
        let rooms = self.channel.settings.rooms();
        if rooms.iter().any(|room| (room.chat, room.topic) == (chat, topic)) {
            return Ok(self.in_chat(self.say("chat-room-known"), None));
        }
        let number = chat.to_string();
        let topic = topic.map(|topic| format!(" --topic {topic}")).unwrap_or_default();
        let values = [("chat", Value::Text(&number)), ("topic", Value::Text(&topic))];
        Ok(self.in_chat(say(self.locale, "chat-room-number", &values), None))
    }

    /// Follows a group that has become another.
    pub(super) async fn moved(&self, to: i64) -> Result<Reply, NotHeard> {
        match self.service.move_rooms(self.channel.id, self.heard.chat, to).await {
            Ok(_) => Ok(Reply::Silence),
            Err(ServiceError::Store(error)) => Err(NotHeard(error)),
            Err(error) => {
                warn!(%error, channel.id = %self.channel.id, "a group could not be followed");
                Ok(Reply::Silence)
            }
        }
    }
}
