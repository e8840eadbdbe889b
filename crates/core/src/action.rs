//! What is asked for, and the words that come with it.
//! Only [`Action`] is bound by the digest; the rest is shown as the agent's own words.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What will happen if people say yes. Its canonical JSON is what the digest is made of,
/// so a field added here changes every digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// A machine's name for the kind of action, such as `deploy.production`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Any JSON; what the action will be run with.
    #[serde(default)]
    pub arguments: Value,
    /// What it acts on, where that is not an argument.
    #[serde(default)]
    pub target: Option<String>,
}

/// Who says they are asking. Never an identity: that is the key's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The agent's name for itself.
    pub name: String,
    /// Its run, if it has such a thing.
    #[serde(default)]
    pub run: Option<String>,
    /// Its tool call within the run.
    #[serde(default)]
    pub call: Option<String>,
}

/// How urgent the asker says it is. It sorts and colours; it never loosens a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual.
    #[default]
    Normal,
    /// Soon, please.
    High,
    /// Something is on fire.
    Critical,
}

impl Priority {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Which world an approval belongs to; stated in every receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The real thing.
    Live,
    /// Isolated, sends nothing real.
    Test,
    /// A developer's own machine.
    Dev,
}

impl Environment {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::Dev => "dev",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // A number that is read back as its neighbour would give the action another digest.
        #[test]
        fn arguments_are_read_back_to_the_last_bit(number: f64, cents in 0_u32..100_000_000) {
            let price = f64::from(cents) * 1.1;
            let arguments = serde_json::json!({ "number": number, "price": price });
            let action =
                Action { name: "pay".into(), title: "Pay?".into(), arguments, target: None };
            let text = serde_json::to_string(&action).unwrap();
            prop_assert_eq!(serde_json::from_str::<Action>(&text).unwrap(), action);
        }
    }
}
