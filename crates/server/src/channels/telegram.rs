//! Telegram, by a bot of one's own (Bot API). People are told by cards whose buttons answer, and
//! whatever happens changes the card that they hold. What is heard of them is read here too; what
//! follows from it is for the `chat` door.

mod api;
mod heard;
mod message;
#[cfg(test)]
mod tests;

use std::time::Duration;

use askfirst_core::{ChatAccount, TelegramSettings};
use async_trait::async_trait;
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub use api::{Bot, ChatInfo, Trouble, WebhookInfo};
pub use heard::{Did, Heard, read};
pub use message::{Press, TOKEN_LENGTH};

use super::card::{Card, Occasion, Parting, What};
use super::{Blame, Channel, Failure, Limits};
use crate::outgoing::Outgoing;
use api::Api;

/// Where everybody's Bot API is.
pub const API: &str = "https://api.telegram.org";

/// How long the provider may keep a question for what people do open, in seconds.
const LONG_POLL: u64 = 50;
/// And how long it may take over that.
const POLL_PATIENCE: Duration = Duration::from_secs(65);
/// How long everything else may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A hundred updates of the longest messages fit.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Of the 4,096 characters that a message holds, so many are left for the account.
const LARGEST_ACCOUNT: usize = 3_000;

/// Speaks through one bot.
pub struct Telegram {
    api: Api,
    settings: TelegramSettings,
}

/// Something short to say to somebody, apart from cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// In plain text.
    pub text: String,
    /// The message that it answers.
    pub to: Option<i64>,
    /// The topic, in a group that has some.
    pub topic: Option<i64>,
    /// Who of a group is meant, by the account.
    pub whom: Option<ChatAccount>,
    /// What stands where they are to write their words, if they are asked for some.
    pub ask: Option<String>,
}

impl Telegram {
    /// The bot of these settings.
    #[must_use]
    pub fn new(outgoing: &Outgoing, settings: TelegramSettings, token: Zeroizing<String>) -> Self {
        Self { api: Api::new(outgoing, settings.api.clone(), token), settings }
    }

    /// Who the bot is.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn me(&self) -> Result<Bot, Trouble> {
        self.api.call("getMe", &json!({}), PATIENCE).await
    }

    /// What is at a number, or behind a public name with its `@`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn chat(&self, chat: &str) -> Result<ChatInfo, Trouble> {
        self.api.call("getChat", &json!({ "chat_id": chat }), PATIENCE).await
    }

    /// Where the provider calls, if it does.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn webhook(&self) -> Result<WebhookInfo, Trouble> {
        self.api.call("getWebhookInfo", &json!({}), PATIENCE).await
    }

    /// Has the provider call nobody any more. What people did meanwhile waits.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn delete_webhook(&self) -> Result<(), Trouble> {
        let done: Result<bool, Trouble> =
            self.api.call("deleteWebhook", &json!({}), PATIENCE).await;
        done.map(drop)
    }

    /// Has the provider call here, and prove by this secret that it is the one who calls.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn set_webhook(&self, url: &str, secret: &str) -> Result<(), Trouble> {
        let wish = json!({
            "url": url,
            "secret_token": secret,
            "allowed_updates": heard::KINDS,
        });
        let done: Result<bool, Trouble> = self.api.call("setWebhook", &wish, PATIENCE).await;
        done.map(drop)
    }

    /// What people did since the update before `from`, once they did something, or nothing after a
    /// while. All before `from` is never told again.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn listen(&self, from: Option<i64>) -> Result<Vec<Value>, Trouble> {
        let mut wish =
            json!({ "timeout": LONG_POLL, "limit": 100, "allowed_updates": heard::KINDS });
        if let Some(from) = from {
            wish["offset"] = from.into();
        }
        self.api.call("getUpdates", &wish, POLL_PATIENCE).await
    }

    /// Ends the wait of whoever pressed a button, and says this to them.
    ///
    /// # Errors
    /// [`Trouble`]; that it came too late is none.
    pub async fn answer(&self, query: &str, text: &str, alert: bool) -> Result<(), Trouble> {
        let text = message::cut(text, 200);
        let wish = json!({ "callback_query_id": query, "text": text, "show_alert": alert });
        match self.api.call::<bool>("answerCallbackQuery", &wish, PATIENCE).await {
            Err(trouble) if trouble.is_too_late() => Ok(()),
            done => done.map(drop),
        }
    }

    /// Says something in a chat; gives the number of the message.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn say(&self, chat: i64, words: &Words) -> Result<i64, Trouble> {
        let named = words.whom.as_ref().map(message::mention).unwrap_or_default();
        let mut wish = json!({
            "chat_id": chat,
            "text": named + &message::escaped(&message::cut(&words.text, 3_500)),
            "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true },
        });
        if let Some(topic) = words.topic {
            wish["message_thread_id"] = topic.into();
        }
        if let Some(to) = words.to {
            wish["reply_parameters"] = behind(to);
        }
        if let Some(ask) = &words.ask {
            wish["reply_markup"] = json!({
                "force_reply": true,
                "input_field_placeholder": message::cut(ask, 64),
                "selective": true,
            });
        }
        let sent: api::Sent = self.api.call("sendMessage", &wish, PATIENCE).await?;
        Ok(sent.message_id)
    }

    /// Takes the buttons of a message away.
    ///
    /// # Errors
    /// [`Trouble`]; that it has none is none.
    pub async fn strip(&self, chat: i64, message: i64) -> Result<(), Trouble> {
        let wish = json!({ "chat_id": chat, "message_id": message });
        match self.api.call::<Value>("editMessageReplyMarkup", &wish, PATIENCE).await {
            Err(trouble) if trouble.is_nothing_new() => Ok(()),
            done => done.map(drop),
        }
    }

    fn failed(&self, trouble: Trouble) -> Failure {
        trouble.failure(&self.settings)
    }

    async fn post(&self, card: &Card, to: Option<i64>) -> Result<String, Failure> {
        let (chat, topic) = place(&card.to)?;
        let mut wish = message::write(card);
        wish["chat_id"] = chat.into();
        if let Some(topic) = topic {
            wish["message_thread_id"] = topic.into();
        }
        if let Some(to) = to {
            wish["reply_parameters"] = behind(to);
        }
        let sent = self.api.call::<api::Sent>("sendMessage", &wish, PATIENCE).await;
        let sent = sent.map_err(|trouble| self.failed(trouble))?;
        Ok(reference(chat, sent.message_id))
    }

    async fn edit(&self, chat: i64, message: i64, mut wish: Value) -> Result<(), Trouble> {
        wish["chat_id"] = chat.into();
        wish["message_id"] = message.into();
        match self.api.call::<Value>("editMessageText", &wish, PATIENCE).await {
            Err(trouble) if trouble.is_nothing_new() => Ok(()),
            done => done.map(drop),
        }
    }
}

