//! Groups into which a bot writes: added by an owner, once the bot could write there, and followed
//! where they go.

use askfirst_core::administration::{Change, ChannelSecret};
use askfirst_core::{ChannelId, ChannelSettings, ChatRoom, RoomId, Scope, TelegramSettings};
use askfirst_store::Channel;

use super::caller::OWNERS;
use super::{Caller, Result, Service, ServiceError, mistake};
use crate::channels::card::{one_line, plain, short_line};
use crate::channels::telegram::{ChatInfo, Telegram, Trouble, Words};
use crate::channels::wording::{Value, say};
use crate::mint;

/// A group to write into.
#[derive(Clone, Copy, Debug)]
pub struct RoomWish {
    /// Its number, below zero.
    pub chat: i64,
    /// The topic in it; none for the group itself.
    pub topic: Option<i64>,
}

/// Characters of what a group is called.
const LONGEST_TITLE: usize = 100;

impl Service {
    /// Has what is asked written into a group, too. The bot says so there, and is taken out again
    /// if it cannot.
    ///
    /// # Errors
    /// If the caller may not, there is no such channel, or the bot cannot write there.
    pub async fn add_room(
        &self,
        caller: &Caller,
        id: ChannelId,
        wish: RoomWish,
    ) -> Result<Channel> {
        // Before anything is looked up elsewhere in somebody's name.
        caller.need(Scope::Channels, OWNERS)?;
        let channel = self.channel(caller, id).await?;
        let mut settings = of_a_bot(&channel)?.clone();
        let way = self.open_bot(&channel).map_err(|failure| mistake("", failure.why))?;
        let found = group(&way, &settings, wish.chat).await?;
        let room = ChatRoom {
            id: RoomId::from_bits(mint::id_bits()),
            chat: found.id,
            topic: wish.topic,
            title: title(&found),
            passes_on: false,
        };
        let (added, chat) = (room.id, room.chat);
        settings.rooms.push(room);
        let locale = settings.locale;
        let changed = Change::SetChannel {
            id,
            settings: ChannelSettings::Telegram(settings.clone()),
            secret: ChannelSecret::Keep,
        };
        self.administer(caller, changed, None).await?;
        let workspace = self.store.workspace(channel.workspace).await?;
        let workspace = workspace.ok_or(ServiceError::NotFound("workspace"))?;
        let name = plain(&one_line(&workspace.name));
        let text = say(locale, "chat-room-hello", &[("workspace", Value::Text(&name))]);
        let words = Words { text, to: None, topic: wish.topic, whom: None, ask: None };
        if let Err(trouble) = way.say(chat, &words).await {
            self.remove_room(caller, id, added).await?;
            return Err(not_a_room(&trouble, &settings));
        }
        self.channel(caller, id).await
    }

    /// Writes nothing into a group any more.
    ///
    /// # Errors
    /// If the caller may not, or there is no such channel or group.
    pub async fn remove_room(
        &self,
        caller: &Caller,
        id: ChannelId,
        room: RoomId,
    ) -> Result<Channel> {
        let channel = self.channel(caller, id).await?;
        let mut settings = of_a_bot(&channel)?.clone();
        let before = settings.rooms.len();
        settings.rooms.retain(|known| known.id != room);
        if settings.rooms.len() == before {
            return Err(ServiceError::NotFound("group"));
        }
        let settings = ChannelSettings::Telegram(settings);
        let secret = ChannelSecret::Keep;
        self.administer(caller, Change::SetChannel { id, settings, secret }, None).await?;
        self.channel(caller, id).await
    }

    /// Follows a group to its new number; false if nothing is written into it.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub(crate) async fn move_rooms(&self, id: ChannelId, from: i64, to: i64) -> Result<bool> {
        let Some(channel) = self.store.channel(id).await? else { return Ok(false) };
        let ChannelSettings::Telegram(mut settings) = channel.settings else { return Ok(false) };
        let mut moved = false;
        for room in settings.rooms.iter_mut().filter(|room| room.chat == from) {
            room.chat = to;
            moved = true;
        }
        if moved {
            let settings = ChannelSettings::Telegram(settings);
            let change = Change::SetChannel { id, settings, secret: ChannelSecret::Keep };
            self.administer_as_system(channel.workspace, change).await?;
        }
        Ok(moved)
    }
}

fn of_a_bot(channel: &Channel) -> Result<&TelegramSettings> {
    match &channel.settings {
        ChannelSettings::Telegram(settings) => Ok(settings),
        ChannelSettings::Email(_) => Err(mistake("", "mail goes to people, and into no group")),
    }
}

/// What it is called, as far as there is room.
pub(super) fn title(found: &ChatInfo) -> String {
    let title = found.title.as_deref().or(found.first_name.as_deref()).unwrap_or_default();
    plain(&short_line(title, LONGEST_TITLE))
}

/// The group at a number, or where it has gone.
async fn group(way: &Telegram, settings: &TelegramSettings, chat: i64) -> Result<ChatInfo> {
    let found = match way.chat(&chat.to_string()).await {
        Err(Trouble::Refused { moved_to: Some(to), .. }) => way.chat(&to.to_string()).await,
        found => found,
    };
    let found = found.map_err(|trouble| not_a_room(&trouble, settings))?;
    match found.kind.as_str() {
        "group" | "supergroup" => Ok(found),
        "channel" => Err(mistake(
            "/chat",
            "this is a channel, where nobody can be told from anybody else; give the number of a \
             group",
        )),
        _ => Err(mistake(
            "/chat",
            "this is a person and no group: people link their account, on their profile or by \
             `askfirst channels link telegram`",
        )),
    }
}

/// Why a bot does not write into a group, and what to do.
fn not_a_room(trouble: &Trouble, settings: &TelegramSettings) -> ServiceError {
    let bot = &settings.username;
    let Trouble::Refused { code, description, .. } = trouble else {
        return mistake("", trouble.told(settings));
    };
    let says = |words: &str| description.to_ascii_lowercase().contains(words);
    if says("thread not found") || says("topic") {
        return mistake("/topic", format!("the group has no such topic ({description})"));
    }
    if says("chat not found") || *code == 403 {
        return mistake(
            "/chat",
            format!(
                "@{bot} is in no group with this number ({description}): add it to the group and \
                 write /start@{bot} there; it says the number"
            ),
        );
    }
    mistake("/chat", trouble.told(settings))
}
