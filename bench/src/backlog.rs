//! What a receiver that is dead costs the others, with very much waiting for it. Two servers hold
//! the same approvals; for one of them a receiver is dead that wants to be told of each. They are
//! measured in turns, and the one that is not measured stands still meanwhile, so that what the
//! dead receiver costs is paid where it is measured.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::receiver::Receiver;
use crate::server::Server;
use crate::spans::{Pace, Spans, median};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// How much waits for the dead receiver, first and then.
    #[arg(long, num_args = 2, default_values_t = [10_000, 100_000])]
    queued: Vec<usize>,
    /// What the living receiver is told of each second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Rounds; the median ratio counts.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Fails above this ratio.
    #[arg(long)]
    most: Option<f64>,
    /// Fails if the server's memory grows by more MiB from the first to the second.
    #[arg(long)]
    growth: Option<f64>,
}

/// Clients that send at once.
const CLIENTS: usize = 16;
/// How long the last ones may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Prints a row for each round, then the memory.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let some = options.rate > 0 && options.rounds > 0 && options.seconds > 0;
    ensure!(options.queued.is_sorted() && some, "more than none");
    let without = Scene::set(&options).await?;
    let beside = Scene::set(&options).await?;
    let dead = Receiver::listen().await?;
    dead.subscribe(&beside.server, "asked").await?;
    drop(dead);
    println!("| queued | round | p99 without | p99 beside the dead one | ratio |");
    println!("|---|---|---|---|---|");
    let (mut memory, mut worst) = (Vec::new(), 0.0_f64);
    for queued in &options.queued {
        without.fill(*queued).await?;
        beside.fill(*queued).await?;
        beside.is_owed(*queued).await?;
        let mut ratios = Vec::new();
        for round in 1..=options.rounds {
            without.stand_still(true).await?;
            let slower = beside.p99(&options).await?;
            without.stand_still(false).await?;
            beside.stand_still(true).await?;
            let alone = without.p99(&options).await?;
            beside.stand_still(false).await?;
            println!(
                "| {queued} | {round} | {alone:.2} ms | {slower:.2} ms | {:.2}x |",
                slower / alone
            );
            ratios.push(slower / alone);
        }
        let ratio = median(ratios);
        println!("| {queued} | median | | | {ratio:.2}x |");
        worst = worst.max(ratio);
        memory.push((*queued, without.memory()?, beside.memory()?));
    }
    println!("\n| queued | memory without | memory with the dead one |");
    println!("|---|---|---|");
    for (queued, alone, slower) in &memory {
        println!("| {queued} | {alone:.1} MiB | {slower:.1} MiB |");
    }
    let grown =
        memory.last().map_or(0.0, |last| last.2) - memory.first().map_or(0.0, |first| first.2);
    println!("\nworst median ratio {worst:.2}x; memory grew by {grown:.1} MiB");
    match (options.most, options.growth) {
        (Some(most), _) if worst > most => bail!("more than {most:.2}x"),
        (_, Some(most)) if grown > most => bail!("more than {most} MiB"),
        _ => Ok(()),
    }
}

/// A server with a receiver that lives, and approvals to be withdrawn, which that is told of.
struct Scene {
    server: Server,
    living: Receiver,
    open: Arc<std::sync::Mutex<Vec<String>>>,
    asked: AtomicUsize,
    _data: TempDir,
}

impl Scene {
    async fn set(options: &Options) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let server = Server::askfirst(&options.binary, data.path()).await?;
        let living = Receiver::listen().await?;
        living.subscribe(&server, "cancelled").await?;
        Ok(Self { server, living, open: Arc::default(), asked: AtomicUsize::new(0), _data: data })
    }

    /// Asks until so many were asked altogether.
    async fn fill(&self, queued: usize) -> anyhow::Result<()> {
        let missing = queued.saturating_sub(self.asked.swap(queued, Ordering::Relaxed));
        let mut clients = JoinSet::new();
        for first in 0..CLIENTS {
            let mut client = Client::connect(&self.server.ready.url).await?;
            let (key, open) = (self.server.ready.agent_key.clone(), Arc::clone(&self.open));
            clients.spawn(async move {
                let ask = client.request("POST", "/v1/approvals", &key, ASK, "");
                for _ in (first..missing).step_by(CLIENTS) {
                    let reply = client.send(&ask).await?.json();
                    let id = reply["id"].as_str();
                    let id = id.with_context(|| format!("an ask was refused: {reply}"))?;
                    open.lock().map_err(|_| anyhow::anyhow!("broken"))?.push(id.to_owned());
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = clients.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Insists that the dead receiver is still to be told of so many.
    async fn is_owed(&self, queued: usize) -> anyhow::Result<()> {
        let mut client = Client::connect(&self.server.ready.url).await?;
        let key = &self.server.ready.admin_key;
        let known = client.call("GET", "/v1/webhooks", key, "").await?.json();
        let waiting = known["data"].as_array().into_iter().flatten().map(|hook| &hook["waiting"]);
        let most = waiting.filter_map(Value::as_u64).max().unwrap_or_default();
        ensure!(
            usize::try_from(most)? >= queued,
            "{most} wait for the dead receiver instead of {queued}"
        );
        Ok(())
    }

    /// Withdraws at the rate, and times until the living receiver has heard.
    async fn p99(&self, options: &Options) -> anyhow::Result<f64> {
        let count = options.rate * options.seconds;
        let expected = self.living.came() + count as usize;
        let pace = Pace::new(options.rate);
        let mut clients = JoinSet::new();
        for first in 0..CLIENTS {
            let mut client = Client::connect(&self.server.ready.url).await?;
            let (key, open) = (self.server.ready.agent_key.clone(), Arc::clone(&self.open));
            clients.spawn(async move {
                let mut all = Vec::new();
                for number in (u32::try_from(first)?..count).step_by(CLIENTS) {
                    pace.turn(number).await;
                    let next = open.lock().map_err(|_| anyhow::anyhow!("broken"))?.pop();
                    let id = next.context("all of them are withdrawn; queue more")?;
                    let path = format!("/v1/approvals/{id}/cancel");
                    let sent = Instant::now();
                    let reply = client.call("POST", &path, &key, "{}").await?;
                    ensure!(reply.status == 200, "a withdrawal was refused: {}", reply.json());
                    all.push((id, sent));
                }
                anyhow::Ok(all)
            });
        }
        let mut withdrawn = Vec::new();
        while let Some(done) = clients.join_next().await {
            withdrawn.extend(done??);
        }
        self.living.wait_for(expected, PATIENCE).await?;
        let spans = withdrawn.iter().map(|(id, sent)| {
            let came = self.living.arrival(id).context("something else arrived")?;
            anyhow::Ok(came.saturating_duration_since(*sent))
        });
        Ok(Spans::of(spans.collect::<Result<_, _>>()?).at(99))
    }

    /// Stops the process where it is, or lets it go on.
    async fn stand_still(&self, still: bool) -> anyhow::Result<()> {
        self.server.signal(if still { "-STOP" } else { "-CONT" }).await
    }

    /// Resident memory, in MiB.
    fn memory(&self) -> anyhow::Result<f64> {
        self.server.memory()
    }
}

const ASK: &str = r#"{"action":{"name":"deploy.production","title":"Deploy v2.1 to production?","arguments":{"version":"2.1","region":"eu-central-1"}},"expires_in":3600}"#;
