//! The terminal inbox: what it knows, and how news change it. It knows no terminal, no network
//! and no clock; `keys` has what a key does, `view` how it looks, the command the rest.

pub(crate) mod keys;
pub(crate) mod lines;
pub(crate) mod places;
pub(crate) mod view;

#[cfg(test)]
mod stories;

use std::sync::Arc;

use anyhow::Result;
use askfirst_core::{Approval, Status, Timestamp};
use askfirst_server::render::{self, Account};
use serde_json::{Value, json};

use crate::client::CallError;
use crate::terminal::text_of;
use crate::{approval, told};
use lines::Looks;
use places::{Filled, Place};

/// One approval, as it came and as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The server's answer.
    pub(crate) told: Value,
    /// The same as the rules know it.
    pub(crate) approval: Approval,
}

impl Item {
    /// Reads the server's answer.
    pub(crate) fn read(told: Value) -> Result<Self> {
        let approval = told::approval(&told)?;
        Ok(Self { told, approval })
    }

    pub(crate) fn id(&self) -> String {
        self.approval.id.to_string()
    }

    fn is_pending(&self) -> bool {
        self.told["status"] == Status::Pending.as_str()
    }
}

/// What is being done about the approval that is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doing {
    /// It is read.
    Reading,
    /// It is to be said once more: approve, or reject.
    Confirming(Choice),
    /// A place is chosen.
    Choosing(usize),
    /// Something is typed.
    Writing(Pen, String),
    /// It was sent; whether it only asks back.
    Sending(bool),
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

impl Choice {
    /// As the server takes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// What is typed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pen {
    /// What is said with a vote.
    Comment,
    /// What is asked back.
    Question,
    /// What is filled in.
    Place(usize, Place),
}

/// The approval that is read, as it was when it was opened or last changed before the reader's eyes.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// The approval.
    pub(crate) item: Item,
    /// What is shown of it, with this reader's changes.
    pub(crate) account: Account,
    /// The row at the top.
    pub(crate) top: usize,
    /// The row after the last that was in view, where rows are so wide.
    pub(crate) seen: usize,
    /// How wide.
    pub(crate) width: u16,
    /// What is said with a vote.
    pub(crate) comment: String,
    /// What was filled in.
    pub(crate) filled: Filled,
    /// What is being done about it.
    pub(crate) doing: Doing,
}

/// A line that says what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// How it looks.
    pub(crate) good: bool,
    /// What it says.
    pub(crate) text: String,
}

/// What the server has to say.
#[derive(Debug)]
pub(crate) enum News {
    /// What waits for this key.
    Waiting(Vec<Value>),
    /// How the open approval is now.
    One(Value),
    /// The server could not be asked.
    Lost(CallError),
    /// What became of a vote.
    Voted(Result<Value, anyhow::Error>),
}

/// What has to be done outside.
#[derive(Debug, PartialEq)]
pub(crate) enum Effect {
    /// Follow this approval from its version on.
    Follow(String, u64),
    /// Follow none.
    Unfollow,
    /// Send this vote.
    Vote(String, Value),
    /// Look at the list at once.
    Refresh,
    /// End.
    Quit,
}

/// All that the inbox knows.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Whose it is, and where.
    pub(crate) whose: String,
    /// Whether nothing here is real.
    pub(crate) play: bool,
    /// What waits; none until the first look.
    pub(crate) items: Option<Vec<Item>>,
    /// Which of them is selected.
    pub(crate) selected: usize,
    /// The one that is read.
    pub(crate) open: Option<Open>,
    /// What happened last.
    pub(crate) notice: Option<Notice>,
    /// Since when the server is away, and why.
    pub(crate) lost: Option<(Timestamp, String)>,
    /// Whether the keys are explained.
    pub(crate) help: bool,
    /// What time it is.
    pub(crate) now: Timestamp,
    /// Columns and rows.
    pub(crate) size: (u16, u16),
    /// How things look.
    pub(crate) looks: Looks,
}

