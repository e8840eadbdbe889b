//! Signing in by one-time links, and out again.

use askfirst_core::administration::Change;
use askfirst_core::{MemberId, Scope, Seconds, SessionId, Timestamp, WorkspaceId};
use askfirst_store::{Credential, Idempotency, LoginLink, Member, Session};

use super::caller::ADMINS;
use super::{Caller, Result, Rights, Service, ServiceError};
use crate::mint::{self, Purpose};

/// How long a link can be used.
pub const LINK_LIFE: Seconds = Seconds(24 * 3_600);
/// How long a session lasts.
pub const SESSION_LIFE: Seconds = Seconds(14 * 24 * 3_600);

/// A new sign-in link. Its URL is the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeLink {
    /// Where to go.
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Service {
    /// Makes a sign-in link for a member.
    ///
    /// # Errors
    /// If the caller may not, or there is no such member.
    pub async fn add_login_link(&self, caller: &Caller, member: MemberId) -> Result<MadeLink> {
        let (change, link) = self.new_link(member)?;
        self.administer(caller, change, None).await?;
        Ok(link)
    }

    /// The same for a request that may be a repeat: then there is no link to give, since it was
    /// given to the first.
    ///
    /// # Errors
    /// As [`Service::add_login_link`].
    pub async fn add_login_link_once(
        &self,
        caller: &Caller,
        member: MemberId,
        idempotency: Option<Idempotency>,
    ) -> Result<Option<MadeLink>> {
        let (change, link) = self.new_link(member)?;
        let done = self.administer(caller, change, idempotency).await?;
        Ok((!done.replayed).then_some(link))
    }

    /// Makes a sign-in link on the operator's own console.
    ///
    /// # Errors
    /// If there is no such member.
    pub async fn add_login_link_as_system(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<MadeLink> {
        let (change, link) = self.new_link(member)?;
        self.administer_as_system(workspace, change).await?;
        Ok(link)
    }

    fn new_link(&self, member: MemberId) -> Result<(Change, MadeLink)> {
        let token = mint::token()?;
        let expires_at = self.store.now().plus(LINK_LIFE);
        let secret = Purpose::Login.hash(&token);
        let url = format!("{}/login/{token}", self.public_url);
        Ok((Change::AddLoginLink { secret, member, expires_at }, MadeLink { url, expires_at }))
    }

    /// Whom a link would sign in; none if it cannot be used any more. Looking does not use it.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn login_link(&self, token: &str) -> Result<Option<(LoginLink, Member)>> {
        let link = self.store.login_link(Purpose::Login.hash(token)).await?;
        let Some(link) = link else { return Ok(None) };
        let member = self.store.member(link.workspace, link.member).await?;
        Ok(member.map(|member| (link, member)))
    }

    /// Uses a link up and opens a session; gives the session's token.
    ///
    /// # Errors
    /// If the link was used, ran out or never was.
    pub async fn open_session(&self, token: &str) -> Result<String> {
        let spent = || ServiceError::Denied(askfirst_core::administration::Denied::LinkSpent);
        let hash = Purpose::Login.hash(token);
        let link = self.store.login_link(hash).await?.ok_or_else(spent)?;
        let session = mint::token()?;
        let change = Change::OpenSession {
            link: hash,
            id: SessionId::from_bits(mint::id_bits()),
            secret: Purpose::Session.hash(&session),
            expires_at: self.store.now().plus(SESSION_LIFE),
        };
        self.administer_as_system(link.workspace, change).await?;
        Ok(session)
    }

    /// Signs the caller out.
    ///
    /// # Errors
    /// If it could not be written.
    pub async fn close_session(&self, caller: &Caller) -> Result<()> {
        let Credential::Session(id) = caller.credential else { return Ok(()) };
        self.administer(caller, Change::CloseSession { id }, None).await?;
        Ok(())
    }

    /// The open sessions of a member, newest first: one's own, or anyone's for who manages people.
    ///
    /// # Errors
    /// If the caller may not, or there is no such member.
    pub async fn sessions(&self, caller: &Caller, member: MemberId) -> Result<Vec<Session>> {
        if !matches!(caller.rights, Rights::Member { id, .. } if id == member) {
            caller.need(Scope::Members, ADMINS)?;
        }
        let workspace = caller.place.workspace;
        if self.store.member(workspace, member).await?.is_none() {
            return Err(ServiceError::NotFound("member"));
        }
        Ok(self.store.sessions(workspace, member).await?)
    }

    /// Ends one session of a member. Whoever has it open is signed out at once.
    ///
    /// # Errors
    /// If the caller may not, or the member has no such session open.
    pub async fn close_session_of(
        &self,
        caller: &Caller,
        member: MemberId,
        id: SessionId,
    ) -> Result<()> {
        let open = self.sessions(caller, member).await?;
        if !open.iter().any(|session| session.id == id) {
            return Err(ServiceError::NotFound("session"));
        }
        self.administer(caller, Change::CloseSession { id }, None).await?;
        Ok(())
    }

    /// Ends every session of a member; with `but_this`, all but the caller's own.
    ///
    /// # Errors
    /// If the caller may not, or there is no such member.
    pub async fn close_sessions_of(
        &self,
        caller: &Caller,
        member: MemberId,
        but_this: bool,
    ) -> Result<()> {
        let except = match caller.credential {
            Credential::Session(own) if but_this => Some(own),
            _ => None,
        };
        self.administer(caller, Change::CloseSessions { member, except }, None).await?;
        Ok(())
    }
}
