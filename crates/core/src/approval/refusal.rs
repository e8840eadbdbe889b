//! Why the rules say no, with the particulars. Doors render these; nothing was changed.

use super::edit::Pointer;
use crate::{
    Actor, Assurance, Digest, KeyId, OutcomeStatus, Overrun, PolicyName, Problem, Scope, Seconds,
    Standing, Status, Timestamp, VoteDecision,
};

/// A "no" that leaves everything as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The credential was good when it was presented and is not any more.
    #[error("this credential may no longer be used")]
    Credential(Standing),
    /// The credential is of a kind or scope that may not do this.
    #[error("this needs a key with the scope {0}")]
    MissingScope(Scope),
    /// No such policy.
    #[error("there is no policy called {name}")]
    PolicyUnknown {
        /// As asked for.
        name: PolicyName,
    },
    /// The policy exists but the key was not given it.
    #[error("this key may not ask under the policy {name}; it was not given that policy")]
    PolicyNotAllowed {
        /// As asked for.
        name: PolicyName,
    },
    /// The ask would have more time than its rules give it.
    #[error(
        "{field} is {asked} but the policy allows at most {allowed}; an ask may only tighten its policy"
    )]
    Loosens {
        /// Field of the ask.
        field: &'static str,
        /// What it wanted.
        asked: Seconds,
        /// What it may have.
        allowed: Seconds,
    },
    /// The ask would be over before it began.
    #[error("{field} must be at least 1 second")]
    TooShort {
        /// Field of the ask.
        field: &'static str,
    },
    /// A consumer that is no key of this workspace.
    #[error("there is no key {key} here that could consume this")]
    UnknownConsumer {
        /// As named.
        key: KeyId,
    },
    /// Nobody could ever approve it.
    #[error("nobody can satisfy the policy {name}")]
    Unsatisfiable {
        /// The policy.
        name: PolicyName,
        /// Which needs, and why.
        problems: Vec<Problem>,
    },
    /// There is no room for another one.
    #[error("{0}")]
    OverLimit(Overrun),
    /// It has its one outcome already.
    #[error("already {status} by {by} at {at}")]
    AlreadyDecided {
        /// The outcome.
        status: Status,
        /// Whose act it was.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// The asking key tries to vote.
    #[error("who asks cannot decide: this key asked the question")]
    AskerCannotDecide,
    /// The asker's owner tries to vote where that is kept apart.
    #[error("the owner of the asking key cannot decide under this policy")]
    OwnerCannotDecide,
    /// Not among those the policy names, now.
    #[error("{who} is not an approver of this request")]
    NotAnApprover {
        /// The voter.
        who: String,
    },
    /// A vote in the place of somebody who has not handed theirs over.
    #[error("{whose} has not handed their votes to {who}")]
    NotDelegated {
        /// The voter.
        who: String,
        /// In whose place.
        whose: String,
    },
    /// We do not know surely enough who it is.
    #[error("this needs a vote at assurance {needed}; yours is {has}")]
    AssuranceTooLow {
        /// What the vote would have.
        has: Assurance,
        /// What it must have.
        needed: Assurance,
    },
    /// A yes from where not all could be read.
    #[error("the card has no button to approve; open its page to read all of it and answer there")]
    NotOffered,
    /// One person, one vote.
    #[error("{who} already voted to {decision} at {at}", decision = decision.as_str())]
    AlreadyVoted {
        /// The voter.
        who: String,
        /// What they said.
        decision: VoteDecision,
        /// When.
        at: Timestamp,
    },
    /// The digest is not that of the action as it stands.
    #[error("the digest is not that of the action as it stands now ({current})")]
    StaleDigest {
        /// The action's digest.
        current: Digest,
    },
    /// A change where none was allowed.
    #[error("{pointer} cannot be changed; {editable}")]
    NotEditable {
        /// As given.
        pointer: Pointer,
        /// What can be, in words.
        editable: String,
    },
    /// Two changes, of which one is inside the other.
    #[error("{inner} is part of {outer}; change one of them")]
    EditsOverlap {
        /// The place that holds the other.
        outer: Pointer,
        /// The place inside it.
        inner: Pointer,
    },
    /// A change that would leave no proper action.
    #[error("{pointer} cannot become that: {detail}")]
    BadEdit {
        /// As given.
        pointer: Pointer,
        /// Why not.
        detail: String,
    },
    /// Changes come with a yes.
    #[error("only who approves can change what is asked for")]
    EditsWithoutApproval,
    /// So much was changed that it should be asked anew.
    #[error("it was changed {most} times; it cannot be changed again")]
    EnoughEdited {
        /// How often it can be.
        most: u32,
    },
    /// The policy lets nobody vote in advance.
    #[error("the policy {policy} has no `grants`, so one can say yes to this one action only")]
    NoGrants {
        /// The policy.
        policy: PolicyName,
    },
    /// A grant that is wider than the policy lets it be, or makes no sense.
    #[error("this cannot be granted: {detail}")]
    BadGrant {
        /// JSON Pointer into the vote.
        pointer: String,
        /// Why not.
        detail: String,
    },
    /// The question came with a form.
    #[error("an approval of this comes with an answer, and yours has none")]
    AnswerMissing,
    /// The form is filled in wrongly.
    #[error("the answer is not what the form asks for")]
    AnswerUnfit {
        /// Where, and what is wanted there.
        problems: Vec<Problem>,
    },
    /// The question came without a form, or the vote is a no.
    #[error("there is nothing to fill in here")]
    AnswerUnwanted,
    /// The same person asked back before and has no answer yet.
    #[error("your question {number} of {at} is not answered yet")]
    NotAnsweredYet {
        /// That question.
        number: u32,
        /// When it was asked.
        at: Timestamp,
    },
    /// So much was asked back that a decision is due.
    #[error("{most} questions were asked back; no more can be")]
    EnoughAsked {
        /// How many there can be.
        most: usize,
    },
    /// Only the asking key knows the answer.
    #[error("only the key that asked can answer what was asked back")]
    NotTheAskingKey,
    /// Nobody asked that.
    #[error("nothing was asked back under number {number}")]
    NoSuchInquiry {
        /// As given.
        number: u32,
    },
    /// One question, one answer.
    #[error("question {number} was already answered at {at}, with other words")]
    AlreadyReplied {
        /// Which.
        number: u32,
        /// When.
        at: Timestamp,
    },
    /// Only the asker, or an admin, may withdraw.
    #[error("only the key that asked, or an admin, can cancel this")]
    NotTheAsker,
    /// The deadline has not come yet.
    #[error("the deadline is not before {at}")]
    NotDue {
        /// The deadline.
        at: Timestamp,
    },
    /// Only an approved action can be claimed, revoked or reported on.
    #[error("this is {status}, not approved")]
    NotApproved {
        /// Where it stands.
        status: Status,
    },
    /// Neither the asker nor a named consumer.
    #[error("only the key that asked, or a consumer it named, can do this")]
    NotAConsumer,
    /// The time to claim is over.
    #[error("the approval lapsed at {at} without being claimed")]
    Lapsed {
        /// When it lapsed.
        at: Timestamp,
    },
    /// The one use is gone.
    #[error("already claimed by key {by} at {at}")]
    AlreadyClaimed {
        /// Who claimed.
        by: KeyId,
        /// When.
        at: Timestamp,
    },
    /// It was taken back.
    #[error("revoked by {by} at {at}")]
    Revoked {
        /// Who took it back.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// Only its approvers, or an admin, may take it back.
    #[error("only an approver of this request, or an admin, can revoke it")]
    NotARevoker,
    /// There is nothing to report on before a claim.
    #[error("nothing was claimed, so there is no outcome to report")]
    NotClaimed,
    /// A different outcome was reported before.
    #[error("the outcome {status:?} was already reported at {at}")]
    OutcomeReported {
        /// What was said.
        status: OutcomeStatus,
        /// When.
        at: Timestamp,
    },
    /// Only admins decide over what is kept.
    #[error("only an admin or an owner can do this")]
    NotAnAdmin,
    /// What is still open keeps its texts.
    #[error("this has not ended, so its texts are still needed")]
    NotEnded,
    /// What can still be used keeps its texts.
    #[error("this was approved and can be used until {until}; until then its texts are needed")]
    StillUsable {
        /// When that ends.
        until: Timestamp,
    },
    /// More of the kind can still be done without asking again, by its words.
    #[error("more of the kind was granted with this until {until}; take that back first")]
    StillGranted {
        /// When that ends.
        until: Timestamp,
    },
    /// Somebody says that the texts must be kept.
    #[error("{by} put this on hold at {at}: {reason}")]
    OnHold {
        /// Who.
        by: Actor,
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// No text is kept with it any more.
    #[error("the texts of this were erased at {at}, and no new ones are taken")]
    Erased {
        /// When.
        at: Timestamp,
    },
    /// A question with this id exists.
    #[error("an approval with this id already exists")]
    Exists,
    /// The approval is not there, or not for this credential's eyes.
    #[error("no such approval")]
    NotFound,
}
