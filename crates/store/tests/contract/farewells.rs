//! What is left of a way that was taken away: its cards are kept until they say so, an hour at most.

use askfirst_core::administration::{Change, FoundAccount, NewAccountCode};
use askfirst_core::*;
use askfirst_store::*;

use crate::notices::{claim, mail};
use crate::world::*;

const LEASE: u32 = 90;

fn sealed() -> Option<Vec<u8>> {
    Some(vec![7; 40])
}

async fn bot<H: Home>(world: &World<H>) -> ChannelId {
    let id = ChannelId::from_bits(next());
    let settings = ChannelSettings::Telegram(TelegramSettings {
        bot: 7,
        username: "deploy_bot".into(),
        api: "https://api.telegram.org".into(),
        receive: Receive::Polling,
        locale: Locale::En,
        afterwards: Afterwards::Outcome,
        rooms: Vec::new(),
    });
    let new = NewChannel { id, settings, sealed: sealed() };
    world.administer(Change::AddChannel(new)).await.unwrap();
    id
}

/// Links an account of this number.
async fn link<H: Home>(world: &World<H>, channel: ChannelId, member: MemberId, number: &str) {
    let code = secret();
    let expires_at = world.store.now().plus(Seconds(600));
    let new = NewAccountCode { secret: code, channel, member, expires_at };
    world.administer(Change::AddAccountCode(new)).await.unwrap();
    let account = ChatAccount { id: number.into(), name: "somebody".into() };
    let found = FoundAccount { code, channel, account };
    world.administer(Change::FindAccount(found)).await.unwrap();
    let account = number.to_owned();
    world.administer(Change::LinkAccount { code, member, account }).await.unwrap();
}

/// Hands all over that is due: as the message of this number in the chat of each.
async fn tell<H: Home>(world: &World<H>, id: ChannelId, message: u32) {
    for row in claim(world, id).await {
        let reference = format!("{}:{message}", row.address.clone().unwrap());
        world.store.settle_notice(&row, Told::Sent { reference }).await.unwrap();
    }
}

async fn due<H: Home>(world: &World<H>) -> Vec<Farewell> {
    world.store.claim_farewells(LEASE, 10, 10).await.unwrap()
}

fn references(farewell: &Farewell) -> Vec<&str> {
    let mut all: Vec<_> = farewell.cards.iter().map(|card| card.reference.as_str()).collect();
    all.sort_unstable();
    all
}

async fn secrets<H: Home>(world: &World<H>) -> Vec<(ChannelId, Vec<u8>)> {
    world.store.channel_secrets().await.unwrap()
}

pub(crate) async fn what_stands_open_is_kept_over_a_crash_until_it_is_closed<H: Home>() {
    let mut world = World::<H>::new().await;
    let id = bot(&world).await;
    link(&world, id, world.us.ana, "11").await;
    link(&world, id, world.us.cleo, "33").await;
    let ended = world.ask().await;
    tell(&world, id, 1).await;
    world.run(world.us.asker, ended.id, Command::Cancel { reason: None }).await.unwrap();
    tell(&world, id, 1).await;
    // One waits for answers; of another the end was not told yet; one never got out.
    let open = world.ask().await;
    tell(&world, id, 2).await;
    let ending = world.ask().await;
    tell(&world, id, 3).await;
    world.run(world.us.asker, ending.id, Command::Cancel { reason: None }).await.unwrap();
    world.ask().await;
    world.administer(Change::RemoveChannel { id }).await.unwrap();
    assert_eq!(world.store.due_channels().await.unwrap(), [], "nobody is told by it");
    assert_eq!(world.store.hearing_channels().await.unwrap(), [], "nor heard");

    assert!(world.store.farewells_are_due().await.unwrap());
    let [farewell] = &due(&world).await[..] else { panic!("one") };
    assert_eq!(references(farewell), ["11:2", "11:3", "33:2", "33:3"]);
    assert!(farewell.cards.iter().any(|card| card.approval == open.id));
    assert_eq!((farewell.channel.id, farewell.channel.sealed.clone()), (id, sealed()));
    assert_eq!(due(&world).await, [], "somebody is at it");
    // Whoever claimed it is gone.
    world.reopen().await;
    world.clock.advance(i64::from(LEASE));
    let [again] = &due(&world).await[..] else { panic!("one") };
    assert_eq!(again, farewell);
    let next = world.store.now().plus(Seconds(30));
    world.store.settle_farewell(id, vec!["11:2".into(), "11:3".into()], next).await.unwrap();
    assert!(!world.store.farewells_are_due().await.unwrap(), "it is left alone");
    world.clock.advance(30);
    let [rest] = &due(&world).await[..] else { panic!("one") };
    assert_eq!(references(rest), ["33:2", "33:3"]);
    let anew = Resealed { channels: vec![(id, vec![9; 41])], ..Resealed::default() };
    world.store.change_signing_keys(Vec::new(), anew, KeyringChange::Resealed).await.unwrap();
    assert_eq!(secrets(&world).await, [(id, vec![9; 41])]);
    let closed = rest.cards.iter().map(|card| card.reference.clone()).collect();
    world.store.settle_farewell(id, closed, next).await.unwrap();
    assert_eq!(secrets(&world).await, [], "its token is gone at once");
    let rows = world.home.rows();
    assert_eq!((rows["farewells"], rows["farewell_cards"]), (0, 0));
}

