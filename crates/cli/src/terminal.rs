//! What a person sees: text of others with every character made visible, colours where they are
//! wanted, a question before what cannot be undone.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Result;
use askfirst_server::render::glyphs::{
    MOST_MARKS, Piece, code_point, is_mark_of_a_script, is_unsafe, visible_on_one_line,
};
use ratatui::crossterm;
use ratatui::crossterm::event::{Event, KeyCode, KeyModifiers};
use serde_json::Value;

use crate::exit::usage;
use crate::surroundings;

/// Somebody else's text on one line, with what could hide or reorder written as code points.
pub(crate) fn visible(text: &str) -> String {
    visible_on_one_line(text).0.iter().map(Piece::as_str).collect()
}

/// A line of our own words that may hold somebody else's: spaces stay, what is unseen or piles up
/// does not.
pub(crate) fn readable(line: &str) -> String {
    let mut piled = 0;
    let mut seen = String::with_capacity(line.len());
    for c in line.chars() {
        piled = if is_mark_of_a_script(c) { piled + 1 } else { 0 };
        match is_unsafe(c) || piled > MOST_MARKS {
            true => seen.push_str(&code_point(c)),
            false => seen.push(c),
        }
    }
    seen
}

/// A string member of a JSON object, made visible; empty if it is none.
pub(crate) fn text_of(object: &Value, member: &str) -> String {
    object[member].as_str().map(visible).unwrap_or_default()
}

/// JSON over several lines, made visible, each line after `margin`.
pub(crate) fn visible_json(value: &Value, margin: &str) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let line = |line: &str| {
        let text = line.trim_start_matches(' ');
        format!("{margin}{}{}", &line[..line.len() - text.len()], visible(text))
    };
    pretty.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Text as one word of a shell's command line.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Writes to stdout; whoever closed the pipe does not want to know.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Writes to stderr what somebody has to know while the answer is still to come.
pub(crate) fn warn(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes an answer as JSON, on one line.
pub(crate) fn say_json(value: &Value) {
    say(inert(&value.to_string()));
}

/// JSON with what a terminal would obey, or a reader would not see, written as `\u202e`. To a
/// program it is the same JSON.
pub(crate) fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // Line ends stand between values only; inside of one JSON writes them as `\n`.
        if c == '\n' || !is_unsafe(c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// What a line is about, as far as colour helps.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Look here.
    Strong,
}

/// The text in its tone, where stdout takes colours. The words alone say it too.
pub(crate) fn toned(text: &str, tone: Tone) -> String {
    if !surroundings::wants_colours(&std::io::stdout()) {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => 32,
        Tone::Bad => 31,
        Tone::Strong => 1,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Whether somebody is there to be asked.
pub(crate) fn has_reader() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a yes. `otherwise` says what to give on the command line where nobody can be asked.
pub(crate) fn confirmed(question: &str, otherwise: &str) -> Result<bool> {
    if !has_reader() {
        return Err(usage(format!("nobody is there to confirm it; {otherwise}")));
    }
    let mut err = std::io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a secret, and shows nothing of it; empty if nothing was given.
///
/// # Errors
/// If the terminal cannot be read, or whoever was asked pressed Ctrl-C.
pub(crate) fn asked_secret(question: &str) -> Result<String> {
    // Before the question: who is quick to paste must not see it.
    crossterm::terminal::enable_raw_mode()?;
    eprint!("{question}");
    let read = secret_keys();
    crossterm::terminal::disable_raw_mode()?;
    eprintln!();
    read
}

/// What is typed or pasted up to Enter, in raw mode.
fn secret_keys() -> Result<String> {
    let mut secret = String::new();
    loop {
        let Event::Key(key) = crossterm::event::read()? else { continue };
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => break,
            // A line end that was pasted.
            KeyCode::Char('j') if held => break,
            KeyCode::Char('c' | 'd') if held => return Err(usage("interrupted")),
            KeyCode::Char(c) if !held => secret.push(c),
            KeyCode::Backspace => drop(secret.pop()),
            _ => {}
        }
    }
    Ok(secret.trim().to_owned())
}

/// One line on stderr that is written over; nothing where stderr is no terminal.
pub(crate) struct StatusLine {
    alive: bool,
    shown: bool,
}

impl StatusLine {
    /// For this command's stderr.
    pub(crate) fn new(wanted: bool) -> Self {
        Self { alive: wanted && std::io::stderr().is_terminal(), shown: false }
    }

    /// Whether anybody sees it.
    pub(crate) const fn is_alive(&self) -> bool {
        self.alive
    }

    /// Shows this instead of what it showed.
    pub(crate) fn show(&mut self, text: &str) {
        if self.alive {
            let text: String = text.chars().take(100).collect();
            eprint!("\r\x1b[2K{text}");
            self.shown = true;
        }
    }

    /// Leaves the line empty.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\x1b[2K");
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Rows under each other, each column as wide as its widest cell.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:<width$}", width = *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_an_agent_writes_reaches_the_terminal_raw() {
        let hostile = "pay\u{1b}[2J\u{202e}0001$\u{200b}";
        assert_eq!(visible(hostile), "pay<U+001B>[2J<U+202E>0001$<U+200B>");
        let value = json!({ "to\u{202e}": [hostile, { "a": 1 }] });
        let piled = format!("it is ب{}, and a  b", "\u{64b}".repeat(40));
        let wanted = format!("it is ب{}<U+064B>", "\u{64b}".repeat(MOST_MARKS));
        assert!(readable(&piled).starts_with(&wanted));
        assert!(readable(&piled).ends_with(", and a  b"));
        let shown = visible_json(&value, "  ");
        assert!(shown.chars().all(|c| c == '\n' || !askfirst_server::render::glyphs::is_unsafe(c)));
        assert!(shown.starts_with("  {\n    \"to<U+202E>\""), "{shown}");
    }

    #[test]
    fn json_for_programs_is_inert_in_a_terminal_and_says_the_same() {
        let hostile = json!({ "\u{9b}31m": "a\u{1b}]0;x\u{7}\u{202e}\u{e0041}\u{7f}\n é 世" });
        let text = inert(&hostile.to_string());
        assert!(!text.chars().any(is_unsafe), "{text}");
        assert!(text.contains(r"\u202e\udb40\udc41\u007f\n é 世"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }

    #[test]
    fn a_word_is_one_word_of_a_shell() {
        assert_eq!(shell_word("/srv/ask.toml"), "/srv/ask.toml");
        assert_eq!(shell_word("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn a_table_lines_up() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(table(&[row("a", "b"), row("ccc", "")]), "a    b\nccc");
    }
}
