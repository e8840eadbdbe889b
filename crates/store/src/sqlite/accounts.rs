//! Accounts with chat providers: their rows, the codes that find them, and what is special about the
//! buttons of a card.

use std::collections::{BTreeMap, BTreeSet};

use askfirst_core::administration::{
    Denied, FoundAccount, NewAccountCode, SecretHash, account_assurance,
};
use askfirst_core::{
    Assurance, ChannelId, ChatAccount, Digest, LinkFacts, LinkId, LinkWay, MemberId, Timestamp,
    WorkspaceId,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::SqliteStore;
use super::administer::{Act, Done};
use super::codec::{self, Id};
use super::farewells::Whose;
use super::{channels, farewells, people};
use crate::accounts::{Account, AccountCode, Accounts, CardLink};
use crate::records::DecisionLink;
use crate::store::{AdministerError, Credential, Store as _, StoreError};

/// Who has linked an account, by way.
pub(super) fn linked(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Result<BTreeMap<ChannelId, BTreeSet<MemberId>>, StoreError> {
    let sql = "SELECT channel, member FROM accounts WHERE workspace = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([workspace.bytes()])?;
    let mut linked: BTreeMap<ChannelId, BTreeSet<MemberId>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        linked.entry(codec::id(row, 0)?).or_default().insert(codec::id(row, 1)?);
    }
    Ok(linked)
}

/// Whoever gave the code out may say whose account it found, and nobody else.
fn maker(credential: Credential) -> String {
    match credential {
        Credential::Key(id) => id.to_string(),
        Credential::Session(id) => id.to_string(),
        Credential::Link(id) => id.to_string(),
        Credential::System => "system".into(),
    }
}

/// Keeps a code instead of the one before, which nobody looks at any more.
fn keep_code(
    connection: &Connection,
    workspace: WorkspaceId,
    new: &NewAccountCode,
    (maker, assurance): (&str, Assurance),
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM account_codes WHERE (channel = ?1 AND member = ?2 AND maker = ?3)
                 OR expires_at <= ?4";
    let others = params![new.channel.bytes(), new.member.bytes(), maker, now.micros()];
    connection.prepare_cached(sql)?.execute(others)?;
    let sql = "INSERT INTO account_codes
                 (secret, workspace, channel, member, maker, assurance, expires_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        new.secret.0,
        workspace.bytes(),
        new.channel.bytes(),
        new.member.bytes(),
        maker,
        assurance.as_str(),
        new.expires_at.micros(),
    ])?;
    Ok(())
}

/// False if the code is not good here, or another account sent it before.
fn keep_found(
    connection: &Connection,
    workspace: WorkspaceId,
    found: &FoundAccount,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE account_codes SET account = ?3, name = ?4
               WHERE secret = ?1 AND workspace = ?2 AND channel = ?5 AND expires_at > ?6
                 AND linked = 0 AND (account IS NULL OR account = ?3)";
    let changed = connection.prepare_cached(sql)?.execute(params![
        found.code.0,
        workspace.bytes(),
        found.account.id,
        found.account.name,
        found.channel.bytes(),
        now.micros(),
    ])?;
    Ok(changed == 1)
}

/// A code whose account was found.
struct Found {
    channel: ChannelId,
    name: String,
    assurance: Assurance,
    linked: bool,
}

fn found(
    connection: &Connection,
    workspace: WorkspaceId,
    (code, maker): (SecretHash, &str),
    member: MemberId,
    account: &str,
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    let sql = "SELECT channel, name, assurance, linked FROM account_codes
               WHERE secret = ?1 AND workspace = ?2 AND member = ?3 AND maker = ?4
                 AND account = ?5 AND (expires_at > ?6 OR linked = 1)";
    let key = params![code.0, workspace.bytes(), member.bytes(), maker, account, now.micros()];
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row(key, |row| {
        Ok(Found {
            channel: codec::id(row, 0)?,
            name: row.get(1)?,
            assurance: codec::assurance(row, 2)?,
            linked: row.get(3)?,
        })
    });
    Ok(found.optional()?)
}

fn holder(
    connection: &Connection,
    channel: ChannelId,
    account: &str,
) -> Result<Option<MemberId>, StoreError> {
    let sql = "SELECT member FROM accounts WHERE channel = ?1 AND account = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row((channel.bytes(), account), |row| codec::id(row, 0)).optional()?)
}

