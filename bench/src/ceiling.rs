//! The ceiling: what the same web framework and the same database give when a durable insert
//! into one table is all that happens. No authentication, no rules, no audit log.

use std::path::Path;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::oneshot;

type Insert = (Bytes, oneshot::Sender<i64>);

/// As many inserts as are waiting go into one commit, at most so many.
const BATCH: usize = 512;

/// Serves until the process is killed.
pub(crate) async fn serve(data: &Path) -> anyhow::Result<()> {
    let connection = Connection::open(data.join("ceiling.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         CREATE TABLE approvals (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
    )?;
    let (queue, inserts) = crossbeam_channel::unbounded();
    std::thread::spawn(move || write(connection, &inserts));
    let router = Router::new()
        .route("/", get(|| async { "ok" }))
        .route("/v1/approvals", post(insert))
        .with_state(queue);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"url\":\"http://{}\"}}", listener.local_addr()?);
    axum::serve(listener, router).await.context("the ceiling server failed")
}

async fn insert(State(queue): State<Sender<Insert>>, body: Bytes) -> Result<String, StatusCode> {
    let (reply, answer) = oneshot::channel();
    queue.send((body, reply)).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let id = answer.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("{{\"id\":{id}}}"))
}

fn write(mut connection: Connection, inserts: &Receiver<Insert>) {
    while let Ok(first) = inserts.recv() {
        let mut batch = vec![first];
        batch.extend(inserts.try_iter().take(BATCH - 1));
        if let Err(error) = commit(&mut connection, batch) {
            eprintln!("the ceiling server could not write: {error}");
            return;
        }
    }
}

fn commit(connection: &mut Connection, batch: Vec<Insert>) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let mut answers = Vec::with_capacity(batch.len());
    {
        let mut insert = transaction.prepare_cached("INSERT INTO approvals (body) VALUES (?1)")?;
        for (body, reply) in batch {
            answers.push((insert.insert([&body[..]])?, reply));
        }
    }
    transaction.commit()?;
    for (id, reply) in answers {
        // A client that hung up needs no answer.
        if reply.send(id).is_err() {
            continue;
        }
    }
    Ok(())
}
