//! A card as a message: HTML in which nothing but our own tags is one, and buttons that carry no
//! more than a token.

use askfirst_core::{ChatAccount, Locale, OutcomeStatus, Status, VoteDecision};
use serde_json::{Value as Json, json};

use super::super::card::{
    Afterwards, Answering, Asked, Card, Digest, Ended, Occasion, Parted, Parting, What, plain,
    short_line,
};
use super::super::wording::{Value, say};
use crate::render::{Kind, Piece, moment};

/// What a message holds, in UTF-16 units of what is seen of it.
const LONGEST: usize = 4_096;
/// Characters of what something is called.
const LONGEST_TITLE: usize = 200;
/// Answers of others that are named.
const MOST_ANSWERS: usize = 8;
/// Characters of who gave them.
const LONGEST_WHO: usize = 64;

/// What a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Says yes.
    Approve,
    /// Says no.
    Reject,
    /// Says yes, with words that are asked for then.
    ApproveSaying,
    /// Says no, with words that are asked for then.
    RejectSaying,
    /// Asks back, in words that are asked for then.
    AskBack,
}

/// Characters of the token that follows the letter: with it, 44 of the 64 bytes that a button holds.
pub const TOKEN_LENGTH: usize = 43;

impl Press {
    /// Every one of them.
    pub const ALL: [Self; 5] =
        [Self::Approve, Self::Reject, Self::ApproveSaying, Self::RejectSaying, Self::AskBack];

    /// The letter that stands before the token.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Approve => 'a',
            Self::Reject => 'r',
            Self::ApproveSaying => 'A',
            Self::RejectSaying => 'R',
            Self::AskBack => 'q',
        }
    }

    /// What a button was made for, and its token; none if this is none of ours.
    #[must_use]
    pub fn read(data: &str) -> Option<(Self, &str)> {
        let mut letters = data.chars();
        let letter = letters.next()?;
        let press = Self::ALL.into_iter().find(|press| press.letter() == letter)?;
        let token = letters.as_str();
        (token.len() == TOKEN_LENGTH).then_some((press, token))
    }

    /// What is stored of it while words are waited for.
    #[must_use]
    pub fn stored(self) -> String {
        self.letter().into()
    }

    /// Back from that.
    #[must_use]
    pub fn of_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|press| press.stored() == text)
    }
}

/// Of a text what HTML would take for its own, written so that it does not.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Somebody's name, so that they notice, before what is said to them.
pub(super) fn mention(account: &ChatAccount) -> String {
    format!("<a href=\"tg://user?id={}\">{}</a>: ", account.id, escaped(&cut(&account.name, 64)))
}

/// How long a text is where it is shown.
pub(super) fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// As much of a text as there is room for, with a sign that there was more.
pub(super) fn cut(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut room = most.saturating_sub(1);
    let fits = text.chars().take_while(|c| {
        let fits = c.len_utf16() <= room;
        room = room.saturating_sub(c.len_utf16());
        fits
    });
    let mut kept: String = fits.collect();
    kept.push('…');
    kept
}

/// The text of a message, as it grows.
#[derive(Default)]
struct Text {
    html: String,
    used: usize,
}

impl Text {
    /// A paragraph, in one of our tags or none.
    fn add(&mut self, tag: &str, text: &str) {
        self.part(tag, text, "\n\n");
    }

    /// The same on the next line.
    fn line(&mut self, tag: &str, text: &str) {
        self.part(tag, text, "\n");
    }

    fn part(&mut self, tag: &str, text: &str, gap: &str) {
        let gap = if self.html.is_empty() { "" } else { gap };
        let room = LONGEST.saturating_sub(self.used + gap.len());
        if room == 0 || text.is_empty() {
            return;
        }
        let text = cut(text, room);
        self.used += gap.len() + length(&text);
        self.html.push_str(gap);
        let text = escaped(&text);
        match tag {
            "" => self.html.push_str(&text),
            tag => self.html.push_str(&format!("<{tag}>{text}</{tag}>")),
        }
    }
}

fn text_of(lines: &[Vec<Piece>]) -> String {
    lines.iter().map(|line| plain(line)).collect::<Vec<_>>().join("\n")
}

/// A message without its chat.
pub(super) fn write(card: &Card) -> Json {
    let mut text = Text::default();
    if card.trial {
        text.add("i", &say(card.locale, "trial", &[]));
    }
    let keyboard = match &card.what {
        What::Asked(asked) => asking(&mut text, card.locale, asked),
        What::Ended(ended) => ending(&mut text, card.locale, ended),
        What::Afterwards(after) => following(&mut text, card.locale, after),
        What::Digest(digest) => digesting(&mut text, card.locale, digest),
        What::Test { workspace } => {
            let workspace = plain(workspace);
            let named = [("workspace", Value::Text(&workspace))];
            text.add("", &say(card.locale, "chat-test", &named));
            Vec::new()
        }
    };
    message(text, keyboard)
}

/// What a card says once another one stands for it.
pub(super) fn superseded(card: &Card) -> Json {
    let mut text = Text::default();
    if let What::Asked(asked) = &card.what {
        text.add("b", &cut(&plain(&asked.title), LONGEST_TITLE));
    }
    text.add("", &say(card.locale, "chat-superseded", &[]));
    message(text, Vec::new())
}

