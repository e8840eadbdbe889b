//! `plan` and `self_service_plan`: what a new workspace may have as a whole. Those that are there
//! keep theirs; `askfirst workspaces plan` gives another.

use askfirst_core::{Plan, Preset};
use serde::{Deserialize, Serialize};

/// The plan that a workspace begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstPlan {
    /// None: all that the server takes.
    #[default]
    None,
    /// [`Preset::Free`].
    Free,
    /// [`Preset::Starter`].
    Starter,
    /// [`Preset::Pro`].
    Pro,
}

impl FirstPlan {
    /// It as a plan.
    #[must_use]
    pub fn plan(self) -> Option<Plan> {
        let preset = match self {
            Self::None => return None,
            Self::Free => Preset::Free,
            Self::Starter => Preset::Starter,
            Self::Pro => Preset::Pro,
        };
        Some(preset.plan())
    }
}
