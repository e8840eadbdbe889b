//! Who acts and what they may do at all: scopes of keys, roles of members,
//! and how surely we know who voted.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Environment, KeyId, MemberId, PolicyName};

/// How we know who voted, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// Whoever holds a link that was handed to the asker.
    Bearer,
    /// A program's key that is bound to the person.
    Key,
    /// A link sent to that person alone, or a session that one opened.
    Link,
    /// A linked chat account.
    Chat,
    /// A session with a factor of the person's own.
    Session,
    /// A passkey used for this very decision.
    Passkey,
}

impl Assurance {
    /// All of them, weakest first.
    pub const ALL: [Self; 6] =
        [Self::Bearer, Self::Key, Self::Link, Self::Chat, Self::Session, Self::Passkey];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Key => "key",
            Self::Link => "link",
            Self::Chat => "chat",
            Self::Session => "session",
            Self::Passkey => "passkey",
        }
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Create, wait, cancel, consume, report, read one's own.
    #[serde(rename = "ask")]
    Ask,
    /// Read every approval of the workspace.
    #[serde(rename = "approvals:read_all")]
    ReadAll,
    /// Vote as the member that the key is bound to.
    #[serde(rename = "decide")]
    Decide,
    /// Save policies.
    #[serde(rename = "policies")]
    Policies,
    /// Bring a policy of one's own with an ask.
    #[serde(rename = "policies:inline")]
    InlinePolicies,
    /// Manage members and groups.
    #[serde(rename = "members")]
    Members,
    /// Manage keys.
    #[serde(rename = "keys")]
    Keys,
    /// Manage the ways to people.
    #[serde(rename = "channels")]
    Channels,
    /// Read the audit log.
    #[serde(rename = "audit")]
    Audit,
    /// Change the workspace's own settings.
    #[serde(rename = "workspace")]
    Workspace,
}

impl Scope {
    /// What sets a workspace up and runs it, and says nothing in approvals.
    pub const ADMINISTER: [Self; 7] = [
        Self::ReadAll,
        Self::Policies,
        Self::Members,
        Self::Keys,
        Self::Channels,
        Self::Audit,
        Self::Workspace,
    ];

    /// Every scope of this version.
    pub const ALL: [Self; 10] = [
        Self::Ask,
        Self::ReadAll,
        Self::Decide,
        Self::Policies,
        Self::InlinePolicies,
        Self::Members,
        Self::Keys,
        Self::Channels,
        Self::Audit,
        Self::Workspace,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::ReadAll => "approvals:read_all",
            Self::Decide => "decide",
            Self::Policies => "policies",
            Self::InlinePolicies => "policies:inline",
            Self::Members => "members",
            Self::Keys => "keys",
            Self::Channels => "channels",
            Self::Audit => "audit",
            Self::Workspace => "workspace",
        }
    }

    /// Scopes that would let an asker widen its own rights, or approve itself: who names the mail
    /// server can read the links that go through it.
    const NEVER_WITH_ASK: [Self; 6] =
        [Self::Decide, Self::Keys, Self::Members, Self::Policies, Self::Channels, Self::Workspace];

    /// Scopes over what live approvals stand on as well. A test key, which people hand around
    /// more freely, must not reach it.
    const NEVER_IN_TEST: [Self; 6] =
        [Self::Keys, Self::Members, Self::Policies, Self::Channels, Self::Workspace, Self::Audit];
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes that no key may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScopes {
    /// A key that may do nothing.
    #[error("a key needs at least one scope")]
    None,
    /// Asking and deciding, or asking and widening one's own rights.
    #[error(
        "a key with the scope ask cannot also have {0}: who asks must not be able to decide or to change the rules"
    )]
    AskWith(Scope),
    /// A test key that would reach what is live.
    #[error(
        "a test key cannot have {0}: people, policies, keys and settings are those of live approvals too"
    )]
    TestWith(Scope),
    /// Deciding as nobody.
    #[error("the scope decide needs a member whose votes the key casts")]
    DecideWithoutMember,
    /// Bound to a person for no reason.
    #[error("only a key with the scope decide is bound to a member")]
    MemberWithoutDecide,
    /// An inline policy comes with an ask.
    #[error("the scope policies:inline is of use only together with ask")]
    InlineWithoutAsk,
}

