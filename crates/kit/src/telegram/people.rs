//! What people do: press Start, write, answer, tap, block; and what happens to groups. Bots are
//! told what Telegram would tell them, and no more.

use std::time::Duration;

use serde_json::{Value, json};

use super::about::member;
use super::chat::{Author, Bot, Chat, Kind, Message, Person, Room, Standing};
use super::html::{Entity, utf16};
use super::updates::Updates;
use super::world::{Account, Tap, World};

/// Why somebody could not do what a test wanted, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unable(pub String);

impl std::fmt::Display for Unable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unable {}

fn unable<T>(why: impl Into<String>) -> Result<T, Unable> {
    Err(Unable(why.into()))
}

impl World {
    pub(super) fn add_bot(&mut self, username: &str) -> Bot {
        let id = 7_000_000_000 + i64::try_from(self.random() % 900_000_000).unwrap_or_default();
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        let secret: String = (0..33)
            .map(|_| char::from(letters[usize::try_from(self.random() % 64).unwrap_or(0)]))
            .collect();
        let bot = Bot { id, token: format!("{id}:AA{secret}"), username: username.to_owned() };
        let first = 100_000_000 + i64::try_from(self.random() % 800_000_000).unwrap_or_default();
        let account = Account {
            bot: bot.clone(),
            revoked: false,
            updates: Updates::new(first),
            wake: std::sync::Arc::default(),
            poll: 0,
            webhook: None,
            webhooks_set: 0,
            commands: json!([]),
            seen: std::collections::HashSet::new(),
        };
        self.tokens.insert(bot.token.clone(), id);
        self.accounts.insert(id, account);
        bot
    }

    /// Ids are beyond 31 bits, as those of new accounts are.
    pub(super) fn new_person(&mut self, first_name: &str) -> Person {
        let id = 5_000_000_000 + i64::try_from(self.people.len()).unwrap_or_default() * 7 + 1;
        let person = Person {
            id,
            first_name: first_name.to_owned(),
            last_name: None,
            username: None,
            language_code: Some("en".to_owned()),
        };
        self.people.insert(id, person.clone());
        person
    }

    pub(super) fn add_group(
        &mut self,
        kind: Kind,
        title: &str,
        bots: &[i64],
        people: &[i64],
    ) -> Chat {
        let number = 1_000_000_000 + i64::try_from(self.random() % 1_000_000_000).unwrap_or(0);
        let id = match kind {
            Kind::Group | Kind::Private => -number,
            Kind::Supergroup | Kind::Channel => -1_000_000_000_000 - number,
        };
        let chat = Chat::Shared(id);
        let mut room = Room::new(kind, title, self.random());
        room.people = people.iter().copied().collect();
        let standing =
            if kind == Kind::Channel { Standing::Administrator } else { Standing::Member };
        room.bots = bots.iter().map(|bot| (*bot, standing)).collect();
        self.rooms.insert(chat, room);
        chat
    }

    pub(super) fn add_topic(&mut self, chat: Chat, name: &str) -> Result<i64, Unable> {
        let date = self.clock.unix();
        let Some(room) = self.rooms.get_mut(&chat).filter(|room| room.kind == Kind::Supergroup)
        else {
            return unable(format!("{chat:?} is no supergroup"));
        };
        room.is_forum = true;
        let mut message = Message::new(Author::Chat, "", date);
        message.service.insert(
            "forum_topic_created".to_owned(),
            json!({ "name": name, "icon_color": 7_322_096 }),
        );
        let id = room.keep(message);
        room.topics.insert(id, name.to_owned());
        Ok(id)
    }

    pub(super) fn presses_start(
        &mut self,
        person: i64,
        bot: i64,
        payload: Option<&str>,
    ) -> Result<i64, Unable> {
        if payload.is_some_and(|payload| {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            !(1..=64).contains(&payload.len()) || !payload.bytes().all(good)
        }) {
            return unable(format!("no link can carry {payload:?}"));
        }
        let chat = Chat::Private { bot, person };
        let instance = self.random();
        let room = self.rooms.entry(chat).or_insert_with(|| Room::new(Kind::Private, "", instance));
        room.people.insert(person);
        room.started = true;
        if room.blocked {
            self.unblocks(person, bot)?;
        }
        let text = payload.map_or_else(|| "/start".to_owned(), |told| format!("/start {told}"));
        self.writes(person, chat, &text, None, None)
    }

