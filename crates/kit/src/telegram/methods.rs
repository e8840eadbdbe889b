//! What bots can do about messages: send, edit, delete, answer taps. Refused in Telegram's order
//! and words; parameters that the kit does not know are refused too.

use serde_json::{Value, json};

use super::calls::Call;
use super::chat::{Author, Chat, Kind, Message, Standing};
use super::flood::TooSoon;
use super::html::utf16;
use super::keyboard::{self, Markup};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::text;
use super::world::{Answer, World};

const LONGEST_ANSWER: usize = 200;

/// What a message is about to say.
struct Content {
    text: super::html::Formatted,
    previews: bool,
    markup: Markup,
}

impl World {
    /// Does what a bot calls for; `getUpdates` is done elsewhere, as it waits.
    pub(super) fn perform(
        &mut self,
        bot: i64,
        method: &str,
        parameters: &Parameters,
        number: u64,
    ) -> Result<Value, Refusal> {
        match method {
            "getMe" => self.get_me(bot, parameters),
            "sendMessage" => self.send_message(bot, parameters, number),
            "editMessageText" => self.edit_text(bot, parameters, number),
            "editMessageReplyMarkup" => self.edit_markup(bot, parameters, number),
            "deleteMessage" => self.delete_message(bot, parameters),
            "answerCallbackQuery" => self.answer_tap(bot, parameters),
            "setWebhook" => self.set_webhook(bot, parameters),
            "deleteWebhook" => self.delete_webhook(bot, parameters),
            "getWebhookInfo" => self.webhook_info(bot, parameters),
            "getChat" => self.get_chat(bot, parameters),
            "getChatMember" => self.get_chat_member(bot, parameters),
            "leaveChat" => self.leave_chat(bot, parameters),
            "sendChatAction" => self.chat_action(bot, parameters),
            "setMyCommands" | "getMyCommands" | "deleteMyCommands" => {
                self.commands(bot, method, parameters)
            }
            _ => Err(Refusal::new(404, "Not Found: method not found")),
        }
    }

    /// The chat that a call means, if the bot may write, or else edit, there.
    pub(super) fn place(
        &self,
        bot: i64,
        parameters: &Parameters,
        writes: bool,
    ) -> Result<Chat, Refusal> {
        let Some(named) = parameters.text("chat_id").filter(|named| !named.is_empty()) else {
            return Err(Refusal::bad("chat_id is empty"));
        };
        let missing = || Refusal::bad("chat not found");
        // A name has to be looked up; no chat here has one.
        let id: i64 = named.trim().parse().map_err(|_| missing())?;
        if id > 0 {
            return self.private_place(bot, id);
        }
        let chat = Chat::Shared(id);
        let room = self.rooms.get(&chat).ok_or_else(missing)?;
        let standing = *room.bots.get(&bot).ok_or_else(missing)?;
        if let Some(to) = room.upgraded_to {
            // What was written before stays behind, and nobody can change it.
            return if writes {
                Err(Refusal::migrated(to))
            } else {
                Err(Refusal::bad("message can't be edited"))
            };
        }
        let what = match room.kind {
            Kind::Group => "group chat",
            Kind::Channel => "channel chat",
            Kind::Private | Kind::Supergroup => "supergroup chat",
        };
        match standing {
            Standing::Kicked => Err(Refusal::forbidden(&format!("bot was kicked from the {what}"))),
            Standing::Left => {
                Err(Refusal::forbidden(&format!("bot is not a member of the {what}")))
            }
            Standing::Muted if writes => {
                Err(Refusal::bad("not enough rights to send text messages to the chat"))
            }
            Standing::Member if writes && room.kind == Kind::Channel => {
                Err(Refusal::bad("need administrator rights in the channel chat"))
            }
            _ => Ok(chat),
        }
    }

    fn private_place(&self, bot: i64, person: i64) -> Result<Chat, Refusal> {
        let chat = Chat::Private { bot, person };
        if !self.people.contains_key(&person) {
            return Err(Refusal::bad("chat not found"));
        }
        let room = self.rooms.get(&chat).filter(|room| room.started);
        let seen = self.accounts.get(&bot).is_some_and(|account| account.seen.contains(&person));
        match room {
            // Whom the bot has never met does not exist for it.
            None if !seen => Err(Refusal::bad("chat not found")),
            _ if self.deactivated.contains(&person) => {
                Err(Refusal::forbidden("user is deactivated"))
            }
            None => Err(Refusal::forbidden("bot can't initiate conversation with a user")),
            Some(room) if room.blocked => Err(Refusal::forbidden("bot was blocked by the user")),
            Some(_) => Ok(chat),
        }
    }

