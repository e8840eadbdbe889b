//! The tokens that prove decisions to clients of proof.holdings: what they claim, whether one is
//! good, and taking one back. They are signed with the receipt, which is ours and says more.

use std::str::FromStr;

use askfirst_core::administration::RevocationReason;
use askfirst_core::{Approval, ApprovalId, Seconds, Timestamp};
use askfirst_proof::token::{LIST_SLOTS, StatusClaim, StatusReference, TOKEN_ISSUER, TokenClaims};
use askfirst_store::ProofToken;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::confirmation::{ConfirmationId, a_confirmation, account, said_by, word};
use super::list::Page;
use super::{Program, invalid, second, told};
use crate::app::App;
use crate::http::problem::Problem;
use crate::http::request::{Body, Id, Query};
use crate::service::ServiceError;

/// What the id of a proof begins with; that of its confirmation follows.
const PROOF_ID: &str = "ph_ctl_";
/// What is proven here; their API knows other kinds.
const KIND: &str = "confirmation";
/// For how many days a token is good whose asker did not say.
pub(super) const USUAL_DAYS: u32 = 30;
/// So many the list of what was taken back has at a time, unless fewer are wanted.
const MOST_REVOKED: u32 = 100;

/// A token, and until when it is good.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TokenView {
    pub(super) token: String,
    pub(super) expires_at: String,
}

/// The token as it is shown; none before it is signed, and once the texts are erased.
pub(super) fn shown(known: Option<&ProofToken>) -> Option<TokenView> {
    let known = known?;
    let (token, expires_at) = (known.token.clone()?, known.expires_at?);
    Some(TokenView { token, expires_at: second(expires_at) })
}

/// What the token of a decision claims; none of what people did not decide.
pub(crate) fn claims(approval: &Approval, number: u64, public_url: &str) -> Option<TokenClaims> {
    let decision = approval.decision.as_ref()?;
    let id = ConfirmationId(approval.id).to_string();
    let days = approval.metadata.get("proof_expiry_days").and_then(serde_json::Value::as_u64);
    let days = days.and_then(|days| u32::try_from(days).ok()).unwrap_or(USUAL_DAYS);
    let decided_at = decision.decided_at;
    Some(TokenClaims {
        iss: TOKEN_ISSUER.into(),
        iat: decided_at.seconds(),
        exp: decided_at.plus(Seconds(days.saturating_mul(86_400))).seconds(),
        proof_schema_version: "1.0".into(),
        user_id: account(approval.workspace),
        kind: KIND.into(),
        channel: said_by(approval).into(),
        identifier_hash: TokenClaims::identifier_hash(&decision.by.to_string()),
        verified_at: second(decided_at),
        decision: word(decision.status).into(),
        assurance: approval.assurance()?.as_str().into(),
        action_digest: approval.action_digest.to_string(),
        proof_id: format!("{PROOF_ID}{id}"),
        comment: decision.comment.clone(),
        environment: approval.environment.as_str().into(),
        issuer_url: public_url.into(),
        status: StatusClaim {
            status_list: StatusReference {
                idx: number % LIST_SLOTS,
                uri: list_url(public_url, number / LIST_SLOTS),
            },
        },
        sub: id,
    })
}

fn list_url(public_url: &str, list: u64) -> String {
    format!("{public_url}/api/v1/proofs/status-list/{list}")
}

/// The id of a proof, or that of its confirmation.
#[derive(Clone, Copy)]
pub(super) struct ProofId(ApprovalId);

impl FromStr for ProofId {
    type Err = super::confirmation::NotAConfirmationId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ConfirmationId(id) = text.strip_prefix(PROOF_ID).unwrap_or(text).parse()?;
        Ok(Self(id))
    }
}

impl ProofId {
    fn text(id: ApprovalId) -> String {
        format!("{PROOF_ID}{}", ConfirmationId(id))
    }
}

/// A token that somebody was shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValidateBody {
    proof_token: String,
    /// Whom it should be about.
    #[serde(default)]
    identifier: Option<String>,
}

