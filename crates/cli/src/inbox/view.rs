//! How the inbox looks: a pure function of what it knows. The account of an approval is the one
//! that pages show; what else is said stands around it, never in it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};
use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use super::lines::{self, Looks, wrapped};
use super::places;
use super::{Choice, Doing, Inbox, Item, Open, Pen};
use crate::approval::{inquiry_line, vote_line};
use crate::terminal::{text_of, visible};

/// Below this nothing can be read.
const SMALLEST: (u16, u16) = (24, 8);
/// From so many rows on, the list has two for each approval.
const TALL: u16 = 16;

const KEYS: [(&str, &str); 12] = [
    ("j k, arrows", "down, up"),
    ("space b, PgDn PgUp", "a screenful down, up"),
    ("g G", "to the beginning, to the end"),
    ("Enter", "open"),
    ("a", "approve; asks once more"),
    ("r", "reject; asks once more"),
    ("m", "ask back"),
    ("c", "write a comment for your vote"),
    ("e", "change it or fill in its form"),
    ("q Esc", "back, and out"),
    ("Ctrl-C", "out"),
    ("?", "this"),
];

/// The parts of the screen, from top to bottom.
struct Parts {
    title: Line<'static>,
    header: Vec<Line<'static>>,
    body: Vec<Line<'static>>,
    top: usize,
    panel: Vec<Line<'static>>,
    footer: Line<'static>,
    room: usize,
}

/// How many rows there are to read, and how many fit.
pub(crate) fn extent(inbox: &Inbox) -> (usize, usize) {
    let parts = parts(inbox);
    (parts.body.len(), parts.room)
}

impl Inbox {
    /// Notes what has been in view.
    pub(crate) fn looked(&mut self) {
        let (rows, room) = extent(self);
        let width = self.size.0;
        if let Some(open) = &mut self.open {
            if std::mem::replace(&mut open.width, width) != width {
                open.seen = 0;
            }
            open.top = open.top.min(rows.saturating_sub(room));
            open.seen = open.seen.max((open.top + room).min(rows));
        }
    }
}

/// Draws everything.
pub(crate) fn draw(inbox: &Inbox, frame: &mut Frame<'_>) {
    let area = frame.area();
    frame.render_widget(Clear, area);
    if inbox.size.0 < SMALLEST.0 || inbox.size.1 < SMALLEST.1 {
        let text = format!("make this at least {} x {}", SMALLEST.0, SMALLEST.1);
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let parts = match inbox.help {
        true => help(inbox),
        false => parts(inbox),
    };
    let mut y = 0;
    let mut put = |lines: Vec<Line<'static>>| {
        for line in lines {
            if y < area.height {
                frame.render_widget(Paragraph::new(line), Rect { y, height: 1, ..area });
                y += 1;
            }
        }
    };
    put(vec![parts.title]);
    put(parts.header);
    let mut shown: Vec<_> = parts.body.into_iter().skip(parts.top).take(parts.room).collect();
    shown.resize(parts.room, Line::default());
    put(shown);
    put(parts.panel);
    put(vec![parts.footer]);
}

