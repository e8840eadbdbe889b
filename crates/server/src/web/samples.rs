//! A sample of each page, as its snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use askfirst_core::{
    Actor, Assurance, Bound, Cause, Claim, Decision, Environment, Floor, Gauge, Grant, GrantId,
    GroupId, Hold, KeyId, Limit, MemberId, Outcome, OutcomeStatus, Person, Preset, Refusal, Role,
    Roster, Seconds, SessionFacts, SessionId, Standing, Status, Terms, Timestamp, Via, Vote,
    VoteDecision, Voter, WorkspaceId,
};
use askfirst_store::{
    AuditRecord, Credential, GrantRecord, Group, Member, Place, Proof, Session, Workspace,
};

use super::approval::Said;
use super::audit::{AuditPage, EntryView};
use super::channels::ChannelsPage;
use super::docs::DocsPage;
use super::fault::FaultPage;
use super::fields::Typed;
use super::grants::GrantsPage;
use super::history::{HistoryPage, Wish};
use super::inbox::{InboxPage, Row};
use super::keys::KeysPage;
use super::linking::Phone;
use super::login::{LoginPage, SignedOutPage};
use super::people::PeoplePage;
use super::profile::ProfilePage;
use super::session::{SessionToken, SignedIn};
use super::settings::SettingsPage;
use super::sheet::ApprovalPage;
use super::shell::{Moment, Shell, text};
use super::webhooks::one::WebhookPage;
use super::webhooks::{SecretPage, WebhooksPage};
use super::words;
use crate::docs::Document;
use crate::render::account;
use crate::render::tests::sample_approval;
use crate::service::limits::{Level, Levels};
use crate::service::presence::{Prospects, Sight, Viewer};
use crate::service::{Caller, Rights, Seen};

mod bots;
mod hooks;
mod programs;
mod ways;

const ASKED: i64 = 1_893_456_000;

fn moment(after: i64) -> Timestamp {
    Timestamp::from_seconds(ASKED + after)
}

fn ana() -> Voter {
    Voter { id: MemberId::from_bits(11), email: "ana@example.com".into() }
}

fn person(email: &str, name: &str) -> Person {
    Person { email: email.into(), name: name.into(), role: Role::Approver, enabled: true }
}

fn signed_in() -> SignedIn {
    let workspace = WorkspaceId::from_bits(2);
    let member = MemberId::from_bits(12);
    SignedIn {
        caller: Caller {
            place: Place { workspace, environment: Environment::Dev },
            credential: Credential::Session(SessionId::from_bits(1)),
            rights: Rights::Member { id: member, role: Role::Approver, assurance: Assurance::Link },
            callback_url: None,
        },
        token: SessionToken::new("a-session-token".into()),
        viewer: Viewer {
            member: Member {
                id: member,
                person: person("ben@example.com", "Ben"),
                created_at: moment(0),
                delegation: None,
            },
            workspace: Workspace {
                id: workspace,
                name: "Acme".into(),
                environment: Environment::Dev,
                default_policy: "default".parse().unwrap(),
                floor: Floor::default(),
                retention_days: None,
                callback_hosts: Vec::new(),
                self_service: false,
                plan: None,
                hold: None,
                created_at: moment(0),
            },
            now: moment(100),
        },
    }
}

/// Pending, and Ana has approved.
fn pending() -> Seen {
    let mut approval = sample_approval();
    let people = [(ana().id, person("ana@example.com", "Ana"))];
    let roster =
        Roster { people: BTreeMap::from(people), groups: BTreeMap::new(), ..Roster::default() };
    let seats = approval.policy.document.seats_of(ana().id, &roster, Seconds(0));
    approval.votes.push(Vote {
        voter: ana(),
        on_behalf_of: None,
        decision: VoteDecision::Approve,
        assurance: Assurance::Link,
        via: Via::Web,
        at: moment(60),
        action_digest: approval.action_digest,
        shown_digest: None,
        comment: Some("Fine.\nWatch the canary.".into()),
        answer: None,
        granted: None,
        revision: 1,
        seats,
    });
    Seen { approval: Arc::new(approval), roster: Arc::new(roster), proof: None, now: moment(100) }
}

/// For stories that make something else of it.
fn approval_of(seen: &mut Seen) -> &mut askfirst_core::Approval {
    Arc::make_mut(&mut seen.approval)
}

