//! The use cases. Each resolves who calls and what they mean into one command for the store,
//! and hands back what became of it. No status codes, no markup, no foreign words.

pub mod accounts;
pub mod ask;
pub mod audit;
pub mod bots;
pub mod caller;
pub mod channels;
pub mod decide;
pub mod deliveries;
pub mod discovery;
pub mod form;
pub mod grants;
pub mod hitl;
pub mod keeping;
pub mod keys;
pub mod limits;
pub mod links;
mod passed_on;
pub mod passwords;
pub mod people;
pub mod policies;
pub mod presence;
pub mod proof_tokens;
pub mod proofs;
pub mod read;
pub mod rooms;
pub mod search;
pub mod self_service;
pub mod signin;
pub mod webhooks;
pub mod workspace;

use std::sync::Arc;

use askfirst_core::administration::{self, Denied};
use askfirst_core::{
    Approval, Digest, KeyLimits, Problem, Refusal, Role, Roster, Scope, Seconds, Timestamp,
};
use askfirst_store::{
    Administer, AdministerError, Administered, Clock, Committed, Credential, Execute, ExecuteError,
    Idempotency, Proof, Store, StoreError,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use caller::{Caller, NotSignedIn, Rights};

use crate::config::limits::Limits;
use crate::crowd::Crowd;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::mint::NoRandomness;
use crate::rates::Rates;
use crate::wakeups::Wakeups;

/// Everything the use cases stand on.
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) wakeups: Arc<Wakeups>,
    pub(crate) used_keys: caller::UsedKeys,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) passwords: passwords::Passwords,
    pub(crate) rates: Rates,
    pub(crate) crowd: Arc<Crowd>,
    /// What strangers may; none where that is nothing.
    pub(crate) strangers: Option<self_service::Strangers>,
    /// How what happens is sent to receivers; none where nothing is served.
    pub(crate) sender: Option<webhooks::Sender>,
    /// What every key may.
    pub(crate) key_limits: KeyLimits,
    /// The lists of which tokens were taken back, as they were signed last.
    pub(crate) lists: proof_tokens::SignedLists,
    /// Chats that were found for programs.
    pub(crate) discoveries: discovery::Discoveries,
    /// Cancelled when the server stops; whoever waits then answers at once.
    pub(crate) stopping: CancellationToken,
    /// Where people and programs reach this server, without a final slash.
    pub(crate) public_url: String,
}

/// An approval together with what is needed to show it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The approval.
    pub approval: Arc<Approval>,
    /// The people, for what is still needed.
    pub roster: Arc<Roster>,
    /// The proof, if it has ended.
    pub proof: Option<Proof>,
    /// The time it was read.
    pub now: Timestamp,
}

impl Seen {
    fn of(committed: Committed) -> Self {
        let Committed { approval, roster, now, .. } = committed;
        Self { approval, roster, proof: None, now }
    }
}

/// Why a use case came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The rules for approvals say no.
    #[error(transparent)]
    Refused(Refusal),
    /// The rules for administration say no.
    #[error(transparent)]
    Denied(Denied),
    /// The credential does not reach this.
    #[error("this needs {0}")]
    Forbidden(Needed),
    /// There is no such thing, or it is not for this caller's eyes.
    #[error("there is no such {0} here")]
    NotFound(&'static str),
    /// The request makes no sense in these places.
    #[error("the request has mistakes")]
    Invalid(Vec<Problem>),
    /// The request wants what this version does not do yet.
    #[error("{what} is not in this version")]
    NotInThisVersion {
        /// JSON Pointer.
        pointer: String,
        /// What was wanted.
        what: &'static str,
    },
    /// More than is taken in a while.
    #[error("too many {what}; wait {retry_after}")]
    TooMany {
        /// Until it is taken again.
        retry_after: Seconds,
        /// Of what.
        what: &'static str,
    },
    /// The idempotency key was used with another request.
    #[error("this Idempotency-Key was used before with another request")]
    IdempotencyMismatch,
    /// The disk is too full for new questions.
    #[error(
        "the server's disk is nearly full, so it takes no new questions; those that are there can \
         still be decided"
    )]
    NoRoom,
    /// The store could not, or does not know.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that should not happen.
    #[error("{0}")]
    Internal(String),
}

/// What a caller lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// A scope on the key.
    Scope(Scope),
    /// One of these roles.
    Roles(&'static [Role]),
}

impl std::fmt::Display for Needed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Scope(scope) => write!(f, "a key with the scope {scope}"),
            Self::Roles(roles) => {
                let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                write!(f, "the role {}", names.join(" or "))
            }
        }
    }
}

