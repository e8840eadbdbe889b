//! What an OpenTelemetry collector is told, read with the parser of those who made the protocol,
//! and that a collector that is silent or gone costs nobody anything.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use askfirst_core::ApprovalId;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustix::process::Signal;

use crate::serve::{configuration, serve_as};
use crate::support::{Dev, Done, PATIENCE, Running, command, finish, run};
use crate::tls::{Site, exchange, logged};

/// One message to the collector.
struct Told {
    head: String,
    body: Vec<u8>,
}

impl Told {
    fn message(&self) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest::decode(self.body.as_slice()).unwrap()
    }
}

/// A collector that takes everything; gives its address and what it is told.
fn collector() -> (String, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (sender, told) = channel();
    std::thread::spawn(move || collect(&listener, |message| sender.send(message).is_ok()));
    (format!("http://{at}"), told)
}

/// Answers every message, on one connection after the other.
fn collect(listener: &TcpListener, mut take: impl FnMut(Told) -> bool) {
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream.unwrap());
        while let Some(message) = message(&mut stream) {
            if !take(message) {
                return;
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
        }
    }
}

fn message(stream: &mut BufReader<TcpStream>) -> Option<Told> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.split_once("content-length: ")?.1.lines().next()?.parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Told { head, body })
}

/// Everything that was told until the server had stopped.
fn all(server: Running, told: &Receiver<Told>) -> Vec<Told> {
    server.signal(Signal::TERM);
    server.end().expect(0);
    told.try_iter().collect()
}

