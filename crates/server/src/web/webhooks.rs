//! Receivers of what happens, as people set them up: where one listens and what it is told, and
//! where callbacks may go. Its secret is shown this once, on the page that the form leads to. For
//! admins; the service checks that. One receiver, and what was sent to it, is one file below.

mod log;
pub(super) mod one;

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use askfirst_core::{Dialect, Environment, Event, Problem, WebhookId};
use askfirst_store::{Webhook, WebhookState};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::after::{After, Told, lead, mistakes};
use super::fault::{Fault, page};
use super::history::{Choice, sent};
use super::once;
use super::replay::{self, Range, Replay, Which};
use super::session::{Posted, SignedIn};
use super::shell::{Moment, Shell, Text, text};
use super::words::{Sign, sentence};
use crate::app::App;
use crate::service::webhooks::{ENDS, MadeWebhook, WebhookWish};
use crate::service::workspace::WorkspaceUpdate;

/// What a checkbox of an event is called, before the event's name.
const EVENT: &str = "event-";

/// All of them, and where callbacks may go.
#[derive(Template)]
#[template(path = "webhooks.html")]
pub(super) struct WebhooksPage {
    pub(super) shell: Shell,
    pub(super) told: Option<Told>,
    pub(super) hooks: Vec<Hook>,
    /// What signs callbacks, one for each environment at most.
    pub(super) signers: Vec<Hook>,
    /// Environments in which nothing does.
    pub(super) unsigned: Vec<Choice>,
    pub(super) hosts: Hosts,
    pub(super) form: Form,
    pub(super) replay: Replay,
    /// Tells a repeat of a form from another wish.
    pub(super) once: String,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    pub(super) id: String,
    /// None for what signs callbacks.
    pub(super) url: Option<Text>,
    pub(super) sign: Sign,
    pub(super) state: &'static str,
    /// What it is told, in words; nothing for everything.
    pub(super) events: Vec<&'static str>,
    /// In whose words it is told, if not in ours.
    pub(super) speaks: Option<&'static str>,
    pub(super) environment: &'static str,
    pub(super) since: Moment,
    /// Since when it takes nothing.
    pub(super) down: Option<Moment>,
    pub(super) waiting: u64,
    pub(super) problem: Option<Text>,
    pub(super) disabled: Option<Moment>,
    /// Until when the secret before signs too.
    pub(super) older: Option<Moment>,
}

/// Hosts that callbacks may go to.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    /// A host a line.
    pub(super) typed: String,
    pub(super) mistake: Option<Text>,
}

/// What stands in the form, and what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) url: String,
    /// Empty where there is but one.
    pub(super) environments: Vec<Choice>,
    pub(super) dialects: Vec<Choice>,
    pub(super) events: Vec<Choice>,
    pub(super) mistakes: Vec<Problem>,
}

impl Form {
    fn new(by: &SignedIn, wish: &Wish, mistakes: Vec<Problem>) -> Self {
        let place = by.viewer.workspace.environment;
        let chosen = if wish.environment.is_empty() { place.as_str() } else { &wish.environment };
        let event = |name: &'static str| Choice {
            value: format!("{EVENT}{name}"),
            word: happening(name).into(),
            chosen: wish.wants(name),
        };
        Self {
            url: wish.url.clone(),
            environments: environments(place)
                .iter()
                .map(|one| Choice::new(one.as_str(), world(*one), chosen))
                .collect(),
            dialects: DIALECTS
                .map(|one| Choice::new(one.as_str(), words_of(one), &wish.dialect))
                .into(),
            events: Event::NAMES.map(event).into(),
            mistakes,
        }
    }

    /// What is wrong with a field.
    pub(super) fn mistake(&self, field: &str) -> Option<Text> {
        let of = |known: &&Problem| known.pointer.split('/').nth(1) == Some(field);
        self.mistakes.iter().find(of).map(|found| text(&sentence(&found.detail)))
    }

    /// What is wrong with no field of its own.
    fn others(&self) -> Vec<Text> {
        let fields = ["url", "environment", "dialect"];
        let others = self.mistakes.iter().filter(|known| {
            known.pointer.split('/').nth(1).is_none_or(|field| !fields.contains(&field))
        });
        others.map(|known| text(&sentence(&known.detail))).collect()
    }
}

/// Those that a workspace has to choose from; none where there is but one.
const fn environments(of: Environment) -> &'static [Environment] {
    match of {
        Environment::Dev => &[],
        Environment::Live | Environment::Test => &[Environment::Live, Environment::Test],
    }
}

