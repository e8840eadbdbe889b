//! Tells people what concerns them. What is due was committed with the event; it is claimed under a
//! lease, told outside of any transaction, and settled. What is told is made of the approval as it
//! is at that moment: who is told late is told the truth, or nothing if nothing is wanted of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use askfirst_core::administration::{self, LinkKind, NewDecisionLink};
use askfirst_core::{
    About, Actor, Approval, Assurance, ChannelId, ChatRoom, Claim, Environment, Floor, LinkId,
    NoticeId, Seconds, Status, Timestamp,
};
use askfirst_store::{
    Administer, AdministerError, ClaimedNotice, Credential, RoomCard, StoreError, Told, Turn,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::digests;
use super::lanes::Lanes;
use crate::channels::card::{
    self, Afterwards, Answering, Asked, Card, Ended, Occasion, What, one_line,
};
use crate::channels::{Blame, Failure, Limits};
use crate::mint::{self, Purpose};
use crate::render::{self, glyphs};
use crate::service::{Service, ServiceError};

/// Longer than one attempt can take.
const LEASE_SECONDS: u32 = 90;
/// Attempts at a time by one way; mail servers take few connections from one place.
const FOR_ONE: usize = 4;
/// The same where cards are changed in place: one event changes as many as there are people.
const FOR_ONE_IN_PLACE: usize = 24;
/// Attempts at a time by all of them.
const FOR_ALL: usize = 64;
/// Seconds after each failed attempt until the next. Whoever asks waits, so the first come soon.
const PAUSES: [u32; 9] = [10, 60, 300, 900, 3_600, 7_200, 14_400, 28_800, 43_200];

/// After a long outage nobody needs to be told how each thing of last week ended.
const STALE: Seconds = Seconds(3 * 86_400);

/// Runs until `stop`.
pub async fn run(service: Arc<Service>, stop: CancellationToken) {
    let mut changes = service.store().changes();
    let mut lanes = Lanes::new(FOR_ALL);
    loop {
        if let Err(error) = tell_due(&service, &mut lanes).await {
            warn!(%error, "what people are to be told could not be read; trying again");
        }
        if !lanes.wait(&mut changes, &stop).await {
            return lanes.finish().await;
        }
    }
}

/// Claims what is due, as far as there is room, and begins to tell it.
async fn tell_due(service: &Arc<Service>, lanes: &mut Lanes<ChannelId>) -> Result<(), StoreError> {
    let store = service.store();
    for (channel, in_place) in store.due_channels().await? {
        let most = if in_place { FOR_ONE_IN_PLACE } else { FOR_ONE };
        let room = lanes.room_for(channel, most, lanes.room());
        if room == 0 {
            continue;
        }
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let mut together: BTreeMap<NoticeId, Vec<ClaimedNotice>> = BTreeMap::new();
        let mut attempts = Vec::new();
        for claimed in store.claim_notices(channel, LEASE_SECONDS, room).await? {
            match claimed.digest {
                Some(digest) => together.entry(digest).or_default().push(claimed),
                None => attempts.push(vec![claimed]),
            }
        }
        for claimed in attempts.into_iter().chain(together.into_values()) {
            lanes.begin(channel, attempt(Arc::clone(service), channel, claimed));
        }
    }
    Ok(())
}

/// One attempt: to tell one thing, or those of one digest.
async fn attempt(service: Arc<Service>, channel: ChannelId, claimed: Vec<ClaimedNotice>) {
    let told = match &claimed[..] {
        [one] if one.digest.is_none() => {
            tell(&service, one).await.map(|told| vec![(one.clone(), told)])
        }
        _ => digests::tell(&service, claimed).await,
    };
    let settled = match told {
        Ok(told) => {
            told.iter().for_each(|(claimed, told)| noted(&service, claimed, told));
            service.store().settle_notices(told).await
        }
        Err(error) => Err(error),
    };
    match settled {
        Ok(turn) => turn.into_iter().for_each(|turn| turned(channel, turn)),
        // The lease ends, and it is told again.
        Err(error) => warn!(%error, channel.id = %channel, "telling somebody failed here"),
    }
}

fn noted(service: &Service, claimed: &ClaimedNotice, told: &Told) {
    service.metrics.told_somebody(told);
    if let Told::GiveUp { why } = told {
        warn!(
            channel.id = %claimed.channel.id, member.id = %claimed.member, %why,
            "somebody could not be told of an approval, and it is not tried again"
        );
    }
}

/// Says once that a way went down, and once that it is up again.
pub(crate) fn turned(channel: ChannelId, turn: Turn) {
    match turn {
        Turn::Down { since } => warn!(
            channel.id = %channel, %since,
            "a channel takes nothing; what waits for it is kept, and one notice tries it every \
             30 seconds"
        ),
        Turn::Up { since } => info!(
            channel.id = %channel, %since,
            "a channel that took nothing does again; all that waited for it is due"
        ),
    }
}

/// Tells one person one thing, if it is still worth telling.
pub(super) async fn tell(service: &Service, claimed: &ClaimedNotice) -> Result<Told, StoreError> {
    let dropped = |why: &str| Ok(Told::Dropped { why: why.into() });
    let store = service.store();
    let Some(address) = claimed.address.clone() else {
        return dropped("they are not active any more");
    };
    let Some(approval) = store.approval(claimed.place, claimed.approval).await? else {
        return dropped("it is not there any more");
    };
    let now = store.now();
    let way = match service.open_channel(&claimed.channel) {
        Ok(way) => way,
        Err(failure) => return Ok(failed(claimed, failure, now)),
    };
    let settings = &claimed.channel.settings;
    let in_place = settings.hears();
    let what = match claimed.about {
        About::Ended | About::Reminder if claimed.first.is_none() => {
            return dropped("they were never asked");
        }
        About::Ended if !claimed.alone => {
            return dropped("they only read its name among others");
        }
        About::Progress if claimed.last.is_none() => {
            return dropped("they have no card of it that could say so");
        }
        About::Ended => match ended(service, &approval, now) {
            Some(ended) if now > ended.at.plus(STALE) && !in_place => {
                return dropped("it ended days ago, so that it is no news any more");
            }
            Some(ended) => What::Ended(ended),
            None => return dropped("it has not ended"),
        },
        About::Claimed | About::Reported => {
            if !settings.afterwards().tells(claimed.about) {
                return dropped("the channel tells nothing of this any more");
            }
            let page = format!("{}/a/{}", service.public_url, approval.id);
            match Afterwards::of(&approval, claimed.about, page) {
                Some(afterwards) => What::Afterwards(afterwards),
                None => return dropped("nothing was claimed or reported"),
            }
        }
        About::Asked | About::Changed | About::Reminder | About::Progress => {
            if approval.status_at(now) != Status::Pending {
                return dropped("it had ended before they could be told");
            }
            let answering = match answering(service, claimed, &approval, way.limits(), now).await? {
                Ok(answering) => answering,
                Err(why) => return dropped(why),
            };
            let occasion = match claimed.about {
                About::Changed => Occasion::Changed,
                About::Reminder => Occasion::Reminder,
                About::Progress => Occasion::Progress,
                _ => Occasion::New,
            };
            What::Asked(Asked::of(&approval, occasion, answering, way.limits()))
        }
    };
    let what = match claimed.room().filter(|room| room.passes_on) {
        Some(_) => by_the_link(service, claimed, &approval, what).await?,
        None => what,
    };
    let card = Card {
        id: claimed.id,
        follows: claimed.first.clone(),
        to: address,
        locale: settings.locale(),
        at: now,
        trial: claimed.place.environment == Environment::Dev,
        what,
    };
    let taken = match (&card.follows, &claimed.last, claimed.about) {
        (_, Some(last), _) if in_place => way.update(last, &card).await,
        (None, ..) | (.., About::Asked | About::Reminder) => way.send(&card).await,
        (Some(reference), ..) => way.update(reference, &card).await,
    };
    Ok(match taken {
        Ok(reference) => Told::Sent { reference },
        Err(Failure { why, blame: Blame::Moved { to } }) => {
            return moved(service, claimed, to, why).await;
        }
        Err(failure) => failed(claimed, failure, store.now()),
    })
}

/// Where nobody can sign in, what became of it is behind the link that was passed on.
async fn by_the_link(
    service: &Service,
    claimed: &ClaimedNotice,
    approval: &Approval,
    mut what: What,
) -> Result<What, StoreError> {
    let store = service.store();
    let roster = store.roster(claimed.place.workspace).await?;
    let url = service.passed_on_url(approval, &roster, store.now());
    let url = url.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    match (&mut what, url) {
        (What::Ended(ended), Some(url)) => ended.page = url,
        (What::Afterwards(after), Some(url)) => after.page = url,
        _ => {}
    }
    Ok(what)
}

/// A group has become another: it is told there, at once.
async fn moved(
    service: &Service,
    claimed: &ClaimedNotice,
    to: i64,
    why: String,
) -> Result<Told, StoreError> {
    let now = service.store().now();
    let Some(room) = claimed.room() else { return Ok(Told::GiveUp { why }) };
    match service.move_rooms(claimed.channel.id, room.chat, to).await {
        Ok(_) => Ok(Told::Later { at: now, why }),
        Err(ServiceError::Store(error)) => Err(error),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

/// Where they can answer: by buttons of the card, by a link of their own if votes by links count,
/// else on its page.
pub(super) async fn answering(
    service: &Service,
    claimed: &ClaimedNotice,
    approval: &Approval,
    limits: Limits,
    now: Timestamp,
) -> Result<Result<Answering, &'static str>, StoreError> {
    let store = service.store();
    let workspace = claimed.place.workspace;
    let Some(known) = store.workspace(workspace).await? else { return Ok(Err("it is gone")) };
    if let Some(room) = claimed.room() {
        return in_room(service, claimed, room, approval, (limits, known.floor)).await;
    }
    let roster = store.roster(workspace).await?;
    let signs_in = roster.people.get(&claimed.member);
    let signs_in = signs_in.is_some_and(|person| person.role.has_account());
    let url = format!("{}/a/{}", service.public_url, approval.id);
    let url = signs_in.then_some(url);
    if !approval.awaited(&roster, known.floor, now).contains(&claimed.member) {
        if claimed.about == About::Progress {
            return Ok(Ok(Answering::NotNow { url }));
        }
        return Ok(Err("they have answered, or are not asked any more"));
    }
    let least = approval.policy.document.assurance.max(known.floor.assurance);
    let account = claimed.address.as_ref().filter(|_| claimed.channel.settings.hears());
    if account.is_none() && (least > Assurance::Link || approval.answer_schema.is_some()) {
        let Some(url) = url else {
            return Ok(Err("this is answered after signing in, and they have no account"));
        };
        return Ok(Ok(Answering::OnPage { url }));
    }
    let Some(token) = link_token(service, claimed) else {
        return Err(StoreError::Unavailable("no link can be made".into()));
    };
    let mut approves = false;
    let (purpose, kind) = match account {
        None => (Purpose::Decision, LinkKind::Sent),
        Some(account) => {
            let (channel, account) = (claimed.channel.id, account.clone());
            let Some(theirs) = store.account(channel, &account).await? else {
                return Ok(Err("their account is not linked any more"));
            };
            let whole = render::account(approval);
            let shown = whole.shown().digest;
            let fits = (limits.measure)(&whole.to_text()) <= limits.account;
            approves = fits && approval.answer_schema.is_none() && theirs.assurance >= least;
            (Purpose::Card, LinkKind::Card { channel, account, approves, shown })
        }
    };
    let link = NewDecisionLink {
        id: LinkId::from_bits(claimed.id.to_bits()),
        secret: purpose.hash(&token),
        environment: claimed.place.environment,
        approval: approval.id,
        member: claimed.member,
        kind,
    };
    let request = Administer {
        workspace,
        credential: Credential::System,
        change: administration::Change::AddDecisionLink(link),
        idempotency: None,
    };
    match store.administer(request).await {
        Ok(_) => {}
        Err(AdministerError::Denied(administration::Denied::Unknown { .. })) => {
            return Ok(Err("it has just ended, or they are not active any more"));
        }
        Err(AdministerError::Store(error)) => return Err(error),
        Err(error) => return Err(StoreError::Unavailable(error.to_string())),
    }
    if account.is_some() {
        return Ok(Ok(Answering::Here { token, all: false, approves, url }));
    }
    Ok(Ok(Answering::ByLink { url: format!("{}/d/{token}", service.public_url) }))
}

/// Where those of a group answer who linked their account.
async fn in_room(
    service: &Service,
    claimed: &ClaimedNotice,
    room: &ChatRoom,
    approval: &Approval,
    (limits, floor): (Limits, Floor),
) -> Result<Result<Answering, &'static str>, StoreError> {
    if room.passes_on {
        let roster = service.store().roster(claimed.place.workspace).await?;
        let url = service.passed_on_url(approval, &roster, service.store().now());
        let url = url.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let url = url.ok_or("its policy lets nobody decide by a link that is passed on");
        return Ok(url.map(|url| Answering::ByLink { url }));
    }
    let Some(token) = link_token(service, claimed) else {
        return Err(StoreError::Unavailable("no link can be made".into()));
    };
    let least = approval.policy.document.assurance.max(floor.assurance);
    let whole = render::account(approval);
    let fits = (limits.measure)(&whole.to_text()) <= limits.account;
    let approves = fits && approval.answer_schema.is_none() && least <= Assurance::Chat;
    let card = RoomCard {
        secret: Purpose::Card.hash(&token),
        notice: claimed.id,
        place: claimed.place,
        approval: approval.id,
        channel: claimed.channel.id,
        room: room.id,
        approves,
        shown: whole.shown().digest,
    };
    service.store().keep_room_card(card, approval.expires_at).await?;
    let url = Some(format!("{}/a/{}", service.public_url, approval.id));
    Ok(Ok(Answering::Here { token, all: true, approves, url }))
}

/// The link's token follows from the notice, so that every attempt tells the same. Only who has the
/// sealing key can know it.
fn link_token(service: &Service, claimed: &ClaimedNotice) -> Option<String> {
    let sealing = &service.sender.as_ref()?.sealing;
    let secret = sealing.derive(&format!("askfirst/notice-link/{}", claimed.id)).ok()?;
    Some(mint::token_from(&secret))
}

fn ended(service: &Service, approval: &Approval, now: Timestamp) -> Option<Ended> {
    let decision = approval.decision_at(now)?;
    let taken_back = match &approval.claim {
        Some(Claim::Revoked { by, .. }) => Some(card::by(by).unwrap_or_default()),
        _ => None,
    };
    // What an asker says with a withdrawal is an agent's word, which decided nothing.
    let said = decision.comment.as_deref().filter(|_| matches!(decision.by, Actor::Member { .. }));
    let comment = said.filter(|text| !text.trim().is_empty());
    Some(Ended {
        title: one_line(approval.called()),
        status: decision.status,
        by: card::by(&decision.by),
        taken_back,
        at: decision.decided_at,
        comment: comment.map_or_else(Vec::new, |text| glyphs::visible(text).lines),
        page: format!("{}/a/{}", service.public_url, approval.id),
    })
}

/// Another attempt, where it can help; none after the last.
pub(super) fn failed(claimed: &ClaimedNotice, failure: Failure, now: Timestamp) -> Told {
    let Failure { why, blame } = failure;
    let pause = PAUSES.get(claimed.round.saturating_sub(1) as usize);
    let at = pause.map(|pause| now.plus(Seconds(*pause)));
    match (blame, at) {
        (Blame::Pace { wait }, _) => Told::Later { at: now.plus(wait), why },
        (Blame::Way, at) => Told::NotTaken { at, why },
        (Blame::ForNow, Some(at)) => Told::Retry { at, why },
        (Blame::ForNow, None) | (Blame::ForGood | Blame::Moved { .. }, _) => Told::GiveUp { why },
    }
}
