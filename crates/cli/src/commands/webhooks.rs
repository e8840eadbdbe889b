//! `askfirst webhooks`: the URLs that are told what happens, from the challenge to the log. A secret
//! is printed once, when it is made.

use anyhow::Result;
use askfirst_core::{Seconds, WebhookId};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::deliveries::RetryArgs;
use super::{block_on, span};
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::some;
use crate::exit::{self, usage};
use crate::terminal::{confirmed, say, say_json, table, text_of, visible, warn};

/// The URLs that are told what happens to approvals
#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Add one, print its secret once, and send it a challenge
    Add(Box<AddArgs>),
    /// List them, without their secrets, and what is wrong
    List(ListArgs),
    /// Show what was or will be sent to one, newest first
    Log(LogArgs),
    /// Send a challenge to one that is told nothing yet, or nothing more
    Challenge(OneArgs),
    /// Change its secret, and print the new one once
    Rotate(RotateArgs),
    /// Send something once more: the same bytes under the same id, as `askfirst deliveries retry`
    Retry(RetryArgs),
    /// Take one away, at once; what waits for it is not sent, and its log goes
    Remove(RemoveArgs),
}

/// A new one.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Where it listens: https, unless the operator opened another way
    #[arg(value_name = "URL", required_unless_present = "callbacks")]
    listener: Option<String>,
    /// Instead of a URL: sign what is sent to the callback_url of approvals
    #[arg(long, conflicts_with_all = ["listener", "events"])]
    callbacks: bool,
    /// Only these events, with commas between them; all if it is not said
    #[arg(long, value_name = "EVENTS", value_delimiter = ',')]
    events: Vec<String>,
    /// The API in whose words it is told, and of whose requests alone
    #[arg(long, value_parser = ["native", "proof"], conflicts_with_all = ["callbacks", "events"])]
    dialect: Option<String>,
    /// Which environment it is told of: live or test; that of the key if it is not said
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Which ones.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
}

/// Which one.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The webhook
    id: WebhookId,
    #[command(flatten)]
    connection: Connection,
}

/// What was sent to which one.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The webhook
    id: WebhookId,
    /// How many, at most
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    limit: u32,
    /// Where the log before ended
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// How a secret gives way.
#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// The webhook
    id: WebhookId,
    /// For how long the present one signs too, at most 7d; 0s if somebody else may know it
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "24h")]
    overlap: Seconds,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Which one to take away.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The webhook
    id: WebhookId,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

impl WebhooksCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Add(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Log(args) => &args.connection,
            Self::Challenge(args) => &args.connection,
            Self::Rotate(args) => &args.connection,
            Self::Retry(args) => args.connection(),
            Self::Remove(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        block_on(async {
            match self {
                Self::Add(args) => args.add(&client).await,
                Self::List(args) => list(&client, args.connection.json).await,
                Self::Log(args) => args.log(&client).await,
                Self::Challenge(args) => args.challenge(&client).await,
                Self::Rotate(args) => args.rotate(&client).await,
                Self::Retry(args) => args.retry(&client).await,
                Self::Remove(args) => args.remove(&client).await,
            }
        })
    }
}

/// What is wrong with one and what to do about it on the command line, if anything is.
fn trouble(hook: &Value) -> Option<String> {
    let id = text_of(hook, "id");
    if let Some(since) = hook["down_since"].as_str() {
        return Some(format!(
            "takes nothing since {}, tried again at {}; askfirst webhooks log {id} says why",
            visible(since),
            text_of(hook, "next_try_at")
        ));
    }
    Some(as_command(hook["problem"].as_str()?, &id))
}

/// What was said of a webhook, for people: what the API would do is what this command line does.
/// All else stays as it was said.
pub(super) fn as_command(said: &str, webhook: &str) -> String {
    let todo = format!("askfirst webhooks challenge {webhook}");
    visible(said).replace(&format!("POST /v1/webhooks/{webhook}/challenge"), &todo)
}

