//! How soon what happens reaches those who want to be told, at a steady rate, beside what the same
//! requests cost a bare client at the same rate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::receiver::{Receiver, send_bare};
use crate::server::Server;
use crate::spans::{Pace, Spans};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Approvals asked for each second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Receivers that are told of each.
    #[arg(long, default_value_t = 3)]
    receivers: u32,
    /// Seconds of one round.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Fails if the median p99, in milliseconds, is above this.
    #[arg(long)]
    most: Option<f64>,
}

/// Clients that send at once.
const CLIENTS: u32 = 16;
/// How long the last ones may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints a row for each round.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.rate > 0 && options.seconds > 0 && options.receivers > 0, "one of each");
    println!(
        "| round | after the answer p50 | p99 | after the ask p50 | p99 | bare p50 | p99 | ratio p50 | p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let bare = bare_round(&options).await?;
        let Round { answered, asked } = askfirst_round(&options).await?;
        let times = |spans: &Spans| format!("{:.2} ms | {:.2} ms", spans.at(50), spans.at(99));
        println!(
            "| {round} | {} | {} | {} | {:.1}x | {:.1}x |",
            times(&answered),
            times(&asked),
            times(&bare),
            asked.at(50) / bare.at(50),
            asked.at(99) / bare.at(99),
        );
        rounds.push((asked.at(99), asked.at(50)));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (p99, p50) = *rounds.get(rounds.len() / 2).context("at least one round")?;
    println!(
        "\nmedian round, from before the ask to the receiver: p50 {p50:.2} ms, p99 {p99:.2} ms"
    );
    match options.most {
        Some(most) if p99 > most => bail!("more than {most} ms"),
        _ => Ok(()),
    }
}

/// Until a receiver had it.
struct Round {
    /// From when the ask was answered; zero if it came before that.
    answered: Spans,
    /// From before the ask was sent.
    asked: Spans,
}

async fn askfirst_round(options: &Options) -> anyhow::Result<Round> {
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let mut receivers = Vec::new();
    for _ in 0..options.receivers {
        let receiver = Receiver::listen().await?;
        receiver.subscribe(&server, "asked").await?;
        receivers.push(receiver);
    }
    let asked = ask_steadily(options, &server).await?;
    let (mut after_ask, mut after_answer) = (Vec::new(), Vec::new());
    for receiver in &receivers {
        receiver.wait_for(asked.len(), PATIENCE).await?;
        ensure!(receiver.repeated() == 0, "{} came more than once", receiver.repeated());
        for (id, sent, answered) in &asked {
            let came = receiver.arrival(id).context("something else arrived")?;
            after_ask.push(came.saturating_duration_since(*sent));
            after_answer.push(came.saturating_duration_since(*answered));
        }
    }
    server.kill().await?;
    Ok(Round { answered: Spans::of(after_answer), asked: Spans::of(after_ask) })
}

/// What was asked, when that was sent, and when it was answered.
async fn ask_steadily(
    options: &Options,
    server: &Server,
) -> anyhow::Result<Vec<(String, Instant, Instant)>> {
    let pace = Pace::new(options.rate);
    let count = options.rate * options.seconds;
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS {
        let mut client = Client::connect(&server.ready.url).await?;
        let key = server.ready.agent_key.clone();
        clients.spawn(async move {
            let ask = client.request("POST", "/v1/approvals", &key, ASK, "");
            let mut all = Vec::new();
            for number in (first..count).step_by(CLIENTS as usize) {
                pace.turn(number).await;
                let sent = Instant::now();
                let reply = client.send(&ask).await?;
                let answered = Instant::now();
                let reply = reply.json();
                let id = reply["id"].as_str();
                let id = id.with_context(|| format!("an ask was refused: {reply}"))?;
                all.push((id.to_owned(), sent, answered));
            }
            anyhow::Ok(all)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = clients.join_next().await {
        all.extend(done??);
    }
    Ok(all)
}

const ASK: &str = r#"{"action":{"name":"deploy.production","title":"Deploy v2.1 to production?","arguments":{"version":"2.1","region":"eu-central-1"}},"reason":"all checks are green"}"#;

/// The same number of requests at the same rate, straight to the receivers.
async fn bare_round(options: &Options) -> anyhow::Result<Spans> {
    let receiver = Arc::new(Receiver::listen().await?);
    let rate = options.rate * options.receivers;
    let (pace, count) = (Pace::new(rate), rate * options.seconds);
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS {
        let receiver = Arc::clone(&receiver);
        clients.spawn(async move {
            let mut spans = Vec::new();
            for number in (first..count).step_by(CLIENTS as usize) {
                pace.turn(number).await;
                let id = format!("apr_{number:026}");
                let sent = Instant::now();
                send_bare(&receiver.url, &id).await?;
                let came = receiver.arrival(&id).context("it was answered and did not arrive")?;
                spans.push(came.saturating_duration_since(sent));
            }
            anyhow::Ok(spans)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = clients.join_next().await {
        all.extend(done??);
    }
    Ok(Spans::of(all))
}
