//! `askfirst restore`: a backup into a server's data folder, while the server does not run.

use std::path::PathBuf;

use anyhow::Result;
use askfirst_server::backup::restore::{Restore, Restored};
use askfirst_store::{Clock, SystemClock};
use clap::Args;
use serde_json::json;

use super::backup::{share, told};
use super::dev::Places;
use crate::exit::{self, usage};
use crate::premises;
use crate::terminal::{StatusLine, confirmed, say, say_json};

/// Put a backup back, while the server does not run
///
/// Checks everything first: the checksum, every page, the schema, and that the sealing key fits.
/// A database that is there is kept beside the restored one.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup; its manifest must lie beside it
    backup: PathBuf,
    /// For the server with this configuration; /etc/askfirst/askfirst.toml if there is one
    #[arg(long, env = "ASKFIRST_CONFIG", value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// For the dev server in this folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the sealing key is, if not where the configuration says
    #[arg(long, value_name = "FILE")]
    sealing_key_file: Option<PathBuf>,
    /// Restore although the sealing key is lost for good; then run `askfirst keyring replace-lost`
    #[arg(long, conflicts_with = "sealing_key_file")]
    sealing_key_lost: bool,
    /// Put it in the place of a database that is there; that one is kept beside it
    #[arg(long)]
    force: bool,
    /// With --force: do not ask
    #[arg(long, requires = "force")]
    yes: bool,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl RestoreArgs {
    /// Puts it back.
    pub(crate) fn run(self) -> Result<u8> {
        let places = Places::of(self.config.as_deref(), self.data.as_deref())?;
        let database = premises::database(&places.data);
        let restore = Restore {
            backup: &self.backup,
            database: &database,
            sealing_key_file: self.sealing_key_file.as_deref().unwrap_or(&places.sealing_key),
            replace: self.force,
            sealing_key_lost: self.sealing_key_lost,
        };
        let manifest = restore.manifest().map_err(told)?;
        if self.force && !self.yes && database.exists() {
            let question = format!(
                "Put the backup of {} ({} approvals) in the place of {}?",
                manifest.taken_at,
                manifest.counts.approvals,
                database.display()
            );
            if !confirmed(&question, "add --yes to --force")? {
                return Err(usage("nothing was restored"));
            }
        }
        let mut line = StatusLine::new(!self.json);
        let progress = |done, whole| line.show(&share("restoring", done, whole));
        let restored = restore.run(SystemClock.now(), progress);
        line.clear();
        let Restored { manifest, replaced } = restored.map_err(told)?;
        if self.json {
            say_json(&json!({ "file": database, "manifest": manifest, "replaced": replaced }));
            return Ok(exit::DONE);
        }
        let taken_at = manifest.taken_at;
        say(format_args!("{} is what it was at {taken_at}", database.display()));
        if let Some(replaced) = replaced {
            say(format_args!("what was there before is {}", replaced.display()));
        }
        say(format_args!(
            "Nothing after {taken_at} is known to it: an approval that was claimed since could be \
             claimed again.\nBefore agents go on, look at `askfirst list --status approved` and \
             revoke what was used."
        ));
        Ok(exit::DONE)
    }
}
