//! Who is sent away is away at once: open pages, waiting requests and open approvals included.

use askfirst_core::{MemberId, Scope};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::wire::Events;
use crate::support::{Client, TestServer};

/// A page, as somebody with this cookie gets it.
async fn page(server: &TestServer, path: &str, cookie: &str) -> u16 {
    let call = server.stranger().call(Method::GET, path).header("cookie", cookie);
    call.send().await.status
}

async fn disable(admin: &Client, id: MemberId) {
    let call = admin.call(Method::PATCH, format!("/v1/members/{id}"));
    call.json(&json!({ "enabled": false })).send().await.expect(200);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_who_manages_people() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    let (first, second) = (workspace.sign_in(ana).await, workspace.sign_in(ana).await);
    let bens = workspace.sign_in(ben).await;
    let admin = server.admin();
    let path = format!("/v1/members/{ana}/sessions");
    let list = admin.get(&path).await.expect(200);
    let open = list["data"].as_array().unwrap();
    assert_eq!(open.len(), 2);
    assert_eq!(open[0]["assurance"], "session");
    assert_eq!(open[0]["created_at"], "2030-01-01T00:00:00.000Z");
    // A session is known by its id; its secret is nowhere.
    let text = list.to_string();
    assert!(!text.contains(first.split_once('=').unwrap().1), "{text}");

    let one = format!("{path}/{}", open[1]["id"].as_str().unwrap());
    // Another member has no such session.
    let mixed = one.replace(&ana.to_string(), &ben.to_string());
    assert_eq!(admin.call(Method::DELETE, mixed).send().await.problem(), "404 not_found");
    for bad in [format!("{path}/nonsense"), "/v1/members/x/sessions/y".into()] {
        assert_eq!(admin.call(Method::DELETE, bad).send().await.problem(), "404 not_found");
    }
    assert_eq!((page(&server, "/", &first).await, page(&server, "/", &second).await), (200, 200));
    admin.call(Method::DELETE, one.clone()).send().await.expect(204);
    assert_eq!(admin.call(Method::DELETE, one).send().await.problem(), "404 not_found");
    let alive = [page(&server, "/", &first).await, page(&server, "/", &second).await];
    assert_eq!(alive.iter().filter(|status| **status == 200).count(), 1);
    admin.call(Method::DELETE, path.clone()).send().await.expect(204);
    for gone in [&first, &second] {
        assert_eq!(page(&server, "/", gone).await, 303);
    }
    assert_eq!(page(&server, "/", &bens).await, 200);
    assert_eq!(admin.get(&path).await.expect(200)["data"], json!([]));
    let log = admin.get("/v1/audit?kind=member.signed_out").await.expect(200);
    assert_eq!(log["data"][0]["subject"], ana.to_string());
}

#[tokio::test]
async fn who_is_removed_is_out_of_every_open_page_and_every_open_approval() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (ana, ben) = (workspace.member("ana").await, workspace.member("ben").await);
    workspace.group("sre", &[ana, ben]).await;
    workspace.policy("two", json!({ "needs": [{ "from": ["group:sre"], "count": 2 }] })).await;
    let (agent, admin) = (server.asker(), server.admin());
    let (anas_key, bens_key) = (workspace.decider(ana).await, workspace.decider(ben).await);
    let cookie = workspace.sign_in(ana).await;
    let voted = agent.ask_under("two").await;
    anas_key.approve(&voted).await.expect(200);

    // She has a page open that listens, and a request that waits.
    let live = server.stranger().call(Method::GET, "/live").header("cookie", &cookie).open().await;
    let mut live = Events::of(live);
    let path = crate::support::client::path_of(&voted, "?wait=30s");
    let waiting = tokio::spawn(anas_key.call(Method::GET, path).send());
    while server.service.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    disable(&admin, ana).await;
    assert_eq!(waiting.await.unwrap().problem(), "401 not_authenticated");
    while let Some(event) = live.next().await {
        assert_ne!(event.name, "changed", "she is told nothing more");
    }
    assert_eq!(page(&server, &format!("/a/{}", voted["id"].as_str().unwrap()), &cookie).await, 303);
    assert_eq!(anas_key.get("/v1/approvals").await.problem(), "401 not_authenticated");

    // Her vote no longer counts, and without her the policy cannot be met.
    let left = agent.read(&voted).await;
    assert_eq!(left["remaining"]["approvals"], 2, "{left}");
    let after = bens_key.approve(&voted).await.expect(200);
    assert_ne!(after["status"], "approved", "{after}");

    // Enabling her again gives nothing back that was open.
    let call = admin.call(Method::PATCH, format!("/v1/members/{ana}"));
    call.json(&json!({ "enabled": true })).send().await.expect(200);
    assert_eq!(page(&server, "/", &cookie).await, 303);
    assert_eq!(anas_key.get("/v1/approvals").await.problem(), "401 not_authenticated");
    let reader = workspace.client(&[Scope::Audit]).await;
    let log = reader.get("/v1/audit?kind=member&subject=".to_owned() + &ana.to_string()).await;
    let kinds: Vec<Value> =
        log.expect(200)["data"].as_array().unwrap().iter().map(|e| e["kind"].clone()).collect();
    assert_eq!(kinds, ["member.added", "member.disabled", "member.enabled"]);
}
