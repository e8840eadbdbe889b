//! What an approver may change in the action before saying yes, and what that makes of it: a
//! revision with a digest of its own. Approvals given before it do not count for it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::{Action, Approval, CastVote, Digest, Problem, Refusal, Timestamp, VoteDecision, Voter};

/// The most places that an ask can open for changes.
pub const MOST_EDITABLE: usize = 32;
/// The longest target, in characters.
pub const LONGEST_TARGET: usize = 1_024;
/// The most times that one action can be changed.
pub const MOST_REVISIONS: u32 = 20;

/// A place in an action, as RFC 6901 writes it: `/target`, or `/arguments` and what is in it.
/// Name and title say what kind of thing is asked for, and cannot become something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(String);

/// A text that points to nothing that could be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("point to /target, or to /arguments or a place in it, as RFC 6901 writes it")]
pub struct NotAPointer;

impl Pointer {
    /// As RFC 6901 writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this place or one inside it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for Pointer {
    type Err = NotAPointer;
    fn from_str(text: &str) -> Result<Self, NotAPointer> {
        let place = text == "/target" || text == "/arguments" || text.starts_with("/arguments/");
        let mut escapes = text.split('~').skip(1);
        let escaped = escapes.all(|rest| rest.starts_with(['0', '1']));
        let short = text.len() <= 512 && text.split('/').count() <= 64;
        if place && escaped && short { Ok(Self(text.into())) } else { Err(NotAPointer) }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Pointer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What someone wants changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edits {
    /// The new value of each place.
    pub changes: BTreeMap<Pointer, Value>,
    /// SHA-256 over the canonical JSON of [`edited`].
    pub digest: Digest,
}

/// One state of the action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// Counted from 1, which is the action as it was asked for.
    pub number: u32,
    /// The action.
    pub action: Arc<Action>,
    /// Its digest.
    pub action_digest: Digest,
    /// Who changed it; none for the first.
    pub by: Option<Voter>,
    /// Since when it holds.
    pub at: Timestamp,
}

/// What `changes` make of `action`, each at a place that `editable` opens.
///
/// # Errors
/// [`Refusal::NotEditable`], [`Refusal::EditsOverlap`], [`Refusal::BadEdit`].
pub fn edited(
    action: &Action,
    editable: &[Pointer],
    changes: &BTreeMap<Pointer, Value>,
) -> Result<Action, Refusal> {
    let mut next = action.clone();
    for (pointer, value) in changes {
        if !editable.iter().any(|open| open.covers(pointer)) {
            let editable = in_words(editable);
            return Err(Refusal::NotEditable { pointer: pointer.clone(), editable });
        }
        let mut others = changes.keys().filter(|other| *other != pointer);
        if let Some(inner) = others.find(|other| pointer.covers(other)) {
            let (outer, inner) = (pointer.clone(), inner.clone());
            return Err(Refusal::EditsOverlap { outer, inner });
        }
        let bad =
            |detail: &str| Refusal::BadEdit { pointer: pointer.clone(), detail: detail.into() };
        if pointer.as_str() == "/target" {
            next.target = match value {
                Value::Null => None,
                Value::String(target)
                    if !target.trim().is_empty() && target.chars().count() <= LONGEST_TARGET =>
                {
                    Some(target.clone())
                }
                _ => return Err(bad("a target is a text of 1 to 1024 characters, or null")),
            };
            continue;
        }
        let place = pointer.as_str().strip_prefix("/arguments").unwrap_or_default();
        let place = next.arguments.pointer_mut(place);
        *place.ok_or_else(|| bad("there is no such place in the action"))? = value.clone();
    }
    Ok(next)
}

/// What stands at a place of the action; none if there is no such place.
#[must_use]
pub fn value_at(action: &Action, pointer: &Pointer) -> Option<Value> {
    match pointer.as_str().strip_prefix("/arguments") {
        Some(place) => action.arguments.pointer(place).cloned(),
        None => Some(action.target.clone().map_or(Value::Null, Value::from)),
    }
}

/// What is wrong with the places that an ask opens for changes, each under `/editable`.
#[must_use]
pub fn problems(action: &Action, editable: &[Pointer]) -> Vec<Problem> {
    let mut found = Vec::new();
    if editable.len() > MOST_EDITABLE {
        let detail = format!("at most {MOST_EDITABLE} places");
        found.push(Problem { pointer: "/editable".into(), detail });
    }
    for (index, pointer) in editable.iter().enumerate() {
        let place = pointer.as_str().strip_prefix("/arguments");
        if place.is_some_and(|place| action.arguments.pointer(place).is_none()) {
            let detail = format!("there is nothing at {pointer} in this action");
            found.push(Problem { pointer: format!("/editable/{index}"), detail });
        }
    }
    found
}

/// The revision that a vote asks for; none if it changes nothing.
pub(super) fn revise(
    approval: &Approval,
    cast: &CastVote,
    voter: &Voter,
    now: Timestamp,
) -> Result<Option<Revision>, Refusal> {
    let Some(edits) = &cast.edits else { return Ok(None) };
    if cast.decision != VoteDecision::Approve {
        return Err(Refusal::EditsWithoutApproval);
    }
    let action = edited(&approval.action, &approval.editable, &edits.changes)?;
    if action == *approval.action || edits.digest == approval.action_digest {
        return Ok(None);
    }
    let number = approval.revision() + 1;
    if number > MOST_REVISIONS {
        return Err(Refusal::EnoughEdited { most: MOST_REVISIONS - 1 });
    }
    Ok(Some(Revision {
        number,
        action: Arc::new(action),
        action_digest: edits.digest,
        by: Some(voter.clone()),
        at: now,
    }))
}

fn in_words(editable: &[Pointer]) -> String {
    if editable.is_empty() {
        return "the asker opened nothing for changes".into();
    }
    let places: Vec<_> = editable.iter().map(Pointer::as_str).collect();
    format!("the asker opened {} for changes", places.join(", "))
}
