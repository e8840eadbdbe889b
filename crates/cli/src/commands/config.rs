//! `askfirst config`: the server's settings, without starting it.

use std::path::PathBuf;

use anyhow::Result;
use askfirst_server::config::Config;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::{self, not_set_up};
use crate::premises;
use crate::terminal::{say, say_json};

/// The server's settings
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the default configuration file, with its explanations
    Default,
    /// Read the settings as the server would, and say what they are or what is wrong
    Check(CheckArgs),
}

/// Which settings.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration file; /etc/askfirst/askfirst.toml if there is one
    #[arg(long, env = "ASKFIRST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

impl ConfigCommand {
    /// Whether programs read it.
    pub(crate) const fn json(&self) -> bool {
        match self {
            Self::Default => false,
            Self::Check(args) => args.json,
        }
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        match self {
            Self::Default => say(Config::example().trim_end()),
            Self::Check(args) => {
                let config = Config::load(args.config.as_deref()).map_err(not_set_up)?;
                premises::certificates(&config)?;
                let outgoing = config.outgoing.open(premises::trust(&config)?, false);
                config.open_to_strangers(&outgoing).map_err(not_set_up)?;
                match args.json {
                    true => say_json(&json!(config)),
                    false => {
                        say("the settings are good:");
                        say(toml::to_string(&config)?.trim_end());
                    }
                }
            }
        }
        Ok(exit::DONE)
    }
}
