//! Servers under test, each a process of its own that ends with its handle.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What a server printed when it was ready.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ready {
    /// Where it is.
    pub(crate) url: String,
    /// The workspace's id.
    #[serde(default)]
    pub(crate) workspace: String,
    /// Asks.
    #[serde(default)]
    pub(crate) agent_key: String,
    /// Votes.
    #[serde(default)]
    pub(crate) approver_key: String,
    /// Reads everything.
    #[serde(default)]
    pub(crate) admin_key: String,
}

/// A running server.
pub(crate) struct Server {
    /// How to reach it.
    pub(crate) ready: Ready,
    child: Child,
}

impl Server {
    /// Starts `askfirst dev` on a free port.
    pub(crate) async fn askfirst(binary: &Path, data: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["dev", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        Self::start(command).await
    }

    /// Starts the ceiling, which is this program.
    pub(crate) async fn ceiling(data: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["ceiling", "--data"]).arg(data);
        Self::start(command).await
    }

    async fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child =
            command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        let stdout = child.stdout.take().context("the server has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        if line.is_empty() {
            bail!("the server ended before it was ready: {}", child.wait().await?);
        }
        Ok(Self { ready: serde_json::from_str(&line).context("the server's first line")?, child })
    }

    /// Sends the process a signal, such as `-STOP`.
    pub(crate) async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let done = Command::new("kill").arg(signal).arg(self.id()?.to_string()).status().await?;
        ensure!(done.success(), "kill {signal} failed: {done}");
        Ok(())
    }

    /// Resident memory that belongs to the process alone, in MiB, as Linux counts it.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Ok(kib.context("Linux says nothing of its memory")? / 1_024.0)
    }

    fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Kills it as a power cut to the process would: no handler runs.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the server could not be killed")
    }
}
