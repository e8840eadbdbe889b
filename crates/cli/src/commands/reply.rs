//! `askfirst reply`: answers what an approver asked back.

use anyhow::{Result, bail};
use askfirst_core::ApprovalId;
use clap::Args;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{Client, Connection};
use crate::exit;
use crate::terminal::{say, say_json, text_of};

/// Answer what an approver asked back, with the key that asked
#[derive(Debug, Args)]
pub(crate) struct ReplyArgs {
    /// The approval
    id: ApprovalId,
    /// The answer
    text: String,
    /// Which question; needed only where several are open
    #[arg(long, value_name = "N")]
    number: Option<u64>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl ReplyArgs {
    /// Answers.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        block_on(self.reply(&client))
    }

    async fn reply(&self, client: &Client) -> Result<u8> {
        let path = format!("/v1/approvals/{}", self.id);
        let number = match self.number {
            Some(number) => number,
            None => only_open(&client.get(&path).await?)?,
        };
        let body = json!({ "number": number, "text": self.text });
        let after = client.post(&format!("{path}/reply"), &body).await?;
        if self.connection.json {
            say_json(&after);
        } else {
            say(format_args!(
                "answered question {number}; still needed: {}",
                text_of(&after["remaining"], "words")
            ));
        }
        Ok(exit::DONE)
    }
}

/// The one question without an answer.
fn only_open(approval: &Value) -> Result<u64> {
    let inquiries = approval["inquiries"].as_array().into_iter().flatten();
    let open = inquiries.filter(|inquiry| inquiry["reply"].is_null());
    let open: Vec<_> = open.filter_map(|inquiry| inquiry["number"].as_u64()).collect();
    match open[..] {
        [number] => Ok(number),
        [] => bail!("nobody waits for an answer here"),
        _ => {
            let numbers: Vec<_> = open.iter().map(u64::to_string).collect();
            bail!("questions {} are open; say which with --number", numbers.join(", "))
        }
    }
}
