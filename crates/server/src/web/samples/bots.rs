//! Samples of the pages about bots, and whose accounts are linked.

use askfirst_core::{
    Afterwards, Assurance, ChannelId, ChannelSettings, ChatAccount, ChatRoom, Locale, Problem,
    Receive, Role, RoomId, TelegramSettings,
};
use askfirst_store::{Account, Channel, Down, Unreached};

use super::super::bots::{BotChangePage, BotForm, Wish};
use super::super::channels::{ChannelRow, ChannelsPage};
use super::super::linking::{LinkedRow, LinkingPage, Phone, Stage, told};
use super::super::shell::{Moment, text};
use super::{MemberId, WorkspaceId, html, moment, signed_in};
use crate::qr::Qr;

const NAME: &str = "Ana \u{202e}<b>";

fn channel() -> Channel {
    Channel {
        id: ChannelId::from_bits(22),
        workspace: WorkspaceId::from_bits(2),
        settings: ChannelSettings::Telegram(TelegramSettings {
            bot: 7_123,
            username: "deploy<b>_bot".into(),
            api: "http://127.0.0.1:8081".into(),
            receive: Receive::Webhook,
            locale: Locale::De,
            afterwards: Afterwards::All,
            rooms: vec![ChatRoom {
                id: RoomId::from_bits(31),
                chat: -1_001_234_567_890,
                topic: Some(5),
                title: "Deploys <b>".into(),
                passes_on: false,
            }],
        }),
        sealed: Some(b"a-sealed-token".to_vec()),
        created_at: moment(0),
        trouble: Some((moment(90), "telegram says 401 <b>Unauthorized".into())),
        down: Some(Down { since: moment(30), next_probe_at: moment(120) }),
        waiting: 1,
        unreached: vec![Unreached {
            member: MemberId::from_bits(12),
            address: "ben@example.com".into(),
            since: moment(70),
            why: "they blocked the bot (403 <i>)".into(),
        }],
    }
}

fn account(assurance: Assurance) -> Account {
    Account {
        channel: ChannelId::from_bits(22),
        workspace: WorkspaceId::from_bits(2),
        member: MemberId::from_bits(12),
        account: ChatAccount { id: "5000000001".into(), name: NAME.into() },
        assurance,
        linked_at: moment(40),
    }
}

impl Phone {
    pub(super) fn sample() -> Self {
        let linked = LinkedRow::new(&account(Assurance::Link), moment(100));
        Self { bot: text("deploy<b>_bot"), linked: Some(linked) }
    }
}

fn owner() -> super::SignedIn {
    let mut by = signed_in();
    by.viewer.member.person.role = Role::Owner;
    by
}

fn bots_page() -> ChannelsPage {
    let by = owner();
    let mut row = ChannelRow::new(&channel(), &[], &by);
    if let Some(bot) = &mut row.bot {
        bot.linked = 1_001;
    }
    ChannelsPage::new(&by, vec![row], "once".into())
}

fn waiting() -> Stage {
    let link = "https://t.me/deploy_bot?start=AAEhBOweik6ad9r_QXMENQjcrGbqCr4K".to_owned();
    let until = Moment::at(moment(700));
    Stage::Waiting { bot: text("deploy_bot"), qr: Qr::of(&link), link, until }
}

fn found() -> Stage {
    Stage::Found { name: text(NAME), account: "5000000001".into() }
}

#[test]
fn every_page_about_bots_looks_as_it_did() {
    insta::assert_snapshot!("bots", html(&bots_page()));
    insta::assert_snapshot!("linking_found", html(&LinkingPage::new(&signed_in(), found())));
    let change = BotChangePage::new(&owner(), &channel()).unwrap();
    insta::assert_snapshot!("bot_change", html(&change));
}

#[test]
fn what_there_is_no_bot_for_yet_is_offered_beside_what_there_is() {
    let page = bots_page();
    assert!(page.bot_form.is_none() && page.form.is_some());
    let html = html(&page);
    assert!(
        html.contains("Telegram</strong> takes nothing") || html.contains("Telegram takes nothing")
    );
    for wrong in ["mailed", "The last mail", "1 mail waits", "The mail server takes nothing"] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    for needed in ["More than 1000 people", "Its cards lose their buttons", "1 message waits"] {
        assert!(html.contains(needed), "{needed}");
    }
}

#[test]
fn a_code_is_a_link_and_a_picture_that_say_the_same_and_no_style_of_its_own() {
    let html = html(&LinkingPage::new(&signed_in(), waiting()));
    assert!(
        html.contains("href=\"https://t.me/deploy_bot?start=AAEhBOweik6ad9r_QXMENQjcrGbqCr4K\"")
    );
    assert!(html.contains("<svg class=\"qr\"") && html.contains("data-watch"));
    assert!(!html.contains("style="), "no policy of ours lets that through");
}

#[test]
fn what_counts_for_less_is_said_before_it_is_linked() {
    let begin = || Stage::Begin { bot: text("deploy_bot"), linked: None };
    let weak = html(&LinkingPage::new(&signed_in(), begin()));
    assert!(weak.contains("counts as assurance “link”"), "{weak}");
    let sure = LinkingPage { weak: false, ..LinkingPage::new(&signed_in(), begin()) };
    assert!(html(&sure).contains("counts as assurance “chat”"));
    let page = LinkingPage::new(&signed_in(), begin());
    let new = LinkingPage { told: told("welcome"), welcome: true, ..page };
    let html_of_new = html(&new);
    assert!(html_of_new.contains("You are signed in") && html_of_new.contains("Not now"));
    let nobody = html(&LinkingPage::new(&signed_in(), Stage::Nobody));
    assert!(nobody.contains("An owner of this workspace sets one up."));
}

#[test]
fn a_bot_that_is_heard_elsewhere_offers_to_be_heard_here_and_not_before() {
    let form = |mistakes| {
        let page = ChannelsPage::new(&owner(), Vec::new(), "once".into());
        html(&ChannelsPage { bot_form: Some(BotForm::new(&Wish::default(), mistakes)), ..page })
    };
    assert!(!form(Vec::new()).contains("take_over"));
    let detail = "@deploy_bot is heard by <b>elsewhere already";
    let shown = form(vec![Problem { pointer: "/take_over".into(), detail: detail.into() }]);
    assert!(shown.contains("aria-describedby=\"take_over-mistake\""), "{shown}");
    assert!(shown.contains("by &#60;b&#62;elsewhere"));
}

#[test]
fn whatever_came_of_it_has_its_words() {
    for done in ["heard", "unlinked", "linked", "silent", "gone", "refused", "over", "taken"] {
        assert!(told(done).is_some(), "{done}");
    }
    assert!(told("owned").is_none());
}
