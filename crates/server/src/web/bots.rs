//! Bots of Telegram's, as owners set them up: a token goes in here and comes out of nothing. Whose
//! accounts are linked is in `linking`; how the bot does stands with the other ways in `channels`.

use askama::Template;
use askfirst_core::{
    Afterwards, ChannelId, ChannelSettings, Locale, Problem, Receive, Role, Scope, TelegramSettings,
};
use askfirst_store::Channel;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::after::{Told, lead, mistakes};
use super::channel_change::known;
use super::channels::{ChannelsPage, afterwards, beside, locales, mistake_at, unmade};
use super::fault::{Fault, page};
use super::history::Choice;
use super::rooms::RoomRow;
use super::session::{Posted, SignedIn};
use super::shell::{Shell, Text, text};
use crate::app::App;
use crate::channels::telegram::API;
use crate::service::bots::{BotUpdate, BotWish};
use crate::service::caller::OWNERS;
use crate::service::channels::{ChannelUpdate, ChannelWish};

/// The fields of the form, as the API points at them.
const FIELDS: [&str; 6] = ["token", "api", "receive", "take_over", "locale", "afterwards"];
/// Beyond so many, accounts are not counted for a page.
const MOST_COUNTED: u32 = 1_000;

/// What a bot is, and how it is heard.
#[derive(Clone, Debug)]
pub(super) struct BotRow {
    pub(super) name: Text,
    pub(super) heard: &'static str,
    /// Where the Bot API is spoken, if not at Telegram's own.
    pub(super) api: Option<Text>,
    /// The groups into which it writes.
    pub(super) rooms: Vec<RoomRow>,
    /// How many accounts are linked; more than [`MOST_COUNTED`] are not told apart.
    pub(super) linked: usize,
}

impl BotRow {
    /// Accounts are counted apart.
    pub(super) fn new(telegram: &TelegramSettings) -> Self {
        Self {
            name: text(&telegram.username),
            heard: heard(telegram.receive),
            api: (telegram.api != API).then(|| text(&telegram.api)),
            rooms: telegram.rooms.iter().map(RoomRow::new).collect(),
            linked: 0,
        }
    }

    pub(super) fn linked_words(&self) -> String {
        match self.linked {
            0 => "Nobody has linked their account yet.".into(),
            1 => "1 person has linked their account.".into(),
            many if many > MOST_COUNTED as usize => {
                format!("More than {MOST_COUNTED} people have linked their accounts.")
            }
            many => format!("{many} people have linked their accounts."),
        }
    }
}

const fn heard(receive: Receive) -> &'static str {
    match receive {
        Receive::Polling => "this server asks Telegram what people answer",
        Receive::Webhook => "Telegram tells this server what people answer",
        Receive::Never => "it is heard by a program of its owner's",
    }
}

/// How many accounts are linked.
pub(super) async fn linked(app: &App, by: &SignedIn, id: ChannelId) -> Result<usize, Fault> {
    Ok(app.service.accounts(&by.caller, id, None, MOST_COUNTED + 1).await?.len())
}

/// What stands in the form, and what is wrong with it. There is no token among it.
#[derive(Clone, Debug)]
pub(super) struct BotForm {
    pub(super) api: String,
    pub(super) take_over: bool,
    pub(super) receives: Vec<Choice>,
    pub(super) locales: Vec<Choice>,
    pub(super) afterwards: Vec<Choice>,
    pub(super) mistakes: Vec<Problem>,
}

impl BotForm {
    pub(super) fn new(wish: &Wish, mistakes: Vec<Problem>) -> Self {
        let receive = |receive: Receive| match receive {
            Receive::Polling => "this server asks Telegram, from behind any router",
            Receive::Webhook => "Telegram calls this server at its public address",
            Receive::Never => "nobody",
        };
        Self {
            api: wish.api.clone(),
            take_over: wish.take_over.is_some(),
            receives: Receive::ALL
                .map(|how| Choice::new(how.as_str(), receive(how), &wish.receive))
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

    /// Offered once it is known that the bot is heard elsewhere.
    pub(super) fn offers_take_over(&self) -> bool {
        self.take_over || self.mistake("take_over").is_some()
    }

    /// Whether what is folded away has to be seen.
    pub(super) fn is_unusual(&self) -> bool {
        let folded = ["api", "receive", "locale", "afterwards"];
        !self.api.is_empty() || folded.iter().any(|field| self.mistake(field).is_some())
    }
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    pub(super) token: Zeroizing<String>,
    #[serde(default)]
    pub(super) api: String,
    #[serde(default)]
    pub(super) receive: String,
    #[serde(default)]
    pub(super) take_over: Option<String>,
    #[serde(default)]
    pub(super) locale: String,
    #[serde(default)]
    pub(super) afterwards: String,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            token: Zeroizing::default(),
            api: String::new(),
            receive: Receive::default().as_str().into(),
            take_over: None,
            locale: Locale::default().as_str().into(),
            afterwards: Afterwards::default().as_str().into(),
        }
    }
}

