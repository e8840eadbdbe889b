//! `askfirst members`: people with an account.

use anyhow::Result;
use askfirst_core::Timestamp;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::{Members, all, member_id};
use crate::exit;
use crate::terminal::{say, say_json, table, text_of};

const ROLES: [&str; 5] = ["owner", "admin", "policy_editor", "approver", "auditor"];

/// People with an account
#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// Add a person
    Add(AddArgs),
    /// List everybody, oldest first
    List(ListArgs),
    /// Make a one-time link that signs a person in
    Link(WhoArgs),
    /// Close a person's account: sessions, links and decide keys go at once
    Disable(WhoArgs),
    /// Open a closed account again
    Enable(WhoArgs),
    /// Give a person another role
    Role(RoleArgs),
    /// Hand a person's votes to another for a while
    Delegate(DelegateArgs),
    /// Take a person's votes back to themselves
    Undelegate(WhoArgs),
}

/// A person to add.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Their address
    email: String,
    /// What to call them
    #[arg(long)]
    name: String,
    /// What they may do
    #[arg(long, value_parser = ROLES, default_value = "approver")]
    role: String,
    #[command(flatten)]
    connection: Connection,
}

/// Nobody in particular.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
}

/// Somebody.
#[derive(Debug, Args)]
pub(crate) struct WhoArgs {
    /// Their address or id
    member: String,
    #[command(flatten)]
    connection: Connection,
}

/// Somebody's role.
#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// Their address or id
    member: String,
    /// What they may do from now on
    #[arg(value_parser = ROLES)]
    role: String,
    #[command(flatten)]
    connection: Connection,
}

/// Who votes in somebody's place, and when.
#[derive(Debug, Args)]
pub(crate) struct DelegateArgs {
    /// Whose votes: their address or id
    member: String,
    /// Who votes in their place: address or id
    #[arg(long)]
    to: String,
    /// From when on; at once if absent: 2030-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Until when: 2030-02-14T08:00:00Z
    #[arg(long, value_name = "TIME")]
    until: Timestamp,
    #[command(flatten)]
    connection: Connection,
}

impl MembersCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Add(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Link(args)
            | Self::Disable(args)
            | Self::Enable(args)
            | Self::Undelegate(args) => &args.connection,
            Self::Delegate(args) => &args.connection,
            Self::Role(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        let json = self.connection().json;
        let done = block_on(self.carry_out(&client))?;
        if json {
            say_json(&done);
        } else if let Some(members) = done["data"].as_array() {
            say(table(&members.iter().map(row).collect::<Vec<_>>()));
        } else if done.get("url").is_some() {
            let until = text_of(&done, "expires_at");
            say(format_args!(
                "give this to that person only; it works once, until {until}:\n  {}",
                text_of(&done, "url")
            ));
        } else {
            say(table(&[row(&done)]));
        }
        Ok(exit::DONE)
    }

    async fn carry_out(self, client: &Client) -> Result<Value> {
        match self {
            Self::Add(args) => {
                let body = json!({ "email": args.email, "name": args.name, "role": args.role });
                client.post("/v1/members", &body).await
            }
            Self::List(_) => Ok(json!({ "data": all(client, "/v1/members").await? })),
            Self::Link(args) => {
                let id = member_id(client, &args.member).await?;
                client.post(&format!("/v1/members/{id}/login-link"), &json!({})).await
            }
            Self::Disable(args) => change(client, &args.member, &json!({ "enabled": false })).await,
            Self::Enable(args) => change(client, &args.member, &json!({ "enabled": true })).await,
            Self::Delegate(args) => {
                let everybody = Members::read(client).await?;
                let path = format!("/v1/members/{}/delegation", everybody.id(&args.member)?);
                let to = everybody.id(&args.to)?;
                let body = json!({ "to": to, "since": args.since, "until": args.until });
                Ok(client.call(Method::PUT, &path, Some(&body), None, ORDINARY).await?.body)
            }
            Self::Undelegate(args) => {
                let id = member_id(client, &args.member).await?;
                let path = format!("/v1/members/{id}/delegation");
                client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
                Ok(client.get(&format!("/v1/members/{id}")).await?)
            }
            Self::Role(args) => change(client, &args.member, &json!({ "role": args.role })).await,
        }
    }
}

async fn change(client: &Client, named: &str, body: &Value) -> Result<Value> {
    let path = format!("/v1/members/{}", member_id(client, named).await?);
    Ok(client.call(Method::PATCH, &path, Some(body), None, ORDINARY).await?.body)
}

fn row(member: &Value) -> Vec<String> {
    vec![
        text_of(member, "id"),
        text_of(member, "email"),
        text_of(member, "role"),
        if member["enabled"] == true { "enabled" } else { "disabled" }.to_owned(),
        text_of(member, "name"),
        match &member["delegation"] {
            Value::Null => String::new(),
            given => format!(
                "{} votes in their place until {}",
                text_of(given, "to"),
                text_of(given, "until")
            ),
        },
    ]
}