/// Approved, claimed and reported on.
fn used() -> Seen {
    let mut seen = pending();
    approval_of(&mut seen).decision = Some(Decision {
        status: Status::Approved,
        decided_at: moment(200),
        by: Actor::Member { id: ana().id, email: ana().email },
        cause: Cause::NeedsMet,
        comment: None,
        answer: None,
        valid_until: Some(moment(1_100)),
    });
    approval_of(&mut seen).claim =
        Some(Claim::Claimed { by: KeyId::from_bits(3), at: moment(201) });
    approval_of(&mut seen).outcome = Some(Outcome {
        status: OutcomeStatus::Succeeded,
        note: Some("deployed in 40 s".into()),
        at: moment(260),
    });
    let token = Some("a.b.c".into());
    let statement = Vec::new();
    seen.proof =
        Some(Proof { statement, token, audit_index: 1, erased_index: None, proof_token: None });
    seen.now = seen.now.plus(Seconds(300));
    seen
}

fn sight(seen: Seen, vote: Result<(), Refusal>) -> Sight {
    let cancel = seen.approval.decision.is_none();
    let used_by = seen.approval.claim.is_some().then(|| "release-bot".into());
    Sight {
        prospects: Prospects { vote, cancel, revoke: !cancel, keep: true, erase: !cancel },
        seen,
        used_by,
        rejected_before: Vec::new(),
    }
}

impl ApprovalPage {
    fn sample() -> Self {
        Self::new(&signed_in(), &sight(pending(), Ok(())), "n".repeat(43))
    }
}

impl InboxPage {
    fn sample() -> Self {
        let mut urgent = pending();
        Arc::make_mut(&mut approval_of(&mut urgent).action).title =
            "Pay \u{202e}0001 EUR to <b>p\u{430}ypal</b>?".into();
        Self {
            shell: Shell::of("(1) Inbox", "/", &signed_in(), moment(100)),
            yours: vec![Row::new(&urgent)],
            others: vec![Row::new(&pending())],
            ended: vec![Row::new(&used())],
            full: false,
            phone: false,
            url: "http://127.0.0.1:8377".into(),
        }
    }
}

impl HistoryPage {
    fn sample() -> Self {
        let used = used();
        let shell = Shell::of("History", "/history", &signed_in(), moment(400));
        let wish = Wish {
            q: "<b>\"deploy\"".into(),
            status: "approved".into(),
            policy: "gone".into(),
            approver: "ana@example.com".into(),
            from: "2030-01-01".into(),
            before: used.approval.id.to_string(),
            ..Wish::default()
        };
        let policies = vec!["default".into(), "deploys".into()];
        let older = Some(format!("/history?before={}", used.approval.id));
        Self { older, ..Self::new(shell, wish, policies, vec![Row::new(&used)]) }
    }
}

impl AuditPage {
    fn sample() -> Self {
        let digest = askfirst_proof::text_digest("x");
        let record = |index: u64, kind: &str, subject: String| AuditRecord {
            entry: askfirst_proof::log::Entry {
                workspace: WorkspaceId::from_bits(2).to_string(),
                index,
                at: moment(60).to_string(),
                actor: "member:ana@example.com".into(),
                kind: kind.into(),
                subject,
                detail: serde_json::json!({ "label": "<b>\u{202e}", "at": 1 }),
                previous: digest,
            },
            hash: digest,
        };
        let about = sample_approval().id.to_string();
        let records = [record(8, "approval.voted", about), record(7, "key.added", "key_0".into())];
        let entries = records.iter().map(|record| EntryView::new(record, moment(100))).collect();
        let wish = super::audit::Wish { actor: "ana@example.com".into(), ..Default::default() };
        let shell = Shell::of("Audit log", "/audit", &signed_in(), moment(100));
        let head = Some(format!("8:{digest}"));
        let older = Some("/audit?actor=ana%40example.com&before=7".into());
        Self { older, ..Self::new(shell, wish, head, entries) }
    }
}

impl ProfilePage {
    fn sample() -> Self {
        let session = |id: u128, assurance| Session {
            id: SessionId::from_bits(id),
            workspace: WorkspaceId::from_bits(2),
            facts: SessionFacts {
                member: MemberId::from_bits(12),
                assurance,
                standing: Standing::Good,
            },
            created_at: moment(10),
            expires_at: moment(90_000),
        };
        let open = [session(1, Assurance::Link), session(2, Assurance::Session)];
        let phone = Some(Phone::sample());
        Self { phone, ..Self::new(&signed_in(), &open, true) }
    }
}

impl SettingsPage {
    fn sample() -> Self {
        let mut by = signed_in();
        by.viewer.member.person.role = Role::Admin;
        let mut workspace = by.viewer.workspace.clone();
        workspace.retention_days = Some(90);
        let owner = Actor::Member { id: ana().id, email: ana().email };
        workspace.hold = Some(Hold { by: owner, at: moment(50), reason: "<b>\u{202e}".into() });
        let gauge = Gauge { used: 49, allowed: 50 };
        let resets_at = Some(moment(2_678_400));
        let level = Level { limit: Limit::AsksPerMonth, gauge, resets_at };
        let plan = Some(Preset::Free.plan());
        let levels = Levels { key: vec![], workspace: vec![level], plan, over: vec![] };
        Self::new(&by, &workspace, &levels)
    }
}