impl Wish {
    /// What is there, but for the token.
    fn of(telegram: &TelegramSettings) -> Self {
        Self {
            token: Zeroizing::default(),
            api: if telegram.api == API { String::new() } else { telegram.api.clone() },
            receive: telegram.receive.as_str().into(),
            take_over: None,
            locale: telegram.locale.as_str().into(),
            afterwards: telegram.afterwards.as_str().into(),
        }
    }

    /// # Errors
    /// All the fields that make no sense by themselves.
    fn read(&self) -> Result<BotWish, Vec<Problem>> {
        let mut mistakes = Vec::new();
        let mut unknown = |pointer: &str| {
            mistakes
                .push(Problem { pointer: pointer.into(), detail: "choose one of these".into() });
        };
        let receive = Receive::ALL.into_iter().find(|how| how.as_str() == self.receive);
        if receive.is_none() {
            unknown("/receive");
        }
        let locale = Locale::ALL.into_iter().find(|locale| locale.as_str() == self.locale);
        if locale.is_none() {
            unknown("/locale");
        }
        let afterwards = Afterwards::ALL.into_iter().find(|what| what.as_str() == self.afterwards);
        if afterwards.is_none() {
            unknown("/afterwards");
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let api = self.api.trim();
        Ok(BotWish {
            token: Zeroizing::new(self.token.trim().to_owned()),
            api: (!api.is_empty()).then(|| api.to_owned()),
            receive: receive.unwrap_or_default(),
            locale: locale.unwrap_or_default(),
            afterwards: afterwards.unwrap_or_default(),
            take_over: self.take_over.is_some(),
        })
    }
}

pub(super) async fn add(State(app): State<App>, posted: Posted<Wish>) -> Result<Response, Fault> {
    let Posted { by, form: wish } = posted;
    // Who may not is told that, whatever was typed.
    by.caller.need(Scope::Channels, OWNERS)?;
    let made = match wish.read() {
        Err(mistakes) => Err(mistakes),
        Ok(bot) => {
            let wanted = ChannelWish::Telegram(bot);
            mistakes(app.service.add_channel(&by.caller, wanted, None).await)?
        }
    };
    let Err(mistakes) = made else {
        // A bot writes to nobody who did not press Start: that is what comes next.
        return Ok(lead("/account/telegram", "heard", &by));
    };
    let form = BotForm::new(&wish, mistakes);
    let html = ChannelsPage {
        told: Some(unmade(form.others(), "token")),
        bot_form: Some(form),
        ..ChannelsPage::read(&app, &by).await?
    };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
}

/// One bot, to be changed.
#[derive(Template)]
#[template(path = "bot_change.html")]
pub(super) struct BotChangePage {
    pub(super) shell: Shell,
    pub(super) told: Option<Told>,
    pub(super) id: String,
    pub(super) bot: Text,
    /// For who may.
    pub(super) form: Option<BotForm>,
}

impl BotChangePage {
    /// None for what is no bot.
    pub(super) fn new(by: &SignedIn, channel: &Channel) -> Option<Self> {
        let ChannelSettings::Telegram(telegram) = &channel.settings else { return None };
        let owner = by.viewer.member.person.role == Role::Owner;
        Some(Self {
            shell: Shell::of("Change the bot", "/channels", by, by.viewer.now),
            told: None,
            id: channel.id.to_string(),
            bot: text(&telegram.username),
            form: owner.then(|| BotForm::new(&Wish::of(telegram), Vec::new())),
        })
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    by: SignedIn,
) -> Result<Response, Fault> {
    let channel = known(&app, &by, &id).await?;
    let html = BotChangePage::new(&by, &channel).ok_or(Fault::NotFound)?;
    Ok(page(StatusCode::OK, &html))
}

pub(super) async fn save(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Wish>,
) -> Result<Response, Fault> {
    let Posted { by, form: wish } = posted;
    // Who may not is told that, whatever was typed.
    by.caller.need(Scope::Channels, OWNERS)?;
    let channel = known(&app, &by, &id).await?;
    let html = BotChangePage::new(&by, &channel).ok_or(Fault::NotFound)?;
    let mistakes = match wish.read() {
        Err(mistakes) => mistakes,
        Ok(read) => {
            let update = ChannelUpdate {
                locale: Some(read.locale),
                afterwards: Some(read.afterwards),
                bot: BotUpdate {
                    token: Some(read.token).filter(|token| !token.is_empty()),
                    api: Some(read.api.unwrap_or_else(|| API.to_owned())),
                    receive: Some(read.receive),
                    take_over: read.take_over,
                },
                ..ChannelUpdate::default()
            };
            match mistakes(app.service.change_channel(&by.caller, channel.id, update).await)? {
                Ok(_) => return Ok(lead("/channels", &format!("changed.{}", channel.id), &by)),
                Err(mistakes) => mistakes,
            }
        }
    };
    let form = BotForm::new(&wish, mistakes);
    let mut details = form.others();
    details.push(text("What you typed is still there, but for the token."));
    let told = Told { good: false, title: "Nothing was changed yet", details };
    let html = BotChangePage { told: Some(told), form: Some(form), ..html };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
}
