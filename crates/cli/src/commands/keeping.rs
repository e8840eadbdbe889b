//! `askfirst erase`, `hold` and `release`: what is let go of, and what must be kept.

use anyhow::Result;
use askfirst_core::ApprovalId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::block_on;
use crate::approval;
use crate::client::{Connection, ORDINARY};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, say, say_json, text_of};

/// Erase the texts of an approval that has ended; this cannot be undone
///
/// Arguments, title, reason, comments, answers and what was shown go. Who decided what, when and
/// on which digest stays, and so does the audit log. Backups keep what they have.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The approval
    id: ApprovalId,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl EraseArgs {
    /// Erases them.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        block_on(async {
            let path = format!("/v1/approvals/{}", self.id);
            let before = client.get(&path).await?;
            if !self.connection.json {
                say(approval::account(&before));
            }
            let question = "Erase the texts of this for good?";
            if !self.yes && !confirmed(question, "add --yes")? {
                return Err(usage("not confirmed; nothing was erased"));
            }
            let after = client.post(&format!("{path}/erase"), &json!({})).await?;
            match self.connection.json {
                true => say_json(&after),
                false => say(format_args!("erased at {}", text_of(&after["erased"], "at"))),
            }
            Ok(exit::DONE)
        })
    }
}

/// Keep the texts of an approval, whatever the workspace's retention, until it is released
#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// The approval
    id: ApprovalId,
    /// Why; the audit log tells it for good
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl HoldArgs {
    /// Holds it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let path = format!("/v1/approvals/{}/hold", self.id);
        let body = json!({ "reason": self.reason });
        let call = client.call(Method::PUT, &path, Some(&body), None, ORDINARY);
        let after = block_on(async { Ok(call.await?.body) })?;
        match self.connection.json {
            true => say_json(&after),
            false => say(format_args!("{} is on hold; its texts are kept", self.id)),
        }
        Ok(exit::DONE)
    }
}

/// Release an approval from its hold
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// The approval
    id: ApprovalId,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl ReleaseArgs {
    /// Releases it.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let path = format!("/v1/approvals/{}/hold", self.id);
        block_on(async { Ok(client.call(Method::DELETE, &path, None, None, ORDINARY).await?) })?;
        match self.connection.json {
            true => say_json(&json!({ "id": self.id, "hold": null })),
            false => say(format_args!("{} is released", self.id)),
        }
        Ok(exit::DONE)
    }
}
