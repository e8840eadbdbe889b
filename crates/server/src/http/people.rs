//! `/v1/members` and `/v1/groups`.

use std::collections::BTreeSet;

use askfirst_core::{Delegation, GroupId, MemberId, Role, Timestamp};
use askfirst_store::{Group, Member};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::Problem;
use super::request::{Body, Id, Query, cursor, page_size};
use crate::app::App;
use crate::service::Caller;
use crate::service::people::MemberUpdate;
use crate::service::signin::MadeLink;

/// A person with an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// `mem_…`
    id: String,
    /// Unique in the workspace.
    email: String,
    /// What to call them.
    name: String,
    /// `owner`, `admin`, `policy_editor`, `approver`, `auditor`, or `contact`: somebody without an
    /// account, who decides by links.
    role: &'static str,
    /// False once removed.
    enabled: bool,
    /// When they were added.
    created_at: String,
    /// Who votes in their place, and when; null if nobody does.
    delegation: Option<DelegationView>,
}

/// Who votes in somebody's place for a while.
#[derive(Debug, Serialize, ToSchema)]
struct DelegationView {
    /// `mem_…`
    to: String,
    /// From when on.
    since: String,
    /// Until when.
    until: String,
}

/// Who is to vote in somebody's place, and when.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationBody {
    /// Who, by member id.
    #[schema(value_type = String)]
    to: MemberId,
    /// From when on, RFC 3339; at once if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Until when, RFC 3339; within a year.
    #[schema(value_type = String)]
    until: Timestamp,
}

/// A person to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    email: String,
    name: String,
    /// `owner`, `admin`, `policy_editor`, `approver` (default), `auditor`, or `contact`: somebody
    /// without an account, who decides where a policy says `contact:EMAIL`, by links.
    #[serde(default = "approver")]
    #[schema(value_type = Option<String>)]
    role: Role,
}

const fn approver() -> Role {
    Role::Approver
}

/// What changes about a person; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// False closes the person's sessions, links and decide keys at once.
    #[serde(default)]
    enabled: Option<bool>,
}

/// A page of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberPage {
    data: Vec<MemberView>,
    /// Give this back as `cursor`; null on the last page.
    next_cursor: Option<String>,
}

/// A one-time link that signs a person in.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkView {
    /// Give it to that person only: whoever opens it first is them. Shown this once; null on a
    /// repeat of the same request.
    url: Option<String>,
    /// Until when it can be used; null on a repeat of the same request.
    expires_at: Option<String>,
}

impl LinkView {
    pub(super) fn of(made: Option<MadeLink>) -> Self {
        let (url, expires_at) = made.map(|link| (link.url, link.expires_at.to_string())).unzip();
        Self { url, expires_at }
    }
}

/// Nothing to say; leave it out or send `{}`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoBody {}

/// A named set of people.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupView {
    /// `grp_…`
    id: String,
    /// What policies call it by.
    name: String,
    /// Everyone in it, by id.
    members: Vec<String>,
    /// When it was made.
    created_at: String,
}

/// A group to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// 1 to 64 of a-z, 0-9, `.`, `_`, `-`.
    name: String,
    /// Who is in it, by id.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    members: BTreeSet<MemberId>,
}

/// Who is in a group from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMembers {
    /// Everyone in it, by id.
    #[schema(value_type = Vec<String>)]
    members: BTreeSet<MemberId>,
}

/// All groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupList {
    data: Vec<GroupView>,
    /// Always null: the list is whole.
    next_cursor: Option<String>,
}

/// A page of something.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows in a page, 1 to 100.
    pub(super) limit: Option<u32>,
    /// Where the page before ended.
    pub(super) cursor: Option<String>,
}

fn member_view(member: Member) -> MemberView {
    MemberView {
        id: member.id.to_string(),
        email: member.person.email,
        name: member.person.name,
        role: member.person.role.as_str(),
        enabled: member.person.enabled,
        created_at: member.created_at.to_string(),
        delegation: member.delegation.map(|given| DelegationView {
            to: given.to.to_string(),
            since: given.since.to_string(),
            until: given.until.to_string(),
        }),
    }
}

fn group_view(group: Group) -> GroupView {
    GroupView {
        id: group.id.to_string(),
        name: group.name,
        members: group.members.iter().map(ToString::to_string).collect(),
        created_at: group.created_at.to_string(),
    }
}

/// Add a person.
#[utoipa::path(post, path = "/v1/members", tag = "people", request_body = NewMember,
    responses((status = 201, body = MemberView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn add_member(
    State(app): State<App>,
    caller: Caller,
    body: Body<NewMember>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("members.add");
    let NewMember { email, name, role } = body.value;
    let member = app.service.add_member(&caller, email, name, role, idempotency).await?;
    Ok((StatusCode::CREATED, Json(member_view(member))).into_response())
}

/// List people, oldest first.
#[utoipa::path(get, path = "/v1/members", tag = "people", params(PageQuery),
    responses((status = 200, body = MemberPage)))]
