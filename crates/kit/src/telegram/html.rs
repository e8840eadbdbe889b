//! Reads Telegram's HTML as strictly as Telegram does: a handful of tags, four named references,
//! and a byte offset for whatever is wrong. Offsets and lengths of entities are in UTF-16 units.

use serde_json::{Value, json};

const TAGS: [&str; 15] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "code",
    "pre",
    "blockquote",
    "tg-spoiler",
    "span",
];

/// A part of a text that is shown in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// `bold`, `italic`, `underline`, `strikethrough`, `code`, `pre`, `blockquote`,
    /// `expandable_blockquote`, `spoiler`, `text_link` or `bot_command`.
    pub kind: &'static str,
    /// UTF-16 units before it.
    pub offset: usize,
    /// UTF-16 units in it.
    pub length: usize,
    /// Where a `text_link` goes, or the language of a `pre`.
    pub argument: Option<String>,
}

impl Entity {
    pub(super) fn value(&self) -> Value {
        let mut value = json!({ "type": self.kind, "offset": self.offset, "length": self.length });
        match (&self.argument, self.kind) {
            (Some(url), "text_link") => value["url"] = json!(url),
            (Some(language), "pre") => value["language"] = json!(language),
            _ => {}
        }
        value
    }
}

/// A text as it is shown, and what in it is shown in another way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Formatted {
    /// Without any markup.
    pub text: String,
    /// In the order of their ends.
    pub entities: Vec<Entity>,
    /// An `&` that begins no reference: Telegram shows it, but whoever escapes what they send
    /// never sends one.
    pub(super) bare_ampersand: bool,
}

/// The length that Telegram counts entities in.
pub(super) fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

struct Open<'a> {
    tag: &'a str,
    argument: Option<String>,
    offset: usize,
    begin: usize,
}

/// Reads `source`.
///
/// # Errors
/// What is wrong, in Telegram's words, which stand behind "can't parse entities: ".
pub(super) fn parse(source: &str) -> Result<Formatted, String> {
    let bytes = source.as_bytes();
    let at = |i: usize| bytes.get(i).copied();
    let mut done = Formatted::default();
    let mut offset = 0;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut i = 0;
    while let Some(byte) = at(i) {
        if byte == b'&' {
            match reference(source, i)? {
                Some((character, after)) => {
                    done.text.push(character);
                    offset += character.len_utf16();
                    i = after;
                    continue;
                }
                None => done.bare_ampersand = true,
            }
        }
        if byte != b'<' {
            // The source is UTF-8, and every branch above and below ends behind a character.
            let Some(character) = source[i..].chars().next() else { break };
            done.text.push(character);
            offset += character.len_utf16();
            i += character.len_utf8();
            continue;
        }
        let begin = i;
        if at(i + 1) == Some(b'/') {
            i = end_tag(source, begin, offset, &mut open, &mut done)?;
        } else {
            let (tag, argument, after) = start_tag(source, begin)?;
            open.push(Open { tag, argument, offset, begin: done.text.len() });
            i = after;
        }
    }
    match open.last() {
        Some(left) => {
            Err(format!("Can't find end tag corresponding to start tag \"{}\"", left.tag))
        }
        None => Ok(done),
    }
}

fn end_tag(
    source: &str,
    begin: usize,
    offset: usize,
    open: &mut Vec<Open<'_>>,
    done: &mut Formatted,
) -> Result<usize, String> {
    let Some(last) = open.pop() else {
        return Err(format!("Unexpected end tag at byte offset {begin}"));
    };
    let name_end = until(source, begin + 2, |byte| is_space(byte) || byte == b'>');
    let name = source[begin + 2..name_end].to_ascii_lowercase();
    let end = until(source, name_end, |byte| !is_space(byte));
    if source.as_bytes().get(end) != Some(&b'>') {
        return Err(format!("Unclosed end tag at byte offset {begin}"));
    }
    if !name.is_empty() && name != last.tag {
        return Err(format!(
            "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
            last.tag
        ));
    }
    let length = offset - last.offset;
    if length > 0 {
        let shown = &done.text[last.begin..];
        let entity = entity(&last, shown, length);
        // <pre><code class="language-…"> around the same text is one entity.
        let inner = done.entities.last_mut().filter(|inner| {
            (inner.offset, inner.length) == (last.offset, length)
                && inner.kind == "code"
                && last.tag == "pre"
                && inner.argument.is_some()
        });
        match (inner, entity) {
            (Some(inner), _) => inner.kind = "pre",
            (None, Some(entity)) => done.entities.push(entity),
            (None, None) => {}
        }
    }
    Ok(end + 1)
}

fn entity(open: &Open<'_>, shown: &str, length: usize) -> Option<Entity> {
    let mut argument = None;
    let kind = match open.tag {
        "b" | "strong" => "bold",
        "i" | "em" => "italic",
        "u" | "ins" => "underline",
        "s" | "strike" | "del" => "strikethrough",
        "tg-spoiler" | "span" => "spoiler",
        "blockquote" if open.argument.is_some() => "expandable_blockquote",
        "blockquote" => "blockquote",
        "pre" => "pre",
        "code" => {
            argument = open.argument.clone();
            "code"
        }
        "a" => {
            let target = open.argument.as_deref().unwrap_or(shown);
            argument = Some(link(target)?);
            "text_link"
        }
        _ => return None,
    };
    Some(Entity { kind, offset: open.offset, length, argument })
}

