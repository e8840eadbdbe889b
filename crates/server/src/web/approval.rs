//! One approval: its page, and the forms on it.

use std::collections::BTreeMap;

use askfirst_core::{Approval, ApprovalId, Digest, Pointer, Problem, VoteDecision, Voter};
use askfirst_store::Idempotency;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;

use super::fault::{Fault, page};
use super::fields::{self, Typed};
use super::grants;
use super::session::{Posted, SignedIn};
use super::sheet::ApprovalPage;
use super::words::{self, Told};
use crate::app::App;
use crate::mint;
use crate::render;
use crate::service::ServiceError;
use crate::service::decide::{Answer, Inquiring, as_edited};
use crate::service::grants::Granting;

/// How long a page waits for a receipt that is being signed.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// The id in a path; what is no id is not found either.
fn known(id: &str) -> Result<ApprovalId, Fault> {
    id.parse().map_err(|_| Fault::NotFound)
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let sight = app.service.sight(&by.caller, known(&id)?).await?;
    Ok(page(StatusCode::OK, &ApprovalPage::new(&by, &sight, nonce()?)))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Approve,
    Reject,
    MoreInfo,
}

#[derive(Deserialize)]
pub(super) struct VoteFields {
    decision: Choice,
    action_digest: Digest,
    shown_digest: Digest,
    nonce: String,
    #[serde(default)]
    comment: String,
    /// What was changed and filled in.
    #[serde(flatten)]
    typed: Typed,
}

pub(super) async fn vote(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<VoteFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let id = known(&id)?;
    let comment = typed(&form.comment);
    let sight = app.service.sight(&by.caller, id).await?;
    let approval = &sight.seen.approval;
    let shown = render::shown_of(approval);
    let current = approval.action_digest;
    let said = Said { comment: &comment, typed: &form.typed };
    let (decision, edits, answer, grant) = match form.decision {
        Choice::Approve => match filled_in(approval, &form.typed) {
            Ok((edits, answer, grant)) => (VoteDecision::Approve, edits, answer, grant),
            Err(problems) => {
                return refused(&app, &by, id, words::unfit(&problems), said).await;
            }
        },
        _ => (VoteDecision::Reject, BTreeMap::new(), None, None),
    };
    let mut shown = shown;
    if !edits.is_empty() || grant.is_some() {
        // Nobody approves a change or a grant unseen: first they read what it comes to.
        let voter = Voter { id: by.viewer.member.id, email: by.viewer.member.person.email.clone() };
        let edited = if edits.is_empty() {
            Ok(approval.clone())
        } else {
            as_edited(approval, voter, &edits, sight.seen.now)
        };
        let edited = match edited {
            Ok(edited) => edited,
            Err(ServiceError::Refused(refusal)) => {
                return refused(&app, &by, id, words::refusal(&refusal), said).await;
            }
            Err(other) => return Err(other.into()),
        };
        let terms = grant.as_ref().map(|grant| grant.terms(approval, &edits));
        let account = match &terms {
            Some(terms) => render::account_with(&edited, terms),
            None => render::account(&edited),
        };
        let as_changed = account.shown();
        if form.shown_digest == shown.digest && form.action_digest == current {
            let sheet =
                ApprovalPage::new(&by, &sight, nonce()?).review(account, !edits.is_empty(), said);
            return Ok(page(StatusCode::OK, &sheet));
        }
        shown = as_changed;
    }
    if form.shown_digest != shown.digest || form.action_digest != current {
        return refused(&app, &by, id, words::stale(), said).await;
    }
    let decision = match form.decision {
        Choice::Approve | Choice::Reject => decision,
        Choice::MoreInfo if comment.is_empty() => {
            let lacking = "Write here what you want to know, then press “Ask back” again.";
            let (status, sheet) = ApprovalPage::new(&by, &sight, nonce()?).lacking(lacking, said);
            return Ok(page(status, &sheet));
        }
        Choice::MoreInfo => {
            let once = once("ask back", id, &form.nonce, &[&comment])?;
            let asking = Inquiring { action_digest: current, question: Some(comment.clone()) };
            let asked = app.service.inquire(&by.caller, id, asking, Some(once)).await;
            return settled(&app, &by, id, asked.map(drop), said).await;
        }
    };
    let answer = Answer {
        decision,
        action_digest: form.action_digest,
        on_behalf_of: None,
        comment: Some(comment.clone()),
        edits,
        answer,
        grant,
        shown: Some(shown),
    };
    let mut sent = vec![decision.as_str(), comment.as_str()];
    sent.extend(form.typed.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    let once = once("vote", id, &form.nonce, &sent)?;
    let voted = app.service.vote(&by.caller, id, answer, Some(once)).await;
    settled(&app, &by, id, voted.map(drop), said).await
}

/// What the fields say: the changes, the form's answer where there is a form, and what else is
/// said yes to.
type FilledIn = (BTreeMap<Pointer, Value>, Option<Value>, Option<Granting>);

fn filled_in(approval: &Approval, typed: &Typed) -> Result<FilledIn, Vec<Problem>> {
    let edits = fields::edits(approval, typed)?;
    let answer = approval.answer_schema.as_ref().map(|schema| fields::answer(schema, typed));
    Ok((edits, answer.transpose()?, grants::granting(approval, typed)?))
}

/// What a form brought that must not get lost where it is refused.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) comment: &'a str,
    pub(super) typed: &'a Typed,
}

