//! `/v1/channels/{id}/rooms`: groups into which a bot writes what is asked, beside the people.

use askfirst_core::{ChannelId, ChatRoom, RoomId};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::channels::{ChannelView, view};
use super::problem::Problem;
use super::request::Body;
use crate::app::App;
use crate::service::rooms::RoomWish;
use crate::service::{Caller, ServiceError};

/// A group into which a bot writes, or a topic in one.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomView {
    /// `rom_…`
    id: String,
    /// Telegram's number of the group, below zero.
    chat: i64,
    /// The topic in it; null for the group itself.
    topic: Option<i64>,
    /// What it was called when it was added.
    title: String,
}

impl From<ChatRoom> for RoomView {
    fn from(room: ChatRoom) -> Self {
        let ChatRoom { id, chat, topic, title, passes_on: _ } = room;
        Self { id: id.to_string(), chat, topic, title }
    }
}

/// A group to write into. The bot is in it already.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    /// Its number, below zero: the bot says it when it is added to the group, or where somebody
    /// writes `/start@` and its name.
    #[schema(example = -1_001_234_567_890_i64)]
    chat: i64,
    /// The topic in it, where the group has topics; absent for the group itself.
    #[serde(default)]
    topic: Option<i64>,
}

/// Have requests written into a group. Everybody there can read them; who decides them, and linked
/// an account, answers there. The bot says so in the group first.
#[utoipa::path(post, path = "/v1/channels/{id}/rooms", tag = "channels",
    params(("id" = String, Path)), request_body = NewRoom,
    responses((status = 201, body = ChannelView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn add_room(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body<NewRoom>,
) -> Result<Response, Problem> {
    let id: ChannelId = id.parse().map_err(|_| ServiceError::NotFound("channel"))?;
    let NewRoom { chat, topic } = body.value;
    let channel = app.service.add_room(&caller, id, RoomWish { chat, topic }).await?;
    Ok((StatusCode::CREATED, Json(view(channel))).into_response())
}

/// Write nothing into a group any more, at once.
#[utoipa::path(delete, path = "/v1/channels/{id}/rooms/{room}", tag = "channels",
    params(("id" = String, Path), ("room" = String, Path)),
    responses((status = 204, description = "Nothing is written there any more"),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove_room(
    State(app): State<App>,
    caller: Caller,
    Path((id, room)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let id: ChannelId = id.parse().map_err(|_| ServiceError::NotFound("channel"))?;
    let room: RoomId = room.parse().map_err(|_| ServiceError::NotFound("group"))?;
    app.service.remove_room(&caller, id, room).await?;
    Ok(StatusCode::NO_CONTENT)
}
