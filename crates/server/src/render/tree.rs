//! JSON as an indented tree of labelled values, keys in canonical order, nothing left out.

use serde_json::Value;

use super::glyphs::{self, Piece};
use super::suspicions::suspicions;
use super::{Field, LONG, MANY_LINES, WORTH_COUNTING, counted};

/// Fields in the making.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) list: Vec<Field>,
    pub(super) hidden: usize,
}

impl Fields {
    pub(super) fn push(&mut self, field: Field) {
        self.list.push(field);
    }

    /// A text in quotation marks.
    pub(super) fn string(&mut self, label: &str, text: &str) {
        self.text(0, vec![Piece::Text(label.into())], Vec::new(), text);
    }

    /// A JSON value with everything in it.
    pub(super) fn json(&mut self, label: &str, value: &Value) {
        self.labelled(vec![Piece::Text(label.into())], value);
    }

    /// The same under a label that is shown already.
    pub(super) fn labelled(&mut self, label: Vec<Piece>, value: &Value) {
        self.value(0, label, Vec::new(), value);
    }

    fn value(&mut self, depth: usize, label: Vec<Piece>, warnings: Vec<String>, value: &Value) {
        let plain = |text: String| vec![vec![Piece::Text(text)]];
        let lines = match value {
            Value::String(text) => return self.text(depth, label, warnings, text),
            Value::Object(members) if !members.is_empty() => {
                self.list.push(Field { depth, label, warnings, ..Field::default() });
                let mut members: Vec<_> = members.iter().collect();
                // RFC 8785 orders keys by their UTF-16 code units.
                members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                for (key, value) in members {
                    let label = self.key(key);
                    self.value(depth + 1, label, suspicions(key), value);
                }
                return;
            }
            Value::Array(items) if !items.is_empty() => {
                self.list.push(Field { depth, label, warnings, ..Field::default() });
                for (index, item) in items.iter().enumerate() {
                    let label = vec![Piece::Text(format!("[{index}]"))];
                    self.value(depth + 1, label, Vec::new(), item);
                }
                return;
            }
            Value::Object(_) => plain("{}".into()),
            Value::Array(_) => plain("[]".into()),
            Value::Null | Value::Bool(_) => plain(value.to_string()),
            Value::Number(number) => plain(number_text(value, number)),
        };
        self.list.push(Field { depth, label, lines, warnings, ..Field::default() });
    }

    fn text(&mut self, depth: usize, label: Vec<Piece>, mut warnings: Vec<String>, text: &str) {
        let shown = glyphs::visible(text);
        self.hidden += shown.hidden;
        warnings.extend(suspicions(text));
        let mut lines = shown.lines;
        if let Some(first) = lines.first_mut() {
            first.insert(0, Piece::Text("\"".into()));
        }
        if let Some(last) = lines.last_mut() {
            last.push(Piece::Text("\"".into()));
        }
        let characters = text.chars().count();
        let note = (characters >= WORTH_COUNTING || lines.len() >= MANY_LINES).then(|| {
            format!("{}, {}", counted(characters, "character"), counted(lines.len(), "line"))
        });
        let long = characters >= LONG || lines.len() >= MANY_LINES;
        self.list.push(Field { depth, label, note, lines, warnings, long, title: false });
    }

    /// A key as it is where that cannot be misread, in quotation marks elsewhere.
    pub(super) fn key(&mut self, key: &str) -> Vec<Piece> {
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '$');
        if !key.is_empty() && key.len() <= 64 && key.chars().all(bare) {
            return vec![Piece::Text(key.into())];
        }
        let quoted = key.replace('\\', "\\\\").replace('"', "\\\"");
        let (mut pieces, hidden) = glyphs::visible_on_one_line(&quoted);
        self.hidden += hidden;
        pieces.insert(0, Piece::Text("\"".into()));
        pieces.push(Piece::Text("\"".into()));
        pieces
    }
}

/// The number as it is in the bytes that the digest is made of.
fn number_text(value: &Value, number: &serde_json::Number) -> String {
    let canonical = askfirst_proof::canonical(value).ok();
    let canonical = canonical.and_then(|bytes| String::from_utf8(bytes).ok());
    canonical.unwrap_or_else(|| number.to_string())
}
