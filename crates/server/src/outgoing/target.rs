//! Reading a URL that a user gave, strictly: what two readers could read differently is refused
//! when it is saved. Names are looked up later, and their addresses judged at the connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hyper::Uri;
use url::{Position, Url};

use super::rules::{Closed, HostRule, Rules, is_local, is_name};

/// The longest URL that is taken, in bytes.
const LONGEST_URL: usize = 2048;

/// Ports that mail servers take mail at.
const MAIL_PORTS: [u16; 4] = [25, 465, 587, 2525];

/// Ends of names that are kept for networks of one's own (RFC 6762, 8375, 9476; ICANN's
/// resolution on .internal) or that no resolver should be asked for (RFC 7686).
const INSIDE: [&str; 7] =
    [".local", ".internal", ".home.arpa", ".localdomain", ".lan", ".alt", ".onion"];

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name in lower-case ASCII, without a dot at its end.
    Name(String),
    /// An address, as it is.
    Address(IpAddr),
}

/// Where to send. It was in order under the rules of its time; they are asked again when sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) url: String,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) secure: bool,
    /// The `Host` header: the port stands in it unless the scheme implies it.
    pub(super) authority: String,
    /// Path and query, which are all that the receiver is told of the URL.
    pub(super) path: Uri,
}

impl Target {
    /// The URL as it is used, normalised.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether its host is this machine by its name or address.
    #[must_use]
    pub fn is_here(&self) -> bool {
        leads_here(&self.host)
    }

    /// Whether its host is one of these.
    #[must_use]
    pub fn is_among(&self, hosts: &[HostRule]) -> bool {
        let named = Rules { allowed_hosts: hosts.to_vec(), ..Rules::default() };
        match self.host {
            Host::Name(_) => named.knows(&self.host),
            Host::Address(address) => named.names(address),
        }
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Why a URL is not taken, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It is no URL that every reader would read alike.
    #[error("this is no URL such as https://hooks.example.com/path: {0}")]
    Unreadable(String),
    /// Longer than anything takes it.
    #[error("the URL is {0} bytes long; 2048 are taken")]
    TooLong(usize),
    /// Neither https nor http.
    #[error("{0:?} is not spoken here; use https")]
    Scheme(String),
    /// Without TLS, and not inside.
    #[error("use https: http is only for hosts in the operator's `outgoing.allowed_hosts`")]
    Plain,
    /// A password would be stored and sent in clear.
    #[error("leave out the name or password before the @; the signature says who is sending")]
    Credentials,
    /// No receiver is ever told it.
    #[error("leave out the # and what follows; it is never sent")]
    Fragment,
    /// Mail without TLS, and not inside.
    #[error(
        "use TLS (`tls` or `starttls`): without it passwords and links could be read on the way; \
         `none` is for a mail server inside, in the operator's `outgoing.allowed_hosts`"
    )]
    PlainMail,
    /// A host that has its port with it.
    #[error("{0:?} is no name of a host; give the port apart from it")]
    PortInHost(String),
    /// A port of something else than a mail server, as far as we know.
    #[error(
        "port {0} is not one of mail: use 587, 465, 25 or 2525, or have the operator add it to \
         `outgoing.allowed_ports`"
    )]
    MailPort(u16),
    /// A port of something else than a web server, as far as we know.
    #[error(
        "port {0} is not open: use 443 or 8443, or have the operator add it to \
         `outgoing.allowed_ports`"
    )]
    Port(u16),
    /// A literal address that must not be reached.
    #[error("{address} {why}")]
    Address {
        /// Which, however it was spelled.
        address: IpAddr,
        /// What it is.
        why: Closed,
    },
    /// An address in another spelling than its own.
    #[error("write the address as {0}: other spellings are read differently elsewhere")]
    Spelling(Host),
    /// Letters that are not ASCII, or percent signs, in a host.
    #[error("write the host in plain ASCII: here it reads as {0}")]
    NotPlain(String),
    /// A name of this machine.
    #[error("{0} is this machine; only a server started with `askfirst dev` sends to itself")]
    ThisMachine(String),
    /// A name that means something only inside of a network.
    #[error(
        "{0} is a name inside of a network; use a public one, or have the operator add it to \
         `outgoing.allowed_hosts`"
    )]
    InsideName(String),
    /// No name of a host.
    #[error("{0:?} is no name of a host")]
    Name(String),
}

