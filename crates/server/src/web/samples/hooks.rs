//! Samples of the pages that administer receivers of what happens.

use askfirst_core::{DeliveryId, Dialect, Environment, Problem, Role, WebhookId};
use askfirst_store::{
    Delivery, DeliveryState, Outage, Place, SealedSecrets, Webhook, WebhookState,
};
use serde_json::json;

use super::super::after::Told;
use super::super::webhooks::one::{WebhookPage, told};
use super::super::webhooks::{SecretPage, WebhooksPage};
use super::{WorkspaceId, html, moment, sample_approval, signed_in};
use crate::web::session::SignedIn;

const ONCE: &str = "0123456789abcdef";

fn admin() -> SignedIn {
    let mut by = signed_in();
    by.viewer.member.person.role = Role::Admin;
    by.viewer.workspace.callback_hosts = vec!["ci.example.com".into(), "*.hooks.example".into()];
    by
}

fn hook(id: u128, state: WebhookState, problem: Option<&str>) -> Webhook {
    Webhook {
        id: WebhookId::from_bits(id),
        place: Place { workspace: WorkspaceId::from_bits(2), environment: Environment::Dev },
        url: Some("https://hooks.example.com/<b>\u{202e}".into()),
        events: ["approved".to_owned(), "rejected".to_owned()].into(),
        dialect: Dialect::Native,
        created_at: moment(0),
        secrets: SealedSecrets { newest: b"a-sealed-secret".to_vec(), older: None },
        state,
        disabled_at: (state == WebhookState::Disabled).then(|| moment(70)),
        problem: problem.map(Into::into),
        outage: (state == WebhookState::Active)
            .then(|| Outage { since: moment(50), next_try_at: moment(90) }),
        waiting: 2,
    }
}

fn delivery(number: u128, state: DeliveryState) -> Delivery {
    Delivery {
        id: DeliveryId::from_bits(number),
        webhook: WebhookId::from_bits(31),
        url: None,
        environment: Environment::Dev,
        asked: None,
        dialect: Dialect::Native,
        approval: sample_approval().id,
        version: 3,
        event: "approved".into(),
        at: moment(60),
        detail: json!({ "by": "member:ana@example.com", "comment": "not to be sent" }),
        state,
        attempts: 1,
        next_at: (state == DeliveryState::Waiting).then(|| moment(160)),
        settled_at: (state != DeliveryState::Waiting).then(|| moment(61)),
        why: (state != DeliveryState::Delivered).then(|| "it answered 500; mend it".into()),
        status: Some(if state == DeliveryState::Delivered { 204 } else { 500 }),
        answer: (state != DeliveryState::Delivered).then(|| "<script>\u{202e}\nno".into()),
    }
}

impl WebhooksPage {
    pub(super) fn sample() -> Self {
        let problem = "it answered 404; let it answer 2xx; then POST /v1/webhooks/x/challenge";
        let all = [
            hook(31, WebhookState::Active, None),
            hook(32, WebhookState::Unconfirmed, Some(problem)),
            hook(33, WebhookState::Disabled, Some("it answered 410 Gone")),
        ];
        Self::new(&admin(), &all, ONCE.into())
    }
}

impl SecretPage {
    pub(super) fn sample() -> Self {
        let hook = hook(32, WebhookState::Unconfirmed, Some("it answered 401 Unauthorized"));
        Self::new(&admin(), &hook, "whsec_c2VjcmV0", "made")
    }
}

impl WebhookPage {
    pub(super) fn sample() -> Self {
        let log = [
            delivery(43, DeliveryState::Waiting),
            delivery(42, DeliveryState::Dead),
            delivery(41, DeliveryState::Delivered),
        ];
        let mut hook = hook(31, WebhookState::Active, None);
        hook.secrets.older = Some((Vec::new(), moment(86_400)));
        Self::new(&admin(), &hook, &log, ONCE.into())
    }
}

#[test]
fn a_receivers_answer_is_words_and_texts_that_are_not_sent_are_not_shown() {
    let html = html(&WebhookPage::sample());
    assert!(html.contains("&#60;script&#62;") && !html.contains("<script>\u{202e}"));
    assert!(html.contains("approval.approved") && !html.contains("not to be sent"));
    assert!(!html.contains("a-sealed-secret") && !html.contains("webhook-signature: "));
}

#[test]
fn nothing_is_offered_to_be_sent_where_nothing_is_sent() {
    let log = [delivery(42, DeliveryState::Dead)];
    for (state, offered) in [(WebhookState::Active, true), (WebhookState::Unconfirmed, false)] {
        let page = WebhookPage::new(&admin(), &hook(31, state, None), &log, ONCE.into());
        assert_eq!(html(&page).contains("/retry"), offered);
        assert_eq!(html(&page).contains("/challenge\""), !offered);
    }
}

#[test]
fn while_a_receiver_is_down_nothing_is_said_to_go_out_now() {
    let log = [delivery(43, DeliveryState::Waiting), delivery(42, DeliveryState::Dead)];
    let mut to = hook(31, WebhookState::Active, None);
    for down in [false, true] {
        to.outage = down.then(|| Outage { since: moment(30), next_try_at: moment(120) });
        let html = html(&WebhookPage::new(&admin(), &to, &log, ONCE.into()));
        assert_eq!(html.contains("Send it now"), !down);
        assert_eq!(html.contains("goes out once the receiver takes something"), down);
        assert_eq!(html.matches("/retry\"").count(), 2);
    }
}

#[test]
fn a_challenge_that_did_not_come_back_says_why_without_the_api() {
    let why = "it answered 404; then POST /v1/webhooks/x/challenge";
    let hook = hook(31, WebhookState::Unconfirmed, Some(why));
    let page = WebhookPage::new(&admin(), &hook, &[], ONCE.into());
    let told = told("unconfirmed", &page.hook);
    let html = html(&WebhookPage { told, ..page });
    assert!(html.contains("It answered 404.") && !html.contains("/v1/"), "{html}");
}

#[test]
fn a_mistake_in_a_webhook_stands_at_its_field() {
    let mut page = WebhooksPage::new(&admin(), &[], ONCE.into());
    let problem = Problem { pointer: "/url".into(), detail: "not <that>".into() };
    page.form.mistakes.push(problem);
    page.told = Some(Told::bad("Nothing was set up yet", "Typed."));
    let html = html(&page);
    assert!(html.contains("aria-describedby=\"url-mistake\"") && html.contains("Not &#60;that"));
    assert_eq!(html.matches("aria-invalid").count(), 1);
    assert!(html.contains("No program is told anything yet"));
}
