//! Many votes in one request, each answered on its own.

use serde_json::{Value, json};

use crate::support::TestServer;

fn ballot(approval: &Value, decision: &str) -> Value {
    json!({
        "id": approval["id"], "decision": decision, "action_digest": approval["action_digest"],
    })
}

#[tokio::test]
async fn each_vote_of_a_batch_is_taken_or_refused_on_its_own() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let (yes, no, wonder) = (agent.ask("a").await, agent.ask("b").await, agent.ask("c").await);
    let (stale, unknown) = (agent.ask("d").await, agent.ask("e").await);
    let mut stale = ballot(&stale, "approve");
    stale["action_digest"] = json!(format!("sha256:{}", "0".repeat(64)));
    let mut unknown = ballot(&unknown, "approve");
    unknown["id"] = json!("apr_00000000000000000000000000");
    let mut question = ballot(&wonder, "more_info");
    question["comment"] = json!("why?");
    let votes = [
        ballot(&yes, "approve"),
        stale,
        ballot(&no, "reject"),
        unknown,
        question,
        ballot(&yes, "approve"),
    ];
    let body = json!({ "votes": votes });
    let answer = dev.post("/v1/votes", &body).send().await.expect(200);
    let results = answer["results"].as_array().unwrap();
    let told = results.iter().map(|result| {
        let name = result["problem"]["type"].as_str().unwrap_or_default();
        (result["status"].as_u64().unwrap(), name.rsplit(':').next().unwrap_or_default())
    });
    let told: Vec<_> = told.collect();
    // Of two votes of one person on one approval one counts, whichever came first.
    let (first, last) = (told[0].0.min(told[5].0), told[0].0.max(told[5].0));
    assert_eq!((first, last), (200, 409), "{told:?}");
    assert_eq!(told[1..5], [(409, "stale_digest"), (200, ""), (404, "not_found"), (200, "")]);
    assert_eq!(results[2]["approval"]["status"], "rejected");
    assert_eq!(results[4]["approval"]["inquiries"][0]["question"], "why?");
    assert!(results[1]["problem"]["instance"].as_str().unwrap().contains("request:"));
    assert_eq!(agent.read(&yes).await["status"], "approved");
}

#[tokio::test]
async fn a_batch_sent_twice_votes_once() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let (one, two) = (agent.ask("a").await, agent.ask("b").await);
    let body = json!({ "votes": [ballot(&one, "approve"), ballot(&two, "reject")] });
    let send = || dev.post("/v1/votes", &body).header("idempotency-key", "batch-1").send();
    for _ in 0..2 {
        let answer = send().await.expect(200);
        let told = |at: usize| answer["results"][at]["approval"]["status"].clone();
        assert_eq!((told(0), told(1)), (json!("approved"), json!("rejected")));
    }
    assert_eq!(agent.read(&one).await["votes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_batch_has_a_size_and_an_asker_none_at_all() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("a").await;
    let votes = |count| json!({ "votes": vec![ballot(&asked, "approve"); count] });
    for count in [0, 101] {
        let answer = dev.post("/v1/votes", &votes(count)).send().await;
        assert_eq!(answer.problem(), "422 invalid");
        assert_eq!(answer.pointers(), ["/votes"]);
    }
    let answer = agent.post("/v1/votes", &votes(1)).send().await.expect(200);
    assert_eq!(answer["results"][0]["status"], 403);
    assert_eq!(agent.read(&asked).await["status"], "pending");
}