fn link(
    connection: &Connection,
    workspace: WorkspaceId,
    code: SecretHash,
    member: MemberId,
    (account, found): (&str, &Found),
    now: Timestamp,
) -> Result<(), StoreError> {
    // One account by one way: the one before is theirs no more.
    unlink(connection, workspace, (found.channel, member), now)?;
    let sql = "INSERT INTO accounts
                 (channel, account, workspace, member, name, assurance, linked_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(sql)?.execute(params![
        found.channel.bytes(),
        account,
        workspace.bytes(),
        member.bytes(),
        found.name,
        found.assurance.as_str(),
        now.micros(),
    ])?;
    let sql = "UPDATE account_codes SET linked = 1 WHERE secret = ?1";
    connection.prepare_cached(sql)?.execute([code.0])?;
    Ok(())
}

impl Act<'_> {
    pub(super) fn add_account_code(self, new: &NewAccountCode) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        let assurance = account_assurance(new.member, self.facts);
        let maker = maker(self.credential);
        keep_code(self.connection, workspace, new, (&maker, assurance), self.now)?;
        Ok(Done::nothing(new.member))
    }

    /// The first account that sends a code has it: whoever else has seen the code comes too late,
    /// and whoever was quicker than the right one is shown by name to whom the code was given.
    pub(super) fn find_account(self, found: &FoundAccount) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        if !keep_found(self.connection, workspace, found, self.now)? {
            return Err(Denied::Unknown { what: "code" }.into());
        }
        Ok(Done::nothing(&found.account.id))
    }

    pub(super) fn link_account(
        self,
        code: SecretHash,
        member: MemberId,
        account: &str,
    ) -> Result<Done, AdministerError> {
        let Act { connection, now, .. } = self;
        let workspace = self.tenant.workspace.id;
        let maker = maker(self.credential);
        let known = found(connection, workspace, (code, &maker), member, account, now)?;
        let Some(known) = known else { return Err(Denied::Unknown { what: "code" }.into()) };
        if known.linked {
            return Ok(Done::nothing(member));
        }
        let others = holder(connection, known.channel, account)?.filter(|who| *who != member);
        if others.is_some() {
            return Err(Denied::Taken { what: "linked account", name: known.name }.into());
        }
        link(connection, workspace, code, member, (account, &known), now)?;
        let detail = json!({
            "channel": known.channel.to_string(),
            "account": account,
            "assurance": known.assurance.as_str(),
        });
        Ok(Done::new("account.linked", member, detail))
    }

    pub(super) fn unlink_account(
        self,
        channel: ChannelId,
        member: MemberId,
    ) -> Result<Done, AdministerError> {
        let workspace = self.tenant.workspace.id;
        let Some(account) = unlink(self.connection, workspace, (channel, member), self.now)? else {
            return Err(Denied::Unknown { what: "linked account" }.into());
        };
        let detail = json!({ "channel": channel.to_string(), "account": account });
        Ok(Done::new("account.unlinked", member, detail))
    }
}

/// Nobody answers for a member by an account any more; its cards say so.
fn unlink(
    connection: &Connection,
    workspace: WorkspaceId,
    (channel, member): (ChannelId, MemberId),
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let sql = "DELETE FROM accounts WHERE channel = ?1 AND member = ?2 AND workspace = ?3
               RETURNING account";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (channel.bytes(), member.bytes(), workspace.bytes());
    let account = statement.query_row(key, |row| row.get(0)).optional()?;
    if let Some(way) = channels::one(connection, channel)?.filter(|_| account.is_some()) {
        farewells::begin(connection, &way, Whose::One(member), now)?;
    }
    Ok(account)
}

/// The same for all accounts of somebody who is shut out.
pub(super) fn unlink_all(
    connection: &Connection,
    workspace: WorkspaceId,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT channel FROM accounts WHERE workspace = ?1 AND member = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (workspace.bytes(), member.bytes());
    let theirs = statement.query_map(key, |row| codec::id::<ChannelId>(row, 0))?;
    for channel in theirs.collect::<Result<Vec<_>, _>>()? {
        unlink(connection, workspace, (channel, member), now)?;
    }
    Ok(())
}

/// Nobody is known by them any more.
pub(super) fn remove_all(connection: &Connection, channel: ChannelId) -> Result<(), StoreError> {
    for sql in
        ["DELETE FROM accounts WHERE channel = ?1", "DELETE FROM account_codes WHERE channel = ?1"]
    {
        connection.prepare_cached(sql)?.execute([channel.bytes()])?;
    }
    Ok(())
}

