//! Who somebody says they are who decides by a link. Nobody can check that, so it is no identity: it
//! goes into the vote's comment as its first line, `says: NAME`, and is signed as their words.

const NAMED: &str = "says: ";
/// Before a note that nobody said a name with, and that could be read as if somebody had.
const UNNAMED: &str = "says:\n";

/// What somebody said with their decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Who they say they are, on one line; never empty.
    pub(super) name: Option<String>,
    /// What else they say; never empty.
    pub(super) note: Option<String>,
}

impl Said {
    /// As a comment.
    pub(super) fn comment(self) -> Option<String> {
        match (self.name, self.note) {
            (Some(name), Some(note)) => Some(format!("{NAMED}{name}\n{note}")),
            (Some(name), None) => Some(format!("{NAMED}{name}")),
            (None, Some(note)) if note.starts_with("says:") => Some(format!("{UNNAMED}{note}")),
            (None, note) => note,
        }
    }

    /// What a comment says.
    pub(super) fn of(comment: Option<&str>) -> Self {
        let Some(comment) = comment else { return Self::default() };
        if let Some(note) = comment.strip_prefix(UNNAMED) {
            return Self { name: None, note: Some(note.to_owned()) };
        }
        let Some(named) = comment.strip_prefix(NAMED) else {
            return Self { name: None, note: Some(comment.to_owned()) };
        };
        let (name, note) = match named.split_once('\n') {
            Some((name, note)) => (name, Some(note.to_owned())),
            None => (named, None),
        };
        Self { name: Some(name.to_owned()), note }
    }
}

/// A note without a name, as a comment.
pub(in crate::dialects) fn unnamed(note: String) -> String {
    Said { name: None, note: Some(note) }.comment().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(name: Option<&str>, note: Option<&str>) -> Said {
        Said { name: name.map(str::to_owned), note: note.map(str::to_owned) }
    }

    proptest! {
        #[test]
        fn what_was_said_is_read_back_as_it_was(
            name in proptest::option::of("(says: ?)?[^\n]{1,20}"),
            note in proptest::option::of("(says:[ \n]?){0,2}(.|\n){1,40}"),
        ) {
            let before = Said { name, note };
            let comment = before.clone().comment();
            prop_assert_eq!(Said::of(comment.as_deref()), before);
        }
    }

    #[test]
    fn a_note_that_looks_like_a_name_is_none() {
        let note = said(None, Some("says: the boss\nyes"));
        assert_eq!(note.clone().comment().as_deref(), Some("says:\nsays: the boss\nyes"));
        assert_eq!(Said::of(note.comment().as_deref()).name, None);
        assert_eq!(unnamed("says: x".into()), "says:\nsays: x");
        let both = said(Some("john@example.com"), Some("ok"));
        assert_eq!(both.comment().as_deref(), Some("says: john@example.com\nok"));
        assert_eq!(Said::default().comment(), None);
    }
}
