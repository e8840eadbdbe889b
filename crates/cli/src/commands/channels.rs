//! `askfirst channels`: the ways by which people are told that they are asked. What only bots have
//! is in `bots`, and whose accounts are in `linking`.

mod bots;
mod linking;
mod rooms;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use askfirst_core::ChannelId;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::block_on;
use super::webhooks::AddArgs;
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::all;
use crate::exit::{self, usage};
use crate::input;
use crate::terminal::{confirmed, say, say_json, table, text_of, visible, warn};

/// How long the answer to a trial may take: the server gives a mail 45 seconds.
const TRIAL: Duration = Duration::from_secs(60);

/// The ways by which people are told that they are asked
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelsCommand {
    /// Set one up, and try it
    #[command(subcommand)]
    Add(AddCommand),
    /// Change what one is set up with, and try it; what waits goes out by that
    ///
    /// What is not named stays. With another host, port or security the password has to be given
    /// again, and with another address of the Bot API the token: the one that is there was given
    /// for another server.
    Change(Box<ChangeArgs>),
    /// Say which chat account is yours, or another member's, so that answers by it count
    Link(linking::LinkArgs),
    /// Say that a chat account is yours no more, or another member's
    Unlink(linking::UnlinkArgs),
    /// List whose chat accounts are linked
    Accounts(linking::AccountsArgs),
    /// Have requests written into groups, too
    #[command(subcommand)]
    Rooms(rooms::RoomsCommand),
    /// List them, without their secrets, and what went wrong last
    List(ListArgs),
    /// Send a test to yourself: to who answers for the key
    Test(OneArgs),
    /// Show what people were told, newest first
    Log(OneArgs),
    /// Take one out of use, at once; what waits is not told
    Remove(RemoveArgs),
}

/// The kinds of ways
#[derive(Debug, Subcommand)]
pub(crate) enum AddCommand {
    /// Mail, through a server that sends for you
    Email(Box<EmailArgs>),
    /// A bot of Telegram's, which people answer by
    Telegram(bots::TelegramArgs),
    /// A URL that is told what happens: the same as `askfirst webhooks add`
    Webhook(Box<AddArgs>),
}

/// A mail server.
#[derive(Debug, Args)]
pub(crate) struct EmailArgs {
    /// The mail server's name
    #[arg(long, value_name = "HOST")]
    host: String,
    /// Its port; 465 with tls and 587 otherwise
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// How the connection is protected; `none` only inside
    #[arg(long, value_parser = ["starttls", "tls", "none"], default_value = "starttls")]
    security: String,
    /// The name that it knows you by, if it asks for one
    #[arg(long, value_name = "NAME", requires = "password_file")]
    username: Option<String>,
    /// The file with the password for that name; - for stdin
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// The address that mail comes from
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// The language that people are written to in
    #[arg(long, value_parser = ["en", "de"], default_value = "en")]
    locale: String,
    /// What those who decided hear of what came of it: nothing, what the agent reports, or also
    /// that it has its answer
    #[arg(long, value_parser = ["none", "outcome", "all"], default_value = "outcome")]
    afterwards: String,
    #[command(flatten)]
    connection: Connection,
}

/// What is to be otherwise.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Its id
    id: ChannelId,
    /// The mail server's name
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Its port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// How the connection is protected; `none` only inside
    #[arg(long, value_parser = ["starttls", "tls", "none"])]
    security: Option<String>,
    /// The name that it knows you by
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// It asks for no name any more; the password goes
    #[arg(long, conflicts_with_all = ["username", "password_file"])]
    no_username: bool,
    /// The file with the password; - for stdin
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The address that mail comes from
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// The language that people are written to in
    #[arg(long, value_parser = ["en", "de"])]
    locale: Option<String>,
    /// What those who decided hear of what came of it: nothing, what the agent reports, or also
    /// that it has its answer
    #[arg(long, value_parser = ["none", "outcome", "all"])]
    afterwards: Option<String>,
    /// The file with another token of the same bot; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "password_file")]
    token_file: Option<PathBuf>,
    /// Where the Bot API is spoken
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// How the bot is heard: this server asks, or Telegram calls its public URL
    #[arg(long, value_parser = ["polling", "webhook"])]
    receive: Option<String>,
    /// Have the bot heard here, where a webhook was set for it elsewhere
    #[arg(long)]
    take_over: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Which ways.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
}

