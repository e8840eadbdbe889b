//! A client that sends exactly what a story says. Every request has a connection of its own, so
//! that parallel ones really are parallel.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// Someone who talks to the server: with a key, or as a stranger.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub key: Option<String>,
}

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Call {
    client: Client,
    pub method: Method,
    pub path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        let (client, path) = (self.clone(), path.into());
        Call { client, method, path, headers: Vec::new(), body: Bytes::new() }
    }

    pub fn post(&self, path: impl Into<String>, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    pub async fn get(&self, path: impl Into<String>) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// Puts a question and gives it back as it stands.
    pub async fn ask(&self, name: &str) -> Value {
        self.ask_with(name, json!({})).await
    }

    /// Puts a question with more fields than the action.
    pub async fn ask_with(&self, name: &str, more: Value) -> Value {
        self.post("/v1/approvals", &question(name, more)).send().await.expect(201)
    }

    /// Asks under a saved policy.
    pub async fn ask_under(&self, policy: &str) -> Value {
        self.ask_with("deploy", json!({ "policy": policy })).await
    }

    pub async fn read(&self, approval: &Value) -> Value {
        self.get(path_of(approval, "")).await.expect(200)
    }

    /// Waits until it has ended.
    pub async fn ended(&self, approval: &Value) -> Value {
        self.get(path_of(approval, "?wait=30s")).await.expect(200)
    }

    /// Waits until it has ended and its receipt is signed.
    pub async fn proof(&self, approval: &Value) -> Value {
        self.get(path_of(approval, "/proof?wait=30s")).await.expect(200)
    }

    pub async fn vote(&self, approval: &Value, decision: &str) -> Answer {
        self.vote_call(approval, decision).send().await
    }

    pub fn vote_call(&self, approval: &Value, decision: &str) -> Call {
        let body = json!({ "decision": decision, "action_digest": approval["action_digest"] });
        self.post(path_of(approval, "/vote"), &body)
    }

    pub async fn approve(&self, approval: &Value) -> Answer {
        self.vote(approval, "approve").await
    }

    pub async fn reject(&self, approval: &Value) -> Answer {
        self.vote(approval, "reject").await
    }

    pub async fn cancel(&self, approval: &Value) -> Answer {
        self.post(path_of(approval, "/cancel"), &json!({})).send().await
    }

    pub async fn consume(&self, approval: &Value) -> Answer {
        self.consume_call(approval).send().await
    }

    pub fn consume_call(&self, approval: &Value) -> Call {
        let body = json!({ "action_digest": approval["action_digest"] });
        self.post(path_of(approval, "/consume"), &body)
    }

    pub async fn report(&self, approval: &Value, status: &str) -> Answer {
        self.post(path_of(approval, "/outcome"), &json!({ "status": status })).send().await
    }

    pub async fn revoke(&self, approval: &Value) -> Answer {
        self.post(path_of(approval, "/revoke"), &json!({})).send().await
    }
}

/// The body of an ask.
pub fn question(name: &str, more: Value) -> Value {
    let action = json!({
        "name": name, "title": format!("Do {name}?"), "arguments": { "version": "2.1" },
    });
    let mut body = json!({ "action": action });
    for (field, value) in more.as_object().cloned().unwrap_or_default() {
        body[field] = value;
    }
    body
}

/// `/v1/approvals/{id}` and what follows.
pub fn path_of(approval: &Value, rest: &str) -> String {
    format!("/v1/approvals/{}{rest}", approval["id"].as_str().expect("an approval has an id"))
}

impl Call {
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.header("content-type", "application/json")
    }

    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With an `Idempotency-Key`.
    pub fn once(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub async fn send(self) -> Answer {
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the answer arrives whole").to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The head of the answer, with its body still coming.
    pub async fn open(self) -> Response<Incoming> {
        let stream = TcpStream::connect(self.client.address).await.expect("the server listens");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("the server speaks HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(&self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header(header::HOST, self.client.address.to_string());
        }
        if let Some(key) = &self.client.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).expect("a request that can be sent");
        sender.send_request(request).await.expect("the server answers")
    }
}

impl Answer {
    /// The body, if the status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if status == StatusCode::NO_CONTENT { Value::Null } else { self.json() }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or(""))
    }

    /// Status and kind of a problem: `409 already_decided`; the status alone where there is none.
    #[track_caller]
    pub fn problem(&self) -> String {
        if self.header("content-type") != "application/problem+json" {
            return self.status.to_string();
        }
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        for field in ["type", "title", "detail", "instance"] {
            assert!(problem[field].as_str().is_some_and(|it| !it.is_empty()), "{field}: {problem}");
        }
        let kind = problem["type"].as_str().unwrap_or_default();
        format!("{} {}", self.status, kind.trim_start_matches("urn:askfirst:problem:"))
    }

    /// Where a problem says the mistakes are.
    #[track_caller]
    pub fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| e["pointer"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// The problem without the id of its occurrence.
    pub fn without_instance(&self) -> Value {
        let mut problem = self.json();
        problem["instance"] = Value::Null;
        problem
    }
}
