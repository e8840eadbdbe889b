//! `askfirst dev`: a server for one developer's own machine, with nothing to configure.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use askfirst_core::Environment;
use askfirst_proof::key::KeyBits;
use askfirst_server::channels::telegram::API;
use askfirst_server::config::limits::Limits;
use askfirst_server::config::{Config, LogFormat};
use askfirst_server::dev::{self, Ready};
use askfirst_server::service::self_service::SelfService;
use clap::Args;

use super::serve_on;
use crate::exit::{not_set_up, usage};
use crate::premises::Ways;
use crate::terminal::shell_word;
use crate::{logs, premises, surroundings};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8377);

/// Run a server for yourself on this machine, ready to use
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Keep everything in this folder, instead of in your state folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen; a loopback address, port 0 for any free port
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// How it is reached, if not by that address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Let programs make themselves keys by POST /api/keys, as HoldOn does
    #[arg(long)]
    self_service: bool,
    /// What to log on stderr, as `RUST_LOG` writes it
    #[arg(long, env = "ASKFIRST_LOG", value_name = "FILTER", default_value = "warn")]
    log: String,
    /// Print one JSON object when it is ready, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a developer's server keeps what it keeps.
pub(super) struct Places {
    /// The database's folder.
    pub(super) data: PathBuf,
    /// The key-encryption key, apart from it unless one folder was asked for.
    pub(super) sealing_key: PathBuf,
}

impl Places {
    /// All in one folder, that somebody named.
    pub(super) fn below(data: &Path) -> Self {
        Self { data: data.to_owned(), sealing_key: data.join("secrets").join("sealing.key") }
    }

    /// Of a dev server in `data`, or of a real one by its configuration.
    pub(super) fn of(config: Option<&Path>, data: Option<&Path>) -> Result<Self> {
        if let Some(data) = data {
            return Ok(Self::below(data));
        }
        let config = Config::load(config).map_err(not_set_up)?;
        Ok(Self { data: config.data, sealing_key: config.sealing_key_file })
    }

    /// Below `data`, or in the user's state and configuration folders.
    pub(super) fn find(data: Option<&Path>) -> Result<Self> {
        if let Some(data) = data {
            return Ok(Self::below(data));
        }
        let homeless = || not_set_up("HOME is not set; choose a folder with --data");
        let state = surroundings::state_folder().ok_or_else(homeless)?;
        let settings = surroundings::settings_folder().ok_or_else(homeless)?;
        Ok(Self {
            data: state.join("askfirst/dev"),
            sealing_key: settings.join("askfirst/dev/sealing.key"),
        })
    }
}

impl DevArgs {
    /// Serves until it is stopped.
    pub(crate) fn run(self) -> Result<u8> {
        if !self.listen.ip().is_loopback() {
            return Err(usage(format!(
                "--listen {}: a dev server's keys are for this machine only, so it listens on \
                 loopback addresses such as 127.0.0.1:8377; for others to reach it, set up a real \
                 one with `askfirst init` and `askfirst serve`",
                self.listen
            )));
        }
        logs::start(&self.log, LogFormat::Text).map_err(usage)?;
        serve_on(self.serve())
    }

    async fn serve(self) -> Result<u8> {
        let places = Places::find(self.data.as_deref())?;
        let listener = premises::bind(self.listen).await?;
        let listen = listener.local_addr()?;
        let public_url = match self.public_url {
            Some(url) => url,
            None => format!("http://{listen}"),
        };
        let config = Config { public_url: public_url.clone(), listen, ..Config::default() };
        config.check().map_err(|error| usage(format!("--{error}").replace('_', "-")))?;
        private_folder(&places.data)?;
        let store = premises::open_store(&places.data, &public_url)?;
        let sealing = premises::sealing_key(&places.sealing_key)?;
        let asked = premises::asked_to_stop()?;
        let reach = premises::reach(&public_url, listen, &[]);
        let limits = Limits::default();
        let bits = KeyBits::Rsa2048;
        let outgoing = config.outgoing.open(premises::trust(&config)?, true);
        let self_service = self.self_service.then_some(SelfService {
            environment: Environment::Dev,
            keys_per_hour: limits.self_service_keys_per_hour,
            workspaces: limits.self_service_workspaces,
            telegram_api: API.into(),
            mail: None,
            plan: None,
        });
        let ways = Ways { outgoing, traces: None, self_service };
        let server = premises::start(store, &sealing, bits, reach, limits, ways);
        let service = Arc::clone(server.service());
        let ready = dev::prepare(&service, &sealing).await.context("the dev workspace")?;
        let running = server.run(listener, asked);
        tokio::pin!(running);
        tokio::select! {
            stopped = &mut running => return premises::farewell(stopped),
            () = service.can_sign() => {}
        }
        tell(&ready, &places.data, self.json);
        premises::farewell(running.await)
    }
}

fn private_folder(folder: &Path) -> Result<()> {
    let broken = |error: std::io::Error| not_set_up(format!("{}: {error}", folder.display()));
    let fresh = !folder.exists();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(broken)?;
    if fresh {
        // Whatever the umask says.
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, private).map_err(broken)?;
    }
    Ok(())
}

fn tell(ready: &Ready, data: &Path, json: bool) {
    let text = match json {
        true => format!("{}\n", serde_json::to_string(ready).unwrap_or_default()),
        false => account(ready, data),
    };
    // Whoever closed the pipe does not want to know.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn account(ready: &Ready, data: &Path) -> String {
    let folder = shell_word(&data.to_string_lossy());
    let Ready { url, agent_key, login_url, approver_key, admin_key, .. } = ready;
    format!(
        r#"Askfirst is ready at {url}

Sign in as the approver; this link works once:
  {login_url}

Then ask, from another terminal:
  export ASKFIRST_URL={url} ASKFIRST_KEY={agent_key}
  askfirst ask "Deploy v2.1 to production?"

Or without the command:
  curl {url}/v1/approvals \
    -H "Authorization: Bearer {agent_key}" \
    -H "Content-Type: application/json" \
    -d '{{"action": {{"name": "deploy.production", "title": "Deploy v2.1 to production?"}}}}'

Two more keys, the same on every start:
  {approver_key}  decides as you: askfirst vote ID approve
  {admin_key}  manages policies, people and keys

Stop it with Ctrl-C; it keeps what it knows in {folder}.
To begin afresh, stop it and: rm -r {folder}
"#
    )
}