/// Which way.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Its id
    id: ChannelId,
    #[command(flatten)]
    connection: Connection,
}

/// Which way to take out of use.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Its id
    id: ChannelId,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

impl ChannelsCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Add(AddCommand::Email(args)) => &args.connection,
            Self::Add(AddCommand::Telegram(args)) => &args.connection,
            Self::Change(args) => &args.connection,
            Self::Link(args) => &args.connection,
            Self::Unlink(args) => &args.connection,
            Self::Accounts(args) => &args.connection,
            Self::Rooms(command) => command.connection(),
            Self::Add(AddCommand::Webhook(args)) => args.connection(),
            Self::List(args) => &args.connection,
            Self::Test(args) | Self::Log(args) => &args.connection,
            Self::Remove(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        block_on(async {
            match self {
                Self::Add(AddCommand::Email(args)) => args.add(&client).await,
                Self::Add(AddCommand::Telegram(args)) => args.add(&client).await,
                Self::Change(args) => args.change(&client).await,
                Self::Link(args) => args.link(&client).await,
                Self::Unlink(args) => args.unlink(&client).await,
                Self::Accounts(args) => args.list(&client).await,
                Self::Rooms(command) => command.run(&client).await,
                Self::Add(AddCommand::Webhook(args)) => args.add(&client).await,
                Self::List(args) => list(&client, args.connection.json).await,
                Self::Test(args) => {
                    let trial = tried(&client, &args.id.to_string()).await?;
                    Ok(if told(&trial, args.connection.json) { exit::DONE } else { exit::FAILED })
                }
                Self::Log(args) => log(&client, args.id, args.connection.json).await,
                Self::Remove(args) => args.remove(&client).await,
            }
        })
    }
}

impl EmailArgs {
    async fn add(self, client: &Client) -> Result<u8> {
        let mut body = Map::new();
        body.insert("kind".into(), "email".into());
        body.insert("host".into(), self.host.into());
        body.insert("security".into(), self.security.into());
        body.insert("from".into(), self.from.into());
        body.insert("locale".into(), self.locale.into());
        body.insert("afterwards".into(), self.afterwards.into());
        if let Some(port) = self.port {
            body.insert("port".into(), port.into());
        }
        if let (Some(name), Some(file)) = (self.username, self.password_file) {
            body.insert("username".into(), name.into());
            body.insert("password".into(), secret_in(&file, "password")?);
        }
        let made = client.post("/v1/channels", &Value::Object(body)).await?;
        try_out(client, made, "made", self.connection.json).await
    }
}

impl ChangeArgs {
    async fn change(self, client: &Client) -> Result<u8> {
        let mut body = Map::new();
        let texts = [
            ("host", self.host),
            ("security", self.security),
            ("username", self.username),
            ("from", self.from),
            ("locale", self.locale),
            ("afterwards", self.afterwards),
            ("api", self.api),
            ("receive", self.receive),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                body.insert(name.into(), value.into());
            }
        }
        if let Some(port) = self.port {
            body.insert("port".into(), port.into());
        }
        if self.no_username {
            body.insert("username".into(), Value::Null);
        }
        if let Some(file) = &self.password_file {
            body.insert("password".into(), secret_in(file, "password")?);
        }
        if let Some(file) = &self.token_file {
            body.insert("token".into(), secret_in(file, "token")?);
        }
        if self.take_over {
            body.insert("take_over".into(), true.into());
        }
        if body.is_empty() {
            return Err(usage("say what is to be otherwise, such as --host smtp.example.com"));
        }
        let path = format!("/v1/channels/{}", self.id);
        let body = Value::Object(body);
        let call = client.call(Method::PATCH, &path, Some(&body), None, ORDINARY);
        let changed = call.await?.body;
        if bots::is_bot(&changed) {
            return Ok(bots::set_up(changed, "changed", self.connection.json));
        }
        try_out(client, changed, "changed", self.connection.json).await
    }
}

