//! Why nothing was delivered, as facts that say in words what to do. Whether to try again is for
//! who sends.

use std::fmt;
use std::io;
use std::net::IpAddr;

use hyper::StatusCode;

use super::rules::Closed;
use super::target::Forbidden;

/// What was being done when time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Asking for the addresses of the name.
    LookingUp,
    /// Opening the connection.
    Connecting,
    /// Agreeing on TLS.
    Securing,
    /// Sending, and waiting for the head of the answer.
    Waiting,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LookingUp => "looking up its name: are its name servers well?",
            Self::Connecting => "connecting: is it up, and does a firewall let this server in?",
            Self::Securing => "agreeing on TLS: does it speak TLS on this port?",
            Self::Waiting => {
                "waiting for its answer: it should take what is sent, answer 2xx \
                              and do its work afterwards"
            }
        })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL was taken once, and is not under the rules of today.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// An address that the name leads to must not be reached. Nothing was connected to, not even
    /// to its other addresses. Which address it is, is no business of who gave the URL: names
    /// inside could be asked for one by one.
    #[error("nothing was sent: {name} leads to an address that is closed: it {why}")]
    Closed {
        /// The name.
        name: String,
        /// The address, for the operator's log only.
        address: IpAddr,
        /// What it is.
        why: Closed,
    },
    /// The name has no address.
    #[error("{name} does not resolve ({why}); is it spelled as it should be?")]
    Unknown {
        /// The name.
        name: String,
        /// In the resolver's words.
        why: String,
    },
    /// No connection.
    #[error("{address} cannot be connected to: {}", refusal(.why))]
    Unreachable {
        /// The last address that was tried.
        address: IpAddr,
        /// In the system's words.
        why: io::Error,
    },
    /// Who answers does not prove to be who they should be.
    #[error("nothing was sent, as TLS failed: {0}")]
    Untrusted(String),
    /// The time was over.
    #[error("timed out while {0}")]
    TimedOut(Doing),
    /// The answer points elsewhere. Nobody went there.
    #[error(
        "it answered {status} and points elsewhere{}; redirects are not followed: give the final \
         URL", place(.to.as_deref())
    )]
    Redirected {
        /// Its status.
        status: StatusCode,
        /// Where to, as written, cut at 2048 bytes.
        to: Option<String>,
    },
    /// The head of the answer is longer than anybody needs.
    #[error("its answer has too many or too long headers")]
    HeadTooLarge,
    /// What came back is no HTTP.
    #[error("it does not answer in HTTP/1.1 ({0})")]
    NotHttp(String),
    /// The connection was lost before there was an answer.
    #[error("it closed the connection without an answer ({0})")]
    Cut(String),
}

fn refusal(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens on that port".into(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no way there from this server".into()
        }
        _ => why.to_string(),
    }
}

fn place(to: Option<&str>) -> String {
    to.map_or_else(String::new, |to| format!(" ({to:?})"))
}

impl Failure {
    /// Of an exchange that the HTTP library gave up.
    pub(super) fn of(error: &hyper::Error) -> Self {
        let inner = std::error::Error::source(error).map(ToString::to_string);
        let told = inner.unwrap_or_else(|| error.to_string());
        if error.is_parse_too_large() {
            Self::HeadTooLarge
        } else if error.is_parse() {
            Self::NotHttp(told)
        } else {
            Self::Cut(told)
        }
    }
}
