//! The life of an approval from question to proof, as its users live it.

use askfirst_proof::verdict::Standing;
use askfirst_proof::verify::Expect;
use askfirst_proof::{Trust, verify_bundle};
use serde_json::{Value, json};

use crate::support::client::path_of;
use crate::support::wire::Events;
use crate::support::{Client, START, TestServer};

/// What an auditor with the published keys makes of the bundle, and the bundle itself.
pub(crate) async fn audited(server: &TestServer, reader: &Client, approval: &Value) -> Standing {
    let bundle = reader.get(path_of(approval, "/proof?format=bundle&wait=30s")).await;
    assert_eq!(bundle.status, 200);
    let keys = server.stranger().get("/.well-known/jwks.json").await;
    let trust = Trust::parse(std::str::from_utf8(&keys.body).unwrap()).unwrap();
    let expect = Expect {
        workspace: Some(server.ready.workspace.clone()),
        approval: Some(approval["id"].as_str().unwrap().into()),
        action_digest: Some(approval["action_digest"].as_str().unwrap().parse().unwrap()),
        ..Expect::default()
    };
    verify_bundle(&bundle.body, &trust, &expect, START).unwrap().standing
}

/// What a receipt states.
pub(crate) fn claims(proof: &Value) -> Value {
    use base64::Engine as _;
    let token = proof["token"].as_str().unwrap();
    let payload = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn an_agent_asks_waits_claims_reports_and_anyone_can_prove_it() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    assert_eq!(asked["status"], "pending");
    assert_eq!(asked["remaining"]["words"], "1 more approval: 1 from members");

    let waiter = tokio::spawn({
        let (agent, asked) = (agent.clone(), asked.clone());
        async move { agent.ended(&asked).await }
    });
    let voted = dev.approve(&asked).await.expect(200);
    assert_eq!(voted["status"], "approved");
    let ended = waiter.await.unwrap();
    assert_eq!(ended["status"], "approved");
    assert_eq!(ended["usable"], true);
    assert_eq!(ended["decision"]["by"], "dev@localhost.test");
    assert_eq!(ended["votes"][0]["assurance"], "key");

    let claimed = agent.consume(&ended).await.expect(200);
    assert_eq!(claimed["claim"]["state"], "claimed");
    assert_eq!(claimed["usable"], false);
    let reported = agent.report(&ended, "succeeded").await.expect(200);
    assert_eq!(reported["outcome"]["status"], "succeeded");

    let proof = agent.proof(&asked).await;
    assert_eq!(proof["expires_at"], "2030-01-01T00:15:00.000Z");
    assert_eq!(agent.read(&asked).await["proof"], proof);
    assert_eq!(audited(&server, &agent, &asked).await, Standing::Usable);
}

#[tokio::test]
async fn every_other_end_is_proved_too() {
    use askfirst_proof::statement::Decision;
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let [no, withdrawn, silent] =
        [agent.ask("a").await, agent.ask("b").await, agent.ask("c").await];
    assert_eq!(dev.reject(&no).await.expect(200)["status"], "rejected");
    assert_eq!(agent.cancel(&withdrawn).await.expect(200)["status"], "cancelled");
    assert_eq!(audited(&server, &agent, &no).await, Standing::NotApproved(Decision::Rejected));
    assert_eq!(
        audited(&server, &agent, &withdrawn).await,
        Standing::NotApproved(Decision::Cancelled)
    );
    let early = agent.get(path_of(&silent, "/proof")).await;
    assert_eq!(early.problem(), "409 pending");
    server.clock.advance(3_600);
    assert_eq!(agent.ended(&silent).await["status"], "expired");
    let proof = agent.proof(&silent).await;
    assert!(proof["token"].as_str().unwrap().split('.').count() == 3);
}

