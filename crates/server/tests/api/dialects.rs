//! The APIs of other products: who gets in where, what is said there, and that what is asked there
//! is an approval like any other.

use std::collections::BTreeSet;
use std::fmt::Write;

use askfirst_core::{ApprovalId, Dialect, KeyLimits, PolicyAllowance, Scope};
use askfirst_server::service::keys::KeyWish;
use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::Call;
use crate::support::receiver::{Receiver, answer_of};
use crate::support::workspace::{Workspace, wish};
use crate::support::{Answer, Client, TestServer};

const ADMIN: [Scope; 7] = [
    Scope::ReadAll,
    Scope::Policies,
    Scope::Members,
    Scope::Keys,
    Scope::Channels,
    Scope::Audit,
    Scope::Workspace,
];

fn deploy() -> Value {
    json!({
        "action": "Deploy to production (v2.4.1)",
        "context": { "environment": "prod", "commit": "a3f9b2e" },
    })
}

/// The pause of an approval.
fn watch(id: &str) -> String {
    format!("wch_{:032x}", id.parse::<ApprovalId>().unwrap().to_bits())
}

/// The approval of a pause.
fn approval(pause: &Value) -> String {
    let digits = pause["watchId"].as_str().unwrap().strip_prefix("wch_").unwrap();
    ApprovalId::from_bits(u128::from_str_radix(digits, 16).unwrap()).to_string()
}

fn path(pause: &Value, rest: &str) -> String {
    format!("/api/pause/{}{rest}", pause["watchId"].as_str().unwrap())
}

async fn paused(client: &Client) -> Value {
    client.post("/api/pause", &deploy()).send().await.expect(201)
}

/// Somebody who is signed in, deciding a pause by its own API.
fn deciding(server: &TestServer, cookie: &str, pause: &Value, decision: &str) -> Call {
    let body = json!({ "decision": decision });
    server.stranger().post(path(pause, "/approve"), &body).header("cookie", cookie)
}

/// A workspace where keys vote too, and a key of Ambedo's.
async fn scene<'a>(server: &'a TestServer, name: &str) -> (Workspace<'a>, Client) {
    let ours = server.found(name).await;
    ours.policy("open", json!({})).await;
    let program = ours.foreign(Dialect::Ambedo, "open").await;
    (ours, program)
}

/// What Ambedo's clients get for an error: one sentence.
#[track_caller]
fn error(answer: &Answer, status: u16) -> String {
    let told = answer.json();
    assert_eq!(answer.status, status, "{told}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(told.as_object().unwrap().len(), 1, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_pause_is_an_approval_like_any_other() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let made = paused(&program).await;
    let id = approval(&made);
    assert_eq!(made["status"], "pending");
    assert_eq!(made["createdAt"], "2030-01-01T00:00:00.000Z");
    let url = format!("http://{}", server.address);
    assert_eq!(made["statusUrl"], format!("{url}{}", path(&made, "")));
    assert_eq!(made["approvalUrl"], format!("{url}/a/{id}"));
    assert_eq!(program.get(path(&made, "")).await.expect(200), made);
    let page = include_str!("../../../../docs/dialects/ambedo.md");
    let printed = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let printed: Value = serde_json::from_str(printed).unwrap();
    let names = |pause: &Value| pause.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&printed), names(&made), "the page shows another pause");
    assert_eq!(printed["agentContext"], deploy());

    let ana = ours.approver("ana").await;
    let native = ana.get(format!("/v1/approvals/{id}")).await.expect(200);
    assert_eq!(native["action"]["title"], "Deploy to production (v2.4.1)");
    assert_eq!(native["action"]["arguments"], deploy());
    assert_eq!(native["policy"]["name"], "open");
    ana.approve(&native).await.expect(200);

    let after = program.get(path(&made, "")).await.expect(200);
    assert_eq!(after["status"], "approved");
    assert_eq!(after["agentContext"], deploy());
    assert_eq!(after["resolvedBy"], "ana@example.com");
    assert_eq!(after["resolvedAt"], "2030-01-01T00:00:00.000Z");
    server.signing().await;
    let proof = ours.client(&[Scope::ReadAll]).await.proof(&native).await;
    assert_eq!(proof["token"].as_str().map(|token| token.split('.').count()), Some(3), "{proof}");
}

