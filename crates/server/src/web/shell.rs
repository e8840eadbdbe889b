//! What every page has around it, and the small things that many pages show.

use askfirst_core::{Environment, Timestamp};

use super::assets;
use super::session::SignedIn;
use crate::render::glyphs::{self, Piece};
use crate::render::moment;
use crate::service::caller::{ADMINS, READERS};

/// A text by someone else, with everything in it made visible.
pub(super) type Text = Vec<Piece>;

/// One line of someone else's text.
pub(super) fn text(text: &str) -> Text {
    glyphs::visible_on_one_line(text).0
}

/// Someone else's text over all its lines.
pub(super) fn lines(text: &str) -> Vec<Text> {
    glyphs::visible(text).lines
}

/// The person for whom a page is made.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) name: Text,
    pub(super) email: Text,
    pub(super) role: &'static str,
    pub(super) workspace: Text,
    pub(super) csrf: String,
    /// Whether the audit log is for their eyes.
    pub(super) audits: bool,
    /// Whether they administer the workspace.
    pub(super) admin: bool,
}

/// The frame of a page.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    pub(super) title: Text,
    pub(super) who: Option<Who>,
    pub(super) banner: Option<&'static str>,
    /// Server time in milliseconds, for countdowns; none for pages that never change.
    pub(super) now: Option<i64>,
    /// The path of the navigation entry that this page is.
    pub(super) here: &'static str,
}

impl Shell {
    /// For who is not known.
    pub(super) fn bare(title: &str) -> Self {
        Self { title: text(title), who: None, banner: None, now: None, here: "" }
    }

    /// The same, saying so where nothing is real.
    pub(super) fn within(self, environment: Environment) -> Self {
        Self { banner: banner(environment), ..self }
    }

    /// For who is signed in.
    pub(super) fn of(title: &str, here: &'static str, by: &SignedIn, now: Timestamp) -> Self {
        let person = &by.viewer.member.person;
        Self {
            title: text(title),
            who: Some(Who {
                name: text(if person.name.is_empty() { &person.email } else { &person.name }),
                email: text(&person.email),
                role: person.role.as_str(),
                workspace: text(&by.viewer.workspace.name),
                csrf: by.token.csrf(),
                audits: READERS.contains(&person.role),
                admin: ADMINS.contains(&person.role),
            }),
            banner: banner(by.viewer.workspace.environment),
            now: Some(now.micros() / 1_000),
            here,
        }
    }

    /// The proof that a form was made for this session; empty where there is none.
    pub(super) fn csrf(&self) -> &str {
        self.who.as_ref().map_or("", |who| &who.csrf)
    }

    pub(super) fn style(&self) -> &'static str {
        assets::style()
    }

    pub(super) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }
}

fn banner(environment: Environment) -> Option<&'static str> {
    match environment {
        Environment::Live => None,
        Environment::Test => Some("Test: nothing here is real"),
        Environment::Dev => Some("Development: nothing here is real"),
    }
}

/// A point in time as pages write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339.
    pub(super) iso: String,
    /// Milliseconds since the epoch.
    pub(super) millis: i64,
    /// `1 Jan 2030, 00:00:00 UTC`.
    pub(super) absolute: String,
    /// `3 min ago`, `in 58 min`; empty where no now is known.
    pub(super) relative: String,
}

impl Moment {
    pub(super) fn at(time: Timestamp) -> Self {
        Self {
            iso: time.to_string(),
            millis: time.micros() / 1_000,
            absolute: moment(time),
            relative: String::new(),
        }
    }

    pub(super) fn seen_from(time: Timestamp, now: Timestamp) -> Self {
        let ahead = (time.micros() - now.micros()) / 1_000_000;
        let relative = match ahead {
            -9..=0 => "just now".into(),
            ..=-10 => format!("{} ago", age(-ahead)),
            _ => format!("in {}", span(ahead)),
        };
        Self { relative, ..Self::at(time) }
    }
}

/// How long ago: `1 min`. The script counts the same way.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..172_800 => "1 day".into(),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long there is left, finer where it is short: `58 min`. The script counts the same way.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_like_times() {
        let now = Timestamp::from_seconds(1_893_456_000);
        let seen = |offset: i64| {
            Moment::seen_from(Timestamp::from_seconds(1_893_456_000 + offset), now).relative
        };
        assert_eq!(seen(0), "just now");
        assert_eq!(seen(-59), "59 s ago");
        assert_eq!(seen(-105), "1 min ago");
        assert_eq!(seen(-64 * 60), "1 h ago");
        assert_eq!(seen(-90_000), "1 day ago");
        assert_eq!(seen(105), "in 105 s");
        assert_eq!(seen(3_540), "in 59 min");
        assert_eq!(seen(-7_200), "2 h ago");
        assert_eq!(seen(259_200), "in 3 days");
        assert_eq!(Moment::at(now).absolute, "1 Jan 2030, 00:00:00 UTC");
    }
}
