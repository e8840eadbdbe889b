//! What Askfirst signs, and how anyone checks it offline.
//!
//! This crate owns the bytes: the claims of a receipt, their canonical form, the digests, the
//! signing and sealing keys, the audit hash chain and the verifier that the server, the command
//! line and the test vectors share. It leaves to others when something is signed (the server),
//! where it is kept (the store) and what time it is (the caller says).

pub mod bundle;
pub mod canonical;
pub mod key;
pub mod log;
pub mod moment;
pub mod seal;
pub mod statement;
pub mod token;
pub mod trust;
pub mod verdict;
pub mod verify;

pub use bundle::Bundle;
pub use canonical::{Digest, action_digest, canonical, json_digest, text_digest};
pub use key::{Jwk, JwkSet, SigningKey};
pub use moment::Moment;
pub use seal::SealingKey;
pub use statement::{Assurance, Decision, Environment, Statement, VoteDecision};
pub use trust::Trust;
pub use verdict::{Standing, Verdict};
pub use verify::{Expect, VerifyError, verify_bundle, verify_receipt};
