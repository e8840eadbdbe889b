//! Kills the server with SIGKILL at random moments under mixed load, starts it again, and holds
//! what is there against everything that was acknowledged.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use askfirst_proof::Digest;
use askfirst_proof::log::{Entry, entry_hash, genesis};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Client, Reply};
use crate::ledger::{Known, Ledger};
use crate::server::{Ready, Server};

/// How `bench/crash` kills.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The askfirst binary.
    #[arg(long, default_value = "target/release/askfirst")]
    binary: PathBuf,
    /// How often it is killed.
    #[arg(long, default_value_t = 50)]
    cycles: u32,
    /// Clients that send at once.
    #[arg(long, default_value_t = 4)]
    clients: u64,
    /// Repeats a run's choices; its timing stays the machine's.
    #[arg(long)]
    seed: Option<u64>,
}

/// A small generator (xorshift64*): choices must repeat with the seed, nothing more.
#[derive(Clone)]
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }
}

/// Runs the cycles; fails at the first broken promise.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let seed = options.seed.unwrap_or_else(|| u64::from(std::process::id()) * 7919 + 1);
    println!("seed {seed}");
    let mut luck = Luck(seed.max(1));
    let data = tempfile::tempdir()?;
    let ledger = Arc::new(Ledger::default());
    let mut chain = Chain::default();
    for cycle in 1..=options.cycles {
        let server = Server::askfirst(&options.binary, data.path()).await?;
        settle_lost(&server.ready, &ledger).await?;
        let mut clients = JoinSet::new();
        for client in 0..options.clients {
            let luck = Luck(luck.next() | 1);
            clients.spawn(work(server.ready.clone(), Arc::clone(&ledger), luck, cycle, client));
        }
        tokio::time::sleep(Duration::from_millis(5 + luck.next() % 395)).await;
        server.kill().await?;
        while let Some(done) = clients.join_next().await {
            done??;
        }
        check_file(data.path()).with_context(|| format!("after kill {cycle}, seed {seed}"))?;
        let server = Server::askfirst(&options.binary, data.path()).await?;
        let checks = async {
            chain.verify_on(&server.ready).await?;
            check_answers(&server.ready, &ledger, ledger.take_touched()).await
        };
        let kept = checks.await.with_context(|| format!("after kill {cycle}, seed {seed}"))?;
        server.kill().await?;
        println!("kill {cycle}: {kept} approvals as acknowledged, file and audit chain intact");
    }
    let server = Server::askfirst(&options.binary, data.path()).await?;
    let all = check_answers(&server.ready, &ledger, ledger.all()).await?;
    println!("{} kills, all {all} acknowledged approvals there", options.cycles);
    Ok(())
}

/// Asks, votes, cancels and claims at random until the server is gone.
async fn work(
    ready: Ready,
    ledger: Arc<Ledger>,
    mut luck: Luck,
    cycle: u32,
    client: u64,
) -> anyhow::Result<()> {
    let Ok(mut connection) = Client::connect(&ready.url).await else { return Ok(()) };
    for step in 0_u64.. {
        let went = match luck.next() % 10 {
            0..=3 => {
                ask(&mut connection, &ready, &ledger, &format!("{cycle}-{client}-{step}")).await?
            }
            4..=6 => vote(&mut connection, &ready, &ledger, &mut luck).await?,
            7 => cancel(&mut connection, &ready, &ledger, &mut luck).await?,
            _ => claim(&mut connection, &ready, &ledger, &mut luck).await?,
        };
        if !went {
            return Ok(());
        }
    }
    Ok(())
}

async fn ask(
    connection: &mut Client,
    ready: &Ready,
    ledger: &Ledger,
    marker: &str,
) -> anyhow::Result<bool> {
    let body = json!({ "action": { "name": "crash", "title": "Crash?", "arguments": { "marker": marker } } });
    let (body, more) = (body.to_string(), format!("Idempotency-Key: {marker}\r\n"));
    let request = connection.request("POST", "/v1/approvals", &ready.agent_key, &body, &more);
    match connection.send(&request).await {
        Ok(reply) if reply.status == 201 => ledger.saw(&reply.json()),
        Ok(reply) => bail!("an ask was refused: {} {}", reply.status, reply.json()),
        Err(_) => {
            ledger.lost(marker.to_owned(), body);
            return Ok(false);
        }
    }
    Ok(true)
}

