//! Connections that are kept for the next call of an API that is called all the time. Where one
//! leads was judged when it was opened; it is judged again, by the rules of who calls, whenever it
//! is used, and none is used for more than a minute, so that a name that has moved is followed.
//! Opening one, and what is sent by it, is not done here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::failure::{Doing, Failure};
use super::rules::{Permitted, Rules};
use super::target::{Host, Target};
use super::wire::Stream;
use super::{Bounds, within};

/// How long one may wait for the next call. Who answers should not be the first to close it.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// How old one may be when it is used once more.
pub(super) const OLDEST: Duration = Duration::from_secs(60);
/// So many wait, whoever they lead to; the one that waits longest is closed for another.
pub(super) const MOST: usize = 64;

/// How long the end of an answer may take to be noticed.
const SOON: Duration = Duration::from_millis(100);

/// Whether a call may be sent once more when it is not known whether it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Twice is as good as once.
    Harmless,
    /// Only if nothing of it was sent.
    Never,
}

/// A connection on which HTTP is spoken. It is closed when this goes, whatever the other side does.
pub(super) struct Line {
    sender: http1::SendRequest<Full<Bytes>>,
    _connection: AbortOnDropHandle<()>,
    /// All addresses that its host led to.
    judged: Vec<Permitted>,
    opened: Instant,
}

/// A request that came to nothing.
pub(super) struct Lost {
    pub(super) failure: Failure,
    /// It, if nothing of it was sent.
    request: Option<Request<Full<Bytes>>>,
}

impl Line {
    /// Begins to speak HTTP.
    pub(super) async fn of(
        stream: Box<dyn Stream>,
        judged: Vec<Permitted>,
        bounds: Bounds,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let mut http = http1::Builder::new();
        http.max_buf_size(bounds.head).max_header_size(bounds.head).max_headers(bounds.headers);
        let started = within(deadline, Doing::Waiting, http.handshake(TokioIo::new(stream)));
        let (sender, connection) = started.await?.map_err(|error| Failure::of(&error))?;
        // Its errors come back with the answer, or with the body.
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        let opened = Instant::now();
        Ok(Self { sender, _connection: AbortOnDropHandle::new(connection), judged, opened })
    }

    /// Sends a request; gives the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Box<Lost>> {
        let sent = within(deadline, Doing::Waiting, self.sender.try_send_request(request)).await;
        let lost = |failure, request| Box::new(Lost { failure, request });
        sent.map_err(|failure| lost(failure, None))?.map_err(|mut error| {
            let request = error.take_message();
            lost(Failure::of(&error.into_error()), request)
        })
    }

    fn may_lead(&self, target: &Target, rules: &Rules) -> bool {
        let judged = |to: &Permitted| rules.judge(&target.host, target.secure, to.address());
        self.judged.iter().all(|to| judged(to).is_ok())
    }
}

impl Lost {
    /// What may be sent by another connection: the request if nothing of it was sent, or the `same`
    /// if the connection was lost and a second time does no harm.
    ///
    /// # Errors
    /// [`Failure`] if there is nothing of the kind.
    pub(super) fn unsent(
        self: Box<Self>,
        same: Option<Request<Full<Bytes>>>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let Self { failure, request } = *self;
        let cut = matches!(failure, Failure::Cut(_));
        request.or(same.filter(|_| cut)).ok_or(failure)
    }
}

/// Those that wait for their next call.
#[derive(Default)]
pub(super) struct Kept {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// In the order in which they began to.
    lines: Vec<Idle>,
    /// Whether somebody closes those that waited long enough.
    watched: bool,
}

struct Idle {
    host: Host,
    port: u16,
    secure: bool,
    line: Line,
    until: Instant,
}

impl Idle {
    fn leads_to(&self, target: &Target) -> bool {
        (&self.host, self.port, self.secure) == (&target.host, target.port, target.secure)
    }

    fn is_good(&self, now: Instant) -> bool {
        self.line.sender.is_ready() && now < self.until
    }
}

impl Kept {
    /// The one to this host that was used last, if the rules of who calls now allow all that its
    /// name led to.
    pub(super) fn take(&self, target: &Target, rules: &Rules) -> Option<Line> {
        let now = Instant::now();
        let mut waiting = self.lock();
        waiting.lines.retain(|idle| idle.is_good(now));
        let fits = |idle: &Idle| idle.leads_to(target) && idle.line.may_lead(target, rules);
        let at = waiting.lines.iter().rposition(fits)?;
        Some(waiting.lines.remove(at).line)
    }

    /// Keeps one whose answer was read to its end, unless it is old or no more good.
    pub(super) async fn put(self: &Arc<Self>, target: &Target, mut line: Line) {
        if !matches!(timeout(SOON, line.sender.ready()).await, Ok(Ok(()))) {
            return;
        }
        let now = Instant::now();
        let until = (now + IDLE).min(line.opened + OLDEST);
        if until <= now {
            return;
        }
        let Target { port, secure, .. } = *target;
        let host = target.host.clone();
        let mut waiting = self.lock();
        if waiting.lines.len() >= MOST {
            waiting.lines.remove(0);
        }
        waiting.lines.push(Idle { host, port, secure, line, until });
        if !waiting.watched {
            waiting.watched = true;
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Closes those whose time is over; when it is over for the next, if there is one.
    fn close(&self, now: Instant) -> Option<Instant> {
        let mut waiting = self.lock();
        waiting.lines.retain(|idle| idle.is_good(now));
        let next = waiting.lines.iter().map(|idle| idle.until).min();
        waiting.watched = next.is_some();
        next
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what waited long enough, as long as anything waits.
async fn watch(kept: std::sync::Weak<Kept>) {
    while let Some(next) = kept.upgrade().and_then(|kept| kept.close(Instant::now())) {
        sleep_until(next).await;
    }
}
