//! Changes to a workspace that are not approvals: people, groups, keys, policies, settings,
//! sign-in. What each needs, and what is never allowed. The store applies a permitted change.

mod accounts;
mod change;
mod channels;
mod denied;
mod hitl;
mod plans;
mod policies;
mod proof_tokens;
mod removal;
mod replays;
mod secrets;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

pub use accounts::{FoundAccount, NewAccountCode, account_assurance};
pub use change::{Change, LinkKind, NewDecisionLink, NewKey, NewWebhook};

use crate::approval::erasure::{LONGEST_RETENTION, check_reason};
use crate::policy::is_name;
use crate::principal::check_scopes;
use crate::{
    Assurance, ChannelId, ChannelSettings, Delegation, Dialect, Environment, Facts, GroupId,
    HitlId, MemberId, Person, Plan, PolicyAllowance, PolicyName, Principal, Problem, Refusal, Role,
    Scope, Standing, WebhookId,
};

pub use channels::ChannelSecret;
pub use denied::Denied;
pub use proof_tokens::{ProofRevocation, RevocationReason};
pub use removal::may_remove;
pub use replays::{GivenUp, Way};
pub use secrets::{PasswordHash, SecretHash};

/// The most hosts that callbacks may go to.
const MOST_HOSTS: usize = 50;

/// The parts of a workspace, beside [`Facts`], that a change is judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Holdings {
    /// `dev` for a developer's own workspace, `live` for all others, which have `test` as well.
    pub environment: Environment,
    /// Groups by id.
    pub groups: BTreeMap<GroupId, String>,
    /// Names of the saved policies.
    pub policies: BTreeSet<PolicyName>,
    /// The policy that applies where an ask names none.
    pub default_policy: Option<PolicyName>,
    /// The receivers of what happens, and of which world each is told.
    pub webhooks: BTreeMap<WebhookId, Environment>,
    /// Ways to people, and what they are set up with.
    pub channels: BTreeMap<ChannelId, ChannelSettings>,
    /// The configs of the proof dialect that are not archived, and in which world each is.
    pub hitl: BTreeMap<HitlId, Environment>,
    /// What its operator lets it have; none for all that the server takes.
    pub plan: Option<Plan>,
}

/// Judges a change; what the store may then apply as it is.
///
/// # Errors
/// The first reason against it.
pub fn permit(change: &Change, facts: &Facts, holdings: &Holdings) -> Result<(), Denied> {
    match facts.standing() {
        Standing::Good => {}
        standing => return Err(Refusal::Credential(standing).into()),
    }
    authorise(change, facts)?;
    check(change, facts, holdings)?;
    // Last, so that nobody is told of a plan who may not do it in any case.
    plans::has_room(change, facts, holdings)
}

