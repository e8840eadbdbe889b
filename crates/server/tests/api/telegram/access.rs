//! What there is for the routes of linked accounts to act on, for the table of who may use them.

use askfirst_core::Scope;
use askfirst_kit::telegram::{Kind, Telegram};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::workspace::Workspace;

/// Path and body for one try: somebody has linked an account, and somebody else shows theirs. Only
/// the credential that made a code can confirm it, so that is nobody of the table.
pub(crate) async fn prepare(
    ours: &Workspace<'_>,
    method: &Method,
    route: &str,
    name: &str,
) -> (String, Option<Value>) {
    let telegram = Telegram::start().await.unwrap();
    let bot = telegram.bot("askfirst_bot");
    let wish = json!({ "kind": "telegram", "token": bot.token, "api": telegram.url() });
    let admin = ours.client(&[Scope::Channels, Scope::Members]).await;
    let made = admin.post("/v1/channels", &wish).send().await.expect(201);
    let channel = made["id"].as_str().unwrap().to_owned();
    let path = |rest: &str| format!("/v1/channels/{channel}{rest}");
    let member = ours.member(name).await.to_string();
    let body = json!({ "member": member });
    let made = admin.post(path("/codes"), &body).send().await.expect(201);
    let code = made["code"].as_str().unwrap().to_owned();
    let person = telegram.person("Ana");
    telegram.presses_start(&person, &bot, Some(&code)).unwrap();
    telegram.card_after(bot.chat(&person), 0).await.unwrap();
    let account = person.id.to_string();
    let confirm = json!({ "code": code, "member": member, "account": account });
    let body = match (method.as_str(), route) {
        ("POST", "/v1/channels/{id}/codes") => Some(body),
        ("POST", "/v1/channels/{id}/codes/look") => Some(json!({ "code": code })),
        ("POST", "/v1/channels/{id}/codes/confirm") => Some(confirm),
        (_, "/v1/channels/{id}/accounts" | "/v1/channels/{id}/accounts/{member}") => {
            admin.post(path("/codes/confirm"), &confirm).send().await.expect(204);
            None
        }
        ("POST", "/v1/channels/{id}/rooms") => Some(json!({ "chat": -1 })),
        ("DELETE", "/v1/channels/{id}/rooms/{room}") => {
            let group = telegram.group(Kind::Group, "Ops", &[&bot], &[&person]);
            let wish = json!({ "chat": group.id() });
            let made = admin.post(path("/rooms"), &wish).send().await.expect(201);
            let room = made["rooms"][0]["id"].as_str().unwrap();
            return (path(&format!("/rooms/{room}")), None);
        }
        _ => panic!("{method} {route} is new: say here how it is tried"),
    };
    (route.replace("{id}", &channel).replace("{member}", &member), body)
}
