//! `askfirst proof` and `askfirst jwks`: fetches what `askfirst verify` checks. `askfirst
//! revoke-token` takes back what proves a decision to clients of another product.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use askfirst_core::ApprovalId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

use super::block_on;
use crate::client::Connection;
use crate::terminal::{say, say_json, text_of};
use crate::{exit, input};

/// How long the server may take to sign.
const SIGNING: Duration = Duration::from_secs(10);
/// Why a token can be taken back.
const REASONS: [&str; 5] =
    ["user_request", "fraud", "key_compromise", "asset_transferred", "other"];

/// Fetch the receipt of an approval that has ended
#[derive(Debug, Args)]
pub(crate) struct ProofArgs {
    /// The approval
    id: ApprovalId,
    /// With everything needed to check it offline
    #[arg(long)]
    bundle: bool,
    /// Write it to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl ProofArgs {
    /// Fetches it, waiting for the signature.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let wait = SIGNING.as_secs();
        let format = if self.bundle { "bundle" } else { "receipt" };
        let path = format!("/v1/approvals/{}/proof?wait={wait}s&format={format}", self.id);
        let patience = SIGNING + crate::client::ORDINARY;
        let reply =
            block_on(async { Ok(client.call(Method::GET, &path, None, None, patience).await?) })?;
        let output = self.output.as_deref();
        if self.bundle && output.is_none() {
            say_json(&reply.body);
        } else if self.bundle {
            input::write_to(output, &reply.body.to_string())?;
        } else if self.connection.json && output.is_none() {
            say_json(&reply.body);
        } else {
            input::write_to(output, reply.body["token"].as_str().unwrap_or_default())?;
        }
        Ok(exit::DONE)
    }
}

/// Take back the token that proves a decision to clients of proof.holdings
///
/// The decision and its receipt stay; `askfirst revoke` takes back an approval that was not used.
#[derive(Debug, Args)]
pub(crate) struct RevokeTokenArgs {
    /// The approval
    id: ApprovalId,
    /// Why, in that product's words
    #[arg(long, value_parser = REASONS, default_value = "other")]
    reason: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl RevokeTokenArgs {
    /// Takes it back.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let path = format!("/v1/approvals/{}/proof-token/revoke", self.id);
        let body = json!({ "reason": self.reason });
        let done = block_on(client.post(&path, &body))?;
        match self.connection.json {
            true => say_json(&done),
            false => say(format_args!(
                "the proof token of {} is good no more, since {} ({})",
                self.id,
                text_of(&done, "revoked_at"),
                text_of(&done, "reason")
            )),
        }
        Ok(exit::DONE)
    }
}

/// Fetch the public keys that receipts are checked with
#[derive(Debug, Args)]
pub(crate) struct JwksArgs {
    /// Write them to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl JwksArgs {
    /// Fetches them; no key needed.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.anonymous()?;
        let keys = block_on(async { Ok(client.get("/.well-known/jwks.json").await?) })?;
        input::write_to(self.output.as_deref(), &keys.to_string())?;
        Ok(exit::DONE)
    }
}