/// Those that a receiver can be told in.
const DIALECTS: [Dialect; 2] = [Dialect::Native, Dialect::Proof];

const fn words_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Proof => "proof.holdings: the ends of its confirmations, as it tells them",
        Dialect::Native | Dialect::Ambedo | Dialect::Holdon => "Askfirst: every approval",
    }
}

const fn world(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => "live: what is real",
        Environment::Test => "test: what test keys ask",
        Environment::Dev => "development",
    }
}

/// What happened, in words that stand after “it”.
pub(super) fn happening(event: &str) -> &'static str {
    match event {
        "asked" => "was asked",
        "edited" => "was changed by an approver",
        "voted" => "was voted on",
        "granted" => "was approved in advance, by a grant",
        "more_info_requested" => "was asked back about",
        "more_info_given" => "was explained",
        "escalated" => "was put to more people",
        "looked" => "is being looked at",
        "approved" => "was approved",
        "rejected" => "was rejected",
        "expired" => "expired",
        "cancelled" => "was cancelled",
        "claimed" => "was claimed, to be done",
        "revoked" => "was taken back after it was approved",
        "outcome_reported" => "was reported on: how it went",
        "held" => "was put on hold",
        "released" => "was released from its hold",
        "erased" => "lost its texts",
        _ => "changed",
    }
}

/// A fact without what the API would do about it: a page has buttons for that.
pub(super) fn for_people(why: &str) -> String {
    let said: Vec<_> = why.split("; ").filter(|clause| !clause.contains("POST /v1/")).collect();
    sentence(&said.join("; "))
}

impl Hook {
    pub(super) fn new(hook: &Webhook, by: &SignedIn) -> Self {
        let (class, icon, word) = match hook.state {
            WebhookState::Active if hook.outage.is_some() => {
                ("pending", "alert", "Takes nothing now")
            }
            WebhookState::Active => ("approved", "check", "Active"),
            WebhookState::Unconfirmed => ("pending", "clock", "Not confirmed yet"),
            WebhookState::Disabled => ("rejected", "bar", "Wants nothing more"),
        };
        let now = by.viewer.now;
        let seen = |at| Moment::seen_from(at, now);
        let told = |name: &&str| hook.url.is_some() && hook.events.contains(*name);
        let older = hook.secrets.older.as_ref().map(|(_, until)| *until);
        Self {
            id: hook.id.to_string(),
            url: hook.url.as_deref().map(text),
            sign: Sign { class, icon, word },
            state: hook.state.as_str(),
            events: Event::NAMES.into_iter().filter(told).map(happening).collect(),
            speaks: (!hook.dialect.is_native()).then(|| words_of(hook.dialect)),
            environment: hook.place.environment.as_str(),
            since: seen(hook.created_at),
            down: hook.outage.map(|outage| Moment::seen_from(outage.since, now)),
            waiting: hook.waiting,
            problem: hook.problem.as_deref().map(|why| text(&for_people(why))),
            disabled: hook.disabled_at.map(seen),
            older: older.filter(|until| now < *until).map(seen),
        }
    }
}

impl WebhooksPage {
    pub(super) fn new(by: &SignedIn, all: &[Webhook], once: String) -> Self {
        let (hooks, signers): (Vec<_>, Vec<_>) = all.iter().partition(|hook| hook.url.is_some());
        let place = by.viewer.workspace.environment;
        let unsigned = match environments(place) {
            [] => vec![place],
            some => some.to_vec(),
        };
        let signed = |one: &Environment| signers.iter().any(|hook| hook.place.environment == *one);
        let unsigned = unsigned.into_iter().filter(|one| !signed(one));
        let row = |hook: &&Webhook| Hook::new(hook, by);
        let typed = by.viewer.workspace.callback_hosts.join("\n");
        Self {
            shell: Shell::of("Webhooks", "/webhooks", by, by.viewer.now),
            told: None,
            hooks: hooks.iter().map(row).collect(),
            signers: signers.iter().map(row).collect(),
            unsigned: unsigned.map(|one| Choice::new(one.as_str(), world(one), "")).collect(),
            hosts: Hosts { typed, mistake: None },
            form: Form::new(by, &Wish::default(), Vec::new()),
            replay: Replay::new(Which::Events, once.clone(), by.viewer.now),
            once,
        }
    }

