//! The workspace's own settings: what its plan has room for, how long texts are kept, and the hold that keeps them all.
//! Whoever may read the audit log may look; only admins find the forms, and the rules check again.

use std::collections::BTreeSet;

use askama::Template;
use askfirst_core::{Limit, Timestamp};
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
use crate::service::limits::Levels;
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
    /// What the workspace may have as a whole, where that is bounded.
    pub(super) plan: Option<PlanCard>,
    pub(super) days: Option<u32>,
    /// What stands in the fields.
    pub(super) typed: String,
    pub(super) reason: String,
    pub(super) hold: Option<Kept>,
    /// Whether whoever looks may change anything.
    pub(super) admin: bool,
}

/// A workspace's plan, and how much of it is used.
pub(super) struct PlanCard {
    pub(super) name: Text,
    pub(super) rows: Vec<PlanRow>,
}

/// One thing that a plan bounds.
pub(super) struct PlanRow {
    pub(super) what: &'static str,
    pub(super) much: String,
    /// When it begins anew.
    pub(super) anew: Option<Moment>,
}

impl PlanCard {
    fn new(levels: &Levels, now: Timestamp) -> Option<Self> {
        let plan = levels.plan.as_ref()?;
        let mut rows = Vec::new();
        for (what, limit, bounded) in [
            ("Questions this month", Limit::AsksPerMonth, plan.asks_per_month),
            ("People who may vote", Limit::Approvers, plan.approvers),
        ] {
            let level = levels.workspace.iter().find(|level| level.limit == limit);
            let used = level.map_or(0, |level| level.gauge.used);
            let much = match bounded {
                Some(most) => format!("{used} of {most}"),
                None if limit == Limit::AsksPerMonth => format!("{used}; the plan has no bound"),
                None => "the plan has no bound".into(),
            };
            let anew = level.and_then(|level| level.resets_at).filter(|_| bounded.is_some());
            let anew = anew.map(|at| Moment::seen_from(at, now));
            rows.push(PlanRow { what, much, anew });
        }
        let kinds = |kinds: &BTreeSet<String>| match kinds.is_empty() {
            true => "none".to_owned(),
            false => kinds.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        };
        let channels = plan.channels.as_ref().map_or("every kind".into(), kinds);
        rows.push(PlanRow { what: "Channels", much: channels, anew: None });
        let audit = match plan.audit_days {
            Some(1) => "the last day".into(),
            Some(days) => format!("the last {days} days"),
            None => "all of it".into(),
        };
        rows.push(PlanRow { what: "Audit log that can be read", much: audit, anew: None });
        Some(Self { name: text(&plan.name.to_string()), rows })
    }
}

impl SettingsPage {
    pub(super) fn new(by: &SignedIn, workspace: &Workspace, levels: &Levels) -> Self {
        let now = by.viewer.now;
        Self {
            shell: Shell::of("Settings", "/settings", by, now),
            notice: None,
            id: workspace.id.to_string(),
            name: text(&workspace.name),
            policy: text(workspace.default_policy.as_str()),
            plan: PlanCard::new(levels, now),
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
    let levels = app.service.limits(&by.caller, None).await?;
    Ok(page(StatusCode::OK, &SettingsPage::new(&by, &workspace, &levels)))
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
    let levels = app.service.limits(&by.caller, None).await?;
    let mut sheet = SettingsPage::new(&by, &workspace, &levels);
    let status = told.status;
    sheet.notice = Some(told.into());
    // What was typed stays, in the form that was sent.
    match form.what.as_str() {
        "retention" => form.days.clone_into(&mut sheet.typed),
        _ => form.reason.clone_into(&mut sheet.reason),
    }
    Ok(page(status, &sheet))
}
