//! `askfirst backup`: the whole database into one file, while the server runs.

use std::path::PathBuf;

use anyhow::Result;
use askfirst_server::backup::{self, BackupError, Taken};
use askfirst_store::{Clock, StoreError, SystemClock};
use clap::Args;
use serde_json::json;

use super::dev::Places;
use crate::exit::{self, not_set_up};
use crate::premises;
use crate::terminal::{StatusLine, say, say_json};

/// Back up a server's database, while it runs
///
/// Run it on the server's machine, as the server's user or root. Writes the backup and, beside
/// it, a manifest with its checksum. The sealing key is in neither: keep a copy of it apart.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write, or a folder for a file named by the time
    to: PathBuf,
    /// Of the server with this configuration; /etc/askfirst/askfirst.toml if there is one
    #[arg(long, env = "ASKFIRST_CONFIG", value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// Of the dev server in this folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Replace a backup of that name
    #[arg(long)]
    force: bool,
    /// Print what was written as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl BackupArgs {
    /// Takes it.
    pub(crate) fn run(self) -> Result<u8> {
        let places = Places::of(self.config.as_deref(), self.data.as_deref())?;
        let mut line = StatusLine::new(!self.json);
        let progress = |done, whole| line.show(&share("backing up", done, whole));
        let from = premises::database(&places.data);
        let taken = backup::take(&from, &self.to, self.force, SystemClock.now(), progress);
        line.clear();
        let Taken { file, manifest } = taken.map_err(told)?;
        if self.json {
            say_json(&json!({ "file": file, "manifest": manifest }));
            return Ok(exit::DONE);
        }
        let (shown, counts) = (file.display(), &manifest.counts);
        say(format_args!(
            "{} approvals, {} of them pending, in {shown} ({} bytes)\n{}\nTo restore it you also \
             need the sealing key, which is not in it: {}",
            counts.approvals,
            counts.pending,
            manifest.bytes,
            manifest.sha256,
            places.sealing_key.display()
        ));
        Ok(exit::DONE)
    }
}

/// How far it is.
pub(super) fn share(what: &str, done: u64, whole: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100);
    format!("{what}: {percent} %, {} MiB", done / (1024 * 1024))
}

/// What is wrong with the machine has an exit code of its own.
pub(super) fn told(error: BackupError) -> anyhow::Error {
    match error {
        BackupError::NoDatabase(_)
        | BackupError::SealingKey(_)
        | BackupError::Store(
            StoreError::CannotOpen(_) | StoreError::InUse(_) | StoreError::NoPlace(_),
        ) => not_set_up(error),
        other => other.into(),
    }
}
