//! `askfirst serve` with TLS of its own, and behind a proxy that ends it, over real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::Value;

use crate::serve::{configuration, init, serve_with};
use crate::support::{Done, PATIENCE, Running, command, finish, run};

/// A server's files in a folder of its own.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) config: String,
    pub(crate) admin: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path());
        let made = init(&config).expect(0).json();
        let admin = made["admin_key"].as_str().unwrap().to_owned();
        Self { folder, config, admin }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a new certificate for this name, `NAME.crt` and `NAME.key`.
    pub(crate) fn certify(&self, name: &str, host: &str) -> (String, String) {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let files = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        std::fs::write(&files.0, made.cert.pem()).unwrap();
        std::fs::write(&files.1, made.signing_key.serialize_pem()).unwrap();
        files
    }

    /// Starts it; gives it and its port.
    pub(crate) fn serve(&self, more: &[&str]) -> (Running, u16) {
        let (server, url) = serve_with(&self.config, more);
        (server, url.rsplit(':').next().unwrap().parse().unwrap())
    }

    /// A client that trusts this certificate only.
    fn client(&self, port: u16, trusts: &str) -> Done {
        let mut client = command(&["members", "list", "--json"]);
        client.env("ASKFIRST_URL", format!("https://localhost:{port}"));
        client.env("ASKFIRST_KEY", &self.admin).env("SSL_CERT_FILE", trusts);
        finish(client)
    }
}

/// The next log entry with this message.
pub(crate) fn logged(server: &mut Running, message: &str) -> Value {
    loop {
        let line = server.line();
        assert!(!line.is_empty(), "the log ended without {message:?}");
        let entry: Value = serde_json::from_str(&line).unwrap();
        if entry["message"] == message {
            return entry;
        }
    }
}