/// What a card says once the bot is taken out of use, or the account is nobody's any more.
pub(super) fn parting(parting: &Parting) -> Json {
    let mut text = Text::default();
    let locale = parting.locale;
    if parting.trial {
        text.add("i", &say(locale, "trial", &[]));
    }
    let title = cut(&plain(&parting.title), LONGEST_TITLE);
    let subject = parting.ended.map(|status| {
        let status = ("status", Value::Text(status.as_str()));
        say(locale, "subject-ended", &[status, ("title", Value::Text(&title))])
    });
    text.add("b", &subject.unwrap_or(title));
    let why = match parting.why {
        Parted::Removed => "chat-parted",
        Parted::Unlinked => "chat-unlinked",
        Parted::Room => "chat-room-parted",
    };
    text.add("", &say(locale, why, &[]));
    if parting.wanted {
        text.add("", &say(locale, "chat-parted-wanted", &[]));
    }
    let keyboard = opens(&mut text, say(locale, "chat-open", &[]), parting.page.as_deref());
    message(text, keyboard)
}

fn message(text: Text, keyboard: Vec<Vec<Json>>) -> Json {
    let mut message = json!({
        "text": text.html,
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
    });
    if !keyboard.is_empty() {
        message["reply_markup"] = json!({ "inline_keyboard": keyboard });
    }
    message
}

/// A button that opens a page; none where the provider would refuse its address, which stands in
/// the text then.
fn opens(text: &mut Text, label: String, url: Option<&str>) -> Vec<Vec<Json>> {
    let Some(url) = url else { return Vec::new() };
    let parsed = url::Url::parse(url).ok();
    let named = parsed.as_ref().and_then(url::Url::domain);
    let plain = named.is_some_and(|name| !name.contains('.') || name.ends_with(".localhost"));
    if plain || url.contains("://[") {
        text.add("", &format!("{label}: {url}"));
        return Vec::new();
    }
    vec![vec![json!({ "text": label, "url": url })]]
}

fn asking(text: &mut Text, locale: Locale, asked: &Asked) -> Vec<Vec<Json>> {
    let intro = match (asked.occasion, asked.answering.is_open_to_all()) {
        (Occasion::New | Occasion::Progress, false) => "chat-asked",
        (Occasion::New | Occasion::Progress, true) => "chat-asked-all",
        (Occasion::Changed, false) => "chat-changed",
        (Occasion::Changed, true) => "chat-changed-all",
        (Occasion::Reminder, false) => "chat-reminder",
        (Occasion::Reminder, true) => "chat-reminder-all",
    };
    let over = matches!(asked.answering, Answering::NotNow { .. });
    text.add("b", &say(locale, if over { "chat-not-now" } else { intro }, &[]));
    for section in &asked.account.sections {
        let heading = match section.kind {
            Kind::Caution => format!("⚠️ {}", section.heading),
            _ => section.heading.to_owned(),
        };
        text.add("b", &heading);
        text.line("pre", section.body().trim_end());
    }
    so_far(text, locale, asked);
    if asked.hidden > 0 {
        let hidden = [("hidden", Value::Count(asked.hidden))];
        text.add("b", &say(locale, "chat-not-whole", &hidden));
    }
    let until = moment(asked.deadline);
    text.add("", &say(locale, "deadline", &[("moment", Value::Text(&until))]));
    let button = |press: Press, token: &str, key: &str, style: Option<&str>| {
        let mut button = json!({
            "text": say(locale, key, &[]),
            "callback_data": format!("{}{token}", press.letter()),
        });
        if let Some(style) = style {
            button["style"] = style.into();
        }
        button
    };
    let mut keyboard = Vec::new();
    // What was pressed is only suggested there: the page asks whether it was meant.
    if let Some(url) = asked.buttons() {
        let mut row = Vec::new();
        for (key, what, style) in
            [("chat-approve", "approve", "success"), ("chat-reject", "reject", "danger")]
        {
            let url = format!("{url}?suggest={what}");
            let buttons = opens(text, say(locale, key, &[]), Some(&url)).into_iter().flatten();
            row.extend(buttons.map(|mut button| {
                button["style"] = style.into();
                button
            }));
        }
        keyboard.extend((!row.is_empty()).then_some(row));
    }
    if let Answering::Here { token, approves, .. } = &asked.answering {
        let reject = button(Press::Reject, token, "chat-reject", Some("danger"));
        let why = button(Press::RejectSaying, token, "chat-reject-saying", None);
        if *approves {
            let approve = button(Press::Approve, token, "chat-approve", Some("success"));
            keyboard.push(vec![approve, reject]);
            let with = button(Press::ApproveSaying, token, "chat-approve-saying", None);
            keyboard.push(vec![with, why]);
        } else {
            text.add("", &say(locale, "chat-on-page", &[]));
            let page = opens(text, say(locale, "chat-approve-on-page", &[]), asked.page());
            keyboard.extend(page);
            keyboard.push(vec![reject, why]);
        }
        keyboard.push(vec![button(Press::AskBack, token, "chat-ask-back", None)]);
        if !*approves {
            return keyboard;
        }
    }
    keyboard.extend(opens(text, say(locale, "chat-open", &[]), asked.page()));
    keyboard
}