pub(crate) async fn nothing_is_kept_for_more_than_an_hour<H: Home>() {
    let world = World::<H>::new().await;
    let id = bot(&world).await;
    link(&world, id, world.us.ana, "11").await;
    world.ask().await;
    tell(&world, id, 1).await;
    world.administer(Change::RemoveChannel { id }).await.unwrap();
    assert_eq!(due(&world).await.len(), 1);
    // Nobody answers there.
    let late = world.store.now().plus(Seconds(86_400));
    world.store.settle_farewell(id, Vec::new(), late).await.unwrap();
    world.clock.advance(3_599);
    assert_eq!(due(&world).await, []);
    assert_eq!(secrets(&world).await, [(id, vec![7; 40])]);
    world.clock.advance(1);
    assert!(world.store.farewells_are_due().await.unwrap(), "to erase it");
    assert_eq!(due(&world).await, []);
    let rows = world.home.rows();
    assert_eq!((rows["farewells"], rows["farewell_cards"]), (0, 0));
    assert_eq!(secrets(&world).await, []);
}

pub(crate) async fn a_card_that_was_on_its_way_is_closed_too<H: Home>() {
    let world = World::<H>::new().await;
    let id = bot(&world).await;
    link(&world, id, world.us.ana, "11").await;
    world.ask().await;
    let row = claim(&world, id).await.remove(0);
    world.administer(Change::RemoveChannel { id }).await.unwrap();
    assert_eq!(due(&world).await, []);
    let told = Told::Sent { reference: "11:1".into() };
    world.store.settle_notice(&row, told).await.unwrap();
    let [farewell] = &due(&world).await[..] else { panic!("one") };
    assert_eq!(references(farewell), ["11:1"]);
    let now = world.store.now();
    world.store.settle_farewell(id, vec!["11:1".into()], now).await.unwrap();
    // No more can come once its lease is over.
    world.clock.advance(i64::from(LEASE));
    assert_eq!(due(&world).await, []);
    assert_eq!(secrets(&world).await, []);
}

pub(crate) async fn whoever_was_asked_by_it_is_asked_by_the_next_way<H: Home>() {
    let world = World::<H>::new().await;
    let id = bot(&world).await;
    let mail = mail(&world).await;
    link(&world, id, world.us.ana, "11").await;
    let asked = world.ask().await;
    tell(&world, id, 1).await;
    let to = |rows: &[ClaimedNotice]| rows.iter().map(|row| row.member).collect::<Vec<_>>();
    let mailed = to(&claim(&world, mail).await);
    assert!(!mailed.contains(&world.us.ana) && mailed.contains(&world.us.cleo));
    world.administer(Change::RemoveChannel { id }).await.unwrap();
    while world.store.tell_newcomers(10).await.unwrap() {}
    let rows = claim(&world, mail).await;
    assert_eq!(to(&rows), [world.us.ana], "and nobody twice");
    assert_eq!((rows[0].approval, rows[0].about), (asked.id, About::Asked));
}

pub(crate) async fn cards_of_whoever_unlinked_are_closed_by_the_way_that_is_still_there<H: Home>() {
    let world = World::<H>::new().await;
    let id = bot(&world).await;
    let mail = mail(&world).await;
    link(&world, id, world.us.ana, "11").await;
    link(&world, id, world.us.cleo, "33").await;
    world.ask().await;
    tell(&world, id, 1).await;
    claim(&world, mail).await;
    let member = world.us.ana;
    world.administer(Change::UnlinkAccount { channel: id, member }).await.unwrap();
    let [farewell] = &due(&world).await[..] else { panic!("one") };
    assert_eq!((references(farewell), farewell.removed), (vec!["11:1"], false));
    assert_eq!(farewell.channel.sealed, sealed(), "by its token as it is");
    assert_eq!(secrets(&world).await.len(), 2, "which is kept nowhere else");
    while world.store.tell_newcomers(10).await.unwrap() {}
    let rows = claim(&world, mail).await;
    assert_eq!(rows.iter().map(|row| row.member).collect::<Vec<_>>(), [member]);
    // The bot goes while somebody is at it.
    world.administer(Change::RemoveChannel { id }).await.unwrap();
    let [farewell] = &due(&world).await[..] else { panic!("one") };
    assert_eq!((references(farewell), farewell.removed), (vec!["11:1", "33:1"], true));
    assert_eq!(farewell.channel.sealed, sealed());
}