/// Sends bytes and reads all of the answer.
pub(crate) fn exchange(port: u16, bytes: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _hung_up = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_server_speaks_tls_and_takes_a_renewed_certificate_without_a_restart() {
    let site = Site::new();
    let (old_cert, _) = site.certify("old", "localhost");
    let (new_cert, new_key) = site.certify("new", "localhost");
    let (cert, key) = site.certify("live", "localhost");
    std::fs::copy(&old_cert, &cert).unwrap();
    std::fs::copy(site.path("old.key"), &key).unwrap();
    let flags = ["--tls-cert", &cert, "--tls-key", &key, "--public-url", "https://localhost"];
    let (mut server, port) = site.serve(&flags);
    // Whoever connects and says nothing keeps nobody else waiting.
    let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(site.client(port, &old_cert).expect(0).json()["data"][0]["name"], "Ana");
    site.client(port, &new_cert).expect(1);
    // Without TLS there is no answer, and no harm.
    let plain = exchange(port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!plain.contains("HTTP/1.1"), "{plain}");

    // Half of a renewal is no renewal.
    std::fs::copy(&new_cert, &cert).unwrap();
    server.signal(Signal::HUP);
    let kept =
        logged(&mut server, "the certificate could not be read again; the one from before stays");
    assert!(kept["error"].as_str().unwrap().contains("the key is not the certificate's"), "{kept}");
    site.client(port, &old_cert).expect(0);
    std::fs::copy(&new_key, &key).unwrap();
    server.signal(Signal::HUP);
    logged(&mut server, "the certificate was read again");
    site.client(port, &new_cert).expect(0);
    site.client(port, &old_cert).expect(1);
    server.signal(Signal::TERM);
    server.end().expect(0);
}

#[test]
fn a_certificate_that_is_not_believed_is_told_with_what_to_do() {
    let site = Site::new();
    let (good, _) = site.certify("good", "localhost");
    let (cert, key) = site.certify("live", "localhost");
    let flags = ["--tls-cert", &cert, "--tls-key", &key, "--public-url", "https://localhost"];
    let (mut server, port) = site.serve(&flags);
    let unknown = site.client(port, &good).expect(1).err;
    assert!(unknown.contains("from no authority that this machine knows"), "{unknown}");
    assert!(unknown.contains("SSL_CERT_FILE") && !unknown.contains("not reachable"), "{unknown}");

    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pair = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&cert, params.self_signed(&pair).unwrap().pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    server.signal(Signal::HUP);
    logged(&mut server, "the certificate was read again");
    let authoritys = site.client(port, &cert).expect(1).err;
    assert!(authoritys.contains("CA:FALSE"), "{authoritys}");
    server.signal(Signal::TERM);
    server.end().expect(0);
}

#[test]
fn a_certificate_that_cannot_be_used_is_refused_before_the_start() {
    let site = Site::new();
    let (cert, key) = site.certify("good", "ask.example.com");
    let (other, other_key) = site.certify("other", "other.example.com");
    let check = |lines: &str| {
        let settings = std::fs::read_to_string(&site.config).unwrap();
        let file = site.path("tls.toml");
        std::fs::write(&file, format!("{settings}{lines}")).unwrap();
        run(&["config", "check", "--config", &file])
    };
    let pair = |cert: &str, key: &str| check(&format!("tls_cert = {cert:?}\ntls_key = {key:?}\n"));
    pair(&cert, &key).expect(0);
    for (done, said) in [
        (pair(&cert, &other_key), "the key is not the certificate's"),
        (pair(&other, &other_key), "is not for ask.example.com"),
        (pair(&key, &key), "holds no certificate"),
        (pair(&cert, &cert), "holds no private key"),
        (pair("/missing.pem", &key), "/missing.pem"),
        (check(&format!("tls_cert = {cert:?}\n")), "tls_key"),
        (check(&format!("tls_key = {key:?}\n")), "tls_cert"),
    ] {
        assert!(done.expect(78).err.contains(said), "{said}");
    }
    let plain = ["--tls-cert", &cert, "--tls-key", &key, "--public-url", "http://127.0.0.1:1"];
    let refused = run(&[&["serve", "--config", &site.config], &plain[..]].concat()).expect(78);
    assert!(refused.err.contains("use https"), "{}", refused.err);
    let everybody = ["serve", "--config", &site.config, "--trusted-proxy", "0.0.0.0/0"];
    assert!(run(&everybody).expect(64).err.contains("is everybody"));
}

/// What a proxy would send: the answer, and the address that the log has for it.
fn through(server: &mut Running, port: u16, head: &str) -> (String, String) {
    let request = format!("GET /healthz HTTP/1.1\r\nConnection: close\r\n{head}\r\n\r\n");
    let answer = exchange(port, &request);
    let entry = logged(server, "answered");
    (answer, entry["span"]["client"].as_str().unwrap().to_owned())
}

#[test]
fn a_trusted_proxy_is_believed_and_nobody_else() {
    let site = Site::new();
    let chain = "X-Forwarded-For: 192.0.2.66, 198.51.100.7";
    let inside = format!("Host: backend\r\nX-Forwarded-Host: ask.example.com\r\n{chain}");
    let plain = format!("Host: ask.example.com\r\nX-Forwarded-Proto: http\r\n{chain}");

    let (mut behind, port) = site.serve(&["--trusted-proxy", "127.0.0.0/8"]);
    let (answer, client) = through(&mut behind, port, &inside);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(client, "198.51.100.7");
    let (answer, _) = through(&mut behind, port, &plain);
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(answer.contains("\r\nlocation: https://ask.example.com/healthz\r\n"), "{answer}");
    let with_key = format!("{plain}\r\nAuthorization: Bearer {}", site.admin);
    let (answer, _) = through(&mut behind, port, &with_key);
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("replace it"), "{answer}");
    behind.signal(Signal::TERM);
    behind.end().expect(0);

    let (mut open, port) = site.serve(&["--trusted-proxy", "10.0.0.1"]);
    let (answer, client) = through(&mut open, port, &inside);
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    assert_eq!(client, "127.0.0.1");
    let (answer, _) = through(&mut open, port, &plain);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // A reload with nothing to read again is no reason to stop.
    open.signal(Signal::HUP);
    logged(
        &mut open,
        "there is no certificate to read again; other settings are read at the start only",
    );
    open.signal(Signal::TERM);
    open.end().expect(0);
}
