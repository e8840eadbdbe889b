//! Who gets in at each door of that API, and in which words everybody else is refused.

use std::fmt::Write;

use askfirst_core::{Dialect, Scope};
use hyper::Method;
use serde_json::json;

use super::{asked, config, deploy, error, native, path, scene};
use crate::support::client::Call;
use crate::support::{Client, TestServer};

#[tokio::test]
async fn each_door_opens_to_its_own_callers_and_to_no_one_else() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let (_, rival) = scene(&server, "rival").await;
    let ana = ours.approver("ana").await;
    let ben = ours.member("ben").await;
    let cookie = ours.sign_in(ben).await;
    let callers = [
        ("nobody", server.stranger()),
        ("native ask", ours.asker().await),
        ("native admin", ours.client(&[Scope::ReadAll, Scope::Keys, Scope::Workspace]).await),
        ("native decide", ana.clone()),
        ("ambedo", ours.foreign(Dialect::Ambedo, "open").await),
        ("the asker", program.clone()),
        ("another key", ours.foreign(Dialect::Proof, "open").await),
        ("rival's key", rival),
    ];
    let routes = [
        (Method::GET, "/api/v1/confirmations"),
        (Method::POST, "/api/v1/confirmations"),
        (Method::GET, "/api/v1/confirmations/{id}"),
        (Method::POST, "/api/v1/confirmations/{id}/approval-link"),
        (Method::GET, "/api/v1/confirmations/{id}/events"),
        (Method::GET, "/v1/confirmations"),
        (Method::POST, "/v1/confirmations"),
        (Method::GET, "/v1/confirmations/{id}"),
        (Method::POST, "/v1/confirmations/{id}/approval-link"),
        (Method::GET, "/v1/confirmations/{id}/events"),
        (Method::GET, "/api/v1/hitl"),
        (Method::POST, "/api/v1/hitl"),
        (Method::GET, "/api/v1/hitl/{id}"),
        (Method::PATCH, "/api/v1/hitl/{id}"),
        (Method::POST, "/api/v1/hitl/{id}/finalize"),
        (Method::POST, "/api/v1/hitl/{id}/authorize"),
        (Method::GET, "/api/v1/hitl/{id}/keys"),
        (Method::PUT, "/api/v1/hitl/{id}/keys"),
        (Method::DELETE, "/api/v1/hitl/{id}/keys"),
        (Method::GET, "/api/v1/hitl/{id}/approver-keys"),
        (Method::DELETE, "/api/v1/hitl/{id}"),
        (Method::GET, "/api/v1/webhook-deliveries"),
        (Method::GET, "/api/v1/webhook-deliveries/stats"),
        (Method::GET, "/api/v1/proofs/{id}/status"),
        (Method::POST, "/api/v1/proofs/{id}/revoke"),
        (Method::POST, "/api/v1/proofs/validate"),
        (Method::GET, "/api/v1/proofs/revoked"),
        (Method::GET, "/api/v1/proofs/status-list/0"),
        (Method::POST, "/api/v1/hitl/chat-id-discovery"),
        (Method::GET, "/api/v1/hitl/chat-id-discovery/{token}"),
    ];
    let mut table = String::new();
    for (method, route) in routes {
        write!(table, "\n{:<53}", format!("{method} {route}")).unwrap();
        let prepared = async |client: &Client| {
            let hitl = config(&program).await;
            let id = if route.contains("confirmations") {
                asked(&program, &hitl).await["id"].as_str().unwrap().to_owned()
            } else if route.contains("proofs") {
                let made = asked(&program, &hitl).await;
                ana.approve(&native(&ana, &made).await).await.expect(200);
                made["id"].as_str().unwrap().to_owned()
            } else {
                hitl.clone()
            };
            let path = "/api/v1/hitl/chat-id-discovery";
            let token = program.call(Method::POST, path).send().await.expect(201)["token"].clone();
            let route_of = route.replace("{id}", &id).replace("{token}", token.as_str().unwrap());
            let call = client.call(method.clone(), route_of);
            match (method.as_str(), route) {
                ("POST", "/api/v1/confirmations" | "/v1/confirmations") => {
                    // A rival's own config would do for the rival.
                    call.json(&deploy(&hitl))
                }
                ("POST", "/api/v1/hitl") => {
                    call.json(&json!({ "name": "n", "channels": [{ "type": "browser" }] }))
                }
                ("POST", "/api/v1/proofs/validate") => call.json(&json!({ "proof_token": "x" })),
                ("PATCH" | "PUT", _) => call.json(&json!({})),
                _ => call,
            }
        };
        let mut told = async |call: Call| {
            let answer = call.open().await;
            let status = answer.status().as_u16();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            // Whatever is refused is so in that API's words.
            assert!(status < 400 || kind == "application/json", "{route}: {kind}");
            write!(table, " {status}").unwrap();
        };
        for (_, client) in &callers {
            told(prepared(client).await).await;
        }
        let person = server.stranger();
        told(prepared(&person).await.header("cookie", &cookie)).await;
    }
    // nobody, native ask, admin and decide, a key of Ambedo's; the asker, another key, the
    // rival's; a person who is signed in. A keypair is refused to everybody; who was shown a token
    // needs no key to ask about it.
    let wanted = "
