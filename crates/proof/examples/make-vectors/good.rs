//! The genuine statements that every vector starts from, with the bundle around one of them.
//! The story: a release bot asks to deploy, Ana edits it, Ben and Ana say yes.

use askfirst_proof::bundle::{AuditPosition, BUNDLE_FORMAT, BundledAction, BundledPolicy, Shown};
use askfirst_proof::canonical::{action_digest, json_digest, text_digest};
use askfirst_proof::log::{ERASED, Entry, STATEMENT_DIGEST, entry_hash, genesis};
use askfirst_proof::statement::{Asker, PolicyRef, Vote};
use askfirst_proof::{
    Assurance, Bundle, Decision, Digest, Environment, JwkSet, SigningKey, Statement, VoteDecision,
};
use serde_json::{Value, json};

use crate::forge::Result;

/// The time at which the vectors are checked: 2030-01-01T00:00:00Z.
pub(crate) const NOW: i64 = 1_893_456_000;
pub(crate) const WORKSPACE: &str = "ws_acme";
pub(crate) const SHOWN_TEXT: &str =
    "Deploy v2.1 to production?\nversion: 2.1\ntarget: prod-eu\nreason: all checks are green";

pub(crate) fn asked() -> Value {
    json!({"name": "deploy.production", "title": "Deploy v2.0 to production?",
        "arguments": {"version": "2.0", "replicas": 3}, "target": "prod-eu"})
}

pub(crate) fn edited() -> Value {
    json!({"name": "deploy.production", "title": "Deploy v2.1 to production?",
        "arguments": {"version": "2.1", "replicas": 3}, "target": "prod-eu"})
}

pub(crate) fn policy_document() -> Value {
    json!({"name": "deploys", "needs": [{"from": ["group:sre"], "count": 2}], "rejections": 1,
        "assurance": "chat", "expires_in": "1h", "on_timeout": "reject", "valid_for": "15m"})
}

pub(crate) fn answer() -> Value {
    json!({"window": "22:00", "notify": ["ops"]})
}

fn vote(approver: &str, decision: VoteDecision, assurance: Assurance, via: &str) -> Result<Vote> {
    Ok(Vote {
        approver: approver.into(),
        on_behalf_of: None,
        decision,
        assurance,
        via: via.into(),
        at: "2029-12-31T23:54:00Z".parse()?,
        action_digest: action_digest(&edited())?,
        shown_digest: None,
    })
}

/// An approval by two people, one of them a delegate, of an edited action.
pub(crate) fn approved() -> Result<Statement> {
    let mut ana = vote("member:ana", VoteDecision::Approve, Assurance::Session, "web")?;
    ana.on_behalf_of = Some("member:cleo".into());
    let mut ben = vote("contact:ben", VoteDecision::Approve, Assurance::Chat, "telegram")?;
    ben.at = "2029-12-31T23:55:00.25Z".parse()?;
    ben.shown_digest = Some(text_digest(SHOWN_TEXT));
    Ok(Statement {
        iss: format!("https://askfirst.example/w/{WORKSPACE}"),
        aud: WORKSPACE.into(),
        iat: NOW - 300,
        exp: NOW + 600,
        jti: "rcp_0001".into(),
        environment: Environment::Live,
        approval: "apr_0001".into(),
        decision: Decision::Approved,
        asked_digest: action_digest(&asked())?,
        action_digest: action_digest(&edited())?,
        asker: Asker {
            key: "key_release".into(),
            owner: Some("member:dora".into()),
            label: "release bot".into(),
        },
        decided_at: "2029-12-31T23:55:00.25Z".parse()?,
        valid_until: Some("2030-01-01T00:10:00.25Z".parse()?),
        comment: Some("go \u{2013} after 22:00 \u{20ac}".into()),
        answer_digest: Some(json_digest(&answer())?),
        policy: PolicyRef {
            name: "deploys".into(),
            version: 3,
            digest: json_digest(&policy_document())?,
        },
        votes: vec![ana, ben],
        assurance: Some(Assurance::Chat),
    })
}

