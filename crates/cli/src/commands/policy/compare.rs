//! `askfirst policy check` and `policy diff`: what a file says, before anybody saves it.

use std::path::PathBuf;

use anyhow::Result;
use askfirst_core::{Policy, PolicyName};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use super::{Document, read};
use crate::client::{CallError, Client};
use crate::exit;
use crate::terminal::{Tone, say, say_json, toned, visible};

/// What is wrong with a document, each with its place in it.
fn problems(document: &Document) -> Vec<Value> {
    let whole = |detail: String| vec![json!({ "pointer": "", "detail": detail })];
    match serde_json::from_value::<Policy>(document.value.clone()) {
        Err(error) => whole(error.to_string()),
        Ok(policy) => policy.problems().iter().map(|one| json!(one)).collect(),
    }
}

/// Reads files without a server. Whether there are people to satisfy a policy, only a server knows.
pub(super) fn check(files: &[PathBuf], as_json: bool) -> Result<u8> {
    let mut told = Vec::new();
    for file in files {
        for document in read(file)? {
            let problems = problems(&document);
            told.push(json!({
                "place": document.place,
                "name": document.value["name"],
                "problems": problems,
            }));
        }
    }
    let wrong =
        told.iter().any(|one| one["problems"].as_array().is_some_and(|all| !all.is_empty()));
    if as_json {
        say_json(&json!({ "data": told }));
    } else {
        for one in &told {
            tell(one);
        }
    }
    Ok(if wrong { exit::FAILED } else { exit::DONE })
}

fn tell(checked: &Value) {
    let text = |value: &Value| value.as_str().map(visible).unwrap_or_default();
    let place = text(&checked["place"]);
    let problems = checked["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    if problems.is_empty() {
        say(format_args!("{place}: {} is well formed", text(&checked["name"])));
    }
    for problem in problems {
        let (pointer, detail) = (text(&problem["pointer"]), text(&problem["detail"]));
        let separator = if pointer.is_empty() { "" } else { " " };
        say(format_args!("{place}: {pointer}{separator}{detail}"));
    }
}

/// What saving these files would change on the server; fails if anything would.
pub(super) async fn diff(client: &Client, files: &[PathBuf], as_json: bool) -> Result<u8> {
    let mut told = Vec::new();
    for file in files {
        for document in read(file)? {
            told.push(compared(client, &document).await?);
        }
    }
    let differs = told.iter().any(|one| one["change"] != "unchanged");
    if as_json {
        say_json(&json!({ "data": told }));
        return Ok(if differs { exit::FAILED } else { exit::DONE });
    }
    for one in &told {
        let name = one["name"].as_str().map(visible).unwrap_or_default();
        say(format_args!("{name}: {}", one["change"].as_str().unwrap_or_default()));
        for field in one["fields"].as_array().into_iter().flatten() {
            let line = |sign: &str, value: &Value| match value {
                Value::Null => None,
                value => Some(format!(
                    "{sign} {}: {}",
                    field["field"].as_str().unwrap_or_default(),
                    visible(&value.to_string())
                )),
            };
            let before = line("-", &field["before"]).map(|text| toned(&text, Tone::Bad));
            let after = line("+", &field["after"]).map(|text| toned(&text, Tone::Good));
            before.into_iter().chain(after).for_each(|text| say(format_args!("  {text}")));
        }
    }
    Ok(if differs { exit::FAILED } else { exit::DONE })
}

async fn compared(client: &Client, document: &Document) -> Result<Value> {
    // Both are written out whole, so that a default that is spelled out is no difference.
    let ours: Policy = serde_json::from_value(document.value.clone())
        .map_err(|error| anyhow::anyhow!("{}: {error}", document.place))?;
    let name: PolicyName = ours.name.clone();
    let theirs = match client.get(&format!("/v1/policies/{name}")).await {
        Ok(saved) => Some(saved["document"].clone()),
        Err(CallError::Refused(refused)) if refused.status == StatusCode::NOT_FOUND => None,
        Err(error) => return Err(error.into()),
    };
    let ours = serde_json::to_value(&ours)?;
    let nothing = Map::new();
    let after = ours.as_object().unwrap_or(&nothing);
    let before = theirs.as_ref().and_then(Value::as_object).unwrap_or(&nothing);
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let fields: Vec<_> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| json!({ "field": name, "before": before.get(name), "after": after.get(name) }))
        .collect();
    let change = match (&theirs, fields.is_empty()) {
        (None, _) => "new",
        (Some(_), true) => "unchanged",
        (Some(_), false) => "changed",
    };
    Ok(json!({ "name": name, "change": change, "fields": fields }))
}