/// Which card a link is, from four columns on that say so.
pub(super) fn card(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<CardLink>> {
    let Some(channel) = codec::maybe_id(row, first)? else { return Ok(None) };
    Ok(Some(CardLink {
        channel,
        account: row.get(first + 1)?,
        approves: row.get(first + 2)?,
        shown: Digest(row.get(first + 3)?),
    }))
}

/// What a link is worth by the card that it is: as long as its account is theirs, what that is.
pub(super) fn judge(
    connection: &Connection,
    facts: LinkFacts,
    card: &CardLink,
) -> Result<Option<LinkFacts>, StoreError> {
    let sql = "SELECT assurance FROM accounts WHERE channel = ?1 AND account = ?2 AND member = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (card.channel.bytes(), &card.account, facts.member.bytes());
    let assurance = statement.query_row(key, |row| codec::assurance(row, 0)).optional()?;
    let way = LinkWay::Telegram { approves: card.approves };
    Ok(assurance.map(|assurance| LinkFacts { assurance, way, ..facts }))
}

const ACCOUNT: &str = "SELECT a.channel, a.workspace, a.member, a.account, a.name, a.assurance,
     a.linked_at FROM accounts a";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        channel: codec::id(row, 0)?,
        workspace: codec::id(row, 1)?,
        member: codec::id(row, 2)?,
        account: ChatAccount { id: row.get(3)?, name: row.get(4)? },
        assurance: codec::assurance(row, 5)?,
        linked_at: codec::time(row, 6)?,
    })
}

#[async_trait]
impl Accounts for SqliteStore {
    async fn accounts(
        &self,
        workspace: WorkspaceId,
        channel: Option<ChannelId>,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let question = move |connection: &Connection| {
            let sql = format!(
                "{ACCOUNT} WHERE a.workspace = ?1 AND (?2 IS NULL OR a.channel = ?2)
                   AND (?3 IS NULL OR a.member > ?3) ORDER BY a.member, a.channel LIMIT ?4"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let key =
                params![workspace.bytes(), channel.map(Id::bytes), after.map(Id::bytes), limit];
            let rows = statement.query_map(key, account)?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn accounts_of(
        &self,
        workspace: WorkspaceId,
        member: MemberId,
    ) -> Result<Vec<Account>, StoreError> {
        let question = move |connection: &Connection| {
            let sql =
                format!("{ACCOUNT} WHERE a.workspace = ?1 AND a.member = ?2 ORDER BY a.channel");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((workspace.bytes(), member.bytes()), account)?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.read(question).await
    }

    async fn account(&self, channel: ChannelId, id: &str) -> Result<Option<Account>, StoreError> {
        let id = id.to_owned();
        let question = move |connection: &Connection| {
            let sql = format!(
                "{ACCOUNT} JOIN members m ON m.workspace = a.workspace AND m.member = a.member
                   AND m.enabled = 1
                 WHERE a.channel = ?1 AND a.account = ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            Ok(statement.query_row((channel.bytes(), id), account).optional()?)
        };
        self.read(question).await
    }

    async fn account_code(&self, secret: SecretHash) -> Result<Option<AccountCode>, StoreError> {
        let now = self.now();
        let question = move |connection: &Connection| {
            let sql = "SELECT workspace, channel, member, account, name, linked, expires_at
                       FROM account_codes WHERE secret = ?1 AND (expires_at > ?2 OR linked = 1)";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_row((secret.0, now.micros()), |row| {
                let (id, name): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
                Ok(AccountCode {
                    workspace: codec::id(row, 0)?,
                    channel: codec::id(row, 1)?,
                    member: codec::id(row, 2)?,
                    found: id.zip(name).map(|(id, name)| ChatAccount { id, name }),
                    linked: row.get(5)?,
                    expires_at: codec::time(row, 6)?,
                })
            });
            Ok(found.optional()?)
        };
        self.read(question).await
    }

    async fn note_prompt(
        &self,
        link: LinkId,
        (chat, message): (i64, i64),
        purpose: &str,
    ) -> Result<(), StoreError> {
        let purpose = purpose.to_owned();
        self.writer
            .write(move |desk| {
                let sql = "UPDATE decision_links SET prompt_chat = ?2, prompt = ?3, prompt_for = ?4
                           WHERE link = ?1";
                let row = params![link.bytes(), chat, message, purpose];
                desk.connection.prepare_cached(sql)?.execute(row)?;
                Ok(())
            })
            .await
    }

    async fn prompted(
        &self,
        channel: ChannelId,
        account: &str,
        (chat, message): (i64, i64),
    ) -> Result<Option<(DecisionLink, String)>, StoreError> {
        let account = account.to_owned();
        let question = move |connection: &Connection| {
            let sql = format!(
                "{}, l.prompt_for {} AND l.channel = ?1 AND l.account = ?2 AND l.prompt = ?3
                   AND l.prompt_chat = ?4
                 ORDER BY l.created_at DESC LIMIT 1",
                people::LINK,
                people::OPEN_LINK
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_row((channel.bytes(), account, message, chat), |row| {
                Ok((people::read_link(row)?, row.get(people::LINK_COLUMNS)?))
            });
            Ok(found.optional()?)
        };
        self.read(question).await
    }
}
