//! The receivers in docs/webhooks.md, as they stand there, told by the real server: each takes what
//! is ours, once, and refuses what is forged, changed or old. Where a receiver's tool is missing,
//! the test says so.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};

use askfirst_core::Timestamp;
use askfirst_server::outgoing::signature::{self, Secret};
use serde_json::{Value, json};

use crate::samples::{Block, blocks, documents, root};
use crate::support::{Dev, PATIENCE, answer, eventually, free_port};
use crate::webhooks::call;

/// One of them, at work.
struct Running {
    port: u16,
    lines: Receiver<String>,
    child: Option<Child>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Running {
    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// The status that it answers to a stranger's request.
    fn post(&self, headers: &[(&str, String)], body: &str) -> String {
        let mut request = format!(
            "POST /hook HTTP/1.1\r\nHost: receiver\r\nContent-Length: {}\r\nConnection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("\r\n{body}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let (status, _) = answer(&mut BufReader::new(stream));
        status.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

/// Sends on what a program writes, a line at a time.
fn read_lines(from: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = to.send(line);
        }
    });
}

fn works(program: impl AsRef<Path>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program.as_ref());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What runs the receiver in this folder, or why nothing does.
fn prepared(block: &Block, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let file = |name: &str| {
        std::fs::write(folder.join(name), &block.text).unwrap();
        folder.join(name)
    };
    let tool = block.mark("receiver").unwrap();
    let missing = || Err(format!("{tool} is not installed"));
    match tool {
        "python3" if works("python3", &["--version"]) => {
            Ok(vec!["python3".into(), file("receiver.py")])
        }
        "python3 with standardwebhooks" => {
            let places = [root().join("target/vectors-venv/bin/python"), "python3".into()];
            let has = |python: &PathBuf| works(python, &["-c", "import standardwebhooks"]);
            match places.into_iter().find(has) {
                Some(python) => Ok(vec![python, file("receiver.py")]),
                None => missing(),
            }
        }
        "node" if works("node", &["--version"]) => Ok(vec!["node".into(), file("receiver.mjs")]),
        "go" if works("go", &["version"]) => {
            let mut build = Command::new("go");
            build.args(["build", "-o", "receiver"]).arg(file("receiver.go")).current_dir(folder);
            build.env("GOTOOLCHAIN", "local");
            let built = build.output().unwrap();
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
            Ok(vec![folder.join("receiver")])
        }
        "bash" => {
            let tools = ["bash", "openssl", "jq", "sha256sum", "base64", "od"];
            let has = |tool: &&str| works("sh", &["-c", &format!("command -v {tool}")]);
            match tools.iter().find(|tool| !has(tool)) {
                None => Ok(vec!["bash".into(), file("receive")]),
                Some(tool) => Err(format!("{tool} is not installed")),
            }
        }
        _ => missing(),
    }
}

/// Starts what listens by itself.
fn start(command: &mut Command, port: u16) -> Running {
    let mut child = command.env("PORT", port.to_string()).stdout(Stdio::piped()).spawn().unwrap();
    let (sent, lines) = mpsc::channel();
    read_lines(child.stdout.take().unwrap(), sent);
    let running = Running { port, lines, child: Some(child) };
    eventually(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
    running
}

/// Runs it once for each connection, as inetd does.
fn start_for_each(mut command: Command, port: u16) -> Running {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (sent, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let stream: std::os::fd::OwnedFd = stream.into();
            command.stdin(stream.try_clone().unwrap()).stdout(stream).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // Its hold on the connection ends with it, and not with the next one.
            command.stdin(Stdio::null()).stdout(Stdio::null());
            read_lines(child.stderr.take().unwrap(), sent.clone());
            std::thread::spawn(move || child.wait());
        }
    });
    Running { port, lines, child: None }
}

