//! Who is to be told of what happened to an approval, by one way.

use std::collections::BTreeSet;

use askfirst_core::{
    About, Actor, Approval, ApprovalId, ChannelId, Decision, MemberId, NoticeId, Timestamp, Via,
    Vote,
};
use rusqlite::{Connection, params};

use super::super::codec::{self, Id};
use super::{LONGEST_LEASE, planned};
use crate::store::StoreError;

/// What may be told to several people by one way.
pub(in crate::sqlite) struct Subject<'a> {
    pub(in crate::sqlite) channel: ChannelId,
    pub(in crate::sqlite) approval: &'a Approval,
    pub(in crate::sqlite) version: u32,
    pub(in crate::sqlite) now: Timestamp,
}

impl Subject<'_> {
    /// Its id follows from what it is, so that it is the same wherever it is counted.
    fn id(&self, member: MemberId, about: About) -> NoticeId {
        notice_id(self.channel, self.approval.id, member, self.version, about)
    }

    /// One more for this person, due now unless one before it still waits.
    pub(in crate::sqlite) fn add(
        &self,
        connection: &Connection,
        member: MemberId,
        about: About,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO notices (notice, workspace, environment, channel, approval, member,
                     about, added_at, due_at)
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,
                     CASE WHEN EXISTS (SELECT 1 FROM notices WHERE approval = ?5 AND channel = ?4
                       AND member = ?6 AND settled_at IS NULL AND NOT {PLANNED})
                     THEN NULL ELSE ?8 END";
        let sql = sql.replace("{PLANNED}", &planned(""));
        connection.prepare_cached(&sql)?.execute(params![
            self.id(member, about).bytes(),
            self.approval.workspace.bytes(),
            self.approval.environment.as_str(),
            self.channel.bytes(),
            self.approval.id.bytes(),
            member.bytes(),
            about.as_str(),
            self.now.micros(),
        ])?;
        Ok(())
    }

    /// The same unless they were told just that of this version.
    pub(super) fn add_once(
        &self,
        connection: &Connection,
        member: MemberId,
        about: About,
    ) -> Result<(), StoreError> {
        let sql = "SELECT 1 FROM notices WHERE notice = ?1";
        if connection.prepare_cached(sql)?.exists([self.id(member, about).bytes()])? {
            return Ok(());
        }
        self.add(connection, member, about)
    }

    /// Whom it was told already, or is being told.
    fn told(&self, connection: &Connection) -> Result<Vec<MemberId>, StoreError> {
        self.told_if(connection, "1")
    }

    fn told_if(&self, connection: &Connection, how: &str) -> Result<Vec<MemberId>, StoreError> {
        let sql = format!(
            "SELECT DISTINCT member FROM notices WHERE approval = ?1 AND channel = ?2
               AND (sent = 1 OR settled_at IS NULL) AND {how}"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let known = (self.approval.id.bytes(), self.channel.bytes());
        let rows = statement.query_map(known, |row| codec::id(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The same without who read no more of it than a line among others: they have no mail about
    /// it that would be out of date.
    fn told_alone(&self, connection: &Connection) -> Result<Vec<MemberId>, StoreError> {
        self.told_if(connection, "digest IS NULL")
    }

    /// Asks those of them who were not asked yet.
    pub(in crate::sqlite) fn to_new(
        &self,
        connection: &Connection,
        people: &[MemberId],
    ) -> Result<bool, StoreError> {
        let told = if self.version > 1 { self.told(connection)? } else { Vec::new() };
        let mut any = false;
        for member in people.iter().filter(|member| !told.contains(member)) {
            self.add(connection, *member, About::Asked)?;
            any = true;
        }
        Ok(any)
    }

    /// Asks this person unless they were asked by this way; true if so.
    pub(super) fn to_new_one(
        &self,
        connection: &Connection,
        member: MemberId,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM notices WHERE approval = ?1 AND channel = ?2
                     AND member = ?3)";
        let row = (self.approval.id.bytes(), self.channel.bytes(), member.bytes());
        if connection.prepare_cached(sql)?.query_row(row, |row| row.get::<_, bool>(0))? {
            return Ok(false);
        }
        self.add(connection, member, About::Asked)?;
        Ok(true)
    }

    /// Asks all of them anew: who knows of it already is told that it changed, but for those whose
    /// notice was not begun, as that will say what is asked now. Who does not is asked by this way
    /// if it is theirs.
    pub(in crate::sqlite) fn changed(
        &self,
        connection: &Connection,
        people: &[MemberId],
        is_theirs: impl Fn(&MemberId) -> bool,
    ) -> Result<bool, StoreError> {
        let told = self.told(connection)?;
        let sql = "SELECT EXISTS (SELECT 1 FROM notices WHERE approval = ?1 AND channel = ?2
                     AND member = ?3 AND settled_at IS NULL AND attempt = 0
                     AND about <> 'reminder')";
        let mut any = false;
        for member in people {
            let row = (self.approval.id.bytes(), self.channel.bytes(), member.bytes());
            if connection.prepare_cached(sql)?.query_row(row, |row| row.get::<_, bool>(0))? {
                continue;
            }
            let about = match told.contains(member) {
                true => About::Changed,
                false if is_theirs(member) => About::Asked,
                false => continue,
            };
            self.add(connection, *member, about)?;
            any = true;
        }
        Ok(any)
    }

    /// Has every card of it tell what is so now. Who was not told yet, or whose next notice was not
    /// begun, will be told that by it.
    pub(in crate::sqlite) fn progress(&self, connection: &Connection) -> Result<bool, StoreError> {
        let sql = "SELECT DISTINCT n.member FROM notices n WHERE n.approval = ?1 AND n.channel = ?2
                     AND n.digest IS NULL AND (n.sent = 1 OR n.settled_at IS NULL AND n.attempt > 0)
                     AND NOT EXISTS (SELECT 1 FROM notices w WHERE w.approval = n.approval
                       AND w.channel = n.channel AND w.member = n.member AND w.settled_at IS NULL
                       AND w.attempt = 0 AND w.about <> 'reminder')";
        let mut statement = connection.prepare_cached(sql)?;
        let key = (self.approval.id.bytes(), self.channel.bytes());
        let rows = statement.query_map(key, |row| codec::id(row, 0))?;
        let members: Vec<MemberId> = rows.collect::<Result<_, _>>()?;
        for member in &members {
            self.add(connection, *member, About::Progress)?;
        }
        Ok(!members.is_empty())
    }

    /// Tells everybody who knows of it how it ended, but for who ended it, unless what they hold is
    /// changed in place. Who was not told yet need not know.
    pub(in crate::sqlite) fn ended(
        &self,
        connection: &Connection,
        decision: &Decision,
        in_place: bool,
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "DELETE FROM notices WHERE approval = ?1 AND channel = ?2 AND settled_at IS NULL AND {}",
            planned("")
        );
        let row = (self.approval.id.bytes(), self.channel.bytes());
        connection.prepare_cached(&sql)?.execute(row)?;
        let sql = "UPDATE notices SET settled_at = ?3, due_at = NULL,
                     why = 'it ended before it was told'
                   WHERE approval = ?1 AND channel = ?2 AND settled_at IS NULL
                     AND (attempt = 0 OR gathered_at IS NOT NULL AND digest IS NULL)";
        let row = params![self.approval.id.bytes(), self.channel.bytes(), self.now.micros()];
        connection.prepare_cached(sql)?.execute(row)?;
        // What is to be tried again later only stands before the news now. A lease is as long.
        let sql = "UPDATE notices SET due_at = min(due_at, ?3) WHERE approval = ?1 AND channel = ?2
                     AND settled_at IS NULL AND due_at IS NOT NULL";
        let soon = self.now.plus(LONGEST_LEASE).micros();
        let row = params![self.approval.id.bytes(), self.channel.bytes(), soon];
        connection.prepare_cached(sql)?.execute(row)?;
        let knows = |id: &MemberId| {
            !in_place && matches!(&decision.by, Actor::Member { id: by, .. } if by == id)
        };
        let told = self.told_alone(connection)?;
        let mut any = false;
        for member in told.iter().filter(|member| !knows(member)) {
            self.add(connection, *member, About::Ended)?;
            any = true;
        }
        Ok(any)
    }
}

