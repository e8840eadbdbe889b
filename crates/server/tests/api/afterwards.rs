//! Who decided hears by mail what came of it: what the agent reports, and where it is wanted that it
//! has its answer. Nobody else does, and nothing of it is more than an agent's word.

use hyper::Method;
use serde_json::{Value, json};

use crate::channels::mailbox;
use crate::support::client::path_of;
use crate::support::mailbox::Mailbox;
use crate::support::{Client, TestServer};

const DEV: &str = "dev@localhost.test";
const ANA: &str = "ana@example.com";

/// A channel that tells so much afterwards; its path.
async fn mail(admin: &Client, postbox: &Mailbox, afterwards: Option<&str>) -> String {
    let mut wish = mailbox(postbox.address.port());
    if let Some(afterwards) = afterwards {
        wish["afterwards"] = json!(afterwards);
    }
    let made = admin.post("/v1/channels", &wish).send().await.expect(201);
    assert_eq!(made["afterwards"], afterwards.unwrap_or("outcome"));
    format!("/v1/channels/{}", made["id"].as_str().unwrap())
}

async fn report(agent: &Client, asked: &Value, status: &str, note: &str) {
    let body = json!({ "status": status, "note": note });
    agent.post(path_of(asked, "/outcome"), &body).send().await.expect(200);
}

/// Everything that people were or will be told, oldest first, once nothing waits.
async fn told(admin: &Client, channel: &str) -> Vec<(String, String)> {
    loop {
        let page = admin.get(format!("{channel}/notices?limit=100")).await.expect(200);
        let lines = page["data"].as_array().unwrap();
        if lines.iter().all(|line| line["state"] != "waiting") {
            let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
            let mut told: Vec<_> = lines
                .iter()
                .filter(|line| line["state"] == "sent")
                .map(|line| (text(line, "about"), text(line, "address")))
                .collect();
            told.sort();
            return told;
        }
    }
}

fn said(told: &[(String, String)], about: &str) -> Vec<String> {
    told.iter().filter(|(what, _)| what == about).map(|(_, who)| who.clone()).collect()
}

#[tokio::test]
async fn who_decided_hears_what_the_agent_reports_and_nobody_else() {
    let server = TestServer::start().await;
    let (agent, ana, admin) = (server.asker(), server.approver("ana").await, server.admin());
    let mut postbox = Mailbox::start().await;
    let channel = mail(&admin, &postbox, None).await;
    let asked = agent.ask("deploy").await;
    let first = postbox.several(2).await.remove(0);
    assert_eq!(first.to, ANA);
    told(&admin, &channel).await;
    ana.approve(&asked).await.expect(200);
    postbox.next().await;
    agent.consume(&asked).await.expect(200);
    let words = "done in 3 s\n\u{202e}gnp.exe <script>alert(1)</script>";
    report(&agent, &asked, "succeeded", words).await;
    let letter = postbox.next().await;
    assert_eq!(letter.to, ANA);
    assert!(letter.subject().contains("The agent reports that it ran"));
    assert_eq!(letter.header("In-Reply-To"), Some(first.id()));
    assert!(letter.text().contains("In the agent's words, NOT VERIFIED"), "{}", letter.text());
    assert!(letter.text().contains("<U+202E>gnp.exe") && !letter.text().contains('\u{202e}'));
    assert_eq!(letter.text().matches("<script").count(), 1, "in the plain half alone");
    // Reported once more, it is told no second time; and its claim was not to be told at all.
    report(&agent, &asked, "succeeded", words).await;
    let all = told(&admin, &channel).await;
    assert_eq!(said(&all, "reported"), [ANA]);
    assert_eq!(said(&all, "claimed"), Vec::<String>::new());
    assert!(postbox.is_quiet());
}

#[tokio::test]
async fn how_much_is_told_is_said_by_the_channel() {
    for (afterwards, claims, reports) in [("all", 1, 1), ("outcome", 0, 1), ("none", 0, 0)] {
        let server = TestServer::start().await;
        let (agent, admin) = (server.asker(), server.admin());
        let mut postbox = Mailbox::start().await;
        let channel = mail(&admin, &postbox, Some(afterwards)).await;
        let asked = agent.ask("deploy").await;
        postbox.next().await;
        told(&admin, &channel).await;
        server.dev().approve(&asked).await.expect(200);
        agent.consume(&asked).await.expect(200);
        report(&agent, &asked, "failed", "").await;
        let all = told(&admin, &channel).await;
        assert_eq!((said(&all, "claimed").len(), said(&all, "reported").len()), (claims, reports));
        for _ in 0..claims {
            assert!(postbox.next().await.subject().contains("The agent has your answer"));
        }
        for _ in 0..reports {
            let letter = postbox.next().await;
            assert!(letter.subject().contains("The agent reports that it failed"));
            assert!(!letter.text().contains("NOT VERIFIED"), "it said nothing");
        }
        assert!(postbox.is_quiet());
    }
}

#[tokio::test]
async fn who_was_never_mailed_and_used_no_link_hears_nothing() {
    let server = TestServer::start().await;
    let (agent, ana, admin) = (server.asker(), server.approver("ana").await, server.admin());
    // Asked and decided before there was any mail.
    let asked = agent.ask("deploy").await;
    ana.approve(&asked).await.expect(200);
    let mut postbox = Mailbox::start().await;
    let channel = mail(&admin, &postbox, Some("all")).await;
    agent.consume(&asked).await.expect(200);
    report(&agent, &asked, "succeeded", "done").await;
    assert_eq!(told(&admin, &channel).await, []);

    // Taken down before it was reported: nobody is told by what it was then.
    let asked = agent.ask("later").await;
    postbox.several(2).await;
    told(&admin, &channel).await;
    server.dev().approve(&asked).await.expect(200);
    postbox.next().await;
    agent.consume(&asked).await.expect(200);
    assert_eq!(postbox.next().await.to, DEV);
    let quiet = json!({ "afterwards": "none" });
    admin.call(Method::PATCH, channel.as_str()).json(&quiet).send().await.expect(200);
    report(&agent, &asked, "succeeded", "done").await;
    let all = told(&admin, &channel).await;
    assert_eq!(said(&all, "reported"), Vec::<String>::new());
    assert!(postbox.is_quiet());
}
