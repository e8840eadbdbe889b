//! The rules of Askfirst: what an approval is, who may decide it and when it is decided.
//! Everything here is a pure function of its arguments. Reading facts, keeping time,
//! making ids and hashing belong to the callers.

pub mod action;
pub mod administration;
pub mod approval;
pub mod channel;
pub mod dialect;
pub mod digest;
pub mod facts;
pub mod hitl;
pub mod ids;
pub mod limits;
pub mod policy;
pub mod principal;
pub mod quorum;
pub mod time;

pub use action::{Action, Agent, Environment, Priority};
pub use approval::{
    Approval, Asker, Cause, Claim, ClaimState, Decision, Outcome, OutcomeStatus, Status,
    command::{Ask, CastVote, Command, FormAnswer, PolicyChoice},
    edit::{Edits, Pointer, Revision},
    erasure::{Erasure, Hold},
    escalation::Look,
    event::Event,
    grant::{Bound, Grant, NewGrant, Terms},
    inquiry::{Inquiry, Reply},
    passing::PassOn,
    refusal::Refusal,
    remaining::{OpenNeed, Remaining},
    transition::{Transition, transition},
    vote::{Via, Vote, VoteDecision, Voter},
};
pub use channel::{
    About, Afterwards, ChannelSettings, ChatAccount, ChatRoom, EmailSettings, Locale, MailSecurity,
    NewChannel, Receive, TelegramSettings,
};
pub use dialect::Dialect;
pub use digest::Digest;
pub use facts::{
    Delegation, Facts, Floor, KeyFacts, LinkFacts, LinkWay, Person, Principal, Roster,
    SessionFacts, Standing,
};
pub use hitl::{HitlChannel, HitlConfig, HitlId, HitlStatus, KeptHitl};
pub use ids::{
    ApprovalId, ChannelId, DeliveryId, GrantId, GroupId, KeyId, LinkId, MemberId, NoticeId,
    PolicyId, RoomId, SessionId, WebhookId, WorkspaceId,
};
pub use limits::{
    Allowance, Allowances, Beyond, Gauge, Holder, KeyLimits, Limit, Load, OverPlan, Overrun, Plan,
    PlanName, Preset, Room,
};
pub use policy::{
    FrozenPolicy, Need, OnTimeout, Policy, PolicyName, Problem, Separate, Source, steps::Step,
};
pub use principal::{Actor, Assurance, PolicyAllowance, Role, Scope};
pub use time::{Seconds, Timestamp};
