//! Bots that speak for a workspace: setting them up, so that they are heard by nobody else.

use std::time::Duration;

use askfirst_core::{
    Afterwards, ChannelId, ChannelSettings, ChatRoom, Locale, MemberId, NewChannel, Receive,
    RoomId, TelegramSettings,
};
use askfirst_store::Channel;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::timeout;
use tracing::warn;
use zeroize::Zeroizing;

use super::self_service::LentBot;
use super::{Result, Service, ServiceError, mistake};
use crate::channels::Failure;
use crate::channels::telegram::{API, Telegram, Trouble};
use crate::mint;

/// How long somebody who removes a bot waits for its provider.
const FORGETTING: Duration = Duration::from_secs(5);

/// A bot as somebody wants it.
pub struct BotWish {
    /// What `@BotFather` gave.
    pub token: Zeroizing<String>,
    /// Where the Bot API is spoken; none for everybody's.
    pub api: Option<String>,
    /// How it is heard.
    pub receive: Receive,
    /// The language that it speaks.
    pub locale: Locale,
    /// What those who decided hear of what came of it.
    pub afterwards: Afterwards,
    /// Whether a webhook that was set elsewhere may go.
    pub take_over: bool,
}

/// What is to be otherwise about a bot; what is absent stays.
#[derive(Default)]
pub struct BotUpdate {
    /// A new token of the same bot.
    pub token: Option<Zeroizing<String>>,
    /// Where the Bot API is spoken.
    pub api: Option<String>,
    /// How it is heard.
    pub receive: Option<Receive>,
    /// Whether a webhook that was set elsewhere may go.
    pub take_over: bool,
}

impl BotUpdate {
    pub(super) fn is_empty(&self) -> bool {
        let Self { token, api, receive, take_over } = self;
        token.is_none() && api.is_none() && receive.is_none() && !take_over
    }
}

/// The number that a token begins with.
fn number_of(token: &str) -> Option<i64> {
    let (number, rest) = token.split_once(':')?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    let fits = (20..=100).contains(&rest.len()) && rest.bytes().all(plain);
    number.parse().ok().filter(|number| fits && *number > 0)
}

fn checked_token(token: &str) -> Result<i64> {
    number_of(token).ok_or_else(|| {
        mistake(
            "/token",
            "the token that @BotFather gave, such as 123456789:AAE…: number, colon, letters",
        )
    })
}

fn checked_api(api: Option<String>) -> Result<String> {
    let api = api.unwrap_or_else(|| API.to_owned());
    let api = api.trim_end_matches('/').to_owned();
    if api.contains(['?', '#']) {
        return Err(mistake(
            "/api",
            "an address such as https://api.telegram.org, and nothing behind it",
        ));
    }
    Ok(api)
}

/// A bot that is not heard answers nobody.
fn choosable(receive: Receive) -> Result<()> {
    match receive {
        Receive::Polling | Receive::Webhook => Ok(()),
        Receive::Never => Err(mistake("/receive", "polling or webhook")),
    }
}

/// What proves that it is Telegram who calls: it follows from the token, so it needs no place, and
/// changes with it.
pub(crate) fn webhook_secret(token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"askfirst/telegram/webhook/1"))
}

impl Service {
    /// A bot that is there and is heard by nobody else.
    pub(super) async fn new_bot(
        &self,
        id: ChannelId,
        wish: BotWish,
    ) -> Result<(TelegramSettings, Zeroizing<String>)> {
        let BotWish { token, api, receive, locale, afterwards, take_over } = wish;
        choosable(receive)?;
        let settings = TelegramSettings {
            bot: checked_token(&token)?,
            username: String::new(),
            api: checked_api(api)?,
            receive,
            locale,
            afterwards,
            rooms: Vec::new(),
        };
        let settings = self.known_bot(id, settings, &token, take_over).await?;
        Ok((settings, token))
    }

