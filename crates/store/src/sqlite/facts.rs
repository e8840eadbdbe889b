//! What the rules look at, read inside the writing transaction. Kept between transactions too:
//! the writer is the only one who changes it, forgets a workspace when that is administered, and
//! forgets all after a rollback.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use askfirst_core::administration::Holdings;
use askfirst_core::{
    Ask, Environment, Facts, FrozenPolicy, GroupId, HitlId, KeyId, LinkFacts, LinkId, LinkWay,
    PolicyChoice, PolicyName, Principal, Refusal, Room, Roster, SessionFacts, SessionId, Standing,
    Timestamp, WorkspaceId,
};
use askfirst_proof::log::Head;
use rusqlite::{Connection, OptionalExtension};

use super::codec::{self, Id};
use super::queries::{self, KeyRow};
use super::{accounts, audit, channels, grants, hitl, people, webhooks};
use crate::records::{Place, Workspace};
use crate::store::{Credential, StoreError};

/// More than this many are forgotten together; a server has few busy workspaces at a time.
const MOST_TENANTS: usize = 1_024;
const MOST_KEYS: usize = 16_384;

/// The workspaces that the writer has read.
#[derive(Default)]
pub(super) struct Tenants(HashMap<WorkspaceId, Tenant>);

/// One workspace as it stands in the transaction.
pub(super) struct Tenant {
    pub(super) workspace: Workspace,
    /// Its id as text, as the audit log spells it.
    pub(super) name: String,
    pub(super) roster: Arc<Roster>,
    pub(super) groups: BTreeMap<GroupId, String>,
    /// The newest versions.
    pub(super) policies: BTreeMap<PolicyName, Arc<FrozenPolicy>>,
    /// The votes that were given in advance.
    pub(super) grants: grants::Standing,
    /// The receivers of what happens.
    pub(super) webhooks: webhooks::Receivers,
    /// The ways to people.
    pub(super) channels: channels::Ways,
    /// The configs of the proof dialect that are not archived, by their world.
    pub(super) hitl: BTreeMap<HitlId, Environment>,
    /// The end of its audit log.
    pub(super) head: Head,
    /// None for an id that is no key of this workspace.
    keys: HashMap<KeyId, Option<KeyRow>>,
}

impl Tenants {
    /// The workspace, if there is one of that id.
    pub(super) fn get(
        &mut self,
        connection: &Connection,
        id: WorkspaceId,
        now: Timestamp,
    ) -> Result<Option<&mut Tenant>, StoreError> {
        use std::collections::hash_map::Entry;
        match self.0.entry(id) {
            Entry::Occupied(known) => Ok(Some(known.into_mut())),
            Entry::Vacant(place) => match Tenant::read(connection, id, now)? {
                Some(tenant) => Ok(Some(place.insert(tenant))),
                None => Ok(None),
            },
        }
    }

    pub(super) fn forget(&mut self, id: WorkspaceId) {
        self.0.remove(&id);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn trim(&mut self) {
        if self.0.len() > MOST_TENANTS {
            self.0.clear();
        }
    }
}

impl Tenant {
    fn read(
        connection: &Connection,
        id: WorkspaceId,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(workspace) = queries::workspace(connection, id)? else { return Ok(None) };
        let newest = queries::policies(connection, id)?.into_iter().map(|policy| {
            let name = policy.document.name.clone();
            let frozen = FrozenPolicy {
                id: Some(policy.id),
                version: policy.version,
                digest: policy.digest,
                document: policy.document,
            };
            (name, Arc::new(frozen))
        });
        let policies = newest.collect();
        let groups = people::groups(connection, id)?;
        Ok(Some(Self {
            workspace,
            name: id.to_string(),
            roster: Arc::new(people::roster(connection, id)?),
            groups: groups.into_iter().map(|group| (group.id, group.name)).collect(),
            policies,
            grants: grants::Standing::read(connection, id, now)?,
            webhooks: webhooks::Receivers::read(connection, id)?,
            channels: channels::Ways::read(connection, id)?,
            hitl: hitl::open(connection, id)?,
            head: audit::head(connection, id)?,
            keys: HashMap::new(),
        }))
    }

    /// The key, if it is one of this workspace.
    pub(super) fn key(
        &mut self,
        connection: &Connection,
        id: KeyId,
    ) -> Result<Option<&KeyRow>, StoreError> {
        if self.keys.len() > MOST_KEYS {
            self.keys.clear();
        }
        if !self.keys.contains_key(&id) {
            let found = queries::key(connection, self.workspace.id, id)?;
            self.keys.insert(id, found);
        }
        Ok(self.keys.get(&id).and_then(Option::as_ref))
    }

