//! `askfirst members`: people with an account.

use anyhow::{Context, Result};
use askfirst_core::{SessionId, Timestamp};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::{Members, all, member_id};
use crate::exit;
use crate::terminal::{say, say_json, shell_word, table, text_of};

const ROLES: [&str; 6] = ["owner", "admin", "policy_editor", "approver", "auditor", "contact"];
/// Whoever is invited gets an account.
const INVITED: [&str; 5] = ["owner", "admin", "policy_editor", "approver", "auditor"];

/// People with an account
#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// Add a person
    Add(AddArgs),
    /// Add a person and make the one-time link that lets them in
    Invite(InviteArgs),
    /// List everybody, oldest first
    List(ListArgs),
    /// Make a one-time link that signs a person in
    Link(WhoArgs),
    /// List where a person is signed in, or sign them out
    Sessions(SessionsArgs),
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

/// A person to let in.
#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// What to call them
    name: String,
    /// Their address
    email: String,
    /// What they may do
    #[arg(long, value_parser = INVITED, default_value = "approver")]
    role: String,
    #[command(flatten)]
    connection: Connection,
}

/// Whose sessions, and what becomes of them.
#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    /// Their address or id
    member: String,
    /// End this one
    #[arg(long, value_name = "ID")]
    close: Option<SessionId>,
    /// End all of them
    #[arg(long, conflicts_with = "close")]
    close_all: bool,
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
            Self::Invite(args) => &args.connection,
            Self::Sessions(args) => &args.connection,
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
        let tabled = if matches!(self, Self::Sessions(_)) { session_row } else { row };
        let done = block_on(self.carry_out(&client))?;
        if json {
            say_json(&done);
        } else if let Some(members) = done["data"].as_array() {
            match members.is_empty() {
                true => say("none"),
                false => say(table(&members.iter().map(tabled).collect::<Vec<_>>())),
            }
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
            Self::Invite(args) => invite(client, &args).await,
            Self::Sessions(args) => sessions(client, &args).await,
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

/// Adds them, and makes their link. Where only the first is done, it says how to go on.
async fn invite(client: &Client, args: &InviteArgs) -> Result<Value> {
    let body = json!({ "email": args.email, "name": args.name, "role": args.role });
    let added = client.post("/v1/members", &body).await;
    let mut member = added.with_context(|| {
        format!(
            "nobody was invited; who is a member already gets another link with \
             `askfirst members link {}`",
            shell_word(&args.email)
        )
    })?;
    let id = member["id"].as_str().unwrap_or_default();
    let link = client.post(&format!("/v1/members/{id}/login-link"), &json!({})).await;
    let link = link.with_context(|| {
        format!(
            "they were added, but there is no link yet; make it with `askfirst members link {}`",
            shell_word(&args.email)
        )
    })?;
    for name in ["url", "expires_at"] {
        member[name] = link[name].clone();
    }
    Ok(member)
}

/// Ends what is to be ended; gives what is left.
async fn sessions(client: &Client, args: &SessionsArgs) -> Result<Value> {
    let path = format!("/v1/members/{}/sessions", member_id(client, &args.member).await?);
    let ended = match args.close {
        Some(id) => Some(format!("{path}/{id}")),
        None => args.close_all.then(|| path.clone()),
    };
    if let Some(ended) = ended {
        client.call(Method::DELETE, &ended, None, None, ORDINARY).await?;
    }
    Ok(client.get(&path).await?)
}

fn session_row(session: &Value) -> Vec<String> {
    vec![
        text_of(session, "id"),
        format!("since {}", text_of(session, "created_at")),
        format!("until {}", text_of(session, "expires_at")),
        format!("worth {}", text_of(session, "assurance")),
    ]
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
