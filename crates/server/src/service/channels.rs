//! Ways to people: setting them up, trying them, seeing what people were told. Secrets are sealed
//! for the store and shown to nobody again.

use askfirst_core::administration::{Change, ChannelSecret};
use askfirst_core::{
    Afterwards, ChannelId, ChannelSettings, EmailSettings, Environment, Locale, MailSecurity,
    NewChannel, NoticeId, Scope, TelegramSettings,
};
use askfirst_proof::SealingKey;
use askfirst_store::{Channel, Idempotency, Notice};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::bots::{BotUpdate, BotWish};
use super::caller::ADMINS;
use super::{Caller, Result, Rights, Service, ServiceError, mistake};
use crate::channels::card::one_line;
use crate::channels::email::Email;
use crate::channels::telegram::Telegram;
use crate::channels::{self, Blame, Card, Failure, What};
use crate::keyring::KeyringError;
use crate::mint;
use crate::outgoing::{Forbidden, Outgoing};

/// The longest name or password of a mail server, in bytes.
const LONGEST_CREDENTIAL: usize = 1_024;

/// Where a secret is kept, as it is sealed to it.
fn place(id: ChannelId) -> String {
    format!("channels/{id}/secret")
}

/// The same secret, sealed under another key.
///
/// # Errors
/// [`KeyringError::ChannelSecret`] if it does not open, or cannot be sealed.
pub(crate) fn reseal(
    id: ChannelId,
    sealed: &[u8],
    from: &SealingKey,
    to: &SealingKey,
) -> std::result::Result<Vec<u8>, KeyringError> {
    let opened = from.open(&place(id), sealed);
    let resealed = opened.and_then(|secret| to.seal(&place(id), &secret));
    resealed.map_err(|error| KeyringError::ChannelSecret { channel: id, why: error.to_string() })
}

/// What a new way should be.
pub enum ChannelWish {
    /// Mail.
    Email {
        /// The mail server.
        settings: EmailSettings,
        /// The password, where the other side asks for one.
        password: Option<Zeroizing<String>>,
    },
    /// A bot of Telegram's.
    Telegram(BotWish),
}

/// What is to be otherwise about a way; what is absent stays.
#[derive(Default)]
pub struct ChannelUpdate {
    /// Of mail.
    pub email: EmailUpdate,
    /// Of a bot.
    pub bot: BotUpdate,
    /// The language.
    pub locale: Option<Locale>,
    /// What those who decided hear of what came of it.
    pub afterwards: Option<Afterwards>,
}

/// What is to be otherwise about mail.
#[derive(Default)]
pub struct EmailUpdate {
    /// The mail server.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: Option<MailSecurity>,
    /// The name it knows us by; within it, none goes in without one.
    pub username: Option<Option<String>>,
    /// The password for that name.
    pub password: Option<Zeroizing<String>>,
    /// The address that mail comes from.
    pub from: Option<String>,
}

impl EmailUpdate {
    fn is_empty(&self) -> bool {
        let Self { host, port, security, username, password, from } = self;
        host.is_none()
            && port.is_none()
            && security.is_none()
            && username.is_none()
            && password.is_none()
            && from.is_none()
    }
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// To whom something was sent.
    pub to: String,
    /// What went wrong, if it did.
    pub failure: Option<Failure>,
}

/// Whether this mail server may be reached by this way out, and mail makes sense whose links lead to
/// `public_url`.
///
/// # Errors
/// [`ServiceError::Invalid`] at `/host`, `/port` or `/security`; at no place if it is `public_url`.
pub(crate) fn check_mail_server(
    outgoing: &Outgoing,
    public_url: &str,
    email: &EmailSettings,
    environment: Environment,
) -> Result<()> {
    let secure = email.security != MailSecurity::None;
    let checked = outgoing.check_mail(&email.host, email.port, secure);
    let target = checked.map_err(|error| {
        let pointer = match &error {
            Forbidden::MailPort(_) => "/port",
            Forbidden::PlainMail => "/security",
            _ => "/host",
        };
        mistake(pointer, error.to_string())
    })?;
    if environment == Environment::Dev && !target.is_here() {
        let why = "a developer's workspace sends nothing to real people: give a mail server on \
                   this machine, such as maildev at 127.0.0.1:1025";
        return Err(mistake("/host", why));
    }
    let here = |url: &str| {
        let url = url::Url::parse(url).ok();
        url.as_ref()
            .and_then(url::Url::host_str)
            .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
    };
    if !outgoing.reaches_itself() && here(public_url) {
        let why = "links in mail would lead to this machine: set `public_url` to what people's own \
                   devices can open";
        return Err(mistake("", why));
    }
    Ok(())
}

