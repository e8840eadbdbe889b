//! Where Askfirst keeps its state: the [`Store`] trait, SQLite behind it, and the contract suite
//! that every implementation passes. The only crate that knows a database driver.
//!
//! The store makes things durable and atomic; whether something is allowed is decided by
//! `askfirst-core`, run here inside the transaction that records it.

pub mod accounts;
pub mod clock;
pub mod deliveries;
pub mod farewells;
pub mod hitl;
pub mod notices;
pub mod proof_tokens;
pub mod records;
pub mod rooms;
pub mod sent;
pub mod statement;
pub mod store;
pub mod workspaces;

pub mod sqlite;

pub use accounts::*;
pub use clock::{Clock, EvenClock, SystemClock};
pub use deliveries::*;
pub use farewells::*;
pub use hitl::*;
pub use notices::*;
pub use proof_tokens::*;
pub use records::*;
pub use rooms::*;
pub use sent::*;
pub use sqlite::{Options, SqliteStore, copies};
pub use store::{
    Administer, AdministerError, Administered, Change, Committed, Credential, Execute,
    ExecuteError, Idempotency, Settlement, Store, StoreError,
};
pub use workspaces::*;
