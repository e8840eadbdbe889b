//! Somebody who is told of what happens: takes what a server sends, verifies it, and answers as
//! the story says.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use askfirst_core::Timestamp;
use askfirst_server::outgoing::signature;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Who listens.
pub struct Receiver {
    pub address: SocketAddr,
    got: mpsc::UnboundedReceiver<Message>,
    answers: Answers,
    refusing: Arc<AtomicBool>,
    challenges: mpsc::UnboundedReceiver<Message>,
    challenge_answers: Answers,
}

/// What is answered next; none as usual.
type Answers = Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>;

/// What was sent.
#[derive(Clone, Debug)]
pub struct Message {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Receiver {
    /// Gives back what it is challenged with, and answers 204 to all else, unless told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sent, got) = mpsc::unbounded_channel();
        let (asked, challenges) = mpsc::unbounded_channel();
        let (answers, challenge_answers) = (Answers::default(), Answers::default());
        let queues = (answers.clone(), challenge_answers.clone());
        let refusing = Arc::new(AtomicBool::new(false));
        let refuses = refusing.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sent, asked, queues) = (sent.clone(), asked.clone(), queues.clone());
                let refuses = refuses.clone();
                let take = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (sent, asked, queues) = (sent.clone(), asked.clone(), queues.clone());
                    let refuses = refuses.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.expect("a body").to_bytes();
                        let message = Message { headers: head.headers, body };
                        let challenge = message.challenge();
                        let (told, queue) = match challenge {
                            None => (sent, queues.0),
                            Some(_) => (asked, queues.1),
                        };
                        let _ = told.send(message);
                        let answer = queue.lock().expect("no panic").pop_front();
                        Ok::<_, Infallible>(answer.unwrap_or_else(|| match challenge {
                            None if refuses.load(Ordering::SeqCst) => answer_of(503, ""),
                            None => answer_of(204, ""),
                            Some(challenge) => answer_of(200, challenge),
                        }))
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), take));
            }
        });
        Self { address, got, answers, refusing, challenges, challenge_answers }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// How the next one is answered that nobody answered otherwise.
    pub fn answer(&self, response: Response<Full<Bytes>>) {
        self.answers.lock().expect("no panic").push_back(response);
    }

    /// Answers as usual from now on.
    pub fn answer_as_usual(&self) {
        self.answers.lock().expect("no panic").clear();
    }

    /// Whether it answers 503 from now on, to all but challenges.
    pub fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::SeqCst);
    }

    /// What came and was not looked at, but for challenges.
    pub fn rest(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }

    /// How the next challenge is answered that nobody answered otherwise.
    pub fn answer_challenge(&self, response: Response<Full<Bytes>>) {
        self.challenge_answers.lock().expect("no panic").push_back(response);
    }

    /// The challenges that came and were not looked at.
    pub fn challenges(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.challenges.try_recv().ok()).collect()
    }

    /// What comes next, but for challenges.
    pub async fn next(&mut self) -> Message {
        let wait = tokio::time::timeout(std::time::Duration::from_secs(60), self.got.recv());
        wait.await.expect("a message in time").expect("a message")
    }

    /// Whether nothing came that was not looked at.
    pub fn is_quiet(&mut self) -> bool {
        self.got.try_recv().is_err()
    }
}

/// An answer.
pub fn answer_of(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status.try_into().expect("a status");
    answer
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The challenge that it is, if it is one.
    pub fn challenge(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let is_one = body["type"] == "webhook.challenge";
        is_one.then(|| body["data"]["challenge"].as_str().unwrap_or_default().to_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// Whether this secret signed it, if need be among others, at the time that it says.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let at = self.header("webhook-timestamp").parse().expect("seconds");
        let secret = secret.parse().expect("a secret");
        let at = Timestamp::from_seconds(at);
        let expected = signature::headers(self.id(), at, &self.body, &[secret]).expect("signed");
        self.header("webhook-signature").split(' ').any(|one| expected["webhook-signature"] == one)
    }
}
