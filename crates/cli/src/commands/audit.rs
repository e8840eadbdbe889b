//! `askfirst audit`: takes the audit log away, and checks that it is whole, here or from the file.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use askfirst_proof::canonical::parse_strict;
use askfirst_proof::log::{Broken, Chain, Entry, Head};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::approvals::moment;
use super::block_on;
use crate::client::{Client, Connection, segment};
use crate::exit::{self, usage};
use crate::terminal::{StatusLine, inert, say, say_json, visible};

/// What was done, by whom, in a hash chain
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Write every entry, or those that fit, oldest first
    ///
    /// As CSV, cells that a spreadsheet would calculate have an apostrophe in front. A part of the
    /// log cannot be verified by itself: for that, export all of it as JSON Lines.
    Export(ExportArgs),
    /// Check that no entry was changed, cut out or put in
    ///
    /// Exits with 0 if the log is whole, 4 if it is not. Without a saved head, nobody can tell
    /// whether entries are missing at the end or all of it was written anew.
    Verify(VerifyArgs),
}

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Write to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How entries are written
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// Only entries of this kind, such as member.added, or of a family of kinds, such as member
    #[arg(long)]
    kind: Option<String>,
    /// Only what this person (address or `mem_…`), key (`key_…`) or `system` did
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only about this: an id as the log has it, or a policy's name
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Only since then: 2030-01-31, or 2030-01-31T12:00:00Z; days begin at 00:00 UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<String>,
    /// Only before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// How entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An entry a line, as it is hashed; what `verify` reads
    Jsonl,
    /// For spreadsheets
    Csv,
}

/// What is checked against what.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// A file from `askfirst audit export`; without one, the server's log is read
    file: Option<PathBuf>,
    /// A head that was saved earlier, INDEX:HASH; can be given several times
    #[arg(long, value_name = "HEAD", value_parser = head)]
    head: Vec<Head>,
    #[command(flatten)]
    connection: Connection,
}

fn head(text: &str) -> Result<Head, String> {
    let shape = "a head is INDEX:HASH, such as 12:sha256:9f86…";
    let (index, hash) = text.split_once(':').ok_or(shape)?;
    let index = index.parse().map_err(|_| shape)?;
    Ok(Head { index, hash: hash.parse().map_err(|_| shape)? })
}

impl AuditCommand {
    /// How the server is reached.
    pub(crate) const fn connection(&self) -> &Connection {
        match self {
            Self::Export(args) => &args.connection,
            Self::Verify(args) => &args.connection,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        match self {
            Self::Export(args) => args.run(),
            Self::Verify(args) => args.run(),
        }
    }
}

impl ExportArgs {
    fn path(&self) -> String {
        let format = match self.format {
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
        };
        let filters = [
            ("kind", &self.kind),
            ("actor", &self.actor),
            ("subject", &self.subject),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let filters = filters.into_iter().filter_map(|(name, value)| {
            value.as_ref().map(|value| format!("&{name}={}", segment(value)))
        });
        format!("/v1/audit?format={format}{}", filters.collect::<String>())
    }

    fn run(&self) -> Result<u8> {
        let client = self.connection.client()?;
        let Some(file) = &self.output else {
            let mut out = std::io::stdout().lock();
            if out.is_terminal() {
                let mut all = Vec::new();
                block_on(client.download(&self.path(), |bytes| {
                    all.extend_from_slice(bytes);
                    Ok(())
                }))?;
                write!(out, "{}", inert(&String::from_utf8_lossy(&all)))?;
                return Ok(exit::DONE);
            }
            block_on(client.download(&self.path(), |bytes| Ok(out.write_all(bytes)?)))?;
            out.flush()?;
            return Ok(exit::DONE);
        };
        // What broke off half-way must not stand where a whole file stood, or look like one.
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = file.with_file_name(name);
        let written = self.write(&client, &part);
        if written.is_err() {
            let _gone = std::fs::remove_file(&part);
        }
        let bytes = written?;
        std::fs::rename(&part, file).with_context(|| file.display().to_string())?;
        let told = json!({ "bytes": bytes, "file": file });
        match self.connection.json {
            true => say_json(&told),
            false => say(format_args!("{bytes} bytes in {}", file.display())),
        }
        Ok(exit::DONE)
    }

    fn write(&self, client: &Client, part: &Path) -> Result<u64> {
        let out = std::fs::File::create(part).with_context(|| part.display().to_string())?;
        let mut out = std::io::BufWriter::new(out);
        let mut status = StatusLine::new(true);
        let mut count = 0;
        block_on(client.download(&self.path(), |bytes| {
            out.write_all(bytes)?;
            count += bytes.len() as u64;
            status.show(&format!("{count} bytes"));
            Ok(())
        }))?;
        out.into_inner()?.sync_all()?;
        Ok(count)
    }
}

impl VerifyArgs {
    fn run(&self) -> Result<u8> {
        let mut check = Check { chain: None, saved: &self.head };
        let checked = match &self.file {
            Some(file) => read_lines(file, |entry| check.take(entry)),
            None => {
                let client = self.connection.client()?;
                block_on(each(&client, |entry| check.take(entry))).map(drop)
            }
        };
        match checked.and_then(|()| check.end()) {
            Ok((workspace, head)) => {
                self.whole(&workspace, head);
                Ok(exit::DONE)
            }
            Err(error) => match error.downcast::<Broken>() {
                Ok(broken) => {
                    let at = json!({ "whole": false, "index": broken.index, "why": broken.why.to_string() });
                    match self.connection.json {
                        true => say_json(&at),
                        false => say(format_args!("NOT WHOLE: {}", visible(&broken.to_string()))),
                    }
                    Ok(exit::INVALID)
                }
                Err(other) => Err(other),
            },
        }
    }

