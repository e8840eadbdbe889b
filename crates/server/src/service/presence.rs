//! What a signed-in person sees of their workspace: who they are, what waits for them, what they
//! could do with an approval, and that something may have changed.

use askfirst_core::{
    Approval, ApprovalId, CastVote, Claim, Command, Facts, KeyId, LinkFacts, MemberId, Principal,
    Refusal, Room, Seconds, SessionFacts, Standing, Status, Timestamp, VoteDecision, transition,
};
use askfirst_store::{ApprovalFilter, Member, Workspace};
use tokio_util::sync::CancellationToken;

use super::{Caller, Result, Rights, Seen, Service, ServiceError};
use crate::crowd::Stay;
use crate::wakeups::{Topic, Waiter};

/// The most pending approvals that an inbox holds.
pub const FULL_INBOX: u32 = 200;
/// How many ended approvals an inbox recalls.
const RECALLED: u32 = 8;

/// How many earlier rejections of the same action are told.
const MOST_BEFORE: u32 = 3;
/// For how long.
const REMEMBERED: Seconds = Seconds(30 * 86_400);

/// The person behind a session, where they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Viewer {
    /// Who.
    pub member: Member,
    /// Where.
    pub workspace: Workspace,
    /// When they were looked up.
    pub now: Timestamp,
}

/// What the rules would say to this person now. A forecast: they are asked again when it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospects {
    /// Why they cannot vote, if they cannot.
    pub vote: std::result::Result<(), Refusal>,
    /// Whether they can withdraw the question.
    pub cancel: bool,
    /// Whether they can take the approval back.
    pub revoke: bool,
    /// Whether they decide over what is kept.
    pub keep: bool,
    /// Whether its texts can be erased, or are.
    pub erase: bool,
}

/// One approval as a person sees it.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The approval.
    pub seen: Seen,
    /// What they can do.
    pub prospects: Prospects,
    /// The name of the key that used the approval.
    pub used_by: Option<String>,
    /// The same action before, where people said no to it lately; newest first.
    pub rejected_before: Vec<Approval>,
}

/// What waits, and what became of what waited.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    /// Pending, and this person can vote.
    pub yours: Vec<Seen>,
    /// Pending, and others must act.
    pub others: Vec<Seen>,
    /// Ended lately.
    pub ended: Vec<Seen>,
}

/// Hints that something in a workspace may have changed.
#[derive(Debug)]
pub struct WorkspaceChanges {
    waiter: Waiter,
    stopping: CancellationToken,
    _stay: Stay,
}

impl WorkspaceChanges {
    /// Waits for the next hint; false once the server stops.
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.waiter.woken() => !self.stopping.is_cancelled(),
            () = self.stopping.cancelled() => false,
        }
    }
}

impl Service {
    /// The person behind a call.
    ///
    /// # Errors
    /// If there is none, or they could not be read.
    pub async fn viewer(&self, caller: &Caller) -> Result<Viewer> {
        let id = caller.member().ok_or(ServiceError::NotFound("member"))?;
        let member = self.store.member(caller.place.workspace, id).await?;
        let member = member.ok_or(ServiceError::NotFound("member"))?;
        Ok(Viewer { member, workspace: self.workspace(caller).await?, now: self.store.now() })
    }

    /// Hints about the caller's workspace. Register before reading.
    ///
    /// # Errors
    /// If this person listens too often already.
    pub fn workspace_changes(&self, caller: &Caller) -> Result<WorkspaceChanges> {
        let stay = self.stay(caller)?;
        let waiter = self.wakeups.register(Topic::Workspace(caller.place.workspace));
        Ok(WorkspaceChanges { waiter, stopping: self.stopping.clone(), _stay: stay })
    }

    /// One approval, with what this caller could do.
    ///
    /// # Errors
    /// As [`Service::approval`].
    pub async fn sight(&self, caller: &Caller, id: ApprovalId) -> Result<Sight> {
        let seen = self.approval(caller, id).await?;
        let workspace = self.workspace(caller).await?;
        let prospects = prospects(caller, &seen, &workspace);
        let used_by = self.used_by(caller, &seen.approval).await?;
        let rejected_before = self.rejected_before(caller, &seen).await?;
        Ok(Sight { seen, prospects, used_by, rejected_before })
    }