/// Whether it is good.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Validity {
    Good {
        valid: bool,
        verification: Verification,
    },
    Not {
        valid: bool,
        reason: &'static str,
        message: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        revoked_at: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        revoked_reason: Option<&'static str>,
    },
}

/// What a good token says.
#[derive(Serialize)]
pub(super) struct Verification {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    channel: String,
    verified_at: String,
    expires_at: String,
    user_id: String,
    decision: String,
}

impl Validity {
    const fn not(reason: &'static str, message: &'static str) -> Self {
        Self::Not { valid: false, reason, message, revoked_at: None, revoked_reason: None }
    }

    /// `known` is the token's row, if it is ours to the byte.
    fn of(body: &ValidateBody, known: Option<ProofToken>, now: Timestamp) -> Self {
        let parsed =
            known.and_then(|known| Some((known, TokenClaims::of_known(&body.proof_token)?)));
        let Some((known, claims)) = parsed else {
            return Self::not("invalid", "this server signed no such token");
        };
        if let Some((at, reason)) = known.revoked {
            return Self::Not {
                valid: false,
                reason: "revoked",
                message: "this proof was revoked",
                revoked_at: Some(second(at)),
                revoked_reason: Some(reason.as_str()),
            };
        }
        if claims.exp <= now.seconds() {
            return Self::not("expired", "this proof has expired");
        }
        let about = |text: &String| TokenClaims::identifier_hash(text) == claims.identifier_hash;
        if !body.identifier.as_ref().is_none_or(about) {
            return Self::not("identifier_mismatch", "this proof is about somebody else");
        }
        Self::Good {
            valid: true,
            verification: Verification {
                id: claims.sub,
                kind: claims.kind,
                channel: claims.channel,
                verified_at: claims.verified_at,
                expires_at: second(Timestamp::from_seconds(claims.exp)),
                user_id: claims.user_id,
                decision: claims.decision,
            },
        }
    }
}

/// Anybody may ask: who was shown a token has all that is answered.
pub(super) async fn validate(
    State(app): State<App>,
    body: Body<ValidateBody>,
) -> Result<Json<Validity>, Problem> {
    let known = app.service.proof_token(&body.value.proof_token).await?;
    Ok(Json(Validity::of(&body.value, known, app.service.now())))
}

/// How a proof stands.
#[derive(Serialize)]
pub(super) struct ProofView {
    proof_id: String,
    status: &'static str,
    is_valid: bool,
    is_revoked: bool,
    revoked_at: Option<String>,
    revoked_reason: Option<&'static str>,
    /// Nothing is suspended here.
    suspended_at: Option<String>,
    expires_at: Option<String>,
    is_expired: bool,
}

impl ProofView {
    fn of(id: ApprovalId, known: &ProofToken, now: Timestamp) -> Self {
        let is_expired = known.expires_at.is_some_and(|at| at.seconds() <= now.seconds());
        let status = match known.revoked {
            Some(_) => "revoked",
            None if is_expired => "expired",
            None => "active",
        };
        Self {
            proof_id: ProofId::text(id),
            status,
            is_valid: status == "active",
            is_revoked: known.revoked.is_some(),
            revoked_at: known.revoked.map(|(at, _)| second(at)),
            revoked_reason: known.revoked.map(|(_, reason)| reason.as_str()),
            suspended_at: None,
            expires_at: known.expires_at.map(second),
            is_expired,
        }
    }
}

/// The proof of a confirmation that this key asked for.
async fn proof_of(app: &App, caller: &Program, id: ApprovalId) -> Result<ProofToken, Problem> {
    let none = || ServiceError::NotFound("proof").into();
    let seen = match app.service.approval_signed(&caller.0, id).await {
        Err(ServiceError::NotFound(_)) => return Err(none()),
        seen => a_confirmation(seen.map_err(told)?)?,
    };
    seen.proof.and_then(|proof| proof.proof_token).ok_or_else(none)
}