#[tokio::test]
async fn whatever_numbers_an_action_holds_its_bundle_verifies() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let body = r#"{"action":{"name":"pay","title":"Pay?","arguments":
        {"a":1e20,"b":-0,"c":1.0,"d":0.1,"e":9007199254740991,"f":5e-324,"g":1.7976931348623157e308,
         "h":"\u2028\ud83d\ude00","i":[[]],"j":1e2,"":"empty","k":null}}}"#;
    let call = agent.call(hyper::Method::POST, "/v1/approvals").bytes(body);
    let asked = call.header("content-type", "application/json").send().await.expect(201);
    dev.approve(&asked).await.expect(200);
    assert_eq!(audited(&server, &agent, &asked).await, Standing::Usable);
}

#[tokio::test]
async fn waiting_past_a_version_returns_with_the_next_change() {
    let server = TestServer::start().await;
    let (ana, ben) = (server.approver("ana").await, server.approver("ben").await);
    let two = json!({ "needs": [{ "from": ["members"], "count": 2 }] });
    server.workspace().policy("two", two).await;
    let agent = server.asker();
    let asked = agent.ask_under("two").await;
    let waiter = tokio::spawn({
        let (agent, path) = (agent.clone(), path_of(&asked, "?wait=30s&after=1"));
        async move { agent.get(path).await.expect(200) }
    });
    ana.approve(&asked).await.expect(200);
    let changed = waiter.await.unwrap();
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["status"], "pending");
    assert_eq!(changed["remaining"]["approvals"], 1);
    ben.approve(&asked).await.expect(200);
    // The vote and the decision are two events.
    let now = agent.get(path_of(&asked, "?wait=30s&after=2")).await.expect(200);
    assert_eq!((&now["version"], &now["status"]), (&json!(4), &json!("approved")));
    // A version that is behind already is no reason to wait.
    assert_eq!(agent.get(path_of(&asked, "?wait=30s&after=0")).await.expect(200)["version"], 4);
}

#[tokio::test]
async fn an_approver_asks_back_and_the_asker_hears_it_and_answers() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    let waiter = tokio::spawn({
        let (agent, path) = (agent.clone(), path_of(&asked, "?wait=30s&after=1"));
        async move { agent.get(path).await.expect(200) }
    });
    let vote = path_of(&asked, "/vote");
    let wondering = |comment: Value| {
        let digest = &asked["action_digest"];
        let body = json!({ "decision": "more_info", "action_digest": digest, "comment": comment });
        dev.post(vote.clone(), &body).send()
    };
    assert_eq!(wondering(Value::Null).await.problem(), "422 invalid");
    wondering(json!("Why on a Friday?")).await.expect(200);
    let heard = waiter.await.unwrap();
    assert_eq!((&heard["status"], &heard["version"]), (&json!("pending"), &json!(2)));
    let inquiry = &heard["inquiries"][0];
    assert_eq!(inquiry["question"], "Why on a Friday?");
    assert_eq!(inquiry["by"]["email"], "dev@localhost.test");
    assert_eq!(inquiry["reply"], Value::Null);
    assert_eq!(wondering(json!("Hello?")).await.problem(), "409 not_answered_yet");

    let answer = |client: &Client, number: u32, text: &str| {
        let body = json!({ "number": number, "text": text });
        client.post(path_of(&asked, "/reply"), &body).send()
    };
    assert_eq!(answer(&dev, 1, "me?").await.problem(), "403 not_the_asking_key");
    assert_eq!(answer(&agent, 2, "what?").await.problem(), "404 no_such_inquiry");
    assert_eq!(answer(&agent, 1, " ").await.problem(), "422 invalid");
    let told = answer(&agent, 1, "The fix cannot wait.").await.expect(200);
    assert_eq!(told["inquiries"][0]["reply"]["text"], "The fix cannot wait.");
    assert_eq!(told["expires_at"], asked["expires_at"]);
    assert_eq!(answer(&agent, 1, "Or can it?").await.problem(), "409 already_replied");

    assert_eq!(dev.approve(&asked).await.expect(200)["status"], "approved");
    assert_eq!(audited(&server, &agent, &asked).await, Standing::Usable);
    let mut events =
        Events::of(agent.call(hyper::Method::GET, path_of(&asked, "/events")).open().await);
    for line in ["1 asked", "2 more_info_requested", "3 more_info_given", "4 voted"] {
        assert_eq!(events.line().await.unwrap(), line);
    }
}

