//! Speaks to a server: one request at a time, no redirects, and every failure told in words
//! that say what to do.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use reqwest::{Method, StatusCode, redirect};
use rustls::CertificateError;
use serde_json::Value;

use crate::exit::usage;
use crate::terminal::visible;

const CONNECT: Duration = Duration::from_secs(10);
/// How long an ordinary answer may take.
pub(crate) const ORDINARY: Duration = Duration::from_secs(30);
/// Pauses between attempts while a server cannot be reached.
const PAUSES: [u64; 3] = [300, 1_000, 2_000];
/// The largest answer that is read, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

/// Where the server is, and who asks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Connection {
    /// The server's address
    #[arg(
        long,
        env = "ASKFIRST_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8377",
        hide_env_values = true
    )]
    pub(crate) url: String,
    /// The key to use; better in the variable, since a command line is no secret
    #[arg(long, env = "ASKFIRST_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Print the server's answer as JSON
    #[arg(long, help_heading = None)]
    pub(crate) json: bool,
}

impl Connection {
    /// A client for it, with its key.
    pub(crate) fn client(&self) -> Result<Client> {
        match &self.key {
            None => Err(usage(
                "no key: set ASKFIRST_KEY, or give --key; `askfirst dev` prints keys to try",
            )),
            Some(key) => Client::new(&self.url, Some(key)),
        }
    }

    /// A client for what needs no key.
    pub(crate) fn anonymous(&self) -> Result<Client> {
        Client::new(&self.url, None)
    }
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody took the connection, so nothing was done.
    #[error(
        "the server is not reachable at {url}: {why}; check ASKFIRST_URL (or --url), and whether it \
         runs (`askfirst doctor`)"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// The cause.
        why: String,
    },
    /// It shows a certificate that this machine does not believe, so nothing was sent.
    #[error("{url} shows a certificate that is not believed here: {why}")]
    Untrusted {
        /// Where.
        url: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The answer did not come, so it is unknown what was done.
    #[error("no answer from {url}: {why}")]
    Broken {
        /// Where.
        url: String,
        /// The cause.
        why: String,
    },
    /// The server says no.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// Somebody answered who does not speak our language.
    #[error(
        "{url} answered {status} and not as an askfirst server does; is ASKFIRST_URL right, and \
         does a proxy stand in between?"
    )]
    Foreign {
        /// Where.
        url: String,
        /// With what.
        status: StatusCode,
    },
}

/// A problem document.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The document as it came.
    pub(crate) document: Value,
}

impl std::error::Error for Refused {}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: &Value| value.as_str().map(visible).unwrap_or_default();
        let detail = text(&self.document["detail"]);
        let mut out = if detail.is_empty() { format!("refused: {}", self.status) } else { detail };
        for error in self.document["errors"].as_array().into_iter().flatten() {
            let (pointer, detail) = (text(&error["pointer"]), text(&error["detail"]));
            // Some details list them all already.
            let told = format!("{pointer}: {detail}");
            if !out.contains(&told) && out != detail {
                let _ = write!(out, "\n  {told}");
            }
        }
        if let Some(advice) = self.advice() {
            let _ = write!(out, "\n  {advice}");
        }
        f.write_str(&out)
    }
}

impl Refused {
    fn advice(&self) -> Option<&'static str> {
        match self.status {
            StatusCode::UNAUTHORIZED => {
                Some("check ASKFIRST_KEY (or --key); `askfirst doctor` says what it is good for")
            }
            StatusCode::FORBIDDEN => match self.document.get("needed_scope")?.as_str()? {
                "ask" => Some(
                    "this is the wrong key to ask with: use the agent's own (ASKFIRST_KEY), not an \
                     approver's or admin's. if there is none yet, make one with `askfirst keys \
                     create --name my-agent --scopes ask`, with a key that has the scope keys",
                ),
                "decide" => Some(
                    "this is the wrong key to decide with: use an approver's own (ASKFIRST_KEY), or \
                     decide on the page",
                ),
                _ => Some(
                    "use a key that has it (ASKFIRST_KEY), or make one with `askfirst keys create \
                     --name NAME --scopes ...`, with a key that has the scope keys",
                ),
            },
            StatusCode::SERVICE_UNAVAILABLE => Some("try again in a moment"),
            StatusCode::INTERNAL_SERVER_ERROR => Some("the server's log knows more"),
            _ => None,
        }
    }
}

impl CallError {
    /// Whether the same request, with the same idempotency key, may succeed in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Untrusted { .. } | Self::Broken { .. } => true,
            Self::Refused(refused) => is_passing(refused.status),
            Self::Foreign { status, .. } => is_passing(*status),
        }
    }

    /// Whether the request itself was at fault.
    pub(crate) fn is_our_mistake(&self) -> bool {
        let mistakes = [
            StatusCode::BAD_REQUEST,
            StatusCode::UNPROCESSABLE_ENTITY,
            StatusCode::PAYLOAD_TOO_LARGE,
        ];
        matches!(self, Self::Refused(refused) if mistakes.contains(&refused.status))
    }

    /// The problem document, if the server gave one.
    pub(crate) fn document(&self) -> Option<&Value> {
        match self {
            Self::Refused(refused) => Some(&refused.document),
            _ => None,
        }
    }
}

const fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502..=504)
}

/// A good answer.
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: StatusCode,
    /// The body; null if there is none.
    pub(crate) body: Value,
    /// The server's clock.
    pub(crate) date: Option<String>,
}

