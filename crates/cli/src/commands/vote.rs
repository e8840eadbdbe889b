//! `askfirst vote`: shows what will happen, asks, and decides with the digest of what was shown.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use askfirst_core::approval::edit;
use askfirst_core::{Action, ApprovalId, Bound, Pointer, Seconds};
use clap::Args;
use serde_json::{Value, json};

use super::{block_on, span};
use crate::client::{Client, Connection};
use crate::exit::{self, usage};
use crate::terminal::{confirmed, has_reader, say, say_json, text_of, visible};
use crate::{approval, input};

/// Decide, as the member your key votes for
#[derive(Debug, Args)]
pub(crate) struct VoteArgs {
    /// The approval
    id: ApprovalId,
    /// What you decide; with more-info, nothing yet: it asks the asker what your comment says
    #[arg(value_parser = ["approve", "reject", "more-info"])]
    decision: String,
    /// What to say with it
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// What to change before approving, where the asker allows it: /arguments/version=2.2
    #[arg(long, value_name = "POINTER=VALUE")]
    edit: Vec<String>,
    /// What the form asks for: JSON, @FILE, or - for stdin
    #[arg(long, value_name = "JSON")]
    answer: Option<String>,
    /// Say yes to more of the kind for so long: 1h. The policy says how long it may be
    #[arg(long, value_name = "SPAN", value_parser = span, requires = "grant_uses")]
    grant_for: Option<Seconds>,
    /// Say yes to more of the kind so many times
    #[arg(long, value_name = "COUNT", requires = "grant_for")]
    grant_uses: Option<u32>,
    /// What may differ then: /arguments/version=any, or JSON: '/arguments/share={"within":{"at_most":5}}'
    #[arg(long, value_name = "POINTER=BOUND", requires = "grant_for")]
    grant_bound: Vec<String>,
    /// The digest of the action you saw; the vote counts for that action only
    #[arg(long)]
    digest: Option<String>,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl VoteArgs {
    /// Shows, asks, votes.
    pub(crate) fn run(self) -> Result<u8> {
        let client = self.connection.client()?;
        block_on(self.vote(&client))
    }

    async fn vote(&self, client: &Client) -> Result<u8> {
        let path = format!("/v1/approvals/{}", self.id);
        let approval = client.get(&path).await?;
        let digest = approval::digest_of(&approval)?;
        if let Some(seen) = &self.digest
            && *seen != digest
        {
            bail!(
                "the action is not the one you saw: its digest is {digest}; look again with \
                 `askfirst show {}`",
                self.id
            );
        }
        let edits = self.edits(&approval)?;
        if !self.connection.json {
            say(approval::account(&approval));
            if let Some((_, changed)) = &edits {
                say(format_args!("\nas you change it:\n{}", approval::account(changed)));
            }
        }
        if approval["status"] != "pending" {
            bail!("it is {} already", text_of(&approval, "status"));
        }
        let answer = self.answer.as_deref().map(|text| input::json("--answer", text));
        let answer = answer.transpose()?;
        let grant = self.grant()?;
        if let Some(grant) = grant.as_ref().filter(|_| !self.connection.json) {
            say(granting(grant));
        }
        let asks_back = self.decision == "more-info";
        if asks_back && self.comment.is_none() {
            return Err(usage("say with --comment what you want to know"));
        }
        self.may_decide(client, &approval).await?;
        if !asks_back && !self.yes && (self.digest.is_none() || has_reader()) {
            let otherwise = "give --digest with the digest of the action you saw, or --yes";
            let question = format!("{} this?", capital(&self.decision));
            if !confirmed(&question, otherwise)? {
                return Err(usage("not confirmed; nothing was decided"));
            }
        }
        let body = json!({
            "decision": self.decision.replace('-', "_"),
            "action_digest": digest,
            "comment": self.comment,
            "edits": edits.map(|(edits, _)| edits).unwrap_or_default(),
            "answer": answer,
            "grant": grant,
        });
        let after = client.post(&format!("{path}/vote"), &body).await?;
        if self.connection.json {
            say_json(&after);
        } else if asks_back {
            say("asked back; the answer will stand with the request, and the deadline stays");
        } else if after["status"] == "pending" {
            say(format_args!(
                "your vote counts; still needed: {}",
                text_of(&after["remaining"], "words")
            ));
        } else {
            say(approval::status(&after));
        }
        Ok(exit::DONE)
    }

    /// What else is said yes to, as the server takes it.
    fn grant(&self) -> Result<Option<Value>> {
        let Some((lasts, uses)) = self.grant_for.zip(self.grant_uses) else { return Ok(None) };
        let mut bounds = BTreeMap::new();
        for bound in &self.grant_bound {
            let odd = |why: String| usage(format!("--grant-bound {bound}: {why}"));
            let (place, text) = bound
                .split_once('=')
                .ok_or_else(|| odd("write it as /arguments/version=any".into()))?;
            let place: Pointer = place.parse().map_err(|error| odd(format!("{error}")))?;
            let value = match text {
                "any" => text.into(),
                _ => input::json("--grant-bound", text)?,
            };
            let known: Bound = serde_json::from_value(value).map_err(|_| {
                odd(r#"any, {"one_of": […]} or {"within": {"at_least": 1, "at_most": 9}}"#.into())
            })?;
            bounds.insert(place, known);
        }
        Ok(Some(json!({ "for": lasts, "uses": uses, "bounds": bounds })))
    }

    /// The changes as the server takes them, and the approval as it would be.
    fn edits(&self, approval: &Value) -> Result<Option<(BTreeMap<Pointer, Value>, Value)>> {
        if self.edit.is_empty() {
            return Ok(None);
        }
        let action: Action = serde_json::from_value(approval["action"].clone())?;
        let editable: Vec<Pointer> = serde_json::from_value(approval["editable"].clone())?;
        let mut changes = BTreeMap::new();
        for change in &self.edit {
            let (place, text) = change.split_once('=').ok_or_else(|| {
                usage(format!("--edit {change}: write it as /arguments/version=2.2"))
            })?;
            let place: Pointer =
                place.parse().map_err(|error| usage(format!("--edit {place}: {error}")))?;
            // A text is changed into a text, whatever else it looks like.
            let value = match edit::value_at(&action, &place) {
                Some(Value::String(_)) => text.into(),
                _ => input::json("--edit", text)?,
            };
            changes.insert(place, value);
        }
        let changed = edit::edited(&action, &editable, &changes);
        let changed = changed.map_err(|refusal| usage(refusal.to_string()))?;
        let mut as_changed = approval.clone();
        as_changed["action"] = serde_json::to_value(changed)?;
        as_changed["action_digest"] = approval::own_digest(&as_changed["action"])?.into();
        Ok(Some((changes, as_changed)))
    }
}

impl VoteArgs {
    /// Whether this key could decide at all, before anybody is asked to confirm it. The server
    /// looks again when it counts.
    async fn may_decide(&self, client: &Client, approval: &Value) -> Result<()> {
        let key = client.get("/v1/keys/current").await?;
        if approval["asker"]["key"] == key["id"] {
            bail!(
                "who asks cannot decide: the key {} asked this itself. use the key of one of its \
                 approvers (ASKFIRST_KEY), or decide on the page",
                text_of(&key, "name")
            );
        }
        let mut scopes = key["scopes"].as_array().into_iter().flatten();
        if !scopes.any(|scope| scope == "decide") {
            bail!(
                "the key {} cannot decide: it lacks the scope decide. use the key of one of its \
                 approvers (ASKFIRST_KEY), or decide on the page",
                text_of(&key, "name")
            );
        }
        Ok(())
    }
}

/// What a grant comes to, in words.
fn granting(grant: &Value) -> String {
    let mut told = format!(
        "\nand in advance: the same again, {} more times within {} s; name, target and arguments \
         as they are",
        grant["uses"], grant["for"]
    );
    for (place, bound) in grant["bounds"].as_object().into_iter().flatten() {
        told.push_str(&format!("\n  but {}: {}", visible(place), visible(&bound.to_string())));
    }
    told
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
