//! The one home of randomness: ids, secrets and what is derived from them.
//! A secret is shown once; everything else sees its hash.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use askfirst_core::administration::SecretHash;
use askfirst_core::{Dialect, Environment};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::outgoing::signature::Secret;

/// The machine has no randomness to give; nothing safe can be made.
#[derive(Debug, thiserror::Error)]
#[error("the system's random source failed")]
pub struct NoRandomness;

/// 128 bits for a new id: a UUIDv7, so ids sort by the time they were made.
#[allow(clippy::disallowed_methods, reason = "this is the one home of id making")]
#[must_use]
pub fn id_bits() -> u128 {
    uuid::Uuid::now_v7().as_u128()
}

/// The first 12 of those bytes, for an API whose ids are no longer. All of what tells two ids of
/// one server apart is in them: the time, and what is counted within a millisecond.
#[must_use]
pub fn short_id() -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&id_bits().to_be_bytes()[..12]);
    bytes
}

/// An id for one request in the log: no secret, only unlike all others. Each start of the server
/// draws its first half, so that a request costs no randomness.
#[must_use]
pub fn request_id() -> String {
    static START: LazyLock<u128> = LazyLock::new(id_bits);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = u128::from(COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{:032x}", *START << 64 | count)
}

/// An id for one span of a trace: no secret either, and never 0.
#[cfg(feature = "otel")]
#[must_use]
pub fn span_id() -> u64 {
    // The lower half of a UUIDv7 is random.
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(id_bits() as u64));
    NEXT.fetch_add(1, Ordering::Relaxed).max(1)
}

/// What a secret opens; each kind hashes in a domain of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An API key.
    Key,
    /// A browser session.
    Session,
    /// A one-time sign-in link.
    Login,
    /// A link by which one person decides one approval.
    Decision,
    /// The buttons of a card, by which one account decides one approval.
    Card,
    /// A code by which somebody shows which chat account is theirs.
    Account,
}

impl Purpose {
    const fn domain(self) -> &'static [u8] {
        match self {
            Self::Key => b"askfirst/key/1\0",
            Self::Session => b"askfirst/session/1\0",
            Self::Login => b"askfirst/login/1\0",
            Self::Decision => b"askfirst/decision/1\0",
            Self::Card => b"askfirst/card/1\0",
            Self::Account => b"askfirst/account/1\0",
        }
    }

    /// What the database keeps instead of `secret`.
    #[must_use]
    pub fn hash(self, secret: &str) -> SecretHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(self.domain());
        context.update(secret.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        SecretHash(hash)
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one home of secrets")]
fn random() -> Result<Zeroizing<[u8; 32]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Salt for one password.
///
/// # Errors
/// [`NoRandomness`].
pub fn salt() -> Result<[u8; 16], NoRandomness> {
    let mut salt = [0; 16];
    salt.copy_from_slice(&random()?[..16]);
    Ok(salt)
}

/// A new token for a session or link: 256 bits in base64url.
///
/// # Errors
/// [`NoRandomness`].
pub fn token() -> Result<String, NoRandomness> {
    Ok(token_from(&*random()?))
}

/// The token with these 256 bits.
#[must_use]
pub fn token_from(secret: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(secret)
}

/// A new secret to sign with what is sent to a receiver: 256 bits.
///
/// # Errors
/// [`NoRandomness`].
pub fn signing_secret() -> Result<Secret, NoRandomness> {
    Ok(Secret::of(&*random()?))
}

/// A new API key's text.
///
/// # Errors
/// [`NoRandomness`].
pub fn api_key(dialect: Dialect, environment: Environment) -> Result<String, NoRandomness> {
    Ok(api_key_from(dialect, environment, &*random()?))
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^43 > 2^256.
const SECRET_DIGITS: usize = 43;
/// 62^6 > 2^32.
const CHECK_DIGITS: usize = 6;

/// The text of the API key with these 256 bits: `af_live_`, or another dialect's prefix before the
/// environment, 43 digits of secret, 6 of checksum.
#[must_use]
pub fn api_key_from(dialect: Dialect, environment: Environment, secret: &[u8; 32]) -> String {
    let mut text = format!("{}_{}_", dialect.key_prefix(), dialect.key_world(environment));
    text.push_str(&base62(secret, SECRET_DIGITS));
    let check = crc32fast::hash(text.as_bytes());
    text.push_str(&base62(&check.to_be_bytes(), CHECK_DIGITS));
    text
}

/// Whether a text can be an API key at all, of whatever dialect; wrong ones never reach the database.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    let prefixes = Dialect::ALL.map(Dialect::key_prefix);
    let named = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)?.strip_prefix('_'));
    let worlds = ["live_", "test_", "dev_"];
    let rest = named.and_then(|text| worlds.iter().find_map(|world| text.strip_prefix(world)));
    let Some(rest) = rest else { return false };
    if rest.len() != SECRET_DIGITS + CHECK_DIGITS
        || !rest.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return false;
    }
    let (body, check) = text.split_at(text.len() - CHECK_DIGITS);
    base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_DIGITS) == check
}

/// Big-endian bytes as exactly `digits` digits to base 62.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text = vec![b'0'; digits];
    for place in text.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder << 8 | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *place = BASE62[remainder as usize];
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_checks_itself() {
        let other = api_key(Dialect::Ambedo, Environment::Test).unwrap();
        assert!(is_api_key(&other) && other.starts_with("hitl_test_"), "{other}");
        // The checksum is of all of it: a key of one dialect is none of another.
        assert!(!is_api_key(&other.replace("hitl_", "af_")));
        let key = api_key(Dialect::Native, Environment::Live).unwrap();
        assert!(is_api_key(&key), "{key}");
        assert_eq!(key.len(), 8 + 49);
        for (at, _) in key.char_indices() {
            let mut broken = key.clone().into_bytes();
            broken[at] = if broken[at] == b'x' { b'y' } else { b'x' };
            assert!(!is_api_key(std::str::from_utf8(&broken).unwrap()), "digit {at}");
        }
        assert!(!is_api_key("af_live_"));
        assert!(!is_api_key(&key.replace("live", "test")));
    }

    #[test]
    fn a_key_for_proof_holdings_is_live_or_test() {
        for (world, begins) in [
            (Environment::Live, "pk_live_"),
            (Environment::Test, "pk_test_"),
            (Environment::Dev, "pk_test_"),
        ] {
            let key = api_key(Dialect::Proof, world).unwrap();
            assert!(is_api_key(&key) && key.starts_with(begins), "{key}");
        }
    }

    #[test]
    fn short_ids_are_unlike_each_other_and_sort_by_time() {
        let made: Vec<_> = (0..10_000).map(|_| short_id()).collect();
        assert!(made.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn the_same_secret_gives_the_same_key_and_hashes_by_purpose() {
        let key = api_key_from(Dialect::Native, Environment::Dev, &[7; 32]);
        assert_eq!(key, api_key_from(Dialect::Native, Environment::Dev, &[7; 32]));
        assert_ne!(Purpose::Key.hash(&key), Purpose::Session.hash(&key));
    }

    #[test]
    fn every_digit_of_the_secret_carries_weight() {
        let low = base62(&[0; 32], SECRET_DIGITS);
        let high = base62(&[255; 32], SECRET_DIGITS);
        assert_eq!(low, "0".repeat(43));
        assert!(high.starts_with(|c: char| c != '0'));
    }
}
