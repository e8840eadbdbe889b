//! What the rules refuse, as an HTTP client sees it: who asks cannot decide, votes are about the
//! action as it stands, and an approval is used once.

use askfirst_core::Scope;
use serde_json::{Value, json};

use crate::support::client::{path_of, question};
use crate::support::workspace::wish;
use crate::support::{Client, TestServer};

const OTHER: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn stale(approval: &Value) -> Value {
    let mut stale = approval.clone();
    stale["action_digest"] = json!(OTHER);
    stale
}

#[tokio::test]
async fn who_asks_cannot_decide_by_any_route() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let asked = agent.ask("deploy").await;
    server.signing().await;
    let before = server.picture();
    let vote = agent.approve(&asked).await;
    assert_eq!(vote.problem(), "403 asker_cannot_decide");
    let body = json!({ "decision": "approve", "action_digest": asked["action_digest"],
        "approver": "dev@localhost.test" });
    let forged = agent.post(path_of(&asked, "/vote"), &body).send().await;
    assert_eq!(
        (forged.problem().as_str(), forged.pointers()),
        ("400 bad_request", vec!["/approver".to_owned()])
    );
    for path in ["/approve", "/decide", "/decision", "/reject"] {
        let answer = agent.post(path_of(&asked, path), &json!({})).send().await;
        assert_eq!(answer.problem(), "404 not_found", "{path}");
    }
    assert_eq!(agent.revoke(&asked).await.problem(), "403 not_a_revoker");
    assert_eq!(server.picture(), before);
    // Nothing that the asker can read lets it decide.
    let text = asked.to_string() + &agent.read(&asked).await.to_string();
    for secret in [&server.ready.approver_key, &server.ready.admin_key, &server.ready.login_url] {
        assert!(!text.contains(secret.as_str()));
    }
    for word in ["/login/", "/d/", "token=", "decision_url"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn another_ask_key_neither_sees_nor_decides() {
    let server = TestServer::start().await;
    let (agent, other) = (server.asker(), server.workspace().asker().await);
    let asked = agent.ask("deploy").await;
    server.signing().await;
    let before = server.picture();
    for answer in [
        other.approve(&asked).await,
        other.cancel(&asked).await,
        other.consume(&asked).await,
        other.report(&asked, "succeeded").await,
        other.revoke(&asked).await,
        other.get(path_of(&asked, "")).await,
        other.get(path_of(&asked, "/events")).await,
        other.get(path_of(&asked, "/proof")).await,
    ] {
        assert_eq!(answer.problem(), "404 not_found");
    }
    assert_eq!(other.get("/v1/approvals").await.expect(200)["data"], json!([]));
    assert_eq!(server.picture(), before);
}

#[tokio::test]
async fn a_vote_needs_the_digest_the_seat_and_the_assurance() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    workspace.group("sre", &[ana]).await;
    workspace.policy("sre", json!({ "needs": [{ "from": ["group:sre"] }] })).await;
    workspace.policy("sure", json!({ "assurance": "session" })).await;
    let (agent, dev, ana) = (server.asker(), server.dev(), workspace.decider(ana).await);
    let (asked, sure) = (agent.ask_under("sre").await, agent.ask_under("sure").await);
    server.signing().await;
    let before = server.picture();

    let answer = ana.approve(&stale(&asked)).await;
    assert_eq!(answer.problem(), "409 stale_digest");
    assert_eq!(answer.pointers(), ["/action_digest"]);
    assert_eq!(answer.json()["action_digest"], asked["action_digest"]);
    for digest in [json!("sha256:xyz"), json!(""), json!(null), json!("0".repeat(64)), json!(7)] {
        let body = json!({ "decision": "approve", "action_digest": digest });
        let answer = ana.post(path_of(&asked, "/vote"), &body).send().await;
        assert_eq!(answer.problem(), "400 bad_request", "{digest}");
        assert_eq!(answer.pointers(), ["/action_digest"]);
    }
    assert_eq!(dev.approve(&asked).await.problem(), "403 not_an_approver");
    let answer = ana.approve(&sure).await;
    assert_eq!(answer.problem(), "403 assurance_too_low");
    assert_eq!(answer.json()["assurance"], json!({ "has": "key", "needed": "session" }));
    let long = json!({ "decision": "approve", "action_digest": asked["action_digest"],
        "comment": "x".repeat(2_001) });
    let answer = ana.post(path_of(&asked, "/vote"), &long).send().await;
    assert_eq!(
        (answer.problem().as_str(), answer.pointers()),
        ("422 invalid", vec!["/comment".to_owned()])
    );
    assert_eq!(server.picture(), before);
}