fn check(change: &Change, facts: &Facts, holdings: &Holdings) -> Result<(), Denied> {
    match change {
        Change::AddMember { email, name, role, .. } => add_member(email, name, *role, facts),
        Change::UpdateMember { id, name, role, enabled } => {
            update_member(*id, name.as_deref(), *role, *enabled, facts)
        }
        Change::Delegate { member, delegation } => delegate(*member, delegation.as_ref(), facts),
        Change::AddGroup { name, members, .. } => {
            valid_name("/name", name)?;
            if holdings.groups.values().any(|known| known == name) {
                return Err(Denied::Taken { what: "group", name: name.clone() });
            }
            known_members(members, facts)
        }
        Change::SetGroup { id, members } => {
            known_group(*id, holdings)?;
            known_members(members, facts)
        }
        Change::RemoveGroup { id } => known_group(*id, holdings),
        Change::AddKey(key) => add_key(key, facts, holdings),
        Change::AddWebhook(webhook) => webhooks::add(webhook, holdings),
        Change::AddChannel(channel) => channels::add(channel, facts, holdings),
        Change::SetChannel { id, settings, secret } => {
            channels::change(*id, settings, secret, facts, holdings)
        }
        Change::RemoveChannel { id } if !holdings.channels.contains_key(id) => {
            Err(Denied::Unknown { what: "channel" })
        }
        Change::ConfirmWebhook { id }
        | Change::RotateWebhook { id, .. }
        | Change::RemoveWebhook { id }
            if !holdings.webhooks.contains_key(id) =>
        {
            Err(Denied::Unknown { what: "webhook" })
        }
        Change::RotateWebhook { overlap, .. } => webhooks::rotate(*overlap),
        Change::Replay(given_up) => given_up.check(),
        Change::SavePolicy { document, .. } => policies::save(document, facts),
        Change::RemovePolicy { name } => policies::remove(name, holdings),
        Change::SetWorkspace { name, default_policy, retention_days, callback_hosts, .. } => {
            if let Some(name) = name {
                valid_text("/name", name)?;
            }
            if let Some(Some(days)) = retention_days
                && !(1..=LONGEST_RETENTION).contains(days)
            {
                return Err(invalid("/retention_days", "1 to 3650 days, or none to keep for good"));
            }
            if callback_hosts.as_ref().is_some_and(|hosts| hosts.len() > MOST_HOSTS) {
                return Err(invalid("/callback_hosts", "at most 50 hosts; *.example.com is one"));
            }
            match default_policy {
                Some(policy) if !holdings.policies.contains(policy) => {
                    Err(Denied::Unknown { what: "policy" })
                }
                _ => Ok(()),
            }
        }
        Change::RemovePassword { member } => match facts.roster.people.get(member) {
            Some(person) => guard_owner(person.role, facts),
            None => Err(Denied::Unknown { what: "member" }),
        },
        Change::AddLoginLink { member, .. } if is_contact(*member, facts) => {
            Err(invalid("/id", "a contact has no account to sign in to; give them a role first"))
        }
        // Whom the policy lets answer is seen at the vote; the asker gains nothing over an owner.
        Change::AddDecisionLink(link) if link.is_passed_on() => {
            reachable(link.member, facts).map(drop)
        }
        Change::AddLoginLink { member, .. }
        | Change::AddDecisionLink(NewDecisionLink { member, .. }) => {
            guard_owner(reachable(*member, facts)?.role, facts)
        }
        Change::CloseSessions { member, .. } if !facts.roster.people.contains_key(member) => {
            Err(Denied::Unknown { what: "member" })
        }
        Change::AddAccountCode(code) => accounts::add_code(code, facts, holdings),
        Change::UnlinkAccount { member, .. } => accounts::unlink(*member, facts),
        Change::AddHitl(kept) => hitl::add(kept, holdings),
        Change::SetHitl(kept) => hitl::change(kept, holdings),
        Change::HoldWorkspace { reason: Some(reason) } => check_reason(reason),
        Change::SetPlan { plan } => plans::check(plan.as_ref()),
        Change::HoldWorkspace { reason: None }
        | Change::ConfirmWebhook { .. }
        | Change::RemoveWebhook { .. }
        | Change::RemoveChannel { .. }
        | Change::RetryDelivery { .. }
        | Change::RetryNotice { .. }
        | Change::RevokeGrant { .. }
        | Change::RevokeProof(_)
        | Change::FindAccount(_)
        | Change::LinkAccount { .. }
        | Change::CloseSessions { .. }
        | Change::SetPassword { .. }
        | Change::SignIn { .. }
        | Change::RevokeKey { .. }
        | Change::OpenSession { .. }
        | Change::CloseSession { .. } => Ok(()),
    }
}

/// The session that a login link opens is as sure as the way the link was made: a link that one
/// makes for oneself, or on the server's own console, stands for the person; one that somebody
/// else made shows only that the link arrived.
#[must_use]
pub fn link_assurance(member: MemberId, facts: &Facts) -> Assurance {
    match &facts.principal {
        Principal::System => Assurance::Session,
        Principal::Session(session) if session.member == member => session.assurance,
        Principal::Session(_) | Principal::Key(_) | Principal::Link(_) => Assurance::Link,
    }
}

