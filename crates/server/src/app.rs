//! What every door is given: the use cases and how this server is reached.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::Network;
use crate::service::Service;

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The use cases.
    pub service: Arc<Service>,
    /// How this server is reached.
    pub reach: Arc<Reach>,
}

/// The names under which requests may come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Scheme, host and port that people and programs use, without a final slash.
    pub public_url: String,
    /// Values of `Host` that are us, in lower case, with port where there is one.
    pub hosts: Vec<String>,
    /// Who is believed about whom a request is passed on for.
    pub trusted_proxies: Vec<Network>,
}

impl Reach {
    /// Whether browsers reach us by https, so that cookies can be bound to it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Whether a `Host` header names us.
    #[must_use]
    pub fn knows_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether this address is a proxy whose word counts.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(address))
    }

    /// Whether an `Origin` header is our own.
    #[must_use]
    pub fn is_own_origin(&self, origin: &str) -> bool {
        match origin.split_once("://") {
            Some((scheme, host)) => {
                self.public_url.starts_with(&format!("{scheme}://")) && self.knows_host(host)
            }
            None => false,
        }
    }
}
