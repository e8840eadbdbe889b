//! What becomes of a text that was sent: markup read, characters that Telegram never keeps gone,
//! ends trimmed, limits held.

use super::html::{self, Entity, Formatted, utf16};
use super::refusal::Refusal;

/// The longest text, after entities were parsed. Telegram speaks of characters; counted are
/// UTF-16 units, so that what is taken here is taken by either reading.
const LONGEST_TEXT: usize = 4096;

/// So many entities are shown; Telegram drops the rest without a word.
pub(super) const MOST_ENTITIES: usize = 100;

/// A text as Telegram keeps it.
///
/// # Errors
/// 400, if it is empty or too long, the markup is wrong or the mode unknown.
pub(super) fn read(text: &str, parse_mode: Option<&str>) -> Result<Formatted, Refusal> {
    let parsed = match parse_mode {
        None | Some("") => Formatted { text: text.to_owned(), ..Formatted::default() },
        Some(mode) if mode.eq_ignore_ascii_case("html") => html::parse(text)
            .map_err(|what| Refusal::bad(&format!("can't parse entities: {}", lowered(&what))))?,
        Some(mode) if ["markdown", "markdownv2"].contains(&mode.to_ascii_lowercase().as_str()) => {
            return Err(Refusal::unknown(&format!(
                "does not read {mode}, where one unescaped character of 18 is refused: send HTML"
            )));
        }
        Some(_) => return Err(Refusal::bad("unsupported parse_mode")),
    };
    let kept = trimmed(cleaned(parsed));
    if kept.text.is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    if utf16(&kept.text) > LONGEST_TEXT {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(kept)
}

/// Telegram begins with a small letter whatever stands behind a colon, unless it is a name.
fn lowered(what: &str) -> String {
    let mut characters = what.chars();
    match (characters.next(), what.chars().nth(1)) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => what.to_owned(),
    }
}

/// Without carriage returns and marks of direction; other control characters become spaces.
fn cleaned(parsed: Formatted) -> Formatted {
    rebuilt(parsed, |character| match character {
        '\r' | '\u{2028}'..='\u{202e}' => None,
        '\n' => Some('\n'),
        control if u32::from(control) < 0x20 => Some(' '),
        other => Some(other),
    })
}

/// Without white space at the end, and at the start before any entity.
fn trimmed(parsed: Formatted) -> Formatted {
    let first = parsed.entities.iter().map(|entity| entity.offset).min().unwrap_or(usize::MAX);
    let end = parsed.text.trim_end().len();
    let mut kept = Formatted { text: parsed.text[..end].to_owned(), ..parsed };
    let mut units = 0;
    let mut begin = 0;
    for character in kept.text.chars() {
        if !character.is_whitespace() || units >= first {
            break;
        }
        units += character.len_utf16();
        begin += character.len_utf8();
    }
    kept.text.drain(..begin);
    let length = utf16(&kept.text);
    for entity in &mut kept.entities {
        entity.offset = entity.offset.saturating_sub(units).min(length);
        entity.length = entity.length.min(length - entity.offset);
    }
    kept.entities.retain(|entity| entity.length > 0);
    kept
}

fn rebuilt(parsed: Formatted, keep: impl Fn(char) -> Option<char>) -> Formatted {
    if parsed.text.chars().all(|character| keep(character) == Some(character)) {
        return parsed;
    }
    let mut text = String::with_capacity(parsed.text.len());
    // Where each unit of the old text is in the new one.
    let mut moved = Vec::new();
    let mut units = 0;
    for character in parsed.text.chars() {
        moved.extend(std::iter::repeat_n(units, character.len_utf16()));
        if let Some(kept) = keep(character) {
            text.push(kept);
            units += kept.len_utf16();
        }
    }
    moved.push(units);
    let entities = parsed.entities.into_iter().filter_map(|entity| {
        let offset = moved[entity.offset];
        let length = moved[entity.offset + entity.length] - offset;
        (length > 0).then_some(Entity { offset, length, ..entity })
    });
    Formatted { entities: entities.collect(), text, bare_ampersand: parsed.bare_ampersand }
}
