//! The people of a workspace: who they are, what they may do, their groups; inviting, removing.
//! Whoever may read the audit log may look; only admins find the forms, and the rules check again.

use std::collections::BTreeSet;

use askama::Template;
use askfirst_core::{GroupId, MemberId, Role};
use askfirst_store::{Group, Member};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::fault::{Fault, page};
use super::history::Choice;
use super::session::{Posted, SignedIn};
use super::shell::{Moment, Shell, Text, text};
use crate::app::App;
use crate::service::caller::ADMINS;
use crate::service::people::MemberUpdate;
use crate::service::signin::MadeLink;
use crate::service::{ServiceError, mistake};

/// How many people the page shows.
const MOST: u32 = 500;

/// Everyone, and the groups.
#[derive(Template)]
#[template(path = "people.html")]
pub(super) struct PeoplePage {
    pub(super) shell: Shell,
    pub(super) people: Vec<PersonRow>,
    pub(super) gone: Vec<PersonRow>,
    pub(super) groups: Vec<GroupRow>,
    pub(super) roles: Vec<Choice>,
    /// Whether whoever looks may change anything.
    pub(super) admin: bool,
    /// Whether there are more than fit.
    pub(super) more: bool,
    pub(super) link: Option<NewLink>,
}

/// A link that was just made; it is shown this once.
#[derive(Clone, Debug)]
pub(super) struct NewLink {
    pub(super) email: Text,
    pub(super) url: String,
    pub(super) until: Moment,
}

/// One person.
#[derive(Clone, Debug)]
pub(super) struct PersonRow {
    pub(super) id: String,
    pub(super) name: Text,
    pub(super) email: Text,
    pub(super) role: &'static str,
    pub(super) roles: Vec<Choice>,
    /// Whether they can sign in at all.
    pub(super) has_account: bool,
    /// Whether it is the one who looks.
    pub(super) you: bool,
}

/// One group.
#[derive(Clone, Debug)]
pub(super) struct GroupRow {
    pub(super) id: String,
    pub(super) name: Text,
    pub(super) members: Vec<Text>,
    /// Every address on a line of its own.
    pub(super) addresses: String,
}

fn roles(chosen: Role) -> Vec<Choice> {
    let choice = |role: Role| {
        let word = match role {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::PolicyEditor => "policy editor",
            Role::Approver => "approver",
            Role::Auditor => "auditor",
            Role::Contact => "contact, without an account",
        };
        Choice::new(role.as_str(), word, chosen.as_str())
    };
    // Nobody's account is taken away by a role.
    let offered = |role: &Role| role.has_account() || !chosen.has_account();
    Role::ALL.into_iter().filter(offered).map(choice).collect()
}

impl PeoplePage {
    pub(super) fn new(by: &SignedIn, members: &[Member], groups: &[Group], more: bool) -> Self {
        let row = |member: &Member| PersonRow {
            id: member.id.to_string(),
            name: text(&member.person.name),
            email: text(&member.person.email),
            role: member.person.role.as_str(),
            roles: roles(member.person.role),
            has_account: member.person.role.has_account(),
            you: member.id == by.viewer.member.id,
        };
        let (here, gone): (Vec<_>, Vec<_>) =
            members.iter().partition(|member| member.person.enabled);
        let address = |id: &MemberId| {
            let found = members.iter().find(|member| member.id == *id);
            found.map(|member| member.person.email.clone())
        };
        let group = |group: &Group| {
            let addresses: Vec<_> = group.members.iter().filter_map(address).collect();
            GroupRow {
                id: group.id.to_string(),
                name: text(&group.name),
                members: addresses.iter().map(|address| text(address)).collect(),
                addresses: addresses.join("\n"),
            }
        };
        Self {
            shell: Shell::of("People", "/people", by, by.viewer.now),
            people: here.into_iter().map(row).collect(),
            gone: gone.into_iter().map(row).collect(),
            groups: groups.iter().map(group).collect(),
            roles: roles(Role::Approver),
            admin: ADMINS.contains(&by.viewer.member.person.role),
            more,
            link: None,
        }
    }

    async fn read(app: &App, by: &SignedIn) -> Result<Self, Fault> {
        let mut members = app.service.members(&by.caller, None, MOST + 1).await?;
        let more = members.len() > MOST as usize;
        members.truncate(MOST as usize);
        let groups = app.service.groups(&by.caller).await?;
        Ok(Self::new(by, &members, &groups, more))
    }
}

pub(super) async fn show(State(app): State<App>, by: SignedIn) -> Result<Response, Fault> {
    Ok(page(StatusCode::OK, &PeoplePage::read(&app, &by).await?))
}

