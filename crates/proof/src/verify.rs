//! Decides whether a receipt or a bundle is authentic, and what it then means.
//! Knows no network, no clock and no trust of its own: the caller brings all three.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::bundle::{AuditPosition, BUNDLE_FORMAT, Bundle};
use crate::canonical::{
    CanonicalError, Digest, canonical, json_digest, parse_strict, parse_strict_into, printable,
    text_digest,
};
use crate::key::{Jwk, RECEIPT_TYPE};
use crate::log::{ERASED, STATEMENT_DIGEST, entry_hash};
use crate::statement::{Decision, Environment, Statement, StatementError, VoteDecision};
use crate::trust::{Trust, TrustError};
use crate::verdict::{Standing, Verdict};

/// The greatest receipt that is read, in bytes.
pub const MAX_RECEIPT_BYTES: usize = 64 * 1024;
/// The greatest bundle that is read, in bytes.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1024 * 1024;
/// How far the signer's clock may run ahead of the checker's, in seconds.
pub const CLOCK_LEEWAY_SECONDS: i64 = 300;
/// The last second of the year 9999, the end of RFC 3339.
const END_OF_TIME: i64 = 253_402_300_799;

/// What the checker knows beforehand. What is `None` is not compared, only told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expect {
    /// The workspace it must be for.
    pub workspace: Option<String>,
    /// The environment it must be from.
    pub environment: Option<Environment>,
    /// The issuer it must name, exactly.
    pub issuer: Option<String>,
    /// The digest of the action that is about to be done.
    pub action_digest: Option<Digest>,
    /// The approval it must be about.
    pub approval: Option<String>,
}

