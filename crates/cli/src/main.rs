//! The `askfirst` command: reads the command line, runs one command, gives its exit code.

mod approval;
mod client;
mod commands;
mod directory;
mod exit;
mod inbox;
mod input;
mod logs;
mod premises;
#[cfg(test)]
mod reference;
mod surroundings;
mod terminal;
mod told;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

/// Test builds say so, here and in every `--version`; a release must not contain this text.
#[cfg(feature = "testing")]
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (askfirst-built-with-test-hooks)");
#[cfg(not(feature = "testing"))]
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The approval server for AI agents: something asks first, a person decides, and everyone can
/// prove it.
///
/// Begin with `askfirst dev`.
#[derive(Debug, Parser)]
#[command(name = "askfirst", version = VERSION, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    // The only provider; installing it twice is the one way this fails.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // It repeats what was given, which may be somebody else's words.
            let told = error.render().to_string();
            terminal::warn(told.lines().map(terminal::readable).collect::<Vec<_>>().join("\n"));
            return ExitCode::from(exit::USAGE);
        }
        Err(help) => {
            // A closed pipe is no reason to fail over help.
            let _ = help.print();
            return ExitCode::from(exit::DONE);
        }
    };
    let manner = cli.command.manner();
    let code = cli.command.run().unwrap_or_else(|error| exit::report(&error, manner));
    ExitCode::from(code)
}
