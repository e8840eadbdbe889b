//! Has the cards of bots that were removed, and of accounts that are nobody's any more, say that
//! nothing can be answered there. What is needed for that was kept with the removal; it is claimed under a lease, and gone after an hour,
//! whatever became of the cards.

use std::sync::Arc;

use askfirst_core::{Environment, Seconds, Status};
use askfirst_store::{Channel, Farewell, OpenCard, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::lanes::Lanes;
use crate::channels::card::{Parted, Parting, one_line};
use crate::channels::{self, Blame, Failure};
use crate::service::Service;

/// Longer than one attempt can take as a rule. What is changed twice is the same.
const LEASE_SECONDS: u32 = 90;
/// Bots at a time.
const FOR_ALL: usize = 16;
/// Cards in one attempt.
const CARDS: u32 = 50;
/// Until the next attempt, where a provider takes nothing.
const PAUSE: Seconds = Seconds(30);

/// Runs until `stop`.
pub async fn run(service: Arc<Service>, stop: CancellationToken) {
    let mut changes = service.store().changes();
    let mut lanes = Lanes::new(FOR_ALL);
    loop {
        if let Err(error) = begin_due(&service, &mut lanes).await {
            warn!(%error, "which bots were removed could not be read; trying again");
        }
        if !lanes.wait(&mut changes, &stop).await {
            return lanes.finish().await;
        }
    }
}

async fn begin_due(service: &Arc<Service>, lanes: &mut Lanes<()>) -> Result<(), StoreError> {
    let store = service.store();
    let room = u32::try_from(lanes.room()).unwrap_or(u32::MAX);
    if room == 0 || !store.farewells_are_due().await? {
        return Ok(());
    }
    for farewell in store.claim_farewells(LEASE_SECONDS, room, CARDS).await? {
        lanes.begin((), attempt(Arc::clone(service), farewell));
    }
    Ok(())
}

/// One attempt: as many cards as the provider takes.
async fn attempt(service: Arc<Service>, farewell: Farewell) {
    let Farewell { channel, removed, cards } = farewell;
    let mut closed = Vec::new();
    let mut pause = Seconds(0);
    match service.open_channel(&channel) {
        Ok(way) => {
            for card in cards {
                let parted = part(&service, &*way, (&channel, removed), &card).await;
                let failure = match parted {
                    Ok(Ok(())) => None,
                    Ok(Err(failure)) => Some(failure),
                    Err(error) => {
                        warn!(%error, channel.id = %channel.id, "a card could not be read");
                        pause = PAUSE;
                        break;
                    }
                };
                if let Some(failure) = &failure {
                    debug!(why = %failure.why, channel.id = %channel.id, "a card still stands open");
                }
                match failure.map(|failure| failure.blame) {
                    // There is no more to be done about it.
                    None | Some(Blame::ForGood | Blame::Moved { .. }) => {
                        closed.push(card.reference);
                    }
                    Some(Blame::ForNow) => pause = PAUSE,
                    Some(Blame::Way) => {
                        pause = PAUSE;
                        break;
                    }
                    Some(Blame::Pace { wait }) => {
                        pause = wait;
                        break;
                    }
                }
            }
        }
        Err(failure) => {
            warn!(why = %failure.why, channel.id = %channel.id, "cards still stand open");
            pause = PAUSE;
        }
    }
    let next = service.store().now().plus(pause);
    if let Err(error) = service.store().settle_farewell(channel.id, closed, next).await {
        // The lease ends, and they are changed again.
        warn!(%error, channel.id = %channel.id, "which cards were closed could not be noted");
    }
}

/// Has one card say that it cannot be answered.
async fn part(
    service: &Service,
    way: &dyn channels::Channel,
    (channel, removed): (&Channel, bool),
    card: &OpenCard,
) -> Result<Result<(), Failure>, StoreError> {
    let store = service.store();
    let Some(approval) = store.approval(card.place, card.approval).await? else {
        return Ok(Ok(()));
    };
    let roster = store.roster(card.place.workspace).await?;
    let person = roster.voter(card.member);
    let signs_in = person.is_some_and(|person| person.role.has_account());
    let status = approval.status_at(store.now());
    let pending = status == Status::Pending;
    let why = match roster.people.contains_key(&card.member) {
        _ if removed => Parted::Removed,
        true => Parted::Unlinked,
        false => Parted::Room,
    };
    let parting = Parting {
        why,
        locale: channel.settings.locale(),
        trial: card.place.environment == Environment::Dev,
        title: one_line(approval.called()),
        ended: (!pending).then_some(status),
        wanted: pending && signs_in && approval.vote_of(card.member).is_none(),
        page: signs_in.then(|| format!("{}/a/{}", service.public_url, approval.id)),
    };
    Ok(way.part(&card.reference, &parting).await)
}
