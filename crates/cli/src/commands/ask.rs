//! `askfirst ask`: puts a question, waits for people's answer, and claims it.

use anyhow::Result;
use askfirst_core::{Action, ApprovalId, Pointer, Seconds};
use clap::Args;
use serde_json::{Map, Value, json};

use super::{block_on, span};
use crate::client::{Client, Connection};
use crate::exit::{self, unsure};
use crate::premises::asked_to_stop;
use crate::terminal::{say, say_json, text_of};
use crate::waiting::{Afterwards, Ended, Waiting, conclude, go_on};
use crate::{approval, input};

/// Ask people, wait for their answer, and claim it
///
/// Exits with 0 only with the claim in hand; 1 rejected, 2 expired or cancelled, 3 cannot tell.
#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// One line for people: what will happen
    title: String,
    /// A name for this kind of action, for programs
    #[arg(long, default_value = "cli.ask", value_name = "NAME")]
    name: String,
    /// What it will be run with: JSON, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    arguments: Option<String>,
    /// What it acts on
    #[arg(long)]
    target: Option<String>,
    /// Why
    #[arg(long)]
    reason: Option<String>,
    /// Under which policy; the workspace's default if absent
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// A place that approvers may change, as a JSON Pointer: /target, or /arguments/version. What
    /// to run is then told at the end
    #[arg(long, value_name = "POINTER")]
    editable: Vec<Pointer>,
    /// A form for approvers to fill in, as JSON Schema: JSON, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    form: Option<String>,
    /// How urgent it is
    #[arg(long, value_parser = ["low", "normal", "high", "critical"])]
    priority: Option<String>,
    /// How long people have, at most the policy's: 90s, 15m, 1h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    expires_in: Option<Seconds>,
    /// How long an approval can be claimed, at most the policy's
    #[arg(long, value_name = "SPAN", value_parser = span)]
    valid_for: Option<Seconds>,
    /// Who says they are asking
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The agent's run
    #[arg(long, value_name = "ID", requires = "agent")]
    run: Option<String>,
    /// Your own notes, an object: JSON, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// The same key asks the same question once, however often it is sent
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Ask, print, and do not wait
    #[arg(long)]
    no_wait: bool,
    /// Wait, and leave the claim to whoever runs the action
    #[arg(long, conflicts_with = "no_wait")]
    no_claim: bool,
    /// How long to go on waiting while the server cannot be reached
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "1m")]
    retry_for: Seconds,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl AskArgs {
    /// Asks, waits and claims.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        let (body, action, digest) = self.question()?;
        block_on(self.ask(&client, &body, &action, &digest))
    }

    /// The request, the action in it, and that one's digest.
    fn question(&self) -> Result<(Value, Action, String)> {
        let arguments = self.arguments.as_deref().map(|text| input::json("--arguments", text));
        let asked = Action {
            name: self.name.clone(),
            title: self.title.clone(),
            arguments: arguments.transpose()?.unwrap_or_default(),
            target: self.target.clone(),
        };
        let action = serde_json::to_value(&asked)?;
        let digest = approval::own_digest(&action)?;
        let metadata = self.metadata.as_deref().map(|text| input::json("--metadata", text));
        let form = self.form.as_deref().map(|text| input::json("--form", text)).transpose()?;
        let editable = (!self.editable.is_empty()).then(|| json!(self.editable));
        let agent = self.agent.as_ref().map(|name| json!({ "name": name, "run": self.run }));
        let parts = [
            ("action", Some(action)),
            ("reason", self.reason.clone().map(Value::from)),
            ("policy", self.policy.clone().map(Value::from)),
            ("priority", self.priority.clone().map(Value::from)),
            ("expires_in", self.expires_in.map(|span| span.0.into())),
            ("valid_for", self.valid_for.map(|span| span.0.into())),
            ("agent", agent),
            ("metadata", metadata.transpose()?),
            ("editable", editable),
            ("answer_schema", form),
        ];
        let parts = parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?)));
        Ok((Value::Object(parts.collect::<Map<_, _>>()), asked, digest))
    }

    async fn ask(
        &self,
        client: &Client,
        body: &Value,
        action: &Action,
        digest: &str,
    ) -> Result<u8> {
        let json = self.connection.json;
        let key = match &self.idempotency_key {
            Some(key) => key.clone(),
            None => askfirst_server::mint::token()?,
        };
        let asked = client.post_once("/v1/approvals", body, &key).await?.body;
        approval::agrees(&asked, digest)?;
        let id: ApprovalId = text_of(&asked, "id")
            .parse()
            .map_err(|error| unsure(format!("the server gave an id that is none: {error}")))?;
        // Before the id is told: who knows it may interrupt at once.
        let interrupted = asked_to_stop()?;
        if !json {
            say(format_args!("asked   {}", text_of(&asked["action"], "title")));
            say(format_args!("page    {}", text_of(&asked["links"], "page")));
            say(format_args!("digest  {digest}"));
            say(format_args!(
                "needs   {}, until {}",
                text_of(&asked["remaining"], "words"),
                text_of(&asked, "expires_at")
            ));
        }
        if self.no_wait {
            match json {
                true => say_json(&asked),
                false => say(format_args!("wait    askfirst wait {id} --claim --digest {digest}")),
            }
            return Ok(exit::DONE);
        }
        let waiting = Waiting {
            client,
            id,
            timeout: None,
            retry_for: std::time::Duration::from_secs(self.retry_for.0.into()),
            watched: !json,
        };
        let go_on = go_on(id, !self.no_claim, Some(digest));
        let ended = waiting.wait(interrupted).await;
        match ended.map_err(|error| waiting.gave_up(error, &go_on))? {
            Ended::Decided(decided) => {
                let digest = approval::as_changed(&decided, action, &self.editable, digest)?;
                let then = Afterwards { digest: &digest, claim: !self.no_claim, json };
                conclude(client, id, decided, then).await
            }
            Ended::Interrupted | Ended::OutOfTime => Err(unsure(format!(
                "stopped waiting; it is still pending. go on with `{go_on}`, or withdraw it \
                     with `askfirst cancel {id}`"
            ))),
        }
    }
}