    /// Writes into a chat: anew, in a topic, or as an answer.
    pub(super) fn writes(
        &mut self,
        person: i64,
        chat: Chat,
        text: &str,
        reply_to: Option<i64>,
        thread: Option<i64>,
    ) -> Result<i64, Unable> {
        let date = self.clock.unix();
        let Some(room) = self.rooms.get_mut(&chat) else {
            return unable(format!("there is no {chat:?}"));
        };
        if room.kind != Kind::Channel && !room.people.contains(&person) {
            return unable(format!("{person} is not in {chat:?}"));
        }
        let answered = reply_to.and_then(|id| room.messages.get(&id)).cloned();
        if reply_to.is_some() && answered.is_none() {
            return unable(format!("there is no message {reply_to:?} to answer"));
        }
        let author = if room.kind == Kind::Channel { Author::Chat } else { Author::Person(person) };
        let mut message = Message::new(author, text.trim(), date);
        message.reply_to = reply_to;
        message.thread = thread.or(answered.as_ref().and_then(|answered| answered.thread));
        message.entities.extend(command(text.trim()));
        let id = room.keep(message);
        self.told_of(chat, id, answered.map(|answered| answered.author));
        Ok(id)
    }

    /// Tells the bots that may know of a message. In groups they hear commands and answers to
    /// what they wrote, as privacy mode is on unless a bot's owner switches it off.
    fn told_of(&mut self, chat: Chat, id: i64, answered: Option<Author>) {
        let Some(message) = self.message(chat, id).cloned() else { return };
        let kind = self.rooms.get(&chat).map(|room| room.kind);
        let whole = self.message_value(chat, &message);
        for bot in self.bots_in(chat) {
            let Some(account) = self.accounts.get_mut(&bot) else { continue };
            let is_private = kind == Some(Kind::Private);
            let is_answer = answered == Some(Author::Bot(bot));
            let is_service = !message.service.is_empty();
            let is_meant = message.text.starts_with('/') && {
                let word = message.text.split_whitespace().next().unwrap_or_default();
                let name = word.split_once('@').map(|(_, name)| name);
                name.is_none_or(|name| name.eq_ignore_ascii_case(&account.bot.username))
            };
            let is_channel = kind == Some(Kind::Channel);
            if !(is_private || is_answer || is_service || is_meant || is_channel) {
                continue;
            }
            if let Author::Person(person) = message.author {
                account.seen.insert(person);
            }
            let kind = if is_channel { "channel_post" } else { "message" };
            self.tell(bot, kind, whole.clone(), chat.id());
        }
    }

    /// Taps the button with this text or data; returns the id of the query.
    pub(super) fn taps(
        &mut self,
        person: i64,
        chat: Chat,
        message: i64,
        button: &str,
    ) -> Result<String, Unable> {
        let Some(shown) = self.message(chat, message) else {
            return unable(format!("there is no message {message} in {chat:?}"));
        };
        let Some(found) = shown.button(button) else {
            return unable(format!("no button {button:?} among {:?}", shown.labels()));
        };
        let Some(data) = found.data.clone() else {
            return unable(format!("the button {button:?} opens a page, and nobody is told"));
        };
        self.taps_with(person, chat, message, &data)
    }

    /// A tap with whatever data: a client of one's own can send what no button has, under a
    /// message that is gone too.
    pub(super) fn taps_with(
        &mut self,
        person: i64,
        chat: Chat,
        message: i64,
        data: &str,
    ) -> Result<String, Unable> {
        let Some(from) = self.people.get(&person).map(Person::value) else {
            return unable(format!("there is no person {person}"));
        };
        let id = self.random().to_string();
        let Some(room) = self.rooms.get(&chat) else {
            return unable(format!("there is no {chat:?}"));
        };
        let bot = match (chat, room.messages.get(&message).map(|message| message.author)) {
            (Chat::Private { bot, .. }, _) | (_, Some(Author::Bot(bot))) => Some(bot),
            _ => self.bots_in(chat).first().copied(),
        };
        let Some(bot) = bot else { return unable(format!("there is no bot in {chat:?}")) };
        let mut query = json!({
            "id": id, "from": from, "chat_instance": room.instance.to_string(), "data": data,
        });
        query["message"] = match room.messages.get(&message) {
            Some(message) => self.message_value(chat, message),
            None => {
                json!({ "chat": self.chat_value(chat), "message_id": message, "date": 0 })
            }
        };
        let at = self.clock.now();
        self.taps.insert(id.clone(), Tap { bot, at, answer: None });
        if let Some(account) = self.accounts.get_mut(&bot) {
            account.seen.insert(person);
        }
        self.tell(bot, "callback_query", query, person);
        Ok(id)
    }

