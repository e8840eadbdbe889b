//! Configs: where a program wants its confirmations put. They name ways; who may decide is said by
//! the policy of the key, and by no config.

use askfirst_core::{HitlChannel, HitlConfig, HitlId, HitlStatus, Seconds};
use askfirst_store::{HitlFilter, HitlRecord};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::confirmation::account;
use super::list::{Page, Pagination, wrong};
use super::{CONFIG_ARCHIVED, NO_ENCRYPTION, Nothing, Program, invalid, own, second, ways};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id, Query};
use crate::service::{Caller, ServiceError};

/// How long confirmations wait under a config that does not say, in seconds.
const USUAL_TIMEOUT: u32 = 3_600;

/// A channel, as clients write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelBody {
    r#type: Kind,
    #[serde(default)]
    config: Option<NamesBody>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Telegram,
    Whatsapp,
    Browser,
}

/// Whom a channel names.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamesBody {
    chat_id: Option<String>,
    phone_number: Option<String>,
    bsuid: Option<String>,
}

impl ChannelBody {
    fn channel(self, place: usize) -> Result<HitlChannel, Problem> {
        let NamesBody { chat_id, phone_number, bsuid } = self.config.unwrap_or_default();
        let at = |field: &str, detail| {
            Err(invalid(&format!("/channels/{place}/config/{field}"), detail))
        };
        match (self.r#type, chat_id) {
            (Kind::Telegram, _) if phone_number.is_some() || bsuid.is_some() => {
                at("chat_id", "a chat of Telegram is named by its chat_id alone")
            }
            (Kind::Telegram, Some(chat_id)) => Ok(HitlChannel::Telegram { chat_id }),
            (Kind::Telegram, None) => {
                let place = format!("/channels/{place}/config");
                Err(invalid(&place, "missing field `chat_id`"))
            }
            (Kind::Whatsapp | Kind::Browser, Some(_)) => at("chat_id", "only for telegram"),
            (Kind::Whatsapp, None) => Ok(HitlChannel::Whatsapp { phone_number, bsuid }),
            (Kind::Browser, None) if phone_number.is_some() || bsuid.is_some() => {
                at("phone_number", "only for whatsapp")
            }
            (Kind::Browser, None) => Ok(HitlChannel::Browser {}),
        }
    }
}

fn channels(bodies: Vec<ChannelBody>) -> Result<Vec<HitlChannel>, Problem> {
    let each = bodies.into_iter().enumerate();
    each.map(|(place, body)| body.channel(place)).collect()
}

/// A config to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigBody {
    name: String,
    channels: Vec<ChannelBody>,
    #[serde(default)]
    timeout_seconds: Option<u32>,
    #[serde(default)]
    profile_id: Option<Value>,
    #[serde(default)]
    circle_id: Option<Value>,
}

/// What of a config is otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    channels: Option<Vec<ChannelBody>>,
    #[serde(default)]
    timeout_seconds: Option<u32>,
}

/// A config as it stands.
#[derive(Serialize)]
pub(super) struct ConfigView {
    id: String,
    user_id: String,
    name: String,
    profile_id: Option<String>,
    circle_id: Option<String>,
    channels: Vec<HitlChannel>,
    timeout_seconds: u32,
    status: &'static str,
    keypair: Option<Value>,
    environment: &'static str,
    created_at: String,
    updated_at: String,
}

impl From<HitlRecord> for ConfigView {
    fn from(known: HitlRecord) -> Self {
        let HitlRecord { id, place, config, created_at, updated_at } = known;
        Self {
            id: id.to_string(),
            // The account there is the workspace here.
            user_id: account(place.workspace),
            name: config.name,
            profile_id: None,
            circle_id: None,
            channels: config.channels,
            timeout_seconds: config.timeout.0,
            status: config.status.as_str(),
            keypair: None,
            environment: match place.environment {
                askfirst_core::Environment::Live => "production",
                askfirst_core::Environment::Test | askfirst_core::Environment::Dev => "test",
            },
            created_at: second(created_at),
            updated_at: second(updated_at),
        }
    }
}

