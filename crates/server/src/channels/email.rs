//! Mail, by any server that takes it (SMTP submission, RFC 6409). A mail decides nothing: its
//! buttons open the page behind the link, and answers to it are read by nobody.

mod letter;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use askfirst_core::{EmailSettings, MailSecurity};
use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Severity};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroizing;

use super::{Blame, Card, Channel, Failure, Limits};
use crate::outgoing::{Outgoing, Stream, Target};

/// All that one mail may take.
const PATIENCE: Duration = Duration::from_secs(45);
/// How long the parting may take.
const PARTING: Duration = Duration::from_secs(5);
/// Of what a mail server says, so much is told, in characters.
const LONGEST_WORD: usize = 300;
/// Larger mails are cut by some programs that show them, at 102 KB with all markup.
const LARGEST_ACCOUNT: usize = 16_000;

/// Sends mail through one server.
pub struct Email {
    outgoing: Outgoing,
    settings: EmailSettings,
    password: Option<Zeroizing<String>>,
    public_url: String,
}

/// What was being done when it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Greeting,
    Securing,
    SigningIn,
    NamingSender,
    NamingReceiver,
    Handing,
}

impl Email {
    /// Mail by these settings; links lead to `public_url`.
    #[must_use]
    pub const fn new(
        outgoing: Outgoing,
        settings: EmailSettings,
        password: Option<Zeroizing<String>>,
        public_url: String,
    ) -> Self {
        Self { outgoing, settings, password, public_url }
    }

    /// Our name for ourselves, in greetings and message ids.
    fn host(&self) -> String {
        let url = url::Url::parse(&self.public_url).ok();
        let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("localhost");
        host.trim_matches(['[', ']']).to_owned()
    }

    /// Says in `is_out` when the letter itself begins to go out.
    async fn hand_over(&self, card: &Card, is_out: &AtomicBool) -> Result<String, Failure> {
        let letter = letter::write(card, &self.settings.from, &self.host(), &self.public_url)?;
        let mut smtp = self.connect().await?;
        let handed = Self::hand(&mut smtp, letter.envelope(), &letter.formatted(), is_out).await;
        // What was taken is taken, however the parting goes.
        let _ = tokio::time::timeout(PARTING, smtp.quit()).await;
        handed.map_err(|(step, error)| self.failed(step, &error))?;
        Ok(letter::message_id(card.id, &self.host()))
    }

    /// Step by step, so that it is known what was refused. Addresses and the letter as it is
    /// written are ASCII, so nothing has to be asked for first.
    async fn hand(
        smtp: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        letter: &[u8],
        is_out: &AtomicBool,
    ) -> Result<(), (Step, Error)> {
        let sender = Mail::new(envelope.from().cloned(), Vec::new());
        smtp.command(sender).await.map_err(|error| (Step::NamingSender, error))?;
        for to in envelope.to() {
            let receiver = Rcpt::new(to.clone(), Vec::new());
            smtp.command(receiver).await.map_err(|error| (Step::NamingReceiver, error))?;
        }
        smtp.command(Data).await.map_err(|error| (Step::Handing, error))?;
        is_out.store(true, Ordering::Relaxed);
        smtp.message(letter).await.map_err(|error| (Step::Handing, error))?;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let EmailSettings { host, port, security, username, .. } = &self.settings;
        let secure = *security != MailSecurity::None;
        let target = self.outgoing.check_mail(host, *port, secure);
        let target = target.map_err(|error| unreachable(&error))?;
        let opened = self.outgoing.open_mail(&target, *security == MailSecurity::Tls).await;
        let stream = opened.map_err(|error| unreachable(&error))?;
        let us = self.host();
        let us = match us.parse() {
            Ok(std::net::IpAddr::V4(address)) => ClientId::Ipv4(address),
            Ok(std::net::IpAddr::V6(address)) => ClientId::Ipv6(address),
            Err(_) => ClientId::Domain(us),
        };
        let stream: Box<dyn AsyncTokioStream> = Box::new(Opened(stream));
        let smtp = AsyncSmtpConnection::connect_with_transport(stream, &us).await;
        let mut smtp = smtp.map_err(|error| self.failed(Step::Greeting, &error))?;
        if *security == MailSecurity::StartTls {
            let how = self.tls(&target)?;
            let secured = smtp.starttls(how, &us).await;
            secured.map_err(|error| self.failed(Step::Securing, &error))?;
        }
        if let (Some(username), Some(password)) = (username, &self.password) {
            let credentials = Credentials::new(username.clone(), password.to_string());
            let known = smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            known.map_err(|error| self.failed(Step::SigningIn, &error))?;
        }
        Ok(smtp)
    }

    /// TLS after a greeting, believing whom all else here believes.
    fn tls(&self, target: &Target) -> Result<TlsParameters, Failure> {
        let name = target.host().to_string().trim_matches(['[', ']']).to_owned();
        let failed = |error: Error| self.failed(Step::Securing, &error);
        let mut how = TlsParameters::builder(name).certificate_store(CertificateStore::None);
        for der in self.outgoing.trust().certificates() {
            how = how.add_root_certificate(Certificate::from_der(der.to_vec()).map_err(failed)?);
        }
        how.build_rustls().map_err(failed)
    }