/// What a link leads to, or nothing if Telegram would show it as text.
fn link(target: &str) -> Option<String> {
    let whole = if target.contains("://") { target.to_owned() } else { format!("http://{target}") };
    let url = url::Url::parse(&whole).ok()?;
    let known = ["http", "https", "tg", "ton"].contains(&url.scheme());
    let hosted = url.host_str().is_some_and(|host| host.contains(['.', ':']));
    (known && (hosted || url.scheme() == "tg")).then(|| url.to_string())
}

/// The tag's name, its one argument that means something, and where the text goes on.
fn start_tag(source: &str, begin: usize) -> Result<(&'static str, Option<String>, usize), String> {
    let at = |i: usize| source.as_bytes().get(i).copied();
    let unclosed = || format!("Unclosed start tag at byte offset {begin}");
    let mut i = until(source, begin + 1, |byte| is_space(byte) || byte == b'>');
    if at(i).is_none() {
        return Err(unclosed());
    }
    let name = source[begin + 1..i].to_ascii_lowercase();
    let Some(tag) = TAGS.into_iter().find(|tag| *tag == name) else {
        return Err(format!("Unsupported start tag \"{name}\" at byte offset {begin}"));
    };
    let mut argument = None;
    loop {
        i = until(source, i, |byte| !is_space(byte));
        match at(i) {
            None => return Err(format!("Unclosed start tag \"{tag}\" at byte offset {begin}")),
            Some(b'>') => break,
            Some(_) => {}
        }
        let name_end = until(source, i, |byte| is_space(byte) || byte == b'=' || byte == b'>');
        let attribute = source[i..name_end].to_ascii_lowercase();
        if attribute.is_empty() {
            return Err(format!(
                "Empty attribute name in the tag \"{tag}\" at byte offset {begin}"
            ));
        }
        i = until(source, name_end, |byte| !is_space(byte));
        if at(i) != Some(b'=') {
            if tag == "blockquote" && attribute == "expandable" && at(i).is_some() {
                argument = Some("1".to_owned());
                continue;
            }
            if at(i).is_none() {
                return Err(format!("Unclosed start tag \"{tag}\" at byte offset {begin}"));
            }
            return Err(format!(
                "Expected equal sign in declaration of an attribute of the tag \"{tag}\" at byte \
                 offset {begin}"
            ));
        }
        i = until(source, i + 1, |byte| !is_space(byte));
        let (value, after) = value(source, i, tag, begin)?;
        i = after;
        match (tag, attribute.as_str()) {
            ("a", "href") => argument = Some(value),
            ("code", "class") => {
                argument = value
                    .strip_prefix("language-")
                    .filter(|language| !language.is_empty())
                    .map(str::to_owned);
            }
            ("span", "class") if value == "tg-spoiler" => argument = Some(value),
            ("blockquote", "expandable") => argument = Some(value),
            _ => {}
        }
    }
    if tag == "span" && argument.is_none() {
        return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"));
    }
    Ok((tag, argument, i + 1))
}

