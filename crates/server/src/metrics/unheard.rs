//! What is told of chats that came to nothing.

/// Why something that was heard in a chat came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// Whoever called did not prove to be the provider.
    Secret,
    /// A button that nobody was given.
    Unknown,
    /// A button of another bot.
    OtherBot,
    /// A button that was sent to somebody else.
    OtherAccount,
    /// A button in a group, and nobody has linked the account that pressed it.
    Stranger,
    /// A button of a card that shows what is not so any more.
    Stale,
    /// The same was told before.
    Repeated,
    /// The rules say no.
    Refused,
    /// A code that is not good.
    Code,
}

impl Unheard {
    /// Every one of them.
    pub const ALL: [Self; 9] = [
        Self::Secret,
        Self::Unknown,
        Self::OtherBot,
        Self::OtherAccount,
        Self::Stranger,
        Self::Stale,
        Self::Repeated,
        Self::Refused,
        Self::Code,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Unknown => "unknown_button",
            Self::OtherBot => "other_bot",
            Self::OtherAccount => "other_account",
            Self::Stranger => "stranger",
            Self::Stale => "stale",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Code => "code",
        }
    }
}
