//! What a workspace may have as a whole, where its operator gave it a plan: how much that is, who is
//! told what, and that nothing which is there goes.

use askfirst_core::administration::Change;
use askfirst_core::{Dialect, Environment, Plan, Preset, Role, Scope};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::question;
use crate::support::workspace::Workspace;
use crate::support::{Answer, Client, TestServer};

const DAY: i64 = 24 * 3_600;

/// Free, but with so many asks in a month.
fn few(asks: u32) -> Option<Plan> {
    Some(Plan { asks_per_month: Some(asks), ..Preset::Free.plan() })
}

fn limit(answer: &Answer) -> Value {
    answer.json()["limit"].clone()
}

async fn member(admin: &Client, name: &str, role: &str) -> Answer {
    let body = json!({ "email": format!("{name}@example.com"), "name": name, "role": role });
    admin.post("/v1/members", &body).send().await
}

async fn ask(client: &Client, policy: &str) -> Answer {
    let body = question("deploy", json!({ "policy": policy }));
    client.post("/v1/approvals", &body).send().await
}

/// A question in each API, of one workspace.
struct Doors {
    native: Client,
    ambedo: Client,
    proof: Client,
    config: String,
    holdon: Client,
}

impl Doors {
    async fn of(ours: &Workspace<'_>) -> Self {
        let foreign = async |dialect| ours.foreign(dialect, "open").await;
        let proof = foreign(Dialect::Proof).await;
        let body = json!({ "name": "Releases", "channels": [{ "type": "browser" }] });
        let config = proof.post("/api/v1/hitl", &body).send().await.expect(201);
        Self {
            native: ours.asker().await,
            ambedo: foreign(Dialect::Ambedo).await,
            proof,
            config: config["id"].as_str().unwrap().to_owned(),
            holdon: foreign(Dialect::Holdon).await,
        }
    }

