//! Errors as the API tells them: RFC 9457 problem documents. The one place where refusals
//! become status codes.

use askfirst_core::administration::Denied;
use askfirst_core::{Beyond, OverPlan, Overrun, Pointer, Problem as Mistake, Refusal, Standing};
use askfirst_store::StoreError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::error;
use utoipa::ToSchema;

use super::front;
use crate::service::{Needed, NotSignedIn, ServiceError};

/// A problem document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A stable name for the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:askfirst:problem:stale_digest")]
    kind: String,
    /// The kind of problem in words; the same for all of a kind.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time, and what to do.
    detail: String,
    /// Names this occurrence; quote it when asking for help.
    #[schema(example = "urn:askfirst:request:01jh…")]
    instance: String,
    /// Where in the request the mistakes are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// When to come back, in seconds; goes into the head.
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<u32>,
    /// Particulars of this kind of problem.
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// A mistake in one place of the request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer into the body, or `?name` for a query parameter.
    pointer: String,
    /// What is wrong there.
    detail: String,
}

impl Problem {
    /// A problem of the kind `name`.
    #[must_use]
    pub fn new(
        status: StatusCode,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: format!("urn:askfirst:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            instance: String::new(),
            errors: Vec::new(),
            retry_after: None,
            more: Map::new(),
        }
    }

    /// The request is malformed.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "The request is malformed", detail)
    }

    /// The same, as a part of an answer that goes well.
    pub(super) fn within_an_answer(mut self) -> Self {
        self.instance = format!("urn:askfirst:request:{}", front::request_id());
        self
    }

    /// Its status code.
    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// What is wrong this time, and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The name of its kind.
    pub(crate) fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    /// Where in the request the mistakes are, and what is wrong there.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.errors.iter().map(|error| (error.pointer.as_str(), error.detail.as_str()))
    }

    /// The id of the request that it answers.
    pub(crate) fn request(&self) -> &str {
        self.instance.rsplit(':').next().unwrap_or_default()
    }

    /// When to come back, in seconds.
    pub(crate) const fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// Adds the place of a mistake.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Moves the places of mistakes below `place`.
    pub(super) fn below(mut self, place: &str) -> Self {
        self.errors
            .iter_mut()
            .for_each(|error| error.pointer = format!("{place}{}", error.pointer));
        self
    }

    fn all(mut self, mistakes: Vec<Mistake>) -> Self {
        let place = |m: Mistake| FieldError { pointer: m.pointer, detail: m.detail };
        self.errors.extend(mistakes.into_iter().map(place));
        self
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.into(), value);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self = self.within_an_answer();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let unavailable = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        if let Some(seconds) = self.retry_after.or(unavailable) {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        // Where a client expects other words, they are put there on the way out.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<NotSignedIn> for Problem {
    fn from(error: NotSignedIn) -> Self {
        match error {
            NotSignedIn::Store(error) => ServiceError::Store(error).into(),
            other => {
                let title = "Not authenticated";
                Self::new(StatusCode::UNAUTHORIZED, "not_authenticated", title, other.to_string())
            }
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let detail = error.to_string();
        match error {
            ServiceError::Refused(refusal) => refused(refusal),
            ServiceError::Denied(denied) => self::denied(denied),
            ServiceError::Forbidden(needed) => {
                let problem = Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail);
                match needed {
                    Needed::Scope(scope) => problem.with("needed_scope", json!(scope)),
                    Needed::Roles(roles) => problem.with("needed_roles", json!(roles)),
                }
            }
            ServiceError::NotFound(_) => Self::not_found(detail),
            ServiceError::Invalid(mistakes) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "The request has mistakes",
                summary(&mistakes),
            )
            .all(mistakes),
            ServiceError::NotInThisVersion { pointer, what } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_in_this_version",
                "Not in this version",
                detail,
            )
            .at(pointer, format!("{what} is not in this version")),
            ServiceError::TooMany { retry_after, .. } => {
                let (name, title) = ("too_many", "Too many");
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, name, title, detail);
                Self { retry_after: Some(retry_after.0), ..problem }
            }
            ServiceError::IdempotencyMismatch => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_mismatch",
                "The Idempotency-Key was used with another request",
                "use a new Idempotency-Key for a new request, or repeat the first one unchanged",
            ),
            ServiceError::NoRoom => {
                let detail = format!("{error}. tell its operator to make room, then ask again");
                let status = StatusCode::INSUFFICIENT_STORAGE;
                Self::new(status, "disk_nearly_full", "The disk is nearly full", detail)
            }
            ServiceError::Store(error) => unavailable(&error),
            ServiceError::Internal(cause) => {
                error!(cause, "internal error");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Internal error",
                    "something went wrong here; the log has the particulars under this instance",
                )
            }
        }
    }
}

