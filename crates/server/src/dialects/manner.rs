//! In which manner a receiver is told what happened: what it says, under which headers, and when it
//! is tried again. It is ours, unless an asker of another API named the receiver; then it is what
//! that API's receivers know.

use askfirst_core::{Approval, ApprovalId, DeliveryId, Dialect, Timestamp};
use askfirst_store::{ClaimedDelivery, Delivery, EventRecord, Place};
use bytes::Bytes;
use hyper::header::HeaderMap;

use super::{ambedo, holdon, proof};
use crate::outgoing::signature::Secret;
use crate::service::webhooks;

/// How receivers of one kind are told.
pub(crate) struct Manner {
    /// What is sent; the same in every attempt.
    pub(crate) body: fn(&Told<'_>) -> Bytes,
    /// What goes along with one attempt, beside the headers that all have.
    pub(crate) headers: fn(&Told<'_>, &Parcel, &[Secret]) -> HeaderMap,
    /// Seconds after each failed attempt until the next; after the last one it is given up.
    pub(crate) pauses: &'static [u32],
}

/// What is told of, and to whom.
pub(crate) struct Told<'a> {
    /// Where it happened.
    pub(crate) place: Place,
    /// To which approval.
    pub(crate) approval: ApprovalId,
    /// In whose words this receiver wants to be told.
    pub(crate) dialect: Dialect,
    /// That approval as it stands, if its asker named the receiver, or it is told in other words
    /// than ours.
    pub(crate) asked: Option<&'a Approval>,
    /// What happened.
    pub(crate) event: &'a EventRecord,
}

/// One attempt to send something.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// What a repeat is known by.
    pub id: DeliveryId,
    /// What is sent.
    pub body: Bytes,
    /// When.
    pub at: Timestamp,
}

const OURS: Manner = Manner {
    body: |told| webhooks::body(told.place, told.approval, told.event),
    headers: plain,
    pauses: &[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400],
};

/// Three attempts.
const PROOF: Manner =
    Manner { body: proof::webhook::body, headers: proof::webhook::headers, pauses: &[10, 100] };

const AMBEDO: Manner = Manner { body: ambedo::callback, ..OURS };

const HOLDON: Manner =
    Manner { body: holdon::callback, headers: holdon::headers, pauses: &[1, 5, 15] };

/// No headers but those that all have.
fn plain(_: &Told<'_>, _: &Parcel, _: &[Secret]) -> HeaderMap {
    HeaderMap::new()
}

impl Told<'_> {
    /// How.
    pub(crate) fn manner(&self) -> &'static Manner {
        let of_the_asker = || self.asked.map_or(Dialect::Native, |asked| asked.asker.dialect);
        let spoken = if self.dialect.is_native() { of_the_asker() } else { self.dialect };
        match spoken {
            Dialect::Native => &OURS,
            Dialect::Ambedo => &AMBEDO,
            Dialect::Proof => &PROOF,
            Dialect::Holdon => &HOLDON,
        }
    }

    /// What is sent.
    pub(crate) fn body(&self) -> Bytes {
        (self.manner().body)(self)
    }
}

impl<'a> From<&'a ClaimedDelivery> for Told<'a> {
    fn from(claimed: &'a ClaimedDelivery) -> Self {
        let (place, approval) = (claimed.place, claimed.approval);
        let asked = claimed.asked.as_deref();
        Self { place, approval, dialect: claimed.dialect, asked, event: &claimed.event }
    }
}

/// What a receiver was or will be sent.
#[must_use]
pub(crate) fn body_of(place: Place, delivery: &Delivery) -> Bytes {
    let event = EventRecord {
        version: delivery.version,
        name: delivery.event.clone(),
        at: delivery.at,
        detail: delivery.detail.clone(),
    };
    let asked = delivery.asked.as_deref();
    let Delivery { approval, dialect, .. } = *delivery;
    Told { place, approval, dialect, asked, event: &event }.body()
}
