//! What proves a decision to clients of proof.holdings. That their own client verifies it offline is
//! tested by tests/proof.

use askfirst_core::Scope;
use askfirst_proof::token::TokenClaims;
use hyper::Method;
use serde_json::{Value, json};

use super::{asked, config, deploy, error, native, path, read, scene};
use crate::support::client::path_of;
use crate::support::{Client, TestServer};

/// The same after somebody said yes or no with this comment.
async fn decided(
    program: &Client,
    voter: &Client,
    made: &Value,
    decision: &str,
    comment: &str,
) -> Value {
    let seen = native(voter, made).await;
    let mut vote = json!({ "decision": decision, "action_digest": seen["action_digest"] });
    vote["comment"] = json!(comment);
    voter.post(path_of(&seen, "/vote"), &vote).send().await.expect(200);
    read(program, made).await
}

fn claims(confirmation: &Value) -> TokenClaims {
    TokenClaims::of_known(confirmation["proof_token"].as_str().unwrap()).unwrap()
}

async fn validity(client: &Client, token: &Value) -> Value {
    let body = json!({ "proof_token": token });
    client.post("/api/v1/proofs/validate", &body).send().await.expect(200)
}

#[tokio::test]
async fn who_reads_of_a_decision_reads_its_token_too() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let hitl = config(&program).await;
    for (decision, word) in [("approve", "approved"), ("reject", "denied")] {
        let mut body = deploy(&hitl);
        body["proof_expiry_days"] = json!(7);
        let made = program.post("/api/v1/confirmations", &body).send().await.expect(201);
        let after = decided(&program, &ana, &made, decision, "as agreed").await;
        assert_eq!(after["proof"]["token"], after["proof_token"]);
        assert_eq!(after["proof"]["expires_at"], "2030-01-08T00:00:00Z");
        let claims = claims(&after);
        assert_eq!((claims.iss.as_str(), claims.kind.as_str()), ("proof.holdings", "confirmation"));
        assert_eq!((claims.decision.as_str(), claims.channel.as_str()), (word, "api"));
        assert_eq!(claims.exp - claims.iat, 7 * 86_400);
        assert_eq!(claims.comment.as_deref(), Some("as agreed"));
        let email = native(&ana, &made).await["votes"][0]["approver"]["email"].clone();
        let hash = TokenClaims::identifier_hash(email.as_str().unwrap());
        assert_eq!(claims.identifier_hash, hash);
        assert!(claims.status.status_list.uri.starts_with(&claims.issuer_url));
    }
}

#[tokio::test]
async fn silence_and_withdrawal_are_proven_to_nobody() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let hitl = config(&program).await;
    let late = asked(&program, &hitl).await;
    let withdrawn = asked(&program, &hitl).await;
    let id = path_of(&native(&ana, &withdrawn).await, "/cancel");
    ours.client(&[Scope::Workspace]).await.post(id, &json!({})).send().await;
    server.clock.advance(4_000);
    for made in [late, withdrawn] {
        let after = read(&program, &made).await;
        assert_eq!((&after["status"], &after["proof"]), (&json!("denied"), &Value::Null));
        let id = made["id"].as_str().unwrap();
        let answer = program.get(format!("/api/v1/proofs/{id}/status")).await;
        assert_eq!(error(&answer, 404).0, "not_found");
    }
    // Nor is there a list of what was never given, and looking for it makes no key.
    let answer = server.stranger().get("/api/v1/proofs/status-list/0").await;
    assert_eq!(error(&answer, 404).0, "not_found");
    let keys = server.stranger().get("/.well-known/jwks.json").await.expect(200);
    let keys = keys["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["askfirst_signs"].is_null()), "{keys:?}");
}

#[tokio::test]
async fn receipts_and_tokens_are_signed_by_keys_of_their_own() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let made = asked(&program, &config(&program).await).await;
    let after = decided(&program, &ana, &made, "approve", "").await;
    let keys = server.stranger().get("/.well-known/jwks.json").await.expect(200);
    let [receipts, tokens] = &keys["keys"].as_array().unwrap()[..] else { panic!("{keys}") };
    assert_eq!(receipts["askfirst_signs"], Value::Null);
    assert_eq!(tokens["askfirst_signs"], "proof_tokens");
    let signed_by = |token: &Value| {
        let header = jsonwebtoken::decode_header(token.as_str().unwrap()).unwrap();
        header.kid.unwrap()
    };
    assert_eq!(tokens["kid"], signed_by(&after["proof_token"]));
    let seen = native(&ana, &made).await;
    let bundle = ana.get(path_of(&seen, "/proof?format=bundle&wait=5s")).await.expect(200);
    assert_eq!(receipts["kid"], signed_by(&bundle["receipt"]));
    assert_eq!(bundle["jwks"]["keys"], json!([receipts]));
    // Whoever trusts this server's keys for receipts does not trust the other one for them.
    let trust = askfirst_proof::Trust::parse(&json!({ "keys": [tokens] }).to_string());
    assert!(trust.is_err());
}