async fn vote(
    connection: &mut Client,
    ready: &Ready,
    ledger: &Ledger,
    luck: &mut Luck,
) -> anyhow::Result<bool> {
    let Some((id, known)) = ledger.pick(luck.next(), false) else { return Ok(true) };
    let decision = if luck.next().is_multiple_of(4) { "reject" } else { "approve" };
    let body = json!({ "decision": decision, "action_digest": known.digest }).to_string();
    let path = format!("/v1/approvals/{id}/vote");
    noted(connection.call("POST", &path, &ready.approver_key, &body).await, ledger)
}

async fn cancel(
    connection: &mut Client,
    ready: &Ready,
    ledger: &Ledger,
    luck: &mut Luck,
) -> anyhow::Result<bool> {
    let Some((id, _)) = ledger.pick(luck.next(), false) else { return Ok(true) };
    let path = format!("/v1/approvals/{id}/cancel");
    noted(connection.call("POST", &path, &ready.agent_key, "{}").await, ledger)
}

async fn claim(
    connection: &mut Client,
    ready: &Ready,
    ledger: &Ledger,
    luck: &mut Luck,
) -> anyhow::Result<bool> {
    let Some((id, known)) = ledger.pick(luck.next(), true) else { return Ok(true) };
    let body = json!({ "action_digest": known.digest }).to_string();
    let path = format!("/v1/approvals/{id}/consume");
    let reply = connection.call("POST", &path, &ready.agent_key, &body).await;
    if reply.as_ref().is_ok_and(|reply| reply.status == 200) {
        ledger.claimed(&id);
    }
    noted(reply, ledger)
}

/// Whether the server is still there. A conflict is an answer too: another client was first.
fn noted(reply: std::io::Result<Reply>, ledger: &Ledger) -> anyhow::Result<bool> {
    let Ok(reply) = reply else { return Ok(false) };
    match reply.status {
        200 => ledger.saw(&reply.json()),
        409 => {}
        status => bail!("unexpected answer {status}: {}", reply.json()),
    }
    Ok(true)
}

/// An ask whose answer was lost either happened or did not; repeating it makes it one.
async fn settle_lost(ready: &Ready, ledger: &Ledger) -> anyhow::Result<()> {
    let mut connection = Client::connect(&ready.url).await?;
    for (key, body) in ledger.take_lost() {
        let more = format!("Idempotency-Key: {key}\r\n");
        let request = connection.request("POST", "/v1/approvals", &ready.agent_key, &body, &more);
        let first = connection.send(&request).await?;
        let again = connection.send(&request).await?;
        ensure!(
            first.status == 201 && again.status == 201,
            "a repeat was refused: {}",
            first.json()
        );
        ensure!(first.json()["id"] == again.json()["id"], "a repeat made a second approval");
        ledger.saw(&first.json());
    }
    Ok(())
}

/// Every acknowledged approval is there, at least as far as it was acknowledged.
async fn check_answers(
    ready: &Ready,
    ledger: &Ledger,
    promised: Vec<(String, Known)>,
) -> anyhow::Result<usize> {
    let mut connection = Client::connect(&ready.url).await?;
    for (id, known) in &promised {
        let path = format!("/v1/approvals/{id}");
        let reply = connection.call("GET", &path, &ready.agent_key, "").await?;
        let found = reply.json();
        ensure!(reply.status == 200, "{id} is gone: {found}");
        ensure!(
            found["action"]["arguments"]["marker"] == known.marker.as_str(),
            "{id} changed: {found}"
        );
        ensure!(found["action_digest"] == known.digest.as_str(), "{id} has another digest");
        let version = found["version"].as_u64().unwrap_or_default();
        ensure!(version >= known.version, "{id} went back from version {}", known.version);
        if let Some(ended) = &known.ended {
            ensure!(found["status"] == ended.as_str(), "{id} was {ended}: {found}");
        }
        ensure!(known.claims <= 1, "{id} was claimed {} times", known.claims);
        if known.claimed {
            ensure!(found["claim"]["state"] == "claimed", "the claim of {id} is gone: {found}");
        }
        ledger.saw(&found);
    }
    Ok(promised.len())
}

