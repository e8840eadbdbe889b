//! What an authentic receipt means, as a code for programs and in words for people.
//! Names and titles in it were written by others, so they are quoted and never printed raw.

use crate::bundle::Bundle;
use crate::canonical::printable;
use crate::statement::{Assurance, Decision, Environment, Statement, Vote, VoteDecision};

/// Whether an authentic receipt allows anything now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Approved, and in time.
    Usable,
    /// Approved, but `valid_until` has passed.
    NoLongerUsable,
    /// Authentic, and not an approval.
    NotApproved(Decision),
}

/// An authentic receipt and its meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether it allows anything now.
    pub standing: Standing,
    /// What was signed.
    pub statement: Statement,
    /// The thumbprint of the key that signed.
    pub kid: String,
    /// The bundle it came in, every part checked.
    pub bundle: Option<Bundle>,
}

impl Verdict {
    /// The exit code of `askfirst verify`: 0 usable now, 3 not approved, 5 no longer usable.
    pub const fn exit_code(&self) -> u8 {
        match self.standing {
            Standing::Usable => 0,
            Standing::NotApproved(_) => 3,
            Standing::NoLongerUsable => 5,
        }
    }

    /// The receipt in plain English, one sentence a line.
    pub fn describe(&self) -> Vec<String> {
        let it = &self.statement;
        let mut lines = Vec::new();
        match it.environment {
            Environment::Live => {}
            Environment::Test => lines
                .push("TEST RECEIPT: made in a test environment, it allows nothing real.".into()),
            Environment::Dev => lines
                .push("DEV RECEIPT: made on a developer's server, it allows nothing real.".into()),
        }
        lines.push(self.outcome());
        lines.push(self.action());
        lines.push(format!(
            "Asked by key {} ({}){}.",
            quoted(&it.asker.key),
            quoted(&it.asker.label),
            it.asker
                .owner
                .as_ref()
                .map_or(String::new(), |owner| format!(", owned by {}", quoted(owner))),
        ));
        lines.push(format!(
            "Decided under policy {} version {}.",
            quoted(&it.policy.name),
            it.policy.version
        ));
        if it.votes.is_empty() {
            lines.push("Nobody voted.".into());
        }
        lines.extend(it.votes.iter().map(|vote| self.vote(vote)));
        if let Some(assurance) = it.assurance {
            lines.push(format!("The weakest vote that counted was by {}.", surely(assurance)));
        }
        if let Some(comment) = &it.comment {
            lines.push(format!("Comment: {}.", quoted(comment)));
        }
        if let Some(digest) = &it.answer_digest {
            let answer = self.bundle.as_ref().and_then(|bundle| bundle.answer.as_ref());
            lines.push(match answer {
                Some(answer) => format!("Filled in: {}.", printable(&answer.to_string())),
                None => format!("A form was filled in; it is known by its digest only: {digest}."),
            });
        }
        lines.push(format!(
            "Environment {}, workspace {}, approval {}, issued by {}, signed by key {}.",
            it.environment,
            quoted(&it.aud),
            quoted(&it.approval),
            quoted(&it.iss),
            self.kid,
        ));
        if let Some(erased) = self.bundle.as_ref().and_then(|bundle| bundle.erased.as_ref()) {
            lines.push(format!(
                "Its texts were erased at {} by {}, says entry {} of the audit log. The receipt was made of their digests, so it still shows who decided what, and whoever has the texts can compare them.",
                quoted(&erased.entry.at),
                quoted(&erased.entry.actor),
                erased.index
            ));
        }
        if let Some(bundle) = &self.bundle {
            lines.push(format!("The audit log recorded it as entry {}; check that entry against the log or a saved head.", bundle.audit.index));
        }
        lines.push("It cannot show whether the approval was used or revoked since: ask the server for that.".into());
        lines
    }

    fn outcome(&self) -> String {
        let it = &self.statement;
        let until = it.valid_until.as_ref().map_or("", |moment| moment.as_str());
        match self.standing {
            Standing::Usable => format!("APPROVED at {}, usable until {until}.", it.decided_at),
            Standing::NoLongerUsable => {
                format!("NO LONGER USABLE: approved at {}, but only until {until}.", it.decided_at)
            }
            Standing::NotApproved(decision) => {
                format!("NOT APPROVED: {decision} at {}.", it.decided_at)
            }
        }
    }

    fn action(&self) -> String {
        let it = &self.statement;
        let edited = if it.asked_digest == it.action_digest {
            ""
        } else {
            ", edited by an approver since it was asked"
        };
        let parts = self.bundle.iter().flat_map(|bundle| &bundle.actions);
        let action =
            parts.filter(|part| part.digest == it.action_digest).map(|part| &part.action).next();
        let Some(action) = action else {
            return format!(
                "The action is known by its digest only: {}{edited}.",
                it.action_digest
            );
        };
        let text =
            |member: &str| action.get(member).and_then(serde_json::Value::as_str).map(quoted);
        let name = text("name").unwrap_or_else(|| "without a name".into());
        let title = text("title").map_or(String::new(), |title| format!(", {title}"));
        let target = text("target").map_or(String::new(), |target| format!(", on {target}"));
        let arguments = action
            .get("arguments")
            .map_or(String::new(), |it| format!(", with {}", printable(&it.to_string())));
        format!(
            "The action: {name}{title}{target}{arguments}{edited}; digest {}.",
            it.action_digest
        )
    }

    fn vote(&self, vote: &Vote) -> String {
        let said = match vote.decision {
            VoteDecision::Approve => "approved",
            VoteDecision::Reject => "rejected",
            VoteDecision::MoreInfo => "asked for more information",
        };
        let seat = vote
            .on_behalf_of
            .as_ref()
            .map_or(String::new(), |it| format!(" on behalf of {}", quoted(it)));
        let other = if vote.action_digest == self.statement.action_digest {
            ""
        } else {
            ", about another revision"
        };
        format!(
            "{}{seat} {said} at {} via {}, known by {}{other}.",
            quoted(&vote.approver),
            vote.at,
            quoted(&vote.via),
            surely(vote.assurance)
        )
    }
}

/// How surely a voter was known, for someone who does not know our words.
const fn surely(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Bearer => "a link that the asker also held (bearer)",
        Assurance::Key => "a program's key acting for the member (key)",
        Assurance::Link => "a personal link (link)",
        Assurance::Chat => "a proved chat account, number or address (chat)",
        Assurance::Session => "a signed-in session (session)",
        Assurance::Passkey => "a passkey used for this decision (passkey)",
    }
}

/// Someone else's text in quotes, with quotes, control, bidirectional and invisible characters
/// escaped, so that it can neither end early nor speak to the terminal.
fn quoted(text: &str) -> String {
    let inner: String = text
        .chars()
        .map(|c| if c == '\'' { "'".to_owned() } else { c.escape_debug().to_string() })
        .collect();
    format!("\"{inner}\"")
}
