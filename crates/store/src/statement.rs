//! Says what a decided approval's receipt will state. The bytes are stored with the decision, in
//! its transaction; signing them is the server's work, later and as often as need be.

use askfirst_core::{
    Approval, Assurance, Decision, Digest, Environment, Status, Timestamp, Via, Vote, VoteDecision,
};
use askfirst_proof::{Statement, statement};

/// How long a receipt that approves nothing stays good: ten years.
const LIFETIME_SECONDS: i64 = 3_650 * 86_400;

/// What cannot be stated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unstatable {
    /// There is no decision yet.
    #[error("the approval is not decided yet")]
    Pending,
    /// A time beyond what can be written.
    #[error("{0} cannot be written as a time")]
    Time(Timestamp),
}

/// The statement of a decided approval; the same approval always gives the same one.
///
/// # Errors
/// [`Unstatable`], for an approval that is still pending.
pub fn statement_of(approval: &Approval, issuer_base: &str) -> Result<Statement, Unstatable> {
    let decision = approval.decision.as_ref().ok_or(Unstatable::Pending)?;
    let workspace = approval.workspace.to_string();
    let id = approval.id.to_string();
    let digits = id.split_once('_').map_or(id.as_str(), |(_, digits)| digits);
    let decided_at = decision.decided_at.seconds();
    // For an approval the end of its use: who knows only JWT fails closed.
    let exp = decision.valid_until.map_or(decided_at + LIFETIME_SECONDS, Timestamp::seconds);
    let action_digest = digest(approval.action_digest);
    let votes: Result<Vec<_>, _> = approval.votes.iter().map(vote).collect();
    Ok(Statement {
        iss: format!("{issuer_base}/w/{workspace}"),
        aud: workspace,
        iat: decided_at,
        exp,
        jti: format!("rcp_{digits}"),
        environment: match approval.environment {
            Environment::Live => statement::Environment::Live,
            Environment::Test => statement::Environment::Test,
            Environment::Dev => statement::Environment::Dev,
        },
        decision: outcome(decision)?,
        asked_digest: action_digest,
        action_digest,
        asker: statement::Asker {
            key: approval.asker.key.to_string(),
            owner: Some(approval.asker.owner_email.clone()),
            label: approval.asker.label.clone(),
        },
        decided_at: moment(decision.decided_at)?,
        valid_until: decision.valid_until.map(moment).transpose()?,
        comment: decision.comment.clone(),
        answer_digest: None,
        policy: statement::PolicyRef {
            name: approval.policy.document.name.to_string(),
            version: approval.policy.version,
            digest: digest(approval.policy.digest),
        },
        votes: votes?,
        assurance: approval.assurance().map(assurance),
        approval: id,
    })
}

fn outcome(decision: &Decision) -> Result<statement::Decision, Unstatable> {
    match decision.status {
        Status::Approved => Ok(statement::Decision::Approved),
        Status::Rejected => Ok(statement::Decision::Rejected),
        Status::Expired => Ok(statement::Decision::Expired),
        Status::Cancelled => Ok(statement::Decision::Cancelled),
        Status::Pending => Err(Unstatable::Pending),
    }
}

fn vote(vote: &Vote) -> Result<statement::Vote, Unstatable> {
    Ok(statement::Vote {
        approver: vote.voter.email.clone(),
        on_behalf_of: None,
        decision: match vote.decision {
            VoteDecision::Approve => statement::VoteDecision::Approve,
            VoteDecision::Reject => statement::VoteDecision::Reject,
        },
        assurance: assurance(vote.assurance),
        via: via(vote.via),
        at: moment(vote.at)?,
        action_digest: digest(vote.action_digest),
        shown_digest: vote.shown_digest.map(digest),
    })
}

/// The way a vote came in, as receipts and the audit log spell it.
pub(crate) fn via(via: Via) -> String {
    match via {
        Via::Key(key) => format!("key:{key}"),
        Via::Web => "web".into(),
    }
}

fn assurance(assurance: Assurance) -> statement::Assurance {
    match assurance {
        Assurance::Bearer => statement::Assurance::Bearer,
        Assurance::Key => statement::Assurance::Key,
        Assurance::Link => statement::Assurance::Link,
        Assurance::Chat => statement::Assurance::Chat,
        Assurance::Session => statement::Assurance::Session,
        Assurance::Passkey => statement::Assurance::Passkey,
    }
}

fn digest(digest: Digest) -> askfirst_proof::Digest {
    askfirst_proof::Digest::from_bytes(digest.0)
}

fn moment(at: Timestamp) -> Result<askfirst_proof::Moment, Unstatable> {
    at.to_string().parse().map_err(|_| Unstatable::Time(at))
}
