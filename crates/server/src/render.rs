//! The account of an approval that a person decides by: what will happen, who asks, under which
//! rules, and what the agent says. One account makes both the page and the text that is kept with
//! the vote, so the two cannot differ. Of what can change about an approval only that is in it
//! by which later approvers decide: what was changed, and what was asked back and answered.

pub mod glyphs;
pub mod grants;
pub mod suspicions;
mod tree;

use askfirst_core::approval::edit;
use askfirst_core::policy::sources_in_words;
use askfirst_core::{Approval, Digest, OnTimeout, Pointer, Policy, Timestamp};
use askfirst_store::Shown;
use serde_json::Value;

pub use glyphs::Piece;
pub use grants::account_with;

/// The name and version of this way of showing; a change to the text is a new version.
pub const RENDERER: &str = "web/2";
const CHANNEL: &str = "web";
const LOCALE: &str = "en";

/// From this length on, in characters, a value is shown in a box of its own that scrolls.
const LONG: usize = 1_000;
/// From this many lines on likewise.
const MANY_LINES: usize = 16;
/// From this length on, in characters, the length is stated.
const WORTH_COUNTING: usize = 200;

/// What is shown of an approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// In the order of reading.
    pub sections: Vec<Section>,
    /// How many characters in it would not have been seen.
    pub hidden: usize,
    /// How many warnings it carries.
    pub warnings: usize,
}

/// What a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That the reader should look closely.
    Caution,
    /// What will happen.
    Action,
    /// Who asks, by their credential.
    Asker,
    /// The frozen rules.
    Rules,
    /// What approvers changed.
    Changes,
    /// What approvers asked back.
    Inquiries,
    /// What else is said yes to, in advance.
    Grant,
    /// What the agent says; nobody checked it.
    Words,
}

/// A part of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub kind: Kind,
    /// Its first line.
    pub heading: &'static str,
    /// What it says.
    pub fields: Vec<Field>,
    /// Its last line, where its end matters.
    pub closing: Option<&'static str>,
}

/// One labelled value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// How deep inside other values it lies.
    pub depth: usize,
    /// What it is.
    pub label: Vec<Piece>,
    /// How long it is, where that is worth saying.
    pub note: Option<String>,
    /// Line by line; empty for a value whose parts follow as fields of their own.
    pub lines: Vec<Vec<Piece>>,
    /// What to be careful about.
    pub warnings: Vec<String>,
    /// Whether it gets a box that scrolls.
    pub long: bool,
    /// Whether this is the title.
    pub title: bool,
}

impl Section {
    /// All of it but its first line.
    #[must_use]
    pub fn body(&self) -> String {
        let mut text = String::new();
        for field in &self.fields {
            write_field(&mut text, field);
        }
        if let Some(closing) = self.closing {
            text.push_str(closing);
            text.push('\n');
        }
        text
    }

    /// What a page calls this kind of section.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self.kind {
            Kind::Caution => "caution",
            Kind::Action => "action",
            Kind::Asker => "who",
            Kind::Rules => "rules",
            Kind::Changes => "changes",
            Kind::Inquiries => "inquiries",
            Kind::Grant => "grant",
            Kind::Words => "words",
        }
    }
}

impl Field {
    /// A value that this server made or checked itself.
    fn known(label: &str, value: impl ToString) -> Self {
        let (value, _) = glyphs::visible_on_one_line(&value.to_string());
        Self { label: vec![Piece::Text(label.into())], lines: vec![value], ..Self::default() }
    }

    /// How far it is indented on a page, where there is less room.
    #[must_use]
    pub const fn indent(&self) -> usize {
        if self.depth > 8 { 8 } else { self.depth }
    }

    /// Whether label and value may share a line of a page.
    #[must_use]
    pub const fn is_short(&self) -> bool {
        self.lines.len() == 1 && !self.long && !self.title
    }

    /// The blank space before each of its lines.
    #[must_use]
    pub fn margin(&self) -> String {
        "  ".repeat(self.depth)
    }

    /// What stands before the value on its first line.
    fn lead(&self) -> String {
        let mut text = self.margin();
        self.label.iter().for_each(|piece| text.push_str(piece.as_str()));
        if let Some(note) = &self.note {
            text.push_str(" (");
            text.push_str(note);
            text.push(')');
        }
        text.push(':');
        text
    }
}

/// What a value's second and later lines start with.
pub const CONTINUED: &str = "│ ";
/// What a warning starts with.
pub const WARNING: &str = "! ";

