//! Keys that anybody makes for themselves, without an account, where the operator opened that. Each
//! has a workspace of its own, of which nobody else sees anything: with one contact, in whose name
//! whoever has an approval's link decides, an owner whom nobody can sign in as, and what signs and
//! sends the ends. Such a link is known to the asker too; the workspace's one policy says so.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use askfirst_core::administration::{Change, NewWebhook, is_address};
use askfirst_core::policy::{Need, Source};
use askfirst_core::{
    Assurance, ChannelId, ChannelSettings, Dialect, EmailSettings, Environment, KeyLimits,
    MemberId, NewChannel, Plan, Policy, PolicyAllowance, Problem, Role, Scope, Seconds, WebhookId,
};
use askfirst_store::Clock;
use governor::Quota;
use governor::clock::Clock as _;
use tokio::sync::Mutex;
use tracing::info;
use zeroize::Zeroizing;

use super::keys::{KeyWish, MadeKey};
use super::webhooks::{ENDS, LONGEST_URL, callback::ANYWHERE};
use super::workspace::{Founder, Founding};
use super::{Result, Service, ServiceError, mistake};
use crate::mint;
use crate::rates::{Limiter, Pace, limiter, whole_seconds};

/// In whose name the owner stands, who answers for the key and never signs in.
const OWNER: &str = "nobody@self-service.invalid";
/// The contact of a workspace that named none. No mail reaches it.
const LINK_HOLDER: &str = "whoever-has-it@link.invalid";
/// What one such key may, unless every key of the server may less.
const MOST: KeyLimits = KeyLimits {
    requests_per_minute: Some(600),
    pending: Some(100),
    waiters: Some(20),
    asks_per_month: Some(1_000),
};

/// How far strangers may go.
pub struct SelfService {
    /// The world that their workspaces belong to.
    pub environment: Environment,
    /// Keys from one place in the network, and for one contact, in an hour.
    pub keys_per_hour: u32,
    /// Workspaces of strangers in all.
    pub workspaces: u32,
    /// What writes to their contacts.
    pub mail: Option<Mail>,
    /// Where the Bot API is spoken by bots of theirs.
    pub telegram_api: String,
    /// What each of their workspaces may have as a whole; none for all that the server takes.
    pub plan: Option<Plan>,
}

/// A mail server with its password.
pub struct Mail {
    /// What it is set up with.
    pub settings: EmailSettings,
    /// The password, where it asks for one.
    pub password: Option<Zeroizing<String>>,
}

/// By what strangers are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stranger {
    /// Their place in the network.
    Place(Option<IpAddr>),
    /// The contact they name, in lower case.
    Contact(String),
}

/// What is kept of strangers while the server runs.
pub(crate) struct Strangers {
    open: SelfService,
    pace: Pace,
    rates: Limiter<Stranger>,
    /// Held while a workspace is made, so that no two are the last one.
    turn: Mutex<()>,
}

impl Strangers {
    pub(crate) fn new(open: SelfService, clock: Arc<dyn Clock>) -> Self {
        let pace = Pace::new(clock);
        let quota = NonZeroU32::new(open.keys_per_hour).unwrap_or(NonZeroU32::MIN);
        let rates = limiter(Quota::per_hour(quota), &pace);
        Self { open, pace, rates, turn: Mutex::default() }
    }

    fn count(&self, stranger: Stranger) -> Result<()> {
        let wait = match self.rates.check_key(&stranger) {
            Ok(_) => return Ok(()),
            Err(not_yet) => not_yet.wait_time_from(self.pace.now()),
        };
        let what = match stranger {
            Stranger::Place(_) => "new keys from this address",
            Stranger::Contact(_) => "new keys for this notification_email",
        };
        Err(ServiceError::TooMany { retry_after: whole_seconds(wait), what })
    }

    pub(crate) fn tidy(&self) {
        self.rates.retain_recent();
    }
}

/// What a stranger wants.
pub struct StrangersWish {
    /// What to call the key.
    pub name: String,
    /// Who is written to, if anybody.
    pub contact: Option<String>,
    /// Where the end of what it asks is sent, unless an approval says otherwise.
    pub webhook_url: Option<String>,
    /// A bot of theirs that writes what is asked.
    pub telegram: Option<LentBot>,
}

