//! Accounts with chat providers, and the cards that were sent to them, as the store keeps them.

use askfirst_core::administration::SecretHash;
use askfirst_core::{
    Assurance, ChannelId, ChatAccount, Digest, LinkId, MemberId, Timestamp, WorkspaceId,
};
use async_trait::async_trait;

use crate::records::DecisionLink;
use crate::store::StoreError;

/// An account of somebody's, by which they are reached and known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// By which way.
    pub channel: ChannelId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Whose.
    pub member: MemberId,
    /// As the provider knows them.
    pub account: ChatAccount,
    /// How surely answers from it show who gave them.
    pub assurance: Assurance,
    /// Since when it is theirs.
    pub linked_at: Timestamp,
}

/// A code by which somebody shows which account is theirs, while it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCode {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// By which way.
    pub channel: ChannelId,
    /// For whom.
    pub member: MemberId,
    /// The account that sent it, once one did.
    pub found: Option<ChatAccount>,
    /// Whether that was said to be the right one.
    pub linked: bool,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What is special about a link that is the buttons of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardLink {
    /// By which way it was sent.
    pub channel: ChannelId,
    /// To which account.
    pub account: String,
    /// Whether one of its buttons approves.
    pub approves: bool,
    /// SHA-256 of what it shows.
    pub shown: Digest,
}

/// Accounts with chat providers.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Those of a workspace, by one way or all, after this member, by their ids.
    async fn accounts(
        &self,
        workspace: WorkspaceId,
        channel: Option<ChannelId>,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError>;
    /// Those of one member.
    async fn accounts_of(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<Vec<Account>, StoreError>;
    /// Whose an account is by this way, if their workspace has them still.
    async fn account(&self, channel: ChannelId, id: &str) -> Result<Option<Account>, StoreError>;
    /// The code with this hash, while it is good or until its account was linked.
    async fn account_code(&self, secret: SecretHash) -> Result<Option<AccountCode>, StoreError>;
    /// Notes that somebody was asked for words, by this message in this chat, for this purpose.
    async fn note_prompt(
        &self,
        link: LinkId,
        at: (i64, i64),
        purpose: &str,
    ) -> Result<(), StoreError>;
    /// For which card and purpose an account was asked for words by this message in this chat; for
    /// the latest, if there are several.
    async fn prompted(
        &self,
        channel: ChannelId,
        account: &str,
        at: (i64, i64),
    ) -> Result<Option<(DecisionLink, String)>, StoreError>;
}
