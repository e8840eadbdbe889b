//! The fields in which an approver changes what is asked for and fills in the asker's form, and
//! what was typed into them. Their names are positions, so nothing an asker wrote names a field.

use std::collections::BTreeMap;

use askfirst_core::approval::edit;
use askfirst_core::{Approval, Pointer, Problem};
use serde_json::{Map, Value};

use super::shell::{Text, text};

/// What came in with a form, by the names of its fields.
pub(super) type Typed = BTreeMap<String, String>;

/// What a field takes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// One line of text.
    Line,
    /// Text of many lines.
    Lines,
    /// A number.
    Number,
    /// One of these; each is what is sent, and how it reads.
    Choice(Vec<(String, Text)>),
    /// Any JSON.
    Json,
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) label: Text,
    pub(super) hint: Option<Text>,
    pub(super) kind: Kind,
    pub(super) value: String,
    pub(super) required: bool,
}

impl Input {
    pub(super) fn is_line(&self) -> bool {
        matches!(self.kind, Kind::Line)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Number)
    }

    pub(super) fn is_code(&self) -> bool {
        matches!(self.kind, Kind::Json)
    }

    pub(super) fn choices(&self) -> Option<&[(String, Text)]> {
        match &self.kind {
            Kind::Choice(choices) => Some(choices),
            _ => None,
        }
    }
}

/// A field for each place that approvers may change.
pub(super) fn edit_inputs(approval: &Approval, typed: &Typed) -> Vec<Input> {
    let inputs = approval.editable.iter().enumerate().filter_map(|(index, pointer)| {
        let value = edit::value_at(&approval.action, pointer)?;
        let name = edit_name(index);
        let shown = spelled(&value);
        Some(Input {
            kind: kind_of(&value),
            value: typed.get(&name).cloned().unwrap_or(shown),
            label: text(pointer.as_str()),
            hint: None,
            required: false,
            name,
        })
    });
    inputs.collect()
}

fn edit_name(index: usize) -> String {
    format!("edit{index}")
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::String(text) if text.contains(['\n', '\r']) || text.len() > 80 => Kind::Lines,
        Value::String(_) => Kind::Line,
        Value::Number(_) => Kind::Number,
        Value::Bool(_) => truth(),
        Value::Null | Value::Array(_) | Value::Object(_) => Kind::Json,
    }
}

fn truth() -> Kind {
    Kind::Choice(vec![("true".into(), text("yes")), ("false".into(), text("no"))])
}

fn spelled(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default()
        }
        other => other.to_string(),
    }
}

/// What was changed. Left as it was, a field changes nothing.
///
/// # Errors
/// The fields that hold nothing that could stand there.
pub(super) fn edits(
    approval: &Approval,
    typed: &Typed,
) -> Result<BTreeMap<Pointer, Value>, Vec<Problem>> {
    let mut changes = BTreeMap::new();
    let mut problems = Vec::new();
    for (index, pointer) in approval.editable.iter().enumerate() {
        let Some(written) = typed.get(&edit_name(index)) else { continue };
        let Some(value) = edit::value_at(&approval.action, pointer) else { continue };
        let written = as_typed(written);
        if written == as_typed(&spelled(&value)) {
            continue;
        }
        match read(&kind_of(&value), &written) {
            Ok(new) if new == value => {}
            Ok(new) => drop(changes.insert(pointer.clone(), new)),
            Err(detail) => problems.push(Problem {
                pointer: pointer.to_string(),
                detail: format!("{pointer}: {detail}"),
            }),
        }
    }
    if problems.is_empty() { Ok(changes) } else { Err(problems) }
}

/// With the one end of lines that a browser's form can tell, so that a text with another is not
/// taken for changed by whoever left it alone.
fn as_typed(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn read(kind: &Kind, written: &str) -> Result<Value, String> {
    match kind {
        Kind::Line | Kind::Lines => Ok(Value::from(written)),
        Kind::Number => match serde_json::from_str(written.trim()) {
            Ok(number @ Value::Number(_)) => Ok(number),
            _ => Err(format!("“{}” is not a number", written.trim())),
        },
        Kind::Choice(_) | Kind::Json => {
            serde_json::from_str(written).map_err(|error| format!("this is not JSON: {error}"))
        }
    }
}

/// A field for each property of a form; one for all of it where the form has no plain properties.
pub(super) fn answer_inputs(schema: &Value, typed: &Typed) -> Vec<Input> {
    let parts = parts(schema);
    let inputs = parts.iter().enumerate().map(|(index, part)| {
        let name = answer_name(index);
        let said = |member: &str| part.schema.get(member).and_then(Value::as_str);
        let default = part.schema.get("default").map(spelled).unwrap_or_default();
        Input {
            value: typed.get(&name).cloned().unwrap_or(default),
            label: text(said("title").or(part.name).unwrap_or("Your answer")),
            hint: said("description").map(text),
            kind: part.kind(),
            required: part.required,
            name,
        }
    });
    inputs.collect()
}

fn answer_name(index: usize) -> String {
    format!("answer{index}")
}

/// One thing to fill in.
struct Part<'a> {
    name: Option<&'a str>,
    schema: &'a Value,
    required: bool,
}