impl Inbox {
    /// One that has not looked yet.
    pub(crate) fn new(whose: String, play: bool, now: Timestamp, looks: Looks) -> Self {
        Self {
            whose,
            play,
            items: None,
            selected: 0,
            open: None,
            notice: None,
            lost: None,
            help: false,
            now,
            size: (80, 24),
            looks,
        }
    }

    /// Says what happened.
    fn tell(&mut self, good: bool, text: impl Into<String>) {
        self.notice = Some(Notice { good, text: text.into() });
    }

    /// Takes what the server has to say.
    pub(crate) fn hear(&mut self, news: News) -> Vec<Effect> {
        if !matches!(news, News::Lost(_)) && self.lost.take().is_some() {
            self.tell(true, "the server is back");
        }
        match news {
            News::Waiting(all) => self.waiting(all),
            News::One(told) => return self.one(told),
            News::Lost(error) if !error.is_passing() => {
                // Revoked, removed, or another server: it is there and says no.
                let text = error.to_string().replace('\n', " ");
                self.tell(false, text);
            }
            News::Lost(error) => {
                if self.lost.is_none() {
                    self.lost = Some((self.now, error.to_string()));
                }
            }
            News::Voted(answer) => return self.voted(answer),
        }
        Vec::new()
    }

    /// The list, most urgent first, and the selection where it was.
    fn waiting(&mut self, all: Vec<Value>) {
        let held = self.selected_item().map(Item::id);
        let mut items = Vec::new();
        for told in all {
            match Item::read(told) {
                Ok(item) => items.push(item),
                Err(error) => self.tell(false, format!("a request cannot be shown: {error:#}")),
            }
        }
        items.sort_by_key(|item| std::cmp::Reverse(item.approval.priority));
        let place = held.and_then(|id| items.iter().position(|item| item.id() == id));
        self.selected = place.unwrap_or(self.selected).min(items.len().saturating_sub(1));
        self.items = Some(items);
    }

    /// Before the next look says so.
    fn drop_from_list(&mut self, id: &str) {
        if let Some(items) = &mut self.items {
            items.retain(|item| item.id() != id);
            self.selected = self.selected.min(items.len().saturating_sub(1));
        }
    }

    /// The selected approval.
    pub(crate) fn selected_item(&self) -> Option<&Item> {
        self.items.as_ref()?.get(self.selected)
    }

    /// How the open approval is now. What a reader is about to decide is never changed under
    /// their hands: it is shown anew, and has to be decided anew.
    fn one(&mut self, told: Value) -> Vec<Effect> {
        let Some(open) = &mut self.open else { return Vec::new() };
        if open.item.told["id"] != told["id"] || told["version"] == open.item.told["version"] {
            return Vec::new();
        }
        let item = match Item::read(told) {
            Ok(item) => item,
            Err(error) => {
                self.open = None;
                self.tell(false, format!("this request cannot be shown any more: {error:#}"));
                return vec![Effect::Unfollow, Effect::Refresh];
            }
        };
        let sending = matches!(open.doing, Doing::Sending(_));
        if !item.is_pending() {
            if sending {
                // Its own answer says what became of it.
                return Vec::new();
            }
            let told = meanwhile(&item.told);
            self.open = None;
            self.drop_from_list(&item.id());
            self.tell(false, told);
            return vec![Effect::Unfollow, Effect::Refresh];
        }
        let before = render::account(&open.item.approval).to_text();
        let changed = render::account(&item.approval).to_text() != before;
        open.item = item;
        if changed {
            let had_changes = !open.filled.changes.is_empty();
            open.filled.changes.clear();
            open.account = render::account(&open.item.approval);
            (open.top, open.seen) = (0, 0);
            if !sending {
                open.doing = Doing::Reading;
            }
            self.tell(
                false,
                match had_changes {
                    true => "it changed meanwhile, and your own changes are gone: read it again",
                    false => "it changed meanwhile: read it again",
                },
            );
        }
        Vec::new()
    }