#[tokio::test]
async fn a_person_votes_once_and_the_end_is_the_end() {
    let server = TestServer::start().await;
    let (ana, ben) = (server.approver("ana").await, server.approver("ben").await);
    let two = json!({ "needs": [{ "from": ["members"], "count": 2 }] });
    server.workspace().policy("two", two).await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask_under("two").await;
    ana.approve(&asked).await.expect(200);
    assert_eq!(ana.approve(&asked).await.problem(), "409 already_voted");
    assert_eq!(ana.reject(&asked).await.problem(), "409 already_voted");
    assert_eq!(agent.read(&asked).await["votes"].as_array().unwrap().len(), 1);
    ben.approve(&asked).await.expect(200);
    let ended = agent.proof(&asked).await;
    let before = server.picture();
    for answer in [
        dev.approve(&asked).await,
        dev.reject(&asked).await,
        ben.reject(&asked).await,
        agent.cancel(&asked).await,
    ] {
        assert_eq!(answer.problem(), "409 already_decided");
        let decision = &answer.json()["decision"];
        assert_eq!(decision["status"], "approved");
        assert_eq!(decision["by"], "ben@example.com");
        assert_eq!(decision["decided_at"], "2030-01-01T00:00:00.000Z");
    }
    assert_eq!(server.picture(), before);
    assert_eq!(agent.proof(&asked).await, ended);
}

/// An approval that was just approved.
async fn approved(server: &TestServer, agent: &Client, more: Value) -> Value {
    let asked = agent.ask_with("deploy", more).await;
    server.dev().approve(&asked).await.expect(200)
}

#[tokio::test]
async fn an_approval_is_claimed_once_by_who_may_for_what_was_approved() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let agent = server.asker();
    let (consumer_id, consumer) = workspace.key(wish(&[Scope::Ask])).await;
    let (consumer, stranger) = (server.with_key(&consumer), workspace.asker().await);
    let pending = agent.ask("wait").await;
    assert_eq!(agent.consume(&pending).await.problem(), "409 not_approved");
    assert_eq!(agent.report(&pending, "failed").await.problem(), "409 not_claimed");

    let asked = approved(&server, &agent, json!({ "consumers": [consumer_id] })).await;
    agent.proof(&asked).await;
    let before = server.picture();
    assert_eq!(agent.consume(&stale(&asked)).await.problem(), "409 stale_digest");
    assert_eq!(stranger.consume(&asked).await.problem(), "404 not_found");
    assert_eq!(server.dev().consume(&asked).await.problem(), "403 forbidden");
    assert_eq!(server.picture(), before);
    let claimed = consumer.consume(&asked).await.expect(200);
    assert_eq!(claimed["claim"]["by"], format!("key:{consumer_id}"));
    for again in [consumer.consume(&asked).await, agent.consume(&asked).await] {
        assert_eq!(again.problem(), "409 already_claimed");
        assert_eq!(again.json()["claim"]["by"], json!(consumer_id));
    }
    assert_eq!(server.dev().revoke(&asked).await.problem(), "409 already_claimed");
    agent.report(&asked, "succeeded").await.expect(200);
    agent.report(&asked, "succeeded").await.expect(200);
    assert_eq!(agent.report(&asked, "failed").await.problem(), "409 outcome_reported");
    let odd = agent.report(&asked, "unsure").await;
    assert_eq!(
        (odd.problem().as_str(), odd.pointers()),
        ("400 bad_request", vec!["/status".to_owned()])
    );
}

#[tokio::test]
async fn an_approval_lapses_and_can_be_taken_back() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let late = approved(&server, &agent, json!({ "valid_for": 60 })).await;
    server.clock.advance(59);
    assert_eq!(agent.read(&late).await["usable"], true);
    server.clock.advance(1);
    let lapsed = agent.read(&late).await;
    assert_eq!((&lapsed["usable"], &lapsed["claim"]["state"]), (&json!(false), &json!("lapsed")));
    assert_eq!(agent.consume(&late).await.problem(), "409 lapsed");

    let taken = approved(&server, &agent, json!({})).await;
    let revoked = server.dev().revoke(&taken).await.expect(200);
    assert_eq!(
        (&revoked["status"], &revoked["claim"]["state"]),
        (&json!("approved"), &json!("revoked"))
    );
    assert_eq!(agent.consume(&taken).await.problem(), "409 revoked");
}

