//! HoldOn's API: who gets in where, what is asked and decided there by a link, and in whose words.

use std::fmt::Write;

use askfirst_core::administration::Change;
use askfirst_core::{ApprovalId, Dialect, KeyLimits, MemberId, PolicyAllowance, Role, Scope};
use askfirst_server::service::keys::KeyWish;
use hyper::Method;
use serde_json::{Value, json};

mod bots;
mod keys;

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

fn wire() -> Value {
    json!({ "action": "Send $4,200 wire to vendor", "context": "Invoice #8821" })
}

/// Our own id of an approval.
fn ours(asked: &Value) -> String {
    let digits = asked["id"].as_str().unwrap().replace('-', "");
    ApprovalId::from_bits(u128::from_str_radix(&digits, 16).unwrap()).to_string()
}

fn path(asked: &Value) -> String {
    format!("/api/approvals/{}", asked["id"].as_str().unwrap())
}

/// Where its link decides by the API.
fn door(asked: &Value) -> String {
    let url = asked["decision_url"].as_str().unwrap();
    format!("/api/decide/{}", url.split_once("/decide/").unwrap().1)
}

async fn ask(client: &Client) -> Value {
    client.post("/api/approvals", &wire()).send().await.expect(201)
}

async fn decide(server: &TestServer, asked: &Value, body: &Value) -> Answer {
    server.stranger().post(door(asked), body).send().await
}

/// Withdraws it, as an admin of the workspace could; in this API nobody can.
async fn withdraw(server: &TestServer, asker: &Client, asked: &Value) {
    let key = asker.key.as_deref().unwrap();
    let caller = server.service.caller_by_key(key, Dialect::Holdon).await.unwrap();
    let id = ours(asked).parse().unwrap();
    server.service.cancel(&caller, id, None, None).await.unwrap();
}

/// A workspace where whoever has the link decides in the name of a contact, and a key of HoldOn's.
async fn scene<'a>(server: &'a TestServer, name: &str) -> (Workspace<'a>, Client) {
    let workspace = server.found(name).await;
    contact(&workspace, "cleo").await;
    let from = json!([{ "from": ["contact:cleo@example.com"] }]);
    workspace.policy("links", json!({ "needs": from, "assurance": "bearer" })).await;
    let program = workspace.foreign(Dialect::Holdon, "links").await;
    (workspace, program)
}

async fn contact(workspace: &Workspace<'_>, name: &str) -> MemberId {
    let id = MemberId::from_bits(askfirst_server::mint::id_bits());
    let email = format!("{name}@example.com");
    let change = Change::AddMember { id, email, name: name.into(), role: Role::Contact };
    workspace.change(change).await;
    id
}