    /// The same bot, set up otherwise; with its token if that is another.
    pub(super) async fn changed_bot(
        &self,
        known: &Channel,
        before: TelegramSettings,
        update: BotUpdate,
    ) -> Result<(TelegramSettings, Option<Zeroizing<String>>)> {
        if update.is_empty() {
            return Ok((before, None));
        }
        let BotUpdate { token, api, receive, take_over } = update;
        let (_, kept) = self.opened(known).map_err(|failure| mistake("/token", failure.why))?;
        let api = checked_api(api.or_else(|| Some(before.api.clone())))?;
        if token.is_none() && api != before.api {
            return Err(mistake(
                "/token",
                "give the token again: it was given for another address of the Bot API, and is not \
                 told to this one by itself",
            ));
        }
        let told = token.clone().or(kept).unwrap_or_default();
        let bot = checked_token(&told)?;
        if bot != before.bot {
            return Err(mistake(
                "/token",
                "this is the token of another bot, which nobody here has linked; remove the channel \
                 and add that bot instead",
            ));
        }
        let receive = receive.unwrap_or(before.receive);
        choosable(receive)?;
        let settings = TelegramSettings { api, receive, ..before };
        let settings = self.known_bot(known.id, settings, &told, take_over).await?;
        Ok((settings, token))
    }

    /// Asks who the bot is, and sees to it that it is heard here.
    async fn known_bot(
        &self,
        id: ChannelId,
        mut settings: TelegramSettings,
        token: &Zeroizing<String>,
        take_over: bool,
    ) -> Result<TelegramSettings> {
        let outgoing = &self.sender()?.outgoing;
        outgoing.check(&settings.api).map_err(|error| mistake("/api", error.to_string()))?;
        settings.username = format!("bot {}", settings.bot);
        let way = Telegram::new(outgoing, settings.clone(), token.clone());
        let trouble = |trouble: Trouble| match &trouble {
            Trouble::Refused { description, .. } if trouble.is_token() => mistake(
                "/token",
                format!(
                    "Telegram does not know this token ({description}); copy it again from \
                     @BotFather, whole"
                ),
            ),
            Trouble::Refused { .. } => mistake("/token", trouble.told(&settings)),
            Trouble::Unreached(_) | Trouble::Odd(_) => mistake("/api", trouble.told(&settings)),
        };
        let me = way.me().await.map_err(trouble)?;
        if me.id != settings.bot {
            return Err(mistake(
                "/token",
                "this token is answered for by another bot; copy it again",
            ));
        }
        let trouble = |trouble: Trouble| mistake("/token", trouble.told(&settings));
        let ours = self.hook_url(id);
        let heard_at = way.webhook().await.map_err(trouble)?.url;
        if !heard_at.is_empty() && heard_at != ours && !take_over {
            let host = url::Url::parse(&heard_at).ok();
            let host = host.as_ref().and_then(url::Url::host_str).unwrap_or("somewhere").to_owned();
            return Err(mistake(
                "/take_over",
                format!(
                    "@{} is heard by {host} already: a webhook is set for it, and Telegram tells each \
                     thing to one place only. With `take_over` (`--take-over`) that webhook goes and \
                     the bot is heard here; or use another bot",
                    me.username
                ),
            ));
        }
        match settings.receive {
            Receive::Polling if !heard_at.is_empty() => {
                way.delete_webhook().await.map_err(trouble)?;
            }
            Receive::Polling | Receive::Never => {}
            Receive::Webhook => {
                let set = way.set_webhook(&ours, &webhook_secret(token)).await;
                set.map_err(|trouble| mistake("/receive", trouble.told(&settings)))?;
            }
        }
        Ok(TelegramSettings { username: me.username, ..settings })
    }

    /// Where Telegram calls for a channel.
    fn hook_url(&self, id: ChannelId) -> String {
        format!("{}/hooks/telegram/{id}", self.public_url)
    }

    /// Has the provider call here no more for a bot that was removed, unless it calls somebody else by
    /// now. Whatever comes of it, the bot is not heard; but who adds it again is not asked whether
    /// it may be taken over.
    pub(super) async fn forget_hook(&self, channel: &Channel) {
        let settings = &channel.settings;
        if !matches!(settings, ChannelSettings::Telegram(bot) if bot.receive == Receive::Webhook) {
            return;
        }
        let Ok(way) = self.open_bot(channel) else { return };
        let forgotten = async {
            if way.webhook().await?.url == self.hook_url(channel.id) {
                way.delete_webhook().await?;
            }
            Ok::<_, Trouble>(())
        };
        let why = match timeout(FORGETTING, forgotten).await {
            Ok(Ok(())) => return,
            Ok(Err(trouble)) => trouble.to_string(),
            Err(_) => "it did not answer in time".into(),
        };
        warn!(channel.id = %channel.id, why, "Telegram still calls for a bot that was removed");
    }

