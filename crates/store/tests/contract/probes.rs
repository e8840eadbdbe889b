//! A way to people that takes nothing: what waits is kept and loses no attempt, and one notice at a
//! time finds out whether it works again.

use askfirst_core::*;
use askfirst_store::*;

use crate::notices::{claim, log, mail, sent_as};
use crate::world::*;

fn not_taken(at: Option<Timestamp>) -> Told {
    Told::NotTaken { at, why: "nobody answers".into() }
}

async fn down<H: Home>(world: &World<H>) -> Option<Down> {
    world.store.channels(world.us.place.workspace).await.unwrap()[0].down
}

/// Puts the way down: gives what was claimed meanwhile.
async fn bring_down<H: Home>(world: &World<H>, id: ChannelId) -> Vec<ClaimedNotice> {
    world.ask().await;
    let claimed = claim(world, id).await;
    assert!(claimed.len() >= 3 && claimed.iter().all(|row| !row.probe));
    let since = world.store.now();
    for (at, row) in claimed[..3].iter().enumerate() {
        let turn = world.store.settle_notice(row, not_taken(Some(since))).await.unwrap();
        assert_eq!(turn, (at == 2).then_some(Turn::Down { since }));
    }
    claimed
}

pub(crate) async fn a_way_that_takes_nothing_is_probed_by_one_at_a_time_also_after_a_restart<
    H: Home,
>() {
    let mut world = World::<H>::new().await;
    let id = mail(&world).await;
    let begun = world.store.now();
    bring_down(&world, id).await;
    world.ask().await;
    assert_eq!(claim(&world, id).await, [], "nothing is tried at once");
    assert_eq!(world.store.due_channels().await.unwrap(), []);
    assert_eq!(world.store.notice_counts().await.unwrap().channels_down, 1);
    world.reopen().await;
    let told = down(&world).await.unwrap();
    assert_eq!((told.since, told.next_probe_at), (begun, begun.plus(Seconds(30))));

    world.clock.advance(30);
    assert_eq!(world.store.due_channels().await.unwrap(), [(id, false)]);
    let probe = claim(&world, id).await;
    assert!(matches!(&probe[..], [one] if one.probe), "one of them, of all that wait");
    assert_eq!(claim(&world, id).await, []);
    world.clock.advance(60);
    assert_eq!(claim(&world, id).await, [], "while that one is on its way");
    world.store.settle_notice(&probe[0], not_taken(None)).await.unwrap();
    assert_eq!(claim(&world, id).await, []);
    let lines = log(&world, id).await;
    let line = lines.iter().find(|line| line.id == probe[0].id).unwrap();
    assert_eq!(line.state, NoticeState::Waiting, "it is not given up for that");
    assert_eq!(line.attempts, probe[0].attempt - 1, "and it costs nothing");
    assert_eq!(line.next_at, down(&world).await.map(|down| down.next_probe_at));

    // Whoever claimed the next one is gone; its lease holds the others back, not for ever.
    world.clock.advance(30);
    let lost = claim(&world, id).await;
    assert_ne!(lost[0].id, probe[0].id, "each in turn");
    world.clock.advance(89);
    assert_eq!(claim(&world, id).await, []);
    world.clock.advance(1);
    let again = claim(&world, id).await;
    assert_eq!(again.len(), 1);
    let turn = world.store.settle_notice(&again[0], sent_as(&again[0])).await.unwrap();
    assert_eq!(turn, Some(Turn::Up { since: begun }));
    assert_eq!(down(&world).await, None);
    let waiting = lines.iter().filter(|line| line.state == NoticeState::Waiting).count() - 1;
    let rest = claim(&world, id).await;
    assert!(rest.len() == waiting && rest.iter().all(|row| !row.probe), "all the rest is due");
}

pub(crate) async fn what_a_way_refuses_for_a_reason_of_its_own_shows_that_it_works<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    for told in [
        Told::GiveUp { why: "no such user".into() },
        Told::Retry { at: world.store.now().plus(Seconds(60)), why: "come back".into() },
    ] {
        bring_down(&world, id).await;
        // Who drops out was no probe.
        world.clock.advance(30);
        let probe = claim(&world, id).await;
        let dropped = Told::Dropped { why: "it ended".into() };
        assert_eq!(world.store.settle_notice(&probe[0], dropped).await.unwrap(), None);
        let probe = claim(&world, id).await;
        assert_eq!(probe.len(), 1, "the next may try, at once");
        let turn = world.store.settle_notice(&probe[0], told).await.unwrap();
        assert!(matches!(turn, Some(Turn::Up { .. })), "{turn:?}");
        for row in claim(&world, id).await {
            world.store.settle_notice(&row, sent_as(&row)).await.unwrap();
        }
        world.clock.advance(100);
    }
}

pub(crate) async fn before_a_way_is_down_each_attempt_counts<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    world.ask().await;
    let claimed = claim(&world, id).await;
    let later = world.store.now().plus(Seconds(10));
    // It failed, took something, failed: that is not in a row.
    for told in [not_taken(Some(later)), sent_as(&claimed[1]), not_taken(None)] {
        let row = &claimed[match &told {
            Told::Sent { .. } => 1,
            Told::NotTaken { at: Some(_), .. } => 0,
            _ => 2,
        }];
        assert_eq!(world.store.settle_notice(row, told).await.unwrap(), None);
    }
    assert_eq!(down(&world).await, None);
    let lines = log(&world, id).await;
    let of = |row: &ClaimedNotice| lines.iter().find(|line| line.id == row.id).unwrap();
    assert_eq!((of(&claimed[0]).attempts, of(&claimed[0]).next_at), (1, Some(later)));
    assert_eq!(of(&claimed[2]).state, NoticeState::Dead, "after its last attempt");
}
