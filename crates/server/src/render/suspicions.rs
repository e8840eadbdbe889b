//! What a careful reader would be warned about in a text that is all visible: words that mix
//! alphabets or directions, and addresses that lead elsewhere than they seem to.

use super::glyphs::{is_from_the_right, spelled};

/// Alphabets whose letters pass for those of another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
    Coptic,
    Fullwidth,
    Mathematical,
}

impl Alphabet {
    const fn of(c: char) -> Option<Self> {
        Some(match c {
            'A'..='Z'
            | 'a'..='z'
            | '\u{c0}'..='\u{24f}'
            | '\u{250}'..='\u{2af}'
            | '\u{1e00}'..='\u{1eff}'
            | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}' => Self::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}' => {
                Self::Cyrillic
            }
            '\u{531}'..='\u{58f}' => Self::Armenian,
            '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Self::Cherokee,
            '\u{2c80}'..='\u{2cff}' => Self::Coptic,
            '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => Self::Fullwidth,
            '\u{1d400}'..='\u{1d7ff}' | '\u{2100}'..='\u{214f}' => Self::Mathematical,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Latin => "Latin",
            Self::Greek => "Greek",
            Self::Cyrillic => "Cyrillic",
            Self::Armenian => "Armenian",
            Self::Cherokee => "Cherokee",
            Self::Coptic => "Coptic",
            Self::Fullwidth => "full-width",
            Self::Mathematical => "mathematical",
        }
    }
}

/// The most warnings about one text; the last then says that there are more.
const MOST: usize = 8;
/// The longest piece of the text that a warning repeats, in characters.
const LONGEST: usize = 80;

/// Warnings about `text`, in ASCII.
#[must_use]
pub fn suspicions(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let turned = turned_around(text);
    for warning in turned.into_iter().chain(mixed_words(text)).chain(misleading_addresses(text)) {
        if found.contains(&warning) {
            continue;
        }
        if found.len() == MOST {
            found.push("there is more of this kind here".into());
            break;
        }
        found.push(warning);
    }
    found
}

/// Letters that are written from right to left take what stands beside them along.
fn turned_around(text: &str) -> Option<String> {
    let other = |c: char| c.is_ascii_alphanumeric() || "/\\:@#%=+*&|<>()[]{}".contains(c);
    let mixed = |line: &str| line.chars().any(is_from_the_right) && line.chars().any(other);
    let first = text.lines().find(|line| mixed(line))?;
    Some(format!(
        "letters that are written from right to left can show what stands beside them in another \
         order; one by one it is: {}",
        first.split(' ').map(short).collect::<Vec<_>>().join(" ")
    ))
}

fn mixed_words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter_map(|word| {
        let mut seen: Vec<Alphabet> = Vec::new();
        for alphabet in word.chars().filter_map(Alphabet::of) {
            if !seen.contains(&alphabet) {
                seen.push(alphabet);
            }
        }
        (seen.len() > 1).then(|| {
            let names: Vec<_> = seen.iter().map(|alphabet| alphabet.name()).collect();
            format!("one word mixes {} letters: {}", names.join(" and "), short(word))
        })
    })
}

fn misleading_addresses(text: &str) -> impl Iterator<Item = String> + '_ {
    // Browsers read a backslash as a slash.
    let slash = |byte: &u8| matches!(byte, b'/' | b'\\');
    let pairs = text.as_bytes().windows(2).enumerate();
    pairs.filter(move |(_, pair)| pair.iter().all(slash)).filter_map(|(at, _)| {
        let rest = text.get(at + 2..)?;
        let end = |c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '"' | '<')
        };
        let authority = rest.split(end).next()?;
        let host = match authority.rsplit_once('@') {
            Some((before, host)) if !host.is_empty() => {
                return Some(format!(
                    "this address leads to {}; what stands before the @ is only a user name: {}",
                    short(host),
                    short(before),
                ));
            }
            _ => authority,
        };
        (!host.is_ascii() && host.contains('.'))
            .then(|| format!("the host of this address is not plain ASCII: {}", short(host)))
    })
}

fn short(text: &str) -> String {
    let mut head: String = text.chars().take(LONGEST).collect();
    if head.len() < text.len() {
        head.push_str("...");
    }
    spelled(&head)
}
