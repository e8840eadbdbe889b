//! Groups into which a bot writes, as owners add them and take them out.

use askfirst_core::{ChannelId, ChatRoom, Problem, RoomId, Scope};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::after::{Told, lead, mistakes};
use super::channels::{ChannelsPage, beside, mistake_at};
use super::fault::{Fault, page};
use super::session::{Nothing, Posted};
use super::shell::{Text, text};
use crate::app::App;
use crate::service::caller::OWNERS;
use crate::service::rooms::RoomWish;

/// One group.
#[derive(Clone, Debug)]
pub(super) struct RoomRow {
    pub(super) id: String,
    pub(super) title: Text,
    pub(super) chat: i64,
    pub(super) topic: Option<i64>,
}

impl RoomRow {
    pub(super) fn new(room: &ChatRoom) -> Self {
        Self {
            id: room.id.to_string(),
            title: text(&room.title),
            chat: room.chat,
            topic: room.topic,
        }
    }
}

/// What stands in the form, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct RoomForm {
    pub(super) chat: String,
    pub(super) topic: String,
    pub(super) mistakes: Vec<Problem>,
}

impl RoomForm {
    /// What is wrong with a field.
    pub(super) fn mistake(&self, field: &str) -> Option<Text> {
        mistake_at(&self.mistakes, field)
    }
}

/// What was typed.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    chat: String,
    #[serde(default)]
    topic: String,
}

impl Wish {
    /// # Errors
    /// All the fields that make no sense by themselves.
    fn read(&self) -> Result<RoomWish, Vec<Problem>> {
        let mut mistakes = Vec::new();
        let mut mistake = |pointer: &str, detail: &str| {
            mistakes.push(Problem { pointer: pointer.into(), detail: detail.into() });
        };
        let chat = self.chat.trim().replace('\u{2212}', "-").parse().unwrap_or_else(|_| {
            mistake("/chat", "write the number that the bot says there, such as -1001234567890");
            0
        });
        let topic = match self.topic.trim() {
            "" => None,
            typed => Some(typed.parse().unwrap_or_else(|_| {
                mistake("/topic", "write the number of the topic, or nothing for the group itself");
                0
            })),
        };
        if mistakes.is_empty() { Ok(RoomWish { chat, topic }) } else { Err(mistakes) }
    }
}

pub(super) async fn add(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Wish>,
) -> Result<Response, Fault> {
    let Posted { by, form: wish } = posted;
    // Who may not is told that, whatever was typed.
    by.caller.need(Scope::Channels, OWNERS)?;
    let id: ChannelId = id.parse().map_err(|_| Fault::NotFound)?;
    let added = match wish.read() {
        Err(mistakes) => Err(mistakes),
        Ok(room) => mistakes(app.service.add_room(&by.caller, id, room).await)?,
    };
    let Err(mistakes) = added else { return Ok(lead("/channels", "room", &by)) };
    let mut details = beside(&mistakes, &["chat", "topic"]);
    details.push(text("Nothing is written into the group."));
    let told = Told { good: false, title: "The group was not added", details };
    let form = RoomForm { chat: wish.chat, topic: wish.topic, mistakes };
    let html =
        ChannelsPage { told: Some(told), room_form: form, ..ChannelsPage::read(&app, &by).await? };
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &html))
}

pub(super) async fn remove(
    State(app): State<App>,
    Path((id, room)): Path<(String, String)>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let id: ChannelId = id.parse().map_err(|_| Fault::NotFound)?;
    let room: RoomId = room.parse().map_err(|_| Fault::NotFound)?;
    app.service.remove_room(&posted.by.caller, id, room).await?;
    Ok(lead("/channels", "roomless", &posted.by))
}

/// What came of adding one, or taking one out.
pub(super) fn told(done: &str) -> Option<Told> {
    match done {
        "room" => Some(Told::good(
            "The bot writes into the group",
            "What is asked from now on comes there, too.",
        )),
        "roomless" => Some(Told::good(
            "Nothing is written into that group any more",
            "The cards that are there can no longer be answered.",
        )),
        _ => None,
    }
}
