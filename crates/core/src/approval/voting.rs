//! Votes: who can give one, how it counts, and what the votes so far decide.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::event::{self, Event};
use super::transition::undecided;
use super::{edit, grant};
use crate::quorum::{self, NeedSet};
use crate::{
    Actor, Approval, Assurance, CastVote, Cause, Decision, Facts, FrozenPolicy, LinkWay, MemberId,
    Principal, Refusal, Roster, Scope, Status, Timestamp, Via, Vote, VoteDecision, Voter,
};

pub(super) fn vote(
    approval: &Arc<Approval>,
    cast: &CastVote,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let Eligible { voter, on_behalf_of, assurance, via, seats } =
        eligible_for(approval, cast.on_behalf_of, Some(cast.decision), facts, now)?;
    if cast.action_digest != approval.action_digest {
        return Err(Refusal::StaleDigest { current: approval.action_digest });
    }
    filled_in(approval, cast)?;
    let mut events = Vec::new();
    let mut counted = Arc::clone(approval);
    if let Some(revision) = edit::revise(approval, cast, &voter, now)? {
        let edited = Event::Edited { revision };
        counted = event::apply(Some(counted), &edited).map_err(|_| Refusal::Exists)?;
        events.push(edited);
    }
    let mut vote = Vote {
        voter,
        on_behalf_of,
        decision: cast.decision,
        assurance,
        via,
        at: now,
        action_digest: counted.action_digest,
        revision: counted.revision(),
        shown_digest: cast.shown_digest,
        comment: cast.comment.clone(),
        answer: cast.answer.as_ref().map(|answer| answer.value.clone()),
        granted: None,
        seats,
    };
    let granted = grant::given(&counted, cast, &vote, facts, now)?;
    vote.granted = granted.as_ref().map(|grant| grant.id);
    events.push(Event::Voted { vote: vote.clone() });
    events.extend(granted.map(|grant| Event::Granted { grant }));
    Arc::make_mut(&mut counted).votes.push(vote);
    let decision = decided(&counted, facts, facts.actor(), now);
    events.extend(decision.map(|decision| Event::Decided { decision }));
    Ok(events)
}

/// What the votes so far decide, the last of which was just given by `by`.
pub(super) fn decided(
    counted: &Approval,
    facts: &Facts,
    by: Actor,
    now: Timestamp,
) -> Option<Decision> {
    let (status, cause) = tally(counted, facts)?;
    let last = counted.votes.last();
    Some(Decision {
        status,
        decided_at: now,
        by,
        cause,
        comment: last.and_then(|vote| vote.comment.clone()),
        answer: last.and_then(|vote| vote.answer.clone()),
        valid_until: (status == Status::Approved).then(|| now.plus(counted.valid_for)),
    })
}

/// Who approves fills the form in, if there is one; nobody else does.
fn filled_in(approval: &Approval, cast: &CastVote) -> Result<(), Refusal> {
    let wanted = approval.answer_schema.is_some() && cast.decision == VoteDecision::Approve;
    match &cast.answer {
        None if wanted => Err(Refusal::AnswerMissing),
        Some(_) if !wanted => Err(Refusal::AnswerUnwanted),
        Some(answer) if !answer.problems.is_empty() => {
            Err(Refusal::AnswerUnfit { problems: answer.problems.clone() })
        }
        _ => Ok(()),
    }
}

/// Someone who can vote, and how their vote would count.
pub(super) struct Eligible {
    pub(super) voter: Voter,
    on_behalf_of: Option<Voter>,
    assurance: Assurance,
    pub(super) via: Via,
    seats: NeedSet,
}

/// Whether whoever acts could vote on this now, in their own place or in another's.
pub(super) fn eligible(
    approval: &Approval,
    facts: &Facts,
    now: Timestamp,
) -> Result<Eligible, Refusal> {
    eligible_for(approval, None, None, facts, now)
}

