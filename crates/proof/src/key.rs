//! The keys that sign receipts, and their public half as others read it.
//! A key is parsed once and held: where it is kept, and when it is rotated, is the server's.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::canonical::Digest;

/// The `typ` of a native receipt. Other tokens carry another, so none can be taken for one.
pub const RECEIPT_TYPE: &str = "askfirst-receipt+jwt";
/// The `typ` of a token for clients of proof.holdings.
pub const PROOF_TOKEN_TYPE: &str = "JWT";
/// The `typ` of the list of which of those are revoked. Source: draft-ietf-oauth-status-list.
pub const STATUS_LIST_TYPE: &str = "statuslist+jwt";

/// Why a key cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library could not make a key, or write one down.
    #[error("a signing key could not be made")]
    NotMade,
    /// Not an RSA private key of 2048 bits or more in PKCS#8.
    #[error("not an rsa private key of at least 2048 bits in pkcs#8: {0}")]
    NotRead(aws_lc_rs::error::KeyRejected),
    /// The library refused to sign.
    #[error("the key could not sign")]
    NotSigned,
}

/// How long a new key is. Why 2048 is enough is in `docs/decisions/0002-rsa-2048.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyBits {
    /// 2048 bits.
    #[default]
    Rsa2048,
    /// 3072 bits, at two to three times the cost of a signature.
    Rsa3072,
}

impl KeyBits {
    /// How many.
    #[must_use]
    pub const fn count(self) -> u16 {
        match self {
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
        }
    }
}

/// A private RSA key that signs receipts. It shows only its public thumbprint.
pub struct SigningKey {
    pair: KeyPair,
    jwk: Jwk,
}

impl SigningKey {
    /// Makes a new key. Errors: [`KeyError::NotMade`].
    pub fn generate(bits: KeyBits) -> Result<Self, KeyError> {
        let size = match bits {
            KeyBits::Rsa2048 => KeySize::Rsa2048,
            KeyBits::Rsa3072 => KeySize::Rsa3072,
        };
        let pair = KeyPair::generate(size).map_err(|_| KeyError::NotMade)?;
        Ok(Self::from_pair(pair))
    }

    /// Reads an unencrypted PKCS#8 key in DER, of 2048 bits or more. Errors: [`KeyError::NotRead`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(der).map_err(KeyError::NotRead)?;
        Ok(Self::from_pair(pair))
    }

    /// The key as PKCS#8 in DER, in a buffer that wipes itself; seal it before it is kept.
    /// Errors: [`KeyError::NotMade`].
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::NotMade)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    fn from_pair(pair: KeyPair) -> Self {
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let jwk = Jwk::rsa(&public.n, &public.e);
        Self { pair, jwk }
    }

    /// The key's name: its RFC 7638 thumbprint in base64url, 43 characters.
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// The public half, to be published.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs the bytes of a statement into a receipt, a compact JWS (RFC 7515).
    ///
    /// RS256 is deterministic: the same bytes and key always give the same receipt, so a receipt
    /// lost in a crash can be made again. Errors: [`KeyError::NotSigned`].
    pub fn sign_receipt(&self, statement_bytes: &[u8]) -> Result<String, KeyError> {
        self.sign(RECEIPT_TYPE, statement_bytes)
    }

    /// Signs the claims of a token for clients of proof.holdings. Errors: [`KeyError::NotSigned`].
    pub fn sign_proof_token(&self, claims: &[u8]) -> Result<String, KeyError> {
        self.sign(PROOF_TOKEN_TYPE, claims)
    }

    /// Signs the claims of a status list. Errors: [`KeyError::NotSigned`].
    pub fn sign_status_list(&self, claims: &[u8]) -> Result<String, KeyError> {
        self.sign(STATUS_LIST_TYPE, claims)
    }

    #[allow(clippy::disallowed_methods, reason = "RSA blinding; it does not show in the signature")]
    fn sign(&self, typ: &str, claims: &[u8]) -> Result<String, KeyError> {
        let header = format!(r#"{{"alg":"RS256","kid":"{}","typ":"{typ}"}}"#, self.kid());
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| KeyError::NotSigned)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.jwk.kid).finish_non_exhaustive()
    }
}

/// A public RSA key as RFC 7517 writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `RSA`.
    pub kty: String,
    /// The modulus, big-endian, in base64url.
    pub n: String,
    /// The public exponent, big-endian, in base64url.
    pub e: String,
    /// The name its publisher gives it. A verifier computes [`Jwk::thumbprint`] instead.
    pub kid: String,
    /// `RS256`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// What it signs, where that is no receipt. Who trusts keys for receipts passes over it.
    #[serde(default, rename = "askfirst_signs", skip_serializing_if = "Option::is_none")]
    pub signs: Option<String>,
}

impl Jwk {
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Self {
        let mut jwk = Self {
            kty: "RSA".into(),
            n: URL_SAFE_NO_PAD.encode(n),
            e: URL_SAFE_NO_PAD.encode(e),
            kid: String::new(),
            alg: "RS256".into(),
            usage: "sig".into(),
            signs: None,
        };
        jwk.kid = jwk.thumbprint();
        jwk
    }

    /// SHA-256 over the key's required members in order, in base64url. Source: RFC 7638.
    pub fn thumbprint(&self) -> String {
        rsa_thumbprint(&self.n, &self.e)
    }
}

/// The thumbprint of an RSA key from its base64url members, which have no character to escape.
pub(crate) fn rsa_thumbprint(n: &str, e: &str) -> String {
    let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
    URL_SAFE_NO_PAD.encode(Digest::of(members.as_bytes()).as_bytes())
}

/// The document at `/.well-known/jwks.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JwkSet {
    /// Every key whose receipts are still to be believed, retired ones included.
    pub keys: Vec<Jwk>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        // RFC 7638, section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(rsa_thumbprint(n, "AQAB"), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_key_survives_being_written_and_read() {
        let key = SigningKey::generate(KeyBits::default()).unwrap();
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(again.sign_receipt(b"{}").unwrap(), key.sign_receipt(b"{}").unwrap());
    }

    #[test]
    fn a_key_shows_only_its_name() {
        let key = SigningKey::generate(KeyBits::Rsa3072).unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, .. }}", key.kid()));
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        assert!(matches!(SigningKey::from_pkcs8(b"no key"), Err(KeyError::NotRead(_))));
    }
}
