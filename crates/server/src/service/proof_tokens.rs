//! What proves decisions to clients of proof.holdings: which is ours, taking one back, and the lists
//! that say which were.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askfirst_core::administration::{Change, ProofRevocation, RevocationReason};
use askfirst_core::{ApprovalId, Digest, Scope, Timestamp};
use askfirst_proof::SigningKey;
use askfirst_proof::token::{LIST_SLOTS, ListClaims, Slots, slots};
use askfirst_store::{Idempotency, ProofToken, RevokedProof};

use super::caller::ADMINS;
use super::{Caller, Result, Service, ServiceError};

/// For how many seconds a list need not be fetched again, and until when it may be believed.
const LIST_TTL: u32 = 60;
const LIST_LIFE: i64 = 3_600;
/// The hardest that zlib tries.
const TIGHT: u8 = 9;

/// The lists that were signed last, so that who fetches one often costs no signature each time.
#[derive(Default)]
pub struct SignedLists(Mutex<HashMap<u32, SignedList>>);

struct SignedList {
    /// How many tokens of this server had been taken back.
    revocations: u64,
    at: Timestamp,
    signed: Arc<str>,
}

impl SignedLists {
    /// The list as it was signed, if it says the same and is fresh.
    fn fresh(&self, list: u32, revocations: u64, now: Timestamp) -> Option<Arc<str>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&list).filter(|known| known.revocations == revocations)?;
        let age = now.seconds() - known.at.seconds();
        (0..i64::from(LIST_TTL)).contains(&age).then(|| Arc::clone(&known.signed))
    }

    fn keep(&self, list: u32, known: SignedList) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(list, known);
    }
}

impl Service {
    /// The token that is this to the byte, if it is one of ours.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn proof_token(&self, token: &str) -> Result<Option<ProofToken>> {
        let digest = Digest(*askfirst_proof::text_digest(token).as_bytes());
        Ok(self.store.proof_token(digest).await?.map(|(_, known)| known))
    }

    /// Takes the token of a decision back; the decision stays.
    ///
    /// # Errors
    /// If the caller is not the key that asked.
    pub async fn revoke_proof(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        reason: RevocationReason,
    ) -> Result<()> {
        let seen = self.approval(caller, approval).await?;
        let change = Change::RevokeProof(ProofRevocation {
            approval,
            environment: caller.place.environment,
            asker: seen.approval.asker.key,
            reason,
        });
        self.administer(caller, change, None).await?;
        Ok(())
    }

    /// Takes the token of a decision back for who runs the workspace; the decision stays. Gives the
    /// token as it stands then.
    ///
    /// # Errors
    /// If the caller may not, or that has no such token.
    pub async fn take_back_proof_token(
        &self,
        caller: &Caller,
        approval: ApprovalId,
        reason: RevocationReason,
        idempotency: Option<Idempotency>,
    ) -> Result<ProofToken> {
        caller.need(Scope::Workspace, ADMINS)?;
        let none = || ServiceError::NotFound("proof token");
        let place = caller.place;
        let found = self.store.approval(place, approval).await?.ok_or_else(none)?;
        let token = async || {
            let proof = self.store.proof(place, approval).await?;
            proof.and_then(|proof| proof.proof_token).ok_or_else(none)
        };
        token().await?;
        let (environment, asker) = (place.environment, found.asker.key);
        let revocation = ProofRevocation { approval, environment, asker, reason };
        self.administer(caller, Change::RevokeProof(revocation), idempotency).await?;
        token().await
    }

    /// What was taken back, newest first, without the first `skip`.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn revoked_proofs(&self, skip: u32, limit: u32) -> Result<Vec<RevokedProof>> {
        Ok(self.store.revoked_proofs(skip, limit).await?)
    }

    /// A list of which tokens were taken back, signed; none where no token is on it yet.
    ///
    /// # Errors
    /// If it could not be read or signed.
    pub async fn status_list(&self, list: u32, uri: String) -> Result<Option<Arc<str>>> {
        let first = u64::from(list) * LIST_SLOTS;
        // Read before the numbers: who is taken back in between is in this list, and it is signed
        // again all the same.
        let Some(revocations) = self.store.revocations(first).await? else { return Ok(None) };
        let now = self.store.now();
        if let Some(signed) = self.lists.fresh(list, revocations, now) {
            return Ok(Some(signed));
        }
        let numbers = self.store.revoked_numbers(first, first + LIST_SLOTS).await?;
        // Looking makes no key.
        let Some(key) = self.keyring.of_proof_tokens(now).await else { return Ok(None) };
        let signed = tokio::task::spawn_blocking(move || {
            let slots = slots(numbers.into_iter().map(|number| number - first));
            sign(&key, uri, &slots, now)
        });
        let signed: Arc<str> = signed.await.map_err(|error| failed(&error))??.into();
        self.lists.keep(list, SignedList { revocations, at: now, signed: Arc::clone(&signed) });
        Ok(Some(signed))
    }
}

fn sign(key: &SigningKey, uri: String, slots: &[u8], now: Timestamp) -> Result<String> {
    let claims = ListClaims {
        sub: uri,
        iat: now.seconds(),
        exp: now.seconds() + LIST_LIFE,
        ttl: LIST_TTL,
        status_list: Slots::packed(&miniz_oxide::deflate::compress_to_vec_zlib(slots, TIGHT)),
    };
    let bytes = serde_json::to_vec(&claims).map_err(|error| failed(&error))?;
    key.sign_status_list(&bytes).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::Internal(error.to_string())
}
