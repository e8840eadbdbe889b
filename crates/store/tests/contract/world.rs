//! A small workspace to tell stories in: people, keys and ways to ask, vote and look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use askfirst_core::administration::{Change, NewKey, SecretHash};
use askfirst_core::*;
use askfirst_store::clock::TestClock;
use askfirst_store::*;
use serde_json::json;

/// When every story begins.
pub(crate) const START: i64 = 1_893_456_000;

/// Where a store of one kind lives while a story is told. A second kind of store implements this
/// and runs the same stories.
pub(crate) trait Home: Sized + Send + Sync + 'static {
    /// A new, empty place.
    fn new() -> Self;
    /// Opens the store that lives here.
    fn open(&self, clock: Arc<TestClock>) -> Result<Arc<dyn Store>, StoreError> {
        self.open_with(clock, Allowances::default())
    }
    /// Opens it with so much room for asks.
    fn open_with(
        &self,
        clock: Arc<TestClock>,
        allowances: Allowances,
    ) -> Result<Arc<dyn Store>, StoreError>;
    /// Opens it with a hand on its disk.
    fn open_with_levers(&self, clock: Arc<TestClock>) -> (Arc<dyn Store>, Arc<dyn Levers>);
    /// Rows in every table, counted beside the store.
    fn rows(&self) -> BTreeMap<String, i64>;
    /// The one number that a statement gives, asked beside the store.
    fn number(&self, sql: &str) -> i64;
    /// Which of these words stand anywhere in the files.
    fn found(&self, words: &[String]) -> Vec<String>;
    /// Takes the data from its place while it is in use, or brings it back.
    fn carry_off(&self, away: bool);
    /// Pretends that a newer version was here.
    fn pretend_newer(&self);
}

/// What a disk can do to a store.
pub(crate) trait Levers: Send + Sync {
    /// The next commit fails; `durable` says whether it did in truth.
    fn fail_next_commit(&self, durable: bool);
    /// There is no room any more, or there is again.
    fn fill_disk(&self, full: bool);
    /// Fewer free bytes than these are too few for new questions.
    fn keep_free(&self, bytes: u64);
}

/// A fresh id; the tests need no randomness.
pub(crate) fn next() -> u128 {
    static LAST: AtomicU64 = AtomicU64::new(1);
    u128::from(LAST.fetch_add(1, Ordering::SeqCst)) << 40
}

pub(crate) fn secret() -> SecretHash {
    let mut bytes = [7; 32];
    bytes[..16].copy_from_slice(&next().to_be_bytes());
    SecretHash(bytes)
}

pub(crate) fn name(text: &str) -> PolicyName {
    text.parse().unwrap()
}

pub(crate) fn digest_of<T: serde::Serialize>(value: &T) -> Digest {
    let value = serde_json::to_value(value).unwrap();
    Digest(*askfirst_proof::json_digest(&value).unwrap().as_bytes())
}

/// A tenant with its people and keys.
#[derive(Clone)]
pub(crate) struct Tenant {
    pub(crate) place: Place,
    pub(crate) ana: MemberId,
    pub(crate) ben: MemberId,
    pub(crate) cleo: MemberId,
    pub(crate) sre: GroupId,
    pub(crate) asker: KeyId,
    pub(crate) other_asker: KeyId,
    pub(crate) test_asker: KeyId,
    pub(crate) ana_key: KeyId,
    pub(crate) ben_key: KeyId,
    pub(crate) cleo_key: KeyId,
}

pub(crate) struct World<H> {
    pub(crate) home: H,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<dyn Store>,
    /// The tenant most stories are about.
    pub(crate) us: Tenant,
    /// Another one on the same server.
    pub(crate) them: Tenant,
}

pub(crate) fn policy(policy: &str, from: &[&str], counts: &[u16]) -> Policy {
    let needs = from.iter().zip(counts);
    Policy {
        needs: needs
            .map(|(from, &count)| Need { from: vec![from.parse().unwrap()], count })
            .collect(),
        ..Policy::standard(name(policy), Assurance::Key)
    }
}

impl<H: Home> World<H> {
    pub(crate) async fn new() -> Self {
        let home = H::new();
        let clock = Arc::new(TestClock::at(Timestamp::from_seconds(START)));
        let store = home.open(Arc::clone(&clock)).unwrap();
        let us = tenant(&*store, "us").await;
        let them = tenant(&*store, "them").await;
        Self { home, clock, store, us, them }
    }

