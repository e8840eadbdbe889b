//! Reads the parameters of a call, from the query, a form or JSON, as loosely typed as Telegram
//! takes them, and refuses those that the kit does not know: a typo would go unnoticed otherwise.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::wire::Incoming;

pub(super) struct Parameters(Map<String, Value>);

impl Parameters {
    /// # Errors
    /// 400, if the body is of no kind that Telegram reads (multipart is for files, which the kit
    /// has none of).
    pub(super) fn read(incoming: &Incoming) -> Result<Self, Refusal> {
        let mut read = Map::new();
        let mut form = |text: &[u8]| {
            for (name, value) in form_urlencoded::parse(text) {
                read.insert(name.into_owned(), Value::String(value.into_owned()));
            }
        };
        form(incoming.query.as_bytes());
        let kind = incoming.content_type.split(';').next().unwrap_or_default().trim();
        match kind {
            _ if incoming.body.is_empty() => {}
            "application/x-www-form-urlencoded" => form(&incoming.body),
            "application/json" => match serde_json::from_slice(&incoming.body) {
                Ok(Value::Object(object)) => read.extend(object),
                _ => return Err(Refusal::bad("can't parse request JSON object")),
            },
            _ => return Err(Refusal::unknown("reads JSON and forms alone")),
        }
        read.retain(|_, value| !value.is_null());
        Ok(Self(read))
    }

    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    /// # Errors
    /// 400, if there is one that is not among `known`.
    pub(super) fn only(&self, method: &str, known: &[&str]) -> Result<(), Refusal> {
        super::keyboard::only(&self.0, known, method)
    }

    /// Text, and numbers as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// A number, written as one or as text. What is none counts as absent, as with Telegram.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.0.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => {
                ["true", "yes", "1"].contains(&text.trim().to_ascii_lowercase().as_str())
            }
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    /// A value that is an object or a list, or text that holds one.
    ///
    /// # Errors
    /// 400, if the text is no JSON; `what` says what it should have been.
    pub(super) fn json(&self, name: &str, what: &str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::bad(&format!("can't parse {what} JSON object"))),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}
