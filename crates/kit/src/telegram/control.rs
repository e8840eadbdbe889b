//! The hands of a test that is no Rust: `POST /_control/<verb>` with JSON, answered with JSON.
//! Chats are given as `chat_id`, and of private ones the bot as `bot` too.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Shared;
use super::chat::{Author, Chat, Kind, Message, Person, Standing};
use super::flood::Limits;
use super::html::Entity;
use super::keyboard;
use super::people::Unable;
use super::refusal::Refusal;
use super::world::{Fault, World};

/// What is asked for, by the verb in the path.
#[derive(Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Bot {
        username: String,
    },
    Person {
        first_name: String,
        id: Option<i64>,
        last_name: Option<String>,
        username: Option<String>,
        language_code: Option<String>,
    },
    Group {
        kind: String,
        title: String,
        bots: Vec<i64>,
        people: Vec<i64>,
    },
    Topic {
        chat_id: i64,
        name: String,
    },
    Start {
        person: i64,
        bot: i64,
        payload: Option<String>,
    },
    Write {
        person: i64,
        bot: Option<i64>,
        chat_id: i64,
        text: String,
        reply_to: Option<i64>,
        thread: Option<i64>,
    },
    Tap {
        person: i64,
        bot: Option<i64>,
        chat_id: i64,
        message: i64,
        button: String,
    },
    Forge {
        person: i64,
        bot: Option<i64>,
        chat_id: i64,
        message: i64,
        data: String,
    },
    Answer {
        tap: String,
    },
    Block {
        person: i64,
        bot: i64,
    },
    Unblock {
        person: i64,
        bot: i64,
    },
    Deactivate {
        person: i64,
    },
    /// `standing` is `member`, `muted`, `administrator`, `left` or `kicked`.
    Stand {
        person: i64,
        bot: i64,
        chat_id: i64,
        standing: String,
    },
    Upgrade {
        person: i64,
        chat_id: i64,
    },
    Delete {
        bot: Option<i64>,
        chat_id: i64,
        message: i64,
    },
    Revoke {
        bot: i64,
    },
    Messages {
        bot: Option<i64>,
        chat_id: i64,
    },
    /// Calls with a number above `after`.
    Calls {
        after: Option<u64>,
    },
    /// The latest updates for a bot, told or not.
    Updates {
        bot: i64,
    },
    Mistakes {},
    Flood {
        bot: i64,
        chat_id: Option<i64>,
        seconds: u64,
    },
    Limit {
        chat_per_second: Option<u32>,
        group_per_minute: Option<u32>,
        bot_per_second: Option<u32>,
    },
    Refuse {
        method: String,
        status: u16,
        description: String,
        parameters: Option<Value>,
    },
    Lose {
        method: String,
    },
    LoseAnswer {
        method: String,
    },
    /// Drops every call from now on, or no more.
    Deaf {
        deaf: bool,
    },
    Pass {
        seconds: u64,
    },
    TapsLive {
        seconds: u64,
    },
    KeepCalls {
        most: usize,
    },
}

/// Does it. 400 with words if it cannot be done.
pub(super) fn answer(shared: &Arc<Shared>, verb: &str, body: &[u8]) -> (u16, Value) {
    let mut given = match serde_json::from_slice(body) {
        _ if body.is_empty() => Map::new(),
        Ok(Value::Object(given)) => given,
        _ => return (400, json!({ "error": "the body is no JSON object" })),
    };
    given.insert("verb".to_owned(), json!(verb));
    let request = match serde_json::from_value(Value::Object(given)) {
        Ok(request) => request,
        Err(error) => return (400, json!({ "error": error.to_string() })),
    };
    let done = match request {
        Request::Bot { username } => {
            let bot = shared.add_bot(&username);
            Ok(json!({ "id": bot.id, "token": bot.token, "username": bot.username }))
        }
        request => perform(&mut shared.world(), request),
    };
    shared.changed();
    match done {
        Ok(value) => (200, value),
        Err(Unable(why)) => (400, json!({ "error": why })),
    }
}