    pub(crate) async fn reopen(&mut self) {
        self.reopen_with(Allowances::default()).await;
    }

    pub(crate) async fn reopen_with(&mut self, allowances: Allowances) {
        self.store.close().await;
        self.store = self.home.open_with(Arc::clone(&self.clock), allowances).unwrap();
    }

    pub(crate) async fn ask(&self) -> Approval {
        self.ask_under("default").await
    }

    pub(crate) async fn ask_under(&self, policy: &str) -> Approval {
        let ask = ask(&self.us, PolicyChoice::Named(name(policy)));
        let asked = self.run(self.us.asker, ask.id, Command::Ask(Box::new(ask))).await;
        Arc::unwrap_or_clone(asked.unwrap().approval)
    }

    pub(crate) async fn vote(
        &self,
        key: KeyId,
        approval: &Approval,
        decision: VoteDecision,
    ) -> Result<Committed, ExecuteError> {
        self.run(key, approval.id, cast(approval, decision)).await
    }

    pub(crate) async fn approve(&self, key: KeyId, approval: &Approval) -> Approval {
        let voted = self.vote(key, approval, VoteDecision::Approve).await;
        Arc::unwrap_or_clone(voted.unwrap().approval)
    }

    pub(crate) async fn run(
        &self,
        key: KeyId,
        approval: ApprovalId,
        command: Command,
    ) -> Result<Committed, ExecuteError> {
        self.store.execute(execute(&self.us, Credential::Key(key), approval, command)).await
    }

    pub(crate) async fn expire(&self, approval: ApprovalId) -> Result<Committed, ExecuteError> {
        let request = execute(&self.us, Credential::System, approval, Command::Expire);
        self.store.execute(request).await
    }

    pub(crate) async fn administer(&self, change: Change) -> Result<Administered, AdministerError> {
        administer(&*self.store, &self.us, Credential::System, change).await
    }

    /// Signs a member in and gives the session with its secret.
    pub(crate) async fn sign_in(&self, member: MemberId) -> (SessionId, SecretHash) {
        let (link, session, token) = (secret(), SessionId::from_bits(next()), secret());
        let expires_at = self.store.now().plus(Seconds(600));
        let add = Change::AddLoginLink { secret: link, member, expires_at };
        self.administer(add).await.unwrap();
        let expires_at = self.store.now().plus(Seconds(86_400));
        let open = Change::OpenSession { link, id: session, secret: token, expires_at };
        self.administer(open).await.unwrap();
        (session, token)
    }

    pub(crate) async fn event_names(&self, id: ApprovalId) -> Vec<String> {
        let events = self.store.events(self.us.place, id, 0).await.unwrap();
        events.into_iter().map(|event| event.name).collect()
    }
}

pub(crate) fn execute(
    tenant: &Tenant,
    credential: Credential,
    approval: ApprovalId,
    command: Command,
) -> Execute {
    Execute { place: tenant.place, approval, credential, command, idempotency: None, shown: None }
}

pub(crate) fn cast(approval: &Approval, decision: VoteDecision) -> Command {
    Command::Vote(CastVote {
        decision,
        action_digest: approval.action_digest,
        shown_digest: None,
        comment: Some("seen".into()),
        on_behalf_of: None,
        edits: None,
        answer: None,
        grant: None,
    })
}

pub(crate) fn idempotent(mut request: Execute, key: &str, body: u8) -> Execute {
    request.idempotency =
        Some(Idempotency { key: key.into(), operation: "ask".into(), fingerprint: [body; 32] });
    request
}

pub(crate) async fn administer(
    store: &dyn Store,
    tenant: &Tenant,
    credential: Credential,
    change: Change,
) -> Result<Administered, AdministerError> {
    let workspace = tenant.place.workspace;
    store.administer(Administer { workspace, credential, change, idempotency: None }).await
}

