//! A second opinion: the same rules, written from the page and as differently as possible.
//! It keeps ballots instead of events, seats from the needs' side instead of the people's, and
//! tries everything instead of searching cleverly.

use askfirst_core::*;

use crate::stage::key_id;

/// The most of `seats` (each the number of its need) that can be taken, one person one seat.
/// `fits[p][n]`: whether person `p` could sit for need `n`.
pub(crate) fn most_seated(seats: &[usize], fits: &[Vec<bool>]) -> u32 {
    fn try_all(seats: &[usize], fits: &[Vec<bool>], sitting: u64) -> u32 {
        let Some((&need, rest)) = seats.split_first() else { return 0 };
        let mut best = try_all(rest, fits, sitting);
        for (person, fits_for) in fits.iter().enumerate() {
            let bit = 1 << person;
            if sitting & bit == 0 && fits_for[need] {
                best = best.max(1 + try_all(rest, fits, sitting | bit));
            }
        }
        best
    }
    try_all(seats, fits, 0)
}

/// The need of every single seat: counts 2 and 1 give `[0, 0, 1]`.
pub(crate) fn seats_of(policy: &Policy) -> Vec<usize> {
    let seats = policy.needs.iter().enumerate();
    seats.flat_map(|(need, document)| vec![need; usize::from(document.count)]).collect()
}

/// For which needs this person may speak, so many seconds after the question.
pub(crate) fn fits(policy: &Policy, id: MemberId, roster: &Roster, after: i64) -> Vec<bool> {
    let person = &roster.people[&id];
    let able = person.enabled && person.role != Role::Auditor;
    let among = |source: &Source| match source.to_string().split_once(':') {
        Some(("group", name)) => roster.groups.get(name).is_some_and(|ids| ids.contains(&id)),
        Some((kind, email)) => {
            (kind == "contact") == (person.role == Role::Contact)
                && email.to_lowercase() == person.email.to_lowercase()
        }
        None => person.role != Role::Contact,
    };
    let later = policy.steps.iter().filter(|step| i64::from(step.after.0) <= after);
    let let_in = later.flat_map(|step| &step.add).any(among);
    policy.needs.iter().map(|need| able && (let_in || need.from.iter().any(among))).collect()
}

struct Ballot {
    voter: MemberId,
    /// Whose seat it is; the voter's own, or that of who is away.
    seat: MemberId,
    yes: bool,
    fits: Vec<bool>,
}

#[derive(PartialEq)]
enum Use {
    Claimed,
    Revoked,
}

/// What should have become of one question.
pub(crate) struct Oracle {
    policy: Policy,
    asker: KeyId,
    owner: MemberId,
    asked: Timestamp,
    deadline: Timestamp,
    /// Steps that were noted.
    noted: usize,
    valid_for: Seconds,
    /// Of what is asked for now.
    digest: Digest,
    changes: u32,
    ballots: Vec<Ballot>,
    /// Who asked back, and whether they were answered.
    inquiries: Vec<(MemberId, bool)>,
    ended: Option<Status>,
    valid_until: Option<Timestamp>,
    used: Option<Use>,
    reported: Option<OutcomeStatus>,
}

impl Oracle {
    pub(crate) fn new(asked: &Approval) -> Self {
        Self {
            policy: asked.policy.document.clone(),
            asker: asked.asker.key,
            owner: asked.asker.owner,
            asked: asked.created_at,
            deadline: asked.expires_at,
            noted: 0,
            valid_for: asked.valid_for,
            digest: asked.action_digest,
            changes: 0,
            ballots: Vec::new(),
            inquiries: Vec::new(),
            ended: None,
            valid_until: None,
            used: None,
            reported: None,
        }
    }

    pub(crate) fn status(&self, now: Timestamp) -> Status {
        match (self.ended, self.policy.on_timeout) {
            (Some(status), _) => status,
            (None, _) if now < self.deadline => Status::Pending,
            (None, OnTimeout::Expire) => Status::Expired,
            (None, OnTimeout::Reject) => Status::Rejected,
        }
    }

