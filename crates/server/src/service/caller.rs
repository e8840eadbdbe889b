//! Who calls: from a secret to a place and rights. What a command may do with them is checked
//! again where it is recorded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use askfirst_core::{
    Approval, ApprovalId, Assurance, Dialect, Environment, KeyFacts, KeyId, LinkWay, MemberId,
    Refusal, Role, Roster, Scope, Standing, Timestamp,
};
use askfirst_store::{Credential, Place, StoreError};

use super::{Needed, Result, Service, ServiceError};
use crate::mint::{self, Purpose};

/// Roles that answer for the workspace.
pub const OWNERS: &[Role] = &[Role::Owner];
/// Roles that run the workspace.
pub const ADMINS: &[Role] = &[Role::Owner, Role::Admin];
/// Roles that may read what is not theirs to decide.
pub const READERS: &[Role] = &[Role::Owner, Role::Admin, Role::PolicyEditor, Role::Auditor];

/// A credential that was good when it was presented.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Which rows it can see.
    pub place: Place,
    /// How the store knows it.
    pub credential: Credential,
    /// What it may do.
    pub rights: Rights,
    /// Where the end of what it asks is sent, unless the ask says.
    pub callback_url: Option<String>,
}

/// What a caller may do.
#[derive(Clone, Debug)]
pub enum Rights {
    /// A program's.
    Key(KeyFacts),
    /// A person's.
    Member {
        /// Who.
        id: MemberId,
        /// Their role.
        role: Role,
        /// How surely.
        assurance: Assurance,
    },
    /// A person's, for one approval, by a link that may be in other hands.
    Link {
        /// Whose link it is.
        member: MemberId,
        /// The only approval that it is good for.
        approval: ApprovalId,
        /// What its votes are worth.
        assurance: Assurance,
        /// What it is.
        way: LinkWay,
    },
}

/// Why a secret does not open anything.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// Nothing was presented.
    #[error("present an API key as `Authorization: Bearer {}_…`", .0.key_prefix())]
    Missing(Dialect),
    /// Not a key, or of nobody.
    #[error("this is not a valid API key")]
    Unknown,
    /// A good one, at the door of another API.
    #[error("this API key is for {is}; {takes} takes keys that begin with {}_", .takes.key_prefix())]
    Elsewhere {
        /// The API that the key speaks.
        is: Dialect,
        /// The one that the door does.
        takes: Dialect,
    },
    /// It was one.
    #[error("this API key was revoked")]
    Revoked,
    /// It ran out.
    #[error("this API key has expired")]
    Expired,
    /// Its person is gone.
    #[error("the member behind this API key is disabled")]
    Disabled,
    /// It could not be looked up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Caller {
    /// The key behind the call, if it is one.
    #[must_use]
    pub fn key(&self) -> Option<&KeyFacts> {
        match &self.rights {
            Rights::Key(key) => Some(key),
            Rights::Member { .. } | Rights::Link { .. } => None,
        }
    }

    /// The person behind the call: a session's member, or the one a decide key votes as.
    #[must_use]
    pub fn member(&self) -> Option<MemberId> {
        match &self.rights {
            Rights::Key(key) => key.member,
            Rights::Member { id, .. } => Some(*id),
            Rights::Link { member, .. } => Some(*member),
        }
    }

    /// Whether this is whoever holds a link that the asker had too.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        matches!(self.rights, Rights::Link { assurance: Assurance::Bearer, .. })
    }

    /// Passes with a scope, for keys, or one of these roles, for people.
    ///
    /// # Errors
    /// What is lacking.
    pub fn need(&self, scope: Scope, roles: &'static [Role]) -> Result<()> {
        match &self.rights {
            Rights::Key(key) if key.scopes.contains(&scope) => Ok(()),
            Rights::Key(_) => Err(ServiceError::Forbidden(Needed::Scope(scope))),
            Rights::Member { role, .. } if roles.contains(role) => Ok(()),
            Rights::Member { .. } | Rights::Link { .. } => {
                Err(ServiceError::Forbidden(Needed::Roles(roles)))
            }
        }
    }

    /// Whether this caller may read every approval of its place.
    #[must_use]
    pub fn reads_all(&self) -> bool {
        match &self.rights {
            Rights::Key(key) => key.scopes.contains(&Scope::ReadAll),
            Rights::Member { role, .. } => READERS.contains(role),
            Rights::Link { .. } => false,
        }
    }

    /// Whether this caller may read this approval: its own, what it may claim, what its person
    /// can decide or voted on, or everything.
    #[must_use]
    pub fn reads(&self, approval: &Approval, roster: &Roster, now: Timestamp) -> bool {
        if let Rights::Link { approval: only, .. } = self.rights {
            return approval.id == only;
        }
        if self.reads_all() {
            return true;
        }
        if self
            .key()
            .is_some_and(|key| key.scopes.contains(&Scope::Ask) && approval.may_consume(key.id))
        {
            return true;
        }
        self.member().is_some_and(|member| {
            approval.could_ever_vote(member, roster, now)
                || approval.vote_of(member).is_some()
                || approval.asker.owner == member
        })
    }
}

