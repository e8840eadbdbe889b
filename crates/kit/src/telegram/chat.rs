//! Chats, who is in them and what was written there; and how all of it looks in the API.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::html::Entity;
use super::keyboard::{self, Button, ForceReply};

/// A chat. Its number alone says too little: every bot has a private chat of its own with a
/// person, under the person's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chat {
    /// Between a bot and a person, by their ids.
    Private {
        /// The bot's id.
        bot: i64,
        /// The person's id.
        person: i64,
    },
    /// A group, a supergroup or a channel, by its id.
    Shared(i64),
}

impl Chat {
    /// `chat_id` as the API has it.
    #[must_use]
    pub fn id(self) -> i64 {
        match self {
            Self::Private { person, .. } => person,
            Self::Shared(id) => id,
        }
    }
}

/// A bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// Its id.
    pub id: i64,
    /// What its URL contains.
    pub token: String,
    /// Without `@`.
    pub username: String,
}

impl Bot {
    /// The private chat with a person.
    #[must_use]
    pub fn chat(&self, person: &Person) -> Chat {
        Chat::Private { bot: self.id, person: person.id }
    }
}

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id; up to 52 bits.
    pub id: i64,
    /// Always there.
    pub first_name: String,
    /// Often missing.
    pub last_name: Option<String>,
    /// Without `@`; often missing, and may be another person's later.
    pub username: Option<String>,
    /// Such as `en`; sometimes missing.
    pub language_code: Option<String>,
}

impl Person {
    pub(super) fn value(&self) -> Value {
        let mut value = json!({ "id": self.id, "is_bot": false, "first_name": self.first_name });
        let rest = [
            ("last_name", &self.last_name),
            ("username", &self.username),
            ("language_code", &self.language_code),
        ];
        for (name, told) in rest {
            if let Some(told) = told {
                value[name] = json!(told);
            }
        }
        value
    }
}

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of two.
    Private,
    /// A small group, whose id changes when it is upgraded.
    Group,
    /// A large group; may have topics.
    Supergroup,
    /// Where only administrators write.
    Channel,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Supergroup => "supergroup",
            Self::Channel => "channel",
        }
    }
}

/// How a bot stands in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    /// May not write: the chat's permissions are against it.
    Muted,
    Administrator,
    /// Went by itself.
    Left,
    Kicked,
}

impl Standing {
    pub(super) fn is_in(self) -> bool {
        matches!(self, Self::Member | Self::Muted | Self::Administrator)
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A bot, by its id.
    Bot(i64),
    /// A person, by their id.
    Person(i64),
    /// The channel itself.
    Chat,
}

/// A message as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Unique in its chat alone.
    pub id: i64,
    /// Who wrote it.
    pub author: Author,
    /// Without markup; empty for a service message.
    pub text: String,
    /// How parts of the text are shown.
    pub entities: Vec<Entity>,
    /// The buttons, row by row.
    pub keyboard: Vec<Vec<Button>>,
    /// Whether it asks for an answer in the field for text.
    pub force_reply: Option<ForceReply>,
    /// The message that it answers.
    pub reply_to: Option<i64>,
    /// The topic.
    pub thread: Option<i64>,
    /// How often its text or buttons were changed.
    pub edits: u32,
    /// Whether links in it are previewed.
    pub previews: bool,
    /// Whether it came without a sound.
    pub silent: bool,
    pub(super) date: i64,
    pub(super) edited: Option<i64>,
    /// What a service message says, such as `new_chat_members`.
    pub(super) service: Map<String, Value>,
}

impl Message {
    pub(super) fn new(author: Author, text: &str, date: i64) -> Self {
        Self {
            id: 0,
            author,
            text: text.to_owned(),
            entities: Vec::new(),
            keyboard: Vec::new(),
            force_reply: None,
            reply_to: None,
            thread: None,
            edits: 0,
            previews: true,
            silent: false,
            date,
            edited: None,
            service: Map::new(),
        }
    }

    /// The button with this text, or with this data.
    #[must_use]
    pub fn button(&self, what: &str) -> Option<&Button> {
        let mut buttons = self.keyboard.iter().flatten();
        buttons.find(|button| button.text == what || button.data.as_deref() == Some(what))
    }

    /// Everything that stands on its buttons, row by row.
    #[must_use]
    pub fn labels(&self) -> Vec<Vec<&str>> {
        self.keyboard
            .iter()
            .map(|row| row.iter().map(|button| button.text.as_str()).collect())
            .collect()
    }
}

/// A chat and all that was written in it.
pub(super) struct Room {
    pub(super) kind: Kind,
    pub(super) title: String,
    pub(super) topics: BTreeMap<i64, String>,
    pub(super) is_forum: bool,
    pub(super) people: BTreeSet<i64>,
    pub(super) bots: HashMap<i64, Standing>,
    pub(super) messages: BTreeMap<i64, Message>,
    pub(super) last_message: i64,
    /// Stays the same, and says nothing.
    pub(super) instance: u64,
    pub(super) upgraded_to: Option<i64>,
    /// Of a private chat: whether the person pressed Start, and whether they blocked the bot.
    pub(super) started: bool,
    pub(super) blocked: bool,
}

impl Room {
    pub(super) fn new(kind: Kind, title: &str, instance: u64) -> Self {
        Self {
            kind,
            title: title.to_owned(),
            topics: BTreeMap::new(),
            is_forum: false,
            people: BTreeSet::new(),
            bots: HashMap::new(),
            messages: BTreeMap::new(),
            last_message: 0,
            instance,
            upgraded_to: None,
            started: false,
            blocked: false,
        }
    }

    pub(super) fn value(&self, id: i64, person: Option<&Person>) -> Value {
        let mut value = json!({ "id": id, "type": self.kind.word() });
        if let Some(person) = person {
            value["first_name"] = json!(person.first_name);
            for (name, told) in [("last_name", &person.last_name), ("username", &person.username)] {
                if let Some(told) = told {
                    value[name] = json!(told);
                }
            }
        } else {
            value["title"] = json!(self.title);
        }
        if self.is_forum {
            value["is_forum"] = json!(true);
        }
        value
    }

    /// Gives it the next number and keeps it.
    pub(super) fn keep(&mut self, mut message: Message) -> i64 {
        self.last_message += 1;
        message.id = self.last_message;
        self.messages.insert(message.id, message);
        self.last_message
    }
}

/// What a message looks like in the API, without what it answers; `from`, `chat` are given.
pub(super) fn value(message: &Message, from: Option<Value>, chat: Value) -> Value {
    let mut value = json!({ "message_id": message.id, "chat": chat, "date": message.date });
    match from {
        Some(from) => value["from"] = from,
        None => value["sender_chat"] = value["chat"].clone(),
    }
    if !message.text.is_empty() {
        value["text"] = json!(message.text);
        if !message.previews {
            value["link_preview_options"] = json!({ "is_disabled": true });
        }
    }
    if !message.entities.is_empty() {
        value["entities"] = message.entities.iter().map(Entity::value).collect();
    }
    if !message.keyboard.is_empty() {
        value["reply_markup"] = keyboard::value(&message.keyboard);
    }
    if let Some(edited) = message.edited {
        value["edit_date"] = json!(edited);
    }
    if let Some(thread) = message.thread {
        value["message_thread_id"] = json!(thread);
        value["is_topic_message"] = json!(true);
    }
    for (name, told) in &message.service {
        value[name] = told.clone();
    }
    value
}
