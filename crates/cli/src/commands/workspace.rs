//! `askfirst workspace`: its own settings, and how long it keeps texts.

use anyhow::Result;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{Client, Connection, ORDINARY};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, say, say_json, text_of};

/// The workspace's own settings
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Show them
    Show(ShowArgs),
    /// Erase the texts of approvals so many days after their end, or never
    Retention(RetentionArgs),
    /// Put the whole workspace on legal hold: nothing is erased until it is released
    Hold(HoldArgs),
    /// Release it from its hold
    Release(ReleaseArgs),
}

/// Nothing to say.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    connection: Connection,
}

/// How long.
#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    /// 1 to 3650 days after the end, or "off" to keep texts for good
    #[arg(value_name = "DAYS", value_parser = days)]
    days: Days,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

/// How many, if any.
#[derive(Clone, Copy, Debug)]
struct Days(Option<u32>);

fn days(text: &str) -> Result<Days, String> {
    match text {
        "off" => Ok(Days(None)),
        text => match text.parse() {
            Ok(days @ 1..=3_650) => Ok(Days(Some(days))),
            _ => Err("a number of days from 1 to 3650, or off".into()),
        },
    }
}

/// Why.
#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// Why; the audit log tells it for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// Nothing to say.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    #[command(flatten)]
    connection: Connection,
}

impl WorkspaceCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Show(args) => &args.connection,
            Self::Retention(args) => &args.connection,
            Self::Hold(args) => &args.connection,
            Self::Release(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection().client()?;
        let json = self.connection().json;
        let after = block_on(async {
            match self {
                Self::Show(_) => {}
                Self::Retention(args) => args.set(&client).await?,
                Self::Hold(HoldArgs { reason, .. }) => {
                    let body = json!({ "reason": reason });
                    change(&client, Method::PUT, "/v1/workspace/hold", Some(&body)).await?;
                }
                Self::Release(_) => {
                    change(&client, Method::DELETE, "/v1/workspace/hold", None).await?;
                }
            }
            Ok(client.get("/v1/workspace").await?)
        })?;
        match json {
            true => say_json(&after),
            false => tell(&after),
        }
        Ok(exit::DONE)
    }
}

impl RetentionArgs {
    async fn set(&self, client: &Client) -> Result<()> {
        let Days(days) = self.days;
        if let Some(days) = days {
            let question = format!(
                "Erase the texts of all approvals that ended {days} days ago or earlier, from now \
                 on and for good?"
            );
            if !self.yes && !confirmed(&question, "add --yes")? {
                return Err(usage("not confirmed; nothing was changed"));
            }
        }
        let body = json!({ "retention_days": days });
        change(client, Method::PATCH, "/v1/workspace", Some(&body)).await
    }
}

async fn change(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Result<()> {
    client.call(method, path, body, None, ORDINARY).await?;
    Ok(())
}

fn tell(workspace: &Value) {
    say(format_args!("{}  {}", text_of(workspace, "id"), text_of(workspace, "name")));
    say(format_args!("default policy  {}", text_of(workspace, "default_policy")));
    say(format_args!("floor           {}", text_of(&workspace["floor"], "assurance")));
    say(match workspace["retention_days"].as_u64() {
        Some(days) => format!("texts           erased {days} days after the end"),
        None => "texts           kept for good".into(),
    });
    if workspace["hold"].is_object() {
        let hold = &workspace["hold"];
        say(format_args!(
            "on hold         since {} by {}: {}",
            text_of(hold, "at"),
            text_of(hold, "by"),
            text_of(hold, "reason")
        ));
    }
}
