//! The audit log as a hash chain: each entry names the hash of the one before it.
//! Storing entries, and keeping saved heads somewhere an intruder cannot reach, is for others.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{CanonicalError, Digest, canonical, canonical_of, spell, spell_text};

/// Hashed into every entry, so no other canonical JSON of ours can pass for one.
const ENTRY_DOMAIN: &str = "askfirst-audit/1";
const GENESIS_DOMAIN: &str = "askfirst-audit-genesis/1";

/// The member of [`Entry::detail`] in which the entry of a decision carries the digest of the
/// statement's exact bytes: it ties the chain to the receipt, and a bundle is refused without it.
pub const STATEMENT_DIGEST: &str = "statement_digest";
/// The kind of the entry that tells that the texts of its subject were erased.
pub const ERASED: &str = "approval.erased";

/// One line of a workspace's audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Whose log it is.
    pub workspace: String,
    /// Its place, counted from 1 without gaps, at most 2^53.
    pub index: u64,
    /// When, in RFC 3339. The hash covers the spelling.
    pub at: String,
    /// Who did it.
    pub actor: String,
    /// What was done, in the past tense: `approval.approved`.
    pub kind: String,
    /// The id of what it was done to.
    pub subject: String,
    /// The particulars.
    pub detail: Value,
    /// The hash of the entry before, or [`genesis`] for the first.
    pub previous: Digest,
}

#[derive(Serialize)]
struct HashedGenesis<'a> {
    domain: &'static str,
    workspace: &'a str,
}

/// The hash of an entry: SHA-256 over the canonical JSON of its members and a `domain`.
///
/// Errors: [`CanonicalError`], if `detail` holds what canonical JSON cannot express.
pub fn entry_hash(entry: &Entry) -> Result<Digest, CanonicalError> {
    let Entry { workspace, index, at, actor, kind, subject, detail, previous } = entry;
    let detail = &canonical(detail)?;
    Line { workspace, index: *index, at, actor, kind, subject, detail, previous: *previous }.hash()
}

/// An [`Entry`] whose detail is already in its canonical bytes, for who keeps those as well.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the members are those of Entry")]
pub struct Line<'a> {
    pub workspace: &'a str,
    pub index: u64,
    pub at: &'a str,
    pub actor: &'a str,
    pub kind: &'a str,
    pub subject: &'a str,
    /// From [`canonical`]; other bytes give a hash that nobody else finds.
    pub detail: &'a [u8],
    pub previous: Digest,
}

impl Line<'_> {
    /// As [`entry_hash`]. The canonical form is spelled out here, its members in their order:
    /// every write of the server waits for this one.
    ///
    /// Errors: none in practice; [`CanonicalError`] is the library's.
    pub fn hash(&self) -> Result<Digest, CanonicalError> {
        let mut text = Vec::with_capacity(512 + self.detail.len());
        member(&mut text, b"{\"actor\":", self.actor)?;
        member(&mut text, b",\"at\":", self.at)?;
        text.extend_from_slice(b",\"detail\":");
        text.extend_from_slice(self.detail);
        member(&mut text, b",\"domain\":", ENTRY_DOMAIN)?;
        text.extend_from_slice(b",\"index\":");
        spell(&self.index.into(), &mut text)?;
        member(&mut text, b",\"kind\":", self.kind)?;
        member(&mut text, b",\"previous\":", &self.previous.to_string())?;
        member(&mut text, b",\"subject\":", self.subject)?;
        member(&mut text, b",\"workspace\":", self.workspace)?;
        text.push(b'}');
        Ok(Digest::of(&text))
    }
}

fn member(text: &mut Vec<u8>, name: &[u8], value: &str) -> Result<(), CanonicalError> {
    text.extend_from_slice(name);
    spell_text(value, text)
}

/// What the first entry of a workspace names as the one before it.
///
/// Errors: none in practice; [`CanonicalError`] is the library's.
pub fn genesis(workspace: &str) -> Result<Digest, CanonicalError> {
    Ok(Digest::of(&canonical_of(&HashedGenesis { domain: GENESIS_DOMAIN, workspace })?))
}

