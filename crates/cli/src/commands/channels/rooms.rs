//! `askfirst channels rooms`: groups into which a bot writes, beside the people.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::linking::path_of;
use crate::client::{Client, Connection, ORDINARY};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, say, say_json, table, text_of};

/// What to do about groups
#[derive(Debug, Subcommand)]
pub(crate) enum RoomsCommand {
    /// Have requests written into a group, too; the bot is in it already
    ///
    /// The bot says the number of a group when it is added to it, or where somebody writes /start@
    /// and its name. Everybody there can read what is asked; who decides it, and linked an account,
    /// answers there.
    Add(AddRoomArgs),
    /// List the groups
    List(RoomsArgs),
    /// Write nothing into one any more
    Remove(RemoveRoomArgs),
}

/// Which group.
#[derive(Debug, Args)]
pub(crate) struct AddRoomArgs {
    /// By which way
    #[arg(value_parser = ["telegram"])]
    way: String,
    /// The number of the group, such as --chat=-1001234567890
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    chat: i64,
    /// The number of a topic in it
    #[arg(long, value_name = "NUMBER")]
    topic: Option<i64>,
    #[command(flatten)]
    connection: Connection,
}

/// Whose groups.
#[derive(Debug, Args)]
pub(crate) struct RoomsArgs {
    /// By which way
    #[arg(value_parser = ["telegram"])]
    way: String,
    #[command(flatten)]
    connection: Connection,
}

/// Which group to leave out.
#[derive(Debug, Args)]
pub(crate) struct RemoveRoomArgs {
    /// By which way
    #[arg(value_parser = ["telegram"])]
    way: String,
    /// Its id, such as `channels rooms list` shows it
    room: String,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

fn row(room: &Value) -> Vec<String> {
    let topic = room["topic"].as_i64().map(|topic| format!("topic {topic}"));
    vec![
        text_of(room, "id"),
        text_of(room, "title"),
        room["chat"].to_string(),
        topic.unwrap_or_default(),
    ]
}

fn rooms(channel: &Value) -> Vec<Value> {
    channel["rooms"].as_array().cloned().unwrap_or_default()
}

impl RoomsCommand {
    pub(super) const fn connection(&self) -> &Connection {
        match self {
            Self::Add(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Remove(args) => &args.connection,
        }
    }

    pub(super) async fn run(self, client: &Client) -> Result<u8> {
        match self {
            Self::Add(args) => args.add(client).await,
            Self::List(args) => args.list(client).await,
            Self::Remove(args) => args.remove(client).await,
        }
    }
}

impl AddRoomArgs {
    async fn add(self, client: &Client) -> Result<u8> {
        let path = format!("{}/rooms", path_of(client, &self.way).await?);
        let mut wish = Map::new();
        wish.insert("chat".into(), self.chat.into());
        if let Some(topic) = self.topic {
            wish.insert("topic".into(), topic.into());
        }
        let wish = Value::Object(wish);
        // Once: the bot writes into the group each time.
        let call = client.call(Method::POST, &path, Some(&wish), None, ORDINARY);
        let channel = call.await?.body;
        // The last that fits: a group that has become another is known by its new number.
        let known = rooms(&channel);
        let fits = |room: &&Value| room["topic"].as_i64() == self.topic;
        let wished = known.iter().rev().find(|room| fits(room) && room["chat"] == self.chat);
        let added = wished.or_else(|| known.iter().rev().find(fits)).cloned().unwrap_or_default();
        match self.connection.json {
            true => say_json(&added),
            false => say(format_args!(
                "added {}: what is asked from now on comes into {:?}, too",
                text_of(&added, "id"),
                text_of(&added, "title")
            )),
        }
        Ok(exit::DONE)
    }
}

impl RoomsArgs {
    async fn list(self, client: &Client) -> Result<u8> {
        let rooms = rooms(&client.get(&path_of(client, &self.way).await?).await?);
        if self.connection.json {
            say_json(&json!({ "data": rooms }));
        } else if rooms.is_empty() {
            say(format_args!(
                "nothing is written into any group: askfirst channels rooms add {} --help",
                self.way
            ));
        } else {
            say(table(&rooms.iter().map(row).collect::<Vec<_>>()));
        }
        Ok(exit::DONE)
    }
}

impl RemoveRoomArgs {
    async fn remove(self, client: &Client) -> Result<u8> {
        let path = path_of(client, &self.way).await?;
        let known = rooms(&client.get(&path).await?);
        let Some(room) = known.iter().find(|room| room["id"] == self.room.as_str()) else {
            bail!(
                "there is no group {}; see `askfirst channels rooms list {}`",
                self.room,
                self.way
            );
        };
        if !self.yes {
            let question = format!(
                "Write nothing into {:?} any more? The cards that are there can no longer be answered.",
                text_of(room, "title")
            );
            if !confirmed(&question, "add --yes")? {
                return Err(usage("not confirmed; nothing was changed"));
            }
        }
        let path = format!("{path}/rooms/{}", self.room);
        client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
        match self.connection.json {
            true => say_json(&json!({ "id": self.room, "removed": true })),
            false => {
                say(format_args!("nothing is written into {:?} any more", text_of(room, "title")));
            }
        }
        Ok(exit::DONE)
    }
}
