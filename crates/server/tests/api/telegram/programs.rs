//! Chats that a program of proof.holdings names: those of people who linked them.

use askfirst_core::Dialect;
use serde_json::{Value, json};

use super::{Scene, votes};
use crate::support::Client;

/// A confirmation under a config that names this chat.
async fn asked(program: &Client, chat: &str) -> Value {
    let channels = json!([{ "type": "telegram", "config": { "chat_id": chat } }]);
    let config = json!({ "name": "Releases", "channels": channels });
    let config = program.post("/api/v1/hitl", &config).send().await.expect(201);
    let body = json!({ "hitl_id": config["id"], "message": "Deploy?" });
    program.post("/api/v1/confirmations", &body).send().await.expect(201)
}

/// How the chat of a confirmation stands, once nothing is on its way to it any more.
async fn settled(program: &Client, confirmation: &Value) -> (String, String) {
    let path = format!("/api/v1/confirmations/{}", confirmation["id"].as_str().unwrap());
    loop {
        let known = program.get(path.as_str()).await.expect(200);
        let [one] = &known["deliveries"].as_array().unwrap()[..] else { panic!("{known}") };
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        if one["status"] != "pending" {
            return (text("status"), text("error"));
        }
    }
}

#[tokio::test]
async fn a_chat_that_a_config_names_counts_once_its_owner_linked_it_and_is_asked() {
    let scene = Scene::begin().await;
    let workspace = scene.server.workspace();
    let (ana, ben) = (scene.linked("ana").await, scene.linked("ben").await);
    workspace.group("sre", &[ana.member]).await;
    let more = json!({ "needs": [{ "from": ["group:sre"] }], "assurance": "chat" });
    workspace.policy("sre", more).await;
    let program = workspace.foreign(Dialect::Proof, "sre").await;
    let chat = |known: &super::Known| known.person.id.to_string();

    let hers = asked(&program, &chat(&ana)).await;
    let card = scene.card(&ana).await;
    assert_eq!(settled(&program, &hers).await, ("sent".into(), String::new()));
    let path = format!("/api/v1/hitl/{}", hers["hitl_id"].as_str().unwrap());
    for call in ["authorize", "finalize"] {
        let path = format!("{path}/{call}");
        let known = program.post(path, &json!({})).send().await.expect(200);
        let [one] = &known["authorizations"].as_array().unwrap()[..] else { panic!("{known}") };
        assert_eq!((&one["status"], &one["recipient"]), (&json!("active"), &json!(chat(&ana))));
    }
    // He linked his chat, and the policy does not ask him.
    let his = asked(&program, &chat(&ben)).await;
    let (status, why) = settled(&program, &his).await;
    assert!(status == "failed" && why.contains("the policy does not name them"), "{why}");
    // Of a group, and of somebody whom nobody here knows.
    for other in ["-1001234567890", "4711"] {
        let (status, why) = settled(&program, &asked(&program, other).await).await;
        assert!(status == "failed" && why.contains("link their Telegram"), "{why}");
    }
    assert_eq!(scene.press(&ana, card.id, "Approve").await, "Recorded, and it is approved.");
    let path = format!("/api/v1/confirmations/{}", hers["id"].as_str().unwrap());
    let known = program.get(path).await.expect(200);
    let said = (&known["status"], &known["response"]["channel"]);
    assert_eq!(said, (&json!("approved"), &json!("telegram")));
    let all = scene.admin.get("/v1/approvals?status=approved").await.expect(200);
    let vote = ("approve".into(), "chat".into(), "telegram".into());
    assert_eq!(votes(&all["data"][0]), [vote]);
}

#[tokio::test]
async fn a_chat_that_cannot_be_written_to_says_so() {
    let scene = Scene::begin().await;
    let workspace = scene.server.workspace();
    let ana = scene.linked("ana").await;
    workspace.policy("open", json!({ "assurance": "chat" })).await;
    let program = workspace.foreign(Dialect::Proof, "open").await;
    scene.telegram.blocks(&ana.person, &scene.bot).unwrap();
    let made = asked(&program, &ana.person.id.to_string()).await;
    let (status, why) = settled(&program, &made).await;
    assert!(status == "failed" && why.contains("could not be brought"), "{why}");
}
