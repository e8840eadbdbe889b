//! Connections that calls of an API share: when they are used once more, when they are closed, and
//! that nothing goes out twice by them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use hyper::{HeaderMap, Method};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, advance};

use super::super::kept::{IDLE, MOST, OLDEST};
use super::super::{Again, Answer, BodyEnd, Failure, Outgoing};
use super::certificates::{Authority, named};
use super::{Network, at_home, heard, inside, post};

const URL: &str = "http://127.0.0.1:3000/bot1/getMe";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn call(outgoing: &Outgoing, url: &str, again: Again) -> Result<Answer, Failure> {
    let target = outgoing.check(url)?;
    let body = Bytes::from_static(b"{}");
    outgoing.call(&target, Method::POST, HeaderMap::new(), body, again).await
}

/// One that answers `most` requests on each connection with `answer` and hears one more. Tells what
/// it heard, and with an empty text that a connection was closed.
fn answering(most: usize, answer: &'static [u8]) -> (Network, UnboundedReceiver<String>) {
    let (say, said) = mpsc::unbounded_channel();
    let play = move |mut stream: DuplexStream| {
        let say = say.clone();
        async move {
            for turn in 0.. {
                let heard = heard(&mut stream).await;
                let closed = heard.is_empty();
                let _ = say.send(heard);
                if closed || turn == most {
                    break;
                }
                let _ = stream.write_all(answer).await;
            }
        }
    };
    (Network::of(play), said)
}

