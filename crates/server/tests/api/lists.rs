//! Finding approvals: every filter, page by page, and what may not be found.

use askfirst_core::Scope;
use askfirst_server::service::keys::KeyWish;
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::workspace::wish;

#[tokio::test]
async fn the_list_filters_and_pages_without_gaps() {
    let server = TestServer::start().await;
    server.workspace().policy("deploys", json!({})).await;
    let (agent, dev) = (server.asker(), server.dev());
    let mut ids = Vec::new();
    for n in 0..7 {
        let more = json!({ "reason": format!("round {n}"), "agent": { "name": format!("bot-{}", n % 2) } });
        ids.push(agent.ask_with("deploy", more).await["id"].clone());
    }
    let special = agent.ask_under("deploys").await;
    dev.approve(&special).await.expect(200);
    ids.push(special["id"].clone());
    ids.reverse();

    let mut seen = Vec::new();
    let mut path = "/v1/approvals?limit=3".to_owned();
    loop {
        let page = agent.get(&path).await.expect(200);
        let rows = page["data"].as_array().unwrap();
        assert!(rows.len() <= 3);
        seen.extend(rows.iter().map(|row| row["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/approvals?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ids);

    for (filter, count) in [
        ("status=approved", 1),
        ("status=pending", 7),
        ("status=rejected", 0),
        ("policy=deploys", 1),
        ("agent=bot-1", 3),
        ("q=round%203", 1),
        ("q=100%25", 0),
        ("agent=bot-0&status=pending&policy=default", 4),
    ] {
        let page = agent.get(format!("/v1/approvals?{filter}")).await.expect(200);
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{filter}");
        assert_eq!(page["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn an_approver_finds_the_one_question_that_is_theirs_behind_many_that_are_not() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let ana = workspace.member("ana").await;
    workspace.group("sre", &[ana]).await;
    workspace.policy("sre", json!({ "needs": [{ "from": ["group:sre"] }] })).await;
    workspace
        .policy("owners", json!({ "needs": [{ "from": ["member:dev@localhost.test"] }] }))
        .await;
    let (agent, ana) = (server.asker(), workspace.decider(ana).await);
    let hers = agent.ask_under("sre").await;
    for _ in 0..60 {
        agent.ask_under("owners").await;
    }
    let mut path = "/v1/approvals?limit=1".to_owned();
    let found = loop {
        let page = ana.get(&path).await.expect(200);
        if let Some(row) = page["data"].get(0) {
            break row["id"].clone();
        }
        let cursor = page["next_cursor"].as_str().expect("there is more, so there is a cursor");
        path = format!("/v1/approvals?limit=1&cursor={cursor}");
    };
    assert_eq!(found, hers["id"]);
}

#[tokio::test]
async fn people_keys_and_times_narrow_the_list() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    workspace.policy("two", json!({ "needs": [{ "from": ["members"], "count": 2 }] })).await;
    let of_ana = KeyWish { owner: Some(ana), ..wish(&[Scope::Ask]) };
    let (anas_key, secret) = workspace.key(of_ana).await;
    let (agent, anas) = (server.asker(), server.with_key(&secret));
    let (ana_votes, ben_votes) = (workspace.decider(ana).await, workspace.decider(ben).await);

    let first = agent.ask_under("two").await;
    server.clock.advance(60);
    let second = anas.ask_under("two").await;
    server.clock.advance(60);
    let third = agent.ask_under("two").await;
    for (voter, asked) in [(&ana_votes, &first), (&ben_votes, &first), (&ben_votes, &second)] {
        voter.approve(asked).await.expect(200);
    }

    let reader = workspace.client(&[Scope::ReadAll]).await;
    let agents_key = agent.get("/v1/keys/current").await.expect(200)["id"].clone();
    for (filter, found) in [
        ("approver=ana@example.com".to_owned(), vec![&first]),
        ("approver=ANA@EXAMPLE.COM".into(), vec![&first]),
        (format!("approver={ben}"), vec![&second, &first]),
        ("approver=ben@example.com&status=pending".into(), vec![&second]),
        ("approver=ben@example.com&limit=100&policy=two".into(), vec![&second, &first]),
        ("approver=nobody@example.com".into(), vec![]),
        ("approver=mem_00000000000000000000000000".into(), vec![]),
        (format!("asker={anas_key}"), vec![&second]),
        ("asker=ana@example.com".into(), vec![&second]),
        (format!("asker={}", agents_key.as_str().unwrap()), vec![&third, &first]),
        ("asker=nobody@example.com".into(), vec![]),
        ("asker=key_00000000000000000000000000".into(), vec![]),
        ("agent=nobody&policy=unheard-of".into(), vec![]),
        ("created_after=2030-01-01T00:01:00Z".into(), vec![&third, &second]),
        ("created_before=2030-01-01T00:01:00Z".into(), vec![&first]),
        (
            "created_after=2030-01-01T01:01:00%2B01:00&created_before=2030-01-01T00:02:00Z".into(),
            vec![&second],
        ),
        ("created_after=2030-01-02".into(), vec![]),
        (
            "created_after=2030-01-01&created_before=2030-01-02&approver=ana@example.com".into(),
            vec![&first],
        ),
    ] {
        let page = reader.get(format!("/v1/approvals?{filter}")).await.expect(200);
        let rows: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(rows, found.iter().map(|asked| &asked["id"]).collect::<Vec<_>>(), "{filter}");
    }
    // A filter widens nobody's sight: who only asks still sees their own only.
    for foreign in [format!("asker={anas_key}"), "asker=ana@example.com".into()] {
        let page = agent.get(format!("/v1/approvals?{foreign}")).await.expect(200);
        assert_eq!(page["data"], json!([]), "{foreign}");
    }
    let page = agent.get("/v1/approvals?approver=ben@example.com").await.expect(200);
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_search_text_is_only_ever_text() {
    let server = TestServer::start().await;
    let agent = server.asker();
    let plain = agent.ask("deploy").await;
    let odd = "50%_off\\ 'OR 1=1 -- \u{202e}Grüße";
    let marked = agent.ask_with("deploy", json!({ "reason": odd })).await;
    for (text, found) in [
        ("%", vec![&marked]),
        ("_", vec![&marked]),
        ("\\", vec![&marked]),
        ("'", vec![&marked]),
        ("%%", vec![]),
        ("' OR ''='", vec![]),
        ("\u{0}", vec![]),
        ("\u{202e}", vec![&marked]),
        ("deploy\u{0}", vec![]),
        ("GRÜSSE", vec![]),
        ("gRÜßE", vec![&marked]),
        ("*", vec![]),
        ("d?ploy", vec![]),
        ("", vec![&marked, &plain]),
    ] {
        let text: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let page = agent.get(format!("/v1/approvals?q={text}")).await.expect(200);
        let rows: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(rows, found.iter().map(|asked| &asked["id"]).collect::<Vec<_>>(), "{text}");
    }
}

#[tokio::test]
async fn a_key_is_told_what_it_could_decide_now_and_nothing_else() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (agent, dev, admin) = (server.asker(), server.dev(), server.admin());
    let (ana, ben) = (workspace.approver("ana").await, workspace.approver("ben").await);
    let pair = json!({ "needs": [{ "from": ["members"], "count": 2 }] });
    workspace.policy("pair", pair).await;
    let both = agent.ask_under("pair").await;
    let mine = json!({ "needs": [{ "from": ["member:dev@localhost.test"] }] });
    workspace.policy("mine", mine).await;
    let devs = agent.ask_under("mine").await;
    let ended = agent.ask_under("pair").await;
    agent.cancel(&ended).await.expect(200);
    ana.approve(&both).await.expect(200);
    for (who, client, ids) in [
        ("ana has voted", &ana, vec![]),
        ("ben has not", &ben, vec![&both]),
        ("both wait for dev", &dev, vec![&devs, &both]),
        ("who asks", &agent, vec![]),
        ("who reads all", &admin, vec![]),
    ] {
        let page = client.get("/v1/approvals?decidable=true").await.expect(200);
        let found: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(found, ids.iter().map(|one| &one["id"]).collect::<Vec<_>>(), "{who}");
    }
    let all = agent.get("/v1/approvals?decidable=false").await.expect(200);
    assert_eq!(all["data"].as_array().unwrap().len(), 3);
    assert_eq!(agent.get("/v1/approvals?decidable=maybe").await.status, 400);
}
