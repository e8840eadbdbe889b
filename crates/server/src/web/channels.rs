//! The ways to people: setting one up, trying it, what went wrong, what people were told. For
//! admins; the service checks that. A password goes in here and comes out of nothing.

use askama::Template;
use askfirst_core::{
    Afterwards, ChannelId, ChannelSettings, EmailSettings, Locale, MailSecurity, Problem, Role,
    Scope,
};
use askfirst_store::{Channel, Notice};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::after::{After, Told, lead, mistakes};
use super::bots::{self, BotForm, BotRow};
use super::fault::{Fault, page};
use super::history::{Choice, sent};
use super::notices::NoticeRow;
use super::once;
use super::replay::{self, Range, Replay, Which};
use super::rooms::{self, RoomForm};
use super::session::{Nothing, Posted, SignedIn};
use super::shell::{Moment, Shell, Text, text};
use super::words::sentence;
use crate::app::App;
use crate::service::ServiceError;
use crate::service::caller::OWNERS;
use crate::service::channels::ChannelWish;

/// How many notices of a way the page shows.
const MOST: u32 = 20;
/// The fields of the form, as the API points at them.
const FIELDS: [&str; 8] =
    ["host", "port", "security", "username", "password", "from", "locale", "afterwards"];

/// The ways of a workspace.
#[derive(Template)]
#[template(path = "channels.html")]
pub(super) struct ChannelsPage {
    pub(super) shell: Shell,
    pub(super) told: Option<Told>,
    pub(super) channels: Vec<ChannelRow>,
    /// The form for mail, where there is none yet or one was typed, for those who may.
    pub(super) form: Option<Form>,
    /// The same for a bot.
    pub(super) bot_form: Option<BotForm>,
    /// The form for a group.
    pub(super) room_form: RoomForm,
    pub(super) replay: Replay,
    /// Whether whoever looks may set one up.
    pub(super) owner: bool,
}

/// One way.
#[derive(Clone, Debug)]
pub(super) struct ChannelRow {
    pub(super) id: String,
    /// Of mail.
    pub(super) mail: Option<MailRow>,
    /// Of a bot.
    pub(super) bot: Option<BotRow>,
    pub(super) language: &'static str,
    pub(super) since: Moment,
    pub(super) waiting: u64,
    pub(super) trouble: Option<(Moment, Text)>,
    /// Since when it takes nothing, and when it is tried next.
    pub(super) down: Option<(Moment, Moment)>,
    pub(super) unreached: Vec<UnreachedRow>,
    pub(super) notices: Vec<NoticeRow>,
    /// Whether there are older ones than these.
    pub(super) more: bool,
}

/// The mail server that a way sends by.
#[derive(Clone, Debug)]
pub(super) struct MailRow {
    pub(super) host: Text,
    pub(super) port: u16,
    pub(super) security: &'static str,
    pub(super) username: Option<Text>,
    pub(super) from: Text,
}

/// Somebody whom it does not reach.
#[derive(Clone, Debug)]
pub(super) struct UnreachedRow {
    pub(super) who: Text,
    pub(super) since: Moment,
    pub(super) why: Text,
}

/// What stands in the form, and what is wrong with it. There is no password among it.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) host: String,
    pub(super) port: String,
    pub(super) username: String,
    pub(super) from: String,
    pub(super) securities: Vec<Choice>,
    pub(super) locales: Vec<Choice>,
    pub(super) afterwards: Vec<Choice>,
    pub(super) mistakes: Vec<Problem>,
}

impl Form {
    pub(super) fn new(wish: &Wish, mistakes: Vec<Problem>) -> Self {
        let security = |(value, word)| Choice::new(value, word, &wish.security);
        Self {
            host: wish.host.clone(),
            port: wish.port.clone(),
            username: wish.username.clone(),
            from: wish.from.clone(),
            securities: [
                ("starttls", "STARTTLS, mostly port 587"),
                ("tls", "TLS from the first byte, mostly port 465"),
                ("none", "none, only for a mail server on this machine or inside"),
            ]
            .map(security)
            .into(),
            locales: locales(&wish.locale),
            afterwards: afterwards(&wish.afterwards),
            mistakes,
        }
    }

