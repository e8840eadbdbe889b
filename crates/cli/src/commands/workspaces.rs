//! `askfirst workspaces`: every workspace of a server, the plan of each, and stopping and removing
//! those of strangers; for its operator, on the server's own console while it is stopped.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use askfirst_core::administration::{Change, Denied, may_remove};
use askfirst_core::limits::plan::NoPlanName;
use askfirst_core::{KeyId, Plan, PlanName, Preset, Seconds, WorkspaceId};
use askfirst_store::{Administer, AdministerError, Credential, Store, Workspace, WorkspaceUse};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::site::Site;
use super::{block_on, span};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, say, say_json, table, text_of, visible};

/// The kinds of channels that a plan can name.
const KINDS: [&str; 4] = ["email", "telegram", "slack", "whatsapp"];

/// Every workspace of a server, on the console of a stopped one
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspacesCommand {
    /// List them, oldest first
    List(ListArgs),
    /// Give one a plan, or none; nothing that is there goes
    Plan(PlanArgs),
    /// Revoke every key of strangers' workspaces; what was asked goes on to its end
    Stop(StopArgs),
    /// Remove strangers' workspaces with all that is in them, for good
    Remove(RemoveArgs),
}

/// Which workspaces.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    site: Site,
}

/// Whose keys.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Which: their ids
    #[arg(required = true, value_name = "WORKSPACE")]
    workspaces: Vec<WorkspaceId>,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    site: Site,
}

/// What goes.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Which: their ids
    #[arg(value_name = "WORKSPACE", required_unless_present = "unused_for")]
    workspaces: Vec<WorkspaceId>,
    /// All of strangers whose keys were not used for so long, and where nothing waits: 90d
    #[arg(long, value_name = "SPAN", value_parser = span, conflicts_with = "workspaces")]
    unused_for: Option<Seconds>,
    /// Do not ask back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    site: Site,
}

/// What one may have.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Which: its id
    workspace: WorkspaceId,
    /// free, starter, pro, a name of your own for one that begins without bounds, or none
    plan: String,
    /// Asks from the first of a month, in UTC, in each environment
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    asks_per_month: Option<u32>,
    /// People who may vote
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    approvers: Option<u32>,
    /// Kinds of channels, with commas between them
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = KINDS)]
    channels: Option<Vec<String>>,
    /// How many days back the audit log is read
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    audit_days: Option<u32>,
    #[command(flatten)]
    site: Site,
}

impl WorkspacesCommand {
    const fn site(&self) -> &Site {
        match self {
            Self::List(args) => &args.site,
            Self::Plan(args) => &args.site,
            Self::Stop(args) => &args.site,
            Self::Remove(args) => &args.site,
        }
    }

    /// Whether programs read it.
    pub(crate) const fn json(&self) -> bool {
        self.site().json
    }

    /// Does it.
    pub(crate) fn run(self) -> Result<u8> {
        let store = self.site().store()?;
        block_on(async {
            let done = self.work(&*store).await;
            store.close().await;
            done
        })?;
        Ok(exit::DONE)
    }

    async fn work(&self, store: &dyn Store) -> Result<()> {
        match self {
            Self::List(_) => {
                let all: Vec<_> = store.workspaces_in_use().await?.iter().map(told).collect();
                match self.json() {
                    true => say_json(&json!({ "data": all })),
                    false => say(rows(&all)),
                }
            }
            Self::Plan(args) => {
                let plan = args.plan()?;
                change(store, args.workspace, Change::SetPlan { plan }).await?;
                let after = told(&used(store, args.workspace).await?);
                match self.json() {
                    true => say_json(&after),
                    false => say(rows(&[after])),
                }
            }
            Self::Stop(args) => args.stop(store).await?,
            Self::Remove(args) => args.remove(store).await?,
        }
        Ok(())
    }
}

impl PlanArgs {
    /// The plan that is meant.
    fn plan(&self) -> Result<Option<Plan>> {
        let Self { asks_per_month, approvers, channels, audit_days, .. } = self;
        let bounds = [asks_per_month, approvers, audit_days];
        if self.plan == "none" {
            if channels.is_some() || bounds.into_iter().any(Option::is_some) {
                return Err(usage("none has no bounds; give the plan a name of your own"));
            }
            return Ok(None);
        }
        let mut plan = match Preset::called(&self.plan) {
            Some(preset) => preset.plan(),
            None => {
                let name: PlanName =
                    self.plan.parse().map_err(|why: NoPlanName| usage(why.to_string()))?;
                Plan { name, ..Preset::Pro.plan() }
            }
        };
        plan.asks_per_month = asks_per_month.or(plan.asks_per_month);
        plan.approvers = approvers.or(plan.approvers);
        plan.audit_days = audit_days.or(plan.audit_days);
        if let Some(kinds) = channels {
            plan.channels = Some(kinds.iter().cloned().collect::<BTreeSet<_>>());
        }
        Ok(Some(plan))
    }
}

