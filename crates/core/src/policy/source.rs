//! Who a need can be met by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::is_name;
use crate::MemberId;
use crate::facts::{Person, Roster};

/// Whose votes can meet a need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `members`: anyone with an account in the workspace whose role may vote.
    Members,
    /// `group:NAME`: who is in that group when they vote.
    Group(String),
    /// `member:EMAIL`: one person.
    Member(String),
    /// `contact:EMAIL`: one person who has no account.
    Contact(String),
}

/// Ids of some people.
type Named<'a> = Box<dyn Iterator<Item = MemberId> + 'a>;

impl Source {
    /// Whether `person` counts as coming from here, by the roster as it is now.
    #[must_use]
    pub fn includes(&self, id: MemberId, person: &Person, roster: &Roster) -> bool {
        match self {
            Self::Members => person.role.has_account(),
            Self::Group(name) => roster.groups.get(name).is_some_and(|ids| ids.contains(&id)),
            Self::Member(email) => {
                person.role.has_account() && person.email.eq_ignore_ascii_case(email)
            }
            Self::Contact(email) => {
                !person.role.has_account() && person.email.eq_ignore_ascii_case(email)
            }
        }
    }

    /// Who can come from here at all, whatever their role; none if that is everybody.
    pub(super) fn named<'a>(&'a self, roster: &'a Roster) -> Option<Named<'a>> {
        match self {
            Self::Members => None,
            Self::Group(name) => {
                Some(Box::new(roster.groups.get(name).into_iter().flatten().copied()))
            }
            Self::Member(email) | Self::Contact(email) => {
                let is_theirs = |person: &Person| person.email.eq_ignore_ascii_case(email);
                let theirs = roster.people.iter().filter(move |(_, person)| is_theirs(person));
                Some(Box::new(theirs.map(|(id, _)| *id)))
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members => f.write_str("members"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Member(email) => write!(f, "member:{email}"),
            Self::Contact(email) => write!(f, "contact:{email}"),
        }
    }
}

/// A text that names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "name who may vote as group:NAME, member:EMAIL, contact:EMAIL, or members for anyone with an \
     account in the workspace"
)]
pub struct NotASource;

impl FromStr for Source {
    type Err = NotASource;
    fn from_str(text: &str) -> Result<Self, NotASource> {
        match text.split_once(':') {
            None if text == "members" => Ok(Self::Members),
            Some(("group", name)) if is_name(name) => Ok(Self::Group(name.into())),
            Some(("member", email)) if email.contains('@') && email.len() <= 254 => {
                Ok(Self::Member(email.into()))
            }
            Some(("contact", email)) if email.contains('@') && email.len() <= 254 => {
                Ok(Self::Contact(email.into()))
            }
            _ => Err(NotASource),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
