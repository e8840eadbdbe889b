//! Makes every character of a text visible. What could hide, reorder or pass for another is
//! written as its code point; the way back to the text stays unambiguous.

use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

/// A run of output characters that look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands in the text.
    Text(String),
    /// A character that is not what it seems, written as `<U+202E>`.
    Escape(String),
    /// A sign for a character that has no ink: a space, a tab, the end of a line.
    Sign(String),
}

impl Piece {
    /// What is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Escape(text) | Self::Sign(text) => text,
        }
    }

    /// Whether this stands for a character that cannot be seen as itself.
    #[must_use]
    pub const fn is_escape(&self) -> bool {
        matches!(self, Self::Escape(_))
    }

    /// Whether this is a sign for blank space.
    #[must_use]
    pub const fn is_sign(&self) -> bool {
        matches!(self, Self::Sign(_))
    }
}

/// Stands for a space that would be easy to miss.
const SPACE: char = '␣';
/// Stands for a tab.
const TAB: char = '⇥';
/// Stands at the end of a line that the text itself ends.
const NEWLINE: char = '⏎';
/// The most marks that a letter carries. No script needs more; a pile of them covers what stands
/// above and below, or is wider than any page.
pub const MOST_MARKS: usize = 4;

/// A text as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible {
    /// Line by line; at least one.
    pub lines: Vec<Vec<Piece>>,
    /// How many characters would not have been seen.
    pub hidden: usize,
}

/// Shows a text over as many lines as it has.
#[must_use]
pub fn visible(text: &str) -> Visible {
    show(text, true)
}

/// Shows a text on one line; line breaks in it are escapes like any other control character.
#[must_use]
pub fn visible_on_one_line(text: &str) -> (Vec<Piece>, usize) {
    let mut shown = show(text, false);
    (shown.lines.pop().unwrap_or_default(), shown.hidden)
}

fn show(text: &str, breaks: bool) -> Visible {
    let mut out = Visible { lines: vec![Vec::new()], hidden: 0 };
    let mut before = None;
    // How many more marks the last letter takes.
    let mut room = 0;
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let after = rest.chars().next();
        let carried = is_mark_of_a_script(c) && room > 0 && before != Some(c);
        let unseen = is_unsafe(c) || (is_mark_of_a_script(c) && !carried);
        let Some(line) = out.lines.last_mut() else { break };
        match c {
            '\n' if breaks => {
                line.push(Piece::Sign(NEWLINE.into()));
                out.lines.push(Vec::new());
            }
            ' ' if edge(before, breaks) || edge(after, breaks) => sign(line, SPACE),
            '\t' => sign(line, TAB),
            SPACE | TAB | NEWLINE => line.push(escape(c)),
            '<' if rest.starts_with("U+") => line.push(escape(c)),
            c if unseen => {
                out.hidden += 1;
                line.push(escape(c));
            }
            c => ink(line, c),
        }
        room = match c {
            _ if unseen || c.is_ascii() => 0,
            _ if carried => room - 1,
            _ if c.is_alphabetic() => MOST_MARKS,
            _ => 0,
        };
        before = Some(c);
    }
    out
}

/// Whether a space next to this could be missed: the text or line ends there, or is blank there.
fn edge(neighbour: Option<char>, breaks: bool) -> bool {
    match neighbour {
        None | Some(' ' | '\t') => true,
        Some('\n') => breaks,
        Some(_) => false,
    }
}

fn ink(line: &mut Vec<Piece>, c: char) {
    match line.last_mut() {
        Some(Piece::Text(text)) => text.push(c),
        _ => line.push(Piece::Text(c.into())),
    }
}

fn sign(line: &mut Vec<Piece>, c: char) {
    match line.last_mut() {
        Some(Piece::Sign(text)) => text.push(c),
        _ => line.push(Piece::Sign(c.into())),
    }
}

fn escape(c: char) -> Piece {
    Piece::Escape(code_point(c))
}

/// `<U+202E>`.
#[must_use]
pub fn code_point(c: char) -> String {
    format!("<U+{:04X}>", u32::from(c))
}

/// A word with everything outside ASCII written as code points.
#[must_use]
pub fn spelled(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        if c.is_ascii_graphic() {
            text.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "{}", code_point(c));
        }
    }
    text
}

/// Characters without ink of their own, that reorder or recolour their neighbours, that change
/// with the font at hand, or that mean nothing.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || is_blank(c) || is_invisible(c) || is_mark(c) || is_unknown(c)
}

/// Marks that belong to the letter before them, in scripts that are not read without them.
#[must_use]
pub fn is_mark_of_a_script(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    !c.is_ascii() && matches!(get_general_category(c), NonspacingMark | SpacingMark | EnclosingMark)
}

/// Whether what is shown holds letters that are written from right to left. What stands beside
/// them, numbers above all, can then appear in another order.
#[must_use]
pub fn turns(line: &[Piece]) -> bool {
    line.iter().any(|piece| piece.as_str().chars().any(is_from_the_right))
}

/// The blocks of the scripts that are written from right to left.
#[must_use]
pub const fn is_from_the_right(c: char) -> bool {
    matches!(c,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Spaces that are not the space.
const fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{2800}'
                | '\u{3000}'
    )
}

/// Unicode's default ignorable code points, which hold the bidi controls, zero-width characters,
/// variation selectors and tags, and what else is drawn as nothing.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{16fe4}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Marks that pile onto the letter before them. With them escaped, two spellings of one look
/// (composed and decomposed) look different.
const fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Private use, no characters, what no character has been given to yet, and formatting that was
/// given its place since the tables above were written.
fn is_unknown(c: char) -> bool {
    use GeneralCategory::{Control, Format, PrivateUse, Unassigned};
    !c.is_ascii() && matches!(get_general_category(c), Unassigned | PrivateUse | Format | Control)
}
