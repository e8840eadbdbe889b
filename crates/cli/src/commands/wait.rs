//! `askfirst wait`: waits for the answer to a question that was put before.

use std::time::Duration;

use anyhow::Result;
use askfirst_core::{ApprovalId, Seconds};
use clap::Args;

use super::{block_on, span};
use crate::approval;
use crate::client::Connection;
use crate::exit::unsure;
use crate::premises::asked_to_stop;
use crate::waiting::{Afterwards, Ended, Waiting, conclude, go_on};

/// Wait for the answer to a question
///
/// Exits with 0 if it is approved and usable, with --claim only with the claim in hand;
/// 1 rejected, 2 expired or cancelled, 3 cannot tell.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The approval
    id: ApprovalId,
    /// Claim it once it is approved
    #[arg(long)]
    claim: bool,
    /// The digest of the action that will be run; anything else is not the answer
    #[arg(long)]
    digest: Option<String>,
    /// Give up after so long: 10m
    #[arg(long, value_name = "SPAN", value_parser = span)]
    timeout: Option<Seconds>,
    /// How long to go on waiting while the server cannot be reached
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "1m")]
    retry_for: Seconds,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl WaitArgs {
    /// Waits.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let seconds = |span: Seconds| Duration::from_secs(span.0.into());
        let waiting = Waiting {
            client: &client,
            id: self.id,
            timeout: self.timeout.map(seconds),
            retry_for: seconds(self.retry_for),
            watched: !self.connection.json,
        };
        block_on(async {
            let go_on = go_on(self.id, self.claim, self.digest.as_deref());
            let ended = waiting.wait(asked_to_stop()?).await;
            match ended.map_err(|error| waiting.gave_up(error, &go_on))? {
                Ended::Decided(decided) => {
                    let digest = match &self.digest {
                        Some(digest) => digest.clone(),
                        None => approval::digest_of(&decided)?,
                    };
                    let json = self.connection.json;
                    let then = Afterwards { digest: &digest, claim: self.claim, json };
                    conclude(&client, self.id, decided, then).await
                }
                Ended::Interrupted | Ended::OutOfTime => Err(unsure(format!(
                    "stopped waiting; it is still pending. go on with the same command, or \
                     withdraw it with `askfirst cancel {}`",
                    self.id
                ))),
            }
        })
    }
}
