//! What is read on a terminal, line by line: the account as pages show it, in as many rows as the
//! width takes. A row that goes on with the line before starts with a mark of its own, so that
//! nothing an agent wrote can pass for a line of ours.

use askfirst_server::render::glyphs::visible_on_one_line;
use askfirst_server::render::{Account, CONTINUED, Field, Kind, Piece, Section, WARNING};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar;

/// What a row starts with that goes on with the line before.
pub(crate) const GOES_ON: &str = "↪ ";

/// How things look; without colours, weight and underlining say the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    /// Whether colours are wanted.
    pub(crate) colours: bool,
}

impl Looks {
    fn tinted(self, style: Style, colour: Color) -> Style {
        if self.colours { style.fg(colour) } else { style }
    }

    /// For what has to be seen.
    pub(crate) fn alarm(self) -> Style {
        self.tinted(Style::new().add_modifier(Modifier::BOLD), Color::Red)
    }

    /// For what went well.
    pub(crate) fn good(self) -> Style {
        self.tinted(Style::new().add_modifier(Modifier::BOLD), Color::Green)
    }

    /// For what waits.
    pub(crate) fn waiting(self) -> Style {
        self.tinted(Style::new().add_modifier(Modifier::BOLD), Color::Yellow)
    }

    /// For what comes second.
    pub(crate) const fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// For headings and titles.
    pub(crate) const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn escape(self) -> Style {
        self.alarm().add_modifier(Modifier::REVERSED)
    }
}

/// Somebody else's text on one line, made visible.
pub(crate) fn visible(text: &str, looks: Looks) -> Vec<Span<'static>> {
    pieces(&visible_on_one_line(text).0, Style::new(), looks)
}

fn pieces(list: &[Piece], plain: Style, looks: Looks) -> Vec<Span<'static>> {
    let span = |piece: &Piece| {
        let style = match piece {
            Piece::Text(_) => plain,
            Piece::Escape(_) => looks.escape(),
            Piece::Sign(_) => looks.dim(),
        };
        Span::styled(piece.as_str().to_owned(), style)
    };
    list.iter().map(span).collect()
}

/// The account's text, line by line, as it is kept with a vote on a page.
pub(crate) fn account(account: &Account, looks: Looks) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, section) in account.sections.iter().enumerate() {
        if index > 0 {
            lines.push(Line::default());
        }
        add_section(&mut lines, section, looks);
    }
    lines
}

fn add_section(lines: &mut Vec<Line<'static>>, section: &Section, looks: Looks) {
    let heading = match section.kind {
        Kind::Caution => looks.alarm(),
        _ => looks.strong(),
    };
    lines.push(Line::styled(section.heading, heading.add_modifier(Modifier::UNDERLINED)));
    for field in &section.fields {
        add_field(lines, field, looks);
    }
    if let Some(closing) = section.closing {
        lines.push(Line::styled(closing, looks.strong()));
    }
}

fn add_field(lines: &mut Vec<Line<'static>>, field: &Field, looks: Looks) {
    let margin = field.margin();
    let value = if field.title { looks.strong() } else { Style::new() };
    let mut spans = vec![Span::raw(margin.clone())];
    spans.extend(pieces(&field.label, looks.dim(), looks));
    if let Some(note) = &field.note {
        spans.push(Span::styled(format!(" ({note})"), looks.dim()));
    }
    spans.push(Span::styled(":", looks.dim()));
    for (index, line) in field.lines.iter().enumerate() {
        if index == 0 {
            spans.push(Span::raw(" "));
        } else {
            lines.push(Line::from(std::mem::take(&mut spans)));
            spans.push(Span::raw(margin.clone()));
            spans.push(Span::styled(CONTINUED, looks.dim()));
        }
        spans.extend(pieces(line, value, looks));
    }
    lines.push(Line::from(spans));
    for warning in &field.warnings {
        let text = format!("{margin}{WARNING}{warning}");
        lines.push(Line::styled(text, looks.waiting()));
    }
}

/// The same in rows of at most `width` columns.
pub(crate) fn wrapped(lines: &[Line<'static>], width: usize) -> Vec<Line<'static>> {
    let mut rows = Vec::new();
    for line in lines {
        let mut row = Row::default();
        for span in &line.spans {
            let style = line.style.patch(span.style);
            for c in span.content.chars() {
                let wide = c.width().unwrap_or(0);
                if row.width + wide > width && row.width > 0 {
                    rows.push(std::mem::take(&mut row).into_line());
                    if width > 8 {
                        for mark in GOES_ON.chars() {
                            row.push(mark, 1, Style::new().add_modifier(Modifier::DIM));
                        }
                    }
                }
                row.push(c, wide, style);
            }
        }
        rows.push(row.into_line());
    }
    rows
}

#[derive(Default)]
struct Row {
    spans: Vec<(String, Style)>,
    width: usize,
}

impl Row {
    fn push(&mut self, c: char, wide: usize, style: Style) {
        match self.spans.last_mut() {
            Some((text, same)) if *same == style => text.push(c),
            _ => self.spans.push((c.into(), style)),
        }
        self.width += wide;
    }

    fn into_line(self) -> Line<'static> {
        let spans = self.spans.into_iter().map(|(text, style)| Span::styled(text, style));
        spans.collect()
    }
}

/// A row's text without its style.
#[cfg(test)]
pub(crate) fn plain(line: &Line<'_>) -> String {
    line.spans.iter().map(|span| span.content.as_ref()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_goes_on_says_so_and_loses_nothing() {
        let lines = [Line::raw("Title: abcdefgh\u{4e2d}\u{4e2d}ijkl"), Line::raw("WHO ASKS")];
        let rows: Vec<String> = wrapped(&lines, 12).iter().map(plain).collect();
        assert_eq!(rows, ["Title: abcde", "↪ fgh\u{4e2d}\u{4e2d}ijk", "↪ l", "WHO ASKS"]);
        assert_eq!(wrapped(&[Line::default()], 12).len(), 1);
        assert!(wrapped(&lines, 1).len() > 10, "narrower than any mark");
    }
}