    /// A bot as it is spoken.
    pub(crate) fn open_bot(&self, channel: &Channel) -> std::result::Result<Telegram, Failure> {
        let (outgoing, token) = self.opened(channel)?;
        let ChannelSettings::Telegram(settings) = &channel.settings else {
            let why = "this channel is no bot".into();
            return Err(Failure { why, blame: crate::channels::Blame::Way });
        };
        Ok(Telegram::new(&outgoing, settings.clone(), token.unwrap_or_default()))
    }

    /// What proves that it is Telegram who calls for this channel; none if it should not call.
    pub(crate) fn hook_secret(&self, channel: &Channel) -> Option<String> {
        let ChannelSettings::Telegram(settings) = &channel.settings else { return None };
        if settings.receive != Receive::Webhook {
            return None;
        }
        let (_, token) = self.opened(channel).ok()?;
        token.map(|token| webhook_secret(&token))
    }

    /// Where a member is reached by a way for which they linked an account.
    pub(super) async fn own_account(&self, channel: &Channel, member: MemberId) -> Result<String> {
        let theirs = self.store.accounts_of(channel.workspace, member).await?;
        let found = theirs.into_iter().find(|account| account.channel == channel.id);
        found.map(|account| account.account.id).ok_or_else(|| {
            let kind = channel.settings.kind();
            let why = format!(
                "link your account first, on your profile or by `askfirst channels link {kind}`"
            );
            mistake("", why)
        })
    }
}

impl Service {
    /// The bot of somebody else's program, which we do not hear, and the chat into which it writes.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] at `/telegram_bot_token` or `/telegram_chat_id`.
    pub(super) async fn lent_bot(
        &self,
        api: &str,
        LentBot { token, chat }: LentBot,
    ) -> Result<NewChannel> {
        let at = "/telegram_bot_token";
        let bot = checked_token(&token).map_err(|_| {
            mistake(at, "give the token that @BotFather gave: number, colon, letters")
        })?;
        if chat.trim().is_empty() {
            return Err(mistake("/telegram_chat_id", "say into which chat the bot writes"));
        }
        let mut settings = TelegramSettings {
            bot,
            username: format!("bot {bot}"),
            api: checked_api(Some(api.to_owned()))?,
            receive: Receive::Never,
            locale: Locale::default(),
            afterwards: Afterwards::default(),
            rooms: Vec::new(),
        };
        let way = Telegram::new(&self.sender()?.outgoing, settings.clone(), token.clone());
        let told = |at: &str, trouble: &Trouble| mistake(at, trouble.told(&settings));
        let me = way.me().await.map_err(|trouble| told(at, &trouble))?;
        settings.username = me.username;
        let told = |trouble: Trouble| match &trouble {
            Trouble::Refused { code: 400, description, .. } => mistake(
                "/telegram_chat_id",
                format!(
                    "the bot has no chat with this number ({description}): press Start in its chat,                      or add it to the group"
                ),
            ),
            trouble => mistake("/telegram_chat_id", trouble.told(&settings)),
        };
        let found = way.chat(chat.trim()).await.map_err(told)?;
        let (id, title) = (RoomId::from_bits(mint::id_bits()), super::rooms::title(&found));
        settings.rooms = vec![ChatRoom { id, chat: found.id, topic: None, title, passes_on: true }];
        let id = ChannelId::from_bits(mint::id_bits());
        let sealed = Some(self.seal_channel(id, &token)?);
        Ok(NewChannel { id, settings: ChannelSettings::Telegram(settings), sealed })
    }
}

impl From<Failure> for ServiceError {
    fn from(failure: Failure) -> Self {
        Self::Internal(failure.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_number_a_colon_and_letters() {
        assert_eq!(number_of("123456789:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"), Some(123_456_789));
        for wrong in [
            "",
            "123456789",
            "123456789:",
            "x:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc",
            "-5:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc",
            "123456789:AAEhBOweik6ad9r/../../getMe",
            "123456789:AAEhBOweik6ad9r QXMENQjcrGbqCr4K",
        ] {
            assert_eq!(number_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_proves_who_calls_fits_the_header_and_follows_from_the_token() {
        let secret = webhook_secret("1:a");
        assert!(
            secret.len() == 43
                && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
        );
        assert_ne!(secret, webhook_secret("1:b"));
    }
}
