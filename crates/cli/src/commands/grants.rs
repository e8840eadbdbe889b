//! `askfirst grants`: votes given in advance.

use anyhow::Result;
use askfirst_core::GrantId;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::all;
use crate::exit;
use crate::terminal::{say, say_json, table, text_of, visible};

/// Votes given in advance, for more of a kind
#[derive(Debug, Subcommand)]
pub(crate) enum GrantsCommand {
    /// List grants, newest first: yours, or all of them with a key that reads everything
    List(ListArgs),
    /// Show all that one grant says
    Show(OneArgs),
    /// Take a grant back, at once
    Revoke(OneArgs),
}

/// Which grants.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Also those that are used up, over or revoked
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Which one.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// The grant
    id: GrantId,
    #[command(flatten)]
    connection: Connection,
}

impl GrantsCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::List(args) => &args.connection,
            Self::Show(args) | Self::Revoke(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        let json = self.connection().json;
        block_on(async {
            match self {
                Self::List(args) => args.list(&client).await,
                Self::Show(args) => {
                    let grant = client.get(&format!("/v1/grants/{}", args.id)).await?;
                    if json {
                        say_json(&grant);
                    } else {
                        say(account(&grant));
                    }
                    Ok(exit::DONE)
                }
                Self::Revoke(args) => {
                    let path = format!("/v1/grants/{}", args.id);
                    client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
                    if json {
                        say_json(&json!({ "id": args.id, "state": "revoked" }));
                    } else {
                        say("taken back; what it was used for stays");
                    }
                    Ok(exit::DONE)
                }
            }
        })
    }
}

impl ListArgs {
    async fn list(&self, client: &Client) -> Result<u8> {
        let path = if self.all { "/v1/grants" } else { "/v1/grants?open=true" };
        let found = all(client, path).await?;
        if self.connection.json {
            say_json(&json!({ "data": found }));
            return Ok(exit::DONE);
        }
        if found.is_empty() {
            say(
                "no grants; an approver gives one with `askfirst vote ID approve --grant-for 1h --grant-uses 5`",
            );
            return Ok(exit::DONE);
        }
        let rows: Vec<_> = found.iter().map(row).collect();
        say(table(&rows));
        Ok(exit::DONE)
    }
}

fn row(grant: &Value) -> Vec<String> {
    vec![
        text_of(grant, "id"),
        text_of(grant, "state"),
        text_of(&grant["action"], "name"),
        text_of(&grant["by"], "email"),
        format!("{} of {}", grant["used"], grant["uses"]),
        format!("until {}", text_of(grant, "until")),
    ]
}

/// What was agreed to, in words.
fn account(grant: &Value) -> String {
    let action = &grant["action"];
    let mut lines = vec![
        format!(
            "{} said yes to {}{} in advance, asked by {}",
            text_of(&grant["by"], "email"),
            text_of(action, "name"),
            action["target"].as_str().map(|on| format!(" on {}", visible(on))).unwrap_or_default(),
            text_of(grant, "asker"),
        ),
        format!(
            "{}: used {} of {} times, until {}",
            text_of(grant, "state"),
            grant["used"],
            grant["uses"],
            text_of(grant, "until")
        ),
        format!(
            "as in {}: {}",
            text_of(grant, "approval"),
            visible(&action["arguments"].to_string())
        ),
    ];
    let bounds = grant["bounds"].as_object();
    for (place, bound) in bounds.into_iter().flatten() {
        lines.push(format!("but {}: {}", visible(place), visible(&bound.to_string())));
    }
    lines.join("\n")
}
