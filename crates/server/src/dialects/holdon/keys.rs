//! Making a key without having one, where the operator opened that.

use std::net::IpAddr;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::approval::{Sent, given};
use crate::app::App;
use crate::dialects::second;
use crate::http::problem::Problem;
use crate::service::self_service::{LentBot, NoKey, StrangersWish};

/// A key to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyBody {
    name: String,
    #[serde(default, deserialize_with = "given")]
    telegram_bot_token: Option<String>,
    #[serde(default, deserialize_with = "given")]
    telegram_chat_id: Option<String>,
    #[serde(default, deserialize_with = "given")]
    notification_email: Option<String>,
    #[serde(default, deserialize_with = "given")]
    webhook_url: Option<String>,
}

/// A new key. Its text is told this once.
#[derive(Serialize)]
pub(super) struct MadeKeyView {
    id: String,
    name: String,
    key: String,
    api_key: String,
    notification_email: Option<String>,
    webhook_url: Option<String>,
    telegram_chat_id: Option<String>,
    /// Why nobody is told by the bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    telegram: Option<Sent>,
    created_at: String,
}

impl KeyBody {
    /// The key, for somebody who comes from `place`.
    pub(super) async fn make(
        self,
        app: &App,
        place: Option<IpAddr>,
    ) -> Result<MadeKeyView, Problem> {
        let chat = self.telegram_chat_id;
        let token = self.telegram_bot_token;
        let telegram = (token.is_some() || chat.is_some()).then(|| LentBot {
            token: Zeroizing::new(token.unwrap_or_default()),
            chat: chat.clone().unwrap_or_default(),
        });
        let (contact, webhook_url) = (self.notification_email, self.webhook_url);
        let wish = StrangersWish {
            name: self.name,
            contact: contact.clone(),
            webhook_url: webhook_url.clone(),
            telegram,
        };
        let (made, trouble) = app.service.add_strangers_key(place, wish).await.map_err(told)?;
        let trouble = trouble.map(|why| Sent { sent: false, error: Some(why.into()) });
        let text = made.secret.unwrap_or_default();
        Ok(MadeKeyView {
            id: made.key.facts.id.to_string(),
            name: made.key.facts.label,
            key: text.clone(),
            api_key: text,
            notification_email: contact,
            webhook_url,
            telegram_chat_id: chat.filter(|_| trouble.is_none()),
            telegram: trouble,
            created_at: second(made.key.created_at),
        })
    }
}

fn told(error: NoKey) -> Problem {
    let detail = error.to_string();
    match error {
        NoKey::Off => {
            Problem::new(StatusCode::FORBIDDEN, "self_service_off", "No self-service", detail)
        }
        NoKey::Full(_) => {
            let title = "No room for strangers";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "self_service_full", title, detail)
        }
        NoKey::Service(error) => error.into(),
    }
}
