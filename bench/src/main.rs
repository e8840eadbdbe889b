//! `askfirst-bench`: how fast the real binary is beside the simplest server that could do the
//! job, and whether it keeps its word when it is killed. Uses only what any user has: the
//! binary, its API and, while no server runs, the database file.

mod backlog;
mod ceiling;
mod client;
mod crash;
mod deliveries;
mod dialects;
mod ledger;
mod receiver;
mod server;
mod slow;
mod spans;
mod speed;
mod taps;
mod timers;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures the askfirst binary from outside, and kills it while it works")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The simplest durable server: one table, group commit. Prints its URL and keeps running.
    Ceiling {
        /// The folder for its database.
        #[arg(long)]
        data: PathBuf,
    },
    /// Creates, votes and wake-ups of the binary, with creates beside the ceiling's.
    Run(speed::Options),
    /// Kills the server at random moments under mixed load and checks what is left.
    Crash(crash::Options),
    /// How soon webhooks arrive at a steady rate, beside a bare client.
    Deliveries(deliveries::Options),
    /// What speaking another product's API costs, beside ours.
    Dialects(dialects::Options),
    /// What a dead receiver costs the others, with very much waiting for it.
    Backlog(backlog::Options),
    /// Others' answers beside a crowd of slow clients.
    Slow(slow::Options),
    /// The slow clients of `slow`, as a process of their own.
    #[command(hide = true)]
    Crowd(slow::CrowdOptions),
    /// How soon taps on Telegram are answered and told, and what many people on a bot take.
    Taps(taps::Options),
    /// How late deadlines and steps are with very many pending, after a restart too.
    Timers(timers::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Ceiling { data } => ceiling::serve(&data).await,
        What::Run(options) => speed::run(options).await,
        What::Crash(options) => crash::run(options).await,
        What::Deliveries(options) => deliveries::run(options).await,
        What::Dialects(options) => dialects::run(options).await,
        What::Backlog(options) => backlog::run(options).await,
        What::Slow(options) => slow::run(options).await,
        What::Crowd(options) => slow::crowd(options).await,
        What::Taps(options) => taps::run(options).await,
        What::Timers(options) => timers::run(options).await,
    }
}