    /// Whether the command is to be accepted; if so, takes it in.
    pub(crate) fn hears(&mut self, facts: &Facts, command: &Command, now: Timestamp) -> bool {
        let good = match &facts.principal {
            Principal::System => true,
            Principal::Key(key) => {
                key.standing == Standing::Good && present(key.member.unwrap_or(key.owner), facts)
            }
            Principal::Session(s) => s.standing == Standing::Good && present(s.member, facts),
            // Of the two approvals that plans know links for, this is the first.
            Principal::Link(l) => {
                l.standing == Standing::Good
                    && l.approval.to_bits() == 42
                    && present(l.member, facts)
            }
        };
        let pending = self.status(now) == Status::Pending;
        let usable = self.used.is_none() && self.valid_until.is_some_and(|until| now < until);
        let accepted = good
            && match command {
                Command::Ask(_) => false,
                Command::Vote(cast) => return good && pending && self.counts(facts, cast, now),
                Command::Inquire { action_digest, .. } => {
                    return good && pending && self.wonders(facts, *action_digest, now);
                }
                Command::Reply { number, .. } => {
                    let known = self.inquiries.get(*number as usize - 1);
                    // The same words again are taken at any time.
                    self.asks(facts) && known.is_some_and(|(_, answered)| *answered || pending)
                }
                Command::Cancel { .. } => pending && (self.asks(facts) || runs_workspace(facts)),
                Command::Look => pending && self.could_vote(facts, now).is_some(),
                Command::Escalate => pending && self.steps_come(now) > self.noted,
                Command::Expire => self.ended.is_none() && now >= self.deadline,
                Command::Consume { action_digest } => {
                    usable && *action_digest == self.digest && self.uses(facts)
                }
                Command::Revoke { .. } => usable && self.takes_back(facts, now),
                Command::Report { status, .. } => {
                    self.used == Some(Use::Claimed)
                        && self.uses(facts)
                        && self.reported.is_none_or(|reported| reported == *status)
                }
                // Told in `erasing.rs`; no plan has these.
                Command::Hold { .. } | Command::Release | Command::Erase => false,
            };
        if accepted {
            match command {
                Command::Cancel { .. } => self.ended = Some(Status::Cancelled),
                Command::Expire => self.ended = Some(self.status(now)),
                Command::Consume { .. } => self.used = Some(Use::Claimed),
                Command::Revoke { .. } => self.used = Some(Use::Revoked),
                Command::Report { status, .. } => self.reported = Some(*status),
                Command::Reply { number, .. } => self.inquiries[*number as usize - 1].1 = true,
                Command::Escalate => self.noted = self.steps_come(now),
                Command::Ask(_)
                | Command::Vote(_)
                | Command::Look
                | Command::Inquire { .. }
                | Command::Hold { .. }
                | Command::Release
                | Command::Erase => {}
            }
        }
        accepted
    }

    /// Seconds since the question was put.
    fn age(&self, now: Timestamp) -> i64 {
        now.seconds() - self.asked.seconds()
    }

    fn steps_come(&self, now: Timestamp) -> usize {
        let age = self.age(now);
        self.policy.steps.iter().filter(|step| i64::from(step.after.0) <= age).count()
    }

    fn wonders(&mut self, facts: &Facts, digest: Digest, now: Timestamp) -> bool {
        let Some((voter, _)) = self.could_vote(facts, now) else { return false };
        let open = self.inquiries.iter().any(|(who, answered)| *who == voter && !answered);
        if open || self.inquiries.len() >= 20 || digest != self.digest {
            return false;
        }
        self.inquiries.push((voter, false));
        true
    }

    /// Who would vote, and in whose place.
    fn could_vote(&self, facts: &Facts, now: Timestamp) -> Option<(MemberId, MemberId)> {
        let (voter, assurance) = speaks_for(facts)?;
        let kept_out = self.policy.separate.owner || facts.floor.separate_owner;
        let fits_now = |id| fits(&self.policy, id, &facts.roster, self.age(now)).contains(&true);
        let spoken_for = |id| self.ballots.iter().any(|b| b.voter == id || b.seat == id);
        let owner_out = |id| kept_out && id == self.owner;
        let mut seat = voter;
        let person = &facts.roster.people[&voter];
        if !fits_now(voter) && person.enabled && person.role != Role::Auditor {
            let away =
                facts.roster.delegations.iter().filter(|(_, given)| {
                    given.to == voter && given.since <= now && now < given.until
                });
            let mut away = away.map(|(id, _)| *id);
            let free = |id: &MemberId| fits_now(*id) && !owner_out(*id) && !spoken_for(*id);
            seat = away.find(free).unwrap_or(voter);
        }
        let by_asker = matches!(&facts.principal, Principal::Key(key) if key.id == self.asker);
        let barred = by_asker || owner_out(voter);
        let eligible = !barred && fits_now(seat);
        let sure = assurance >= self.policy.assurance && assurance >= facts.floor.assurance;
        let first = !spoken_for(voter) && !spoken_for(seat);
        (eligible && sure && first).then_some((voter, seat))
    }