    /// What is wrong with a field.
    pub(super) fn mistake(&self, field: &str) -> Option<Text> {
        mistake_at(&self.mistakes, field)
    }

    /// What is wrong with no field of its own.
    pub(super) fn others(&self) -> Vec<Text> {
        beside(&self.mistakes, &FIELDS)
    }
}

/// What is wrong with a field.
pub(super) fn mistake_at(mistakes: &[Problem], field: &str) -> Option<Text> {
    let found = mistakes.iter().find(|known| known.pointer.trim_start_matches('/') == field);
    found.map(|found| text(&sentence(&found.detail)))
}

/// What is wrong with none of these fields.
pub(super) fn beside(mistakes: &[Problem], fields: &[&str]) -> Vec<Text> {
    let of_a_field = |known: &&Problem| fields.contains(&known.pointer.trim_start_matches('/'));
    let others = mistakes.iter().filter(|known| !of_a_field(known));
    others.map(|known| text(&sentence(&known.detail))).collect()
}

/// The languages that people are written to in.
pub(super) fn locales(chosen: &str) -> Vec<Choice> {
    Locale::ALL.map(|locale| Choice::new(locale.as_str(), language(locale), chosen)).into()
}

/// What those who decided may hear afterwards.
pub(super) fn afterwards(chosen: &str) -> Vec<Choice> {
    let words = [
        (Afterwards::Outcome, "what the agent reports of how it went"),
        (Afterwards::All, "that the agent has its answer, and what it reports"),
        (Afterwards::None, "nothing"),
    ];
    words.map(|(what, word)| Choice::new(what.as_str(), word, chosen)).into()
}

const fn language(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "English",
        Locale::De => "German",
    }
}

impl MailRow {
    fn new(email: &EmailSettings) -> Self {
        Self {
            host: text(&email.host),
            port: email.port,
            security: match email.security {
                MailSecurity::Tls => "TLS",
                MailSecurity::StartTls => "STARTTLS",
                MailSecurity::None => "no encryption",
            },
            username: email.username.as_deref().map(text),
            from: text(&email.from),
        }
    }
}

impl ChannelRow {
    /// What it sends.
    pub(super) const fn noun(&self) -> &'static str {
        if self.bot.is_some() { "message" } else { "mail" }
    }

    /// Of all its `notices`, the first [`MOST`] are shown.
    pub(super) fn new(channel: &Channel, notices: &[Notice], by: &SignedIn) -> Self {
        let most = MOST as usize;
        let (mail, bot) = match &channel.settings {
            ChannelSettings::Email(email) => (Some(MailRow::new(email)), None),
            ChannelSettings::Telegram(telegram) => (None, Some(BotRow::new(telegram))),
        };
        let trouble = channel.trouble.as_ref();
        let seen = |at| Moment::seen_from(at, by.viewer.now);
        Self {
            id: channel.id.to_string(),
            mail,
            bot,
            language: language(channel.settings.locale()),
            since: seen(channel.created_at),
            waiting: channel.waiting,
            trouble: trouble.map(|(at, why)| (seen(*at), text(&sentence(why)))),
            down: channel.down.map(|down| (seen(down.since), seen(down.next_probe_at))),
            unreached: channel
                .unreached
                .iter()
                .map(|one| UnreachedRow {
                    who: text(&one.address),
                    since: seen(one.since),
                    why: text(&sentence(&one.why)),
                })
                .collect(),
            notices: notices.iter().take(most).map(|one| NoticeRow::new(one, by)).collect(),
            more: notices.len() > most,
        }
    }
}