impl From<ExecuteError> for ServiceError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(Refusal::NotFound) => Self::NotFound("approval"),
            ExecuteError::Refused(refusal) => Self::Refused(refusal),
            ExecuteError::IdempotencyMismatch => Self::IdempotencyMismatch,
            ExecuteError::NoRoom { .. } => {
                warn!(%error, "a question was not taken; make room");
                Self::NoRoom
            }
            ExecuteError::Store(error) => Self::Store(error),
        }
    }
}

impl From<AdministerError> for ServiceError {
    fn from(error: AdministerError) -> Self {
        match error {
            AdministerError::Denied(Denied::Unknown { what }) => Self::NotFound(what),
            AdministerError::Denied(Denied::Refused(refusal)) => Self::Refused(refusal),
            AdministerError::Denied(denied) => Self::Denied(denied),
            AdministerError::IdempotencyMismatch => Self::IdempotencyMismatch,
            AdministerError::Store(error) => Self::Store(error),
        }
    }
}

impl From<NoRandomness> for ServiceError {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, ServiceError>;

impl Service {
    /// Puts the use cases onto a store.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        keyring: Arc<Keyring>,
        wakeups: Arc<Wakeups>,
        stopping: CancellationToken,
        public_url: &str,
        limits: &Limits,
        pace: Arc<dyn Clock>,
    ) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        let used_keys = caller::UsedKeys::default();
        let metrics = Arc::default();
        let passwords = passwords::Passwords::default();
        let (rates, crowd) = (Rates::new(limits, pace), Arc::new(Crowd::new(limits)));
        Self {
            store,
            keyring,
            wakeups,
            used_keys,
            metrics,
            passwords,
            rates,
            crowd,
            strangers: None,
            sender: None,
            key_limits: limits.of_keys(),
            lists: proof_tokens::SignedLists::default(),
            discoveries: discovery::Discoveries::default(),
            stopping,
            public_url,
        }
    }

    /// The store, for what is not a use case: health, workers.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Now, by the store's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// The public keys that receipts, and what else is signed here, are checked with.
    #[must_use]
    pub fn jwks(&self) -> askfirst_proof::JwkSet {
        self.keyring.jwks()
    }

    /// Returns once there is a key to sign receipts with.
    pub async fn can_sign(&self) {
        self.keyring.arrived().await;
    }

    /// Whether the server is on its way out; who waits should stop waiting.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// How many requests wait for something to happen.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.wakeups.waiters()
    }

    /// What is counted while the server runs.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where this server is reached.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// What was counted so far, as `/metrics` tells it.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn counted(&self) -> String {
        self.metrics.told(None, None, None, 0, self.store.now())
    }

    async fn commit(&self, request: Execute) -> Result<Committed> {
        let committed = self.store.execute(request).await?;
        self.metrics.happened(&committed);
        Ok(committed)
    }

    async fn execute(&self, request: Execute) -> Result<(Seen, bool)> {
        let committed = self.commit(request).await?;
        let replayed = committed.replayed;
        Ok((Seen::of(committed), replayed))
    }

    async fn administer(
        &self,
        caller: &Caller,
        change: administration::Change,
        idempotency: Option<Idempotency>,
    ) -> Result<Administered> {
        let request = Administer {
            workspace: caller.place.workspace,
            credential: caller.credential,
            change,
            idempotency,
        };
        Ok(self.store.administer(request).await?)
    }

    /// A change on the operator's own console, where no credential is asked for.
    ///
    /// # Errors
    /// As the store says.
    pub async fn administer_as_system(
        &self,
        workspace: askfirst_core::WorkspaceId,
        change: administration::Change,
    ) -> Result<Administered> {
        let credential = Credential::System;
        let request = Administer { workspace, credential, change, idempotency: None };
        Ok(self.store.administer(request).await?)
    }
}

/// The digest that binds an action, and the same for any JSON document.
pub(crate) fn digest_of<T: serde::Serialize>(document: &T) -> Result<Digest> {
    let value =
        serde_json::to_value(document).map_err(|e| ServiceError::Internal(e.to_string()))?;
    let digest = askfirst_proof::json_digest(&value);
    let digest = digest.map_err(|e| ServiceError::Internal(e.to_string()))?;
    Ok(Digest(*digest.as_bytes()))
}

/// A mistake in one place of the request.
pub(crate) fn mistake(pointer: &str, detail: impl Into<String>) -> ServiceError {
    ServiceError::Invalid(vec![Problem { pointer: pointer.into(), detail: detail.into() }])
}
