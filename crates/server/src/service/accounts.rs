//! Whose chat accounts are: a code shows which account is somebody's, and it counts once whoever
//! asked for the code says that the right one was found.

use askfirst_core::administration::{Change, FoundAccount, NewAccountCode};
use askfirst_core::{ChannelId, ChannelSettings, ChatAccount, MemberId, Scope, Seconds, Timestamp};
use askfirst_store::{Account, AccountCode, Administer, AdministerError, Channel, Credential};

use super::caller::ADMINS;
use super::channels::Trial;
use super::{Caller, Result, Service, ServiceError, mistake};
use crate::mint::{self, Purpose};

/// How long a code is good.
const CODE_LIFETIME: Seconds = Seconds(600);

/// A code that was made, and where to send it from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeCode {
    /// The code.
    pub code: String,
    /// The address that opens the chat with the code in it.
    pub link: String,
    /// What people find the bot by.
    pub bot: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// The address that opens the chat with a bot, with a code in it.
#[must_use]
pub fn deep_link(bot: &str, code: &str) -> String {
    format!("https://t.me/{bot}?start={code}")
}

impl Service {
    /// Makes a code by which a member shows which account is theirs; for oneself, or, as an admin,
    /// for somebody else.
    ///
    /// # Errors
    /// If the caller may not, or there is no such way or member.
    pub async fn add_account_code(
        &self,
        caller: &Caller,
        channel: ChannelId,
        member: MemberId,
    ) -> Result<MadeCode> {
        let channel = self.hearing_channel(caller, channel).await?;
        let ChannelSettings::Telegram(telegram) = &channel.settings else {
            return Err(mistake("/channel", "by mail people are reached at their address"));
        };
        let code = mint::token()?;
        let expires_at = self.store.now().plus(CODE_LIFETIME);
        let secret = Purpose::Account.hash(&code);
        let new = NewAccountCode { secret, channel: channel.id, member, expires_at };
        self.administer(caller, Change::AddAccountCode(new), None).await?;
        let bot = telegram.username.clone();
        let link = deep_link(&bot, &code);
        Ok(MadeCode { code, link, bot, expires_at })
    }

    /// What became of a code that this caller was given; none if it is not good any more.
    ///
    /// # Errors
    /// If the caller may not, or it could not be read.
    pub async fn account_code(&self, caller: &Caller, code: &str) -> Result<Option<AccountCode>> {
        if caller.key().is_some() {
            caller.need(Scope::Members, ADMINS)?;
        }
        let found = self.store.account_code(Purpose::Account.hash(code)).await?;
        Ok(found.filter(|found| found.workspace == caller.place.workspace))
    }

    /// Somebody sent this by a way: notes that the account is the one of whom the code was for.
    ///
    /// # Errors
    /// If the code is not good, or another account sent it first.
    pub(crate) async fn find_account(
        &self,
        channel: &Channel,
        code: &str,
        account: ChatAccount,
    ) -> Result<()> {
        let code = Purpose::Account.hash(code);
        let found = FoundAccount { code, channel: channel.id, account };
        let request = Administer {
            workspace: channel.workspace,
            credential: Credential::System,
            change: Change::FindAccount(found),
            idempotency: None,
        };
        self.store
            .administer(request)
            .await
            .map(drop)
            .map_err(|error: AdministerError| error.into())
    }

    /// Says that the account which sent the code is the right one.
    ///
    /// # Errors
    /// If the caller did not ask for the code, another account was found, or somebody else has it.
    pub async fn link_account(
        &self,
        caller: &Caller,
        code: &str,
        member: MemberId,
        account: String,
    ) -> Result<()> {
        let code = Purpose::Account.hash(code);
        let change = Change::LinkAccount { code, member, account };
        self.administer(caller, change, None).await.map(drop)
    }

    /// Writes to the caller's own account that it works, so that they see where requests will come.
    ///
    /// # Errors
    /// If there is no such way, or they linked no account by it.
    pub async fn greet(&self, caller: &Caller, channel: ChannelId) -> Result<Trial> {
        let channel = self.hearing_channel(caller, channel).await?;
        let member = caller.member().ok_or(ServiceError::NotFound("member"))?;
        let to = self.own_account(&channel, member).await?;
        self.tested(&channel, to).await
    }

    /// Says that an account is a member's no more.
    ///
    /// # Errors
    /// If the caller may not, or there is none.
    pub async fn unlink_account(
        &self,
        caller: &Caller,
        channel: ChannelId,
        member: MemberId,
    ) -> Result<()> {
        let change = Change::UnlinkAccount { channel, member };
        self.administer(caller, change, None).await.map(drop)
    }

    /// Whose accounts are linked by a way, after this member, by their ids.
    ///
    /// # Errors
    /// If the caller may not see them, or there is no such way.
    pub async fn accounts(
        &self,
        caller: &Caller,
        channel: ChannelId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Vec<Account>> {
        caller.need(Scope::Channels, ADMINS)?;
        let channel = self.channel(caller, channel).await?;
        Ok(self.store.accounts(channel.workspace, Some(channel.id), after, limit).await?)
    }

    /// The caller's own.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn own_accounts(&self, caller: &Caller) -> Result<Vec<Account>> {
        let Some(member) = caller.member() else { return Ok(Vec::new()) };
        Ok(self.store.accounts_of(caller.place.workspace, member).await?)
    }

    /// The ways by which people of the caller's workspace answer. Who may link an account need not
    /// be one who sets ways up.
    ///
    /// # Errors
    /// If they could not be read.
    pub async fn hearing_channels(&self, caller: &Caller) -> Result<Vec<Channel>> {
        let all = self.store.channels(caller.place.workspace).await?;
        Ok(all.into_iter().filter(|known| known.settings.hears()).collect())
    }

    async fn hearing_channel(&self, caller: &Caller, id: ChannelId) -> Result<Channel> {
        let all = self.store.channels(caller.place.workspace).await?;
        all.into_iter().find(|known| known.id == id).ok_or(ServiceError::NotFound("channel"))
    }
}