pub(crate) fn ask(tenant: &Tenant, policy: PolicyChoice) -> Ask {
    let action = Action {
        name: "deploy.production".into(),
        title: "Deploy v2.1 to production?".into(),
        arguments: json!({ "version": "2.1", "secret": "payload-4711" }),
        target: Some("prod-eu".into()),
    };
    Ask {
        id: ApprovalId::from_bits(next()),
        workspace: tenant.place.workspace,
        environment: tenant.place.environment,
        action_digest: digest_of(&action),
        action: Arc::new(action),
        reason: Some("all checks are green".into()),
        priority: Priority::Normal,
        agent: Some(Agent { name: "release-bot".into(), run: None, call: None }),
        metadata: json!({ "commit": "a3f9b2e" }),
        policy,
        expires_in: None,
        callback_url: None,
        told_by: None,
        pass_on: None,
        valid_for: None,
        consumers: Vec::new(),

        editable: Vec::new(),
        answer_schema: None,
    }
}

pub(crate) fn new_key(scopes: &[Scope], member: Option<MemberId>, owner: MemberId) -> NewKey {
    let id = next();
    NewKey {
        id: KeyId::from_bits(id),
        label: format!("key {}", id >> 40),
        secret: secret(),
        hint: "af_live_0a".into(),
        environment: Environment::Live,
        dialect: Dialect::Native,
        scopes: scopes.iter().copied().collect(),
        policies: PolicyAllowance::Any,
        member,
        owner: Some(owner),
        expires_at: None,
        limits: KeyLimits::default(),
        callback_url: None,
    }
}

pub(crate) fn saved(document: Policy) -> Change {
    let digest = digest_of(&document);
    Change::SavePolicy { id: PolicyId::from_bits(next()), document, digest }
}

async fn tenant(store: &dyn Store, called: &str) -> Tenant {
    let ids: Vec<u128> = (0..4).map(|_| next()).collect();
    let place = Place { workspace: WorkspaceId::from_bits(next()), environment: Environment::Live };
    let document = policy("default", &["members"], &[1]);
    let [ana, ben, cleo] = [ids[0], ids[1], ids[2]].map(MemberId::from_bits);
    let owner = Member {
        id: ana,
        person: Person {
            email: format!("ana@{called}.example"),
            name: "Ana".into(),
            role: Role::Owner,
            enabled: true,
        },
        delegation: None,
        created_at: store.now(),
    };
    let version = PolicyVersion {
        id: PolicyId::from_bits(next()),
        version: 1,
        digest: digest_of(&document),
        document,
        created_at: store.now(),
        by: Actor::System,
    };
    let workspace = Workspace {
        id: place.workspace,
        name: called.into(),
        environment: Environment::Live,
        default_policy: name("default"),
        floor: Floor::default(),
        retention_days: None,
        callback_hosts: Vec::new(),
        self_service: false,
        plan: None,
        hold: None,
        created_at: store.now(),
    };
    store.create_workspace(workspace, owner, version, Vec::new()).await.unwrap();
    let keys = [
        new_key(&[Scope::Ask], None, ana),
        new_key(&[Scope::Ask], None, ana),
        NewKey { environment: Environment::Test, ..new_key(&[Scope::Ask], None, ana) },
        new_key(&[Scope::Decide], Some(ana), ana),
        new_key(&[Scope::Decide], Some(ben), ben),
        new_key(&[Scope::Decide], Some(cleo), cleo),
    ];
    let sre = GroupId::from_bits(ids[3]);
    let tenant = Tenant {
        place,
        ana,
        ben,
        cleo,
        sre,
        asker: keys[0].id,
        other_asker: keys[1].id,
        test_asker: keys[2].id,
        ana_key: keys[3].id,
        ben_key: keys[4].id,
        cleo_key: keys[5].id,
    };
    let person = |id, who: &str| Change::AddMember {
        id,
        email: format!("{who}@{called}.example"),
        name: who.into(),
        role: Role::Approver,
    };
    let mut changes = vec![person(ben, "ben"), person(cleo, "cleo")];
    let members = BTreeSet::from([ana, ben]);
    changes.push(Change::AddGroup { id: sre, name: "sre".into(), members });
    changes.extend(keys.into_iter().map(Change::AddKey));
    changes.push(saved(policy("two", &["members"], &[2])));
    changes.push(saved(policy("sre", &["group:sre"], &[1])));
    for change in changes {
        administer(store, &tenant, Credential::System, change).await.unwrap();
    }
    tenant
}