    pub(super) fn blocks(&mut self, person: i64, bot: i64) -> Result<(), Unable> {
        self.set_blocked(person, bot, true)
    }

    pub(super) fn unblocks(&mut self, person: i64, bot: i64) -> Result<(), Unable> {
        self.set_blocked(person, bot, false)
    }

    fn set_blocked(&mut self, person: i64, bot: i64, blocked: bool) -> Result<(), Unable> {
        let chat = Chat::Private { bot, person };
        let Some(room) = self.rooms.get_mut(&chat) else {
            return unable("whoever never pressed Start has no bot to block");
        };
        if std::mem::replace(&mut room.blocked, blocked) == blocked {
            return Ok(());
        }
        let (from, to) = if blocked {
            (Standing::Member, Standing::Kicked)
        } else {
            (Standing::Kicked, Standing::Member)
        };
        self.tell_standing(person, bot, chat, from, to);
        Ok(())
    }

    /// Changes how a bot stands in a group, by somebody who may.
    pub(super) fn set_standing(
        &mut self,
        person: i64,
        bot: i64,
        chat: Chat,
        standing: Standing,
    ) -> Result<(), Unable> {
        let date = self.clock.unix();
        let Some(room) = self.rooms.get_mut(&chat) else {
            return unable(format!("there is no {chat:?}"));
        };
        let before = room.bots.insert(bot, standing).unwrap_or(Standing::Left);
        if !before.is_in() && standing.is_in() && room.kind != Kind::Channel {
            let Some(account) = self.accounts.get(&bot) else {
                return unable(format!("there is no bot {bot}"));
            };
            let mut message = Message::new(Author::Person(person), "", date);
            message
                .service
                .insert("new_chat_members".to_owned(), json!([Self::bot_value(account)]));
            let id = self.rooms.get_mut(&chat).map(|room| room.keep(message)).unwrap_or_default();
            self.told_of(chat, id, None);
        }
        self.tell_standing(person, bot, chat, before, standing);
        Ok(())
    }

    fn tell_standing(
        &mut self,
        person: i64,
        bot: i64,
        chat: Chat,
        before: Standing,
        after: Standing,
    ) {
        let Some(account) = self.accounts.get(&bot) else { return };
        let user = Self::bot_value(account);
        let from = self.people.get(&person).map_or(Value::Null, Person::value);
        let change = json!({
            "chat": self.chat_value(chat), "from": from, "date": self.clock.unix(),
            "old_chat_member": member(user.clone(), before),
            "new_chat_member": member(user, after),
        });
        self.tell(bot, "my_chat_member", change, chat.id());
    }

    /// Makes a supergroup of a group; what was written before stays with the old id.
    pub(super) fn upgrade(&mut self, person: i64, chat: Chat) -> Result<Chat, Unable> {
        let date = self.clock.unix();
        let Some(room) = self.rooms.get(&chat).filter(|room| room.kind == Kind::Group) else {
            return unable(format!("{chat:?} is no group that could be upgraded"));
        };
        let (title, bots, people) = (room.title.clone(), room.bots.clone(), room.people.clone());
        let new = self.add_group(Kind::Supergroup, &title, &[], &[]);
        if let Some(room) = self.rooms.get_mut(&new) {
            room.bots = bots;
            room.people = people;
        }
        for (at, name, other) in
            [(chat, "migrate_to_chat_id", new), (new, "migrate_from_chat_id", chat)]
        {
            let mut message = Message::new(Author::Person(person), "", date);
            message.service.insert(name.to_owned(), json!(other.id()));
            let id = self.rooms.get_mut(&at).map(|room| room.keep(message)).unwrap_or_default();
            self.told_of(at, id, None);
        }
        if let Some(room) = self.rooms.get_mut(&chat) {
            room.upgraded_to = Some(new.id());
        }
        Ok(new)
    }

    /// Has the bot wait with messages and edits, in one chat or everywhere.
    pub(super) fn begin_flood(&mut self, bot: i64, chat: Option<Chat>, time: Duration) {
        let until = self.clock.now() + time;
        self.floods.begin((bot, chat), until);
    }
}

/// `/word` at the start of a text is a command.
fn command(text: &str) -> Option<Entity> {
    let word = text.strip_prefix('/')?.split_whitespace().next()?;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@';
    word.chars().all(good).then(|| Entity {
        kind: "bot_command",
        offset: 0,
        length: utf16(word) + 1,
        argument: None,
    })
}
