//! What the operator opens of what is closed to addresses that users give, and the judgement of
//! one address at the moment of connecting.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::special::{Kind, special};
use super::target::Host;

/// Ports that are open without being named.
const PORTS: [u16; 2] = [443, 8443];

/// What may be reached besides the public internet by https.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// This machine, on any port: for a developer's server only.
    pub allow_loopback: bool,
    /// Hosts and networks inside, which the operator named.
    pub allowed_hosts: Vec<HostRule>,
    /// Ports besides 443 and 8443, which the operator named.
    pub allowed_ports: Vec<u16>,
}

/// A host or a network inside that may be reached: `hooks.internal`, `*.corp.example` (every name
/// below it), `10.1.2.3` or `10.1.2.0/24`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostRule {
    /// One name, in lower case. It opens what private addresses it leads to.
    Name(String),
    /// Every name below this one, in lower case.
    Below(String),
    /// Addresses, whatever they are.
    Network(IpNet),
}

impl FromStr for HostRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let alone = text.trim_matches(['[', ']']).parse::<IpAddr>().map(IpNet::from);
        if let Ok(network) = text.parse::<IpNet>().or(alone) {
            if network.prefix_len() == 0 {
                return Err(format!("{text} is everywhere; name the networks that are meant"));
            }
            return Ok(Self::Network(network.trunc()));
        }
        let name = text.to_ascii_lowercase();
        let (below, name) = match name.strip_prefix("*.") {
            Some(parent) => (true, parent.to_owned()),
            None => (false, name),
        };
        if !is_name(&name) {
            return Err(format!(
                "{text:?} is no host: write a name such as hooks.internal or *.corp.example, an \
                 address such as 10.1.2.3, or a network such as 10.1.2.0/24, without scheme and \
                 port"
            ));
        }
        if is_local(&name) {
            return Err(format!(
                "{text} is this machine; if that is meant, name its addresses: 127.0.0.1 and ::1"
            ));
        }
        Ok(if below { Self::Below(name) } else { Self::Name(name) })
    }
}

impl TryFrom<String> for HostRule {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HostRule> for String {
    fn from(rule: HostRule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
        }
    }
}

/// An address that was judged, and the only thing that can be connected to. Made here alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permitted(SocketAddr);

impl Permitted {
    pub(super) const fn address(self) -> SocketAddr {
        self.0
    }
}

/// Why an address must not be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// It is not on the public internet.
    #[error("is {0}; the operator can open it in `outgoing.allowed_hosts`")]
    Special(&'static str),
    /// It is public, and without TLS everybody on the way could read.
    #[error("is a public address, which is reached by https only")]
    Plain,
    /// A name of this machine leads to another.
    #[error("is another machine, and localhost must be this one")]
    NotHere,
}

impl Rules {
    /// Whether a connection may be made to this address, which `host` has led to.
    pub(super) fn judge(
        &self,
        host: &Host,
        secure: bool,
        address: SocketAddr,
    ) -> Result<Permitted, Closed> {
        let special = special(address.ip());
        let loopback = special.is_some_and(|special| special.kind == Kind::Loopback);
        if matches!(host, Host::Name(name) if is_local(name)) && !loopback {
            return Err(Closed::NotHere);
        }
        if self.names(address.ip()) {
            return Ok(Permitted(address));
        }
        match special {
            None if secure => Ok(Permitted(address)),
            None => Err(Closed::Plain),
            Some(special) => match special.kind {
                Kind::Loopback if self.allow_loopback => Ok(Permitted(address)),
                Kind::Internal if self.knows(host) => Ok(Permitted(address)),
                _ => Err(Closed::Special(special.what)),
            },
        }
    }

    /// Whether the operator named a network with this address.
    pub(super) fn names(&self, address: IpAddr) -> bool {
        let within =
            |rule: &HostRule| matches!(rule, HostRule::Network(net) if net.contains(&address));
        self.allowed_hosts.iter().any(within)
    }

    /// Whether the operator named this host by its name.
    pub(super) fn knows(&self, host: &Host) -> bool {
        let Host::Name(name) = host else { return false };
        self.allowed_hosts.iter().any(|rule| match rule {
            HostRule::Name(known) => known == name,
            HostRule::Below(parent) => {
                name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.ends_with('.'))
            }
            HostRule::Network(_) => false,
        })
    }

    /// Whether a port may be used.
    pub(super) fn opens(&self, port: u16, secure: bool) -> bool {
        PORTS.contains(&port) || self.allowed_ports.contains(&port) || (port == 80 && !secure)
    }
}

/// Whether a name, in lower case, means this machine (RFC 6761).
pub(super) fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether a text reads as the name of a host: letters, digits, hyphens and underscores between
/// dots, at most 63 in each part and 253 in all (RFC 1035), and no number at the end.
pub(super) fn is_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let part = |part: &str| (1..=63).contains(&part.len()) && part.bytes().all(letter);
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.split('.').all(part)
        && !last.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_rule_is_a_name_an_address_or_a_network_and_not_everything() {
        for (text, read) in [
            ("Hooks.Internal", "hooks.internal"),
            ("*.corp.example", "*.corp.example"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/24", "10.1.2.0/24"),
            ("fd12:3456::/48", "fd12:3456::/48"),
            ("[::1]", "::1"),
            ("hook", "hook"),
        ] {
            let rule: HostRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), read);
            assert_eq!(rule.to_string().parse::<HostRule>().unwrap(), rule);
        }
        for text in [
            "",
            "*",
            "*.",
            "0.0.0.0/0",
            "::/0",
            "https://hooks.internal",
            "hooks.internal:8080",
            "10.0.0.0/33",
            "10.0.0",
            "2130706433",
            "a b",
            "hooks.internal/path",
            "a..b",
            ".a",
            "localhost",
            "x.localhost",
            "*.localhost",
        ] {
            assert!(text.parse::<HostRule>().is_err(), "{text}");
        }
    }
}
