//! A channel that was just set up is tried once: each request for that sends a mail. What was set up
//! is told whatever becomes of the trial.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};

use crate::support::{command, finish};

const CHANNEL: &str = "chn_0000000000000000000000000n";

/// A server that makes a channel, and breaks off when it is to be tried; and what was asked of it.
fn breaks_off() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, got) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    None => break,
                    Some(_) => {}
                }
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            let is_trial = first.contains("/test ");
            asked.send(first).unwrap();
            if !is_trial {
                let body = json!({ "id": CHANNEL, "host": "smtp.example.com" }).to_string();
                let answer = format!(
                    "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    (url, got)
}

#[test]
fn a_trial_whose_answer_is_lost_is_not_repeated_and_the_channel_is_told() {
    let (url, asked) = breaks_off();
    let add = ["channels", "add", "email", "--host", "smtp.example.com", "--from", "a@b.example"];
    let change = ["channels", "change", CHANNEL, "--from", "a@b.example"];
    for (args, done) in [(&add[..], "made"), (&change[..], "changed")] {
        for json in [false, true] {
            let mut command = command(args);
            command.env("ASKFIRST_URL", &url).env("ASKFIRST_KEY", "no matter which");
            if json {
                command.arg("--json");
            }
            let broken = finish(command).expect(1);
            assert!(broken.err.contains("no answer from"), "{}", broken.err);
            if json {
                let told = broken.json();
                assert_eq!(
                    (&told["channel"]["id"], &told["test"]),
                    (&CHANNEL.into(), &Value::Null)
                );
            } else {
                let told = format!("{done} {CHANNEL}: mail through smtp.example.com\n");
                assert_eq!(broken.out, told);
            }
            let asked: Vec<_> = asked.try_iter().collect();
            assert_eq!(asked.len(), 2, "{asked:?}");
            assert!(
                asked[1].starts_with(&format!("POST /v1/channels/{CHANNEL}/test ")),
                "{asked:?}"
            );
        }
    }
}
