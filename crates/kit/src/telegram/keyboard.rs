//! Reads `reply_markup` and holds its limits: buttons that Telegram would refuse are refused here.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

const MOST_BUTTONS: usize = 100;
const MOST_IN_A_ROW: usize = 8;
/// In bytes, not in characters.
const LONGEST_DATA: usize = 64;
const LONGEST_PLACEHOLDER: usize = 64;

/// A button under a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub text: String,
    /// What it sends back when tapped.
    pub data: Option<String>,
    /// What it opens when tapped; nobody is told.
    pub url: Option<String>,
    /// `danger`, `success` or `primary`.
    pub style: Option<String>,
}

/// Who is asked to answer in the field for text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForceReply {
    /// What stands in the empty field.
    pub placeholder: Option<String>,
    /// Only whom the message answers.
    pub selective: bool,
}

/// What comes along with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Markup {
    Nothing,
    Inline(Vec<Vec<Button>>),
    ForceReply(ForceReply),
    /// Takes away a keyboard that the kit never shows.
    RemoveKeyboard,
}

/// The keyboard as Telegram gives it back.
pub(super) fn value(rows: &[Vec<Button>]) -> Value {
    let button = |button: &Button| {
        let mut value = json!({ "text": button.text });
        let rest =
            [("callback_data", &button.data), ("url", &button.url), ("style", &button.style)];
        for (name, told) in rest {
            if let Some(told) = told {
                value[name] = json!(told);
            }
        }
        value
    };
    let rows: Vec<Vec<Value>> = rows.iter().map(|row| row.iter().map(button).collect()).collect();
    json!({ "inline_keyboard": rows })
}

/// Reads what came as `reply_markup`.
///
/// # Errors
/// 400 in Telegram's words where they are known.
pub(super) fn read(markup: Option<&Value>) -> Result<Markup, Refusal> {
    let Some(markup) = markup else { return Ok(Markup::Nothing) };
    let Some(object) = markup.as_object() else {
        return Err(Refusal::bad("object expected as reply markup"));
    };
    if let Some(rows) = object.get("inline_keyboard") {
        only(object, &["inline_keyboard"], "InlineKeyboardMarkup")?;
        return inline(rows);
    }
    if object.get("force_reply") == Some(&Value::Bool(true)) {
        only(object, &["force_reply", "input_field_placeholder", "selective"], "ForceReply")?;
        let placeholder = text(object, "input_field_placeholder")?;
        let length = placeholder.as_ref().map(|text| text.chars().count());
        if length.is_some_and(|length| !(1..=LONGEST_PLACEHOLDER).contains(&length)) {
            return Err(Refusal::bad("INPUT_FIELD_PLACEHOLDER_INVALID"));
        }
        let selective = object.get("selective") == Some(&Value::Bool(true));
        return Ok(Markup::ForceReply(ForceReply { placeholder, selective }));
    }
    if object.get("remove_keyboard") == Some(&Value::Bool(true)) {
        only(object, &["remove_keyboard", "selective"], "ReplyKeyboardRemove")?;
        return Ok(Markup::RemoveKeyboard);
    }
    if object.is_empty() {
        return Ok(Markup::Nothing);
    }
    Err(Refusal::unknown("knows inline keyboards, force_reply and remove_keyboard alone"))
}

fn inline(rows: &Value) -> Result<Markup, Refusal> {
    const SHAPE: &str =
        "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays";
    let rows = rows.as_array().ok_or_else(|| Refusal::bad(SHAPE))?;
    let mut read = Vec::new();
    for row in rows {
        let row = row.as_array().ok_or_else(|| Refusal::bad(SHAPE))?;
        let row: Vec<Button> = row.iter().map(button).collect::<Result<_, _>>()?;
        // Telegram drops an empty row.
        if !row.is_empty() {
            read.push(row);
        }
    }
    if read.iter().any(|row| row.len() > MOST_IN_A_ROW)
        || read.iter().map(Vec::len).sum::<usize>() > MOST_BUTTONS
    {
        return Err(Refusal::bad("reply markup is too long"));
    }
    Ok(if read.is_empty() { Markup::Nothing } else { Markup::Inline(read) })
}

fn button(value: &Value) -> Result<Button, Refusal> {
    let wrong = |what: &str| Refusal::bad(&format!("can't parse inline keyboard button: {what}"));
    let object =
        value.as_object().ok_or_else(|| wrong("InlineKeyboardButton must be an Object"))?;
    only(object, &["text", "callback_data", "url", "style"], "InlineKeyboardButton")?;
    let label = text(object, "text")?;
    let label = label.ok_or_else(|| wrong("can't find field \"text\""))?;
    if label.trim().is_empty() {
        return Err(wrong("text of a button must be non-empty"));
    }
    let data = text(object, "callback_data")?;
    let url = text(object, "url")?;
    match (&data, &url) {
        (None, None) => {
            return Err(wrong("text buttons are unallowed in the inline keyboard"));
        }
        // Telegram would silently take the URL.
        (Some(_), Some(_)) => {
            return Err(Refusal::unknown("takes one action of a button, and not two"));
        }
        (Some(data), None) if data.is_empty() => {
            return Err(wrong("text buttons are unallowed in the inline keyboard"));
        }
        (Some(data), None) if data.len() > LONGEST_DATA => {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
        (None, Some(url)) => check_url(url)?,
        _ => {}
    }
    let style = text(object, "style")?;
    if style.as_deref().is_some_and(|style| !["danger", "success", "primary"].contains(&style)) {
        return Err(wrong("invalid button style specified"));
    }
    Ok(Button { text: label, data, url, style })
}

/// Telegram opens http and https, and no host without a dot, which leaves out localhost.
fn check_url(url: &str) -> Result<(), Refusal> {
    let wrong = |what: &str| {
        Refusal::bad(&format!("inline keyboard button URL '{url}' is invalid: {what}"))
    };
    let read = url::Url::parse(url).map_err(|_| wrong("Wrong HTTP URL"))?;
    if !["http", "https"].contains(&read.scheme()) {
        return Err(wrong("Unsupported URL protocol"));
    }
    let host = read.host_str().unwrap_or_default();
    if !host.contains(['.', ':']) || host.ends_with('.') {
        return Err(wrong("Wrong HTTP URL"));
    }
    Ok(())
}

fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::bad(&format!("field \"{name}\" must be of type String"))),
    }
}

/// Telegram looks away from a field that it does not know; here it is a mistake.
pub(super) fn only(object: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), Refusal> {
    let stranger = object.keys().find(|name| !known.contains(&name.as_str()));
    match stranger {
        Some(name) => Err(Refusal::unknown(&format!("knows no field {name:?} of {what}"))),
        None => Ok(()),
    }
}
