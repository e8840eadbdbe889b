//! Carries out an administrative change: who acts, what the workspace holds, what the rules say,
//! then the change and its audit entry. Audit entries name things; they hold no secret or hash.

use askfirst_core::administration::{self, Change, Denied, GivenUp, NewKey, Way};
use askfirst_core::{Actor, Facts, Hold, Principal, Refusal, Role, Standing, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::apply;
use super::audit::{self, Telling};
use super::codec;
use super::facts::Tenant;
use super::notices::Retried;
use super::repeats::{self, Seen};
use super::writer::Desk;
use super::{
    accounts, channels, deliveries, grants, hitl, newcomers, notices, proof_tokens, sent, webhooks,
};
use crate::records::Place;
use crate::store::{self, Administer, AdministerError, Administered, Credential, StoreError};

/// What was done, for the audit log.
pub(super) struct Done {
    /// The id of what was made or changed.
    pub(super) subject: String,
    /// In the past tense; none if everything was that way already.
    pub(super) kind: Option<&'static str>,
    pub(super) detail: Value,
    /// Who did it, where that is not the principal.
    pub(super) by: Option<Actor>,
    /// What is answered, where that is not the subject.
    answer: Option<String>,
}

impl Done {
    pub(super) fn new(kind: &'static str, subject: impl ToString, detail: Value) -> Self {
        let subject = subject.to_string();
        Self { subject, kind: Some(kind), detail, by: None, answer: None }
    }

    pub(super) fn nothing(subject: impl ToString) -> Self {
        let subject = subject.to_string();
        Self { subject, kind: None, detail: Value::Null, by: None, answer: None }
    }
}

pub(super) fn administer(
    desk: &mut Desk<'_, '_>,
    request: &Administer,
) -> Result<Administered, AdministerError> {
    let Desk { connection, now, .. } = *desk;
    let Some(tenant) = desk.tenants.get(connection, request.workspace, now)? else {
        return Err(Denied::from(Refusal::Credential(Standing::Revoked)).into());
    };
    let facts = tenant.administrator(connection, request.credential, now)?;
    let facts = facts.map_err(Denied::from)?;
    let scope = repeats::Scope::administration(request.workspace, request.credential);
    if let Some(idempotency) = &request.idempotency
        && let Some(seen) = repeats::find(connection, &scope, idempotency)?
    {
        if facts.standing() != Standing::Good {
            return Err(Denied::from(Refusal::Credential(facts.standing())).into());
        }
        let Seen::Subject(subject) = seen? else {
            let odd = "an administrative idempotency key points at an approval";
            return Err(StoreError::Damaged(odd.into()).into());
        };
        return Ok(Administered { subject, replayed: true, now });
    }

    administration::permit(&request.change, &facts, &tenant.holdings())?;
    let act = Act { connection, now, tenant, facts: &facts, credential: request.credential };
    let done = act.carry_out(&request.change)?;

    newcomers::note(connection, tenant, &request.change, now)?;
    if let Some(kind) = done.kind {
        let by = done.by.unwrap_or_else(|| facts.actor());
        let telling = Telling {
            at: now,
            actor: &audit::actor(&by),
            kind,
            subject: &done.subject,
            detail: &audit::spelled(&done.detail)?,
        };
        audit::append(desk.pens, tenant, &telling)?;
    }
    let subject = done.answer.unwrap_or(done.subject);
    if let Some(idempotency) = &request.idempotency {
        let subject = Seen::Subject(subject.clone());
        let ends_at = Some(repeats::end(now));
        repeats::remember(connection, &scope, idempotency, subject, ends_at)?;
    }
    // Sign-ins touch nothing that is kept.
    let sign_in = matches!(
        request.change,
        Change::AddLoginLink { .. }
            | Change::AddDecisionLink(_)
            | Change::AddAccountCode(_)
            | Change::FindAccount(_)
            | Change::OpenSession { .. }
            | Change::SignIn { .. }
    );
    if done.kind.is_some() && !sign_in {
        desk.tenants.forget(request.workspace);
        desk.changes.push(store::Change::Workspace(request.workspace));
    }
    let sends = matches!(
        request.change,
        Change::RetryDelivery { .. }
            | Change::RetryNotice { .. }
            | Change::Replay(_)
            | Change::ConfirmWebhook { .. }
            | Change::RemoveChannel { .. }
            | Change::UnlinkAccount { .. }
            | Change::LinkAccount { .. }
            | Change::UpdateMember { enabled: Some(false), .. }
    );
    if sends {
        desk.changes.push(store::Change::Deliveries);
    }
    Ok(Administered { subject, replayed: false, now })
}

/// A permitted change on its way. What the rules cannot see (whether a key, a session or a link
/// is there) is looked up here, before anything is written.
pub(super) struct Act<'a> {
    pub(super) connection: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) tenant: &'a mut Tenant,
    pub(super) facts: &'a Facts,
    pub(super) credential: Credential,
}

