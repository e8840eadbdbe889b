//! Finding the id of a chat for a program: somebody opens a link at the provider and presses Start,
//! and the bot's server tells the program which chat that was. It gives nobody a vote. What was
//! found is kept in memory for as long as its token is good; after a restart it is asked again.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use askfirst_core::{ApprovalId, ChannelSettings, Environment, MemberId, Seconds, Timestamp};
use askfirst_store::{Channel, NoticeState, Place};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Caller, Result, Service};
use crate::mint;

/// For how long a token waits.
pub const SPAN: Seconds = Seconds(600);
/// So many are kept; who finds more has a script.
const MOST: usize = 10_000;

/// When a token expires, an id of its own, and a checksum of both with the place that it is of. It
/// opens nothing: whoever makes one up only lets a program know which chat they wrote from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub(crate) expires_at: i64,
    id: [u8; 12],
    check: [u8; 12],
}

/// A text that is no such token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAToken;

impl Token {
    fn of(place: Place, expires_at: i64, id: [u8; 12]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"askfirst/discovery/1\0");
        context.update(&place.workspace.to_bits().to_be_bytes());
        context.update(place.environment.as_str().as_bytes());
        context.update(&expires_at.to_be_bytes());
        context.update(&id);
        let mut check = [0; 12];
        check.copy_from_slice(&context.finish().as_ref()[..12]);
        Self { expires_at, id, check }
    }

    pub(crate) fn new(place: Place, now: Timestamp) -> Self {
        Self::of(place, now.plus(SPAN).seconds(), mint::short_id())
    }

    pub(crate) fn is_of(self, place: Place) -> bool {
        Self::of(place, self.expires_at, self.id) == self
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [&self.expires_at.to_be_bytes()[..], &self.id, &self.check].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(all))
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> std::result::Result<Self, NotAToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAToken)?;
        let (expires_at, rest) = bytes.split_first_chunk().ok_or(NotAToken)?;
        let (id, rest) = rest.split_first_chunk().ok_or(NotAToken)?;
        let check = rest.try_into().map_err(|_| NotAToken)?;
        Ok(Self { expires_at: i64::from_be_bytes(*expires_at), id: *id, check })
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundChat {
    /// The chat.
    pub chat: i64,
    /// Who pressed Start there, by what the provider knows them by for good.
    pub by: String,
    /// What they can be found by today, without the `@`.
    pub username: Option<String>,
}

/// What was found lately.
#[derive(Debug, Default)]
pub struct Discoveries(Mutex<HashMap<[u8; 12], (i64, FoundChat)>>);

impl Discoveries {
    fn keep(&self, token: Token, found: FoundChat, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (expires_at, _)| *expires_at > now.seconds());
        if known.len() >= MOST && !known.contains_key(&token.id) {
            return false;
        }
        // The first who pressed Start is the one.
        known.entry(token.id).or_insert((token.expires_at, found));
        true
    }

    fn of(&self, token: Token) -> Option<FoundChat> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&token.id).map(|(_, found)| found.clone())
    }
}

/// Where a token leads, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// To be asked for what was found.
    pub token: Token,
    /// Opens the chat with the bot; none where the workspace has none.
    pub link: Option<String>,
}

/// Whose a chat is that a program names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A member's, who linked the account that it is with.
    Of(MemberId),
    /// Nobody's here.
    Nobody,
    /// There is no bot that could know it.
    NoBot,
    /// What the program asks is on trial, and told nobody.
    Trial,
}

impl Service {
    /// Whose a chat of Telegram's is, by its id: a chat between a person and a bot has the number of
    /// the person's account.
    ///
    /// # Errors
    /// If it could not be looked up.
    pub async fn whose_chat(&self, caller: &Caller, chat: &str) -> Result<Whose> {
        if caller.place.environment == Environment::Test {
            return Ok(Whose::Trial);
        }
        let mut whose = Whose::NoBot;
        for known in self.hearing_channels(caller).await? {
            let ChannelSettings::Telegram(_) = &known.settings else { continue };
            whose = Whose::Nobody;
            if let Some(account) = self.store.account(known.id, chat.trim()).await? {
                return Ok(Whose::Of(account.member));
            }
        }
        Ok(whose)
    }

    /// How it stands with telling a member of an approval on Telegram; none if they were not.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn told_on_telegram(
        &self,
        place: Place,
        approval: ApprovalId,
        member: MemberId,
    ) -> Result<Option<NoticeState>> {
        Ok(self.store.told_to(place, approval, member, "telegram").await?)
    }

    /// Begins to look for a chat.
    ///
    /// # Errors
    /// If the bot could not be looked up.
    pub async fn discover(&self, caller: &Caller) -> Result<Discovery> {
        let token = Token::new(caller.place, self.store.now());
        // What is on trial reaches nobody real.
        if caller.place.environment == Environment::Test {
            return Ok(Discovery { token, link: None });
        }
        let all = self.hearing_channels(caller).await?;
        let bot = all.iter().find_map(|known| match &known.settings {
            ChannelSettings::Telegram(telegram) => Some(&telegram.username),
            ChannelSettings::Email(_) => None,
        });
        let link = bot.map(|bot| format!("https://t.me/{bot}?start={token}"));
        Ok(Discovery { token, link })
    }

    /// What was found by this token.
    #[must_use]
    pub fn discovered(&self, token: Token) -> Option<FoundChat> {
        self.discoveries.of(token)
    }

    /// Somebody sent this by a way, from this chat; true if it was a token that waits for that.
    pub(crate) fn find_chat(&self, channel: &Channel, code: &str, found: FoundChat) -> bool {
        let Ok(token) = code.parse::<Token>() else { return false };
        let now = self.store.now();
        let environments = [Environment::Live, Environment::Dev];
        let mut places = environments
            .into_iter()
            .map(|environment| Place { workspace: channel.workspace, environment });
        let good = now.seconds() < token.expires_at && places.any(|place| token.is_of(place));
        good && self.discoveries.keep(token, found, now)
    }
}