impl PeoplePage {
    fn sample() -> Self {
        let member = |id: u128, email: &str, enabled| Member {
            id: MemberId::from_bits(id),
            person: Person { enabled, ..person(email, "A <b>name</b>") },
            delegation: None,
            created_at: moment(0),
        };
        let members = [member(11, "ana@example.com", true), member(13, "gone@example.com", false)];
        let group = Group {
            id: GroupId::from_bits(5),
            name: "sre".into(),
            members: [members[0].id].into(),
            created_at: moment(0),
        };
        let mut by = signed_in();
        by.viewer.member.person.role = Role::Admin;
        Self::new(&by, &members, &[group], false)
    }
}

impl GrantsPage {
    fn sample() -> Self {
        let approval = sample_approval();
        let bounds = [("/target".parse().unwrap(), Bound::Any)];
        let terms = Terms {
            asker: approval.asker.key,
            policy: approval.policy.digest,
            action: approval.action,
            bounds: bounds.into(),
            lasts: Seconds(3_600),
            uses: 5,
        };
        let grant = Grant {
            id: GrantId::from_bits(7),
            approval: approval.id,
            by: ana(),
            assurance: Assurance::Session,
            at: moment(0),
            digest: approval.action_digest,
            terms,
            used: 2,
        };
        let ended = Some((moment(50), "member:ana@example.com".into()));
        let known =
            [GrantRecord { grant: grant.clone(), ended: None }, GrantRecord { grant, ended }];
        Self::new(&signed_in(), &known, false)
    }
}

impl LoginPage {
    fn sample() -> Self {
        Self {
            shell: Shell::bare("Sign in"),
            token: "token".into(),
            name: text("Ben"),
            email: text("ben@example.com"),
            until: Moment::at(moment(86_400)),
            next: "/".into(),
            welcome: true,
            plain_name: "Ben \"<b>".into(),
            notice: None,
        }
    }
}

impl SignedOutPage {
    fn sample() -> Self {
        let next = super::login::Next::of("/history");
        Self { email: "ana@<b>".into(), ..Self::new(&next) }
    }
}

impl FaultPage {
    fn sample() -> Self {
        let (title, detail) = ("Nothing to see here".into(), "There is no such page.".into());
        Self { shell: Shell::bare("Nothing to see here"), status: 404, title, detail }
    }
}

/// A page without the names of its assets, which change with every touch of the style.
fn html(page: &impl Template) -> String {
    let mut html = page.render().unwrap();
    for asset in [super::assets::style(), super::assets::script(), super::assets::icon()] {
        html = html.replace(asset, "/assets/…");
    }
    html
}

#[test]
fn every_page_looks_as_it_did() {
    insta::assert_snapshot!("approval", html(&ApprovalPage::sample()));
    insta::assert_snapshot!("inbox", html(&InboxPage::sample()));
    insta::assert_snapshot!("history", html(&HistoryPage::sample()));
    insta::assert_snapshot!("audit", html(&AuditPage::sample()));
    insta::assert_snapshot!("people", html(&PeoplePage::sample()));
    insta::assert_snapshot!("channels", html(&ChannelsPage::sample()));
    insta::assert_snapshot!("webhooks", html(&WebhooksPage::sample()));
    insta::assert_snapshot!("webhook", html(&WebhookPage::sample()));
    insta::assert_snapshot!("webhook_secret", html(&SecretPage::sample()));
    insta::assert_snapshot!("grants", html(&GrantsPage::sample()));
    insta::assert_snapshot!("settings", html(&SettingsPage::sample()));
    insta::assert_snapshot!("keys", html(&KeysPage::sample()));
    insta::assert_snapshot!("profile", html(&ProfilePage::sample()));
    insta::assert_snapshot!("login", html(&LoginPage::sample()));
    insta::assert_snapshot!("signed_out", html(&SignedOutPage::sample()));
    insta::assert_snapshot!("fault", html(&FaultPage::sample()));
    let all = [Document::sample()];
    let shell = |title| Shell { here: "/docs", ..Shell::bare(title) };
    let docs =
        DocsPage { shell: shell("A document"), all: &all, shown: all.first(), missing: false };
    insta::assert_snapshot!("docs", html(&docs));
    let missing = DocsPage { shell: shell("No such document"), shown: None, missing: true, ..docs };
    insta::assert_snapshot!("docs_missing", html(&missing));
}