pub async fn list_members(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<MemberPage>, Problem> {
    let limit = page_size(query.limit)?;
    let after = cursor(query.cursor.as_deref())?;
    let mut found = app.service.members(&caller, after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().map(|member| member.id.to_string());
    let data = found.into_iter().map(member_view).collect();
    Ok(Json(MemberPage { data, next_cursor: last.filter(|_| more) }))
}

/// Read one person.
#[utoipa::path(get, path = "/v1/members/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = MemberView), (status = 404, body = Problem)))]
pub async fn get_member(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
) -> Result<Json<MemberView>, Problem> {
    Ok(Json(member_view(app.service.member(&caller, id).await?)))
}

/// Change a person's name or role, or disable them.
#[utoipa::path(patch, path = "/v1/members/{id}", tag = "people", params(("id" = String, Path)),
    request_body = MemberChange,
    responses((status = 200, body = MemberView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn change_member(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
    body: Body<MemberChange>,
) -> Result<Json<MemberView>, Problem> {
    let MemberChange { name, role, enabled } = body.value;
    let update = MemberUpdate { name, role, enabled };
    Ok(Json(member_view(app.service.update_member(&caller, id, update).await?)))
}

/// Make a one-time link that signs a person in. A session that somebody else's link opened
/// votes at assurance `link`.
#[utoipa::path(post, path = "/v1/members/{id}/login-link", tag = "people",
    params(("id" = String, Path)), request_body = Option<NoBody>,
    responses((status = 201, body = LinkView), (status = 404, body = Problem)))]
pub async fn login_link(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
    body: Body<NoBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(format!("members.login_link/{id}"));
    let link = app.service.add_login_link_once(&caller, id, idempotency).await?;
    Ok((StatusCode::CREATED, Json(LinkView::of(link))).into_response())
}

/// Hand a person's votes to another for a while. Both are named in every vote and receipt.
#[utoipa::path(put, path = "/v1/members/{id}/delegation", tag = "people",
    params(("id" = String, Path)), request_body = DelegationBody,
    responses((status = 200, body = MemberView), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn delegate(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
    body: Body<DelegationBody>,
) -> Result<Json<MemberView>, Problem> {
    let DelegationBody { to, since, until } = body.value;
    let since = since.unwrap_or_else(|| app.service.now());
    let delegation = Some(Delegation { to, since, until });
    Ok(Json(member_view(app.service.delegate(&caller, id, delegation).await?)))
}

/// Take a person's votes back to themselves.
#[utoipa::path(delete, path = "/v1/members/{id}/delegation", tag = "people",
    params(("id" = String, Path)),
    responses((status = 204, description = "Taken back"), (status = 404, body = Problem)))]
pub async fn end_delegation(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MemberId>,
) -> Result<StatusCode, Problem> {
    app.service.delegate(&caller, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a group.
#[utoipa::path(post, path = "/v1/groups", tag = "people", request_body = NewGroup,
    responses((status = 201, body = GroupView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn add_group(
    State(app): State<App>,
    caller: Caller,
    body: Body<NewGroup>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency("groups.add");
    let NewGroup { name, members } = body.value;
    let group = app.service.add_group(&caller, name, members, idempotency).await?;
    Ok((StatusCode::CREATED, Json(group_view(group))).into_response())
}

/// List all groups.
#[utoipa::path(get, path = "/v1/groups", tag = "people",
    responses((status = 200, body = GroupList)))]
pub async fn list_groups(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<GroupList>, Problem> {
    let all = app.service.groups(&caller).await?;
    Ok(Json(GroupList { data: all.into_iter().map(group_view).collect(), next_cursor: None }))
}

/// Read one group.
#[utoipa::path(get, path = "/v1/groups/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 200, body = GroupView), (status = 404, body = Problem)))]
pub async fn get_group(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Result<Json<GroupView>, Problem> {
    Ok(Json(group_view(app.service.group(&caller, id).await?)))
}

/// Say who is in a group from now on.
#[utoipa::path(put, path = "/v1/groups/{id}/members", tag = "people",
    params(("id" = String, Path)), request_body = GroupMembers,
    responses((status = 200, body = GroupView), (status = 404, body = Problem)))]
pub async fn set_group(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<GroupId>,
    body: Body<GroupMembers>,
) -> Result<Json<GroupView>, Problem> {
    let group = app.service.set_group(&caller, id, body.value.members).await?;
    Ok(Json(group_view(group)))
}

/// Remove a group.
#[utoipa::path(delete, path = "/v1/groups/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 204, description = "Removed"), (status = 404, body = Problem)))]
pub async fn remove_group(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Result<StatusCode, Problem> {
    app.service.remove_group(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
