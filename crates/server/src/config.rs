//! What an operator can set: a file, then environment variables, then flags. Every setting has a
//! default that works on one machine.

pub mod limits;
pub mod outgoing;
pub mod plans;
pub mod self_service;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use axum::http::Uri;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Dict;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::traces;
use limits::Limits;
use outgoing::OutgoingSettings;
use plans::FirstPlan;
use self_service::{SelfServiceKeys, SelfServiceMail};

/// The settings of `askfirst serve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The server's certificate chain in PEM, its own first; with `tls_key`, it speaks TLS itself.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed. Nobody else's are.
    pub trusted_proxies: Vec<Network>,
    /// Where to answer `/metrics`, for Prometheus; nowhere unless it is set. It asks for no key.
    pub metrics_listen: Option<SocketAddr>,
    /// The OpenTelemetry collector that is told of requests and approvals; none unless it is set.
    pub otlp_endpoint: Option<String>,
    /// How people and programs reach the server; https, unless it is a loopback address.
    pub public_url: String,
    /// More host names under which requests may come in, such as an internal one.
    pub hosts: Vec<String>,
    /// The folder with the database.
    pub data: PathBuf,
    /// Below so much room on the disk, in MiB, no new question is taken; 0 takes them always.
    pub disk_floor_mib: u64,
    /// The file with the key-encryption key; made on first start. Keep a copy apart from the
    /// database's backups: who has both has the signing keys.
    pub sealing_key_file: PathBuf,
    /// Bits of the RSA key made on first start: 2048 or 3072.
    pub signing_key_bits: u16,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// What to log, as `RUST_LOG` writes it.
    pub log: String,
    /// The plan of a workspace that is made from now on.
    pub plan: FirstPlan,
    /// The plan of a stranger's workspace that is made from now on.
    pub self_service_plan: FirstPlan,
    /// Whether strangers make themselves keys.
    pub self_service: SelfServiceKeys,
    /// The mail server that writes to their contacts; none unless it is set.
    pub self_service_mail: Option<SelfServiceMail>,
    /// Where bots of strangers are spoken to.
    pub self_service_telegram_api: String,
    /// How much keys, workspaces and all together may ask of it.
    pub limits: Limits,
    /// What may be reached when it sends to addresses that users gave.
    pub outgoing: OutgoingSettings,
}

/// A part of the network: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let alone = text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or(alone).map_err(|_| {
            format!("{text:?} is no address such as 10.0.0.7 and no network such as 10.0.0.0/8")
        })?;
        if network.prefix_len() == 0 {
            return Err(format!("{text} is everybody; name the proxy's own address or network"));
        }
        Ok(Self(network))
    }
}

impl TryFrom<String> for Network {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8377)),
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            metrics_listen: None,
            otlp_endpoint: None,
            public_url: "http://127.0.0.1:8377".into(),
            hosts: Vec::new(),
            data: "/var/lib/askfirst".into(),
            disk_floor_mib: 256,
            sealing_key_file: "/etc/askfirst/sealing.key".into(),
            signing_key_bits: 2048,
            log_format: LogFormat::Text,
            log: "info".into(),
            plan: FirstPlan::None,
            self_service_plan: FirstPlan::None,
            self_service: SelfServiceKeys::Off,
            self_service_mail: None,
            self_service_telegram_api: crate::channels::telegram::API.into(),
            limits: Limits::default(),
            outgoing: OutgoingSettings::default(),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It does not read.
    #[error("{0}")]
    Unreadable(Box<figment::Error>),
    /// There are settings that no version of this program has.
    #[error("{}", .0.join("; "))]
    Unknown(Vec<String>),
    /// It reads and makes no sense.
    #[error("{setting}: {why}")]
    Wrong {
        /// Which setting.
        setting: &'static str,
        /// Why, and what to do.
        why: String,
    },
}

/// What builds without the feature say to `otlp_endpoint`.
pub(crate) const WITHOUT_TRACES: &str = "this askfirst was built without OpenTelemetry; build it \
with `--features otel`, or take the setting out";

