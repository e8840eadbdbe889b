//! Somebody is away: their votes are handed over, used, told and proved.

use hyper::Method;
use serde_json::{Value, json};

use crate::story::claims;
use crate::support::client::path_of;
use crate::support::{Client, TestServer};

async fn put(by: &Client, member: &str, body: Value) -> crate::support::client::Answer {
    let path = format!("/v1/members/{member}/delegation");
    by.call(Method::PUT, path).json(&body).send().await
}

#[tokio::test]
async fn a_delegate_votes_and_both_names_are_in_the_receipt() {
    let server = TestServer::start().await;
    let (ana, ben) =
        (server.workspace().member("ana").await, server.workspace().member("ben").await);
    let ben_votes = server.workspace().decider(ben).await;
    let needs = json!({ "needs": [{ "from": ["member:ana@example.com"] }] });
    server.workspace().policy("anas", needs).await;
    let (agent, admin) = (server.asker(), server.admin());
    let asked = agent.ask_under("anas").await;
    assert_eq!(ben_votes.approve(&asked).await.problem(), "403 not_an_approver");

    let until = "2030-01-15T00:00:00Z";
    let given =
        put(&admin, &ana.to_string(), json!({ "to": ben.to_string(), "until": until })).await;
    assert_eq!(given.expect(200)["delegation"]["to"], ben.to_string());
    let done = ben_votes.approve(&asked).await.expect(200);
    assert_eq!(done["status"], "approved");
    assert_eq!(done["votes"][0]["approver"]["email"], "ben@example.com");
    assert_eq!(done["votes"][0]["on_behalf_of"]["email"], "ana@example.com");
    let claims = claims(&agent.proof(&done).await);
    assert_eq!(claims["votes"][0]["on_behalf_of"], "ana@example.com");
    assert_eq!(claims["votes"][0]["approver"], "ben@example.com");

    let path = format!("/v1/members/{ana}/delegation");
    assert_eq!(admin.call(Method::DELETE, path).send().await.status, 204);
    let later = agent.ask_under("anas").await;
    assert_eq!(ben_votes.approve(&later).await.problem(), "403 not_an_approver");
    let named = json!({
        "decision": "approve", "action_digest": later["action_digest"], "on_behalf_of": ana.to_string(),
    });
    let refused = ben_votes.post(path_of(&later, "/vote"), &named).send().await;
    assert_eq!(refused.problem(), "403 not_delegated");
    let kinds = admin.get("/v1/audit?limit=100").await.expect(200);
    let kinds: Vec<_> =
        kinds["data"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert!(
        kinds.contains(&json!("member.delegated"))
            && kinds.contains(&json!("member.delegation_ended"))
    );
}

#[tokio::test]
async fn votes_handed_over_wrongly_say_where_the_mistake_is() {
    let server = TestServer::start().await;
    let (ana, ben) =
        (server.workspace().member("ana").await, server.workspace().member("ben").await);
    let (ana, ben) = (ana.to_string(), ben.to_string());
    let admin = server.admin();
    let until = "2030-01-15T00:00:00Z";
    put(&admin, &ben, json!({ "to": ana, "until": until })).await.expect(200);
    for (body, place) in [
        (json!({ "to": ana, "until": until }), "/to"),
        (json!({ "to": ben, "until": until }), "/to"),
        (json!({ "to": "mem_00000000000000000000000000", "until": until }), "/to"),
        (json!({ "to": ben, "until": "2020-01-01T00:00:00Z" }), "/until"),
        (json!({ "to": ben, "until": "2034-01-01T00:00:00Z" }), "/until"),
    ] {
        let answer = put(&admin, &ana, body.clone()).await;
        assert_eq!(answer.problem(), "422 invalid", "{body}");
        assert_eq!(answer.pointers(), [place], "{body}");
    }
    for body in [
        json!({ "to": ben }),
        json!({ "to": ben, "until": "soon" }),
        json!({ "to": 1, "until": until }),
    ] {
        assert_eq!(put(&admin, &ana, body).await.problem(), "400 bad_request");
    }
    let decide = server.approver("cal").await;
    assert_eq!(
        put(&decide, &ana, json!({ "to": ben, "until": until })).await.problem(),
        "403 forbidden"
    );
}
