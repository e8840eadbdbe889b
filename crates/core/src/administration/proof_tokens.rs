//! Taking back what proves a decision to clients of proof.holdings. The decision itself stays.

use super::Denied;
use crate::{ApprovalId, Dialect, Environment, Facts, KeyId, Principal};

/// A token that is good no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofRevocation {
    /// Of which approval.
    pub approval: ApprovalId,
    /// Where that is.
    pub environment: Environment,
    /// Which key asked for it.
    pub asker: KeyId,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a token is taken back, in the words of proof.holdings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RevocationReason {
    /// Somebody wants it so.
    UserRequest,
    /// It was got by fraud.
    Fraud,
    /// A key is in the wrong hands.
    KeyCompromise,
    /// What it is about belongs to somebody else now.
    AssetTransferred,
    /// None of these, or it was not said.
    #[default]
    Other,
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::UserRequest, Self::Fraud, Self::KeyCompromise, Self::AssetTransferred, Self::Other];

    /// The reason of this word.
    #[must_use]
    pub fn called(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserRequest => "user_request",
            Self::Fraud => "fraud",
            Self::KeyCompromise => "key_compromise",
            Self::AssetTransferred => "asset_transferred",
            Self::Other => "other",
        }
    }
}

/// Whether the key that asked takes it back. Whoever else does is an admin, or of nothing here.
pub(super) fn by_asker(revocation: &ProofRevocation, facts: &Facts) -> Result<bool, Denied> {
    let Principal::Key(key) = &facts.principal else { return Ok(false) };
    if key.environment != revocation.environment {
        return Err(Denied::Unknown { what: "proof" });
    }
    match key.dialect {
        Dialect::Proof if key.id == revocation.asker => Ok(true),
        Dialect::Native => Ok(false),
        _ => Err(Denied::Unknown { what: "proof" }),
    }
}
