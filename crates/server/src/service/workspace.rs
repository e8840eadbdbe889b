//! The workspace itself, and how the first one comes to be.

use std::sync::Arc;

use askfirst_core::administration::Change;
use askfirst_core::{
    Actor, Assurance, Environment, Floor, MemberId, Person, Plan, Policy, PolicyId, PolicyName,
    Role, WorkspaceId,
};
use askfirst_store::{Member, PolicyVersion, Premises, Workspace};

use super::{Caller, Result, Service, ServiceError, digest_of, mistake};
use crate::mint;
use crate::outgoing::HostRule;

/// What changes about a workspace; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkspaceUpdate {
    /// A new name.
    pub name: Option<String>,
    /// A new default policy.
    pub default_policy: Option<PolicyName>,
    /// A new floor.
    pub floor: Option<Floor>,
    /// How many days after the end texts are kept; within it, none keeps them for good.
    pub retention_days: Option<Option<u32>>,
    /// Hosts that askers may have the end of an approval sent to, as [`HostRule`]s.
    pub callback_hosts: Option<Vec<String>>,
}

/// The first owner of a new workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
}

/// A workspace to be made.
pub(super) struct Founding {
    /// What to call it.
    pub(super) name: String,
    /// The world that it is for.
    pub(super) environment: Environment,
    /// Its first owner.
    pub(super) founder: Founder,
    /// Its default policy.
    pub(super) policy: Policy,
    /// Whether a stranger makes it.
    pub(super) self_service: bool,
    /// Hosts that askers may have the end of an approval sent to.
    pub(super) callback_hosts: Vec<String>,
    /// What it may have as a whole.
    pub(super) plan: Option<Plan>,
    /// Its first owner's id.
    pub(super) owner: MemberId,
    /// What it begins with besides.
    pub(super) then: Vec<Change>,
}

impl Service {
    /// The caller's workspace.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn workspace(&self, caller: &Caller) -> Result<Workspace> {
        let workspace = self.store.workspace(caller.place.workspace).await?;
        workspace.ok_or(ServiceError::NotFound("workspace"))
    }

    /// It with the kinds of its channels.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn premises(&self, caller: &Caller) -> Result<Arc<Premises>> {
        let premises = self.store.premises(caller.place.workspace).await?;
        premises.ok_or(ServiceError::NotFound("workspace"))
    }

    /// Changes the caller's workspace.
    ///
    /// # Errors
    /// If the caller may not, or the policy is unknown.
    pub async fn update_workspace(
        &self,
        caller: &Caller,
        update: WorkspaceUpdate,
    ) -> Result<Workspace> {
        let WorkspaceUpdate { name, default_policy, floor, retention_days, callback_hosts } =
            update;
        let callback_hosts = callback_hosts.map(host_rules).transpose()?;
        let change =
            Change::SetWorkspace { name, default_policy, floor, retention_days, callback_hosts };
        self.administer(caller, change, None).await?;
        self.workspace(caller).await
    }

    /// Puts the whole workspace on hold, so that nothing of it is erased, or releases it.
    ///
    /// # Errors
    /// If the caller may not, or it is on hold for another reason.
    pub async fn hold_workspace(
        &self,
        caller: &Caller,
        reason: Option<String>,
    ) -> Result<Workspace> {
        self.administer(caller, Change::HoldWorkspace { reason }, None).await?;
        self.workspace(caller).await
    }

    /// Makes a workspace with its first owner and its default policy: one member within the
    /// hour, known by a session; in a developer's own workspace a key is enough. A plan bounds what
    /// it may have as a whole.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn found(
        &self,
        name: &str,
        environment: Environment,
        founder: Founder,
        plan: Option<Plan>,
    ) -> Result<(Workspace, MemberId)> {
        let default: PolicyName = "default".parse().map_err(|_| internal("default"))?;
        let assurance = match environment {
            Environment::Dev => Assurance::Key,
            Environment::Live | Environment::Test => Assurance::Session,
        };
        let owner = MemberId::from_bits(mint::id_bits());
        let founding = Founding {
            name: name.into(),
            environment,
            founder,
            policy: Policy::standard(default, assurance),
            self_service: false,
            callback_hosts: Vec::new(),
            plan,
            owner,
            then: Vec::new(),
        };
        Ok((self.found_as(founding).await?, owner))
    }

    /// Makes a workspace with its first owner, its default policy and all else, at once.
    ///
    /// # Errors
    /// If it could not be written.
    pub(super) async fn found_as(&self, founding: Founding) -> Result<Workspace> {
        let now = self.store.now();
        let Founding { name, environment, founder, policy: document, owner: id, .. } = founding;
        let workspace = Workspace {
            id: WorkspaceId::from_bits(mint::id_bits()),
            name,
            environment,
            default_policy: document.name.clone(),
            floor: Floor::default(),
            retention_days: None,
            callback_hosts: founding.callback_hosts,
            self_service: founding.self_service,
            plan: founding.plan,
            hold: None,
            created_at: now,
        };
        let person =
            Person { email: founder.email, name: founder.name, role: Role::Owner, enabled: true };
        let owner = Member { id, person, created_at: now, delegation: None };
        let policy = PolicyVersion {
            id: PolicyId::from_bits(mint::id_bits()),
            version: 1,
            digest: digest_of(&document)?,
            document,
            created_at: now,
            by: Actor::System,
        };
        let then = founding.then;
        self.store.create_workspace(workspace.clone(), owner, policy, then).await?;
        Ok(workspace)
    }
}

/// Hosts as they are kept, if each reads as one.
fn host_rules(hosts: Vec<String>) -> Result<Vec<String>> {
    let read = |(at, host): (usize, String)| match host.parse::<HostRule>() {
        Ok(rule) => Ok(rule.to_string()),
        Err(why) => Err(mistake(&format!("/callback_hosts/{at}"), why)),
    };
    hosts.into_iter().enumerate().map(read).collect()
}

fn internal(what: &str) -> ServiceError {
    ServiceError::Internal(what.into())
}
