//! `/v1/channels`: the ways by which people are told that they are asked, and whether it works.

use askfirst_core::{
    Afterwards, ChannelId, ChannelSettings, EmailSettings, Locale, MailSecurity, Receive,
    TelegramSettings,
};
use askfirst_store::{Channel, Notice, Unreached};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::people::{NoBody, PageQuery};
use super::problem::Problem;
use super::request::{Body, Id, Query, cursor, page_size};
use super::rooms::RoomView;
use super::workspace::present;
use crate::app::App;
use crate::service::bots::{BotUpdate, BotWish};
use crate::service::channels::{ChannelUpdate, ChannelWish, EmailUpdate};
use crate::service::{Caller, ServiceError, mistake};

/// A way to people.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelView {
    /// `chn_…`
    id: String,
    /// `email` or `telegram`.
    kind: &'static str,
    /// What there is to say of its kind.
    #[serde(flatten)]
    own: OwnView,
    /// `en` or `de`.
    #[schema(value_type = String)]
    locale: Locale,
    /// `none`, `outcome` or `all`.
    #[schema(value_type = String)]
    afterwards: Afterwards,
    /// When it was made.
    created_at: String,
    /// How much waits to be told by it.
    waiting: u64,
    /// What went wrong last and what to do; null once something arrived after it.
    last_error: Option<String>,
    /// When that was.
    last_error_at: Option<String>,
    /// Since when it takes nothing, whoever it is for; null while it works. What waits is kept.
    down_since: Option<String>,
    /// When one notice tries it again, while it is down.
    next_probe_at: Option<String>,
    /// Whom it does not reach: the last notice to each was given up. Up to 100, the latest first;
    /// whatever arrives ends it.
    unreached: Vec<UnreachedView>,
}

/// What there is to say of a kind of way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OwnView {
    /// Of mail.
    Email(EmailView),
    /// Of a bot.
    Telegram(BotView),
}

/// The mail server that a way sends by.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmailView {
    /// Its name or address.
    host: String,
    /// Its port.
    port: u16,
    /// `tls`, `starttls` or `none`.
    #[schema(value_type = String)]
    security: MailSecurity,
    /// Who it knows us as.
    username: Option<String>,
    /// The address that mail comes from.
    from: String,
}

/// The bot of Telegram's that speaks for a way.
#[derive(Debug, Serialize, ToSchema)]
pub struct BotView {
    /// Its number.
    bot: i64,
    /// What people find it by, without the `@`.
    bot_username: String,
    /// Where the Bot API is spoken.
    api: String,
    /// How it is heard: `polling` or `webhook`.
    #[schema(value_type = String)]
    receive: Receive,
    /// The groups into which it writes, beside the people.
    rooms: Vec<RoomView>,
}

/// Somebody whom a way does not reach.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnreachedView {
    /// `mem_…`
    member: String,
    /// Their address now.
    address: String,
    /// When the last notice to them was given up.
    since: String,
    /// Why, in words.
    reason: String,
}

impl From<Unreached> for UnreachedView {
    fn from(unreached: Unreached) -> Self {
        Self {
            member: unreached.member.to_string(),
            address: unreached.address,
            since: unreached.since.to_string(),
            reason: unreached.why,
        }
    }
}

/// All ways to people.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelList {
    data: Vec<ChannelView>,
}

/// A way to people to set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannelBody {
    /// `email` or `telegram`.
    #[schema(example = "email")]
    kind: Kind,
    /// Of mail: the mail server's name or address.
    #[serde(default)]
    #[schema(example = "smtp.example.com")]
    host: Option<String>,
    /// Its port; absent for 465 with `tls` and 587 otherwise.
    #[serde(default)]
    port: Option<u16>,
    /// `tls` (from the first byte), `starttls` (after a greeting, and nothing without it) or `none`
    /// (inside only); absent for `starttls`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    security: Option<MailSecurity>,
    /// The name it knows us by, with its password; absent if it asks for none.
    #[serde(default)]
    username: Option<String>,
    /// Kept sealed and shown nowhere again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Zeroizing<String>>,
    /// The address that mail comes from.
    #[serde(default)]
    #[schema(example = "askfirst@example.com")]
    from: Option<String>,
    /// Of a bot of Telegram's: what `@BotFather` gave. Kept sealed and shown nowhere again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token: Option<Zeroizing<String>>,
    /// Where the Bot API is spoken; absent for `https://api.telegram.org`.
    #[serde(default)]
    api: Option<String>,
    /// How it is heard: `polling` (this server asks; works behind any router) or `webhook` (Telegram
    /// calls the public URL); absent for `polling`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    receive: Option<Receive>,
    /// Whether a webhook that was set for the bot elsewhere may go.
    #[serde(default)]
    take_over: bool,
    /// The language that people are written to in, `en` or `de`; absent for `en`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    locale: Option<Locale>,
    /// What those who decided hear of what came of it: what the agent reports (`outcome`, where
    /// nothing is said), also that it has its answer (`all`), or nothing (`none`).
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    afterwards: Option<Afterwards>,
}

