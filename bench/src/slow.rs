//! Others' answers beside a crowd of slow clients: each round is measured without the crowd and
//! with it, on one server, in turns which first, so that the ratio holds whatever the machine does
//! meanwhile. The crowd stands before it is measured: how fast a thousand connect is another
//! question than what they cost while they dawdle. It is a process of its own and yields to the
//! others: what it costs its own machine is not what it costs the server.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpSocket;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::server::Server;
use crate::spans::median;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Slow sockets: a third each send a head, a body, or read nothing.
    #[arg(long, default_value_t = 1_000)]
    slow: usize,
    /// Requests of the others in a round.
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
    /// Rounds; the median ratio counts. One more, that warms up, is not counted.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Fails above this ratio.
    #[arg(long)]
    most: Option<f64>,
}

/// Prints the others' p99 without and with the slow ones, and the ratio.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    if options.rounds == 0 || options.requests < 100 {
        bail!("at least 1 round of at least 100 requests");
    }
    let data = tempfile::tempdir()?;
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let mut ratios = Vec::new();
    println!("| round | p99 alone | p99 beside {} slow | ratio |", options.slow);
    println!("|---|---|---|---|");
    for round in 0..=options.rounds {
        let (alone, beside);
        if round % 2 == 0 {
            alone = p99(&server, options.requests).await?;
            beside = beside_crowd(&server, &options).await?;
        } else {
            beside = beside_crowd(&server, &options).await?;
            alone = p99(&server, options.requests).await?;
        }
        if round == 0 {
            continue;
        }
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        let milliseconds = |span: Duration| span.as_secs_f64() * 1e3;
        println!(
            "| {round} | {:.2} ms | {:.2} ms | {ratio:.2}x |",
            milliseconds(alone),
            milliseconds(beside)
        );
        ratios.push(ratio);
    }
    let median = median(ratios);
    println!("\nmedian ratio {median:.2}x");
    match options.most {
        Some(most) if median > most => bail!("more than {most:.2}x"),
        _ => Ok(()),
    }
}

/// The same while the slow ones stand there; they are gone when this returns.
async fn beside_crowd(server: &Server, options: &Options) -> anyhow::Result<Duration> {
    let slow = options.slow.to_string();
    let mut crowd = Command::new("nice")
        .args(["-n", "19"])
        .arg(std::env::current_exe()?)
        .args(["crowd", "--url", &server.ready.url, "--slow", &slow])
        .env(KEY, &server.ready.agent_key)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the crowd cannot be started")?;
    let stdout = crowd.stdout.take().context("the crowd has no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).await?;
    if line.trim() != STANDS {
        bail!("the slow ones could not all connect");
    }
    tokio::time::sleep(SETTLED).await;
    let measured = p99(server, options.requests).await;
    crowd.kill().await?;
    tokio::time::sleep(SETTLED).await;
    measured
}

/// Where the crowd finds its key.
const KEY: &str = "ASKFIRST_KEY";
/// What it prints when all of it stands.
const STANDS: &str = "standing";

#[derive(clap::Args)]
pub(crate) struct CrowdOptions {
    /// The server.
    #[arg(long)]
    url: String,
    /// A key of it.
    #[arg(long, env = KEY, hide_env_values = true)]
    key: String,
    /// Sockets.
    #[arg(long)]
    slow: usize,
}

/// Stands in the way until it is killed.
pub(crate) async fn crowd(options: CrowdOptions) -> anyhow::Result<()> {
    let standing = Arc::new(AtomicUsize::new(0));
    let mut crowd = JoinSet::new();
    for number in 0..options.slow {
        let host = options.url.trim_start_matches("http://").to_owned();
        let (key, standing) = (options.key.clone(), Arc::clone(&standing));
        crowd.spawn(async move { dawdle(number, &host, &key, &standing).await });
    }
    let began = Instant::now();
    while standing.load(Ordering::Relaxed) < options.slow {
        if began.elapsed() > PATIENCE {
            bail!("only {} of the slow ones could connect", standing.load(Ordering::Relaxed));
        }
        tokio::time::sleep(SETTLED / 10).await;
    }
    println!("{STANDS}");
    while crowd.join_next().await.is_some() {}
    Ok(())
}

/// How long the crowd may take to connect.
const PATIENCE: Duration = Duration::from_secs(30);
/// Until the server has answered those who came, and noticed those who went.
const SETTLED: Duration = Duration::from_secs(1);

/// The others: 8 clients that ask and read.
async fn p99(server: &Server, requests: usize) -> anyhow::Result<Duration> {
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (url, key) = (server.ready.url.clone(), server.ready.agent_key.clone());
        clients.spawn(async move {
            let mut client = Client::connect(&url).await?;
            let request = client.request("GET", "/v1/approvals?limit=1", &key, "", "");
            let mut took = Vec::new();
            for _ in 0..requests / 8 {
                let began = Instant::now();
                let reply = client.send(&request).await?;
                if reply.status != 200 {
                    bail!("the server answered {}", reply.status);
                }
                took.push(began.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = clients.join_next().await {
        all.extend(took??);
    }
    all.sort();
    all.get(all.len() * 99 / 100).copied().context("no request was made")
}

/// One slow client, again and again until it is stopped.
async fn dawdle(number: usize, host: &str, key: &str, standing: &AtomicUsize) {
    let head = format!("GET /v1/approvals HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let body = format!(
        "POST /v1/approvals HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n{{"
    );
    let unread = format!("GET /v1/openapi.json HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(16);
    let start = [head, body, unread][number % 3].clone();
    let mut stands = false;
    loop {
        // Refused or cut off: it tries again, as a hostile client would.
        let _cut = trickle(host, &start, || {
            if !std::mem::replace(&mut stands, true) {
                standing.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn trickle(host: &str, start: &str, mut stands: impl FnMut()) -> std::io::Result<()> {
    let address = host.parse().map_err(std::io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    // What is not read then stays with the server.
    socket.set_recv_buffer_size(4_096)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(start.as_bytes()).await?;
    stands();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(b" ").await?;
    }
}
