//! The rules' answers in words for people: what happened, and what they can do.

use askfirst_core::OpenNeed;
use askfirst_core::policy::sources_in_words;
use askfirst_core::{
    Actor, Assurance, ClaimState, OutcomeStatus, Problem, Refusal, Status, Timestamp, VoteDecision,
};
use axum::http::StatusCode;

use super::shell::Moment;

/// A refusal as a page tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) detail: String,
}

/// What a status looks like: a class, an icon and a word, so that colour is never the only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) word: &'static str,
}

pub(super) const fn sign(status: Status) -> Sign {
    let (class, icon, word) = match status {
        Status::Pending => ("pending", "clock", "Waiting"),
        Status::Approved => ("approved", "check", "Approved"),
        Status::Rejected => ("rejected", "cross", "Rejected"),
        Status::Expired => ("expired", "hourglass", "Expired"),
        Status::Cancelled => ("cancelled", "bar", "Cancelled"),
    };
    Sign { class, icon, word }
}

pub(super) const fn vote_sign(decision: VoteDecision) -> Sign {
    match decision {
        VoteDecision::Approve => sign(Status::Approved),
        VoteDecision::Reject => sign(Status::Rejected),
    }
}

/// Who did something; none where the server did, at a deadline.
pub(super) fn actor(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Key { label, .. } => Some(format!("the key “{label}”")),
        Actor::Member { email, .. } => Some(email.clone()),
        Actor::System => None,
    }
}

/// ` by ana@example.com`, ` at its deadline`.
fn by(by: &Actor) -> String {
    actor(by).map_or_else(|| " at its deadline".into(), |by| format!(" by {by}"))
}

/// How we know who voted.
pub(super) const fn assurance(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Bearer => "whoever held the link",
        Assurance::Key => "by their API key",
        Assurance::Link => "signed in by a link",
        Assurance::Chat => "by their chat account",
        Assurance::Session => {
            "signed in with a link from the server's own console, or a factor of their own"
        }
        Assurance::Passkey => "by passkey for this decision",
    }
}

/// `1 more approval from group:sre`.
pub(super) fn open_need(need: &OpenNeed) -> String {
    let plural = if need.missing == 1 { "" } else { "s" };
    let from = match sources_in_words(&need.from).as_str() {
        "members" => "anyone in the workspace".into(),
        other => other.to_owned(),
    };
    format!("{} more approval{plural} from {from}", need.missing)
}

pub(super) const fn claim(state: ClaimState) -> (&'static str, &'static str) {
    match state {
        ClaimState::Available => ("Not used yet", "The asker may use this approval once."),
        ClaimState::Claimed => ("Used", "The one use of this approval is taken."),
        ClaimState::Lapsed => {
            ("Lapsed", "Nobody used this approval in time; it is worth nothing now.")
        }
        ClaimState::Revoked => ("Revoked", "This approval was taken back before it was used."),
    }
}

pub(super) const fn outcome(status: OutcomeStatus) -> &'static str {
    match status {
        OutcomeStatus::Succeeded => "The asker says it succeeded",
        OutcomeStatus::Failed => "The asker says it failed",
    }
}

/// `It ended as approved by ana@example.com on 1 Jan 2030, 00:00:00 UTC.`
pub(super) fn ended(status: Status, by: &Actor, at: Timestamp) -> String {
    format!("It ended as {status}{} on {}.", self::by(by), Moment::at(at).absolute)
}

