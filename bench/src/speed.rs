//! Creates, votes and wake-ups per second and their latencies. Rounds of the ceiling and of
//! askfirst alternate on the same machine, so that noise hits both; medians of the rounds.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::server::Server;

/// How `bench/run` measures.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Connections that send at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds of one round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Rounds of each; the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Wake-ups that are timed.
    #[arg(long, default_value_t = 500)]
    wakeups: usize,
}

const ASK: &str = r#"{"action":{"name":"deploy.production","title":"Deploy v2.1 to production?","arguments":{"version":"2.1","region":"eu-central-1"},"target":"prod-eu"},"reason":"all checks are green"}"#;

/// What one round gave.
struct Round {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Runs everything and prints the table of docs/performance.md.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut ceilings = Vec::new();
    let mut creates = Vec::new();
    let mut votes = Vec::new();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        ceilings.push(ceiling_round(&options).await?);
        creates.push(create_round(&options).await?);
        votes.push(vote_round(&options).await?);
    }
    let woken = wakeups(&options).await?;
    let (ceiling, create) = (median(&mut ceilings), median(&mut creates));
    let vote = median(&mut votes);
    println!("| what | per second | p50 | p99 | of the ceiling |");
    println!("|---|---|---|---|---|");
    row("ceiling: one insert", ceiling, None);
    row("create", create, Some(ceiling));
    row("vote", vote, Some(ceiling));
    row("wake-up after a vote", &woken, None);
    println!();
    println!(
        "{} connections, {} s a round, median of {} rounds, {} cores",
        options.connections,
        options.seconds,
        options.rounds,
        std::thread::available_parallelism()?
    );
    Ok(())
}

fn row(what: &str, round: &Round, ceiling: Option<&Round>) {
    let share = ceiling.map(|ceiling| format!("{:.2}x", round.per_second / ceiling.per_second));
    println!(
        "| {what} | {:.0} | {:.2} ms | {:.2} ms | {} |",
        round.per_second,
        round.p50.as_secs_f64() * 1e3,
        round.p99.as_secs_f64() * 1e3,
        share.unwrap_or_else(|| "-".into())
    );
}

fn median(rounds: &mut [Round]) -> &Round {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    &rounds[rounds.len() / 2]
}

async fn ceiling_round(options: &Options) -> anyhow::Result<Round> {
    let data = tempfile::tempdir()?;
    let server = Server::ceiling(data.path()).await?;
    flood(options, &server.ready.url, 200, |client, _| {
        client.request("POST", "/v1/approvals", "none", ASK, "")
    })
    .await
}

async fn create_round(options: &Options) -> anyhow::Result<Round> {
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let key = server.ready.agent_key.clone();
    flood(options, &server.ready.url, 201, move |client, _| {
        client.request("POST", "/v1/approvals", &key, ASK, "")
    })
    .await
}

async fn vote_round(options: &Options) -> anyhow::Result<Round> {
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let key = server.ready.approver_key.clone();
    let asked = Arc::new(ask_many(&server, options).await?);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    flood(options, &server.ready.url, 200, move |client, spent| {
        let turn = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let Some((id, digest)) = asked.get(turn) else {
            *spent = true;
            return Vec::new();
        };
        let body = format!(r#"{{"decision":"approve","action_digest":"{digest}"}}"#);
        client.request("POST", &format!("/v1/approvals/{id}/vote"), &key, &body, "")
    })
    .await
}

/// Enough questions for one round of votes.
async fn ask_many(server: &Server, options: &Options) -> anyhow::Result<Vec<(String, String)>> {
    let each = 20_000 * usize::try_from(options.seconds)? / options.connections;
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let (url, key) = (server.ready.url.clone(), server.ready.agent_key.clone());
        tasks.spawn(async move {
            let mut client = Client::connect(&url).await?;
            let request = client.request("POST", "/v1/approvals", &key, ASK, "");
            let mut asked = Vec::with_capacity(each);
            for _ in 0..each {
                let approval = client.send(&request).await?.json();
                let text = |name: &str| approval[name].as_str().map(str::to_owned);
                let id = text("id").context("an approval without an id")?;
                asked.push((id, text("action_digest").context("no digest")?));
            }
            anyhow::Ok(asked)
        });
    }
    let mut all = Vec::new();
    while let Some(asked) = tasks.join_next().await {
        all.extend(asked??);
    }
    Ok(all)
}