/// Why a receipt or bundle is not to be believed. All of them are exit code 4.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Too big to be genuine.
    #[error("the {what} is longer than {limit} bytes")]
    TooLarge {
        /// `receipt` or `bundle`.
        what: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not three parts in strict base64url.
    #[error("not a receipt: {0}")]
    NotAReceipt(&'static str),
    /// The header is not JSON, or not an object.
    #[error("the header is not a json object")]
    HeaderNotJson,
    /// A header member that a receipt never carries, such as a key of its own.
    #[error("the header carries {0:?}, which a receipt never does")]
    HeaderMember(String),
    /// `alg`, `typ` or `kid` is missing or another.
    #[error("the header's {member} is {found}, not {wanted}")]
    Header {
        /// The member.
        member: &'static str,
        /// What it is, as JSON, or `missing`.
        found: String,
        /// What a receipt has there.
        wanted: &'static str,
    },
    /// The right header, spelled in another way.
    #[error("the header is not in canonical form")]
    HeaderNotCanonical,
    /// Signed by a key that nobody told us to trust.
    #[error("the signer is not trusted: no trusted key has the thumbprint {kid:?}")]
    UnknownSigner {
        /// The thumbprint that the receipt names.
        kid: String,
    },
    /// Signed by a trusted thumbprint whose key is not fit for use.
    #[error("the signer's key is not usable: {0}")]
    UnusableKey(#[source] TrustError),
    /// The signature does not fit.
    #[error("the signature does not fit: the receipt was changed, or made with another key")]
    Signature,
    /// Signed, but not a statement of ours.
    #[error(transparent)]
    Statement(StatementError),
    /// Signed, but the claims contradict each other.
    #[error("the claims contradict each other: {0}")]
    Contradiction(&'static str),
    /// Authentic, but not what the checker asked about.
    #[error("the {what} is {found:?}, not {wanted:?}")]
    Other {
        /// What differs.
        what: &'static str,
        /// What the receipt says.
        found: String,
        /// What was expected.
        wanted: String,
    },
    /// Written after the checker's present.
    #[error("the receipt is from the future: issued at {iat}, and it is {now}")]
    FromTheFuture {
        /// When it says it was issued, seconds since 1970.
        iat: i64,
        /// The checker's time.
        now: i64,
    },
    /// A receipt of something not approved, past its own lifetime.
    #[error("the receipt lapsed at {exp}")]
    Lapsed {
        /// When it lapsed, seconds since 1970.
        exp: i64,
    },
    /// The file is not a bundle.
    #[error("not a bundle: {0}")]
    NotABundle(#[source] CanonicalError),
    /// A bundle of a version this program does not know.
    #[error("the bundle's format is {0:?}, not \"askfirst-bundle/1\"")]
    BundleFormat(String),
    /// A part of the bundle is not what the receipt signed for.
    #[error("the bundle does not fit its receipt: {0}")]
    BundlePart(String),
}

impl VerifyError {
    /// The exit code of `askfirst verify`: 4, invalid or signer not trusted.
    pub const fn exit_code(&self) -> u8 {
        4
    }
}

/// Checks a receipt alone. `now` is the checker's time, in seconds since 1970.
///
/// An authentic receipt of a rejection is `Ok` too: read [`Verdict::standing`]. Errors:
/// [`VerifyError`]. Source: RFC 7515, RFC 8725; the rules are listed in `docs/proofs.md`.
pub fn verify_receipt(
    token: &str,
    trust: &Trust,
    expect: &Expect,
    now: i64,
) -> Result<Verdict, VerifyError> {
    let (statement, kid, _) = authentic(token, trust, &[])?;
    judged(statement, kid, expect, now)
}

/// Checks a bundle: its receipt, then every part against the digest that the receipt signed.
///
/// The bundle's own keys are used only where trust names their thumbprint. Errors:
/// [`VerifyError`].
pub fn verify_bundle(
    json: &[u8],
    trust: &Trust,
    expect: &Expect,
    now: i64,
) -> Result<Verdict, VerifyError> {
    if json.len() > MAX_BUNDLE_BYTES {
        return Err(VerifyError::TooLarge { what: "bundle", limit: MAX_BUNDLE_BYTES });
    }
    let bundle: Bundle = parse_strict_into(json).map_err(VerifyError::NotABundle)?;
    if bundle.format != BUNDLE_FORMAT {
        return Err(VerifyError::BundleFormat(bundle.format));
    }
    let (statement, kid, payload) = authentic(&bundle.receipt, trust, &bundle.jwks.keys)?;
    parts_fit(&bundle, &statement, &payload)?;
    let mut verdict = judged(statement, kid, expect, now)?;
    verdict.bundle = Some(bundle);
    Ok(verdict)
}

/// The statement, once its signature is known to be a trusted signer's.
fn authentic(
    token: &str,
    trust: &Trust,
    offered: &[Jwk],
) -> Result<(Statement, String, Vec<u8>), VerifyError> {
    if token.len() > MAX_RECEIPT_BYTES {
        return Err(VerifyError::TooLarge { what: "receipt", limit: MAX_RECEIPT_BYTES });
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(VerifyError::NotAReceipt("it does not have three parts"));
    };
    // This engine refuses padding, other alphabets, white space and stray trailing bits.
    let decode =
        |part: &str, why| URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::NotAReceipt(why));
    let header = decode(header, "its header is not in strict base64url")?;
    let payload = decode(payload, "its payload is not in strict base64url")?;
    let signature = decode(signature, "its signature is not in strict base64url")?;

    let kid = header_kid(&header)?;
    let key = trust.key(&kid, offered).map_err(VerifyError::UnusableKey)?;
    let Some(key) = key else { return Err(VerifyError::UnknownSigner { kid }) };
    let (message, _) = token.rsplit_once('.').ok_or(VerifyError::Signature)?;
    if !key.signed(message.as_bytes(), &signature) {
        return Err(VerifyError::Signature);
    }
    let statement = Statement::from_bytes(&payload).map_err(VerifyError::Statement)?;
    Ok((statement, kid, payload))
}

/// The `kid` of a header that is exactly a receipt's: `alg`, `kid`, `typ`, canonical, no more.
fn header_kid(bytes: &[u8]) -> Result<String, VerifyError> {
    let header = parse_strict(bytes).map_err(|_| VerifyError::HeaderNotJson)?;
    let members = header.as_object().ok_or(VerifyError::HeaderNotJson)?;
    if let Some(extra) = members.keys().find(|key| !matches!(key.as_str(), "alg" | "kid" | "typ")) {
        return Err(VerifyError::HeaderMember(extra.clone()));
    }
    let differs = |member, wanted| VerifyError::Header {
        member,
        found: members
            .get(member)
            .map_or_else(|| "missing".to_owned(), |it| printable(&it.to_string())),
        wanted,
    };
    if header["alg"] != "RS256" {
        return Err(differs("alg", "\"RS256\""));
    }
    if header["typ"] != RECEIPT_TYPE {
        return Err(differs("typ", "\"askfirst-receipt+jwt\""));
    }
    let Some(kid) = header["kid"].as_str() else { return Err(differs("kid", "a thumbprint")) };
    if !canonical(&header).is_ok_and(|again| again == bytes) {
        return Err(VerifyError::HeaderNotCanonical);
    }
    Ok(kid.to_owned())
}

/// What an authentic statement means now, or why it is not the one that was asked about.
fn judged(
    statement: Statement,
    kid: String,
    expect: &Expect,
    now: i64,
) -> Result<Verdict, VerifyError> {
    consistent(&statement)?;
    expected(&statement, expect)?;
    if statement.iat > now.saturating_add(CLOCK_LEEWAY_SECONDS) {
        return Err(VerifyError::FromTheFuture { iat: statement.iat, now });
    }
    let in_time = now < statement.exp;
    let standing = match statement.decision {
        Decision::Approved if in_time => Standing::Usable,
        Decision::Approved => Standing::NoLongerUsable,
        _ if !in_time => return Err(VerifyError::Lapsed { exp: statement.exp }),
        decision => Standing::NotApproved(decision),
    };
    Ok(Verdict { standing, statement, kid, bundle: None })
}

/// Whether the claims agree with each other. The signer keeps these rules, so a break means a
/// signer gone wrong, and doubt is never a yes.
fn consistent(statement: &Statement) -> Result<(), VerifyError> {
    let contradiction = |why| Err(VerifyError::Contradiction(why));
    let of_workspace =
        statement.iss.strip_suffix(&statement.aud).is_some_and(|start| start.ends_with("/w/"));
    if statement.aud.is_empty() || !of_workspace {
        return contradiction("the issuer is not the server's address and /w/ and the workspace");
    }
    if !(0..=END_OF_TIME).contains(&statement.iat) || !(0..=END_OF_TIME).contains(&statement.exp) {
        return contradiction("iat or exp is not a time of the years 1970 to 9999");
    }
    let Decision::Approved = statement.decision else {
        return match statement.valid_until {
            Some(_) => contradiction("it was not approved, yet has a valid_until"),
            None => Ok(()),
        };
    };
    let Some(valid_until) = &statement.valid_until else {
        return contradiction("it was approved, yet has no valid_until");
    };
    if valid_until.seconds() != statement.exp {
        return contradiction("exp is not the second of valid_until");
    }
    let Some(assurance) = statement.assurance else {
        return contradiction("it was approved, yet states no assurance");
    };
    let carried = statement.votes.iter().any(|vote| {
        vote.decision == VoteDecision::Approve
            && vote.action_digest == statement.action_digest
            && vote.assurance == assurance
    });
    if carried {
        Ok(())
    } else {
        contradiction("no vote of the stated assurance approves the decided action")
    }
}

fn expected(statement: &Statement, expect: &Expect) -> Result<(), VerifyError> {
    let same = |what, found: String, wanted: Option<String>| match wanted {
        Some(wanted) if wanted != found => Err(VerifyError::Other { what, found, wanted }),
        _ => Ok(()),
    };
    same(
        "environment",
        statement.environment.to_string(),
        expect.environment.map(|it| it.to_string()),
    )?;
    same("workspace", statement.aud.clone(), expect.workspace.clone())?;
    same("issuer", statement.iss.clone(), expect.issuer.clone())?;
    same("approval", statement.approval.clone(), expect.approval.clone())?;
    same(
        "action digest",
        statement.action_digest.to_string(),
        expect.action_digest.map(|it| it.to_string()),
    )
}

/// Whether each part of a bundle is what the receipt named, and nothing more came along.
fn parts_fit(bundle: &Bundle, statement: &Statement, payload: &[u8]) -> Result<(), VerifyError> {
    let unfit = |why: String| Err(VerifyError::BundlePart(why));
    let digest = |value| json_digest(value).map_err(VerifyError::NotABundle);

    let voted: Vec<Digest> = statement.votes.iter().map(|vote| vote.action_digest).collect();
    let mut actions = Vec::new();
    for part in &bundle.actions {
        if digest(&part.action)? != part.digest {
            return unfit(format!("an action does not have its digest {}", part.digest));
        }
        actions.push(part.digest);
    }
    let named: Vec<Digest> =
        [statement.asked_digest, statement.action_digest].into_iter().chain(voted).collect();
    let whole = bundle.erased.is_none();
    same_set("action", &named, &actions, whole)?;

    let policy = &bundle.policy;
    if digest(&policy.document)? != policy.digest
        || policy.digest != statement.policy.digest
        || policy.name != statement.policy.name
        || policy.version != statement.policy.version
    {
        return unfit("the policy is not the one it was decided under".to_owned());
    }

    let answer = bundle.answer.as_ref().map(digest).transpose()?;
    if answer != statement.answer_digest && (whole || answer.is_some()) {
        return unfit("the answer is missing or not the one that was given".to_owned());
    }

    let mut shown = Vec::new();
    for part in &bundle.shown {
        if text_digest(&part.text) != part.digest {
            return unfit(format!("a shown text does not have its digest {}", part.digest));
        }
        shown.push(part.digest);
    }
    let seen: Vec<Digest> = statement.votes.iter().filter_map(|vote| vote.shown_digest).collect();
    same_set("shown text", &seen, &shown, whole)?;

    let audit = &bundle.audit;
    for position in [Some(audit), bundle.erased.as_ref()].into_iter().flatten() {
        let hash = entry_hash(&position.entry).map_err(VerifyError::NotABundle)?;
        if hash != position.hash || position.index != position.entry.index {
            return unfit("the audit entry does not have its hash and index".to_owned());
        }
    }
    if let Some(AuditPosition { entry, .. }) = &bundle.erased
        && (entry.workspace != statement.aud
            || entry.subject != statement.approval
            || entry.kind != ERASED)
    {
        return unfit("the entry of the erasure is about something else".to_owned());
    }
    let recorded = audit.entry.detail.get(STATEMENT_DIGEST).and_then(Value::as_str);
    if audit.entry.workspace != statement.aud
        || audit.entry.subject != statement.approval
        || recorded != Some(text_digest(payload).to_string().as_str())
    {
        return unfit("the audit entry does not record this statement".to_owned());
    }
    Ok(())
}

fn same_set(
    what: &str,
    named: &[Digest],
    there: &[Digest],
    whole: bool,
) -> Result<(), VerifyError> {
    if whole && let Some(digest) = named.iter().find(|digest| !there.contains(digest)) {
        return Err(VerifyError::BundlePart(format!("the {what} {digest} is missing")));
    }
    if let Some(digest) = there.iter().find(|digest| !named.contains(digest)) {
        return Err(VerifyError::BundlePart(format!(
            "the {what} {digest} is not named by the receipt"
        )));
    }
    Ok(())
}
