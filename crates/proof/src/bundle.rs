//! The file that carries a receipt together with everything needed to check it offline.
//! Gathering its parts is the server's work; believing them is `verify`'s.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::Digest;
use crate::key::JwkSet;
use crate::log::Entry;

/// The `format` of a bundle.
pub const BUNDLE_FORMAT: &str = "askfirst-bundle/1";

/// A receipt and what its digests stand for. Everything in it must be named by the receipt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`BUNDLE_FORMAT`].
    pub format: String,
    /// The receipt, a compact JWS.
    pub receipt: String,
    /// Every revision of the action that the receipt names: as asked, as voted on, as decided.
    pub actions: Vec<BundledAction>,
    /// The policy as it was frozen into the approval.
    pub policy: BundledPolicy,
    /// The form answer, where the receipt has an `answer_digest`; `null` or absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// What approvers were shown, for every `shown_digest` in the receipt.
    pub shown: Vec<Shown>,
    /// Where the decision stands in the workspace's audit log; where its comment was erased, the
    /// entry of that, which records the receipt without it.
    pub audit: AuditPosition,
    /// Where the texts were erased: the entry that tells so. Then actions, answer and shown texts
    /// may be missing; the receipt names them by their digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<AuditPosition>,
    /// The signer's public keys, for convenience: they are not trusted for being here.
    pub jwks: JwkSet,
}

/// One revision of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledAction {
    /// Its digest.
    pub digest: Digest,
    /// The action: name, title, arguments, target.
    pub action: Value,
}

/// A policy with its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledPolicy {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The digest of its document.
    pub digest: Digest,
    /// The document, as JSON.
    pub document: Value,
}

/// What an approver was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// SHA-256 over the UTF-8 bytes of `text`.
    pub digest: Digest,
    /// What wrote the text, with its version: `telegram/1`.
    pub renderer: String,
    /// The channel it went out by.
    pub channel: String,
    /// The language it was written in, as BCP 47 names it.
    pub locale: String,
    /// The text, exactly.
    pub text: String,
}

/// An entry of the audit log, with its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPosition {
    /// The entry that recorded the decision.
    pub entry: Entry,
    /// Its hash, as the log stores it.
    pub hash: Digest,
    /// Its index, as in the entry.
    pub index: u64,
}
