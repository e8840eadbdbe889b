//! What proves decisions to clients of proof.holdings: kept with the decision, found by what was
//! given out, and taken back.

use askfirst_core::administration::RevocationReason;
use askfirst_core::{ApprovalId, Digest, Timestamp};
use async_trait::async_trait;

use crate::store::StoreError;

/// The token of one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofToken {
    /// Its number among all of this server: its slot in the lists of what is revoked.
    pub number: u64,
    /// The JWT, once it is signed, and until the texts are erased.
    pub token: Option<String>,
    /// Until when it is good, once it is signed.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back, and why.
    pub revoked: Option<(Timestamp, RevocationReason)>,
}

/// A token that was just signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedProofToken {
    /// The JWT.
    pub token: String,
    /// Its SHA-256.
    pub digest: Digest,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A token that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedProof {
    /// Of which approval.
    pub approval: ApprovalId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// The tokens. Their rows are written with the decision, and signed as receipts are; `RevokeProof`
/// takes one back, as any administrative change.
#[async_trait]
pub trait ProofTokens: Send + Sync {
    /// The one that is this to the byte, whoever asks.
    async fn proof_token(
        &self,
        digest: Digest,
    ) -> Result<Option<(ApprovalId, ProofToken)>, StoreError>;
    /// How often a token was taken back, of all of this server; none if no token has a number from
    /// `first` on. While it stays the same, so do the numbers of those that were.
    async fn revocations(&self, first: u64) -> Result<Option<u64>, StoreError>;
    /// Which of the numbers from `first` on, before `end`, were taken back.
    async fn revoked_numbers(&self, first: u64, end: u64) -> Result<Vec<u64>, StoreError>;
    /// What was taken back, the last first, without the first `skip`.
    async fn revoked_proofs(&self, skip: u32, limit: u32) -> Result<Vec<RevokedProof>, StoreError>;
}
