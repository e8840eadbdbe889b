//! The server's own end of TLS: a certificate chain and its key from two files, read again when
//! they change, so that a renewal needs no restart. Which versions and ciphers are good is the
//! library's to know.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file does not read as what it should be.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        why: String,
    },
    /// The two do not go together, or the library refuses them.
    #[error("{} and {} cannot be used: {why}", cert.display(), key.display())]
    Pair {
        /// The chain.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        why: String,
    },
}

/// A certificate chain with its key, from files that may be renewed.
#[derive(Debug)]
pub struct Certificates {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<[Option<Look>; 2]>,
    wanted: Notify,
}

/// What shows that a file is another than before.
type Look = (SystemTime, u64);

fn look(path: &Path) -> Option<Look> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Certificates {
    /// Reads the chain, the server's own certificate first, and its key, both as PEM.
    ///
    /// # Errors
    /// [`TlsError`] if one does not read or they do not go together.
    pub fn load(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let seen = Mutex::new([look(cert), look(key)]);
        let current = RwLock::new(Arc::new(read(cert, key)?));
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            current,
            seen,
            wanted: Notify::new(),
        })
    }

    /// Whether browsers accept the certificate for this host, as far as its names go.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let name = crate::config::host_name(host).to_owned();
        let (Ok(name), Some(certificate)) =
            (ServerName::try_from(name), self.current().cert.first().cloned())
        else {
            return false;
        };
        let parsed = ParsedCertificate::try_from(&certificate);
        parsed.is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }

    /// Asks for the files to be read again now.
    pub fn renew(&self) {
        self.wanted.notify_one();
    }

    /// Reads the files again when they change, until `stop`. What cannot be used is told in the
    /// log, and the old certificate stays.
    pub(crate) async fn keep_fresh(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
            };
            let certificates = Arc::clone(&self);
            // Files can be slow; requests need not be.
            let looked = tokio::task::spawn_blocking(move || certificates.look_again(asked)).await;
            match looked {
                Ok(Ok(true)) => {
                    info!(cert = %self.cert.display(), "the certificate was read again");
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => {
                    warn!(%error, "the certificate could not be read again; the one from before stays");
                }
                Err(error) => warn!(%error, "the certificate could not be looked at"),
            }
        }
    }

    /// Whether there is a new one now.
    fn look_again(&self, asked: bool) -> Result<bool, TlsError> {
        let now = [look(&self.cert), look(&self.key)];
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now && !asked {
            return Ok(false);
        }
        // Remembered only when it is read: a pair that is half renewed is looked at once more.
        let fresh = Arc::new(read(&self.cert, &self.key)?);
        *seen = now;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(true)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What makes a connection a protected one.
    ///
    /// # Errors
    /// If the library knows no protocol version, which it does.
    pub(crate) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn read(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let broken = |path: &Path, why: String| TlsError::File { path: path.to_owned(), why };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| broken(cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(broken(
            cert,
            "it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".into(),
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let why = match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                "it holds no private key in PEM that opens without a password".into()
            }
            other => other.to_string(),
        };
        broken(key, why)
    })?;
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider()).map_err(|error| {
        let why = match error {
            rustls::Error::InconsistentKeys(_) => "the key is not the certificate's".into(),
            other => other.to_string(),
        };
        TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), why }
    })
}
