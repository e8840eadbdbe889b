//! Measures how many asks and decisions a store takes with many tasks at once, straight on the
//! store: `cargo run --release -p askfirst-store --features testing --example throughput`.
//! The file is made in the folder given as the first argument, or in the system's temporary one.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot start may panic")]
#![allow(clippy::disallowed_methods, reason = "it measures with the machine's clock")]

use std::sync::Arc;
use std::time::Instant;

use askfirst_core::administration::{Change, NewKey, SecretHash};
use askfirst_core::*;
use askfirst_store::*;
use serde_json::json;

const TASKS: u128 = 64;
const EACH: u128 = 500;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let parent = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(parent).unwrap();
    let options = Options {
        clock: Arc::new(SystemClock),
        issuer_base: "https://ask.example".into(),
        readers: 2,
        allowances: Allowances::default(),
    };
    let store = Arc::new(SqliteStore::open(&folder.path().join("bench.db"), options).unwrap());
    let place = Place { workspace: WorkspaceId::from_bits(1), environment: Environment::Live };
    let owner = MemberId::from_bits(2);
    prepare(&store, place, owner).await;

    for round in 0..3 {
        let (started, busy) = (Instant::now(), writer_seconds());
        let asks = (0..TASKS).map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0..EACH {
                    let id = ApprovalId::from_bits((round << 64) + number * TASKS + task);
                    store.execute(ask(place, id)).await.unwrap();
                }
            })
        });
        for task in asks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        tell("asks", started, busy);
        let (started, busy) = (Instant::now(), writer_seconds());
        let votes = (0..TASKS).map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0..EACH {
                    let id = ApprovalId::from_bits((round << 64) + number * TASKS + task);
                    store.execute(vote(place, id)).await.unwrap();
                }
            })
        });
        for task in votes.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        tell("decisions", started, busy);
    }
    println!("file: {} MiB", store.health().await.unwrap().bytes >> 20);
    store.close().await;
}

fn tell(what: &str, started: Instant, busy: f64) {
    let seconds = started.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "a count of thousands")]
    let count = (TASKS * EACH) as f64;
    let each = (writer_seconds() - busy) * 1e6 / count;
    println!("{:>9.0} {what}/s; the writer computed for {each:.1} us each", count / seconds);
}

/// Processor time of the writer's thread so far: what stays true on a machine with other work.
fn writer_seconds() -> f64 {
    let mut nanos = 0.0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        if read("comm").starts_with("askfirst-writer") {
            let spent = read("schedstat");
            nanos += spent.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
        }
    }
    nanos / 1e9
}

async fn prepare(store: &SqliteStore, place: Place, owner: MemberId) {
    let document = Policy::standard("default".parse().unwrap(), Assurance::Key);
    let person = Person {
        email: "ana@example.com".into(),
        name: "Ana".into(),
        role: Role::Owner,
        enabled: true,
    };
    let now = store.now();
    let policy = PolicyVersion {
        id: PolicyId::from_bits(1),
        version: 1,
        digest: Digest([1; 32]),
        document,
        created_at: now,
        by: Actor::System,
    };
    let workspace = Workspace {
        id: place.workspace,
        name: "bench".into(),
        environment: Environment::Live,
        default_policy: "default".parse().unwrap(),
        floor: Floor::default(),
        retention_days: None,
        callback_hosts: Vec::new(),
        self_service: false,
        plan: None,
        hold: None,
        created_at: now,
    };
    let member = Member { id: owner, person, created_at: now, delegation: None };
    store.create_workspace(workspace, member, policy, Vec::new()).await.unwrap();
    for (id, scope, member) in [(3, Scope::Ask, None), (4, Scope::Decide, Some(owner))] {
        let key = NewKey {
            id: KeyId::from_bits(id),
            label: "bench".into(),
            secret: SecretHash([u8::try_from(id).unwrap(); 32]),
            hint: "af_live_0a".into(),
            environment: Environment::Live,
            dialect: Dialect::Native,
            scopes: [scope].into(),
            policies: PolicyAllowance::Any,
            member,
            owner: Some(owner),
            expires_at: None,
            limits: KeyLimits::default(),
            callback_url: None,
        };
        let change = Change::AddKey(key);
        let request = Administer {
            workspace: place.workspace,
            credential: Credential::System,
            change,
            idempotency: None,
        };
        store.administer(request).await.unwrap();
    }
}

fn ask(place: Place, id: ApprovalId) -> Execute {
    let ask = Ask {
        id,
        workspace: place.workspace,
        environment: place.environment,
        action: Arc::new(Action {
            name: "deploy.production".into(),
            title: "Deploy v2.1 to production?".into(),
            arguments: json!({ "version": "2.1", "replicas": 12, "regions": ["eu", "us"] }),
            target: Some("prod-eu".into()),
        }),
        action_digest: Digest([2; 32]),
        reason: Some("all checks are green".into()),
        priority: Priority::High,
        agent: Some(Agent { name: "release-bot".into(), run: Some("r-812".into()), call: None }),
        metadata: json!({ "commit": "a3f9b2e" }),
        policy: PolicyChoice::Default,
        expires_in: None,
        callback_url: None,
        told_by: None,
        pass_on: None,
        valid_for: None,
        consumers: Vec::new(),
        editable: Vec::new(),
        answer_schema: None,
    };
    Execute {
        place,
        approval: id,
        credential: Credential::Key(KeyId::from_bits(3)),
        command: Command::Ask(Box::new(ask)),
        idempotency: Some(Idempotency {
            key: id.to_string(),
            operation: "ask".into(),
            fingerprint: [1; 32],
        }),
        shown: None,
    }
}

fn vote(place: Place, id: ApprovalId) -> Execute {
    let cast = CastVote {
        decision: VoteDecision::Approve,
        action_digest: Digest([2; 32]),
        shown_digest: None,
        comment: Some("ok".into()),
        on_behalf_of: None,
        edits: None,
        answer: None,
        grant: None,
    };
    Execute {
        place,
        approval: id,
        credential: Credential::Key(KeyId::from_bits(4)),
        command: Command::Vote(cast),
        idempotency: None,
        shown: None,
    }
}