impl StopArgs {
    async fn stop(&self, store: &dyn Store) -> Result<()> {
        let mut keys = Vec::new();
        for id in &self.workspaces {
            let Workspace { self_service, hold, .. } = used(store, *id).await?.workspace;
            may_remove(&id.to_string(), self_service, hold.as_ref()).map_err(refused)?;
            keys.extend(good_keys(store, *id).await?.into_iter().map(|key| (*id, key)));
        }
        let question = format!("Revoke {} keys? They never work again.", keys.len());
        if !self.yes && !confirmed(&question, "add --yes")? {
            return Err(usage("not confirmed; nothing was changed"));
        }
        for (workspace, id) in &keys {
            change(store, *workspace, Change::RevokeKey { id: *id }).await?;
        }
        match self.site.json {
            true => say_json(&json!({ "stopped": self.workspaces, "keys": keys.len() })),
            false => say(format_args!("{} keys are revoked", keys.len())),
        }
        Ok(())
    }
}

impl RemoveArgs {
    async fn remove(&self, store: &dyn Store) -> Result<()> {
        let ids = match self.unused_for {
            None => self.workspaces.clone(),
            Some(span) => unused(store, span).await?,
        };
        let mut pending = 0;
        for id in &ids {
            pending += used(store, *id).await?.pending;
        }
        let question = format!(
            "Remove {} workspaces with all that was asked and decided in them, {pending} questions \
             that wait among it? This cannot be undone.",
            ids.len()
        );
        if !ids.is_empty() && !self.yes && !confirmed(&question, "add --yes")? {
            return Err(usage("not confirmed; nothing was removed"));
        }
        if !ids.is_empty() {
            store.remove_workspaces(ids.clone()).await.map_err(failed)?;
            // Nobody else reads here, so that one time is enough.
            store.scrub().await?;
        }
        match self.site.json {
            true => say_json(&json!({ "removed": ids })),
            false => say(format_args!(
                "{} workspaces are removed; backups from before still have them",
                ids.len()
            )),
        }
        Ok(())
    }
}

/// Those of strangers that nobody used, nor made, for so long, and where nothing waits.
async fn unused(store: &dyn Store, span: Seconds) -> Result<Vec<WorkspaceId>> {
    let since = store.now().minus(span);
    let idle = |used: &WorkspaceUse| {
        let workspace = &used.workspace;
        let last = used.last_used_at.max(Some(workspace.created_at));
        workspace.self_service
            && workspace.hold.is_none()
            && used.pending == 0
            && last.is_none_or(|last| last < since)
    };
    let all = store.workspaces_in_use().await?;
    Ok(all.into_iter().filter(idle).map(|used| used.workspace.id).collect())
}

/// The keys of a workspace that nobody took back.
async fn good_keys(store: &dyn Store, workspace: WorkspaceId) -> Result<Vec<KeyId>> {
    let (mut good, mut after) = (Vec::new(), None);
    loop {
        let page = store.keys(workspace, after, 100).await?;
        let Some(last) = page.last() else { return Ok(good) };
        after = Some(last.facts.id);
        let standing = page.into_iter().filter(|key| key.revoked_at.is_none());
        good.extend(standing.map(|key| key.facts.id));
    }
}

async fn used(store: &dyn Store, id: WorkspaceId) -> Result<WorkspaceUse> {
    let mut all = store.workspaces_in_use().await?.into_iter();
    match all.find(|used| used.workspace.id == id) {
        Some(used) => Ok(used),
        None => bail!("there is no workspace {id}; `askfirst workspaces list` shows them"),
    }
}

fn refused(denied: Denied) -> anyhow::Error {
    usage(denied.to_string())
}

fn failed(error: AdministerError) -> anyhow::Error {
    match error {
        AdministerError::Denied(denied) => refused(denied),
        other => other.into(),
    }
}

async fn change(store: &dyn Store, workspace: WorkspaceId, change: Change) -> Result<()> {
    used(store, workspace).await?;
    let credential = Credential::System;
    let request = Administer { workspace, credential, change, idempotency: None };
    store.administer(request).await.map(drop).map_err(failed)
}

fn told(used: &WorkspaceUse) -> Value {
    let workspace = &used.workspace;
    json!({
        "id": workspace.id,
        "name": workspace.name,
        "environment": workspace.environment.as_str(),
        "self_service": workspace.self_service,
        "plan": workspace.plan,
        "keys": used.keys,
        "pending": used.pending,
        "last_used_at": used.last_used_at,
        "created_at": workspace.created_at,
    })
}

fn rows(all: &[Value]) -> String {
    let row = |workspace: &Value| {
        let plan = workspace["plan"]["name"].as_str().unwrap_or("none");
        let whose = if workspace["self_service"] == true { "a stranger's" } else { "ours" };
        let (keys, pending) = (workspace["keys"].to_string(), workspace["pending"].to_string());
        let seen = workspace["last_used_at"].as_str().unwrap_or("never");
        let made = text_of(workspace, "created_at");
        let (id, name) = (text_of(workspace, "id"), text_of(workspace, "name"));
        vec![id, name, whose.to_owned(), visible(plan), keys, pending, visible(seen), made]
    };
    let head = ["ID", "NAME", "WHOSE", "PLAN", "KEYS", "PENDING", "LAST USED", "MADE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(row));
    table(&rows)
}
