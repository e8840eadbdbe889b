//! `askfirst show`, `list`, `cancel`, `revoke` and `outcome`: the rest of an approval's life.

use anyhow::Result;
use askfirst_core::{ApprovalId, Status};
use clap::Args;
use serde_json::{Value, json};

use super::block_on;
use crate::approval;
use crate::client::{Connection, segment};
use crate::exit;
use crate::terminal::{say, say_json, table, text_of};

/// Show one approval
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The approval
    id: ApprovalId,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl ShowArgs {
    /// Shows it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let path = format!("/v1/approvals/{}", self.id);
        let approval = block_on(async { Ok(client.get(&path).await?) })?;
        match self.connection.json {
            true => say_json(&approval),
            false => say(approval::account(&approval)),
        }
        Ok(exit::DONE)
    }
}

/// List approvals, newest first
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only pending, approved, rejected, expired or cancelled ones
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Only under this policy
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Only by the agent of this name
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only asked by this key (`key_…`), or by a key of this member (address or `mem_…`)
    #[arg(long, value_name = "WHO")]
    asker: Option<String>,
    /// Only where this member (address or `mem_…`) voted
    #[arg(long, value_name = "WHO")]
    approver: Option<String>,
    /// Only with this text in title, name, target or reason
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Only asked since then: 2030-01-31, or 2030-01-31T12:00:00Z; days begin at 00:00 UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<String>,
    /// Only asked before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
    /// How many, 1 to 100
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    /// Where the list before ended
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

fn status(text: &str) -> Result<Status, String> {
    let known = "pending, approved, rejected, expired or cancelled";
    serde_json::from_value(text.into()).map_err(|_| format!("use {known}"))
}

/// A point in time as the server reads it.
pub(super) fn moment(text: &str) -> Result<String, String> {
    let point = askfirst_server::service::search::point_in_time(text);
    point.map(|time| time.to_string()).map_err(|_| {
        "use a day such as 2030-01-31, or a time such as 2030-01-31T12:00:00Z".to_owned()
    })
}

impl ListArgs {
    /// Lists them.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let mut path = format!("/v1/approvals?limit={}", self.limit);
        let filters = [
            ("status", self.status.map(Status::as_str)),
            ("policy", self.policy.as_deref()),
            ("agent", self.agent.as_deref()),
            ("asker", self.asker.as_deref()),
            ("approver", self.approver.as_deref()),
            ("q", self.query.as_deref()),
            ("created_after", self.since.as_deref()),
            ("created_before", self.until.as_deref()),
            ("cursor", self.cursor.as_deref()),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                path = format!("{path}&{name}={}", segment(value));
            }
        }
        let page = block_on(async { Ok(client.get(&path).await?) })?;
        if self.connection.json {
            say_json(&page);
            return Ok(exit::DONE);
        }
        let row = |approval: &Value| {
            vec![
                text_of(approval, "id"),
                text_of(approval, "status"),
                text_of(approval, "created_at"),
                text_of(&approval["policy"], "name"),
                approval::called(approval),
            ]
        };
        let rows: Vec<_> = page["data"].as_array().into_iter().flatten().map(row).collect();
        if rows.is_empty() {
            say("none");
        } else {
            say(table(&rows));
        }
        if let Some(cursor) = page["next_cursor"].as_str() {
            say(format_args!("there are more: --cursor {cursor}"));
        }
        Ok(exit::DONE)
    }
}

/// Withdraw a question
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    /// The approval
    id: ApprovalId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl CancelArgs {
    /// Withdraws it.
    pub(crate) fn run(self) -> Result<u8> {
        change(&self.connection, self.id, "cancel", &json!({ "reason": self.reason }))
    }
}

/// Take an approval back before it is claimed
#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The approval
    id: ApprovalId,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl RevokeArgs {
    /// Takes it back.
    pub(crate) fn run(self) -> Result<u8> {
        change(&self.connection, self.id, "revoke", &json!({ "reason": self.reason }))
    }
}

/// Say how the claimed action went
#[derive(Debug, Args)]
pub(crate) struct OutcomeArgs {
    /// The approval
    id: ApprovalId,
    /// How it went
    #[arg(value_parser = ["succeeded", "failed"])]
    status: String,
    /// What there is to say about it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl OutcomeArgs {
    /// Reports it.
    pub(crate) fn run(self) -> Result<u8> {
        let body = json!({ "status": self.status, "note": self.note });
        change(&self.connection, self.id, "outcome", &body)
    }
}

fn change(connection: &Connection, id: ApprovalId, verb: &str, body: &Value) -> Result<u8> {
    let client = connection.client()?;
    let after = block_on(client.post(&format!("/v1/approvals/{id}/{verb}"), body))?;
    match connection.json {
        true => say_json(&after),
        false => say(approval::account(&after)),
    }
    Ok(exit::DONE)
}
