//! `askfirst serve`: the server, by its configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use askfirst_server::config::{Config, Network};
use askfirst_server::serve::Entrance;
use askfirst_server::traces::Traces;
use clap::Args;
use serde::Serialize;
use tracing::{info, warn};

use super::{init, serve_on};
use crate::exit::not_set_up;
use crate::premises::Ways;
use crate::{logs, premises};

/// Run the server
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file; /etc/askfirst/askfirst.toml if there is one
    #[arg(long, env = "ASKFIRST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// Settings from the command line; what is given here goes before variables and file.
#[derive(Debug, Args, Serialize)]
pub(super) struct Flags {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The certificate chain in PEM, to speak TLS; with --tls-key
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_key: Option<PathBuf>,
    /// An address or network whose X-Forwarded headers are believed; repeat for more
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trusted_proxies: Vec<Network>,
    /// Where to answer /metrics, for Prometheus; it asks for no key
    #[arg(long, value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_listen: Option<SocketAddr>,
    /// The OpenTelemetry collector to tell of requests and approvals, in builds that can
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    otlp_endpoint: Option<String>,
    /// How people and programs reach the server; https, unless it is a loopback address
    #[arg(long, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    /// Another host name under which requests may come in; repeat for more
    #[arg(long = "host", value_name = "HOST")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    /// The folder with the database
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// The file with the key-encryption key; made on first start
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sealing_key_file: Option<PathBuf>,
    /// Bits of the signing key, when it is made on first start: 2048 or 3072
    #[arg(long, value_name = "BITS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key_bits: Option<u16>,
    /// How log lines look
    #[arg(long, value_parser = ["text", "json"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_format: Option<String>,
    /// What to log, as `RUST_LOG` writes it
    #[arg(long, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

impl ServeArgs {
    /// Serves until it is stopped.
    pub(crate) fn run(self) -> Result<u8> {
        let config = Config::load_with(self.config.as_deref(), &self.flags).map_err(not_set_up)?;
        logs::start(&config.log, config.log_format).map_err(not_set_up)?;
        let url = self.flags.public_url.as_ref().map(PathBuf::from);
        let repeated = init::repeated(&[
            ("--config", &self.config),
            ("--data", &self.flags.data),
            ("--sealing-key-file", &self.flags.sealing_key_file),
            ("--public-url", &url),
        ]);
        serve_on(serve(config, &repeated))
    }
}

async fn serve(config: Config, repeated: &str) -> Result<u8> {
    let certificates = premises::certificates(&config)?;
    let listener = premises::bind(config.listen).await?;
    let listen = listener.local_addr()?;
    let store = premises::store_of(&config).map_err(not_set_up)?;
    if store.workspaces().await?.is_empty() {
        return Err(not_set_up(format!(
            "there is no workspace in {} yet; make the first one with {}",
            config.data.display(),
            init::how_to_begin(repeated)
        )));
    }
    let sealing = premises::sealing_key_of(&config)?;
    let bits = premises::bits(config.signing_key_bits);
    let asked = premises::asked_to_stop()?;
    premises::renew_on_hangup(certificates.clone())?;
    let mut reach = premises::reach(&config.public_url, listen, &config.hosts);
    reach.trusted_proxies.clone_from(&config.trusted_proxies);
    let traces = config.otlp_endpoint.as_deref().map(Traces::start).transpose();
    let traces = traces.map_err(not_set_up)?;
    let outgoing = config.outgoing.open(premises::trust(&config)?, false);
    let self_service = config.open_to_strangers(&outgoing).map_err(not_set_up)?;
    let ways = Ways { outgoing, traces, self_service };
    let server = premises::start(store, &sealing, bits, reach, config.limits, ways);
    let tls = certificates.is_some();
    let (public_url, version) = (&config.public_url, crate::VERSION);
    info!(address = %listen, public_url, tls, version, "listening");
    if !tls && !listen.ip().is_loopback() && config.trusted_proxies.is_empty() {
        warn!(
            "others can reach this address without TLS; set tls_cert and tls_key, or name the \
             proxy that ends TLS in trusted_proxies"
        );
    }
    let metrics = match config.metrics_listen {
        None => None,
        Some(at) => {
            let metrics = premises::bind(at).await?;
            let at = metrics.local_addr()?;
            info!(address = %at, "metrics can be read");
            if !at.ip().is_loopback() {
                warn!(address = %at, "who reaches this address can read the metrics without a key");
            }
            Some(metrics)
        }
    };
    premises::farewell(server.run(Entrance { listener, certificates, metrics }, asked).await)
}
