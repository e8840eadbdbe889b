//! Webhooks from the command line: one is made, confirmed, told, told again, given another secret,
//! and taken away.

use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use serde_json::Value;

use crate::support::{Dev, PATIENCE, eventually};

/// Answers 404 to all until it is `ready`; then it gives challenges back, and 500 to what it is
/// told, with a letter that a terminal would obey.
fn receiver(ready: Arc<AtomicBool>) -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (told, got) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && reader.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap_or("0");
            let mut body = vec![0; length.lines().next().unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let challenge = body["data"]["challenge"].as_str().map(str::to_owned);
            let (status, answer) = match (ready.load(Ordering::SeqCst), challenge) {
                (false, _) => ("404 Not Found", String::new()),
                (true, Some(challenge)) => ("200 OK", challenge),
                (true, None) => ("500 Oh", "\u{1b}[31m\u{202e}no".into()),
            };
            let length = answer.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            if body["type"] != "webhook.challenge" {
                told.send(body).unwrap();
            }
        }
    });
    (url, got)
}

#[test]
fn a_webhook_is_made_confirmed_told_and_taken_away() {
    let server = Dev::start();
    let none = server.admin(&["webhooks", "list"]).expect(0);
    assert!(none.out.contains("askfirst webhooks add --help"), "{}", none.out);
    let ready = Arc::new(AtomicBool::new(false));
    let (url, got) = receiver(Arc::clone(&ready));
    let made = server.admin(&["webhooks", "add", &url, "--events", "asked,approved"]).expect(0);
    let id = made.out.split_whitespace().nth(1).unwrap().to_owned();
    let secret = made.out.split_whitespace().last().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && made.out.contains("(unconfirmed)"), "{}", made.out);
    let todo = format!("then askfirst webhooks challenge {id}");
    assert!(made.err.contains(&todo) && !made.err.contains("/v1/"), "{}", made.err);

    let refused = server.admin(&["webhooks", "challenge", &id]).expect(1);
    assert!(refused.err.contains("404 Not Found; let it answer 2xx"), "{}", refused.err);
    let listed = server.admin(&["webhooks", "list"]).expect(0).out;
    assert!(listed.contains(&todo) && listed.contains("approved,asked"), "{listed}");
    assert!(!listed.contains(&secret));
    ready.store(true, Ordering::SeqCst);
    assert_eq!(
        server.admin(&["webhooks", "challenge", &id, "--json"]).expect(0).json()["state"],
        "active"
    );

    let empty = server.admin(&["webhooks", "log", &id]).expect(0).out;
    assert_eq!(empty, "nothing was sent to it yet\n");
    assert!(server.admin(&["webhooks", "log", &id, "--limit", "0"]).expect(64).err.contains("1.."));
    let asked = server.asked(&[]);
    let first = got.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first["data"]["approval"], asked.as_str());
    let mut line = Value::Null;
    eventually(|| {
        let log = server.admin(&["webhooks", "log", &id, "--json"]).expect(0);
        assert!(!log.out.contains('\u{1b}') && !log.out.contains('\u{202e}'));
        line = log.json()["data"][0].clone();
        line["response_status"] == 500
    });
    assert_eq!(line["response_body"], "\u{1b}[31m\u{202e}no");
    let log = server.admin(&["webhooks", "log", &id]).expect(0).out;
    assert!(log.contains("waiting") && log.contains("; next ") && log.contains(&asked), "{log}");
    let delivery = line["id"].as_str().unwrap();
    let again = server.admin(&["webhooks", "retry", delivery]).expect(0).out;
    let due =
        format!("{delivery} is due again; it goes out as soon as its webhook takes something");
    assert_eq!(again.trim_end(), due);
    assert_eq!(got.recv_timeout(PATIENCE).unwrap(), first);

    // Five failures in a row, and it is told so; the log goes on where a part of it ended.
    for _ in 0..5 {
        server.asked(&[]);
    }
    let why = format!("; askfirst webhooks log {id} says why");
    eventually(|| {
        let list = server.admin(&["webhooks", "list"]).expect(0).out;
        list.contains("takes nothing since ") && list.contains(", tried again at ") && {
            assert!(list.contains(&why), "{list}");
            true
        }
    });
    let part = server.admin(&["webhooks", "log", &id, "--limit", "4", "--json"]).expect(0).json();
    assert_eq!(part["data"].as_array().unwrap().len(), 4);
    let cursor = part["next_cursor"].as_str().unwrap();
    let rest = ["webhooks", "log", &id, "--cursor", cursor, "--json"];
    let rest = server.admin(&rest).expect(0).json();
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["next_cursor"]), (2, &Value::Null));
    assert_eq!(rest["data"][1]["id"], delivery);
    let part = server.admin(&["webhooks", "log", &id, "--limit", "4"]).expect(0).out;
    assert!(part.ends_with(&format!("more: add --cursor {cursor}\n")), "{part}");

    let changed = server.admin(&["webhooks", "rotate", &id, "--overlap", "7d", "--json"]).expect(0);
    let changed = changed.json();
    assert_ne!(changed["secret"], secret.as_str());
    assert!(changed["older_secret_until"].is_string());
    let unsure = server.admin(&["webhooks", "rotate", &id, "--overlap", "0s"]).expect(64);
    assert!(unsure.err.contains("add --yes"), "{}", unsure.err);
    let ended = server.admin(&["webhooks", "rotate", &id, "--overlap", "0s", "--yes"]).expect(0);
    assert!(ended.out.contains("only the new secret signs"), "{}", ended.out);
    server.admin(&["webhooks", "rotate", &id, "--overlap", "8d"]).expect(1);

    assert!(server.admin(&["webhooks", "remove", &id]).expect(64).err.contains("add --yes"));
    let gone = server.admin(&["webhooks", "remove", &id, "--yes", "--json"]).expect(0);
    assert_eq!(gone.json()["removed"], true);
    let missing = server.admin(&["webhooks", "log", &id, "--json"]).expect(1);
    assert_eq!(missing.out, "");
    assert!(serde_json::from_str::<Value>(&missing.err).unwrap()["problem"]["status"] == 404);
}

#[test]
fn callbacks_have_a_secret_of_their_own_and_what_makes_no_sense_is_told() {
    let server = Dev::start();
    let made = server.admin(&["webhooks", "add", "--callbacks", "--json"]).expect(0).json();
    assert_eq!((&made["state"], &made["url"]), (&"active".into(), &Value::Null));
    server.admin(&["webhooks", "add", "--callbacks"]).expect(1);
    for args in [&["webhooks", "add"][..], &["webhooks", "add", "http://x/", "--callbacks"]] {
        server.admin(args).expect(64);
    }
    let odd = server.admin(&["webhooks", "add", "http://10.0.0.1/"]).expect(1);
    assert!(odd.err.contains("/url"), "{}", odd.err);
    let odd = server.admin(&["webhooks", "add", "http://127.0.0.1:9/", "--events", "approvd"]);
    assert!(odd.expect(1).err.contains("there is no event \"approvd\""));
    // The same by its other name; nobody listens, so it is told nothing yet.
    let other = ["channels", "add", "webhook", "http://127.0.0.1:9/", "--json"];
    let made = server.admin(&other).expect(0).json();
    assert_eq!(made["state"], "unconfirmed");
    let agent = server.agent(&["webhooks", "list"]).expect(1);
    assert!(agent.err.contains("workspace"), "{}", agent.err);
}
