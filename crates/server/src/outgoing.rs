//! Sending to addresses that users gave: webhooks and callbacks. It is made so that nobody can use
//! this server to reach what only this server can reach. Every address is judged when it is
//! connected to, and only judged addresses are; redirects are answers and not ways; nothing of the
//! environment, no cookie and no proxy has a say. When to send, what, and whether to try again is
//! for who sends.
//!
//! Each request has a connection of its own: one that was judged then says nothing about where a
//! name leads now. Only calls of an API that is called all the time share some, for a minute
//! (`kept.rs`).

mod failure;
mod kept;
mod rules;
pub mod signature;
mod special;
mod target;
mod trust;
mod wire;

// With time that stands still.
#[cfg(feature = "testing")]
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use askfirst_core::Timestamp;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

pub use failure::{Doing, Failure};
pub use kept::Again;
pub use rules::{Closed, HostRule, Rules};
pub use special::{Special, special};
pub use target::{Forbidden, Host, Target};
pub use trust::{Trust, TrustError};

use kept::{Kept, Line};
use rules::Permitted;
pub(crate) use wire::Stream;
use wire::{SystemWire, Wire};

/// The longest that a receiver can put us off, in seconds.
const LONGEST_PAUSE: u64 = 24 * 60 * 60;

/// Addresses of one name that are tried; more only take time.
const ADDRESSES: usize = 4;

/// The longest address of a redirect that is told, in bytes.
const LONGEST_PLACE: usize = 2048;

/// Headers that say how a message travels, which is decided here, or that proxies listen to.
const OURS: [header::HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::ACCEPT_ENCODING,
];

/// What one request may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// From the look-up to the last byte.
    total: Duration,
    /// For one of several addresses.
    connect: Duration,
    /// Bytes of an answer's body that are read.
    body: usize,
    /// Bytes of its status line and headers.
    head: usize,
    /// Headers.
    headers: usize,
}

const BOUNDS: Bounds = Bounds {
    total: Duration::from_secs(10),
    connect: Duration::from_secs(3),
    body: 64 * 1024,
    head: 16 * 1024,
    headers: 64,
};

/// Sends to addresses that users gave.
#[derive(Clone)]
pub struct Outgoing {
    rules: Arc<Rules>,
    trust: Trust,
    wire: Arc<dyn Wire>,
    bounds: Bounds,
    kept: Arc<Kept>,
}

/// What a receiver answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status: 2xx is a delivery, and no redirect is among these.
    pub status: StatusCode,
    /// `Retry-After`, as it was written.
    pub retry_after: Option<HeaderValue>,
    /// The first 64 KiB of the body, byte for byte and never decompressed.
    pub body: Bytes,
    /// Whether that is all of it.
    pub end: BodyEnd,
    /// From the look-up to the last byte.
    pub took: Duration,
}

/// How reading a body ended. An answer counts by its status in any case: who answered 200 has what
/// was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// It is whole.
    Whole,
    /// There was more, which was not read.
    TooLarge,
    /// It was not all there in time.
    TooSlow,
    /// The connection was lost, or what came is no HTTP.
    Broken,
}

impl Answer {
    /// How long the receiver wants to be left alone, at most a day; `None` if it does not say so
    /// in a way that reads. Either form of RFC 9110, section 10.2.3.
    #[must_use]
    pub fn pause(&self, now: Timestamp) -> Option<Duration> {
        let text = self.retry_after.as_ref()?.to_str().ok()?.trim();
        let seconds = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            text.parse().unwrap_or(LONGEST_PAUSE)
        } else {
            let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
            u64::try_from(until.saturating_sub(now.seconds())).unwrap_or(0)
        };
        Some(Duration::from_secs(seconds.min(LONGEST_PAUSE)))
    }
}

impl Outgoing {
    /// Sends by this machine's resolver and network.
    #[must_use]
    pub fn new(rules: Rules, trust: Trust) -> Self {
        Self::over(rules, trust, Arc::new(SystemWire::default()), BOUNDS)
    }

    fn over(rules: Rules, trust: Trust, wire: Arc<dyn Wire>, bounds: Bounds) -> Self {
        Self { rules: Arc::new(rules), trust, wire, bounds, kept: Arc::default() }
    }

