//! Before anything is sent to a webhook it is asked whether it wants that: a wrong answer, silence
//! or a stranger's URL leaves it unconfirmed, with what to do, and affects nothing else.

use hyper::header;
use serde_json::{Value, json};

use crate::support::receiver::{Receiver, answer_of};
use crate::support::{Client, TestServer};

async fn made(admin: &Client, url: &str) -> Value {
    admin.post("/v1/webhooks", &json!({ "url": url })).send().await.expect(201)
}

async fn challenge(admin: &Client, hook: &Value) -> Value {
    let path = format!("/v1/webhooks/{}/challenge", hook["id"].as_str().unwrap());
    admin.post(path, &json!({})).send().await.expect(200)
}

async fn confirmations(admin: &Client) -> usize {
    let audit = admin.get("/v1/audit?kind=webhook.confirmed").await.expect(200);
    audit["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn nothing_is_sent_before_the_challenge_comes_back() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut receiver = Receiver::start().await;
    let mut moved = answer_of(302, "");
    moved.headers_mut().insert(header::LOCATION, "http://127.0.0.1:9/".parse().unwrap());
    let mut bomb = answer_of(200, vec![0x1f; 1 << 20]);
    bomb.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    let odd = [
        (answer_of(404, "?"), "it answered the challenge with 404 Not Found; let it answer 2xx"),
        (answer_of(410, ""), "it answered the challenge with 410 Gone"),
        (moved, "it answered 302 Found and points elsewhere (\"http://127.0.0.1:9/\")"),
        (answer_of(200, r#"{"challenge": "mine"}"#), "it answered 200 OK without giving"),
        (answer_of(204, ""), "it answered 204 No Content without giving the challenge back"),
        (bomb, "it answered 200 OK without giving the challenge back"),
    ];
    let mut hook = None;
    for (answer, told) in odd {
        receiver.answer_challenge(answer);
        let seen = match &hook {
            None => made(&admin, &receiver.url()).await,
            Some(hook) => challenge(&admin, hook).await,
        };
        assert_eq!(seen["state"], "unconfirmed");
        let problem = seen["problem"].as_str().unwrap();
        assert!(problem.starts_with(told), "{problem}");
        let todo = format!("; then POST /v1/webhooks/{}/challenge", seen["id"].as_str().unwrap());
        assert!(problem.ends_with(&todo), "{problem}");
        hook.get_or_insert(seen);
    }
    let hook = hook.unwrap();
    let early = agent.ask("deploy").await;
    let log = format!("/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap());
    assert_eq!(admin.get(&log).await.expect(200)["data"], json!([]));
    assert_eq!(confirmations(&admin).await, 0);

    let given = challenge(&admin, &hook).await;
    assert_eq!((&given["state"], &given["problem"]), (&json!("active"), &Value::Null));
    let secret = hook["secret"].as_str().unwrap();
    let challenges = receiver.challenges();
    let (mut ids, mut texts) = (std::collections::BTreeSet::new(), Vec::new());
    for message in &challenges {
        assert!(message.is_signed_with(secret));
        assert_eq!(message.json()["data"]["webhook"], hook["id"]);
        ids.insert(message.id().to_owned());
        texts.push(message.challenge().unwrap());
    }
    assert_eq!((ids.len(), texts.len()), (7, 7), "each has an id of its own");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 7, "each is another");

    agent.cancel(&early).await.expect(200);
    let told = receiver.next().await.json();
    assert_eq!(told["type"], "approval.cancelled", "what was before is not told later");
    // Whoever is active is not asked again.
    assert_eq!(challenge(&admin, &hook).await["state"], "active");
    assert!(receiver.challenges().is_empty() && receiver.is_quiet());
    assert_eq!(confirmations(&admin).await, 1);
}

#[tokio::test]
async fn who_cannot_be_reached_is_made_all_the_same_and_says_why() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let hook = made(&admin, "http://127.0.0.1:9/").await;
    assert_eq!(hook["state"], "unconfirmed");
    let problem = hook["problem"].as_str().unwrap();
    assert!(problem.contains("cannot be connected to: nothing listens on that port"), "{problem}");
    assert!(hook["secret"].as_str().unwrap().starts_with("whsec_"), "to set it up with");
    // One that closes without a word.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let hook = made(&admin, &url).await;
    let problem = hook["problem"].as_str().unwrap();
    assert!(problem.contains("closed the connection") || problem.contains("reset"), "{problem}");
}

#[tokio::test]
async fn while_the_first_challenge_is_under_way_it_says_how_to_put_another() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let looked = async {
        // Whoever is asked does not answer yet.
        let (stream, _) = listener.accept().await.unwrap();
        let all = admin.get("/v1/webhooks").await.expect(200);
        drop(stream);
        all["data"][0].clone()
    };
    let (hook, seen) = tokio::join!(made(&admin, &url), looked);
    let path = format!("/v1/webhooks/{}/challenge", hook["id"].as_str().unwrap());
    let told = format!("it has not answered a challenge yet; POST {path} sends one");
    assert_eq!(seen["problem"], told);
}

#[tokio::test]
async fn a_repeat_of_the_same_request_challenges_nobody_twice() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let mut receiver = Receiver::start().await;
    receiver.answer_challenge(answer_of(500, ""));
    let wish = json!({ "url": receiver.url() });
    let first = admin.post("/v1/webhooks", &wish).once("k1").send().await.expect(201);
    let again = admin.post("/v1/webhooks", &wish).once("k1").send().await.expect(201);
    assert_eq!(receiver.challenges().len(), 1);
    assert_eq!((&again["id"], &again["secret"]), (&first["id"], &Value::Null));
    assert_eq!(again["problem"], first["problem"]);
    assert_eq!(admin.get("/v1/webhooks").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_challenges_at_once_the_one_that_came_back_counts() {
    let server = TestServer::start().await;
    let admin = server.admin();
    let receiver = Receiver::start().await;
    receiver.answer_challenge(answer_of(500, ""));
    let hook = made(&admin, &receiver.url()).await;
    for _ in 0..2 {
        receiver.answer_challenge(answer_of(500, ""));
    }
    let mut tries = Vec::new();
    for _ in 0..3 {
        tries.push(challenge(&admin, &hook));
    }
    futures_util::future::join_all(tries).await;
    let seen = admin.get(format!("/v1/webhooks/{}", hook["id"].as_str().unwrap())).await;
    let seen = seen.expect(200);
    assert_eq!((&seen["state"], &seen["problem"]), (&json!("active"), &Value::Null));
    assert_eq!(confirmations(&admin).await, 1);
}
