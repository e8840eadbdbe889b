//! Clients that are slow on purpose, and too many of them: each is cut off in its time, and nobody
//! else notices.

use std::time::{Duration, Instant};

use askfirst_server::config::limits::Limits;
use hyper::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::TestServer;
use crate::support::client::path_of;
use crate::support::wire::status;

/// No story here takes longer, or something was not cut off.
const LONGEST: Duration = Duration::from_secs(120);

async fn connect(server: &TestServer, beginning: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    stream
}

/// All that the server sends until it hangs up, and how long that took.
async fn until_cut(mut stream: TcpStream) -> (String, Duration) {
    let began = Instant::now();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONGEST, stream.read_to_end(&mut answer)).await;
    let _reset = read.unwrap();
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

#[tokio::test]
async fn who_sends_or_reads_too_slowly_is_cut_off_and_others_are_served() {
    let server = TestServer::start().await;
    let (host, agent) = (server.address, server.asker());
    let key = agent.key.clone().unwrap();
    let head =
        connect(&server, &format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Slow: ")).await;
    let idle = connect(&server, &format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
    let silent = connect(&server, "").await;
    let body = format!(
        "POST /v1/approvals HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    let body = connect(&server, &body).await;
    // A form that anyone can post.
    let form = format!(
        "POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nt"
    );
    let form = connect(&server, &form).await;
    let unread = unread(&server).await;

    // Meanwhile others are served at once.
    let asked = agent.ask("deploy").await;
    server.dev().approve(&asked).await.expect(200);

    let (head, idle, silent, body, form, unread) = tokio::join!(
        until_cut(head),
        until_cut(idle),
        until_cut(silent),
        until_cut(body),
        until_cut(form),
        tokio::time::timeout(LONGEST, unread.ready(Interest::ERROR)),
    );
    for (what, (_, took)) in
        [("head", &head), ("idle", &idle), ("silent", &silent), ("body", &body), ("form", &form)]
    {
        assert!(took.as_secs() < 60, "{what}: {took:?}");
    }
    assert_eq!(status(&idle.0), 200, "{}", idle.0);
    assert_eq!(status(&body.0), 408, "{}", body.0);
    assert!(body.0.contains("urn:askfirst:problem:timeout"), "{}", body.0);
    assert!(!form.0.starts_with("HTTP/1.1 5"), "{}", form.0);
    unread.unwrap().unwrap();
    agent.read(&asked).await;
}

/// A client that asks for far more than it reads.
async fn unread(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    let wish = format!("GET /v1/openapi.json HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    stream.write_all(wish.repeat(64).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_there_is_room_again() {
    let few = Limits { connections: 3, ..Limits::default() };
    let server = TestServer::limited(few).await;
    let agent = server.asker();
    let asked = agent.ask("deploy").await;
    let held: Vec<_> = [(); 3].map(|()| TcpStream::connect(server.address)).into();
    let mut connected = Vec::new();
    for one in held {
        connected.push(one.await.unwrap());
    }
    let beyond = loop {
        let answer = agent.call(Method::GET, path_of(&asked, "")).send().await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(beyond.problem(), "503 limit");
    assert_eq!(beyond.header("retry-after"), "5");
    assert_eq!(beyond.json()["limit"], json!({ "name": "connections", "of": "server" }));
    drop(connected);
    while agent.get(path_of(&asked, "")).await.status != 200 {}
}
