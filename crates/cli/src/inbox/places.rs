//! What an approver can fill in before approving: the places of the action that are open for
//! changes, and the fields of the asker's form.

use std::collections::BTreeMap;

use askfirst_core::approval::edit;
use askfirst_core::{Action, Approval, Pointer};
use serde_json::{Map, Value};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the action.
    Change(Pointer),
    /// In the form, by the name of its member; the whole answer, where the form is no object.
    Answer(Option<String>),
}

/// What was filled in so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filled {
    /// Changes of the action.
    pub(crate) changes: BTreeMap<Pointer, Value>,
    /// Members of the answer.
    members: Map<String, Value>,
    /// An answer that is no object.
    whole: Option<Value>,
}

/// All places of an approval.
pub(crate) fn all(approval: &Approval) -> Vec<Place> {
    let mut places: Vec<Place> = approval.editable.iter().cloned().map(Place::Change).collect();
    if let Some(schema) = &approval.answer_schema {
        match schema["properties"].as_object() {
            Some(members) => {
                places.extend(members.keys().map(|name| Place::Answer(Some(name.clone()))));
            }
            None => places.push(Place::Answer(None)),
        }
    }
    places
}

impl Place {
    /// What it is called.
    pub(crate) fn label(&self, approval: &Approval) -> String {
        match self {
            Self::Change(place) => format!("change {place}"),
            Self::Answer(None) => "the form, as JSON".into(),
            Self::Answer(Some(name)) => {
                let title = self.schema(approval)["title"].as_str();
                title.map_or_else(|| name.clone(), |title| format!("{title} ({name})"))
            }
        }
    }

    /// What can be written there.
    pub(crate) fn hint(&self, approval: &Approval) -> String {
        let Self::Answer(Some(name)) = self else { return String::new() };
        let schema = self.schema(approval);
        let mut hint = match (schema["enum"].as_array(), schema["type"].as_str()) {
            (Some(choices), _) => {
                let all: Vec<String> = choices.iter().map(as_text).collect();
                format!("one of: {}", all.join(", "))
            }
            (None, Some("boolean")) => "true or false".into(),
            (None, Some(kind)) => kind.to_owned(),
            (None, None) => String::new(),
        };
        if is_required(approval, name) {
            hint.push_str(if hint.is_empty() { "needed" } else { "; needed" });
        }
        hint
    }

    fn schema<'a>(&self, approval: &'a Approval) -> &'a Value {
        const NONE: &Value = &Value::Null;
        let Self::Answer(Some(name)) = self else { return NONE };
        approval.answer_schema.as_ref().map_or(NONE, |schema| &schema["properties"][name])
    }

    /// What stands there now, as it would be typed.
    pub(crate) fn value(&self, approval: &Approval, filled: &Filled) -> String {
        match self {
            Self::Change(place) => {
                let now = filled.changes.get(place).cloned();
                let now = now.or_else(|| edit::value_at(&approval.action, place));
                now.as_ref().map(as_text).unwrap_or_default()
            }
            Self::Answer(None) => filled.whole.as_ref().map(as_text).unwrap_or_default(),
            Self::Answer(Some(name)) => filled.members.get(name).map(as_text).unwrap_or_default(),
        }
    }

    /// Takes what was typed; nothing typed into a form's field leaves it out.
    pub(crate) fn fill(
        &self,
        approval: &Approval,
        filled: &mut Filled,
        typed: &str,
    ) -> Result<(), String> {
        let json = |text: &str| {
            crate::input::strict(text.as_bytes()).map_err(|why| format!("not JSON: {why}"))
        };
        match self {
            Self::Change(place) => {
                let before = edit::value_at(&approval.action, place);
                let value = match &before {
                    // A text is changed into a text, whatever else it looks like.
                    Some(Value::String(_)) => Value::from(typed),
                    _ => json(typed)?,
                };
                let mut changes = filled.changes.clone();
                if before.as_ref() == Some(&value) {
                    changes.remove(place);
                } else {
                    changes.insert(place.clone(), value);
                }
                changed(approval, &changes)?;
                filled.changes = changes;
            }
            Self::Answer(None) => filled.whole = Some(json(typed)?),
            Self::Answer(Some(name)) if typed.is_empty() => {
                filled.members.remove(name);
            }
            Self::Answer(Some(name)) => {
                let schema = self.schema(approval);
                let choice = schema["enum"].as_array().into_iter().flatten();
                let choice = choice.into_iter().find(|one| as_text(one) == typed).cloned();
                let value = match choice {
                    Some(choice) => choice,
                    None if schema["type"] == "string" => Value::from(typed),
                    None => json(typed)?,
                };
                filled.members.insert(name.clone(), value);
            }
        }
        Ok(())
    }
}

/// The action with these changes.
pub(crate) fn changed(
    approval: &Approval,
    changes: &BTreeMap<Pointer, Value>,
) -> Result<Action, String> {
    edit::edited(&approval.action, &approval.editable, changes).map_err(|why| why.to_string())
}

impl Filled {
    /// The answer to the form; null without one.
    pub(crate) fn answer(&self, approval: &Approval) -> Value {
        match &approval.answer_schema {
            None => Value::Null,
            Some(schema) if schema["properties"].is_object() => Value::Object(self.members.clone()),
            Some(_) => self.whole.clone().unwrap_or_default(),
        }
    }

    /// The first field that is needed and empty.
    pub(crate) fn missing(&self, approval: &Approval) -> Option<Place> {
        let empty = |place: &Place| match place {
            Place::Change(_) => false,
            Place::Answer(None) => self.whole.is_none(),
            Place::Answer(Some(name)) => {
                is_required(approval, name) && !self.members.contains_key(name)
            }
        };
        all(approval).into_iter().find(empty)
    }
}

fn is_required(approval: &Approval, name: &str) -> bool {
    let required = approval.answer_schema.as_ref().and_then(|schema| schema["required"].as_array());
    required.is_some_and(|all| all.iter().any(|one| one == name))
}

/// A text as it is; anything else as JSON.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