pub(super) async fn status(
    State(app): State<App>,
    caller: Program,
    Id(ProofId(id)): Id<ProofId>,
) -> Result<Json<ProofView>, Problem> {
    let known = proof_of(&app, &caller, id).await?;
    Ok(Json(ProofView::of(id, &known, app.service.now())))
}

/// Why a proof is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeBody {
    #[serde(default)]
    reason: Option<String>,
}

/// That it was.
#[derive(Serialize)]
pub(super) struct Revoked {
    success: bool,
    proof_id: String,
    proof_type: &'static str,
    revoked_at: String,
    reason: &'static str,
}

pub(super) async fn revoke(
    State(app): State<App>,
    caller: Program,
    Id(ProofId(id)): Id<ProofId>,
    body: Body<RevokeBody>,
) -> Result<Json<Revoked>, Problem> {
    let reason = match body.value.reason.as_deref() {
        None => RevocationReason::default(),
        Some(text) => RevocationReason::called(text).ok_or_else(|| {
            let words: Vec<_> = RevocationReason::ALL.iter().map(|one| one.as_str()).collect();
            invalid("/reason", format!("one of {}", words.join(", ")))
        })?,
    };
    let known = proof_of(&app, &caller, id).await?;
    if known.revoked.is_none() {
        app.service.revoke_proof(&caller.0, id, reason).await.map_err(told)?;
    }
    // As it stands: somebody else may have been first.
    let Some((at, reason)) = proof_of(&app, &caller, id).await?.revoked else {
        return Err(ServiceError::NotFound("proof").into());
    };
    Ok(Json(Revoked {
        success: true,
        proof_id: ProofId::text(id),
        proof_type: KIND,
        revoked_at: second(at),
        reason: reason.as_str(),
    }))
}

/// A proof that was taken back.
#[derive(Serialize)]
struct RevokedView {
    proof_id: String,
    public_proof_id: String,
    proof_type: &'static str,
    revoked_at: String,
    reason: &'static str,
}

/// What was taken back, newest first. What is signed is the list of slots.
#[derive(Serialize)]
pub(super) struct RevokedList {
    revoked: Vec<RevokedView>,
    issued_at: String,
    count: usize,
    has_more: bool,
    status_list_uri: String,
    signature: Option<String>,
    kid: Option<String>,
}

/// Which of them. Their client asks for no page, and gets the first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokedQuery {
    page: Option<u32>,
    limit: Option<u32>,
}

pub(super) async fn revoked(
    State(app): State<App>,
    Query(query): Query<RevokedQuery>,
) -> Result<Json<RevokedList>, Problem> {
    let page = Page::of(query.page, query.limit.or(Some(MOST_REVOKED)))?;
    let mut found = app.service.revoked_proofs(page.skip(), page.limit + 1).await?;
    let has_more = found.len() > page.limit as usize;
    found.truncate(page.limit as usize);
    let revoked: Vec<_> = found
        .into_iter()
        .map(|one| RevokedView {
            proof_id: ProofId::text(one.approval),
            public_proof_id: ProofId::text(one.approval),
            proof_type: KIND,
            revoked_at: second(one.at),
            reason: one.reason.as_str(),
        })
        .collect();
    Ok(Json(RevokedList {
        count: revoked.len(),
        revoked,
        issued_at: second(app.service.now()),
        has_more,
        status_list_uri: list_url(&app.reach.public_url, 0),
        signature: None,
        kid: None,
    }))
}

/// One of the lists of which tokens were taken back, signed.
pub(super) async fn status_list(
    State(app): State<App>,
    Id(list): Id<u32>,
) -> Result<Response, Problem> {
    let uri = list_url(&app.reach.public_url, list.into());
    let signed = app.service.status_list(list, uri).await?;
    let signed = signed.ok_or(ServiceError::NotFound("status list"))?;
    let headers = [
        (header::CONTENT_TYPE, "application/statuslist+jwt"),
        (header::CACHE_CONTROL, "public, max-age=60"),
    ];
    Ok((headers, signed.to_string()).into_response())
}