    async fn read(app: &App, by: &SignedIn) -> Result<Self, Fault> {
        Ok(Self::new(by, &app.service.webhooks(&by.caller).await?, once::fresh()))
    }
}

fn told(done: &str) -> Option<Told> {
    match done {
        "removed" => {
            let detail = "Nothing is sent to it any more, and its log is gone.";
            Some(Told::good("The webhook is removed", detail))
        }
        "hosts" => {
            let detail = "What is asked from now on, and what waits, may have its end sent to the \
                          hosts below and to no other.";
            Some(Told::good("The hosts are saved", detail))
        }
        other => replay::told(Which::Events, other),
    }
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let (after, range): (After, Range) = (sent(&uri)?, sent(&uri)?);
    let told = after.done(&by).and_then(told);
    let html = WebhooksPage::read(&app, &by).await?;
    let replay = Replay::counted(Which::Events, &app, &by, range).await?;
    let status = match &replay.mistake {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    Ok(page(status, &WebhooksPage { told, replay, ..html }))
}

/// What was typed and ticked.
#[derive(Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    once: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    environment: String,
    #[serde(default)]
    dialect: String,
    #[serde(flatten)]
    ticked: BTreeMap<String, String>,
}

impl Wish {
    fn wants(&self, event: &str) -> bool {
        self.ticked.contains_key(&format!("{EVENT}{event}"))
    }

    /// # Errors
    /// All the fields that make no sense by themselves.
    fn read(&self, place: Environment) -> Result<WebhookWish, Vec<Problem>> {
        let mut mistakes = Vec::new();
        let url = self.url.trim();
        if url.is_empty() {
            let detail = "write where it listens, such as https://hooks.example.com/askfirst";
            mistakes.push(Problem { pointer: "/url".into(), detail: detail.into() });
        }
        let environment = chosen(&self.environment, place);
        if environment.is_none() {
            let detail = "choose one of these".into();
            mistakes.push(Problem { pointer: "/environment".into(), detail });
        }
        let dialect = match self.dialect.as_str() {
            "" => Some(Dialect::Native),
            typed => DIALECTS.into_iter().find(|one| one.as_str() == typed),
        };
        let ticked = Event::NAMES.into_iter().filter(|name| self.wants(name));
        let ticked: BTreeSet<_> = ticked.map(str::to_owned).collect();
        let wrong = match dialect {
            None => Some("choose one of these"),
            Some(dialect) if !dialect.is_native() && !ticked.is_empty() => {
                Some("in another product's words it is told of ends alone; tick nothing below")
            }
            Some(_) => None,
        };
        if let Some(detail) = wrong {
            mistakes.push(Problem { pointer: "/dialect".into(), detail: detail.into() });
        }
        let (Some(dialect), true) = (dialect, mistakes.is_empty()) else { return Err(mistakes) };
        let events = match dialect {
            Dialect::Native => ticked,
            _ => ENDS.map(str::to_owned).into(),
        };
        Ok(WebhookWish { url: Some(url.into()), events, dialect, environment })
    }
}

/// The environment that was chosen, or that there is no choice about.
fn chosen(typed: &str, place: Environment) -> Option<Environment> {
    match environments(place) {
        [] => Some(place),
        _ if typed.is_empty() => Some(place),
        some => some.iter().copied().find(|one| one.as_str() == typed),
    }
}

pub(super) async fn add(State(app): State<App>, posted: Posted<Wish>) -> Result<Response, Fault> {
    let Posted { by, form: wish } = posted;
    // Who may not is told that, whatever was typed.
    app.service.webhooks(&by.caller).await?;
    let made = match wish.read(by.viewer.workspace.environment) {
        Err(mistakes) => Err(mistakes),
        Ok(wanted) => {
            let events: Vec<_> = wanted.events.iter().map(String::as_str).collect();
            let typed = [wish.url.as_str(), &wish.environment, &wish.dialect];
            let said = [&typed[..], &events[..]].concat();
            let once = once::of(&wish.once, "webhooks.add", &said)?;
            mistakes(app.service.add_webhook(&by.caller, wanted, Some(once)).await)?
        }
    };
    match made {
        Ok(made) => Ok(shown(&by, made, "made")),
        Err(mistakes) => {
            let form = Form::new(&by, &wish, mistakes);
            let mut details = form.others();
            details.push(text("What you typed is still there."));
            let told = Told { good: false, title: "Nothing was set up yet", details };
            let html =
                WebhooksPage { told: Some(told), form, ..WebhooksPage::read(&app, &by).await? };
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
        }
    }
}