fn authorise(change: &Change, facts: &Facts) -> Result<(), Denied> {
    let (scope, role) = match change {
        // What one is called is one's own affair.
        Change::UpdateMember { id, role: None, enabled: None, .. } if matches!(&facts.principal, Principal::Session(own) if own.member == *id) =>
        {
            return Ok(());
        }
        Change::AddMember { .. }
        | Change::UpdateMember { .. }
        | Change::AddGroup { .. }
        | Change::SetGroup { .. }
        | Change::RemoveGroup { .. } => (Scope::Members, Role::Admin),
        // Whose question it is, is seen where it is read.
        Change::AddDecisionLink(link) if link.is_passed_on() => {
            return match &facts.principal {
                Principal::Key(key) if key.scopes.contains(&Scope::Ask) => Ok(()),
                _ => Err(Refusal::MissingScope(Scope::Ask).into()),
            };
        }
        Change::AddHitl(kept) | Change::SetHitl(kept) => return hitl::authorise(kept, facts),
        Change::RevokeProof(revocation) => {
            if proof_tokens::by_asker(revocation, facts)? {
                return Ok(());
            }
            (Scope::Workspace, Role::Admin)
        }
        Change::AddDecisionLink(_) => (Scope::Members, Role::Admin),
        // One's own votes, links, accounts and sessions are one's own affair.
        Change::Delegate { member, .. }
        | Change::AddLoginLink { member, .. }
        | Change::AddAccountCode(NewAccountCode { member, .. })
        | Change::LinkAccount { member, .. }
        | Change::UnlinkAccount { member, .. }
        | Change::CloseSessions { member, .. } => {
            if accounts::is_own(*member, facts) {
                return Ok(());
            }
            (Scope::Members, Role::Admin)
        }
        // So are the votes that one gave in advance. A key reaches those of its own world.
        Change::RevokeGrant { environment, of, .. } => {
            let own = match &facts.principal {
                Principal::Key(key) if key.environment != *environment => {
                    return Err(Denied::Unknown { what: "grant" });
                }
                Principal::Key(key) => {
                    key.member == Some(*of) && key.scopes.contains(&Scope::Decide)
                }
                Principal::Session(own) => own.member == *of,
                Principal::Link(_) | Principal::System => false,
            };
            if own {
                return Ok(());
            }
            (Scope::Members, Role::Admin)
        }
        Change::AddKey(_) | Change::RevokeKey { .. } => (Scope::Keys, Role::Admin),
        Change::SavePolicy { .. } | Change::RemovePolicy { .. } => {
            (Scope::Policies, Role::PolicyEditor)
        }
        Change::AddChannel(_)
        | Change::SetChannel { .. }
        | Change::RemoveChannel { .. }
        | Change::RetryNotice { .. } => (Scope::Channels, Role::Admin),
        Change::Replay(given_up) => (given_up.scope(), Role::Admin),
        Change::SetPlan { .. } => return plans::authorise(facts),
        Change::SetWorkspace { .. }
        | Change::HoldWorkspace { .. }
        | Change::AddWebhook(_)
        | Change::ConfirmWebhook { .. }
        | Change::RotateWebhook { .. }
        | Change::RemoveWebhook { .. }
        | Change::RetryDelivery { .. } => (Scope::Workspace, Role::Admin),
        // Who finds a session open must not get around the password that guards it.
        Change::RemovePassword { member } => {
            if matches!(&facts.principal, Principal::Session(own) if own.member == *member) {
                return Err(invalid("/id", "change your own password; only others' are removed"));
            }
            (Scope::Members, Role::Admin)
        }
        // Nobody sets anybody else's, not even the operator.
        Change::SetPassword { member, .. } => {
            let own = matches!(&facts.principal, Principal::Session(own) if own.member == *member);
            return if own { Ok(()) } else { Err(Denied::NotYours) };
        }
        // The code, the link, the password or the session itself is what entitles to these.
        Change::FindAccount(_)
        | Change::OpenSession { .. }
        | Change::SignIn { .. }
        | Change::CloseSession { .. } => {
            return Ok(());
        }
    };
    match &facts.principal {
        Principal::System => Ok(()),
        Principal::Key(key) if key.scopes.contains(&scope) => Ok(()),
        Principal::Key(_) | Principal::Link(_) => Err(Refusal::MissingScope(scope).into()),
        Principal::Session(session) => {
            let has = facts.roster.people.get(&session.member).map(|person| person.role);
            let has = has.ok_or(Denied::Unknown { what: "member" })?;
            // Roles are ordered from the most to the least.
            if has <= role { Ok(()) } else { Err(Denied::Role { needed: role, has }) }
        }
    }
}

