//! Votes given in advance: making them, seeing them, taking them back.

use std::collections::BTreeMap;
use std::sync::Arc;

use askfirst_core::administration::Change;
use askfirst_core::approval::edit;
use askfirst_core::{
    Approval, Bound, Digest, GrantId, MemberId, NewGrant, Pointer, Scope, Seconds, Terms,
};
use askfirst_store::{GrantFilter, GrantRecord};
use serde_json::Value;

use super::{Caller, Needed, Result, Rights, Service, ServiceError, digest_of};
use crate::mint;

/// What an approver says yes to besides the action at hand, as a door read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granting {
    /// For how long.
    pub lasts: Seconds,
    /// How many times.
    pub uses: u32,
    /// What may differ, place by place.
    pub bounds: BTreeMap<Pointer, Bound>,
}

impl Granting {
    /// As the rules take it. The digest in the vote says which action it starts from.
    pub(super) fn with(
        self,
        seen: &Approval,
        edits: &BTreeMap<Pointer, Value>,
    ) -> Result<NewGrant> {
        let id = GrantId::from_bits(mint::id_bits());
        let Self { lasts, uses, bounds } = self;
        let mut grant = NewGrant { id, lasts, uses, bounds, digest: Digest([0; 32]) };
        grant.digest = digest_of(&terms(&grant, seen, edits))?;
        Ok(grant)
    }

    /// What it comes to, given with a vote on `seen` with these changes.
    #[must_use]
    pub fn terms(&self, seen: &Approval, edits: &BTreeMap<Pointer, Value>) -> Terms {
        let Self { lasts, uses, bounds } = self.clone();
        let id = GrantId::from_bits(0);
        terms(&NewGrant { id, lasts, uses, bounds, digest: Digest([0; 32]) }, seen, edits)
    }
}

fn terms(grant: &NewGrant, seen: &Approval, edits: &BTreeMap<Pointer, Value>) -> Terms {
    // Changes that are not allowed are refused with the vote.
    let edited = edit::edited(&seen.action, &seen.editable, edits);
    let action = edited.map_or_else(|_| Arc::clone(&seen.action), Arc::new);
    grant.terms(seen, &action)
}

impl Service {
    /// Grants that this caller may see: their own, or all of the place.
    ///
    /// # Errors
    /// If the caller may see none.
    pub async fn grants(&self, caller: &Caller, filter: GrantFilter) -> Result<Vec<GrantRecord>> {
        let mut filter = filter;
        if !oversees(caller) {
            let own =
                giver(caller).ok_or(ServiceError::Forbidden(Needed::Scope(Scope::ReadAll)))?;
            if filter.by.is_some_and(|by| by != own) {
                return Ok(Vec::new());
            }
            filter.by = Some(own);
        }
        Ok(self.store.grants(caller.place, filter).await?)
    }

    /// One grant.
    ///
    /// # Errors
    /// If there is none that the caller may see.
    pub async fn grant(&self, caller: &Caller, id: GrantId) -> Result<GrantRecord> {
        let known = self.store.grant(caller.place, id).await?;
        let seen =
            known.filter(|known| giver(caller) == Some(known.grant.by.id) || oversees(caller));
        seen.ok_or(ServiceError::NotFound("grant"))
    }

    /// Takes a grant back; nothing happens if it was over.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn revoke_grant(&self, caller: &Caller, id: GrantId) -> Result<()> {
        let known = self.grant(caller, id).await?;
        let environment = caller.place.environment;
        let change = Change::RevokeGrant { id, environment, of: known.grant.by.id };
        self.administer(caller, change, None).await?;
        Ok(())
    }
}

/// Whose grants are one's own affair; nobody's behind a link, which is for one decision.
fn giver(caller: &Caller) -> Option<MemberId> {
    match caller.rights {
        Rights::Link { .. } => None,
        _ => caller.member(),
    }
}

fn oversees(caller: &Caller) -> bool {
    let manages = caller.key().is_some_and(|key| key.scopes.contains(&Scope::Members));
    manages || caller.reads_all()
}
