//! Silence until the deadline, told with a clock that the story turns.

use askfirst_server::serve::Stopped;
use serde_json::json;

use crate::support::TestServer;
use crate::support::client::path_of;

#[tokio::test]
async fn at_the_deadline_and_not_a_second_before_silence_ends_it() {
    let server = TestServer::start().await;
    server.workspace().policy("strict", json!({ "on_timeout": "reject" })).await;
    let (agent, dev) = (server.asker(), server.dev());
    let (plain, strict) = (agent.ask("a").await, agent.ask_under("strict").await);
    server.clock.advance(3_599);
    assert_eq!(agent.read(&plain).await["status"], "pending");
    server.clock.advance(1);
    // Whether or not a worker has been there yet.
    for (asked, status) in [(&plain, "expired"), (&strict, "rejected")] {
        let read = agent.read(asked).await;
        assert_eq!(read["status"], status);
        assert_eq!(read["decision"]["decided_at"], "2030-01-01T01:00:00.000Z");
        assert_eq!(read["decision"]["by"], "system");
        let listed = agent.get(format!("/v1/approvals?status={status}")).await.expect(200);
        assert_eq!(listed["data"][0]["id"], asked["id"]);
        let late = dev.approve(asked).await;
        assert_eq!(late.problem(), "409 already_decided");
        assert_eq!(late.json()["decision"]["status"], status);
        assert_eq!(agent.cancel(asked).await.problem(), "409 already_decided");
        assert_eq!(agent.consume(asked).await.problem(), "409 not_approved");
    }
    assert_eq!(agent.get("/v1/approvals?status=pending").await.expect(200)["data"], json!([]));
    server.clock.advance(7_200);
    agent.proof(&strict).await;
    let recorded = agent.read(&strict).await;
    assert_eq!(recorded["decision"]["decided_at"], "2030-01-01T01:00:00.000Z");
    assert_eq!(recorded["votes"], json!([]));
}

#[tokio::test]
async fn who_waits_hears_of_the_deadline() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let asked = agent.ask("deploy").await;
    let waiter = tokio::spawn({
        let (agent, asked) = (agent.clone(), asked.clone());
        async move { agent.ended(&asked).await }
    });
    server.clock.advance(3_600);
    assert_eq!(waiter.await.unwrap()["status"], "expired");
}

#[tokio::test]
async fn a_clock_that_goes_back_reopens_nothing_and_extends_nothing() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let (over, open) =
        (agent.ask("a").await, agent.ask_with("b", json!({ "expires_in": 3_600 })).await);
    server.clock.advance(3_600);
    agent.proof(&over).await;
    let ended = agent.read(&over).await;
    server.clock.advance(-7_200);
    assert_eq!(agent.read(&over).await, ended);
    assert_eq!(dev.approve(&over).await.problem(), "409 already_decided");
    assert_eq!(agent.read(&open).await["status"], "expired");
    // Time stands still until it is as late again as it was.
    let fresh = agent.ask("c").await;
    assert_eq!(fresh["created_at"], "2030-01-01T01:00:00.000Z");
}

#[tokio::test]
async fn a_thousand_waiters_are_answered_when_the_server_stops() {
    let mut server = TestServer::start().await;
    let agent = server.asker();
    let asked = agent.ask("deploy").await;
    let wait = || agent.call(hyper::Method::GET, path_of(&asked, "?wait=60s")).send();
    let waiters: Vec<_> = (0..1_000).map(|_| tokio::spawn(wait())).collect();
    // All have arrived once the server holds a place for each of them.
    while server.service.waiting() < 1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.stop().await, Stopped::Asked);
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap().expect(200)["status"], "pending");
    }
}
