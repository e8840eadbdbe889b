//! How much a bot may send at a time. Off until a test wants it; who calls although they were
//! told to wait is counted.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::chat::Chat;

/// How many messages and edits are taken before 429; what is `None` is without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// To one chat within a second.
    pub chat_per_second: Option<u32>,
    /// To one group within a minute.
    pub group_per_minute: Option<u32>,
    /// By one bot within a second.
    pub bot_per_second: Option<u32>,
}

struct Wait {
    until: Duration,
    /// Whether the bot knows.
    told: bool,
}

/// A bot, and one of its chats or all of them.
type Place = (i64, Option<Chat>);

#[derive(Default)]
pub(super) struct Floods {
    pub(super) limits: Limits,
    sent: HashMap<(Place, u64), VecDeque<Duration>>,
    waits: HashMap<Place, Wait>,
    /// Calls that came although the bot had been told to wait.
    pub(super) disobeyed: u64,
}

/// A call that came too soon.
pub(super) struct TooSoon {
    pub(super) seconds: u64,
    /// Whether the bot had been told.
    pub(super) knew: bool,
}

impl Floods {
    /// Has the bot wait in this chat, or in all.
    pub(super) fn begin(&mut self, place: Place, until: Duration) {
        self.waits.insert(place, Wait { until, told: false });
    }

    /// Counts a message or an edit.
    pub(super) fn count(&mut self, bot: i64, chat: Chat, now: Duration) -> Result<(), TooSoon> {
        let places = [(bot, Some(chat)), (bot, None)];
        for place in places {
            let Some(wait) = self.waits.get_mut(&place) else { continue };
            if wait.until <= now {
                self.waits.remove(&place);
                continue;
            }
            let knew = std::mem::replace(&mut wait.told, true);
            self.disobeyed += u64::from(knew);
            return Err(TooSoon { seconds: whole(wait.until - now), knew });
        }
        let is_group = matches!(chat, Chat::Shared(_));
        let windows = [
            (places[0], 1, self.limits.chat_per_second),
            (places[0], 60, self.limits.group_per_minute.filter(|_| is_group)),
            (places[1], 1, self.limits.bot_per_second),
        ];
        for (place, seconds, most) in windows {
            let Some(most) = most else { continue };
            let window = Duration::from_secs(seconds);
            let sent = self.sent.entry((place, seconds)).or_default();
            while sent.front().is_some_and(|at| *at + window <= now) {
                sent.pop_front();
            }
            if sent.len() >= most as usize {
                let until = sent.front().map_or(now, |first| *first + window);
                let until = until.max(now + Duration::from_secs(1));
                self.waits.insert(place, Wait { until, told: true });
                return Err(TooSoon { seconds: whole(until - now), knew: false });
            }
        }
        for (place, seconds, most) in windows {
            if most.is_some() {
                self.sent.entry((place, seconds)).or_default().push_back(now);
            }
        }
        Ok(())
    }
}

/// Telegram says whole seconds, and never too few.
fn whole(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
