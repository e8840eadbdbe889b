//! Others' answers beside a crowd of slow clients: each round is measured without the crowd and
//! with it, on one server, so that the ratio holds whatever the machine does meanwhile.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::server::Server;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Slow sockets: a third each send a head, a body, or read nothing.
    #[arg(long, default_value_t = 1_000)]
    slow: usize,
    /// Requests of the others in a round.
    #[arg(long, default_value_t = 2_000)]
    requests: usize,
    /// Rounds; the median ratio counts.
    #[arg(long, default_value_t = 5)]
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
    for round in 1..=options.rounds {
        let alone = p99(&server, options.requests).await?;
        let mut crowd = JoinSet::new();
        for number in 0..options.slow {
            let (host, key) = (
                server.ready.url.trim_start_matches("http://").to_owned(),
                server.ready.agent_key.clone(),
            );
            crowd.spawn(async move { dawdle(number, &host, &key).await });
        }
        let beside = p99(&server, options.requests).await?;
        crowd.shutdown().await;
        let ratio = beside.as_secs_f64() / alone.as_secs_f64();
        let milliseconds = |span: Duration| span.as_secs_f64() * 1e3;
        println!(
            "| {round} | {:.2} ms | {:.2} ms | {ratio:.2}x |",
            milliseconds(alone),
            milliseconds(beside)
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("\nmedian ratio {median:.2}x");
    match options.most {
        Some(most) if median > most => bail!("more than {most:.2}x"),
        _ => Ok(()),
    }
}

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
async fn dawdle(number: usize, host: &str, key: &str) {
    let head = format!("GET /v1/approvals HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
    let body = format!(
        "POST /v1/approvals HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n{{"
    );
    let unread = format!("GET /v1/openapi.json HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(16);
    let start = [head, body, unread][number % 3].clone();
    loop {
        // Refused or cut off: it tries again, as a hostile client would.
        let _cut = trickle(host, &start).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn trickle(host: &str, start: &str) -> std::io::Result<()> {
    let address = host.parse().map_err(std::io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    // What is not read then stays with the server.
    socket.set_recv_buffer_size(4_096)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(start.as_bytes()).await?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stream.write_all(b" ").await?;
    }
}