GET /api/v1/confirmations                             401 401 401 401 401 200 200 200 401
POST /api/v1/confirmations                            401 401 401 401 401 201 201 404 401
GET /api/v1/confirmations/{id}                        401 401 401 401 401 200 404 404 401
POST /api/v1/confirmations/{id}/approval-link         401 401 401 401 401 200 404 404 401
GET /api/v1/confirmations/{id}/events                 401 401 401 401 401 200 404 404 401
GET /v1/confirmations                                 401 401 401 401 401 200 200 200 401
POST /v1/confirmations                                401 401 401 401 401 201 201 404 401
GET /v1/confirmations/{id}                            401 401 401 401 401 200 404 404 401
POST /v1/confirmations/{id}/approval-link             401 401 401 401 401 200 404 404 401
GET /v1/confirmations/{id}/events                     401 401 401 401 401 200 404 404 401
GET /api/v1/hitl                                      401 401 401 401 401 200 200 200 401
POST /api/v1/hitl                                     401 401 401 401 401 201 201 201 401
GET /api/v1/hitl/{id}                                 401 401 401 401 401 200 200 404 401
PATCH /api/v1/hitl/{id}                               401 401 401 401 401 200 200 404 401
POST /api/v1/hitl/{id}/finalize                       401 401 401 401 401 200 200 404 401
POST /api/v1/hitl/{id}/authorize                      401 401 401 401 401 200 200 404 401
GET /api/v1/hitl/{id}/keys                            401 401 401 401 401 404 404 404 401
PUT /api/v1/hitl/{id}/keys                            401 401 401 401 401 400 400 404 401
DELETE /api/v1/hitl/{id}/keys                         401 401 401 401 401 404 404 404 401
GET /api/v1/hitl/{id}/approver-keys                   401 401 401 401 401 200 200 404 401
DELETE /api/v1/hitl/{id}                              401 401 401 401 401 200 200 404 401
GET /api/v1/webhook-deliveries                        401 401 401 401 401 200 200 200 401
GET /api/v1/webhook-deliveries/stats                  401 401 401 401 401 200 200 200 401
GET /api/v1/proofs/{id}/status                        401 401 401 401 401 200 404 404 401
POST /api/v1/proofs/{id}/revoke                       401 401 401 401 401 200 404 404 401
POST /api/v1/proofs/validate                          200 200 200 200 200 200 200 200 200
GET /api/v1/proofs/revoked                            200 200 200 200 200 200 200 200 200
GET /api/v1/proofs/status-list/0                      200 200 200 200 200 200 200 200 200
POST /api/v1/hitl/chat-id-discovery                   401 401 401 401 401 201 201 201 401
GET /api/v1/hitl/chat-id-discovery/{token}            401 401 401 401 401 200 200 404 401";
    assert_eq!(table, wanted);
}