/// Whether a name and a password can go together; `kept` if one may be there already.
///
/// # Errors
/// [`ServiceError::Invalid`] at `/username` or `/password`.
pub(crate) fn check_credentials(
    username: Option<&str>,
    password: Option<&String>,
    kept: bool,
) -> Result<()> {
    let too_long = |text: &str| text.len() > LONGEST_CREDENTIAL || text.contains('\0');
    match (username, password) {
        (Some(name), _) if name.is_empty() || too_long(name) => {
            Err(mistake("/username", "the name that the mail server knows, up to 1024 bytes"))
        }
        (_, Some(password)) if password.is_empty() || too_long(password) => {
            Err(mistake("/password", "up to 1024 bytes, or leave it out with the name"))
        }
        (Some(_), None) if !kept => Err(mistake("/password", "a name needs a password")),
        (None, Some(_)) => Err(mistake("/username", "a password needs a name")),
        _ => Ok(()),
    }
}

/// A group has no address as members have; it is known by its name.
pub(super) fn name_room(notice: &mut Notice, channel: &Channel) {
    if let Some(room) = channel.settings.room_at(notice.member) {
        notice.address = Some(room.title.clone());
    }
}

impl Service {
    /// Makes a way to people. Nobody is told anything yet.
    ///
    /// # Errors
    /// If the caller may not, or the wish makes no sense.
    pub async fn add_channel(
        &self,
        caller: &Caller,
        wish: ChannelWish,
        idempotency: Option<Idempotency>,
    ) -> Result<Channel> {
        caller.need(Scope::Channels, ADMINS)?;
        let failed = |error: &dyn std::fmt::Display| ServiceError::Internal(error.to_string());
        let sender = self.sender()?;
        let workspace = self.store.workspace(caller.place.workspace).await?;
        let workspace = workspace.ok_or(ServiceError::NotFound("workspace"))?;
        let id = ChannelId::from_bits(mint::id_bits());
        let (settings, secret) = match wish {
            ChannelWish::Email { settings, password } => {
                self.check_server(&settings, workspace.environment)?;
                check_credentials(settings.username.as_deref(), password.as_deref(), false)?;
                (ChannelSettings::Email(settings), password)
            }
            ChannelWish::Telegram(wish) => {
                let (settings, token) = self.new_bot(id, wish).await?;
                (ChannelSettings::Telegram(settings), Some(token))
            }
        };
        let sealed = secret.as_ref().map(|secret| self.seal_channel(id, secret));
        let sealed = sealed.transpose()?;
        let new = NewChannel { id, settings, sealed };
        // The rest of the request can be read back: a plain hash would let the password be guessed.
        let keyed = |once: Idempotency| -> Result<Idempotency> {
            let key = sender.sealing.derive("askfirst/channels/fingerprint");
            let key = key.map_err(|error| failed(&error))?;
            let key = hmac::Key::new(hmac::HMAC_SHA256, &*key);
            let mut fingerprint = [0; 32];
            fingerprint.copy_from_slice(hmac::sign(&key, &once.fingerprint).as_ref());
            Ok(Idempotency { fingerprint, ..once })
        };
        let idempotency = idempotency.map(keyed).transpose()?;
        let done = self.administer(caller, Change::AddChannel(new), idempotency).await?;
        self.channel(caller, done.subject.parse().unwrap_or(id)).await
    }