fn perform(world: &mut World, request: Request) -> Result<Value, Unable> {
    match request {
        // Made above, as its webhook needs more than the world.
        Request::Bot { .. } => {}
        Request::Person { first_name, id, last_name, username, language_code } => {
            let id = id.unwrap_or_else(|| world.new_person(&first_name).id);
            let person = Person { id, first_name, last_name, username, language_code };
            let value = person.value();
            world.people.insert(id, person);
            return Ok(value);
        }
        Request::Group { kind, title, bots, people } => {
            let kind = match kind.as_str() {
                "group" => Kind::Group,
                "supergroup" => Kind::Supergroup,
                "channel" => Kind::Channel,
                other => return Err(Unable(format!("there is no kind {other:?} of group"))),
            };
            let chat = world.add_group(kind, &title, &bots, &people);
            return Ok(json!({ "chat_id": chat.id() }));
        }
        Request::Topic { chat_id, name } => {
            return Ok(json!({ "thread": world.add_topic(Chat::Shared(chat_id), &name)? }));
        }
        Request::Start { person, bot, payload } => {
            return Ok(json!({
                "message": world.presses_start(person, bot, payload.as_deref())?,
            }));
        }
        Request::Write { person, bot, chat_id, text, reply_to, thread } => {
            let chat = chat(bot, chat_id)?;
            return Ok(json!({
                "message": world.writes(person, chat, &text, reply_to, thread)?,
            }));
        }
        Request::Tap { person, bot, chat_id, message, button } => {
            let chat = chat(bot, chat_id)?;
            return Ok(json!({ "tap": world.taps(person, chat, message, &button)? }));
        }
        Request::Forge { person, bot, chat_id, message, data } => {
            let chat = chat(bot, chat_id)?;
            return Ok(json!({ "tap": world.taps_with(person, chat, message, &data)? }));
        }
        Request::Answer { tap } => {
            return Ok(world.answer(&tap).map_or(Value::Null, |answer| {
                let after = answer.after.as_secs_f64() * 1000.0;
                json!({ "text": answer.text, "alert": answer.alert, "after_ms": after })
            }));
        }
        Request::Messages { bot, chat_id } => {
            return Ok(world.messages(chat(bot, chat_id)?).map(shown).collect());
        }
        Request::Calls { after } => {
            let after = after.unwrap_or_default();
            let calls = world.calls().filter(|call| call.number > after);
            return Ok(calls.map(super::calls::Call::value).collect());
        }
        Request::Updates { bot } => return Ok(world.updates(bot).cloned().collect()),
        Request::Mistakes {} => {
            return Ok(json!({ "mistakes": world.mistakes(), "disobeyed": world.disobeyed() }));
        }
        Request::Upgrade { person, chat_id } => {
            let chat = world.upgrade(person, Chat::Shared(chat_id))?;
            return Ok(json!({ "chat_id": chat.id() }));
        }
        request => change(world, request)?,
    }
    Ok(json!({}))
}

/// What has nothing to tell afterwards.
fn change(world: &mut World, request: Request) -> Result<(), Unable> {
    match request {
        Request::Block { person, bot } => world.blocks(person, bot)?,
        Request::Unblock { person, bot } => world.unblocks(person, bot)?,
        Request::Deactivate { person } => {
            world.deactivated.insert(person);
        }
        Request::Stand { person, bot, chat_id, standing } => {
            let standing = match standing.as_str() {
                "member" => Standing::Member,
                "muted" => Standing::Muted,
                "administrator" => Standing::Administrator,
                "left" => Standing::Left,
                "kicked" => Standing::Kicked,
                other => return Err(Unable(format!("nobody stands as {other:?}"))),
            };
            world.set_standing(person, bot, Chat::Shared(chat_id), standing)?;
        }
        Request::Delete { bot, chat_id, message } => {
            let chat = chat(bot, chat_id)?;
            if let Some(room) = world.rooms.get_mut(&chat) {
                room.messages.remove(&message);
            }
        }
        Request::Revoke { bot } => {
            if let Some(account) = world.accounts.get_mut(&bot) {
                account.revoked = true;
                account.wake.notify_waiters();
            }
        }
        Request::Flood { bot, chat_id, seconds } => {
            let chat = chat_id.map(|id| chat(Some(bot), id)).transpose()?;
            world.begin_flood(bot, chat, Duration::from_secs(seconds));
        }
        Request::Limit { chat_per_second, group_per_minute, bot_per_second } => {
            world.floods.limits = Limits { chat_per_second, group_per_minute, bot_per_second };
        }
        Request::Refuse { method, status, description, parameters } => {
            let refusal = Refusal { parameters, ..Refusal::new(status, description) };
            world.faults.entry(method).or_default().push_back(Fault::Refuse(refusal));
        }
        Request::Lose { method } => {
            world.faults.entry(method).or_default().push_back(Fault::Lose);
        }
        Request::LoseAnswer { method } => {
            world.faults.entry(method).or_default().push_back(Fault::LoseAnswer);
        }
        Request::Deaf { deaf } => world.deaf = deaf,
        Request::Pass { seconds } => {
            world.clock.pass(Duration::from_secs(seconds));
            for account in world.accounts.values() {
                account.wake.notify_waiters();
            }
        }
        Request::TapsLive { seconds } => world.taps_live = Duration::from_secs(seconds),
        Request::KeepCalls { most } => world.calls.keep_at_most(most),
        _ => {}
    }
    Ok(())
}

fn chat(bot: Option<i64>, id: i64) -> Result<Chat, Unable> {
    match bot {
        _ if id < 0 => Ok(Chat::Shared(id)),
        Some(bot) => Ok(Chat::Private { bot, person: id }),
        None => Err(Unable("a private chat is of a bot too; say which".to_owned())),
    }
}

fn shown(message: &Message) -> Value {
    let (author, by) = match message.author {
        Author::Bot(id) => ("bot", Some(id)),
        Author::Person(id) => ("person", Some(id)),
        Author::Chat => ("chat", None),
    };
    json!({
        "id": message.id, "author": author, "by": by, "text": message.text,
        "entities": message.entities.iter().map(Entity::value).collect::<Vec<_>>(),
        "keyboard": keyboard::value(&message.keyboard)["inline_keyboard"],
        "force_reply": message.force_reply.is_some(), "reply_to": message.reply_to,
        "thread": message.thread, "edits": message.edits, "previews": message.previews,
        "silent": message.silent,
    })
}