#[test]
fn an_empty_inbox_says_how_to_begin() {
    let empty = InboxPage { yours: vec![], others: vec![], ended: vec![], ..InboxPage::sample() };
    let html = html(&empty);
    assert!(
        html.contains("askfirst ask &#34;Deploy?&#34;")
            || html.contains("askfirst ask \"Deploy?\"")
    );
    assert!(html.contains("curl http://127.0.0.1:8377/v1/approvals"));
}

#[test]
fn an_ended_request_shows_its_end_and_its_proof() {
    let refusal = Refusal::AlreadyVoted {
        who: "ben@example.com".into(),
        decision: VoteDecision::Approve,
        at: moment(60),
    };
    let page = ApprovalPage::new(&signed_in(), &sight(used(), Err(refusal)), "n".repeat(43));
    let html = html(&page);
    for needed in ["Approved by", "Used", "it succeeded", "proof.json", "Take this approval back"] {
        assert!(html.contains(needed), "{needed}");
    }
    assert!(!html.contains("id=\"approve\""));
}

#[test]
fn an_end_is_told_in_words_that_read_well() {
    let mut seen = used();
    let ended = html(&ApprovalPage::new(&signed_in(), &sight(seen.clone(), Ok(())), String::new()));
    let key = KeyId::from_bits(3);
    let used =
        format!("<span title=\"{key}\">by the key “release-bot” on 1 Jan 2030, 00:03:21 UTC");
    assert!(ended.contains(&used) && ended.contains("</span>. <span class=\"dim\">The one use"));
    approval_of(&mut seen).claim = None;
    approval_of(&mut seen).decision = None;
    seen.now = seen.approval.expires_at.plus(Seconds(64 * 60));
    let expired =
        html(&ApprovalPage::new(&signed_in(), &sight(seen.clone(), Ok(())), String::new()));
    assert!(expired.contains("<span>Expired <time") && !expired.contains("nobody, the"));
    assert!(expired.contains(">1 h ago</time>"));
    let row = HistoryPage { rows: vec![Row::new(&seen)], ..HistoryPage::sample() };
    assert!(!html(&row).contains(" asked <time"));
}

#[test]
fn an_empty_question_is_told_at_its_field() {
    let (status, page) = ApprovalPage::sample()
        .lacking("Write here what you want to know.", Said { comment: "", typed: &Typed::new() });
    assert_eq!(status, 422);
    let html = html(&page);
    let form = &html[html.find("id=\"decide\"").unwrap()..];
    assert!(form.contains("role=\"alert\"") && form.contains("Write here what you want to know."));
    assert!(form.contains(" autofocus aria-invalid=\"true\" aria-describedby=\"lacking\">"));
    assert!(!html.contains("class=\"notice\""));
}

#[test]
fn a_refused_answer_keeps_the_comment() {
    let (status, page) = ApprovalPage::sample()
        .with_notice(words::stale(), Said { comment: "half a thought", typed: &Typed::new() });
    assert_eq!(status, 409);
    assert!(html(&page).contains(">half a thought</textarea>"));
}

/// What a browser calls the text content of the account.
fn text_content(html: &str) -> String {
    let start = html.find("<div class=\"account\"").unwrap();
    let mut rest = &html[start..];
    let end = rest.find("<section class=\"card\"").unwrap();
    rest = &rest[..end];
    let mut text = String::new();
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[rest.find('>').unwrap() + 1..];
    }
    // The ampersand last, so that nothing is read twice.
    let named = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    named.iter().fold(text, |text, (name, c)| text.replace(name, c))
}

#[test]
fn the_page_says_what_the_record_says() {
    let mut seen = pending();
    for words in
        ["plain", "<b>&amp;\n\n  tail \t", "\u{202e}<U+202E>\u{200b}", "a\nb\nc\"", "p\u{430}y"]
    {
        let words: String = words.into();
        let action = Arc::make_mut(&mut approval_of(&mut seen).action);
        action.title.clone_from(&words);
        action.arguments = serde_json::json!({ &words: [&words, { "deep": [[&words]] }], "long": words.repeat(300) });
        approval_of(&mut seen).reason = Some(words);
        let page = ApprovalPage::new(&signed_in(), &sight(seen.clone(), Ok(())), String::new());
        let shown = text_content(&page.render().unwrap());
        assert_eq!(
            shown.trim_end_matches('\n'),
            account(&seen.approval).to_text().trim_end_matches('\n')
        );
    }
}

#[test]
fn a_spent_link_says_where_the_next_one_is() {
    let html = html(&SignedOutPage::sample());
    assert!(html.contains("scripts/dev") && html.contains("members link"));
}
