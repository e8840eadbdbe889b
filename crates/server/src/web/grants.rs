//! Votes given in advance: the fields for one on the page of an approval, and the page of those
//! that were given.

use std::collections::BTreeMap;

use askama::Template;
use askfirst_core::approval::edit;
use askfirst_core::policy::GrantLimits;
use askfirst_core::{Approval, Bound, GrantId, Pointer, Problem, Seconds, Timestamp};
use askfirst_store::{GrantFilter, GrantRecord};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Number, Value};

use super::fault::{Fault, page};
use super::fields::{Input, Kind, Typed};
use super::session::{Nothing, Posted, SignedIn};
use super::shell::{Moment, Shell, Text, text};
use crate::app::App;
use crate::render::grants;
use crate::service::caller::ADMINS;
use crate::service::grants::Granting;

/// The most places that a page offers to leave open; the API takes any.
const MOST_PLACES: usize = 24;
/// How many grants the page shows.
const MOST: u32 = 100;

/// The fields for a grant.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GrantForm {
    pub(super) uses: Input,
    pub(super) lasts: Input,
    pub(super) bounds: Vec<Input>,
}

impl GrantForm {
    /// None where nobody can grant anything.
    pub(super) fn of(approval: &Approval, typed: &Typed) -> Option<Self> {
        let limits = approval.policy.document.grants?;
        if approval.answer_schema.is_some() {
            return None;
        }
        let known = |name: &str, otherwise: String| typed.get(name).cloned().unwrap_or(otherwise);
        let uses = Input {
            name: "grant_uses".into(),
            label: text(&format!("How many more times, at most {}", limits.uses)),
            hint: Some(text("Leave it empty to approve this request alone.")),
            kind: Kind::Number,
            value: known("grant_uses", String::new()),
            required: false,
        };
        let spans = spans(limits);
        let usual = spans.iter().rev().find(|span| span.0 <= 3_600).or(spans.first());
        let lasts = Input {
            name: "grant_for".into(),
            label: text("For how long"),
            hint: None,
            value: known("grant_for", usual.map_or_else(String::new, |span| span.0.to_string())),
            kind: Kind::Choice(
                spans.iter().map(|s| (s.0.to_string(), text(&s.to_string()))).collect(),
            ),
            required: true,
        };
        let bounds = places(approval).into_iter().enumerate().map(|(index, (pointer, value))| {
            let name = bound_name(index);
            let mut choices = vec![
                ("same".into(), text("must be the same")),
                ("any".into(), text("may be anything")),
            ];
            if let Some((least, most)) = range(&value) {
                choices.push(("up_to".into(), text(&format!("may be from {least} to {most}"))));
            }
            Input {
                label: text(pointer.as_str()),
                hint: None,
                value: known(&name, "same".into()),
                kind: Kind::Choice(choices),
                required: true,
                name,
            }
        });
        Some(Self { uses, lasts, bounds: bounds.collect() })
    }

    pub(super) fn inputs_mut(&mut self) -> impl Iterator<Item = &mut Input> {
        [&mut self.uses, &mut self.lasts].into_iter().chain(&mut self.bounds)
    }

    pub(super) fn inputs(&self) -> impl Iterator<Item = &Input> {
        [&self.uses, &self.lasts].into_iter().chain(&self.bounds)
    }
}

fn bound_name(index: usize) -> String {
    format!("bound{index}")
}

/// The lengths of time to choose from, the longest last.
fn spans(limits: GrantLimits) -> Vec<Seconds> {
    let usual = [900, 3_600, 14_400, 86_400, 604_800].map(Seconds);
    let mut spans: Vec<_> = usual.into_iter().filter(|span| *span < limits.lasts).collect();
    spans.push(limits.lasts);
    spans
}

/// The places of an action that can be left open: its target, and every value that has no parts.
fn places(approval: &Approval) -> Vec<(Pointer, Value)> {
    let mut found = Vec::new();
    let arguments = &approval.action.arguments;
    if arguments.is_object() || arguments.is_array() {
        leaves(arguments, "/arguments", &mut found);
    }
    if approval.action.target.is_some() {
        found.push("/target".to_owned());
    }
    let known = found.into_iter().filter_map(|place| {
        let pointer: Pointer = place.parse().ok()?;
        let value = edit::value_at(&approval.action, &pointer)?;
        Some((pointer, value))
    });
    known.take(MOST_PLACES).collect()
}

fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    let mut inside = |name: String, value: &Value| {
        let place = format!("{place}/{name}");
        match value {
            Value::Object(parts) if !parts.is_empty() => leaves(value, &place, found),
            Value::Array(parts) if !parts.is_empty() => leaves(value, &place, found),
            _ => found.push(place),
        }
    };
    match value {
        Value::Object(parts) => parts.iter().for_each(|(name, value)| {
            inside(name.replace('~', "~0").replace('/', "~1"), value);
        }),
        Value::Array(parts) => {
            parts.iter().enumerate().for_each(|(index, value)| inside(index.to_string(), value));
        }
        _ => {}
    }
}

