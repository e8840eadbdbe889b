//! A card as a mail: plain text that is complete by itself, and the same with buttons. Nothing in
//! it is loaded from anywhere.

use std::time::{Duration, SystemTime};

use askama::Template;
use askfirst_core::{Locale, NoticeId, OutcomeStatus, Timestamp};
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::super::card::{
    Afterwards, Answering, Asked, Card, Digest, Ended, Occasion, What, plain,
};
use super::super::wording::{Value, say};
use super::{Blame, Failure};
use crate::render::{Account, CONTINUED, Piece, moment};

/// The name that mail comes from.
const US: &str = "Askfirst";

/// What both halves of a mail show.
#[derive(Template)]
#[template(path = "mail.html")]
struct Letter<'a> {
    locale: &'static str,
    trial: Option<String>,
    intro: String,
    account: Option<&'a Account>,
    not_whole: Option<String>,
    deadline: Option<String>,
    by: Option<String>,
    comment: Option<(String, &'a [Vec<Piece>])>,
    cut: Option<String>,
    items: Vec<Line<'a>>,
    more: Option<String>,
    choices: Option<Choices>,
    page: Option<(String, &'a str)>,
    keep: Option<String>,
    footer: String,
}

/// One of several questions: its name, until when, and where it is.
struct Line<'a> {
    title: &'a [Piece],
    until: String,
    label: String,
    page: &'a str,
}

/// The two buttons.
struct Choices {
    approve: (String, String),
    reject: (String, String),
}

/// Writes a card as a mail from `from`, of the server called `host` whose pages are at `server`.
pub(super) fn write(card: &Card, from: &str, host: &str, server: &str) -> Result<Message, Failure> {
    let lasting = |what: &str, error: &dyn std::fmt::Display| Failure {
        why: format!("{what} cannot stand in a mail: {error}"),
        blame: Blame::ForGood,
    };
    let spelled = spelled(card, server).map_err(|error| lasting("the card", &error))?;
    let mailbox = |name: Option<&str>, address: &str| {
        let read = address.parse().map_err(|error| lasting(address, &error))?;
        Ok::<_, Failure>(Mailbox::new(name.map(str::to_owned), read))
    };
    let mut mail = Message::builder()
        .from(mailbox(Some(US), from)?)
        .to(mailbox(None, &card.to)?)
        .subject(spelled.subject)
        .date(clock(card.at))
        .message_id(Some(message_id(card.id, host)));
    if let Some(first) = card.follows.clone() {
        mail = mail.in_reply_to(first.clone()).references(first);
    }
    // Away notes and list servers leave alone what says so (RFC 3834).
    for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
    {
        let name = HeaderName::new_from_ascii_str(name);
        mail = mail.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let part = |kind: ContentType, text: String| SinglePart::builder().header(kind).body(text);
    let parts = MultiPart::alternative()
        .boundary(format!("askfirst-{}", card.id))
        .singlepart(part(ContentType::TEXT_PLAIN, spelled.text))
        .singlepart(part(ContentType::TEXT_HTML, spelled.html));
    mail.multipart(parts).map_err(|error| lasting("the card", &error))
}

/// What a mail says.
pub(super) struct Spelled {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// A card in words.
pub(super) fn spelled(card: &Card, server: &str) -> askama::Result<Spelled> {
    let (subject, letter) = letter(card, server);
    Ok(Spelled { subject, text: letter.to_text(), html: letter.render()? })
}

/// What a mail is known by, which its answers and what follows it refer to.
pub(super) fn message_id(id: NoticeId, host: &str) -> String {
    // An address stands in brackets there (RFC 5322, 3.6.4).
    match host.parse::<std::net::IpAddr>() {
        Ok(_) => format!("<{id}@[{host}]>"),
        Err(_) => format!("<{id}@{host}>"),
    }
}

fn clock(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.seconds()).unwrap_or(0))
}