/// Prints a secret that was just made, if the server still told it.
fn tell_secret(made: &Value) -> u8 {
    let id = text_of(made, "id");
    if made["secret"].is_null() {
        warn(format_args!(
            "the answer that had the secret was lost; change it: askfirst webhooks rotate {id} \
             --overlap 0s"
        ));
        return exit::FAILED;
    }
    say(format_args!("its secret, shown this once:\n  {}", text_of(made, "secret")));
    exit::DONE
}

impl AddArgs {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Makes it, and says what is next.
    pub(crate) async fn add(self, client: &Client) -> Result<u8> {
        let mut body = Map::new();
        match self.listener {
            Some(url) => body.insert("url".into(), url.into()),
            None => body.insert("callbacks".into(), true.into()),
        };
        if !self.events.is_empty() {
            body.insert("events".into(), self.events.into());
        }
        if let Some(dialect) = self.dialect {
            body.insert("dialect".into(), dialect.into());
        }
        if let Some(environment) = self.environment {
            body.insert("environment".into(), environment.into());
        }
        let made = client.post("/v1/webhooks", &Value::Object(body)).await?;
        if self.connection.json {
            say_json(&made);
            return Ok(if made["secret"].is_null() { exit::FAILED } else { exit::DONE });
        }
        let to = match made["url"].as_str() {
            Some(url) => visible(url),
            None => "signs callbacks".into(),
        };
        say(format_args!("made {} ({}): {to}", text_of(&made, "id"), text_of(&made, "state")));
        let code = tell_secret(&made);
        if let Some(why) = trouble(&made) {
            warn(format_args!(
                "it is told nothing before it gives a challenge back. give your receiver the \
                 secret first. now: {why}"
            ));
        }
        Ok(code)
    }
}