/// A bot of somebody's, and where it writes.
pub struct LentBot {
    /// What `@BotFather` gave.
    pub token: Zeroizing<String>,
    /// The number of the chat, or its public name.
    pub chat: String,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// Strangers may nothing here.
    #[error(
        "this server makes no keys for strangers. ask whoever runs it for one: `askfirst keys \
         create --dialect holdon --role ask`; or they open it with self_service = \"open\""
    )]
    Off,
    /// There are as many workspaces of strangers as there may be.
    #[error(
        "this server takes no more strangers: there are {0} already, and its operator allows no more"
    )]
    Full(u32),
    /// Otherwise.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Service {
    /// Makes a stranger who comes from `place` a key, with a workspace of its own. With it comes
    /// why their bot is not used, if it cannot be.
    ///
    /// # Errors
    /// [`NoKey`].
    pub async fn add_strangers_key(
        &self,
        place: Option<IpAddr>,
        mut wish: StrangersWish,
    ) -> std::result::Result<(MadeKey, Option<String>), NoKey> {
        let strangers = self.strangers.as_ref().ok_or(NoKey::Off)?;
        wish.name = wish.name.trim().to_owned();
        self.check_strangers_wish(&wish)?;
        strangers.count(Stranger::Place(place.map(super::passwords::household)))?;
        if let Some(contact) = &wish.contact {
            strangers.count(Stranger::Contact(contact.to_ascii_lowercase()))?;
        }
        // Their page gives a key all the same, and does not say what it makes of a wrong token.
        let (bot, trouble) = match wish.telegram.take() {
            None => (None, None),
            Some(lent) => match self.lent_bot(&strangers.open.telegram_api, lent).await {
                Ok(bot) => (Some(bot), None),
                Err(ServiceError::Invalid(mistakes)) => (None, Some(in_words(&mistakes))),
                Err(other) => return Err(other.into()),
            },
        };
        let _turn = strangers.turn.lock().await;
        let known = self.store.workspaces().await.map_err(ServiceError::from)?;
        let known = known.iter().filter(|workspace| workspace.self_service).count();
        let most = strangers.open.workspaces;
        if known >= most as usize {
            return Err(NoKey::Full(most));
        }
        Ok((self.found_for_stranger(&strangers.open, wish, bot).await?, trouble))
    }

    /// Mistakes are told before anything is counted or made.
    fn check_strangers_wish(&self, wish: &StrangersWish) -> Result<()> {
        let name = &wish.name;
        if name.is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
            return Err(mistake("/name", "1 to 128 printable characters"));
        }
        if wish.contact.as_deref().is_some_and(|contact| !is_address(contact)) {
            let why = "not an e-mail address such as ana@example.com";
            return Err(mistake("/notification_email", why));
        }
        if wish.contact.as_deref().is_some_and(leads_nowhere) {
            let why = "no mail reaches an address under .invalid; name one that somebody reads, or \
                       leave it out";
            return Err(mistake("/notification_email", why));
        }
        let Some(url) = &wish.webhook_url else { return Ok(()) };
        if url.len() > LONGEST_URL {
            let why = format!("a URL has at most {LONGEST_URL} bytes");
            return Err(mistake("/webhook_url", why));
        }
        let may = self.sender()?.may_call_back(url, &[ANYWHERE.into()]);
        may.map_err(|why| mistake("/webhook_url", why))
    }

    /// All of it is made at once: a crash leaves a workspace with its key, or nothing.
    async fn found_for_stranger(
        &self,
        open: &SelfService,
        wish: StrangersWish,
        bot: Option<NewChannel>,
    ) -> Result<MadeKey> {
        let StrangersWish { name, contact, webhook_url, telegram: _ } = wish;
        let email = contact.clone().unwrap_or_else(|| LINK_HOLDER.into());
        let default = "default".parse().map_err(|_| ServiceError::Internal("default".into()))?;
        let policy = Policy {
            needs: vec![Need { from: vec![Source::Contact(email.clone())], count: 1 }],
            expires_in: Seconds::LONGEST,
            ..Policy::standard(default, Assurance::Bearer)
        };
        let (owner, environment) = (MemberId::from_bits(mint::id_bits()), open.environment);
        let id = MemberId::from_bits(mint::id_bits());
        let called = contact.clone().unwrap_or_else(|| "Whoever has the link".into());
        let (role, called) = (Role::Contact, called.chars().take(128).collect());
        let mut then = vec![Change::AddMember { id, email, name: called, role }];
        let webhook = WebhookId::from_bits(mint::id_bits());
        let (_, sealed) = self.sender()?.mint(webhook)?;
        let events = ENDS.map(str::to_owned).into();
        let dialect = Dialect::Native;
        let signer = NewWebhook { id: webhook, environment, dialect, url: None, events, sealed };
        then.push(Change::AddWebhook(signer));
        if contact.is_some()
            && let Some(mail) = &open.mail
        {
            then.push(Change::AddChannel(self.strangers_mail(environment, mail)?));
        }
        then.extend(bot.map(Change::AddChannel));
        let wish = KeyWish {
            label: name.clone(),
            environment: None,
            dialect: Dialect::Holdon,
            scopes: [Scope::Ask].into(),
            policies: PolicyAllowance::Only([].into()),
            member: None,
            owner: Some(owner),
            expires_in: None,
            limits: tighter(MOST, self.key_limits),
            callback_url: webhook_url,
        };
        let (key, secret) = self.new_key(wish, environment)?;
        let key_id = key.id;
        then.push(Change::AddKey(key));
        let founding = Founding {
            name,
            environment,
            founder: Founder { email: OWNER.into(), name: "Nobody".into() },
            policy,
            self_service: true,
            callback_hosts: vec![ANYWHERE.into()],
            plan: open.plan.clone(),
            owner,
            then,
        };
        let workspace = self.found_as(founding).await?.id;
        info!(%workspace, "a stranger made a key");
        Ok(MadeKey { key: self.find_key(workspace, key_id).await?, secret: Some(secret) })
    }

    fn strangers_mail(&self, environment: Environment, mail: &Mail) -> Result<NewChannel> {
        // Nothing that the stranger did is wrong.
        let refused = |error: ServiceError| match error {
            ServiceError::Invalid(mistakes) => {
                let why = mistakes.iter().map(|mistake| mistake.detail.as_str());
                ServiceError::Internal(format!("self_service_mail: {}", why.collect::<String>()))
            }
            other => other,
        };
        self.check_server(&mail.settings, environment).map_err(refused)?;
        let id = ChannelId::from_bits(mint::id_bits());
        let sealed = mail.password.as_ref().map(|password| self.seal_channel(id, password));
        let settings = ChannelSettings::Email(mail.settings.clone());
        Ok(NewChannel { id, settings, sealed: sealed.transpose()? })
    }
}

