//! Many want one thing at once; one gets it and the others are told who.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::client::path_of;
use crate::support::{Answer, TestServer};

const ROUNDS: usize = 20;

async fn all(calls: Vec<impl Future<Output = Answer> + Send + 'static>) -> Vec<Answer> {
    let running: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for one in running {
        answers.push(one.await.unwrap());
    }
    answers
}

fn tally(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        *tally.entry(answer.problem()).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn approving_rejecting_and_cancelling_at_once_has_one_end() {
    let server = TestServer::start().await;
    let (agent, dev, ana) = (server.asker(), server.dev(), server.approver("ana").await);
    for round in 0..ROUNDS {
        let asked = agent.ask("deploy").await;
        let calls = (0..64).map(|n| match n % 4 {
            0 => dev.vote_call(&asked, "approve"),
            1 => ana.vote_call(&asked, "reject"),
            2 => ana.vote_call(&asked, "approve"),
            _ => agent.post(path_of(&asked, "/cancel"), &json!({})),
        });
        let answers = all(calls.map(|call| call.send()).collect()).await;
        let won: Vec<Value> =
            answers.iter().filter(|a| a.status == 200).map(Answer::json).collect();
        assert_eq!(won.len(), 1, "round {round}: {:?}", tally(&answers));
        let end = &won[0]["status"];
        for lost in answers.iter().filter(|a| a.status != 200) {
            assert_eq!(lost.problem(), "409 already_decided");
            assert_eq!(&lost.json()["decision"]["status"], end);
        }
        let proof = agent.proof(&asked).await;
        let read = agent.read(&asked).await;
        assert_eq!((&read["status"], &read["proof"]), (end, &proof));
    }
    // One entry for each end, none for those who lost.
    let mut ends = 0;
    let mut cursor = String::new();
    loop {
        let page = server.admin().get(format!("/v1/audit?limit=100{cursor}")).await.expect(200);
        for entry in page["data"].as_array().unwrap() {
            let kind = entry["kind"].as_str().unwrap();
            ends += usize::from(
                ["approved", "rejected", "cancelled"].iter().any(|end| kind.ends_with(end)),
            );
        }
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(ends, ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_claim_one_gets_to_act() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    for _ in 0..ROUNDS {
        let asked = agent.ask("deploy").await;
        dev.approve(&asked).await.expect(200);
        let calls = (0..64).map(|n| match n % 16 {
            15 => dev.post(path_of(&asked, "/revoke"), &json!({})),
            _ => agent.consume_call(&asked),
        });
        let answers = all(calls.map(|call| call.send()).collect()).await;
        let state = agent.read(&asked).await["claim"]["state"].clone();
        let lost = if state == "claimed" { "409 already_claimed" } else { "409 revoked" };
        let expected = BTreeMap::from([("200".to_owned(), 1), (lost.to_owned(), 63)]);
        assert_eq!(tally(&answers), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_two_votes_of_a_quorum_count_once_each() {
    let server = TestServer::start().await;
    let people = [server.dev(), server.approver("ana").await, server.approver("ben").await];
    let two = json!({ "needs": [{ "from": ["members"], "count": 2 }] });
    server.workspace().policy("two", two).await;
    let agent = server.asker();
    for _ in 0..ROUNDS {
        let asked = agent.ask_under("two").await;
        let calls = (0..48).map(|n: usize| people[n % 3].vote_call(&asked, "approve"));
        let answers = all(calls.map(|call| call.send()).collect()).await;
        assert_eq!(tally(&answers)["200"], 2);
        let read = agent.read(&asked).await;
        assert_eq!(read["status"], "approved");
        assert_eq!(read["votes"].as_array().unwrap().len(), 2);
        assert_ne!(read["votes"][0]["approver"], read["votes"][1]["approver"]);
    }
}
