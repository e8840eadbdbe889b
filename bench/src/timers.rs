//! How late deadlines and steps are, with many approvals pending that fall due in a window, and
//! with a restart in the middle of it. What happened when is read from the database afterwards.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::server::Server;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary, built with `--profile dist`.
    #[arg(long, default_value = "target/dist/askfirst")]
    binary: PathBuf,
    /// Approvals that are pending at once.
    #[arg(long, default_value_t = 100_000)]
    pending: usize,
    /// Of these, one in so many has a step that falls due as well.
    #[arg(long, default_value_t = 10)]
    step_in: usize,
    /// Seconds to put all the questions in; nothing falls due before.
    #[arg(long, default_value_t = 120)]
    lead: u32,
    /// Seconds over which the deadlines are spread.
    #[arg(long, default_value_t = 60)]
    window: u32,
    /// Kills the server in the middle of the window and starts it again.
    #[arg(long)]
    restart: bool,
    /// Fails if anything was later than so many seconds.
    #[arg(long)]
    most: Option<f64>,
}

/// Microseconds since 1970, as the server's clock has them on the same machine.
#[allow(clippy::disallowed_methods, reason = "the true time is what is compared with")]
fn now() -> anyhow::Result<i64> {
    let micros = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
    Ok(i64::try_from(micros)?)
}

const SECOND: i64 = 1_000_000;

/// Prints lateness by what fell due.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let (lead, window) = (options.lead, options.window);
    ensure!(
        lead > 10 && window > 0 && lead + window <= 3_000,
        "a lead and a window within the hour"
    );
    let options = Arc::new(options);
    let data = tempfile::tempdir()?;
    let mut server = Server::askfirst(&options.binary, data.path()).await?;
    let policy = json!({
        "name": "stepped", "needs": [{ "from": ["members"] }], "assurance": "key",
        "steps": [{ "after": lead, "add": ["members"] }],
    })
    .to_string();
    let mut client = Client::connect(&server.ready.url).await?;
    let saved = client.call("POST", "/v1/policies", &server.ready.admin_key, &policy).await?;
    ensure!(saved.status == 201, "the policy was not taken: {}", saved.json());

    let begin = now()?;
    ask_all(&options, &server, begin).await?;
    let asked = (now()? - begin) / SECOND;
    ensure!(
        asked < i64::from(lead),
        "the questions took {asked} s, longer than --lead {lead}: what fell due meanwhile says little"
    );
    eprintln!("{} asked in {asked} s", options.pending);
    let mut ready = 0;
    if options.restart {
        until(begin + i64::from(lead + window / 2) * SECOND).await?;
        server.kill().await?;
        server = Server::askfirst(&options.binary, data.path()).await?;
        ready = now()?;
        eprintln!("killed and started again");
    }
    // All steps are over once the last question is so old.
    until(begin + (i64::from(lead + window).max(asked + i64::from(lead)) + 3) * SECOND).await?;
    server.kill().await?;

    let path = data.path().join("askfirst.db");
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT count(*) FROM approvals WHERE status = 'pending' AND expires_at <= ?1";
    let over = begin + i64::from(lead + window) * SECOND;
    let open: i64 = file.query_row(sql, [over], |row| row.get(0))?;
    ensure!(open == 0, "{open} approvals are still pending after their deadline");
    println!("| what | how many | p50 | p99 | latest |");
    println!("|---|---|---|---|---|");
    let step = format!("a.created_at + {}", i64::from(lead) * SECOND);
    let deadlines = latenesses(&file, "a.expires_at", "expired", ready)?;
    let steps = latenesses(&file, &step, "escalated", ready)?;
    let latest = row("deadlines", &deadlines)?.max(row("steps", &steps)?);
    match options.most {
        Some(most) if latest > most => bail!("later than {most} s"),
        _ => Ok(()),
    }
}

/// By how many microseconds each came late, in order. What fell due while no server ran counts
/// from the moment when one was `ready`.
fn latenesses(file: &Connection, due: &str, event: &str, ready: i64) -> anyhow::Result<Vec<i64>> {
    let sql = format!(
        "SELECT e.at, {due} FROM approvals a
         JOIN events e ON e.approval = a.approval AND e.name = ?1"
    );
    let mut statement = file.prepare(&sql)?;
    let late = statement.query_map([event], |row| {
        let (at, due): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(at - if at >= ready { due.max(ready) } else { due })
    })?;
    let mut late: Vec<i64> = late.collect::<Result<_, _>>()?;
    late.sort_unstable();
    Ok(late)
}

/// Prints a row of the table and gives the greatest lateness, in seconds.
fn row(what: &str, late: &[i64]) -> anyhow::Result<f64> {
    let last = late.last().with_context(|| format!("nothing of the {what} happened"))?;
    let at = |share: usize| late[(late.len() * share / 100).min(late.len() - 1)];
    let [p50, p99, latest] = [at(50), at(99), *last].map(|micros| micros as f64 / 1e6);
    println!("| {what} | {} | {p50:.3} s | {p99:.3} s | {latest:.3} s |", late.len());
    Ok(latest)
}

async fn ask_all(options: &Arc<Options>, server: &Server, begin: i64) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..32 {
        let (options, next) = (Arc::clone(options), Arc::clone(&next));
        let (url, key) = (server.ready.url.clone(), server.ready.agent_key.clone());
        clients.spawn(async move {
            let mut client = Client::connect(&url).await?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= options.pending {
                    return anyhow::Ok(());
                }
                let due = begin + place(&options, number);
                let span = (due - now()?) / SECOND;
                let stepped = number.is_multiple_of(options.step_in);
                let body = json!({
                    "action": { "name": "wait", "title": format!("Wait {number}?") },
                    "policy": if stepped { "stepped" } else { "default" },
                    // A step needs its time before the deadline.
                    "expires_in": span.max(1) + if stepped { i64::from(options.lead) } else { 0 },
                });
                let reply = client.call("POST", "/v1/approvals", &key, &body.to_string()).await?;
                ensure!(reply.status == 201, "an ask was refused: {}", reply.json());
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(())
}

/// After how long this one is due: spread evenly, and not in the order of asking.
fn place(options: &Options, number: usize) -> i64 {
    let spread = (number * 7_919) % options.pending;
    let window = i64::from(options.window) * SECOND;
    let share = i64::try_from(spread).unwrap_or(0) * window;
    i64::from(options.lead) * SECOND + share / i64::try_from(options.pending).unwrap_or(1)
}

async fn until(moment: i64) -> anyhow::Result<()> {
    let left = u64::try_from(moment - now()?).unwrap_or(0);
    tokio::time::sleep(Duration::from_micros(left)).await;
    Ok(())
}
