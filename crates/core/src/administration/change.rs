//! What can be changed about a workspace. Whether it may be is judged one file above.

use std::collections::BTreeSet;

use super::{
    ChannelSecret, FoundAccount, GivenUp, NewAccountCode, PasswordHash, ProofRevocation, SecretHash,
};
use crate::{
    ApprovalId, Assurance, ChannelId, ChannelSettings, Delegation, DeliveryId, Dialect, Digest,
    Environment, Floor, GrantId, GroupId, KeptHitl, KeyId, KeyLimits, LinkId, MemberId, NewChannel,
    NoticeId, Plan, Policy, PolicyAllowance, PolicyId, PolicyName, Role, Scope, Seconds, SessionId,
    Timestamp, WebhookId,
};

/// One administrative change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A person gets an account.
    AddMember {
        /// Their id.
        id: MemberId,
        /// Unique in the workspace, compared without regard to ASCII case.
        email: String,
        /// What to call them.
        name: String,
        /// What they may do.
        role: Role,
    },
    /// A person's account changes. Disabling one closes its sessions, links and keys at once.
    UpdateMember {
        /// Whose.
        id: MemberId,
        /// A new name.
        name: Option<String>,
        /// A new role.
        role: Option<Role>,
        /// Disabled or enabled again.
        enabled: Option<bool>,
    },
    /// A person hands their votes to another for a while, or takes them back.
    Delegate {
        /// Whose votes.
        member: MemberId,
        /// To whom and when; none takes them back.
        delegation: Option<Delegation>,
    },
    /// A new group.
    AddGroup {
        /// Its id.
        id: GroupId,
        /// What policies call it by.
        name: String,
        /// Who is in it.
        members: BTreeSet<MemberId>,
    },
    /// Who is in a group from now on.
    SetGroup {
        /// Which.
        id: GroupId,
        /// Everyone in it.
        members: BTreeSet<MemberId>,
    },
    /// A group goes.
    RemoveGroup {
        /// Which.
        id: GroupId,
    },
    /// A new key. Its secret was shown once and is known here by its hash only.
    AddKey(NewKey),
    /// A key stops working.
    RevokeKey {
        /// Which.
        id: KeyId,
    },
    /// Another receiver of what happens.
    AddWebhook(NewWebhook),
    /// A new way to people.
    AddChannel(NewChannel),
    /// A way to people is set up otherwise. What waits goes out by what it is then.
    SetChannel {
        /// Which.
        id: ChannelId,
        /// What it is set up with from now on.
        settings: ChannelSettings,
        /// And its secret.
        secret: ChannelSecret,
    },
    /// Nobody is told anything by it any more.
    RemoveChannel {
        /// Which.
        id: ChannelId,
    },
    /// A receiver gave back what it was challenged with, and is told from now on.
    ConfirmWebhook {
        /// Which.
        id: WebhookId,
    },
    /// Another secret signs what a receiver gets.
    RotateWebhook {
        /// Which.
        id: WebhookId,
        /// The new secret, sealed.
        sealed: Vec<u8>,
        /// For how long the one before signs too.
        overlap: Seconds,
    },
    /// A receiver gets nothing more; what waited for it is forgotten.
    RemoveWebhook {
        /// Which.
        id: WebhookId,
    },
    /// Something that was sent, or given up, is sent once more.
    RetryDelivery {
        /// Which.
        id: DeliveryId,
    },
    /// Something that a person was told, or could not be, is told once more.
    RetryNotice {
        /// Which.
        id: NoticeId,
    },
    /// What was given up is sent again, the oldest first, at most [`GivenUp::MOST`] of it.
    Replay(GivenUp),
    /// A new policy, or a new version of one.
    SavePolicy {
        /// The id it gets if the name is new.
        id: PolicyId,
        /// The document.
        document: Policy,
        /// SHA-256 over its canonical JSON.
        digest: Digest,
    },
    /// A policy goes; approvals asked under it keep their copy.
    RemovePolicy {
        /// Which.
        name: PolicyName,
    },
    /// The workspace's own settings.
    SetWorkspace {
        /// What to call it.
        name: Option<String>,
        /// Under which policy an ask goes that names none.
        default_policy: Option<PolicyName>,
        /// What holds for every approval.
        floor: Option<Floor>,
        /// How long texts are kept after the end; within it, none keeps them for good.
        retention_days: Option<Option<u32>>,
        /// Hosts that askers may have the end of an approval sent to.
        callback_hosts: Option<Vec<String>>,
    },
    /// What the workspace may have as a whole from now on, by the operator's will.
    SetPlan {
        /// The plan; none for all that the server takes.
        plan: Option<Plan>,
    },
    /// Nothing of the workspace may be erased from now on, or may again.
    HoldWorkspace {
        /// Why; none releases it.
        reason: Option<String>,
    },
    /// A one-time link that signs a member in.
    AddLoginLink {
        /// Hash of the link's token.
        secret: SecretHash,
        /// Whom it signs in.
        member: MemberId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A link by which a member decides one approval without signing in.
    AddDecisionLink(NewDecisionLink),
    /// A code by which somebody shows which chat account is theirs.
    AddAccountCode(NewAccountCode),
    /// The code came from an account. It is the credential, so the principal is `System`.
    FindAccount(FoundAccount),
    /// Whoever asked for the code says that the account found is the right one: it reaches that
    /// member from now on, and answers from it are theirs.
    LinkAccount {
        /// Hash of the code.
        code: SecretHash,
        /// Whose.
        member: MemberId,
        /// The account that they were shown.
        account: String,
    },
    /// An account is nobody's any more.
    UnlinkAccount {
        /// By which way.
        channel: ChannelId,
        /// Whose.
        member: MemberId,
    },
    /// A program of the proof dialect names ways to people.
    AddHitl(KeptHitl),
    /// Such a config is otherwise from now on.
    SetHitl(KeptHitl),
    /// What proves a decision to clients of proof.holdings is good no more.
    RevokeProof(ProofRevocation),
    /// A vote given in advance is taken back; what it was used for stays.
    RevokeGrant {
        /// Which.
        id: GrantId,
        /// In which environment it was given.
        environment: Environment,
        /// Who gave it.
        of: MemberId,
    },
    /// Someone used such a link. The link itself is the credential, so the principal is `System`.
    OpenSession {
        /// Hash of the link's token.
        link: SecretHash,
        /// The new session's id.
        id: SessionId,
        /// Hash of the new session's token.
        secret: SecretHash,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A member's password, set by themselves. Their other sessions and their links end.
    SetPassword {
        /// Whose.
        member: MemberId,
        /// The new one.
        hash: PasswordHash,
        /// The one that they have just proven to know; none if they had none.
        before: Option<PasswordHash>,
    },
    /// A member has no password any more, by an admin's will. Their sessions and links end.
    RemovePassword {
        /// Whose.
        member: MemberId,
    },
    /// Someone gave their password. It is the credential, so the principal is `System`.
    SignIn {
        /// Who.
        member: MemberId,
        /// The one that they have just proven to know.
        password: PasswordHash,
        /// The new session's id.
        id: SessionId,
        /// Hash of the new session's token.
        secret: SecretHash,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A session ends.
    CloseSession {
        /// Which.
        id: SessionId,
    },
    /// Every session of a member ends.
    CloseSessions {
        /// Whose.
        member: MemberId,
        /// But this one.
        except: Option<SessionId>,
    },
}

/// Everything about a new key but its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Its name.
    pub label: String,
    /// Hash of the secret.
    pub secret: SecretHash,
    /// The first characters, to recognise it by.
    pub hint: String,
    /// The world it belongs to.
    pub environment: Environment,
    /// Which API it speaks.
    pub dialect: Dialect,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Under which policies it may ask.
    pub policies: PolicyAllowance,
    /// As whom it votes.
    pub member: Option<MemberId>,
    /// Who answers for it; none for whoever makes it.
    pub owner: Option<MemberId>,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// How much it may ask, where that is less than every key may.
    pub limits: KeyLimits,
    /// Where the end of what it asks is sent, unless the ask says. Whether that may be reached is
    /// looked at with each.
    pub callback_url: Option<String>,
}

/// Everything about a new receiver but its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// Of which world it is told.
    pub environment: Environment,
    /// Where it listens. Whether that may be reached was looked at before. None for what signs
    /// callbacks, which go where each approval says.
    pub url: Option<String>,
    /// Names of the events that it gets; none for all.
    pub events: BTreeSet<String>,
    /// In whose words it is told; if not in ours, only of what was asked in that API.
    pub dialect: Dialect,
    /// The secret that what it gets is signed with, sealed.
    pub sealed: Vec<u8>,
}