/// In which environment.
#[derive(Deserialize)]
pub(super) struct Signer {
    #[serde(default)]
    once: String,
    #[serde(default)]
    environment: String,
}

/// Makes what signs callbacks.
pub(super) async fn sign(
    State(app): State<App>,
    posted: Posted<Signer>,
) -> Result<Response, Fault> {
    let Posted { by, form: Signer { once, environment } } = posted;
    let of = chosen(&environment, by.viewer.workspace.environment).ok_or(Fault::BadForm)?;
    let once = once::of(&once, "webhooks.sign", &[&environment])?;
    let events = ENDS.map(str::to_owned).into();
    let wanted = WebhookWish { url: None, events, dialect: Dialect::Native, environment: Some(of) };
    let made = app.service.add_webhook(&by.caller, wanted, Some(once)).await?;
    Ok(shown(&by, made, "signs"))
}

/// Shows the secret of what was just made or changed; a repeat leads to what is there.
fn shown(by: &SignedIn, made: MadeWebhook, how: &'static str) -> Response {
    let MadeWebhook { webhook, secret } = made;
    match secret {
        Some(secret) => page(StatusCode::OK, &SecretPage::new(by, &webhook, &secret, how)),
        None => lead(&place(webhook.id), "repeated", by),
    }
}

fn place(id: WebhookId) -> String {
    format!("/webhooks/{id}")
}

/// A secret, this once, and what to do with it.
#[derive(Template)]
#[template(path = "webhook_secret.html")]
pub(super) struct SecretPage {
    pub(super) shell: Shell,
    pub(super) hook: Hook,
    pub(super) secret: String,
    /// Why it is shown: the webhook was `made`, it `signs` callbacks, or its secret was `changed`.
    pub(super) how: &'static str,
}

impl SecretPage {
    pub(super) fn new(by: &SignedIn, hook: &Webhook, secret: &str, how: &'static str) -> Self {
        // No script, which would look for news of a page that is shown but once.
        let shell = Shell { now: None, ..Shell::of("The secret", "/webhooks", by, by.viewer.now) };
        Self { shell, hook: Hook::new(hook, by), secret: secret.into(), how }
    }
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct HostFields {
    #[serde(default)]
    hosts: String,
}

/// Says where callbacks may go.
pub(super) async fn hosts(
    State(app): State<App>,
    posted: Posted<HostFields>,
) -> Result<Response, Fault> {
    let Posted { by, form: HostFields { hosts } } = posted;
    app.service.webhooks(&by.caller).await?;
    // A space that cannot be told from another is none of ours; its host is refused.
    let named = hosts.split(|c: char| c.is_ascii_whitespace() || c == ',');
    let named = named.filter(|host| !host.is_empty()).map(str::to_owned).collect();
    let update = WorkspaceUpdate { callback_hosts: Some(named), ..WorkspaceUpdate::default() };
    match mistakes(app.service.update_workspace(&by.caller, update).await)? {
        Ok(_) => Ok(lead("/webhooks", "hosts", &by)),
        Err(mistakes) => {
            let all: Vec<_> = mistakes.iter().map(|known| sentence(&known.detail)).collect();
            let told = Told::bad("The hosts were not saved", "What you typed is still there.");
            let html = WebhooksPage {
                told: Some(told),
                hosts: Hosts { typed: hosts, mistake: Some(text(&all.join(" "))) },
                ..WebhooksPage::read(&app, &by).await?
            };
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_told_in_words() {
        for name in Event::NAMES {
            assert_ne!(happening(name), happening("no such event"), "{name}");
        }
    }

    #[test]
    fn what_the_api_would_do_is_left_out() {
        let why = "it answered 404; let it answer 2xx; then POST /v1/webhooks/whk_1/challenge";
        assert_eq!(for_people(why), "It answered 404; let it answer 2xx.");
        let gone = "it answered 410 Gone; if that was a mistake, POST /v1/webhooks/whk_1/challenge";
        assert_eq!(for_people(gone), "It answered 410 Gone.");
        assert_eq!(for_people("silence"), "Silence.");
        let moved = "it answered 301 and points elsewhere (https://a.example/v1/b); redirects are \
                     not followed: give the final URL";
        assert_eq!(for_people(moved), format!("I{}.", &moved[1..]));
    }
}