/// Sends from all connections until the time is over or `next` says that it is spent.
async fn flood<F>(options: &Options, url: &str, wanted: u16, next: F) -> anyhow::Result<Round>
where
    F: Fn(&Client, &mut bool) -> Vec<u8> + Clone + Send + 'static,
{
    let length = Duration::from_secs(options.seconds);
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let (url, next) = (url.to_owned(), next.clone());
        tasks.spawn(async move {
            let mut client = Client::connect(&url).await?;
            let mut times = Vec::new();
            let mut spent = false;
            while began.elapsed() < length {
                let request = next(&client, &mut spent);
                if spent {
                    break;
                }
                let sent = Instant::now();
                let reply = client.send(&request).await?;
                ensure!(reply.status == wanted, "{}: {}", reply.status, reply.json());
                times.push(sent.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(result) = tasks.join_next().await {
        times.extend(result??);
    }
    summary(times, began.elapsed())
}

fn summary(mut times: Vec<Duration>, length: Duration) -> anyhow::Result<Round> {
    ensure!(!times.is_empty(), "nothing was measured");
    times.sort_unstable();
    Ok(Round {
        per_second: times.len() as f64 / length.as_secs_f64(),
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    })
}

/// From sending a vote to the asker holding its answer, one after the other, while as many
/// other askers wait as there are connections.
async fn wakeups(options: &Options) -> anyhow::Result<Round> {
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let ready = server.ready.clone();
    let mut bystanders = JoinSet::new();
    for _ in 0..options.connections {
        let ready = ready.clone();
        bystanders.spawn(async move {
            let mut client = Client::connect(&ready.url).await?;
            let asked = client.call("POST", "/v1/approvals", &ready.agent_key, ASK).await?.json();
            let id = asked["id"].as_str().unwrap_or_default();
            let path = format!("/v1/approvals/{id}?wait=60s");
            client.call("GET", &path, &ready.agent_key, "").await.map(drop)
        });
    }
    let mut asker = Client::connect(&ready.url).await?;
    let mut approver = Client::connect(&ready.url).await?;
    let mut times = Vec::new();
    let began = Instant::now();
    for _ in 0..options.wakeups {
        let asked = asker.call("POST", "/v1/approvals", &ready.agent_key, ASK).await?.json();
        let id = asked["id"].as_str().context("no id")?.to_owned();
        let digest = asked["action_digest"].as_str().context("no digest")?.to_owned();
        let path = format!("/v1/approvals/{id}?wait=30s");
        let wait = asker.request("GET", &path, &ready.agent_key, "", "");
        let waiting = tokio::spawn(async move {
            let reply = asker.send(&wait).await;
            (asker, reply, Instant::now())
        });
        // Give the waiter time to be parked; what is timed starts only after this.
        tokio::time::sleep(Duration::from_millis(3)).await;
        let body = format!(r#"{{"decision":"approve","action_digest":"{digest}"}}"#);
        let path = format!("/v1/approvals/{id}/vote");
        let vote = approver.request("POST", &path, &ready.approver_key, &body, "");
        let sent = Instant::now();
        let reply = approver.send(&vote).await?;
        ensure!(reply.status == 200, "{}", reply.json());
        let (back, reply, woken) = waiting.await?;
        ensure!(reply?.json()["status"] == "approved", "woken without an answer");
        times.push(woken - sent);
        asker = back;
    }
    bystanders.abort_all();
    summary(times, began.elapsed())
}
