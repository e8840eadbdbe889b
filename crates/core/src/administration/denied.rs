//! Why an administrative change is refused, with the particulars.

use crate::principal::BadScopes;
use crate::{OverPlan, PolicyName, Problem, Refusal, Role};

/// Why an administrative change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// As for approvals: the credential is not good for this.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A signed-in member's role is not enough.
    #[error("this needs the role {needed}; yours is {has}", needed = .needed.as_str(), has = .has.as_str())]
    Role {
        /// The least role.
        needed: Role,
        /// The member's.
        has: Role,
    },
    /// The last owner would be gone.
    #[error("this is the last owner of the workspace; make someone else owner first")]
    LastOwner,
    /// No such thing here.
    #[error("there is no such {what} here")]
    Unknown {
        /// The kind of thing.
        what: &'static str,
    },
    /// The name or address is in use.
    #[error("there is already a {what} called {name}")]
    Taken {
        /// The kind of thing.
        what: &'static str,
        /// As wanted.
        name: String,
    },
    /// Scopes that may not share a key.
    #[error(transparent)]
    Scopes(#[from] BadScopes),
    /// The request is well formed and makes no sense.
    #[error("{}", .0.detail)]
    Invalid(Problem),
    /// The policy is wrong, or nobody could satisfy it.
    #[error("the policy {name} cannot be saved")]
    BadPolicy {
        /// Its name.
        name: PolicyName,
        /// What is wrong, and where.
        problems: Vec<Problem>,
    },
    /// Something still points at it.
    #[error("{what} is still in use: {by}")]
    InUse {
        /// The thing.
        what: String,
        /// What uses it.
        by: String,
    },
    /// Nobody's answer is wanted any more.
    #[error(
        "this asks for an answer, and its approval has ended: nobody is asked about it any more"
    )]
    Ended,
    /// A sign-in link that was used, ran out, or never was.
    #[error("this sign-in link was already used or is no longer valid")]
    LinkSpent,
    /// A password that is not the member's, or of nobody. Which of them is not said.
    #[error("the address or the password is wrong")]
    WrongPassword,
    /// The workspace's plan has no room for it.
    #[error(transparent)]
    OverPlan(#[from] OverPlan),
    /// Only whoever runs the server can do this.
    #[error("only whoever runs this server can do this, on its console")]
    Operators,
    /// Only the person themselves can do this.
    #[error("only the member can do this, signed in")]
    NotYours,
}