    fn send_message(
        &mut self,
        bot: i64,
        parameters: &Parameters,
        number: u64,
    ) -> Result<Value, Refusal> {
        parameters.only(
            "sendMessage",
            &[
                "chat_id",
                "message_thread_id",
                "text",
                "parse_mode",
                "link_preview_options",
                "disable_notification",
                "protect_content",
                "reply_parameters",
                "reply_markup",
            ],
        )?;
        let content = self.content(parameters, number)?;
        let chat = self.place(bot, parameters, true)?;
        let thread = parameters.integer("message_thread_id").filter(|thread| *thread != 0);
        let room = self.rooms.get(&chat);
        if thread.is_some_and(|id| !room.is_some_and(|room| room.topics.contains_key(&id))) {
            return Err(Refusal::bad("message thread not found"));
        }
        let reply_to = self.reply_to(chat, parameters)?;
        self.count(bot, chat, number)?;
        let mut message = Message::new(Author::Bot(bot), &content.text.text, self.clock.unix());
        message.entities = content.text.entities;
        message.previews = content.previews;
        message.silent = parameters.flag("disable_notification");
        message.thread = thread;
        message.reply_to = reply_to;
        match content.markup {
            Markup::Inline(rows) => message.keyboard = rows,
            Markup::ForceReply(asked) => message.force_reply = Some(asked),
            Markup::Nothing | Markup::RemoveKeyboard => {}
        }
        let room = self.rooms.get_mut(&chat).ok_or_else(|| Refusal::bad("chat not found"))?;
        if room.kind == Kind::Channel {
            message.author = Author::Chat;
        }
        let id = room.keep(message);
        Ok(self.shown(chat, id))
    }

    fn edit_text(
        &mut self,
        bot: i64,
        parameters: &Parameters,
        number: u64,
    ) -> Result<Value, Refusal> {
        parameters.only(
            "editMessageText",
            &[
                "chat_id",
                "message_id",
                "text",
                "parse_mode",
                "link_preview_options",
                "reply_markup",
            ],
        )?;
        let content = self.content(parameters, number)?;
        let rows = keyboard_alone(content.markup)?;
        let (chat, id) = self.editable(bot, parameters)?;
        let same = self.message(chat, id).is_some_and(|message| {
            message.text == content.text.text
                && message.entities == content.text.entities
                && message.keyboard == rows
        });
        not_modified(same)?;
        self.count(bot, chat, number)?;
        self.change(chat, id, |message| {
            message.text = content.text.text;
            message.entities = content.text.entities;
            message.previews = content.previews;
            message.keyboard = rows;
        });
        Ok(self.shown(chat, id))
    }

    fn edit_markup(
        &mut self,
        bot: i64,
        parameters: &Parameters,
        number: u64,
    ) -> Result<Value, Refusal> {
        parameters.only("editMessageReplyMarkup", &["chat_id", "message_id", "reply_markup"])?;
        let markup = parameters.json("reply_markup", "reply keyboard markup")?;
        let rows = keyboard_alone(keyboard::read(markup.as_ref())?)?;
        let (chat, id) = self.editable(bot, parameters)?;
        not_modified(self.message(chat, id).is_some_and(|message| message.keyboard == rows))?;
        self.count(bot, chat, number)?;
        self.change(chat, id, |message| message.keyboard = rows);
        Ok(self.shown(chat, id))
    }

    fn delete_message(&mut self, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
        parameters.only("deleteMessage", &["chat_id", "message_id"])?;
        let chat = self.place(bot, parameters, false)?;
        let id = message_id(parameters)?;
        let room = self.rooms.get_mut(&chat).ok_or_else(|| Refusal::bad("chat not found"))?;
        let Some(message) = room.messages.get(&id) else {
            return Err(Refusal::bad("message to delete not found"));
        };
        let administers = room.bots.get(&bot) == Some(&Standing::Administrator);
        if message.author != Author::Bot(bot) && room.kind != Kind::Private && !administers {
            return Err(Refusal::bad("message can't be deleted"));
        }
        room.messages.remove(&id);
        Ok(json!(true))
    }

    fn answer_tap(&mut self, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
        parameters.only(
            "answerCallbackQuery",
            &["callback_query_id", "text", "show_alert", "cache_time"],
        )?;
        let text = parameters.text("text").unwrap_or_default();
        if utf16(&text) > LONGEST_ANSWER {
            return Err(Refusal::bad("MESSAGE_TOO_LONG"));
        }
        let id = parameters.text("callback_query_id").unwrap_or_default();
        let now = self.clock.now();
        let lives = self.taps_live;
        let tap = self.taps.get_mut(&id).filter(|tap| {
            tap.bot == bot && tap.answer.is_none() && now.saturating_sub(tap.at) <= lives
        });
        let Some(tap) = tap else {
            return Err(Refusal::bad(
                "query is too old and response timeout expired or query ID is invalid",
            ));
        };
        let alert = parameters.flag("show_alert");
        tap.answer = Some(Answer { text, alert, after: now - tap.at });
        Ok(json!(true))
    }

