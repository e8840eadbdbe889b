//! Holds the version of the way of showing to what is shown: bundles name it, and whoever reads one
//! years later must be able to tell two ways of showing apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use askfirst_core::approval::edit::Revision;
use askfirst_core::approval::inquiry::{Inquiry, Reply};
use askfirst_core::policy::Separate;
use askfirst_core::{
    Approval, Bound, Digest, KeyId, MemberId, OnTimeout, Seconds, Terms, Timestamp, Via, Voter,
};
use serde_json::json;

use super::tests::sample_approval;
use super::{RENDERER, account, account_with};

/// Every version since this table is kept, and the digest of what it shows of the samples.
const VERSIONS: [(&str, &str); 1] =
    [("web/2", "sha256:ccd3c1e18bb52480c0d202e504b739aecba86e9a67f94a60c36efd2726b4fbae")];

fn ana() -> Voter {
    Voter { id: MemberId::from_bits(11), email: "ana@example.com".into() }
}

/// Everything an account can have in it.
fn full() -> Approval {
    let mut approval = sample_approval();
    let at = approval.created_at;
    let first = Arc::clone(&approval.action);
    let mut second = (*first).clone();
    second.arguments["version"] = json!("2.2");
    let second = Arc::new(second);
    let revision = |number, action: &Arc<_>, by| {
        let action_digest = Digest([u8::try_from(number).unwrap_or_default(); 32]);
        Revision { number, action: Arc::clone(action), action_digest, by, at }
    };
    approval.revisions = vec![revision(1, &first, None), revision(2, &second, Some(ana()))];
    approval.action = second;
    approval.editable = vec!["/arguments/version".parse().unwrap(), "/target".parse().unwrap()];
    approval.answer_schema = Some(json!({
        "type": "object",
        "properties": { "region": { "enum": ["eu", "us"], "title": "Which \u{202e}region" } },
    }));
    let inquiry = |number, question: &str, reply: Option<&str>| Inquiry {
        number,
        by: ana(),
        via: Via::Web,
        at,
        question: question.into(),
        reply: reply.map(|text| Reply { text: text.into(), at }),
    };
    approval.inquiries = vec![
        inquiry(1, "Why now?\nAnd who says so?", Some("The fix cannot wait.\u{200b}")),
        inquiry(2, "Is the canary green?", None),
    ];
    approval.consumers = vec![KeyId::from_bits(21), KeyId::from_bits(22)];
    let mut frozen = (*approval.policy).clone();
    frozen.version = 0;
    let policy = &mut frozen.document;
    let steps = json!([{ "after": "15m", "add": ["group:leads", "member:ben@example.com"] }]);
    policy.steps = serde_json::from_value(steps).unwrap();
    policy.separate = Separate { owner: true };
    policy.on_timeout = OnTimeout::Reject;
    policy.rejections = 2;
    approval.policy = Arc::new(frozen);
    approval
}

/// Nothing but what each must have.
fn bare() -> Approval {
    let mut approval = sample_approval();
    let action = Arc::make_mut(&mut approval.action);
    action.arguments = json!(null);
    action.target = None;
    approval.reason = None;
    approval.agent = None;
    approval.metadata = json!(null);
    approval
}

/// Texts that look like what they are not, and long ones.
fn hostile() -> Approval {
    let mut approval = sample_approval();
    let action = Arc::make_mut(&mut approval.action);
    action.title = "Pay\u{200b} 100 \u{5d0} 200 EUR".into();
    action.target = Some("https://p\u{430}ypal.example/\u{1b}[31m".into());
    action.arguments = json!({
        "a\nb": "\u{202e}txt.exe", "long": "x".repeat(2_000), "lines": "line\n".repeat(40),
        "numbers": [1, -0.5, 1e300], "nothing": [null, true, {}, [], ""], "\u{e000}": "\u{e0041}",
        "marks": "\u{e01}\u{e47}\u{e48}\u{e49}\u{e4a}\u{e4b}\u{e4c}", "unassigned": "\u{378}",
    });
    approval
}

fn samples() -> String {
    let terms = |bounds: BTreeMap<_, _>, uses| {
        let approval = sample_approval();
        let (asker, policy) = (approval.asker.key, approval.policy.digest);
        Terms { asker, policy, action: approval.action, bounds, lasts: Seconds(3_600), uses }
    };
    let within = |at_least, at_most| Bound::Within { at_least, at_most };
    let bounds = BTreeMap::from([
        ("/target".parse().unwrap(), Bound::OneOf(vec![json!("prod-eu"), json!("prod-us")])),
        ("/arguments/version".parse().unwrap(), Bound::Any),
        ("/arguments/replicas".parse().unwrap(), within(Some(1.into()), Some(5.into()))),
        ("/arguments/canary/percent".parse().unwrap(), within(None, Some(20.into()))),
    ]);
    let plain = sample_approval();
    let mut late = sample_approval();
    late.expires_at = Timestamp::from_seconds(i64::MAX / 2_000_000);
    let accounts = [
        ("plain", account(&plain)),
        ("full", account(&full())),
        ("bare", account(&bare())),
        ("hostile", account(&hostile())),
        ("late", account(&late)),
        ("a grant", account_with(&plain, &terms(bounds, 5))),
        ("a narrow grant", account_with(&plain, &terms(BTreeMap::new(), 1))),
    ];
    accounts.iter().map(|(name, account)| format!("=== {name}\n{}\n", account.to_text())).collect()
}

#[test]
fn what_is_shown_changes_only_with_the_version() {
    let shown = samples();
    // First, so that whoever changed it sees what is another.
    insta::assert_snapshot!(RENDERER.replace('/', "-"), shown);
    let digest = Digest(*askfirst_proof::text_digest(&shown).as_bytes()).to_string();
    let known = VERSIONS.last().copied();
    assert_eq!(
        known,
        Some((RENDERER, digest.as_str())),
        "the text that people decide by is another one. Count RENDERER up, and add a line to \
         VERSIONS: what was kept with earlier votes was made by the version before"
    );
}