    fn counts(&mut self, facts: &Facts, cast: &CastVote, now: Timestamp) -> bool {
        let Some((voter, seat)) = self.could_vote(facts, now) else { return false };
        if cast.action_digest != self.digest {
            return false;
        }
        if let Some(edits) = &cast.edits {
            if cast.decision == VoteDecision::Reject || self.changes >= 19 {
                return false;
            }
            // Who said yes said yes to something else, and can speak again.
            if edits.digest != self.digest {
                self.digest = edits.digest;
                self.changes += 1;
                self.ballots.retain(|ballot| !ballot.yes);
            }
        }
        let kept_out = self.policy.separate.owner || facts.floor.separate_owner;
        let fits_now = fits(&self.policy, seat, &facts.roster, self.age(now));
        let yes = cast.decision == VoteDecision::Approve;
        self.ballots.push(Ballot { voter, seat, yes, fits: fits_now });
        self.ended = self.count(facts, yes, kept_out);
        if self.ended == Some(Status::Approved) {
            self.valid_until = Some(now.plus(self.valid_for));
        }
        true
    }

    fn count(&self, facts: &Facts, last_is_yes: bool, kept_out: bool) -> Option<Status> {
        let able = |id: MemberId| {
            let person = &facts.roster.people[&id];
            person.enabled && person.role != Role::Auditor
        };
        let heard = || self.ballots.iter().filter(|b| able(b.voter) && able(b.seat));
        if heard().filter(|ballot| !ballot.yes).count() >= usize::from(self.policy.rejections) {
            return Some(Status::Rejected);
        }
        let seats = seats_of(&self.policy);
        let all = u32::try_from(seats.len()).unwrap();
        let mut people: Vec<_> =
            heard().filter(|ballot| ballot.yes).map(|ballot| ballot.fits.clone()).collect();
        if last_is_yes && most_seated(&seats, &people) == all {
            return Some(Status::Approved);
        }
        for id in facts.roster.people.keys() {
            let spoke = self.ballots.iter().any(|b| b.voter == *id || b.seat == *id);
            let barred = kept_out && *id == self.owner;
            if !spoke && !barred {
                // Also who will only be let in before the deadline.
                let last = self.age(self.deadline) - 1;
                people.push(fits(&self.policy, *id, &facts.roster, last));
            }
        }
        (most_seated(&seats, &people) < all).then_some(Status::Rejected)
    }

    fn asks(&self, facts: &Facts) -> bool {
        with_ask(facts) == Some(self.asker)
    }

    fn uses(&self, facts: &Facts) -> bool {
        self.asks(facts) || with_ask(facts) == Some(key_id("runner"))
    }

    fn takes_back(&self, facts: &Facts, now: Timestamp) -> bool {
        let by_asker = matches!(&facts.principal, Principal::Key(key) if key.id == self.asker);
        let Some((person, _)) = speaks_for(facts) else { return false };
        let by_asker = by_asker || matches!(&facts.principal, Principal::Link(_));
        let approver = fits(&self.policy, person, &facts.roster, self.age(now)).contains(&true);
        !by_asker && (approver || admin(person, facts))
    }
}

fn present(id: MemberId, facts: &Facts) -> bool {
    facts.roster.people.get(&id).is_some_and(|person| person.enabled)
}

fn admin(id: MemberId, facts: &Facts) -> bool {
    matches!(facts.roster.people[&id].role, Role::Owner | Role::Admin) && present(id, facts)
}

fn runs_workspace(facts: &Facts) -> bool {
    matches!(&facts.principal, Principal::Session(session) if admin(session.member, facts))
}

fn with_ask(facts: &Facts) -> Option<KeyId> {
    match &facts.principal {
        Principal::Key(key) if key.scopes.contains(&Scope::Ask) => Some(key.id),
        _ => None,
    }
}

fn speaks_for(facts: &Facts) -> Option<(MemberId, Assurance)> {
    match &facts.principal {
        Principal::Session(session) => Some((session.member, session.assurance)),
        Principal::Link(link) => Some((link.member, Assurance::Link)),
        Principal::Key(key) if key.scopes.contains(&Scope::Decide) => {
            key.member.map(|member| (member, Assurance::Key))
        }
        _ => None,
    }
}
