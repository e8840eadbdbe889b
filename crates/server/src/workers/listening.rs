//! Hears what people do in chats, by asking each bot's provider: one listener for each, which asks
//! for more only once all that it heard is durable. Whatever it heard before a crash it hears again.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use askfirst_core::{ChannelId, ChannelSettings, Receive};
use askfirst_store::{Change, Channel};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use crate::channels::telegram::{self, Heard, Telegram, Trouble};
use crate::chat;
use crate::service::Service;

/// How often the bots are looked up, if nothing says that they changed.
const SLOW_POLL: Duration = Duration::from_secs(30);
/// Seconds until the next try after each failure in a row.
const PAUSES: [u64; 5] = [1, 2, 5, 15, 30];
/// So many chats are heard at a time.
const AT_ONCE: usize = 64;

/// A listener, and what it was begun with.
struct Listener {
    settings: ChannelSettings,
    sealed: Option<Vec<u8>>,
    _task: AbortOnDropHandle<()>,
}

/// Runs until `stop`.
pub async fn run(service: Arc<Service>, stop: CancellationToken) {
    let mut changes = service.store().changes();
    let mut listeners: HashMap<ChannelId, Listener> = HashMap::new();
    loop {
        match service.store().hearing_channels().await {
            Ok(channels) => keep(&service, &mut listeners, channels),
            Err(error) => warn!(%error, "the bots could not be looked up; trying again"),
        }
        let slow_poll = tokio::time::sleep(SLOW_POLL);
        tokio::pin!(slow_poll);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = &mut slow_poll => break,
                changes = changes.recv() => match changes {
                    Ok(changes) if changes.contains(&Change::Halted) => return,
                    Ok(changes) if !changes.iter().any(|c| matches!(c, Change::Workspace(_))) => {}
                    Ok(_) | Err(_) => break,
                },
            }
        }
    }
}

/// Has those listened to that are to be, as they are set up now.
fn keep(
    service: &Arc<Service>,
    listeners: &mut HashMap<ChannelId, Listener>,
    channels: Vec<Channel>,
) {
    let polled = |channel: &Channel| match &channel.settings {
        ChannelSettings::Telegram(telegram) => telegram.receive == Receive::Polling,
        ChannelSettings::Email(_) => false,
    };
    let wanted: BTreeMap<ChannelId, Channel> =
        channels.into_iter().filter(polled).map(|channel| (channel.id, channel)).collect();
    listeners.retain(|id, known| {
        wanted.get(id).is_some_and(|channel| {
            heard_by(&channel.settings) == known.settings && channel.sealed == known.sealed
        })
    });
    for (id, channel) in wanted {
        listeners.entry(id).or_insert_with(|| Listener {
            settings: heard_by(&channel.settings),
            sealed: channel.sealed.clone(),
            _task: AbortOnDropHandle::new(tokio::spawn(listen(Arc::clone(service), channel))),
        });
    }
}

/// What a bot is set up with, but for the groups: which they are is looked up when it was heard.
fn heard_by(settings: &ChannelSettings) -> ChannelSettings {
    let mut settings = settings.clone();
    if let ChannelSettings::Telegram(telegram) = &mut settings {
        telegram.rooms.clear();
    }
    settings
}

/// Listens to one bot until it is dropped.
async fn listen(service: Arc<Service>, channel: Channel) {
    let way = match service.open_bot(&channel) {
        Ok(way) => Arc::new(way),
        Err(failure) => {
            note(&service, &channel, Some(failure.why)).await;
            return;
        }
    };
    let mut from = None;
    let mut failures = 0;
    loop {
        let heard = way.listen(from).await;
        let why = match heard {
            Ok(updates) => {
                if failures > 0 {
                    info!(channel.id = %channel.id, "a bot is heard again");
                    note(&service, &channel, None).await;
                }
                match take(&service, channel.id, &way, updates).await {
                    Ok(next) => {
                        failures = 0;
                        from = next.or(from);
                        continue;
                    }
                    // It is told again, as nothing says that it was taken.
                    Err(error) => error.to_string(),
                }
            }
            Err(trouble) => unheard(&trouble, &channel),
        };
        let pause = PAUSES[failures.min(PAUSES.len() - 1)];
        failures += 1;
        if failures == 3 {
            warn!(channel.id = %channel.id, %why, "a bot is not heard; it is tried again");
        }
        note(&service, &channel, Some(why)).await;
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
}

fn unheard(trouble: &Trouble, channel: &Channel) -> String {
    match &channel.settings {
        ChannelSettings::Telegram(settings) => trouble.told(settings),
        ChannelSettings::Email(_) => trouble.to_string(),
    }
}

async fn note(service: &Service, channel: &Channel, why: Option<String>) {
    let noted = service.store().note_channel(channel.workspace, channel.id, why).await;
    match noted {
        Ok(turn) => turn.into_iter().for_each(|turn| super::notices::turned(channel.id, turn)),
        Err(error) => debug!(%error, "the state of a bot could not be noted"),
    }
}

/// Does what was heard, each chat in its order, and answers behind. Gives where to go on from, once
/// all of it is durable.
async fn take(
    service: &Arc<Service>,
    id: ChannelId,
    way: &Arc<Telegram>,
    updates: Vec<Value>,
) -> Result<Option<i64>, chat::NotHeard> {
    let channel = service.store().channel(id).await.map_err(chat::NotHeard::from)?;
    let Some(channel) = channel else { return Ok(None) };
    let number = |update: &Value| update["update_id"].as_i64();
    let next = updates.iter().filter_map(number).max().map(|last| last + 1);
    let mut chats: BTreeMap<String, Vec<Heard>> = BTreeMap::new();
    for update in updates {
        match telegram::read(update) {
            Ok(Some(heard)) => chats.entry(heard.by.id.clone()).or_default().push(heard),
            Ok(None) => {}
            // What cannot be read now cannot be read later either.
            Err(error) => {
                warn!(%error, channel.id = %channel.id, "something was heard that is no update");
            }
        }
    }
    let mut tasks = JoinSet::new();
    let mut result = Ok(next);
    for heard in chats.into_values() {
        if tasks.len() >= AT_ONCE {
            joined(tasks.join_next().await, &mut result);
        }
        tasks.spawn(one_chat(Arc::clone(service), channel.clone(), Arc::clone(way), heard));
    }
    while let Some(done) = tasks.join_next().await {
        joined(Some(done), &mut result);
    }
    result
}

type Done = Result<Result<(), chat::NotHeard>, tokio::task::JoinError>;

fn joined(done: Option<Done>, result: &mut Result<Option<i64>, chat::NotHeard>) {
    match done {
        Some(Ok(Err(error))) => *result = Err(error),
        Some(Err(error)) => warn!(%error, "an answer from a chat broke off"),
        Some(Ok(Ok(()))) | None => {}
    }
}

async fn one_chat(
    service: Arc<Service>,
    channel: Channel,
    way: Arc<Telegram>,
    heard: Vec<Heard>,
) -> Result<(), chat::NotHeard> {
    for heard in heard {
        let reply = chat::hear(&service, &channel, &heard).await?;
        let (service, way) = (Arc::clone(&service), Arc::clone(&way));
        // Nobody else's answer waits for this to be said.
        tokio::spawn(async move { chat::reply(&service, &way, reply).await });
    }
    Ok(())
}
