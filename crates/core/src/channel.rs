//! Ways to people, as far as rules go: what kinds there are, and what one is set up with. How one
//! is spoken is the server's; its secret lies elsewhere, sealed.

use serde::{Deserialize, Serialize};

use crate::quorum::NeedSet;
use crate::{Approval, ChannelId, Floor, MemberId, RoomId, Roster, Timestamp};

/// How a workspace reaches people by one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ChannelSettings {
    /// By mail.
    Email(EmailSettings),
    /// By a bot of Telegram's.
    Telegram(TelegramSettings),
}

impl ChannelSettings {
    /// The kind, as it is spelled.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Telegram(_) => "telegram",
        }
    }

    /// The language that people are told in.
    #[must_use]
    pub const fn locale(&self) -> Locale {
        match self {
            Self::Email(email) => email.locale,
            Self::Telegram(telegram) => telegram.locale,
        }
    }

    /// What those who decided hear of what came of it.
    #[must_use]
    pub const fn afterwards(&self) -> Afterwards {
        match self {
            Self::Email(email) => email.afterwards,
            Self::Telegram(telegram) => telegram.afterwards,
        }
    }

    /// The groups into which it writes.
    #[must_use]
    pub fn rooms(&self) -> &[ChatRoom] {
        match self {
            Self::Email(_) => &[],
            Self::Telegram(telegram) => &telegram.rooms,
        }
    }

    /// The one of them that stands in a log where a member does.
    #[must_use]
    pub fn room_at(&self, member: MemberId) -> Option<&ChatRoom> {
        self.rooms().iter().find(|room| room.place() == member)
    }

    /// Whether people answer by it. What they hold then is changed in place, whatever happens, and
    /// it reaches only who linked an account of theirs.
    #[must_use]
    pub const fn hears(&self) -> bool {
        match self {
            Self::Email(_) => false,
            Self::Telegram(_) => true,
        }
    }
}

/// The mail server that sends for a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Who it knows us as; none if it asks for no name.
    pub username: Option<String>,
    /// The address that mail comes from.
    pub from: String,
    /// The language that it is written in.
    pub locale: Locale,
    /// What those who decided hear of what came of it.
    #[serde(default)]
    pub afterwards: Afterwards,
}

/// The bot that speaks for a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelegramSettings {
    /// Its number, with which its token begins.
    pub bot: i64,
    /// What people find it by, without the `@`.
    pub username: String,
    /// Where the Bot API is spoken, without a slash at the end.
    pub api: String,
    /// How we hear what people do.
    pub receive: Receive,
    /// The language that it speaks.
    pub locale: Locale,
    /// What those who decided hear of what came of it.
    #[serde(default)]
    pub afterwards: Afterwards,
    /// The groups into which it writes, beside the people.
    #[serde(default)]
    pub rooms: Vec<ChatRoom>,
}

/// A group of a chat provider's, or a topic in one. Everybody there reads what is asked; only who
/// linked an account decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatRoom {
    /// Its id.
    pub id: RoomId,
    /// The provider's number: of a group below zero, and it changes if that becomes another.
    pub chat: i64,
    /// The topic in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<i64>,
    /// What it was called when it was added.
    pub title: String,
    /// Whether it is written there by which link whoever has it decides, where that counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passes_on: bool,
}

impl ChatRoom {
    /// What stands for it where otherwise a member is told something. No member has this id.
    #[must_use]
    pub const fn place(&self) -> MemberId {
        MemberId::from_bits(self.id.to_bits())
    }

    /// Where it is: the group, and the topic behind a slash.
    #[must_use]
    pub fn address(&self) -> String {
        match self.topic {
            None => self.chat.to_string(),
            Some(topic) => format!("{}/{topic}", self.chat),
        }
    }
}

/// How we hear of a provider what people do there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Receive {
    /// We ask, and it answers once there is something. Works from behind any router.
    #[default]
    Polling,
    /// It calls us.
    Webhook,
    /// We do not: the bot is somebody's who hears it elsewhere.
    Never,
}

impl Receive {
    /// Those that one can choose.
    pub const ALL: [Self; 2] = [Self::Polling, Self::Webhook];

    /// Its name, everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Webhook => "webhook",
            Self::Never => "never",
        }
    }
}

