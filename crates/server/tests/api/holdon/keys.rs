//! What an admin makes a key for HoldOn with: where the end of what it asks is sent.

use super::*;

fn wanted(url: &str) -> Value {
    json!({
        "name": "agent", "dialect": "holdon", "scopes": ["ask"], "policies": ["links"],
        "callback_url": url,
    })
}

#[tokio::test]
async fn a_key_says_where_answers_go_that_say_nothing_else() {
    let server = TestServer::start().await;
    let (workspace, _) = scene(&server, "acme").await;
    let admin = workspace.client(&ADMIN).await;
    let (mut usual, mut other) = (Receiver::start().await, Receiver::start().await);
    let make = async |body: &Value| admin.post("/v1/keys", body).send().await;
    let place = |answer: &Answer| (answer.problem(), answer.pointers());
    let at = ("422 invalid".to_owned(), vec!["/callback_url".to_owned()]);
    assert_eq!(place(&make(&wanted(&usual.url())).await), at, "no host is named yet");
    let hosts = json!({ "callback_hosts": ["127.0.0.1"] });
    admin.call(Method::PATCH, "/v1/workspace").json(&hosts).send().await.expect(200);
    let unsigned = make(&wanted(&usual.url())).await;
    assert_eq!(place(&unsigned), at);
    assert!(unsigned.json().to_string().contains("nothing signs callbacks"));
    admin.post("/v1/webhooks", &json!({ "callbacks": true })).send().await.expect(201);
    for url in ["https://elsewhere.example.com/", "ftp://127.0.0.1/", "", "x"] {
        assert_eq!(place(&make(&wanted(url)).await), at, "{url}");
    }
    for dialect in ["native", "ambedo", "proof"] {
        let mut body = wanted(&usual.url());
        body["dialect"] = json!(dialect);
        assert_eq!(place(&make(&body).await), at, "{dialect}");
    }
    let agent = workspace.asker().await;
    let refused = agent.post("/v1/keys", &wanted("http://10.0.0.1/")).send().await;
    assert_eq!(refused.problem(), "403 forbidden");

    let made = make(&wanted(&usual.url())).await.expect(201);
    assert_eq!(made["callback_url"], usual.url());
    let program = server.with_key(made["key"].as_str().unwrap());
    let asked = program.post("/api/approvals", &wire()).send().await.expect(201);
    let yes = json!({ "decision": "approved" });
    decide(&server, &asked, &yes).await.expect(200);
    assert_eq!(usual.next().await.json()["approval"]["id"], asked["id"]);
    let mut body = wire();
    body["webhook_url"] = json!(other.url());
    let asked = program.post("/api/approvals", &body).send().await.expect(201);
    decide(&server, &asked, &yes).await.expect(200);
    assert_eq!(other.next().await.json()["approval"]["id"], asked["id"]);
    // What the key may be told at is looked at again with each ask.
    let none = json!({ "callback_hosts": [] });
    admin.call(Method::PATCH, "/v1/workspace").json(&none).send().await.expect(200);
    let told = error(&program.post("/api/approvals", &wire()).send().await, 400);
    assert!(told.contains("not among the hosts"), "{told}");
}
