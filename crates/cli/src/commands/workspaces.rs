//! `askfirst workspaces`: every workspace of a server and the plan of each, for its operator, on
//! the server's own console while it is stopped. Who is bounded by a plan cannot give it.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use askfirst_core::administration::Change;
use askfirst_core::limits::plan::NoPlanName;
use askfirst_core::{Plan, PlanName, Preset, WorkspaceId};
use askfirst_store::{Administer, AdministerError, Credential, Store, Workspace};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::block_on;
use super::site::Site;
use crate::exit::{self, usage};
use crate::terminal::{say, say_json, table, text_of, visible};

/// The kinds of channels that a plan can name.
const KINDS: [&str; 4] = ["email", "telegram", "slack", "whatsapp"];

/// Every workspace of a server, on the console of a stopped one
#[derive(Debug, Subcommand)]
pub(crate) enum WorkspacesCommand {
    /// List them, oldest first
    List(ListArgs),
    /// Give one a plan, or none; nothing that is there goes
    Plan(PlanArgs),
}

/// Which workspaces.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
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
                let all: Vec<_> = store.workspaces().await?.iter().map(told).collect();
                match self.json() {
                    true => say_json(&json!({ "data": all })),
                    false => say(rows(&all)),
                }
            }
            Self::Plan(args) => {
                let plan = args.plan()?;
                change(store, args.workspace, Change::SetPlan { plan }).await?;
                let after = told(&known(store, args.workspace).await?);
                match self.json() {
                    true => say_json(&after),
                    false => say(rows(&[after])),
                }
            }
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

async fn known(store: &dyn Store, id: WorkspaceId) -> Result<Workspace> {
    match store.workspace(id).await? {
        Some(workspace) => Ok(workspace),
        None => bail!("there is no workspace {id}; `askfirst workspaces list` shows them"),
    }
}

async fn change(store: &dyn Store, workspace: WorkspaceId, change: Change) -> Result<()> {
    known(store, workspace).await?;
    let credential = Credential::System;
    let request = Administer { workspace, credential, change, idempotency: None };
    match store.administer(request).await {
        Ok(_) => Ok(()),
        Err(AdministerError::Denied(denied)) => Err(usage(denied.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn told(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.id,
        "name": workspace.name,
        "environment": workspace.environment.as_str(),
        "self_service": workspace.self_service,
        "plan": workspace.plan,
        "created_at": workspace.created_at,
    })
}

fn rows(all: &[Value]) -> String {
    let row = |workspace: &Value| {
        let plan = workspace["plan"]["name"].as_str().unwrap_or("none");
        let whose = if workspace["self_service"] == true { "a stranger's" } else { "ours" };
        let made = text_of(workspace, "created_at");
        let (id, name) = (text_of(workspace, "id"), text_of(workspace, "name"));
        vec![id, name, whose.to_owned(), visible(plan), made]
    };
    let mut rows = vec![["ID", "NAME", "WHOSE", "PLAN", "MADE"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(row));
    table(&rows)
}