#[tokio::test]
async fn a_token_that_was_taken_back_or_has_expired_is_good_no_more() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let hitl = config(&program).await;
    let mut both = Vec::new();
    for _ in 0..2 {
        let made = asked(&program, &hitl).await;
        both.push(decided(&program, &ana, &made, "approve", "").await);
    }
    let (kept, gone) = (&both[0], &both[1]);
    let stranger = server.stranger();
    let id = gone["id"].as_str().unwrap();
    let list = || async { stranger.get("/api/v1/proofs/status-list/0").await };
    let before = list().await;
    assert_eq!(before.header("content-type"), "application/statuslist+jwt");
    assert_eq!(list().await.body, before.body, "signed once while nothing changes");
    let revoke = format!("/api/v1/proofs/ph_ctl_{id}/revoke");
    let done = program.call(Method::POST, revoke.clone()).send().await.expect(200);
    assert_eq!((&done["reason"], &done["success"]), (&json!("other"), &json!(true)));
    assert_ne!(list().await.body, before.body, "at once");
    assert_eq!(program.call(Method::POST, revoke).send().await.expect(200), done);
    assert_eq!(validity(&stranger, &gone["proof_token"]).await["reason"], "revoked");
    assert_eq!(validity(&stranger, &kept["proof_token"]).await["valid"], true);
    let audit = ours.client(&[Scope::Audit]).await.get("/v1/audit?limit=100").await.expect(200);
    let kinds: Vec<_> = audit["data"].as_array().unwrap().iter().map(|e| &e["kind"]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "proof_token.revoked").count(), 1);
    server.clock.advance(31 * 86_400);
    assert_eq!(validity(&stranger, &kept["proof_token"]).await["reason"], "expired");
    let id = kept["id"].as_str().unwrap();
    let status = program.get(format!("/api/v1/proofs/{id}/status")).await.expect(200);
    assert_eq!((&status["status"], &status["is_expired"]), (&json!("expired"), &json!(true)));
}

#[tokio::test]
async fn an_admin_takes_a_token_back_and_no_other_key_does() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let made = asked(&program, &config(&program).await).await;
    let pending = path_of(&native(&ana, &made).await, "/proof-token/revoke");
    let admin = ours.client(&[Scope::Workspace]).await;
    let fraud = json!({ "reason": "fraud" });
    let revoke = async |who: &Client| who.post(pending.clone(), &fraud).send().await;
    assert_eq!(revoke(&admin).await.problem(), "404 not_found", "nothing is proven yet");
    let after = decided(&program, &ana, &made, "approve", "").await;
    let theirs = server.found("rival").await;
    for (who, told) in [
        (&ana, "403 forbidden"),
        (&ours.asker().await, "403 forbidden"),
        (&theirs.client(&[Scope::Workspace]).await, "404 not_found"),
        (&program, "401 not_authenticated"),
        (&server.stranger(), "401 not_authenticated"),
    ] {
        assert_eq!(revoke(who).await.problem(), told);
    }
    let odd = admin.post(pending.clone(), &json!({ "reason": "boredom" })).send().await;
    assert_eq!((odd.problem().as_str(), odd.pointers()), ("422 invalid", vec!["/reason".into()]));
    assert_eq!(validity(&server.stranger(), &after["proof_token"]).await["valid"], true);

    let done = revoke(&admin).await.expect(200);
    assert_eq!(
        (&done["reason"], &done["revoked_at"]),
        (&json!("fraud"), &json!("2030-01-01T00:00:00.000Z"))
    );
    server.clock.advance(5);
    let again = admin.call(Method::POST, pending.clone()).send().await.expect(200);
    assert_eq!(again, done, "the first time counts");
    let told = validity(&server.stranger(), &after["proof_token"]).await;
    assert_eq!((&told["reason"], &told["revoked_reason"]), (&json!("revoked"), &json!("fraud")));
    assert_eq!(read(&program, &made).await["status"], "approved", "the decision stays");
    let audit = ours.client(&[Scope::Audit]).await;
    let audit = audit.get("/v1/audit?kind=proof_token.revoked").await.expect(200);
    let [entry] = &audit["data"].as_array().unwrap()[..] else { panic!("{audit}") };
    assert!(entry["actor"].as_str().unwrap().starts_with("key:"), "{entry}");
    // What was asked in another API has no such token.
    let other = ours.asker().await.ask_under("open").await;
    ana.approve(&other).await.expect(200);
    let none = admin.post(path_of(&other, "/proof-token/revoke"), &json!({})).send().await;
    assert_eq!(none.problem(), "404 not_found");
}