/// What HoldOn's clients get for an error: one sentence.
#[track_caller]
fn error(answer: &Answer, status: u16) -> String {
    let told = answer.json();
    assert_eq!(answer.status, status, "{told}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(told.as_object().unwrap().len(), 1, "{told}");
    told["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whoever_has_the_link_decides_and_says_who_they_are() {
    let server = TestServer::start().await;
    let (workspace, program) = scene(&server, "acme").await;
    let mut body = wire();
    body["urgency"] = json!("critical");
    body["metadata"] = json!({ "invoice": 8821 });
    body["expires_in"] = json!(600);
    let made = program.post("/api/approvals", &body).send().await.expect(201);
    assert_eq!((&made["status"], &made["urgency"]), (&json!("pending"), &json!("critical")));
    assert_eq!(made["created_at"], "2030-01-01T00:00:00Z");
    assert_eq!(made["expires_at"], "2030-01-01T00:10:00Z");
    assert_eq!(made["metadata"], json!({ "invoice": 8821 }));
    let known = program.get(path(&made)).await.expect(200);
    // The link is told once, as every secret.
    let page = format!("http://{}/a/{}", server.address, ours(&made));
    assert_eq!(known["decision_url"], page);
    assert_eq!(known["status"], "pending");

    let said = json!({ "decision": "approved", "decided_by": "john@example.com", "note": "ok" });
    let done = decide(&server, &made, &said).await.expect(200);
    assert_eq!((&done["id"], &done["status"]), (&made["id"], &json!("approved")));
    let known = program.get(path(&made)).await.expect(200);
    assert_eq!(known["status"], "approved");
    assert_eq!(known["decided_by"], "john@example.com");
    assert_eq!(known["decided_at"], "2030-01-01T00:00:00Z");
    assert_eq!(known["note"], "ok");

    // What is signed says whose link it was, that the asker had it too, and what they said.
    let reader = workspace.client(&[Scope::ReadAll]).await;
    let native = reader.get(format!("/v1/approvals/{}", ours(&made))).await.expect(200);
    let vote = &native["votes"][0];
    assert_eq!(vote["comment"], "says: john@example.com\nok");
    assert_eq!(vote["assurance"], "bearer");
    assert_eq!(native["action"]["arguments"], wire());

    let again = error(&decide(&server, &made, &said).await, 409);
    assert!(again.contains("approved by john@example.com at 2030-01-01T00:00:00Z"), "{again}");
}

#[tokio::test]
async fn what_is_said_is_no_identity() {
    let server = TestServer::start().await;
    let (workspace, program) = scene(&server, "acme").await;
    let cases = [
        (json!({ "note": "says: the boss" }), Value::Null, json!("says: the boss")),
        (json!({ "note": "says:\nx" }), Value::Null, json!("says:\nx")),
        (json!({ "decided_by": "says: x" }), json!("says: x"), Value::Null),
        (json!({ "decided_by": " ", "note": "" }), Value::Null, Value::Null),
        (json!({}), Value::Null, Value::Null),
    ];
    for (mut body, by, note) in cases {
        let made = ask(&program).await;
        body["decision"] = json!("rejected");
        decide(&server, &made, &body).await.expect(200);
        let known = program.get(path(&made)).await.expect(200);
        assert_eq!((&known["decided_by"], &known["note"]), (&by, &note), "{body}");
    }
    // Somebody who is signed in is who they are, whatever they write.
    workspace.policy("open", json!({})).await;
    let signed = workspace.foreign(Dialect::Holdon, "open").await;
    let made = ask(&signed).await;
    let page = format!("http://{}/a/{}", server.address, ours(&made));
    assert_eq!(made["decision_url"], page, "no policy for bearers, no link");
    let ana = workspace.approver("ana").await;
    let native = ana.get(format!("/v1/approvals/{}", ours(&made))).await.expect(200);
    let vote = json!({ "decision": "approve", "action_digest": native["action_digest"],
        "comment": "says: bob" });
    ana.post(format!("/v1/approvals/{}/vote", ours(&made)), &vote).send().await.expect(200);
    let known = signed.get(path(&made)).await.expect(200);
    assert_eq!(known["decided_by"], "ana@example.com");
    assert_eq!(known["note"], "says: bob");
}

#[tokio::test]
async fn a_link_opens_the_page_and_what_it_suggests_decides_nothing() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let made = ask(&program).await;
    let url = made["decision_url"].as_str().unwrap();
    let at = url.split_once(&server.address.to_string()).unwrap().1;
    for (query, pressed) in [
        ("", None),
        ("?decision=approved", Some("Approve")),
        ("?action=reject", Some("Reject")),
        ("?action=sing", None),
        ("?decision=approved&action=approve", None),
        ("?action=reject&action=reject", None),
        ("?action=%ff&&=", None),
        ("?action", None),
    ] {
        let page = server.stranger().get(format!("{at}{query}")).await;
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        assert_eq!(page.status, 200, "{text}");
        assert!(text.contains("Send $4,200 wire to vendor") && text.contains("Invoice #8821"));
        let told = pressed.map(|word| format!("You pressed <strong>{word}</strong>"));
        assert_eq!(text.contains("You pressed"), told.is_some(), "{query}");
        assert!(told.is_none_or(|told| text.contains(&told)), "{query}");
    }
    assert_eq!(program.get(path(&made)).await.expect(200)["status"], "pending");
}

#[tokio::test]
async fn nobody_decides_late_twice_or_by_a_guess() {
    let server = TestServer::start().await;
    let (workspace, program) = scene(&server, "acme").await;
    let yes = json!({ "decision": "approved" });
    let (late, decided, withdrawn) =
        (ask(&program).await, ask(&program).await, ask(&program).await);
    decide(&server, &decided, &json!({ "decision": "rejected" })).await.expect(200);
    error(&decide(&server, &decided, &yes).await, 409);
    let admin = workspace.client(&ADMIN).await;
    withdraw(&server, &program, &withdrawn).await;
    let told = error(&decide(&server, &withdrawn, &yes).await, 410);
    assert!(told.starts_with("too late: "), "{told}");
    assert_eq!(program.get(path(&withdrawn)).await.expect(200)["status"], "expired");
    server.clock.advance(3_600);
    let told = error(&decide(&server, &late, &yes).await, 410);
    assert!(told.contains("already expired at 2030-01-01T01:00:00Z"), "{told}");
    error(&decide(&server, &decided, &yes).await, 409);
    assert_eq!(program.get(path(&late)).await.expect(200)["status"], "expired");
    assert_eq!(program.get(path(&late)).await.expect(200)["decided_by"], Value::Null);

    // A link that goes to one person alone opens its page, and not this door.
    let made = ask(&program).await;
    let body = json!({ "member": "cleo@example.com" });
    let own = admin.post(format!("/v1/approvals/{}/links", ours(&made)), &body).send().await;
    let own = own.expect(201)["url"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned();
    let token = askfirst_server::mint::token().unwrap();
    for token in [own.as_str(), &token, "x", "%00"] {
        let answer = server.stranger().post(format!("/api/decide/{token}"), &yes).send().await;
        let told = error(&answer, 404);
        assert!(told.starts_with("this link decides nothing"), "{told}");
    }
    assert_eq!(program.get(path(&made)).await.expect(200)["status"], "pending");
    decide(&server, &made, &yes).await.expect(200);
}

#[tokio::test]
async fn every_refusal_is_in_holdons_words() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let made = ask(&program).await;
    let post = || program.call(Method::POST, "/api/approvals");
    let door = || server.stranger().call(Method::POST, door(&made));
    let with = |more: Value| {
        let mut body = wire();
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        post().json(&body)
    };
    let say = |more: Value| {
        let mut body = json!({ "decision": "approved" });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        door().json(&body)
    };
    let large = format!("{{\"action\":\"{}\"}}", "x".repeat(300_000));
    let json = "application/json";
    let broken: Vec<(Call, u16, &str)> = vec![
        (post(), 400, "missing field `action`"),
        (post().bytes("{\"action\":\"x\"}"), 415, "application/json"),
        (post().bytes("{\"action\":").header("content-type", json), 400, "not JSON"),
        (post().bytes(large).header("content-type", json), 413, "at most 262144 bytes"),
        (post().json(&json!({ "action": " " })), 400, "say what needs approval"),
        (with(json!({ "context": { "a": 1 } })), 400, "/context"),
        (with(json!({ "urgency": "now" })), 400, "/urgency"),
        (with(json!({ "notify": "email" })), 400, "/notify"),
        (with(json!({ "notify": ["fax"] })), 400, "/notify"),
        (with(json!({ "expires_in": 0 })), 400, "/expires_in"),
        (with(json!({ "expires_in": -1 })), 400, "/expires_in"),
        (with(json!({ "expires_in": 2_592_001 })), 400, "/expires_in"),
        (with(json!({ "expires_in": 3_601 })), 400, "allows at most 1h"),
        (with(json!({ "metadata": [1] })), 400, "/metadata"),
        (with(json!({ "metadata": { "a": "x".repeat(20_000) } })), 400, "/metadata: at most 16384"),
        (with(json!({ "approved": true })), 400, "approved"),
        (
            with(json!({ "webhook_url": "https://hooks.example.com/" })),
            400,
            "/webhook_url: hooks.example.com is not among the hosts",
        ),
        (door(), 400, "missing field `decision`"),
        (door().bytes("{\"decision\":\"approved\"}"), 415, "application/json"),
        (
            door()
                .bytes("decision=approved")
                .header("content-type", "application/x-www-form-urlencoded"),
            415,
            "application/json",
        ),
        (say(json!({ "decision": "yes" })), 400, "expected `approved` or `rejected`"),
        (say(json!({ "decided_by": "a\nb" })), 400, "/decided_by: one line"),
        (say(json!({ "decided_by": "x".repeat(201) })), 400, "/decided_by: one line"),
        (say(json!({ "decided_by": 7 })), 400, "/decided_by"),
        (say(json!({ "note": "x".repeat(2_001) })), 400, "/note: at most 2000"),
        (say(json!({})).header("origin", "https://evil.example"), 403, "another site"),
        (say(json!({})).header("sec-fetch-site", "cross-site"), 403, "another site"),
        (program.call(Method::DELETE, "/api/approvals"), 405, "does not take that method"),
        (program.call(Method::GET, door().path), 405, "does not take that method"),
        (program.call(Method::GET, "/api/approvals/1"), 404, "there is no such approval here"),
        (program.call(Method::GET, "/api/approvals/%ff"), 404, "there is no such approval here"),
        (
            server.stranger().post("/api/decide/%ff", &json!({ "decision": "approved" })),
            404,
            "this link decides nothing",
        ),
        (program.call(Method::GET, "/api/approvals/x/y"), 404, "nothing at this path"),
        (program.call(Method::GET, "/api/approvals").header("host", "evil.example"), 421, "host"),
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
        ("?status=cancelled", "status"),
        ("?page=2", "page"),
    ] {
        let told = error(&program.get(format!("/api/approvals{query}")).await, 400);
        assert!(told.contains(words), "{query}: {told}");
    }
    assert_eq!(program.get(path(&made)).await.expect(200)["status"], "pending");
}

#[tokio::test]
async fn each_of_holdons_doors_opens_to_its_own_callers_and_to_no_one_else() {
    let server = TestServer::open_to_strangers(99, 99, None).await;
    let (workspace, program) = scene(&server, "acme").await;
    let (_, theirs) = scene(&server, "rival").await;
    let cookie = workspace.sign_in(workspace.member("ben").await).await;
    let made = server.stranger().post("/api/keys", &json!({ "name": "x" })).send().await;
    let stranger = server.with_key(made.expect(201)["key"].as_str().unwrap());
    let callers = [
        server.stranger(),
        workspace.asker().await,
        workspace.client(&ADMIN).await,
        workspace.approver("ana").await,
        workspace.foreign(Dialect::Ambedo, "links").await,
        program.clone(),
        workspace.foreign(Dialect::Holdon, "links").await,
        theirs,
        stranger,
    ];
    let decision = json!({ "decision": "approved" });
    let routes = [
        (Method::POST, "/api/keys", Some(json!({ "name": "x" }))),
        (Method::GET, "/api/approvals", None),
        (Method::POST, "/api/approvals", Some(wire())),
        (Method::GET, "/api/approvals/{id}", None),
        (Method::GET, "/decide/{token}", None),
        (Method::POST, "/api/decide/{token}", Some(decision.clone())),
        (Method::POST, "/api/decide/{guess}", Some(decision)),
    ];
    let guess = askfirst_server::mint::token().unwrap();
    let mut table = String::new();
    for (method, route, body) in routes {
        write!(table, "\n{:<31}", format!("{method} {route}")).unwrap();
        let prepared = async |client: &Client| {
            let asked = ask(&program).await;
            let path = route.replace("{id}", asked["id"].as_str().unwrap());
            let token = door(&asked);
            let path = path.replace("{token}", token.rsplit_once('/').unwrap().1);
            let call = client.call(method.clone(), path.replace("{guess}", &guess));
            body.iter().fold(call, |call, body| call.json(body))
        };
        let mut told = |answer: &Answer| {
            if answer.status >= 400 {
                error(answer, answer.status);
            }
            write!(table, " {}", answer.status).unwrap();
        };
        for client in &callers {
            told(&prepared(client).await.send().await);
        }
        let person = server.stranger();
        told(&prepared(&person).await.header("cookie", &cookie).send().await);
    }
    // Nobody; native ask, admin and decide; Ambedo's; the asker, another key, the rival's, a
    // stranger's; a person who is signed in. The token is the credential, whoever brings it.
    let wanted = "
POST /api/keys                  201 201 201 201 201 201 201 201 201 201
GET /api/approvals              401 401 401 401 401 200 200 200 200 401
POST /api/approvals             401 401 401 401 401 201 201 201 201 401
GET /api/approvals/{id}         401 401 401 401 401 200 404 404 404 401
GET /decide/{token}             200 200 200 200 200 200 200 200 200 200
POST /api/decide/{token}        200 200 200 200 200 200 200 200 200 200
POST /api/decide/{guess}        404 404 404 404 404 404 404 404 404 404";
    assert_eq!(table, wanted);
}

#[tokio::test]
async fn the_end_is_sent_as_holdon_sends_it_and_tried_on_its_schedule() {
    let server = TestServer::start().await;
    let (workspace, program) = scene(&server, "acme").await;
    let admin = workspace.client(&ADMIN).await;
    let hosts = json!({ "callback_hosts": ["127.0.0.1"] });
    admin.call(Method::PATCH, "/v1/workspace").json(&hosts).send().await.expect(200);
    let signer = admin.post("/v1/webhooks", &json!({ "callbacks": true })).send().await;
    let signer = signer.expect(201);
    let mut receiver = Receiver::start().await;
    let mut body = wire();
    body["webhook_url"] = json!(receiver.url());
    let made = program.post("/api/approvals", &body).send().await.expect(201);
    let id = made["id"].as_str().unwrap();
    for _ in 0..4 {
        receiver.answer(answer_of(503, ""));
    }
    let said = json!({ "decision": "approved", "decided_by": "john@example.com" });
    decide(&server, &made, &said).await.expect(200);
    let first = receiver.next().await;
    // To the byte, with the whitespace taken out of what is on their page.
    assert_eq!(
        String::from_utf8(first.body.to_vec()).unwrap(),
        format!(
            "{{\"event\":\"approval.decided\",\"approval\":{{\"id\":\"{id}\",\
             \"action\":\"Send $4,200 wire to vendor\",\"status\":\"approved\",\
             \"decided_by\":\"john@example.com\",\"decided_at\":\"2030-01-01T00:00:00Z\",\
             \"metadata\":{{}}}},\"timestamp\":\"2030-01-01T00:00:00Z\"}}"
        )
    );
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("X-HoldOn-Event"), "approval.decided");
    assert_eq!(first.header("X-HoldOn-Approval-ID"), id);
    assert!(first.is_signed_with(signer["secret"].as_str().unwrap()));
    // Three times more, and never again.
    let log = format!("/v1/webhooks/{}/deliveries", signer["id"].as_str().unwrap());
    let log = async || admin.get(log.as_str()).await.expect(200)["data"][0].clone();
    for (pause, next_at) in [(1, "01"), (5, "06"), (15, "21")] {
        // Until its end is noted, that is when another attempt would take over.
        while log().await["next_attempt_at"] != format!("2030-01-01T00:00:{next_at}.000Z") {}
        server.clock.advance(pause);
        let again = receiver.next().await;
        assert_eq!((again.id(), &again.body), (first.id(), &first.body));
    }
    while log().await["state"] != "dead" {}
    assert_eq!(log().await["attempts"], 4);

    // Silence is told too, in a word of its own.
    let made = program.post("/api/approvals", &body).send().await.expect(201);
    server.clock.advance(3_600);
    let ended = receiver.next().await;
    assert_eq!(ended.header("X-HoldOn-Event"), "approval.expired");
    let told = ended.json();
    assert_eq!(
        (&told["event"], &told["approval"]["id"]),
        (&json!("approval.expired"), &made["id"])
    );
    assert_eq!(told["approval"]["status"], "expired");
    assert_eq!(told["approval"]["decided_by"], Value::Null);
}

