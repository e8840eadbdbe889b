//! What one person is told, apart from how a way spells it.

use askfirst_core::{
    About, Actor, Approval, Claim, Locale, NoticeId, OutcomeStatus, Status, Timestamp, Vote,
    VoteDecision,
};

use super::Limits;
use crate::render::{self, Account, Piece, glyphs};

/// Something to tell one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// What it is known by, in every attempt.
    pub id: NoticeId,
    /// What the way knows the card by that this person holds about the same, if they do.
    pub follows: Option<String>,
    /// Where they are reached.
    pub to: String,
    /// The language.
    pub locale: Locale,
    /// When it is told.
    pub at: Timestamp,
    /// Whether it comes from a developer's workspace.
    pub trial: bool,
    /// What is told.
    pub what: What,
}

/// What a card says once nobody answers by it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Why it cannot be answered.
    pub why: Parted,
    /// The language.
    pub locale: Locale,
    /// Whether it comes from a developer's workspace.
    pub trial: bool,
    /// What it is called.
    pub title: Vec<Piece>,
    /// How it ended, if it has.
    pub ended: Option<Status>,
    /// Whether an answer of whoever has the card is still wanted.
    pub wanted: bool,
    /// Its page, where they can sign in.
    pub page: Option<String>,
}

/// Why a card cannot be answered any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parted {
    /// Its way is taken out of use.
    Removed,
    /// Whoever has it left that way.
    Unlinked,
    /// It is in a group into which nothing is written any more.
    Room,
}

/// What a card tells.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// That an answer is wanted.
    Asked(Asked),
    /// How it ended.
    Ended(Ended),
    /// What came of it.
    Afterwards(Afterwards),
    /// That several answers are wanted.
    Digest(Digest),
    /// That the way works.
    Test {
        /// Of which workspace.
        workspace: Vec<Piece>,
    },
}

/// A question to somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Why they are asked now.
    pub occasion: Occasion,
    /// What it is called.
    pub title: Vec<Piece>,
    /// What will happen, as far as it fits.
    pub account: Account,
    /// How many characters of it did not.
    pub hidden: usize,
    /// Where to answer.
    pub answering: Answering,
    /// Until when.
    pub deadline: Timestamp,
    /// Who has said what so far.
    pub so_far: Vec<Said>,
}

/// An answer that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub who: Vec<Piece>,
    /// What.
    pub decision: VoteDecision,
}

/// Why somebody is asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It is put to them.
    New,
    /// It was changed since they were asked.
    Changed,
    /// They were asked, and have not answered.
    Reminder,
    /// Something else happened to it; the card that they hold says so.
    Progress,
}

/// Several questions to somebody, by their names. There is nothing to press: each has to be read
/// where all of it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Some of them, those first that have the least time.
    pub items: Vec<Item>,
    /// How many there are.
    pub count: usize,
    /// Where all of them stand, for who can sign in.
    pub inbox: Option<String>,
}

/// One of several questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called, as far as there is room.
    pub title: Vec<Piece>,
    /// Until when it can be answered.
    pub deadline: Timestamp,
    /// Where it can be read and answered.
    pub page: String,
}

/// How somebody can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answering {
    /// By a link of their own.
    ByLink {
        /// To the page behind it.
        url: String,
    },
    /// On its page, after signing in.
    OnPage {
        /// To that page.
        url: String,
    },
    /// By buttons of the card itself.
    Here {
        /// What is behind the buttons: it is good for this person, or for those of this group who
        /// decide, and for this approval alone.
        token: String,
        /// Whether it is a group in which it is asked.
        all: bool,
        /// Whether one of them approves.
        approves: bool,
        /// To its page, where they can sign in: there all of it stands, and a yes can be given that
        /// this way is not sure enough for.
        url: Option<String>,
    },
    /// Not any more: they have, or are not asked now.
    NotNow {
        /// To its page, where they can sign in.
        url: Option<String>,
    },
}

impl Answering {
    /// Whether several people hold the same card.
    #[must_use]
    pub const fn is_open_to_all(&self) -> bool {
        matches!(self, Self::Here { all: true, .. })
    }
}

/// An end.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// What it was called.
    pub title: Vec<Piece>,
    /// Which end.
    pub status: Status,
    /// Who decided, where somebody did.
    pub by: Option<Vec<Piece>>,
    /// When.
    pub at: Timestamp,
    /// What was said with it.
    pub comment: Vec<Vec<Piece>>,
    /// Who took the approval back before it was used, if somebody did.
    pub taken_back: Option<Vec<Piece>>,
    /// Its page.
    pub page: String,
}