#[tokio::test]
async fn an_approval_that_was_taken_back_is_proven_no_more() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let made = asked(&program, &config(&program).await).await;
    let after = decided(&program, &ana, &made, "approve", "").await;
    let revoke = path_of(&native(&ana, &made).await, "/revoke");
    ana.post(revoke, &json!({})).send().await.expect(200);
    let told = validity(&server.stranger(), &after["proof_token"]).await;
    assert_eq!(
        (&told["reason"], &told["revoked_reason"]),
        (&json!("revoked"), &json!("user_request"))
    );
}

#[tokio::test]
async fn a_no_that_nobody_who_is_left_can_outvote_is_proven_too() {
    let server = TestServer::start().await;
    let (ours, _) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    ours.policy("two", json!({ "rejections": 2, "needs": [{ "from": ["members"], "count": 1 }] }))
        .await;
    let program = ours.foreign(askfirst_core::Dialect::Proof, "two").await;
    let made = asked(&program, &config(&program).await).await;
    let mut after = decided(&program, &ana, &made, "reject", "no way").await;
    if after["status"] == "pending" {
        // Whoever else could have answered said no as well.
        after = decided(&program, &ours.approver("ben").await, &made, "reject", "no way").await;
    }
    assert_eq!(after["status"], "denied");
    assert_eq!(claims(&after).decision, "denied");
    assert_eq!(claims(&after).assurance, "key");
    let digest = native(&ana, &made).await["action_digest"].clone();
    assert_eq!(claims(&after).action_digest, digest);
}

#[tokio::test]
async fn a_token_goes_with_the_texts_and_who_has_it_can_still_show_it() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let made = asked(&program, &config(&program).await).await;
    let after = decided(&program, &ana, &made, "approve", "xyzzy").await;
    let admin = ours.client(&Scope::ADMINISTER).await;
    // While it can be used its texts are needed.
    server.clock.advance(1_000);
    let erase = path_of(&native(&ana, &made).await, "/erase");
    admin.post(erase, &json!({})).send().await.expect(200);
    let erased = read(&program, &made).await;
    assert_eq!((&erased["status"], &erased["proof"]), (&json!("approved"), &Value::Null));
    assert_eq!(validity(&server.stranger(), &after["proof_token"]).await["valid"], true);
    let status = program.get(path(&made, "").replace("confirmations", "proofs") + "/status").await;
    assert_eq!(status.expect(200)["status"], "active");
}

#[tokio::test]
async fn what_was_taken_back_is_listed_page_by_page_to_everybody() {
    let server = TestServer::start().await;
    let (ours, program) = scene(&server, "acme").await;
    let ana = ours.approver("ana").await;
    let hitl = config(&program).await;
    let mut gone = Vec::new();
    for _ in 0..3 {
        let made = asked(&program, &hitl).await;
        let made = decided(&program, &ana, &made, "approve", "yes").await;
        let id = format!("ph_ctl_{}", made["id"].as_str().unwrap());
        let revoke = format!("/api/v1/proofs/{id}/revoke");
        program.call(Method::POST, revoke).send().await.expect(200);
        gone.insert(0, id);
        server.clock.advance(1);
    }
    let stranger = server.stranger();
    let list = async |query: &str| {
        let page = stranger.get(format!("/api/v1/proofs/revoked{query}")).await.expect(200);
        let ids = page["revoked"].as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|one| one["proof_id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(page["count"], ids.len());
        (ids, page["has_more"].as_bool().unwrap())
    };
    assert_eq!(list("").await, (gone.clone(), false));
    assert_eq!(list("?limit=2").await, (gone[..2].to_vec(), true));
    assert_eq!(list("?limit=2&page=2").await, (gone[2..].to_vec(), false));
    assert_eq!(list("?page=2").await, (Vec::new(), false));
    for wrong in ["?limit=101", "?page=0", "?page=101", "?after=x"] {
        let told = error(&stranger.get(format!("/api/v1/proofs/revoked{wrong}")).await, 400);
        assert_eq!(told.0, "validation_error", "{wrong}");
    }
}