/// A connection to one server.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    bearer: Option<HeaderValue>,
}

impl Client {
    /// For a server and, where needed, with a key.
    pub(crate) fn new(url: &str, key: Option<&str>) -> Result<Self> {
        let base = url.trim_end_matches('/').to_owned();
        let parsed = reqwest::Url::parse(&base).ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(host) = parsed.as_ref().and_then(reqwest::Url::host_str) else {
            return Err(usage(format!(
                "{url}: not a server's address such as https://ask.example.com"
            )));
        };
        let bearer = key.map(|key| {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.trim()));
            let mut value = value.map_err(|_| usage("the key has characters that no key has"))?;
            value.set_sensitive(true);
            Ok::<_, anyhow::Error>(value)
        });
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("askfirst/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry the key to somebody else.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT);
        if askfirst_server::config::is_loopback(host) {
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build()?, base, bearer: bearer.transpose()? })
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    /// Reads.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, CallError> {
        Ok(self.call(Method::GET, path, None, None, ORDINARY).await?.body)
    }

    /// Writes; with a new idempotency key, so that a lost answer can be fetched again.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let key = askfirst_server::mint::token()?;
        Ok(self.post_once(path, body, &key).await?.body)
    }

    /// Writes under this idempotency key, again and again while the server is away.
    pub(crate) async fn post_once(
        &self,
        path: &str,
        body: &Value,
        key: &str,
    ) -> Result<Reply, CallError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.call(Method::POST, path, Some(body), Some(key), ORDINARY).await {
                Err(error) if error.is_passing() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                    None => return Err(error),
                },
                answer => return answer,
            }
        }
    }

    /// One request, once.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency: Option<&str>,
        patience: Duration,
    ) -> Result<Reply, CallError> {
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).timeout(patience);
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        if let Some(key) = idempotency {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        self.read(response).await
    }

    /// Reads something long, piece by piece. What breaks off is an error, however much has come.
    pub(crate) async fn download(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.header(AUTHORIZATION, bearer.clone());
        }
        let response = tokio::time::timeout(ORDINARY, request.send()).await;
        let mut response =
            response.map_err(|_| self.silent())?.map_err(|error| self.failed(&error))?;
        if !response.status().is_success() {
            self.read(response).await?;
            return Err(self.silent().into());
        }
        loop {
            let chunk = tokio::time::timeout(ORDINARY, response.chunk()).await;
            match chunk.map_err(|_| self.silent())?.map_err(|error| self.failed(&error))? {
                Some(bytes) => take(&bytes)?,
                None => return Ok(()),
            }
        }
    }

    fn silent(&self) -> CallError {
        CallError::Broken { url: self.base.clone(), why: "it took too long".into() }
    }

    async fn read(&self, response: reqwest::Response) -> Result<Reply, CallError> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_problem = kind.is_some_and(|kind| kind.starts_with("application/problem+json"));
        let reply = self.take(response).await?;
        let Reply { status, body, .. } = reply;
        if status.is_success() {
            return Ok(Reply { status, body, ..reply });
        }
        if is_problem {
            return Err(CallError::Refused(Box::new(Refused { status, document: body })));
        }
        Err(self.foreign(status))
    }

    /// Looks, without a key, and takes whatever JSON comes, with whatever status.
    pub(crate) async fn probe(&self, path: &str) -> Result<Reply, CallError> {
        let request = self.http.get(format!("{}{path}", self.base)).timeout(ORDINARY);
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        self.take(response).await
    }

    async fn take(&self, mut response: reqwest::Response) -> Result<Reply, CallError> {
        let status = response.status();
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let date = date.map(ToOwned::to_owned);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(self.foreign(status));
            }
        }
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))?,
        };
        Ok(Reply { status, body, date })
    }

    fn foreign(&self, status: StatusCode) -> CallError {
        CallError::Foreign { url: self.base.clone(), status }
    }

    fn failed(&self, error: &reqwest::Error) -> CallError {
        let url = self.base.clone();
        if let Some(why) = doubt(error) {
            return CallError::Untrusted { url, why };
        }
        let why = root_cause(error);
        if error.is_connect() {
            CallError::Unreachable { url, why }
        } else {
            CallError::Broken { url, why }
        }
    }
}

/// The innermost cause: the outer ones only say that sending failed, and repeat the URL.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".into();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().to_lowercase()
}

/// What is wrong with the certificate that the server shows, if it is that.
fn doubt(error: &reqwest::Error) -> Option<String> {
    let outermost: &dyn std::error::Error = error;
    let mut causes = std::iter::successors(Some(outermost), |cause| cause.source());
    let doubt = causes.find_map(about_a_certificate);
    Some(match doubt? {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "it is from no authority that this machine knows; add the authority to the machine's, \
             or name its file in SSL_CERT_FILE"
                .into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; look at both clocks".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host; use the name that stands in it".into()
        }
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is an authority's own, as `openssl req -x509` makes them; with `-addext \
             basicConstraints=critical,CA:FALSE` it is a server's"
                .into()
        }
        other => other.to_string(),
    })
}

/// The innermost of errors of input and output is not among their causes, but within them.
fn about_a_certificate<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a CertificateError> {
    if let Some(rustls::Error::InvalidCertificate(doubt)) = error.downcast_ref() {
        return Some(doubt);
    }
    about_a_certificate(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}

/// Text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(byte.into()),
            b'.' if text != "." && text != ".." => out.push('.'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}