/// What came of an approved action.
#[derive(Clone, Debug, PartialEq)]
pub struct Afterwards {
    /// What it is called.
    pub title: Vec<Piece>,
    /// When it was claimed, or reported.
    pub at: Timestamp,
    /// How it went, by the agent's word; none while it only has its answer.
    pub report: Option<Report>,
    /// Who approved it, where somebody did.
    pub by: Option<Vec<Piece>>,
    /// Its page.
    pub page: String,
}

/// What an agent says of how it went. It is an agent's word, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether it was done.
    pub status: OutcomeStatus,
    /// In its own words, as far as there is room.
    pub words: Vec<Vec<Piece>>,
    /// How many characters of them there was no room for.
    pub hidden: usize,
}

/// The most that is shown of an agent's report, in characters as it wrote them.
const LONGEST_REPORT: usize = 1_000;
/// And over how many lines.
const MOST_LINES: usize = 40;

impl Afterwards {
    /// What came of it, once something did.
    #[must_use]
    pub fn of(approval: &Approval, about: About, page: String) -> Option<Self> {
        let title = one_line(approval.called());
        let by = approval.decision.as_ref().and_then(|decision| by(&decision.by));
        if about == About::Claimed {
            let Some(Claim::Claimed { at, .. }) = approval.claim else { return None };
            return Some(Self { title, at, report: None, by, page });
        }
        let outcome = approval.outcome.as_ref()?;
        let note = outcome.note.as_deref().unwrap_or_default();
        let fits: String = note.chars().take(LONGEST_REPORT).collect();
        let lines = fits.split_inclusive('\n').take(MOST_LINES);
        let fits: String = lines.collect();
        let hidden = note.chars().count() - fits.chars().count();
        let words = if fits.trim().is_empty() { Vec::new() } else { glyphs::visible(&fits).lines };
        let report = Some(Report { status: outcome.status, words, hidden });
        Some(Self { title, at: outcome.at, report, by, page })
    }
}

impl Asked {
    /// A question, as far as it fits.
    #[must_use]
    pub fn of(
        approval: &Approval,
        occasion: Occasion,
        answering: Answering,
        limits: Limits,
    ) -> Self {
        let (account, hidden) = render::account(approval).within(limits.account, limits.measure);
        let said = |vote: &Vote| Said { who: one_line(&vote.voter.email), decision: vote.decision };
        let standing = approval.votes.iter().filter(|vote| approval.stands(vote));
        Self {
            occasion,
            title: one_line(approval.called()),
            account,
            hidden,
            answering,
            deadline: approval.expires_at,
            so_far: standing.map(said).collect(),
        }
    }

    /// Where the buttons of approving and rejecting lead; none where an answer would be given
    /// without having read all of it, or cannot be given by the link.
    #[must_use]
    pub fn buttons(&self) -> Option<&str> {
        match &self.answering {
            Answering::ByLink { url } if self.hidden == 0 => Some(url),
            _ => None,
        }
    }

    /// Where it can be read and answered, if they can get there.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        match &self.answering {
            Answering::ByLink { url } | Answering::OnPage { url } => Some(url),
            Answering::Here { url, .. } | Answering::NotNow { url } => url.as_deref(),
        }
    }
}

/// Whoever did something, where it was not this server.
#[must_use]
pub fn by(actor: &Actor) -> Option<Vec<Piece>> {
    match actor {
        Actor::Member { email, .. } => Some(one_line(email)),
        Actor::Key { label, .. } => Some(one_line(label)),
        Actor::System => None,
    }
}

/// A text that somebody wrote, where there is room for one line.
#[must_use]
pub fn one_line(text: &str) -> Vec<Piece> {
    glyphs::visible_on_one_line(text).0
}

/// The same, up to so many characters.
#[must_use]
pub fn short_line(text: &str, most: usize) -> Vec<Piece> {
    let mut room = most;
    let mut line = Vec::new();
    for piece in one_line(text) {
        let long = piece.as_str().chars().count();
        if long > room {
            // A mark for a character is shown whole or not at all.
            if let Piece::Text(text) = piece {
                line.push(Piece::Text(text.chars().take(room).collect()));
            }
            line.push(Piece::Sign("…".into()));
            break;
        }
        room -= long;
        line.push(piece);
    }
    line
}

/// Pieces where only text can stand.
#[must_use]
pub fn plain(pieces: &[Piece]) -> String {
    pieces.iter().map(Piece::as_str).collect()
}
