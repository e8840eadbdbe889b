//! The end of an approval goes where its asker said, signed, if the workspace's admins let it.

use hyper::Method;
use serde_json::{Value, json};

use crate::support::client::question;
use crate::support::receiver::{Receiver, answer_of};
use crate::support::{Client, TestServer};

async fn hosts(admin: &Client, hosts: Value) {
    let change = json!({ "callback_hosts": hosts });
    let call = admin.call(Method::PATCH, "/v1/workspace").json(&change);
    let changed = call.send().await.expect(200);
    assert_eq!(changed["callback_hosts"], hosts);
}

/// What signs callbacks, and its secret.
async fn signer(admin: &Client) -> (String, String) {
    let made = admin.post("/v1/webhooks", &json!({ "callbacks": true })).send().await.expect(201);
    assert_eq!((&made["state"], &made["url"]), (&json!("active"), &Value::Null));
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

async fn ask(agent: &Client, url: &str) -> Value {
    let body = question("deploy", json!({ "callback_url": url }));
    agent.post("/v1/approvals", &body).send().await.expect(201)
}

/// The newest line of the log, once it is settled.
async fn settled(admin: &Client, id: &str) -> Value {
    loop {
        let page = admin.get(format!("/v1/webhooks/{id}/deliveries")).await.expect(200);
        if page["data"][0]["settled_at"] != Value::Null {
            return page["data"][0].clone();
        }
    }
}

#[tokio::test]
async fn the_end_goes_where_its_asker_said_and_nothing_else_does() {
    let server = TestServer::start().await;
    let (agent, ana, admin) = (server.asker(), server.approver("ana").await, server.admin());
    hosts(&admin, json!(["127.0.0.1"])).await;
    let (id, secret) = signer(&admin).await;
    let (mut one, mut two) = (Receiver::start().await, Receiver::start().await);
    let (first, second) = (ask(&agent, &one.url()).await, ask(&agent, &two.url()).await);
    let silent = agent.ask("deploy").await;
    ana.approve(&silent).await.expect(200);
    ana.approve(&first).await.expect(200);
    agent.cancel(&second).await.expect(200);

    for (receiver, asked, name) in
        [(&mut one, &first, "approval.approved"), (&mut two, &second, "approval.cancelled")]
    {
        let message = receiver.next().await;
        assert!(message.is_signed_with(&secret));
        let body = message.json();
        assert_eq!((&body["type"], &body["data"]["approval"]), (&json!(name), &asked["id"]));
        assert!(receiver.is_quiet() && receiver.challenges().is_empty());
    }
    settled(&admin, &id).await;
    let page = admin.get(format!("/v1/webhooks/{id}/deliveries")).await.expect(200);
    let mut urls: Vec<_> = page["data"].as_array().unwrap().iter().map(|d| &d["url"]).collect();
    urls.sort_by_key(|url| url.to_string());
    let mut expected = [json!(one.url()), json!(two.url())];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(urls, expected.iter().collect::<Vec<_>>());

    // It is a webhook like others: tried again, and signed with both secrets while one changes.
    let rotated = admin.post(format!("/v1/webhooks/{id}/rotate"), &json!({})).send().await;
    let newer = rotated.expect(200)["secret"].as_str().unwrap().to_owned();
    one.answer(answer_of(503, ""));
    let third = ask(&agent, &one.url()).await;
    agent.cancel(&third).await.expect(200);
    let failed = one.next().await;
    loop {
        let page = admin.get(format!("/v1/webhooks/{id}/deliveries")).await.expect(200);
        if page["data"][0]["last_error"] != Value::Null {
            break;
        }
    }
    server.clock.advance(6);
    let again = one.next().await;
    assert_eq!((again.id(), &again.body), (failed.id(), &failed.body));
    assert!(again.is_signed_with(&secret) && again.is_signed_with(&newer));

    // A receiver of one end ends nothing for others.
    one.answer(answer_of(410, ""));
    let fourth = ask(&agent, &one.url()).await;
    agent.cancel(&fourth).await.expect(200);
    one.next().await;
    let gone = settled(&admin, &id).await;
    assert_eq!((&gone["approval"], &gone["state"]), (&fourth["id"], &json!("dead")));
    let hook = admin.get(format!("/v1/webhooks/{id}")).await.expect(200);
    assert_eq!(hook["state"], "active");
}

#[tokio::test]
async fn a_callback_goes_to_hosts_that_an_admin_named_and_to_no_other() {
    let server = TestServer::start().await;
    let (agent, admin) = (server.asker(), server.admin());
    let mut receiver = Receiver::start().await;
    let told = async |url: &str| {
        let body = question("deploy", json!({ "callback_url": url }));
        let refused = agent.post("/v1/approvals", &body).send().await;
        assert_eq!((refused.status, refused.pointers()), (422, vec!["/callback_url".into()]));
        refused.json()["errors"][0]["detail"].as_str().unwrap_or_default().to_owned()
    };
    let url = receiver.url();
    let unnamed = told(&url).await;
    assert!(unnamed.contains("127.0.0.1 is not among the hosts"), "{unnamed}");
    assert!(unnamed.contains("callback_hosts by PATCH /v1/workspace"), "{unnamed}");
    hosts(&admin, json!(["*.example.com", "127.0.0.1"])).await;
    let unsigned = told(&url).await;
    assert!(unsigned.contains("POST /v1/webhooks with {\"callbacks\": true}"), "{unsigned}");
    let (id, _) = signer(&admin).await;
    let twice = admin.post("/v1/webhooks", &json!({ "callbacks": true })).send().await;
    assert_eq!(twice.status, 409);
    for other in [
        "https://example.com/",
        "https://ci.example.com.evil.example/",
        "https://evil.example/?ci.example.com",
        "https://ci.example.com@evil.example/",
        "http://ci.example.com/",
        "https://127.1/",
        "https://10.0.0.1/",
        "ci.example.com",
        "",
        &format!("https://ci.example.com/{}", "a".repeat(2_048)),
    ] {
        told(other).await;
    }
    ask(&agent, "https://ci.example.com/hook").await;
    for (wish, pointer) in [
        (json!(["https://example.com"]), "/callback_hosts/0"),
        (json!(["example.com", "*"]), "/callback_hosts/1"),
        (json!(vec!["example.com"; 51]), "/callback_hosts"),
    ] {
        let change = json!({ "callback_hosts": wish });
        let refused = admin.call(Method::PATCH, "/v1/workspace").json(&change).send().await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![pointer.into()]));
    }

    // A host that is taken off the list meanwhile is sent nothing.
    let asked = ask(&agent, &url).await;
    hosts(&admin, json!([])).await;
    agent.cancel(&asked).await.expect(200);
    let dead = settled(&admin, &id).await;
    assert_eq!((&dead["state"], &dead["attempts"]), (&json!("dead"), &json!(1)));
    let why = dead["last_error"].as_str().unwrap();
    assert!(why.contains("is not among the hosts"), "{why}");
    assert!(receiver.is_quiet());
    // Back on it, it is sent when somebody says so.
    hosts(&admin, json!(["127.0.0.1"])).await;
    let retry = format!("/v1/deliveries/{}/retry", dead["id"].as_str().unwrap());
    admin.post(retry, &json!({})).send().await.expect(202);
    assert_eq!(receiver.next().await.json()["data"]["approval"], asked["id"]);
    let audit = admin.get("/v1/audit?kind=workspace.changed").await.expect(200);
    let last = audit["data"].as_array().unwrap().last().unwrap();
    assert_eq!(last["detail"]["callback_hosts"], json!(["127.0.0.1"]));
}
