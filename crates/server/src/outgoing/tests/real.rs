//! The machine's own sockets: what the played network shows is what happens on them.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use hyper::{HeaderMap, Method};
use tokio::io::AsyncWriteExt;

use super::super::{Outgoing, Rules, Trust};
use super::forbidden::LITERAL;
use super::{at_home, post};

/// Files that go out to an address of the operator's, who may send this server anywhere.
const OPERATORS: [&str; 1] = ["traces/collector.rs"];

fn outgoing(rules: Rules) -> Outgoing {
    Outgoing::new(rules, Trust::of(Vec::new()).unwrap())
}

#[tokio::test]
async fn a_listener_on_this_machine_hears_nothing_of_any_spelling() {
    // On every address of this machine, of both kinds, as far as there are both.
    let listeners = ["0.0.0.0:0", "[::]:0"].map(|at| TcpListener::bind(at).unwrap());
    for listener in &listeners {
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let rules =
            |home| Rules { allow_loopback: home, allowed_ports: vec![port], ..Rules::default() };
        let strict = outgoing(rules(false));
        for url in LITERAL {
            let url = url.replace(":PORT", "");
            let (scheme, rest) = url.split_once("://").unwrap();
            let (host, path) = rest.split_once('/').unwrap();
            for scheme in [scheme, "http"] {
                let url = format!("{scheme}://{host}:{port}/{path}");
                assert!(post(&strict, &url).await.is_err(), "{url}");
            }
        }
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        // This listener does hear what reaches it.
        let kind = if listener.local_addr().unwrap().is_ipv4() { "127.0.0.1" } else { "[::1]" };
        let home = outgoing(rules(true));
        let url = format!("https://{kind}:{port}/");
        let sent = post(&home, &url);
        let (_, heard) = tokio::join!(
            async { tokio::time::timeout(std::time::Duration::from_secs(5), sent).await },
            async {
                while let Err(error) = listener.accept() {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    tokio::task::yield_now().await;
                }
                true
            }
        );
        assert!(heard);
    }
}

#[tokio::test]
async fn what_is_sent_over_a_socket_arrives_and_is_answered() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let outgoing = outgoing(at_home());
    let url = format!("http://localhost:{port}/hook");
    let target = outgoing.check(&url).unwrap();
    let body = bytes::Bytes::from(vec![0xff; 300_000]);
    let sent = outgoing.send(&target, Method::PUT, HeaderMap::new(), body);
    let (answer, heard) = tokio::join!(sent, async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        let mut length = 0;
        let mut piece = vec![0; 64 * 1024];
        while length < 300_000 {
            let read = tokio::io::AsyncReadExt::read(&mut stream, &mut piece).await.unwrap();
            assert_ne!(read, 0);
            head.extend(piece[..read].iter().filter(|byte| **byte != 0xff));
            length += piece[..read].iter().filter(|byte| **byte == 0xff).count();
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        String::from_utf8(head).unwrap()
    });
    assert_eq!(
        (answer.as_ref().unwrap().status.as_u16(), &answer.unwrap().body[..]),
        (200, &b"ok"[..])
    );
    assert!(heard.starts_with("PUT /hook HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: localhost:{port}\r\n")), "{heard}");
    drop(listener);
    let failure = post(&outgoing, &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    let told = "127.0.0.1 cannot be connected to: nothing listens on that port";
    assert_eq!(failure.to_string(), told);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    // The story above once more, in a process that is told to use one.
    let mut story = Command::new(std::env::current_exe().unwrap());
    story.args([
        "--exact",
        "outgoing::tests::real::what_is_sent_over_a_socket_arrives_and_is_answered",
    ]);
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        story.env(name, &url).env(name.to_uppercase(), &url);
    }
    let told = story.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let out = String::from_utf8_lossy(&told.stdout);
    assert!(out.contains("1 passed"), "{out}");
    assert_eq!(proxy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn nothing_else_in_this_crate_goes_out() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source.clone()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ours = path.strip_prefix(&source).unwrap().starts_with("outgoing");
            if path.is_dir() {
                if !ours {
                    folders.push(path);
                }
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let operators = OPERATORS.iter().any(|file| path == source.join(file));
            if ours || operators || path == source.join("outgoing.rs") {
                continue;
            }
            seen += 1;
            for way in [
                "TcpStream::connect",
                "TcpSocket",
                "lookup_host",
                "to_socket_addrs",
                "client::conn",
                "hyper_util::client",
                "reqwest",
                "UdpSocket",
            ] {
                assert!(
                    !text.contains(way),
                    "{}: {way}. What goes out to an address that somebody gave goes through \
                     `Outgoing`; if the operator gave this one, name the file here and say why",
                    path.display()
                );
            }
        }
    }
    assert!(seen > 50, "this test does not see the source");
}