/// The value of an attribute, quoted or a bare word, and where the tag goes on.
fn value(source: &str, i: usize, tag: &str, begin: usize) -> Result<(String, usize), String> {
    match source.as_bytes().get(i).copied() {
        None => Err(format!("Unclosed start tag \"{tag}\" at byte offset {begin}")),
        Some(quote @ (b'"' | b'\'')) => {
            let mut text = String::new();
            let mut i = i + 1;
            while let Some(character) = source[i..].chars().next() {
                if character == char::from(quote) {
                    return Ok((text, i + 1));
                }
                if character == '&'
                    && let Some((meant, after)) = reference(source, i)?
                {
                    text.push(meant);
                    i = after;
                    continue;
                }
                text.push(character);
                i += character.len_utf8();
            }
            Err(format!("Unclosed start tag at byte offset {begin}"))
        }
        Some(_) => {
            let end =
                until(source, i, |byte| !(byte.is_ascii_alphanumeric() || b".-".contains(&byte)));
            let next = source.as_bytes().get(end).copied();
            if !next.is_some_and(|byte| is_space(byte) || byte == b'>') {
                return Err(format!("Unexpected end of name token at byte offset {i}"));
            }
            Ok((source[i..end].to_ascii_lowercase(), end))
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0x0b)
}

/// The first place from `i` on whose byte is as wanted, or the end.
fn until(source: &str, i: usize, wanted: impl Fn(u8) -> bool) -> usize {
    let rest = source.as_bytes().get(i..).unwrap_or_default();
    rest.iter().position(|byte| wanted(*byte)).map_or(source.len(), |found| i + found)
}

/// The character that a reference at `i` stands for, and where the text goes on. Unknown ones are
/// only text.
fn reference(source: &str, i: usize) -> Result<Option<(char, usize)>, String> {
    let bytes = source.as_bytes();
    let (code, end) = if bytes.get(i + 1) == Some(&b'#') {
        let hex = bytes.get(i + 2) == Some(&b'x');
        let begin = if hex { i + 3 } else { i + 2 };
        let is_digit =
            |byte: u8| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        let end = until(source, begin, |byte| !is_digit(byte));
        let code = u32::from_str_radix(&source[begin..end], if hex { 16 } else { 10 });
        match code {
            Ok(code) if code > 0 && code < 0x10_ffff && end - i < 10 => (code, end),
            _ => return Ok(None),
        }
    } else {
        let end = until(source, i + 1, |byte| !byte.is_ascii_alphabetic());
        let code = match &source[i + 1..end] {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => return Ok(None),
        };
        (u32::from(code), end)
    };
    let character = char::from_u32(code).ok_or(
        "Text contains invalid Unicode characters after decoding HTML entities, check for \
         unmatched surrogate code units",
    )?;
    Ok(Some((character, end + usize::from(bytes.get(end) == Some(&b';')))))
}

#[cfg(test)]
mod tests {
    use super::{Formatted, parse};

    fn read(source: &str) -> Formatted {
        parse(source).unwrap()
    }

    /// `kind offset+length` of each entity.
    fn shown(source: &str) -> Vec<String> {
        let entities = read(source).entities;
        entities
            .iter()
            .map(|entity| {
                let argument = entity.argument.as_deref().unwrap_or_default();
                format!("{} {}+{} {argument}", entity.kind, entity.offset, entity.length)
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn offsets_and_lengths_are_in_utf16_units() {
        assert_eq!(shown("🏟 <b>🏟x</b>"), ["bold 3+3"]);
        assert_eq!(shown("ü<i>\u{1f469}\u{200d}\u{1f680}</i>"), ["italic 1+5"]);
        assert_eq!(shown("<b></b>"), [""; 0]);
    }

    #[test]
    fn every_tag_has_its_kind() {
        for (source, kind) in [
            ("<b>x</b>", "bold 0+1"),
            ("<STRONG >x</strong >", "bold 0+1"),
            ("<i>x</>", "italic 0+1"),
            ("<em any=thing>x</em>", "italic 0+1"),
            ("<u>x</u>", "underline 0+1"),
            ("<ins>x</ins>", "underline 0+1"),
            ("<s>x</s>", "strikethrough 0+1"),
            ("<strike>x</strike>", "strikethrough 0+1"),
            ("<del>x</del>", "strikethrough 0+1"),
            ("<code>x</code>", "code 0+1"),
            ("<pre>x</pre>", "pre 0+1"),
            ("<pre><code class='language-sh'>x</code></pre>", "pre 0+1 sh"),
            ("<blockquote>x</blockquote>", "blockquote 0+1"),
            ("<blockquote expandable>x</blockquote>", "expandable_blockquote 0+1"),
            ("<tg-spoiler>x</tg-spoiler>", "spoiler 0+1"),
            ("<span class=\"tg-spoiler\">x</span>", "spoiler 0+1"),
            (
                "<a href='https://example.org/a?b=c&amp;d'>x</a>",
                "text_link 0+1 https://example.org/a?b=c&d",
            ),
            ("<a>example.org</a>", "text_link 0+11 http://example.org/"),
        ] {
            assert_eq!(shown(source), [kind], "{source}");
        }
        assert_eq!(shown("<a href='nowhere'>x</a>"), [""; 0]);
    }

    #[test]
    fn four_names_and_all_numbers_are_references() {
        let text = read("&lt;&gt;&amp;&quot; &#65;&#x42; &lt &laquo; &#0; &#x10ffff; & &;").text;
        assert_eq!(text, "<>&\" AB < &laquo; &#0; &#x10ffff; & &;");
        assert!(!read("&lt;").bare_ampersand);
        assert!(read("a & b").bare_ampersand);
        assert!(parse("&#xD83D;").unwrap_err().contains("unmatched surrogate code units"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_byte() {
        for (source, wrong) in [
            ("üa<", "Unclosed start tag at byte offset 3"),
            ("a<b", "Unclosed start tag at byte offset 1"),
            ("<img src=x>", "Unsupported start tag \"img\" at byte offset 0"),
            ("<a href", "Unclosed start tag \"a\" at byte offset 0"),
            (
                "<a href>",
                "Expected equal sign in declaration of an attribute of the tag \"a\" at byte offset 0",
            ),
            ("<a =x>", "Empty attribute name in the tag \"a\" at byte offset 0"),
            ("<a href=x/>", "Unexpected end of name token at byte offset 8"),
            ("<a href=\"x>", "Unclosed start tag at byte offset 0"),
            ("<span>x</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
            ("</b>", "Unexpected end tag at byte offset 0"),
            ("<b>x</b", "Unclosed end tag at byte offset 4"),
            (
                "<b><i>x</b></i>",
                "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\"",
            ),
            ("<b>x", "Can't find end tag corresponding to start tag \"b\""),
        ] {
            assert_eq!(parse(source).unwrap_err(), wrong, "{source}");
        }
    }
}
