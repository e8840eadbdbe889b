//! Saying which Telegram account is one's own: a code, shown once and kept by this browser alone,
//! the account that sent it, and the word that it is the right one.

use askama::Template;
use askfirst_core::administration::Denied;
use askfirst_core::{Assurance, ChannelSettings, Role, Timestamp};
use askfirst_store::{Account, AccountCode, Channel};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::after::{After, Told, address, lead};
use super::fault::{Fault, page};
use super::history::sent;
use super::session::{Nothing, Posted, SessionToken, SignedIn, cookie_of};
use super::shell::{Moment, Shell, Text, text};
use crate::app::{App, Reach};
use crate::qr::Qr;
use crate::service::accounts::deep_link;
use crate::service::{Caller, Rights, ServiceError};

const PATH: &str = "/account/telegram";
/// What is told to whoever has just joined.
const WELCOME: &str = "welcome";

/// Somebody's own account with the bot of their workspace.
#[derive(Clone, Debug)]
pub(super) struct Phone {
    pub(super) bot: Text,
    pub(super) linked: Option<LinkedRow>,
}

/// An account that is linked.
#[derive(Clone, Debug)]
pub(super) struct LinkedRow {
    pub(super) name: Text,
    pub(super) account: String,
    pub(super) assurance: &'static str,
    pub(super) since: Moment,
}

impl LinkedRow {
    pub(super) fn new(account: &Account, now: Timestamp) -> Self {
        Self {
            name: text(&account.account.name),
            account: account.account.id.clone(),
            assurance: account.assurance.as_str(),
            since: Moment::seen_from(account.linked_at, now),
        }
    }
}

impl Phone {
    /// None where there is no bot.
    pub(super) async fn read(app: &App, by: &SignedIn) -> Result<Option<Self>, Fault> {
        let Some((channel, bot)) = bot(app, &by.caller).await? else { return Ok(None) };
        let own = app.service.own_accounts(&by.caller).await?;
        let linked = own.iter().find(|account| account.channel == channel.id);
        let linked = linked.map(|account| LinkedRow::new(account, by.viewer.now));
        Ok(Some(Self { bot: text(&bot), linked }))
    }

    /// Whether it is worth saying to them that they could.
    pub(super) fn is_wanted(&self, by: &SignedIn) -> bool {
        self.linked.is_none() && by.viewer.member.person.role != Role::Auditor
    }
}

/// The bot of the workspace, with what it is found by.
async fn bot(app: &App, by: &Caller) -> Result<Option<(Channel, String)>, Fault> {
    let all = app.service.hearing_channels(by).await?;
    Ok(all.into_iter().find_map(|channel| match &channel.settings {
        ChannelSettings::Telegram(telegram) => {
            let name = telegram.username.clone();
            Some((channel, name))
        }
        ChannelSettings::Email(_) => None,
    }))
}

/// Where whoever has just joined is offered to link an account; none if they could not, or have.
pub(super) async fn offer(app: &App, of: &SessionToken) -> Result<Option<String>, Fault> {
    let Some(caller) = app.service.caller_by_session(of.as_str()).await? else { return Ok(None) };
    let decides = matches!(caller.rights, Rights::Member { role, .. } if role != Role::Auditor);
    let Some((channel, _)) = bot(app, &caller).await?.filter(|_| decides) else { return Ok(None) };
    let own = app.service.own_accounts(&caller).await?;
    let linked = own.iter().any(|account| account.channel == channel.id);
    Ok((!linked).then(|| address(PATH, WELCOME, of)))
}

/// How far it is.
pub(super) enum Stage {
    /// There is no bot.
    Nobody,
    /// Nothing was done yet, or another account is to take the place of this one.
    Begin {
        /// Without the `@`.
        bot: Text,
        linked: Option<LinkedRow>,
    },
    /// A code waits to be sent.
    Waiting {
        /// Without the `@`.
        bot: Text,
        link: String,
        qr: Option<Qr>,
        until: Moment,
    },
    /// An account sent it.
    Found { name: Text, account: String },
}

/// The page that leads through it.
#[derive(Template)]
#[template(path = "linking.html")]
pub(super) struct LinkingPage {
    pub(super) shell: Shell,
    pub(super) told: Option<Told>,
    pub(super) stage: Stage,
    /// Whether what is answered from it counts as less because this browser does.
    pub(super) weak: bool,
    /// Whether whoever looks may set a bot up.
    pub(super) owner: bool,
    /// Whether they have just joined, and need not do it now.
    pub(super) welcome: bool,
}

impl LinkingPage {
    pub(super) fn new(by: &SignedIn, stage: Stage) -> Self {
        let assurance = match by.caller.rights {
            Rights::Member { assurance, .. } => assurance,
            Rights::Key(_) | Rights::Link { .. } => Assurance::Key,
        };
        Self {
            shell: Shell::of("Link your Telegram", "/account", by, by.viewer.now),
            told: None,
            stage,
            weak: assurance < Assurance::Chat,
            owner: by.viewer.member.person.role == Role::Owner,
            welcome: false,
        }
    }
}

