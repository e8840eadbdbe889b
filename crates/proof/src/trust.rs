//! Whose signatures the checker believes: public keys and thumbprints named beforehand.
//! A key that merely comes along with a receipt is never trusted for that.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::canonical::{CanonicalError, parse_strict};
use crate::key::{Jwk, rsa_thumbprint};

/// The least size of a key, in bits of its modulus.
pub const MIN_BITS: usize = 2048;
/// The greatest size: beyond it a signature costs the checker too much.
pub const MAX_BITS: usize = 8192;

/// Why a key cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Neither a key set, a key nor a thumbprint.
    #[error("neither a json web key set, a json web key nor a thumbprint of 43 characters")]
    Unreadable,
    /// JSON, but broken.
    #[error(transparent)]
    NotJson(CanonicalError),
    /// A key set without a single RSA signing key.
    #[error("no rsa signing key in it")]
    NoKeys,
    /// An RSA key whose members are missing or not in strict base64url.
    #[error("an rsa key in it has a missing or malformed modulus or exponent")]
    Malformed,
    /// An RSA key of a size that is not accepted.
    #[error("an rsa key in it has {bits} bits, and {MIN_BITS} to {MAX_BITS} are accepted")]
    Size {
        /// Its size.
        bits: usize,
    },
}

/// The keys and thumbprints that a checker believes.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    keys: BTreeMap<String, PublicKey>,
    thumbprints: BTreeSet<String>,
}

impl Trust {
    /// Trusts nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what a person hands over: a JWK set, one JWK, or thumbprints separated by white
    /// space. Keys of other kinds in a set are passed over. Errors: [`TrustError`].
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let mut trust = Self::new();
        trust.add(text)?;
        Ok(trust)
    }

    /// Adds what [`Trust::parse`] reads. Errors: [`TrustError`].
    pub fn add(&mut self, text: &str) -> Result<(), TrustError> {
        if !text.trim_start().starts_with('{') {
            return self.add_thumbprints(text);
        }
        let document = parse_strict(text.as_bytes()).map_err(TrustError::NotJson)?;
        let one = std::slice::from_ref(&document);
        let jwks =
            document.get("keys").map_or(Some(one), |keys| keys.as_array().map(Vec::as_slice));
        let before = self.keys.len();
        for jwk in jwks.ok_or(TrustError::Unreadable)? {
            if signs_rs256(jwk) {
                let key = PublicKey::from_members(jwk["n"].as_str(), jwk["e"].as_str())?;
                self.keys.insert(key.thumbprint(), key);
            }
        }
        if self.keys.len() == before { Err(TrustError::NoKeys) } else { Ok(()) }
    }

    /// Trusts one of our own keys. Errors: [`TrustError::Malformed`], [`TrustError::Size`].
    pub fn add_key(&mut self, jwk: &Jwk) -> Result<(), TrustError> {
        let key = PublicKey::from_jwk(jwk)?;
        self.keys.insert(key.thumbprint(), key);
        Ok(())
    }

    fn add_thumbprints(&mut self, text: &str) -> Result<(), TrustError> {
        let before = self.thumbprints.len();
        for word in text.split_whitespace() {
            if URL_SAFE_NO_PAD.decode(word).is_ok_and(|bytes| bytes.len() == 32) {
                self.thumbprints.insert(word.to_owned());
            } else {
                return Err(TrustError::Unreadable);
            }
        }
        if self.thumbprints.len() == before { Err(TrustError::Unreadable) } else { Ok(()) }
    }

    /// The trusted key of this thumbprint. `offered` are keys that came along; one counts only
    /// if its thumbprint, computed here, was trusted before. `None`: not trusted, or the key
    /// itself is not at hand. Errors: [`TrustError`], for a trusted key that is unusable.
    pub(crate) fn key(&self, kid: &str, offered: &[Jwk]) -> Result<Option<PublicKey>, TrustError> {
        if let Some(key) = self.keys.get(kid) {
            return Ok(Some(key.clone()));
        }
        if !self.thumbprints.contains(kid) {
            return Ok(None);
        }
        offered.iter().find(|jwk| jwk.thumbprint() == kid).map(PublicKey::from_jwk).transpose()
    }
}

/// Whether a foreign JWK claims to be what we need: RSA, for signatures, not for another `alg`, and
/// not for tokens that are no receipts.
fn signs_rs256(jwk: &Value) -> bool {
    if jwk.get("askfirst_signs").is_some() {
        return false;
    }
    let allows = |member: &str, wanted: &str| jwk.get(member).is_none_or(|found| found == wanted);
    jwk.get("kty").is_some_and(|kty| kty == "RSA") && allows("use", "sig") && allows("alg", "RS256")
}

/// An RSA public key of an accepted size.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl PublicKey {
    fn from_jwk(jwk: &Jwk) -> Result<Self, TrustError> {
        if jwk.kty != "RSA" {
            return Err(TrustError::Malformed);
        }
        Self::from_members(Some(&jwk.n), Some(&jwk.e))
    }

    fn from_members(n: Option<&str>, e: Option<&str>) -> Result<Self, TrustError> {
        // Strict base64url and no leading zero: then the thumbprint of these members is the
        // thumbprint of this key, and one key cannot appear under two names.
        let bytes = |member: Option<&str>| {
            member
                .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
                .filter(|bytes| bytes.first().is_some_and(|first| *first != 0))
                .ok_or(TrustError::Malformed)
        };
        let (n, e) = (bytes(n)?, bytes(e)?);
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        if !(MIN_BITS..=MAX_BITS).contains(&bits) {
            return Err(TrustError::Size { bits });
        }
        Ok(Self { n, e })
    }

    fn thumbprint(&self) -> String {
        rsa_thumbprint(&URL_SAFE_NO_PAD.encode(&self.n), &URL_SAFE_NO_PAD.encode(&self.e))
    }

    /// Whether this key made the signature over these bytes, by RS256 (RFC 7518, section 3.3).
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let components = PublicKeyComponents { n: &self.n, e: &self.e };
        components.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}
