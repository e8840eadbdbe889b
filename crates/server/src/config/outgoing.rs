//! `[outgoing]`: what may be reached when this server sends to addresses that its users gave.
//! Without any of it that is the public internet, by https.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigError;
use crate::outgoing::{HostRule, Outgoing, Rules, Trust, TrustError};

/// What is open besides the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutgoingSettings {
    /// Names and networks inside that may be reached, also by http.
    pub allowed_hosts: Vec<HostRule>,
    /// Ports besides 443 and 8443, and 80 where http is good.
    pub allowed_ports: Vec<u16>,
    /// Certificate authorities besides the machine's, in PEM.
    pub ca_file: Option<PathBuf>,
}

impl OutgoingSettings {
    /// Whether the settings make sense. Files are looked at by [`OutgoingSettings::trust`].
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.allowed_ports.contains(&0) {
            let why = "0 is no port; name those that receivers listen on, such as 8080".into();
            return Err(ConfigError::Wrong { setting: "outgoing.allowed_ports", why });
        }
        Ok(())
    }

    /// Reads the certificate authorities.
    ///
    /// # Errors
    /// [`TrustError`] if `ca_file` holds none that can be read.
    pub fn trust(&self) -> Result<Trust, TrustError> {
        Trust::load(self.ca_file.as_deref().map(Path::new))
    }

    /// Who sends under these settings. A developer's server may send to its own machine.
    #[must_use]
    pub fn open(&self, trust: Trust, allow_loopback: bool) -> Outgoing {
        let rules = Rules {
            allow_loopback,
            allowed_hosts: self.allowed_hosts.clone(),
            allowed_ports: self.allowed_ports.clone(),
        };
        Outgoing::new(rules, trust)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_an_operator_opens_is_open_and_nothing_else() {
        let config: Config = toml::from_str(
            "[outgoing]\nallowed_hosts = [\"Hooks.internal\", \"10.1.2.0/24\"]\nallowed_ports = [9000]",
        )
        .unwrap();
        config.check().unwrap();
        let outgoing = config.outgoing.open(config.outgoing.trust().unwrap(), false);
        for (url, open) in [
            ("http://hooks.internal:9000/", true),
            ("http://10.1.2.3/", true),
            ("https://hooks.example.com:9000/", true),
            ("https://hooks.example.com:9001/", false),
            ("http://10.1.3.3/", false),
            ("http://127.0.0.1:9000/", false),
        ] {
            assert_eq!(outgoing.check(url).is_ok(), open, "{url}");
        }
        let developer = config.outgoing.open(config.outgoing.trust().unwrap(), true);
        assert!(developer.check("http://127.0.0.1:1/").is_ok());
    }

    #[test]
    fn settings_that_open_everything_or_nothing_are_refused_with_what_to_write() {
        for (text, told) in [
            ("allowed_hosts = [\"0.0.0.0/0\"]", "is everywhere"),
            ("allowed_hosts = [\"https://hooks.internal\"]", "is no host: write a name such as"),
            ("allowed_hosts = [\"localhost\"]", "name its addresses: 127.0.0.1 and ::1"),
            ("allowed_host = []", "unknown field `allowed_host`"),
        ] {
            let read = toml::from_str::<Config>(&format!("[outgoing]\n{text}"));
            let error = read.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let config: Config = toml::from_str("[outgoing]\nallowed_ports = [0]").unwrap();
        assert!(config.check().unwrap_err().to_string().starts_with("outgoing.allowed_ports: 0"));
    }
}