/// A refusal, in words that say what to do.
pub(super) fn refusal(refusal: &Refusal) -> Told {
    let (status, title, detail) = match refusal {
        Refusal::AlreadyDecided { status, by, at } => (
            StatusCode::CONFLICT,
            "This is decided already",
            format!(
                "{} Your answer was not recorded; the outcome never changes any more.",
                ended(*status, by, *at)
            ),
        ),
        Refusal::AlreadyVoted { decision, at, .. } => (
            StatusCode::CONFLICT,
            "You have answered already",
            format!(
                "You voted to {} on {}. One person has one vote, and it stays.",
                decision.as_str(),
                Moment::at(*at).absolute
            ),
        ),
        Refusal::NotAnApprover { .. } => (
            StatusCode::FORBIDDEN,
            "You are not an approver of this request",
            "You can read it. Its rules say who can decide; if you should be among them, ask an \
             admin to add you to the group that they name."
                .into(),
        ),
        Refusal::OwnerCannotDecide => (
            StatusCode::FORBIDDEN,
            "You own the key that asks",
            "Under this policy the owner of the asking key cannot decide. Someone else has to."
                .into(),
        ),
        Refusal::AskerCannotDecide => (
            StatusCode::FORBIDDEN,
            "Who asks cannot decide",
            "Someone else has to decide this request.".into(),
        ),
        Refusal::NotOffered => (
            StatusCode::FORBIDDEN,
            "This cannot be approved there",
            "Open its page, where all of it can be read, and answer there.".into(),
        ),
        Refusal::AssuranceTooLow { has, needed } => (
            StatusCode::FORBIDDEN,
            "This needs a surer sign of who you are",
            format!(
                "You are {}, which counts as “{has}”; this request needs “{needed}” or more. {}",
                assurance(*has),
                if *needed <= Assurance::Session {
                    "Set a password on your account page, or sign in with the one you have; then \
                     you can answer it."
                } else {
                    "Ask another approver who has it, or an admin whether the policy asks for \
                     more than it should."
                }
            ),
        ),
        Refusal::StaleDigest { .. } => return stale(),
        Refusal::Credential(_) => (
            StatusCode::FORBIDDEN,
            "Your session may no longer be used",
            "Nothing was recorded. Sign in again with a new link.".into(),
        ),
        Refusal::NotTheAsker => (
            StatusCode::FORBIDDEN,
            "You cannot withdraw this",
            "Only the key that asked, or an admin, can.".into(),
        ),
        Refusal::NotARevoker => (
            StatusCode::FORBIDDEN,
            "You cannot take this back",
            "Only one of its approvers, or an admin, can.".into(),
        ),
        Refusal::NotApproved { status } => (
            StatusCode::CONFLICT,
            "There is nothing to take back",
            format!("This request is {status}, not approved."),
        ),
        Refusal::AlreadyClaimed { at, .. } => (
            StatusCode::CONFLICT,
            "Too late to take this back",
            format!(
                "The approval was used on {}. What was asked for may be done already.",
                Moment::at(*at).absolute
            ),
        ),
        Refusal::Lapsed { at } => (
            StatusCode::CONFLICT,
            "There is nothing to take back",
            format!("Nobody used the approval; it lapsed on {}.", Moment::at(*at).absolute),
        ),
        Refusal::Revoked { by, at } => (
            StatusCode::CONFLICT,
            "This was taken back already",
            format!("It was taken back{} on {}.", self::by(by), Moment::at(*at).absolute),
        ),
        Refusal::NotAnsweredYet { at, .. } => (
            StatusCode::CONFLICT,
            "Your question is still open",
            format!(
                "You asked on {}, and the asker has not answered yet. You can still decide.",
                Moment::at(*at).absolute
            ),
        ),
        Refusal::EnoughAsked { most } => (
            StatusCode::CONFLICT,
            "Enough was asked",
            format!("{most} questions were asked back already. Decide by what is known."),
        ),
        Refusal::NotEditable { .. } | Refusal::EditsOverlap { .. } | Refusal::BadEdit { .. } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "It cannot be changed like that",
            format!("Nothing was recorded: {refusal}."),
        ),
        Refusal::NoGrants { .. } | Refusal::BadGrant { .. } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "More of the kind cannot be approved like that",
            format!("Nothing was recorded: {refusal}."),
        ),
        Refusal::EnoughEdited { .. } => (
            StatusCode::CONFLICT,
            "Enough was changed",
            format!("Nothing was recorded: {refusal}. Approve it as it is, or reject it."),
        ),
        Refusal::AnswerMissing => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "Something is to be filled in",
            "Nothing was recorded: an approval of this needs the form below.".into(),
        ),
        Refusal::AnswerUnfit { problems } => return unfit(problems),
        Refusal::NotFound => (
            StatusCode::NOT_FOUND,
            "Nothing to see here",
            "There is no such request, or it is not for your account.".into(),
        ),
        Refusal::OverLimit(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "This is too much at once",
            format!("Nothing was done: {refusal}. Close pages that you do not need."),
        ),
        Refusal::NotAnAdmin => (
            StatusCode::FORBIDDEN,
            "You cannot do this",
            "Only an admin or an owner decides over what is kept.".into(),
        ),
        Refusal::NotEnded | Refusal::StillUsable { .. } | Refusal::StillGranted { .. } => (
            StatusCode::CONFLICT,
            "The texts are still needed",
            format!("Nothing was erased: {refusal}."),
        ),
        Refusal::OnHold { .. } => {
            (StatusCode::CONFLICT, "This is on hold", format!("Nothing was done: {refusal}."))
        }
        Refusal::Erased { at } => (
            StatusCode::CONFLICT,
            "The texts were erased",
            format!("They were erased on {}.", Moment::at(*at).absolute),
        ),
        // What only programs can do, or run into.
        other @ (Refusal::MissingScope(_)
        | Refusal::PolicyUnknown { .. }
        | Refusal::PolicyNotAllowed { .. }
        | Refusal::Loosens { .. }
        | Refusal::TooShort { .. }
        | Refusal::UnknownConsumer { .. }
        | Refusal::Unsatisfiable { .. }
        | Refusal::NotDue { .. }
        | Refusal::NotAConsumer
        | Refusal::NotTheAskingKey
        | Refusal::NoSuchInquiry { .. }
        | Refusal::AlreadyReplied { .. }
        | Refusal::NotClaimed
        | Refusal::EditsWithoutApproval
        | Refusal::NotDelegated { .. }
        | Refusal::AnswerUnwanted
        | Refusal::OutcomeReported { .. }
        | Refusal::Exists) => {
            (StatusCode::CONFLICT, "This is not possible", format!("Nothing was done: {other}."))
        }
    };
    Told { status, title, detail }
}

/// Fields that hold what cannot stand there.
pub(super) fn unfit(problems: &[Problem]) -> Told {
    let told: Vec<_> = problems
        .iter()
        .map(|problem| match problem.pointer.strip_prefix("/answer/") {
            Some(place) if !problem.detail.starts_with(place) => {
                format!("{place}: {}", problem.detail)
            }
            _ => problem.detail.clone(),
        })
        .collect();
    Told {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "Something needs to be changed",
        detail: format!("Nothing was recorded. {}.", told.join("; ")),
    }
}

/// Something has to be written first.
pub(super) fn lacking(what: &str) -> Told {
    let title = "Nothing was recorded yet";
    Told { status: StatusCode::UNPROCESSABLE_ENTITY, title, detail: what.into() }
}

/// A fact is lowercase and without a stop; on a page it stands alone.
pub(super) fn sentence(fact: &str) -> String {
    let mut letters = fact.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if fact.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// The page and the request are not the same any more.
pub(super) fn stale() -> Told {
    Told {
        status: StatusCode::CONFLICT,
        title: "This changed since you looked",
        detail: "Your answer was not recorded, because the page you answered is not the one that \
                 is shown now. Read it again, then answer."
            .into(),
    }
}