#[tokio::test]
async fn a_key_of_the_wrong_kind_is_told_where_it_belongs() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let native = ours.asker().await.get("/api/v1/confirmations").await;
    let (code, message) = error(&native, 401);
    assert_eq!(code, "unauthorized");
    assert_eq!(
        message,
        "this API key is for Askfirst's own API (/v1); the proof.holdings API \
         (/api/v1/confirmations) takes keys that begin with pk_"
    );
    let foreign = program.get("/v1/approvals").await;
    assert_eq!(foreign.problem(), "401 not_authenticated");
    let elsewhere = program.get("/api/pause").await;
    assert_eq!(elsewhere.status, 401);
    let nobody = server.stranger().get("/api/v1/hitl").await;
    assert_eq!(error(&nobody, 401).1, "present an API key as `Authorization: Bearer pk_…`");
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    // What was asked elsewhere is no confirmation, whoever asked it.
    let approval = ours.asker().await.ask_under("open").await;
    let id: askfirst_core::ApprovalId = approval["id"].as_str().unwrap().parse().unwrap();
    let id = json!({ "id": format!("{:024x}", id.to_bits() >> 32) });
    assert_eq!(error(&program.get(path(&id, "")).await, 404).0, "not_found");
}

#[tokio::test]
async fn every_refusal_is_in_the_words_of_that_api() {
    let server = TestServer::start().await;
    let (_, program) = scene(&server, "acme").await;
    let hitl = config(&program).await;
    let made = asked(&program, &hitl).await;
    let ask = |name: &str, value: serde_json::Value| {
        let mut body = deploy(&hitl);
        body[name] = value;
        program.post("/api/v1/confirmations", &body)
    };
    let without = |name: &str| {
        let mut body = deploy(&hitl);
        body.as_object_mut().unwrap().remove(name);
        program.post("/api/v1/confirmations", &body)
    };
    let post = || program.call(Method::POST, "/api/v1/confirmations");
    let config = |name: &str, value: serde_json::Value| {
        let mut body = json!({ "name": "n", "channels": [{ "type": "browser" }] });
        body[name] = value;
        program.post("/api/v1/hitl", &body)
    };
    let channel = |channel: serde_json::Value| config("channels", json!([channel]));
    let get = |path: &str| program.call(Method::GET, path);
    let json_type = "application/json";
    let large = format!("{{\"message\":\"{}\"}}", "x".repeat(300_000));
    let unknown = "0".repeat(24);
    let broken: Vec<(Call, u16, &str, &str)> = vec![
        (without("hitl_id"), 400, "validation_error", "hitl_id required"),
        (without("message"), 400, "validation_error", "message required"),
        (post(), 400, "validation_error", "hitl_id required"),
        (ask("message", json!(7)), 400, "validation_error", "message invalid"),
        (ask("message", json!(" \n")), 400, "validation_error", "message invalid"),
        (ask("message", json!("x".repeat(2_001))), 400, "validation_error", "message invalid"),
        (ask("hitl_id", json!("YOUR_HITL_CONFIG_ID")), 400, "validation_error", "hitl_id invalid"),
        (ask("hitl_id", json!(unknown)), 404, "not_found", ""),
        (ask("timeout", json!(0)), 400, "validation_error", "timeout invalid"),
        (ask("timeout", json!(86_401)), 400, "validation_error", "timeout invalid"),
        (ask("timeout", json!("1h")), 400, "validation_error", "timeout invalid"),
        (ask("proof_expiry_days", json!(31)), 400, "validation_error", "proof_expiry_days invalid"),
        (ask("status", json!("approved")), 400, "validation_error", "status unrecognized"),
        (ask("message", json!("x")).once(" "), 400, "validation_error", ""),
        (post().bytes("{}"), 415, "unsupported_media_type", ""),
        (
            post().bytes("{\"message\":").header("content-type", json_type),
            400,
            "validation_error",
            "",
        ),
        (post().bytes("[]").header("content-type", json_type), 400, "validation_error", ""),
        (post().bytes(large).header("content-type", json_type), 413, "too_large", ""),
        (config("name", json!("")), 400, "validation_error", "name invalid"),
        (config("channels", json!([])), 400, "validation_error", "channels invalid"),
        (config("timeout_seconds", json!(59)), 400, "validation_error", "timeout_seconds invalid"),
        (
            config("timeout_seconds", json!(86_401)),
            400,
            "validation_error",
            "timeout_seconds invalid",
        ),
        (config("profile_id", json!(unknown)), 400, "validation_error", "profile_id invalid"),
        (channel(json!({ "type": "pigeon" })), 400, "validation_error", "channels.0.type invalid"),
        (
            channel(json!({ "type": "telegram" })),
            400,
            "validation_error",
            "channels.0.config.chat_id required",
        ),
        (
            channel(json!({ "type": "telegram", "config": { "chat_id": "" } })),
            400,
            "validation_error",
            "channels.0.config.chat_id invalid",
        ),
        (
            channel(json!({ "type": "whatsapp", "config": { "phone_number": "555" } })),
            400,
            "validation_error",
            "channels.0.config.phone_number invalid",
        ),
        (get("/api/v1/confirmations/x"), 404, "not_found", ""),
        (get(&format!("/api/v1/confirmations/{unknown}")), 404, "not_found", ""),
        (get(&format!("/api/v1/confirmations/{unknown}/events")), 404, "not_found", ""),
        (get(&format!("/api/v1/hitl/{unknown}")), 404, "not_found", ""),
        (get("/api/v1/confirmations/x/y/z"), 404, "not_found", ""),
        (get("/v1/confirmations/x/y/z"), 404, "not_found", ""),
        (get("/api/v1/confirmations/"), 404, "not_found", ""),
        (get("/api/v1/authorizations"), 404, "not_found", ""),
        (get("/api/v1/me/api-key"), 404, "not_found", ""),
        (program.call(Method::PUT, "/api/v1/confirmations"), 405, "method_not_allowed", ""),
        (program.call(Method::DELETE, path(&made, "")), 405, "method_not_allowed", ""),
        (get(&path(&made, "/approval-link")), 405, "method_not_allowed", ""),
        (get("/api/v1/hitl").header("host", "evil.example"), 421, "unknown_host", ""),
        (get("/api/v1/confirmations?limit=0"), 400, "validation_error", "limit invalid"),
        (get("/api/v1/confirmations?limit=101"), 400, "validation_error", "limit invalid"),
        (get("/api/v1/confirmations?page=0"), 400, "validation_error", "page invalid"),
        (get("/api/v1/confirmations?page=501"), 400, "validation_error", "page invalid"),
        (
            get("/api/v1/confirmations?page=4294967295&limit=100"),
            400,
            "validation_error",
            "page invalid",
        ),
        (get("/api/v1/confirmations?status=rejected"), 400, "validation_error", "status invalid"),
        (get("/api/v1/confirmations?hitl_id=7"), 400, "validation_error", "hitl_id invalid"),
        (
            get("/api/v1/confirmations?start_date=today"),
            400,
            "validation_error",
            "start_date invalid",
        ),
        (get("/api/v1/confirmations?offset=1"), 400, "validation_error", "offset unrecognized"),
        (get("/api/v1/webhook-deliveries?status=dead"), 400, "validation_error", "status invalid"),
        (
            get("/api/v1/webhook-deliveries?event_type=x"),
            400,
            "validation_error",
            "event_type invalid",
        ),
        (get(&format!("/api/v1/webhook-deliveries/{unknown}")), 404, "not_found", ""),
        (get("/api/v1/hitl?status=open"), 400, "validation_error", "status invalid"),
        (get("/api/v1/hitl?environment=dev"), 400, "validation_error", "environment invalid"),
    ];
    for (call, status, code, field) in broken {
        let what = format!("{} {}", call.method, call.path);
        let answer = call.send().await;
        let (told, message) = error(&answer, status);
        assert_eq!(told, code, "{what}: {message}");
        let details = answer.json()["error"]["details"].clone();
        let first = &details[0];
        let found = format!("{} {}", first["field"], first["code"]).replace('"', "");
        assert!(field.is_empty() || found == field, "{what}: {details}");
    }
    let all = program.get("/api/v1/confirmations").await.expect(200);
    assert_eq!(all["pagination"]["total"], 1, "nothing of that was asked");
    assert_eq!(program.get("/api/v1/hitl").await.expect(200)["pagination"]["total"], 1);
}