    /// What a mail server's refusal means, and what to do.
    fn failed(&self, step: Step, error: &Error) -> Failure {
        let said = said(error);
        let host = &self.settings.host;
        let blame = blame(step, error);
        let why = match (step, error.status().map(|code| code.severity)) {
            (Step::SigningIn, Some(_)) => format!(
                "{host} does not take this name and password ({said}); many providers want a \
                 password made for programs"
            ),
            (Step::SigningIn, None) => format!(
                "{host} offers no way to sign in that is spoken here ({said}); leave the name out \
                 if it asks for none"
            ),
            (
                Step::NamingSender | Step::NamingReceiver | Step::Handing,
                Some(Severity::TransientNegativeCompletion),
            ) => format!("{host} does not take it for now ({said})"),
            (Step::NamingSender, Some(_)) => format!(
                "{host} does not let this server send as {} ({said}); may it, and does it want a \
                 name and password?",
                self.settings.from
            ),
            (Step::NamingReceiver, Some(_)) if blame == Blame::Way => format!(
                "{host} lets this server send nothing ({said}); may it, and does it want a name \
                 and password?"
            ),
            (Step::NamingReceiver, Some(_)) => {
                format!("{host} refuses the address ({said}); is it right?")
            }
            (Step::Handing, Some(_)) => format!("{host} refuses the mail ({said})"),
            (Step::Securing, None) => match rustls_error(error) {
                Some(inner) => {
                    format!(
                        "nothing was sent, as TLS failed: {}",
                        self.outgoing.trust().explain(inner)
                    )
                }
                None => format!(
                    "{host} offers no TLS after its greeting ({said}); is this its port for it? \
                     465 mostly wants `tls`, 587 `starttls`"
                ),
            },
            (Step::Greeting, None) => format!(
                "{host} does not greet as a mail server does ({said}); is this its port, and `tls` \
                 or `starttls` right? 465 mostly wants `tls`, 587 `starttls`"
            ),
            (_, Some(_)) => format!("{host} says no ({said})"),
            (Step::NamingSender | Step::NamingReceiver | Step::Handing, None) => {
                format!("the conversation with {host} broke off ({said})")
            }
        };
        Failure { why, blame }
    }
}

#[async_trait]
impl Channel for Email {
    fn limits(&self) -> Limits {
        Limits { account: LARGEST_ACCOUNT, measure: |text| text.chars().count() }
    }

    async fn send(&self, card: &Card) -> Result<String, Failure> {
        let (host, patience) = (&self.settings.host, PATIENCE.as_secs());
        let is_out = AtomicBool::new(false);
        // It may keep what it was given, so this counts as an attempt.
        let undecided = || Failure {
            why: format!("{host} did not say within {patience} seconds whether it takes the mail"),
            blame: Blame::ForNow,
        };
        let silent = || Failure {
            why: format!(
                "{host} did not take it within {patience} seconds; is it up, and is this its port?"
            ),
            blame: Blame::Way,
        };
        let late = |_| if is_out.load(Ordering::Relaxed) { undecided() } else { silent() };
        tokio::time::timeout(PATIENCE, self.hand_over(card, &is_out)).await.map_err(late)?
    }
}

fn unreachable(error: &dyn fmt::Display) -> Failure {
    Failure { why: error.to_string(), blame: Blame::Way }
}

/// What is about one person or one letter can go well with another; all else is the server's.
fn blame(step: Step, error: &Error) -> Blame {
    // It closes the session, whatever it was about to hear (RFC 5321, 3.8).
    let leaves = error.status().is_some_and(|code| u16::from(code) == 421);
    // Many servers say only when they hear a name what they think of whoever says it.
    let of_us = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 535 | 538)) || {
        let said = said(error).to_ascii_lowercase();
        [
            "relay access denied",
            "relaying denied",
            "client host rejected",
            "sender address rejected",
        ]
        .iter()
        .any(|words| said.contains(words))
    };
    match step {
        Step::NamingReceiver if of_us => Blame::Way,
        Step::NamingReceiver | Step::Handing if !leaves && error.is_transient() => Blame::ForNow,
        Step::NamingReceiver | Step::Handing if error.is_permanent() => Blame::ForGood,
        _ => Blame::Way,
    }
}

/// What was said, on one line and not too long: it is somebody else's text.
fn said(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).take(LONGEST_WORD).collect()
}

fn rustls_error(error: &Error) -> Option<&io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(found) = inner.downcast_ref::<io::Error>() {
            return Some(found);
        }
        source = inner.source();
    }
    None
}

/// A connection whose address was judged, as the mail library wants it.
struct Opened(Box<dyn Stream>);

impl AsyncTokioStream for Opened {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::Error::other("not told"))
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Opened {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