/// What is to be otherwise about a way; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChange {
    /// The mail server's name or address.
    #[serde(default)]
    host: Option<String>,
    /// Its port.
    #[serde(default)]
    port: Option<u16>,
    /// `tls`, `starttls` or `none`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    security: Option<MailSecurity>,
    /// The name it knows us by; `null` if it asks for none, and then the password goes.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    username: Option<Option<String>>,
    /// Another password. Absent, the one that is there stays; but with another `host`, `port` or
    /// `security` it has to be given again.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Zeroizing<String>>,
    /// The address that mail comes from.
    #[serde(default)]
    from: Option<String>,
    /// Of a bot: another token of the same bot.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token: Option<Zeroizing<String>>,
    /// Where the Bot API is spoken; with another one the token has to be given again.
    #[serde(default)]
    api: Option<String>,
    /// How it is heard: `polling` or `webhook`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    receive: Option<Receive>,
    /// Whether a webhook that was set for the bot elsewhere may go.
    #[serde(default)]
    take_over: bool,
    /// The language that people are written to in, `en` or `de`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    locale: Option<Locale>,
    /// What those who decided hear of what came of it: `none`, `outcome` or `all`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    afterwards: Option<Afterwards>,
}

/// The kinds of ways.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// By mail.
    Email,
    /// By a bot of Telegram's.
    Telegram,
}

/// How a trial ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrialView {
    /// Whether it was handed over; look whether it arrived.
    sent: bool,
    /// To whom: who is signed in, or who answers for the key.
    to: String,
    /// What went wrong and what to do.
    error: Option<String>,
}

/// What one person was or will be told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeView {
    /// `ntc_…`; with the server's name, the `Message-ID`.
    id: String,
    /// Of which approval.
    approval: String,
    /// Whom; of a group, its id in the shape of a member's.
    member: String,
    /// Their address, or what the group is called.
    address: Option<String>,
    /// `asked`, `changed`, `reminder`, `progress` (a card says what else happened), `ended`, `claimed`
    /// (the agent has its answer) or `reported` (how it says that it went).
    about: &'static str,
    /// Since when it waits.
    at: String,
    /// `waiting`, `sent`, `dropped` (nothing was wanted of them any more) or `dead` (given up).
    state: &'static str,
    /// How often it was tried, leaving out attempts while the channel was down.
    attempts: u32,
    /// When it is tried next, at the earliest.
    next_attempt_at: Option<String>,
    /// When it was handed over, dropped or given up.
    settled_at: Option<String>,
    /// What went wrong last, or why it was dropped.
    reason: Option<String>,
}

/// A page of what people were or will be told, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticePage {
    data: Vec<NoticeView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

pub(super) fn view(channel: Channel) -> ChannelView {
    let kind = channel.settings.kind();
    let (locale, afterwards) = (channel.settings.locale(), channel.settings.afterwards());
    let own = match channel.settings {
        ChannelSettings::Email(EmailSettings { host, port, security, username, from, .. }) => {
            OwnView::Email(EmailView { host, port, security, username, from })
        }
        ChannelSettings::Telegram(TelegramSettings {
            bot, username, api, receive, rooms, ..
        }) => {
            let rooms = rooms.into_iter().map(RoomView::from).collect();
            OwnView::Telegram(BotView { bot, bot_username: username, api, receive, rooms })
        }
    };
    let (at, why) = channel.trouble.unzip();
    let down = channel.down;
    ChannelView {
        id: channel.id.to_string(),
        kind,
        own,
        locale,
        afterwards,
        created_at: channel.created_at.to_string(),
        waiting: channel.waiting,
        last_error: why,
        last_error_at: at.map(|at| at.to_string()),
        down_since: down.map(|down| down.since.to_string()),
        next_probe_at: down.map(|down| down.next_probe_at.to_string()),
        unreached: channel.unreached.into_iter().map(UnreachedView::from).collect(),
    }
}

fn line(notice: Notice) -> NoticeView {
    NoticeView {
        id: notice.id.to_string(),
        approval: notice.approval.to_string(),
        member: notice.member.to_string(),
        address: notice.address,
        about: notice.about.as_str(),
        at: notice.at.to_string(),
        state: notice.state.as_str(),
        attempts: notice.attempts,
        next_attempt_at: notice.next_at.map(|at| at.to_string()),
        settled_at: notice.settled_at.map(|at| at.to_string()),
        reason: notice.why,
    }
}

