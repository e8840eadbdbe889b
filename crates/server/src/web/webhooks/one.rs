//! One receiver: how it stands with it, its challenge, its secret, what was sent to it, and its
//! end. Each of its forms ends in a redirect, but for the one that shows a secret.

use askama::Template;
use askfirst_core::{DeliveryId, Seconds, WebhookId};
use askfirst_store::{Delivery, Webhook, WebhookState};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::super::after::{After, Told, lead, mistakes};
use super::super::fault::{Fault, page};
use super::super::history::{Choice, sent};
use super::super::once;
use super::super::session::{Nothing, Posted, SignedIn};
use super::super::shell::Shell;
use super::log::Line;
use super::{Hook, place, shown};
use crate::app::App;
use crate::service::deliveries::{Sent, SentId};

/// How much of its log is on a page.
const PAGE: u32 = 20;

/// One of them, and its log.
#[derive(Template)]
#[template(path = "webhook.html")]
pub(in crate::web) struct WebhookPage {
    pub(in crate::web) shell: Shell,
    pub(in crate::web) told: Option<Told>,
    pub(in crate::web) hook: Hook,
    pub(in crate::web) log: Vec<Line>,
    /// Where the next page begins.
    pub(in crate::web) older: Option<String>,
    /// Whether this is the first page.
    pub(in crate::web) first: bool,
    pub(in crate::web) overlaps: Vec<Choice>,
    pub(in crate::web) once: String,
}

impl WebhookPage {
    pub(in crate::web) fn new(
        by: &SignedIn,
        hook: &Webhook,
        log: &[Delivery],
        once: String,
    ) -> Self {
        let active = hook.state == WebhookState::Active;
        let overlaps = [
            ("24h", "for 24 hours more"),
            ("1h", "for an hour more"),
            ("7d", "for 7 days more"),
            ("0s", "not any more, as somebody else may know it"),
        ];
        Self {
            shell: Shell::of("Webhook", "/webhooks", by, by.viewer.now),
            told: None,
            hook: Hook::new(hook, by),
            log: log.iter().map(|delivery| Line::new(delivery, hook, active, by)).collect(),
            older: None,
            first: true,
            overlaps: overlaps.map(|(value, word)| Choice::new(value, word, "24h")).into(),
            once,
        }
    }
}

/// What came of a form, as the address says it.
pub(in crate::web) fn told(done: &str, hook: &Hook) -> Option<Told> {
    match done {
        "confirmed" => {
            let detail = "It is told what happens from now on.";
            Some(Told::good("It gave the challenge back", detail))
        }
        "unconfirmed" => {
            let detail = "Nothing is sent to it yet. Mend that, and send the challenge again.";
            let mut told = Told::bad("It did not give the challenge back", detail);
            if let (Some(why), "unconfirmed" | "disabled") = (hook.problem.clone(), hook.state) {
                told.details.insert(0, why);
            }
            Some(told)
        }
        "again" => {
            let when = match hook.down {
                None => "It goes out now",
                Some(_) => "It goes out as soon as the receiver takes something",
            };
            let detail = format!(
                "{when}, with the same bytes and the same id. Reload this page to see what came of \
                 it."
            );
            Some(Told::good("It is sent once more", &detail))
        }
        "repeated" => {
            let detail = "This form was sent before, so nothing was done now. Its secret was shown \
                          then and is not shown again; if it is lost, change it below.";
            Some(Told::bad("This was done already", detail))
        }
        _ => None,
    }
}

/// Which part of the log.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    before: String,
}

fn id(text: &str) -> Result<WebhookId, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}

pub(in crate::web) async fn show(
    State(app): State<App>,
    Path(named): Path<String>,
    by: SignedIn,
    uri: Uri,
) -> Result<Response, Fault> {
    let (after, part): (After, Part) = (sent(&uri)?, sent(&uri)?);
    let id = id(&named)?;
    let hook = app.service.webhook(&by.caller, id).await?;
    let before: Option<DeliveryId> = match part.before.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| Fault::NotFound)?),
    };
    let mut log = app.service.deliveries(&by.caller, id, before, PAGE + 1).await?;
    let more = log.len() > PAGE as usize;
    log.truncate(PAGE as usize);
    let last = log.last().filter(|_| more);
    let older = last.map(|last| format!("{}?before={}#log", place(id), last.id));
    let html = WebhookPage::new(&by, &hook, &log, once::fresh());
    let told = after.done(&by).and_then(|done| told(done, &html.hook));
    Ok(page(StatusCode::OK, &WebhookPage { told, older, first: before.is_none(), ..html }))
}

pub(in crate::web) async fn challenge(
    State(app): State<App>,
    Path(named): Path<String>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let by = posted.by;
    let hook = app.service.challenge_webhook(&by.caller, id(&named)?).await?;
    let active = hook.state == WebhookState::Active;
    Ok(lead(&place(hook.id), if active { "confirmed" } else { "unconfirmed" }, &by))
}

/// For how long both secrets sign.
#[derive(Deserialize)]
pub(in crate::web) struct Rotation {
    once: String,
    overlap: String,
}

pub(in crate::web) async fn rotate(
    State(app): State<App>,
    Path(named): Path<String>,
    posted: Posted<Rotation>,
) -> Result<Response, Fault> {
    let Posted { by, form: Rotation { once, overlap } } = posted;
    let id = id(&named)?;
    let length: Seconds = overlap.parse().map_err(|_| Fault::BadForm)?;
    let once = once::of(&once, &format!("webhooks.rotate/{id}"), &[&overlap])?;
    let made = app.service.rotate_webhook(&by.caller, id, length, Some(once)).await;
    match mistakes(made)? {
        Ok(made) => Ok(shown(&by, made, "changed")),
        Err(_) => Err(Fault::BadForm),
    }
}

pub(in crate::web) async fn remove(
    State(app): State<App>,
    Path(named): Path<String>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let by = posted.by;
    app.service.remove_webhook(&by.caller, id(&named)?).await?;
    Ok(lead("/webhooks", "removed", &by))
}

/// What to send again.
#[derive(Deserialize)]
pub(in crate::web) struct Again {
    delivery: String,
}

pub(in crate::web) async fn retry(
    State(app): State<App>,
    Path(_): Path<String>,
    posted: Posted<Again>,
) -> Result<Response, Fault> {
    let Posted { by, form: Again { delivery } } = posted;
    let delivery: DeliveryId = delivery.parse().map_err(|_| Fault::NotFound)?;
    let sent = app.service.retry_sent(&by.caller, SentId::Delivery(delivery), None).await?;
    let Sent::Delivery(delivery) = sent else { return Err(Fault::NotFound) };
    Ok(lead(&place(delivery.webhook), "again", &by))
}
