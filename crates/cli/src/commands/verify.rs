//! `askfirst verify`: checks a receipt or bundle offline and says in words what it proves.

use std::path::{Path, PathBuf};

use anyhow::Result;
use askfirst_core::{Action, ApprovalId};
use askfirst_proof::verify::MAX_BUNDLE_BYTES;
use askfirst_proof::{
    Digest, Environment, Expect, Standing, Trust, Verdict, VerifyError, json_digest, verify_bundle,
    verify_receipt,
};
use askfirst_store::{Clock, SystemClock};
use clap::Args;
use serde_json::{Value, json};

use crate::exit::{self, usage};
use crate::input;
use crate::terminal::{Tone, readable, say, say_json, toned};

/// Check a receipt or bundle offline
///
/// Exits with 0 approved and usable now, 3 authentic but not approved, 4 invalid or signer not
/// trusted, 5 approved but no longer usable.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A bundle or a receipt; - for stdin
    file: PathBuf,
    /// Whom to believe: a file with public keys (see `askfirst jwks`), or a key's thumbprint
    // A thumbprint is base64url and may start with a hyphen.
    #[arg(long, allow_hyphen_values = true, value_name = "FILE|THUMBPRINT", required = true)]
    trust: Vec<String>,
    /// It must be for this workspace
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// It must be from this environment
    #[arg(long, value_parser = ["live", "test", "dev"])]
    environment: Option<String>,
    /// It must be about this approval
    #[arg(long, value_name = "ID")]
    approval: Option<ApprovalId>,
    /// It must be about the action in this JSON file: name, title, arguments, target
    #[arg(long, value_name = "FILE")]
    action: Option<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl VerifyArgs {
    /// Checks it; asks nobody.
    pub(crate) fn run(self) -> Result<u8> {
        let trust = trust(&self.trust)?;
        let expect = Expect {
            workspace: self.workspace.clone(),
            environment: self.environment.as_deref().map(|word| match word {
                "live" => Environment::Live,
                "test" => Environment::Test,
                _ => Environment::Dev,
            }),
            issuer: None,
            action_digest: self.action.as_deref().map(action_digest).transpose()?,
            approval: self.approval.map(|id| id.to_string()),
        };
        let bytes = input::read(&self.file)?;
        match judge(&bytes, &trust, &expect) {
            Ok(verdict) => {
                self.tell(&verdict);
                Ok(verdict.exit_code())
            }
            Err(error) => {
                if self.json {
                    say_json(
                        &json!({ "valid": false, "standing": "invalid", "why": error.to_string() }),
                    );
                } else {
                    let why = readable(&error.to_string());
                    say(format_args!("{}: {why}", toned("NOT VALID", Tone::Bad)));
                }
                Ok(exit::INVALID)
            }
        }
    }

    fn tell(&self, verdict: &Verdict) {
        let (word, tone) = match verdict.standing {
            Standing::Usable => ("usable", Tone::Good),
            Standing::NoLongerUsable => ("no_longer_usable", Tone::Bad),
            Standing::NotApproved(_) => ("not_approved", Tone::Bad),
        };
        let words = verdict.describe();
        if self.json {
            say_json(&json!({
                "valid": true,
                "standing": word,
                "signer": verdict.kid,
                "statement": serde_json::to_value(&verdict.statement).unwrap_or_default(),
                "words": words,
            }));
            return;
        }
        for line in words {
            let outcome = ["APPROVED", "NO LONGER", "NOT APPROVED"];
            // Verifiers escape what their language knows of; we know of more.
            let line = readable(&line);
            let strong = outcome.iter().any(|start| line.starts_with(start));
            say(if strong { toned(&line, tone) } else { line });
        }
    }
}

fn trust(named: &[String]) -> Result<Trust> {
    let mut trust = Trust::new();
    for text in named {
        let path = Path::new(text);
        // A thumbprint is no likely file name; where both are possible, the file was meant.
        let content = if path.exists() { input::read_text(path)? } else { text.clone() };
        trust.add(&content).map_err(|error| usage(format!("--trust {text}: {error}")))?;
    }
    Ok(trust)
}

/// The digest of an action as the server would take it: defaults filled in.
fn action_digest(file: &Path) -> Result<Digest> {
    let broken = |why: String| usage(format!("--action {}: {why}", file.display()));
    let value = input::strict(&input::read(file)?).map_err(broken)?;
    let action: Action =
        serde_json::from_value(value).map_err(|error| broken(error.to_string()))?;
    Ok(json_digest(&serde_json::to_value(action)?)?)
}

fn judge(bytes: &[u8], trust: &Trust, expect: &Expect) -> Result<Verdict, VerifyError> {
    let now = SystemClock.now().seconds();
    let text = String::from_utf8_lossy(bytes.get(..MAX_BUNDLE_BYTES + 1).unwrap_or(bytes));
    let text = text.trim();
    if !text.starts_with('{') {
        return verify_receipt(text, trust, expect, now);
    }
    // The API's own answer to `/proof` carries the receipt as its token.
    let answer = serde_json::from_str::<Value>(text).ok();
    let token = answer.as_ref().filter(|answer| answer.get("format").is_none());
    match token.and_then(|answer| answer["token"].as_str()) {
        Some(token) => verify_receipt(token, trust, expect, now),
        None => verify_bundle(bytes, trust, expect, now),
    }
}
