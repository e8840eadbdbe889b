//! Stories told on Telegram: the real server, and the strict Telegram of the kit.

pub(crate) mod access;
mod answering;
mod attacks;
mod linking;
mod many;
mod outages;
mod programs;
mod removing;
mod rooms;
mod setting_up;
mod words;

use askfirst_core::{ChannelId, MemberId};
use askfirst_kit::telegram::{Bot, Chat, Message, Person, Telegram};
use serde_json::{Value, json};

use crate::support::{Client, TestServer};

/// A server with a bot, and people who may have linked it.
pub(crate) struct Scene {
    pub(crate) server: TestServer,
    pub(crate) telegram: Telegram,
    pub(crate) bot: Bot,
    pub(crate) admin: Client,
    pub(crate) channel: String,
}

/// Somebody who is known on both sides.
pub(crate) struct Known {
    pub(crate) member: MemberId,
    pub(crate) person: Person,
    pub(crate) chat: Chat,
    /// The last message that was there when they were linked.
    pub(crate) seen: i64,
}

impl Scene {
    pub(crate) async fn begin() -> Self {
        let server = TestServer::start().await;
        let telegram = Telegram::start().await.unwrap();
        let bot = telegram.bot("askfirst_bot");
        let admin = server.admin();
        let wish = json!({ "kind": "telegram", "token": bot.token, "api": telegram.url() });
        let made = admin.post("/v1/channels", &wish).send().await.expect(201);
        let channel = made["id"].as_str().unwrap().to_owned();
        Self { server, telegram, bot, admin, channel }
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v1/channels/{}{rest}", self.channel)
    }

    /// A member who linked an account in a session of their own, after signing in.
    pub(crate) async fn linked(&self, name: &str) -> Known {
        let workspace = self.server.workspace();
        let member = workspace.member(name).await;
        self.link(member, &self.telegram.person(name)).await
    }

    pub(crate) async fn link(&self, member: MemberId, person: &Person) -> Known {
        let cookie = self.server.workspace().sign_in(member).await;
        let token = cookie.split_once('=').unwrap().1;
        let service = &self.server.service;
        let caller = service.caller_by_session(token).await.unwrap().unwrap();
        let channel: ChannelId = self.channel.parse().unwrap();
        let made = service.add_account_code(&caller, channel, member).await.unwrap();
        self.telegram.presses_start(person, &self.bot, Some(&made.code)).unwrap();
        let chat = self.bot.chat(person);
        let welcome = self.telegram.card_after(chat, 0).await.unwrap();
        assert!(welcome.text.contains(&person.first_name), "{}", welcome.text);
        let found = service.account_code(&caller, &made.code).await.unwrap().unwrap();
        let account = found.found.unwrap().id;
        assert_eq!(account, person.id.to_string());
        service.link_account(&caller, &made.code, member, account).await.unwrap();
        Known { member, person: person.clone(), chat, seen: welcome.id }
    }

    /// Waits for the next message to somebody.
    pub(crate) async fn card(&self, to: &Known) -> Message {
        self.telegram.card_after(to.chat, to.seen).await.unwrap()
    }

    /// Waits until a message says something.
    pub(crate) async fn says(&self, to: &Known, message: i64, words: &str) -> Message {
        let found = |world: &askfirst_kit::telegram::World| {
            world.message(to.chat, message).filter(|known| known.text.contains(words)).cloned()
        };
        self.telegram.wait_for(words, found).await.unwrap()
    }

    /// Presses a button; gives what is said to that.
    pub(crate) async fn press(&self, by: &Known, message: i64, button: &str) -> String {
        let tap = self.telegram.taps(&by.person, by.chat, message, button).unwrap();
        self.telegram.answer(&tap).await.unwrap().text
    }

    /// What was counted of chats that came to nothing.
    pub(crate) async fn refused(&self, why: &str) -> u64 {
        let page = self.server.service.counted();
        let line = format!("askfirst_chat_refused_total{{why=\"{why}\"}} ");
        let line =
            page.lines().find_map(|known| known.strip_prefix(line.as_str()).map(str::to_owned));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// Nothing that we sent was wrong.
    pub(crate) fn is_faultless(&self) {
        self.telegram.look(|world| assert_eq!(world.mistakes(), [] as [String; 0]));
    }
}

/// The buttons of a message.
pub(crate) fn labels(message: &Message) -> Vec<String> {
    message.labels().into_iter().flatten().map(str::to_owned).collect()
}

/// A policy under which two of the members have to say yes, known by a chat at least.
pub(crate) async fn two(scene: &Scene) {
    let more = json!({ "needs": [{ "from": ["members"], "count": 2 }], "assurance": "chat" });
    scene.server.workspace().policy("two", more).await;
}

pub(crate) fn votes(approval: &Value) -> Vec<(String, String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let votes = approval["votes"].as_array().unwrap().iter();
    votes
        .map(|vote| (word(&vote["decision"]), word(&vote["assurance"]), word(&vote["via"])))
        .collect()
}