impl Part<'_> {
    fn kind(&self) -> Kind {
        if let Some(choices) = self.schema.get("enum").and_then(Value::as_array) {
            let choice = |value: &Value| (value.to_string(), text(&spelled(value)));
            return Kind::Choice(choices.iter().map(choice).collect());
        }
        let longest = self.schema.get("maxLength").and_then(Value::as_u64);
        match self.schema.get("type").and_then(Value::as_str) {
            Some("string") if longest.is_some_and(|longest| longest <= 120) => Kind::Line,
            Some("string") if self.schema.get("format").is_some() => Kind::Line,
            Some("string") => Kind::Lines,
            Some("number" | "integer") => Kind::Number,
            Some("boolean") => truth(),
            _ => Kind::Json,
        }
    }
}

fn parts(schema: &Value) -> Vec<Part<'_>> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let needs = |name: &str| {
        required.is_some_and(|names| names.iter().any(|known| known.as_str() == Some(name)))
    };
    match properties.filter(|properties| !properties.is_empty()) {
        Some(properties) => properties
            .iter()
            .map(|(name, schema)| Part { name: Some(name), schema, required: needs(name) })
            .collect(),
        None => vec![Part { name: None, schema, required: true }],
    }
}

/// What was filled in, before anyone checked it against the form.
///
/// # Errors
/// The fields that hold nothing of their kind.
pub(super) fn answer(schema: &Value, typed: &Typed) -> Result<Value, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut members = Map::new();
    let mut whole = None;
    for (index, part) in parts(schema).iter().enumerate() {
        let written = typed.get(&answer_name(index)).map_or("", String::as_str);
        let written = written.replace("\r\n", "\n");
        let kind = part.kind();
        let text = matches!(kind, Kind::Line | Kind::Lines);
        if written.trim().is_empty() && !(text && part.required) {
            continue;
        }
        let name = part.name.unwrap_or_default();
        match (read(&kind, &written), part.name) {
            (Ok(value), Some(name)) => drop(members.insert(name.into(), value)),
            (Ok(value), None) => whole = Some(value),
            (Err(detail), _) => problems.push(Problem {
                pointer: format!("/answer/{name}"),
                detail: format!("{name}: {detail}"),
            }),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(whole.unwrap_or(Value::Object(members)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::render::tests::sample_approval;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn a_field_that_was_left_alone_changes_nothing() {
        let mut approval = sample_approval();
        let places = ["/arguments/version", "/arguments/replicas", "/arguments/flags", "/target"];
        approval.editable = places.iter().map(|place| place.parse().unwrap()).collect();
        let inputs = edit_inputs(&approval, &Typed::new());
        let as_shown = inputs.into_iter().map(|input| (input.name, input.value)).collect();
        assert_eq!(edits(&approval, &as_shown), Ok(BTreeMap::new()));
        let changed = typed(&[("edit0", "2.2"), ("edit1", "4"), ("edit3", "prod-us")]);
        let found = edits(&approval, &changed).unwrap();
        let found: Vec<_> = found.iter().map(|(at, value)| (at.as_str(), value.clone())).collect();
        let wanted = [
            ("/arguments/replicas", json!(4)),
            ("/arguments/version", json!("2.2")),
            ("/target", json!("prod-us")),
        ];
        assert_eq!(found, wanted);
        let bad = edits(&approval, &typed(&[("edit1", "four"), ("edit2", "[")])).unwrap_err();
        assert_eq!(bad.len(), 2, "{bad:?}");
    }

    #[test]
    fn the_ends_of_lines_that_a_form_cannot_tell_are_no_change() {
        let mut approval = sample_approval();
        for (value, sent) in [("a\rb", "a\r\nb"), ("\r", "\r\n"), ("a\r\n\nb", "a\r\n\r\nb")] {
            Arc::make_mut(&mut approval.action).arguments = json!({ "text": value });
            approval.editable = vec!["/arguments/text".parse().unwrap()];
            let input = edit_inputs(&approval, &Typed::new()).remove(0);
            assert_eq!(input.kind, Kind::Lines, "a field of one line drops them");
            assert_eq!(edits(&approval, &typed(&[("edit0", sent)])), Ok(BTreeMap::new()));
        }
    }

    #[test]
    fn a_form_has_a_field_for_each_property() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a_region": { "enum": ["eu", 2], "title": "Region\u{202e}" },
                "b_share": { "type": "integer", "default": 5 },
                "c_sure": { "type": "boolean" },
                "d_why": { "type": "string" },
                "e_more": { "type": "array" },
            },
            "required": ["a_region", "d_why"],
        });
        let inputs = answer_inputs(&schema, &Typed::new());
        assert_eq!(inputs.len(), 5);
        assert_eq!(inputs[1].value, "5");
        assert!(inputs[0].required && !inputs[1].required);
        let given = typed(&[
            ("answer0", "\"eu\""),
            ("answer1", " 7 "),
            ("answer2", "true"),
            ("answer3", ""),
            ("answer4", "[1]"),
        ]);
        assert_eq!(
            answer(&schema, &given),
            Ok(
                json!({ "a_region": "eu", "b_share": 7, "c_sure": true, "d_why": "", "e_more": [1] })
            )
        );
        let nothing = answer(&schema, &Typed::new());
        assert_eq!(nothing, Ok(json!({ "d_why": "" })), "what is missing, the form says");
        assert!(answer(&schema, &typed(&[("answer1", "many")])).is_err());
        let whole = json!({ "type": "string", "maxLength": 10 });
        assert_eq!(answer(&whole, &typed(&[("answer0", "ok")])), Ok(json!("ok")));
    }
}
