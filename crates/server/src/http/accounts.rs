//! `/v1/channels/{id}/accounts`: whose chat accounts are. A code shows which account is somebody's;
//! it counts once whoever asked for the code says that the right one was found.

use askfirst_core::{Assurance, ChannelId, ChatAccount, MemberId};
use askfirst_store::Account;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::people::PageQuery;
use super::problem::Problem;
use super::request::{Body, Id, Query, cursor, page_size};
use crate::app::App;
use crate::service::{Caller, Rights, ServiceError};

/// A linked account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// `mem_…`: whose it is.
    member: String,
    /// What the provider knows it by for good.
    account: String,
    /// What they called themselves there when it was linked.
    name: String,
    /// What answers from it count as: `chat`, or less if it was linked by somebody who was known
    /// less surely.
    #[schema(value_type = String)]
    assurance: Assurance,
    /// Since when.
    linked_at: String,
}

/// A page of linked accounts, by the ids of whose they are.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountPage {
    data: Vec<AccountView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// For whom a code is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// `mem_…`; absent for whoever is signed in, or answers for the key.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "mem_01j0000000e008000000000004")]
    member: Option<MemberId>,
}

/// A code, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// Send it to the bot, as `/start CODE`.
    code: String,
    /// Opens the chat with the bot, with the code in it: press Start there.
    link: String,
    /// What the bot is found by, without the `@`.
    bot_username: String,
    /// `mem_…`: for whom it is.
    member: String,
    /// Until when it is good: ten minutes.
    expires_at: String,
}

/// A code to look up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookBody {
    /// The code.
    #[schema(example = "Tm9ib2R5IGV2ZXIgc2VlcyB0aGlzIGNvZGUgdHdpY2U")]
    code: String,
}

/// What became of a code.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundView {
    /// `waiting` (nobody sent it yet), `found` or `linked`.
    state: &'static str,
    /// The account that sent it, for whoever asked for the code to say whether it is the right one.
    found: Option<FoundAccountView>,
}

/// An account that sent a code.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundAccountView {
    /// What the provider knows it by for good.
    account: String,
    /// What they call themselves there, which they choose: look at the number too.
    name: String,
}

/// That the right account was found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    /// The code.
    #[schema(example = "Tm9ib2R5IGV2ZXIgc2VlcyB0aGlzIGNvZGUgdHdpY2U")]
    code: String,
    /// `mem_…`: for whom it was.
    #[schema(value_type = String, example = "mem_01j0000000e008000000000004")]
    member: MemberId,
    /// The account that was found.
    #[schema(example = "7000000001")]
    account: String,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        let ChatAccount { id, name } = account.account;
        Self {
            member: account.member.to_string(),
            account: id,
            name,
            assurance: account.assurance,
            linked_at: account.linked_at.to_string(),
        }
    }
}

/// List whose accounts are linked by a way.
#[utoipa::path(get, path = "/v1/channels/{id}/accounts", tag = "channels",
    params(("id" = String, Path), PageQuery),
    responses((status = 200, body = AccountPage), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_accounts(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<AccountPage>, Problem> {
    let limit = page_size(query.limit)?;
    let after = cursor(query.cursor.as_deref())?;
    let mut rows = app.service.accounts(&caller, id, after, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().map(|row| row.member.to_string());
    let data = rows.into_iter().map(AccountView::from).collect();
    Ok(Json(AccountPage { data, next_cursor: last.filter(|_| more) }))
}

/// Make a code by which somebody shows which account is theirs. The one made before by the same
/// credential for the same person is good no more.
#[utoipa::path(post, path = "/v1/channels/{id}/codes", tag = "channels", params(("id" = String, Path)),
    request_body = Option<CodeBody>,
    responses((status = 201, body = CodeView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn make_code(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    body: Body<CodeBody>,
) -> Result<Response, Problem> {
    let own = match &caller.rights {
        Rights::Key(key) => key.owner,
        Rights::Member { id, .. } | Rights::Link { member: id, .. } => *id,
    };
    let member = body.value.member.unwrap_or(own);
    let made = app.service.add_account_code(&caller, id, member).await?;
    let view = CodeView {
        code: made.code,
        link: made.link,
        bot_username: made.bot,
        member: member.to_string(),
        expires_at: made.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// See what became of a code.
#[utoipa::path(post, path = "/v1/channels/{id}/codes/look", tag = "channels",
    params(("id" = String, Path)), request_body = LookBody,
    responses((status = 200, body = FoundView), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn look_at_code(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    body: Body<LookBody>,
) -> Result<Json<FoundView>, Problem> {
    let found = app.service.account_code(&caller, &body.value.code).await?;
    let found = found.filter(|found| found.channel == id);
    let found = found.ok_or(ServiceError::NotFound("code"))?;
    let state = match (&found.found, found.linked) {
        (_, true) => "linked",
        (Some(_), false) => "found",
        (None, false) => "waiting",
    };
    let found = found.found.map(|known| FoundAccountView { account: known.id, name: known.name });
    Ok(Json(FoundView { state, found }))
}

/// Say that the account which was found is the right one. Only the credential that made the code can.
#[utoipa::path(post, path = "/v1/channels/{id}/codes/confirm", tag = "channels",
    params(("id" = String, Path)), request_body = ConfirmBody,
    responses((status = 204, description = "The account is linked"), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn confirm_account(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
    body: Body<ConfirmBody>,
) -> Result<StatusCode, Problem> {
    let ConfirmBody { code, member, account } = body.value;
    let found = app.service.account_code(&caller, &code).await?;
    found.filter(|found| found.channel == id).ok_or(ServiceError::NotFound("code"))?;
    app.service.link_account(&caller, &code, member, account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say that an account is a member's no more, at once.
#[utoipa::path(delete, path = "/v1/channels/{id}/accounts/{member}", tag = "channels",
    params(("id" = String, Path), ("member" = String, Path)),
    responses((status = 204, description = "It is nobody's any more"), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn unlink_account(
    State(app): State<App>,
    caller: Caller,
    Path((channel, member)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    // What is no id names nothing, like an id of nobody.
    let channel = channel.parse().unwrap_or(ChannelId::from_bits(0));
    let member = member.parse().unwrap_or(MemberId::from_bits(0));
    app.service.unlink_account(&caller, channel, member).await?;
    Ok(StatusCode::NO_CONTENT)
}
