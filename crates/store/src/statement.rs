//! Says what a decided approval's receipt will state. The bytes are stored with the decision, in
//! its transaction; signing them is the server's work, later and as often as need be.

use askfirst_core::{
    Approval, Assurance, Decision, Digest, Environment, Status, Timestamp, Via, Vote, VoteDecision,
};
use askfirst_proof::canonical::CanonicalError;
use askfirst_proof::{Statement, json_digest, statement};

/// How long a receipt that approves nothing stays good: ten years.
const LIFETIME_SECONDS: i64 = 3_650 * 86_400;

/// What cannot be stated.
#[derive(Debug, thiserror::Error)]
pub enum Unstatable {
    /// There is no decision yet.
    #[error("the approval is not decided yet")]
    Pending,
    /// An answer that has no canonical form.
    #[error("the answer has no canonical form: {0}")]
    Answer(#[from] CanonicalError),
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
        asked_digest: digest(approval.asked_digest()),
        action_digest: digest(approval.action_digest),
        asker: statement::Asker {
            key: approval.asker.key.to_string(),
            owner: Some(approval.asker.owner_email.clone()),
            label: approval.asker.label.clone(),
        },
        decided_at: moment(decision.decided_at)?,
        valid_until: decision.valid_until.map(moment).transpose()?,
        comment: decision.comment.clone(),
        answer_digest: decision.answer.as_ref().map(json_digest).transpose()?,
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
        on_behalf_of: vote.on_behalf_of.as_ref().map(|whose| whose.email.clone()),
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
        Via::Link => "link".into(),
        Via::Telegram => "telegram".into(),
        Via::Grant(id) => format!("grant:{id}"),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a story that fails may panic")]

    use std::sync::Arc;

    use askfirst_core::{
        Action, Actor, ApprovalId, Asker, Cause, Dialect, FrozenPolicy, KeyId, MemberId, Policy,
        Priority, Seconds, Voter, WorkspaceId, quorum::NeedSet,
    };
    use serde_json::{Value, json};

    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_893_499_200_250_000);

    fn vote(by: u128, decision: VoteDecision, via: Via, assurance: Assurance) -> Vote {
        Vote {
            voter: Voter { id: MemberId::from_bits(by), email: format!("{by}@example.com") },
            on_behalf_of: None,
            decision,
            assurance,
            via,
            at: NOON,
            action_digest: Digest([1; 32]),
            shown_digest: (via == Via::Web).then_some(Digest([3; 32])),
            comment: Some("not part of a receipt".into()),
            answer: None,
            granted: None,
            revision: 1,
            seats: NeedSet::NONE.with(0),
        }
    }

    fn ended(status: Status, cause: Cause, votes: Vec<Vote>) -> Approval {
        let name = "deploys".parse().unwrap();
        Approval {
            id: ApprovalId::from_bits(1),
            workspace: WorkspaceId::from_bits(2),
            environment: Environment::Test,
            version: 3,
            asker: Asker {
                key: KeyId::from_bits(3),
                label: "ci".into(),
                owner: MemberId::from_bits(4),
                owner_email: "ana@example.com".into(),
                dialect: Dialect::Native,
            },
            action: Arc::new(Action {
                name: "deploy".into(),
                title: "Deploy?".into(),
                arguments: Value::Null,
                target: None,
            }),
            action_digest: Digest([1; 32]),
            editable: Vec::new(),
            revisions: Vec::new(),
            answer_schema: None,
            reason: None,
            priority: Priority::Normal,
            agent: None,
            metadata: Value::Null,
            policy: Arc::new(FrozenPolicy {
                id: None,
                version: 7,
                digest: Digest([2; 32]),
                document: Policy::standard(name, Assurance::Key),
            }),
            consumers: Vec::new(),
            created_at: NOON,
            expires_at: NOON,
            valid_for: Seconds(900),
            inquiries: Vec::new(),
            escalated: 0,
            looks: Vec::new(),
            told_by: None,
            votes,
            decision: Some(Decision {
                status,
                decided_at: NOON,
                by: Actor::System,
                cause,
                comment: Some("go".into()),
                answer: None,
                valid_until: (status == Status::Approved).then(|| NOON.plus(Seconds(900))),
            }),
            claim: None,
            outcome: None,
            hold: None,
            erased: None,
        }
    }

