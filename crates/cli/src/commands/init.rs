//! `askfirst init`: the first workspace and owner of a real server, made on its own console.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use askfirst_core::administration;
use askfirst_core::{
    Dialect, Environment, KeyLimits, MemberId, PolicyAllowance, Scope, WorkspaceId,
};
use askfirst_server::config::Config;
use askfirst_server::service::Service;
use askfirst_server::service::keys::KeyWish;
use askfirst_server::service::workspace::Founder;
use askfirst_store::{EvenClock, StoreError};
use clap::Args;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::block_on;
use crate::exit::{self, not_set_up, usage};
use crate::premises;
use crate::terminal::{say, say_json, shell_word};

/// Make the first workspace and owner of a real server, on its own console
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The configuration file; /etc/askfirst/askfirst.toml if there is one
    #[arg(long, env = "ASKFIRST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to call the workspace
    #[arg(long, value_name = "NAME", required_unless_present = "login_link")]
    workspace: Option<String>,
    /// The first owner's address
    #[arg(long, required_unless_present = "login_link")]
    email: Option<String>,
    /// The first owner's name
    #[arg(long, required_unless_present = "login_link")]
    name: Option<String>,
    /// Make nothing but another sign-in link, for the member with this address
    #[arg(long, value_name = "EMAIL", conflicts_with_all = ["workspace", "email", "name"])]
    login_link: Option<String>,
    /// The folder with the database
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The file with the key-encryption key; made if it is not there
    #[arg(long, value_name = "FILE")]
    sealing_key_file: Option<PathBuf>,
    /// How people and programs reach the server; https, unless it is a loopback address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl InitArgs {
    /// Makes them, in the data folder; the server must not be running.
    pub(crate) fn run(self) -> Result<u8> {
        let config = Config::load_with(self.config.as_deref(), &self.settings());
        let config = config.map_err(not_set_up)?;
        block_on(async {
            let store = premises::store_of(&config).map_err(|error| self.not_opened(&error))?;
            // Made now, so that a folder nobody may write to is found now.
            premises::sealing_key_of(&config)?;
            let stopping = CancellationToken::new();
            let url = &config.public_url;
            let service = Service::new(
                Arc::clone(&store),
                Arc::default(),
                Arc::default(),
                stopping,
                url,
                &config.limits,
                Arc::new(EvenClock::default()),
            );
            let done = self.make(&service, &config).await;
            store.close().await;
            done
        })
    }

    /// What was given on the command line, as settings.
    fn settings(&self) -> Map<String, Value> {
        let given = [
            ("data", self.data.as_ref().map(|path| json!(path))),
            ("sealing_key_file", self.sealing_key_file.as_ref().map(|path| json!(path))),
            ("public_url", self.public_url.as_ref().map(|url| json!(url))),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name.into(), value?))).collect()
    }

    /// The same for the next command: ` --config askfirst.toml`.
    fn repeated(&self) -> String {
        let url = self.public_url.as_ref().map(PathBuf::from);
        repeated(&[
            ("--config", &self.config),
            ("--data", &self.data),
            ("--sealing-key-file", &self.sealing_key_file),
            ("--public-url", &url),
        ])
    }

    fn not_opened(&self, error: &StoreError) -> anyhow::Error {
        match (error, &self.login_link) {
            (StoreError::InUse(_), Some(email)) => not_set_up(format!(
                "the server is running on this data, and the console's links are made while it \
                 is stopped: stop it and repeat this command. or have the running server make a \
                 link, with a key that has the scope members, such as the admin key that \
                 `askfirst init` printed:\n  ASKFIRST_URL=... ASKFIRST_KEY=... askfirst members \
                 link {}\nwho comes by such a link votes with the assurance `link`; by one from \
                 the console, `session`",
                shell_word(email)
            )),
            _ => not_set_up(error),
        }
    }

    async fn make(self, service: &Service, config: &Config) -> Result<u8> {
        let known = service.store().workspaces().await?;
        if let Some(email) = &self.login_link {
            let Some(workspace) = known.first() else {
                return Err(not_set_up(format!(
                    "there is no workspace in {} yet; make the first one with {}",
                    config.data.display(),
                    how_to_begin(&self.repeated())
                )));
            };
            let member = member(service, workspace.id, email).await?;
            return self.link(service, workspace.id, member).await;
        }
        if let Some(workspace) = known.first() {
            bail!(
                "there is a workspace in {} already ({}); for another sign-in link, run `askfirst \
                 init{} --login-link EMAIL`",
                config.data.display(),
                crate::terminal::visible(&workspace.name),
                self.repeated()
            );
        }
        let (Some(name), Some(founder), Some(email)) = (&self.workspace, &self.name, &self.email)
        else {
            return Err(usage("--workspace, --email and --name are needed"));
        };
        plausible(name, founder, email)?;
        let founder = Founder { email: email.clone(), name: founder.clone() };
        let plan = config.plan.plan();
        let (workspace, owner) = service.found(name, Environment::Live, founder, plan).await?;
        let wish = KeyWish {
            label: "admin".into(),
            environment: None,
            dialect: Dialect::Native,
            scopes: BTreeSet::from(Scope::ADMINISTER),
            policies: PolicyAllowance::Any,
            member: None,
            owner: Some(owner),
            expires_in: None,
            limits: KeyLimits::default(),
            callback_url: None,
        };
        let made = service.add_key_as_system(workspace.id, Environment::Live, wish).await?;
        let link = service.add_login_link_as_system(workspace.id, owner).await?;
        let key = made.secret.unwrap_or_default();
        if self.json {
            say_json(&json!({
                "url": service.public_url(),
                "workspace": workspace.id,
                "login_url": link.url,
                "login_expires_at": link.expires_at,
                "admin_key": key,
            }));
            return Ok(exit::DONE);
        }
        say(format_args!(
            "The workspace is made. Start the server with\n  askfirst serve{}\n\nthen sign in; \
             this link works once, until {}:\n  {}\n\nThe key to set it up with, shown this once:\n  \
             {key}\n\nNext, make a key for your agent:\n  export ASKFIRST_URL={} \
             ASKFIRST_KEY={key}\n  askfirst keys create --name my-agent --scopes ask",
            self.repeated(),
            link.expires_at,
            link.url,
            service.public_url()
        ));
        Ok(exit::DONE)
    }

    async fn link(
        &self,
        service: &Service,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<u8> {
        let link = service.add_login_link_as_system(workspace, member).await?;
        match self.json {
            true => {
                say_json(&json!({ "login_url": link.url, "login_expires_at": link.expires_at }));
            }
            false => say(format_args!(
                "This link signs in once, until {}:\n  {}",
                link.expires_at, link.url
            )),
        }
        Ok(exit::DONE)
    }
}

