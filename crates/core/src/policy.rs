//! A policy: who may decide, how many, how surely identified, by when, what silence means.
//! Versions and names are kept by the store; here is what a document means and when it is wrong.

pub mod grants;
mod source;
pub mod steps;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

pub use grants::GrantLimits;
pub use source::{NotASource, Source};
use steps::Step;

use crate::facts::Roster;
use crate::quorum::{self, NeedSet};
use crate::{Assurance, Digest, MemberId, PolicyId, Seconds};

/// The most needs in one policy; what a [`NeedSet`] can hold with room to spare.
pub const MOST_NEEDS: usize = 16;
/// The most votes that one policy may ask for over all its needs.
pub const MOST_SEATS: u32 = 64;

/// A policy's name: lowercase letters, digits, `.`, `_`, `-`; 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PolicyName(String);

/// A text that cannot name a policy or a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit")]
pub struct NotAName;

/// Whether a text may name a policy or a group.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'))
}

impl PolicyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyName {
    type Err = NotAName;
    fn from_str(text: &str) -> Result<Self, NotAName> {
        if is_name(text) { Ok(Self(text.into())) } else { Err(NotAName) }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PolicyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// So many votes from these people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Anyone who is in at least one of these.
    pub from: Vec<Source>,
    /// How many different people, 1 or more.
    #[serde(default = "one")]
    pub count: u16,
}

/// Who is kept out although they are among the approvers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Separate {
    /// The owner of the asking key. The asking key itself never votes in any case.
    #[serde(default)]
    pub owner: bool,
}

/// What silence until the deadline means. Never "yes".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnTimeout {
    /// It ends as expired.
    #[default]
    Expire,
    /// It ends as rejected.
    Reject,
}

/// A policy document. Its canonical JSON is what its digest is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What asks call it by.
    pub name: PolicyName,
    /// All must be met; one natural person fills one seat over all of them.
    pub needs: Vec<Need>,
    /// How many rejections end it.
    #[serde(default = "one")]
    pub rejections: u16,
    /// The least a vote must have.
    #[serde(default = "session")]
    pub assurance: Assurance,
    /// Who is kept out.
    #[serde(default)]
    pub separate: Separate,
    /// How long people have; an ask may shorten it.
    #[serde(default = "hour")]
    pub expires_in: Seconds,
    /// What silence means.
    #[serde(default)]
    pub on_timeout: OnTimeout,
    /// Who else may answer after a while, in order of time.
    // Absent where there are none: a document's digest must not change with what it does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// How far an approver may say yes in advance; without it, nobody may at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<GrantLimits>,
    /// How long an approval may be claimed; an ask may shorten it.
    #[serde(default = "quarter")]
    pub valid_for: Seconds,
}

const fn one() -> u16 {
    1
}
const fn session() -> Assurance {
    Assurance::Session
}
const fn hour() -> Seconds {
    Seconds(3_600)
}
const fn quarter() -> Seconds {
    Seconds(900)
}

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON Pointer into the document.
    pub pointer: String,
    /// The reason, in words.
    pub detail: String,
}

