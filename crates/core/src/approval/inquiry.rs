//! Asking back: an approver wants to know more before deciding, and the asker answers. Both become
//! part of the record; the deadline stays where it is.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::transition::undecided;
use super::voting::eligible;
use crate::{Approval, Digest, Facts, Principal, Refusal, Scope, Timestamp, Via, Voter};

/// The most that can be asked back about one approval; more would be a conversation.
pub const MOST_INQUIRIES: usize = 20;

/// What an approver wants to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// Counted from 1 within the approval.
    pub number: u32,
    /// Who wants to know.
    pub by: Voter,
    /// How the question came in.
    pub via: Via,
    /// When it was asked.
    pub at: Timestamp,
    /// In their words.
    pub question: String,
    /// What the asker answered, once it has.
    pub reply: Option<Reply>,
}

/// The asker's answer to an [`Inquiry`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// In the asker's words, which nobody checked.
    pub text: String,
    /// When it was given.
    pub at: Timestamp,
}

/// Who could vote may ask instead, one question at a time.
pub(super) fn inquire(
    approval: &Approval,
    digest: Digest,
    question: &str,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let asking = eligible(approval, facts, now)?;
    if digest != approval.action_digest {
        return Err(Refusal::StaleDigest { current: approval.action_digest });
    }
    let open = |known: &&Inquiry| known.by.id == asking.voter.id && known.reply.is_none();
    if let Some(open) = approval.inquiries.iter().find(open) {
        return Err(Refusal::NotAnsweredYet { number: open.number, at: open.at });
    }
    if approval.inquiries.len() >= MOST_INQUIRIES {
        return Err(Refusal::EnoughAsked { most: MOST_INQUIRIES });
    }
    let number = approval.inquiries.last().map_or(1, |last| last.number + 1);
    let inquiry = Inquiry {
        number,
        by: asking.voter,
        via: asking.via,
        at: now,
        question: question.into(),
        reply: None,
    };
    Ok(vec![Event::Inquired { inquiry }])
}

/// Only the asking key answers, each question once.
pub(super) fn reply(
    approval: &Approval,
    number: u32,
    text: &str,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    match &facts.principal {
        Principal::Key(key) if key.id == approval.asker.key && key.scopes.contains(&Scope::Ask) => {
        }
        _ => return Err(Refusal::NotTheAskingKey),
    }
    let inquiry = approval.inquiries.iter().find(|inquiry| inquiry.number == number);
    let inquiry = inquiry.ok_or(Refusal::NoSuchInquiry { number })?;
    match &inquiry.reply {
        // Saying the same thing again is what a client does that lost the answer.
        Some(reply) if reply.text == text => return Ok(Vec::new()),
        Some(reply) => return Err(Refusal::AlreadyReplied { number, at: reply.at }),
        None => {}
    }
    undecided(approval, now)?;
    Ok(vec![Event::Replied { number, reply: Reply { text: text.into(), at: now } }])
}