    /// Sets a way up otherwise. What waits goes out by what it is then.
    ///
    /// # Errors
    /// If the caller may not, there is none, or it makes no sense: a password is not kept where the
    /// server, its port or the encryption is another.
    pub async fn change_channel(
        &self,
        caller: &Caller,
        id: ChannelId,
        update: ChannelUpdate,
    ) -> Result<Channel> {
        let known = self.channel(caller, id).await?;
        let workspace = self.store.workspace(caller.place.workspace).await?;
        let workspace = workspace.ok_or(ServiceError::NotFound("workspace"))?;
        let ChannelUpdate { email, bot, locale, afterwards } = update;
        let before = match known.settings.clone() {
            ChannelSettings::Telegram(_) if !email.is_empty() => {
                return Err(mistake("", "this is a bot of Telegram's, and no mail"));
            }
            ChannelSettings::Email(_) if !bot.is_empty() => {
                return Err(mistake("", "this is mail, and no bot of Telegram's"));
            }
            ChannelSettings::Telegram(before) => {
                let before = TelegramSettings {
                    locale: locale.unwrap_or(before.locale),
                    afterwards: afterwards.unwrap_or(before.afterwards),
                    ..before
                };
                let (settings, token) = self.changed_bot(&known, before, bot).await?;
                let sealed = token.map(|token| self.seal_channel(id, &token)).transpose()?;
                let secret = match sealed {
                    None => ChannelSecret::Keep,
                    Some(sealed) => ChannelSecret::Replace(Some(sealed)),
                };
                let settings = ChannelSettings::Telegram(settings);
                self.administer(caller, Change::SetChannel { id, settings, secret }, None).await?;
                return self.channel(caller, id).await;
            }
            ChannelSettings::Email(before) => before,
        };
        let update = email;
        let email = EmailSettings {
            host: update.host.unwrap_or(before.host),
            port: update.port.unwrap_or(before.port),
            security: update.security.unwrap_or(before.security),
            username: update.username.unwrap_or(before.username),
            from: update.from.unwrap_or(before.from),
            locale: locale.unwrap_or(before.locale),
            afterwards: afterwards.unwrap_or(before.afterwards),
        };
        self.check_server(&email, workspace.environment)?;
        check_credentials(email.username.as_deref(), update.password.as_deref(), true)?;
        let secret = match (&email.username, &update.password) {
            (None, _) => ChannelSecret::Replace(None),
            // Whether there is one, and may be kept, is judged where it is recorded.
            (Some(_), None) => ChannelSecret::Keep,
            (Some(_), Some(password)) => {
                ChannelSecret::Replace(Some(self.seal_channel(id, password)?))
            }
        };
        let settings = ChannelSettings::Email(email);
        self.administer(caller, Change::SetChannel { id, settings, secret }, None).await?;
        self.channel(caller, id).await
    }

    /// A way's secret as it is kept.
    pub(super) fn seal_channel(
        &self,
        id: ChannelId,
        secret: &Zeroizing<String>,
    ) -> Result<Vec<u8>> {
        let sealed = self.sender()?.sealing.seal(&place(id), secret.as_bytes());
        sealed.map_err(|error| ServiceError::Internal(error.to_string()))
    }

    /// Whether this mail server may be reached, and mail from here makes sense.
    pub(super) fn check_server(
        &self,
        email: &EmailSettings,
        environment: Environment,
    ) -> Result<()> {
        check_mail_server(&self.sender()?.outgoing, &self.public_url, email, environment)
    }

    /// The ways of the caller's workspace, oldest first.
    ///
    /// # Errors
    /// If the caller may not see them.
    pub async fn channels(&self, caller: &Caller) -> Result<Vec<Channel>> {
        caller.need(Scope::Channels, ADMINS)?;
        Ok(self.store.channels(caller.place.workspace).await?)
    }

    /// One of them.
    ///
    /// # Errors
    /// If the caller may not see it, or there is none.
    pub async fn channel(&self, caller: &Caller, id: ChannelId) -> Result<Channel> {
        let all = self.channels(caller).await?;
        all.into_iter().find(|known| known.id == id).ok_or(ServiceError::NotFound("channel"))
    }