impl Act<'_> {
    fn carry_out(self, change: &Change) -> Result<Done, AdministerError> {
        let Act { connection, now, .. } = self;
        let workspace = self.tenant.workspace.id;
        match change {
            Change::AddMember { id, email, name, role } => {
                apply::add_member(connection, workspace, *id, email, name, *role, now)?;
                let detail = json!({ "email": email, "role": role.as_str() });
                Ok(Done::new("member.added", id, detail))
            }
            Change::UpdateMember { id, name, role, enabled } => {
                apply::update_member(connection, workspace, *id, name.as_deref(), *role, *enabled)?;
                if *enabled == Some(false) {
                    accounts::unlink_all(connection, workspace, *id, now)?;
                    apply::shut_out(connection, workspace, *id, now)?;
                }
                let kind = match enabled {
                    Some(false) => "member.disabled",
                    Some(true) => "member.enabled",
                    None => "member.updated",
                };
                let detail = json!({ "name": name, "role": role.map(Role::as_str) });
                Ok(Done::new(kind, id, detail))
            }
            Change::Delegate { member, delegation } => {
                apply::delegate(connection, workspace, *member, delegation.as_ref())?;
                let detail = delegation.map_or(Value::Null, |given| {
                    let to = self.tenant.roster.email(given.to);
                    json!({ "to": to, "since": given.since, "until": given.until })
                });
                let kind = match delegation {
                    Some(_) => "member.delegated",
                    None => "member.delegation_ended",
                };
                Ok(Done::new(kind, member, detail))
            }
            Change::AddGroup { id, name, members } => {
                apply::add_group(connection, workspace, *id, name, now)?;
                apply::set_group(connection, workspace, *id, members)?;
                Ok(Done::new("group.added", id, json!({ "name": name, "members": members })))
            }
            Change::SetGroup { id, members } => {
                apply::set_group(connection, workspace, *id, members)?;
                Ok(Done::new("group.changed", id, json!({ "members": members })))
            }
            Change::RemoveGroup { id } => {
                apply::remove_group(connection, workspace, *id)?;
                Ok(Done::new("group.removed", id, json!({ "name": self.tenant.groups.get(id) })))
            }
            Change::AddKey(key) => self.add_key(key),
            Change::RevokeKey { id } => {
                let Some(row) = self.tenant.key(connection, *id)? else {
                    return Err(Denied::Unknown { what: "key" }.into());
                };
                if row.key.revoked_at.is_some() {
                    return Ok(Done::nothing(id));
                }
                let detail = json!({ "label": row.key.facts.label });
                apply::revoke_key(connection, workspace, *id, now)?;
                Ok(Done::new("key.revoked", id, detail))
            }
            Change::AddWebhook(webhook) => {
                let (what, environment) = ("webhook", webhook.environment);
                if webhook.url.is_none() && self.tenant.webhooks.sign_callbacks(environment) {
                    let name = format!("that signs the callbacks of {}", environment.as_str());
                    return Err(Denied::Taken { what, name }.into());
                }
                webhooks::add(connection, workspace, webhook, now)?;
                let events = &webhook.events;
                let environment = webhook.environment.as_str();
                let detail = json!({ "url": webhook.url, "environment": environment, "events": events,
                        "dialect": webhook.dialect });
                Ok(Done::new("webhook.added", webhook.id, detail))
            }
            Change::ConfirmWebhook { id } => {
                if !webhooks::confirm(connection, workspace, *id, now)? {
                    return Ok(Done::nothing(id));
                }
                Ok(Done::new("webhook.confirmed", id, json!({})))
            }
            Change::RotateWebhook { id, sealed, overlap } => {
                let until = (overlap.0 > 0).then(|| now.plus(*overlap));
                webhooks::rotate(connection, workspace, *id, sealed, until)?;
                Ok(Done::new("webhook.rotated", id, json!({ "older_until": until })))
            }
            Change::RemoveWebhook { id } => {
                webhooks::remove(connection, workspace, *id)?;
                Ok(Done::new("webhook.removed", id, json!({})))
            }
            Change::AddChannel(channel) => {
                channels::add(connection, workspace, channel, now)?;
                let detail = serde_json::to_value(&channel.settings);
                let detail = detail.map_err(|error| StoreError::Damaged(error.to_string()))?;
                Ok(Done::new("channel.added", channel.id, detail))
            }
            Change::SetChannel { id, settings, secret } => {
                let differs = channels::change(connection, workspace, *id, settings, secret, now)?;
                Ok(match differs {
                    None => Done::nothing(id),
                    Some(differs) => Done::new("channel.changed", id, differs),
                })
            }
            Change::RemoveChannel { id } => {
                channels::remove(connection, workspace, *id, now)?;
                Ok(Done::new("channel.removed", id, json!({})))
            }
            Change::AddAccountCode(new) => self.add_account_code(new),
            Change::FindAccount(found) => self.find_account(found),
            Change::LinkAccount { code, member, account } => {
                self.link_account(*code, *member, account)
            }
            Change::UnlinkAccount { channel, member } => self.unlink_account(*channel, *member),
            Change::RetryDelivery { id } => {
                if !deliveries::retry(connection, workspace, *id, now)? {
                    return Err(Denied::Unknown { what: "delivery" }.into());
                }
                Ok(Done::new("delivery.retried", id, json!({})))
            }
            Change::RetryNotice { id } => match notices::retry(connection, workspace, *id, now)? {
                Retried::Yes => Ok(Done::new("notice.retried", id, json!({}))),
                Retried::Over => Err(Denied::Ended.into()),
                Retried::Unknown => Err(Denied::Unknown { what: "delivery" }.into()),
            },
            Change::Replay(which) => self.replay(which),
            Change::SavePolicy { id, document, digest } => {
                let by = codec::to_json(&self.facts.actor())?;
                let saved =
                    apply::save_policy(connection, workspace, *id, document, *digest, &by, now)?;
                Ok(match saved {
                    None => Done::nothing(&document.name),
                    Some(version) => {
                        let detail = json!({ "version": version, "digest": digest.to_string() });
                        Done::new("policy.saved", &document.name, detail)
                    }
                })
            }
            Change::RemovePolicy { name } => {
                apply::remove_policy(connection, workspace, name, now)?;
                Ok(Done::new("policy.removed", name, json!({})))
            }
            Change::SetWorkspace {
                name,
                default_policy,
                floor,
                retention_days,
                callback_hosts,
            } => {
                let mut next = self.tenant.workspace.clone();
                next.name = name.clone().unwrap_or(next.name);
                next.default_policy = default_policy.clone().unwrap_or(next.default_policy);
                next.floor = floor.unwrap_or(next.floor);
                next.retention_days = retention_days.unwrap_or(next.retention_days);
                next.callback_hosts = callback_hosts.clone().unwrap_or(next.callback_hosts);
                apply::set_workspace(connection, &next)?;
                let detail = json!({
                    "name": next.name,
                    "default_policy": next.default_policy.as_str(),
                    "floor": {
                        "assurance": next.floor.assurance.as_str(),
                        "separate_owner": next.floor.separate_owner,
                    },
                    "retention_days": next.retention_days,
                    "callback_hosts": next.callback_hosts,
                });
                Ok(Done::new("workspace.changed", workspace, detail))
            }
            Change::SetPlan { plan } => {
                let mut next = self.tenant.workspace.clone();
                if next.plan == *plan {
                    return Ok(Done::nothing(workspace));
                }
                let before = std::mem::replace(&mut next.plan, plan.clone());
                apply::set_workspace(connection, &next)?;
                let detail = json!({ "plan": next.plan, "before": before });
                Ok(Done::new("workspace.plan_changed", workspace, detail))
            }
            Change::HoldWorkspace { reason } => self.hold_workspace(reason.as_deref()),
            Change::AddLoginLink { secret, member, expires_at } => {
                let assurance = administration::link_assurance(*member, self.facts);
                apply::add_login_link(
                    connection,
                    workspace,
                    *secret,
                    *member,
                    assurance,
                    *expires_at,
                    now,
                )?;
                let until = expires_at.to_string();
                let detail = json!({ "assurance": assurance.as_str(), "expires_at": until });
                Ok(Done::new("login_link.added", member, detail))
            }
            Change::AddDecisionLink(link) => self.add_link(link),
            Change::AddHitl(kept) => {
                hitl::add(connection, workspace, kept, now)?;
                Ok(Done::new("hitl.added", kept.id, hitl::told(kept)))
            }
            Change::SetHitl(kept) => {
                if !hitl::change(connection, workspace, kept, now)? {
                    return Ok(Done::nothing(kept.id));
                }
                Ok(Done::new("hitl.changed", kept.id, hitl::told(kept)))
            }
            Change::RevokeProof(revocation) => {
                let place = Place { workspace, environment: revocation.environment };
                if !proof_tokens::revoke(connection, place, revocation, now)? {
                    return Ok(Done::nothing(revocation.approval));
                }
                let detail = json!({ "reason": revocation.reason.as_str() });
                Ok(Done::new("proof_token.revoked", revocation.approval, detail))
            }
            &Change::RevokeGrant { id, environment, of } => {
                let place = Place { workspace, environment };
                let by = audit::actor(&self.facts.actor());
                let ended = grants::end(connection, place, id, of, &by, now)?;
                let whose = json!({ "member": self.tenant.roster.email(of) });
                match ended {
                    None => Err(Denied::Unknown { what: "grant" }.into()),
                    Some(false) => Ok(Done::nothing(id)),
                    Some(true) => Ok(Done::new("grant.revoked", id, whose)),
                }
            }
            Change::OpenSession { link, id, secret, expires_at } => {
                self.open_session(*link, *id, *secret, *expires_at)
            }
            Change::SetPassword { member, hash, before } => {
                self.set_password(*member, hash, before.as_ref())
            }
            Change::RemovePassword { member } => self.remove_password(*member),
            Change::SignIn { member, password, id, secret, expires_at } => {
                self.sign_in(*member, password, *id, *secret, *expires_at)
            }
            Change::CloseSession { id } => self.close_session(*id),
            Change::CloseSessions { member, except } => {
                let closed = apply::close_sessions(connection, workspace, *member, *except, now)?;
                if closed == 0 {
                    return Ok(Done::nothing(member));
                }
                Ok(Done::new("member.signed_out", member, json!({ "sessions": closed })))
            }
        }
    }

    /// Puts the whole workspace on hold, or releases it.
    fn hold_workspace(self, reason: Option<&str>) -> Result<Done, AdministerError> {
        let mut next = self.tenant.workspace.clone();
        let known = next.hold.as_ref().map(|hold| hold.reason.as_str());
        if known == reason {
            return Ok(Done::nothing(next.id));
        }
        if let (Some(held), Some(_)) = (&next.hold, reason) {
            let (by, at, reason) = (held.by.clone(), held.at, held.reason.clone());
            return Err(Denied::from(Refusal::OnHold { by, at, reason }).into());
        }
        next.hold = reason.map(|reason| Hold {
            by: self.facts.actor(),
            at: self.now,
            reason: reason.to_owned(),
        });
        apply::set_workspace(self.connection, &next)?;
        Ok(match reason {
            Some(reason) => Done::new("workspace.held", next.id, json!({ "reason": reason })),
            None => Done::new("workspace.released", next.id, json!({})),
        })
    }

    /// What is answered is how much is due again.
    fn replay(self, which: &GivenUp) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        let count = sent::replay(self.connection, workspace, which, self.now)?;
        let (kind, only) = match which.way {
            Way::Webhooks(only) => ("delivery.replayed", only.map(|id| id.to_string())),
            Way::Channels(only) => ("notice.replayed", only.map(|id| id.to_string())),
        };
        let subject = only.unwrap_or_else(|| workspace.to_string());
        let detail = json!({ "from": which.from, "to": which.until, "count": count });
        let done =
            if count == 0 { Done::nothing(subject) } else { Done::new(kind, subject, detail) };
        Ok(Done { answer: Some(count.to_string()), ..done })
    }

    fn add_key(self, key: &NewKey) -> Result<Done, AdministerError> {
        let acting = match &self.facts.principal {
            Principal::Key(key) => Some(key.owner),
            Principal::Session(session) => Some(session.member),
            Principal::Link(_) | Principal::System => None,
        };
        let owner = key.owner.or(acting).ok_or(Denied::Unknown { what: "member" })?;
        let workspace = self.tenant.workspace.id;
        apply::add_key(self.connection, workspace, key, owner, self.now)?;
        let mut detail = json!({
            "label": key.label,
            "environment": key.environment.as_str(),
            "dialect": key.dialect,
            "scopes": key.scopes,
            "policies": key.policies,
            "owner": owner,
            "member": key.member,
            "expires_at": key.expires_at,
            "limits": key.limits,
        });
        if let Some(url) = &key.callback_url {
            detail["callback_url"] = json!(url);
        }
        Ok(Done::new("key.added", key.id, detail))
    }
}
