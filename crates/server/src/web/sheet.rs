//! The page of one approval, from what the service saw. What is shown of the question itself is
//! the account's; here is what has become of it and what can be done.

use askama::Template;
use askfirst_core::{Approval, Claim, MemberId, Priority, Refusal, Seconds, Via, Vote};
use axum::http::StatusCode;

use super::approval::Said;
use super::fields::{self, Input, Typed};
use super::grants::GrantForm;
use super::session::SignedIn;
use super::shell::{Moment, Shell, Text, lines, span, text};
use super::words::{self, Sign, Told};
use crate::render::glyphs::Piece;
use crate::render::{self, Account};
use crate::service::presence::Sight;

/// The page of one approval.
#[derive(Template)]
#[template(path = "approval.html")]
pub(super) struct ApprovalPage {
    pub(super) shell: Shell,
    pub(super) id: String,
    pub(super) sign: Sign,
    pub(super) urgent: Option<&'static str>,
    pub(super) asker: Text,
    pub(super) owner: Text,
    pub(super) asked: Moment,
    pub(super) deadline: Moment,
    /// `58 min`, while it is pending.
    pub(super) left: Option<String>,
    pub(super) notice: Option<Notice>,
    pub(super) account: Account,
    pub(super) open: Vec<Text>,
    pub(super) votes: Vec<VoteLine>,
    /// The same action before, where people said no to it.
    pub(super) before: Vec<Before>,
    /// Who says that they are looking at it, lately.
    pub(super) looks: Vec<LookLine>,
    /// Whether this person is not among them yet, and could vote.
    pub(super) may_look: bool,
    pub(super) end: Option<End>,
    pub(super) claim: Option<ClaimLine>,
    pub(super) report: Option<Report>,
    pub(super) proof: Proof,
    pub(super) policy: Vec<Text>,
    pub(super) form: Option<VoteForm>,
    pub(super) end_nonce: String,
    /// Why this person cannot vote, where they might expect to.
    pub(super) barred: Option<Notice>,
    pub(super) cancel: bool,
    pub(super) revoke: bool,
    /// That its texts are gone.
    pub(super) erased: Option<Kept>,
    /// Why they must be kept.
    pub(super) hold: Option<Kept>,
    /// Whether this person decides over that.
    pub(super) keep: bool,
    /// Whether they can be erased now.
    pub(super) erase: bool,
}

/// What somebody did about the texts.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) by: Text,
    pub(super) at: Moment,
    /// The reason of a hold; the action's name where they are gone.
    pub(super) what: Text,
}

/// Something to say at the top.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) title: &'static str,
    pub(super) detail: Text,
}

impl From<Told> for Notice {
    fn from(told: Told) -> Self {
        Self { title: told.title, detail: text(&told.detail) }
    }
}

/// A vote as it stands in the list.
#[derive(Clone, Debug)]
pub(super) struct VoteLine {
    pub(super) sign: Sign,
    pub(super) who: Text,
    /// In whose place, if not in their own.
    pub(super) whose: Option<Text>,
    pub(super) how: &'static str,
    pub(super) assurance: &'static str,
    pub(super) at: Moment,
    pub(super) comment: Vec<Text>,
    /// What they filled in.
    pub(super) answer: Vec<Text>,
    /// Whether a grant gave it.
    pub(super) in_advance: bool,
    /// Whether it came with a grant.
    pub(super) granted: bool,
    /// Whether it still counts.
    pub(super) counts: bool,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Who ended it; none where the deadline did.
    pub(super) by: Option<Text>,
    pub(super) at: Moment,
    pub(super) why: Text,
}

/// What became of the one use.
#[derive(Clone, Debug)]
pub(super) struct ClaimLine {
    pub(super) word: &'static str,
    pub(super) detail: &'static str,
    pub(super) particulars: Text,
    /// The id of the key that used it.
    pub(super) key: Option<String>,
    pub(super) until: Option<Moment>,
}