/// The secret that a file holds, by the word for it.
fn secret_in(file: &Path, what: &str) -> Result<Value> {
    let secret = input::read_text(file)?;
    let secret = secret.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(usage(format!("{}: there is no {what} in it", file.display())));
    }
    Ok(secret.into())
}

/// Sends a test by what was just set up, and says what came of it.
async fn try_out(client: &Client, channel: Value, what: &str, json: bool) -> Result<u8> {
    let (named, host) = (text_of(&channel, "id"), text_of(&channel, "host"));
    if !json {
        // Before the trial, which takes its time and may fail: the channel is there whatever it says.
        say(format_args!("{what} {named}: mail through {host}"));
    }
    let trial = tried(client, channel["id"].as_str().unwrap_or_default()).await;
    if json {
        say_json(&json!({ "channel": channel, "test": trial.as_ref().ok() }));
        return Ok(if trial?["sent"] == true { exit::DONE } else { exit::FAILED });
    }
    if told(&trial?, false) {
        return Ok(exit::DONE);
    }
    warn(format_args!("to give other settings: askfirst channels change {named} --help"));
    Ok(exit::FAILED)
}

/// Once, whatever comes of it: each request sends another mail.
async fn tried(client: &Client, id: &str) -> Result<Value> {
    let path = format!("/v1/channels/{id}/test");
    Ok(client.call(Method::POST, &path, Some(&json!({})), None, TRIAL).await?.body)
}

/// Says how a trial ended; true if something was sent.
fn told(trial: &Value, json: bool) -> bool {
    let sent = trial["sent"] == true;
    match (json, sent) {
        (true, _) => say_json(trial),
        (false, true) => {
            say(format_args!(
                "a test is on its way to {}; look whether it arrives",
                text_of(trial, "to")
            ));
        }
        (false, false) => {
            warn(format_args!("the test did not go out: {}", text_of(trial, "error")));
        }
    }
    sent
}

async fn list(client: &Client, json: bool) -> Result<u8> {
    let answer = client.get("/v1/channels").await?;
    let channels = answer["data"].as_array().cloned().unwrap_or_default();
    if json {
        say_json(&json!({ "data": channels }));
        return Ok(exit::DONE);
    }
    if channels.is_empty() {
        say(
            "nobody is told anything yet: askfirst channels add email --help, or askfirst channels \
             add telegram --help",
        );
        return Ok(exit::DONE);
    }
    let row = |channel: &Value| {
        let (by, how) = match bots::is_bot(channel) {
            true => (bots::at(channel), format!("by {}", text_of(channel, "receive"))),
            false => (text_of(channel, "host"), text_of(channel, "from")),
        };
        vec![
            text_of(channel, "id"),
            text_of(channel, "kind"),
            by,
            how,
            format!("{} waiting", channel["waiting"]),
            state(channel),
        ]
    };
    say(table(&channels.iter().map(row).collect::<Vec<_>>()));
    Ok(exit::DONE)
}

/// Whether it works, what went wrong last, and whom it does not reach.
fn state(channel: &Value) -> String {
    let error = channel["last_error"].as_str().map(visible);
    let unreached = channel["unreached"].as_array().map_or(&[][..], Vec::as_slice);
    let unreached: Vec<_> = unreached.iter().map(|one| text_of(one, "address")).collect();
    let missed = match unreached.is_empty() {
        true => String::new(),
        false => format!("; does not reach {}", unreached.join(", ")),
    };
    let state = match (channel["down_since"].as_str(), channel["next_probe_at"].as_str()) {
        (Some(since), Some(next)) => format!(
            "takes nothing since {}, tried again at {}: {}",
            visible(since),
            visible(next),
            error.unwrap_or_default()
        ),
        _ => error.unwrap_or_else(|| "works".into()),
    };
    state + &missed
}