impl ChannelsPage {
    pub(super) fn new(by: &SignedIn, channels: Vec<ChannelRow>, once: String) -> Self {
        let owner = by.viewer.member.person.role == Role::Owner;
        let mail = channels.iter().any(|known| known.mail.is_some());
        let bot = channels.iter().any(|known| known.bot.is_some());
        let form = (owner && !mail).then(|| Form::new(&Wish::default(), Vec::new()));
        let bot_form = (owner && !bot).then(|| BotForm::new(&bots::Wish::default(), Vec::new()));
        Self {
            shell: Shell::of("Channels", "/channels", by, by.viewer.now),
            told: None,
            channels,
            form,
            bot_form,
            room_form: RoomForm::default(),
            replay: Replay::new(Which::Messages, once, by.viewer.now),
            owner,
        }
    }

    /// Whether something that was typed has to be put right.
    pub(super) fn mistaken(&self) -> bool {
        let mail = self.form.as_ref().is_some_and(|form| !form.mistakes.is_empty());
        let bot = self.bot_form.as_ref().is_some_and(|form| !form.mistakes.is_empty());
        mail || bot
    }

    pub(super) async fn read(app: &App, by: &SignedIn) -> Result<Self, Fault> {
        let mut rows = Vec::new();
        for channel in app.service.channels(&by.caller).await? {
            let notices = app.service.notices(&by.caller, channel.id, None, MOST + 1).await?;
            let mut row = ChannelRow::new(&channel, &notices, by);
            if let Some(bot) = &mut row.bot {
                bot.linked = bots::linked(app, by, channel.id).await?;
            }
            rows.push(row);
        }
        Ok(Self::new(by, rows, once::fresh()))
    }
}

