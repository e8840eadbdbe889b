//! The page behind a decision link: the whole request, a choice, and then a second page that asks
//! whether that was meant. A cookie made with the first answer holds the two together, so neither a
//! scanner that presses buttons nor a form copied elsewhere decides anything.

use askama::Template;
use askfirst_core::{Digest, Refusal, VoteDecision};
use aws_lc_rs::hmac;
use axum::Form;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::approval::{once, typed};
use super::fault::{Fault, page};
use super::login::is_prefetch;
use super::session::cookie_of;
use super::sheet::Notice;
use super::shell::{Moment, Shell, Text, lines, text};
use super::words::{self, Sign, Told};
use crate::app::{App, Reach};
use crate::dialects::typed_by_bearer;
use crate::mint;
use crate::render::{self, Account};
use crate::service::decide::Answer;
use crate::service::presence::Sight;
use crate::service::{Caller, ServiceError};

/// The first page: what is asked, and the two answers.
#[derive(Template)]
#[template(path = "link.html")]
pub(super) struct LinkPage {
    pub(super) shell: Shell,
    pub(super) token: String,
    pub(super) sign: Sign,
    pub(super) whose: Text,
    /// Whether the asker has the link too.
    pub(super) passed_on: bool,
    pub(super) deadline: Moment,
    pub(super) notice: Option<Notice>,
    pub(super) account: Account,
    pub(super) action_digest: String,
    pub(super) shown_digest: String,
    pub(super) comment: String,
    /// What cannot be answered by a link, and so needs the page itself.
    pub(super) elsewhere: Option<&'static str>,
    pub(super) id: String,
    /// Whether there is anything to answer.
    pub(super) open: bool,
    /// What they pressed where they found the link; it decides nothing.
    pub(super) suggested: Option<&'static str>,
}

/// What the address suggests, in our links or in those of HoldOn's askers, who say it in either way;
/// nothing if it says it more than once.
fn suggestion(query: Option<&str>) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut hints =
        pairs.filter(|(name, _)| matches!(name.as_ref(), "suggest" | "action" | "decision"));
    let (_, hint) = hints.next()?;
    hints.next().is_none().then(|| hint.into_owned())
}

/// The second page: whether it was meant.
#[derive(Template)]
#[template(path = "link_confirm.html")]
pub(super) struct ConfirmPage {
    pub(super) shell: Shell,
    pub(super) token: String,
    pub(super) title: Text,
    pub(super) whose: Text,
    pub(super) approve: bool,
    pub(super) said: Vec<Text>,
    pub(super) choice: Choice,
    pub(super) bound: String,
}

/// The last page: what became of it.
#[derive(Template)]
#[template(path = "link_done.html")]
pub(super) struct DonePage {
    pub(super) shell: Shell,
    pub(super) sign: Sign,
    pub(super) title: Text,
    pub(super) detail: String,
}

/// What the first page sends, and the second repeats.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Choice {
    pub(super) decision: VoteDecision,
    pub(super) action_digest: Digest,
    pub(super) shown_digest: Digest,
    #[serde(default)]
    pub(super) comment: String,
}

#[derive(Deserialize)]
pub(super) struct Confirmed {
    #[serde(flatten)]
    choice: Choice,
    bound: String,
}

pub(super) async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    if is_prefetch(&headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (caller, sight) = behind(&app, &token).await?;
    let mut sheet = LinkPage::new(&app, &caller, &sight, token).await?;
    sheet.suggested = match suggestion(query.as_deref()).as_deref() {
        Some("approve" | "approved") if sheet.open && sheet.elsewhere.is_none() => Some("Approve"),
        Some("reject" | "rejected") if sheet.open => Some("Reject"),
        _ => None,
    };
    Ok(page(StatusCode::OK, &sheet))
}

pub(super) async fn choose(
    State(app): State<App>,
    Path(token): Path<String>,
    Form(choice): Form<Choice>,
) -> Result<Response, Fault> {
    let (caller, sight) = behind(&app, &token).await?;
    if let Err(told) = fits(&sight, &choice) {
        return refused(&app, &caller, &sight, token, told, &choice.comment).await;
    }
    let binding = mint::token().map_err(|error| Fault::Service(error.into()))?;
    let viewer = app.service.viewer(&caller).await?;
    let confirm = ConfirmPage {
        shell: Shell::bare("Please confirm").within(sight.seen.approval.environment),
        title: text(sight.seen.approval.called()),
        whose: text(&viewer.member.person.email),
        approve: choice.decision == VoteDecision::Approve,
        said: lines(&typed(&choice.comment)),
        bound: seal(&binding, &token, &choice),
        token,
        choice,
    };
    let cookie =
        HeaderValue::from_str(&format!("{}={binding}; {}", name(&app.reach), kind(&app.reach)));
    let cookie = cookie.ok().map(|cookie| (header::SET_COOKIE, cookie));
    Ok((AppendHeaders(cookie), page(StatusCode::OK, &confirm)).into_response())
}

