//! An approval as the server tells it, put into lines for a person, and its digest computed
//! here: what a vote or a claim names is never the server's word alone.

use std::fmt::Write as _;

use anyhow::Result;
use askfirst_core::approval::edit;
use askfirst_core::{Action, Pointer};
use serde_json::Value;

use crate::exit::unsure;
use crate::terminal::{Tone, text_of, toned, visible, visible_json};

/// The digest of the action in an approval, if the server states the same one.
pub(crate) fn digest_of(approval: &Value) -> Result<String> {
    let own = own_digest(&approval["action"])?;
    agrees(approval, &own)?;
    Ok(own)
}

/// The digest of an action, computed here.
pub(crate) fn own_digest(action: &Value) -> Result<String> {
    Ok(askfirst_proof::action_digest(action)?.to_string())
}

/// Whether the server states this digest for an approval.
pub(crate) fn agrees(approval: &Value, own: &str) -> Result<()> {
    if approval["action_digest"] == own {
        return Ok(());
    }
    let asked = &approval["revisions"][0]["action_digest"];
    if *asked == own && own_digest(&approval["action"])? == text_of(approval, "action_digest") {
        return Err(unsure(format!(
            "approvers changed the action: look with `askfirst show {}` at what it is now, and \
             go on with its digest {}",
            text_of(approval, "id"),
            text_of(approval, "action_digest")
        )));
    }
    Err(unsure(format!(
        "the server says that the action's digest is {}, but it is {own}: people decided about \
         something else, so do not run it",
        text_of(approval, "action_digest")
    )))
}

/// The digest of what is to be run: of `action`, or of what approvers made of it at the places
/// that are open for changes.
pub(crate) fn as_changed(
    decided: &Value,
    action: &Action,
    editable: &[Pointer],
    digest: &str,
) -> Result<String> {
    let now: Action = serde_json::from_value(decided["action"].clone())
        .map_err(|error| unsure(format!("the server gave an action that is none: {error}")))?;
    let outer =
        |place: &&Pointer| !editable.iter().any(|other| other != *place && other.covers(place));
    let changes = editable
        .iter()
        .filter(outer)
        .filter_map(|place| Some((place.clone(), edit::value_at(&now, place)?)));
    let changed = edit::edited(action, editable, &changes.collect());
    if now == *action || changed.ok().as_ref() != Some(&now) {
        agrees(decided, digest)?;
        return Ok(digest.into());
    }
    digest_of(decided)
}

/// What an approver asked back.
pub(crate) fn inquiry_line(inquiry: &Value) -> String {
    format!(
        "question {} by {}: {}",
        inquiry["number"],
        text_of(&inquiry["by"], "email"),
        text_of(inquiry, "question")
    )
}

/// Its title, or the action's name once the texts are gone.
pub(crate) fn called(approval: &Value) -> String {
    let erased = approval["erased"].is_object();
    text_of(&approval["action"], if erased { "name" } else { "title" })
}

