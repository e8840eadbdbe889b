//! A *config* of the proof dialect: where a program wants its questions put, and how long they
//! wait. It names ways, never people: the program wrote it itself, and who may decide is its
//! policy's to say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Environment, Problem, Seconds};

/// The most channels of one config.
pub const MOST_CHANNELS: usize = 20;
/// How long questions may wait, in seconds.
const SPANS: std::ops::RangeInclusive<u32> = 60..=86_400;

/// 12 bytes, written as 24 hexadecimal digits; read in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HitlId([u8; 12]);

/// A text that is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 24 hexadecimal digits")]
pub struct NotAHitlId;

impl HitlId {
    /// The one with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// Its bytes; they sort as the texts do.
    #[must_use]
    pub const fn bytes(self) -> [u8; 12] {
        self.0
    }
}

impl fmt::Display for HitlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for HitlId {
    type Err = NotAHitlId;

    fn from_str(text: &str) -> Result<Self, NotAHitlId> {
        if text.len() != 24 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAHitlId);
        }
        let mut bytes = [0; 12];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * place..2 * place + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAHitlId)?;
        }
        Ok(Self(bytes))
    }
}

/// A way to people that a program named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "config", rename_all = "lowercase", deny_unknown_fields)]
pub enum HitlChannel {
    /// A chat of Telegram's.
    Telegram {
        /// Which.
        chat_id: String,
    },
    /// A person at WhatsApp, by one of these or both.
    Whatsapp {
        /// `+` and up to 15 digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phone_number: Option<String>,
        /// What a business knows somebody by: a country, a point, and 10 to 140 letters and digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bsuid: Option<String>,
    },
    /// The pages of this server.
    Browser {},
}

impl HitlChannel {
    /// The word on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Telegram { .. } => "telegram",
            Self::Whatsapp { .. } => "whatsapp",
            Self::Browser {} => "browser",
        }
    }

    /// Who is at its end, if it names anybody.
    #[must_use]
    pub fn recipient(&self) -> Option<&str> {
        match self {
            Self::Telegram { chat_id } => Some(chat_id),
            Self::Whatsapp { phone_number, bsuid } => phone_number.as_deref().or(bsuid.as_deref()),
            Self::Browser {} => None,
        }
    }

    fn problem(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Telegram { chat_id } => {
                let good = (1..=50).contains(&chat_id.chars().count())
                    && chat_id.chars().all(|c| c.is_ascii_graphic());
                (!good).then_some(("chat_id", "1 to 50 characters without blanks"))
            }
            Self::Whatsapp { phone_number: None, bsuid: None } => {
                Some(("phone_number", "a phone number, or a bsuid"))
            }
            Self::Whatsapp { phone_number, bsuid } => {
                if phone_number.as_deref().is_some_and(|number| !is_phone_number(number)) {
                    Some(("phone_number", "+ and up to 15 digits, such as +15551234567"))
                } else if bsuid.as_deref().is_some_and(|bsuid| !is_bsuid(bsuid)) {
                    Some(("bsuid", "two capitals, a point, 10 to 140 letters and digits"))
                } else {
                    None
                }
            }
            Self::Browser {} => None,
        }
    }
}

fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_bsuid(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else { return false };
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (10..=140).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// How a config stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HitlStatus {
    /// Made, and not said to be complete.
    Pending,
    /// Said to be complete.
    Active,
    /// Nothing is asked under it any more.
    Archived,
}

impl HitlStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Active, Self::Archived];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

/// What a program says of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitlConfig {
    /// What to call it.
    pub name: String,
    /// Where questions are to be put.
    pub channels: Vec<HitlChannel>,
    /// How long they wait, unless the policy says less.
    pub timeout: Seconds,
    /// How it stands.
    pub status: HitlStatus,
}

impl HitlConfig {
    /// What makes no sense in it, by JSON Pointer.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut add = |pointer: String, detail: &str| {
            found.push(Problem { pointer, detail: detail.to_owned() });
        };
        let name = &self.name;
        if name.trim().is_empty()
            || name.chars().count() > 200
            || name.chars().any(char::is_control)
        {
            add("/name".into(), "1 to 200 printable characters");
        }
        if self.channels.is_empty() || self.channels.len() > MOST_CHANNELS {
            add("/channels".into(), "1 to 20 channels");
        }
        for (place, channel) in self.channels.iter().enumerate() {
            if let Some((field, detail)) = channel.problem() {
                add(format!("/channels/{place}/config/{field}"), detail);
            }
        }
        if !SPANS.contains(&self.timeout.0) {
            add("/timeout_seconds".into(), "60 to 86400 seconds");
        }
        found
    }
}

/// A config to be kept: a new one, or one as it is from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHitl {
    /// Which.
    pub id: HitlId,
    /// The world that it is in.
    pub environment: Environment,
    /// All of it.
    pub config: HitlConfig,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_in_either_case_and_has_one_spelling() {
        let id =
            HitlId::new([0x50, 0x7f, 0x1f, 0x77, 0xbc, 0xf8, 0x6c, 0xd7, 0x99, 0x43, 0x90, 0x11]);
        assert_eq!(id.to_string(), "507f1f77bcf86cd799439011");
        assert_eq!("507F1F77bcf86cd799439011".parse(), Ok(id));
        for bad in [
            "",
            "507f1f77bcf86cd79943901",
            "507f1f77bcf86cd7994390111",
            "+07f1f77bcf86cd799439011",
            "é07f1f77bcf86cd79943901",
        ] {
            assert_eq!(bad.parse::<HitlId>(), Err(NotAHitlId), "{bad}");
        }
    }

    #[test]
    fn a_channel_says_where_its_mistake_is() {
        let whatsapp = |number: Option<&str>, bsuid: Option<&str>| HitlChannel::Whatsapp {
            phone_number: number.map(Into::into),
            bsuid: bsuid.map(Into::into),
        };
        let telegram = |chat_id: &str| HitlChannel::Telegram { chat_id: chat_id.into() };
        let config = |channels| HitlConfig {
            name: "Releases".into(),
            channels,
            timeout: Seconds(3_600),
            status: HitlStatus::Pending,
        };
        let good = [
            telegram("-1001234567890"),
            whatsapp(Some("+15551234567"), None),
            whatsapp(None, Some("DE.abcdefghij")),
            HitlChannel::Browser {},
        ];
        assert_eq!(config(good.to_vec()).problems(), Vec::new());
        for (bad, field) in [
            (telegram(""), "chat_id"),
            (telegram("a b"), "chat_id"),
            (telegram(&"7".repeat(51)), "chat_id"),
            (whatsapp(None, None), "phone_number"),
            (whatsapp(Some("15551234567"), None), "phone_number"),
            (whatsapp(Some("+0155"), None), "phone_number"),
            (whatsapp(Some("+1234567890123456"), None), "phone_number"),
            (whatsapp(None, Some("de.abcdefghij")), "bsuid"),
            (whatsapp(None, Some("DE.abc")), "bsuid"),
        ] {
            let found = config(vec![HitlChannel::Browser {}, bad.clone()]).problems();
            let places: Vec<_> = found.into_iter().map(|problem| problem.pointer).collect();
            assert_eq!(places, [format!("/channels/1/config/{field}")], "{bad:?}");
        }
        let none = HitlConfig { name: " ".into(), timeout: Seconds(59), ..config(Vec::new()) };
        let places: Vec<_> = none.problems().into_iter().map(|problem| problem.pointer).collect();
        assert_eq!(places, ["/name", "/channels", "/timeout_seconds"]);
    }
}
