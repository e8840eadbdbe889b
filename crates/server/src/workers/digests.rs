//! Tells somebody several things in one: what they are called and where they are. Nothing can be
//! pressed there, as nothing has been read there.

use askfirst_core::{Environment, Status};
use askfirst_store::{ClaimedNotice, StoreError, Told};

use super::notices::{answering, failed, tell as tell_alone};
use crate::channels::card::{Answering, Digest, Item, What, short_line};
use crate::channels::{Card, Limits};
use crate::service::Service;

/// So many are named; the others are counted.
const NAMED: usize = 20;
/// Characters of what one is called.
const LONGEST_TITLE: usize = 100;

/// Tells what is still wanted of these, all of one person and way.
pub(super) async fn tell(
    service: &Service,
    claimed: Vec<ClaimedNotice>,
) -> Result<Vec<(ClaimedNotice, Told)>, StoreError> {
    let mut told = Vec::new();
    let mut wanted = Vec::new();
    let mut items = Vec::new();
    let Some(place) = claimed.first().map(|row| row.place) else { return Ok(told) };
    let store = service.store();
    let now = store.now();
    let roster = store.roster(place.workspace).await?;
    let floor = store.workspace(place.workspace).await?.map(|known| known.floor);
    let floor = floor.unwrap_or_default();
    let mut signs_in = false;
    for row in claimed {
        let dropped = |why: &str| Told::Dropped { why: why.into() };
        let approval = store.approval(row.place, row.approval).await?;
        let approval = approval.filter(|known| known.status_at(now) == Status::Pending);
        let (Some(approval), Some(_)) = (approval, &row.address) else {
            told.push((row, dropped("it had ended before they could be told, or they are gone")));
            continue;
        };
        let in_room = row.room().is_some();
        if !in_room && !approval.awaited(&roster, floor, now).contains(&row.member) {
            told.push((row, dropped("they have answered, or are not asked any more")));
            continue;
        }
        let person = roster.people.get(&row.member);
        signs_in = in_room || person.is_some_and(|person| person.role.has_account());
        let page = if signs_in {
            format!("{}/a/{}", service.public_url, approval.id)
        } else {
            let limits = Limits { account: 0, measure: str::len };
            match answering(service, &row, &approval, limits, now).await? {
                Ok(Answering::ByLink { url } | Answering::OnPage { url }) => url,
                // In a chat there is a card for each.
                Ok(Answering::Here { .. } | Answering::NotNow { .. }) => {
                    told.push((row, dropped("they have no page that they could read it on")));
                    continue;
                }
                Err(why) => {
                    told.push((row, dropped(why)));
                    continue;
                }
            }
        };
        let title = short_line(approval.called(), LONGEST_TITLE);
        items.push(Item { title, deadline: approval.expires_at, page });
        wanted.push(row);
    }
    let lonely = wanted.len() == 1;
    let Some(first) = wanted.first() else { return Ok(told) };
    if lonely {
        let one = tell_alone(service, first).await?;
        told.extend(wanted.into_iter().map(|row| (row, one.clone())));
        return Ok(told);
    }
    let count = items.len();
    items.sort_by_key(|item| item.deadline);
    items.truncate(NAMED);
    let inbox = signs_in.then(|| format!("{}/", service.public_url));
    let outcome = send(service, first, Digest { items, count, inbox }).await;
    for row in wanted {
        let one = match &outcome {
            Ok(reference) => Told::SentTogether { reference: reference.clone() },
            Err(failure) => failed(&row, failure.clone(), store.now()),
        };
        told.push((row, one));
    }
    Ok(told)
}

async fn send(
    service: &Service,
    first: &ClaimedNotice,
    digest: Digest,
) -> Result<String, crate::channels::Failure> {
    let card = Card {
        id: first.digest.unwrap_or(first.id),
        follows: None,
        to: first.address.clone().unwrap_or_default(),
        locale: first.channel.settings.locale(),
        at: service.store().now(),
        trial: first.place.environment == Environment::Dev,
        what: What::Digest(digest),
    };
    service.open_channel(&first.channel)?.send(&card).await
}
