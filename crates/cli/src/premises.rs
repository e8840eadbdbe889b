//! What a server stands on: its store, its sealing key, its socket. Shared by `dev`, `serve` and
//! `init`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use askfirst_proof::SealingKey;
use askfirst_proof::key::KeyBits;
use askfirst_server::app::Reach;
use askfirst_server::config::limits::Limits;
use askfirst_server::config::{self, Config};
use askfirst_server::outgoing::{Outgoing, Trust};
use askfirst_server::sealing::{self, SealingError};
use askfirst_server::serve::{Server, Setup, Stopped};
use askfirst_server::service::self_service::SelfService;
use askfirst_server::tls::Certificates;
use askfirst_server::traces::Traces;
use askfirst_store::{EvenClock, Options, SqliteStore, Store, StoreError, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::exit::{self, Failure, not_set_up};

/// Bytes.
const MEBIBYTE: u64 = 1024 * 1024;
/// Threads that read the database.
const READERS: usize = 4;

/// The database's file in a data folder.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join("askfirst.db")
}

/// Opens the store in a data folder; makes what is missing.
pub(crate) fn open_store(data: &Path, public_url: &str) -> Result<Arc<dyn Store>> {
    let floor = Config::default().disk_floor_mib;
    open(data, public_url, floor, &Limits::default()).map_err(not_set_up)
}

fn open(
    data: &Path,
    public_url: &str,
    disk_floor_mib: u64,
    limits: &Limits,
) -> Result<Arc<dyn Store>, StoreError> {
    let options = Options {
        clock: Arc::new(SystemClock),
        issuer_base: public_url.trim_end_matches('/').to_owned(),
        readers: READERS,
        allowances: limits.allowances(),
    };
    let store = SqliteStore::open(&database(data), options)?;
    store.keep_free(disk_floor_mib.saturating_mul(MEBIBYTE));
    Ok(Arc::new(store))
}

/// As [`open_store`], where the settings say; who may not write there is told how to choose.
pub(crate) fn store_of(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let Config { data, public_url, disk_floor_mib, limits, .. } = config;
    open(data, public_url, *disk_floor_mib, limits).map_err(|error| match error {
        StoreError::NoPlace(told) => StoreError::NoPlace(format!(
            "{told}\nchoose a folder of your own with --data DIR, or with `data` in a \
             configuration file that you name with --config FILE"
        )),
        other => other,
    })
}

/// As [`sealing_key`], where the settings say; who may not write there is told how to choose.
pub(crate) fn sealing_key_of(config: &Config) -> Result<Arc<SealingKey>> {
    sealing::find_or_make(&config.sealing_key_file).map(Arc::new).map_err(|error| match error {
        SealingError::NoPlace { .. } => not_set_up(format!(
            "{error}\nchoose a file of your own with --sealing-key-file FILE, or with \
             `sealing_key_file` in a configuration file that you name with --config FILE"
        )),
        other => not_set_up(other),
    })
}

/// Takes the address.
pub(crate) async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => not_set_up(format!(
            "{listen} is taken, perhaps by another askfirst; choose another with \
             `--listen {}:PORT`, where port 0 takes any free one",
            bracketed(listen)
        )),
        std::io::ErrorKind::PermissionDenied if listen.port() < 1024 => not_set_up(format!(
            "this account may not listen on {listen}: ports below 1024 take CAP_NET_BIND_SERVICE, \
             which deploy/askfirst.service gives; or choose another with `--listen {}:8443`",
            bracketed(listen)
        )),
        _ => not_set_up(format!("cannot listen on {listen}: {error}")),
    })
}

fn bracketed(listen: SocketAddr) -> String {
    match listen {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    }
}

