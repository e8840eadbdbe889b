//! How far a policy lets its approvers say yes in advance.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::Seconds;

/// The most uses that a policy may allow one grant.
pub const MOST_USES: u32 = 1_000;

/// The widest grant that an approver may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantLimits {
    /// For how long at most.
    #[serde(rename = "for")]
    pub lasts: Seconds,
    /// How many times at most.
    pub uses: u32,
}

impl GrantLimits {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.lasts < Seconds(1) || self.lasts > Seconds::LONGEST {
            found.push(Problem::at("/grants/for", "between 1 second and 30 days"));
        }
        if self.uses < 1 || self.uses > MOST_USES {
            found.push(Problem::at("/grants/uses", format!("1 to {MOST_USES} times")));
        }
        found
    }
}