/// Everything that matters before a decision, and what became of it.
pub(crate) fn account(approval: &Value) -> String {
    let action = &approval["action"];
    let mut out = String::new();
    let mut line = |label: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "{label:<10} {text}");
        }
    };
    let title = text_of(action, "title");
    if !title.is_empty() {
        line("title", &toned(&title, Tone::Strong));
    }
    line("name", &text_of(action, "name"));
    line("target", &text_of(action, "target"));
    let erased = text_of(&approval["erased"], "at");
    match &action["arguments"] {
        Value::Null if !erased.is_empty() => {
            line("texts", &format!("erased at {erased} by {}", text_of(&approval["erased"], "by")));
        }
        Value::Null => line("arguments", "none"),
        arguments => line("arguments", visible_json(arguments, "           ").trim_start()),
    }
    line("digest", &text_of(approval, "action_digest"));
    let asker = &approval["asker"];
    let owner = text_of(asker, "owner");
    line("asked by", &format!("the key {} of {owner}", text_of(asker, "label")));
    line("", &text_of(asker, "key"));
    let agent = &approval["agent"];
    line("agent says", &says(agent, approval));
    line("priority", &text_of(approval, "priority"));
    let policy = &approval["policy"];
    line("policy", &format!("{} version {}", text_of(policy, "name"), policy["version"]));
    line("asked at", &text_of(approval, "created_at"));
    line("status", &status(approval));
    let hold = &approval["hold"];
    if hold.is_object() {
        let (by, at) = (text_of(hold, "by"), text_of(hold, "at"));
        line("on hold", &format!("by {by} at {at}: {}", text_of(hold, "reason")));
    }
    for vote in approval["votes"].as_array().into_iter().flatten() {
        line("vote", &vote_line(vote));
    }
    for revision in approval["revisions"].as_array().into_iter().flatten().skip(1) {
        let by = text_of(&revision["by"], "email");
        line("changed", &format!("by {by} at {}", text_of(revision, "at")));
    }
    let editable = approval["editable"].as_array().into_iter().flatten();
    for place in editable.filter_map(Value::as_str) {
        line("changeable", &visible(place));
    }
    if approval["answer_schema"].is_object() {
        line("form", visible_json(&approval["answer_schema"], "           ").trim_start());
    }
    let answer = &approval["decision"]["answer"];
    if !answer.is_null() {
        line("filled in", visible_json(answer, "           ").trim_start());
    }
    for inquiry in approval["inquiries"].as_array().into_iter().flatten() {
        line("asked back", &inquiry_line(inquiry));
        match &inquiry["reply"] {
            Value::Null => line("answer", "none yet"),
            reply => line("answer", &text_of(reply, "text")),
        }
    }
    if approval["status"] == "pending" {
        line("needs", &text_of(&approval["remaining"], "words"));
        line("until", &text_of(approval, "expires_at"));
    }
    let claim = &approval["claim"];
    if claim.is_object() {
        let mut text = text_of(claim, "state");
        for (before, member) in
            [(" until ", "valid_until"), (" by ", "by"), (" at ", "at"), (": ", "reason")]
        {
            let part = text_of(claim, member);
            let late = member == "valid_until" && claim["state"] != "available";
            if !part.is_empty() && !late {
                text = format!("{text}{before}{part}");
            }
        }
        line("claim", &text);
    }
    let outcome = &approval["outcome"];
    if outcome.is_object() {
        let note = text_of(outcome, "note");
        let note = if note.is_empty() { note } else { format!(": {note}") };
        line("outcome", &format!("{}{note}", text_of(outcome, "status")));
    }
    line("page", &text_of(&approval["links"], "page"));
    out.trim_end().to_owned()
}

fn says(agent: &Value, approval: &Value) -> String {
    let name = text_of(agent, "name");
    let run = text_of(agent, "run");
    let reason = text_of(approval, "reason");
    let mut parts = Vec::new();
    if !name.is_empty() {
        parts.push(format!("it is {name}"));
    }
    if !run.is_empty() {
        parts.push(format!("in run {run}"));
    }
    if !reason.is_empty() {
        parts.push(format!("because: {reason}"));
    }
    parts.join(", ")
}

/// What one person answered.
pub(crate) fn vote_line(vote: &Value) -> String {
    let comment = text_of(vote, "comment");
    let comment = if comment.is_empty() { comment } else { format!(": {comment}") };
    let whose = text_of(&vote["on_behalf_of"], "email");
    let place = if whose.is_empty() { whose } else { format!(" in the place of {whose}") };
    let stale = if vote["counts"] == false { " (for what was changed since)" } else { "" };
    format!(
        "{}{place} {} at {}, known by {}{comment}{stale}",
        text_of(&vote["approver"], "email"),
        if vote["decision"] == "approve" { "approved" } else { "rejected" },
        text_of(vote, "at"),
        text_of(vote, "assurance"),
    )
}

/// `approved by ana@example.com at …: looks good`.
pub(crate) fn status(approval: &Value) -> String {
    let word = text_of(approval, "status");
    let tone = match approval["status"].as_str() {
        Some("approved") => Tone::Good,
        Some("rejected" | "expired" | "cancelled") => Tone::Bad,
        _ => Tone::Strong,
    };
    let decision = &approval["decision"];
    if !decision.is_object() {
        return toned(&word, tone);
    }
    let comment = decision["comment"].as_str().map(|text| format!(": {}", visible(text)));
    // What a deadline ends, nobody ended.
    let by = match text_of(decision, "by").as_str() {
        "system" => String::new(),
        by => format!(" by {by}"),
    };
    format!(
        "{}{by} at {} ({}){}",
        toned(&word, tone),
        text_of(decision, "decided_at"),
        text_of(decision, "cause"),
        comment.unwrap_or_default()
    )
}
