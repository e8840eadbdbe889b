//! What is kept of secrets instead of the secrets themselves.

/// SHA-256 of a credential's secret; what the database keeps instead of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

/// A password as it is kept: hashed by argon2id, in the PHC string format. Never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
