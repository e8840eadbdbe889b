//! Votes given in advance: given with a vote, used by the asker, listed, taken back, proved.

use hyper::Method;
use serde_json::{Value, json};

use crate::story::{audited, claims};
use crate::support::client::path_of;
use crate::support::{Client, TestServer};

fn question(version: &str) -> Value {
    json!({
        "action": {
            "name": "deploy", "title": format!("Deploy {version}?"),
            "arguments": { "version": version, "share": 10 },
        },
        "policy": "granting",
    })
}

async fn granting(server: &TestServer) -> (Client, Client) {
    let rules = json!({ "assurance": "key", "grants": { "for": "1h", "uses": 3 } });
    server.workspace().policy("granting", rules).await;
    (server.asker(), server.approver("ana").await)
}

async fn ask(agent: &Client, version: &str) -> Value {
    agent.post("/v1/approvals", &question(version)).send().await.expect(201)
}

async fn vote(by: &Client, on: &Value, grant: Value) -> crate::support::client::Answer {
    let digest = &on["action_digest"];
    let body = json!({ "decision": "approve", "action_digest": digest, "grant": grant });
    by.post(path_of(on, "/vote"), &body).send().await
}

fn any_version() -> Value {
    json!({ "for": "30m", "uses": 2, "bounds": { "/arguments/version": "any" } })
}

#[tokio::test]
async fn what_was_granted_needs_nobody_and_is_proved_like_any_other() {
    let server = TestServer::start().await;
    let (agent, ana) = granting(&server).await;
    let first = ask(&agent, "2.1").await;
    let done = vote(&ana, &first, any_version()).await.expect(200);
    let id = done["votes"][0]["granted"].as_str().unwrap().to_owned();

    let next = ask(&agent, "2.2").await;
    assert_eq!(next["status"], "approved");
    assert_eq!(next["votes"][0]["via"], format!("grant:{id}"));
    assert_eq!(next["decision"]["by"], "ana@example.com");
    assert_eq!(agent.consume(&next).await.expect(200)["claim"]["state"], "claimed");
    let standing = audited(&server, &agent, &next).await;
    assert_eq!(standing, askfirst_proof::verdict::Standing::Usable);
    let claims = claims(&agent.proof(&next).await);
    assert_eq!(claims["votes"][0]["via"], format!("grant:{id}"));
    assert_eq!(claims["votes"][0]["approver"], "ana@example.com");

    let known = ana.get(format!("/v1/grants/{id}")).await.expect(200);
    assert_eq!((&known["used"], &known["uses"]), (&json!(1), &json!(2)));
    assert_eq!((&known["state"], &known["approval"]), (&json!("open"), &first["id"]));
    assert_eq!(ana.get("/v1/grants?open=true").await.expect(200)["data"][0], known);

    let gone = ana.call(Method::DELETE, format!("/v1/grants/{id}")).send().await;
    assert_eq!(gone.status, 204);
    assert_eq!(ask(&agent, "2.3").await["status"], "pending");
    let known = ana.get(format!("/v1/grants/{id}")).await.expect(200);
    assert_eq!(known["state"], "revoked");
    assert_eq!(known["revoked_by"], "member:ana@example.com");
    let kinds = server.admin().get("/v1/audit?subject=".to_owned() + &id).await.expect(200);
    assert_eq!(kinds["data"][0]["kind"], "grant.revoked");
}

#[tokio::test]
async fn a_grant_that_is_too_wide_says_where_and_records_nothing() {
    let server = TestServer::start().await;
    let (agent, ana) = granting(&server).await;
    let asked = ask(&agent, "2.1").await;
    for (grant, problem, place) in [
        (json!({ "for": "2h", "uses": 1 }), "422 bad_grant", "/grant/for"),
        (json!({ "for": "1h", "uses": 4 }), "422 bad_grant", "/grant/uses"),
        (
            json!({ "for": 60, "uses": 1, "bounds": { "/arguments/share": { "within": { "at_most": 9 } } } }),
            "422 bad_grant",
            "/grant/bounds/~1arguments~1share",
        ),
        (
            json!({ "for": 60, "uses": 1, "bounds": { "/arguments/speed": "any" } }),
            "422 bad_grant",
            "/grant/bounds/~1arguments~1speed",
        ),
    ] {
        let told = vote(&ana, &asked, grant).await;
        assert_eq!(told.problem(), problem);
        assert_eq!(told.json()["errors"][0]["pointer"], place);
    }
    for grant in [
        json!({ "for": 60, "uses": 1, "bounds": { "/arguments/share": "all" } }),
        json!({ "for": 60, "uses": 1, "bounds": { "/title": "any" } }),
        json!({ "for": 60, "uses": 1, "until": "always" }),
        json!({ "for": 60 }),
    ] {
        assert_eq!(vote(&ana, &asked, grant.clone()).await.status / 100, 4, "{grant}");
    }
    let seen = ana.get(path_of(&asked, "")).await.expect(200);
    assert_eq!((&seen["status"], &seen["votes"]), (&json!("pending"), &json!([])));
    server.workspace().policy("open", json!({ "assurance": "key" })).await;
    let plain = agent.ask_under("open").await;
    let told = vote(&ana, &plain, json!({ "for": 60, "uses": 1 })).await;
    assert_eq!(told.problem(), "422 no_grants");
}

#[tokio::test]
async fn others_neither_see_nor_take_back_a_grant() {
    let server = TestServer::start().await;
    let (agent, ana) = granting(&server).await;
    let ben = server.approver("ben").await;
    let done = vote(&ana, &ask(&agent, "2.1").await, any_version()).await.expect(200);
    let path = format!("/v1/grants/{}", done["votes"][0]["granted"].as_str().unwrap());
    assert_eq!(ben.get(path.clone()).await.problem(), "404 not_found");
    assert_eq!(ben.get("/v1/grants").await.expect(200)["data"], json!([]));
    assert_eq!(ben.call(Method::DELETE, path.clone()).send().await.problem(), "404 not_found");
    // Who asks learns nothing of what would be waved through.
    assert_eq!(agent.get(path.clone()).await.problem(), "404 not_found");
    assert_eq!(agent.get("/v1/grants").await.problem(), "403 forbidden");
    assert_eq!(server.admin().get(path.clone()).await.expect(200)["state"], "open");
    assert_eq!(server.admin().call(Method::DELETE, path).send().await.status, 204);
    assert_eq!(ask(&agent, "2.2").await["status"], "pending");
}
