//! How long a connection may keep the server waiting: with a request's body, and with taking an
//! answer. The head has hyper's own timer. Who is slower is cut off, and nobody else notices.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long a client may take to send its request head, or its next one.
pub const HEAD: Duration = Duration::from_secs(10);
/// How long a client may take to send a body; a little longer than the doors that answer it wait,
/// so that theirs is the last word where there is one.
const BODY: Duration = Duration::from_secs(11);
/// How long a client may take nothing of what is sent to it.
const UNREAD: Duration = Duration::from_secs(15);

type Alarm = Option<Pin<Box<Sleep>>>;

/// Passes the alarm on, set to `span` from its first look.
fn rings(alarm: &mut Alarm, span: Duration, context: &mut Context<'_>) -> Poll<()> {
    let sleep = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(span)));
    sleep.as_mut().poll(context)
}

/// A socket whose other end has to take what it is sent.
#[derive(Debug)]
pub struct Patient {
    stream: TcpStream,
    stuck: Alarm,
}

impl Patient {
    /// Nothing is sent yet.
    #[must_use]
    pub const fn new(stream: TcpStream) -> Self {
        Self { stream, stuck: None }
    }

    fn judge<T>(
        &mut self,
        sent: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stuck = None;
            return sent;
        }
        ready!(rings(&mut self.stuck, UNREAD, context));
        // What nobody reads would otherwise stay with the kernel for minutes.
        let _best_effort = self.stream.set_zero_linger();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not read")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A request's body that has to arrive in time, whoever reads it.
#[derive(Debug)]
pub struct Punctual {
    body: Incoming,
    late: Alarm,
}

impl Punctual {
    /// Its time begins when it is first waited for.
    #[must_use]
    pub const fn new(body: Incoming) -> Self {
        Self { body, late: None }
    }
}

/// Why a body ends early.
type Broken = Box<dyn std::error::Error + Send + Sync>;

impl Body for Punctual {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(rings(&mut self.late, BODY, context));
        Poll::Ready(Some(Err("the body did not arrive in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