/// The id of what is told: the same wherever it is counted.
pub(super) fn notice_id(
    channel: ChannelId,
    approval: ApprovalId,
    member: MemberId,
    version: u32,
    about: About,
) -> NoticeId {
    let mut named = Vec::with_capacity(64);
    named.extend(channel.bytes());
    named.extend(approval.bytes());
    named.extend(member.bytes());
    named.extend(version.to_be_bytes());
    named.extend(about.as_str().bytes());
    hashed(&named)
}

pub(super) fn hashed(named: &[u8]) -> NoticeId {
    let digest = askfirst_proof::text_digest(named);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    NoticeId::from_bytes(bytes)
}

impl Subject<'_> {
    /// Tells those who decided what came of it: who was told of it before by this way, or answered
    /// by a link. Who decided on the page alone did not ask for mail. Cards that are changed in
    /// place tell everybody who has one.
    pub(in crate::sqlite) fn afterwards(
        &self,
        connection: &Connection,
        about: About,
        in_place: bool,
    ) -> Result<bool, StoreError> {
        let who: BTreeSet<_> = if in_place {
            self.told_alone(connection)?.into_iter().collect()
        } else {
            let told = self.told(connection)?;
            let hears = |vote: &&Vote| vote.via == Via::Link || told.contains(&vote.voter.id);
            self.approval.votes.iter().filter(hears).map(|vote| vote.voter.id).collect()
        };
        for member in &who {
            self.add(connection, *member, about)?;
        }
        Ok(!who.is_empty())
    }
}