impl Account {
    /// The text that is kept with a vote.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for section in &self.sections {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(section.heading);
            text.push('\n');
            text.push_str(&section.body());
        }
        text
    }

    /// What the store keeps with a vote that was cast on this account.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let text = self.to_text();
        Shown {
            digest: Digest(*askfirst_proof::text_digest(&text).as_bytes()),
            renderer: RENDERER.into(),
            channel: CHANNEL.into(),
            locale: LOCALE.into(),
            text,
        }
    }

    /// As much of it as there is room for, whole lines from the start, and how many characters are
    /// left out. `measure` counts the length of a text, of which there can be as much as `most`.
    #[must_use]
    pub fn within(mut self, most: usize, measure: fn(&str) -> usize) -> (Self, usize) {
        let whole = self.to_text();
        if measure(&whole) <= most {
            return (self, 0);
        }
        let all = whole.chars().count();
        let mut room = most;
        for section in &mut self.sections {
            let shown = |field: &Field| {
                let mut text = String::new();
                write_field(&mut text, field);
                measure(&text)
            };
            let taken = |room: &mut usize, size: usize| {
                // What comes after the first that does not fit does not fit either.
                *room = room.saturating_sub(size);
                *room > 0
            };
            let kept = section.fields.iter().take_while(|field| taken(&mut room, shown(field)));
            let kept = kept.count();
            section.fields.truncate(kept);
        }
        self.sections.retain(|section| !section.fields.is_empty());
        let left = self.to_text().chars().count();
        (self, all - left)
    }

    fn add(&mut self, kind: Kind, heading: &'static str, fields: tree::Fields) {
        self.hidden += fields.hidden;
        self.warnings += fields.list.iter().map(|field| field.warnings.len()).sum::<usize>();
        self.sections.push(Section { kind, heading, fields: fields.list, closing: None });
    }
}

fn write_field(text: &mut String, field: &Field) {
    text.push_str(&field.lead());
    let indent = field.margin();
    for (index, line) in field.lines.iter().enumerate() {
        if index == 0 {
            text.push(' ');
        } else {
            text.push('\n');
            text.push_str(&indent);
            text.push_str(CONTINUED);
        }
        line.iter().for_each(|piece| text.push_str(piece.as_str()));
    }
    text.push('\n');
    for warning in &field.warnings {
        text.push_str(&indent);
        text.push_str(WARNING);
        text.push_str(warning);
        text.push('\n');
    }
}

/// The account of an approval.
#[must_use]
pub fn account(approval: &Approval) -> Account {
    let mut account = Account::default();
    // True before and after: what was decided reads as it read when it was decided.
    account.add(Kind::Action, "WHAT IS ASKED FOR", action(approval));
    let changes = changes(approval);
    if !changes.list.is_empty() {
        account.add(Kind::Changes, "WHAT APPROVERS CHANGED", changes);
    }
    account.add(Kind::Asker, "WHO ASKS", asker(approval));
    account.add(Kind::Rules, "THE RULES", rules(approval));
    let inquiries = inquiries(approval);
    if !inquiries.list.is_empty() {
        account.add(Kind::Inquiries, "WHAT APPROVERS ASKED BACK", inquiries);
    }
    let words = words(approval);
    if !words.list.is_empty() {
        account.add(Kind::Words, "THE AGENT'S OWN WORDS, NOT VERIFIED", words);
        if let Some(section) = account.sections.last_mut() {
            section.closing = Some("END OF THE AGENT'S OWN WORDS");
        }
    }
    caution(&mut account);
    account
}

/// What the store keeps with a vote on this approval.
#[must_use]
pub fn shown_of(approval: &Approval) -> Shown {
    account(approval).shown()
}

fn caution(account: &mut Account) {
    let mut fields = Vec::new();
    if account.hidden > 0 {
        let what =
            format!("{}, each written out as its code point", counted(account.hidden, "character"));
        fields.push(Field::known("Hidden characters", what));
    }
    if account.warnings > 0 {
        let what =
            format!("{}, each on a line that starts with !", counted(account.warnings, "warning"));
        fields.push(Field::known("Misleading text", what));
    }
    if !fields.is_empty() {
        let heading = "LOOK CLOSELY";
        let section = Section { kind: Kind::Caution, heading, fields, closing: None };
        account.sections.insert(0, section);
    }
}

fn action(approval: &Approval) -> tree::Fields {
    let mut fields = tree::Fields::default();
    let action = &approval.action;
    fields.string("Title", &action.title);
    if let Some(title) = fields.list.last_mut() {
        title.title = true;
    }
    fields.string("Action", &action.name);
    if let Some(target) = &action.target {
        fields.string("Target", target);
    }
    if action.arguments.is_null() {
        fields.push(Field::known("Arguments", "none"));
    } else {
        fields.json("Arguments", &action.arguments);
    }
    fields.push(Field::known("Digest", approval.action_digest));
    fields
}