/// Checks which scopes may share a key.
///
/// # Errors
/// The first rule that the set breaks.
pub fn check_scopes(
    scopes: &BTreeSet<Scope>,
    member: Option<MemberId>,
    environment: Environment,
) -> Result<(), BadScopes> {
    if scopes.is_empty() {
        return Err(BadScopes::None);
    }
    if scopes.contains(&Scope::Ask)
        && let Some(clash) = Scope::NEVER_WITH_ASK.into_iter().find(|s| scopes.contains(s))
    {
        return Err(BadScopes::AskWith(clash));
    }
    if scopes.contains(&Scope::InlinePolicies) && !scopes.contains(&Scope::Ask) {
        return Err(BadScopes::InlineWithoutAsk);
    }
    if environment == Environment::Test
        && let Some(reach) = Scope::NEVER_IN_TEST.into_iter().find(|s| scopes.contains(s))
    {
        return Err(BadScopes::TestWith(reach));
    }
    match (scopes.contains(&Scope::Decide), member) {
        (true, None) => Err(BadScopes::DecideWithoutMember),
        (false, Some(_)) => Err(BadScopes::MemberWithoutDecide),
        _ => Ok(()),
    }
}

/// Which named policies a key may ask under. The workspace's default is always allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyAllowance {
    /// Every policy of the workspace.
    Any,
    /// These and the default.
    Only(BTreeSet<PolicyName>),
}

impl PolicyAllowance {
    /// Whether a key with this allowance may ask under the policy called `name`.
    #[must_use]
    pub fn permits(&self, name: &PolicyName) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(name),
        }
    }
}

/// What a member may do in the web and through their own sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything; the last one cannot be removed.
    Owner,
    /// Everything but owners.
    Admin,
    /// Policies; may also decide where a policy names them.
    PolicyEditor,
    /// Decides.
    Approver,
    /// Reads everything, decides nothing.
    Auditor,
    /// Has no account: decides where a policy names them, by a link for each request.
    Contact,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Owner,
        Self::Admin,
        Self::PolicyEditor,
        Self::Approver,
        Self::Auditor,
        Self::Contact,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::PolicyEditor => "policy_editor",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Contact => "contact",
        }
    }

    /// Whether members of this role may vote at all.
    #[must_use]
    pub const fn may_vote(self) -> bool {
        !matches!(self, Self::Auditor)
    }

    /// Whether people of this role can sign in, have keys and stand in for others.
    #[must_use]
    pub const fn has_account(self) -> bool {
        !matches!(self, Self::Contact)
    }

    /// Whether members of this role run the workspace.
    #[must_use]
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

/// Who did something, as it stands in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A program.
    Key {
        /// Its key.
        id: KeyId,
        /// The key's name at that time.
        label: String,
    },
    /// A person.
    Member {
        /// Their account.
        id: MemberId,
        /// Their address at that time.
        email: String,
    },
    /// The server itself, at a deadline or on the operator's console.
    System,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { label, .. } => write!(f, "key {label}"),
            Self::Member { email, .. } => f.write_str(email),
            Self::System => f.write_str("system"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ask_never_shares_a_key_with_power_over_the_rules() {
        let member = Some(MemberId::from_bits(1));
        for scope in Scope::ALL {
            let scopes = BTreeSet::from([Scope::Ask, scope]);
            let bound = if scope == Scope::Decide { member } else { None };
            let allowed =
                matches!(scope, Scope::Ask | Scope::ReadAll | Scope::InlinePolicies | Scope::Audit);
            assert_eq!(check_scopes(&scopes, bound, Environment::Live).is_ok(), allowed, "{scope}");
        }
    }

    #[test]
    fn a_decide_key_is_bound_to_one_member_and_no_other_key_is() {
        let decide = BTreeSet::from([Scope::Decide]);
        let audit = BTreeSet::from([Scope::Audit]);
        let member = Some(MemberId::from_bits(1));
        assert_eq!(
            check_scopes(&decide, None, Environment::Live),
            Err(BadScopes::DecideWithoutMember)
        );
        assert_eq!(check_scopes(&decide, member, Environment::Live), Ok(()));
        assert_eq!(
            check_scopes(&audit, member, Environment::Live),
            Err(BadScopes::MemberWithoutDecide)
        );
        assert_eq!(check_scopes(&BTreeSet::new(), None, Environment::Live), Err(BadScopes::None));
    }

    #[test]
    fn a_test_key_has_no_power_over_what_is_live() {
        let member = Some(MemberId::from_bits(1));
        for scope in Scope::ALL.into_iter().filter(|scope| *scope != Scope::InlinePolicies) {
            let bound = if scope == Scope::Decide { member } else { None };
            let checked = |world| check_scopes(&BTreeSet::from([scope]), bound, world).is_ok();
            assert!(checked(Environment::Live) && checked(Environment::Dev), "{scope}");
            let harmless = matches!(scope, Scope::Ask | Scope::ReadAll | Scope::Decide);
            assert_eq!(checked(Environment::Test), harmless, "{scope}");
        }
    }
}
