//! The Bot API: one call, and what its refusals mean.

use std::time::Duration;

use askfirst_core::{Seconds, TelegramSettings};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use super::super::{Blame, Failure};
use super::LARGEST_ANSWER;
use crate::outgoing::{Again, BodyEnd, Outgoing};

/// Of what the provider says, so much is told, in characters.
const LONGEST_WORD: usize = 300;
/// The longest that it is left alone, in seconds, whatever it says.
const LONGEST_PAUSE: u32 = 3_600;

/// Calls methods as one bot.
pub(super) struct Api {
    outgoing: Outgoing,
    base: String,
    token: Zeroizing<String>,
}

/// Who a bot is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Its number.
    pub id: i64,
    /// What people find it by.
    pub username: String,
}

/// Where the provider calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WebhookInfo {
    /// Empty if it calls nobody.
    pub url: String,
}

/// What is at a number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChatInfo {
    /// The number.
    pub id: i64,
    /// `private`, `group`, `supergroup` or `channel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What a group is called.
    pub title: Option<String>,
    /// What a person is called.
    pub first_name: Option<String>,
}

/// A message that was sent.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    pub(super) message_id: i64,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing was reached.
    #[error("{0}")]
    Unreached(String),
    /// What answers is no Bot API.
    #[error("it does not answer as the Bot API does ({0}); is its address right?")]
    Odd(String),
    /// It says no.
    #[error("Telegram says: {description}")]
    Refused {
        /// The status.
        code: u16,
        /// In its words, on one line.
        description: String,
        /// How long it wants to be left alone.
        wait: Option<Seconds>,
        /// Where a group has gone.
        moved_to: Option<i64>,
    },
}

#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    result: Option<Value>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Api {
    pub(super) fn new(outgoing: &Outgoing, base: String, token: Zeroizing<String>) -> Self {
        Self { outgoing: outgoing.clone(), base, token }
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        wish: &Value,
        patience: Duration,
    ) -> Result<T, Trouble> {
        let outgoing = self.outgoing.patient(patience, LARGEST_ANSWER);
        let url = Zeroizing::new(format!("{}/bot{}/{method}", self.base, *self.token));
        let target = outgoing.check(&url).map_err(|error| Trouble::Unreached(error.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Bytes::from(wish.to_string());
        let answer = outgoing.call(&target, Method::POST, headers, body, again(method)).await;
        let answer = answer.map_err(|error| Trouble::Unreached(error.to_string()))?;
        if answer.end != BodyEnd::Whole {
            return Err(Trouble::Unreached("its answer broke off".into()));
        }
        let status = answer.status.as_u16();
        let odd = |error: serde_json::Error| Trouble::Odd(format!("{status}: {error}"));
        let envelope: Envelope = serde_json::from_slice(&answer.body).map_err(odd)?;
        match envelope {
            Envelope { ok: true, result: Some(result), .. } => {
                serde_json::from_value(result).map_err(odd)
            }
            Envelope { error_code, description, parameters, .. } => {
                let Parameters { retry_after, migrate_to_chat_id } = parameters.unwrap_or_default();
                let wait = retry_after.map(|wait| u32::try_from(wait).unwrap_or(u32::MAX));
                Err(Trouble::Refused {
                    code: error_code.unwrap_or(status),
                    description: on_one_line(&description.unwrap_or_default()),
                    wait: wait.map(|wait| Seconds(wait.clamp(1, LONGEST_PAUSE))),
                    moved_to: migrate_to_chat_id,
                })
            }
        }
    }
}

/// A second message would be read as a second one. What asks, sets or takes away is the same twice,
/// and so is the answer to a button.
fn again(method: &str) -> Again {
    let same = ["get", "set", "edit", "delete", "answer"];
    match same.iter().any(|verb| method.starts_with(verb)) {
        true => Again::Harmless,
        false => Again::Never,
    }
}

/// It is somebody else's text.
fn on_one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).take(LONGEST_WORD).collect()
}

impl Trouble {
    fn says(&self, words: &str) -> bool {
        let Self::Refused { code: 400, description, .. } = self else { return false };
        description.to_ascii_lowercase().contains(words)
    }

    /// A message that is asked to be what it is.
    pub(super) fn is_nothing_new(&self) -> bool {
        self.says("message is not modified")
    }

