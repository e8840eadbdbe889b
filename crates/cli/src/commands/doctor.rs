//! `askfirst doctor`: what is wrong with a server or with this machine, and what to do about it.

mod here;

use std::path::PathBuf;

use anyhow::Result;
use askfirst_store::{Clock, SystemClock};
use clap::Args;
use reqwest::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::block_on;
use crate::client::{CallError, Client, Connection};
use crate::exit;
use crate::terminal::{Tone, say, say_json, text_of, toned, visible};

/// How far two clocks may be apart, in seconds; beyond it receipts look to be from the future.
const SKEW: i64 = 60;

/// Find out what is wrong, and what to do
///
/// Asks the server and, with --config or --data, looks at its data folder on this machine.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Look at the data folder that this configuration file names
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// Look at this data folder of a dev server
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What one look found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    name: &'static str,
    /// Whether it is well.
    ok: bool,
    /// What is so.
    detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// It is well.
fn well(name: &'static str, detail: impl Into<String>) -> Finding {
    Finding { name, ok: true, detail: detail.into(), advice: None }
}

/// It is not.
fn ill(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { name, ok: false, detail: detail.into(), advice: Some(advice.into()) }
}

impl DoctorArgs {
    /// Looks at everything.
    pub(crate) fn run(self) -> Result<u8> {
        let client = Client::new(&self.connection.url, self.connection.key.as_deref())?;
        let mut findings = block_on(async { Ok(ask(&client, &self.connection).await) })?;
        findings.extend(here::look(self.config.as_deref(), self.data.as_deref()));
        let healthy = findings.iter().all(|finding| finding.ok);
        if self.connection.json {
            say_json(&json!({ "ok": healthy, "findings": findings }));
        } else {
            findings.iter().for_each(tell);
        }
        Ok(if healthy { exit::DONE } else { exit::FAILED })
    }
}

fn tell(finding: &Finding) {
    let mark = match finding.ok {
        true => toned("ok   ", Tone::Good),
        false => toned("wrong", Tone::Bad),
    };
    say(format_args!("{mark}  {}: {}", finding.name, finding.detail));
    if let Some(advice) = &finding.advice {
        say(format_args!("       {advice}"));
    }
}

async fn ask(client: &Client, connection: &Connection) -> Vec<Finding> {
    let mut findings = Vec::new();
    let health = match client.probe("/healthz").await {
        Ok(reply) => reply,
        Err(error) => {
            let advice = match error {
                CallError::Untrusted { .. } => {
                    "give the server another certificate, or have this machine believe it"
                }
                _ => "start it with `askfirst dev` or `askfirst serve`, or set ASKFIRST_URL",
            };
            findings.push(ill("server", error.to_string(), advice));
            return findings;
        }
    };
    if health.body["status"] != "ok" {
        let detail = format!("{} answered {}", client.url(), health.status);
        let advice = match health.body["type"].as_str() {
            Some("urn:askfirst:problem:unknown_host") => {
                "use the server's public_url, or add this name to its `hosts`"
            }
            _ => "is ASKFIRST_URL right, and does a proxy stand in between?",
        };
        findings.push(ill("server", detail, advice));
        return findings;
    }
    findings.push(well("server", format!("it answers at {}", client.url())));
    findings.push(version(&text_of(&health.body, "version")));
    findings.push(clock(health.date.as_deref()));
    findings.push(ready(client).await);
    findings.push(key(client, connection).await);
    findings
}

fn version(theirs: &str) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    if minor(theirs) == minor(ours) {
        return well("version", format!("server {theirs}, this command {ours}"));
    }
    let detail = format!("server {theirs}, but this command is {ours}");
    ill("version", detail, "use the command of the server's version")
}

fn clock(date: Option<&str>) -> Finding {
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return ill(
            "clock",
            "the server does not say what time it is",
            "look at the proxy between",
        );
    };
    let theirs = theirs.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let ours = SystemClock.now().seconds();
    let skew = i64::try_from(theirs).unwrap_or(i64::MAX).saturating_sub(ours);
    if skew.abs() <= SKEW {
        return well("clock", "the server's and this machine's agree");
    }
    let way = if skew > 0 { "ahead of" } else { "behind" };
    ill(
        "clock",
        format!("the server's is {} s {way} this machine's", skew.abs()),
        "set both by NTP: deadlines and receipts rest on them",
    )
}

async fn ready(client: &Client) -> Finding {
    let reply = match client.probe("/readyz").await {
        Ok(reply) => reply.body,
        Err(error) => return ill("ready", error.to_string(), "look at the server's log"),
    };
    if reply["status"] == "ready" {
        return match reply["schema"].as_u64() {
            Some(schema) => well("ready", format!("the store takes writes, schema {schema}")),
            None => well("ready", "the store takes writes"),
        };
    }
    if reply["store"] != true {
        let advice = "check its disk, then start it again: it reads the truth";
        return ill("ready", "the store takes no writes", advice);
    }
    let advice = "wait a moment, then look at its log: is it the sealing key of this data?";
    ill("ready", "there is no key to sign receipts with yet", advice)
}

async fn key(client: &Client, connection: &Connection) -> Finding {
    let Some(key) = &connection.key else {
        let advice = "set ASKFIRST_KEY; `askfirst dev` prints keys to try";
        return ill("key", "none is given", advice);
    };
    if !askfirst_server::mint::is_api_key(key.trim()) {
        let advice = "copy it again, whole: af_, live, test or dev, and 49 characters";
        return ill("key", "its checksum is wrong: it is cut off or mistyped", advice);
    }
    match client.get("/v1/keys/current").await {
        Ok(key) => {
            let scopes = key["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let scopes: Vec<_> = scopes.map(visible).collect();
            let (name, world) = (text_of(&key, "name"), text_of(&key, "environment"));
            well("key", format!("{name}, {world}, may: {}", scopes.join(", ")))
        }
        Err(CallError::Refused(refused)) if refused.status == StatusCode::UNAUTHORIZED => {
            let detail = text_of(&refused.document, "detail");
            ill("key", detail, "ask for a new one: `askfirst keys create`")
        }
        Err(error) => ill("key", error.to_string(), "look at the server's log"),
    }
}
