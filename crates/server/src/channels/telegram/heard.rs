//! What people do in chats with a bot, read from the provider's updates. Who they are is the number
//! that the provider gives, and nothing that they can choose.

use askfirst_core::ChatAccount;
use serde::Deserialize;
use serde_json::Value;

use super::super::card::{plain, short_line};

/// What is asked for; everything else is nobody's business here.
pub(super) const KINDS: [&str; 3] = ["message", "callback_query", "my_chat_member"];

/// Characters of a name.
const LONGEST_NAME: usize = 80;

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its number, the same each time it is told.
    pub update: i64,
    /// Who.
    pub by: ChatAccount,
    /// What they can be found by there today, without the `@`.
    pub username: Option<String>,
    /// In which chat.
    pub chat: i64,
    /// Whether that is between them and the bot alone.
    pub private: bool,
    /// The topic, in a group that has some.
    pub topic: Option<i64>,
    /// What.
    pub did: Did,
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// Pressed a button.
    Pressed {
        /// What is to be answered.
        query: String,
        /// On which message, if it is still known.
        message: Option<i64>,
        /// What the button carries, or what their program made of it.
        data: String,
    },
    /// Pressed Start, perhaps behind a link with a code.
    Started {
        /// The code.
        code: Option<String>,
    },
    /// Wrote something.
    Wrote {
        /// The message.
        message: i64,
        /// What.
        text: String,
        /// The message that it answers, and what that says.
        to: Option<(i64, String)>,
    },
    /// Added the bot to a group.
    Added,
    /// Nothing: the group has become another.
    Moved {
        /// Its number there.
        to: i64,
    },
    /// Anything else: nothing follows from it.
    Else,
}

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    message: Option<Message>,
    callback_query: Option<Query>,
    my_chat_member: Option<Standing>,
}

/// How the bot stands in a chat now.
#[derive(Deserialize)]
struct Standing {
    chat: Chat,
    from: User,
    old_chat_member: Status,
    new_chat_member: Status,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

impl Status {
    fn is_in(&self) -> bool {
        matches!(self.status.as_str(), "member" | "administrator" | "restricted")
    }
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    from: Option<User>,
    chat: Chat,
    text: Option<String>,
    reply_to_message: Option<Box<Reply>>,
    #[serde(flatten)]
    thread: Thread,
    migrate_to_chat_id: Option<i64>,
}

#[derive(Default, Deserialize)]
struct Thread {
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
}

impl Thread {
    /// Answers make threads, too; only topics are places.
    fn topic(&self) -> Option<i64> {
        self.message_thread_id.filter(|_| self.is_topic_message)
    }
}

#[derive(Deserialize)]
struct Reply {
    message_id: i64,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Query {
    id: String,
    from: User,
    message: Option<Pressed>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct Pressed {
    message_id: i64,
    chat: Chat,
    #[serde(flatten)]
    thread: Thread,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    #[serde(default)]
    is_bot: bool,
    first_name: String,
    last_name: Option<String>,
    username: Option<String>,
}

impl User {
    fn account(&self) -> ChatAccount {
        let last = self.last_name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let called = self.username.as_ref().map(|name| format!(" (@{name})")).unwrap_or_default();
        // They choose it, so it may hold anything.
        let name = plain(&short_line(&format!("{}{last}{called}", self.first_name), LONGEST_NAME));
        ChatAccount { id: self.id.to_string(), name }
    }
}

/// Reads an update; none if nobody did anything in it that is understood here.
///
/// # Errors
/// If it is none.
pub fn read(update: Value) -> Result<Option<Heard>, serde_json::Error> {
    let update: Update = serde_json::from_value(update)?;
    let heard = |by: &User, chat: &Chat, topic: Option<i64>, did: Did| Heard {
        update: update.update_id,
        by: by.account(),
        username: by.username.clone(),
        chat: chat.id,
        private: chat.kind == "private",
        topic,
        did,
    };
    if let Some(standing) = &update.my_chat_member {
        let new = standing.new_chat_member.is_in() && !standing.old_chat_member.is_in();
        let did = if new { Did::Added } else { Did::Else };
        return Ok(Some(heard(&standing.from, &standing.chat, None, did)));
    }
    if let Some(query) = &update.callback_query {
        let did = Did::Pressed {
            query: query.id.clone(),
            message: query.message.as_ref().map(|message| message.message_id),
            data: query.data.clone().unwrap_or_default(),
        };
        let own = Chat { id: query.from.id, kind: "private".into() };
        let chat = query.message.as_ref().map_or(&own, |message| &message.chat);
        let topic = query.message.as_ref().and_then(|message| message.thread.topic());
        return Ok(Some(heard(&query.from, chat, topic, did)));
    }
    let Some(message) = &update.message else { return Ok(None) };
    // Said by the provider, in whosever name.
    if let Some(to) = message.migrate_to_chat_id {
        let group = ChatAccount { id: message.chat.id.to_string(), name: String::new() };
        let (update, chat) = (update.update_id, message.chat.id);
        let did = Did::Moved { to };
        let moved =
            Heard { update, by: group, username: None, chat, private: false, topic: None, did };
        return Ok(Some(moved));
    }
    let Some(from) = message.from.as_ref().filter(|from| !from.is_bot) else { return Ok(None) };
    let did = match &message.text {
        None => Did::Else,
        Some(text) => match text.split_whitespace().collect::<Vec<_>>()[..] {
            [start] if start == "/start" || start.starts_with("/start@") => {
                Did::Started { code: None }
            }
            [start, code] if start == "/start" || start.starts_with("/start@") => {
                Did::Started { code: Some(code.to_owned()) }
            }
            _ => Did::Wrote {
                message: message.message_id,
                text: text.clone(),
                to: message.reply_to_message.as_ref().map(|to| (to.message_id, to.text.clone())),
            },
        },
    };
    Ok(Some(heard(from, &message.chat, message.thread.topic(), did)))
}