/// How a channel stands: pending, as long as its end cannot be reached.
#[derive(Serialize)]
pub(super) struct AuthorizationView {
    channel: &'static str,
    recipient: Option<String>,
    authorization_id: Option<String>,
    status: &'static str,
}

impl AuthorizationView {
    async fn all(
        app: &App,
        caller: &Caller,
        config: &HitlConfig,
    ) -> Result<Vec<Self>, ServiceError> {
        let mut all = Vec::new();
        for channel in &config.channels {
            let active = ways::is_active(app, caller, channel).await?;
            all.push(Self {
                channel: channel.name(),
                recipient: channel.recipient().map(str::to_owned),
                // Nobody was asked for anything, so there is nothing that an id could name.
                authorization_id: None,
                status: if active { "active" } else { "pending" },
            });
        }
        Ok(all)
    }
}

pub(super) async fn add(
    State(app): State<App>,
    Program(caller): Program,
    body: Body<ConfigBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("proof.config");
    let body = body.value;
    for (name, value) in [("profile_id", &body.profile_id), ("circle_id", &body.circle_id)] {
        if value.as_ref().is_some_and(|value| !value.is_null()) {
            let detail = "there are no profiles and circles here; who decides is said by the \
                          policy of the key";
            return Err(invalid(&format!("/{name}"), detail));
        }
    }
    let config = HitlConfig {
        name: body.name,
        channels: channels(body.channels)?,
        timeout: Seconds(body.timeout_seconds.unwrap_or(USUAL_TIMEOUT)),
        status: HitlStatus::Pending,
    };
    let made = app.service.add_hitl(&caller, config, idempotency).await?;
    Ok((StatusCode::CREATED, Json(ConfigView::from(made))).into_response())
}

pub(super) async fn get(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
) -> Result<Json<ConfigView>, Problem> {
    Ok(Json(app.service.hitl(&caller, id).await?.into()))
}

/// Which configs are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    status: Option<HitlStatus>,
    environment: Option<String>,
    profile_id: Option<String>,
    page: Option<u32>,
    limit: Option<u32>,
}

/// Some configs, newest first.
#[derive(Serialize)]
pub(super) struct ConfigList {
    data: Vec<ConfigView>,
    pagination: Pagination,
    limits: Value,
}

pub(super) async fn list(
    State(app): State<App>,
    Program(caller): Program,
    Query(query): Query<ListQuery>,
) -> Result<Json<ConfigList>, Problem> {
    let page = Page::of(query.page, query.limit)?;
    let live = caller.place.environment == askfirst_core::Environment::Live;
    // A key sees its own world and no other; nothing here has a profile.
    let elsewhere = match query.environment.as_deref() {
        None => false,
        Some("production") => !live,
        Some("test") => live,
        Some(_) => return Err(wrong("environment", "production or test")),
    };
    let (found, total) = if elsewhere || query.profile_id.is_some() {
        (Vec::new(), 0)
    } else {
        let filter = HitlFilter { status: query.status, skip: page.skip(), limit: page.limit };
        app.service.hitls(&caller, filter).await?
    };
    let data = found.into_iter().map(ConfigView::from).collect();
    Ok(Json(ConfigList { data, pagination: page.told(total), limits: json!({}) }))
}

/// A config that is not archived.
async fn open(app: &App, caller: &Caller, id: HitlId) -> Result<HitlConfig, Problem> {
    let known = app.service.hitl(caller, id).await?.config;
    if known.status == HitlStatus::Archived {
        let detail = "this config is archived, and stays as it is; make another one";
        return Err(own(CONFIG_ARCHIVED, "Archived", detail));
    }
    Ok(known)
}