    /// Nobody waits for the answer to a button any more. What they pressed counts all the same.
    pub(super) fn is_too_late(&self) -> bool {
        self.says("query is too old") || self.says("query id is invalid")
    }

    /// A message that is not there any more, or cannot be changed.
    pub(super) fn is_gone(&self) -> bool {
        self.says("message to edit not found")
            || self.says("message can't be edited")
            || self.says("message_id_invalid")
    }

    /// Whether the token is nobody's, or is no more.
    #[must_use]
    pub const fn is_token(&self) -> bool {
        matches!(self, Self::Refused { code: 401 | 404, .. })
    }

    /// Whether somebody else hears this bot: another program, or whoever its webhook calls.
    #[must_use]
    pub const fn is_heard_elsewhere(&self) -> bool {
        matches!(self, Self::Refused { code: 409, .. })
    }

    /// Where a group has gone.
    #[must_use]
    pub const fn moved_to(&self) -> Option<i64> {
        match self {
            Self::Refused { moved_to, .. } => *moved_to,
            Self::Unreached(_) | Self::Odd(_) => None,
        }
    }

    /// Until when the provider wants to be left alone, if it does.
    #[must_use]
    pub const fn wait(&self) -> Option<Seconds> {
        match self {
            Self::Refused { code: 429, wait, .. } => match wait {
                Some(wait) => Some(*wait),
                None => Some(Seconds(1)),
            },
            _ => None,
        }
    }

    /// What it means, and what to do.
    #[must_use]
    pub fn told(&self, settings: &TelegramSettings) -> String {
        let bot = &settings.username;
        match self {
            Self::Unreached(why) => format!("{} was not reached: {why}", settings.api),
            Self::Odd(_) => format!("{}: {self}", settings.api),
            Self::Refused { code: 401 | 404, description, .. } => format!(
                "Telegram does not know the token of @{bot} any more ({description}): was it \
                 revoked? Ask @BotFather for a new one and give it with `askfirst channels change`"
            ),
            Self::Refused { code: 409, description, .. } if description.contains("webhook") => {
                format!(
                    "@{bot} is heard by a webhook that was set elsewhere ({description}); take it \
                     away with `askfirst channels change ID --take-over`, or use another bot"
                )
            }
            Self::Refused { code: 409, description, .. } => format!(
                "another program listens as @{bot} ({description}); stop it, or use another bot: \
                 Telegram tells each thing to one of them only"
            ),
            Self::Refused { code: 429, wait, .. } => format!(
                "Telegram wants to be left alone for {} by @{bot}; what waits goes out then",
                wait.unwrap_or(Seconds(1))
            ),
            Self::Refused { code: 403, description, .. } if description.contains("group") => {
                format!("@{bot} is not in that group ({description}); add it there again")
            }
            Self::Refused { code: 403, description, .. } => format!(
                "@{bot} may not write there ({description}); they have to press Start in its chat \
                 again, or link their account anew"
            ),
            Self::Refused { code: 400, description, .. }
                if description.contains("not enough rights") =>
            {
                format!(
                    "@{bot} may not write in that group ({description}); an administrator of the \
                     group has to let members send messages, or make the bot an administrator"
                )
            }
            Self::Refused { description, .. } => format!("Telegram refuses it ({description})"),
        }
    }

    /// What it is about, and so what follows from it.
    pub(super) fn failure(&self, settings: &TelegramSettings) -> Failure {
        let blame = match self {
            Self::Unreached(_) | Self::Odd(_) => Blame::Way,
            Self::Refused { moved_to: Some(to), .. } => Blame::Moved { to: *to },
            Self::Refused { code: 401 | 404 | 409, .. } => Blame::Way,
            Self::Refused { code: 429, .. } => {
                Blame::Pace { wait: self.wait().unwrap_or(Seconds(1)) }
            }
            Self::Refused { code: 500..=599, .. } => Blame::Way,
            Self::Refused { .. } => Blame::ForGood,
        };
        Failure { why: self.told(settings), blame }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_goes_out_twice_by_itself() {
        for method in
            ["sendMessage", "sendPhoto", "copyMessage", "forwardMessage", "pinChatMessage"]
        {
            assert_eq!(again(method), Again::Never, "{method}");
        }
        for method in ["getUpdates", "editMessageText", "answerCallbackQuery", "setWebhook"] {
            assert_eq!(again(method), Again::Harmless, "{method}");
        }
    }
}
