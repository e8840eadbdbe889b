//! People, groups, policies and keys of one workspace, made on the operator's console so that a
//! story begins where it is interesting.

use std::collections::BTreeSet;

use askfirst_core::administration::Change;
use askfirst_core::{
    Dialect, Environment, GroupId, KeyLimits, MemberId, PolicyAllowance, Role, Scope, Seconds,
    WorkspaceId,
};
use askfirst_server::mint;
use askfirst_server::service::keys::KeyWish;
use serde_json::{Value, json};

use super::client::Client;
use super::server::TestServer;

/// A tenant of the server.
#[derive(Clone, Copy)]
pub struct Workspace<'a> {
    pub server: &'a TestServer,
    pub id: WorkspaceId,
    pub environment: Environment,
}

impl Workspace<'_> {
    /// The first member.
    pub async fn owner(&self) -> MemberId {
        let members = self.server.service.store().members(self.id, None, 1).await;
        members.expect("a readable store")[0].id
    }

    /// An approver called `name@example.com`.
    pub async fn member(&self, name: &str) -> MemberId {
        let id = MemberId::from_bits(mint::id_bits());
        let email = format!("{name}@example.com");
        let change = Change::AddMember { id, email, name: name.into(), role: Role::Approver };
        self.change(change).await;
        id
    }

    /// Signs a member in, as from the console; gives the session's cookie.
    pub async fn sign_in(&self, member: MemberId) -> String {
        let link = self.server.service.add_login_link_as_system(self.id, member).await;
        let url = link.expect("a good link").url;
        let token = url.rsplit('/').next().expect("a token in the link");
        let session = self.server.service.open_session(token).await.expect("a fresh link");
        format!("askfirst_dev={session}")
    }

    pub async fn group(&self, name: &str, members: &[MemberId]) -> GroupId {
        let id = GroupId::from_bits(mint::id_bits());
        let members = members.iter().copied().collect();
        self.change(Change::AddGroup { id, name: name.into(), members }).await;
        id
    }

    /// Saves a policy that keys may vote under, unless `more` says otherwise.
    pub async fn policy(&self, name: &str, more: Value) -> Value {
        let mut document =
            json!({ "name": name, "needs": [{ "from": ["members"] }], "assurance": "key" });
        for (field, value) in more.as_object().cloned().unwrap_or_default() {
            document[field] = value;
        }
        let keeper = self.client(&[Scope::Policies]).await;
        keeper.post("/v1/policies", &document).send().await.expect(201)
    }

    pub async fn change(&self, change: Change) {
        self.server.service.administer_as_system(self.id, change).await.expect("a good change");
    }

    /// A key as wished; its owner is the workspace's, unless the wish names one.
    pub async fn key(&self, wish: KeyWish) -> (String, String) {
        let owner = wish.owner.unwrap_or(self.owner().await);
        let environment = wish.environment.unwrap_or(self.environment);
        let wish = KeyWish { owner: Some(owner), ..wish };
        let made = self.server.service.add_key_as_system(self.id, environment, wish).await;
        let made = made.expect("a good key");
        (made.key.facts.id.to_string(), made.secret.expect("a new key has its secret"))
    }

    /// A client whose key has these scopes and every policy.
    pub async fn client(&self, scopes: &[Scope]) -> Client {
        self.server.with_key(&self.key(wish(scopes)).await.1)
    }

    /// The same in another environment of the workspace.
    pub async fn client_in(&self, environment: Environment, scopes: &[Scope]) -> Client {
        let wish = KeyWish { environment: Some(environment), ..wish(scopes) };
        self.server.with_key(&self.key(wish).await.1)
    }

    /// A key of another product's API, for asking under this policy.
    pub async fn foreign(&self, dialect: Dialect, policy: &str) -> Client {
        let policies = BTreeSet::from([policy.parse().expect("the name of a policy")]);
        let policies = PolicyAllowance::Only(policies);
        let wish = KeyWish { dialect, policies, ..wish(&[Scope::Ask]) };
        self.server.with_key(&self.key(wish).await.1)
    }

    pub async fn asker(&self) -> Client {
        self.client(&[Scope::Ask]).await
    }

    /// A client that votes as this member.
    pub async fn decider(&self, member: MemberId) -> Client {
        let wish = KeyWish { member: Some(member), ..wish(&[Scope::Decide]) };
        self.server.with_key(&self.key(wish).await.1)
    }

    /// A new approver with a decide key.
    pub async fn approver(&self, name: &str) -> Client {
        self.decider(self.member(name).await).await
    }
}

/// A key with these scopes, for every policy, without an end.
pub fn wish(scopes: &[Scope]) -> KeyWish {
    KeyWish {
        label: "a key".into(),
        environment: None,
        dialect: Dialect::Native,
        scopes: scopes.iter().copied().collect::<BTreeSet<_>>(),
        policies: PolicyAllowance::Any,
        member: None,
        owner: None,
        expires_in: None::<Seconds>,
        limits: KeyLimits::default(),
        callback_url: None,
    }
}
