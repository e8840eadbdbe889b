//! Which API a key speaks: our own, or that of another product whose users come here by changing an
//! address and a key. What is said in it is its door's business; here is what holds for its keys.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Environment, PolicyAllowance, Problem, Scope};

/// An API that keys speak. A key speaks one, and opens the doors of no other.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Our own.
    #[default]
    Native,
    /// That of Ambedo HITL: pauses.
    Ambedo,
    /// That of proof.holdings: confirmations.
    Proof,
    /// That of HoldOn: approvals that are decided by a link.
    Holdon,
}

impl Dialect {
    /// Every dialect of this version.
    pub const ALL: [Self; 4] = [Self::Native, Self::Ambedo, Self::Proof, Self::Holdon];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Ambedo => "ambedo",
            Self::Proof => "proof",
            Self::Holdon => "holdon",
        }
    }

    /// What its keys begin with; an underscore follows.
    #[must_use]
    pub const fn key_prefix(self) -> &'static str {
        match self {
            Self::Native => "af",
            Self::Ambedo => "hitl",
            Self::Proof => "pk",
            Self::Holdon => "ho_sk",
        }
    }

    /// What follows that in a key of this world; an underscore comes after it.
    #[must_use]
    pub const fn key_world(self, environment: Environment) -> &'static str {
        match (self, environment) {
            // There are two worlds there, and a developer's own sends nothing real either.
            (Self::Proof, Environment::Dev) => Environment::Test.as_str(),
            _ => environment.as_str(),
        }
    }

    /// Whether it is our own.
    #[must_use]
    pub const fn is_native(&self) -> bool {
        matches!(self, Self::Native)
    }

    /// What keeps a key that speaks it from having these scopes and policies; none if nothing does.
    #[must_use]
    pub fn misfit(self, scopes: &BTreeSet<Scope>, policies: &PolicyAllowance) -> Option<Problem> {
        if self.is_native() {
            return None;
        }
        let problem = |pointer: &str, detail| Some(Problem { pointer: pointer.into(), detail });
        if *scopes != BTreeSet::from([Scope::Ask]) {
            let detail = format!(
                "a key for {self} has the scope ask and no other: there, people decide, signed in, \
                 and no key does"
            );
            return problem("/scopes", detail);
        }
        // Nothing that is said in it can choose among several.
        match policies {
            PolicyAllowance::Only(names) if names.len() <= 1 => None,
            _ => {
                let detail = format!(
                    "a key for {self} asks under one policy: name that one, or none for the \
                     workspace's default"
                );
                problem("/policies", detail)
            }
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "Askfirst's own API (/v1)",
            Self::Ambedo => "the Ambedo API (/api/pause)",
            Self::Proof => "the proof.holdings API (/api/v1/confirmations)",
            Self::Holdon => "the HoldOn API (/api/approvals)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(names: &[&str]) -> PolicyAllowance {
        PolicyAllowance::Only(names.iter().map(|name| name.parse().unwrap()).collect())
    }

    fn place(dialect: Dialect, scopes: &[Scope], policies: &PolicyAllowance) -> String {
        let scopes = scopes.iter().copied().collect();
        dialect.misfit(&scopes, policies).map(|problem| problem.pointer).unwrap_or_default()
    }

    #[test]
    fn a_key_of_a_dialect_asks_and_does_nothing_else() {
        for scope in Scope::ALL {
            let wanted = if scope == Scope::Ask { "" } else { "/scopes" };
            assert_eq!(place(Dialect::Ambedo, &[scope], &only(&[])), wanted, "{scope}");
            let both = [Scope::Ask, scope];
            assert_eq!(place(Dialect::Ambedo, &both, &only(&[])), wanted, "ask and {scope}");
            assert_eq!(place(Dialect::Native, &[scope], &only(&[])), "", "{scope}");
        }
    }

    #[test]
    fn a_key_of_a_dialect_asks_under_one_policy() {
        let ask = [Scope::Ask];
        assert_eq!(place(Dialect::Ambedo, &ask, &only(&["deploys"])), "");
        for several in [only(&["deploys", "mails"]), PolicyAllowance::Any] {
            assert_eq!(place(Dialect::Ambedo, &ask, &several), "/policies");
            assert_eq!(place(Dialect::Native, &ask, &several), "");
        }
    }

    #[test]
    fn no_two_dialects_share_a_word_or_a_prefix() {
        let words: BTreeSet<_> = Dialect::ALL.map(Dialect::as_str).into();
        let prefixes: BTreeSet<_> = Dialect::ALL.map(Dialect::key_prefix).into();
        assert_eq!((words.len(), prefixes.len()), (Dialect::ALL.len(), Dialect::ALL.len()));
    }
}