impl Problem {
    fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl Policy {
    /// What applies where nothing was configured: one member, within the hour.
    #[must_use]
    pub fn standard(name: PolicyName, assurance: Assurance) -> Self {
        Self {
            name,
            needs: vec![Need { from: vec![Source::Members], count: 1 }],
            rejections: 1,
            assurance,
            separate: Separate::default(),
            expires_in: hour(),
            on_timeout: OnTimeout::Expire,
            steps: Vec::new(),
            grants: None,
            valid_for: quarter(),
        }
    }

    /// Everything that is wrong with the document itself, whoever the people are.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.needs.is_empty() || self.needs.len() > MOST_NEEDS {
            found.push(Problem::at("/needs", format!("a policy has 1 to {MOST_NEEDS} needs")));
        }
        for (index, need) in self.needs.iter().enumerate() {
            if need.from.is_empty() || need.from.len() > 32 {
                found.push(Problem::at(
                    format!("/needs/{index}/from"),
                    "name 1 to 32 groups or members who may vote",
                ));
            }
            if need.count == 0 {
                found.push(Problem::at(format!("/needs/{index}/count"), "at least 1 vote"));
            }
        }
        if self.seats() > MOST_SEATS {
            found.push(Problem::at("/needs", format!("at most {MOST_SEATS} votes over all needs")));
        }
        if self.rejections == 0 {
            found
                .push(Problem::at("/rejections", "at least 1; a single no must be able to end it"));
        }
        for (pointer, span) in [("/expires_in", self.expires_in), ("/valid_for", self.valid_for)] {
            if span < Seconds(1) || span > Seconds::LONGEST {
                found.push(Problem::at(pointer, "between 1 second and 30 days"));
            }
        }
        found.extend(self.step_problems());
        found.extend(self.contact_problem());
        found.extend(self.grants.iter().flat_map(GrantLimits::problems));
        found
    }

    /// What a contact's vote is worth is known beforehand.
    fn contact_problem(&self) -> Option<Problem> {
        let added = self.steps.iter().flat_map(|step| &step.add);
        let mut sources = self.needs.iter().flat_map(|need| &need.from).chain(added);
        let contact = sources.find(|source| matches!(source, Source::Contact(_)))?;
        let detail =
            format!("{contact} decides by a link, which counts as link; say assurance: link");
        (self.assurance > Assurance::Link).then(|| Problem::at("/assurance", detail))
    }

    /// Votes over all needs.
    #[must_use]
    pub fn seats(&self) -> u32 {
        self.needs.iter().map(|need| u32::from(need.count)).sum()
    }

    /// Which needs this person's vote could meet `elapsed` after the ask, by the roster as it is
    /// now. Empty for who is unknown, disabled or of a role that does not vote.
    #[must_use]
    pub fn seats_of(&self, id: MemberId, roster: &Roster, elapsed: Seconds) -> NeedSet {
        let Some(person) = roster.voter(id) else { return NeedSet::NONE };
        let mut seats = NeedSet::NONE;
        for (index, need) in self.needs.iter().enumerate() {
            let mut sources = need.from.iter().chain(self.added(elapsed));
            if sources.any(|source| source.includes(id, person, roster)) {
                seats = seats.with(index);
            }
        }
        seats
    }

    /// All whom the sources name, `elapsed` after the ask, whether they vote or not; none where that
    /// is everybody. So that nobody asks thousands in turn for the few who are meant.
    pub(crate) fn named(&self, roster: &Roster, elapsed: Seconds) -> Option<BTreeSet<MemberId>> {
        let mut named = BTreeSet::new();
        let needed = self.needs.iter().flat_map(|need| &need.from);
        for source in needed.chain(self.added(elapsed)) {
            named.extend(source.named(roster)?);
        }
        Some(named)
    }

    /// Whether the needs could be met by the votes in `given` and anyone in the roster who is not
    /// among `spent` (voted already, or kept out), with the steps that come `within` so long.
    pub(crate) fn reachable(
        &self,
        given: Vec<NeedSet>,
        spent: &BTreeSet<MemberId>,
        roster: &Roster,
        within: Seconds,
    ) -> quorum::Filling {
        let mut people = given;
        people.extend(self.candidates(spent, roster, within));
        quorum::fill(&self.counts(), &people)
    }

    /// As many who are not among `spent` as can matter. A need with a candidate for every seat of
    /// the policy is met whatever the others take (Hall), so nobody is added for its sake alone.
    /// That keeps the search small in a workspace of thousands.
    fn candidates(
        &self,
        spent: &BTreeSet<MemberId>,
        roster: &Roster,
        within: Seconds,
    ) -> Vec<NeedSet> {
        let enough = self.seats();
        let mut found = vec![0_u32; self.needs.len()];
        let mut people = Vec::new();
        let named = self.named(roster, within);
        let ids: Box<dyn Iterator<Item = &MemberId>> = match &named {
            Some(named) => Box::new(named.iter()),
            None => Box::new(roster.people.keys()),
        };
        for id in ids.filter(|id| !spent.contains(id)) {
            if found.iter().all(|&count| count >= enough) {
                break;
            }
            let seats = self.seats_of(*id, roster, within);
            if seats.iter().all(|need| found[need] >= enough) {
                continue;
            }
            for need in seats.iter() {
                found[need] += 1;
            }
            people.push(seats);
        }
        people
    }

    pub(crate) fn counts(&self) -> Vec<u16> {
        self.needs.iter().map(|need| need.count).collect()
    }

    /// The needs that nobody could meet with these people `within` so long, in words; empty if it
    /// can be satisfied.
    #[must_use]
    pub fn unsatisfiable(
        &self,
        kept_out: Option<MemberId>,
        roster: &Roster,
        within: Seconds,
    ) -> Vec<Problem> {
        let spent = kept_out.into_iter().collect();
        let filling = self.reachable(Vec::new(), &spent, roster, within);
        let mut found = Vec::new();
        for (index, &open) in filling.open.iter().enumerate().filter(|(_, open)| **open > 0) {
            let Some(need) = self.needs.get(index) else { continue };
            found.push(Problem::at(
                format!("/needs/{index}"),
                format!(
                    "nobody can satisfy this: {} of {} from {} would be missing, counting each person once",
                    open,
                    need.count,
                    sources_in_words(&need.from),
                ),
            ));
        }
        found
    }
}

