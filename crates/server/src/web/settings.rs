//! The workspace's own settings: how long texts are kept, and the hold that keeps them all.
//! Whoever may read the audit log may look; only admins find the forms, and the rules check again.

use askama::Template;
use askfirst_store::Workspace;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::approval::typed;
use super::fault::{Fault, page};
use super::session::{Posted, SignedIn};
use super::sheet::{Kept, Notice};
use super::shell::{Moment, Shell, Text, text};
use super::words::{self, lacking};
use crate::app::App;
use crate::service::ServiceError;
use crate::service::caller::{ADMINS, READERS};
use crate::service::workspace::WorkspaceUpdate;

/// The page.
#[derive(Template)]
#[template(path = "settings.html")]
pub(super) struct SettingsPage {
    pub(super) shell: Shell,
    pub(super) notice: Option<Notice>,
    pub(super) id: String,
    pub(super) name: Text,
    pub(super) policy: Text,
    pub(super) days: Option<u32>,
    /// What stands in the fields.
    pub(super) typed: String,
    pub(super) reason: String,
    pub(super) hold: Option<Kept>,
    /// Whether whoever looks may change anything.
    pub(super) admin: bool,
}

impl SettingsPage {
    pub(super) fn new(by: &SignedIn, workspace: &Workspace) -> Self {
        let now = by.viewer.now;
        Self {
            shell: Shell::of("Settings", "/settings", by, now),
            notice: None,
            id: workspace.id.to_string(),
            name: text(&workspace.name),
            policy: text(workspace.default_policy.as_str()),
            days: workspace.retention_days,
            typed: workspace.retention_days.map(|days| days.to_string()).unwrap_or_default(),
            reason: String::new(),
            hold: workspace.hold.as_ref().map(|hold| Kept {
                by: text(&hold.by.to_string()),
                at: Moment::seen_from(hold.at, now),
                what: text(&hold.reason),
            }),
            admin: ADMINS.contains(&by.viewer.member.person.role),
        }
    }
}

pub(super) async fn show(State(app): State<App>, by: SignedIn) -> Result<Response, Fault> {
    if !READERS.contains(&by.viewer.member.person.role) {
        return Err(Fault::NotFound);
    }
    let workspace = app.service.workspace(&by.caller).await?;
    Ok(page(StatusCode::OK, &SettingsPage::new(&by, &workspace)))
}

#[derive(Deserialize)]
pub(super) struct KeepFields {
    what: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    sure: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn keep(
    State(app): State<App>,
    posted: Posted<KeepFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let days = form.days.trim();
    let done = match form.what.as_str() {
        "retention" if !days.is_empty() && days.parse::<u32>().is_err() => {
            Err(lacking("Write a number of days from 1 to 3650, or nothing."))
        }
        "retention" if !days.is_empty() && form.sure != "yes" => {
            Err(lacking("Say that you are sure: what is older than that is erased from now on."))
        }
        "retention" => {
            let retention_days = Some(days.parse().ok());
            let update = WorkspaceUpdate { retention_days, ..WorkspaceUpdate::default() };
            Ok(app.service.update_workspace(&by.caller, update).await)
        }
        "hold" => Ok(app.service.hold_workspace(&by.caller, Some(typed(&form.reason))).await),
        "release" => Ok(app.service.hold_workspace(&by.caller, None).await),
        _ => return Err(Fault::BadForm),
    };
    let told = match done {
        Ok(Ok(_)) => return Ok(Redirect::to("/settings").into_response()),
        Ok(Err(ServiceError::Refused(refusal))) => words::refusal(&refusal),
        Ok(Err(ServiceError::Denied(denied))) => {
            lacking(&format!("Nothing was changed: {denied}."))
        }
        Ok(Err(other)) => return Err(other.into()),
        Err(told) => told,
    };
    let workspace = app.service.workspace(&by.caller).await?;
    let mut sheet = SettingsPage::new(&by, &workspace);
    let status = told.status;
    sheet.notice = Some(told.into());
    // What was typed stays, in the form that was sent.
    match form.what.as_str() {
        "retention" => form.days.clone_into(&mut sheet.typed),
        _ => form.reason.clone_into(&mut sheet.reason),
    }
    Ok(page(status, &sheet))
}