/// What is wrong with a bot, and what to do about it.
fn in_words(mistakes: &[Problem]) -> String {
    let each = mistakes
        .iter()
        .map(|mistake| format!("{}: {}", mistake.pointer.trim_start_matches('/'), mistake.detail));
    format!(
        "{}. The key is there, and nobody is told by a bot; the token is not kept. Make another key \
         once it is right",
        each.collect::<Vec<_>>().join("; ")
    )
}

/// Whether an address is one of those that nobody can have (RFC 2606), as our own stand-ins are.
fn leads_nowhere(address: &str) -> bool {
    address.trim_end_matches('.').to_ascii_lowercase().ends_with(".invalid")
}

/// The smaller of each.
fn tighter(one: KeyLimits, other: KeyLimits) -> KeyLimits {
    let least = |one: Option<u32>, other: Option<u32>| match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    KeyLimits {
        requests_per_minute: least(one.requests_per_minute, other.requests_per_minute),
        pending: least(one.pending, other.pending),
        waiters: least(one.waiters, other.waiters),
        asks_per_month: least(one.asks_per_month, other.asks_per_month),
    }
}

#[cfg(test)]
mod tests {
    use askfirst_core::Timestamp;
    use askfirst_store::clock::TestClock;

    use super::*;

    #[test]
    fn a_contact_is_named_so_often_from_wherever() {
        let environment = Environment::Live;
        let open = SelfService {
            environment,
            keys_per_hour: 2,
            workspaces: 9,
            mail: None,
            telegram_api: crate::channels::telegram::API.into(),
            plan: None,
        };
        let clock = Arc::new(TestClock::at(Timestamp::from_seconds(1_000)));
        let strangers = Strangers::new(open, clock.clone());
        let ana = || strangers.count(Stranger::Contact("ana@example.com".into()));
        assert!(ana().is_ok() && ana().is_ok());
        let told = ana().unwrap_err().to_string();
        assert!(told.contains("notification_email; wait 30m"), "{told}");
        assert!(strangers.count(Stranger::Contact("ben@example.com".into())).is_ok());
        assert!(strangers.count(Stranger::Place(None)).is_ok());
        clock.advance(1_800);
        assert!(ana().is_ok() && ana().is_err());
    }

    #[test]
    fn a_stranger_never_may_more_than_every_key() {
        let ours =
            KeyLimits { pending: Some(7), asks_per_month: Some(9_999), ..KeyLimits::default() };
        let both = tighter(MOST, ours);
        assert_eq!(
            (both.pending, both.asks_per_month, both.waiters),
            (Some(7), Some(1_000), Some(20))
        );
    }
}
