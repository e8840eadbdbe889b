//! Configs of the proof dialect: where a program wants its questions put. Keys of one place share
//! them. They give nobody a vote, so there is nothing to decide here.

use askfirst_core::administration::Change;
use askfirst_core::{HitlConfig, HitlId, KeptHitl};
use askfirst_store::{HitlFilter, HitlRecord, Idempotency};

use super::{Caller, Result, Service, ServiceError};
use crate::mint;

impl Service {
    /// Keeps a new config.
    ///
    /// # Errors
    /// If it has mistakes, or there are too many.
    pub async fn add_hitl(
        &self,
        caller: &Caller,
        config: HitlConfig,
        idempotency: Option<Idempotency>,
    ) -> Result<HitlRecord> {
        let id = HitlId::new(mint::short_id());
        let kept = KeptHitl { id, environment: caller.place.environment, config };
        let done = self.administer(caller, Change::AddHitl(kept), idempotency).await?;
        self.hitl(caller, done.subject.parse().unwrap_or(id)).await
    }

    /// Has a config be this from now on.
    ///
    /// # Errors
    /// If it has mistakes, or there is none of that id that is not archived.
    pub async fn change_hitl(
        &self,
        caller: &Caller,
        id: HitlId,
        config: HitlConfig,
        idempotency: Option<Idempotency>,
    ) -> Result<HitlRecord> {
        let kept = KeptHitl { id, environment: caller.place.environment, config };
        self.administer(caller, Change::SetHitl(kept), idempotency).await?;
        self.hitl(caller, id).await
    }

    /// One config of the caller's place, archived or not.
    ///
    /// # Errors
    /// If there is none of that id.
    pub async fn hitl(&self, caller: &Caller, id: HitlId) -> Result<HitlRecord> {
        let found = self.store.hitl_config(caller.place, id).await?;
        found.ok_or(ServiceError::NotFound("config"))
    }

    /// Some configs of the caller's place, newest first, and how many there are in all.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn hitls(
        &self,
        caller: &Caller,
        filter: HitlFilter,
    ) -> Result<(Vec<HitlRecord>, u64)> {
        Ok(self.store.hitl_configs(caller.place, filter).await?)
    }
}
