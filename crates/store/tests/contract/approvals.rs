//! Asking, voting, claiming: what is recorded, and that it is recorded whole.

use askfirst_core::*;

use crate::world::{Home, World};

pub(crate) async fn what_was_acknowledged_is_there_after_reopening<H: Home>() {
    let mut world = World::<H>::new().await;
    let pending = world.ask().await;
    let asked = world.ask().await;
    let approved = world.approve(world.us.ben_key, &asked).await;
    assert_eq!(approved.status_at(world.store.now()), Status::Approved);

    world.reopen().await;
    let read = |id| world.store.approval(world.us.place, id);
    assert_eq!(read(pending.id).await.unwrap(), Some(pending.clone()));
    assert_eq!(read(approved.id).await.unwrap(), Some(approved.clone()));
    assert_eq!(world.event_names(approved.id).await, ["asked", "voted", "approved"]);
    let proof = world.store.proof(world.us.place, approved.id).await.unwrap().unwrap();
    assert_eq!(proof.token, None);
}