/// The file that is read where no other is named, if it is there.
pub const DEFAULT_FILE: &str = "/etc/askfirst/askfirst.toml";

impl Config {
    /// Reads the file, then `ASKFIRST_*` variables.
    ///
    /// # Errors
    /// What does not read, with its source, or makes no sense.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_with(file, &serde_json::Map::new())
    }

    /// Reads the file, then `ASKFIRST_*` variables, then `flags`, a map of settings.
    ///
    /// # Errors
    /// What does not read, with its source, or makes no sense.
    pub fn load_with(file: Option<&Path>, flags: &impl Serialize) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable(Box::new(error));
        let mut layers = Figment::from(Serialized::defaults(Self::default()));
        layers = match file {
            Some(file) => layers.merge(Toml::file_exact(file)),
            None => layers.merge(Toml::file(DEFAULT_FILE)),
        };
        // The client's own variables share the prefix and are not settings of the server.
        let env = Env::prefixed("ASKFIRST_").filter(|name| {
            !["url", "key", "config", "sealing_key", "bin", "trust"].iter().any(|own| name == *own)
        });
        let flags = Serialized::defaults(flags);
        let layers = layers.merge(env).merge(flags);
        known_only(&layers)?;
        let config: Self = layers.extract().map_err(unreadable)?;
        config.check()?;
        Ok(config)
    }

    /// Whether the settings make sense together.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |setting, why: &str| Err(ConfigError::Wrong { setting, why: why.into() });
        let Some((scheme, host)) = self.public_url.trim_end_matches('/').split_once("://") else {
            return wrong(
                "public_url",
                "write it with its scheme, such as https://ask.example.com",
            );
        };
        if host.is_empty() || host.contains(['/', '?', '#', '@']) {
            return wrong(
                "public_url",
                "only scheme, host and port, such as https://ask.example.com",
            );
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => {
                return wrong(
                    "public_url",
                    "people's sessions must not travel unprotected: use https, with tls_cert and tls_key or a proxy that ends TLS in front of this server",
                );
            }
            _ => return wrong("public_url", "use https"),
        }
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => return wrong("tls_key", "tls_cert is of no use without it"),
            (None, Some(_)) => return wrong("tls_cert", "tls_key is of no use without it"),
            (Some(_), Some(_)) if scheme != "https" => {
                return wrong("public_url", "with tls_cert the server speaks TLS: use https");
            }
            _ => {}
        }
        if self.metrics_listen.is_some_and(|at| at.port() != 0 && at == self.listen) {
            return wrong("metrics_listen", "it needs an address of its own, apart from listen");
        }
        if let Some(endpoint) = &self.otlp_endpoint {
            if !traces::POSSIBLE {
                return wrong("otlp_endpoint", WITHOUT_TRACES);
            }
            if let Some(why) = no_collector(endpoint) {
                return wrong("otlp_endpoint", why);
            }
        }
        if ![2048, 3072].contains(&self.signing_key_bits) {
            return wrong("signing_key_bits", "2048 or 3072");
        }
        self.outgoing.check()?;
        self.limits.check()
    }

    /// The default configuration as a commented file.
    #[must_use]
    pub fn example() -> &'static str {
        include_str!("config/default.toml")
    }
}

/// Why this is no address of a collector, if so.
fn no_collector(endpoint: &str) -> Option<&'static str> {
    let uri = endpoint.parse::<Uri>().ok();
    let Some(uri) = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https"))) else {
        return Some("write it with its scheme, such as http://127.0.0.1:4318");
    };
    if endpoint.contains('@') {
        return Some(
            "what the collector wants to know of you does not belong into its address, which is \
             logged; put it into the environment, as OTEL_EXPORTER_OTLP_HEADERS=authorization=…",
        );
    }
    let wordy = uri.query().is_some() || endpoint.contains('#');
    if wordy || uri.host().is_none_or(str::is_empty) {
        return Some(
            "only scheme, host, port and path, such as http://127.0.0.1:4318; /v1/traces is added",
        );
    }
    None
}