    /// Whether a URL can be taken, as far as that shows without a look-up.
    ///
    /// # Errors
    /// [`Forbidden`], with what to do.
    pub fn check(&self, url: &str) -> Result<Target, Forbidden> {
        target::read(&self.rules, url)
    }

    /// The same without what the operator opened for users of their own: public hosts by https, and
    /// the machine of a developer's server.
    #[must_use]
    pub fn for_strangers(&self) -> Self {
        let Rules { allow_loopback, .. } = *self.rules;
        let rules = Rules { allow_loopback, ..Rules::default() };
        Self { rules: Arc::new(rules), ..self.clone() }
    }

    /// The same for an API whose answers are longer or take longer: so much time from the look-up to
    /// the last byte, and so many bytes of a body.
    #[must_use]
    pub fn patient(&self, total: Duration, body: usize) -> Self {
        Self { bounds: Bounds { total, body, ..self.bounds }, ..self.clone() }
    }

    /// Whether this is a developer's server, which may send to its own machine.
    #[must_use]
    pub fn reaches_itself(&self) -> bool {
        self.rules.allow_loopback
    }

    /// Whether a mail server can be taken, as far as that shows without a look-up. `secure`: all
    /// that matters is said under TLS.
    ///
    /// # Errors
    /// [`Forbidden`], with what to do.
    pub fn check_mail(&self, host: &str, port: u16, secure: bool) -> Result<Target, Forbidden> {
        target::mail(&self.rules, host, port, secure)
    }

    /// A connection to a mail server that was checked, every address of it judged; under TLS at
    /// once if `tls`.
    pub(crate) async fn open_mail(
        &self,
        target: &Target,
        tls: bool,
    ) -> Result<Box<dyn Stream>, Failure> {
        let deadline = Instant::now() + self.bounds.total;
        let permitted = self.permitted(target, deadline).await?;
        let stream = self.connect(&permitted, deadline).await?;
        match tls {
            true => self.secure(&target.host, stream, self.trust.mail(), deadline).await,
            false => Ok(stream),
        }
    }

    /// Whose certificates are believed.
    pub(crate) const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Sends one request and reads the answer, within ten seconds. `headers` are sent as they are,
    /// but for those that say how a message travels.
    ///
    /// # Errors
    /// [`Failure`] if there is no answer that counts.
    pub async fn send(
        &self,
        target: &Target,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let began = Instant::now();
        let deadline = began + self.bounds.total;
        // The rules may be others than when it was saved.
        let target = self.check(&target.url)?;
        let mut request = request(&target, method, headers, body);
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        let mut line = self.open(&target, deadline).await?;
        let response = line.send(request, deadline).await.map_err(|lost| lost.failure)?;
        self.answered(response, began, deadline).await
    }

    /// The same for an API that is called all the time: by a connection that was kept from a call
    /// before, if there is one, and kept for the next. What such a connection loses is sent once
    /// more by a new one where `again` allows it, or if nothing of it was sent.
    ///
    /// # Errors
    /// [`Failure`] if there is no answer that counts.
    pub async fn call(
        &self,
        target: &Target,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
        again: Again,
    ) -> Result<Answer, Failure> {
        let began = Instant::now();
        let deadline = began + self.bounds.total;
        let target = self.check(&target.url)?;
        let mut request = request(&target, method, headers, body);
        if let Some(mut line) = self.kept.take(&target, &self.rules) {
            let same = (again == Again::Harmless).then(|| request.clone());
            match line.send(request, deadline).await {
                Ok(response) => return self.kept_answer(&target, line, response, began).await,
                Err(lost) => request = lost.unsent(same)?,
            }
        }
        let mut line = self.open(&target, deadline).await?;
        let response = line.send(request, deadline).await.map_err(|lost| lost.failure)?;
        self.kept_answer(&target, line, response, began).await
    }

    async fn kept_answer(
        &self,
        target: &Target,
        line: Line,
        response: Response<Incoming>,
        began: Instant,
    ) -> Result<Answer, Failure> {
        let deadline = began + self.bounds.total;
        let answer = self.answered(response, began, deadline).await?;
        if answer.end == BodyEnd::Whole {
            self.kept.put(target, line).await;
        }
        Ok(answer)
    }

