//! Mail on its way through kill -9 of the real binary: it comes again as the same, and not again
//! once it is noted that it was taken.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};

use crate::clock;
use crate::support::{PATIENCE, eventually};
use crate::webhooks::call;

/// A letter that was handed over whole, and the way to say that it is taken.
struct Letter {
    head: String,
    body: String,
    lines: Lines<BufReader<TcpStream>>,
    stream: TcpStream,
}

impl Letter {
    /// Speaks as a mail server does, until a letter is there.
    fn read(mut stream: TcpStream) -> Option<Self> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        stream.write_all(b"220 box\r\n").ok()?;
        loop {
            let line = lines.next()?.ok()?;
            if line.eq_ignore_ascii_case("data") {
                break;
            }
            stream.write_all(b"250 ok\r\n").ok()?;
        }
        stream.write_all(b"354 go on\r\n").ok()?;
        let mut raw = String::new();
        loop {
            let line = lines.next()?.ok()?;
            if line == "." {
                break;
            }
            raw += &line;
            raw.push('\n');
        }
        let (head, body) = raw.split_once("\n\n")?;
        Some(Self { head: head.to_owned(), body: body.to_owned(), lines, stream })
    }

    fn header(&self, name: &str) -> &str {
        let found = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    fn take(mut self) {
        // Whoever was killed does not read it.
        let _ = self.stream.write_all(b"250 taken\r\n");
        if self.lines.next().is_some_and(|line| line.is_ok()) {
            let _ = self.stream.write_all(b"221 bye\r\n");
        }
    }
}

/// A mail server that takes a letter when the story does.
fn listen() -> (u16, Receiver<Letter>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sent, got) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sent = sent.clone();
            std::thread::spawn(move || Letter::read(stream).map(|letter| sent.send(letter)));
        }
    });
    (port, got)
}

#[test]
fn a_mail_that_was_not_noted_before_the_kill_comes_again_as_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let turn = |shift: &str| std::fs::write(folder.path().join("shift"), shift).unwrap();
    turn("+0");
    let mut server = clock::server(folder.path());
    let (port, got) = listen();
    let wish = json!({
        "kind": "email", "host": "127.0.0.1", "port": port, "security": "none",
        "from": "askfirst@example.com",
    });
    let (status, made) = call(&server, "POST", "/v1/channels", &wish);
    assert_eq!(status, 201, "{made}");
    let asked = server.asked(&[]);
    let mut first: Option<(String, String)> = None;
    // Each time a claim later: killed with the letter handed over, and with the answer to it lost.
    for (round, answered) in [false, true, false].into_iter().enumerate() {
        let letter = got.recv_timeout(PATIENCE).unwrap();
        // Each start is at a port of its own.
        let body = letter.body.replace("=\n", "").replace(server.url(), "");
        let seen = (letter.header("Message-ID").to_owned(), body);
        assert_eq!(*first.get_or_insert_with(|| seen.clone()), seen);
        server.freeze();
        let answering = answered.then(|| std::thread::spawn(|| letter.take()));
        server.kill();
        answering.into_iter().for_each(|answering| answering.join().unwrap());
        turn(&format!("+{}", 91 * (round + 1)));
        server = clock::server(folder.path());
    }
    got.recv_timeout(PATIENCE).unwrap().take();
    let log = format!("/v1/deliveries?approval={asked}");
    eventually(|| call(&server, "GET", &log, &Value::Null).1["data"][0]["state"] == "sent");
    server.kill();
    turn("+364");
    let server = clock::server(folder.path());
    // What was noted is not told again: what comes next is how it ended, in the same thread.
    server.agent(&["cancel", &asked]).expect(0);
    let end = got.recv_timeout(PATIENCE).unwrap();
    assert_eq!(end.header("In-Reply-To"), first.unwrap().0);
    assert!(end.header("Subject").starts_with("Cancelled"), "{}", end.head);
    end.take();
    server.stop();
}