    async fn all(&self) -> [(&'static str, Answer); 4] {
        let pause = json!({ "action": "Deploy?" });
        let confirmation = json!({ "hitl_id": self.config, "message": "Deploy?" });
        let approval = json!({ "action": "Deploy?" });
        [
            ("native", ask(&self.native, "open").await),
            ("ambedo", self.ambedo.post("/api/pause", &pause).send().await),
            ("proof", self.proof.post("/api/v1/confirmations", &confirmation).send().await),
            ("holdon", self.holdon.post("/api/approvals", &approval).send().await),
        ]
    }
}

#[tokio::test]
async fn a_months_asks_are_those_of_the_plan_in_whatever_api() {
    let server = TestServer::start().await;
    let ours = server.found_with("acme", few(4)).await;
    ours.policy("open", json!({})).await;
    let ana = ours.approver("ana").await;
    let doors = Doors::of(&ours).await;
    let once = doors.ambedo.post("/api/pause", &json!({ "action": "Once" })).once("k1");
    let first = once.clone().send().await.expect(201);
    let asked = ask(&doors.native, "open").await.expect(201);
    for _ in 0..2 {
        ask(&doors.native, "open").await.expect(201);
    }

    for (door, answer) in doors.all().await {
        assert_eq!(answer.status, 429, "{door}");
        assert_eq!(answer.header("retry-after"), (31 * DAY).to_string(), "{door}");
        let told = answer.json();
        let words = match door {
            "native" => told["detail"].clone(),
            "proof" => told["error"]["message"].clone(),
            _ => told["error"].clone(),
        };
        let words = words.as_str().unwrap().to_owned();
        for part in ["4 times this month", "its plan, free", "2030-02-01T00:00:00.000Z"] {
            assert!(words.contains(part), "{door}: {told}");
        }
    }
    let full = ask(&doors.native, "open").await;
    assert_eq!(full.problem(), "429 limit");
    let told = json!({
        "name": "asks_per_month", "of": "workspace", "limit": 4, "used": 4,
        "resets_at": "2030-02-01T00:00:00.000Z", "plan": "free",
    });
    assert_eq!(limit(&full), told);
    let seen = doors.native.get("/v1/limits").await.expect(200);
    let plan = json!({
        "name": "free", "asks_per_month": 4, "approvers": 1, "channels": ["email"],
        "audit_days": 7,
    });
    assert_eq!(seen["plan"], plan);
    let levels = seen["workspace"].as_array().unwrap();
    let level = |name: &str| levels.iter().find(|level| level["name"] == name).unwrap().clone();
    let asks = json!({
        "name": "asks_per_month", "limit": 4, "used": 4, "resets_at": "2030-02-01T00:00:00.000Z",
    });
    assert_eq!(level("asks_per_month"), asks);
    // The owner and Ana, whom the console let in although there is room for one.
    let people = json!({ "name": "approvers", "limit": 1, "used": 2, "resets_at": null });
    assert_eq!(level("approvers"), people);

    // A repeat is no other ask, what is there is decided and used, and tests count for themselves.
    assert_eq!(once.send().await.expect(201)["watchId"], first["watchId"]);
    ana.approve(&asked).await.expect(200);
    doors.native.consume(&asked).await.expect(200);
    let tests = ours.client_in(Environment::Test, &[Scope::Ask]).await;
    ask(&tests, "open").await.expect(201);

    server.clock.advance(31 * DAY - 1);
    assert_eq!(ask(&doors.native, "open").await.header("retry-after"), "1");
    server.clock.advance(1);
    for (door, answer) in doors.all().await {
        assert_eq!(answer.status, 201, "{door}");
    }
    let second = ask(&doors.native, "open").await;
    assert_eq!(limit(&second)["resets_at"], "2030-03-01T00:00:00.000Z");
    // Another plan counts at once, also in the month that has begun.
    let plan = Some(Preset::Starter.plan());
    ours.change(Change::SetPlan { plan }).await;
    ask(&doors.native, "open").await.expect(201);
    let plan = Plan { asks_per_month: Some(2), ..Preset::Starter.plan() };
    ours.change(Change::SetPlan { plan: Some(plan) }).await;
    let lower = limit(&ask(&doors.native, "open").await);
    assert_eq!((&lower["used"], &lower["plan"]), (&json!(5), &json!("starter")));
    ours.change(Change::SetPlan { plan: None }).await;
    ask(&doors.native, "open").await.expect(201);
    assert_eq!(doors.native.get("/v1/limits").await.expect(200)["plan"], Value::Null);
}

#[tokio::test]
async fn a_plan_has_room_for_so_many_approvers_and_takes_nobody_away() {
    let server = TestServer::start().await;
    let plan = Some(Preset::Starter.plan());
    let ours = server.found_with("acme", plan).await;
    let admin = ours.client(&Scope::ADMINISTER).await;
    let ana = member(&admin, "ana", "approver").await.expect(201);
    member(&admin, "cleo", "contact").await.expect(201);
    let auditor = member(&admin, "otis", "auditor").await.expect(201);
    for (name, role) in [("ben", "approver"), ("dan", "contact"), ("ada", "admin")] {
        let full = member(&admin, name, role).await;
        assert_eq!(full.problem(), "403 plan_limit", "{role}");
        let told = json!({
            "name": "approvers", "of": "workspace", "limit": 3, "used": 3, "resets_at": null,
            "plan": "starter",
        });
        assert_eq!(limit(&full), told);
        assert!(full.header("retry-after").is_empty(), "time makes no room");
        let detail = full.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("its plan, starter, has room for 3"), "{detail}");
    }
    let change = async |person: &Value, body: Value| {
        let path = format!("/v1/members/{}", person["id"].as_str().unwrap());
        admin.call(Method::PATCH, path).json(&body).send().await
    };
    let raised = change(&auditor, json!({ "role": "approver" })).await;
    assert_eq!(raised.problem(), "403 plan_limit");
    change(&ana, json!({ "enabled": false })).await.expect(200);
    change(&auditor, json!({ "role": "approver" })).await.expect(200);
    assert_eq!(change(&ana, json!({ "enabled": true })).await.problem(), "403 plan_limit");
    // Who may not invite anybody is told that, and not of the plan.
    let agent = ours.asker().await;
    assert_eq!(member(&agent, "eve", "approver").await.problem(), "403 forbidden");

    ours.policy("open", json!({})).await;
    let otis = auditor["id"].as_str().unwrap().parse().unwrap();
    let otis = ours.decider(otis).await;
    let asked = ask(&agent, "open").await.expect(201);
    ours.change(Change::SetPlan { plan: Some(Preset::Free.plan()) }).await;
    otis.approve(&asked).await.expect(200);
    let seen = admin.get("/v1/members").await.expect(200);
    assert_eq!(seen["data"].as_array().unwrap().len(), 4);
    assert_eq!(member(&admin, "eve", "auditor").await.status, 201);
    // Nobody changes it from inside.
    let higher = json!({ "plan": "pro" });
    let refused = admin.call(Method::PATCH, "/v1/workspace").json(&higher).send().await;
    assert_eq!(refused.problem(), "400 bad_request");
}