/// Shows a link that was just made.
async fn shown(app: &App, by: &SignedIn, email: &str, made: MadeLink) -> Result<Response, Fault> {
    let MadeLink { url, expires_at } = made;
    let link = NewLink { email: text(email), url, until: Moment::at(expires_at) };
    let html = PeoplePage { link: Some(link), ..PeoplePage::read(app, by).await? };
    Ok(page(StatusCode::OK, &html))
}

fn back() -> Response {
    Redirect::to("/people").into_response()
}

/// What a form says of a role.
fn role(word: &str) -> Result<Role, Fault> {
    Role::ALL.into_iter().find(|role| role.as_str() == word).ok_or(Fault::BadForm)
}

/// Who comes in, as what.
#[derive(Deserialize)]
pub(super) struct Invitation {
    email: String,
    role: String,
}

pub(super) async fn invite(
    State(app): State<App>,
    posted: Posted<Invitation>,
) -> Result<Response, Fault> {
    let Posted { by, form: Invitation { email, role: word } } = posted;
    let email = email.trim().to_owned();
    // What to call them, until they say so themselves.
    let name = email.split('@').next().unwrap_or_default().to_owned();
    let member = app.service.add_member(&by.caller, email, name, role(&word)?, None).await?;
    let made = app.service.add_login_link(&by.caller, member.id).await?;
    shown(&app, &by, &member.person.email, made).await
}

/// Whom, and what of them.
#[derive(Deserialize)]
pub(super) struct Change {
    member: String,
    what: String,
    #[serde(default)]
    role: String,
}

pub(super) async fn change(
    State(app): State<App>,
    posted: Posted<Change>,
) -> Result<Response, Fault> {
    let Posted { by, form: Change { member, what, role: word } } = posted;
    let id: MemberId = member.parse().map_err(|_| Fault::NotFound)?;
    let update = |update: MemberUpdate| app.service.update_member(&by.caller, id, update);
    match what.as_str() {
        "role" => {
            let role = Some(role(&word)?);
            update(MemberUpdate { role, ..MemberUpdate::default() }).await?;
        }
        "remove" => {
            update(MemberUpdate { enabled: Some(false), ..MemberUpdate::default() }).await?;
        }
        "return" => {
            update(MemberUpdate { enabled: Some(true), ..MemberUpdate::default() }).await?;
        }
        "sign-out" => app.service.close_sessions_of(&by.caller, id, true).await?,
        "no-password" => app.service.remove_password(&by.caller, id).await?,
        "link" => {
            let member = app.service.member(&by.caller, id).await?;
            let made = app.service.add_login_link(&by.caller, id).await?;
            return shown(&app, &by, &member.person.email, made).await;
        }
        _ => return Err(Fault::BadForm),
    }
    Ok(back())
}

/// A group: a new one has a name, others an id.
#[derive(Deserialize)]
pub(super) struct GroupForm {
    #[serde(default)]
    group: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    members: String,
    what: String,
}

pub(super) async fn group(
    State(app): State<App>,
    posted: Posted<GroupForm>,
) -> Result<Response, Fault> {
    let Posted { by, form: GroupForm { group, name, members, what } } = posted;
    let id = || group.parse::<GroupId>().map_err(|_| Fault::NotFound);
    match what.as_str() {
        "add" => {
            let members = named(&app, &by, &members).await?;
            let name = name.trim().to_owned();
            app.service.add_group(&by.caller, name, members, None).await?;
        }
        "set" => {
            let members = named(&app, &by, &members).await?;
            app.service.set_group(&by.caller, id()?, members).await?;
        }
        "remove" => app.service.remove_group(&by.caller, id()?).await?,
        _ => return Err(Fault::BadForm),
    }
    Ok(back())
}

/// The members with these addresses; all of them, or none.
async fn named(
    app: &App,
    by: &SignedIn,
    addresses: &str,
) -> Result<BTreeSet<MemberId>, ServiceError> {
    let everyone = app.service.members(&by.caller, None, u32::MAX).await?;
    let mut found = BTreeSet::new();
    let addresses = addresses.split([',', '\n', '\r', ' ']).filter(|address| !address.is_empty());
    for address in addresses {
        let known = |member: &&Member| member.person.email.eq_ignore_ascii_case(address);
        let Some(member) = everyone.iter().find(known) else {
            return Err(mistake("/members", format!("nobody here has the address {address}")));
        };
        found.insert(member.id);
    }
    Ok(found)
}