/// A decision link to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDecisionLink {
    /// Its id.
    pub id: LinkId,
    /// Hash of its token.
    pub secret: SecretHash,
    /// The approval's environment.
    pub environment: Environment,
    /// The only approval that it is good for.
    pub approval: ApprovalId,
    /// Whose vote it gives.
    pub member: MemberId,
    /// How it comes to them, and so what its votes are worth.
    pub kind: LinkKind,
}

/// How a decision link comes to whose vote it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// It is sent to them alone.
    Sent,
    /// The key that asked makes it, to pass it on. Since that key has it too, it shows nothing
    /// about who answers, and its votes count as `bearer`.
    PassedOn,
    /// It is the buttons of a card that is sent to an account of theirs. Its votes are worth what
    /// the account is.
    Card {
        /// By which way.
        channel: ChannelId,
        /// To which account: nobody else can press them.
        account: String,
        /// Whether one of them approves.
        approves: bool,
        /// SHA-256 of what the card shows. Once that is another, they answer something else.
        shown: Digest,
    },
}

impl NewDecisionLink {
    /// Whether the asker has it too.
    #[must_use]
    pub const fn is_passed_on(&self) -> bool {
        matches!(self.kind, LinkKind::PassedOn)
    }

    /// The most that its votes are worth.
    #[must_use]
    pub const fn assurance(&self) -> Assurance {
        match self.kind {
            LinkKind::Sent => Assurance::Link,
            LinkKind::PassedOn => Assurance::Bearer,
            LinkKind::Card { .. } => Assurance::Chat,
        }
    }
}