    fn voted(&mut self, answer: Result<Value, anyhow::Error>) -> Vec<Effect> {
        match answer {
            Ok(after) => {
                let open = self.open.take();
                let asked_back =
                    open.as_ref().is_some_and(|open| open.doing == Doing::Sending(true));
                if let Some(open) = open.filter(|_| !asked_back) {
                    self.drop_from_list(&open.item.id());
                }
                let text = match after["status"].as_str() {
                    Some("pending") if asked_back => "asked back; the deadline stays".into(),
                    Some("pending") => {
                        format!(
                            "your vote counts; still needed: {}",
                            text_of(&after["remaining"], "words")
                        )
                    }
                    _ => ended(&after),
                };
                self.tell(true, text);
                vec![Effect::Unfollow, Effect::Refresh]
            }
            Err(error) => {
                if let Some(open) = &mut self.open {
                    open.doing = Doing::Reading;
                }
                let call = error.downcast_ref::<CallError>();
                let unknown = call.is_some_and(CallError::is_passing);
                let what = match unknown {
                    true => "it is not known whether your vote was recorded",
                    false => "your vote was not taken",
                };
                self.tell(false, format!("{what}: {error:#}").replace('\n', " "));
                self.follow()
            }
        }
    }

    /// Opens the selected approval.
    pub(crate) fn open_selected(&mut self) -> Vec<Effect> {
        let Some(item) = self.selected_item().cloned() else { return Vec::new() };
        self.notice = None;
        self.open = Some(Open {
            account: render::account(&item.approval),
            item,
            top: 0,
            seen: 0,
            width: 0,
            comment: String::new(),
            filled: Filled::default(),
            doing: Doing::Reading,
        });
        self.follow()
    }

    /// Asks for the open approval, from nothing on: what came with the list may be old.
    fn follow(&self) -> Vec<Effect> {
        let open = self.open.iter();
        open.map(|open| Effect::Follow(open.item.id(), 0)).collect()
    }

    /// What a vote says. The digest is that of the action as it is shown, before changes.
    fn vote(&self, choice: Choice) -> Option<Effect> {
        let open = self.open.as_ref()?;
        let approval = &open.item.approval;
        let said = Some(&open.comment).filter(|comment| !comment.is_empty());
        let mut body = json!({
            "decision": choice.word(),
            "action_digest": approval.action_digest.to_string(),
            "comment": said,
        });
        if choice == Choice::Approve {
            body["edits"] = json!(open.filled.changes);
            body["answer"] = open.filled.answer(approval);
        }
        Some(Effect::Vote(open.item.id(), body))
    }
}

impl Open {
    /// Shows it as this reader changed it.
    fn show_changed(&mut self) -> Result<(), String> {
        let mut approval = self.item.approval.clone();
        let action = places::changed(&approval, &self.filled.changes)?;
        let digest = serde_json::to_value(&action).map_err(|error| error.to_string())?;
        let digest = approval::own_digest(&digest).map_err(|error| error.to_string())?;
        approval.action_digest = digest.parse().map_err(|_| "no digest".to_owned())?;
        approval.action = Arc::new(action);
        self.account = render::account(&approval);
        (self.top, self.seen) = (0, 0);
        Ok(())
    }
}

/// `approved by ana@example.com: fine`.
fn ended(told: &Value) -> String {
    let decision = &told["decision"];
    let by = match text_of(decision, "by").as_str() {
        "system" | "" => String::new(),
        by => format!(" by {by}"),
    };
    let comment = text_of(decision, "comment");
    let comment = if comment.is_empty() { comment } else { format!(": {comment}") };
    format!("{}{by}{comment}", text_of(told, "status"))
}

fn meanwhile(told: &Value) -> String {
    format!("meanwhile {}; you decided nothing", ended(told))
}
