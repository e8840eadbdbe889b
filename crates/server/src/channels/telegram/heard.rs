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
    /// Anything else: nothing follows from it.
    Else,
}

#[derive(Deserialize)]
struct Update {
    update_id: i64,
    message: Option<Message>,
    callback_query: Option<Query>,
}

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    from: Option<User>,
    chat: Chat,
    text: Option<String>,
    reply_to_message: Option<Box<Reply>>,
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
    let heard = |by: &User, chat: &Chat, did: Did| Heard {
        update: update.update_id,
        by: by.account(),
        username: by.username.clone(),
        chat: chat.id,
        private: chat.kind == "private",
        did,
    };
    if let Some(query) = &update.callback_query {
        let did = Did::Pressed {
            query: query.id.clone(),
            message: query.message.as_ref().map(|message| message.message_id),
            data: query.data.clone().unwrap_or_default(),
        };
        let own = Chat { id: query.from.id, kind: "private".into() };
        let chat = query.message.as_ref().map_or(&own, |message| &message.chat);
        return Ok(Some(heard(&query.from, chat, did)));
    }
    let Some(message) = &update.message else { return Ok(None) };
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
    Ok(Some(heard(from, &message.chat, did)))
}
