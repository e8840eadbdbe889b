//! A bot that says exactly what a story wants it to say.

use askfirst_kit::telegram::{Bot, Chat, Person, Telegram};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A Telegram with a bot, and Ana, who pressed Start.
pub(crate) struct Stage {
    pub(crate) telegram: Telegram,
    pub(crate) bot: Bot,
    pub(crate) ana: Person,
    pub(crate) chat: Chat,
}

pub(crate) async fn stage() -> Stage {
    let telegram = Telegram::start().await.unwrap();
    let bot = telegram.bot("deploy_bot");
    let ana = telegram.person("Ana");
    telegram.presses_start(&ana, &bot, None).unwrap();
    let chat = bot.chat(&ana);
    Stage { telegram, bot, ana, chat }
}

impl Stage {
    /// What the bot is answered: the status and the body.
    pub(crate) async fn call(&self, method: &str, parameters: Value) -> (u16, Value) {
        self.call_as(&self.bot, method, parameters).await
    }

    pub(crate) async fn call_as(&self, bot: &Bot, method: &str, told: Value) -> (u16, Value) {
        post(&format!("{}/bot{}/{method}", self.telegram.url(), bot.token), &told).await.unwrap()
    }

    /// The result of a call that is taken.
    pub(crate) async fn done(&self, method: &str, parameters: Value) -> Value {
        let (status, answer) = self.call(method, parameters).await;
        assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
        answer["result"].clone()
    }

    /// Status and description of a call that is refused.
    pub(crate) async fn refused(&self, method: &str, parameters: Value) -> String {
        let (status, answer) = self.call(method, parameters).await;
        assert_eq!((&answer["ok"], &answer["error_code"]), (&json!(false), &json!(status)));
        format!("{status} {}", answer["description"].as_str().unwrap())
    }

    /// Sends a text to Ana; returns its number.
    pub(crate) async fn send(&self, text: &str) -> i64 {
        let sent = self.done("sendMessage", json!({ "chat_id": self.ana.id, "text": text })).await;
        sent["message_id"].as_i64().unwrap()
    }

    /// A card with two buttons for Ana; returns its number.
    pub(crate) async fn card(&self) -> i64 {
        let card = json!({
            "chat_id": self.ana.id, "text": "Deploy?",
            "reply_markup": { "inline_keyboard": [[
                { "text": "Approve", "callback_data": "a1", "style": "success" },
                { "text": "Reject", "callback_data": "r1", "style": "danger" },
            ]] },
        });
        self.done("sendMessage", card).await["message_id"].as_i64().unwrap()
    }
}

/// Posts JSON by a connection of its own; `None` if it broke.
pub(crate) async fn post(url: &str, body: &Value) -> Option<(u16, Value)> {
    send(url, "application/json", body.to_string()).await
}

pub(crate) async fn send(url: &str, kind: &str, body: String) -> Option<(u16, Value)> {
    let url = url::Url::parse(url).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = Request::post(url.path())
        .header("host", "localhost")
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = sender.send_request(request).await.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&body).unwrap()))
}
