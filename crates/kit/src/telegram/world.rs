//! All there is in this Telegram, and how it looks to a test. What bots may do with it is in
//! methods.rs, what people do in people.rs.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::calls::{Call, Log};
use super::chat::{Author, Bot, Chat, Message, Person, Room, Standing, value};
use super::clock::Clock;
use super::flood::Floods;
use super::refusal::Refusal;
use super::updates::Updates;
use super::webhook::Webhook;

/// How long Telegram keeps a message for a bot that does not listen, and a tap.
const KEEPS_MESSAGES: Duration = Duration::from_secs(86_400);
const KEEPS_TAPS: Duration = Duration::from_secs(150);

/// So many mistakes are kept.
const MOST_MISTAKES: usize = 1000;

/// What goes wrong with a call, once.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Refuse(Refusal),
    /// Nothing is done until the test lets it.
    Hold(Arc<Notify>),
    /// The connection breaks before anything was done.
    Lose,
    /// It is done, and then the connection breaks.
    LoseAnswer,
}

/// What a person saw after a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Empty: only the progress bar went away.
    pub text: String,
    /// Whether it has to be closed.
    pub alert: bool,
    /// How long the progress bar was there.
    pub after: Duration,
}

pub(super) struct Tap {
    pub(super) bot: i64,
    pub(super) at: Duration,
    pub(super) answer: Option<Answer>,
}

pub(super) struct Account {
    pub(super) bot: Bot,
    pub(super) revoked: bool,
    pub(super) updates: Updates,
    /// Told when there is something for a long poll to look at.
    pub(super) wake: Arc<Notify>,
    /// The latest long poll; the one before ends with a conflict.
    pub(super) poll: u64,
    pub(super) webhook: Option<Webhook>,
    /// Counts up with each `setWebhook`, so that deliveries to the one before end.
    pub(super) webhooks_set: u64,
    pub(super) commands: Value,
    /// People whom the bot has seen anywhere.
    pub(super) seen: HashSet<i64>,
}

/// All there is: bots, people, chats and calls.
pub struct World {
    pub(super) clock: Clock,
    pub(super) accounts: BTreeMap<i64, Account>,
    pub(super) tokens: HashMap<String, i64>,
    pub(super) people: HashMap<i64, Person>,
    pub(super) deactivated: HashSet<i64>,
    pub(super) rooms: HashMap<Chat, Room>,
    pub(super) taps: HashMap<String, Tap>,
    /// How long a tap can be answered.
    pub(super) taps_live: Duration,
    pub(super) floods: Floods,
    pub(super) faults: HashMap<String, VecDeque<Fault>>,
    /// Every call is dropped.
    pub(super) deaf: bool,
    pub(super) calls: Log,
    pub(super) allow_http_webhooks: bool,
    mistakes: Vec<String>,
    random: u64,
}

impl World {
    pub(super) fn new(allow_http_webhooks: bool) -> Self {
        Self {
            clock: Clock::start(),
            accounts: BTreeMap::new(),
            tokens: HashMap::new(),
            people: HashMap::new(),
            deactivated: HashSet::new(),
            rooms: HashMap::new(),
            taps: HashMap::new(),
            taps_live: Duration::from_secs(60),
            floods: Floods::default(),
            faults: HashMap::new(),
            deaf: false,
            calls: Log::default(),
            allow_http_webhooks,
            mistakes: Vec::new(),
            random: RandomState::new().build_hasher().finish(),
        }
    }

    /// What is in the chat now, oldest first. Deleted messages are gone.
    pub fn messages(&self, chat: Chat) -> impl DoubleEndedIterator<Item = &Message> {
        self.rooms.get(&chat).into_iter().flat_map(|room| room.messages.values())
    }

    /// A message as it is now.
    #[must_use]
    pub fn message(&self, chat: Chat, id: i64) -> Option<&Message> {
        self.rooms.get(&chat)?.messages.get(&id)
    }