#[tokio::test]
async fn a_list_has_a_keys_own_approvals() {
    let server = TestServer::start().await;
    let (workspace, program) = scene(&server, "acme").await;
    let other = workspace.foreign(Dialect::Holdon, "links").await;
    let mut made = Vec::new();
    for _ in 0..4 {
        made.insert(0, ask(&program).await);
        ask(&other).await;
    }
    decide(&server, &made[3], &json!({ "decision": "rejected" })).await.expect(200);
    withdraw(&server, &program, &made[2]).await;
    let ids = async |query: &str| {
        let page = program.get(format!("/api/approvals{query}")).await.expect(200);
        let ids = page["approvals"].as_array().unwrap().iter().map(|one| one["id"].clone());
        (ids.collect::<Vec<_>>(), page["has_more"].as_bool().unwrap())
    };
    let all: Vec<_> = made.iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids("").await, (all.clone(), false));
    assert_eq!(ids("?status=pending").await, (all[..2].to_vec(), false));
    assert_eq!(ids("?status=rejected").await, (all[3..].to_vec(), false));
    assert_eq!(ids("?status=expired").await, (vec![all[2].clone()], false));
    assert_eq!(ids("?limit=1&offset=1").await, (vec![all[1].clone()], true));
    assert_eq!(ids("?offset=4").await, (Vec::new(), false));
    let page = program.get("/api/approvals").await.expect(200);
    assert_eq!((&page["limit"], &page["offset"]), (&json!(20), &json!(0)));
}

