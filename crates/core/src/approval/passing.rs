//! The link that whoever asks gets to pass on, where another product's API gives one.

use crate::administration::SecretHash;
use crate::{Approval, Assurance, LinkId, MemberId, Role, Roster, Status, Timestamp};

/// A link that is made with an approval, in the name of its [`Approval::heir`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassOn {
    /// The link's id.
    pub id: LinkId,
    /// Hash of its token.
    pub secret: SecretHash,
}

impl Approval {
    /// In whose name a link for the asker answers: that of the first contact who could. None where
    /// the policy does not count a bearer's word, or nobody is asked any more.
    #[must_use]
    pub fn heir(&self, roster: &Roster, now: Timestamp) -> Option<MemberId> {
        let open = self.status_at(now) == Status::Pending;
        if !open || self.policy.document.assurance > Assurance::Bearer {
            return None;
        }
        let contacts =
            roster.people.iter().filter(|(_, one)| one.enabled && one.role == Role::Contact);
        contacts.map(|(id, _)| *id).find(|id| self.could_ever_vote(*id, roster, now))
    }
}
