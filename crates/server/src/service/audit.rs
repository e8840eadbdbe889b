//! Reading the audit log: by filter, its end, and all of it piece by piece.

use std::str::FromStr;

use askfirst_core::{KeyId, Scope, Timestamp};
use askfirst_store::{AuditFilter, AuditRecord};

use super::caller::READERS;
use super::search::{NamesNobody, Person};
use super::{Caller, Result, Service, ServiceError};

/// How many entries of a long answer are read at once.
const PIECE: u32 = 500;

/// Which entries are wanted. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// Only of this kind, or of this family of kinds.
    pub kind: Option<Kind>,
    /// Only by this actor.
    pub actor: Option<Doer>,
    /// Only about this subject.
    pub subject: Option<String>,
    /// Only at this time or later.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only after this index.
    pub after: Option<u64>,
    /// Only before this index.
    pub before: Option<u64>,
    /// The newest first; else the oldest.
    pub newest_first: bool,
}

/// `member.added`, or `member` for all that happens to members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind(String);

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doer {
    /// The server, or its operator on the console.
    System,
    /// A key.
    Key(KeyId),
    /// A person.
    Person(Person),
}

/// A text that is no kind of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use a kind of entry such as member.added, or a family of them such as member")]
pub struct NoKind;

impl FromStr for Kind {
    type Err = NoKind;

    fn from_str(text: &str) -> std::result::Result<Self, NoKind> {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let (family, what) = text.split_once('.').unwrap_or((text, "any"));
        let good = text.len() <= 64 && word(family) && word(what);
        if good { Ok(Self(text.into())) } else { Err(NoKind) }
    }
}

impl FromStr for Doer {
    type Err = NamesNobody;

    fn from_str(text: &str) -> std::result::Result<Self, NamesNobody> {
        if text == "system" {
            return Ok(Self::System);
        }
        // As the log itself names them, too.
        if let Ok(key) = text.strip_prefix("key:").unwrap_or(text).parse() {
            return Ok(Self::Key(key));
        }
        let person = text.strip_prefix("member:").unwrap_or(text).parse();
        person.map(Self::Person).map_err(|_| NamesNobody::Doer)
    }
}

impl Service {
    /// At most `limit` audit entries.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn audit(
        &self,
        caller: &Caller,
        search: AuditSearch,
        limit: u32,
    ) -> Result<Vec<AuditRecord>> {
        caller.need(Scope::Audit, READERS)?;
        let workspace = caller.place.workspace;
        let since = self.audit_since(caller, &search).await?;
        let actor = match search.actor {
            None => None,
            Some(Doer::System) => Some("system".to_owned()),
            Some(Doer::Key(key)) => Some(format!("key:{key}")),
            Some(Doer::Person(Person::Email(email))) => Some(format!("member:{email}")),
            Some(Doer::Person(Person::Id(id))) => match self.store.member(workspace, id).await? {
                Some(member) => Some(format!("member:{}", member.person.email)),
                None => return Ok(Vec::new()),
            },
        };
        let AuditSearch { subject, until, after, before, newest_first, .. } = search;
        let kind = search.kind.map(|Kind(kind)| kind);
        let filter =
            AuditFilter { kind, actor, subject, since, until, after, before, newest_first, limit };
        Ok(self.store.find_audit(workspace, filter).await?)
    }

    /// The last entry, which stands for all before it; none in a log without entries.
    ///
    /// # Errors
    /// If the caller may not.
    pub async fn audit_head(&self, caller: &Caller) -> Result<Option<AuditRecord>> {
        caller.need(Scope::Audit, READERS)?;
        // However old it is: no plan keeps anybody from holding us to what was written.
        let newest = AuditFilter { newest_first: true, limit: 1, ..AuditFilter::default() };
        Ok(self.store.find_audit(caller.place.workspace, newest).await?.pop())
    }

    /// The first moment whose entries the plan of the caller's workspace has read; none reads all.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn audit_from(&self, caller: &Caller) -> Result<Option<Timestamp>> {
        let plan = self.plan(caller).await?;
        Ok(plan.and_then(|plan| plan.audit_from(self.store.now())))
    }

    /// Since when entries are read. Who asks for older ones is told; who says nothing gets those
    /// that the plan has read.
    async fn audit_since(
        &self,
        caller: &Caller,
        search: &AuditSearch,
    ) -> Result<Option<Timestamp>> {
        let Some(plan) = self.plan(caller).await? else { return Ok(search.since) };
        let now = self.store.now();
        // A later page is of what was begun in time.
        if let Some(since) = search.since.filter(|_| search.after.is_none()) {
            plan.reads_audit(since, now).map_err(|over| ServiceError::Denied(over.into()))?;
        }
        Ok(search.since.max(plan.audit_from(now)))
    }

    /// The next piece of a long answer, oldest first, and where the one after it starts; none
    /// at the end. Whether the caller still may is looked at each time.
    ///
    /// # Errors
    /// If the caller may not, or not any more.
    pub async fn audit_piece(
        &self,
        caller: &Caller,
        search: &AuditSearch,
    ) -> Result<(Vec<AuditRecord>, Option<u64>)> {
        self.still_good(caller).await?;
        let found = self.audit(caller, search.clone(), PIECE).await?;
        let full = found.len() == PIECE as usize;
        let last = found.last().map(|record| record.entry.index);
        Ok((found, last.filter(|_| full)))
    }
}

#[cfg(test)]
mod tests {
    use askfirst_core::MemberId;

    use super::*;

    #[test]
    fn actors_are_named_as_the_log_does_or_shorter() {
        let (key, member) = (KeyId::from_bits(7), MemberId::from_bits(8));
        let person = |person| Ok(Doer::Person(person));
        assert_eq!("system".parse(), Ok(Doer::System));
        assert_eq!(format!("key:{key}").parse(), Ok(Doer::Key(key)));
        assert_eq!(key.to_string().parse(), Ok(Doer::Key(key)));
        assert_eq!("member:a@b.c".parse(), person(Person::Email("a@b.c".into())));
        assert_eq!(member.to_string().parse(), person(Person::Id(member)));
        for bad in ["", "ana", "key:ana", "System"] {
            assert_eq!(bad.parse::<Doer>(), Err(NamesNobody::Doer), "{bad}");
        }
    }

    #[test]
    fn kinds_are_words() {
        for good in ["member", "member.added", "login_link.added"] {
            assert_eq!(good.parse(), Ok(Kind(good.into())));
        }
        for bad in ["", ".", "member.", ".added", "a.b.c", "Member", "a%", "a b"] {
            assert_eq!(bad.parse::<Kind>(), Err(NoKind), "{bad}");
        }
    }
}
