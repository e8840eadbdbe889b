//! The tokens that clients of proof.holdings check offline, and the signed list that says which of
//! them were taken back. What we state of a decision is in the receipt; this repeats it in their
//! words. Source: their client, and draft-ietf-oauth-status-list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::canonical::Digest;

/// The issuer that their clients insist on. Who did issue it stands in `issuer_url`.
pub const TOKEN_ISSUER: &str = "proof.holdings";
/// How many tokens one list speaks of.
pub const LIST_SLOTS: u64 = 131_072;

/// What a token claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenClaims {
    /// [`TOKEN_ISSUER`].
    pub iss: String,
    /// The confirmation, 24 hexadecimal digits.
    pub sub: String,
    /// When it was decided, in seconds since 1970.
    pub iat: i64,
    /// Until when it is good, in seconds since 1970.
    pub exp: i64,
    /// `1.0`.
    pub proof_schema_version: String,
    /// The account that asked.
    pub user_id: String,
    /// `confirmation`.
    #[serde(rename = "type")]
    pub kind: String,
    /// By which way it was decided.
    pub channel: String,
    /// SHA-256 of who decided it, as they are known here, in 64 hexadecimal digits.
    pub identifier_hash: String,
    /// When it was decided, in RFC 3339.
    pub verified_at: String,
    /// `approved` or `denied`.
    pub decision: String,
    /// How surely it is known who decided, in our words: the least of the votes that did.
    pub assurance: String,
    /// The digest of the action that was decided, as in the receipt.
    pub action_digest: String,
    /// What the token is known by.
    pub proof_id: String,
    /// What was said with the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// `live`, `test` or `dev`.
    pub environment: String,
    /// The server that signed it.
    pub issuer_url: String,
    /// Where to see whether it was taken back.
    pub status: StatusClaim,
}

/// A token's place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusClaim {
    /// Which list, and where in it.
    pub status_list: StatusReference,
}

/// Which list, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReference {
    /// The slot, counted from 0.
    pub idx: u64,
    /// The list's URL.
    pub uri: String,
}

impl TokenClaims {
    /// The bytes that are signed.
    ///
    /// # Errors
    /// None for texts and numbers, which these are.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// What a token claims that is known to be ours, by its digest or its signature. Nothing is
    /// checked here; none for what is no token.
    pub fn of_known(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// How somebody who decided stands in a token: the SHA-256 of their address in hexadecimal.
    pub fn identifier_hash(identifier: &str) -> String {
        let digest = Digest::of(identifier.as_bytes());
        digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a list claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListClaims {
    /// The list's own URL.
    pub sub: String,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
    /// Until when it may be believed, in seconds since 1970.
    pub exp: i64,
    /// For how many seconds it need not be fetched again.
    pub ttl: u32,
    /// The slots.
    pub status_list: Slots,
}

/// The slots of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slots {
    /// Bits for each: 2.
    pub bits: u8,
    /// The slots, lowest bits first, as zlib packs them, in base64url.
    pub lst: String,
}

/// The slots of a list before they are packed: 2 bits each, lowest first; 1 is revoked.
pub fn slots(revoked: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = vec![0; (LIST_SLOTS / 4) as usize];
    for slot in revoked {
        if let Some(byte) = usize::try_from(slot / 4).ok().and_then(|at| bytes.get_mut(at)) {
            *byte |= 1 << ((slot % 4) * 2);
        }
    }
    bytes
}

impl Slots {
    /// Slots that were packed by zlib.
    pub fn packed(zlib: &[u8]) -> Self {
        Self { bits: 2, lst: URL_SAFE_NO_PAD.encode(zlib) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it cannot do")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slot_says_revoked_if_and_only_if_it_is(
            revoked in proptest::collection::btree_set(0..LIST_SLOTS, 0..50),
            other in 0..LIST_SLOTS,
        ) {
            let bytes = slots(revoked.iter().copied());
            let says = |slot: u64| bytes[(slot / 4) as usize] >> ((slot % 4) * 2) & 0b11;
            for slot in &revoked {
                prop_assert_eq!(says(*slot), 1);
            }
            prop_assert_eq!(says(other), u8::from(revoked.contains(&other)));
        }
    }

    #[test]
    fn what_is_beyond_the_list_changes_nothing() {
        assert_eq!(slots([LIST_SLOTS, u64::MAX]), slots([]));
    }

    #[test]
    fn an_identifier_is_hashed_as_it_is_written() {
        // printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenClaims::identifier_hash("abc"), abc);
    }
}