/// Reads and judges a URL.
pub(super) fn read(rules: &Rules, text: &str) -> Result<Target, Forbidden> {
    let unreadable = |why: &str| Err(Forbidden::Unreadable(why.to_owned()));
    if text.len() > LONGEST_URL {
        return Err(Forbidden::TooLong(text.len()));
    }
    // The library drops or rewrites these, as browsers do; other readers do something else.
    if let Some(at) = text.find(|c: char| c.is_control() || c.is_whitespace()) {
        let what = format!("there is a space or control character at byte {at}");
        return unreadable(&what);
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return match text.split_once(':') {
            Some((scheme, _)) if is_scheme(scheme) && !is_web(scheme) => {
                Err(Forbidden::Scheme(scheme.to_owned()))
            }
            _ => unreadable("it must begin with https://"),
        };
    };
    if !is_web(scheme) {
        return match is_scheme(scheme) {
            true => Err(Forbidden::Scheme(scheme.to_owned())),
            false => unreadable("it must begin with https://"),
        };
    }
    let (written, _) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if written.is_empty() {
        return unreadable("there is no host after ://");
    }
    if rest.split(['?', '#']).next().is_some_and(|rest| rest.contains('\\')) {
        return unreadable("there is a backslash in it");
    }
    let url = Url::parse(text).map_err(|error| Forbidden::Unreadable(error.to_string()))?;
    let secure = url.scheme() == "https";
    let Some(port) = url.port_or_known_default() else { return unreadable("it has no port") };
    if written.contains('@') {
        return Err(Forbidden::Credentials);
    }
    if url.fragment().is_some() {
        return Err(Forbidden::Fragment);
    }
    let host = host(rules, &url, written, secure)?;
    let here = rules.allow_loopback && leads_here(&host);
    let inside = match &host {
        Host::Name(_) => rules.knows(&host),
        Host::Address(address) => rules.names(*address),
    };
    if !secure && !here && !inside {
        return Err(Forbidden::Plain);
    }
    if !here && !rules.opens(port, secure) || port == 0 {
        return Err(Forbidden::Port(port));
    }
    let Ok(path) = url[Position::BeforePath..Position::AfterQuery].parse() else {
        return unreadable("its path holds characters that must be percent-encoded");
    };
    let authority = url[Position::BeforeHost..Position::AfterPort].to_owned();
    Ok(Target { host, port, secure, authority, path, url: url.into() })
}

/// Reads and judges a mail server, as far as it can be without a look-up. Without TLS only what is
/// here, or inside and opened by the operator.
pub(super) fn mail(
    rules: &Rules,
    host: &str,
    port: u16,
    secure: bool,
) -> Result<Target, Forbidden> {
    let bracketed = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    if bracketed.contains(['/', '?', '#', '@', '\\']) || without_port(&bracketed) != bracketed {
        return Err(Forbidden::Name(host.to_owned()));
    }
    if host.parse::<std::net::Ipv6Addr>().is_err() && host.contains(':') && !host.starts_with('[') {
        return Err(Forbidden::PortInHost(host.to_owned()));
    }
    // On a port of the web, so that only the host is judged by this.
    let judged = read(rules, &format!("https://{bracketed}/")).map_err(|error| match error {
        Forbidden::Unreadable(_) => Forbidden::Name(host.to_owned()),
        other => other,
    })?;
    let here = rules.allow_loopback && leads_here(&judged.host);
    let inside = match &judged.host {
        Host::Name(_) => rules.knows(&judged.host),
        Host::Address(address) => rules.names(*address),
    };
    if !secure && !here && !inside {
        return Err(Forbidden::PlainMail);
    }
    if !here && !MAIL_PORTS.contains(&port) && !rules.allowed_ports.contains(&port) || port == 0 {
        return Err(Forbidden::MailPort(port));
    }
    let authority = format!("{bracketed}:{port}");
    Ok(Target { url: format!("smtp://{authority}"), port, secure, authority, ..judged })
}

/// The host, judged as far as it can be without a look-up.
fn host(rules: &Rules, url: &Url, written: &str, secure: bool) -> Result<Host, Forbidden> {
    let port = url.port_or_known_default().unwrap_or_default();
    let address = match url.host() {
        Some(url::Host::Domain(name)) => return name_of(rules, name, written).map(Host::Name),
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
        None => return Err(Forbidden::Unreadable("it has no host".into())),
    };
    // First what it is, in whatever spelling; then whether everybody would read it so.
    let host = Host::Address(address);
    rules.judge(&host, secure, SocketAddr::new(address, port)).map_err(|why| match why {
        Closed::Plain => Forbidden::Plain,
        why => Forbidden::Address { address, why },
    })?;
    let plain = match address {
        IpAddr::V4(address) => without_port(written) == address.to_string(),
        IpAddr::V6(address) => {
            let bare = without_port(written).trim_start_matches('[').trim_end_matches(']');
            bare.parse() == Ok(address)
        }
    };
    if plain { Ok(host) } else { Err(Forbidden::Spelling(host)) }
}

fn name_of(rules: &Rules, name: &str, written: &str) -> Result<String, Forbidden> {
    let written = without_port(written);
    let bare = name.strip_suffix('.').unwrap_or(name);
    if is_local(bare) && !rules.allow_loopback {
        return Err(Forbidden::ThisMachine(bare.to_owned()));
    }
    if !written.eq_ignore_ascii_case(bare) {
        return Err(Forbidden::NotPlain(bare.to_owned()));
    }
    if !is_name(bare) {
        return Err(Forbidden::Name(bare.to_owned()));
    }
    let inside = !bare.contains('.') || INSIDE.iter().any(|end| bare.ends_with(end));
    if inside && !is_local(bare) && !rules.knows(&Host::Name(bare.to_owned())) {
        return Err(Forbidden::InsideName(bare.to_owned()));
    }
    Ok(bare.to_owned())
}

/// What stands before the colon of a port; a port stands behind the last bracket.
fn without_port(written: &str) -> &str {
    match written.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => written,
    }
}

fn leads_here(host: &Host) -> bool {
    match host {
        Host::Name(name) => is_local(name),
        Host::Address(address) => address.is_loopback(),
    }
}

fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

fn is_scheme(text: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(rest)
}
