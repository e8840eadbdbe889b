//! Receivers of what happens: how many there may be, and what they may be told of. Whether an
//! address may be reached is for who sends.

use super::{Denied, Holdings, NewWebhook, invalid};
use crate::{Dialect, Environment, Event, Seconds};

/// The most that one world of a workspace may have.
const MOST: usize = 20;

/// The longest that a former secret signs too, in seconds.
const LONGEST_OVERLAP: Seconds = Seconds(7 * 24 * 3_600);

pub(super) fn rotate(overlap: Seconds) -> Result<(), Denied> {
    if overlap > LONGEST_OVERLAP {
        return Err(invalid("/overlap", "0 to 7 days, such as 24h; 0 ends the old one at once"));
    }
    Ok(())
}

pub(super) fn add(webhook: &NewWebhook, holdings: &Holdings) -> Result<(), Denied> {
    let dev = holdings.environment == Environment::Dev;
    if dev != (webhook.environment == Environment::Dev) {
        return Err(invalid("/environment", "this workspace has no such environment"));
    }
    if !matches!(webhook.dialect, Dialect::Native | Dialect::Proof) {
        return Err(invalid(
            "/dialect",
            "native or proof: the others' askers name their receivers",
        ));
    }
    if !webhook.dialect.is_native() && webhook.url.is_none() {
        return Err(invalid("/dialect", "what signs callbacks speaks as each asker does"));
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
