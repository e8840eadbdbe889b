//! What was or will be sent to a receiver, as its page shows it: the request as far as it is kept,
//! what was answered, and what follows. What a receiver answered is somebody else's words.

use askfirst_core::Environment;
use askfirst_store::{Delivery, DeliveryState, Webhook};

use super::super::session::SignedIn;
use super::super::shell::{Moment, Text, lines, text};
use super::super::words::Sign;
use super::{for_people, happening};
use crate::dialects::body_of;

/// One event on its way to a receiver.
#[derive(Clone, Debug)]
pub(in crate::web) struct Line {
    pub(in crate::web) id: String,
    pub(in crate::web) event: &'static str,
    pub(in crate::web) approval: String,
    /// Whether whoever looks can open that approval: their pages show one environment.
    pub(in crate::web) opens: bool,
    pub(in crate::web) at: Moment,
    pub(in crate::web) sign: Sign,
    pub(in crate::web) attempts: u32,
    /// When it is sent next, if that is not now.
    pub(in crate::web) next: Option<Moment>,
    pub(in crate::web) due: bool,
    pub(in crate::web) settled: Option<Moment>,
    pub(in crate::web) why: Option<Text>,
    /// Where it is sent; none for a callback of which that was erased.
    pub(in crate::web) to: Option<Text>,
    pub(in crate::web) body: Text,
    pub(in crate::web) status: Option<u16>,
    pub(in crate::web) answer: Vec<Text>,
    /// What a button to send it says, where there is anything to send.
    pub(in crate::web) again: Option<&'static str>,
    /// Whether another one of its approval has to arrive first.
    pub(in crate::web) behind: bool,
}

impl Line {
    pub(super) fn new(delivery: &Delivery, of: &Webhook, active: bool, by: &SignedIn) -> Self {
        let (class, icon, word) = match delivery.state {
            DeliveryState::Waiting => ("pending", "clock", "Waiting"),
            DeliveryState::Delivered => ("approved", "check", "Arrived"),
            DeliveryState::Dead => ("rejected", "cross", "Given up"),
        };
        let seen = |at| Moment::seen_from(at, by.viewer.now);
        let waits = delivery.state == DeliveryState::Waiting;
        let again = match delivery.state {
            _ if !active => None,
            DeliveryState::Waiting if delivery.next_at.is_none() => None,
            // While its receiver is down nothing goes out now.
            DeliveryState::Waiting if of.outage.is_none() => Some("Send it now"),
            _ => Some("Send it once more"),
        };
        let body = body_of(of.place, delivery);
        let place: Environment = by.viewer.workspace.environment;
        Self {
            id: delivery.id.to_string(),
            event: happening(&delivery.event),
            approval: delivery.approval.to_string(),
            opens: of.place.environment == place,
            at: seen(delivery.at),
            sign: Sign { class, icon, word },
            attempts: delivery.attempts,
            next: delivery.next_at.filter(|at| active && *at > by.viewer.now).map(seen),
            due: delivery.next_at.is_some_and(|at| active && at <= by.viewer.now),
            settled: delivery.settled_at.map(seen),
            why: delivery.why.as_deref().map(|why| text(&for_people(why))),
            to: delivery.url.as_deref().or(of.url.as_deref()).map(text),
            body: text(&String::from_utf8_lossy(&body)),
            status: delivery.status,
            answer: delivery.answer.as_deref().map(lines).unwrap_or_default(),
            again,
            behind: waits && delivery.next_at.is_none(),
        }
    }
}