    /// A connection to who is meant, every address judged.
    async fn open(&self, target: &Target, deadline: Instant) -> Result<Line, Failure> {
        let permitted = self.permitted(target, deadline).await?;
        let stream = self.connect(&permitted, deadline).await?;
        let stream = match target.secure {
            true => self.secure(&target.host, stream, self.trust.connector(), deadline).await?,
            false => stream,
        };
        Line::of(stream, permitted, self.bounds, deadline).await
    }

    async fn answered(
        &self,
        response: Response<Incoming>,
        began: Instant,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let status = response.status();
        if is_redirect(status) {
            let to = response.headers().get(header::LOCATION).map(|to| {
                let to = String::from_utf8_lossy(to.as_bytes());
                to.chars().take(LONGEST_PLACE).collect()
            });
            return Err(Failure::Redirected { status, to });
        }
        let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
        let (body, end) = self.read(response.into_body(), deadline).await;
        Ok(Answer { status, retry_after, body, end, took: began.elapsed() })
    }

    /// The addresses to try, all of them judged. If one must not be reached, none is: a name that
    /// leads inside and outside by turns is a mistake or an attack, and a delivery that arrives by
    /// chance would hide it.
    async fn permitted(
        &self,
        target: &Target,
        deadline: Instant,
    ) -> Result<Vec<Permitted>, Failure> {
        let (name, addresses) = match &target.host {
            Host::Address(address) => (address.to_string(), vec![*address]),
            Host::Name(name) => {
                let looked = within(deadline, Doing::LookingUp, self.wire.addresses(name)).await?;
                let unknown = |why| Failure::Unknown { name: name.clone(), why };
                let found = looked.map_err(|error| unknown(error.to_string()))?;
                if found.is_empty() {
                    return Err(unknown("it has no address".into()));
                }
                (name.clone(), found)
            }
        };
        let judge = |address: IpAddr| {
            let socket = SocketAddr::new(address, target.port);
            let judged = self.rules.judge(&target.host, target.secure, socket);
            judged.map_err(|why| Failure::Closed { name: name.clone(), address, why })
        };
        addresses.into_iter().map(judge).collect()
    }

    /// The first address that answers.
    async fn connect(
        &self,
        permitted: &[Permitted],
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, Failure> {
        let mut last = Failure::TimedOut(Doing::Connecting);
        for to in permitted.iter().take(ADDRESSES) {
            let until = deadline.min(Instant::now() + self.bounds.connect);
            match timeout_at(until, self.wire.connect(*to)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(why)) => {
                    last = Failure::Unreachable { address: to.address().ip(), why };
                }
                Err(_) => last = Failure::TimedOut(Doing::Connecting),
            }
        }
        Err(last)
    }

    async fn secure(
        &self,
        host: &Host,
        stream: Box<dyn Stream>,
        connector: TlsConnector,
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, Failure> {
        let name = match host {
            Host::Address(address) => ServerName::from(*address),
            Host::Name(name) => ServerName::try_from(name.clone())
                .map_err(|error| Failure::Untrusted(error.to_string()))?,
        };
        let handshake = connector.connect(name, stream);
        match within(deadline, Doing::Securing, handshake).await? {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Failure::Untrusted(self.trust.explain(&error))),
        }
    }

    async fn read(&self, mut body: Incoming, deadline: Instant) -> (Bytes, BodyEnd) {
        let mut read = BytesMut::new();
        let end = loop {
            let frame = match timeout_at(deadline, body.frame()).await {
                Err(_) => break BodyEnd::TooSlow,
                Ok(None) => break BodyEnd::Whole,
                Ok(Some(Err(_))) => break BodyEnd::Broken,
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            let room = self.bounds.body - read.len();
            read.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                break BodyEnd::TooLarge;
            }
        };
        (read.freeze(), end)
    }
}

async fn within<T>(
    deadline: Instant,
    doing: Doing,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    timeout_at(deadline, work).await.map_err(|_| Failure::TimedOut(doing))
}

fn request(
    target: &Target,
    method: Method,
    mut headers: HeaderMap,
    body: Bytes,
) -> Request<Full<Bytes>> {
    for name in OURS {
        headers.remove(name);
    }
    if let Ok(host) = HeaderValue::from_str(&target.authority) {
        headers.insert(header::HOST, host);
    }
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("askfirst/", env!("CARGO_PKG_VERSION"))));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.path.clone();
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    request
}

/// Whether a status sends the reader elsewhere (RFC 9110, section 15.4).
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 300..=303 | 305..=308)
}