#[tokio::test]
async fn each_door_opens_to_its_own_callers_and_to_no_one_else() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let (_, theirs) = scene(&server, "rival").await;
    let ben = ours.member("ben").await;
    let cookie = ours.sign_in(ben).await;
    let callers = [
        ("nobody", server.stranger()),
        ("native ask", ours.asker().await),
        ("native admin", ours.client(&ADMIN).await),
        ("native decide", ours.approver("ana").await),
        ("the asker", program.clone()),
        ("another key", ours.foreign(Dialect::Ambedo, "open").await),
        ("rival's key", theirs),
    ];
    let routes = [
        (Method::GET, "/api/pause", None),
        (Method::POST, "/api/pause", Some(deploy())),
        (Method::GET, "/api/pause/{id}", None),
        (Method::POST, "/api/pause/{id}/approve", Some(json!({ "decision": "approved" }))),
    ];
    let mut table = String::new();
    for (method, route, body) in routes {
        write!(table, "\n{:<30}", format!("{method} {route}")).unwrap();
        let prepared = async |client: &Client| {
            let pause = paused(&program).await;
            let call = client
                .call(method.clone(), route.replace("{id}", pause["watchId"].as_str().unwrap()));
            body.iter().fold(call, |call, body| call.json(body))
        };
        let mut told = |answer: &Answer| {
            if answer.status >= 400 {
                error(answer, answer.status);
            }
            write!(table, " {}", answer.status).unwrap();
        };
        for (_, client) in &callers {
            told(&prepared(client).await.send().await);
        }
        let person = server.stranger();
        told(&prepared(&person).await.header("cookie", &cookie).send().await);
        // Whoever has a key is a program, whoever else they are.
        told(&prepared(&program).await.header("cookie", &cookie).send().await);
    }
    // nobody, native ask, admin and decide; the asker, another key, the rival's; a person who is
    // signed in, and the same with the asker's key.
    let wanted = "
GET /api/pause                 401 401 401 401 200 200 200 401 200
POST /api/pause                401 401 401 401 201 201 201 401 201
GET /api/pause/{id}            401 401 401 401 200 404 404 401 200
POST /api/pause/{id}/approve   401 401 401 401 403 403 403 200 403";
    assert_eq!(table, wanted);
}

#[tokio::test]
async fn a_key_of_the_wrong_kind_is_told_where_it_belongs() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let native = ours.asker().await.get("/api/pause").await;
    assert_eq!(
        error(&native, 401),
        "this API key is for Askfirst's own API (/v1); the Ambedo API (/api/pause) takes keys that \
         begin with hitl_"
    );
    let foreign = program.get("/v1/approvals").await;
    assert_eq!(foreign.problem(), "401 not_authenticated");
    assert!(foreign.json()["detail"].as_str().unwrap().contains("keys that begin with af_"));
    let nobody = server.stranger().get("/api/pause").await;
    assert_eq!(error(&nobody, 401), "present an API key as `Authorization: Bearer hitl_…`");
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
}

#[tokio::test]
async fn every_refusal_is_in_the_words_of_that_api() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let post = || program.call(Method::POST, "/api/pause");
    let json = "application/json";
    let large = format!("{{\"action\":\"{}\"}}", "x".repeat(300_000));
    let broken: [(Call, u16, &str); 20] = [
        (post(), 400, "missing field `action`"),
        (post().header("content-type", json), 400, "missing field `action`"),
        (post().bytes("{\"action\":\"x\"}"), 415, "application/json"),
        (post().bytes("action=x").header("content-type", "text/plain"), 415, "application/json"),
        (post().bytes("{\"action\":").header("content-type", json), 400, "not JSON"),
        (post().bytes("[]").header("content-type", json), 400, "the body"),
        (post().bytes(large).header("content-type", json), 413, "at most 262144 bytes"),
        (post().json(&json!({ "action": 7 })), 400, "/action"),
        (post().json(&json!({ "action": " \n" })), 400, "say what the agent wants"),
        (post().json(&json!({ "action": "x", "context": "prod" })), 400, "/context: an object"),
        (post().json(&json!({ "action": "x", "approved": true })), 400, "approved"),
        (post().json(&json!({ "action": "x", "webhookUrl": 7 })), 400, "/webhookUrl"),
        (
            post().json(&json!({ "action": "x", "callbackUrl": "https://hooks.example.com/" })),
            400,
            "/webhookUrl: hooks.example.com is not among the hosts",
        ),
        (post().json(&deploy()).once(" "), 400, "Idempotency-Key"),
        (program.call(Method::DELETE, "/api/pause"), 405, "does not take that method"),
        (program.call(Method::POST, "/api/pause/wch_1"), 405, "does not take that method"),
        (program.call(Method::GET, "/api/pause/wch_1/approve"), 405, "does not take that method"),
        (program.call(Method::GET, "/api/pause/wch_1"), 404, "there is no such pause here"),
        (program.call(Method::GET, "/api/pause/x/y"), 404, "nothing at this path"),
        (program.call(Method::GET, "/api/pause").header("host", "evil.example"), 421, "host name"),
    ];
    for (call, status, words) in broken {
        let what = format!("{} {}", call.method, call.path);
        let told = error(&call.send().await, status);
        assert!(told.contains(words), "{what}: {told}");
    }
    for (query, words) in [
        ("?limit=0", "limit: 1 to 100"),
        ("?limit=101", "limit: 1 to 100"),
        ("?offset=1001", "offset: at most 1000"),
        ("?status=denied", "status"),
        ("?page=2", "page"),
    ] {
        let told = error(&program.get(format!("/api/pause{query}")).await, 400);
        assert!(told.contains(words), "{query}: {told}");
    }
    assert_eq!(program.get("/api/pause").await.expect(200)["pauses"], json!([]));
}

