//! Bots of Telegram's, as far as setting them up goes. Their tokens come from files or a person's
//! own hands, never from the command line, which others can read.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};

use super::secret_in;
use crate::client::{Client, Connection};
use crate::exit::{self, usage};
use crate::terminal::{asked_secret, has_reader, say, say_json, text_of};

/// A bot of Telegram's.
#[derive(Debug, Args)]
pub(crate) struct TelegramArgs {
    /// The file with the token that @BotFather gave; - for stdin. Without it you are asked
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where the Bot API is spoken, if not at Telegram's own address
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// How the bot is heard: this server asks, from behind any router; or Telegram calls its public
    /// URL
    #[arg(long, value_parser = ["polling", "webhook"], default_value = "polling")]
    receive: String,
    /// Have the bot heard here, where a webhook was set for it elsewhere
    #[arg(long)]
    take_over: bool,
    /// The language that the bot speaks
    #[arg(long, value_parser = ["en", "de"], default_value = "en")]
    locale: String,
    /// What those who decided hear of what came of it: nothing, what the agent reports, or also
    /// that it has its answer
    #[arg(long, value_parser = ["none", "outcome", "all"], default_value = "outcome")]
    afterwards: String,
    #[command(flatten)]
    pub(super) connection: Connection,
}

impl TelegramArgs {
    pub(super) async fn add(self, client: &Client) -> Result<u8> {
        let mut body = Map::new();
        body.insert("kind".into(), "telegram".into());
        body.insert("token".into(), token(self.token_file.as_deref())?);
        body.insert("receive".into(), self.receive.into());
        body.insert("locale".into(), self.locale.into());
        body.insert("afterwards".into(), self.afterwards.into());
        if let Some(api) = self.api {
            body.insert("api".into(), api.into());
        }
        if self.take_over {
            body.insert("take_over".into(), true.into());
        }
        let made = client.post("/v1/channels", &Value::Object(body)).await?;
        Ok(set_up(made, "made", self.connection.json))
    }
}

/// The token, from a file or from whoever sits here.
fn token(file: Option<&Path>) -> Result<Value> {
    match file {
        Some(file) => secret_in(file, "token"),
        None if !has_reader() => Err(usage(
            "nobody is there to be asked for the token; give --token-file FILE, or - for stdin",
        )),
        None => match asked_secret("The token that @BotFather gave (it is not shown): ")? {
            token if token.is_empty() => Err(usage("no token was given; nothing was made")),
            token => Ok(token.into()),
        },
    }
}

/// Says of a bot that it is there. There is no trial as with mail: the server has asked Telegram
/// about it already, and a bot writes to nobody who did not press Start.
pub(super) fn set_up(channel: Value, what: &str, json: bool) -> u8 {
    if json {
        say_json(&json!({ "channel": channel }));
        return exit::DONE;
    }
    say(format_args!("{what} {}: {} is heard", text_of(&channel, "id"), at(&channel)));
    if what == "made" {
        say("next, say which Telegram account is yours: askfirst channels link telegram");
    }
    exit::DONE
}

/// The bot, as people find it.
pub(super) fn at(channel: &Value) -> String {
    format!("@{}", text_of(channel, "bot_username"))
}

/// Whether it is one.
pub(super) fn is_bot(channel: &Value) -> bool {
    channel["kind"] == "telegram"
}
