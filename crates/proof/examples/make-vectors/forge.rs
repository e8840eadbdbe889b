//! Tools to make tokens that a genuine signer never would, from keys that are public knowledge.
//! Which tokens to make is for `tokens.rs` and `bundles.rs`.

use std::error::Error;
use std::path::PathBuf;

use askfirst_proof::canonical::canonical;
use askfirst_proof::{SigningKey, Statement};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The folder that the vectors live in.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors"))
}

/// A key whose private half is committed.
pub(crate) struct TestKey {
    pub(crate) signing: SigningKey,
    pair: KeyPair,
}

impl TestKey {
    pub(crate) fn read(name: &str) -> Result<Self> {
        let text = std::fs::read_to_string(folder().join("keys").join(name))?;
        let file: Value = serde_json::from_str(&text)?;
        let der = STANDARD.decode(file["pkcs8"].as_str().ok_or("no pkcs8")?)?;
        Ok(Self { signing: SigningKey::from_pkcs8(&der)?, pair: KeyPair::from_pkcs8(&der)? })
    }

    pub(crate) fn kid(&self) -> &str {
        self.signing.kid()
    }

    /// The public key as the three byte strings that are confused with an HMAC secret.
    pub(crate) fn public_bytes(&self) -> Result<[(&'static str, Vec<u8>); 3]> {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().map_err(|_| "no der")?;
        let der = der.as_ref().to_vec();
        let body = STANDARD.encode(&der);
        let lines: Vec<&str> =
            (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
        let pem =
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
        let n = URL_SAFE_NO_PAD.decode(&self.signing.jwk().n)?;
        Ok([("pem", pem.into_bytes()), ("der", der), ("modulus", n)])
    }

    /// Signs any header over any payload with RS256, the header's own claims notwithstanding.
    pub(crate) fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        self.sign_with(&RSA_PKCS1_SHA256, header, payload)
    }

    pub(crate) fn sign_rs384(&self, header: &[u8], payload: &[u8]) -> String {
        self.sign_with(&RSA_PKCS1_SHA384, header, payload)
    }

    pub(crate) fn sign_rs512(&self, header: &[u8], payload: &[u8]) -> String {
        self.sign_with(&RSA_PKCS1_SHA512, header, payload)
    }

    #[allow(clippy::disallowed_methods, reason = "RSA blinding; it does not show in the signature")]
    fn sign_with(&self, how: &'static dyn RsaEncoding, header: &[u8], payload: &[u8]) -> String {
        let message = message(header, payload);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(how, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .expect("a test key signs");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and payload, encoded and joined: what a signature covers.
pub(crate) fn message(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// A token authenticated with a shared secret instead of a signature.
pub(crate) fn hs256(secret: &[u8], header: &[u8], payload: &[u8]) -> String {
    let message = message(header, payload);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The header of a receipt, with members changed, added or (by `null`) taken out.
pub(crate) fn header(kid: &str, changes: Value) -> Vec<u8> {
    let genuine = json!({"alg": "RS256", "kid": kid, "typ": "askfirst-receipt+jwt"});
    canonical(&changed(genuine, changes)).expect("a header is expressible")
}

/// The claims of a statement, with members changed, added or (by `"(absent)"`) taken out.
pub(crate) fn claims(statement: &Statement, changes: Value) -> Vec<u8> {
    let genuine = serde_json::to_value(statement).expect("a statement is json");
    canonical(&changed(genuine, changes)).expect("claims are expressible")
}

fn changed(value: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (value, changes) else {
        unreachable!("both are objects")
    };
    for (key, change) in changes {
        if change == "(absent)" {
            members.remove(&key);
        } else {
            members.insert(key, change);
        }
    }
    Value::Object(members)
}

/// The text of the claims with one passage replaced, for what JSON values cannot express.
pub(crate) fn rewritten(statement: &Statement, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(claims(statement, Value::Object(Map::new()))).expect("utf-8");
    assert!(text.contains(from), "{from} is not in the claims");
    text.replacen(from, to, 1).into_bytes()
}
