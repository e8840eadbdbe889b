//! What is too much for somebody is told together, and whoever is asked is reminded once; both are
//! kept, so that a restart changes neither.

use askfirst_core::*;
use askfirst_store::*;

use crate::notices::{claim, log, mail, reference_of, sent_as};
use crate::world::*;

/// Claims and settles until nothing is due; gives what was told by itself and what together.
async fn tell_all<H: Home>(
    world: &World<H>,
    id: ChannelId,
) -> (Vec<ClaimedNotice>, Vec<ClaimedNotice>) {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    loop {
        let claimed = claim(world, id).await;
        if claimed.is_empty() {
            return (alone, together);
        }
        for row in claimed {
            world.store.settle_notice(&row, sent_as(&row)).await.unwrap();
            if row.digest.is_some() { together.push(row) } else { alone.push(row) }
        }
    }
}

pub(crate) async fn what_is_too_much_is_told_together_and_after_a_crash_as_the_same<H: Home>() {
    let mut world = World::<H>::new().await;
    let id = mail(&world).await;
    for _ in 0..12 {
        world.ask().await;
    }
    let (alone, together) = tell_all(&world, id).await;
    assert!(together.is_empty());
    let of =
        |rows: &[ClaimedNotice], member| rows.iter().filter(|row| row.member == member).count();
    let people = [world.us.ana, world.us.ben, world.us.cleo];
    assert!(people.iter().all(|member| of(&alone, *member) == 6), "each for themselves");
    world.reopen().await;
    world.clock.advance(59);
    assert_eq!(world.store.due_channels().await.unwrap(), []);
    world.clock.advance(1);
    let first = claim(&world, id).await;
    assert!(first.iter().all(|row| row.digest.is_some()));
    assert!(people.iter().all(|member| of(&first, *member) == 6));
    let digests = |rows: &[ClaimedNotice]| {
        let mut all: Vec<_> = rows.iter().map(|row| (row.digest, row.id)).collect();
        all.sort_unstable();
        all
    };
    // Whoever claimed them is gone, and more is asked.
    for _ in 0..3 {
        world.ask().await;
    }
    world.reopen().await;
    world.clock.advance(90);
    let again = claim(&world, id).await;
    assert_eq!(digests(&again), digests(&first), "the same in the same");
    for row in &again {
        world.store.settle_notice(row, sent_as(row)).await.unwrap();
    }
    let (alone, together) = tell_all(&world, id).await;
    assert!(together.is_empty() && alone.is_empty(), "the next is five minutes away");
    world.clock.advance(300);
    let (alone, together) = tell_all(&world, id).await;
    assert!(alone.is_empty(), "{alone:?}");
    assert!(people.iter().all(|member| of(&together, *member) == 3));
}

pub(crate) async fn a_reminder_is_planned_when_somebody_is_asked_and_survives_a_restart<H: Home>() {
    let mut world = World::<H>::new().await;
    let id = mail(&world).await;
    let asked = world.ask().await;
    let ended = world.ask().await;
    let (told, _) = tell_all(&world, id).await;
    let cancel = Command::Cancel { reason: None };
    world.run(world.us.asker, ended.id, cancel).await.unwrap();
    tell_all(&world, id).await;
    assert_eq!(world.store.channels(world.us.place.workspace).await.unwrap()[0].waiting, 0);
    assert!(log(&world, id).await.iter().all(|line| line.about != About::Reminder));
    world.reopen().await;
    let left = (asked.expires_at.micros() - asked.created_at.micros()) / 1_000_000;
    world.clock.advance(left / 4 * 3 - 1);
    assert_eq!(claim(&world, id).await, []);
    world.clock.advance(4);
    let (reminded, _) = tell_all(&world, id).await;
    let of: Vec<_> = told.iter().filter(|row| row.approval == asked.id).collect();
    assert_eq!(reminded.len(), of.len());
    for row in &reminded {
        assert_eq!((row.about, row.approval), (About::Reminder, asked.id));
        let first = of.iter().find(|first| first.member == row.member).unwrap();
        assert_eq!(row.first, Some(reference_of(first)), "in the same thread");
    }
    world.clock.advance(left / 8);
    assert_eq!(claim(&world, id).await, [], "once");
}

/// A reminder that failed once is waited for by what comes after it, and waits for nothing itself:
/// else each would wait for the other.
pub(crate) async fn what_comes_after_a_reminder_that_failed_is_told<H: Home>() {
    let world = World::<H>::new().await;
    let id = mail(&world).await;
    let asked = world.ask().await;
    tell_all(&world, id).await;
    let left = (asked.expires_at.micros() - asked.created_at.micros()) / 1_000_000;
    world.clock.advance(left / 4 * 3 + 4);
    for row in claim(&world, id).await {
        assert_eq!(row.about, About::Reminder);
        let at = world.store.now().plus(Seconds(60));
        world.store.settle_notice(&row, Told::Retry { at, why: "451".into() }).await.unwrap();
    }
    world.run(world.us.asker, asked.id, Command::Cancel { reason: None }).await.unwrap();
    world.clock.advance(90);
    let (told, _) = tell_all(&world, id).await;
    let of = |about| told.iter().filter(|row| row.about == about).count();
    assert_eq!((of(About::Reminder), of(About::Ended)), (3, 3));
    assert_eq!(world.store.due_channels().await.unwrap(), []);
    assert_eq!(world.store.channels(world.us.place.workspace).await.unwrap()[0].waiting, 0);
}
