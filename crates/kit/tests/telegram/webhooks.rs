//! Webhooks: what may be set, what reaches one, and how often it is tried.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use askfirst_kit::telegram::{Options, Telegram};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Stage, stage};

#[tokio::test]
async fn a_webhook_has_to_be_one_that_telegram_would_call() {
    let stage = stage().await;
    for (told, wrong) in [
        (json!({ "url": "no url" }), "invalid webhook URL specified"),
        (
            json!({ "url": "http://example.org/hook" }),
            "bad webhook: An HTTPS URL must be provided for webhook",
        ),
        (
            json!({ "url": "https://example.org:444/hook" }),
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        (
            json!({ "url": "https://example.org/", "secret_token": "a b" }),
            "secret token contains unallowed characters",
        ),
        (
            json!({ "url": "https://example.org/", "secret_token": "a".repeat(257) }),
            "secret token is too long",
        ),
    ] {
        let refused = stage.refused("setWebhook", told).await;
        assert_eq!(refused, format!("400 Bad Request: {wrong}"));
    }
    let good = json!({ "url": "https://example.org:8443/hook", "secret_token": "a".repeat(256) });
    stage.done("setWebhook", good).await;
    let info = stage.done("getWebhookInfo", json!({})).await;
    assert_eq!(info["url"], "https://example.org:8443/hook");
    assert_eq!(info["pending_update_count"], 1);
    let refused = stage.refused("getUpdates", json!({})).await;
    assert_eq!(
        refused,
        "409 Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to \
         delete the webhook first"
    );
    stage.done("deleteWebhook", json!({ "drop_pending_updates": true })).await;
    assert_eq!(stage.done("getUpdates", json!({})).await, json!([]));
}

#[tokio::test]
async fn a_webhook_ends_the_poll_that_waits() {
    let stage = stage().await;
    let offset = json!({ "offset": 2_000_000_000, "timeout": 50 });
    let set = async {
        let waits =
            |world: &askfirst_kit::telegram::World| (world.polls(stage.bot.id) == 1).then_some(());
        stage.telegram.wait_for("a poll", waits).await.unwrap();
        stage.done("setWebhook", json!({ "url": "https://example.org/" })).await;
    };
    let (poll, ()) = tokio::join!(stage.refused("getUpdates", offset), set);
    assert_eq!(poll, "409 Conflict: terminated by setWebhook request");
}

/// What reached a receiver: its secret and its body.
type Heard = mpsc::UnboundedReceiver<(Option<String>, Value)>;

/// Answers with these statuses, one after the other, and then with 200.
async fn receiver(mut statuses: Vec<u16>) -> (String, Heard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
    let (tell, heard) = mpsc::unbounded_channel();
    statuses.reverse();
    let statuses = Arc::new(Mutex::new(statuses));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (tell, statuses) = (tell.clone(), Arc::clone(&statuses));
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let (tell, statuses) = (tell.clone(), Arc::clone(&statuses));
                async move {
                    assert_eq!(request.uri().path_and_query().unwrap(), "/hook?a=b");
                    let secret = request.headers().get("x-telegram-bot-api-secret-token");
                    let secret = secret.map(|secret| secret.to_str().unwrap().to_owned());
                    let body = request.into_body().collect().await?.to_bytes();
                    tell.send((secret, serde_json::from_slice(&body).unwrap())).unwrap();
                    let status = statuses.lock().unwrap().pop().unwrap_or(200);
                    let response = Response::builder().status(status);
                    Ok::<_, hyper::Error>(response.body(Full::new(Bytes::new())).unwrap())
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (url, heard)
}

async fn open_stage() -> Stage {
    let options = Options { allow_http_webhooks: true, ..Options::default() };
    let telegram = Telegram::with(options).await.unwrap();
    let bot = telegram.bot("deploy_bot");
    let ana = telegram.person("Ana");
    telegram.presses_start(&ana, &bot, None).unwrap();
    let chat = bot.chat(&ana);
    Stage { telegram, bot, ana, chat }
}

#[tokio::test]
async fn an_update_comes_with_the_secret_until_it_is_taken() {
    let stage = open_stage().await;
    let (url, mut heard) = receiver(vec![200, 500, 503]).await;
    let card = stage.card().await;
    stage.done("setWebhook", json!({ "url": url, "secret_token": "s3cret" })).await;
    let (secret, first) = heard.recv().await.unwrap();
    assert_eq!(secret.as_deref(), Some("s3cret"));
    assert_eq!(first["message"]["text"], "/start");
    stage.telegram.taps(&stage.ana, stage.chat, card, "Approve").unwrap();
    let (_, tap) = heard.recv().await.unwrap();
    let bot = stage.bot.id;
    for (refused, again) in [(500, 1), (503, 2)] {
        let word = format!("Wrong response from the webhook: {refused}");
        loop {
            let info = stage.done("getWebhookInfo", json!({})).await;
            if info["last_error_message"].as_str().is_some_and(|told| told.starts_with(&word)) {
                break;
            }
        }
        stage.telegram.pass(Duration::from_secs(again));
        assert_eq!(heard.recv().await.unwrap().1, tap);
    }
    let none = |world: &askfirst_kit::telegram::World| (world.pending(bot) == 0).then_some(());
    stage.telegram.wait_for("nothing to be left", none).await.unwrap();
}

#[tokio::test]
async fn one_persons_updates_come_in_order_and_others_do_not_wait() {
    let stage = open_stage().await;
    let (url, mut heard) = receiver(vec![200, 500]).await;
    let ben = stage.telegram.person("Ben");
    stage.done("setWebhook", json!({ "url": url })).await;
    assert_eq!(heard.recv().await.unwrap().1["message"]["text"], "/start");
    stage.telegram.writes(&stage.ana, stage.chat, "one").unwrap();
    assert_eq!(heard.recv().await.unwrap().1["message"]["text"], "one");
    stage.telegram.writes(&stage.ana, stage.chat, "two").unwrap();
    stage.telegram.presses_start(&ben, &stage.bot, Some("ben")).unwrap();
    assert_eq!(heard.recv().await.unwrap().1["message"]["text"], "/start ben");
    stage.telegram.pass(Duration::from_secs(1));
    assert_eq!(heard.recv().await.unwrap().1["message"]["text"], "one");
    assert_eq!(heard.recv().await.unwrap().1["message"]["text"], "two");
}