pub(super) async fn change(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
    body: Body<ChangeBody>,
) -> Result<Json<ConfigView>, Problem> {
    let idempotency = body.idempotency(format!("proof.config/{id}"));
    let known = open(&app, &caller, id).await?;
    let ChangeBody { name, channels: wanted, timeout_seconds } = body.value;
    let config = HitlConfig {
        name: name.unwrap_or(known.name),
        channels: wanted.map(channels).transpose()?.unwrap_or(known.channels),
        timeout: timeout_seconds.map_or(known.timeout, Seconds),
        status: known.status,
    };
    Ok(Json(app.service.change_hitl(&caller, id, config, idempotency).await?.into()))
}

/// Archives it; again, it stays archived.
pub(super) async fn archive(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
) -> Result<Json<ConfigView>, Problem> {
    let known = app.service.hitl(&caller, id).await?;
    if known.config.status == HitlStatus::Archived {
        return Ok(Json(known.into()));
    }
    let config = HitlConfig { status: HitlStatus::Archived, ..known.config };
    Ok(Json(app.service.change_hitl(&caller, id, config, None).await?.into()))
}

/// A config, and how each of its channels stands.
#[derive(Serialize)]
pub(super) struct FinalView {
    #[serde(flatten)]
    config: ConfigView,
    authorizations: Vec<AuthorizationView>,
}

pub(super) async fn finalize(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
    body: Body<Nothing>,
) -> Result<Json<FinalView>, Problem> {
    let idempotency = body.idempotency(format!("proof.finalize/{id}"));
    let Nothing {} = body.value;
    let config = HitlConfig { status: HitlStatus::Active, ..open(&app, &caller, id).await? };
    let made = app.service.change_hitl(&caller, id, config, idempotency).await?;
    let authorizations = AuthorizationView::all(&app, &caller, &made.config).await?;
    Ok(Json(FinalView { config: made.into(), authorizations }))
}

/// How each channel stands.
#[derive(Serialize)]
pub(super) struct AuthorizedView {
    hitl_id: String,
    authorizations: Vec<AuthorizationView>,
    message: &'static str,
}

/// Asks nobody for their consent: who linked their chat has given it.
pub(super) async fn authorize(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
    body: Body<Nothing>,
) -> Result<Json<AuthorizedView>, Problem> {
    let Nothing {} = body.value;
    let config = open(&app, &caller, id).await?;
    let authorizations = AuthorizationView::all(&app, &caller, &config).await?;
    let message = if authorizations.iter().all(|one| one.status == "active") {
        "every channel can be used"
    } else {
        "a chat of Telegram's can be used once whoever it belongs to has linked it here, as a member, \
         on their profile; other chats and numbers are not written to in this version. Nobody was \
         asked there, and these channels stay pending. People decide by the ways that the admin of \
         this server has set up"
    };
    Ok(Json(AuthorizedView { hitl_id: id.to_string(), authorizations, message }))
}

/// The keys of approvers: none has any.
#[derive(Serialize)]
pub(super) struct KeyList {
    data: [Value; 0],
}

pub(super) async fn approver_keys(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
) -> Result<Json<KeyList>, Problem> {
    app.service.hitl(&caller, id).await?;
    Ok(Json(KeyList { data: [] }))
}

pub(super) async fn no_keys(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
) -> Result<Json<KeyList>, Problem> {
    app.service.hitl(&caller, id).await?;
    Err(Problem::not_found("this config has no keypair; its messages are plain text"))
}

/// A keypair would say that nobody but the approvers can read messages, which is not so here.
pub(super) async fn refuse_keys(
    State(app): State<App>,
    Program(caller): Program,
    Id(id): Id<HitlId>,
    body: Body<Value>,
) -> Result<Json<KeyList>, Problem> {
    drop(body);
    app.service.hitl(&caller, id).await?;
    let detail = "this version keeps no keypairs and reads no encrypted messages; use the config \
                  without one, and send plain text";
    Err(own(NO_ENCRYPTION, "No encryption", detail))
}