fn letter<'a>(card: &'a Card, server: &str) -> (String, Letter<'a>) {
    let locale = card.locale;
    let text = |key, values: &[(&str, Value<'_>)]| say(locale, key, values);
    let footer = [("server", Value::Text(server)), ("address", Value::Text(&card.to))];
    let empty = Letter {
        locale: locale.as_str(),
        trial: card.trial.then(|| text("trial", &[])),
        intro: String::new(),
        account: None,
        not_whole: None,
        deadline: None,
        by: None,
        comment: None,
        cut: None,
        items: Vec::new(),
        more: None,
        choices: None,
        page: None,
        keep: None,
        footer: text("footer", &footer),
    };
    match &card.what {
        What::Asked(asked) => asking(locale, asked, empty),
        What::Ended(ended) => ending(locale, ended, empty),
        What::Afterwards(afterwards) => following(locale, afterwards, empty),
        What::Digest(digest) => digesting(locale, digest, empty),
        What::Test { workspace } => {
            let workspace = plain(workspace);
            let named = [("workspace", Value::Text(&workspace))];
            (text("subject-test", &named), Letter { intro: text("test", &named), ..empty })
        }
    }
}

fn asking<'a>(locale: Locale, asked: &'a Asked, empty: Letter<'a>) -> (String, Letter<'a>) {
    let title = plain(&asked.title);
    let title = [("title", Value::Text(&title))];
    let choices = asked.buttons().map(|url| Choices {
        approve: (say(locale, "approve", &[]), format!("{url}?suggest=approve")),
        reject: (say(locale, "reject", &[]), format!("{url}?suggest=reject")),
    });
    let (subject, intro) = match (asked.occasion, &choices) {
        (Occasion::New, Some(_)) => ("subject-asked", "asked"),
        (Occasion::Changed, Some(_)) => ("subject-changed", "changed"),
        (Occasion::Reminder | Occasion::Progress, Some(_)) => ("subject-reminder", "reminder"),
        (Occasion::New, None) => ("subject-asked", "asked-on-page"),
        (Occasion::Changed, None) => ("subject-changed", "changed-on-page"),
        (Occasion::Reminder | Occasion::Progress, None) => ("subject-reminder", "reminder-on-page"),
    };
    let until = moment(asked.deadline);
    let hidden = [("hidden", Value::Count(asked.hidden))];
    let by_link = matches!(asked.answering, Answering::ByLink { .. });
    let letter = Letter {
        intro: say(locale, intro, &[]),
        account: Some(&asked.account),
        not_whole: (asked.hidden > 0).then(|| say(locale, "not-whole", &hidden)),
        deadline: Some(say(locale, "deadline", &[("moment", Value::Text(&until))])),
        page: choices
            .is_none()
            .then(|| asked.page())
            .flatten()
            .map(|page| (say(locale, "look", &[]), page)),
        choices,
        keep: by_link.then(|| say(locale, "keep", &[])),
        ..empty
    };
    (say(locale, subject, &title), letter)
}

fn ending<'a>(locale: Locale, ended: &'a Ended, empty: Letter<'a>) -> (String, Letter<'a>) {
    let title = plain(&ended.title);
    let status = ("status", Value::Text(ended.status.as_str()));
    let by = ended.by.as_deref().map(|who| {
        let (who, at) = (plain(who), moment(ended.at));
        say(locale, "ended-by", &[("who", Value::Text(&who)), ("moment", Value::Text(&at))])
    });
    let comment = (!ended.comment.is_empty())
        .then(|| (say(locale, "comment", &[]), ended.comment.as_slice()));
    let letter = Letter {
        intro: say(locale, "ended", &[status]),
        by,
        comment,
        page: Some((say(locale, "see", &[]), &ended.page)),
        ..empty
    };
    (say(locale, "subject-ended", &[status, ("title", Value::Text(&title))]), letter)
}

fn following<'a>(locale: Locale, after: &'a Afterwards, empty: Letter<'a>) -> (String, Letter<'a>) {
    let (title, at) = (plain(&after.title), moment(after.at));
    let title = ("title", Value::Text(&title));
    let at = ("moment", Value::Text(&at));
    let page = Some((say(locale, "see", &[]), &*after.page));
    let Some(report) = &after.report else {
        let intro = say(locale, "claimed", &[at]);
        return (say(locale, "subject-claimed", &[title]), Letter { intro, page, ..empty });
    };
    let status = match report.status {
        OutcomeStatus::Succeeded => "succeeded",
        OutcomeStatus::Failed => "failed",
    };
    let status = ("status", Value::Text(status));
    let hidden = [("hidden", Value::Count(report.hidden))];
    let words =
        (!report.words.is_empty()).then(|| (say(locale, "report", &[]), report.words.as_slice()));
    let letter = Letter {
        intro: say(locale, "reported", &[status, at]),
        comment: words,
        cut: (report.hidden > 0).then(|| say(locale, "report-cut", &hidden)),
        page,
        ..empty
    };
    (say(locale, "subject-reported", &[status, title]), letter)
}

fn digesting<'a>(locale: Locale, digest: &'a Digest, empty: Letter<'a>) -> (String, Letter<'a>) {
    let count = [("count", Value::Count(digest.count))];
    let line = |item: &'a super::super::card::Item| {
        let until = moment(item.deadline);
        Line {
            title: &item.title,
            until: say(locale, "digest-until", &[("moment", Value::Text(&until))]),
            label: say(locale, "look", &[]),
            page: &item.page,
        }
    };
    let more = digest.count.saturating_sub(digest.items.len());
    let letter = Letter {
        intro: say(locale, "digest", &[]),
        items: digest.items.iter().map(line).collect(),
        more: (more > 0).then(|| say(locale, "digest-more", &[("more", Value::Count(more))])),
        page: digest.inbox.as_deref().map(|inbox| (say(locale, "digest-inbox", &[]), inbox)),
        keep: digest.inbox.is_none().then(|| say(locale, "keep", &[])),
        ..empty
    };
    (say(locale, "subject-digest", &count), letter)
}

impl Letter<'_> {
    /// The half that is complete by itself.
    fn to_text(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.trial.clone());
        parts.push(self.intro.clone());
        parts.extend(self.account.map(|account| account.to_text().trim_end().to_owned()));
        parts.extend(self.not_whole.clone());
        parts.extend(self.deadline.clone());
        parts.extend(self.by.clone());
        if let Some((label, lines)) = &self.comment {
            // So that nobody's words look like a line of ours.
            let lines: Vec<_> =
                lines.iter().map(|line| format!("{CONTINUED}{}", plain(line))).collect();
            parts.push(format!("{label}:\n{}", lines.join("\n")));
        }
        parts.extend(self.cut.clone());
        for item in &self.items {
            let Line { title, until, page, .. } = item;
            parts.push(format!("- {} ({until})\n  {page}", plain(title)));
        }
        parts.extend(self.more.clone());
        if let Some(choices) = &self.choices {
            for (label, url) in [&choices.approve, &choices.reject] {
                parts.push(format!("{label}\n{url}"));
            }
        }
        if let Some((label, url)) = &self.page {
            parts.push(format!("{label}\n{url}"));
        }
        let foot = self.keep.iter().chain([&self.footer]).map(String::as_str);
        parts.push(format!("-- \n{}", foot.collect::<Vec<_>>().join("\n")));
        let mut text = parts.join("\n\n");
        text.push('\n');
        text
    }
}
