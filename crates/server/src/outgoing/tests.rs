//! Stories of what is sent where, and above all where nothing is. The network is played: who asks
//! for a name or opens a connection is written down, and time stands still. What goes over a
//! connection is real.

mod answers;
mod anything;
mod certificates;
mod forbidden;
mod kept;
mod names;
mod real;
mod strangers;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::{HeaderMap, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::rules::Permitted;
use super::wire::{Stream, Wire};
use super::{Answer, BOUNDS, Failure, Outgoing, Rules, Trust};

/// A public address, for names of the tests.
const PUBLIC: &str = "8.8.4.4";

type Play = Box<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// A network where names lead where the test says, by turns, and one receiver answers for all.
struct Network {
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
    tried: Mutex<Vec<SocketAddr>>,
    play: Play,
    /// Addresses that take no connection, and never say so.
    silent: Vec<IpAddr>,
}

impl Network {
    fn of<F>(play: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            names: Mutex::default(),
            asked: Mutex::default(),
            tried: Mutex::default(),
            play: Box::new(move |stream| Box::pin(play(stream))),
            silent: Vec::new(),
        }
    }

    /// Who reads what is sent and answers these bytes.
    fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::of(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                heard(&mut stream).await;
                let _ = stream.write_all(&bytes).await;
            }
        })
    }

    /// A name leads to these addresses, the first time, the second time, …, and then as the last.
    fn name(self, name: &str, turns: &[&[&str]]) -> Self {
        let address = |text: &&str| text.parse().unwrap();
        let turns = turns.iter().map(|turn| turn.iter().map(address).collect()).collect();
        self.names.lock().unwrap().insert(name.to_owned(), turns);
        self
    }

    fn start(self, rules: Rules) -> (Outgoing, Arc<Self>) {
        self.trusting(rules, Trust::of(Vec::new()).unwrap())
    }

    fn trusting(self, rules: Rules, trust: Trust) -> (Outgoing, Arc<Self>) {
        let network = Arc::new(self);
        let wire = Arc::clone(&network) as Arc<dyn Wire>;
        (Outgoing::over(rules, trust, wire, BOUNDS), network)
    }

    fn tried(&self) -> Vec<String> {
        self.tried.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Wire for Network {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut names = self.names.lock().unwrap();
        let found = match names.get_mut(name) {
            Some(turns) if turns.len() > 1 => Ok(turns.remove(0)),
            Some(turns) => Ok(turns[0].clone()),
            None => Err(io::Error::other("no such name")),
        };
        Box::pin(async move { found })
    }

    fn connect(&self, to: Permitted) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        self.tried.lock().unwrap().push(to.address());
        if self.silent.contains(&to.address().ip()) {
            return Box::pin(std::future::pending());
        }
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn((self.play)(theirs));
        Box::pin(async move { Ok(Box::new(ours) as Box<dyn Stream>) })
    }
}

/// The head of what is sent, as text, and as much of the body as `Content-Length` says.
async fn heard(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    loop {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            break;
        }
        read.push(byte[0]);
        if read.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read).to_lowercase();
            let length = head.split_once("content-length: ");
            let length = length.and_then(|(_, rest)| rest.split_once('\r')?.0.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            let _ = stream.read_exact(&mut body).await;
            read.extend(body);
            break;
        }
    }
    String::from_utf8(read).unwrap()
}

/// What a worker does with a URL that somebody gave.
async fn post(outgoing: &Outgoing, url: &str) -> Result<Answer, Failure> {
    let target = outgoing.check(url)?;
    let body = Bytes::from_static(b"{\"type\":\"approval.approved\"}");
    outgoing.send(&target, Method::POST, HeaderMap::new(), body).await
}

/// A developer's rules, under which http to this machine is good.
fn at_home() -> Rules {
    Rules { allow_loopback: true, ..Rules::default() }
}

fn inside(hosts: &[&str]) -> Rules {
    let allowed_hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    Rules { allowed_hosts, ..Rules::default() }
}
