//! `askfirst limits`: how much is used of what may be.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::block_on;
use crate::client::Connection;
use crate::exit;
use crate::terminal::{say, say_json, table, text_of, visible};

/// How much of its limits a key and its workspace have used, and who is over which
#[derive(Debug, Args)]
pub(crate) struct LimitsArgs {
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl LimitsArgs {
    /// Shows them.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        block_on(async {
            let found = client.get("/v1/limits").await?;
            if self.connection.json {
                say_json(&found);
                return Ok(exit::DONE);
            }
            let mut rows = Vec::new();
            for holder in ["key", "workspace"] {
                let levels = found[holder].as_array().into_iter().flatten();
                rows.extend(levels.map(|level| row(holder, level)));
            }
            say(table(&rows));
            if found["plan"].is_object() {
                say(plan(&found["plan"]));
            }
            for full in found["over"].as_array().into_iter().flatten() {
                say(told(full));
            }
            Ok(exit::DONE)
        })
    }
}

fn row(holder: &str, level: &Value) -> Vec<String> {
    let used = format!("{} of {}", level["used"], level["limit"]);
    let resets = match level["resets_at"].as_str() {
        Some(at) => format!("until {}", visible(at)),
        None => String::new(),
    };
    vec![holder.into(), text_of(level, "name"), used, resets]
}

/// What the workspace's operator lets it have.
fn plan(plan: &Value) -> String {
    let number = |name: &str, what: &str| match plan[name].as_u64() {
        Some(number) => format!("{what} {number}"),
        None => format!("{what} unbounded"),
    };
    let channels = match plan["channels"].as_array() {
        None => "all".to_owned(),
        Some(kinds) if kinds.is_empty() => "none".to_owned(),
        Some(kinds) => {
            let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).map(visible).collect();
            kinds.join(", ")
        }
    };
    let audit = match plan["audit_days"].as_u64() {
        Some(days) => format!("audit log {days} days back"),
        None => "audit log all of it".to_owned(),
    };
    format!(
        "plan {}: {}; {}; channels {channels}; {audit}",
        text_of(plan, "name"),
        number("asks_per_month", "asks a month"),
        number("approvers", "approvers")
    )
}

fn told(full: &Value) -> String {
    let limit = text_of(full, "limit");
    match full["key"].as_str() {
        Some(key) => format!("over: {limit} of the key {}", visible(key)),
        None => format!("over: {limit} of the {}", text_of(full, "of")),
    }
}