/// The plainest approval: one person, nothing edited, whole seconds.
pub(crate) fn plain() -> Result<Statement> {
    let vote = vote("member:ana", VoteDecision::Approve, Assurance::Passkey, "web")?;
    Ok(Statement {
        jti: "rcp_0002".into(),
        approval: "apr_0002".into(),
        asked_digest: action_digest(&edited())?,
        asker: Asker { key: "key_cron".into(), owner: None, label: "cron".into() },
        decided_at: "2029-12-31T23:55:00Z".parse()?,
        valid_until: Some("2030-01-01T00:10:00Z".parse()?),
        comment: None,
        answer_digest: None,
        votes: vec![vote],
        assurance: Some(Assurance::Passkey),
        ..approved()?
    })
}

/// An approval in another environment.
pub(crate) fn rehearsed(environment: Environment) -> Result<Statement> {
    Ok(Statement { jti: format!("rcp_{environment}"), environment, ..plain()? })
}

/// One of the three ends that are no approval; the receipt is good for ten years.
pub(crate) fn refused(decision: Decision) -> Result<Statement> {
    let votes = match decision {
        Decision::Rejected => {
            vec![vote("member:ana", VoteDecision::Reject, Assurance::Session, "web")?]
        }
        Decision::Expired => {
            vec![vote("member:ana", VoteDecision::MoreInfo, Assurance::Session, "web")?]
        }
        _ => vec![],
    };
    Ok(Statement {
        jti: format!("rcp_{decision}"),
        approval: format!("apr_{decision}"),
        decision,
        exp: NOW + 10 * 365 * 86_400,
        valid_until: None,
        assurance: votes.first().filter(|_| decision == Decision::Rejected).map(|it| it.assurance),
        votes,
        ..plain()?
    })
}

/// The bundle around [`approved`].
pub(crate) fn bundle(key: &SigningKey) -> Result<Bundle> {
    let statement = approved()?;
    let payload = statement.to_bytes()?;
    let entry = audit_entry(text_digest(&payload))?;
    let part = |action: Value| -> Result<BundledAction> {
        Ok(BundledAction { digest: action_digest(&action)?, action })
    };
    Ok(Bundle {
        format: BUNDLE_FORMAT.into(),
        receipt: key.sign_receipt(&payload)?,
        actions: vec![part(asked())?, part(edited())?],
        policy: BundledPolicy {
            name: "deploys".into(),
            version: 3,
            digest: statement.policy.digest,
            document: policy_document(),
        },
        answer: Some(answer()),
        shown: vec![Shown {
            digest: text_digest(SHOWN_TEXT),
            renderer: "telegram/1".into(),
            channel: "telegram".into(),
            locale: "en".into(),
            text: SHOWN_TEXT.into(),
        }],
        audit: AuditPosition { index: entry.index, hash: entry_hash(&entry)?, entry },
        erased: None,
        jwks: JwkSet { keys: vec![key.jwk().clone()] },
    })
}

/// The same after its texts were erased.
pub(crate) fn erased_bundle(key: &SigningKey) -> Result<Bundle> {
    let before = bundle(key)?;
    let entry = Entry {
        index: 77,
        at: "2030-03-01T00:00:00Z".into(),
        actor: "member:olga@example.com".into(),
        kind: ERASED.into(),
        detail: json!({ "by": "member:olga@example.com" }),
        ..before.audit.entry.clone()
    };
    let erased = Some(AuditPosition { index: entry.index, hash: entry_hash(&entry)?, entry });
    Ok(Bundle { actions: vec![], shown: vec![], answer: None, erased, ..before })
}

/// The audit entry that records the decision of [`approved`].
pub(crate) fn audit_entry(statement: Digest) -> Result<Entry> {
    Ok(Entry {
        workspace: WORKSPACE.into(),
        index: 42,
        at: "2029-12-31T23:55:00.25Z".into(),
        actor: "contact:ben".into(),
        kind: "approval.approved".into(),
        subject: "apr_0001".into(),
        detail: json!({ STATEMENT_DIGEST: statement, "via": "telegram" }),
        previous: genesis("another entry stands before it")?,
    })
}
