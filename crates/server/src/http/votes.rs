//! Voting: on one approval, or on many at once, each answered on its own.

use std::collections::BTreeMap;

use askfirst_core::{ApprovalId, Digest, MemberId, Pointer, VoteDecision};
use askfirst_store::Idempotency;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::approvals::show;
use super::grants::GrantBody;
use super::problem::Problem;
use super::request::{Body, Id};
use super::views::ApprovalView;
use crate::app::App;
use crate::service::decide::{Answer, Inquiring};
use crate::service::grants::Granting;
use crate::service::{Caller, Seen};

/// The most votes in one request.
const MOST_VOTES: usize = 100;

/// An approver's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoteBody {
    /// `approve`, `reject`, or `more_info`, which asks the asker what the comment says and leaves
    /// the vote open.
    #[schema(value_type = String, example = "approve")]
    decision: Choice,
    /// The digest of the action that the voter saw.
    #[schema(value_type = String)]
    action_digest: Digest,
    /// In whose place, by member id, where that is somebody who handed their votes to you. Left out
    /// it is your own seat, or, where you have none, that of whoever did.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<MemberId>,
    /// What to say with it. With `more_info`, what to ask.
    #[serde(default)]
    comment: Option<String>,
    /// What to change before approving: the new value of each place, named by a JSON Pointer into
    /// the action that the asker opened in `editable`. Approvals given before must be given again.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({ "/arguments/version": "2.2" }))]
    edits: BTreeMap<Pointer, Value>,
    /// What the form of the request asks for; only with `approve`, and only where there is one.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    answer: Option<Value>,
    /// What else of the kind to say yes to, in advance; only with `approve`, and only as far as the
    /// policy's `grants` go.
    #[serde(default)]
    grant: Option<GrantBody>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Approve,
    Reject,
    MoreInfo,
}

/// Votes on several approvals.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VotesBody {
    /// 1 to 100 of them.
    votes: Vec<BallotBody>,
}

/// One of several votes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BallotBody {
    /// Which approval.
    #[schema(value_type = String)]
    id: ApprovalId,
    /// `approve`, `reject` or `more_info`.
    #[schema(value_type = String, example = "approve")]
    decision: Choice,
    /// The digest of the action that the voter saw.
    #[schema(value_type = String)]
    action_digest: Digest,
    /// As in a single vote.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<MemberId>,
    /// What to say with it. With `more_info`, what to ask.
    #[serde(default)]
    comment: Option<String>,
    /// As in a single vote.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    edits: BTreeMap<Pointer, Value>,
    /// As in a single vote.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    answer: Option<Value>,
    /// As in a single vote.
    #[serde(default)]
    grant: Option<GrantBody>,
}

/// What became of several votes.
#[derive(Debug, Serialize, ToSchema)]
pub struct VotesView {
    /// In the order in which they were sent.
    results: Vec<BallotView>,
}

/// What became of one of several votes.
#[derive(Debug, Serialize, ToSchema)]
struct BallotView {
    /// Which approval.
    id: String,
    /// The status code that the vote alone would have had.
    status: u16,
    /// The approval afterwards, if the vote was recorded.
    approval: Option<ApprovalView>,
    /// Why the vote was not recorded.
    problem: Option<Problem>,
}

/// Vote as the member that the decide key is bound to.
#[utoipa::path(post, path = "/v1/approvals/{id}/vote", tag = "approvals",
    params(("id" = String, Path)), request_body = VoteBody,
    responses((status = 200, body = ApprovalView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn vote(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    body: Body<VoteBody>,
) -> Result<Response, Problem> {
    let idempotency = body.idempotency(operation(id));
    let VoteBody { decision, action_digest, on_behalf_of, comment, edits, answer, grant } =
        body.value;
    let ballot =
        BallotBody { id, decision, action_digest, on_behalf_of, comment, edits, answer, grant };
    let seen = cast(&app, &caller, ballot, idempotency).await?;
    Ok(show(&app, StatusCode::OK, &seen))
}

/// Vote on several approvals at once. Each vote is taken or refused on its own: an answer of 200
/// says nothing about any of them, `results` does.
#[utoipa::path(post, path = "/v1/votes", tag = "approvals", request_body = VotesBody,
    responses((status = 200, body = VotesView), (status = 422, body = Problem)))]
pub async fn votes(
    State(app): State<App>,
    caller: Caller,
    body: Body<VotesBody>,
) -> Result<Json<VotesView>, Problem> {
    let count = body.value.votes.len();
    if count == 0 || count > MOST_VOTES {
        let detail = format!("1 to {MOST_VOTES} votes, not {count}");
        return Err(crate::service::mistake("/votes", detail).into());
    }
    // Each vote has an idempotency of its own, so a batch that was sent twice votes once.
    let once: Vec<_> =
        body.value.votes.iter().map(|ballot| body.idempotency(operation(ballot.id))).collect();
    let cast = body.value.votes.into_iter().zip(once).map(async |(ballot, once)| {
        let id = ballot.id.to_string();
        match cast(&app, &caller, ballot, once).await {
            Ok(seen) => {
                let approval = ApprovalView::of(&seen, &app.reach.public_url);
                BallotView { id, status: 200, approval: Some(approval), problem: None }
            }
            Err(problem) => {
                let problem = problem.within_an_answer();
                BallotView { id, status: problem.status(), approval: None, problem: Some(problem) }
            }
        }
    });
    Ok(Json(VotesView { results: join_all(cast).await }))
}

fn operation(id: ApprovalId) -> String {
    format!("approvals.vote/{id}")
}

async fn cast(
    app: &App,
    caller: &Caller,
    ballot: BallotBody,
    idempotency: Option<Idempotency>,
) -> Result<Seen, Problem> {
    let BallotBody { id, decision, action_digest, on_behalf_of, comment, edits, answer, grant } =
        ballot;
    let grant = grant.map(Granting::from);
    let decision = match decision {
        Choice::Approve => VoteDecision::Approve,
        Choice::Reject => VoteDecision::Reject,
        Choice::MoreInfo if !edits.is_empty() || answer.is_some() || grant.is_some() => {
            let detail = "who asks back changes, fills in and grants nothing yet";
            return Err(crate::service::mistake("/decision", detail).into());
        }
        Choice::MoreInfo => {
            let asking = Inquiring { action_digest, question: comment };
            return Ok(app.service.inquire(caller, id, asking, idempotency).await?);
        }
    };
    let answer = Answer {
        decision,
        action_digest,
        on_behalf_of,
        comment,
        edits,
        answer,
        grant,
        shown: None,
    };
    Ok(app.service.vote(caller, id, answer, idempotency).await?)
}