/// What came of a test.
pub(super) fn told(done: &str, to: &str, channels: &[ChannelRow]) -> Option<Told> {
    let taken = format!(
        "It went to {to}. Look whether it arrived, in the folder for unwanted mail too; that the \
         server took it does not say so."
    );
    if let Some(told) = rooms::told(done).or_else(|| replay::told(Which::Messages, done)) {
        return Some(told);
    }
    let of_a_bot = |id: &str| channels.iter().any(|known| known.id == id && known.bot.is_some());
    match done.split_once('.')? {
        ("tested", id) if of_a_bot(id) => {
            Some(Told::good("The bot wrote to you", "Look into Telegram: it says that it works."))
        }
        ("tested", _) => Some(Told::good("The mail server took the test", &taken)),
        ("changed", _) => Some(Told::good(
            "The bot is set up as you said",
            "What waits to be sent goes out by it.",
        )),
        ("untested", id) => {
            let kept = "What it is set up with is saved. Once the cause is gone, send a test \
                        again, or change what it is set up with.";
            let mut told = Told::bad("The test was not sent", kept);
            // Why stands with the channel, until something arrives by it.
            let channel = channels.iter().find(|known| known.id == id);
            if let Some((_, why)) = channel.and_then(|channel| channel.trouble.clone()) {
                told.details.insert(0, why);
            }
            Some(told)
        }
        _ => None,
    }
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let (after, range): (After, Range) = (sent(&uri)?, sent(&uri)?);
    let html = ChannelsPage::read(&app, &by).await?;
    let replay = Replay::counted(Which::Messages, &app, &by, range).await?;
    let status = match &replay.mistake {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let done = after.done(&by);
    let told = done.and_then(|done| told(done, &by.viewer.member.person.email, &html.channels));
    Ok(page(status, &ChannelsPage { told, replay, ..html }))
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    pub(super) host: String,
    #[serde(default)]
    pub(super) port: String,
    #[serde(default)]
    pub(super) security: String,
    #[serde(default)]
    pub(super) username: String,
    #[serde(default)]
    pub(super) password: Zeroizing<String>,
    #[serde(default)]
    pub(super) from: String,
    #[serde(default)]
    pub(super) locale: String,
    #[serde(default)]
    pub(super) afterwards: String,
}

impl Default for Wish {
    fn default() -> Self {
        let none = String::new;
        Self {
            host: none(),
            port: none(),
            security: "starttls".into(),
            username: none(),
            password: Zeroizing::new(none()),
            from: none(),
            locale: Locale::default().as_str().into(),
            afterwards: Afterwards::default().as_str().into(),
        }
    }
}

impl Wish {
    /// # Errors
    /// All the fields that make no sense by themselves.
    pub(super) fn settings(&self) -> Result<EmailSettings, Vec<Problem>> {
        let mut mistakes = Vec::new();
        let mut mistake = |pointer: &str, detail: &str| {
            mistakes.push(Problem { pointer: pointer.into(), detail: detail.into() });
        };
        if self.host.trim().is_empty() {
            mistake("/host", "write the name of the mail server, such as smtp.example.com");
        }
        let security = match self.security.as_str() {
            "tls" => MailSecurity::Tls,
            "none" => MailSecurity::None,
            "starttls" => MailSecurity::StartTls,
            _ => {
                mistake("/security", "choose one of these");
                MailSecurity::StartTls
            }
        };
        let usual = if security == MailSecurity::Tls { 465 } else { 587 };
        let port = match self.port.trim() {
            "" => usual,
            typed => typed.parse().ok().filter(|port| *port != 0).unwrap_or_else(|| {
                mistake("/port", "write a number from 1 to 65535, or nothing for the usual one");
                usual
            }),
        };
        if self.from.trim().is_empty() {
            mistake("/from", "write an address such as askfirst@example.com");
        }
        let locale = Locale::ALL.into_iter().find(|locale| locale.as_str() == self.locale);
        if locale.is_none() {
            mistake("/locale", "choose one of these");
        }
        let afterwards = Afterwards::ALL.into_iter().find(|what| what.as_str() == self.afterwards);
        if afterwards.is_none() {
            mistake("/afterwards", "choose one of these");
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let name = self.username.trim();
        Ok(EmailSettings {
            host: self.host.trim().into(),
            port,
            security,
            username: (!name.is_empty()).then(|| name.into()),
            from: self.from.trim().into(),
            locale: locale.unwrap_or_default(),
            afterwards: afterwards.unwrap_or_default(),
        })
    }
}

pub(super) async fn add(State(app): State<App>, posted: Posted<Wish>) -> Result<Response, Fault> {
    let Posted { by, form: wish } = posted;
    // Who may not is told that, whatever was typed.
    by.caller.need(Scope::Channels, OWNERS)?;
    let made = match wish.settings() {
        Err(mistakes) => Err(mistakes),
        Ok(email) => {
            let password = (!wish.password.is_empty()).then(|| wish.password.clone());
            let wanted = ChannelWish::Email { settings: email, password };
            mistakes(app.service.add_channel(&by.caller, wanted, None).await)?
        }
    };
    match made {
        Ok(channel) => tried(&app, &by, channel.id).await,
        Err(mistakes) => {
            let form = Form::new(&wish, mistakes);
            let told = unmade(form.others(), "password");
            let html = ChannelsPage {
                told: Some(told),
                form: Some(form),
                ..ChannelsPage::read(&app, &by).await?
            };
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
        }
    }
}

/// Says why nothing was set up, and which field has to be filled in again.
pub(super) fn unmade(mut details: Vec<Text>, secret: &str) -> Told {
    details.push(text(&format!("What you typed is still there, but for the {secret}.")));
    Told { good: false, title: "Nothing was set up yet", details }
}

/// Sends a test to whoever looks, and leads to what came of it.
pub(super) async fn tried(app: &App, by: &SignedIn, id: ChannelId) -> Result<Response, Fault> {
    let trial = match app.service.try_channel(&by.caller, id).await {
        // A bot writes to an account only, and they have linked none.
        Err(ServiceError::Invalid(_)) => return Ok(lead("/account/telegram", "unlinked", by)),
        tried => tried?,
    };
    let done = if trial.failure.is_none() { "tested" } else { "untested" };
    Ok(lead("/channels", &format!("{done}.{id}"), by))
}

pub(super) async fn test(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let id = id.parse().map_err(|_| Fault::NotFound)?;
    tried(&app, &posted.by, id).await
}

pub(super) async fn remove(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let id = id.parse().map_err(|_| Fault::NotFound)?;
    app.service.remove_channel(&posted.by.caller, id).await?;
    Ok(Redirect::to("/channels").into_response())
}
