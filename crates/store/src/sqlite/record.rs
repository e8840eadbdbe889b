//! Writes what the rules have decided: the approval as it is now with its timer, its events, their
//! audit entries, and with a decision the statement and the work of signing it.

use askfirst_core::{Approval, Claim, Digest, Event, MemberId, OnTimeout, Status, Timestamp, Via};
use rusqlite::{Connection, params};

use super::audit::{self, Telling};
use super::codec::{self, Id, Json};
use super::erasure;
use super::facts::Tenant;
use super::pens::Pens;
use super::proof_tokens;
use super::repeats;
use super::telling::Told;
use crate::records::Shown;
use crate::statement::statement_of;
use crate::store::StoreError;

/// One transition on its way to the disk.
pub(super) struct Recording<'a, 'c> {
    pub(super) connection: &'a Connection,
    pub(super) pens: &'a Pens<'c>,
    pub(super) now: Timestamp,
    pub(super) issuer_base: &'a str,
    /// As the audit log names them.
    pub(super) actor: &'a str,
    pub(super) next: &'a Approval,
    pub(super) events: &'a [Event],
}

impl Recording<'_, '_> {
    /// A new approval; false if there is one of its id already.
    pub(super) fn insert(&self) -> Result<bool, StoreError> {
        let next = self.next;
        let workspace = next.workspace.bytes();
        let environment = next.environment.as_str();
        let sql = "INSERT INTO snapshots (workspace, environment, search, body)
                   VALUES (?1, ?2, ?3, ?4)";
        self.pens.write(
            sql,
            params![workspace, environment, searchable(next), codec::to_json(next)?,],
        )?;
        let snapshot = self.connection.last_insert_rowid();
        let silence = match next.policy.document.on_timeout {
            OnTimeout::Expire => Status::Expired,
            OnTimeout::Reject => Status::Rejected,
        };
        let sql = "INSERT INTO approvals (workspace, environment, approval, version, status,
                     silence, policy, agent, asker, created_at, expires_at, snapshot,
                     erasable_from, due_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                   ON CONFLICT DO NOTHING";
        let new = self.pens.write(
            sql,
            params![
                workspace,
                environment,
                next.id.bytes(),
                next.version,
                status(next).as_str(),
                silence.as_str(),
                next.policy.document.name.as_str(),
                next.agent.as_ref().map(|agent| agent.name.as_str()),
                next.asker.key.bytes(),
                next.created_at.micros(),
                next.expires_at.micros(),
                snapshot,
                next.erasable_from().map(Timestamp::micros),
                due_at(next),
            ],
        )?;
        if new == 0 {
            self.pens.write("DELETE FROM snapshots WHERE snapshot = ?1", [snapshot])?;
            return Ok(false);
        }
        Ok(true)
    }

    /// A new version of an approval that was at `before`.
    pub(super) fn update(&self, before: &Approval, snapshot: i64) -> Result<(), StoreError> {
        let next = self.next;
        if self.events.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE approvals SET version = ?5, status = ?6, agent = ?7,
                     erasable_from = ?8, due_at = ?9
                   WHERE workspace = ?1 AND environment = ?2 AND approval = ?3 AND version = ?4";
        let changed = self.pens.write(
            sql,
            params![
                next.workspace.bytes(),
                next.environment.as_str(),
                next.id.bytes(),
                before.version,
                next.version,
                status(next).as_str(),
                next.agent.as_ref().map(|agent| agent.name.as_str()),
                next.erasable_from().map(Timestamp::micros),
                due_at(next),
            ],
        )?;
        if changed != 1 {
            let odd = format!("{} is not at the version that its snapshot says", next.id);
            return Err(StoreError::Damaged(odd));
        }
        let sql = "UPDATE snapshots SET body = ?2 WHERE snapshot = ?1";
        self.pens.write(sql, params![snapshot, codec::to_json(next)?])?;
        Ok(())
    }

    /// The events, each with its audit entry and for whoever receives it, and what a decision
    /// brings with it. True if somebody does receive one.
    pub(super) fn tell(&self, tenant: &mut Tenant) -> Result<bool, StoreError> {
        let mut received = false;
        let told = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let first = self.next.version.saturating_sub(told) + 1;
        for (version, event) in (first..).zip(self.events) {
            let mut told = Told::of(event);
            self.event(version, event, &told.streamed()?)?;
            received |= tenant.webhooks.tell(self.pens, self.next, version, event, self.now)?;
            received |= tenant.tell_people(self.connection, self.next, version, event, self.now)?;
            let statement = match event {
                Event::Decided { .. } => Some(self.statement()?),
                Event::Erased { .. } => {
                    erasure::forget_texts(self.connection, self.next)?;
                    erasure::statement_without_comment(self.connection, self.next.id, self.now)?
                }
                Event::Voted { vote } => {
                    self.voter(vote.voter.id)?;
                    if let Via::Grant(id) = vote.via {
                        tenant.grants.used(self.connection, self.next, id)?;
                    }
                    None
                }
                Event::Granted { grant } => {
                    tenant.grants.give(self.connection, self.next, grant, self.now)?;
                    None
                }
                Event::ClaimSettled { claim: Claim::Revoked { .. } } => {
                    tenant.grants.end_with(self.connection, self.next, self.actor, self.now)?;
                    proof_tokens::taken_back(self.connection, self.next, self.now)?;
                    None
                }
                _ => None,
            };
            let actor = match event {
                // A grant speaks for who gave it, though the asker's own request made it speak.
                Event::Voted { vote } if matches!(vote.via, Via::Grant(_)) => {
                    Some(audit::member(&vote.voter.email))
                }
                Event::Decided { decision } => Some(audit::actor(&decision.by)),
                _ => None,
            };
            let telling = Telling {
                at: self.now,
                actor: actor.as_deref().unwrap_or(self.actor),
                kind: &format!("approval.{}", event.name()),
                subject: &self.next.id.to_string(),
                detail: &told.audited(statement.as_deref())?,
            };
            let index = audit::append(self.pens, tenant, &telling)?;
            match (event, statement) {
                (Event::Erased { .. }, statement) => {
                    erasure::note(self.connection, self.next, index, statement, self.now)?;
                }
                (_, Some(statement)) => self.decided(&statement, index)?,
                (_, None) => {}
            }
        }
        Ok(received)
    }