pub(super) async fn confirm(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(confirmed): Form<Confirmed>,
) -> Result<Response, Fault> {
    let Confirmed { choice, bound } = confirmed;
    let (caller, sight) = behind(&app, &token).await?;
    let binding = cookie_of(&headers, name(&app.reach));
    if !binding.as_deref().is_some_and(|binding| opens(binding, &token, &choice, &bound)) {
        return refused(&app, &caller, &sight, token, unbound(), &choice.comment).await;
    }
    // Whether the vote can still be given is for the rules to say, who know of a repeat.
    if let Err(told) = is_shown(&sight, &choice) {
        return refused(&app, &caller, &sight, token, told, &choice.comment).await;
    }
    let id = sight.seen.approval.id;
    let comment = match caller.is_bearer() {
        true => typed_by_bearer(sight.seen.approval.asker.dialect, typed(&choice.comment)),
        false => typed(&choice.comment),
    };
    let answer = Answer {
        decision: choice.decision,
        action_digest: choice.action_digest,
        on_behalf_of: None,
        comment: Some(comment),
        edits: std::collections::BTreeMap::new(),
        answer: None,
        grant: None,
        shown: Some(render::shown_of(&sight.seen.approval)),
    };
    // The binding is made for one choice, so it names the request.
    let once = once("link", id, &bound, &[choice.decision.as_str(), &typed(&choice.comment)])?;
    match app.service.vote(&caller, id, answer, Some(once)).await {
        Ok(seen) => {
            let status = seen.approval.status_at(seen.now);
            let sign = words::sign(status);
            let detail = match status {
                askfirst_core::Status::Pending => {
                    "Your answer is recorded. Others must answer too.".into()
                }
                _ => format!("Your answer is recorded, and decided it: {}.", status.as_str()),
            };
            let title = text(seen.approval.called());
            let shell = Shell::bare("Recorded").within(seen.approval.environment);
            Ok(page(StatusCode::OK, &DonePage { shell, sign, title, detail }))
        }
        Err(ServiceError::Refused(refusal)) => {
            let told = words::refusal(&refusal);
            refused(&app, &caller, &sight, token, told, &choice.comment).await
        }
        Err(other) => Err(other.into()),
    }
}

/// Who decides by the link, and what they see.
async fn behind(app: &App, token: &str) -> Result<(Caller, Sight), Fault> {
    let found = app.service.caller_by_decision_link(token).await?;
    let (caller, id) = found.ok_or(Fault::DecisionLinkOver)?;
    let sight = app.service.sight(&caller, id).await?;
    Ok((caller, sight))
}

/// Whether this could be answered, and is what is shown now.
fn fits(sight: &Sight, choice: &Choice) -> Result<(), Told> {
    match &sight.prospects.vote {
        Ok(()) => is_shown(sight, choice),
        Err(refusal) => Err(words::refusal(refusal)),
    }
}

fn is_shown(sight: &Sight, choice: &Choice) -> Result<(), Told> {
    let approval = &sight.seen.approval;
    let shown = render::shown_of(approval).digest;
    if choice.shown_digest != shown || choice.action_digest != approval.action_digest {
        return Err(words::stale());
    }
    if choice.decision == VoteDecision::Approve && approval.answer_schema.is_some() {
        return Err(words::refusal(&Refusal::AnswerMissing));
    }
    Ok(())
}

async fn refused(
    app: &App,
    caller: &Caller,
    sight: &Sight,
    token: String,
    told: Told,
    comment: &str,
) -> Result<Response, Fault> {
    let mut sheet = LinkPage::new(app, caller, sight, token).await?;
    let status = told.status;
    sheet.notice = Some(told.into());
    comment.clone_into(&mut sheet.comment);
    Ok(page(status, &sheet))
}

impl LinkPage {
    async fn new(app: &App, caller: &Caller, sight: &Sight, token: String) -> Result<Self, Fault> {
        let viewer = app.service.viewer(caller).await?;
        let approval = &sight.seen.approval;
        let now = sight.seen.now;
        let account = render::account(approval);
        let barred = sight.prospects.vote.as_ref().err();
        let notice = barred.map(words::refusal).map(|told| match barred {
            // Whoever only looks gave no answer that was lost.
            Some(Refusal::AlreadyDecided { status, by, at }) => {
                Told { detail: words::ended(*status, by, *at), ..told }
            }
            _ => told,
        });
        Ok(Self {
            shell: Shell::bare(approval.called()).within(approval.environment),
            token,
            sign: words::sign(approval.status_at(now)),
            whose: text(&viewer.member.person.email),
            passed_on: caller.is_bearer(),
            deadline: Moment::seen_from(approval.expires_at, now),
            notice: notice.map(Into::into),
            action_digest: approval.action_digest.to_string(),
            shown_digest: account.shown().digest.to_string(),
            account,
            comment: String::new(),
            elsewhere: approval
                .answer_schema
                .is_some()
                .then_some("An approval of this needs a form that is on its page; sign in there."),
            id: approval.id.to_string(),
            open: barred.is_none(),
            suggested: None,
        })
    }
}

fn unbound() -> Told {
    Told {
        status: StatusCode::FORBIDDEN,
        title: "Please answer again",
        detail: "Nothing was recorded: the second page must be opened by the same browser, right \
                 after the first, with cookies allowed."
            .into(),
    }
}

fn name(reach: &Reach) -> &'static str {
    if reach.is_https() { "__Host-askfirst-d" } else { "askfirst_dev_d" }
}

fn kind(reach: &Reach) -> &'static str {
    if reach.is_https() {
        "Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=600"
    } else {
        "Path=/; HttpOnly; SameSite=Strict; Max-Age=600"
    }
}

/// What holds the second page to the first: the cookie, over the link and the choice.
fn seal(binding: &str, token: &str, choice: &Choice) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, binding.as_bytes());
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, &sealed(token, choice)))
}

fn opens(binding: &str, token: &str, choice: &Choice, bound: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, binding.as_bytes());
    let Ok(tag) = URL_SAFE_NO_PAD.decode(bound) else { return false };
    // Compares in constant time.
    hmac::verify(&key, &sealed(token, choice), &tag).is_ok()
}

fn sealed(token: &str, choice: &Choice) -> Vec<u8> {
    let parts = [
        "askfirst/link/1",
        token,
        choice.decision.as_str(),
        &choice.action_digest.to_string(),
        &choice.shown_digest.to_string(),
        // Browsers write line breaks their own way each time a form is sent.
        &typed(&choice.comment),
    ];
    parts.join("\0").into_bytes()
}