fn summary(mistakes: &[Mistake]) -> String {
    let all: Vec<_> = mistakes.iter().map(|m| format!("{}: {}", m.pointer, m.detail)).collect();
    all.join("; ")
}

fn unavailable(error: &StoreError) -> Problem {
    error!(cause = %error, "the store failed");
    let detail = match error {
        StoreError::Unknown(_) => {
            "it is not known whether this was recorded; repeat the request with the same \
             Idempotency-Key, or read the approval again"
        }
        _ => "nothing was recorded; try again",
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail)
}

fn refused(refusal: Refusal) -> Problem {
    use StatusCode as S;
    let detail = refusal.to_string();
    let (status, name, title) = match &refusal {
        Refusal::Credential(_) => (S::UNAUTHORIZED, "not_authenticated", "Not authenticated"),
        Refusal::MissingScope(_) => (S::FORBIDDEN, "forbidden", "Not allowed"),
        Refusal::PolicyUnknown { .. } => {
            (S::UNPROCESSABLE_ENTITY, "unknown_policy", "No such policy")
        }
        Refusal::PolicyNotAllowed { .. } => {
            (S::FORBIDDEN, "policy_not_allowed", "Not allowed under this policy")
        }
        Refusal::Loosens { .. } => {
            (S::UNPROCESSABLE_ENTITY, "loosens_policy", "An ask may only tighten its policy")
        }
        Refusal::TooShort { .. } | Refusal::UnknownConsumer { .. } => {
            (S::UNPROCESSABLE_ENTITY, "invalid", "The request has mistakes")
        }
        Refusal::Unsatisfiable { .. } => {
            (S::UNPROCESSABLE_ENTITY, "unsatisfiable_policy", "Nobody can satisfy this policy")
        }
        Refusal::OverLimit(_) => (S::TOO_MANY_REQUESTS, "limit", "Over a limit"),
        Refusal::AlreadyDecided { .. } => (S::CONFLICT, "already_decided", "Already decided"),
        Refusal::AskerCannotDecide => {
            (S::FORBIDDEN, "asker_cannot_decide", "Who asks cannot decide")
        }
        Refusal::OwnerCannotDecide => {
            (S::FORBIDDEN, "owner_cannot_decide", "The asker's owner cannot decide")
        }
        Refusal::NotDelegated { .. } => (S::FORBIDDEN, "not_delegated", "Not in their place"),
        Refusal::NotAnApprover { .. } => (S::FORBIDDEN, "not_an_approver", "Not an approver"),
        Refusal::AssuranceTooLow { .. } => {
            (S::FORBIDDEN, "assurance_too_low", "Not known surely enough")
        }
        Refusal::NotOffered => (S::FORBIDDEN, "not_offered", "Not where all of it can be read"),
        Refusal::AlreadyVoted { .. } => (S::CONFLICT, "already_voted", "Already voted"),
        Refusal::StaleDigest { .. } => (S::CONFLICT, "stale_digest", "Not the action as it stands"),
        Refusal::NotEditable { .. } => {
            (S::UNPROCESSABLE_ENTITY, "not_editable", "This cannot be changed")
        }
        Refusal::EditsOverlap { .. }
        | Refusal::BadEdit { .. }
        | Refusal::EditsWithoutApproval
        | Refusal::AnswerUnwanted => {
            (S::UNPROCESSABLE_ENTITY, "invalid", "The request has mistakes")
        }
        Refusal::NoGrants { .. } => {
            (S::UNPROCESSABLE_ENTITY, "no_grants", "The policy has no grants")
        }
        Refusal::BadGrant { .. } => (S::UNPROCESSABLE_ENTITY, "bad_grant", "Cannot be granted"),
        Refusal::EnoughEdited { .. } => (S::CONFLICT, "enough_edited", "Enough was changed"),
        Refusal::AnswerMissing => {
            (S::UNPROCESSABLE_ENTITY, "answer_missing", "An answer is asked for")
        }
        Refusal::AnswerUnfit { .. } => {
            (S::UNPROCESSABLE_ENTITY, "answer_unfit", "The answer does not fit the form")
        }
        Refusal::NotAnsweredYet { .. } => {
            (S::CONFLICT, "not_answered_yet", "Your last question is open")
        }
        Refusal::EnoughAsked { .. } => (S::CONFLICT, "enough_asked", "Enough was asked back"),
        Refusal::NotTheAskingKey => {
            (S::FORBIDDEN, "not_the_asking_key", "Only the asking key can do this")
        }
        Refusal::NoSuchInquiry { .. } => (S::NOT_FOUND, "no_such_inquiry", "Nothing was asked"),
        Refusal::AlreadyReplied { .. } => (S::CONFLICT, "already_replied", "Already answered"),
        Refusal::NotTheAsker => (S::FORBIDDEN, "not_the_asker", "Only the asker can do this"),
        Refusal::NotDue { .. } => (S::CONFLICT, "not_due", "The deadline has not come"),
        Refusal::NotApproved { .. } => (S::CONFLICT, "not_approved", "Not approved"),
        Refusal::NotAConsumer => (S::FORBIDDEN, "not_a_consumer", "Not a consumer"),
        Refusal::Lapsed { .. } => (S::CONFLICT, "lapsed", "The approval has lapsed"),
        Refusal::AlreadyClaimed { .. } => (S::CONFLICT, "already_claimed", "Already claimed"),
        Refusal::Revoked { .. } => (S::CONFLICT, "revoked", "The approval was revoked"),
        Refusal::NotARevoker => (S::FORBIDDEN, "not_a_revoker", "Only an approver can revoke"),
        Refusal::NotClaimed => (S::CONFLICT, "not_claimed", "Not claimed"),
        Refusal::OutcomeReported { .. } => (S::CONFLICT, "outcome_reported", "Already reported"),
        Refusal::NotAnAdmin => (S::FORBIDDEN, "forbidden", "Not allowed"),
        Refusal::NotEnded => (S::CONFLICT, "not_ended", "Not ended"),
        Refusal::StillUsable { .. } => (S::CONFLICT, "still_usable", "Still usable"),
        Refusal::StillGranted { .. } => (S::CONFLICT, "still_granted", "Still granted"),
        Refusal::OnHold { .. } => (S::CONFLICT, "on_hold", "On hold"),
        Refusal::Erased { .. } => (S::CONFLICT, "erased", "The texts were erased"),
        Refusal::Exists => (S::CONFLICT, "exists", "Already exists"),
        Refusal::NotFound => (S::NOT_FOUND, "not_found", "Not found"),
    };
    let mut problem = Problem::new(status, name, title, detail.clone());
    match refusal {
        Refusal::Credential(standing) => problem.with("standing", json!(word(standing))),
        Refusal::MissingScope(scope) => problem.with("needed_scope", json!(scope)),
        Refusal::PolicyUnknown { .. } | Refusal::PolicyNotAllowed { .. } => {
            problem.at("/policy", detail)
        }
        Refusal::Loosens { field, .. } | Refusal::TooShort { field } => {
            problem.at(format!("/{field}"), detail)
        }
        Refusal::NoSuchInquiry { .. } => problem.at("/number", detail),
        Refusal::UnknownConsumer { .. } => problem.at("/consumers", detail),
        Refusal::Unsatisfiable { problems, .. } => {
            let pointed = |m: Mistake| Mistake { pointer: format!("/policy{}", m.pointer), ..m };
            problem.all(problems.into_iter().map(pointed).collect())
        }
        Refusal::NotEditable { pointer, .. } | Refusal::BadEdit { pointer, .. } => {
            problem.at(edit_place(&pointer), detail)
        }
        Refusal::EditsOverlap { inner, .. } => problem.at(edit_place(&inner), detail),
        Refusal::NoGrants { .. } => problem.at("/grant", detail),
        Refusal::BadGrant { pointer, .. } => problem.at(pointer, detail),
        Refusal::NotDelegated { .. } => problem.at("/on_behalf_of", detail),
        Refusal::EditsWithoutApproval => problem.at("/edits", detail),
        Refusal::AnswerMissing | Refusal::AnswerUnwanted => problem.at("/answer", detail),
        Refusal::AnswerUnfit { problems } => {
            problem.detail = format!("{detail}: {}", summary(&problems));
            problem.all(problems)
        }
        Refusal::OverLimit(overrun) => over_limit(problem, &overrun),
        Refusal::AlreadyDecided { status, by, at } => problem
            .with("decision", json!({ "status": status, "by": by.to_string(), "decided_at": at })),
        Refusal::StaleDigest { current } => {
            problem.at("/action_digest", detail).with("action_digest", json!(current))
        }
        Refusal::AssuranceTooLow { has, needed } => {
            problem.with("assurance", json!({ "has": has, "needed": needed }))
        }
        Refusal::AlreadyClaimed { by, at } => {
            problem.with("claim", json!({ "state": "claimed", "by": by, "at": at }))
        }
        Refusal::NotApproved { status } => problem.with("approval_status", json!(status)),
        _ => problem,
    }
}