/// Names every setting that is none, where it stands, and the one it is nearest to.
fn known_only(layers: &Figment) -> Result<(), ConfigError> {
    let unreadable = |error| ConfigError::Unreadable(Box::new(error));
    let known = serde_json::to_value(Config::default()).unwrap_or_default();
    let known: Vec<&str> =
        known.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    let given: Dict = layers.extract().map_err(unreadable)?;
    let unknown = given.keys().filter(|name| !known.contains(&name.as_str()));
    let told: Vec<String> = unknown.map(|name| unknown_setting(layers, name, &known)).collect();
    if told.is_empty() { Ok(()) } else { Err(ConfigError::Unknown(told)) }
}

fn unknown_setting(layers: &Figment, name: &str, known: &[&str]) -> String {
    let place = layers.find_metadata(name).map_or_else(String::new, |from| {
        match from.source.as_ref().and_then(|source| source.file_path()) {
            Some(file) => format!(" in {}", file.display()),
            None => format!(" from {}", from.name),
        }
    });
    let near = |one: &&&str| strsim::damerau_levenshtein(name, one);
    let nearest = known.iter().min_by_key(near).filter(|one| near(one) <= 1 + name.len() / 3);
    let advice = match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`askfirst config default` prints those there are".into(),
    };
    format!("there is no setting {name}{place}; {advice}")
}

/// The host without its port and brackets.
#[must_use]
pub fn host_name(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a host, with or without a port, names this machine only.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = host_name(host);
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_default_is_the_default() {
        let printed: Config = toml::from_str(Config::example()).unwrap();
        assert_eq!(printed, Config::default());
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network_but_not_everybody() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.2.3.4", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7", "::ffff:192.0.2.7", "::1"),
            ("2001:db8::/32", "2001:db8::1", "2001:db9::1"),
        ] {
            let network: Network = text.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{text} {outside}");
        }
        for text in ["0.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/33", "", "10.0.0"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[cfg(feature = "otel")]
    #[test]
    fn a_collector_is_an_address_without_secrets() {
        for (endpoint, said) in [
            ("http://127.0.0.1:4318", None),
            ("http://collector:4318/", None),
            ("https://otlp.example.com/tenant/v1/traces", None),
            ("http://[::1]:4318", None),
            ("127.0.0.1:4318", Some("scheme")),
            ("grpc://127.0.0.1:4317", Some("scheme")),
            ("http://", Some("scheme")),
            ("/v1/traces", Some("scheme")),
            ("http://a b", Some("scheme")),
            ("", Some("scheme")),
            ("https://user:secret@otlp.example.com", Some("OTEL_EXPORTER_OTLP_HEADERS")),
            ("https://otlp.example.com?key=secret", Some("only scheme")),
            ("https://otlp.example.com/#key", Some("only scheme")),
        ] {
            let config = Config { otlp_endpoint: Some(endpoint.into()), ..Config::default() };
            let checked = config.check().map_err(|error| error.to_string());
            match (said, checked) {
                (None, Ok(())) => {}
                (Some(said), Err(error)) => {
                    assert!(error.contains(said) && !error.contains("secret"), "{error}");
                }
                (_, other) => panic!("{endpoint}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_public_http_url_is_refused_and_a_loopback_one_is_not() {
        for (url, good) in [
            ("https://ask.example.com", true),
            ("https://ask.example.com:8443/", true),
            ("http://127.0.0.1:8377", true),
            ("http://[::1]:8377", true),
            ("http://localhost:1", true),
            ("http://ask.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://localhost@evil.example", false),
            ("ask.example.com", false),
            ("https://ask.example.com/path", false),
            ("ftp://ask.example.com", false),
        ] {
            let config = Config { public_url: url.into(), ..Config::default() };
            assert_eq!(config.check().is_ok(), good, "{url}");
        }
    }
}
