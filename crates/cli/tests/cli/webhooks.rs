//! What is on its way to webhooks, through kill -9 of the real binary: nothing is lost, what comes
//! again is the same, and the order of each approval stays.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};

use serde_json::{Value, json};

use crate::clock;
use crate::support::{Dev, PATIENCE, answer};

/// One request to a server with the key of its admin; the status and the body of its answer.
pub(crate) fn call(server: &Dev, method: &str, path: &str, body: &Value) -> (u16, Value) {
    call_as(server, "admin", method, path, body)
}

/// With the key of its `agent`, `approver` or `admin`, and without a process of its own.
fn call_as(server: &Dev, who: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let host = server.url().strip_prefix("http://").unwrap();
    let (key, body) = (server.text(&format!("{who}_key")), body.to_string());
    let body = if method == "GET" { String::new() } else { body };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (status, body) = answer(&mut BufReader::new(stream));
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// What was sent, and the way to answer it.
pub(crate) struct Message {
    id: String,
    body: Vec<u8>,
    stream: TcpStream,
}

impl Message {
    /// Reads one, and gives a challenge back by itself.
    fn read(mut stream: TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut id, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim();
            match line.split_once(": ") {
                Some(("webhook-id", value)) => id = value.to_owned(),
                Some(("content-length", value)) => length = value.parse().ok()?,
                None if line.is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let told: Value = serde_json::from_slice(&body).ok()?;
        let Some(challenge) = told["data"]["challenge"].as_str() else {
            return Some(Self { id, body, stream });
        };
        let length = challenge.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{challenge}");
        stream.write_all(answer.as_bytes()).ok()?;
        None
    }

    /// Which event of which approval it is.
    fn event(&self) -> (String, u64) {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let approval = body["data"]["approval"].as_str().unwrap().to_owned();
        (approval, body["data"]["sequence"].as_u64().unwrap())
    }

    fn take(self) {
        self.answer("204 No Content");
    }

    pub(crate) fn answer(mut self, status: &str) {
        // Whoever was killed does not read it.
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let _ = self.stream.write_all(answer.as_bytes());
    }
}

/// A receiver that answers when the story does.
pub(crate) fn listen() -> (String, Receiver<Message>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sent, got): (Sender<Message>, _) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sent = sent.clone();
            std::thread::spawn(move || Message::read(stream).map(|message| sent.send(message)));
        }
    });
    (url, got)
}

#[test]
fn what_was_on_its_way_when_the_server_was_killed_comes_once_more_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let turn = |shift: &str| std::fs::write(folder.path().join("shift"), shift).unwrap();
    turn("+0");
    let server = clock::server(folder.path());
    let (url, got) = listen();
    let (status, hook) = call(&server, "POST", "/v1/webhooks", &json!({ "url": url }));
    assert_eq!((status, &hook["state"]), (201, &json!("active")), "{hook}");

    // The receiver holds its answers: so much is claimed, and what comes then is not. All of this
    // is over long before the server gives the first one up, in ten seconds.
    let ask = |_| {
        let wish = json!({ "action": { "name": "deploy", "title": "Deploy v2.1?" } });
        let (status, approval) = call_as(&server, "agent", "POST", "/v1/approvals", &wish);
        assert_eq!(status, 201, "{approval}");
        approval["id"].as_str().unwrap().to_owned()
    };
    let asked: Vec<String> = (0..11).map(ask).collect();
    let held: Vec<Message> = (0..8).map(|_| got.recv_timeout(PATIENCE).unwrap()).collect();
    let claimed: BTreeMap<_, _> = held.iter().map(|one| (one.event(), one)).collect();
    assert_eq!(claimed.len(), 8);
    assert!(got.try_recv().is_err());
    // Behind one that is claimed, and behind one that is not.
    let with = |claimed: bool, held: &BTreeMap<(String, u64), &Message>| {
        let is = |id: &&String| held.contains_key(&((*id).clone(), 1)) == claimed;
        asked.iter().find(is).unwrap().clone()
    };
    for id in [with(true, &claimed), with(false, &claimed)] {
        let path = format!("/v1/approvals/{id}");
        let (_, approval) = call(&server, "GET", &path, &Value::Null);
        let vote = json!({ "decision": "approve", "action_digest": approval["action_digest"] });
        let path = format!("{path}/vote");
        let (status, answer) = call_as(&server, "approver", "POST", &path, &vote);
        assert_eq!(status, 200, "{answer}");
    }
    server.kill();

    // When it comes back, what nobody had claimed is sent at once. What was claimed is sent when
    // its lease is over, which is sooner on a clock that is ahead.
    turn("+31");
    let server = clock::server(folder.path());
    let mut expected = BTreeSet::new();
    for id in &asked {
        let (_, approval) = call(&server, "GET", &format!("/v1/approvals/{id}"), &Value::Null);
        // Each event makes another version.
        expected.extend((1..=approval["version"].as_u64().unwrap()).map(|at| (id.clone(), at)));
    }
    assert!(expected.len() >= 11 + 4, "{expected:?}");
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    while last.values().sum::<u64>() < u64::try_from(expected.len()).unwrap() {
        let message = got.recv_timeout(PATIENCE).unwrap();
        let (approval, sequence) = message.event();
        let before = last.insert(approval.clone(), sequence).unwrap_or(0);
        assert_eq!(sequence, before + 1, "{approval}: nothing is left out, passed or repeated");
        if let Some(first) = claimed.get(&(approval.clone(), sequence)) {
            assert_eq!((&message.id, &message.body), (&first.id, &first.body), "the same");
        }
        assert!(ids.insert(message.id.clone(), (approval, sequence)).is_none());
        message.take();
    }
    let told: BTreeSet<_> = ids.into_values().collect();
    assert_eq!(told, expected, "everything that happened was told");
    drop(held);
    let log = format!("/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
    crate::support::eventually(|| {
        let (_, page) = call(&server, "GET", &log, &Value::Null);
        page["data"].as_array().unwrap().iter().all(|line| line["state"] == "delivered")
    });
    assert!(got.try_recv().is_err());
    server.stop();
}

#[test]
fn an_answer_that_was_not_noted_before_the_kill_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let turn = |shift: &str| std::fs::write(folder.path().join("shift"), shift).unwrap();
    turn("+0");
    let mut server = clock::server(folder.path());
    let (url, got) = listen();
    let wish = json!({ "url": url, "events": ["asked"] });
    let (status, _) = call(&server, "POST", "/v1/webhooks", &wish);
    assert_eq!(status, 201);
    server.asked(&[]);
    let mut first: Option<(String, Vec<u8>)> = None;
    // Each time a claim later, and each time killed with the answer on its way or lost.
    for (round, answered) in [false, true, false].into_iter().enumerate() {
        let message = got.recv_timeout(PATIENCE).unwrap();
        let seen = (message.id.clone(), message.body.clone());
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen);
        server.freeze();
        if answered {
            // It is in the socket, and nobody reads it any more.
            message.take();
        }
        server.kill();
        turn(&format!("+{}", 31 * (round + 1)));
        server = clock::server(folder.path());
    }
    got.recv_timeout(PATIENCE).unwrap().take();
    server.stop();
}