/// When keys were last used, until a worker writes it down.
#[derive(Debug, Default)]
pub struct UsedKeys(Mutex<HashMap<KeyId, Timestamp>>);

impl UsedKeys {
    fn note(&self, key: KeyId, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, now);
    }

    /// Takes what was noted since the last call.
    pub fn take(&self) -> Vec<(KeyId, Timestamp)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }
}

impl Service {
    /// Who presents this API key at a door of this dialect.
    ///
    /// # Errors
    /// [`NotSignedIn`], saying what is wrong with the key only to who holds it.
    pub async fn caller_by_key(
        &self,
        secret: &str,
        takes: Dialect,
    ) -> std::result::Result<Caller, NotSignedIn> {
        if !mint::is_api_key(secret) {
            return Err(NotSignedIn::Unknown);
        }
        let key = self.store.key_by_secret(Purpose::Key.hash(secret)).await?;
        let key = key.ok_or(NotSignedIn::Unknown)?;
        match key.facts.standing {
            Standing::Good => {}
            Standing::Revoked => return Err(NotSignedIn::Revoked),
            Standing::Expired => return Err(NotSignedIn::Expired),
            Standing::Disabled => return Err(NotSignedIn::Disabled),
        }
        let is = key.facts.dialect;
        if is != takes {
            return Err(NotSignedIn::Elsewhere { is, takes });
        }
        self.used_keys.note(key.facts.id, self.store.now());
        let credential = Credential::Key(key.facts.id);
        let (place, callback_url) = (key.place, key.callback_url);
        Ok(Caller { place, credential, rights: Rights::Key(key.facts), callback_url })
    }

    /// Passes while a key that was good before is still good. A session is looked at again with
    /// each request that it makes.
    ///
    /// # Errors
    /// The refusal that the next request with this key would get.
    pub(super) async fn still_good(&self, caller: &Caller) -> Result<()> {
        let Some(key) = caller.key() else { return Ok(()) };
        match self.find_key(caller.place.workspace, key.id).await?.facts.standing {
            Standing::Good => Ok(()),
            standing => Err(ServiceError::Refused(Refusal::Credential(standing))),
        }
    }

    /// Who holds this session; none if it is closed, over or unknown.
    ///
    /// # Errors
    /// If it could not be looked up.
    pub async fn caller_by_session(&self, token: &str) -> Result<Option<Caller>> {
        let session = self.store.session_by_secret(Purpose::Session.hash(token)).await?;
        let Some(session) = session else { return Ok(None) };
        let id = session.facts.member;
        let Some(member) = self.store.member(session.workspace, id).await? else { return Ok(None) };
        let Some(workspace) = self.store.workspace(session.workspace).await? else {
            return Ok(None);
        };
        if !member.person.enabled || session.facts.standing != Standing::Good {
            return Ok(None);
        }
        let environment: Environment = workspace.environment;
        Ok(Some(Caller {
            place: Place { workspace: session.workspace, environment },
            credential: Credential::Session(session.id),
            rights: Rights::Member {
                id,
                role: member.person.role,
                assurance: session.facts.assurance,
            },
            callback_url: None,
        }))
    }
}