#[tokio::test]
async fn an_ask_may_only_tighten_its_policy_and_use_those_it_was_given() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    workspace.policy("quick", json!({ "expires_in": 600, "valid_for": 60 })).await;
    workspace.policy("other", json!({})).await;
    workspace.policy("slow", json!({ "expires_in": "30d", "valid_for": "30d" })).await;
    let mut only = wish(&[Scope::Ask]);
    only.policies = askfirst_core::PolicyAllowance::Only(["quick".parse().unwrap()].into());
    let (_, only) = workspace.key(only).await;
    let (any, only) = (server.asker(), server.with_key(&only));
    server.signing().await;
    let before = server.picture();
    let inline = json!({ "name": "mine", "needs": [{ "from": ["members"] }], "assurance": "key" });
    for (client, more, problem, pointer) in [
        (&any, json!({ "policy": "nope" }), "422 unknown_policy", "/policy"),
        (&any, json!({ "policy": "No Such!" }), "422 unknown_policy", "/policy"),
        (&only, json!({ "policy": "other" }), "403 policy_not_allowed", "/policy"),
        (&any, json!({ "policy": inline }), "403 forbidden", ""),
        (
            &any,
            json!({ "policy": "quick", "expires_in": 601 }),
            "422 loosens_policy",
            "/expires_in",
        ),
        (
            &any,
            json!({ "policy": "quick", "valid_for": "61s" }),
            "422 loosens_policy",
            "/valid_for",
        ),
        (&any, json!({ "expires_in": 0 }), "422 invalid", "/expires_in"),
        (&any, json!({ "valid_for": 0 }), "422 invalid", "/valid_for"),
        (&any, json!({ "policy": "slow", "expires_in": 2_592_001 }), "422 invalid", "/expires_in"),
        (&any, json!({ "policy": "slow", "expires_in": "31d" }), "422 invalid", "/expires_in"),
        (
            &any,
            json!({ "consumers": ["key_00000000000000000000000000"] }),
            "422 invalid",
            "/consumers",
        ),
        (&any, json!({ "metadata": [1] }), "422 invalid", "/metadata"),
        (&any, json!({ "metadata": { "a": "x".repeat(17_000) } }), "422 invalid", "/metadata"),
        (&any, json!({ "reason": "x".repeat(4_097) }), "422 invalid", "/reason"),
        (&any, json!({ "agent": { "name": " " } }), "422 invalid", "/agent/name"),
        (
            &any,
            json!({ "agent": { "name": "x", "call": "x".repeat(300) } }),
            "422 invalid",
            "/agent/call",
        ),
        (&any, json!({ "action": { "name": "", "title": "A?" } }), "422 invalid", "/action/name"),
        (
            &any,
            json!({ "action": { "name": "a", "title": "x".repeat(301) } }),
            "422 invalid",
            "/action/title",
        ),
    ] {
        let answer = client.post("/v1/approvals", &question("a", more.clone())).send().await;
        assert_eq!(answer.problem(), problem, "{more}");
        assert_eq!(answer.pointers().concat(), pointer, "{more}");
    }
    assert_eq!(server.picture(), before);
    let tight =
        any.ask_with("a", json!({ "policy": "quick", "expires_in": "5m", "valid_for": 1 })).await;
    assert_eq!(tight["expires_at"], "2030-01-01T00:05:00.000Z");
    only.ask_under("quick").await;
    only.ask("a").await;
    let longest = any.ask_with("a", json!({ "policy": "slow", "expires_in": 2_592_000 })).await;
    assert_eq!(longest["expires_at"], "2030-01-31T00:00:00.000Z");
}

