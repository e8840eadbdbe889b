//! What receivers do to who sends: redirects, answers without end, slow ones, bombs, nonsense. And
//! what they are sent, to the byte.

use std::time::Duration;

use askfirst_core::Timestamp;
use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::super::{Answer, BodyEnd, Doing, Failure};
use super::{Network, at_home, heard, post};

const URL: &str = "http://127.0.0.1:3000/hook?x=1";

async fn answer_to(bytes: impl Into<Vec<u8>>) -> Result<Answer, Failure> {
    let (outgoing, _) = Network::answering(bytes).start(at_home());
    post(&outgoing, URL).await
}

/// Writes as long as somebody reads.
async fn pour(stream: &mut DuplexStream, piece: &[u8], pause: Duration) {
    while stream.write_all(piece).await.is_ok() {
        sleep(pause).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_is_what_was_given_and_nothing_of_this_machine() {
    let (say, mut said) = mpsc::unbounded_channel();
    let network = Network::of(move |mut stream| {
        let say = say.clone();
        async move {
            let _ = say.send(heard(&mut stream).await);
            let _ =
                stream.write_all(b"HTTP/1.1 202 Accepted\r\nSet-Cookie: a=b\r\n\r\nthanks").await;
        }
    });
    let (outgoing, _) = network.start(at_home());
    let target = outgoing.check(URL).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("content-type", "application/json"),
        ("host", "elsewhere.example"),
        ("content-length", "1"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("connection", "keep-alive"),
        ("accept-encoding", "gzip"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for _ in 0..2 {
        let body = Bytes::from_static(b"{\"n\":1}");
        let answer = outgoing.send(&target, Method::POST, headers.clone(), body).await.unwrap();
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert_eq!((&answer.body[..], answer.end), (&b"thanks"[..], BodyEnd::Whole));
        let sent = said.recv().await.unwrap();
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.split("\r\n").collect();
        assert_eq!(lines.remove(0), "POST /hook?x=1 HTTP/1.1");
        lines.sort_unstable();
        let agent = format!("user-agent: askfirst/{}", env!("CARGO_PKG_VERSION"));
        // The second time too: no cookie came back.
        let expected = [
            "connection: close",
            "content-length: 7",
            "content-type: application/json",
            "host: 127.0.0.1:3000",
            &agent,
            "webhook-id: msg_1",
        ];
        assert_eq!(lines, expected);
        assert_eq!(body, "{\"n\":1}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_told_and_not_followed() {
    for status in [300, 301, 302, 303, 307, 308] {
        for to in ["http://169.254.169.254/latest/", "http://127.0.0.1:3000/", "//10.0.0.1", ""] {
            let answer = format!("HTTP/1.1 {status} Go\r\nLocation: {to}\r\n\r\n");
            let (outgoing, network) = Network::answering(answer).start(at_home());
            let failure = post(&outgoing, URL).await.unwrap_err();
            let told = failure.to_string();
            assert!(told.starts_with(&format!("it answered {status} ")), "{told}");
            assert!(told.contains("redirects are not followed: give the final URL"), "{told}");
            assert!(told.contains(&format!("{to:?}")), "{told}");
            assert_eq!(network.tried(), ["127.0.0.1:3000"]);
            assert_eq!(network.asked(), [""; 0]);
        }
    }
    let long = format!("HTTP/1.1 302 Go\r\nLocation: http://a/{}\r\n\r\n", "x".repeat(10_000));
    let Err(Failure::Redirected { to: Some(to), .. }) = answer_to(long).await else { panic!() };
    assert_eq!(to.len(), 2048);
    // A refresh in a header or a page is no more than that.
    let refresh = "HTTP/1.1 200 OK\r\nRefresh: 0;url=http://10.0.0.1/\r\n\r\n\
                   <meta http-equiv=refresh content='0;url=http://10.0.0.1/'>";
    assert_eq!(answer_to(refresh).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn of_an_answer_without_end_64_kib_are_read() {
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
        "HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\n\r\n",
    ] {
        let network = Network::of(move |mut stream| async move {
            heard(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            pour(&mut stream, &[b'x'; 4096], Duration::ZERO).await;
        });
        let (outgoing, _) = network.start(at_home());
        let answer = post(&outgoing, URL).await.unwrap();
        assert_eq!((answer.body.len(), answer.end), (64 * 1024, BodyEnd::TooLarge));
        assert!(answer.took < Duration::from_secs(1));
    }
    let exactly = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 64 * 1024]].concat();
    let answer = answer_to(exactly).await.unwrap();
    assert_eq!((answer.body.len(), answer.end), (64 * 1024, BodyEnd::Whole));
}

#[tokio::test(start_paused = true)]
async fn a_compressed_answer_is_bytes_and_never_unpacked() {
    // What says that it is a gigabyte of nothing: gzip's head, and then anything.
    let bomb: Vec<u8> = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3].into_iter().chain(0..=255).collect();
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip, gzip"] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\n\r\n");
        let answer = [head.as_bytes(), &bomb].concat();
        let answer = answer_to(answer).await.unwrap();
        assert_eq!((&answer.body[..], answer.end), (&bomb[..], BodyEnd::Whole), "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_is_cut_off_after_ten() {
    // In the body: its status stands, and what came until then.
    let network = Network::of(|mut stream| async move {
        heard(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        pour(&mut stream, b"x", Duration::from_secs(1)).await;
    });
    let (outgoing, _) = network.start(at_home());
    let answer = post(&outgoing, URL).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.end), (200, BodyEnd::TooSlow));
    assert_eq!((answer.body.len(), answer.took), (10, Duration::from_secs(10)));

    // In the head, or with interim answers that promise another: there is none.
    for (start, piece, pause) in [
        ("", "H", 1000),
        ("HTTP/1.1 200 OK\r\nx: ", "x", 1000),
        ("", "HTTP/1.1 102 Processing\r\n\r\n", 100),
    ] {
        let network = Network::of(move |mut stream| async move {
            heard(&mut stream).await;
            let _ = stream.write_all(start.as_bytes()).await;
            if piece == "H" {
                for byte in b"HTTP/1.1 200 OK\r\n" {
                    let _ = stream.write_all(&[*byte]).await;
                    sleep(Duration::from_millis(pause)).await;
                }
            }
            pour(&mut stream, piece.as_bytes(), Duration::from_millis(pause)).await;
        });
        let (outgoing, _) = network.start(at_home());
        let began = Instant::now();
        let failure = post(&outgoing, URL).await.unwrap_err();
        assert!(matches!(failure, Failure::TimedOut(Doing::Waiting)), "{failure}");
        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }
}

#[tokio::test(start_paused = true)]
async fn who_answers_200_and_then_hangs_has_answered_and_is_left() {
    let (gone, mut left) = mpsc::unbounded_channel();
    let network = Network::of(move |mut stream| {
        let gone = gone.clone();
        async move {
            heard(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
            let _ = stream.write_all(head).await;
            heard(&mut stream).await;
            let _ = gone.send(());
        }
    });
    let (outgoing, _) = network.start(at_home());
    let answer = post(&outgoing, URL).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.end), (200, BodyEnd::TooSlow));
    assert_eq!(&answer.body[..], b"hello");
    // Nothing of the connection stays behind.
    left.recv().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_takes_the_connection_and_says_nothing_is_told_apart() {
    let network = Network::of(|stream| async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    });
    let (outgoing, _) = network.start(at_home());
    let failure = post(&outgoing, URL).await.unwrap_err();
    assert!(failure.to_string().starts_with("timed out while waiting for its answer"), "{failure}");
    // By https it does not even come to sending.
    let failure = post(&outgoing, "https://127.0.0.1/").await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut(Doing::Securing)), "{failure}");

    let (outgoing, _) = Network::of(|_| async {}).start(at_home());
    let failure = post(&outgoing, URL).await.unwrap_err();
    assert!(matches!(failure, Failure::Cut(_)), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_head_is_bounded() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    let many: String = (0..70).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{many}\r\n");
    let reason = format!("HTTP/1.1 200 {}\r\n\r\n", "OK ".repeat(8_000));
    for head in [long, many, reason] {
        let failure = answer_to(head).await.unwrap_err();
        assert!(matches!(failure, Failure::HeadTooLarge), "{failure}");
    }
    let network = Network::of(|mut stream| async move {
        heard(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        pour(&mut stream, b"a: b\r\n", Duration::ZERO).await;
    });
    let (outgoing, _) = network.start(at_home());
    let failure = post(&outgoing, URL).await.unwrap_err();
    assert!(matches!(failure, Failure::HeadTooLarge), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_is_told_so() {
    for nonsense in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail.example.com ESMTP\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "<html>\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
    ] {
        let failure = answer_to(nonsense).await.unwrap_err();
        assert!(matches!(failure, Failure::NotHttp(_)), "{nonsense:?}: {failure:?}");
    }
    for (broken, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", "abc"),
    ] {
        let answer = answer_to(broken).await.unwrap();
        assert_eq!((&answer.body[..], answer.end), (body.as_bytes(), BodyEnd::Broken));
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_puts_us_off_for_a_day_at_most() {
    let now = Timestamp::from_seconds(1_893_456_000);
    for (written, pause) in [
        ("120", Some(120)),
        ("0", Some(0)),
        ("31536000", Some(86_400)),
        ("99999999999999999999999", Some(86_400)),
        ("Tue, 01 Jan 2030 00:01:40 GMT", Some(100)),
        ("Wed, 01 Jan 2031 00:00:00 GMT", Some(86_400)),
        ("Mon, 01 Jan 2001 00:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ] {
        let answer = format!("HTTP/1.1 429 Slow\r\nRetry-After: {written}\r\n\r\n");
        let answer = answer_to(answer).await.unwrap();
        assert_eq!(answer.status, 429);
        assert_eq!(answer.pause(now), pause.map(Duration::from_secs), "{written}");
        assert!(answer.retry_after.is_some_and(|value| value == written));
    }
    assert_eq!(answer_to("HTTP/1.1 410 Gone\r\n\r\n").await.unwrap().pause(now), None);
}
