//! `askfirst policy`: policies from files to the server and back.

mod compare;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use askfirst_core::PolicyName;
use clap::{Args, Subcommand};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::block_on;
use crate::client::{CallError, Client, Connection, ORDINARY};
use crate::exit;
use crate::input;
use crate::terminal::{confirmed, say, say_json, table, text_of, visible, visible_json};

/// Who decides, how many, how surely, by when
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Save the policies in these files; a known name gets a new version
    Apply(ApplyArgs),
    /// Read these files without a server, and say what is wrong in them
    Check(CheckArgs),
    /// Show what saving these files would change; exits with 1 if anything would
    Diff(ApplyArgs),
    /// List the newest version of every policy
    List(ListArgs),
    /// Show a policy
    Show(ShowArgs),
    /// Remove a policy; what was asked under it keeps its copy
    Remove(RemoveArgs),
}

/// Files with policies.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// YAML or JSON, one or more documents each; - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// Files to be read only.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// YAML or JSON, one or more documents each; - for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// All of them.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    connection: Connection,
}

/// One of them.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Its name
    name: PolicyName,
    #[command(flatten)]
    connection: Connection,
}

/// Which one goes.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Its name
    name: PolicyName,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    connection: Connection,
}

/// A document and where it stands.
struct Document {
    place: String,
    value: Value,
}

impl PolicyCommand {
    /// Whether programs read the answer.
    pub(crate) const fn json(&self) -> bool {
        match self {
            Self::Apply(args) | Self::Diff(args) => args.connection.json,
            Self::Check(args) => args.json,
            Self::List(args) => args.connection.json,
            Self::Show(args) => args.connection.json,
            Self::Remove(args) => args.connection.json,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let json = self.json();
        let connection = match &self {
            Self::Check(args) => return compare::check(&args.files, json),
            Self::Apply(args) | Self::Diff(args) => &args.connection,
            Self::List(args) => &args.connection,
            Self::Show(args) => &args.connection,
            Self::Remove(args) => &args.connection,
        };
        let client = connection.client()?;
        block_on(async {
            match self {
                Self::Check(_) => Ok(exit::DONE),
                Self::Apply(args) => apply(&client, &args.files, json).await,
                Self::Diff(args) => compare::diff(&client, &args.files, json).await,
                Self::List(_) => list(&client, json).await,
                Self::Show(args) => show(&client, &args.name, json).await,
                Self::Remove(args) => args.remove(&client).await,
            }
        })
    }
}

async fn apply(client: &Client, files: &[PathBuf], json: bool) -> Result<u8> {
    // Every file is read before the first policy is saved.
    let mut documents = Vec::new();
    for file in files {
        documents.extend(read(file)?);
    }
    let mut saved = Vec::new();
    for document in &documents {
        saved.push(save(client, document).await?);
    }
    if json {
        say_json(&json!({ "data": saved }));
        return Ok(exit::DONE);
    }
    for one in &saved {
        let (name, version) = (text_of(one, "name"), &one["version"]);
        say(match one["change"].as_str() {
            Some("created") => format!("{name}: created, version {version}"),
            Some("changed") => format!("{name}: new version {version}"),
            _ => format!("{name}: unchanged, version {version}"),
        });
    }
    Ok(exit::DONE)
}

fn read(file: &Path) -> Result<Vec<Document>> {
    let text = input::read_text(file)?;
    let name = if file.as_os_str() == "-" { "stdin".into() } else { file.display().to_string() };
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let values: Vec<Value> = match serde_saphyr::from_multiple_with_options(&text, options) {
        Ok(values) => values,
        Err(error) => bail!("{name}: not YAML or JSON: {error}"),
    };
    if values.is_empty() {
        bail!("{name}: there is no policy in it");
    }
    let many = values.len() > 1;
    let document = |(index, value): (usize, Value)| {
        let place = if many { format!("{name}, document {}", index + 1) } else { name.clone() };
        match value.is_object() {
            true => Ok(Document { place, value }),
            false => bail!("{place}: a policy is a mapping with at least a name and needs"),
        }
    };
    values.into_iter().enumerate().map(document).collect()
}

async fn save(client: &Client, document: &Document) -> Result<Value> {
    let before = match document.value["name"].as_str().map(str::parse::<PolicyName>) {
        Some(Ok(name)) => version(client, &name).await?,
        // The server says what is wrong with the name, in its own words.
        _ => None,
    };
    let answer = client.post("/v1/policies", &document.value).await;
    let saved = answer.map_err(|error| error.context(document.place.clone()))?;
    let change = match before {
        None => "created",
        Some(before) if saved["version"].as_u64() == Some(before) => "unchanged",
        Some(_) => "changed",
    };
    Ok(json!({ "name": saved["name"], "version": saved["version"], "change": change }))
}

async fn version(client: &Client, name: &PolicyName) -> Result<Option<u64>> {
    match client.get(&format!("/v1/policies/{name}")).await {
        Ok(policy) => Ok(policy["version"].as_u64()),
        Err(CallError::Refused(refused)) if refused.status == StatusCode::NOT_FOUND => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn list(client: &Client, json: bool) -> Result<u8> {
    let policies = client.get("/v1/policies").await?;
    if json {
        say_json(&policies);
        return Ok(exit::DONE);
    }
    let row = |policy: &Value| {
        let needs = policy["document"]["needs"].as_array().into_iter().flatten();
        let need = |need: &Value| {
            let from = need["from"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let from: Vec<_> = from.map(visible).collect();
            format!("{} from {}", need["count"], from.join(" or "))
        };
        vec![
            text_of(policy, "name"),
            format!("version {}", policy["version"]),
            needs.map(need).collect::<Vec<_>>().join(" and "),
        ]
    };
    let rows: Vec<_> = policies["data"].as_array().into_iter().flatten().map(row).collect();
    say(table(&rows));
    Ok(exit::DONE)
}

async fn show(client: &Client, name: &PolicyName, json: bool) -> Result<u8> {
    let policy = client.get(&format!("/v1/policies/{name}")).await?;
    if json {
        say_json(&policy);
        return Ok(exit::DONE);
    }
    say(format_args!(
        "{name} version {}, saved at {} by {}, digest {}",
        policy["version"],
        text_of(&policy, "created_at"),
        text_of(&policy, "created_by"),
        text_of(&policy, "digest")
    ));
    say(visible_json(&policy["document"], ""));
    Ok(exit::DONE)
}

impl RemoveArgs {
    async fn remove(self, client: &Client) -> Result<u8> {
        let name = self.name;
        if !self.yes && !confirmed(&format!("Remove the policy {name}?"), "give --yes")? {
            say("nothing was removed");
            return Ok(exit::FAILED);
        }
        let path = format!("/v1/policies/{name}");
        client.call(Method::DELETE, &path, None, None, ORDINARY).await?;
        if !self.connection.json {
            say(format_args!("the policy {name} is removed"));
        }
        Ok(exit::DONE)
    }
}