#[tokio::test]
async fn a_repeat_asks_nothing_twice_and_a_full_key_is_told_when_to_come_back() {
    let server = TestServer::start().await;
    let (workspace, _) = scene(&server, "acme").await;
    let policies = PolicyAllowance::Only(["links".parse().unwrap()].into());
    let limits = KeyLimits { asks_per_month: Some(1), ..KeyLimits::default() };
    let wish = KeyWish { dialect: Dialect::Holdon, policies, limits, ..wish(&[Scope::Ask]) };
    let program = server.with_key(&workspace.key(wish).await.1);
    let call = || program.post("/api/approvals", &wire()).once("k1");
    let (first, again) = (call().send().await.expect(201), call().send().await.expect(201));
    assert_eq!(first["id"], again["id"]);
    assert_eq!(first["decision_url"], again["decision_url"], "nor is there another link");
    let audit = workspace.client(&[Scope::Audit]).await;
    let links = audit.get("/v1/audit?kind=decision_link.added").await.expect(200);
    assert_eq!(links["data"].as_array().unwrap().len(), 1);
    let full = program.post("/api/approvals", &wire()).send().await;
    let told = error(&full, 429);
    assert!(told.contains("may ask 1 times") && !full.header("retry-after").is_empty(), "{told}");
    let yes = json!({ "decision": "approved" });
    let door = door(&again);
    let decide = || server.stranger().post(door.as_str(), &yes).once("k2");
    let done = decide().send().await.expect(200);
    assert_eq!(decide().send().await.expect(200), done, "nor is it decided twice");
    error(&server.stranger().post(door.as_str(), &yes).send().await, 409);
}
