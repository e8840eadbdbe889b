//! Members and groups.

use std::collections::BTreeSet;
use std::sync::Arc;

use askfirst_core::administration::Change;
use askfirst_core::{Delegation, GroupId, MemberId, Person, Role, Roster, Scope};
use askfirst_store::{Group, Idempotency, Member};

use super::caller::READERS;
use super::{Caller, Result, Service, ServiceError};
use crate::mint;

/// What changes about a member; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberUpdate {
    /// A new name.
    pub name: Option<String>,
    /// A new role.
    pub role: Option<Role>,
    /// Disabled or enabled.
    pub enabled: Option<bool>,
}

impl Service {
    /// Members after `after`, by id.
    ///
    /// # Errors
    /// If the caller may not, or they could not be read.
    pub async fn members(
        &self,
        caller: &Caller,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        caller.need(Scope::Members, READERS)?;
        Ok(self.store.members(caller.place.workspace, after, limit).await?)
    }

    /// One member.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn member(&self, caller: &Caller, id: MemberId) -> Result<Member> {
        caller.need(Scope::Members, READERS)?;
        let member = self.store.member(caller.place.workspace, id).await?;
        member.ok_or(ServiceError::NotFound("member"))
    }

    /// Gives a person an account.
    ///
    /// # Errors
    /// If the caller may not, or the address is taken.
    pub async fn add_member(
        &self,
        caller: &Caller,
        email: String,
        name: String,
        role: Role,
        idempotency: Option<Idempotency>,
    ) -> Result<Member> {
        let id = MemberId::from_bits(mint::id_bits());
        let change = Change::AddMember { id, email, name, role };
        let done = self.administer(caller, change, idempotency).await?;
        let id = done.subject.parse().unwrap_or(id);
        let member = self.store.member(caller.place.workspace, id).await?;
        member.ok_or(ServiceError::NotFound("member"))
    }

    /// Changes a person's account.
    ///
    /// # Errors
    /// If the caller may not, or the last owner would go.
    pub async fn update_member(
        &self,
        caller: &Caller,
        id: MemberId,
        update: MemberUpdate,
    ) -> Result<Member> {
        let MemberUpdate { name, role, enabled } = update;
        let change = Change::UpdateMember { id, name, role, enabled };
        self.administer(caller, change, None).await?;
        let member = self.store.member(caller.place.workspace, id).await?;
        member.ok_or(ServiceError::NotFound("member"))
    }

    /// Hands a person's votes to another for a while, or takes them back.
    ///
    /// # Errors
    /// If the caller may not, or the votes would come back to whom they are of.
    pub async fn delegate(
        &self,
        caller: &Caller,
        member: MemberId,
        delegation: Option<Delegation>,
    ) -> Result<Member> {
        let change = Change::Delegate { member, delegation };
        self.administer(caller, change, None).await?;
        let member = self.store.member(caller.place.workspace, member).await?;
        member.ok_or(ServiceError::NotFound("member"))
    }

    /// The people of the caller's workspace as the rules see them.
    ///
    /// # Errors
    /// If they could not be read.
    pub(crate) async fn roster(&self, caller: &Caller) -> Result<Arc<Roster>> {
        Ok(self.store.roster(caller.place.workspace).await?)
    }

    /// Everyone else with an account in the caller's workspace who may vote, by address.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn colleagues(&self, caller: &Caller) -> Result<Vec<(MemberId, Person)>> {
        let roster = self.store.roster(caller.place.workspace).await?;
        let ids = roster.people.keys().filter(|id| Some(**id) != caller.member());
        let others = ids.filter_map(|id| Some((*id, roster.voter(*id)?.clone())));
        let mut others: Vec<_> = others.filter(|(_, person)| person.role.has_account()).collect();
        others.sort_by(|(_, a), (_, b)| a.email.cmp(&b.email));
        Ok(others)
    }

    /// All groups.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn groups(&self, caller: &Caller) -> Result<Vec<Group>> {
        caller.need(Scope::Members, READERS)?;
        Ok(self.store.groups(caller.place.workspace).await?)
    }

    /// One group.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn group(&self, caller: &Caller, id: GroupId) -> Result<Group> {
        let groups = self.groups(caller).await?;
        groups.into_iter().find(|group| group.id == id).ok_or(ServiceError::NotFound("group"))
    }

    /// Makes a group.
    ///
    /// # Errors
    /// If the caller may not, or the name is taken.
    pub async fn add_group(
        &self,
        caller: &Caller,
        name: String,
        members: BTreeSet<MemberId>,
        idempotency: Option<Idempotency>,
    ) -> Result<Group> {
        let id = GroupId::from_bits(mint::id_bits());
        let change = Change::AddGroup { id, name, members };
        let done = self.administer(caller, change, idempotency).await?;
        self.find_group(caller, done.subject.parse().unwrap_or(id)).await
    }

    /// Says who is in a group from now on.
    ///
    /// # Errors
    /// If the caller may not, or someone is unknown.
    pub async fn set_group(
        &self,
        caller: &Caller,
        id: GroupId,
        members: BTreeSet<MemberId>,
    ) -> Result<Group> {
        self.administer(caller, Change::SetGroup { id, members }, None).await?;
        self.find_group(caller, id).await
    }

    /// Removes a group.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn remove_group(&self, caller: &Caller, id: GroupId) -> Result<()> {
        self.administer(caller, Change::RemoveGroup { id }, None).await?;
        Ok(())
    }

    async fn find_group(&self, caller: &Caller, id: GroupId) -> Result<Group> {
        let groups = self.store.groups(caller.place.workspace).await?;
        groups.into_iter().find(|group| group.id == id).ok_or(ServiceError::NotFound("group"))
    }
}