#[tokio::test]
async fn a_person_who_is_signed_in_decides_a_pause_and_nothing_else_there() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ben = ours.member("ben").await;
    let cookie = ours.sign_in(ben).await;
    let decide = |pause: &Value, word: &str| deciding(&server, &cookie, pause, word);

    let pause = paused(&program).await;
    let at = || server.stranger().call(Method::POST, path(&pause, "/approve"));
    let at = || at().header("cookie", &cookie);
    // Nobody approves by saying nothing, nor by what a form of another site can send.
    let sent = [
        (at(), 400, "missing field `decision`"),
        (at().bytes("{\"decision\":\"approved\"}"), 415, "application/json"),
        (at().json(&json!({ "decision": "yes" })), 400, "expected `approved` or `rejected`"),
        (decide(&pause, "approved").header("origin", "https://evil.example"), 403, "another site"),
        (decide(&pause, "approved").header("sec-fetch-site", "cross-site"), 403, "another site"),
        (decide(&pause, "approved").header("origin", "null"), 403, "another site"),
    ];
    for (call, status, words) in sent {
        let told = error(&call.send().await, status);
        assert!(told.contains(words), "{told}");
    }
    assert_eq!(program.get(path(&pause, "")).await.expect(200)["status"], "pending");

    let body = json!({ "decision": "rejected", "comment": "not on a Friday" });
    let own = format!("http://{}", server.address);
    let no = at().json(&body).header("origin", &own).send().await.expect(200);
    assert_eq!(no["status"], "rejected");
    let known = program.get(path(&pause, "")).await.expect(200);
    assert_eq!(known["comment"], "not on a Friday");
    assert_eq!(known["resolvedBy"], "ben@example.com");
    let late = error(&decide(&pause, "approved").send().await, 409);
    assert!(late.contains("rejected by ben@example.com"), "{late}");

    // What was asked elsewhere is no pause, by whatever id.
    let native = ours.asker().await.ask_under("open").await;
    let made_up = json!({ "watchId": watch(native["id"].as_str().unwrap()) });
    let unknown = json!({ "watchId": format!("wch_{:032x}", 7) });
    for none in [&made_up, &unknown] {
        let told = error(&decide(none, "approved").send().await, 404);
        assert_eq!(told, "there is no such pause here");
    }
    assert_eq!(ours.client(&[Scope::ReadAll]).await.read(&native).await["status"], "pending");

    // Who may not decide by the page may not here.
    let (rivals, _) = scene(&server, "rival").await;
    let zoe = rivals.sign_in(rivals.member("zoe").await).await;
    let open = paused(&program).await;
    error(&deciding(&server, &zoe, &open, "approved").send().await, 404);
    let apart = json!({ "separate": { "owner": true } });
    ours.policy("apart", apart).await;
    let apart = paused(&ours.foreign(Dialect::Ambedo, "apart").await).await;
    let owner = ours.sign_in(ours.owner().await).await;
    let told = error(&deciding(&server, &owner, &apart, "approved").send().await, 403);
    assert!(told.contains("owner of the asking key"), "{told}");
}