/// Only owners make, change or sign in owners. A key counts as its owner.
fn guard_owner(role: Role, facts: &Facts) -> Result<(), Denied> {
    let acting = match &facts.principal {
        Principal::System => return Ok(()),
        Principal::Key(key) => key.owner,
        Principal::Session(session) => session.member,
        Principal::Link(link) => link.member,
    };
    let has = facts.roster.people.get(&acting).map_or(Role::Auditor, |person| person.role);
    if role == Role::Owner && has != Role::Owner {
        return Err(Denied::Role { needed: Role::Owner, has });
    }
    Ok(())
}

/// Whether this can stand for one person, and look like no other. Votes, receipts and policies name
/// people by it, so what could be read as somebody else's address is none.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"\"(),:;<>@[\\]`".contains(c);
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, host)| {
            local.len() <= 64
                && local.split('.').all(|part| !part.is_empty())
                && host.contains('.')
                && host.split('.').all(|label| (1..=63).contains(&label.len()))
                && (local.chars().chain(host.chars())).all(plain)
        })
}

fn add_member(email: &str, name: &str, role: Role, facts: &Facts) -> Result<(), Denied> {
    guard_owner(role, facts)?;
    valid_text("/name", name)?;
    if !is_address(email) {
        let detail = "not an e-mail address such as ana@example.com: in ASCII, since letters of \
                      other alphabets pass for it; a host has such letters as xn--…";
        return Err(invalid("/email", detail));
    }
    if facts.roster.people.values().any(|known| known.email.eq_ignore_ascii_case(email)) {
        return Err(Denied::Taken { what: "member", name: email.into() });
    }
    Ok(())
}

fn update_member(
    id: MemberId,
    name: Option<&str>,
    role: Option<Role>,
    enabled: Option<bool>,
    facts: &Facts,
) -> Result<(), Denied> {
    let person = facts.roster.people.get(&id).ok_or(Denied::Unknown { what: "member" })?;
    guard_owner(person.role, facts)?;
    role.map_or(Ok(()), |role| guard_owner(role, facts))?;
    name.map_or(Ok(()), |name| valid_text("/name", name))?;
    if role == Some(Role::Contact) && person.role.has_account() {
        let instead = "who has an account keeps it; disable it instead";
        return Err(invalid("/role", instead));
    }
    let stays_owner =
        role.unwrap_or(person.role) == Role::Owner && enabled.unwrap_or(person.enabled);
    let is_owner = person.role == Role::Owner && person.enabled;
    let owners = facts.roster.people.values().filter(|p| p.enabled && p.role == Role::Owner);
    if is_owner && !stays_owner && owners.count() == 1 {
        return Err(Denied::LastOwner);
    }
    Ok(())
}

/// The longest that votes are handed over for: a year.
const LONGEST_DELEGATION: i64 = 366 * 86_400 * 1_000_000;

fn delegate(
    member: MemberId,
    delegation: Option<&Delegation>,
    facts: &Facts,
) -> Result<(), Denied> {
    let roster = &facts.roster;
    let person = roster.people.get(&member).ok_or(Denied::Unknown { what: "member" })?;
    guard_owner(person.role, facts)?;
    let Some(given) = delegation else { return Ok(()) };
    let span = given.until.micros() - given.since.micros();
    if span <= 0 || span > LONGEST_DELEGATION {
        return Err(invalid("/until", "after it begins, and within a year of that"));
    }
    if roster.voter(given.to).is_none_or(|person| !person.role.has_account()) {
        return Err(invalid("/to", "someone with an account here who may vote"));
    }
    if !person.role.has_account() {
        return Err(invalid(
            "/id",
            "a contact hands nothing over; name somebody else in the policy",
        ));
    }
    // Followed from the delegate on: whoever hands on to `member` would close a circle.
    let mut at = given.to;
    for _ in 0..=roster.delegations.len() {
        if at == member {
            return Err(invalid("/to", "the votes would come back to whom they are of"));
        }
        let overlaps = |next: &&Delegation| next.since < given.until && given.since < next.until;
        match roster.delegations.get(&at).filter(overlaps) {
            Some(next) => at = next.to,
            None => return Ok(()),
        }
    }
    Ok(())
}

