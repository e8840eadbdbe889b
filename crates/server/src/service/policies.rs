//! Policies: saving makes a new version; what was asked under an older one keeps it.

use askfirst_core::administration::Change;
use askfirst_core::{Policy, PolicyId, PolicyName, Scope};
use askfirst_store::{Idempotency, PolicyVersion};

use super::{Caller, Result, Rights, Service, ServiceError, digest_of};
use crate::mint;

impl Service {
    /// The newest version of every policy that the caller may see: all, or those a key may use.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn policies(&self, caller: &Caller) -> Result<Vec<PolicyVersion>> {
        let default = self.workspace(caller).await?.default_policy;
        let all = self.store.policies(caller.place.workspace).await?;
        Ok(all.into_iter().filter(|p| sees(caller, &p.document.name, &default)).collect())
    }

    /// All versions of one policy, newest first.
    ///
    /// # Errors
    /// If there is none that the caller may see.
    pub async fn policy_versions(
        &self,
        caller: &Caller,
        name: &PolicyName,
    ) -> Result<Vec<PolicyVersion>> {
        let default = self.workspace(caller).await?.default_policy;
        if !sees(caller, name, &default) {
            return Err(ServiceError::NotFound("policy"));
        }
        let versions = self.store.policy_versions(caller.place.workspace, name).await?;
        if versions.is_empty() { Err(ServiceError::NotFound("policy")) } else { Ok(versions) }
    }

    /// Saves a policy under its name.
    ///
    /// # Errors
    /// If the caller may not, or the document is wrong or cannot be satisfied.
    pub async fn save_policy(
        &self,
        caller: &Caller,
        document: Policy,
        idempotency: Option<Idempotency>,
    ) -> Result<PolicyVersion> {
        let name = document.name.clone();
        let id = PolicyId::from_bits(mint::id_bits());
        let digest = digest_of(&document)?;
        let change = Change::SavePolicy { id, document, digest };
        self.administer(caller, change, idempotency).await?;
        let versions = self.store.policy_versions(caller.place.workspace, &name).await?;
        versions.into_iter().next().ok_or(ServiceError::NotFound("policy"))
    }

    /// Removes a policy. Approvals asked under it keep their copy.
    ///
    /// # Errors
    /// If the caller may not, there is none, or it is the default.
    pub async fn remove_policy(&self, caller: &Caller, name: &PolicyName) -> Result<()> {
        self.administer(caller, Change::RemovePolicy { name: name.clone() }, None).await?;
        Ok(())
    }
}

/// A key sees the policies it may ask under; one that manages policies, and people, see all.
fn sees(caller: &Caller, name: &PolicyName, default: &PolicyName) -> bool {
    match &caller.rights {
        Rights::Key(key) => {
            key.scopes.contains(&Scope::Policies)
                || key.scopes.contains(&Scope::ReadAll)
                || name == default
                || key.policies.permits(name)
        }
        Rights::Member { .. } => true,
        Rights::Link { .. } => false,
    }
}