#[tokio::test]
async fn a_policy_that_nobody_can_satisfy_is_refused_when_saved_and_when_asked() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    let sre = workspace.group("sre", &[ana]).await;
    let admin = server.admin();
    let save = |document: Value| admin.post("/v1/policies", &document).send();
    for (document, pointer) in [
        (json!({ "name": "p", "needs": [{ "from": ["group:none"] }] }), "/needs/0"),
        (json!({ "name": "p", "needs": [{ "from": ["group:sre"], "count": 2 }] }), "/needs/0"),
        (
            json!({ "name": "p", "needs": [{ "from": ["members"] }, { "from": ["member:no@example.com"] }] }),
            "/needs/1",
        ),
        (json!({ "name": "p", "needs": [] }), "/needs"),
        (json!({ "name": "p", "needs": [{ "from": ["members"], "count": 0 }] }), "/needs/0/count"),
        (
            json!({ "name": "p", "needs": [{ "from": ["members"] }], "rejections": 0 }),
            "/rejections",
        ),
        (
            json!({ "name": "p", "needs": [{ "from": ["members"] }], "expires_in": "31d" }),
            "/expires_in",
        ),
    ] {
        let answer = save(document.clone()).await;
        assert_eq!(answer.problem(), "422 bad_policy", "{document}");
        assert_eq!(answer.pointers(), [pointer], "{document}");
    }
    for (document, pointer) in [
        (json!({ "needs": [] }), ""),
        (json!({ "name": "P!", "needs": [] }), "/name"),
        (
            json!({ "name": "p", "needs": [{ "from": ["members"], "count": 99_999 }] }),
            "/needs/0/count",
        ),
        (json!({ "name": "p", "needs": [], "gates": [] }), "/gates"),
    ] {
        let answer = save(document.clone()).await;
        assert_eq!(answer.problem(), "400 bad_request", "{document}");
        assert_eq!(answer.pointers().concat(), pointer, "{document}");
    }
    workspace.policy("sre", json!({ "needs": [{ "from": ["group:sre"] }] })).await;
    let emptied = admin.call(hyper::Method::PUT, format!("/v1/groups/{sre}/members"));
    emptied.json(&json!({ "members": [] })).send().await.expect(200);
    let body = question("a", json!({ "policy": "sre" }));
    let answer = server.asker().post("/v1/approvals", &body).send().await;
    assert_eq!(answer.problem(), "422 unsatisfiable_policy");
    assert_eq!(answer.pointers(), ["/policy/needs/0"]);
    assert!(answer.json()["errors"][0]["detail"].as_str().unwrap().contains("nobody can satisfy"));
}

#[tokio::test]
async fn keys_with_the_wrong_scopes_together_cannot_be_made() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let member = server.workspace().member("ana").await.to_string();
    server.signing().await;
    let before = server.picture();
    for (more, problem) in [
        (json!({ "scopes": ["ask", "decide"], "member": member }), "422 bad_scopes"),
        (json!({ "scopes": ["ask", "keys"] }), "422 bad_scopes"),
        (json!({ "scopes": ["ask", "policies"] }), "422 bad_scopes"),
        (json!({ "scopes": ["decide"] }), "422 bad_scopes"),
        (json!({ "scopes": ["ask"], "member": member }), "422 bad_scopes"),
        (json!({ "scopes": [] }), "422 bad_scopes"),
        (json!({ "scopes": ["policies:inline"] }), "422 bad_scopes"),
        (json!({ "scopes": ["everything"] }), "400 bad_request"),
        (json!({ "scopes": ["ask"], "policies": ["nope"] }), "404 not_found"),
        (json!({ "scopes": ["ask"], "policies": ["No!"] }), "400 bad_request"),
        (json!({ "scopes": ["ask"], "environment": "live" }), "422 invalid"),
        (json!({ "scopes": ["ask"], "expires_in": 0 }), "422 invalid"),
        (json!({ "scopes": ["ask"], "name": "" }), "422 invalid"),
        (json!({ "scopes": ["ask"], "owner": "mem_00000000000000000000000000" }), "404 not_found"),
    ] {
        let mut body = json!({ "name": "k" });
        for (field, value) in more.as_object().cloned().unwrap() {
            body[field] = value;
        }
        let answer = admin.post("/v1/keys", &body).send().await;
        assert_eq!(answer.problem(), problem, "{body}");
        if body["scopes"] == json!(["everything"]) {
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("approvals:read_all") && detail.contains("decide"), "{detail}");
        }
    }
    assert_eq!(server.picture(), before);
}