#[tokio::test]
async fn the_end_of_a_pause_is_sent_as_ambedo_sends_it() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let admin = ours.client(&ADMIN).await;
    let hosts = json!({ "callback_hosts": ["127.0.0.1"] });
    admin.call(Method::PATCH, "/v1/workspace").json(&hosts).send().await.expect(200);
    let signer = admin.post("/v1/webhooks", &json!({ "callbacks": true })).send().await;
    let signer = signer.expect(201);
    let mut receiver = Receiver::start().await;
    let ana = ours.approver("ana").await;
    for (decision, status) in [("approve", "approved"), ("reject", "rejected")] {
        let mut asked = deploy();
        asked["webhookUrl"] = json!(receiver.url());
        let pause = program.post("/api/pause", &asked).send().await.expect(201);
        let native = ana.get(format!("/v1/approvals/{}", approval(&pause))).await.expect(200);
        ana.vote(&native, decision).await.expect(200);
        let message = receiver.next().await;
        let text = String::from_utf8(message.body.to_vec()).unwrap();
        // To the byte, with the whitespace taken out of what is on their page.
        let id = pause["watchId"].as_str().unwrap();
        let context = json!({ "environment": "prod", "commit": "a3f9b2e" });
        assert_eq!(
            text,
            format!(
                "{{\"watchId\":\"{id}\",\"status\":\"{status}\",\
                 \"resolvedAt\":\"2030-01-01T00:00:00.000Z\",\"agentContext\":\
                 {{\"action\":\"Deploy to production (v2.4.1)\",\"context\":{context}}}}}"
            )
        );
        assert_eq!(message.header("content-type"), "application/json");
        assert!(message.is_signed_with(signer["secret"].as_str().unwrap()));
    }
    // Its log shows what was sent.
    let cookie = ours.sign_in(ours.owner().await).await;
    let page = format!("/webhooks/{}", signer["id"].as_str().unwrap());
    let page = server.stranger().call(Method::GET, page).header("cookie", &cookie).send().await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    assert_eq!(page.matches("agentContext").count(), 2, "{page}");
    assert!(!page.contains("approval.approved"), "{page}");
    // One that nobody said where to send is sent nowhere.
    paused(&program).await;
    assert!(receiver.is_quiet());

    // What is erased before it arrived is not told after all.
    receiver.answer(answer_of(503, ""));
    let mut asked = deploy();
    asked["webhookUrl"] = json!(receiver.url());
    let pause = program.post("/api/pause", &asked).send().await.expect(201);
    let native = ana.get(format!("/v1/approvals/{}", approval(&pause))).await.expect(200);
    ana.reject(&native).await.expect(200);
    let failed = receiver.next().await;
    assert_eq!(failed.json()["agentContext"], deploy());
    let log = format!("/v1/webhooks/{}/deliveries", signer["id"].as_str().unwrap());
    while admin.get(log.as_str()).await.expect(200)["data"][0]["last_error"] == Value::Null {}
    let erase = crate::support::client::path_of(&native, "/erase");
    admin.post(erase, &json!({})).send().await.expect(200);
    server.clock.advance(6);
    let again = receiver.next().await;
    assert_eq!(again.id(), failed.id());
    assert_eq!(again.json()["status"], "rejected");
    assert_eq!(again.json()["agentContext"], Value::Null);
    let after = program.get(path(&pause, "")).await.expect(200);
    assert_eq!((&after["status"], &after["agentContext"]), (&json!("rejected"), &Value::Null));
}

#[tokio::test]
async fn a_list_has_a_keys_own_pauses() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let other = ours.foreign(Dialect::Ambedo, "open").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.insert(0, paused(&program).await);
        paused(&other).await;
    }
    ours.asker().await.ask_under("open").await;
    let ana = ours.approver("ana").await;
    let last = ana.get(format!("/v1/approvals/{}", approval(&made[2]))).await.expect(200);
    ana.reject(&last).await.expect(200);
    made[2] = program.get(path(&made[2], "")).await.expect(200);

    let list = async |query: &str| program.get(format!("/api/pause{query}")).await.expect(200);
    let all = list("").await;
    assert_eq!(all["pauses"], json!(made));
    assert_eq!(
        (&all["limit"], &all["offset"], &all["hasMore"]),
        (&json!(50), &json!(0), &json!(false))
    );
    assert_eq!(list("?status=rejected").await["pauses"], json!(made[2..]));
    assert_eq!(list("?status=pending").await["pauses"], json!(made[..2]));
    let middle = list("?limit=1&offset=1").await;
    assert_eq!((&middle["pauses"], &middle["hasMore"]), (&json!([made[1]]), &json!(true)));
    assert_eq!(list("?offset=3").await["pauses"], json!([]));
    for (query, total) in
        [("", 3), ("?limit=1&offset=2", 3), ("?status=pending", 2), ("?status=expired", 0)]
    {
        assert_eq!(list(query).await["total"], total, "{query}: what others asked is not counted");
    }
    assert_eq!(list("?limit=1&offset=2").await["hasMore"], false);
}

