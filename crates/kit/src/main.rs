//! `askfirst-kit`: the kit as a process of its own, for tests that are not written in Rust and for
//! measurements. Says in its first line where it listens; `/_control/<verb>` is the test's side.

use std::io::Write;
use std::net::SocketAddr;

use askfirst_kit::telegram::{Options, Telegram};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Servers of others, as strict as theirs, for tests")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Telegram's Bot API. Prints {"url": …} and keeps running.
    Telegram {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Takes webhooks at http:// and at any port.
        #[arg(long)]
        allow_http_webhooks: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let What::Telegram { listen, allow_http_webhooks } = Arguments::parse().what;
    let telegram = Telegram::with(Options { listen, allow_http_webhooks }).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({ "url": telegram.url() }))?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
