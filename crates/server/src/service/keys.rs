//! API keys: made once, shown once.

use std::collections::BTreeSet;

use askfirst_core::administration::{Change, NewKey};
use askfirst_core::{
    Dialect, Environment, KeyId, KeyLimits, MemberId, PolicyAllowance, Scope, Seconds, WorkspaceId,
};
use askfirst_store::{Credential, Idempotency, Key, Place};

use super::caller::ADMINS;
use super::{Caller, Result, Service, ServiceError, mistake};
use crate::mint::{self, Purpose};

/// What a new key should be.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyWish {
    /// Its name.
    pub label: String,
    /// The world it belongs to; none for the maker's own.
    pub environment: Option<Environment>,
    /// Which API it speaks.
    pub dialect: Dialect,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Under which policies it may ask, besides the default.
    pub policies: PolicyAllowance,
    /// As whom it votes.
    pub member: Option<MemberId>,
    /// Who answers for it; none for the maker.
    pub owner: Option<MemberId>,
    /// When it stops by itself, from now.
    pub expires_in: Option<Seconds>,
    /// How much it may ask, where that is less than every key may.
    pub limits: KeyLimits,
    /// Where the end of what it asks is sent, unless the ask says.
    pub callback_url: Option<String>,
}

/// A new key with its secret, or a repeat without it.
#[derive(Clone, Debug)]
pub struct MadeKey {
    /// The key.
    pub key: Key,
    /// Its text, on the first answer only.
    pub secret: Option<String>,
}

impl Service {
    /// Keys after `after`, by id.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn keys(
        &self,
        caller: &Caller,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<Key>> {
        caller.need(Scope::Keys, ADMINS)?;
        Ok(self.store.keys(caller.place.workspace, after, limit).await?)
    }

    /// The key that the caller came with.
    ///
    /// # Errors
    /// If it came with none.
    pub async fn current_key(&self, caller: &Caller) -> Result<Key> {
        let Credential::Key(id) = caller.credential else {
            return Err(ServiceError::NotFound("key"));
        };
        self.find_key(caller.place.workspace, id).await
    }

    /// Makes a key.
    ///
    /// # Errors
    /// If the caller may not, or the wish breaks the rules for scopes.
    pub async fn add_key(
        &self,
        caller: &Caller,
        wish: KeyWish,
        idempotency: Option<Idempotency>,
    ) -> Result<MadeKey> {
        let environment = wish.environment.unwrap_or(caller.place.environment);
        if let Some(url) = &wish.callback_url {
            // Who may make no keys learns nothing of what may be reached.
            caller.need(Scope::Keys, ADMINS)?;
            let place = Place { environment, ..caller.place };
            self.check_callback_in(place, url).await?;
        }
        let (new, secret) = self.new_key(wish, environment)?;
        let id = new.id;
        let done = self.administer(caller, Change::AddKey(new), idempotency).await?;
        let id = done.subject.parse().unwrap_or(id);
        let key = self.find_key(caller.place.workspace, id).await?;
        Ok(MadeKey { key, secret: (!done.replayed).then_some(secret) })
    }

    /// Makes a key on the operator's own console.
    ///
    /// # Errors
    /// If the wish breaks the rules.
    pub async fn add_key_as_system(
        &self,
        workspace: WorkspaceId,
        environment: Environment,
        wish: KeyWish,
    ) -> Result<MadeKey> {
        let (new, secret) = self.new_key(wish, environment)?;
        let id = new.id;
        self.administer_as_system(workspace, Change::AddKey(new)).await?;
        Ok(MadeKey { key: self.find_key(workspace, id).await?, secret: Some(secret) })
    }

    pub(super) fn new_key(
        &self,
        wish: KeyWish,
        environment: Environment,
    ) -> Result<(NewKey, String)> {
        if wish.expires_in == Some(Seconds(0)) {
            return Err(mistake("/expires_in", "at least 1 second"));
        }
        self.within_ours(wish.limits)?;
        let secret = mint::api_key(wish.dialect, environment)?;
        let new = NewKey {
            id: KeyId::from_bits(mint::id_bits()),
            label: wish.label,
            secret: Purpose::Key.hash(&secret),
            hint: hint(&secret),
            environment,
            dialect: wish.dialect,
            scopes: wish.scopes,
            policies: wish.policies,
            member: wish.member,
            owner: wish.owner,
            expires_at: wish.expires_in.map(|span| self.store.now().plus(span)),
            limits: wish.limits,
            callback_url: wish.callback_url,
        };
        Ok((new, secret))
    }

    /// A key's limits are tighter than those of every key, or the same.
    fn within_ours(&self, own: KeyLimits) -> Result<()> {
        for ((limit, most), (_, ours)) in own.each().into_iter().zip(self.key_limits.each()) {
            if let (Some(most), Some(ours)) = (most, ours)
                && most > ours
            {
                let why = format!("at most {ours}, which is what every key of this server may");
                return Err(mistake(&format!("/limits/{}", limit.as_str()), why));
            }
        }
        Ok(())
    }

    /// Takes a key back, at once.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<Key> {
        self.administer(caller, Change::RevokeKey { id }, None).await?;
        self.find_key(caller.place.workspace, id).await
    }

    pub(super) async fn find_key(&self, workspace: WorkspaceId, id: KeyId) -> Result<Key> {
        // The page after the id just below this one starts with it.
        let before = id.to_bits().checked_sub(1).map(KeyId::from_bits);
        let found = self.store.keys(workspace, before, 1).await?;
        let found = found.into_iter().find(|key| key.facts.id == id);
        found.ok_or(ServiceError::NotFound("key"))
    }
}

/// The first characters of a key: enough to recognise it, useless to guess it.
pub(crate) fn hint(secret: &str) -> String {
    let body = secret.rfind('_').map_or(0, |at| at + 1);
    secret.chars().take(body + 4).collect()
}
