//! Background work: wait, claim, do, settle. No rules here.

mod digests;
pub mod erasure;
pub mod farewells;
pub mod housekeeping;
mod lanes;
pub mod listening;
pub mod newcomers;
pub mod notices;
pub mod receipts;
pub mod timers;
pub mod webhooks;
