//! Receipts and bundles: what an auditor takes away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{Approval, ApprovalId};
use askfirst_proof::bundle::{AuditPosition, BUNDLE_FORMAT, BundledAction, BundledPolicy};
use askfirst_proof::{Bundle, Digest};
use askfirst_store::Proof;
use serde_json::Value;

use super::read::Until;
use super::{Caller, Result, Service, ServiceError};

/// A signed receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The JWT.
    pub token: String,
    /// Its `exp`, in seconds since the epoch.
    pub expires_at: i64,
}

impl Service {
    /// The receipt of an approval that has ended; waits up to `patience` for it. None if it has
    /// not ended or is not signed yet.
    ///
    /// # Errors
    /// As for reading the approval.
    pub async fn receipt(
        &self,
        caller: &Caller,
        id: ApprovalId,
        patience: Duration,
    ) -> Result<(Arc<Approval>, Option<Receipt>)> {
        let seen = self.wait(caller, id, Until::Signed, patience).await?;
        let receipt = seen.proof.as_ref().map(receipt_of).transpose()?.flatten();
        Ok((seen.approval, receipt))
    }

    /// Everything needed to check the receipt offline. None while there is no receipt.
    ///
    /// # Errors
    /// As for reading the approval.
    pub async fn bundle(
        &self,
        caller: &Caller,
        id: ApprovalId,
        patience: Duration,
    ) -> Result<(Arc<Approval>, Option<Bundle>)> {
        let seen = self.wait(caller, id, Until::Signed, patience).await?;
        let approval = seen.approval;
        let Some(Proof { token: Some(receipt), audit_index, erased_index, .. }) = seen.proof else {
            return Ok((approval, None));
        };
        let audit = self.audit_position(caller, audit_index).await?;
        let erased = match erased_index {
            Some(index) => Some(self.audit_position(caller, index).await?),
            None => None,
        };
        let shown = self.store.shown(caller.place, id).await?;
        let policy = &approval.policy;
        let bundle = Bundle {
            format: BUNDLE_FORMAT.into(),
            receipt,
            actions: if erased.is_some() { Vec::new() } else { revisions(&approval)? },
            policy: BundledPolicy {
                name: policy.document.name.to_string(),
                version: policy.version,
                digest: Digest::from_bytes(policy.digest.0),
                document: to_value(&policy.document)?,
            },
            answer: approval.decision.as_ref().and_then(|decision| decision.answer.clone()),
            shown: shown
                .into_iter()
                .map(|shown| askfirst_proof::bundle::Shown {
                    digest: Digest::from_bytes(shown.digest.0),
                    renderer: shown.renderer,
                    channel: shown.channel,
                    locale: shown.locale,
                    text: shown.text,
                })
                .collect(),
            audit,
            erased,
            jwks: self.keyring.receipt_keys(),
        };
        Ok((approval, Some(bundle)))
    }

    async fn audit_position(&self, caller: &Caller, index: u64) -> Result<AuditPosition> {
        let entries = self.store.audit(caller.place.workspace, index.checked_sub(1), 1).await?;
        let record = entries.into_iter().find(|record| record.entry.index == index);
        let record = record.ok_or_else(|| internal("the audit entry of a proof is missing"))?;
        Ok(AuditPosition { index, hash: record.hash, entry: record.entry })
    }
}

/// Every action that somebody said yes or no to.
fn revisions(approval: &Approval) -> Result<Vec<BundledAction>> {
    let earlier = approval.revisions.iter().map(|known| (known.action_digest, &known.action));
    let last = (approval.action_digest, &approval.action);
    let actions: BTreeMap<_, _> = earlier.chain([last]).collect();
    let bundled = actions.into_iter().map(|(digest, action)| {
        Ok(BundledAction { digest: Digest::from_bytes(digest.0), action: to_value(action)? })
    });
    bundled.collect()
}

/// The receipt in a proof, if it is signed.
pub(crate) fn receipt_of(proof: &Proof) -> Result<Option<Receipt>> {
    let Some(token) = proof.token.clone() else { return Ok(None) };
    let statement: Value = serde_json::from_slice(&proof.statement)
        .map_err(|_| internal("a stored statement is not JSON"))?;
    let expires_at = statement.get("exp").and_then(Value::as_i64);
    let expires_at = expires_at.ok_or_else(|| internal("a stored statement has no exp"))?;
    Ok(Some(Receipt { token, expires_at }))
}

fn to_value<T: serde::Serialize>(document: &T) -> Result<Value> {
    serde_json::to_value(document).map_err(|error| internal(&error.to_string()))
}

fn internal(what: &str) -> ServiceError {
    ServiceError::Internal(what.into())
}
