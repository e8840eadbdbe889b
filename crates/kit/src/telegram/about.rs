//! What bots can ask and set about themselves and their chats, besides messages.

use serde_json::{Value, json};

use super::chat::{Chat, Kind, Standing};
use super::parameters::Parameters;
use super::refusal::Refusal;
use super::world::World;

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

impl World {
    pub(super) fn get_me(&self, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
        parameters.only("getMe", &[])?;
        let account = self.accounts.get(&bot).ok_or_else(unauthorized)?;
        let mut value = Self::bot_value(account);
        value["can_join_groups"] = json!(true);
        for name in [
            "can_read_all_group_messages",
            "supports_inline_queries",
            "can_connect_to_business",
            "has_main_web_app",
        ] {
            value[name] = json!(false);
        }
        Ok(value)
    }

    pub(super) fn get_chat(&self, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
        parameters.only("getChat", &["chat_id"])?;
        let chat = self.readable(bot, parameters)?;
        let mut value = self.chat_value(chat);
        value["accent_color_id"] = json!(0);
        value["max_reaction_count"] = json!(11);
        value["accepted_gift_types"] = json!({
            "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false,
            "premium_subscription": false, "gifts_from_channels": false,
        });
        if chat.id() < 0 {
            let muted = self.rooms.get(&chat).is_some_and(|room| {
                room.bots.values().any(|standing| *standing == Standing::Muted)
            });
            value["permissions"] = permissions(!muted);
        }
        Ok(value)
    }

    pub(super) fn get_chat_member(
        &self,
        bot: i64,
        parameters: &Parameters,
    ) -> Result<Value, Refusal> {
        parameters.only("getChatMember", &["chat_id", "user_id"])?;
        let chat = self.readable(bot, parameters)?;
        let wanted = parameters.integer("user_id").unwrap_or_default();
        let room = self.rooms.get(&chat).ok_or_else(|| Refusal::bad("chat not found"))?;
        if let Some(account) = self.accounts.get(&wanted) {
            let standing = room.bots.get(&wanted).copied().unwrap_or(Standing::Left);
            return Ok(member(Self::bot_value(account), standing));
        }
        let Some(person) = self.people.get(&wanted) else {
            return Err(Refusal::bad("invalid user_id specified"));
        };
        let is_in = room.people.contains(&wanted);
        Ok(member(person.value(), if is_in { Standing::Member } else { Standing::Left }))
    }

    pub(super) fn leave_chat(
        &mut self,
        bot: i64,
        parameters: &Parameters,
    ) -> Result<Value, Refusal> {
        parameters.only("leaveChat", &["chat_id"])?;
        let chat = self.place(bot, parameters, false)?;
        if let Chat::Private { .. } = chat {
            return Err(Refusal::bad("chat member status can't be changed in private chats"));
        }
        if let Some(room) = self.rooms.get_mut(&chat) {
            room.bots.insert(bot, Standing::Left);
        }
        Ok(json!(true))
    }

    pub(super) fn chat_action(&self, bot: i64, parameters: &Parameters) -> Result<Value, Refusal> {
        parameters.only("sendChatAction", &["chat_id", "message_thread_id", "action"])?;
        let action = parameters.text("action").unwrap_or_default();
        if !ACTIONS.contains(&action.as_str()) {
            return Err(Refusal::bad("wrong parameter action in request"));
        }
        self.place(bot, parameters, true)?;
        Ok(json!(true))
    }

    pub(super) fn commands(
        &mut self,
        bot: i64,
        method: &str,
        parameters: &Parameters,
    ) -> Result<Value, Refusal> {
        let known: &[&str] = match method {
            "setMyCommands" => &["commands", "scope", "language_code"],
            _ => &["scope", "language_code"],
        };
        parameters.only(method, known)?;
        let account = self.accounts.get_mut(&bot).ok_or_else(unauthorized)?;
        match method {
            "getMyCommands" => return Ok(account.commands.clone()),
            "deleteMyCommands" => account.commands = json!([]),
            _ => {
                let commands = parameters.json("commands", "commands")?.unwrap_or_default();
                check_commands(&commands)?;
                account.commands = commands;
            }
        }
        Ok(json!(true))
    }

    /// The chat that a call means, if the bot may see it.
    fn readable(&self, bot: i64, parameters: &Parameters) -> Result<Chat, Refusal> {
        let id = parameters.integer("chat_id").unwrap_or_default();
        let chat = if id > 0 { Chat::Private { bot, person: id } } else { Chat::Shared(id) };
        // Of basic groups Telegram tells more than one may do there.
        match self.rooms.get(&chat) {
            Some(room) if room.kind == Kind::Group && room.bots.contains_key(&bot) => Ok(chat),
            Some(room) if room.kind == Kind::Private && room.started => Ok(chat),
            _ => self.place(bot, parameters, false),
        }
    }
}

/// What the token's owner is told when it is no good any more.
pub(super) fn unauthorized() -> Refusal {
    Refusal::new(401, "Unauthorized")
}

fn check_commands(commands: &Value) -> Result<(), Refusal> {
    let expected = || Refusal::bad("expected an Array of BotCommand");
    let commands = commands.as_array().ok_or_else(expected)?;
    for command in commands {
        let word = command["command"].as_str().unwrap_or_default();
        let word = word.strip_prefix('/').unwrap_or(word);
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=32).contains(&word.len()) || !word.chars().all(good) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        let about = command["description"].as_str().unwrap_or_default().chars().count();
        if !(1..=256).contains(&about) {
            return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    if commands.len() > 100 {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    Ok(())
}

/// How somebody stands in a chat, as the API has it.
pub(super) fn member(user: Value, standing: Standing) -> Value {
    match standing {
        Standing::Member => json!({ "user": user, "status": "member" }),
        Standing::Left => json!({ "user": user, "status": "left" }),
        Standing::Kicked => json!({ "user": user, "status": "kicked", "until_date": 0 }),
        Standing::Muted => {
            let mut value = permissions(false);
            value["user"] = user;
            value["status"] = json!("restricted");
            value["is_member"] = json!(true);
            value["until_date"] = json!(0);
            value
        }
        Standing::Administrator => {
            let mut value = json!({ "user": user, "status": "administrator" });
            for right in [
                "can_be_edited",
                "is_anonymous",
                "can_manage_chat",
                "can_delete_messages",
                "can_manage_video_chats",
                "can_restrict_members",
                "can_promote_members",
                "can_change_info",
                "can_invite_users",
                "can_post_stories",
                "can_edit_stories",
                "can_delete_stories",
                "can_send_welcome_messages",
                "can_post_messages",
                "can_edit_messages",
                "can_pin_messages",
                "can_manage_topics",
            ] {
                let granted = ["can_manage_chat", "can_delete_messages", "can_post_messages"];
                value[right] = json!(granted.contains(&right));
            }
            value
        }
    }
}

fn permissions(writes: bool) -> Value {
    let mut value = json!({ "can_send_messages": writes });
    for right in [
        "can_send_audios",
        "can_send_documents",
        "can_send_photos",
        "can_send_videos",
        "can_send_video_notes",
        "can_send_voice_notes",
        "can_send_polls",
        "can_send_other_messages",
        "can_add_web_page_previews",
        "can_react_to_messages",
        "can_edit_tag",
        "can_change_info",
        "can_invite_users",
        "can_pin_messages",
        "can_manage_topics",
    ] {
        value[right] = json!(false);
    }
    value
}