async fn log(client: &Client, id: ChannelId, json: bool) -> Result<u8> {
    let notices = all(client, &format!("/v1/channels/{id}/notices")).await?;
    if json {
        say_json(&json!({ "data": notices }));
        return Ok(exit::DONE);
    }
    if notices.is_empty() {
        say("nobody was told anything by it yet");
        return Ok(exit::DONE);
    }
    let row = |notice: &Value| {
        vec![
            text_of(notice, "at"),
            text_of(notice, "about"),
            visible(notice["address"].as_str().unwrap_or("-")),
            text_of(notice, "state"),
            text_of(notice, "approval"),
            visible(notice["reason"].as_str().unwrap_or("")),
        ]
    };
    say(table(&notices.iter().map(row).collect::<Vec<_>>()));
    Ok(exit::DONE)
}

/// What taking a channel out of use comes to, to be confirmed. `linked` says how many accounts
/// are linked by it.
fn goodbye(channel: &Value, linked: usize) -> String {
    let bot = bots::is_bot(channel);
    let noun = if bot { "message" } else { "mail" };
    let waiting = match channel["waiting"].as_u64() {
        Some(0) => "nothing waits for it".to_owned(),
        Some(1) => format!("1 {noun} that waits is not sent"),
        _ => format!("{} {noun}s that wait are not sent", channel["waiting"]),
    };
    if !bot {
        let (from, host) = (text_of(channel, "from"), text_of(channel, "host"));
        return format!(
            "Remove mail from {from} through {host}? Nobody is told by it any more; {waiting}."
        );
    }
    let linked = match linked {
        0 => "nobody had linked an account".to_owned(),
        1 => "1 linked account is nobody's any more".to_owned(),
        more => format!("{more} linked accounts are nobody's any more"),
    };
    format!(
        "Remove {}? Nobody is told by it any more, and its cards lose their buttons and say so; \
         {linked}; {waiting}.",
        bots::at(channel)
    )
}

impl RemoveArgs {
    async fn remove(self, client: &Client) -> Result<u8> {
        let path = format!("/v1/channels/{}", self.id);
        if !self.yes {
            let channel = client.get(&path).await?;
            let linked = match bots::is_bot(&channel) {
                true => all(client, &format!("{path}/accounts")).await?.len(),
                false => 0,
            };
            if !confirmed(&goodbye(&channel, linked), "add --yes")? {
                return Err(usage("not confirmed; nothing was removed"));
            }
        }
        client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
        match self.connection.json {
            true => say_json(&json!({ "id": self.id.to_string(), "removed": true })),
            false => {
                say(format_args!("{} is removed; nobody is told anything by it any more", self.id));
            }
        }
        Ok(exit::DONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_removes_a_channel_is_told_what_is_lost() {
        let asked = |waiting: u64| {
            goodbye(
                &json!({ "from": "a@b.example\u{202e}", "host": "mail.b.example", "waiting": waiting }),
                0,
            )
        };
        assert_eq!(
            asked(12),
            "Remove mail from a@b.example<U+202E> through mail.b.example? Nobody is told by it any \
             more; 12 mails that wait are not sent."
        );
        assert!(asked(1).ends_with("; 1 mail that waits is not sent."));
        assert!(asked(0).ends_with("; nothing waits for it."));
        let bot = json!({ "kind": "telegram", "bot_username": "deploy_bot", "waiting": 2 });
        assert_eq!(
            goodbye(&bot, 3),
            "Remove @deploy_bot? Nobody is told by it any more, and its cards lose their buttons and \
             say so; 3 linked accounts are nobody's any more; 2 messages that wait are not sent."
        );
    }
}