fn parts(inbox: &Inbox) -> Parts {
    let width = usize::from(inbox.size.0);
    let mut header = Vec::new();
    if let Some((since, why)) = &inbox.lost {
        let seconds = inbox.now.seconds().saturating_sub(since.seconds()).max(0);
        let first = why.lines().next().unwrap_or_default();
        let text =
            format!("! the server has been away for {}, trying again: {first}", span(seconds));
        header.extend(first_rows(wrapped(&[Line::styled(text, inbox.looks.alarm())], width), 2));
    }
    if let Some(notice) = &inbox.notice {
        let style = if notice.good { inbox.looks.good() } else { inbox.looks.waiting() };
        let sign = if notice.good { "✓ " } else { "! " };
        let line = Line::styled(format!("{sign}{}", notice.text), style);
        header.extend(first_rows(wrapped(&[line], width), 3));
    }
    let (body, panel, keys, top) = match &inbox.open {
        None => {
            let (body, top) = list(inbox, width);
            (body, Vec::new(), "Enter open  ? help  q quit", top)
        }
        Some(open) => {
            header.push(standing(inbox, open, width));
            let keys = match open.doing {
                Doing::Reading => {
                    "a approve  r reject  m ask back  c comment  e edit  ? help  q back"
                }
                Doing::Confirming(_) => "y yes  n no",
                Doing::Choosing(_) => "Enter fill in  a approve  Esc back",
                Doing::Writing(..) => "Enter done  Esc leave it",
                Doing::Sending(_) => "sending…",
            };
            (reading(inbox, open, width), panel(inbox, open, width), keys, open.top)
        }
    };
    let height = usize::from(inbox.size.1);
    let room = height.saturating_sub(2 + header.len() + panel.len());
    let style = Style::new().add_modifier(Modifier::REVERSED);
    let footer = bar(keys, &progress(body.len(), top, room), width, style);
    Parts { title: title(inbox, width), header, top, panel, footer, room, body }
}

fn first_rows(mut rows: Vec<Line<'static>>, most: usize) -> Vec<Line<'static>> {
    rows.truncate(most);
    rows
}

fn title(inbox: &Inbox, width: usize) -> Line<'static> {
    let play = if inbox.play { "nothing here is real" } else { "" };
    let left = format!("Askfirst  {}", inbox.whose);
    bar(&left, play, width, inbox.looks.strong().add_modifier(Modifier::REVERSED))
}

/// Text at both ends of a row.
fn bar(left: &str, right: &str, width: usize, style: Style) -> Line<'static> {
    let room = width.saturating_sub(columns(right) + usize::from(!right.is_empty()));
    let left = cut(left, room);
    let gap = width.saturating_sub(columns(&left) + columns(right));
    Line::styled(format!("{left}{}{right}", " ".repeat(gap)), style)
}