#[tokio::test]
async fn silence_ends_a_pause_and_says_so() {
    let server = TestServer::start().await;
    let (ours, _) = scene(&server, "acme").await;
    ours.policy("hasty", json!({ "expires_in": 60 })).await;
    let program = ours.foreign(Dialect::Ambedo, "hasty").await;
    let pause = paused(&program).await;
    assert_eq!(pause["expiresAt"], "2030-01-01T00:01:00.000Z");
    server.clock.advance(60);
    let after = program.get(path(&pause, "")).await.expect(200);
    assert_eq!(after["status"], "expired");
    assert_eq!(after["resolvedBy"], "system");
}

#[tokio::test]
async fn a_repeat_makes_no_second_pause_and_a_full_key_is_told_when_to_come_back() {
    let server = TestServer::start().await;
    let (ours, _) = scene(&server, "acme").await;
    let limits = KeyLimits { asks_per_month: Some(1), ..KeyLimits::default() };
    let policies = PolicyAllowance::Only(BTreeSet::new());
    let wish = KeyWish { dialect: Dialect::Ambedo, policies, limits, ..wish(&[Scope::Ask]) };
    let program = server.with_key(&ours.key(wish).await.1);
    let call = || program.post("/api/pause", &deploy()).once("k1");
    let first = call().send().await.expect(201);
    assert_eq!(call().send().await.expect(201), first);
    // One that names no policy asks under the workspace's default.
    let native = ours.client(&[Scope::ReadAll]).await;
    let native = native.get(format!("/v1/approvals/{}", approval(&first))).await.expect(200);
    assert_eq!(native["policy"]["name"], "default");
    let full = program.post("/api/pause", &deploy()).send().await;
    let told = error(&full, 429);
    assert!(told.contains("month"), "{told}");
    assert!(full.header("retry-after").parse::<u32>().unwrap() > 0);
    let other = program.post("/api/pause", &json!({ "action": "x" })).once("k1").send().await;
    assert!(error(&other, 400).contains("Idempotency-Key"));
}

#[tokio::test]
async fn a_yes_in_advance_is_to_the_same_words() {
    let server = TestServer::start().await;
    let (ours, _) = scene(&server, "acme").await;
    ours.policy("kinds", json!({ "grants": { "for": "1h", "uses": 5 } })).await;
    let program = ours.foreign(Dialect::Ambedo, "kinds").await;
    let ana = ours.approver("ana").await;
    let first = approval(&paused(&program).await);
    let first = ana.get(format!("/v1/approvals/{first}")).await.expect(200);
    let mut vote = json!({ "decision": "approve", "action_digest": first["action_digest"] });
    vote["grant"] = json!({ "for": 60, "uses": 5 });
    ana.post(crate::support::client::path_of(&first, "/vote"), &vote).send().await.expect(200);

    let same = program.post("/api/pause", &deploy()).send().await.expect(201);
    assert_eq!(same["status"], "approved");
    let mut other = deploy();
    other["action"] = json!("Delete production");
    let other = program.post("/api/pause", &other).send().await.expect(201);
    assert_eq!(other["status"], "pending");
}

#[tokio::test]
async fn a_key_of_a_dialect_is_made_for_asking_alone() {
    let server = TestServer::start().await;
    let ours = server.found("acme").await;
    let admin = ours.client(&ADMIN).await;
    let make = async |more: Value| {
        let mut body = json!({ "name": "k", "scopes": ["ask"], "dialect": "ambedo" });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        admin.post("/v1/keys", &body).send().await
    };
    let made = make(json!({})).await.expect(201);
    assert_eq!(made["dialect"], "ambedo");
    assert!(made["key"].as_str().unwrap().starts_with("hitl_live_"), "{made}");
    assert_eq!(made["hint"].as_str().unwrap().len(), "hitl_live_".len() + 4);
    let listed = admin.get("/v1/keys").await.expect(200);
    let dialects: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|k| &k["dialect"]).collect();
    assert!(dialects.contains(&&json!("native")) && dialects.contains(&&json!("ambedo")));

    let ana = ours.member("ana").await.to_string();
    let wishes = [
        (json!({ "scopes": ["decide"], "member": ana }), "422 invalid", "/scopes"),
        (json!({ "scopes": ["ask", "approvals:read_all"] }), "422 invalid", "/scopes"),
        (json!({ "policies": ["*"] }), "422 invalid", "/policies"),
        (json!({ "dialect": "hitl" }), "400 bad_request", "/dialect"),
    ];
    for (wish, problem, pointer) in wishes {
        let answer = make(wish.clone()).await;
        assert_eq!(
            (answer.problem().as_str(), answer.pointers()),
            (problem, vec![pointer.into()]),
            "{wish}"
        );
    }
}
