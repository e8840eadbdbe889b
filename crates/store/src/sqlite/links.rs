//! Decision links as they are made: by whoever manages people, by whoever asked, and together with
//! an approval.

use askfirst_core::administration::{Denied, LinkKind, NewDecisionLink};
use askfirst_core::approval::voting::least_assurance;
use askfirst_core::{
    Approval, ApprovalId, Assurance, Facts, PassOn, Principal, Refusal, Timestamp, WorkspaceId,
};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::administer::{Act, Done};
use super::audit::{self, Telling};
use super::codec::Id;
use super::facts::Tenant;
use super::queries;
use super::record::Recording;
use crate::records::Place;
use crate::store::{AdministerError, StoreError};

/// What the audit log calls it.
const ADDED: &str = "decision_link.added";

/// Makes the link that the asker of a new approval gets with it; false where nobody could answer
/// by one.
pub(super) fn pass_on(
    recording: &Recording<'_, '_>,
    tenant: &mut Tenant,
    facts: &Facts,
    wish: &PassOn,
) -> Result<bool, StoreError> {
    let &Recording { connection, pens, now, actor, next, .. } = recording;
    if least_assurance(next, facts) > Assurance::Bearer {
        return Ok(false);
    }
    let Some(member) = next.heir(&facts.roster, now) else { return Ok(false) };
    let link = NewDecisionLink {
        id: wish.id,
        secret: wish.secret,
        environment: next.environment,
        approval: next.id,
        member,
        kind: LinkKind::PassedOn,
    };
    if !write(connection, next.workspace, &link, now)? {
        return Ok(false);
    }
    let detail = &audit::spelled(&told(&link, tenant))?;
    let subject = &link.id.to_string();
    audit::append(pens, tenant, &Telling { at: now, actor, kind: ADDED, subject, detail })?;
    Ok(true)
}

impl Act<'_> {
    pub(super) fn add_link(self, link: &NewDecisionLink) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        if link.is_passed_on() {
            let place = Place { workspace, environment: link.environment };
            self.own_question(place, link.approval)?;
        }
        if !write(self.connection, workspace, link, self.now)? {
            return Err(Denied::Unknown { what: "pending approval" }.into());
        }
        Ok(Done::new(ADDED, link.id, told(link, self.tenant)))
    }

    /// Passes if the acting key asked this, under a policy that lets a bearer decide.
    fn own_question(&self, place: Place, id: ApprovalId) -> Result<(), AdministerError> {
        let asked = queries::approval(self.connection, place, id)?;
        let own = |approval: &Approval| {
            matches!(&self.facts.principal, Principal::Key(key)
                if key.id == approval.asker.key && key.environment == place.environment)
        };
        let Some((approval, _)) = asked.filter(|(approval, _)| own(approval)) else {
            return Err(Denied::Unknown { what: "pending approval" }.into());
        };
        let needed = least_assurance(&approval, self.facts);
        if needed > Assurance::Bearer {
            let has = Assurance::Bearer;
            return Err(Denied::from(Refusal::AssuranceTooLow { has, needed }).into());
        }
        Ok(())
    }
}

fn told(link: &NewDecisionLink, tenant: &Tenant) -> Value {
    json!({
        "approval": link.approval.to_string(),
        "member": tenant.roster.email(link.member),
        "assurance": link.assurance().as_str(),
    })
}

/// A link for a pending approval, good until its deadline; false if there is no such approval.
fn write(
    connection: &Connection,
    workspace: WorkspaceId,
    link: &NewDecisionLink,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO decision_links
                 (link, secret, workspace, environment, approval, member, assurance, created_at,
                   expires_at, channel, account, approves, shown)
               SELECT ?1, ?2, workspace, environment, approval, ?6, ?8, ?7, expires_at,
                 ?9, ?10, ?11, ?12
               FROM approvals
               WHERE workspace = ?3 AND environment = ?4 AND approval = ?5
                 AND status = 'pending' AND expires_at > ?7
               ON CONFLICT (link) DO UPDATE SET secret = excluded.secret,
                   approves = excluded.approves, shown = excluded.shown
                 WHERE closed_at IS NULL AND approval = excluded.approval
                   AND member = excluded.member AND channel IS excluded.channel
                   AND account IS excluded.account";
    let card = match &link.kind {
        LinkKind::Card { channel, account, approves, shown } => {
            Some((channel.bytes(), account, *approves, shown.0))
        }
        LinkKind::Sent | LinkKind::PassedOn => None,
    };
    let made = connection.prepare_cached(sql)?.execute(params![
        link.id.bytes(),
        link.secret.0,
        workspace.bytes(),
        link.environment.as_str(),
        link.approval.bytes(),
        link.member.bytes(),
        now.micros(),
        link.assurance().as_str(),
        card.map(|card| card.0),
        card.map(|card| card.1),
        card.map(|card| card.2),
        card.map(|card| card.3),
    ])?;
    Ok(made == 1)
}