/// How the action went, as the asker says.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) word: &'static str,
    pub(super) note: Vec<Text>,
    pub(super) at: Moment,
}

/// Whether there is something to show to an auditor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It has not ended.
    None,
    /// Not signed yet.
    Unsigned,
    /// Signed.
    Signed,
}

/// What the form sends along.
#[derive(Clone, Debug)]
pub(super) struct VoteForm {
    pub(super) action_digest: String,
    pub(super) shown_digest: String,
    pub(super) nonce: String,
    pub(super) comment: String,
    /// What can be changed before saying yes.
    pub(super) edits: Vec<Input>,
    /// What is to be filled in.
    pub(super) answer: Vec<Input>,
    /// What more can be said yes to in advance.
    pub(super) grant: Option<GrantForm>,
    /// Whether the page shows the request as this person would change it.
    pub(super) review: bool,
    /// What has to be written first, told at the field.
    pub(super) lacking: Option<&'static str>,
}

impl ApprovalPage {
    /// The page for `by`. `nonce` makes a form that is sent twice count once.
    pub(super) fn new(by: &SignedIn, sight: &Sight, nonce: String) -> Self {
        let seen = &sight.seen;
        let approval = &seen.approval;
        let now = seen.now;
        let status = approval.status_at(now);
        let pending = approval.decision_at(now).is_none();
        let account = render::account(approval);
        let end_nonce = nonce.clone();
        let form = sight.prospects.vote.is_ok().then(|| VoteForm {
            action_digest: approval.action_digest.to_string(),
            shown_digest: account.shown().digest.to_string(),
            nonce,
            comment: String::new(),
            edits: fields::edit_inputs(approval, &Typed::new()),
            answer: answer_inputs(approval, &Typed::new()),
            grant: GrantForm::of(approval, &Typed::new()),
            review: false,
            lacking: None,
        });
        let open = if pending { approval.remaining(&seen.roster).needs } else { Vec::new() };
        let left = (approval.expires_at.micros() - now.micros()) / 1_000_000;
        Self {
            shell: Shell::of(approval.called(), "", by, now),
            id: approval.id.to_string(),
            sign: words::sign(status),
            urgent: urgent(approval.priority),
            asker: text(&approval.asker.label),
            owner: text(&approval.asker.owner_email),
            asked: Moment::seen_from(approval.created_at, now),
            deadline: Moment::seen_from(approval.expires_at, now),
            left: pending.then(|| span(left.max(0))),
            notice: None,
            account,
            open: open.iter().map(|need| text(&words::open_need(need))).collect(),
            votes: approval.votes.iter().map(|vote| VoteLine::new(approval, vote, now)).collect(),
            before: sight.rejected_before.iter().filter_map(|b| Before::of(b, now)).collect(),
            looks: if pending { looks(approval, now) } else { Vec::new() },
            may_look: sight.prospects.vote.is_ok()
                && !looks(approval, now).iter().any(|look| look.id == by.viewer.member.id),
            end: approval.decision_at(now).map(|decision| End {
                by: words::actor(&decision.by).map(|by| text(&by)),
                at: Moment::seen_from(decision.decided_at, now),
                why: text(&why(&decision.cause)),
            }),
            claim: ClaimLine::of(approval, sight.used_by.as_deref(), now),
            report: approval.outcome.as_ref().map(|outcome| Report {
                word: words::outcome(outcome.status),
                note: outcome.note.as_deref().map(lines).unwrap_or_default(),
                at: Moment::seen_from(outcome.at, now),
            }),
            proof: match &seen.proof {
                Some(proof) if proof.token.is_some() => Proof::Signed,
                _ if pending => Proof::None,
                _ => Proof::Unsigned,
            },
            policy: policy_lines(approval),
            form,
            end_nonce,
            barred: sight.prospects.vote.as_ref().err().and_then(barred),
            cancel: sight.prospects.cancel,
            revoke: sight.prospects.revoke,
            erased: approval.erased.as_ref().map(|erasure| Kept {
                by: text(&erasure.by.to_string()),
                at: Moment::seen_from(erasure.at, now),
                what: text(&approval.action.name),
            }),
            hold: approval.hold.as_ref().map(|hold| Kept {
                by: text(&hold.by.to_string()),
                at: Moment::seen_from(hold.at, now),
                what: text(&hold.reason),
            }),
            keep: sight.prospects.keep && approval.erased.is_none(),
            erase: sight.prospects.erase && approval.erased.is_none(),
        }
    }