/// The last entry known: saved elsewhere, it proves later that nothing up to it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The index of the last entry, 0 for an empty log.
    pub index: u64,
    /// Its hash, [`genesis`] for an empty log.
    pub hash: Digest,
}

/// Where a log stops being whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is broken at entry {index}: {why}")]
pub struct Broken {
    /// The first index at which something is wrong.
    pub index: u64,
    /// What is wrong there.
    pub why: Fault,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An entry is missing, repeated or out of order.
    #[error("entry {found} stands in its place")]
    OutOfOrder {
        /// The index found.
        found: u64,
    },
    /// It belongs to another log.
    #[error("it belongs to workspace {found:?}")]
    OtherWorkspace {
        /// The workspace found.
        found: String,
    },
    /// It does not follow the entry before it.
    #[error("it does not name the hash of the entry before")]
    Unlinked,
    /// It was changed after it was written.
    #[error("its content does not have the hash that was stored for it")]
    Changed,
    /// It is whole, but not the entry that a saved head remembers.
    #[error("it is not the entry that was saved as head")]
    NotTheSavedHead,
    /// The log ends before a saved head.
    #[error("the log ends before it, yet it was saved as head")]
    CutShort,
    /// It cannot be hashed at all.
    #[error("it has no canonical form")]
    NotExpressible,
}

/// A log being checked, entry by entry, so that it need not fit in memory.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    workspace: Cow<'a, str>,
    head: Head,
    saved: &'a [Head],
}

impl<'a> Chain<'a> {
    /// Starts before the first entry of a workspace's log. `saved` are heads kept from earlier
    /// times, in any order; without one, a cut tail or a rewritten log cannot be seen.
    ///
    /// Errors: [`CanonicalError`], as [`genesis`].
    pub fn start(
        workspace: impl Into<Cow<'a, str>>,
        saved: &'a [Head],
    ) -> Result<Self, CanonicalError> {
        let workspace = workspace.into();
        let head = Head { index: 0, hash: genesis(&workspace)? };
        Ok(Self { workspace, head, saved })
    }

    /// Whose log it is.
    pub fn workspace(&self) -> &str {
        &self.workspace
    }

    /// Checks the next entry against the hash stored with it. Errors: [`Broken`].
    pub fn check(&mut self, entry: &Entry, stored: Digest) -> Result<(), Broken> {
        let index = self.head.index + 1;
        let broken = |why| Err(Broken { index, why });
        if entry.index != index {
            return broken(Fault::OutOfOrder { found: entry.index });
        }
        if entry.workspace != self.workspace {
            return broken(Fault::OtherWorkspace { found: entry.workspace.clone() });
        }
        if entry.previous != self.head.hash {
            return broken(Fault::Unlinked);
        }
        let Ok(hash) = entry_hash(entry) else { return broken(Fault::NotExpressible) };
        if hash != stored {
            return broken(Fault::Changed);
        }
        if self.saved.iter().any(|head| head.index == index && head.hash != hash) {
            return broken(Fault::NotTheSavedHead);
        }
        self.head = Head { index, hash };
        Ok(())
    }

    /// Ends the check. Errors: [`Broken`] with [`Fault::CutShort`] at the first missing entry.
    pub fn finish(self) -> Result<Head, Broken> {
        if self.saved.iter().any(|head| head.index > self.head.index) {
            return Err(Broken { index: self.head.index + 1, why: Fault::CutShort });
        }
        Ok(self.head)
    }
}

/// Checks a whole log, each entry with the hash stored for it, and returns its head.
///
/// Errors: [`Broken`], naming the first bad index.
pub fn verify_chain(
    workspace: &str,
    entries: impl IntoIterator<Item = (Entry, Digest)>,
    saved: &[Head],
) -> Result<Head, Broken> {
    let Ok(mut chain) = Chain::start(workspace, saved) else {
        return Err(Broken { index: 0, why: Fault::NotExpressible });
    };
    for (entry, stored) in entries {
        chain.check(&entry, stored)?;
    }
    chain.finish()
}