    fn content(&mut self, parameters: &Parameters, number: u64) -> Result<Content, Refusal> {
        let written = parameters.text("text").unwrap_or_default();
        let text = text::read(&written, parameters.text("parse_mode").as_deref())?;
        if text.bare_ampersand {
            self.mistake(format!("call {number}: an & in HTML that was not escaped"));
        }
        if text.entities.len() > text::MOST_ENTITIES {
            self.mistake(format!("call {number}: more entities than Telegram shows"));
        }
        let mut previews = true;
        if let Some(options) = parameters.json("link_preview_options", "link preview options")? {
            let Some(options) = options.as_object() else {
                return Err(Refusal::bad("object expected as link preview options"));
            };
            let known = [
                "is_disabled",
                "url",
                "prefer_small_media",
                "prefer_large_media",
                "show_above_text",
            ];
            keyboard::only(options, &known, "LinkPreviewOptions")?;
            previews = options.get("is_disabled") != Some(&json!(true));
        }
        let markup = parameters.json("reply_markup", "reply keyboard markup")?;
        Ok(Content { text, previews, markup: keyboard::read(markup.as_ref())? })
    }

    fn reply_to(&self, chat: Chat, parameters: &Parameters) -> Result<Option<i64>, Refusal> {
        let Some(reply) = parameters.json("reply_parameters", "reply parameters")? else {
            return Ok(None);
        };
        let Some(reply) = reply.as_object() else {
            return Err(Refusal::bad("object expected as reply parameters"));
        };
        // Without a quote its parse mode says nothing; aiogram sends it all the same.
        let known = ["message_id", "allow_sending_without_reply", "quote_parse_mode"];
        keyboard::only(reply, &known, "ReplyParameters")?;
        let Some(id) = reply.get("message_id").and_then(Value::as_i64) else {
            return Err(Refusal::bad("can't find field \"message_id\""));
        };
        if self.message(chat, id).is_some() {
            return Ok(Some(id));
        }
        if reply.get("allow_sending_without_reply") == Some(&json!(true)) {
            return Ok(None);
        }
        Err(Refusal::bad("message to be replied not found"))
    }

    /// The message that is to be changed, if it is the bot's.
    fn editable(&self, bot: i64, parameters: &Parameters) -> Result<(Chat, i64), Refusal> {
        let id = message_id(parameters)?;
        let chat = self.place(bot, parameters, false)?;
        let message =
            self.message(chat, id).ok_or_else(|| Refusal::bad("message to edit not found"))?;
        let in_channel = message.author == Author::Chat;
        if (message.author != Author::Bot(bot) && !in_channel) || !message.service.is_empty() {
            return Err(Refusal::bad("message can't be edited"));
        }
        Ok((chat, id))
    }

    fn change(&mut self, chat: Chat, id: i64, change: impl FnOnce(&mut Message)) {
        let now = self.clock.unix();
        let message = self.rooms.get_mut(&chat).and_then(|room| room.messages.get_mut(&id));
        if let Some(message) = message {
            change(message);
            message.edits += 1;
            message.edited = Some(now);
        }
    }

    fn shown(&self, chat: Chat, id: i64) -> Value {
        self.message(chat, id).map_or(Value::Null, |message| self.message_value(chat, message))
    }

    /// Counts what is sent against the limits.
    fn count(&mut self, bot: i64, chat: Chat, number: u64) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.floods.count(bot, chat, now).map_err(|TooSoon { seconds, knew }| {
            self.calls.change(number, |call: &mut Call| call.during_flood = knew);
            Refusal::flood(seconds)
        })
    }
}

fn message_id(parameters: &Parameters) -> Result<i64, Refusal> {
    let id = parameters.integer("message_id").filter(|id| *id > 0);
    id.ok_or_else(|| Refusal::bad("message identifier is not specified"))
}

fn keyboard_alone(markup: Markup) -> Result<Vec<Vec<keyboard::Button>>, Refusal> {
    match markup {
        Markup::Nothing => Ok(Vec::new()),
        Markup::Inline(rows) => Ok(rows),
        Markup::ForceReply(_) | Markup::RemoveKeyboard => {
            Err(Refusal::bad("inline keyboard expected"))
        }
    }
}

fn not_modified(same: bool) -> Result<(), Refusal> {
    if !same {
        return Ok(());
    }
    Err(Refusal::bad(
        "message is not modified: specified new message content and reply markup are exactly the \
         same as a current content and reply markup of the message",
    ))
}
