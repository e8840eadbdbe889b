//! Accounts with chat providers: whose they are. One is found by a code that was given to a
//! person, shown to whoever asked for the code, and counts once they say that it is the right one.

use super::{Denied, Holdings, SecretHash, guard_owner, link_assurance, reachable};
use crate::{Assurance, ChannelId, ChatAccount, Facts, MemberId, Principal, Timestamp};

/// A code by which somebody shows which account is theirs, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAccountCode {
    /// Hash of the code.
    pub secret: SecretHash,
    /// By which way they will be reached.
    pub channel: ChannelId,
    /// Who.
    pub member: MemberId,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Somebody sent the code from an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// Hash of the code.
    pub code: SecretHash,
    /// The way by which it came in.
    pub channel: ChannelId,
    /// The account, by the provider's word.
    pub account: ChatAccount,
}

/// How surely answers from an account show who gave them: as surely as it was known who linked it,
/// and no more than a chat can.
#[must_use]
pub fn account_assurance(member: MemberId, facts: &Facts) -> Assurance {
    link_assurance(member, facts).min(Assurance::Chat)
}

pub(super) fn add_code(
    code: &NewAccountCode,
    facts: &Facts,
    holdings: &Holdings,
) -> Result<(), Denied> {
    if !holdings.channels.get(&code.channel).is_some_and(|settings| settings.hears()) {
        return Err(Denied::Unknown { what: "channel" });
    }
    guard_owner(reachable(code.member, facts)?.role, facts)
}

/// Whether whoever acts is this member, signed in.
pub(super) fn is_own(member: MemberId, facts: &Facts) -> bool {
    matches!(&facts.principal, Principal::Session(own) if own.member == member)
}

pub(super) fn unlink(member: MemberId, facts: &Facts) -> Result<(), Denied> {
    let person = facts.roster.people.get(&member).ok_or(Denied::Unknown { what: "member" })?;
    guard_owner(person.role, facts)
}