    /// Those of these that this caller could decide now.
    ///
    /// # Errors
    /// The store's.
    pub async fn decidable(&self, caller: &Caller, mut seen: Vec<Seen>) -> Result<Vec<Seen>> {
        let workspace = self.workspace(caller).await?;
        seen.retain(|seen| prospects(caller, seen, &workspace).vote.is_ok());
        Ok(seen)
    }

    /// While something is open: the same action, asked before, and what came of it.
    async fn rejected_before(&self, caller: &Caller, seen: &Seen) -> Result<Vec<Approval>> {
        let approval = &seen.approval;
        if approval.status_at(seen.now) != Status::Pending {
            return Ok(Vec::new());
        }
        let digest = approval.action_digest;
        let ids =
            self.store.rejected_before(caller.place, digest, approval.id, MOST_BEFORE).await?;
        let mut before = Vec::new();
        for id in ids {
            let Some(known) = self.store.approval(caller.place, id).await? else { continue };
            let lately = known
                .decision
                .as_ref()
                .is_some_and(|decision| seen.now < decision.decided_at.plus(REMEMBERED));
            if lately && caller.reads(&known, &seen.roster, seen.now) {
                before.push(known);
            }
        }
        Ok(before)
    }

    async fn used_by(&self, caller: &Caller, approval: &Approval) -> Result<Option<String>> {
        let Some(Claim::Claimed { by, .. }) = approval.claim else {
            return Ok(None);
        };
        if by == approval.asker.key {
            return Ok(Some(approval.asker.label.clone()));
        }
        // Keys come in the order of their ids, so the one after its predecessor is this one.
        let before = KeyId::from_bits(by.to_bits().wrapping_sub(1));
        let keys = self.store.keys(caller.place.workspace, Some(before), 1).await?;
        Ok(keys.into_iter().find(|key| key.facts.id == by).map(|key| key.facts.label))
    }

    /// What waits for this caller, newest and most urgent first, and what ended lately.
    ///
    /// # Errors
    /// If it could not be read.
    pub async fn inbox(&self, caller: &Caller) -> Result<Inbox> {
        let workspace = self.workspace(caller).await?;
        let filter = ApprovalFilter {
            status: Some(Status::Pending),
            limit: FULL_INBOX,
            ..ApprovalFilter::default()
        };
        let mut pending = self.approvals(caller, filter).await?;
        // The sort is stable, so the newest stays first within one priority.
        pending.sort_by_key(|seen| std::cmp::Reverse(seen.approval.priority));
        let (yours, others) =
            pending.into_iter().partition(|seen| prospects(caller, seen, &workspace).vote.is_ok());
        let ended = ApprovalFilter { ended: true, limit: RECALLED, ..ApprovalFilter::default() };
        let ended = self.approvals(caller, ended).await?;
        Ok(Inbox { yours, others, ended })
    }
}

/// Asks the rules without consequences, so that they are written down only once.
fn prospects(caller: &Caller, seen: &Seen, workspace: &Workspace) -> Prospects {
    let facts = Facts {
        principal: principal(caller),
        roster: seen.roster.clone(),
        floor: workspace.floor,
        policy: None,
        known_keys: std::collections::BTreeSet::new(),
        room: Room::default(),
        grants: Vec::new(),
        hold: workspace.hold.clone(),
    };
    let ask = |command: Command| transition(Some(&seen.approval), &command, &facts, seen.now);
    let vote = Command::Vote(CastVote {
        decision: VoteDecision::Reject,
        on_behalf_of: None,
        action_digest: seen.approval.action_digest,
        shown_digest: None,
        comment: None,
        edits: None,
        answer: None,
        grant: None,
    });
    Prospects {
        vote: ask(vote).map(drop),
        cancel: ask(Command::Cancel { reason: None }).is_ok(),
        revoke: ask(Command::Revoke { reason: None }).is_ok(),
        keep: ask(Command::Release).is_ok(),
        erase: ask(Command::Erase).is_ok(),
    }
}

fn principal(caller: &Caller) -> Principal {
    match &caller.rights {
        Rights::Key(key) => Principal::Key(key.clone()),
        Rights::Member { id, assurance, .. } => {
            let member: MemberId = *id;
            let session = SessionFacts { member, assurance: *assurance, standing: Standing::Good };
            Principal::Session(session)
        }
        Rights::Link { member, approval, assurance, way } => Principal::Link(LinkFacts {
            member: *member,
            approval: *approval,
            assurance: *assurance,
            way: *way,
            standing: Standing::Good,
        }),
    }
}
