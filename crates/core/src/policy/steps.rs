//! Escalation: who else may answer once nobody has for a while.

use serde::{Deserialize, Serialize};

use super::{Policy, Problem, Source};
use crate::Seconds;

/// The most steps in one policy.
pub const MOST_STEPS: usize = 16;

/// What happens if it is still open so long after it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// How long after the question was put.
    pub after: Seconds,
    /// Who may from then on fill any seat that is open.
    pub add: Vec<Source>,
}

impl Policy {
    /// Whoever a step that has come by `elapsed` lets in.
    pub fn added(&self, elapsed: Seconds) -> impl Iterator<Item = &Source> {
        let come = self.steps.iter().take_while(move |step| step.after <= elapsed);
        come.flat_map(|step| &step.add)
    }

    /// Whoever the first so many steps let in.
    pub(crate) fn noted(&self, steps: u32) -> impl Iterator<Item = &Source> {
        self.steps.iter().take(steps as usize).flat_map(|step| &step.add)
    }

    pub(super) fn step_problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.steps.len() > MOST_STEPS {
            found.push(Problem::at("/steps", format!("at most {MOST_STEPS} steps")));
        }
        let mut before = None;
        for (index, step) in self.steps.iter().enumerate() {
            if step.add.is_empty() || step.add.len() > 32 {
                let what = "name 1 to 32 groups or members who may vote from then on";
                found.push(Problem::at(format!("/steps/{index}/add"), what));
            }
            let pointer = format!("/steps/{index}/after");
            if step.after >= self.expires_in {
                let what =
                    format!("before the deadline, which is {} after the ask", self.expires_in);
                found.push(Problem::at(pointer, what));
            } else if before.is_some_and(|before| step.after <= before) {
                found.push(Problem::at(pointer, "later than the step before"));
            }
            before = Some(step.after);
        }
        found
    }
}