#[async_trait]
impl Channel for Telegram {
    fn limits(&self) -> Limits {
        Limits { account: LARGEST_ACCOUNT, measure: message::length }
    }

    async fn send(&self, card: &Card) -> Result<String, Failure> {
        self.post(card, None).await
    }

    /// In place; but who is asked again gets a card of its own, so that they notice, and the one
    /// before it says so.
    async fn update(&self, reference: &str, card: &Card) -> Result<String, Failure> {
        let Some(Held { chat, message, strays }) = Held::read(reference) else {
            return self.post(card, None).await;
        };
        // A group has become another, and nobody can change what was written in the old one.
        if chat < 0 && place(&card.to)?.0 != chat {
            return self.post(card, None).await;
        }
        let anew = matches!(&card.what,
            What::Asked(asked) if asked.occasion != Occasion::Progress);
        if anew {
            let sent = self.post(card, Some(message)).await?;
            // The new one counts; if the other cannot be changed, its buttons say so themselves.
            for message in [message].into_iter().chain(strays) {
                let _ = self.edit(chat, message, message::superseded(card)).await;
            }
            return Ok(sent);
        }
        for stray in strays {
            let _ = self.edit(chat, stray, message::write(card)).await;
        }
        match self.edit(chat, message, message::write(card)).await {
            Ok(()) => Ok(reference.to_owned()),
            // They deleted it. How it ended is told anew; that somebody else voted is not.
            Err(trouble) if trouble.is_gone() => match card.what {
                What::Asked(_) => Ok(reference.to_owned()),
                _ => self.post(card, None).await,
            },
            Err(trouble) => Err(self.failed(trouble)),
        }
    }

    async fn part(&self, reference: &str, parting: &Parting) -> Result<(), Failure> {
        let Some(Held { chat, message, strays }) = Held::read(reference) else { return Ok(()) };
        for stray in strays {
            let _ = self.edit(chat, stray, message::parting(parting)).await;
        }
        match self.edit(chat, message, message::parting(parting)).await {
            Err(trouble) if !trouble.is_gone() => Err(self.failed(trouble)),
            _ => Ok(()),
        }
    }
}

fn behind(message: i64) -> Value {
    json!({ "message_id": message, "allow_sending_without_reply": true })
}

/// An account, or a group and perhaps a topic in it.
fn place(to: &str) -> Result<(i64, Option<i64>), Failure> {
    let read = || match to.split_once('/') {
        None => Some((to.parse().ok()?, None)),
        Some((chat, topic)) => Some((chat.parse().ok()?, Some(topic.parse().ok()?))),
    };
    read().ok_or_else(|| Failure {
        why: format!("{to:?} is no chat of Telegram's"),
        blame: Blame::ForGood,
    })
}

fn reference(chat: i64, message: i64) -> String {
    format!("{chat}:{message}")
}

/// So many cards of one person about one approval are kept in mind, besides the one that counts.
const MOST_STRAYS: usize = 3;

/// The card that somebody holds, as its reference names it: `chat:message`, and behind a `+` each
/// that arrived without our knowing, and shows the same.
struct Held {
    chat: i64,
    message: i64,
    strays: Vec<i64>,
}

impl Held {
    fn read(reference: &str) -> Option<Self> {
        let (chat, messages) = reference.split_once(':')?;
        let mut messages = messages.split('+').map(|number| number.parse().ok());
        let (chat, message) = (chat.parse().ok()?, messages.next()??);
        Some(Self { chat, message, strays: messages.collect::<Option<_>>()? })
    }
}

/// What the card of this reference is known by once a message turned up that shows the same; none
/// if that is no news.
#[must_use]
pub fn joined(known: Option<&str>, chat: i64, message: i64) -> Option<String> {
    let Some(known) = known else { return Some(reference(chat, message)) };
    let held = Held::read(known)?;
    let is_known = held.message == message || held.strays.contains(&message);
    if held.chat != chat || is_known || held.strays.len() >= MOST_STRAYS {
        return None;
    }
    Some(format!("{known}+{message}"))
}