/// From nothing to what it is now, where that is a number above zero.
fn range(value: &Value) -> Option<(Number, Number)> {
    let Value::Number(most) = value else { return None };
    most.as_f64().filter(|most| *most > 0.0).map(|_| (Number::from(0), most.clone()))
}

/// What the fields say; none if nothing more is granted.
///
/// # Errors
/// The fields that make no sense.
pub(super) fn granting(
    approval: &Approval,
    typed: &Typed,
) -> Result<Option<Granting>, Vec<Problem>> {
    let written = typed.get("grant_uses").map_or("", |uses| uses.trim());
    if written.is_empty() || approval.policy.document.grants.is_none() {
        return Ok(None);
    }
    let odd = |pointer: &str, detail: String| vec![Problem { pointer: pointer.into(), detail }];
    let uses = written.parse();
    let uses = uses.map_err(|_| {
        odd("/grant/uses", format!("“{written}” is no number of times: write 1, 2, 3 …"))
    })?;
    let lasts = typed.get("grant_for").and_then(|span| span.parse().ok()).map(Seconds);
    let lasts =
        lasts.ok_or_else(|| odd("/grant/for", "choose for how long more may be asked".into()))?;
    let mut bounds = BTreeMap::new();
    for (index, (pointer, value)) in places(approval).into_iter().enumerate() {
        match typed.get(&bound_name(index)).map(String::as_str) {
            Some("any") => drop(bounds.insert(pointer, Bound::Any)),
            Some("up_to") => {
                if let Some((least, most)) = range(&value) {
                    let bound = Bound::Within { at_least: Some(least), at_most: Some(most) };
                    bounds.insert(pointer, bound);
                }
            }
            _ => {}
        }
    }
    Ok(Some(Granting { lasts, uses, bounds }))
}

/// The grants that somebody may see.
#[derive(Template)]
#[template(path = "grants.html")]
pub(super) struct GrantsPage {
    pub(super) shell: Shell,
    pub(super) open: Vec<GrantRow>,
    pub(super) over: Vec<GrantRow>,
    /// Whether there are more than fit.
    pub(super) more: bool,
}

/// One grant.
#[derive(Clone, Debug)]
pub(super) struct GrantRow {
    pub(super) id: String,
    pub(super) approval: String,
    pub(super) name: Text,
    pub(super) target: Option<Text>,
    pub(super) by: Text,
    pub(super) used: String,
    pub(super) until: Moment,
    /// How it ended, if it did.
    pub(super) end: Option<String>,
    /// Whether whoever looks may take it back.
    pub(super) revocable: bool,
    /// What may differ, place by place.
    pub(super) bounds: Vec<(Text, Text)>,
}

impl GrantRow {
    pub(super) fn new(known: &GrantRecord, by: &SignedIn, now: Timestamp) -> Self {
        let viewer = &by.viewer.member;
        let revocable = viewer.id == known.grant.by.id || ADMINS.contains(&viewer.person.role);
        let GrantRecord { grant, ended } = known;
        let end = match ended {
            Some((at, by)) => {
                let by = by.strip_prefix("member:").unwrap_or(by);
                Some(format!("taken back by {by} on {}", Moment::at(*at).absolute))
            }
            None if grant.used >= grant.terms.uses => Some("used up".into()),
            None if now >= grant.until() => Some("its time is over".into()),
            None => None,
        };
        let bounds = grant.terms.bounds.iter();
        Self {
            id: grant.id.to_string(),
            approval: grant.approval.to_string(),
            name: text(&grant.terms.action.name),
            target: grant.terms.action.target.as_deref().map(text),
            by: text(&grant.by.email),
            used: format!("used {} of {} times", grant.used, grant.terms.uses),
            until: Moment::seen_from(grant.until(), now),
            end,
            revocable,
            bounds: bounds
                .map(|(at, bound)| (text(at.as_str()), text(&grants::in_words(bound))))
                .collect(),
        }
    }
}

impl GrantsPage {
    pub(super) fn new(by: &SignedIn, known: &[GrantRecord], more: bool) -> Self {
        let now = by.viewer.now;
        let rows = known.iter().map(|known| GrantRow::new(known, by, now));
        let (open, over) = rows.partition(|row| row.end.is_none());
        Self { shell: Shell::of("Grants", "/grants", by, now), open, over, more }
    }
}

pub(super) async fn show(State(app): State<App>, by: SignedIn) -> Result<Response, Fault> {
    let filter = GrantFilter { limit: MOST + 1, ..GrantFilter::default() };
    let mut known = app.service.grants(&by.caller, filter).await?;
    let more = known.len() > MOST as usize;
    known.truncate(MOST as usize);
    Ok(page(StatusCode::OK, &GrantsPage::new(&by, &known, more)))
}

pub(super) async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<Nothing>,
) -> Result<Response, Fault> {
    let id: GrantId = id.parse().map_err(|_| Fault::NotFound)?;
    app.service.revoke_grant(&posted.by.caller, id).await?;
    Ok(Redirect::to("/grants").into_response())
}