fn spans(told: &[Told]) -> Vec<Span> {
    let resources = told.iter().flat_map(|told| told.message().resource_spans);
    resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone() {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => Some(text),
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

/// A real server on what a developer's has left, so that there is a key for each part to play.
struct Stage {
    ready: serde_json::Value,
    data: std::path::PathBuf,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let dev = Dev::start_in(&data);
        let ready = dev.ready.clone();
        dev.stop();
        Self { ready, data, folder }
    }

    fn serve(&self, more: &[&str], variables: &[(&str, &str)]) -> (Running, u16) {
        let config = configuration(self.folder.path());
        let key = self.data.join("secrets/sealing.key");
        let key = ["--sealing-key-file", key.to_str().unwrap()];
        let flags = [&key[..], &["--public-url", "http://127.0.0.1:1"], more].concat();
        let (server, url) = serve_as(&config, &flags, variables);
        (server, url.rsplit(':').next().unwrap().parse().unwrap())
    }

    fn key(&self, who: &str) -> &str {
        self.ready[format!("{who}_key")].as_str().unwrap()
    }

    fn client(&self, port: u16, who: &str, args: &[&str]) -> Done {
        let mut client = command(args);
        client.env("ASKFIRST_URL", format!("http://127.0.0.1:{port}"));
        client.env("ASKFIRST_KEY", self.key(who));
        finish(client)
    }
}

/// Without a line for each request: where nobody reads the log meanwhile, it must not fill its pipe.
const QUIET: [&str; 2] = ["--log", "info,askfirst_server::http=warn"];

/// Words that stand for what is nobody's business; none of them may leave the server.
const SECRETS: [&str; 6] = ["HUSH1", "HUSH2", "HUSH3", "HUSH4", "HUSH5", "HUSH6"];

#[test]
fn a_collector_is_told_of_requests_and_of_an_approvals_life_and_of_nothing_that_is_in_them() {
    let stage = Stage::new();
    let (endpoint, told) = collector();
    let (server, port) = stage.serve(
        &["--otlp-endpoint", &endpoint],
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20for-the-collector"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=rehearsal"),
        ],
    );
    let asked = stage.client(
        port,
        "agent",
        &[
            "ask",
            "Pay HUSH1?",
            "--arguments",
            r#"{"to": "HUSH2"}"#,
            "--reason",
            "HUSH3 for boss@example.com",
            "--name",
            "pay.HUSH4",
            "--no-wait",
            "--json",
        ],
    );
    let id = asked.expect(0).json()["id"].as_str().unwrap().to_owned();
    let vote = ["vote", &id, "approve", "--yes", "--comment", "HUSH5"];
    stage.client(port, "approver", &vote).expect(0);
    stage.client(port, "agent", &["wait", &id, "--claim"]).expect(0);
    let head = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    exchange(port, &format!("GET /login/HUSH6?HUSH6=HUSH6 HTTP/1.1\r\n{head}"));
    exchange(port, &format!("GET /HUSH6 HTTP/1.1\r\n{head}"));
    exchange(port, &format!("HUSH6 /healthz HTTP/1.1\r\n{head}"));
    let told = all(server, &told);

    assert!(!told.is_empty());
    for message in &told {
        assert!(message.head.starts_with("post /v1/traces http/1.1\r\n"), "{}", message.head);
        assert!(message.head.contains("content-type: application/x-protobuf"), "{}", message.head);
        assert!(message.head.contains("\nauthorization: bearer for-the-collector"));
        let text_of_it = format!("{:?}", message.message()).to_uppercase();
        let keys = ["agent", "approver", "admin"].map(|who| stage.key(who));
        let quiet = ["@", "PASSWORD", "127.0.0.1", "ANA"].into_iter().chain(SECRETS).chain(keys);
        for word in quiet {
            assert!(!text_of_it.contains(&word.to_uppercase()), "{word} in {text_of_it}");
        }
        for resource in message.message().resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            assert_eq!(text(&attributes, "service.name").as_deref(), Some("askfirst"));
            assert_eq!(text(&attributes, "service.version").as_deref(), Some("0.1.0"));
            let place = text(&attributes, "deployment.environment.name");
            assert_eq!(place.as_deref(), Some("rehearsal"));
        }
    }
    let spans = spans(&told);
    let ids: BTreeSet<_> = spans.iter().map(|span| (&span.trace_id, &span.span_id)).collect();
    assert_eq!(ids.len(), spans.len(), "two spans with one id");

    // Requests are told by the pattern of their route.
    let requests: Vec<_> = spans.iter().filter(|span| !span.name.starts_with("approval")).collect();
    let names: BTreeSet<_> = requests.iter().map(|span| span.name.as_str()).collect();
    for name in [
        "POST /v1/approvals",
        "POST /v1/approvals/{id}/vote",
        "GET /login/{token}",
        "GET",
        "HTTP /healthz",
    ] {
        assert!(names.iter().any(|known| known.starts_with(name)), "{name} is not in {names:?}");
    }
    let put = requests.iter().find(|span| span.name == "POST /v1/approvals").unwrap();
    assert_eq!(text(&put.attributes, "http.request.method").as_deref(), Some("POST"));
    assert_eq!(text(&put.attributes, "http.route").as_deref(), Some("/v1/approvals"));
    assert_eq!(text(&put.attributes, "http.response.status_code").as_deref(), Some("201"));
    assert_eq!(text(&put.attributes, "askfirst.request.id").map(|id| id.len()), Some(32));
    assert_eq!(put.kind, 2, "a server's");
    assert!(put.end_time_unix_nano > put.start_time_unix_nano);

    // The approval's life is one trace, by its id; each step names the request that took it.
    let life: Vec<_> = spans.iter().filter(|span| span.name.starts_with("approval")).collect();
    let names: Vec<_> = life.iter().map(|span| span.name.as_str()).collect();
    let steps = ["approval asked", "approval voted", "approval approved", "approval"];
    assert_eq!(names, [&steps[..], &["approval claimed"]].concat());
    let trace = id.parse::<ApprovalId>().unwrap().to_bits().to_be_bytes();
    let whole = life[3];
    assert!(whole.parent_span_id.is_empty());
    assert_eq!(text(&whole.attributes, "askfirst.status").as_deref(), Some("approved"));
    assert_eq!(whole.start_time_unix_nano, life[0].start_time_unix_nano);
    assert_eq!(whole.end_time_unix_nano, life[2].start_time_unix_nano);
    for span in &life {
        assert_eq!(span.trace_id, trace);
        assert_eq!(text(&span.attributes, "askfirst.approval.id").as_ref(), Some(&id));
        assert_eq!(text(&span.attributes, "askfirst.environment").as_deref(), Some("dev"));
        if span.name != "approval" {
            assert_eq!(span.parent_span_id, whole.span_id);
            let [link] = span.links.as_slice() else { panic!("{span:?}") };
            let cause = requests.iter().find(|request| request.span_id == link.span_id).unwrap();
            assert_eq!(cause.trace_id, link.trace_id);
            assert!(cause.name.starts_with("POST /v1/approvals"), "{}", cause.name);
        }
    }
    assert_eq!(text(&life[1].attributes, "askfirst.vote").as_deref(), Some("approve"));
    assert_eq!(text(&life[1].attributes, "askfirst.assurance").as_deref(), Some("key"));
}