fn asker(approval: &Approval) -> tree::Fields {
    let mut fields = tree::Fields::default();
    fields.string("Key", &approval.asker.label);
    fields.push(Field::known("Key id", approval.asker.key));
    fields.push(Field::known("Owner of the key", &approval.asker.owner_email));
    fields.push(Field::known("Owner id", approval.asker.owner));
    for key in &approval.consumers {
        fields.push(Field::known("May also use the approval", key));
    }
    fields
}

fn rules(approval: &Approval) -> tree::Fields {
    let mut fields = tree::Fields::default();
    let policy: &Policy = &approval.policy.document;
    let name = match approval.policy.version {
        0 => format!("{}, which came with the request", policy.name),
        version => format!("{}, version {version}", policy.name),
    };
    fields.push(Field::known("Policy", name));
    for need in &policy.needs {
        let from = sources_in_words(&need.from);
        let votes = counted(need.count.into(), "approval");
        fields.push(Field::known("Needed", format!("{votes} from {from}")));
    }
    for step in &policy.steps {
        let from = sources_in_words(&step.add);
        fields.push(Field::known("Open to others", format!("{from}, after {}", step.after)));
    }
    let rejections = counted(policy.rejections.into(), "rejection");
    fields.push(Field::known("Ends with", rejections));
    fields.push(Field::known("Least assurance", policy.assurance));
    if policy.separate.owner {
        fields.push(Field::known("Kept out", "the owner of the asking key"));
    }
    let silence = match policy.on_timeout {
        OnTimeout::Expire => "it expires",
        OnTimeout::Reject => "it is rejected",
    };
    for place in &approval.editable {
        fields.string("Approvers may change", place.as_str());
    }
    fields.push(Field::known("Answer before", moment(approval.expires_at)));
    fields.push(Field::known("Without an answer", silence));
    fields.push(Field::known("Once approved, good for", approval.valid_for));
    fields.push(Field::known("Priority, as the asker says", approval.priority.as_str()));
    fields.push(Field::known("Asked at", moment(approval.created_at)));
    fields.push(Field::known("Environment", approval.environment.as_str()));
    fields.push(Field::known("Request", approval.id));
    fields.push(Field::known("Workspace", approval.workspace));
    fields.push(Field::known("Policy digest", approval.policy.digest));
    fields
}

/// Who changed the action, and what stood there before.
fn changes(approval: &Approval) -> tree::Fields {
    let mut fields = tree::Fields::default();
    for step in approval.revisions.windows(2) {
        let [before, after] = step else { continue };
        let by = after.by.as_ref().map_or("", |by| by.email.as_str());
        fields.push(Field::known(&format!("Change {}, by", before.number), by));
        let was = |place: &Pointer| edit::value_at(&before.action, place);
        let changed = approval.editable.iter().filter_map(|place| {
            let old = was(place)?;
            let new = edit::value_at(&after.action, place);
            (new.as_ref() != Some(&old)).then(|| (place.to_string(), old))
        });
        fields.json("Before that it was", &Value::Object(changed.collect()));
    }
    fields
}

fn inquiries(approval: &Approval) -> tree::Fields {
    let mut fields = tree::Fields::default();
    for inquiry in &approval.inquiries {
        fields.string(&format!("Question {}", inquiry.number), &inquiry.question);
        fields.push(Field::known("Asked by", &inquiry.by.email));
        if inquiry.reply.is_none() {
            fields.push(Field::known("Answer", "none yet"));
        }
    }
    fields
}

fn words(approval: &Approval) -> tree::Fields {
    let mut fields = tree::Fields::default();
    if let Some(reason) = &approval.reason {
        fields.string("Reason", reason);
    }
    if let Some(agent) = &approval.agent {
        fields.string("Agent's name for itself", &agent.name);
        if let Some(run) = &agent.run {
            fields.string("Run", run);
        }
        if let Some(call) = &agent.call {
            fields.string("Call", call);
        }
    }
    for inquiry in &approval.inquiries {
        if let Some(reply) = &inquiry.reply {
            fields.string(&format!("Answer to question {}", inquiry.number), &reply.text);
        }
    }
    if let Some(form) = &approval.answer_schema {
        fields.json("Form to fill in", form);
    }
    // An asker who sends no notes is recorded with none, in either spelling.
    let notes = &approval.metadata;
    if !notes.is_null() && notes.as_object().is_none_or(|notes| !notes.is_empty()) {
        fields.json("Notes", notes);
    }
    fields
}

/// A point in time as pages write it, the same in each: `1 Jan 2030, 00:00:00 UTC`.
#[must_use]
pub fn moment(time: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(time.micros()).map_or_else(
        |_| time.to_string(),
        |time| time.strftime("%-d %b %Y, %H:%M:%S UTC").to_string(),
    )
}

/// `1 character`, `1,234 characters`.
fn counted(count: usize, what: &str) -> String {
    let digits = count.to_string();
    let mut number = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            number.push(',');
        }
        number.push(digit);
    }
    let plural = if count == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod version;