fn reachable(id: MemberId, facts: &Facts) -> Result<&Person, Denied> {
    let person = facts.roster.people.get(&id).filter(|person| person.enabled);
    person.ok_or(Denied::Unknown { what: "member" })
}

fn is_contact(id: MemberId, facts: &Facts) -> bool {
    facts.roster.people.get(&id).is_some_and(|person| !person.role.has_account())
}

fn add_key(key: &NewKey, facts: &Facts, holdings: &Holdings) -> Result<(), Denied> {
    valid_text("/name", &key.label)?;
    let dev = holdings.environment == Environment::Dev;
    if dev != (key.environment == Environment::Dev) {
        return Err(invalid("/environment", "this workspace has no such environment"));
    }
    // A key that may do nothing would be no key.
    if let Some((limit, _)) = key.limits.each().into_iter().find(|(_, most)| *most == Some(0)) {
        let pointer = format!("/limits/{}", limit.as_str());
        return Err(invalid(&pointer, "at least 1; leave it out for what every key may"));
    }
    check_scopes(&key.scopes, key.member, key.environment)?;
    if let Some(problem) = key.dialect.misfit(&key.scopes, &key.policies) {
        return Err(Denied::Invalid(problem));
    }
    if key.callback_url.is_some() && key.dialect != Dialect::Holdon {
        let detail = "only a key for HoldOn has one of its own; in other APIs each ask says where \
                      its end is sent";
        return Err(invalid("/callback_url", detail));
    }
    for id in [key.member, key.owner].into_iter().flatten() {
        if is_contact(id, facts) {
            return Err(invalid("/member", "a contact has no account, and so no keys"));
        }
        match facts.roster.people.get(&id) {
            Some(person) if person.enabled => guard_owner(person.role, facts)?,
            _ => return Err(Denied::Unknown { what: "member" }),
        }
    }
    if key.owner.is_none() && facts.principal == Principal::System {
        return Err(invalid("/owner", "name the member who answers for this key"));
    }
    match &key.policies {
        PolicyAllowance::Only(names) if !names.is_subset(&holdings.policies) => {
            Err(Denied::Unknown { what: "policy" })
        }
        _ => Ok(()),
    }
}

fn known_group(id: GroupId, holdings: &Holdings) -> Result<(), Denied> {
    if holdings.groups.contains_key(&id) { Ok(()) } else { Err(Denied::Unknown { what: "group" }) }
}

fn known_members(members: &BTreeSet<MemberId>, facts: &Facts) -> Result<(), Denied> {
    if members.iter().all(|id| facts.roster.people.contains_key(id)) {
        Ok(())
    } else {
        Err(Denied::Unknown { what: "member" })
    }
}

fn valid_name(pointer: &str, name: &str) -> Result<(), Denied> {
    if is_name(name) {
        return Ok(());
    }
    Err(invalid(pointer, "a name has 1 to 64 of a-z, 0-9, '.', '_' and '-'"))
}

fn valid_text(pointer: &str, text: &str) -> Result<(), Denied> {
    if text.trim().is_empty() || text.chars().count() > 128 || text.chars().any(char::is_control) {
        return Err(invalid(pointer, "1 to 128 printable characters"));
    }
    Ok(())
}

pub(crate) fn invalid(pointer: &str, detail: &str) -> Denied {
    Denied::Invalid(Problem { pointer: pointer.into(), detail: detail.into() })
}
