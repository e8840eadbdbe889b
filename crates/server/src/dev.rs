//! A workspace for one developer's own machine, ready to use: an owner, three keys derived from
//! the sealing key so that they stay the same, and a sign-in link.

use std::collections::BTreeSet;

use askfirst_core::administration::{Change, NewKey};
use askfirst_core::{
    Dialect, Environment, KeyId, KeyLimits, MemberId, PolicyAllowance, Scope, WorkspaceId,
};
use askfirst_proof::SealingKey;
use serde::Serialize;

use crate::mint::{self, Purpose};
use crate::service::workspace::Founder;
use crate::service::{Result, Service, ServiceError, keys::hint};

/// What a developer needs to begin; printed by `askfirst dev`.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Where the server is.
    pub url: String,
    /// The workspace's id.
    pub workspace: String,
    /// Asks, under every policy.
    pub agent_key: String,
    /// Votes as the owner.
    pub approver_key: String,
    /// Manages policies, people, keys and the workspace.
    pub admin_key: String,
    /// Signs the owner in, once.
    pub login_url: String,
}

/// Makes what is missing of the developer's workspace.
///
/// # Errors
/// If the store fails.
pub async fn prepare(service: &Service, sealing: &SealingKey) -> Result<Ready> {
    let known = service.store().workspaces().await?;
    let (workspace, owner) =
        match known.into_iter().find(|w| w.environment == Environment::Dev && !w.self_service) {
            Some(workspace) => {
                let owner = service.store().members(workspace.id, None, 1).await?;
                let owner = owner.first().map(|member| member.id);
                (workspace.id, owner.ok_or_else(|| internal("the dev workspace has no owner"))?)
            }
            None => {
                let founder = Founder { email: "dev@localhost.test".into(), name: "Dev".into() };
                let (workspace, owner) =
                    service.found("dev", Environment::Dev, founder, None).await?;
                (workspace.id, owner)
            }
        };
    let ask = key(service, sealing, workspace, owner, "agent", &[Scope::Ask], None);
    let agent_key = ask.await?;
    let decide = key(service, sealing, workspace, owner, "approver", &[Scope::Decide], Some(owner));
    let approver_key = decide.await?;
    let admin = key(service, sealing, workspace, owner, "admin", &Scope::ADMINISTER, None);
    let admin_key = admin.await?;
    let login_url = service.add_login_link_as_system(workspace, owner).await?.url;
    let url = service.public_url().to_owned();
    let workspace = workspace.to_string();
    Ok(Ready { url, workspace, agent_key, approver_key, admin_key, login_url })
}

/// The dev key called `label`: the same text on every start, made in the store on the first.
async fn key(
    service: &Service,
    sealing: &SealingKey,
    workspace: WorkspaceId,
    owner: MemberId,
    label: &str,
    scopes: &[Scope],
    member: Option<MemberId>,
) -> Result<String> {
    let derived = sealing.derive(&format!("askfirst/dev-key/{workspace}/{label}"));
    let derived = derived.map_err(|error| internal(&error.to_string()))?;
    let text = mint::api_key_from(Dialect::Native, Environment::Dev, &derived);
    let secret = Purpose::Key.hash(&text);
    if service.store().key_by_secret(secret).await?.is_some() {
        return Ok(text);
    }
    let new = NewKey {
        id: KeyId::from_bits(mint::id_bits()),
        label: label.into(),
        secret,
        hint: hint(&text),
        environment: Environment::Dev,
        dialect: Dialect::Native,
        scopes: scopes.iter().copied().collect::<BTreeSet<_>>(),
        policies: PolicyAllowance::Any,
        member,
        owner: Some(owner),
        expires_at: None,
        limits: KeyLimits::default(),
        callback_url: None,
    };
    service.administer_as_system(workspace, Change::AddKey(new)).await?;
    Ok(text)
}

fn internal(what: &str) -> ServiceError {
    ServiceError::Internal(what.into())
}
