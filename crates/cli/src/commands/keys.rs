//! `askfirst keys`: credentials of programs.

use anyhow::Result;
use askfirst_core::{KeyId, Seconds};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{block_on, span};
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::{all, member_id};
use crate::exit;
use crate::terminal::{say, say_json, table, text_of, visible, warn};

/// Credentials of programs
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key; its text is printed this once
    Create(Box<CreateArgs>),
    /// List keys, oldest first, without their secrets
    List(ListArgs),
    /// Revoke a key, at once
    Revoke(RevokeArgs),
}

/// A key to make.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What to call it
    #[arg(long)]
    name: String,
    /// What it may do: ask, or any of decide, approvals:read_all, policies, members, keys,
    /// channels, audit, workspace
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', required_unless_present = "role")]
    scopes: Vec<String>,
    /// What it is for, in place of --scopes: ask or decide
    #[arg(long, conflicts_with = "scopes", value_parser = ["ask", "decide"])]
    role: Option<String>,
    /// The API that it speaks: that of another product, or our own if absent
    #[arg(long, value_parser = ["native", "ambedo", "proof", "holdon"])]
    dialect: Option<String>,
    /// For the scope decide: as whom it votes, by id or address
    #[arg(long, value_name = "MEMBER")]
    member: Option<String>,
    /// Under which policies it may ask besides the default; * for all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    policies: Vec<String>,
    /// Who answers for it, by id or address; whoever makes it if absent
    #[arg(long, value_name = "MEMBER")]
    owner: Option<String>,
    /// The world it belongs to; that of the key that makes it if absent
    #[arg(long, value_parser = ["live", "test", "dev"])]
    environment: Option<String>,
    /// When it stops by itself: 90d
    #[arg(long, value_name = "SPAN", value_parser = span)]
    expires_in: Option<Seconds>,
    /// Requests that it may make in a minute, if fewer than every key may
    #[arg(long, value_name = "NUMBER")]
    requests_per_minute: Option<u32>,
    /// Undecided approvals that it may have, if fewer than every key may
    #[arg(long, value_name = "NUMBER")]
    pending: Option<u32>,
    /// Requests that may wait at a time, if fewer than every key may
    #[arg(long, value_name = "NUMBER")]
    waiters: Option<u32>,
    /// Asks that it may put in a month, if fewer than every key may
    #[arg(long, value_name = "NUMBER")]
    monthly: Option<u32>,
    /// For HoldOn: where the end of what it asks is sent, unless the ask says
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Which keys.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
}

/// Which key.
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, not its text
    id: KeyId,
    #[command(flatten)]
    connection: Connection,
}

impl KeysCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Create(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Revoke(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        block_on(async {
            match self {
                Self::Create(args) => args.create(&client).await,
                Self::List(args) => list(&client, args.connection.json).await,
                Self::Revoke(args) => revoke(&client, args.id, args.connection.json).await,
            }
        })?;
        Ok(exit::DONE)
    }
}

impl CreateArgs {
    async fn create(self, client: &Client) -> Result<()> {
        let mut body = Map::new();
        body.insert("name".into(), self.name.into());
        let scopes = self.role.map_or(self.scopes, |role| vec![role]);
        body.insert("scopes".into(), scopes.into());
        if let Some(dialect) = self.dialect {
            body.insert("dialect".into(), dialect.into());
        }
        body.insert("policies".into(), self.policies.into());
        for (place, named) in [("member", self.member), ("owner", self.owner)] {
            if let Some(named) = named {
                body.insert(place.into(), member_id(client, &named).await?.into());
            }
        }
        if let Some(environment) = self.environment {
            body.insert("environment".into(), environment.into());
        }
        if let Some(span) = self.expires_in {
            body.insert("expires_in".into(), span.0.into());
        }
        let limits = json!({
            "requests_per_minute": self.requests_per_minute,
            "pending": self.pending,
            "waiters": self.waiters,
            "asks_per_month": self.monthly,
        });
        body.insert("limits".into(), limits);
        if let Some(url) = self.webhook_url {
            body.insert("callback_url".into(), url.into());
        }
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        // Two keys may share a name; who did not mean that hears of it.
        let known = all(client, "/v1/keys").await.unwrap_or_default();
        let same = known.iter().filter(|key| key["name"] == *name && key["standing"] == "good");
        let same: Vec<_> = same.map(|key| text_of(key, "id")).collect();
        let made = client.post("/v1/keys", &Value::Object(body)).await?;
        if let [first, ..] = same.as_slice() {
            warn(format_args!(
                "a key named {} was there already ({}); both work. if that is not meant, revoke \
                 the old one: askfirst keys revoke {first}",
                visible(&name),
                same.join(", ")
            ));
        }
        if self.connection.json {
            say_json(&json!({ "id": made["id"], "key": made["key"] }));
            return Ok(());
        }
        say(format_args!("made {} ({})", text_of(&made, "id"), text_of(&made, "name")));
        say(format_args!("its text, shown this once:\n  {}", text_of(&made, "key")));
        Ok(())
    }
}

async fn list(client: &Client, json: bool) -> Result<()> {
    let keys = all(client, "/v1/keys").await?;
    if json {
        say_json(&json!({ "data": keys }));
        return Ok(());
    }
    let row = |key: &Value| {
        let scopes = key["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        vec![
            text_of(key, "id"),
            visible(key["hint"].as_str().unwrap_or_default()) + "…",
            text_of(key, "standing"),
            text_of(key, "environment"),
            text_of(key, "dialect"),
            scopes.collect::<Vec<_>>().join(","),
            text_of(key, "name"),
        ]
    };
    say(table(&keys.iter().map(row).collect::<Vec<_>>()));
    Ok(())
}

async fn revoke(client: &Client, id: KeyId, json: bool) -> Result<()> {
    let path = format!("/v1/keys/{id}");
    let after = client.call(Method::DELETE, &path, None, None, ORDINARY).await?.body;
    match json {
        true => say_json(&after),
        false => say(format_args!("{id} ({}) is revoked", text_of(&after, "name"))),
    }
    Ok(())
}