/// Opens a copy of the file as the crash left it, and checks what must hold in every state.
fn check_file(data: &Path) -> anyhow::Result<()> {
    let copy = tempfile::tempdir()?;
    for name in ["askfirst.db", "askfirst.db-wal"] {
        let from = data.join(name);
        if from.exists() {
            std::fs::copy(&from, copy.path().join(name))?;
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let database = Connection::open_with_flags(copy.path().join("askfirst.db"), flags)?;
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    ensure!(verdict == "ok", "the file is damaged: {verdict}");
    for (promise, query) in PROMISES {
        let broken: i64 = database.query_row(query, [], |row| row.get(0))?;
        ensure!(broken == 0, "{promise}: broken {broken} times");
    }
    Ok(())
}

/// Counts of what must not be there.
const PROMISES: [(&str, &str); 8] = [
    (
        "an approval that ended has exactly one terminal event",
        "SELECT count(*) FROM approvals a WHERE (status <> 'pending') <> (SELECT count(*) FROM events e
         WHERE e.approval = a.approval AND e.name IN ('approved','rejected','expired','cancelled'))",
    ),
    (
        "an approval has at most one claim",
        "SELECT count(*) FROM (SELECT approval FROM events WHERE name IN ('claimed','revoked')
         GROUP BY approval HAVING count(*) > 1)",
    ),
    (
        "an approval has as many events as its version says",
        "SELECT count(*) FROM approvals a WHERE version <> (SELECT count(*) FROM events e
         WHERE e.approval = a.approval)",
    ),
    (
        "a decision has its statement, and only a decision has one",
        "SELECT count(*) FROM approvals a WHERE (status <> 'pending') <> (SELECT count(*) FROM proofs p
         WHERE p.approval = a.approval)",
    ),
    (
        "a pending approval has its timer, and no other has one",
        "SELECT count(*) FROM approvals a WHERE (status = 'pending') <> (due_at IS NOT NULL)",
    ),
    (
        "an unsigned statement waits in the outbox",
        "SELECT count(*) FROM proofs p WHERE (token IS NULL) <> (SELECT count(*) FROM outbox o
         WHERE o.approval = p.approval)",
    ),
    (
        "every event of an approval is in the audit log",
        "SELECT abs((SELECT count(*) FROM events) - (SELECT count(*) FROM audit
         WHERE kind LIKE 'approval.%'))",
    ),
    ("nothing points nowhere", "SELECT count(*) FROM pragma_foreign_key_check"),
];

/// How far the audit log was verified, over all crashes.
#[derive(Default)]
struct Chain {
    workspace: String,
    head: Option<(u64, Digest)>,
}

impl Chain {
    /// Reads on from where it stopped: no gap, every hash right, nothing before it changed.
    async fn verify_on(&mut self, ready: &Ready) -> anyhow::Result<()> {
        let mut connection = Client::connect(&ready.url).await?;
        self.workspace.clone_from(&ready.workspace);
        loop {
            let after = self.head.map(|(index, _)| format!("&cursor={index}")).unwrap_or_default();
            let path = format!("/v1/audit?limit=100{after}");
            let page = connection.call("GET", &path, &ready.admin_key, "").await?.json();
            let entries = page["data"].as_array().context("the audit log cannot be read")?;
            for entry in entries {
                self.step(entry)?;
            }
            if page["next_cursor"].is_null() {
                return Ok(());
            }
        }
    }

    fn step(&mut self, view: &Value) -> anyhow::Result<()> {
        let mut fields = view.clone();
        let map = fields.as_object_mut().context("an audit entry is no object")?;
        let hash: Digest = serde_json::from_value(map.remove("hash").unwrap_or_default())?;
        map.insert("workspace".into(), json!(self.workspace));
        let entry: Entry = serde_json::from_value(fields)?;
        let (index, previous) = match self.head {
            Some((index, hash)) => (index + 1, hash),
            None => (entry.index, genesis(&self.workspace)?),
        };
        ensure!(entry.index == index, "audit entry {index} is missing");
        ensure!(entry.previous == previous, "audit entry {index} follows another history");
        ensure!(entry_hash(&entry)? == hash, "audit entry {index} was changed");
        self.head = Some((index, hash));
        Ok(())
    }
}
