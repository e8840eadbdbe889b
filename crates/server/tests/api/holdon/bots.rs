//! Bots that come with a stranger's key: they write what is asked into one chat, with buttons that open
//! the page, and hear nothing.

use askfirst_core::Environment;
use askfirst_kit::telegram::{Kind, Message, Telegram};
use askfirst_server::config::outgoing::OutgoingSettings;
use askfirst_server::service::self_service::SelfService;
use serde_json::{Value, json};

use crate::support::TestServer;

async fn open(telegram: &Telegram) -> TestServer {
    let open = SelfService {
        environment: Environment::Live,
        keys_per_hour: 9,
        workspaces: 9,
        mail: None,
        telegram_api: telegram.url(),
        plan: None,
    };
    TestServer::open_with(open, OutgoingSettings::default()).await
}

async fn make(server: &TestServer, token: &str, chat: Value) -> Value {
    let body = json!({ "name": "agent", "telegram_bot_token": token, "telegram_chat_id": chat });
    server.stranger().post("/api/keys", &body).send().await.expect(201)
}

async fn ask(server: &TestServer, made: &Value, more: Value) -> Value {
    let mut body = json!({ "action": "Send $4,200 wire to vendor", "context": "Invoice <8821>" });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    let agent = server.with_key(made["key"].as_str().unwrap());
    agent.post("/api/approvals", &body).send().await.expect(201)
}

/// Where a button leads.
fn leads(card: &Message, label: &str) -> String {
    let button = card.button(label).unwrap_or_else(|| panic!("{label} in {:?}", card.labels()));
    assert_eq!(button.data, None, "nobody hears a button");
    button.url.clone().unwrap()
}

#[tokio::test]
async fn a_key_with_its_own_bot_asks_in_its_chat_and_the_page_decides() {
    let telegram = Telegram::start().await.unwrap();
    let server = open(&telegram).await;
    let bot = telegram.bot("wire_bot");
    let person = telegram.person("John");
    telegram.presses_start(&person, &bot, None).unwrap();
    let chat = bot.chat(&person);
    let made = make(&server, &bot.token, json!(person.id.to_string())).await;
    assert_eq!(made["telegram_chat_id"], person.id.to_string());
    assert!(made.get("telegram").is_none() && !made.to_string().contains(&bot.token), "{made}");

    let asked = ask(&server, &made, json!({ "notify": ["telegram"] })).await;
    assert_eq!(asked["notifications"], json!({ "telegram": { "sent": true } }));
    let card = telegram.card_after(chat, 0).await.unwrap();
    assert!(card.text.contains("Invoice <8821>"), "{}", card.text);
    let url = asked["decision_url"].as_str().unwrap();
    assert_eq!(leads(&card, "Approve"), format!("{url}?suggest=approve"));
    assert_eq!(leads(&card, "Reject"), format!("{url}?suggest=reject"));
    telegram.look(|world| assert_eq!(world.polls(bot.id), 0, "it is somebody else's to hear"));

    let token = url.rsplit_once("/decide/").unwrap().1;
    let body = json!({ "decision": "approved", "decided_by": "John" });
    server.stranger().post(format!("/api/decide/{token}"), &body).send().await.expect(200);
    let says = |world: &askfirst_kit::telegram::World| {
        world.message(chat, card.id).filter(|known| known.text.contains("Approved: ")).cloned()
    };
    let ended = telegram.wait_for("the end on the card", says).await.unwrap();
    assert_eq!(leads(&ended, "Open all of it"), url);

    // Without saying by which way, all that there is is used; and another's is nobody's.
    let asked = ask(&server, &made, json!({})).await;
    assert_eq!(asked["notifications"], json!({ "telegram": { "sent": true } }));
    telegram.card_after(chat, card.id).await.unwrap();
    let other = make(&server, "", Value::Null).await;
    let asked = ask(&server, &other, json!({ "notify": ["telegram"] })).await;
    let why = asked["notifications"]["telegram"]["error"].as_str().unwrap();
    assert!(why.contains("telegram_bot_token"), "{why}");
    telegram.look(|world| assert_eq!(world.mistakes(), [] as [String; 0]));
}

#[tokio::test]
async fn a_bot_that_is_of_no_use_is_told_and_not_kept() {
    let telegram = Telegram::start().await.unwrap();
    let server = open(&telegram).await;
    let bot = telegram.bot("wire_bot");
    let group = telegram.group(Kind::Supergroup, "Payments", &[&bot], &[]);
    let unknown = format!("{}:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", bot.id);
    for (token, chat, words) in [
        ("YOUR_BOT_TOKEN", json!("YOUR_CHAT_ID"), "telegram_bot_token: give the token"),
        (&unknown, json!("1"), "telegram_bot_token: Telegram does not know the token"),
        (&bot.token, json!("1"), "telegram_chat_id: the bot has no chat with this number"),
        (&bot.token, json!(""), "telegram_chat_id: say into which chat"),
        ("", json!(group.id().to_string()), "telegram_bot_token: give the token"),
    ] {
        let made = make(&server, token, chat.clone()).await;
        let why = made["telegram"]["error"].as_str().unwrap();
        assert!(why.contains(words) && why.contains("The key is there"), "{token} {chat}: {why}");
        assert_eq!(
            (&made["telegram_chat_id"], &made["telegram"]["sent"]),
            (&Value::Null, &json!(false))
        );
        let asked = ask(&server, &made, json!({})).await;
        assert_eq!(asked["notifications"], json!({}));
    }
    let made = make(&server, &bot.token, json!(group.id().to_string())).await;
    ask(&server, &made, json!({})).await;
    telegram.card_after(group, 0).await.unwrap();
}