/// Which limit it was, and when to come back.
fn over_limit(mut problem: Problem, overrun: &Overrun) -> Problem {
    let Overrun { limit, of, allowed, used, resets_at, retry_after, plan } = overrun;
    problem.retry_after = Some(retry_after.0.max(1));
    let mut limit = json!({
        "name": limit, "of": of, "limit": allowed, "used": used, "resets_at": resets_at,
    });
    if let Some(plan) = plan {
        limit["plan"] = json!(plan);
    }
    problem.with("limit", limit)
}

/// Which limit of the plan it was. It has no time at which there is room again.
fn over_plan(problem: Problem, over: &OverPlan) -> Problem {
    let OverPlan { plan, what } = over;
    let (name, allowed, used) = match what {
        Beyond::Approver { used, allowed } => ("approvers", json!(allowed), json!(used)),
        Beyond::Channel { allowed, .. } => ("channels", json!(allowed), Value::Null),
        Beyond::Audit { days, .. } => ("audit_days", json!(days), Value::Null),
    };
    let limit = json!({
        "name": name, "of": "workspace", "limit": allowed, "used": used, "resets_at": null,
        "plan": plan,
    });
    problem.with("limit", limit)
}

/// Where in a vote an edit stands: its pointer is a member's name there.
fn edit_place(pointer: &Pointer) -> String {
    format!("/edits/{}", pointer.as_str().replace('~', "~0").replace('/', "~1"))
}

const fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Good => "good",
        Standing::Revoked => "revoked",
        Standing::Expired => "expired",
        Standing::Disabled => "disabled",
    }
}

fn denied(denied: Denied) -> Problem {
    use StatusCode as S;
    let detail = denied.to_string();
    match denied {
        Denied::Refused(refusal) => refused(refusal),
        Denied::Role { .. } => Problem::new(S::FORBIDDEN, "forbidden", "Not allowed", detail),
        Denied::LastOwner => Problem::new(S::CONFLICT, "last_owner", "The last owner", detail),
        Denied::Unknown { .. } => Problem::not_found(detail),
        Denied::Taken { .. } => Problem::new(S::CONFLICT, "taken", "Already taken", detail),
        Denied::Scopes(_) => {
            let title = "Scopes that cannot share a key";
            Problem::new(S::UNPROCESSABLE_ENTITY, "bad_scopes", title, detail.clone())
                .at("/scopes", detail)
        }
        Denied::Invalid(mistake) => {
            let title = "The request has mistakes";
            Problem::new(S::UNPROCESSABLE_ENTITY, "invalid", title, detail).all(vec![mistake])
        }
        Denied::BadPolicy { problems, .. } => {
            let title = "The policy cannot be saved";
            let detail = format!("{detail}: {}", summary(&problems));
            Problem::new(S::UNPROCESSABLE_ENTITY, "bad_policy", title, detail).all(problems)
        }
        Denied::InUse { .. } => Problem::new(S::CONFLICT, "in_use", "Still in use", detail),
        Denied::Ended => Problem::new(S::CONFLICT, "ended", "It has ended", detail),
        Denied::WrongPassword => {
            Problem::new(S::FORBIDDEN, "wrong_password", "Wrong address or password", detail)
        }
        Denied::NotYours => Problem::new(S::FORBIDDEN, "forbidden", "Not allowed", detail),
        Denied::OverPlan(over) => {
            over_plan(Problem::new(S::FORBIDDEN, "plan_limit", "Over the plan", detail), &over)
        }
        Denied::Operators => Problem::new(S::FORBIDDEN, "forbidden", "Not allowed", detail),
        Denied::LinkSpent => Problem::new(S::CONFLICT, "link_spent", "Link already used", detail),
    }
}
