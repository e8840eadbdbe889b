//! What a list is filtered by, as people and programs name it, and the rows that this means.
//! Whoever is named and not known finds nothing; only what names nobody at all is a mistake.

use std::str::FromStr;
use std::sync::Arc;

use askfirst_core::{ApprovalId, KeyId, MemberId, PolicyName, Roster, Scope, Status, Timestamp};
use askfirst_store::ApprovalFilter;

use super::{Caller, Needed, Result, Seen, Service, ServiceError};

/// The longest text that is searched for, in characters.
pub const LONGEST_TEXT: usize = 200;
/// How far is counted; what lies beyond is found by narrowing the search.
pub const MOST_COUNTED: u32 = 10_000;

/// Which approvals are wanted. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Only with this status.
    pub status: Option<Status>,
    /// Only what is not pending any more.
    pub ended: bool,
    /// Only what ended in another way than by approval.
    pub unapproved: bool,
    /// Only where this member of the action's arguments is this text.
    pub argument: Option<(&'static str, String)>,
    /// Only under the policy of this name.
    pub policy: Option<PolicyName>,
    /// Only by an agent of this name.
    pub agent: Option<String>,
    /// Only asked by this key, or by one that this member answers for.
    pub asker: Option<Party>,
    /// Only where this member voted.
    pub approver: Option<Person>,
    /// Only with this text in title, name, target or reason.
    pub text: Option<String>,
    /// Only asked at this time or later.
    pub created_after: Option<Timestamp>,
    /// Only asked before this time.
    pub created_before: Option<Timestamp>,
    /// Only older than this one.
    pub before: Option<ApprovalId>,
    /// At most so many.
    pub limit: u32,
}

/// A member, as others name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// By id.
    Id(MemberId),
    /// By address.
    Email(String),
}

/// Who asks: a key, or the member who answers for keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A key.
    Key(KeyId),
    /// A member.
    Person(Person),
}

/// A text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesNobody {
    /// Where a member was meant.
    #[error("name a member by e-mail address or id (mem_…)")]
    Person,
    /// Where a key would do too.
    #[error("name a key by its id (key_…), or a member by e-mail address or id (mem_…)")]
    Party,
    /// Where the server would do too.
    #[error("name a member by e-mail address or id (mem_…), a key by its id (key_…), or system")]
    Doer,
}

impl FromStr for Person {
    type Err = NamesNobody;

    fn from_str(text: &str) -> std::result::Result<Self, NamesNobody> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) if text.contains('@') && text.len() <= 254 => Ok(Self::Email(text.into())),
            Err(_) => Err(NamesNobody::Person),
        }
    }
}

impl FromStr for Party {
    type Err = NamesNobody;

    fn from_str(text: &str) -> std::result::Result<Self, NamesNobody> {
        match text.parse() {
            Ok(id) => Ok(Self::Key(id)),
            Err(_) => text.parse().map(Self::Person).map_err(|_| NamesNobody::Party),
        }
    }
}

impl Person {
    /// Which member that is.
    fn of(&self, roster: &Roster) -> Option<MemberId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Email(email) => {
                let mut people = roster.people.iter();
                let found = people.find(|(_, person)| person.email.eq_ignore_ascii_case(email));
                found.map(|(id, _)| *id)
            }
        }
    }
}

/// A text that is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "use a time such as 2030-01-31T12:00:00Z, or a day such as 2030-01-31, which begins at 00:00 \
     UTC; in an address, write a plus sign as %2B"
)]
pub struct NoTime;

/// A point in time: RFC 3339, or a day, which stands for its beginning in UTC.
///
/// # Errors
/// What is neither.
pub fn point_in_time(text: &str) -> std::result::Result<Timestamp, NoTime> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    // Dates alone; jiff would take a date and a time without its offset, too.
    let day = text.len() == 10;
    let day: Option<jiff::civil::Date> = day.then(|| text.parse().ok()).flatten();
    let start = day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    let start = start.ok_or(NoTime)?;
    Ok(Timestamp::from_micros(start.timestamp().as_microsecond()))
}