    /// The same page, saying at the field what has to be written there.
    pub(super) fn lacking(mut self, what: &'static str, said: Said<'_>) -> (StatusCode, Self) {
        match &mut self.form {
            Some(form) => {
                form.keep(said);
                form.lacking = Some(what);
            }
            None => return self.with_notice(words::lacking(what), said),
        }
        (StatusCode::UNPROCESSABLE_ENTITY, self)
    }

    /// The same page, saying why an answer was not taken.
    pub(super) fn with_notice(mut self, told: Told, said: Said<'_>) -> (StatusCode, Self) {
        let status = told.status;
        self.notice = Some(told.into());
        // What it would say a second time.
        self.barred = None;
        if let Some(form) = &mut self.form {
            form.keep(said);
        }
        (status, self)
    }

    /// The same page, showing the request as it would stand after this person's changes and with
    /// what they say yes to in advance, to be approved like that or not at all.
    pub(super) fn review(mut self, account: Account, edited: bool, said: Said<'_>) -> Self {
        self.account = account;
        let (title, detail) = if edited {
            (
                "Read it as you changed it",
                "Nothing is recorded yet. Approvals that others gave for what it was before must \
                 be given again.",
            )
        } else {
            (
                "Read what you say yes to in advance",
                "Nothing is recorded yet. It stands right after what is asked for.",
            )
        };
        self.notice = Some(Notice { title, detail: text(detail) });
        if let Some(form) = &mut self.form {
            form.keep(said);
            form.review = true;
            form.shown_digest = self.account.shown().digest.to_string();
        }
        self
    }
}

impl VoteForm {
    /// Puts back what was typed.
    fn keep(&mut self, said: Said<'_>) {
        said.comment.clone_into(&mut self.comment);
        let grant = self.grant.iter_mut().flat_map(GrantForm::inputs_mut);
        for input in self.edits.iter_mut().chain(&mut self.answer).chain(grant) {
            if let Some(typed) = said.typed.get(&input.name) {
                typed.clone_into(&mut input.value);
            }
        }
    }
}

fn answer_inputs(approval: &Approval, typed: &Typed) -> Vec<Input> {
    let schema = approval.answer_schema.as_ref();
    schema.map(|schema| fields::answer_inputs(schema, typed)).unwrap_or_default()
}

impl VoteLine {
    fn new(approval: &Approval, vote: &Vote, now: askfirst_core::Timestamp) -> Self {
        Self {
            sign: words::vote_sign(vote.decision),
            who: text(&vote.voter.email),
            whose: vote.on_behalf_of.as_ref().map(|whose| text(&whose.email)),
            how: words::assurance(vote.assurance),
            assurance: vote.assurance.as_str(),
            at: Moment::seen_from(vote.at, now),
            comment: vote.comment.as_deref().map(lines).unwrap_or_default(),
            answer: vote.answer.as_ref().map(json_lines).unwrap_or_default(),
            in_advance: matches!(vote.via, Via::Grant(_)),
            granted: vote.granted.is_some(),
            counts: approval.stands(vote),
        }
    }
}