fn so_far(text: &mut Text, locale: Locale, asked: &Asked) {
    let left_out = asked.so_far.len().saturating_sub(MOST_ANSWERS);
    let mut lines = Vec::new();
    if left_out > 0 {
        lines.push(say(locale, "chat-more-answers", &[("count", Value::Count(left_out))]));
    }
    for said in &asked.so_far[left_out..] {
        let who = cut(&plain(&said.who), LONGEST_WHO);
        let key = match said.decision {
            VoteDecision::Approve => "chat-approved-by",
            VoteDecision::Reject => "chat-rejected-by",
        };
        lines.push(say(locale, key, &[("who", Value::Text(&who))]));
    }
    text.add("", &lines.join("\n"));
}

fn ending(text: &mut Text, locale: Locale, ended: &Ended) -> Vec<Vec<Json>> {
    let sign = match ended.status {
        Status::Approved => "✅",
        Status::Rejected => "❌",
        Status::Expired => "⌛",
        Status::Cancelled | Status::Pending => "🚫",
    };
    let title = cut(&plain(&ended.title), LONGEST_TITLE);
    let status = ("status", Value::Text(ended.status.as_str()));
    let subject = say(locale, "subject-ended", &[status, ("title", Value::Text(&title))]);
    text.add("b", &format!("{sign} {subject}"));
    decided_by(text, locale, ended.by.as_deref(), &moment(ended.at));
    if let Some(who) = &ended.taken_back {
        let who = cut(&plain(who), LONGEST_WHO);
        text.add("b", &say(locale, "chat-taken-back", &[("who", Value::Text(&who))]));
    }
    if !ended.comment.is_empty() {
        text.add("", &format!("{}:", say(locale, "comment", &[])));
        text.line("pre", &cut(&text_of(&ended.comment), 2_500));
    }
    opens(text, say(locale, "chat-open", &[]), Some(&ended.page))
}

fn decided_by(text: &mut Text, locale: Locale, by: Option<&[Piece]>, at: &str) {
    let Some(by) = by else { return };
    let who = cut(&plain(by), LONGEST_WHO);
    let who = [("who", Value::Text(&who)), ("moment", Value::Text(at))];
    text.add("", &say(locale, "ended-by", &who));
}

fn following(text: &mut Text, locale: Locale, after: &Afterwards) -> Vec<Vec<Json>> {
    let (title, at) = (cut(&plain(&after.title), LONGEST_TITLE), moment(after.at));
    let title = ("title", Value::Text(&title));
    let at = ("moment", Value::Text(&at));
    match &after.report {
        None => {
            let subject = say(locale, "subject-claimed", &[title]);
            text.add("b", &format!("▶️ {subject}"));
            text.add("", &say(locale, "claimed", &[at]));
        }
        Some(report) => {
            let (sign, status) = match report.status {
                OutcomeStatus::Succeeded => ("✅", "succeeded"),
                OutcomeStatus::Failed => ("⚠️", "failed"),
            };
            let status = ("status", Value::Text(status));
            let subject = say(locale, "subject-reported", &[status, title]);
            text.add("b", &format!("{sign} {subject}"));
            text.add("", &say(locale, "reported", &[status, at]));
            if !report.words.is_empty() {
                text.add("", &format!("{}:", say(locale, "report", &[])));
                text.line("pre", &cut(&text_of(&report.words), 2_500));
            }
            if report.hidden > 0 {
                let hidden = [("hidden", Value::Count(report.hidden))];
                text.add("", &say(locale, "report-cut", &hidden));
            }
        }
    }
    if let Some(by) = &after.by {
        let who = cut(&plain(by), LONGEST_WHO);
        text.add("", &say(locale, "chat-approved-by", &[("who", Value::Text(&who))]));
    }
    opens(text, say(locale, "chat-open", &[]), Some(&after.page))
}

fn digesting(text: &mut Text, locale: Locale, digest: &Digest) -> Vec<Vec<Json>> {
    let count = [("count", Value::Count(digest.count))];
    text.add("b", &say(locale, "subject-digest", &count));
    text.add("", &say(locale, "digest", &[]));
    let mut named = 0;
    for item in &digest.items {
        let until = moment(item.deadline);
        let title = cut(&plain(&short_line(&plain(&item.title), 60)), 60);
        let until = say(locale, "digest-until", &[("moment", Value::Text(&until))]);
        let line = format!("• {title} ({until})\n{}", item.page);
        // An address that is cut leads nowhere.
        if text.used + length(&line) > LONGEST - 200 {
            break;
        }
        text.add("", &line);
        named += 1;
    }
    let more = digest.count.saturating_sub(named);
    if more > 0 {
        text.add("", &say(locale, "digest-more", &[("more", Value::Count(more))]));
    }
    opens(text, say(locale, "digest-inbox", &[]), digest.inbox.as_deref())
}
