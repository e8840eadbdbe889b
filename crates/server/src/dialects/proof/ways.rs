//! Where a config wants its questions put, and what comes of that: the pages of this server, and the
//! chats of people who linked them here. That a program names a chat gives nobody a vote, and has
//! nobody asked whom the policy does not ask.

use askfirst_core::{Approval, HitlChannel, HitlConfig, MemberId};
use askfirst_store::{NoticeState, Place};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::service::discovery::Whose;
use crate::service::{Caller, ServiceError};

/// A channel of a config as it is noted with what was asked under it.
#[derive(Deserialize, Serialize)]
pub(super) struct Way {
    channel: String,
    recipient: Option<String>,
    /// Whose the chat was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    /// Why it was nobody's, where that is not for want of linking it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lacks: Option<Lack>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Lack {
    Bot,
    Trial,
}

/// Enough of whom a channel names to know it again.
fn masked(recipient: &str) -> String {
    let letters: Vec<_> = recipient.chars().collect();
    let shown = if letters.len() > 7 { 4 } else { 0 };
    let end: String = letters[letters.len() - shown..].iter().collect();
    format!("***{end}")
}

/// Whether a channel's end can be reached. What cannot be yet stays pending.
///
/// # Errors
/// If it could not be looked up.
pub(super) async fn is_active(
    app: &App,
    caller: &Caller,
    channel: &HitlChannel,
) -> Result<bool, ServiceError> {
    match channel {
        HitlChannel::Browser {} => Ok(true),
        HitlChannel::Telegram { chat_id } => {
            let whose = app.service.whose_chat(caller, chat_id).await?;
            Ok(matches!(whose, Whose::Of(_)))
        }
        HitlChannel::Whatsapp { .. } => Ok(false),
    }
}

/// The channels of a config as they stand now.
///
/// # Errors
/// If they could not be looked up.
pub(super) async fn of(
    app: &App,
    caller: &Caller,
    config: &HitlConfig,
) -> Result<Vec<Way>, ServiceError> {
    let mut ways = Vec::new();
    for channel in &config.channels {
        let (member, lacks) = match channel {
            HitlChannel::Telegram { chat_id } => {
                match app.service.whose_chat(caller, chat_id).await? {
                    Whose::Of(member) => (Some(member), None),
                    Whose::Nobody => (None, None),
                    Whose::NoBot => (None, Some(Lack::Bot)),
                    Whose::Trial => (None, Some(Lack::Trial)),
                }
            }
            HitlChannel::Whatsapp { .. } | HitlChannel::Browser {} => (None, None),
        };
        let recipient = channel.recipient().map(masked);
        ways.push(Way { channel: channel.name().into(), recipient, member, lacks });
    }
    Ok(ways)
}

/// What came of telling somebody by a channel.
#[derive(Serialize)]
pub(super) struct Attempt {
    channel: String,
    recipient: Option<String>,
    status: &'static str,
    error: Option<&'static str>,
}

/// What came of each of them.
///
/// # Errors
/// If it could not be read what people were told.
pub(super) async fn attempts(app: &App, approval: &Approval) -> Result<Vec<Attempt>, ServiceError> {
    // Empty once the texts are erased.
    let ways = approval.metadata.get("channels").cloned().unwrap_or_default();
    let ways: Vec<Way> = serde_json::from_value(ways).unwrap_or_default();
    let place = Place { workspace: approval.workspace, environment: approval.environment };
    let mut attempts = Vec::new();
    for way in ways {
        let told = match way.member {
            Some(member) => app.service.told_on_telegram(place, approval.id, member).await?,
            None => None,
        };
        attempts.push(Attempt::of(way, told));
    }
    Ok(attempts)
}

impl Attempt {
    fn of(way: Way, told: Option<NoticeState>) -> Self {
        let Way { channel, recipient, member, lacks } = way;
        let (status, error) = match (channel.as_str(), member, lacks) {
            ("telegram", Some(_), _) => linked(told),
            ("telegram", None, Some(Lack::Bot)) => failed(
                "no bot of Telegram is set up here; an admin adds one with `askfirst channels add \
                 telegram`",
            ),
            ("telegram", None, Some(Lack::Trial)) => {
                failed("what is asked with a test key is told nobody")
            }
            ("telegram", None, None) => failed(
                "nobody here has linked this chat: whoever it belongs to has to be a member, open \
                 their profile on this server, and link their Telegram; groups and other people's \
                 chats are not written to",
            ),
            ("whatsapp", ..) => failed(
                "WhatsApp is not available in this version; people decide on the pages of this \
                 server, and by the ways that its admin has set up",
            ),
            _ => ("sent", None),
        };
        Self { channel, recipient, status, error }
    }
}

const fn failed(why: &'static str) -> (&'static str, Option<&'static str>) {
    ("failed", Some(why))
}

/// How it stands with a chat that somebody linked.
const fn linked(told: Option<NoticeState>) -> (&'static str, Option<&'static str>) {
    match told {
        Some(NoticeState::Sent) => ("sent", None),
        Some(NoticeState::Waiting) => ("pending", None),
        Some(NoticeState::Dropped | NoticeState::Dead) => failed(
            "it could not be brought to this chat; whoever it belongs to is asked by the next way \
             that there is to them",
        ),
        None => failed(
            "whoever linked this chat was not asked there: the policy does not name them, or they \
             had nothing to answer",
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_recipient_is_never_shown_whole(recipient in "\\PC{1,60}") {
            let shown = masked(&recipient);
            let end = shown.strip_prefix("***").unwrap_or_default().chars().count();
            prop_assert!(end <= 4 && 2 * end <= recipient.chars().count());
        }
    }
}