    /// Who acts and what the rules may look at, for an approval.
    pub(super) fn facts(
        &mut self,
        connection: &Connection,
        place: Place,
        credential: Credential,
        ask: Option<&Ask>,
        now: Timestamp,
    ) -> Result<Result<Facts, Refusal>, StoreError> {
        let principal = match self.principal(connection, credential, now)? {
            Some(Principal::Key(key)) if key.environment != place.environment => None,
            known => known,
        };
        // A credential of another place is worth nothing here.
        let Some(principal) = principal else {
            return Ok(Err(Refusal::Credential(Standing::Revoked)));
        };
        let mut known_keys = BTreeSet::new();
        for &id in ask.map_or(&[][..], |ask| &ask.consumers) {
            if self.key(connection, id)?.is_some_and(|row| row.key.place == place) {
                known_keys.insert(id);
            }
        }
        let policy = ask.and_then(|ask| match &ask.policy {
            PolicyChoice::Default => self.policies.get(&self.workspace.default_policy).cloned(),
            PolicyChoice::Named(name) => self.policies.get(name).cloned(),
            PolicyChoice::Inline(_) => None,
        });
        Ok(Ok(Facts {
            principal,
            roster: Arc::clone(&self.roster),
            floor: self.workspace.floor,
            policy,
            known_keys,
            room: Room::default(),
            grants: Vec::new(),
            hold: self.workspace.hold.clone(),
        }))
    }

    /// Who acts, for an administrative change.
    pub(super) fn administrator(
        &mut self,
        connection: &Connection,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Result<Facts, Refusal>, StoreError> {
        let Some(principal) = self.principal(connection, credential, now)? else {
            return Ok(Err(Refusal::Credential(Standing::Revoked)));
        };
        Ok(Ok(Facts {
            principal,
            roster: Arc::clone(&self.roster),
            floor: self.workspace.floor,
            policy: None,
            known_keys: BTreeSet::new(),
            room: Room::default(),
            grants: Vec::new(),
            hold: self.workspace.hold.clone(),
        }))
    }

    /// What the workspace has, for judging an administrative change.
    pub(super) fn holdings(&self) -> Holdings {
        Holdings {
            environment: self.workspace.environment,
            groups: self.groups.clone(),
            policies: self.policies.keys().cloned().collect(),
            default_policy: Some(self.workspace.default_policy.clone()),
            webhooks: self.webhooks.all(),
            channels: self.channels.all(),
            hitl: self.hitl.clone(),
            plan: self.workspace.plan.clone(),
        }
    }

    fn principal(
        &mut self,
        connection: &Connection,
        credential: Credential,
        now: Timestamp,
    ) -> Result<Option<Principal>, StoreError> {
        Ok(match credential {
            Credential::System => Some(Principal::System),
            Credential::Key(id) => self.key(connection, id)?.map(|row| {
                let mut facts = row.key.facts.clone();
                facts.standing = row.standing(now);
                Principal::Key(facts)
            }),
            Credential::Link(id) => {
                link(connection, self.workspace.id, id, now)?.map(Principal::Link)
            }
            Credential::Session(id) => {
                session(connection, self.workspace.id, id, now)?.map(Principal::Session)
            }
        })
    }
}

/// Of what somebody may have closed, and what ends by itself.
fn standing(closed_at: Option<Timestamp>, expires_at: Timestamp, now: Timestamp) -> Standing {
    match closed_at {
        Some(_) => Standing::Revoked,
        None if now >= expires_at => Standing::Expired,
        None => Standing::Good,
    }
}

fn link(
    connection: &Connection,
    workspace: WorkspaceId,
    id: LinkId,
    now: Timestamp,
) -> Result<Option<LinkFacts>, StoreError> {
    let sql =
        "SELECT member, approval, expires_at, closed_at, assurance, channel, account, approves,
                 shown FROM decision_links WHERE link = ?1 AND workspace = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((id.bytes(), workspace.bytes()), |row| {
        let standing = standing(codec::maybe_time(row, 3)?, codec::time(row, 2)?, now);
        let facts = LinkFacts {
            member: codec::id(row, 0)?,
            approval: codec::id(row, 1)?,
            assurance: codec::assurance(row, 4)?,
            way: LinkWay::Url,
            standing,
        };
        Ok((facts, accounts::card(row, 5)?))
    });
    match found.optional()? {
        Some((facts, Some(card))) => accounts::judge(connection, facts, &card),
        found => Ok(found.map(|(facts, _)| facts)),
    }
}

fn session(
    connection: &Connection,
    workspace: WorkspaceId,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SessionFacts>, StoreError> {
    let sql = "SELECT member, assurance, expires_at, closed_at FROM sessions
               WHERE session = ?1 AND workspace = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((id.bytes(), workspace.bytes()), |row| {
        let standing = standing(codec::maybe_time(row, 3)?, codec::time(row, 2)?, now);
        Ok(SessionFacts {
            member: codec::id(row, 0)?,
            assurance: codec::assurance(row, 1)?,
            standing,
        })
    });
    Ok(found.optional()?)
}