async fn list(client: &Client, json: bool) -> Result<u8> {
    let answer = client.get("/v1/webhooks").await?;
    let hooks = answer["data"].as_array().cloned().unwrap_or_default();
    if json {
        say_json(&json!({ "data": hooks }));
        return Ok(exit::DONE);
    }
    if hooks.is_empty() {
        say("no program is told anything yet: askfirst webhooks add --help");
        return Ok(exit::DONE);
    }
    let row = |hook: &Value| {
        let events = hook["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let events = events.map(visible).collect::<Vec<_>>().join(",");
        vec![
            text_of(hook, "id"),
            text_of(hook, "state"),
            text_of(hook, "environment"),
            hook["url"].as_str().map_or_else(|| "callbacks".into(), visible),
            if events.is_empty() { "everything".into() } else { events },
            format!("{} waiting", hook["waiting"]),
            trouble(hook).unwrap_or_default(),
        ]
    };
    say(table(&hooks.iter().map(row).collect::<Vec<_>>()));
    Ok(exit::DONE)
}

impl LogArgs {
    async fn log(self, client: &Client) -> Result<u8> {
        let path = format!("/v1/webhooks/{}/deliveries", self.id);
        let page = some(client, &path, self.limit, self.cursor.as_deref()).await?;
        if self.connection.json {
            say_json(&page);
            return Ok(exit::DONE);
        }
        let webhook = self.id.to_string();
        let row = |line: &Value| {
            let status = line["response_status"].as_u64();
            let why = line["last_error"].as_str().map(|why| as_command(why, &webhook));
            vec![
                text_of(line, "id"),
                text_of(line, "at"),
                text_of(line, "event"),
                text_of(line, "approval"),
                text_of(line, "state"),
                format!("tried {}", line["attempts"]),
                status.map(|status| status.to_string()).unwrap_or_default(),
                match (line["next_attempt_at"].as_str().map(visible), why) {
                    (Some(at), Some(why)) => format!("{why}; next {at}"),
                    (Some(at), None) => format!("next {at}"),
                    (None, why) => why.unwrap_or_default(),
                },
            ]
        };
        let rows: Vec<_> = page["data"].as_array().into_iter().flatten().map(row).collect();
        match (rows.is_empty(), &self.cursor) {
            (false, _) => say(table(&rows)),
            (true, None) => say("nothing was sent to it yet"),
            (true, Some(_)) => say("nothing older was sent to it"),
        }
        if let Some(cursor) = page["next_cursor"].as_str() {
            say(format_args!("more: add --cursor {}", visible(cursor)));
        }
        Ok(exit::DONE)
    }
}

impl OneArgs {
    async fn challenge(self, client: &Client) -> Result<u8> {
        let path = format!("/v1/webhooks/{}/challenge", self.id);
        let hook = client.post(&path, &json!({})).await?;
        let active = hook["state"] == "active";
        match (self.connection.json, active) {
            (true, _) => say_json(&hook),
            (false, true) => say(format_args!("{} is active: it is told what happens", self.id)),
            (false, false) => warn(format_args!(
                "{} did not give the challenge back: {}",
                self.id,
                trouble(&hook).unwrap_or_default()
            )),
        }
        Ok(if active { exit::DONE } else { exit::FAILED })
    }
}

impl RotateArgs {
    async fn rotate(self, client: &Client) -> Result<u8> {
        let question = "End the present secret at once? What its receiver refuses until it knows \
                        the new one is sent again later.";
        if self.overlap.0 == 0 && !self.yes && !confirmed(question, "add --yes")? {
            return Err(usage("not confirmed; nothing was changed"));
        }
        let path = format!("/v1/webhooks/{}/rotate", self.id);
        let made = client.post(&path, &json!({ "overlap": self.overlap.0 })).await?;
        if self.connection.json {
            say_json(&made);
            return Ok(if made["secret"].is_null() { exit::FAILED } else { exit::DONE });
        }
        match made["older_secret_until"].as_str() {
            Some(until) => {
                say(format_args!("{}: both secrets sign until {}", self.id, visible(until)));
            }
            None => say(format_args!("{}: only the new secret signs", self.id)),
        }
        Ok(tell_secret(&made))
    }
}

impl RemoveArgs {
    async fn remove(self, client: &Client) -> Result<u8> {
        let path = format!("/v1/webhooks/{}", self.id);
        if !self.yes {
            let hook = client.get(&path).await?;
            let to = hook["url"].as_str().map_or_else(|| "what signs callbacks".into(), visible);
            let waiting = &hook["waiting"];
            let question =
                format!("Remove {to}? {waiting} waiting for it are not sent, and its log goes.");
            if !confirmed(&question, "add --yes")? {
                return Err(usage("not confirmed; nothing was removed"));
            }
        }
        client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
        match self.connection.json {
            true => say_json(&json!({ "id": self.id.to_string(), "removed": true })),
            false => say(format_args!("{} is removed; nothing is sent to it any more", self.id)),
        }
        Ok(exit::DONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_whole_and_what_to_do_as_commands() {
        let told = |problem: &str| trouble(&json!({ "id": "whk_1", "problem": problem })).unwrap();
        let moved = "it answered 301 and points elsewhere (https://a.example/v1/b); give the final \
                     URL";
        assert_eq!(
            told(&format!("{moved}; then POST /v1/webhooks/whk_1/challenge")),
            format!("{moved}; then askfirst webhooks challenge whk_1")
        );
        assert_eq!(
            told(
                "it has not answered a challenge yet; POST /v1/webhooks/whk_1/challenge sends one"
            ),
            "it has not answered a challenge yet; askfirst webhooks challenge whk_1 sends one"
        );
        let other = "it said: POST /v1/webhooks/whk_2/challenge\u{202e}";
        assert_eq!(told(other), other.replace('\u{202e}', "<U+202E>"), "another one is no command");
        assert_eq!(trouble(&json!({ "id": "whk_1", "problem": null })), None);
    }
}