#[tokio::test]
async fn events_come_with_ids_and_go_on_where_they_broke_off() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    let follow = || agent.call(hyper::Method::GET, path_of(&asked, "/events"));
    let mut events = Events::of(follow().open().await);
    assert_eq!(events.line().await.unwrap(), "1 asked");
    dev.approve(&asked).await.expect(200);
    let voted = events.next().await.unwrap();
    assert_eq!((voted.id.as_str(), voted.name.as_str()), ("2", "voted"));
    let data: Value = serde_json::from_str(&voted.data).unwrap();
    assert_eq!((&data["approval"], &data["version"]), (&asked["id"], &json!(2)));
    assert_eq!(events.line().await.unwrap(), "3 approved");
    drop(events);

    let mut later = Events::of(follow().header("last-event-id", "2").open().await);
    assert_eq!(later.line().await.unwrap(), "3 approved");
    agent.consume(&asked).await.expect(200);
    assert_eq!(later.line().await.unwrap(), "4 claimed");
    let odd = follow().header("last-event-id", "two").send().await;
    assert_eq!(odd.problem(), "400 bad_request");
    server.begin_stop();
    assert_eq!(later.line().await, None);
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (id, secret) =
        workspace.key(crate::support::workspace::wish(&[askfirst_core::Scope::Ask])).await;
    let agent = server.with_key(&secret);
    let asked = agent.ask("deploy").await;
    let follow = agent.call(hyper::Method::GET, path_of(&asked, "/events"));
    let mut events = Events::of(follow.open().await);
    assert_eq!(events.line().await.unwrap(), "1 asked");
    let waiting = tokio::spawn(agent.call(hyper::Method::GET, path_of(&asked, "?wait=30s")).send());
    let revoked = server.admin().call(hyper::Method::DELETE, format!("/v1/keys/{id}")).send().await;
    assert_eq!(revoked.expect(200)["standing"], "revoked");
    server.dev().approve(&asked).await.expect(200);
    assert_eq!(events.line().await, None);
    assert_eq!(waiting.await.unwrap().problem(), "401 not_authenticated");
}

#[tokio::test]
async fn who_knows_the_current_state_is_not_sent_it_again() {
    let server = TestServer::start().await;
    let (agent, dev) = (server.asker(), server.dev());
    let asked = agent.ask("deploy").await;
    let first = agent.get(path_of(&asked, "")).await;
    let etag = first.header("etag").to_owned();
    let again = |known: String| {
        let call = agent.call(hyper::Method::GET, path_of(&asked, ""));
        call.header("if-none-match", &known).send()
    };
    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let answer = again(known.clone()).await;
        assert_eq!(answer.status, 304, "{known}");
        assert_eq!(answer.header("etag"), etag);
        assert!(answer.body.is_empty());
    }
    assert_eq!(again("\"x\"".into()).await.status, 200);
    dev.approve(&asked).await.expect(200);
    let changed = again(etag.clone()).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), etag);
}

#[tokio::test]
async fn the_signing_key_appears_by_itself_and_then_the_server_is_ready() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    let early = stranger.get("/.well-known/jwks.json").await;
    if early.json()["keys"].as_array().unwrap().is_empty() {
        assert_eq!(early.header("cache-control"), "no-store");
    }
    assert_eq!(stranger.get("/healthz").await.expect(200)["status"], "ok");
    server.signing().await;
    let ready = stranger.get("/readyz").await.expect(200);
    assert_eq!((&ready["store"], &ready["signing_key"]), (&json!(true), &json!(true)));
    let keys = stranger.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    assert!(keys["keys"][0].get("d").is_none());
}