#[tokio::test]
async fn a_plan_has_the_channels_that_it_names() {
    let server = TestServer::start().await;
    let (ours, admin) = (server.workspace(), server.admin());
    let plan = Some(Plan { channels: Some([].into()), ..Preset::Pro.plan() });
    ours.change(Change::SetPlan { plan: plan.clone() }).await;
    let mail = json!({
        "kind": "email", "host": "127.0.0.1", "port": 2525, "security": "none",
        "from": "askfirst@example.com",
    });
    let add = async || admin.post("/v1/channels", &mail).send().await;
    let before = add().await;
    assert_eq!(before.problem(), "403 plan_limit");
    assert_eq!(limit(&before)["name"], "channels");
    assert_eq!(admin.get("/v1/channels").await.expect(200)["data"], json!([]));
    ours.change(Change::SetPlan { plan: Some(Preset::Free.plan()) }).await;
    let made = add().await.expect(201);
    ours.change(Change::SetPlan { plan }).await;
    // The channel stays, is changed and tells people, under a plan that would take no other.
    let path = format!("/v1/channels/{}", made["id"].as_str().unwrap());
    let from = json!({ "from": "other@example.com" });
    admin.call(Method::PATCH, path.clone()).json(&from).send().await.expect(200);
    assert_eq!(admin.get(path).await.expect(200)["from"], "other@example.com");
}

#[tokio::test]
async fn the_audit_log_is_read_as_far_back_as_the_plan_says_and_kept_whole() {
    let server = TestServer::start().await;
    let ours = server.found_with("acme", Some(Preset::Free.plan())).await;
    let auditor = ours.client(&[Scope::Audit]).await;
    let index = |page: &Value| page["data"][0]["index"].as_u64();
    let first = auditor.get("/v1/audit").await.expect(200);
    assert_eq!(index(&first), Some(1));
    assert_eq!(first["readable_from"], "2029-12-25T00:00:00.000Z");
    assert_eq!(first["data"][0]["detail"]["plan"]["name"], "free");

    server.clock.advance(8 * DAY);
    ours.member("ana").await;
    let later = auditor.get("/v1/audit").await.expect(200);
    assert_eq!(later["readable_from"], "2030-01-02T00:00:00.000Z");
    let kinds: Vec<_> =
        later["data"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds, [json!("member.added")]);
    let lines = auditor.get("/v1/audit?format=jsonl").await;
    assert_eq!(lines.header("askfirst-readable-from"), "2030-01-02T00:00:00.000Z");
    assert_eq!(lines.body.iter().filter(|byte| **byte == b'\n').count(), 1);
    // Who asks for more is told, and nobody takes a part for the whole.
    let refused = auditor.get("/v1/audit?since=2030-01-01").await;
    assert_eq!(refused.problem(), "403 plan_limit");
    assert_eq!(limit(&refused)["name"], "audit_days");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("plan, free, reads the audit log 7 days back"), "{detail}");
    auditor.get("/v1/audit?since=2030-01-03").await.expect(200);

    ours.change(Change::SetPlan { plan: Some(Preset::Pro.plan()) }).await;
    let all = auditor.get("/v1/audit").await.expect(200);
    assert_eq!((index(&all), &all["readable_from"]), (Some(1), &Value::Null));
    let last = all["data"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["kind"], "workspace.plan_changed");
    assert_eq!(
        (&last["actor"], &last["detail"]["before"]["name"]),
        (&json!("system"), &json!("free"))
    );
}

#[tokio::test]
async fn without_a_plan_nothing_is_bounded_by_one() {
    let server = TestServer::start().await;
    let ours = server.found("acme").await;
    let admin = ours.client(&Scope::ADMINISTER).await;
    for name in ["ana", "ben", "cal", "dan"] {
        member(&admin, name, Role::Approver.as_str()).await.expect(201);
    }
    let seen = admin.get("/v1/limits").await.expect(200);
    assert_eq!(seen["plan"], Value::Null);
    let levels = seen["workspace"].as_array().unwrap();
    assert!(!levels.iter().any(|level| level["name"] == "approvers"), "{seen}");
    assert_eq!(admin.get("/v1/audit").await.expect(200)["readable_from"], Value::Null);
}
