//! Whose certificates are believed: the machine's certificate authorities, and the operator's own.
//! There is no way to believe none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// Certificate authorities, and how TLS is spoken.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    authorities: usize,
    /// The same authorities, for libraries that want them one by one.
    certificates: Arc<[CertificateDer<'static>]>,
}

/// Why certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The operator's file does not hold any.
    #[error("{}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The library cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

impl Trust {
    /// The machine's certificate authorities and those in `extra`, a file in PEM. The machine's
    /// are where its distribution keeps them, or where `SSL_CERT_FILE` and `SSL_CERT_DIR` say.
    ///
    /// # Errors
    /// [`TrustError`] if `extra` holds none that can be read.
    pub fn load(extra: Option<&Path>) -> Result<Self, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some certificate authorities of this machine cannot be read");
        }
        let mut certificates = found.certs;
        if let Some(file) = extra {
            certificates.extend(read(file)?);
        }
        Self::of(certificates)
    }

    pub(super) fn of(certificates: Vec<CertificateDer<'static>>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let readable = |der: &CertificateDer<'static>| roots.add(der.clone()).is_ok();
        let certificates: Arc<[_]> = certificates.into_iter().filter(readable).collect();
        let authorities = roots.len();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), authorities, certificates })
    }

    /// How many certificate authorities are believed. With 0, nothing can be sent by https.
    #[must_use]
    pub const fn authorities(&self) -> usize {
        self.authorities
    }

    /// The certificates of those authorities.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// TLS to a mail server. Some refuse who offers to speak something else than mail (ALPN).
    pub(super) fn mail(&self) -> TlsConnector {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols.clear();
        TlsConnector::from(Arc::new(config))
    }

    pub(super) fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.config))
    }

    /// Why a handshake failed, and what to do.
    pub(crate) fn explain(&self, error: &std::io::Error) -> String {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(why)) => self.doubt(why),
            Some(rustls::Error::InvalidMessage(_)) => {
                "the server does not speak TLS on this port; is it the right one?".into()
            }
            Some(rustls::Error::AlertReceived(alert)) => {
                format!("the server ended the handshake: {alert:?}")
            }
            Some(other) => other.to_string(),
            None => format!("the server ended the handshake: {error}"),
        }
    }

    fn doubt(&self, why: &CertificateError) -> String {
        match why {
            CertificateError::UnknownIssuer if self.authorities == 0 => {
                "this server knows no certificate authorities; the operator should install \
                 ca-certificates or name a file in `outgoing.ca_file`"
                    .into()
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is from no authority that is known here, or the chain is not \
                 whole; send the full chain, or have the operator add the authority to \
                 `outgoing.ca_file`"
                    .into()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired; renew it".into()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet; look at both clocks".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host; use the name that stands in it".into()
            }
            CertificateError::Revoked => "its certificate was revoked; get another".into(),
            other => other.to_string(),
        }
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").field("authorities", &self.authorities).finish_non_exhaustive()
    }
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let broken = |why: String| TrustError::File { file: file.to_owned(), why };
    let read = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| broken(error.to_string()))?;
    if read.is_empty() {
        return Err(broken("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".into()));
    }
    let mut roots = RootCertStore::empty();
    for certificate in &read {
        roots.add(certificate.clone()).map_err(|error| broken(error.to_string()))?;
    }
    Ok(read)
}
