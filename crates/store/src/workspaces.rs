//! The workspaces of a server as a whole, for who runs it: how much each is used, and taking away
//! those of strangers.

use askfirst_core::{Timestamp, WorkspaceId};
use async_trait::async_trait;

use crate::records::Workspace;
use crate::store::AdministerError;

/// How much a workspace is used.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceUse {
    /// Which.
    pub workspace: Workspace,
    /// Keys that nobody took back.
    pub keys: u32,
    /// Approvals that nobody has decided yet, in all of its environments.
    pub pending: u64,
    /// When a key was last used; to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// What only the operator asks about workspaces.
#[async_trait]
pub trait Workspaces: Send + Sync {
    /// How much each is used, oldest first.
    async fn workspaces_in_use(&self) -> Result<Vec<WorkspaceUse>, AdministerError>;
    /// Takes these away with everything in them, all or none. It is told in the audit log of each
    /// workspace that people run, and nowhere else: theirs goes with them. `scrub` lets go of the
    /// bytes. Errors: what keeps one of them from it, by
    /// [`may_remove`](askfirst_core::administration::may_remove); an id that is none.
    async fn remove_workspaces(&self, ids: Vec<WorkspaceId>) -> Result<(), AdministerError>;
}
