//! `askfirst completions`: what a shell needs to complete our commands.

use anyhow::Result;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::exit;

/// Print the completions of a shell
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints them.
    pub(crate) fn run(self) -> Result<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Cli::command(), "askfirst", &mut script);
        crate::terminal::say(String::from_utf8_lossy(&script).trim_end());
        Ok(exit::DONE)
    }
}