impl Service {
    /// One page, by how many come before it, of what the calling key asked, newest first; and how
    /// many there are in all, counted up to [`MOST_COUNTED`]. Who asks and who voted is not
    /// searched for.
    ///
    /// # Errors
    /// If there is no such key, or it could not be read.
    pub async fn own_page(
        &self,
        caller: &Caller,
        search: Search,
        skip: u32,
    ) -> Result<(Vec<Seen>, u32)> {
        let key = caller.key().filter(|key| key.scopes.contains(&Scope::Ask));
        let key = key.ok_or(ServiceError::Forbidden(Needed::Scope(Scope::Ask)))?;
        let filter = ApprovalFilter {
            status: search.status,
            unapproved: search.unapproved,
            argument: search.argument,
            asker: Some(key.id),
            created_after: search.created_after,
            created_before: search.created_before,
            skip,
            limit: search.limit,
            ..ApprovalFilter::default()
        };
        let all = ApprovalFilter { skip: 0, limit: MOST_COUNTED, ..filter.clone() };
        let total = self.store.count_approvals(caller.place, all).await?;
        let roster = self.store.roster(caller.place.workspace).await?;
        let now = self.store.now();
        let mut found = Vec::new();
        for approval in self.store.approvals(caller.place, filter).await? {
            let (approval, roster) = (Arc::new(approval), Arc::clone(&roster));
            found.push(self.with_proof(Seen { approval, roster, proof: None, now }).await?);
        }
        Ok((found, total))
    }

    /// One page of what is searched for, newest first, and after which one the next page starts.
    /// As [`Service::page`].
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn search(
        &self,
        caller: &Caller,
        search: Search,
    ) -> Result<(Vec<Seen>, Option<ApprovalId>)> {
        let roster = self.store.roster(caller.place.workspace).await?;
        let nothing = Ok((Vec::new(), None));
        let mut filter = ApprovalFilter {
            status: search.status,
            ended: search.ended,
            unapproved: search.unapproved,
            argument: search.argument,
            policy: search.policy,
            agent: search.agent,
            text: search.text,
            created_after: search.created_after,
            created_before: search.created_before,
            before: search.before,
            limit: search.limit,
            ..ApprovalFilter::default()
        };
        match search.asker {
            None => {}
            Some(Party::Key(key)) => filter.asker = Some(key),
            Some(Party::Person(person)) => match person.of(&roster) {
                Some(member) => filter.owner = Some(member),
                None => return nothing,
            },
        }
        if let Some(person) = search.approver {
            match person.of(&roster) {
                Some(member) => filter.approver = Some(member),
                None => return nothing,
            }
        }
        self.page(caller, filter).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_says_which_one() {
        let day = point_in_time("2030-01-31").unwrap();
        assert_eq!(day.to_string(), "2030-01-31T00:00:00.000Z");
        let offset = point_in_time("2030-01-31T01:30:00+02:00").unwrap();
        assert_eq!(offset.to_string(), "2030-01-30T23:30:00.000Z");
        for bad in [
            "",
            "yesterday",
            "2030-02-30",
            "2030-01-31T12:00:00",
            "20300131",
            "2030-01-31 ",
            "2030-01-31T01:30:00 02:00",
            "99999-01-01",
        ] {
            assert_eq!(point_in_time(bad), Err(NoTime), "{bad}");
        }
    }

    #[test]
    fn people_and_keys_are_named_in_one_way_each() {
        let (key, member) = (KeyId::from_bits(7), MemberId::from_bits(8));
        assert_eq!(key.to_string().parse(), Ok(Party::Key(key)));
        assert_eq!(member.to_string().parse(), Ok(Party::Person(Person::Id(member))));
        assert_eq!("a@b".parse(), Ok(Person::Email("a@b".into())));
        assert_eq!(key.to_string().parse::<Person>(), Err(NamesNobody::Person));
        assert_eq!("%".parse::<Party>(), Err(NamesNobody::Party));
    }
}