    /// What every receipt of these tests says, with `changes` on top.
    fn expected(changes: Value) -> Value {
        let digest = |byte: u8| Digest([byte; 32]).to_string();
        let mut claims = json!({
            "iss": "https://ask.example/w/wsp_00000000000000000000000002",
            "aud": "wsp_00000000000000000000000002",
            "iat": 1_893_499_200,
            "exp": 1_893_499_200_i64 + 315_360_000,
            "jti": "rcp_00000000000000000000000001",
            "environment": "test",
            "approval": "apr_00000000000000000000000001",
            "asked_digest": digest(1),
            "action_digest": digest(1),
            "asker": {
                "key": "key_00000000000000000000000003",
                "owner": "ana@example.com",
                "label": "ci",
            },
            "decided_at": "2030-01-01T12:00:00.250Z",
            "valid_until": null,
            "comment": "go",
            "answer_digest": null,
            "policy": { "name": "deploys", "version": 7, "digest": digest(2) },
            "votes": [],
            "assurance": null,
        });
        let (Some(claims_map), Value::Object(changes)) = (claims.as_object_mut(), changes) else {
            panic!("not objects");
        };
        claims_map.extend(changes);
        claims
    }

    fn stated(approval: &Approval) -> Value {
        let statement = statement_of(approval, "https://ask.example").unwrap();
        let bytes = statement.to_bytes().unwrap();
        assert_eq!(Statement::from_bytes(&bytes).unwrap(), statement);
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_approval_states_its_votes_and_ends_with_its_use() {
        let by_key = Via::Key(KeyId::from_bits(9));
        let approved = ended(
            Status::Approved,
            Cause::NeedsMet,
            vec![
                vote(5, VoteDecision::Approve, Via::Web, Assurance::Session),
                vote(6, VoteDecision::Approve, by_key, Assurance::Key),
            ],
        );
        let vote = |who: &str, via: &str, assurance: &str, shown: Option<Digest>| {
            json!({
                "approver": who,
                "on_behalf_of": null,
                "decision": "approve",
                "assurance": assurance,
                "via": via,
                "at": "2030-01-01T12:00:00.250Z",
                "action_digest": Digest([1; 32]),
                "shown_digest": shown,
            })
        };
        let claims = expected(json!({
            "decision": "approved",
            // 12:15:00.25 with its fraction cut: never later than the end itself.
            "exp": 1_893_500_100,
            "valid_until": "2030-01-01T12:15:00.250Z",
            "votes": [
                vote("5@example.com", "web", "session", Some(Digest([3; 32]))),
                vote("6@example.com", "key:key_00000000000000000000000009", "key", None),
            ],
            "assurance": "key",
        }));
        assert_eq!(stated(&approved), claims);
    }

    #[test]
    fn a_rejection_counts_the_rejecting_votes_only() {
        let by_key = Via::Key(KeyId::from_bits(9));
        let rejected = ended(
            Status::Rejected,
            Cause::Rejections,
            vec![
                vote(6, VoteDecision::Approve, by_key, Assurance::Key),
                vote(5, VoteDecision::Reject, Via::Web, Assurance::Session),
            ],
        );
        let claims = stated(&rejected);
        assert_eq!(claims["decision"], "rejected");
        assert_eq!(claims["assurance"], "session");
        assert_eq!(claims["exp"], 1_893_499_200_i64 + 315_360_000);
        assert_eq!(claims["votes"][0]["decision"], "approve");
        assert_eq!(claims["votes"][1]["decision"], "reject");
    }

    #[test]
    fn silence_and_a_withdrawal_state_no_votes() {
        for (status, cause) in
            [(Status::Expired, Cause::Deadline), (Status::Cancelled, Cause::Withdrawn)]
        {
            let claims = expected(json!({ "decision": status.as_str() }));
            assert_eq!(stated(&ended(status, cause, Vec::new())), claims);
        }
    }

    #[test]
    fn what_is_pending_states_nothing() {
        let mut pending = ended(Status::Expired, Cause::Deadline, Vec::new());
        pending.decision = None;
        let stated = statement_of(&pending, "https://ask.example");
        assert!(matches!(stated, Err(Unstatable::Pending)));
    }
}
