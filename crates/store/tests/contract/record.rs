//! The record: audit chain, statements, and that nothing of it stands alone.

use askfirst_core::administration::Change;
use askfirst_core::*;
use askfirst_proof::log;
use askfirst_store::statement::statement_of;

use crate::world::{Home, World};

/// Approvals that ended in every way there is.
async fn busy<H: Home>() -> (World<H>, Vec<Approval>) {
    let mut world = World::<H>::new().await;
    let us = world.us.clone();
    let mut ended = Vec::new();
    let asked = world.ask_under("two").await;
    world.approve(us.ben_key, &asked).await;
    world.approve(us.cleo_key, &asked).await;
    let consume = Command::Consume { action_digest: asked.action_digest };
    ended.push(world.run(us.asker, asked.id, consume).await.unwrap().approval);
    let asked = world.ask().await;
    let no = world.vote(us.ben_key, &asked, VoteDecision::Reject).await.unwrap();
    ended.push(no.approval);
    let asked = world.ask().await;
    let cancel = Command::Cancel { reason: Some("not now".into()) };
    ended.push(world.run(us.asker, asked.id, cancel).await.unwrap().approval);
    let asked = world.ask().await;
    world.clock.advance(3_600);
    ended.push(world.expire(asked.id).await.unwrap().approval);
    world.ask().await;
    world.administer(Change::RevokeKey { id: us.other_asker }).await.unwrap();
    world.reopen().await;
    (world, ended)
}

pub(crate) async fn the_audit_log_is_whole_and_has_one_entry_per_event<H: Home>() {
    let (world, _) = busy::<H>().await;
    for tenant in [&world.us, &world.them] {
        let workspace = tenant.place.workspace;
        let records = world.store.audit(workspace, None, 10_000).await.unwrap();
        let entries = records.iter().map(|record| (record.entry.clone(), record.hash));
        let head = log::verify_chain(&workspace.to_string(), entries, &[]).unwrap();
        assert_eq!(head.index, records.len() as u64);
        let rest = world.store.audit(workspace, Some(3), 2).await.unwrap();
        assert_eq!(rest, records[3..5]);
    }
    let number = |sql: &str| world.home.number(sql);
    assert_eq!(
        number("SELECT count(*) FROM events"),
        number("SELECT count(*) FROM audit WHERE kind LIKE 'approval.%'"),
    );
}

pub(crate) async fn the_audit_log_holds_no_payload_comment_or_secret<H: Home>() {
    let (world, _) = busy::<H>().await;
    let (_, token) = world.sign_in(world.us.ana).await;
    let records = world.store.audit(world.us.place.workspace, None, 10_000).await.unwrap();
    let hex: String = token.0.iter().map(|byte| format!("{byte:02x}")).collect();
    for record in records {
        let told = serde_json::to_string(&record.entry).unwrap();
        for word in ["payload-4711", "seen", "not now", "all checks", "Deploy v2.1", &hex] {
            assert!(!told.contains(word), "{told}");
        }
    }
}

pub(crate) async fn a_stored_statement_is_what_the_approval_says<H: Home>() {
    let (world, ended) = busy::<H>().await;
    for mut approval in ended {
        let proof = world.store.proof(world.us.place, approval.id).await.unwrap().unwrap();
        // What came after the decision is not stated.
        approval.claim = None;
        let statement = statement_of(&approval, "https://ask.example").unwrap();
        assert_eq!(proof.statement, statement.to_bytes().unwrap());
        assert_eq!(proof.token, None);
        let after = Some(proof.audit_index - 1);
        let audit = world.store.audit(world.us.place.workspace, after, 1).await.unwrap().remove(0);
        let status = approval.decision.unwrap().status;
        assert_eq!(audit.entry.kind, format!("approval.{status}"));
        assert_eq!(audit.entry.subject, approval.id.to_string());
        let digest = askfirst_proof::text_digest(&proof.statement).to_string();
        assert_eq!(audit.entry.detail[log::STATEMENT_DIGEST], digest);
    }
}

pub(crate) async fn nothing_of_the_record_stands_alone<H: Home>() {
    let (world, ended) = busy::<H>().await;
    let count = |sql: &str| world.home.number(sql);
    let decided = i64::try_from(ended.len()).unwrap();
    assert_eq!(count("SELECT count(*) FROM proofs"), decided);
    for alone in [
        "approvals a WHERE a.status <> 'pending'
           AND NOT EXISTS (SELECT 1 FROM proofs p WHERE p.approval = a.approval)",
        "approvals a WHERE a.status = 'pending'
           AND EXISTS (SELECT 1 FROM proofs p WHERE p.approval = a.approval)",
        "approvals a WHERE (a.status = 'pending') <>
           EXISTS (SELECT 1 FROM timers t WHERE t.approval = a.approval AND t.due_at = a.expires_at)",
        "approvals a WHERE a.version <>
           (SELECT count(*) FROM events e WHERE e.approval = a.approval)",
        "approvals a WHERE a.version <>
           (SELECT max(version) FROM events e WHERE e.approval = a.approval)",
        "approvals a WHERE a.status <> 'pending' AND 1 <>
           (SELECT count(*) FROM events e WHERE e.approval = a.approval AND e.name = a.status)",
        "approvals a WHERE NOT EXISTS
           (SELECT 1 FROM snapshots s WHERE s.snapshot = a.snapshot)",
        "snapshots s WHERE NOT EXISTS
           (SELECT 1 FROM approvals a WHERE a.snapshot = s.snapshot)",
        "events e WHERE NOT EXISTS
           (SELECT 1 FROM approvals a WHERE a.approval = e.approval)",
        "timers t WHERE NOT EXISTS
           (SELECT 1 FROM approvals a WHERE a.approval = t.approval)",
        "proofs p WHERE p.token IS NULL AND NOT EXISTS
           (SELECT 1 FROM outbox o WHERE o.approval = p.approval AND o.kind = 'sign_receipt')",
        "outbox o WHERE NOT EXISTS
           (SELECT 1 FROM proofs p WHERE p.approval = o.approval)",
        "proofs p WHERE NOT EXISTS
           (SELECT 1 FROM audit l WHERE l.workspace = p.workspace AND l.position = p.audit_index)",
    ] {
        assert_eq!(count(&format!("SELECT count(*) FROM {alone}")), 0, "{alone}");
    }
}
