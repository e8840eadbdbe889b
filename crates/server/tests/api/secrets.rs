//! A secret is told once, to who asked for it. No other answer, no line of log, no audit entry
//! and no byte of the database has it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::subscriber::set_default;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::TestServer;
use crate::support::client::path_of;

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}

// One thread runs the story and the server, so the thread's own subscriber hears everything.
#[tokio::test(flavor = "current_thread")]
async fn secrets_are_told_once_and_kept_nowhere() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _hearing = set_default(subscriber);

    let server = TestServer::start().await;
    let (agent, dev, admin) = (server.asker(), server.dev(), server.admin());
    let ana = server.workspace().member("ana").await;
    let key = json!({ "name": "k", "scopes": ["ask"] });
    let made = admin.post("/v1/keys", &key).send().await.expect(201);
    let link = admin.post(format!("/v1/members/{ana}/login-link"), &json!({}));
    let link = link.send().await.expect(201);
    let token = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let secrets = [
        server.ready.agent_key.clone(),
        server.ready.approver_key.clone(),
        server.ready.admin_key.clone(),
        made["key"].as_str().unwrap().to_owned(),
        token(link["url"].as_str().unwrap()),
        token(&server.ready.login_url),
    ];

    let mut answers = Vec::new();
    let asked = agent.ask("deploy").await;
    answers.push(asked.to_string());
    answers.push(dev.approve(&asked).await.expect(200).to_string());
    agent.proof(&asked).await;
    for client in [&agent, &dev, &admin] {
        for path in [
            "/v1/approvals",
            "/v1/policies",
            "/v1/members",
            "/v1/groups",
            "/v1/keys",
            "/v1/audit?limit=100",
            "/v1/workspace",
            "/v1/openapi.json",
            "/readyz",
        ] {
            answers.push(String::from_utf8_lossy(&client.get(path).await.body).into_owned());
        }
        let bundle = client.get(path_of(&asked, "/proof?format=bundle")).await;
        answers.push(String::from_utf8_lossy(&bundle.body).into_owned());
    }
    // Mistakes do not echo what was sent.
    for secret in &secrets {
        for path in [
            format!("/v1/approvals?key={secret}"),
            format!("/v1/keys/{secret}"),
            format!("/login/{secret}x"),
        ] {
            answers.push(String::from_utf8_lossy(&agent.get(path).await.body).into_owned());
        }
        let broken = format!("{}x", &secret[..secret.len() - 1]);
        let refused = server.with_key(&broken).get("/v1/approvals").await;
        assert!(!contains(&refused.body, &broken[..broken.len() - 1]));
    }
    let log = log.0.lock().unwrap().clone();
    assert!(contains(&log, "answered"), "the log was heard");
    let picture = server.picture().concat();
    assert!(contains(&picture, "deploy"), "the database was read");
    for secret in &secrets {
        // Without its checksum a key is as good as a key.
        let most = &secret[..secret.len().min(50)];
        assert!(answers.iter().all(|answer| !answer.contains(most)));
        assert!(!contains(&log, most));
        assert!(!contains(&picture, most));
    }
}