/// What was done, on whichever page follows.
pub(super) fn told(done: &str) -> Option<Told> {
    Some(match done {
        WELCOME => Told::good(
            "You are signed in",
            "What waits for your answer is in your inbox. It can come to your phone too.",
        ),
        "heard" => Told::good(
            "The bot is heard here",
            "It writes to nobody who did not press Start. Begin with your own account.",
        ),
        "unlinked" => Told::bad(
            "The test was not sent",
            "A bot writes to nobody who did not press Start. Link your account first.",
        ),
        "linked" => Told::good(
            "Your Telegram is linked",
            "The bot wrote to it just now that it works. Requests come there from now on, and here \
             as before.",
        ),
        "silent" => Told::bad(
            "Your Telegram is linked, and the bot could not write to it",
            "Open the chat with the bot and press Start again; an admin finds the reason under \
             Channels.",
        ),
        "gone" => Told::good(
            "Your Telegram is no longer linked",
            "The bot writes to it no more. Here you decide as before.",
        ),
        "refused" => Told::bad(
            "Nothing was linked",
            "If that account is not yours, somebody else saw your code. Begin again for another, and \
             show it to nobody.",
        ),
        "over" => Told::bad(
            "This code is good no more",
            "Nothing was linked. Its ten minutes are over, or you signed in anew since. Begin again.",
        ),
        "taken" => Told::bad(
            "Somebody else has linked this account",
            "Nothing was linked: an account is one person's. If it is yours, an admin unlinks it \
             from the other, by `askfirst channels unlink telegram --member THEM`.",
        ),
        _ => return None,
    })
}

/// The code that this browser was given, while it is good and theirs.
async fn pending(
    app: &App,
    by: &SignedIn,
    headers: &HeaderMap,
    channel: &Channel,
) -> Result<Option<(String, AccountCode)>, Fault> {
    let Some(code) = cookie_of(headers, cookie_name(&app.reach)) else { return Ok(None) };
    let known = app.service.account_code(&by.caller, &code).await?;
    let own = |known: &AccountCode| {
        known.channel == channel.id && known.member == by.viewer.member.id && !known.linked
    };
    Ok(known.filter(own).map(|known| (code, known)))
}

async fn stage(app: &App, by: &SignedIn, headers: &HeaderMap) -> Result<Stage, Fault> {
    let Some((channel, bot)) = bot(app, &by.caller).await? else { return Ok(Stage::Nobody) };
    let Some((code, known)) = pending(app, by, headers, &channel).await? else {
        let linked = Phone::read(app, by).await?.and_then(|phone| phone.linked);
        return Ok(Stage::Begin { bot: text(&bot), linked });
    };
    Ok(match known.found {
        Some(found) => Stage::Found { name: text(&found.name), account: found.id },
        None => {
            let link = deep_link(&bot, &code);
            Stage::Waiting {
                bot: text(&bot),
                qr: Qr::of(&link),
                link,
                until: Moment::at(known.expires_at),
            }
        }
    })
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Fault> {
    let after: After = sent(&uri)?;
    let stage = stage(&app, &by, &headers).await?;
    let done = after.done(&by);
    let (told, welcome) = (done.and_then(told), done == Some(WELCOME));
    let html = LinkingPage { told, welcome, ..LinkingPage::new(&by, stage) };
    Ok(page(StatusCode::OK, &html))
}

pub(super) async fn make_code(
    State(app): State<App>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let Posted { by, form: Nothing {} } = posted;
    let Some((channel, _)) = bot(&app, &by.caller).await? else { return Err(Fault::NotFound) };
    let own = by.viewer.member.id;
    let made = app.service.add_account_code(&by.caller, channel.id, own).await?;
    // Kept by the browser alone: here is its hash, and in an address others could find it.
    Ok((AppendHeaders(cookie(&app.reach, &made.code, 600)), Redirect::to(PATH)).into_response())
}

/// The account that was shown.
#[derive(Deserialize)]
pub(super) struct Confirmed {
    account: String,
}

pub(super) async fn confirm(
    State(app): State<App>,
    headers: HeaderMap,
    posted: Posted<Confirmed>,
) -> Result<Response, Fault> {
    let Posted { by, form: Confirmed { account } } = posted;
    let Some((channel, _)) = bot(&app, &by.caller).await? else { return Err(Fault::NotFound) };
    let Some(code) = cookie_of(&headers, cookie_name(&app.reach)) else {
        return Ok(lead(PATH, "over", &by));
    };
    let own = by.viewer.member.id;
    let (path, done) = match app.service.link_account(&by.caller, &code, own, account).await {
        Ok(()) => {
            let greeted = app.service.greet(&by.caller, channel.id).await?;
            ("/account", if greeted.failure.is_none() { "linked" } else { "silent" })
        }
        Err(ServiceError::NotFound(_)) => (PATH, "over"),
        Err(ServiceError::Denied(Denied::Taken { .. })) => (PATH, "taken"),
        Err(other) => return Err(other.into()),
    };
    Ok((AppendHeaders(cookie(&app.reach, "", 0)), lead(path, done, &by)).into_response())
}

pub(super) async fn refuse(
    State(app): State<App>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let Posted { by, form: Nothing {} } = posted;
    // Nobody else can confirm it, so it comes to nothing without this browser.
    let forgotten = AppendHeaders(cookie(&app.reach, "", 0));
    Ok((forgotten, lead(PATH, "refused", &by)).into_response())
}

pub(super) async fn unlink(
    State(app): State<App>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let Posted { by, form: Nothing {} } = posted;
    let Some((channel, _)) = bot(&app, &by.caller).await? else { return Err(Fault::NotFound) };
    app.service.unlink_account(&by.caller, channel.id, by.viewer.member.id).await?;
    Ok(lead("/account", "gone", &by))
}

fn cookie_name(reach: &Reach) -> &'static str {
    if reach.is_https() { "__Host-askfirst-telegram" } else { "askfirst_dev_telegram" }
}

fn cookie(reach: &Reach, code: &str, seconds: u32) -> Option<(header::HeaderName, HeaderValue)> {
    let name = cookie_name(reach);
    let kind = if reach.is_https() { "Secure; SameSite=Lax" } else { "SameSite=Strict" };
    let cookie = format!("{name}={code}; Path=/; HttpOnly; {kind}; Max-Age={seconds}");
    HeaderValue::from_str(&cookie).ok().map(|cookie| (header::SET_COOKIE, cookie))
}