impl NewChannelBody {
    fn wish(self) -> Result<ChannelWish, ServiceError> {
        let locale = self.locale.unwrap_or_default();
        let afterwards = self.afterwards.unwrap_or_default();
        let missing = |pointer: &str| mistake(pointer, "this kind of channel needs it");
        let not_its = |pointer: &str| mistake(pointer, "this kind of channel has none");
        match self.kind {
            Kind::Email => {
                let others = [
                    ("/token", self.token.is_some()),
                    ("/api", self.api.is_some()),
                    ("/receive", self.receive.is_some()),
                    ("/take_over", self.take_over),
                ];
                if let Some((pointer, _)) = others.into_iter().find(|(_, given)| *given) {
                    return Err(not_its(pointer));
                }
                let security = self.security.unwrap_or(MailSecurity::StartTls);
                let usual = if security == MailSecurity::Tls { 465 } else { 587 };
                let settings = EmailSettings {
                    host: self.host.ok_or_else(|| missing("/host"))?,
                    port: self.port.unwrap_or(usual),
                    security,
                    username: self.username,
                    from: self.from.ok_or_else(|| missing("/from"))?,
                    locale,
                    afterwards,
                };
                Ok(ChannelWish::Email { settings, password: self.password })
            }
            Kind::Telegram => {
                let others = [
                    ("/host", self.host.is_some()),
                    ("/port", self.port.is_some()),
                    ("/security", self.security.is_some()),
                    ("/username", self.username.is_some()),
                    ("/password", self.password.is_some()),
                    ("/from", self.from.is_some()),
                ];
                if let Some((pointer, _)) = others.into_iter().find(|(_, given)| *given) {
                    return Err(not_its(pointer));
                }
                Ok(ChannelWish::Telegram(BotWish {
                    token: self.token.ok_or_else(|| missing("/token"))?,
                    api: self.api,
                    receive: self.receive.unwrap_or_default(),
                    locale,
                    afterwards,
                    take_over: self.take_over,
                }))
            }
        }
    }
}

/// Set up a way to people. Try it with `POST /v1/channels/{id}/test`.
#[utoipa::path(post, path = "/v1/channels", tag = "channels", request_body = NewChannelBody,
    responses((status = 201, body = ChannelView), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    body: Body<NewChannelBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("channels.add");
    let wish = body.value.wish()?;
    let made = app.service.add_channel(&caller, wish, idempotency).await?;
    Ok((StatusCode::CREATED, Json(view(made))).into_response())
}

/// List the ways to people, oldest first, without their secrets.
#[utoipa::path(get, path = "/v1/channels", tag = "channels",
    responses((status = 200, body = ChannelList), (status = 403, body = Problem)))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<ChannelList>, Problem> {
    let found = app.service.channels(&caller).await?;
    Ok(Json(ChannelList { data: found.into_iter().map(view).collect() }))
}

/// Get a way to people.
#[utoipa::path(get, path = "/v1/channels/{id}", tag = "channels", params(("id" = String, Path)),
    responses((status = 200, body = ChannelView), (status = 404, body = Problem)))]
pub async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(view(app.service.channel(&caller, id).await?)))
}

/// Set a way to people up otherwise. What waits to be told goes out by what it is then. A password
/// that is not given again is kept for the same server only.
#[utoipa::path(patch, path = "/v1/channels/{id}", tag = "channels", params(("id" = String, Path)),
    request_body = ChannelChange,
    responses((status = 200, body = ChannelView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    body: Body<ChannelChange>,
) -> Result<Json<ChannelView>, Problem> {
    let ChannelChange { host, port, security, username, password, from, .. } = body.value;
    let email = EmailUpdate { host, port, security, username, password, from };
    let ChannelChange { token, api, receive, take_over, .. } = body.value;
    let bot = BotUpdate { token, api, receive, take_over };
    let ChannelChange { locale, afterwards, .. } = body.value;
    let update = ChannelUpdate { email, bot, locale, afterwards };
    Ok(Json(view(app.service.change_channel(&caller, id, update).await?)))
}

/// Remove a way to people, at once. What waits to be told by it is not told.
///
/// Open cards of a bot lose their buttons and say so, within an hour; whoever has not answered is
/// asked by the next way.
#[utoipa::path(delete, path = "/v1/channels/{id}", tag = "channels", params(("id" = String, Path)),
    responses((status = 204, description = "Nobody is told anything by it any more"),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
) -> Result<StatusCode, Problem> {
    app.service.remove_channel(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test to whoever is signed in, or answers for the key, and nobody else.
#[utoipa::path(post, path = "/v1/channels/{id}/test", tag = "channels",
    params(("id" = String, Path)), request_body = Option<NoBody>,
    responses((status = 200, body = TrialView), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn test(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    _body: Body<NoBody>,
) -> Result<Json<TrialView>, Problem> {
    let trial = app.service.try_channel(&caller, id).await?;
    let error = trial.failure.map(|failure| failure.why);
    Ok(Json(TrialView { sent: error.is_none(), to: trial.to, error }))
}

/// What people were or will be told by a way, newest first. What is settled is forgotten after
/// thirty days.
#[utoipa::path(get, path = "/v1/channels/{id}/notices", tag = "channels",
    params(("id" = String, Path), PageQuery),
    responses((status = 200, body = NoticePage), (status = 404, body = Problem)))]
pub async fn notices(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<NoticePage>, Problem> {
    let limit = page_size(query.limit)?;
    let before = cursor(query.cursor.as_deref())?;
    let mut rows = app.service.notices(&caller, id, before, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().map(|row| row.id.to_string());
    let data = rows.into_iter().map(line).collect();
    Ok(Json(NoticePage { data, next_cursor: last.filter(|_| more) }))
}