/// `group:sre or member:ana@example.com`.
#[must_use]
pub fn sources_in_words(sources: &[Source]) -> String {
    sources.iter().map(Source::to_string).collect::<Vec<_>>().join(" or ")
}

/// The version of a policy that an approval was asked under; its text never changes any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrozenPolicy {
    /// The policy over its versions; none for one that came inline with the ask.
    pub id: Option<PolicyId>,
    /// Counted from 1; 0 for an inline policy.
    pub version: u32,
    /// SHA-256 over the canonical JSON of the document.
    pub digest: Digest,
    /// The text as it was.
    pub document: Policy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_defaults() {
        let policy: Policy = serde_json::from_str(
            r#"{"name":"deploys","needs":[{"from":["group:sre","member:ana@example.com"]}],"expires_in":"2h"}"#,
        )
        .unwrap();
        assert_eq!(policy.needs[0].count, 1);
        assert_eq!(policy.expires_in, Seconds(7_200));
        assert_eq!(policy.assurance, Assurance::Session);
        assert_eq!(policy.problems(), []);
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let read = serde_json::from_str::<Policy>(r#"{"name":"a","needs":[],"exipres_in":1}"#);
        assert!(read.unwrap_err().to_string().contains("exipres_in"));
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let policy: Policy = serde_json::from_str(
            r#"{"name":"a","needs":[{"from":[],"count":0}],"rejections":0,"expires_in":0,"valid_for":"31d"}"#,
        )
        .unwrap();
        let places: Vec<_> = policy.problems().into_iter().map(|p| p.pointer).collect();
        assert_eq!(
            places,
            ["/needs/0/from", "/needs/0/count", "/rejections", "/expires_in", "/valid_for"]
        );
    }

    /// Members `0..size`, the last two of whom are the group `sre`.
    fn crowd(size: u128) -> Roster {
        let person = |n| crate::Person {
            email: format!("p{n}@example.com"),
            name: String::new(),
            role: crate::Role::Approver,
            enabled: true,
        };
        Roster {
            delegations: std::collections::BTreeMap::new(),
            people: (0..size).map(|n| (MemberId::from_bits(n), person(n))).collect(),
            groups: [("sre".to_owned(), [size - 2, size - 1].map(MemberId::from_bits).into())]
                .into(),
        }
    }

    #[test]
    fn in_a_crowd_only_those_who_can_matter_are_looked_at() {
        let policy = |sre: u16| -> Policy {
            let needs = serde_json::json!([
                { "from": ["members"], "count": 2 }, { "from": ["group:sre"], "count": sre },
            ]);
            serde_json::from_value(serde_json::json!({ "name": "a", "needs": needs })).unwrap()
        };
        let roster = crowd(3_000);
        // Four members for the four seats, and the two of the group.
        assert_eq!(policy(2).candidates(&BTreeSet::new(), &roster, Seconds(0)).len(), 4 + 2);
        assert_eq!(policy(2).unsatisfiable(None, &roster, Seconds(0)), []);
        let missing = policy(3).unsatisfiable(None, &roster, Seconds(0));
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].pointer, "/needs/1");
        let one_of_them = Some(MemberId::from_bits(2_999));
        assert_eq!(policy(2).unsatisfiable(one_of_them, &roster, Seconds(0)).len(), 1);
    }

    #[test]
    fn names_have_one_plain_form() {
        for good in ["a", "deploy.production", "a-b_c.9"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Deploy", ".a", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
