//! `askfirst groups`: named sets of people, for policies.

use anyhow::Result;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{Client, Connection, ORDINARY};
use crate::directory::{Members, group_id};
use crate::exit;
use crate::terminal::{confirmed, say, say_json, table, text_of, visible};

/// Named sets of people, for policies
#[derive(Debug, Subcommand)]
pub(crate) enum GroupsCommand {
    /// Make a group
    Create(GroupArgs),
    /// List all groups
    List(ListArgs),
    /// Say who is in a group from now on
    Set(GroupArgs),
    /// Remove a group
    Remove(RemoveArgs),
}

/// A group and who is in it.
#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    /// What policies call it by: 1 to 64 of a-z, 0-9, '.', '_', '-'
    name: String,
    /// Who is in it, by address or id
    members: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

/// All of them.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
}

/// Which one goes.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: String,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

impl GroupsCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Create(args) | Self::Set(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Remove(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        let json = self.connection().json;
        block_on(async {
            let done = match self {
                Self::Create(args) => {
                    let body =
                        json!({ "name": args.name, "members": ids(&client, &args.members).await? });
                    client.post("/v1/groups", &body).await?
                }
                Self::Set(args) => {
                    let path =
                        format!("/v1/groups/{}/members", group_id(&client, &args.name).await?);
                    let body = json!({ "members": ids(&client, &args.members).await? });
                    client.call(Method::PUT, &path, Some(&body), None, ORDINARY).await?.body
                }
                Self::List(_) => client.get("/v1/groups").await?,
                Self::Remove(args) => return args.remove(&client).await,
            };
            if json {
                say_json(&done);
                return Ok(exit::DONE);
            }
            let people = Members::read(&client).await?;
            let rows = match done["data"].as_array() {
                Some(groups) => groups.iter().map(|group| row(group, &people)).collect(),
                None => vec![row(&done, &people)],
            };
            say(if rows.is_empty() { "none".into() } else { table(&rows) });
            Ok(exit::DONE)
        })
    }
}

impl RemoveArgs {
    async fn remove(self, client: &Client) -> Result<u8> {
        let id = group_id(client, &self.name).await?;
        let name = visible(&self.name);
        if !self.yes && !confirmed(&format!("Remove the group {name}?"), "give --yes")? {
            say("nothing was removed");
            return Ok(exit::FAILED);
        }
        client.call(Method::DELETE, &format!("/v1/groups/{id}"), None, None, ORDINARY).await?;
        if !self.connection.json {
            say(format_args!("the group {name} is removed"));
        }
        Ok(exit::DONE)
    }
}

async fn ids(client: &Client, named: &[String]) -> Result<Vec<String>> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let people = Members::read(client).await?;
    named.iter().map(|named| people.id(named)).collect()
}

fn row(group: &Value, people: &Members) -> Vec<String> {
    let members = group["members"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let members: Vec<_> = members.map(|id| visible(people.email(id))).collect();
    vec![text_of(group, "name"), members.join(", ")]
}