#[tokio::test(start_paused = true)]
async fn calls_share_a_connection_and_what_is_sent_to_users_has_its_own() {
    let (network, mut said) = answering(usize::MAX, OK);
    let (outgoing, network) = network.start(at_home());
    for _ in 0..3 {
        let answer = call(&outgoing, URL, Again::Never).await.unwrap();
        assert_eq!((&answer.body[..], answer.end), (&b"ok"[..], BodyEnd::Whole));
        let heard = said.recv().await.unwrap();
        assert!(heard.starts_with("POST /bot1/getMe HTTP/1.1\r\n"), "{heard}");
        assert!(heard.ends_with("\r\n\r\n{}") && !heard.contains("connection:"), "{heard}");
    }
    assert_eq!(network.tried().len(), 1);
    post(&outgoing, URL).await.unwrap();
    assert!(said.recv().await.unwrap().contains("connection: close\r\n"));
    assert_eq!(said.recv().await.unwrap(), "");
    assert_eq!(network.tried().len(), 2);

    // Each has one for itself as long as it lasts.
    join_all((0..3).map(|_| call(&outgoing, URL, Again::Never))).await;
    assert_eq!(network.tried().len(), 4);
    // And another host or port has others.
    call(&outgoing, "http://127.0.0.1:3001/", Again::Never).await.unwrap();
    call(&outgoing, "http://127.0.0.2:3000/", Again::Never).await.unwrap();
    assert_eq!(network.tried()[4..], ["127.0.0.1:3001", "127.0.0.2:3000"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_uses_is_closed_after_a_while() {
    let (network, mut said) = answering(usize::MAX, OK);
    let (outgoing, _) = network.start(at_home());
    let began = Instant::now();
    for _ in 0..2 {
        call(&outgoing, URL, Again::Never).await.unwrap();
        assert_ne!(said.recv().await.unwrap(), "");
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(said.recv().await.unwrap(), "");
    assert_eq!(began.elapsed().as_secs(), IDLE.as_secs() + 1);
    // And all of them with who had them.
    call(&outgoing, URL, Again::Never).await.unwrap();
    said.recv().await.unwrap();
    drop(outgoing);
    let dropped = Instant::now();
    assert_eq!(said.recv().await.unwrap(), "");
    assert_eq!(dropped.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_moves_is_followed_within_a_minute() {
    let url = "http://hooks.example.com/";
    let turns: &[&[&str]] = &[&["10.0.0.8"], &["10.0.0.9"], &["127.0.0.1"]];
    let (network, _said) = answering(usize::MAX, OK);
    let network = network.name("hooks.example.com", turns);
    let (outgoing, network) = network.start(inside(&["hooks.example.com"]));
    let step = Duration::from_secs(20);
    for at in ["10.0.0.8:80", "10.0.0.9:80"] {
        let began = Instant::now();
        while began.elapsed() < OLDEST {
            call(&outgoing, url, Again::Never).await.unwrap();
            assert_eq!(network.tried().last().unwrap(), at);
            advance(step).await;
        }
    }
    // It moved to where nothing may go.
    let failure = call(&outgoing, url, Again::Never).await.unwrap_err();
    assert!(matches!(failure, Failure::Closed { .. }), "{failure}");
    assert_eq!((network.asked().len(), network.tried().len()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_judged_by_the_rules_of_who_calls() {
    let authority = Authority::make();
    let (network, _) = authority.receiver(named("hooks.example.com"));
    let network = network.name("hooks.example.com", &[&["10.0.0.8"]]);
    let (outgoing, network) = network.trusting(inside(&["hooks.example.com"]), authority.trust());
    let url = "https://hooks.example.com/";
    for _ in 0..2 {
        call(&outgoing, url, Again::Never).await.unwrap();
        // A connection waits, and is not for them.
        let failure = call(&outgoing.for_strangers(), url, Again::Harmless).await.unwrap_err();
        assert!(matches!(failure, Failure::Closed { .. }), "{failure}");
    }
    assert_eq!(network.tried(), ["10.0.0.8:443"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_other_side_closed_meanwhile_is_no_failure() {
    // It says so beforehand, or just closes.
    let told = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    for answer in [&told[..], OK] {
        let network = Network::of(move |mut stream| async move {
            heard(&mut stream).await;
            let _ = stream.write_all(answer).await;
        });
        let (outgoing, network) = network.start(at_home());
        for calls in 1..=3 {
            call(&outgoing, URL, Again::Never).await.unwrap();
            assert_eq!(network.tried().len(), calls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_and_lost_goes_out_again_only_where_it_does_no_harm() {
    for (again, heard, answered) in [(Again::Harmless, 3, true), (Again::Never, 2, false)] {
        let (network, mut said) = answering(1, OK);
        let (outgoing, network) = network.start(at_home());
        call(&outgoing, URL, again).await.unwrap();
        let second = call(&outgoing, URL, again).await;
        assert_eq!(second.is_ok(), answered);
        assert!(matches!(second, Ok(_) | Err(Failure::Cut(_))));
        for _ in 0..heard {
            assert_ne!(said.recv().await.unwrap(), "");
        }
        assert!(said.try_recv().is_err(), "{again:?}");
        assert_eq!(network.tried().len(), heard - 1);
    }
    // On a new connection nothing is tried again: whoever called hears of it.
    let (network, mut said) = answering(0, OK);
    let (outgoing, network) = network.start(at_home());
    let failure = call(&outgoing, URL, Again::Harmless).await.unwrap_err();
    assert!(matches!(failure, Failure::Cut(_)), "{failure}");
    assert_ne!(said.recv().await.unwrap(), "");
    assert_eq!(network.tried().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_read_to_its_end_is_not_kept() {
    for answer in [
        "HTTP/1.1 302 Go\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", "x".repeat(70_000)),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n".to_owned(),
        // More than was asked for.
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n".to_owned(),
    ] {
        let (network, mut said) = answering(usize::MAX, answer.leak().as_bytes());
        let (outgoing, network) = network.start(at_home());
        for calls in 1..=2 {
            let _ = call(&outgoing, URL, Again::Never).await;
            assert_ne!(said.recv().await.unwrap(), "");
            assert_eq!(said.recv().await.unwrap(), "");
            assert_eq!(network.tried().len(), calls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_are_kept_and_no_more() {
    let (network, mut said) = answering(usize::MAX, OK);
    let (outgoing, network) = network.start(at_home());
    let began = Instant::now();
    join_all((0..MOST + 6).map(|_| call(&outgoing, URL, Again::Never))).await;
    assert_eq!(network.tried().len(), MOST + 6);
    let mut closed = 0;
    while closed < 6 {
        closed += usize::from(said.recv().await.unwrap().is_empty());
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert!(said.try_recv().is_err());
    join_all((0..MOST).map(|_| call(&outgoing, URL, Again::Never))).await;
    assert_eq!(network.tried().len(), MOST + 6);
}