#[test]
fn a_caller_says_which_trace_a_request_is_in_and_nothing_more() {
    let site = Site::new();
    let (endpoint, told) = collector();
    let (server, port) = site.serve(&["--otlp-endpoint", &endpoint]);
    let ask = |lines: &str| {
        let head = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n{lines}");
        let answer = exchange(port, &format!("GET /v1/approvals HTTP/1.1\r\n{head}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    };
    let trace = |last: u8| format!("4bf92f3577b34da6a3ce929d0e0e47{last:02x}");
    ask(&format!("traceparent: 00-{}-00f067aa0ba902b7-01\r\ntracestate: HUSH=HUSH", trace(1)));
    // Its own trace is not followed, so this request is not told of.
    ask(&format!("traceparent: 00-{}-00f067aa0ba902b7-00", trace(2)));
    // What is none starts a trace of our own.
    ask(&format!("traceparent: 00-{}-00f067aa0ba902b7-01-HUSH", trace(3)));
    let one = format!("traceparent: 00-{}-00f067aa0ba902b7-01", trace(4));
    ask(&format!("{one}\r\n{one}"));
    ask(&format!("baggage: HUSH=HUSH\r\nuser-agent: HUSH\r\nx-request-id: HUSH{}", trace(5)));
    let told = all(server, &told);
    for message in &told {
        assert!(!String::from_utf8_lossy(&message.body).contains("HUSH"));
    }
    let spans = spans(&told);
    assert_eq!(spans.len(), 4, "{spans:?}");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&spans[0].trace_id), trace(1));
    assert_eq!(hex(&spans[0].parent_span_id), "00f067aa0ba902b7");
    assert_eq!(spans[0].trace_state, "");
    for span in &spans[1..] {
        assert!(!(1..=5).any(|last| hex(&span.trace_id) == trace(last)), "{span:?}");
        assert!(span.parent_span_id.is_empty());
    }
}

#[test]
fn a_collector_that_is_not_there_is_told_of_once_and_found_when_it_comes() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let endpoint = format!("http://{at}");
    let (mut server, port) = site.serve(&[&["--otlp-endpoint", &endpoint], &QUIET[..]].concat());
    let knock = || {
        let head = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n";
        exchange(port, &format!("GET /healthz HTTP/1.1\r\n{head}"));
    };
    knock();
    let lost = "traces do not reach the collector and are dropped";
    let first = logged(&mut server, lost);
    assert!(first["error"].as_str().unwrap().contains("refused"), "{first}");
    assert_eq!(first["endpoint"], format!("http://{at}/v1/traces"));
    // Several more messages that do not arrive.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        knock();
    }
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || collect(&listener, |_| true));
    let again = std::thread::spawn(move || {
        let mut seen = Vec::new();
        loop {
            let line = server.line();
            assert!(!line.is_empty(), "{seen:?}");
            let done = line.contains("traces reach the collector again");
            seen.push(line);
            if done {
                return (server, seen);
            }
        }
    });
    while !again.is_finished() {
        assert!(began.elapsed() < PATIENCE);
        knock();
    }
    let (server, seen) = again.join().unwrap();
    assert!(!seen.iter().any(|line| line.contains(lost)), "{seen:?}");
    server.signal(Signal::TERM);
    server.end().expect(0);
}

#[test]
fn a_collector_that_never_answers_slows_nobody_and_keeps_the_server_from_nothing() {
    let site = Site::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let (server, port) = site.serve(&[&["--otlp-endpoint", &endpoint], &QUIET[..]].concat());
    // More than there is room for, on one connection.
    let count = 6_000;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let asking = std::thread::spawn(move || {
        for number in 0..count {
            let last = if number + 1 == count { "close" } else { "keep-alive" };
            let head = format!("Host: 127.0.0.1\r\nConnection: {last}\r\n\r\n");
            stream.write_all(format!("GET /nothing HTTP/1.1\r\n{head}").as_bytes()).unwrap();
        }
    });
    let mut text = String::new();
    answers.read_to_string(&mut text).unwrap();
    asking.join().unwrap();
    assert_eq!(text.matches("HTTP/1.1 ").count(), count);
    let began = Instant::now();
    server.signal(Signal::TERM);
    let done = server.end().expect(0);
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
    let last = done.out.lines().find(|line| line.contains("so many spans were dropped"));
    let last: serde_json::Value = serde_json::from_str(last.expect(&done.out)).unwrap();
    assert!(last["lost"].as_u64().unwrap() >= 1_000, "{last}");
}

#[test]
fn an_address_that_is_none_is_refused_before_the_start() {
    let site = Site::new();
    for (endpoint, said) in [
        ("127.0.0.1:4318", "otlp_endpoint: write it with its scheme"),
        ("https://user:pass@collector.example.com", "OTEL_EXPORTER_OTLP_HEADERS"),
    ] {
        let refused = run(&["serve", "--config", &site.config, "--otlp-endpoint", endpoint]);
        let refused = refused.expect(78);
        assert!(refused.err.contains(said) && !refused.err.contains("pass@"), "{}", refused.err);
        let mut check = command(&["config", "check", "--config", &site.config]);
        check.env("ASKFIRST_OTLP_ENDPOINT", endpoint);
        assert!(finish(check).expect(78).err.contains(said));
    }
    let mut check = command(&["config", "check", "--config", &site.config]);
    check.env("ASKFIRST_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    assert!(finish(check).expect(0).out.contains("otlp_endpoint = \"http://127.0.0.1:4318\""));
}
