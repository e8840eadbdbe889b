//! Nothing is sent to who cannot prove to be the host of the URL.

use std::sync::{Arc, Mutex};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::super::{Failure, Rules, Trust};
use super::{Network, PUBLIC, heard, post};

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn make() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn trust(&self) -> Trust {
        Trust::of(vec![self.0.der().clone()]).unwrap()
    }

    /// A receiver with a certificate from here, that writes down what it is sent.
    pub(super) fn receiver(&self, params: CertificateParams) -> (Network, Arc<Mutex<Vec<String>>>) {
        let key = KeyPair::generate().unwrap();
        let chain = vec![params.signed_by(&key, &self.0).unwrap().der().clone()];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let said = Arc::new(Mutex::new(Vec::new()));
        let write = Arc::clone(&said);
        let network = Network::of(move |stream| {
            let (acceptor, write) = (acceptor.clone(), Arc::clone(&write));
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                loop {
                    let heard = heard(&mut stream).await;
                    if heard.is_empty() {
                        break;
                    }
                    write.lock().unwrap().push(heard);
                    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    let _ = stream.write_all(ok).await;
                }
            }
        });
        (network.name("hooks.example.com", &[&[PUBLIC]]), said)
    }
}

pub(super) fn named(host: &str) -> CertificateParams {
    CertificateParams::new(vec![host.to_owned()]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_proves_to_be_the_host_is_sent_it() {
    let authority = Authority::make();
    for (host, url) in [
        ("hooks.example.com", "https://hooks.example.com/hook"),
        ("*.example.com", "https://hooks.example.com:8443/hook"),
        (PUBLIC, "https://8.8.4.4/hook"),
    ] {
        let (network, said) = authority.receiver(named(host));
        let (outgoing, _) = network.trusting(Rules::default(), authority.trust());
        let answer = post(&outgoing, url).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"ok"[..]));
        let said = said.lock().unwrap();
        assert!(said[0].starts_with("POST /hook HTTP/1.1\r\n"), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_is_sent_nothing_and_told_why() {
    let (authority, other) = (Authority::make(), Authority::make());
    let nobody = Trust::of(Vec::new()).unwrap();
    let good = || named("hooks.example.com");
    let (mut expired, mut early) = (good(), good());
    expired.not_before = date_time_ymd(2000, 1, 1);
    expired.not_after = date_time_ymd(2001, 1, 1);
    early.not_before = date_time_ymd(3000, 1, 1);
    early.not_after = date_time_ymd(3001, 1, 1);
    for (params, trust, told) in [
        (named("other.example.com"), authority.trust(), "its certificate is for another host"),
        (named("example.com"), authority.trust(), "its certificate is for another host"),
        (named(PUBLIC), authority.trust(), "its certificate is for another host"),
        (expired, authority.trust(), "its certificate has expired; renew it"),
        (early, authority.trust(), "its certificate is not valid yet"),
        (good(), other.trust(), "from no authority that is known here"),
        (good(), nobody, "this server knows no certificate authorities"),
    ] {
        let (network, said) = authority.receiver(params);
        let (outgoing, _) = network.trusting(Rules::default(), trust);
        let failure = post(&outgoing, "https://hooks.example.com/hook").await.unwrap_err();
        assert!(matches!(failure, Failure::Untrusted(_)), "{failure:?}");
        let words = failure.to_string();
        assert!(words.starts_with("nothing was sent, as TLS failed: "), "{words}");
        assert!(words.contains(told), "{told}: {words}");
        assert_eq!(said.lock().unwrap()[..], [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_speaks_no_tls_is_told_so() {
    let network = Network::of(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let network = network.name("hooks.example.com", &[&[PUBLIC]]);
    let (outgoing, _) = network.start(Rules::default());
    let failure = post(&outgoing, "https://hooks.example.com/").await.unwrap_err().to_string();
    assert!(failure.contains("does not speak TLS on this port"), "{failure}");
    let network = Network::of(|_| async {}).name("hooks.example.com", &[&[PUBLIC]]);
    let (outgoing, _) = network.start(Rules::default());
    let failure = post(&outgoing, "https://hooks.example.com/").await.unwrap_err().to_string();
    assert!(failure.contains("the server ended the handshake"), "{failure}");
}

#[test]
fn an_authority_of_the_operators_is_believed_beside_the_machines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let machine = Trust::load(None).unwrap().authorities();
    std::fs::write(&file, Authority::make().0.pem()).unwrap();
    assert_eq!(Trust::load(Some(&file)).unwrap().authorities(), machine + 1);
    for (text, told) in [
        ("", "ca.pem: it holds no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ca.pem: "),
        ("-----BEGIN CERTIFICATE-----\n", "ca.pem: "),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = Trust::load(Some(&file)).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let error = Trust::load(Some(&folder.path().join("none.pem"))).unwrap_err().to_string();
    assert!(error.contains("none.pem: "), "{error}");
}