/// Somebody as a chat provider knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatAccount {
    /// What they are known by for good; never a name, which can pass to somebody else.
    pub id: String,
    /// What they call themselves there, to recognise them by.
    pub name: String,
}

/// What those who decided hear once the agent goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Afterwards {
    /// Nothing.
    None,
    /// What the agent reports of how it went.
    #[default]
    Outcome,
    /// That it has its answer, too.
    All,
}

impl Afterwards {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Outcome, Self::All];

    /// Its name, everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Outcome => "outcome",
            Self::All => "all",
        }
    }

    /// Whether something that is told of is told.
    #[must_use]
    pub const fn tells(self, about: About) -> bool {
        match about {
            About::Claimed => matches!(self, Self::All),
            About::Reported => matches!(self, Self::Outcome | Self::All),
            About::Asked | About::Changed | About::Ended | About::Reminder | About::Progress => {
                true
            }
        }
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// TLS from the first byte, mostly on port 465.
    Tls,
    /// TLS after a greeting in clear, mostly on port 587, and nothing without it.
    StartTls,
    /// None; for a mail server on this machine, or inside where the operator opened it.
    None,
}

/// A language that people are written to in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// Its BCP 47 tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}

/// A way to people to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChannel {
    /// Its id.
    pub id: ChannelId,
    /// What it is set up with.
    pub settings: ChannelSettings,
    /// Its secret, sealed, where it has one.
    pub sealed: Option<Vec<u8>>,
}

/// What a notice tells somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// That their answer is wanted.
    Asked,
    /// That what was asked was changed, so that their answer is wanted again.
    Changed,
    /// How it ended.
    Ended,
    /// That the agent has its answer, and may go on.
    Claimed,
    /// What the agent reports of how it went.
    Reported,
    /// That their answer is still wanted, and not for long any more.
    Reminder,
    /// That something else happened to it, such as another's answer.
    Progress,
}

impl About {
    /// Every one of them.
    pub const ALL: [Self; 7] = [
        Self::Asked,
        Self::Changed,
        Self::Ended,
        Self::Claimed,
        Self::Reported,
        Self::Reminder,
        Self::Progress,
    ];

    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Changed => "changed",
            Self::Ended => "ended",
            Self::Claimed => "claimed",
            Self::Reported => "reported",
            Self::Reminder => "reminder",
            Self::Progress => "progress",
        }
    }
}

impl About {
    /// Whether it asks for an answer, and so is not worth telling once the approval has ended.
    #[must_use]
    pub const fn asks(self) -> bool {
        match self {
            Self::Asked | Self::Changed | Self::Reminder | Self::Progress => true,
            Self::Ended | Self::Claimed | Self::Reported => false,
        }
    }
}

impl Approval {
    /// Who is waited for at `now`: everybody who could vote and has not, in their own place or in
    /// that of somebody who is away. Who is away is not, as long as the other could.
    #[must_use]
    pub fn awaited(&self, roster: &Roster, floor: Floor, now: Timestamp) -> Vec<MemberId> {
        let owner_out = self.policy.document.separate.owner || floor.separate_owner;
        let kept_out = |id: MemberId| owner_out && id == self.asker.owner;
        let silent = |id: MemberId| !kept_out(id) && self.vote_of(id).is_none();
        let seated = |id: MemberId| silent(id) && self.seats_of(id, roster, now) != NeedSet::NONE;
        let speaks = |id: MemberId| silent(id) && roster.voter(id).is_some();
        let away = |id: MemberId| {
            let given = roster.delegations.get(&id).filter(|given| given.holds(now));
            given.is_some_and(|given| speaks(given.to))
        };
        let awaited = |id: MemberId| {
            speaks(id) && (seated(id) && !away(id) || roster.delegators(id, now).any(seated))
        };
        let Some(mut asked) = self.policy.document.named(roster, self.elapsed(now)) else {
            return roster.people.keys().copied().filter(|id| awaited(*id)).collect();
        };
        // And who may vote in the place of one of them.
        let given = roster.delegations.iter().filter(|(from, _)| asked.contains(from));
        let lent: Vec<_> = given.map(|(_, given)| given.to).collect();
        asked.extend(lent);
        asked.into_iter().filter(|id| awaited(*id)).collect()
    }
}
