//! An approval as the server's JSON tells it, as the rules know it, so that a terminal shows the
//! very text that a page does. The digest is computed here; votes and ends are not read.

use std::sync::Arc;

use anyhow::{Context, Result};
use askfirst_core::approval::edit::Revision;
use askfirst_core::approval::inquiry::{Inquiry, Reply};
use askfirst_core::{
    Action, Agent, Approval, Asker, Dialect, Digest, FrozenPolicy, MemberId, Policy, Timestamp,
    Via, Voter,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::approval::digest_of;

/// Reads a member of the answer.
fn member<T: DeserializeOwned>(object: &Value, name: &str) -> Result<T> {
    serde_json::from_value(object[name].clone())
        .with_context(|| format!("the server's answer has no {name} that this version can read"))
}

/// The approval, with its action's digest as it is computed here.
pub(crate) fn approval(told: &Value) -> Result<Approval> {
    let digest: Digest = digest_of(told)?.parse()?;
    let asker = &told["asker"];
    let policy = &told["policy"];
    Ok(Approval {
        id: member(told, "id")?,
        workspace: member(told, "workspace")?,
        environment: member(told, "environment")?,
        version: member(told, "version")?,
        asker: Asker {
            key: member(asker, "key")?,
            label: member(asker, "label")?,
            owner: member(asker, "owner_id")?,
            owner_email: member(asker, "owner")?,
            dialect: Dialect::Native,
        },
        action: Arc::new(member::<Action>(told, "action")?),
        action_digest: digest,
        editable: member(told, "editable")?,
        revisions: revisions(&told["revisions"])?,
        answer_schema: member(told, "answer_schema")?,
        reason: member(told, "reason")?,
        priority: member(told, "priority")?,
        agent: member::<Option<Agent>>(told, "agent")?,
        metadata: told["metadata"].clone(),
        policy: Arc::new(FrozenPolicy {
            id: None,
            version: member(policy, "version")?,
            digest: member(policy, "digest")?,
            document: member::<Policy>(policy, "document")?,
        }),
        consumers: member(told, "consumers")?,
        created_at: member(told, "created_at")?,
        expires_at: member(told, "expires_at")?,
        valid_for: member(told, "valid_for")?,
        votes: Vec::new(),
        inquiries: inquiries(&told["inquiries"])?,
        escalated: member(told, "escalated")?,
        looks: Vec::new(),
        told_by: None,
        decision: None,
        claim: None,
        outcome: None,
        hold: None,
        erased: None,
    })
}

fn voter(told: &Value) -> Result<Voter> {
    Ok(Voter { id: member::<MemberId>(told, "id")?, email: member(told, "email")? })
}

/// The answer always has the first revision; the rules know any only once there is a second.
fn revisions(told: &Value) -> Result<Vec<Revision>> {
    let told = told.as_array().map(Vec::as_slice).unwrap_or_default();
    if told.len() < 2 {
        return Ok(Vec::new());
    }
    let one = |revision: &Value| {
        Ok(Revision {
            number: member(revision, "number")?,
            action: Arc::new(member::<Action>(revision, "action")?),
            action_digest: member(revision, "action_digest")?,
            by: Some(&revision["by"]).filter(|by| !by.is_null()).map(voter).transpose()?,
            at: member(revision, "at")?,
        })
    };
    told.iter().map(one).collect()
}

fn inquiries(told: &Value) -> Result<Vec<Inquiry>> {
    let one = |inquiry: &Value| {
        let reply = Some(&inquiry["reply"]).filter(|reply| !reply.is_null());
        let reply = reply.map(|reply| -> Result<Reply> {
            Ok(Reply { text: member(reply, "text")?, at: member::<Timestamp>(reply, "at")? })
        });
        Ok(Inquiry {
            number: member(inquiry, "number")?,
            by: voter(&inquiry["by"])?,
            // The account does not say it.
            via: Via::Web,
            at: member(inquiry, "at")?,
            question: member(inquiry, "question")?,
            reply: reply.transpose()?,
        })
    };
    told.as_array().into_iter().flatten().map(one).collect()
}
