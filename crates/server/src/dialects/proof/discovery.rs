//! Finding the id of a chat. There, somebody opens a link at Telegram, and a bot tells which chat
//! that was. This version has no bot, so it gives no link; a token waits and expires.

use std::str::FromStr;

use askfirst_core::{Seconds, Timestamp};
use askfirst_store::Place;
use aws_lc_rs::digest;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::{Nothing, Program};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id};
use crate::mint;

/// For how long a token waits.
const SPAN: Seconds = Seconds(600);
const NO_BOT: &str = "Telegram is not available in this version: there is no bot to write to, so \
                      this stays pending and expires; ask whoever is to be told for the chat's id";

/// When a token expires, an id of its own, and a checksum of both with the place that it is of. It
/// opens nothing, so nothing keeps it, and nobody gains by making one up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    expires_at: i64,
    id: [u8; 12],
    check: [u8; 12],
}

/// A text that is no such token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAToken;

impl Token {
    fn of(place: Place, expires_at: i64, id: [u8; 12]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"askfirst/discovery/1\0");
        context.update(&place.workspace.to_bits().to_be_bytes());
        context.update(place.environment.as_str().as_bytes());
        context.update(&expires_at.to_be_bytes());
        context.update(&id);
        let mut check = [0; 12];
        check.copy_from_slice(&context.finish().as_ref()[..12]);
        Self { expires_at, id, check }
    }

    fn new(place: Place, now: Timestamp) -> Self {
        Self::of(place, now.plus(SPAN).seconds(), mint::short_id())
    }

    fn is_of(self, place: Place) -> bool {
        Self::of(place, self.expires_at, self.id) == self
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [&self.expires_at.to_be_bytes()[..], &self.id, &self.check].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(all))
    }
}

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAToken)?;
        let (expires_at, rest) = bytes.split_first_chunk().ok_or(NotAToken)?;
        let (id, rest) = rest.split_first_chunk().ok_or(NotAToken)?;
        let check = rest.try_into().map_err(|_| NotAToken)?;
        Ok(Self { expires_at: i64::from_be_bytes(*expires_at), id: *id, check })
    }
}

/// A token, and what would lead somebody to a bot.
#[derive(Serialize)]
pub(super) struct DiscoveryView {
    token: String,
    deep_link: Option<String>,
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
    let view = DiscoveryView {
        token: Token::new(caller.place, app.service.now()).to_string(),
        deep_link: None,
        qr_code: None,
        qr_text: None,
        expires_in: SPAN.0,
        message: NO_BOT,
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// What a bot has heard.
#[derive(Serialize)]
pub(super) struct HeardView {
    status: &'static str,
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
    Ok(Json(HeardView { status: if over { "expired" } else { "pending" }, message: NO_BOT }))
}