    /// Takes a way out of use. What waits to be told by it is not told; cards that could be answered
    /// are changed to say that they cannot, people are asked by the next way, and who called here
    /// for a bot is told to call no more.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn remove_channel(&self, caller: &Caller, id: ChannelId) -> Result<()> {
        let known = self.channel(caller, id).await?;
        self.administer(caller, Change::RemoveChannel { id }, None).await?;
        self.forget_hook(&known).await;
        Ok(())
    }

    /// What people were or will be told by a way, newest first.
    ///
    /// # Errors
    /// If the caller may not see it, or there is none.
    pub async fn notices(
        &self,
        caller: &Caller,
        id: ChannelId,
        before: Option<NoticeId>,
        limit: u32,
    ) -> Result<Vec<Notice>> {
        let channel = self.channel(caller, id).await?;
        let mut notices = self.store.notices(channel.workspace, id, before, limit).await?;
        notices.iter_mut().for_each(|notice| name_room(notice, &channel));
        Ok(notices)
    }

    /// Sends something to whoever tries it, now: the member who is signed in, or who answers for
    /// the key. Nobody else can be written to by this.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn try_channel(&self, caller: &Caller, id: ChannelId) -> Result<Trial> {
        let channel = self.channel(caller, id).await?;
        let who = match &caller.rights {
            Rights::Key(key) => key.owner,
            Rights::Member { id, .. } | Rights::Link { member: id, .. } => *id,
        };
        let who = self.store.member(caller.place.workspace, who).await?;
        let who = who.ok_or(ServiceError::NotFound("member"))?;
        let to = match &channel.settings {
            ChannelSettings::Email(_) => who.person.email,
            ChannelSettings::Telegram(_) => self.own_account(&channel, who.id).await?,
        };
        self.tested(&channel, to).await
    }

    /// Sends a test by a way to whom it may be sent, and notes what came of it.
    pub(super) async fn tested(&self, channel: &Channel, to: String) -> Result<Trial> {
        let workspace = self.store.workspace(channel.workspace).await?;
        let workspace = workspace.ok_or(ServiceError::NotFound("workspace"))?;
        let card = Card {
            id: NoticeId::from_bits(mint::id_bits()),
            follows: None,
            to: to.clone(),
            locale: channel.settings.locale(),
            at: self.store.now(),
            trial: workspace.environment == Environment::Dev,
            what: What::Test { workspace: one_line(&workspace.name) },
        };
        let sent = match self.open_channel(channel) {
            Ok(way) => way.send(&card).await,
            Err(failure) => Err(failure),
        };
        let failure = sent.err();
        let trouble = failure.as_ref().map(|failure| failure.why.clone());
        let noted = self.store.note_channel(channel.workspace, channel.id, trouble).await?;
        if let Some(turn) = noted {
            crate::workers::notices::turned(channel.id, turn);
        }
        Ok(Trial { to, failure })
    }

    /// A way as it is spoken.
    pub(crate) fn open_channel(
        &self,
        channel: &Channel,
    ) -> std::result::Result<Box<dyn channels::Channel>, Failure> {
        let (outgoing, secret) = self.opened(channel)?;
        Ok(match &channel.settings {
            ChannelSettings::Email(settings) => {
                Box::new(Email::new(outgoing, settings.clone(), secret, self.public_url.clone()))
            }
            ChannelSettings::Telegram(settings) => {
                let token = secret.unwrap_or_default();
                Box::new(Telegram::new(&outgoing, settings.clone(), token))
            }
        })
    }

    /// What a way needs beside its settings.
    pub(super) fn opened(
        &self,
        channel: &Channel,
    ) -> std::result::Result<(Outgoing, Option<Zeroizing<String>>), Failure> {
        let (what, how) = match &channel.settings {
            ChannelSettings::Email(_) => ("password", "--password-file FILE"),
            ChannelSettings::Telegram(_) => ("token", "--token-file FILE"),
        };
        let lost = |why: &str| Failure {
            why: format!(
                "the {what} of this channel cannot be used ({why}); give it again: `askfirst \
                 channels change {} {how}`; what waits goes out then",
                channel.id
            ),
            blame: Blame::Way,
        };
        let Some(sender) = &self.sender else { return Err(lost("nothing is sent from here")) };
        let open = |sealed: &Vec<u8>| {
            let opened = sender.sealing.open(&place(channel.id), sealed);
            let opened = opened.map_err(|error| lost(&error.to_string()))?;
            let text = std::str::from_utf8(&opened).map_err(|_| lost("it is no text"))?;
            Ok::<_, Failure>(Zeroizing::new(text.to_owned()))
        };
        let secret = channel.sealed.as_ref().map(open).transpose()?;
        Ok((sender.outgoing.clone(), secret))
    }
}