impl ClaimLine {
    fn of(
        approval: &Approval,
        used_by: Option<&str>,
        now: askfirst_core::Timestamp,
    ) -> Option<Self> {
        let state = approval.claim_state(now)?;
        let (word, detail) = words::claim(state);
        let mut key = None;
        let particulars = match &approval.claim {
            Some(Claim::Claimed { by, at }) => {
                let id = by.to_string();
                let name = used_by.map_or_else(|| id.clone(), |label| format!("“{label}”"));
                key = Some(id);
                format!("by the key {name} on {}", Moment::at(*at).absolute)
            }
            Some(Claim::Revoked { by, at, reason }) => {
                let reason = reason.as_ref().map(|r| format!(": “{r}”")).unwrap_or_default();
                let by = words::actor(by).map(|by| format!("by {by} ")).unwrap_or_default();
                format!("{by}on {}{reason}", Moment::at(*at).absolute)
            }
            None => String::new(),
        };
        let until = approval.is_usable(now).then(|| {
            let until = approval.decision.as_ref().and_then(|decision| decision.valid_until);
            until.map(|until| Moment::seen_from(until, now))
        });
        Some(Self { word, detail, particulars: text(&particulars), key, until: until.flatten() })
    }
}

/// The same action, asked before and rejected.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) id: String,
    pub(super) by: Text,
    pub(super) at: Moment,
    pub(super) comment: Vec<Text>,
}

impl Before {
    fn of(before: &Approval, now: askfirst_core::Timestamp) -> Option<Self> {
        let decision = before.decision.as_ref()?;
        Some(Self {
            id: before.id.to_string(),
            by: text(&decision.by.to_string()),
            at: Moment::seen_from(decision.decided_at, now),
            comment: decision.comment.as_deref().map(lines).unwrap_or_default(),
        })
    }
}

/// Someone who is looking at it.
#[derive(Clone, Debug)]
pub(super) struct LookLine {
    pub(super) id: MemberId,
    pub(super) who: Text,
    pub(super) at: Moment,
}

/// After so long nobody is looking any more.
const LOOK_LASTS: Seconds = Seconds(900);

fn looks(approval: &Approval, now: askfirst_core::Timestamp) -> Vec<LookLine> {
    let lately = approval.looks.iter().filter(|look| now < look.at.plus(LOOK_LASTS));
    lately
        .map(|look| LookLine {
            id: look.by.id,
            who: text(&look.by.email),
            at: Moment::seen_from(look.at, now),
        })
        .collect()
}

/// A priority worth a word.
pub(super) const fn urgent(priority: Priority) -> Option<&'static str> {
    match priority {
        Priority::Critical => Some("Critical"),
        Priority::High => Some("High priority"),
        Priority::Normal | Priority::Low => None,
    }
}

fn why(cause: &askfirst_core::Cause) -> String {
    use askfirst_core::Cause;
    match cause {
        Cause::NeedsMet => "everyone who was needed approved".into(),
        Cause::Rejections => "enough approvers said no".into(),
        Cause::Unreachable { detail } => format!("it could not be approved any more: {detail}"),
        Cause::Deadline => "nobody decided it in time".into(),
        Cause::Withdrawn => "it was withdrawn".into(),
    }
}

/// Why there are no buttons. Where it has ended, or they have voted, the page says so anyway.
fn barred(refusal: &Refusal) -> Option<Notice> {
    match refusal {
        Refusal::AlreadyDecided { .. } | Refusal::AlreadyVoted { .. } => None,
        other => Some(words::refusal(other).into()),
    }
}

fn policy_lines(approval: &Approval) -> Vec<Text> {
    json_lines(&approval.policy.document)
}

/// JSON as it is laid out for people: its layout is ours, what stands in it is made visible.
pub(super) fn json_lines(document: &impl serde::Serialize) -> Vec<Text> {
    let pretty = serde_json::to_string_pretty(document).unwrap_or_default();
    let line = |line: &str| {
        let inner = line.trim_start_matches(' ');
        let mut shown = vec![Piece::Text(line[..line.len() - inner.len()].into())];
        shown.extend(text(inner));
        shown
    };
    pretty.lines().map(line).collect()
}
