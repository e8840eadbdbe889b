//! Which server's own data a command of its console works on. While it does, no server starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use askfirst_server::config::Config;
use askfirst_store::Store;
use clap::Args;

use super::dev::Places;
use crate::exit::not_set_up;
use crate::premises;

/// Of which server.
#[derive(Debug, Args)]
pub(crate) struct Site {
    /// Of the server with this configuration; /etc/askfirst/askfirst.toml if there is one
    #[arg(long, env = "ASKFIRST_CONFIG", value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// Of the dev server in this folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print what was done as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Site {
    /// Where its data are.
    pub(super) fn places(&self) -> Result<Places> {
        Places::of(self.config.as_deref(), self.data.as_deref())
    }

    /// Its settings.
    pub(super) fn settings(&self) -> Result<Config> {
        match self.data {
            Some(_) => Ok(Config::default()),
            None => Config::load(self.config.as_deref()).map_err(not_set_up),
        }
    }

    /// Its store; nothing is made where none is.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>> {
        store_in(&self.places()?.data)
    }
}

fn store_in(data: &Path) -> Result<Arc<dyn Store>> {
    let database = premises::database(data);
    if !database.is_file() {
        return Err(not_set_up(format!("there is no database at {}", database.display())));
    }
    // No statement is written here, so nothing is issued in this name.
    premises::open_store(data, &Config::default().public_url)
}