const NOTHING_TYPED: Typed = Typed::new();
const NOTHING: Said<'static> = Said { comment: "", typed: &NOTHING_TYPED };

#[derive(Deserialize)]
pub(super) struct LookFields {
    nonce: String,
}

pub(super) async fn look(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<LookFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let id = known(&id)?;
    let once = once("look", id, &form.nonce, &[])?;
    let done = app.service.look(&by.caller, id, Some(once)).await;
    settled(&app, &by, id, done.map(drop), NOTHING).await
}

#[derive(Deserialize)]
pub(super) struct EndFields {
    nonce: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn cancel(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<EndFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let (id, reason) = (known(&id)?, typed(&form.reason));
    let once = once("cancel", id, &form.nonce, &[&reason])?;
    let done = app.service.cancel(&by.caller, id, Some(reason), Some(once)).await;
    settled(&app, &by, id, done.map(drop), NOTHING).await
}

pub(super) async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<EndFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let (id, reason) = (known(&id)?, typed(&form.reason));
    let once = once("revoke", id, &form.nonce, &[&reason])?;
    let done = app.service.revoke(&by.caller, id, Some(reason), Some(once)).await;
    settled(&app, &by, id, done.map(drop), NOTHING).await
}

/// What is to become of the texts.
#[derive(Deserialize)]
pub(super) struct KeepFields {
    what: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    sure: String,
}

pub(super) async fn keep(
    State(app): State<App>,
    Path(id): Path<String>,
    posted: Posted<KeepFields>,
) -> Result<Response, Fault> {
    let Posted { by, form } = posted;
    let id = known(&id)?;
    let done = match form.what.as_str() {
        "hold" => app.service.hold(&by.caller, id, typed(&form.reason)).await,
        "release" => app.service.release(&by.caller, id).await,
        "erase" if form.sure == "yes" => app.service.erase(&by.caller, id, None).await,
        "erase" => {
            let told = words::lacking("Say that you are sure: what is erased does not come back.");
            return refused(&app, &by, id, told, NOTHING).await;
        }
        _ => return Err(Fault::BadForm),
    };
    settled(&app, &by, id, done.map(drop), NOTHING).await
}

/// Everything an auditor needs, as a file.
pub(super) async fn bundle(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let (approval, bundle) = app.service.bundle(&by.caller, known(&id)?, PATIENCE).await?;
    let bundle = bundle.ok_or(Fault::NoProof)?;
    let body = serde_json::to_vec_pretty(&bundle)
        .map_err(|error| ServiceError::Internal(error.to_string()))?;
    let name = format!("attachment; filename=\"{}.json\"", approval.id);
    let name = HeaderValue::from_str(&name).map_err(|_| Fault::NotFound)?;
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// Back to the page after a form, or the page with the reason why not.
async fn settled(
    app: &App,
    by: &SignedIn,
    id: ApprovalId,
    done: Result<(), ServiceError>,
    said: Said<'_>,
) -> Result<Response, Fault> {
    let told = match done {
        Ok(()) => return Ok(Redirect::to(&format!("/a/{id}")).into_response()),
        Err(ServiceError::Refused(refusal)) => words::refusal(&refusal),
        Err(ServiceError::IdempotencyMismatch) => words::stale(),
        Err(ServiceError::Invalid(problems)) => Told {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: "Something needs to be changed",
            detail: format!(
                "Nothing was recorded: {}.",
                problems.into_iter().map(|p| p.detail).collect::<Vec<_>>().join("; ")
            ),
        },
        Err(ServiceError::Denied(denied)) => {
            words::lacking(&format!("Nothing was done: {denied}."))
        }
        Err(other) => return Err(other.into()),
    };
    refused(app, by, id, told, said).await
}

async fn refused(
    app: &App,
    by: &SignedIn,
    id: ApprovalId,
    told: Told,
    said: Said<'_>,
) -> Result<Response, Fault> {
    let sight = app.service.sight(&by.caller, id).await?;
    let (status, sheet) = ApprovalPage::new(by, &sight, nonce()?).with_notice(told, said);
    Ok(page(status, &sheet))
}

/// One form, sent twice by a nervous finger, counts once.
pub(super) fn once(
    what: &str,
    id: ApprovalId,
    nonce: &str,
    said: &[&str],
) -> Result<Idempotency, Fault> {
    if nonce.len() != 43 || !nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    {
        return Err(Fault::BadForm);
    }
    let fingerprint = askfirst_proof::text_digest(said.join("\0"));
    Ok(Idempotency {
        key: nonce.into(),
        operation: format!("web {what} {id}"),
        fingerprint: *fingerprint.as_bytes(),
    })
}

fn nonce() -> Result<String, Fault> {
    mint::token().map_err(|error| Fault::Service(error.into()))
}

/// What was typed; forms send their line breaks as two characters.
pub(super) fn typed(text: &str) -> String {
    text.replace("\r\n", "\n").trim().to_owned()
}
