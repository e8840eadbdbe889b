//! Whether strangers make themselves keys here, and by which mail server their contacts are
//! written to.

use std::path::PathBuf;

use askfirst_core::administration::is_address;
use askfirst_core::{EmailSettings, Environment, Locale, MailSecurity};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Config, ConfigError};
use crate::outgoing::Outgoing;
use crate::service::ServiceError;
use crate::service::channels::{check_credentials, check_mail_server};
use crate::service::self_service::{Mail, SelfService};

/// Who may make keys without having one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelfServiceKeys {
    /// Nobody.
    #[default]
    Off,
    /// Anybody who reaches the server.
    Open,
}

/// The mail server that writes to the contacts of such keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfServiceMail {
    /// Its name or address.
    pub host: String,
    /// Its port.
    #[serde(default = "submission")]
    pub port: u16,
    /// How the connection is protected.
    #[serde(default = "starttls")]
    pub security: MailSecurity,
    /// Who it knows us as; none if it asks for no name.
    #[serde(default)]
    pub username: Option<String>,
    /// The file with the password for that name.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// The address that mail comes from.
    pub from: String,
}

const fn submission() -> u16 {
    587
}
const fn starttls() -> MailSecurity {
    MailSecurity::StartTls
}

impl Config {
    /// What strangers may here; nothing unless it is opened. Mail to them goes by this way out.
    ///
    /// # Errors
    /// A password that cannot be read or is of no use, a mail server that may not be reached, an
    /// address that is none.
    pub fn open_to_strangers(
        &self,
        outgoing: &Outgoing,
    ) -> Result<Option<SelfService>, ConfigError> {
        if self.self_service == SelfServiceKeys::Off {
            return Ok(None);
        }
        let mail = self.self_service_mail.as_ref().map(SelfServiceMail::read).transpose()?;
        let environment = Environment::Live;
        if let Some(mail) = &mail {
            let email = &mail.settings;
            if !is_address(&email.from) {
                let why = "not an e-mail address such as askfirst@example.com".into();
                return Err(ConfigError::Wrong { setting: "self_service_mail.from", why });
            }
            let server = check_mail_server(outgoing, &self.public_url, email, environment);
            server.map_err(named)?;
            let password = mail.password.as_deref();
            check_credentials(email.username.as_deref(), password, false).map_err(named)?;
        }
        Ok(Some(SelfService {
            environment,
            keys_per_hour: self.limits.self_service_keys_per_hour,
            workspaces: self.limits.self_service_workspaces,
            mail,
            telegram_api: self.self_service_telegram_api.clone(),
            plan: self.self_service_plan.plan(),
        }))
    }
}

/// What is wrong with a mail server, by the setting that says it.
fn named(error: ServiceError) -> ConfigError {
    let ServiceError::Invalid(mistakes) = error else {
        return ConfigError::Wrong { setting: "self_service_mail", why: error.to_string() };
    };
    let (mut setting, mut why) = ("self_service_mail", String::new());
    if let Some(first) = mistakes.into_iter().next() {
        setting = match first.pointer.as_str() {
            "" => "public_url",
            "/host" => "self_service_mail.host",
            "/port" => "self_service_mail.port",
            "/security" => "self_service_mail.security",
            "/username" => "self_service_mail.username",
            "/password" => "self_service_mail.password_file",
            _ => setting,
        };
        why = first.detail;
    }
    ConfigError::Wrong { setting, why }
}

impl SelfServiceMail {
    fn read(&self) -> Result<Mail, ConfigError> {
        let wrong = |why: String| ConfigError::Wrong { setting: "self_service_mail", why };
        let password = match (&self.username, &self.password_file) {
            (None, None) => None,
            (Some(_), Some(file)) => {
                let text = std::fs::read_to_string(file).map(Zeroizing::new);
                let text = text.map_err(|error| wrong(format!("{}: {error}", file.display())))?;
                let line = text.trim_end_matches(['\r', '\n']);
                if line.is_empty() {
                    return Err(wrong(format!("{} is empty", file.display())));
                }
                Some(Zeroizing::new(line.to_owned()))
            }
            _ => return Err(wrong("username and password_file go together".into())),
        };
        let settings = EmailSettings {
            host: self.host.clone(),
            port: self.port,
            security: self.security,
            username: self.username.clone(),
            from: self.from.clone(),
            locale: Locale::default(),
            afterwards: askfirst_core::Afterwards::default(),
        };
        Ok(Mail { settings, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        let config: Config = toml::from_str(text).unwrap();
        config.check().unwrap();
        config
    }

    fn opened(config: &Config) -> Result<Option<SelfService>, ConfigError> {
        config.open_to_strangers(&config.outgoing.open(config.outgoing.trust().unwrap(), false))
    }

    #[test]
    fn strangers_may_nothing_unless_it_is_opened() {
        assert!(opened(&config("")).unwrap().is_none());
        let open = config("self_service = \"open\"\n[limits]\nself_service_workspaces = 7");
        let open = opened(&open).unwrap().unwrap();
        assert_eq!((open.keys_per_hour, open.workspaces), (5, 7));
        assert!(open.mail.is_none());
        assert!(toml::from_str::<Config>("self_service = \"on\"").is_err());
    }

    #[test]
    fn the_password_of_the_mail_server_is_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        let with = |more: &str| {
            let mail = "[self_service_mail]\nhost = \"smtp.example.com\"\nfrom = \"a@example.com\"";
            let url = "public_url = \"https://ask.example.com\"";
            let config = config(&format!("{url}\nself_service = \"open\"\n{mail}\n{more}"));
            opened(&config).map(|open| open.unwrap().mail.unwrap())
        };
        let told = |more: &str| with(more).err().unwrap().to_string();
        let plain = with("").unwrap();
        assert_eq!((plain.settings.port, plain.settings.security), (587, MailSecurity::StartTls));
        assert!(plain.password.is_none());
        let named = format!("username = \"us\"\npassword_file = {file:?}");
        assert!(told(&named).contains("password: "), "{}", told(&named));
        std::fs::write(&file, "\n").unwrap();
        assert!(told(&named).ends_with("is empty"), "{}", told(&named));
        std::fs::write(&file, "sesame \n").unwrap();
        assert_eq!(with(&named).unwrap().password.unwrap().as_str(), "sesame ");
        assert!(told("username = \"us\"").contains("go together"));
    }
}