fn run(server: &Dev, block: &Block, folder: &Path) -> Result<(), String> {
    let command = prepared(block, folder)?;
    // As the document says: made, set up, and challenged again.
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/hook");
    let wish = json!({ "url": url, "events": ["asked", "approved"] });
    let (status, hook) = call(server, "POST", "/v1/webhooks", &wish);
    assert_eq!((status, &hook["state"]), (201, &json!("unconfirmed")), "{hook}");
    let path = |rest: &str| format!("/v1/webhooks/{}{rest}", hook["id"].as_str().unwrap());
    let secret = hook["secret"].as_str().unwrap();
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]).env("WEBHOOK_SECRET", secret).current_dir(folder);
    let receiver = match block.mark("receiver") {
        Some("bash") => start_for_each(program, port),
        _ => start(&mut program, port),
    };
    let (_, hook) = call(server, "POST", &path("/challenge"), &json!({}));
    assert_eq!(hook["state"], "active", "{hook}");

    let id = server.asked(&[]);
    assert_eq!(receiver.line(), format!("approval.asked {id} 1"));
    server.vote(&id, "approve");
    assert_eq!(receiver.line(), format!("approval.approved {id} 3"));

    // What comes twice counts once: the next line is another's.
    let log = || call(server, "GET", &path("/deliveries"), &Value::Null).1["data"].clone();
    eventually(|| log()[0]["state"] == "delivered");
    let retry = format!("/v1/deliveries/{}/retry", log()[0]["id"].as_str().unwrap());
    assert_eq!(call(server, "POST", &retry, &json!({})).0, 202);
    eventually(|| log()[0]["state"] == "delivered" && log()[0]["attempts"] == 2);
    assert_eq!(log()[0]["response_status"], 204);

    refuses_strangers(server, &receiver, secret);

    // Both secrets sign for a while, and it goes on with the one that it knows.
    assert_eq!(call(server, "POST", &path("/rotate"), &json!({})).0, 200);
    let id = server.asked(&[]);
    assert_eq!(receiver.line(), format!("approval.asked {id} 1"));
    assert_eq!(call(server, "DELETE", &path(""), &json!({})).0, 204);
    Ok(())
}

/// Nobody but the server, about nothing but what happens now.
fn refuses_strangers(server: &Dev, receiver: &Running, secret: &str) {
    let asked = server.asked(&[]);
    assert_eq!(receiver.line(), format!("approval.asked {asked} 1"));
    let (_, asked) = call(server, "GET", &format!("/v1/approvals/{asked}"), &Value::Null);
    let now: Timestamp = asked["created_at"].as_str().unwrap().parse().unwrap();
    let ours: Secret = secret.parse().unwrap();
    let stranger: Secret = "whsec_BQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQ=".parse().unwrap();
    let forged = r#"{"type":"approval.approved","data":{"approval":"apr_forged","sequence":9}}"#;
    let signed = |secret: &Secret, seconds: i64, id: &str| {
        let at = Timestamp::from_seconds(now.seconds() + seconds);
        let secrets = std::slice::from_ref(secret);
        let headers = signature::headers(id, at, forged.as_bytes(), secrets).unwrap();
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| (name, text(name)))
    };
    let good = signed(&ours, 0, "dlv_1");
    let but = |at: usize, value: &str| {
        let mut headers = good.clone();
        headers[at].1 = value.to_owned();
        headers
    };
    let odd = [
        ("a stranger's signature", signed(&stranger, 0, "dlv_1"), forged.to_owned()),
        ("old", signed(&ours, -420, "dlv_1"), forged.to_owned()),
        ("not yet", signed(&ours, 420, "dlv_1"), forged.to_owned()),
        ("changed", good.clone(), forged.replace("apr_forged", "apr_other")),
        ("under another id", but(0, "dlv_2"), forged.to_owned()),
        ("as if it were new", but(1, &(now.seconds() + 1).to_string()), forged.to_owned()),
        ("without a time", but(1, "soon"), forged.to_owned()),
        ("without a signature", but(2, ""), forged.to_owned()),
        ("with another kind of signature", but(2, "v1a,AAAA"), forged.to_owned()),
        ("with half a signature", but(2, "v1,AAAA"), forged.to_owned()),
        ("with nothing to decode", but(2, "v1,*"), forged.to_owned()),
    ];
    for (what, headers, body) in odd {
        assert_eq!(receiver.post(&headers, &body), "401", "{what}");
    }
    assert_eq!(receiver.post(&[], forged), "401", "without any header");
    // They were refused for that and nothing else; and again, nothing comes of the second.
    for _ in 0..2 {
        assert_eq!(receiver.post(&good, forged), "204");
    }
    assert_eq!(receiver.line(), "approval.approved apr_forged 9");
}

#[test]
fn every_receiver_takes_what_is_ours_once_and_nothing_else() {
    let server = Dev::start();
    let document = &documents()["docs/webhooks.md"];
    let mut tools = Vec::new();
    for block in blocks("docs/webhooks.md", document) {
        let Some(tool) = block.mark("receiver") else { continue };
        let folder = tempfile::tempdir().unwrap();
        match run(&server, &block, folder.path()) {
            Ok(()) => println!("{tool}: run"),
            Err(why) => println!("{tool}: skipped, as {why}"),
        }
        tools.push(tool.to_owned());
    }
    let expected = ["python3", "python3 with standardwebhooks", "node", "go", "bash"];
    assert_eq!(tools, expected);
}