/// Flags that were given, as a command line repeats them.
pub(super) fn repeated(given: &[(&str, &Option<PathBuf>)]) -> String {
    let given = given.iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
    given.map(|(flag, value)| format!(" {flag} {}", shell_word(&value.to_string_lossy()))).collect()
}

/// The command that makes the first workspace, with flags that say where.
pub(super) fn how_to_begin(flags: &str) -> String {
    format!("`askfirst init{flags} --workspace NAME --email YOU@EXAMPLE.COM --name YOU`")
}

async fn member(service: &Service, workspace: WorkspaceId, email: &str) -> Result<MemberId> {
    let mut after = None;
    loop {
        let page = service.store().members(workspace, after, 100).await?;
        let found = page.iter().find(|member| member.person.email.eq_ignore_ascii_case(email));
        if let Some(member) = found {
            return Ok(member.id);
        }
        match page.last() {
            Some(last) => after = Some(last.id),
            None => bail!("there is no member with the address {email}"),
        }
    }
}

fn plausible(workspace: &str, name: &str, email: &str) -> Result<()> {
    let blank = [("--workspace", workspace), ("--name", name)];
    if let Some((flag, _)) = blank.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(usage(format!("{flag} is blank")));
    }
    match administration::is_address(email) {
        true => Ok(()),
        false => {
            Err(usage(format!("--email {email}: not an address such as ana@example.com, in ASCII")))
        }
    }
}