/// Where in the text the screen is.
fn progress(rows: usize, top: usize, room: usize) -> String {
    match rows.saturating_sub(top + room) {
        _ if rows <= room => String::new(),
        0 => "end".into(),
        below => format!("{below} more ↓"),
    }
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// As much of the text as fits, with a sign where it goes on.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if columns(&out) + c.width().unwrap_or(0) + 1 > width {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// The same for text in pieces.
fn cut_spans(spans: Vec<Span<'static>>, width: usize) -> Vec<Span<'static>> {
    let mut left = width;
    let mut kept = Vec::new();
    for span in spans {
        let text = cut(&span.content, left);
        left -= columns(&text).min(left);
        let whole = text == span.content;
        kept.push(Span::styled(text, span.style));
        if !whole {
            break;
        }
    }
    kept
}

/// What waits, and the row from which on it is shown.
fn list(inbox: &Inbox, width: usize) -> (Vec<Line<'static>>, usize) {
    let Some(items) = &inbox.items else {
        return (vec![Line::raw("looking…")], 0);
    };
    if items.is_empty() {
        let lines = [
            Line::styled("Nothing waits for you.", inbox.looks.strong()),
            Line::raw("What is asked appears here by itself."),
        ];
        return (wrapped(&lines, width), 0);
    }
    let tall = inbox.size.1 >= TALL;
    let each = if tall { 2 } else { 1 };
    let mut rows = Vec::new();
    for (index, item) in items.iter().enumerate() {
        row(&mut rows, inbox, item, index == inbox.selected, width, tall);
    }
    let room = usize::from(inbox.size.1).saturating_sub(4).max(each);
    let top = ((inbox.selected + 1) * each).saturating_sub(room);
    (rows, top)
}

fn row(
    rows: &mut Vec<Line<'static>>,
    inbox: &Inbox,
    item: &Item,
    selected: bool,
    width: usize,
    tall: bool,
) {
    let looks = inbox.looks;
    let left = left(inbox, item);
    let mut spans = vec![Span::raw(if selected { "› " } else { "  " })];
    let urgent = match item.told["priority"].as_str() {
        Some("critical") => "CRITICAL ",
        Some("high") => "HIGH ",
        _ => "",
    };
    spans.push(Span::styled(urgent, looks.alarm()));
    spans.extend(lines::visible(&item.approval.action.title, looks));
    let room = width.saturating_sub(columns(&left) + 2);
    let mut spans = cut_spans(spans, room);
    let used: usize = spans.iter().map(|span| columns(&span.content)).sum();
    spans.push(Span::raw(" ".repeat(width.saturating_sub(used + columns(&left)))));
    spans.push(Span::raw(left));
    let marked = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
    let line = Line::from(spans);
    rows.push(if selected { line.patch_style(marked) } else { line });
    if tall {
        let asker = &item.approval.asker;
        let mut about =
            format!("  by {} of {}", visible(&asker.label), visible(&asker.owner_email));
        if let Some(target) = &item.approval.action.target {
            about = format!("{about}, on {}", visible(target));
        }
        rows.push(Line::styled(cut(&about, width), looks.dim()));
    }
}

fn left(inbox: &Inbox, item: &Item) -> String {
    let seconds = item.approval.expires_at.seconds().saturating_sub(inbox.now.seconds());
    if seconds > 0 { span(seconds) } else { "over".into() }
}

/// How much time there is, as pages write it.
fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// One row about what is always to be seen.
fn standing(inbox: &Inbox, open: &Open, width: usize) -> Line<'static> {
    let changed = if open.filled.changes.is_empty() { "" } else { "AS YOU CHANGED IT  " };
    let needed = text_of(&open.item.told["remaining"], "words");
    let text = format!("{changed}{} left  needs {needed}", left(inbox, &open.item));
    Line::styled(cut(&text, width), inbox.looks.waiting())
}

/// The account, and below it what became of the request so far.
fn reading(inbox: &Inbox, open: &Open, width: usize) -> Vec<Line<'static>> {
    let looks = inbox.looks;
    let mut text = lines::account(&open.account, looks);
    let told = &open.item.told;
    let each = |member: &str| told[member].as_array().cloned().unwrap_or_default();
    let mut so_far: Vec<String> = each("votes").iter().map(vote_line).collect();
    so_far.extend(each("inquiries").iter().filter(|one| one["reply"].is_null()).map(inquiry_line));
    so_far.extend(each("looking").iter().map(|look| {
        format!("{} is looking at it, since {}", text_of(&look["by"], "email"), text_of(look, "at"))
    }));
    if !so_far.is_empty() {
        text.push(Line::default());
        text.push(Line::styled("SO FAR", looks.strong().add_modifier(Modifier::UNDERLINED)));
        text.extend(so_far.into_iter().map(Line::raw));
    }
    let mut yours: Vec<String> = Vec::new();
    if !open.comment.is_empty() {
        yours.push(format!("Comment: {}", visible(&open.comment)));
    }
    let answer = open.filled.answer(&open.item.approval);
    if answer.as_object().is_none_or(|members| !members.is_empty()) && answer != Value::Null {
        yours.push(format!("Filled in: {}", visible(&answer.to_string())));
    }
    if !yours.is_empty() {
        text.push(Line::default());
        text.push(Line::styled("YOUR VOTE", looks.strong().add_modifier(Modifier::UNDERLINED)));
        text.extend(yours.into_iter().map(Line::raw));
    }
    wrapped(&text, width)
}