fn eligible_for(
    approval: &Approval,
    place: Option<MemberId>,
    decision: Option<VoteDecision>,
    facts: &Facts,
    now: Timestamp,
) -> Result<Eligible, Refusal> {
    let (voter, assurance, via) = who_votes(approval, facts)?;
    undecided(approval, now)?;
    let roster = &facts.roster;
    let kept_out =
        |id: MemberId| keeps_owner_out(&approval.policy, facts) && id == approval.asker.owner;
    if kept_out(voter) || place.is_some_and(kept_out) {
        return Err(Refusal::OwnerCannotDecide);
    }
    let email = roster.email(voter);
    // Who votes in two places would fill two seats.
    let spoken = |id: MemberId| {
        approval.vote_of(id).map_or(Ok(()), |earlier| {
            Err(Refusal::AlreadyVoted {
                who: earlier.voter.email.clone(),
                decision: earlier.decision,
                at: earlier.at,
            })
        })
    };
    spoken(voter)?;
    if let Some(place) = place.filter(|place| *place != voter)
        && (!roster.delegated(place, voter, now) || roster.voter(voter).is_none())
    {
        return Err(Refusal::NotDelegated { who: email, whose: roster.email(place) });
    }
    let seats_of = |id: MemberId| approval.seats_of(id, roster, now);
    let own = seats_of(voter) != NeedSet::NONE;
    let lent = |id: &MemberId| {
        !kept_out(*id) && seats_of(*id) != NeedSet::NONE && approval.vote_of(*id).is_none()
    };
    let seat = match place {
        Some(place) => place,
        None if own || roster.voter(voter).is_none() => voter,
        None => roster.delegators(voter, now).find(lent).unwrap_or(voter),
    };
    let seats = seats_of(seat);
    if seats == NeedSet::NONE {
        return Err(Refusal::NotAnApprover { who: roster.email(seat) });
    }
    let needed = least_assurance(approval, facts);
    let approves = decision == Some(VoteDecision::Approve);
    let way = match &facts.principal {
        Principal::Link(link) => link.way,
        _ => LinkWay::Url,
    };
    let enough = match way {
        // A no from who is known by a chat counts whatever a yes would need: it lets nothing run.
        LinkWay::Telegram { .. } if !approves => needed.min(Assurance::Chat),
        _ => needed,
    };
    if assurance < enough {
        return Err(Refusal::AssuranceTooLow { has: assurance, needed });
    }
    // A client can make of a button what it likes.
    if approves && way == (LinkWay::Telegram { approves: false }) {
        return Err(Refusal::NotOffered);
    }
    spoken(seat)?;
    let on_behalf_of = (seat != voter).then(|| Voter { id: seat, email: roster.email(seat) });
    Ok(Eligible { voter: Voter { id: voter, email }, on_behalf_of, assurance, via, seats })
}

/// The person whose vote this would be. An asking key is told so first: it must never learn to
/// try again with more.
fn who_votes(approval: &Approval, facts: &Facts) -> Result<(MemberId, Assurance, Via), Refusal> {
    match &facts.principal {
        Principal::Key(key) if key.id == approval.asker.key => Err(Refusal::AskerCannotDecide),
        Principal::Key(key) => {
            let member = key.member.filter(|_| key.scopes.contains(&Scope::Decide));
            let member = member.ok_or(Refusal::MissingScope(Scope::Decide))?;
            Ok((member, Assurance::Key, Via::Key(key.id)))
        }
        Principal::Session(session) => Ok((session.member, session.assurance, Via::Web)),
        Principal::Link(link) => {
            let (most, via) = match link.way {
                LinkWay::Url => (Assurance::Link, Via::Link),
                LinkWay::Telegram { .. } => (Assurance::Chat, Via::Telegram),
            };
            Ok((link.member, link.assurance.min(most), via))
        }
        Principal::System => Err(Refusal::MissingScope(Scope::Decide)),
    }
}

/// The least that a vote on this approval must have, by its policy and the workspace's floor.
#[must_use]
pub fn least_assurance(approval: &Approval, facts: &Facts) -> Assurance {
    approval.policy.document.assurance.max(facts.floor.assurance)
}

pub(super) fn keeps_owner_out(policy: &FrozenPolicy, facts: &Facts) -> bool {
    policy.document.separate.owner || facts.floor.separate_owner
}

/// Whether the votes so far, the last of which was just given, decide it, and why.
fn tally(approval: &Approval, facts: &Facts) -> Option<(Status, Cause)> {
    let policy = &approval.policy.document;
    let roster: &Roster = &facts.roster;
    let rejected =
        |vote: &&Vote| vote.decision == VoteDecision::Reject && vote.is_of_voters(roster);
    if approval.votes.iter().filter(rejected).count() >= usize::from(policy.rejections) {
        return Some((Status::Rejected, Cause::Rejections));
    }
    // Votes come back with an account that is enabled again, so the needs can be met before the
    // last vote. If that one is a no, it must not be what approves.
    let given = approval.given(roster);
    let yes = approval.votes.last().is_some_and(|vote| vote.decision == VoteDecision::Approve);
    if yes && quorum::fill(&policy.counts(), &given).is_complete() {
        return Some((Status::Approved, Cause::NeedsMet));
    }
    let standing = approval.votes.iter().filter(|vote| approval.stands(vote));
    let mut spent: BTreeSet<MemberId> = standing.flat_map(Vote::people).collect();
    if keeps_owner_out(&approval.policy, facts) {
        spent.insert(approval.asker.owner);
    }
    let reachable = policy.reachable(given, &spent, roster, approval.span());
    if reachable.is_complete() {
        return None;
    }
    let short = reachable.open.iter().zip(&policy.needs).find(|(open, _)| **open > 0);
    let detail = short.map_or_else(String::new, |(open, need)| {
        let sources = crate::policy::sources_in_words(&need.from);
        format!("{open} more from {sources} needed, and nobody is left who could give it")
    });
    Some((Status::Rejected, Cause::Unreachable { detail }))
}
