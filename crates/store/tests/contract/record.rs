//! The record: audit chain, statements, and that nothing of it stands alone.

use std::sync::Arc;

use askfirst_core::administration::Change;
use askfirst_core::*;
use askfirst_proof::log;
use askfirst_store::statement::statement_of;
use askfirst_store::{AuditFilter, AuditRecord};

use crate::world::{Home, World, ask};

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
    (world, ended.into_iter().map(Arc::unwrap_or_clone).collect())
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

pub(crate) async fn whatever_a_question_is_called_its_entry_is_canonical<H: Home>() {
    let world = World::<H>::new().await;
    for name in
        ["", "\u{1}\u{1f}\u{7f}\u{80}", "\"\\/\u{8}\t\n\u{c}\r", "é\u{2028}\u{e000}😀", "</x>"]
    {
        let mut question = ask(&world.us, PolicyChoice::Default);
        Arc::make_mut(&mut question.action).name = name.into();
        let question = Box::new(question);
        world.run(world.us.asker, question.id, Command::Ask(question)).await.unwrap();
    }
    let workspace = world.us.place.workspace;
    let records = world.store.audit(workspace, None, 100).await.unwrap();
    let asked: Vec<_> = records.iter().filter(|r| r.entry.kind == "approval.asked").collect();
    assert_eq!(asked.len(), 5);
    for record in asked {
        assert_eq!(log::entry_hash(&record.entry).unwrap(), record.hash, "{:?}", record.entry);
    }
}

pub(crate) async fn the_audit_log_is_searched_by_kind_person_subject_and_time<H: Home>() {
    let world = World::<H>::new().await;
    let workspace = world.us.place.workspace;
    let first = world.ask().await;
    world.clock.advance(60);
    let middle = world.store.now();
    let second = world.ask().await;
    world.approve(world.us.ben_key, &first).await;
    world.clock.advance(60);
    world.approve(world.us.cleo_key, &second).await;
    let late = world.store.now();

    let all = world.store.audit(workspace, None, 1_000).await.unwrap();
    let judged = |filter: AuditFilter| {
        let store = world.store.clone();
        async move { store.find_audit(workspace, filter).await.unwrap() }
    };
    let whole = AuditFilter { limit: 1_000, ..AuditFilter::default() };
    let kind = |kind: &str| AuditFilter { kind: Some(kind.into()), ..whole.clone() };
    let count = |wanted: &dyn Fn(&AuditRecord) -> bool| all.iter().filter(|r| wanted(r)).count();

    assert_eq!(judged(whole.clone()).await, all);
    let mut backwards = judged(AuditFilter { newest_first: true, ..whole.clone() }).await;
    backwards.reverse();
    assert_eq!(backwards, all);
    assert_eq!(judged(kind("approval.voted")).await.len(), 2);
    assert_eq!(judged(kind("approval")).await.len(), 6);
    assert_eq!(judged(kind("key")).await.len(), count(&|r| r.entry.kind == "key.added"));
    for nothing in ["approv", "approval.", "%", "_", ""] {
        assert!(judged(kind(nothing)).await.is_empty(), "{nothing:?}");
    }
    let ben = AuditFilter { actor: Some("MEMBER:ben@us.example".into()), ..whole.clone() };
    assert_eq!(judged(ben).await.len(), count(&|r| r.entry.actor == "member:ben@us.example"));
    let subject = AuditFilter { subject: Some(first.id.to_string()), ..whole.clone() };
    assert_eq!(judged(subject).await.len(), 3);

    let total = all.len() as u64;
    let indexes = |records: Vec<AuditRecord>| {
        records.into_iter().map(|record| record.entry.index).collect::<Vec<_>>()
    };
    let period = |since, until| AuditFilter { since, until, ..whole.clone() };
    for (filter, range) in [
        (period(Some(middle), Some(late)), total - 4..total - 1),
        (period(Some(middle), None), total - 4..total + 1),
        (period(None, Some(middle)), 1..total - 4),
        (period(Some(late.plus(Seconds(1))), None), 1..1),
        (period(None, Some(Timestamp::from_seconds(0))), 1..1),
        (period(Some(late), Some(middle)), 1..1),
        (AuditFilter { after: Some(3), before: Some(6), ..whole.clone() }, 4..6),
        (AuditFilter { after: Some(3), ..period(Some(middle), Some(late)) }, total - 4..total - 1),
        (AuditFilter { after: Some(u64::MAX), ..whole.clone() }, 1..1),
        (AuditFilter { limit: 2, ..whole.clone() }, 1..3),
    ] {
        let said = format!("{filter:?}");
        assert_eq!(indexes(judged(filter).await), range.collect::<Vec<_>>(), "{said}");
    }
    let newest = AuditFilter { newest_first: true, limit: 1, ..whole.clone() };
    assert_eq!(indexes(judged(newest).await), [total]);
    let theirs = world.store.find_audit(world.them.place.workspace, whole).await.unwrap();
    assert!(theirs.iter().all(|record| record.entry.subject != first.id.to_string()));
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
        "approvals a WHERE (a.status = 'pending') <> ifnull(a.due_at = a.expires_at, 0)",
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
        "proofs p WHERE p.token IS NULL AND NOT EXISTS
           (SELECT 1 FROM outbox o WHERE o.approval = p.approval AND o.kind = 'sign_receipt')",
        "outbox o WHERE NOT EXISTS
           (SELECT 1 FROM proofs p WHERE p.approval = o.approval)",
        "tallies t WHERE t.pending <> (SELECT count(*) FROM approvals a
           WHERE a.workspace = t.workspace AND a.environment = t.environment
             AND t.key IN (a.asker, x'') AND a.status = 'pending')",
        "tallies t WHERE t.asks <> (SELECT count(*) FROM approvals a
           WHERE a.workspace = t.workspace AND a.environment = t.environment
             AND t.key IN (a.asker, x''))",
        "approvals a WHERE 2 <> (SELECT count(*) FROM tallies t
           WHERE a.workspace = t.workspace AND a.environment = t.environment
             AND t.key IN (a.asker, x''))",
        "proofs p WHERE NOT EXISTS
           (SELECT 1 FROM audit l WHERE l.workspace = p.workspace AND l.position = p.audit_index)",
    ] {
        assert_eq!(count(&format!("SELECT count(*) FROM {alone}")), 0, "{alone}");
    }
}
