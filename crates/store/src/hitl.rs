//! Configs of the proof dialect, as they are kept. They say where questions are to be put; they
//! give nobody a vote.

use askfirst_core::{HitlConfig, HitlId, HitlStatus, Timestamp};
use async_trait::async_trait;

use crate::records::Place;
use crate::store::StoreError;

/// A config of the proof dialect.
#[derive(Clone, Debug, PartialEq)]
pub struct HitlRecord {
    /// Its id.
    pub id: HitlId,
    /// Where it is.
    pub place: Place,
    /// What a program said of it.
    pub config: HitlConfig,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which configs to list, newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HitlFilter {
    /// Only with this status.
    pub status: Option<HitlStatus>,
    /// Not the first so many.
    pub skip: u32,
    /// At most so many.
    pub limit: u32,
}

/// The configs of the proof dialect. They are written by `AddHitl` and `SetHitl`, as any
/// administrative change.
#[async_trait]
pub trait HitlConfigs: Send + Sync {
    /// One config, archived or not.
    async fn hitl_config(&self, place: Place, id: HitlId)
    -> Result<Option<HitlRecord>, StoreError>;
    /// Some configs of a place, newest first, and how many there are in all.
    async fn hitl_configs(
        &self,
        place: Place,
        filter: HitlFilter,
    ) -> Result<(Vec<HitlRecord>, u64), StoreError>;
}