/// What is asked of the reader, below the text.
fn panel(inbox: &Inbox, open: &Open, width: usize) -> Vec<Line<'static>> {
    let looks = inbox.looks;
    let most = usize::from(inbox.size.1 / 2);
    let lines = match &open.doing {
        Doing::Reading | Doing::Sending(_) => return Vec::new(),
        Doing::Confirming(choice) => confirm(inbox, open, *choice, width),
        Doing::Choosing(at) => {
            let approval = &open.item.approval;
            let places = places::all(approval);
            let from = (at + 2).saturating_sub(most);
            let shown = places.iter().enumerate().skip(from).map(|(index, place)| {
                let sign = if index == *at { "› " } else { "  " };
                let value = visible(&place.value(approval, &open.filled));
                let text = format!("{sign}{}: {value}", visible(&place.label(approval)));
                let style = if index == *at { looks.strong() } else { Style::new() };
                Line::styled(cut(&text, width), style)
            });
            shown.collect()
        }
        Doing::Writing(pen, text) => write(open, pen, text, looks, width),
    };
    let mut rows = vec![Line::styled("─".repeat(width), looks.dim())];
    rows.extend(lines.into_iter().take(most));
    rows
}

fn confirm(inbox: &Inbox, open: &Open, choice: Choice, width: usize) -> Vec<Line<'static>> {
    let looks = inbox.looks;
    let (word, style) = match choice {
        Choice::Approve => ("APPROVE this?", looks.good()),
        Choice::Reject => ("REJECT this?", looks.alarm()),
    };
    let mut lines = vec![Line::styled(word, style)];
    let unseen = reading(inbox, open, width).len().saturating_sub(open.seen);
    if unseen > 0 {
        let text = format!("! {unseen} rows of it were not on this screen yet");
        lines.push(Line::styled(text, looks.waiting()));
    }
    if !open.filled.changes.is_empty() && choice == Choice::Reject {
        lines.push(Line::raw("Your changes are not sent along."));
    }
    // The digest of what is shown, changes and all.
    let digest = open.account.sections.iter().flat_map(|section| &section.fields);
    let digest = digest.into_iter().find(|field| {
        field.label.iter().map(|piece| piece.as_str()).collect::<String>() == "Digest"
    });
    if let Some(line) = digest.and_then(|field| field.lines.first()) {
        let text: String = line.iter().map(|piece| piece.as_str()).collect();
        lines.push(Line::styled(cut(&text, width), looks.dim()));
    }
    if !open.comment.is_empty() {
        lines.push(Line::raw(cut(&format!("with: {}", visible(&open.comment)), width)));
    }
    lines
}

fn write(open: &Open, pen: &Pen, text: &str, looks: Looks, width: usize) -> Vec<Line<'static>> {
    let approval = &open.item.approval;
    let (what, hint) = match pen {
        Pen::Comment => ("What do you say with your vote?".to_owned(), String::new()),
        Pen::Question => ("What do you want to know?".to_owned(), String::new()),
        Pen::Place(_, place) => (visible(&place.label(approval)), visible(&place.hint(approval))),
    };
    let mut lines = vec![Line::styled(cut(&what, width), looks.strong())];
    if !hint.is_empty() {
        lines.push(Line::styled(cut(&hint, width), looks.dim()));
    }
    // The end is where one types.
    let shown = visible(text);
    let mut tail: Vec<char> = shown.chars().collect();
    while tail.iter().map(|c| c.width().unwrap_or(0)).sum::<usize>() + 3 > width {
        tail.remove(0);
    }
    let tail: String = tail.into_iter().collect();
    let cursor = Span::styled(" ", Style::new().add_modifier(Modifier::REVERSED));
    lines.push(Line::from(vec![Span::raw("> "), Span::raw(tail), cursor]));
    lines
}

fn help(inbox: &Inbox) -> Parts {
    let width = usize::from(inbox.size.0);
    let height = usize::from(inbox.size.1);
    let body = KEYS.iter().map(|(key, what)| {
        Line::from(vec![
            Span::styled(format!("{key:<20}"), inbox.looks.strong()),
            Span::raw((*what).to_owned()),
        ])
    });
    let style = Style::new().add_modifier(Modifier::REVERSED);
    Parts {
        title: title(inbox, width),
        header: Vec::new(),
        body: body.collect(),
        top: 0,
        panel: Vec::new(),
        footer: bar("any key goes on", "", width, style),
        room: height.saturating_sub(2),
    }
}
