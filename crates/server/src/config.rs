//! What an operator can set: a file, then environment variables, then flags. Every setting has a
//! default that works on one machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// The settings of `askfirst serve`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How people and programs reach the server; https, unless it is a loopback address.
    pub public_url: String,
    /// More host names under which requests may come in, such as an internal one.
    pub hosts: Vec<String>,
    /// The folder with the database.
    pub data: PathBuf,
    /// The file with the key-encryption key; made on first start. Keep a copy apart from the
    /// database's backups: who has both has the signing keys.
    pub sealing_key_file: PathBuf,
    /// Bits of the RSA key made on first start: 2048 or 3072.
    pub signing_key_bits: u16,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// What to log, as `RUST_LOG` writes it.
    pub log: String,
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
            public_url: "http://127.0.0.1:8377".into(),
            hosts: Vec::new(),
            data: "/var/lib/askfirst".into(),
            sealing_key_file: "/etc/askfirst/sealing.key".into(),
            signing_key_bits: 2048,
            log_format: LogFormat::Text,
            log: "info".into(),
        }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It does not read.
    #[error("{0}")]
    Unreadable(Box<figment::Error>),
    /// It reads and makes no sense.
    #[error("{setting}: {why}")]
    Wrong {
        /// Which setting.
        setting: &'static str,
        /// Why, and what to do.
        why: String,
    },
}

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
        let config: Self = layers.merge(env).merge(flags).extract().map_err(unreadable)?;
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
                    "people's sessions must not travel unprotected: use https, with a proxy that ends TLS in front of this server",
                );
            }
            _ => return wrong("public_url", "use https"),
        }
        if ![2048, 3072].contains(&self.signing_key_bits) {
            return wrong("signing_key_bits", "2048 or 3072");
        }
        Ok(())
    }

    /// The default configuration as a commented file.
    #[must_use]
    pub fn example() -> &'static str {
        include_str!("config/default.toml")
    }
}

/// Whether a host, with or without a port, names this machine only.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
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
