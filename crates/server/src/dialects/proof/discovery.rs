//! Finding the id of a chat: somebody opens a link at Telegram and presses Start there, and the
//! workspace's bot tells which chat that was. Without a bot a token waits and expires.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::{Nothing, Program};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id};
use crate::qr::Qr;
use crate::service::discovery::{SPAN, Token};

const OPEN: &str = "open deep_link on the phone of whoever is to be told, and press Start";
const NO_BOT: &str = "no bot is set up here, or the key is for trying things out: this stays \
                      pending and expires; an admin adds a bot with `askfirst channels add telegram`";

/// A token, and what leads somebody to the bot.
#[derive(Serialize)]
pub(super) struct DiscoveryView {
    token: String,
    deep_link: Option<String>,
    /// A picture of it, a PNG in base64.
    qr_code: Option<String>,
    qr_text: Option<String>,
    expires_in: u32,
    message: &'static str,
}

pub(super) async fn start(
    State(app): State<App>,
    Program(caller): Program,
    body: Body<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = body.value;
    let found = app.service.discover(&caller).await?;
    let view = DiscoveryView {
        token: found.token.to_string(),
        message: if found.link.is_some() { OPEN } else { NO_BOT },
        qr_code: found.link.as_deref().and_then(Qr::of).map(|qr| STANDARD.encode(qr.png())),
        qr_text: found.link.clone(),
        deep_link: found.link,
        expires_in: SPAN.0,
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// What the bot has heard.
#[derive(Serialize)]
pub(super) struct HeardView {
    status: &'static str,
    chat_id: Option<String>,
    user_id: Option<String>,
    username: Option<String>,
    message: &'static str,
}

pub(super) async fn look(
    State(app): State<App>,
    Program(caller): Program,
    Id(token): Id<Token>,
) -> Result<Json<HeardView>, Problem> {
    if !token.is_of(caller.place) {
        return Err(Problem::not_found("there is no such token here"));
    }
    let over = app.service.now().seconds() >= token.expires_at;
    let found = app.service.discovered(token).filter(|_| !over);
    let (status, message) = match (over, &found) {
        (true, _) => ("expired", "this token is over; ask for another one"),
        (false, Some(_)) => ("completed", "this is the chat; it gives nobody a vote"),
        (false, None) => ("pending", "nobody has pressed Start behind the link yet"),
    };
    let username = found.as_ref().and_then(|found| found.username.clone());
    let (chat_id, user_id) = found.map(|found| (found.chat.to_string(), found.by)).unzip();
    Ok(Json(HeardView { status, chat_id, user_id, username, message }))
}