    /// The messages of bots in the chat, oldest first.
    pub fn cards(&self, chat: Chat) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages(chat).filter(|message| matches!(message.author, Author::Bot(_)))
    }

    /// What the person saw after this tap, once they saw it.
    #[must_use]
    pub fn answer(&self, tap: &str) -> Option<&Answer> {
        self.taps.get(tap)?.answer.as_ref()
    }

    /// All calls that are kept, oldest first.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.all()
    }

    /// The calls of one method, oldest first.
    pub fn calls_of(&self, method: &str) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.all().filter(move |call| call.method == method)
    }

    /// What bots did that Telegram might have let pass, and that is wrong all the same.
    #[must_use]
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    /// Calls that came although the bot had been told to wait.
    #[must_use]
    pub fn disobeyed(&self) -> u64 {
        self.floods.disobeyed
    }

    /// The latest updates for a bot as they are on the wire, told or not, oldest first; 2,000 are
    /// kept.
    pub fn updates(&self, bot: i64) -> impl DoubleEndedIterator<Item = &Value> {
        self.accounts.get(&bot).into_iter().flat_map(|account| account.updates.told())
    }

    /// How much is waiting to be told to the bot.
    #[must_use]
    pub fn pending(&self, bot: i64) -> usize {
        self.accounts.get(&bot).map_or(0, |account| account.updates.waiting().len())
    }

    /// How many long polls the bot has begun.
    #[must_use]
    pub fn polls(&self, bot: i64) -> u64 {
        self.accounts.get(&bot).map_or(0, |account| account.poll)
    }

    pub(super) fn mistake(&mut self, what: String) {
        if self.mistakes.len() < MOST_MISTAKES {
            self.mistakes.push(what);
        }
    }

    /// Steps of a generator by Vigna (splitmix64); nothing here has to be hard to guess.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn bot_value(account: &Account) -> Value {
        json!({
            "id": account.bot.id, "is_bot": true, "first_name": account.bot.username,
            "username": account.bot.username,
        })
    }

    pub(super) fn chat_value(&self, chat: Chat) -> Value {
        let person = match chat {
            Chat::Private { person, .. } => self.people.get(&person),
            Chat::Shared(_) => None,
        };
        self.rooms.get(&chat).map_or(Value::Null, |room| room.value(chat.id(), person))
    }

    /// The message as the API has it, with what it answers.
    pub(super) fn message_value(&self, chat: Chat, message: &Message) -> Value {
        let mut shown = self.bare_value(chat, message);
        let answered = message.reply_to.and_then(|id| self.message(chat, id));
        if let Some(answered) = answered {
            shown["reply_to_message"] = self.bare_value(chat, answered);
        }
        shown
    }

    fn bare_value(&self, chat: Chat, message: &Message) -> Value {
        let from = match message.author {
            Author::Bot(id) => self.accounts.get(&id).map(Self::bot_value),
            Author::Person(id) => self.people.get(&id).map(Person::value),
            Author::Chat => None,
        };
        value(message, from, self.chat_value(chat))
    }

    /// Tells a bot of something.
    pub(super) fn tell(&mut self, bot: i64, kind: &'static str, what: Value, queue: i64) {
        let kept = if kind == "callback_query" { KEEPS_TAPS } else { KEEPS_MESSAGES };
        let until = self.clock.now() + kept;
        if let Some(account) = self.accounts.get_mut(&bot) {
            account.updates.push(kind, what, queue, until);
            account.wake.notify_waiters();
        }
    }

    /// The bots that are in a chat.
    pub(super) fn bots_in(&self, chat: Chat) -> Vec<i64> {
        match chat {
            Chat::Private { bot, .. } => vec![bot],
            Chat::Shared(_) => {
                let bots = self.rooms.get(&chat).into_iter().flat_map(|room| &room.bots);
                let mut bots: Vec<i64> = bots
                    .filter(|(_, standing)| Standing::is_in(**standing))
                    .map(|(bot, _)| *bot)
                    .collect();
                bots.sort_unstable();
                bots
            }
        }
    }

    /// The state in words, for a test that waited in vain.
    pub(super) fn describe(&self) -> String {
        let mut told = String::new();
        let mut chats: Vec<_> = self.rooms.iter().collect();
        chats.sort_by_key(|(chat, _)| **chat);
        for (chat, room) in chats.into_iter().filter(|(_, room)| !room.messages.is_empty()) {
            told += &format!("{chat:?} {:?}\n", room.title);
            for message in room.messages.values().rev().take(20).rev() {
                told += &format!(
                    "  {} {:?} edited {} times {:?} {:?}\n",
                    message.id,
                    message.author,
                    message.edits,
                    message.text,
                    message.labels()
                );
            }
        }
        let calls: Vec<_> = self.calls().rev().take(30).collect();
        for call in calls.into_iter().rev() {
            told += &format!(
                "call {} at {:?} {} {} {}\n",
                call.number,
                call.at,
                call.method,
                call.status,
                call.description.as_deref().unwrap_or_default()
            );
        }
        for mistake in &self.mistakes {
            told += &format!("mistake: {mistake}\n");
        }
        told
    }
}
