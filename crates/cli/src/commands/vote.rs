//! `askfirst vote`: shows what will happen, asks, and decides with the digest of what was shown.

use anyhow::{Result, bail};
use askfirst_core::ApprovalId;
use clap::Args;
use serde_json::json;

use super::block_on;
use crate::approval;
use crate::client::{Client, Connection};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, has_reader, say, say_json, text_of};

/// Decide, as the member your key votes for
#[derive(Debug, Args)]
pub(crate) struct VoteArgs {
    /// The approval
    id: ApprovalId,
    /// What you decide; with more-info, nothing yet: it asks the asker what your comment says
    #[arg(value_parser = ["approve", "reject", "more-info"])]
    decision: String,
    /// What to say with it
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// The digest of the action you saw; the vote counts for that action only
    #[arg(long)]
    digest: Option<String>,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl VoteArgs {
    /// Shows, asks, votes.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        block_on(self.vote(&client))
    }

    async fn vote(&self, client: &Client) -> Result<u8> {
        let path = format!("/v1/approvals/{}", self.id);
        let approval = client.get(&path).await?;
        let digest = approval::digest_of(&approval)?;
        if let Some(seen) = &self.digest
            && *seen != digest
        {
            bail!(
                "the action is not the one you saw: its digest is {digest}; look again with \
                 `askfirst show {}`",
                self.id
            );
        }
        if !self.connection.json {
            say(approval::account(&approval));
        }
        if approval["status"] != "pending" {
            bail!("it is {} already", text_of(&approval, "status"));
        }
        let asks_back = self.decision == "more-info";
        if asks_back && self.comment.is_none() {
            return Err(usage("say with --comment what you want to know"));
        }
        if !asks_back && !self.yes && (self.digest.is_none() || has_reader()) {
            let otherwise = "give --digest with the digest of the action you saw, or --yes";
            let question = format!("{} this?", capital(&self.decision));
            if !confirmed(&question, otherwise)? {
                return Err(usage("not confirmed; nothing was decided"));
            }
        }
        let body = json!({
            "decision": self.decision.replace('-', "_"),
            "action_digest": digest,
            "comment": self.comment,
        });
        let after = client.post(&format!("{path}/vote"), &body).await?;
        if self.connection.json {
            say_json(&after);
        } else if asks_back {
            say("asked back; the answer will stand with the request, and the deadline stays");
        } else if after["status"] == "pending" {
            say(format_args!(
                "your vote counts; still needed: {}",
                text_of(&after["remaining"], "words")
            ));
        } else {
            say(approval::status(&after));
        }
        Ok(exit::DONE)
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
