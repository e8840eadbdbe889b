//! Samples of the pages that administer the ways to people.

use askfirst_core::{
    About, Afterwards, ChannelId, ChannelSettings, EmailSettings, Environment, Locale,
    MailSecurity, NoticeId, Problem, Role,
};
use askfirst_store::{Channel, Down, Notice, NoticeState, Unreached};

use super::super::channels::{ChannelRow, ChannelsPage, told};
use super::{MemberId, WorkspaceId, html, moment, sample_approval, signed_in};

fn notice(number: u128, state: NoticeState, address: Option<&str>, why: Option<&str>) -> Notice {
    Notice {
        id: NoticeId::from_bits(number),
        channel: ChannelId::from_bits(21),
        environment: Environment::Live,
        approval: sample_approval().id,
        member: MemberId::from_bits(11),
        address: address.map(Into::into),
        about: About::Asked,
        at: moment(80),
        state,
        attempts: 1,
        next_at: (state == NoticeState::Waiting).then(|| moment(160)),
        settled_at: None,
        why: why.map(Into::into),
    }
}

/// The page with one way, by which people were told this.
fn page_with(notices: &[Notice]) -> ChannelsPage {
    let mut by = signed_in();
    by.viewer.member.person.role = Role::Admin;
    let channel = Channel {
        id: ChannelId::from_bits(21),
        workspace: WorkspaceId::from_bits(2),
        settings: ChannelSettings::Email(EmailSettings {
            host: "smtp.example.com".into(),
            port: 587,
            security: MailSecurity::StartTls,
            username: Some("us<b>".into()),
            from: "askfirst@example.com".into(),
            locale: Locale::De,
            afterwards: Afterwards::All,
        }),
        sealed: Some(b"a-sealed-secret".to_vec()),
        created_at: moment(0),
        trouble: Some((moment(90), "smtp refuses it (550 <b>no\u{202e})".into())),
        down: Some(Down { since: moment(30), next_probe_at: moment(120) }),
        waiting: 2,
        unreached: vec![Unreached {
            member: MemberId::from_bits(12),
            address: "ben<b>@example.com".into(),
            since: moment(70),
            why: "smtp.example.com refuses the address (550 <i>)".into(),
        }],
    };
    ChannelsPage::new(&by, vec![ChannelRow::new(&channel, notices, &by)], "once".into())
}

impl ChannelsPage {
    pub(super) fn sample() -> Self {
        page_with(&[
            notice(3, NoticeState::Waiting, Some("ana@example.com"), Some("not now (451 <i>)")),
            notice(2, NoticeState::Sent, Some("ben@example.com"), None),
            notice(1, NoticeState::Dead, None, Some("refused")),
        ])
    }
}

#[test]
fn only_where_there_are_more_it_says_that_these_are_not_all() {
    let all: Vec<_> = (1..=21).map(|id| notice(id, NoticeState::Sent, None, None)).collect();
    for (count, told) in [(1, false), (20, false), (21, true)] {
        let html = html(&page_with(&all[..count]));
        assert_eq!(html.contains("These are the last 20; "), told, "{count}");
        assert_eq!(html.matches("class=\"entry\"").count(), count.min(20));
        assert!(html.contains("What is settled is forgotten after 30 days."));
    }
}

#[test]
fn a_failed_test_says_what_to_do() {
    let page = ChannelsPage::sample();
    let unknown = told("untested.chn_none", "ben@example.com", &page.channels);
    assert!(
        html(&ChannelsPage { told: unknown, ..ChannelsPage::sample() })
            .contains("change what it is set up with")
    );
    let done = format!("untested.{}", page.channels[0].id);
    let told = told(&done, "ben@example.com", &page.channels);
    let html = html(&ChannelsPage { told, ..page });
    assert!(html.contains("The test was not sent") && html.contains("550 &#60;b&#62;no"), "{html}");
}

#[test]
fn who_is_no_owner_is_told_so_instead_of_offered_a_form() {
    let page = ChannelsPage::new(&signed_in(), Vec::new(), "once".into());
    let html = html(&page);
    assert!(html.contains("Only an owner of this workspace") && !html.contains("/channels/add"));
}

#[test]
fn a_mistake_stands_at_its_field() {
    let mut by = signed_in();
    by.viewer.member.person.role = Role::Owner;
    let mut page = ChannelsPage::new(&by, Vec::new(), "once".into());
    let form = page.form.as_mut().unwrap();
    let problem = Problem { pointer: "/port".into(), detail: "not <that>".into() };
    form.mistakes.push(problem);
    let html = html(&page);
    assert!(html.contains("aria-describedby=\"port-mistake\""), "{html}");
    assert_eq!(html.matches("aria-invalid").count(), 1);
    assert!(html.contains("Not &#60;that&#62;."));
}
