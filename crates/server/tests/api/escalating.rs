//! Steps of a policy, as an asker and the approvers live them; and who says that they are at it.

use serde_json::json;

use crate::support::TestServer;
use crate::support::client::path_of;

#[tokio::test]
async fn a_step_lets_others_in_and_whoever_listens_hears_of_it() {
    let server = TestServer::start().await;
    let (ana, ben) = (server.approver("ana").await, server.approver("ben").await);
    let document = json!({
        "needs": [{ "from": ["member:ana@example.com"] }],
        "assurance": "key",
        "steps": [{ "after": "15m", "add": ["member:ben@example.com"], "notify": [] }],
    });
    server.workspace().policy("steps", document).await;
    let agent = server.asker();
    let asked = agent.ask_under("steps").await;
    assert_eq!(asked["escalated"], 0);
    assert_eq!(ben.approve(&asked).await.problem(), "403 not_an_approver");
    server.clock.advance(900);
    let noted = agent.get(path_of(&asked, "?wait=30s&after=1")).await.expect(200);
    assert_eq!(noted["escalated"], 1);
    let from = &noted["remaining"]["needs"][0]["from"];
    assert_eq!(*from, json!(["member:ana@example.com", "member:ben@example.com"]));
    assert_eq!(ben.approve(&asked).await.expect(200)["status"], "approved");
    let admin = server.admin();
    let log = admin.get("/v1/audit?limit=50").await.expect(200);
    let entries = log["data"].as_array().unwrap();
    let step = entries.iter().find(|entry| entry["kind"] == "approval.escalated").unwrap();
    assert_eq!(step["detail"], json!({ "step": 1, "added": ["member:ben@example.com"] }));
    // What ends afterwards ends at its own time: the timer went on from the step.
    let silent = agent.ask_under("steps").await;
    server.clock.advance(900);
    agent.get(path_of(&silent, "?wait=30s&after=1")).await.expect(200);
    server.clock.advance(2_700);
    assert_eq!(agent.ended(&silent).await["status"], "expired");
    assert_eq!(ana.approve(&silent).await.problem(), "409 already_decided");
}

#[tokio::test]
async fn who_is_looking_is_seen_and_decides_nothing() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    let look = |by: &crate::support::Client| by.post(path_of(&asked, "/look"), &json!({}));
    let seen = look(&dev).send().await.expect(200);
    assert_eq!(seen["looking"][0]["by"]["email"], "dev@localhost.test");
    assert_eq!((&seen["status"], &seen["version"]), (&json!("pending"), &json!(2)));
    assert_eq!(look(&dev).send().await.expect(200)["version"], 2, "said again it is not new");
    assert_eq!(look(&agent).send().await.problem(), "403 asker_cannot_decide");
}
