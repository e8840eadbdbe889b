//! Ways to people: how many there may be, who sets them up, and what changes with what. Whether a
//! mail server may be reached is for who sends.

use std::collections::BTreeSet;

use super::{Denied, Holdings, guard_owner, invalid, is_address};
use crate::{ChannelId, ChannelSettings, ChatRoom, EmailSettings, Facts, NewChannel, Role};

/// Each request is written into every one of them.
const MOST_ROOMS: usize = 20;

/// What becomes of the secret of a way that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelSecret {
    /// It stays.
    Keep,
    /// This one takes its place, sealed; or none does.
    Replace(Option<Vec<u8>>),
}

/// One of each kind: two would tell everybody everything twice.
pub(super) fn add(channel: &NewChannel, facts: &Facts, holdings: &Holdings) -> Result<(), Denied> {
    check(&channel.settings, facts)?;
    let kind = channel.settings.kind();
    if holdings.channels.values().any(|known| known.kind() == kind) {
        let detail = format!(
            "there is a channel of this kind already ({kind}); change it, or remove it first"
        );
        return Err(invalid("/kind", &detail));
    }
    Ok(())
}

/// A secret that was given for one server is said to no other, and to nobody less surely.
pub(super) fn change(
    id: ChannelId,
    settings: &ChannelSettings,
    secret: &ChannelSecret,
    facts: &Facts,
    holdings: &Holdings,
) -> Result<(), Denied> {
    let Some(known) = holdings.channels.get(&id) else {
        return Err(Denied::Unknown { what: "channel" });
    };
    check(settings, facts)?;
    match (known, settings) {
        (ChannelSettings::Email(before), ChannelSettings::Email(after)) => {
            mail_secret(before, after, secret)
        }
        (ChannelSettings::Telegram(before), ChannelSettings::Telegram(after)) => {
            if before.bot != after.bot {
                return Err(invalid(
                    "/token",
                    "this is the token of another bot, which nobody here has linked; remove the \
                     channel and add that bot instead",
                ));
            }
            if *secret == ChannelSecret::Keep && before.api != after.api {
                return Err(invalid(
                    "/token",
                    "give the token again: it was given for another address of the Bot API, and is \
                     not told to this one by itself",
                ));
            }
            Ok(())
        }
        _ => Err(invalid("/kind", "a channel stays of the kind that it is")),
    }
}

fn mail_secret(
    before: &EmailSettings,
    after: &EmailSettings,
    secret: &ChannelSecret,
) -> Result<(), Denied> {
    if *secret != ChannelSecret::Keep {
        return Ok(());
    }
    if before.username.is_none() {
        return Err(invalid("/password", "a name needs a password"));
    }
    let server = |email: &EmailSettings| (email.host.clone(), email.port, email.security);
    if server(before) != server(after) {
        let detail = "give the password again: it was given for another server, port or \
                      encryption, and is not told to this one by itself";
        return Err(invalid("/password", detail));
    }
    Ok(())
}

/// Who names the mail server can read the links that go to everybody, owners too; who has the bot
/// hears and says what it likes in everybody's name.
fn check(settings: &ChannelSettings, facts: &Facts) -> Result<(), Denied> {
    guard_owner(Role::Owner, facts)?;
    match settings {
        ChannelSettings::Email(email) if !is_address(&email.from) => {
            Err(invalid("/from", "an address such as askfirst@example.com"))
        }
        ChannelSettings::Email(_) => Ok(()),
        ChannelSettings::Telegram(_) => rooms(settings.rooms()),
    }
}

/// None twice: everything would be read twice there.
fn rooms(rooms: &[ChatRoom]) -> Result<(), Denied> {
    if rooms.len() > MOST_ROOMS {
        return Err(invalid(
            "/chat",
            &format!("a channel writes into {MOST_ROOMS} groups at most"),
        ));
    }
    let known: BTreeSet<_> = rooms.iter().map(|room| (room.chat, room.topic)).collect();
    if known.len() < rooms.len() {
        return Err(invalid("/chat", "requests come into this group already"));
    }
    Ok(())
}
