//! Signing in and out: sessions, links and passwords. What the rules cannot see (whether a link
//! is fresh, whether a password is still the one that was given) is looked up here.

use askfirst_core::administration::{Denied, PasswordHash, SecretHash};
use askfirst_core::{
    Assurance, Facts, MemberId, Principal, Refusal, Role, Scope, SessionId, Timestamp, WorkspaceId,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::administer::{Act, Done};
use super::apply;
use super::codec::{self, Id};
use super::people;
use crate::records::{LoginLink, Password};
use crate::store::{AdministerError, Credential, StoreError};

impl Act<'_> {
    pub(super) fn open_session(
        self,
        link: SecretHash,
        id: SessionId,
        secret: SecretHash,
        expires_at: Timestamp,
    ) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        let found = people::login_link(self.connection, link, self.now)?;
        let Some(found) = found.filter(|found| found.workspace == workspace) else {
            return Err(Denied::LinkSpent.into());
        };
        apply::spend_link(self.connection, link, self.now)?;
        apply::open_session(self.connection, &found, id, secret, expires_at, self.now)?;
        let detail = json!({
            "assurance": found.assurance.as_str(),
            "expires_at": expires_at.to_string(),
        });
        let mut done = Done::new("session.opened", id, detail);
        done.by = Some(self.facts.roster.actor(found.member));
        Ok(done)
    }

    pub(super) fn close_session(self, id: SessionId) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        let found = session(self.connection, workspace, id)?;
        let own = self.credential == Credential::Session(id)
            || matches!((&self.facts.principal, &found),
                (Principal::Session(acting), Some((member, _, _))) if acting.member == *member);
        if !own {
            may_close_others(self.facts)?;
        }
        let Some((_, assurance, closed_at)) = found else {
            return Err(Denied::Unknown { what: "session" }.into());
        };
        if closed_at.is_some() {
            return Ok(Done::nothing(id));
        }
        apply::close_session(self.connection, id, self.now)?;
        Ok(Done::new("session.closed", id, json!({ "assurance": assurance.as_str() })))
    }

    /// A session by password is as sure as a factor of one's own makes it.
    pub(super) fn sign_in(
        self,
        member: MemberId,
        given: &PasswordHash,
        id: SessionId,
        secret: SecretHash,
        expires_at: Timestamp,
    ) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        let kept = password(self.connection, workspace, member)?;
        let enabled = self.facts.roster.people.get(&member).is_some_and(|person| person.enabled);
        if !enabled || kept.is_none_or(|kept| kept.hash != *given) {
            return Err(Denied::WrongPassword.into());
        }
        let assurance = Assurance::Session;
        let as_link = LoginLink { workspace, member, assurance, expires_at };
        apply::open_session(self.connection, &as_link, id, secret, expires_at, self.now)?;
        let detail = json!({
            "assurance": assurance.as_str(),
            "by": "password",
            "expires_at": expires_at.to_string(),
        });
        let mut done = Done::new("session.opened", id, detail);
        done.by = Some(self.facts.roster.actor(member));
        Ok(done)
    }

    pub(super) fn set_password(
        self,
        member: MemberId,
        hash: &PasswordHash,
        before: Option<&PasswordHash>,
    ) -> Result<Done, AdministerError> {
        let Act { connection, now, .. } = self;
        let workspace = self.tenant.workspace.id;
        let kept = password(connection, workspace, member)?.map(|kept| kept.hash);
        if kept.as_ref() != before {
            return Err(Denied::WrongPassword.into());
        }
        apply::set_password(connection, workspace, member, hash, now)?;
        let had = match &self.facts.principal {
            Principal::Session(session) => session.assurance,
            Principal::Key(_) | Principal::Link(_) | Principal::System => Assurance::Link,
        };
        let own = self.own_session();
        if let Some(own) = own {
            apply::raise_session(connection, own, had.max(Assurance::Session))?;
        }
        let closed = apply::close_sessions(connection, workspace, member, own, now)?;
        apply::spend_links(connection, workspace, member, now)?;
        let detail = json!({
            "first": before.is_none(),
            "by_session": had.as_str(),
            "sessions_closed": closed,
        });
        Ok(Done::new("member.password_set", member, detail))
    }

    pub(super) fn remove_password(self, member: MemberId) -> Result<Done, AdministerError> {
        let Act { connection, now, .. } = self;
        let workspace = self.tenant.workspace.id;
        if !apply::remove_password(connection, workspace, member)? {
            return Ok(Done::nothing(member));
        }
        let closed = apply::close_sessions(connection, workspace, member, None, now)?;
        apply::spend_links(connection, workspace, member, now)?;
        let detail = json!({ "sessions_closed": closed });
        Ok(Done::new("member.password_removed", member, detail))
    }

    fn own_session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::Key(_) | Credential::Link(_) | Credential::System => None,
        }
    }
}

const PASSWORD: &str = "SELECT p.workspace, p.member, p.hash FROM passwords p
     JOIN members m ON m.workspace = p.workspace AND m.member = p.member";

pub(super) fn passwords_by_email(
    connection: &Connection,
    email: &str,
) -> Result<Vec<Password>, StoreError> {
    let sql = format!("{PASSWORD} WHERE m.email = ?1 AND m.enabled ORDER BY p.workspace LIMIT 8");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([email], read_password)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn password(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
) -> Result<Option<Password>, StoreError> {
    let sql = format!("{PASSWORD} WHERE p.workspace = ?1 AND p.member = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let key = (workspace.bytes(), member.bytes());
    Ok(statement.query_row(key, read_password).optional()?)
}

fn read_password(row: &Row<'_>) -> rusqlite::Result<Password> {
    let hash = PasswordHash(row.get(2)?);
    Ok(Password { workspace: codec::id(row, 0)?, member: codec::id(row, 1)?, hash })
}

/// Closing somebody else's session is managing members.
fn may_close_others(facts: &Facts) -> Result<(), Denied> {
    match &facts.principal {
        Principal::System => Ok(()),
        Principal::Key(key) if key.scopes.contains(&Scope::Members) => Ok(()),
        Principal::Key(_) | Principal::Link(_) => Err(Refusal::MissingScope(Scope::Members).into()),
        Principal::Session(session) => {
            let has = facts.roster.people.get(&session.member).map(|person| person.role);
            match has.ok_or(Denied::Unknown { what: "member" })? {
                role if role.is_admin() => Ok(()),
                has => Err(Denied::Role { needed: Role::Admin, has }),
            }
        }
    }
}

fn session(
    connection: &Connection,
    workspace: WorkspaceId,
    id: SessionId,
) -> Result<Option<(MemberId, Assurance, Option<Timestamp>)>, StoreError> {
    let sql = "SELECT member, assurance, closed_at FROM sessions
               WHERE session = ?1 AND workspace = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(params![id.bytes(), workspace.bytes()], |row| {
        Ok((codec::id(row, 0)?, codec::assurance(row, 1)?, codec::maybe_time(row, 2)?))
    });
    Ok(found.optional()?)
}
