//! Receivers of what happens: how many there may be, and what they may be told of. Whether an
//! address may be reached is for who sends.

use super::{Denied, Holdings, NewWebhook, invalid};
use crate::{Environment, Event};

/// The most that one world of a workspace may have.
const MOST: usize = 20;

pub(super) fn add(webhook: &NewWebhook, holdings: &Holdings) -> Result<(), Denied> {
    let dev = holdings.environment == Environment::Dev;
    if dev != (webhook.environment == Environment::Dev) {
        return Err(invalid("/environment", "this workspace has no such environment"));
    }
    let known = |name: &str| Event::NAMES.contains(&name);
    if let Some(odd) = webhook.events.iter().find(|name| !known(name)) {
        let detail = format!("there is no event {odd:?}; there are {}", Event::NAMES.join(", "));
        return Err(invalid("/events", &detail));
    }
    let there = holdings.webhooks.values().filter(|world| **world == webhook.environment).count();
    if there >= MOST {
        let detail = format!("there are {there} already, which is the most; remove one first");
        return Err(invalid("", &detail));
    }
    Ok(())
}
