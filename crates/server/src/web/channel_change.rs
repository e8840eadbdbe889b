//! Changing a way to people in place. For owners; the service checks that. The password that is kept
//! is not in the form, and stays only where it goes to the server that it was given for.

use askama::Template;
use askfirst_core::{ChannelId, ChannelSettings, EmailSettings, MailSecurity, Role, Scope};
use askfirst_store::Channel;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use zeroize::Zeroizing;

use super::after::{Told, mistakes};
use super::channels::{Form, Wish, tried};
use super::fault::{Fault, page};
use super::session::{Posted, SignedIn};
use super::shell::{Shell, text};
use crate::app::App;
use crate::service::caller::OWNERS;
use crate::service::channels::{ChannelUpdate, EmailUpdate};

/// One way, to be changed.
#[derive(Template)]
#[template(path = "channel_change.html")]
pub(super) struct ChannelChangePage {
    pub(super) shell: Shell,
    pub(super) told: Option<Told>,
    pub(super) id: String,
    /// Whether a password is there that can be kept.
    pub(super) kept: bool,
    /// For who may.
    pub(super) form: Option<Form>,
}

impl Wish {
    /// What is there, but for the password.
    fn of(email: &EmailSettings) -> Self {
        let security = match email.security {
            MailSecurity::Tls => "tls",
            MailSecurity::StartTls => "starttls",
            MailSecurity::None => "none",
        };
        Self {
            host: email.host.clone(),
            port: email.port.to_string(),
            security: security.into(),
            username: email.username.clone().unwrap_or_default(),
            password: Zeroizing::default(),
            from: email.from.clone(),
            locale: email.locale.as_str().into(),
            afterwards: email.afterwards.as_str().into(),
        }
    }
}

impl ChannelChangePage {
    pub(super) fn new(by: &SignedIn, channel: &Channel) -> Self {
        let email = match &channel.settings {
            ChannelSettings::Email(email) => Some(email),
            ChannelSettings::Telegram(_) => None,
        };
        let email = email.filter(|_| by.viewer.member.person.role == Role::Owner);
        Self {
            shell: Shell::of("Change mail", "/channels", by, by.viewer.now),
            told: None,
            id: channel.id.to_string(),
            kept: channel.sealed.is_some(),
            form: email.map(|email| Form::new(&Wish::of(email), Vec::new())),
        }
    }
}

pub(super) async fn known(app: &App, by: &SignedIn, id: &str) -> Result<Channel, Fault> {
    let id: ChannelId = id.parse().map_err(|_| Fault::NotFound)?;
    Ok(app.service.channel(&by.caller, id).await?)
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    by: SignedIn,
) -> Result<Response, Fault> {
    let channel = known(&app, &by, &id).await?;
    if let ChannelSettings::Telegram(_) = channel.settings {
        return Ok(Redirect::to(&format!("/channels/{}/bot", channel.id)).into_response());
    }
    Ok(page(StatusCode::OK, &ChannelChangePage::new(&by, &channel)))
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
    let mistakes = match wish.settings() {
        Err(mistakes) => mistakes,
        Ok(email) => {
            let update = EmailUpdate {
                host: Some(email.host),
                port: Some(email.port),
                security: Some(email.security),
                username: Some(email.username),
                password: (!wish.password.is_empty()).then(|| wish.password.clone()),
                from: Some(email.from),
            };
            let update = ChannelUpdate {
                email: update,
                locale: Some(email.locale),
                afterwards: Some(email.afterwards),
                ..ChannelUpdate::default()
            };
            match mistakes(app.service.change_channel(&by.caller, channel.id, update).await)? {
                Ok(_) => return tried(&app, &by, channel.id).await,
                Err(mistakes) => mistakes,
            }
        }
    };
    let form = Form::new(&wish, mistakes);
    let mut details = form.others();
    details.push(text("What you typed is still there, but for the password."));
    let told = Told { good: false, title: "Nothing was changed yet", details };
    let html = ChannelChangePage {
        told: Some(told),
        form: Some(form),
        ..ChannelChangePage::new(&by, &channel)
    };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
}