    fn event(&self, version: u32, event: &Event, detail: &Json) -> Result<(), StoreError> {
        let sql = "INSERT INTO events
                     (workspace, environment, approval, version, name, at, detail)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.pens.write(
            sql,
            params![
                self.next.workspace.bytes(),
                self.next.environment.as_str(),
                self.next.id.bytes(),
                version,
                event.name(),
                self.now.micros(),
                detail,
            ],
        )?;
        Ok(())
    }

    /// Whose vote it is, so that approvals are found by who voted on them.
    fn voter(&self, member: MemberId) -> Result<(), StoreError> {
        let sql = "INSERT INTO voters (workspace, environment, member, approval)
                   VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        let next = self.next;
        let environment = next.environment.as_str();
        let row = params![next.workspace.bytes(), environment, member.bytes(), next.id.bytes()];
        self.pens.write(sql, row)?;
        Ok(())
    }

    fn statement(&self) -> Result<Vec<u8>, StoreError> {
        let damaged = |error: &dyn std::fmt::Display| StoreError::Damaged(error.to_string());
        let statement =
            statement_of(self.next, self.issuer_base).map_err(|error| damaged(&error))?;
        statement.to_bytes().map_err(|error| damaged(&error))
    }

    fn said_no_to(&self, digest: Digest) -> Result<(), StoreError> {
        let sql = "INSERT INTO rejected_actions (workspace, environment, digest, approval)
                   VALUES (?1, ?2, ?3, ?4)";
        let next = self.next;
        let environment = next.environment.as_str();
        let row = params![next.workspace.bytes(), environment, digest.0, next.id.bytes()];
        self.pens.write(sql, row)?;
        Ok(())
    }

    fn decided(&self, statement: &[u8], audit_index: u64) -> Result<(), StoreError> {
        let next = self.next;
        let workspace = next.workspace.bytes();
        let environment = next.environment.as_str();
        if next.was_said_no_to() {
            self.said_no_to(next.action_digest)?;
            if next.asked_digest() != next.action_digest {
                self.said_no_to(next.asked_digest())?;
            }
        }
        let sql = "INSERT INTO proofs (approval, workspace, environment, statement, audit_index)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.pens.write(sql, params![
            next.id.bytes(),
            workspace,
            environment,
            statement,
            codec::signed(audit_index),
        ])?;
        let sql = "INSERT INTO outbox (workspace, environment, kind, approval, due_at)
                   VALUES (?1, ?2, 'sign_receipt', ?3, ?4)";
        self.pens
            .write(sql, params![workspace, environment, next.id.bytes(), self.now.micros(),])?;
        proof_tokens::decided(self.pens, next)?;
        repeats::approval_ended(self.connection, next.id, self.now)
    }
}

/// What a voter saw, once per text, linked to the approval.
pub(super) fn shown(
    connection: &Connection,
    approval: &Approval,
    shown: &Shown,
) -> Result<(), StoreError> {
    let workspace = approval.workspace.bytes();
    let environment = approval.environment.as_str();
    let sql = "INSERT INTO shown_texts (workspace, environment, digest, text)
               VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let text = params![workspace, environment, shown.digest.0, shown.text];
    connection.prepare_cached(sql)?.execute(text)?;
    let sql = "INSERT INTO shown
                 (workspace, environment, approval, digest, renderer, channel, locale)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![
        workspace,
        environment,
        approval.id.bytes(),
        shown.digest.0,
        shown.renderer,
        shown.channel,
        shown.locale,
    ])?;
    Ok(())
}

/// When something next happens to it by itself, if it is not decided.
fn due_at(approval: &Approval) -> Option<i64> {
    approval.decision.is_none().then(|| approval.next_due().micros())
}

fn status(approval: &Approval) -> Status {
    approval.decision.as_ref().map_or(Status::Pending, |decision| decision.status)
}

/// The words that a text search looks through, in lower case as the search itself.
pub(super) fn searchable(approval: &Approval) -> String {
    let action = &approval.action;
    let texts = [Some(&action.title), Some(&action.name), action.target.as_ref()];
    let mut words = String::new();
    for text in texts.into_iter().chain([approval.reason.as_ref()]).flatten() {
        words.push_str(&text.to_lowercase());
        words.push('\n');
    }
    words
}