/// How a server at this address is reached: by its public name, and from this machine.
pub(crate) fn reach(public_url: &str, listen: SocketAddr, more: &[String]) -> Reach {
    let public_url = public_url.trim_end_matches('/').to_owned();
    let port = listen.port();
    let mut hosts = vec![
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        listen.to_string(),
    ];
    hosts.extend(public_url.split_once("://").map(|(_, host)| host.to_lowercase()));
    hosts.extend(more.iter().map(|host| host.to_lowercase()));
    hosts.sort();
    hosts.dedup();
    Reach { public_url, hosts, trusted_proxies: Vec::new() }
}

/// To whom a server speaks who has no key of it.
pub(crate) struct Ways {
    /// The way out.
    pub(crate) outgoing: Outgoing,
    /// Where what happens is told, if anywhere.
    pub(crate) traces: Option<Traces>,
    /// What strangers may.
    pub(crate) self_service: Option<SelfService>,
}

/// Starts the server on a store.
pub(crate) fn start(
    store: Arc<dyn Store>,
    sealing: &Arc<SealingKey>,
    signing_bits: KeyBits,
    reach: Reach,
    limits: Limits,
    ways: Ways,
) -> Server {
    let sealing = Arc::clone(sealing);
    let pace = Arc::new(EvenClock::default());
    let Ways { outgoing, traces, self_service } = ways;
    Server::start(Setup {
        store,
        sealing,
        signing_bits,
        reach,
        limits,
        pace,
        outgoing,
        traces,
        self_service,
    })
}

/// The key-encryption key.
pub(crate) fn sealing_key(file: &Path) -> Result<Arc<SealingKey>> {
    sealing::find_or_make(file).map(Arc::new).map_err(not_set_up)
}

/// The certificate to speak TLS with, if the settings name one.
pub(crate) fn certificates(config: &Config) -> Result<Option<Arc<Certificates>>> {
    let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(None) };
    let certificates = Certificates::load(cert, key).map_err(not_set_up)?;
    let host = config.public_url.split_once("://").map_or("", |(_, host)| host);
    let host = host.trim_end_matches('/');
    if !certificates.covers(host) {
        return Err(not_set_up(format!(
            "tls_cert: the certificate in {} is not for {}, which public_url names; get one for \
             that name, or set public_url to a name that is in it",
            cert.display(),
            config::host_name(host)
        )));
    }
    Ok(Some(Arc::new(certificates)))
}

/// The certificate authorities that are believed when something is sent, as the settings say.
pub(crate) fn trust(config: &Config) -> Result<Trust> {
    config.outgoing.trust().map_err(|error| not_set_up(format!("outgoing.ca_file: {error}")))
}

/// Has the certificate read again on SIGHUP. Without one the signal does nothing, so that a
/// reload never ends the server.
pub(crate) fn renew_on_hangup(certificates: Option<Arc<Certificates>>) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match &certificates {
                Some(certificates) => certificates.renew(),
                None => info!(
                    "there is no certificate to read again; other settings are read at the start only"
                ),
            }
        }
    });
    Ok(())
}

/// The size of a signing key, as the settings write it.
pub(crate) const fn bits(count: u16) -> KeyBits {
    match count {
        3072 => KeyBits::Rsa3072,
        _ => KeyBits::Rsa2048,
    }
}

/// Ends with the first SIGINT or SIGTERM; a second one is the system's to handle.
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// What a stopped server's process says and exits with.
pub(crate) fn farewell(stopped: Stopped) -> Result<u8> {
    match stopped {
        Stopped::Asked => Ok(exit::DONE),
        Stopped::StoreHalted => Err(Failure::Halted(
            "a write failed and it is unknown whether it was recorded, so the server stopped; \
             check the disk, then start it again: it reads the truth"
                .into(),
        )
        .into()),
        Stopped::NoSigningKey => Err(not_set_up(
            "there is no key to sign receipts with; the log line above says why. a data folder \
             works only with the sealing key it was made with",
        )),
        Stopped::NoTls => Err(not_set_up("TLS cannot be spoken; the log line above says why")),
    }
}