    fn whole(&self, workspace: &str, head: Head) {
        let spelled = format!("{}:{}", head.index, head.hash);
        if self.connection.json {
            let saved = !self.head.is_empty();
            say_json(&json!({
                "whole": true, "workspace": workspace, "entries": head.index, "head": spelled,
                "against_saved_head": saved,
            }));
            return;
        }
        say(format_args!("whole: {} entries of {}", head.index, visible(workspace)));
        say(format_args!("head:  {spelled}"));
        if self.head.is_empty() {
            say("Keep this head where nobody who runs the server can change it, and give it back \
                 with --head: without one, a cut tail or a log written anew cannot be seen.");
        }
    }
}

/// The chain, which starts with the workspace that its first entry names.
struct Check<'a> {
    chain: Option<Chain<'a>>,
    saved: &'a [Head],
}

impl Check<'_> {
    fn take(&mut self, mut line: Value) -> Result<()> {
        let hash = line.as_object_mut().and_then(|members| members.remove("hash"));
        let hash = hash.as_ref().and_then(Value::as_str).context("an entry without its hash")?;
        let hash = hash.parse().context("the hash of an entry")?;
        let entry: Entry = serde_json::from_value(line).context("an entry of the audit log")?;
        let chain = match &mut self.chain {
            Some(chain) => chain,
            none => none.insert(Chain::start(entry.workspace.clone(), self.saved)?),
        };
        Ok(chain.check(&entry, hash)?)
    }

    fn end(self) -> Result<(String, Head)> {
        let chain = self.chain;
        let chain = chain.ok_or_else(|| usage("there is no entry in it; every log has a first"))?;
        Ok((chain.workspace().to_owned(), chain.finish()?))
    }
}

/// Hands over every entry of the server's log; gives how many there were.
async fn each(client: &Client, mut take: impl FnMut(Value) -> Result<()>) -> Result<u64> {
    let mut status = StatusLine::new(true);
    let mut path = "/v1/audit?limit=100".to_owned();
    let mut count = 0;
    loop {
        let mut page = client.get(&path).await?;
        let Some(entries) = page["data"].as_array_mut() else {
            bail!("the server gave a page without entries")
        };
        let entries = std::mem::take(entries);
        // What the plan withholds is not missing.
        if let Some(from) = page["readable_from"].as_str()
            && count == 0
            && entries.first().is_none_or(|first| first["index"] != 1)
        {
            bail!(
                "the plan of this workspace has the log read from {} on, and a part of it cannot be \
                 checked by itself; whoever runs the server can give the workspace another plan",
                visible(from)
            );
        }
        for entry in entries {
            take(entry)?;
            count += 1;
        }
        status.show(&format!("{count} entries"));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/audit?limit=100&cursor={}", segment(cursor)),
            None => return Ok(count),
        }
    }
}

/// Hands over every line of a file.
fn read_lines(file: &Path, mut take: impl FnMut(Value) -> Result<()>) -> Result<()> {
    let broken = |error: std::io::Error| usage(format!("{}: {error}", file.display()));
    let lines = BufReader::new(std::fs::File::open(file).map_err(broken)?).lines();
    let mut status = StatusLine::new(true);
    for (at, line) in lines.enumerate() {
        let line = line.map_err(broken)?;
        let entry = parse_strict(line.as_bytes())
            .map_err(|error| usage(format!("{}, line {}: {error}", file.display(), at + 1)))?;
        take(entry).with_context(|| format!("{}, line {}", file.display(), at + 1))?;
        if at % 1_000 == 0 {
            status.show(&format!("{} entries", at + 1));
        }
    }
    Ok(())
}
