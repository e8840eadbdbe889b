//! Looking changes nothing, whoever or whatever looks: every route by GET, HEAD and OPTIONS, as
//! previewers and prefetchers do it, and not a byte of the database differs.

use askfirst_core::administration::Change;
use askfirst_core::{Dialect, MemberId, Role};
use hyper::Method;
use serde_json::json;

use crate::support::client::path_of;
use crate::support::{TestServer, workspace::wish};

const LOOKERS: [(&str, &str); 6] = [
    ("sec-purpose", "prefetch;prerender"),
    ("purpose", "prefetch"),
    ("x-moz", "prefetch"),
    ("user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"),
    ("user-agent", "TelegramBot (like TwitterBot)"),
    ("user-agent", "Mozilla/5.0 (compatible; SafeLinks)"),
];

#[tokio::test]
async fn no_look_changes_a_byte() {
    let server = TestServer::start().await;
    let workspace = server.workspace();
    let (agent, dev, admin) = (server.asker(), server.dev(), server.admin());
    let ana = workspace.member("ana").await;
    let group = workspace.group("sre", &[ana]).await;
    workspace.policy("p", json!({})).await;
    let (key, _) = workspace.key(wish(&[askfirst_core::Scope::Ask])).await;
    let (pending, approved) = (agent.ask("a").await, agent.ask("b").await);
    dev.approve(&approved).await.expect(200);
    agent.proof(&approved).await;
    let program = workspace.foreign(Dialect::Ambedo, "p").await;
    let pause = program.post("/api/pause", &json!({ "action": "c" })).send().await.expect(201);

    let proof = workspace.foreign(Dialect::Proof, "p").await;
    let channels = json!({ "name": "n", "channels": [{ "type": "browser" }] });
    let hitl = proof.post("/api/v1/hitl", &channels).send().await.expect(201)["id"].clone();
    let body = json!({ "hitl_id": hitl, "message": "d" });
    let confirmation = proof.post("/api/v1/confirmations", &body).send().await.expect(201);

    let mut paths: Vec<String> = Vec::new();
    for (_, route) in crate::access::routes() {
        for approval in [&pending, &approved] {
            let path = match route.strip_prefix("/v1/approvals/{id}") {
                Some(rest) => path_of(approval, rest),
                None => route.replace("{name}", "p"),
            };
            let id = match route.split('/').nth(2) {
                Some("members") => ana.to_string(),
                Some("groups") => group.to_string(),
                _ => key.clone(),
            };
            paths.push(path.replace("{id}", &id));
        }
    }
    let pause = format!("/api/pause/{}", pause["watchId"].as_str().unwrap());
    for rest in ["/approve", "/approve?decision=approved", "/"] {
        paths.push(format!("{pause}{rest}"));
    }
    paths.extend(["/api/pause".into(), pause]);
    let (hitl, id) = (hitl.as_str().unwrap(), confirmation["id"].as_str().unwrap());
    for (root, id, below) in [
        ("/api/v1/confirmations", id, &["", "/events", "/approval-link", "/x"][..]),
        ("/v1/confirmations", id, &["", "/events", "/approval-link"]),
        ("/api/v1/hitl", hitl, &["", "/finalize", "/authorize", "/keys", "/approver-keys"]),
    ] {
        paths.extend(below.iter().map(|rest| format!("{root}/{id}{rest}")));
        paths.push(root.into());
    }
    let cleo = MemberId::from_bits(askfirst_server::mint::id_bits());
    let email = "cleo@example.com".to_owned();
    let contact = Change::AddMember { id: cleo, email, name: "cleo".into(), role: Role::Contact };
    workspace.change(contact).await;
    let needs =
        json!({ "needs": [{ "from": ["contact:cleo@example.com"] }], "assurance": "bearer" });
    workspace.policy("bearer", needs).await;
    let holdon = workspace.foreign(Dialect::Holdon, "bearer").await;
    let asked = holdon.post("/api/approvals", &json!({ "action": "d" })).send().await.expect(201);
    let id = asked["id"].as_str().unwrap();
    let token = asked["decision_url"].as_str().unwrap().rsplit_once('/').unwrap().1;
    for query in ["", "?decision=approved", "?action=approve"] {
        paths.push(format!("/decide/{token}{query}"));
        paths.push(format!("/api/decide/{token}{query}"));
    }
    paths.extend(["/api/keys".into(), "/api/approvals".into(), format!("/api/approvals/{id}")]);
    // The pages that links lead to.
    let url = server.ready.login_url.clone();
    paths.push(url.trim_start_matches(&server.ready.url).to_owned());
    for page in [
        "/",
        "/history",
        "/audit",
        "/audit/export?format=csv",
        "/people",
        "/people/change",
        "/keys",
        "/channels",
        "/account/telegram",
        "/channels/add",
        "/webhooks",
        "/webhooks/add",
        "/account",
        "/account/sessions/close",
        "/login",
        "/logout",
        "/docs",
        "/docs/guide",
        "/docs/nowhere",
        "/nowhere",
    ] {
        paths.push(page.to_owned());
    }
    for approval in [&pending, &approved] {
        let id = approval["id"].as_str().unwrap();
        for rest in ["", "/vote", "/cancel", "/revoke", "/vote?decision=approve"] {
            paths.push(format!("/a/{id}{rest}"));
        }
    }
    paths.dedup();

    let before = server.picture();
    for path in &paths {
        for client in [&agent, &dev, &admin, &program, &proof, &holdon, &server.stranger()] {
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                let answer = client.call(method.clone(), path.clone()).open().await;
                assert!(answer.status().as_u16() < 500, "{method} {path}");
            }
        }
        for (name, value) in LOOKERS {
            let call = server.stranger().call(Method::GET, path.clone());
            call.header(name, value).open().await;
        }
    }
    assert_eq!(server.picture(), before);
    let read = agent.read(&pending).await;
    assert_eq!((&read["status"], &read["version"]), (&json!("pending"), &json!(1)));
}
