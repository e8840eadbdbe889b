//! The server of a story: everything real but the clock.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use askfirst_core::{Environment, Plan, Timestamp, WorkspaceId};
use askfirst_proof::SealingKey;
use askfirst_proof::key::KeyBits;
use askfirst_server::app::Reach;
use askfirst_server::channels::telegram::API;
use askfirst_server::config::limits::Limits;
use askfirst_server::config::outgoing::OutgoingSettings;
use askfirst_server::dev::{self, Ready};
use askfirst_server::serve::{Server, Setup, Stopped};
use askfirst_server::service::Service;
use askfirst_server::service::self_service::{Mail, SelfService};
use askfirst_server::service::workspace::Founder;
use askfirst_store::clock::TestClock;
use askfirst_store::{Clock, EvenClock, Options, SqliteStore, Store};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::workspace::Workspace;

/// When every story begins: 2030-01-01T00:00:00Z.
pub const START: i64 = 1_893_456_000;

/// A running server; dropping it stops it.
pub struct TestServer {
    pub address: SocketAddr,
    pub clock: Arc<TestClock>,
    pub service: Arc<Service>,
    /// What `askfirst dev` would print.
    pub ready: Ready,
    pub folder: PathBuf,
    stop: CancellationToken,
    running: Option<JoinHandle<Stopped>>,
    _folder: tempfile::TempDir,
}

impl TestServer {
    /// Starts a server with a developer's workspace.
    pub async fn start() -> Self {
        let clock = TestClock::at(Timestamp::from_seconds(START));
        let pace = Arc::new(EvenClock::default());
        let outgoing = OutgoingSettings::default();
        Self::begin(Limits::default(), Arc::new(clock), pace, outgoing, None).await
    }

    /// Starts one where strangers make themselves keys, so many in an hour, of which there may be
    /// so many in all.
    pub async fn open_to_strangers(
        keys_per_hour: u32,
        workspaces: u32,
        mail: Option<Mail>,
    ) -> Self {
        let environment = Environment::Live;
        let open = SelfService {
            environment,
            keys_per_hour,
            workspaces,
            mail,
            telegram_api: API.into(),
            plan: None,
        };
        Self::open_with(open, OutgoingSettings::default()).await
    }

    /// Starts one where strangers may so much, and other users may send where the operator says.
    pub async fn open_with(open: SelfService, outgoing: OutgoingSettings) -> Self {
        let clock = Arc::new(TestClock::at(Timestamp::from_seconds(START)));
        Self::begin(Limits::default(), clock.clone(), clock, outgoing, Some(open)).await
    }

    /// Starts one of which not everything may be asked; its rates go by the story's clock too,
    /// which must not go back then.
    pub async fn limited(limits: Limits) -> Self {
        let clock = Arc::new(TestClock::at(Timestamp::from_seconds(START)));
        Self::begin(limits, clock.clone(), clock, OutgoingSettings::default(), None).await
    }

    async fn begin(
        limits: Limits,
        clock: Arc<TestClock>,
        pace: Arc<dyn Clock>,
        outgoing: OutgoingSettings,
        self_service: Option<SelfService>,
    ) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = temporary.path().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let public_url = format!("http://{address}");
        let options = Options {
            clock: clock.clone(),
            issuer_base: public_url.clone(),
            readers: 2,
            allowances: limits.allowances(),
        };
        let store = SqliteStore::open(&folder.join("askfirst.db"), options).expect("a new store");
        let store: Arc<dyn Store> = Arc::new(store);
        let sealing = Arc::new(SealingKey::generate().expect("a sealing key"));
        let reach = Reach { public_url, hosts: vec![address.to_string()], ..Reach::default() };
        let signing_bits = KeyBits::Rsa2048;
        let sealed = sealing.clone();
        let outgoing = outgoing.open(outgoing.trust().expect("certificates"), true);
        let traces = None;
        let setup = Setup {
            store,
            sealing: sealed,
            signing_bits,
            reach,
            limits,
            pace,
            outgoing,
            traces,
            self_service,
        };
        let server = Server::start(setup);
        let service = server.service().clone();
        let ready = dev::prepare(&service, &sealing).await.expect("a dev workspace");
        let stop = CancellationToken::new();
        let asked = stop.clone().cancelled_owned();
        let running = Some(tokio::spawn(server.run(listener, asked)));
        Self { address, clock, service, ready, folder, stop, running, _folder: temporary }
    }

    /// Who knows no key.
    pub fn stranger(&self) -> Client {
        Client { address: self.address, key: None }
    }

    pub fn with_key(&self, key: &str) -> Client {
        Client { address: self.address, key: Some(key.into()) }
    }

    /// The developer's agent.
    pub fn asker(&self) -> Client {
        self.with_key(&self.ready.agent_key)
    }

    /// The developer, who owns the agent's key.
    pub fn dev(&self) -> Client {
        self.with_key(&self.ready.approver_key)
    }

    /// The developer's key for everything but asking and deciding.
    pub fn admin(&self) -> Client {
        self.with_key(&self.ready.admin_key)
    }

    /// Someone else in the developer's workspace, with a decide key.
    pub async fn approver(&self, name: &str) -> Client {
        let workspace = self.workspace();
        let member = workspace.member(name).await;
        workspace.decider(member).await
    }

    /// The developer's workspace.
    pub fn workspace(&self) -> Workspace<'_> {
        let id: WorkspaceId = self.ready.workspace.parse().expect("an id");
        Workspace { server: self, id, environment: Environment::Dev }
    }

    /// A new workspace for real things, on the same server.
    pub async fn found(&self, name: &str) -> Workspace<'_> {
        self.found_with(name, None).await
    }

    /// The same, with this plan.
    pub async fn found_with(&self, name: &str, plan: Option<Plan>) -> Workspace<'_> {
        let founder = Founder { email: format!("owner@{name}.example"), name: "Owner".into() };
        let found = self.service.found(name, Environment::Live, founder, plan).await;
        let (workspace, _) = found.expect("a new workspace");
        Workspace { server: self, id: workspace.id, environment: Environment::Live }
    }

    /// Returns once there is a key to sign with.
    pub async fn signing(&self) {
        while self.stranger().get("/readyz").await.status != 200 {}
    }

    /// Returns once this key has so much pending, as `used of limit`.
    pub async fn settled(&self, client: &Client, pending: &str) {
        loop {
            let limits = client.get("/v1/limits").await.expect(200);
            let levels = limits["key"].as_array().cloned().unwrap_or_default();
            let level = levels.iter().find(|level| level["name"] == "pending");
            let told = level.map(|level| format!("{} of {}", level["used"], level["limit"]));
            if told.as_deref() == Some(pending) {
                return;
            }
        }
    }

    /// Every byte that the store has written. Two equal pictures: nothing was written between.
    pub fn picture(&self) -> Vec<Vec<u8>> {
        let file = |name: &str| std::fs::read(self.folder.join(name)).unwrap_or_default();
        vec![file("askfirst.db"), file("askfirst.db-wal")]
    }

    /// Asks the server to stop; who waits is answered meanwhile.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Stops the server and waits until it has.
    pub async fn stop(&mut self) -> Stopped {
        self.stop.cancel();
        let running = self.running.take().expect("it is stopped once");
        running.await.expect("the server ends in good order")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
