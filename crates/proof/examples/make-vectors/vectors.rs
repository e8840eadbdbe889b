//! Which files the vectors are made of, and how an entry is written.
//! The entries themselves are in `good.rs`, `tokens.rs` and `bundles.rs`.

use std::path::PathBuf;

use askfirst_proof::canonical::{canonical, json_digest, text_digest};
use askfirst_proof::log::{Entry, entry_hash, genesis};
use askfirst_proof::{
    Decision, Digest, Environment, Expect, JwkSet, Statement, Trust, VerifyError, verify_bundle,
    verify_receipt,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::forge::{Result, TestKey, folder};
use crate::good::{self, NOW};
use crate::{bundles, tokens};

/// One vector: what is presented, to whom, and what must come of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) why: String,
    /// 0 usable, 3 authentic but not approved, 4 refused, 5 no longer usable.
    pub(crate) exit: u8,
    /// The error of Askfirst's own verifier, for information.
    pub(crate) says: Option<String>,
    /// Trusted thumbprints in place of `jwks.json`.
    pub(crate) thumbprints: Option<Vec<String>>,
    pub(crate) expect: Expected,
    pub(crate) token: Option<String>,
    pub(crate) bundle: Option<Value>,
}

/// What the checker knows beforehand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) now: i64,
    pub(crate) workspace: Option<String>,
    pub(crate) environment: Option<Environment>,
    pub(crate) issuer: Option<String>,
    pub(crate) approval: Option<String>,
    pub(crate) action_digest: Option<Digest>,
}

impl Vector {
    pub(crate) fn token(name: &str, why: &str, token: String) -> Self {
        Self {
            name: name.into(),
            why: why.into(),
            exit: 4,
            says: None,
            thumbprints: None,
            expect: Expected {
                now: NOW,
                workspace: Some(good::WORKSPACE.into()),
                environment: Some(Environment::Live),
                issuer: None,
                approval: None,
                action_digest: None,
            },
            token: Some(token),
            bundle: None,
        }
    }

    pub(crate) fn bundle(name: &str, why: &str, bundle: Value) -> Self {
        Self { token: None, bundle: Some(bundle), ..Self::token(name, why, String::new()) }
    }

    pub(crate) fn exit(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    pub(crate) fn expecting(mut self, change: impl FnOnce(&mut Expected)) -> Self {
        change(&mut self.expect);
        self
    }

    pub(crate) fn trusting(mut self, thumbprint: &str) -> Self {
        self.thumbprints = Some(vec![thumbprint.into()]);
        self
    }

    /// What our own verifier makes of it.
    pub(crate) fn verify(&self, jwks: &str) -> Result<(u8, Option<VerifyError>)> {
        let trust = match &self.thumbprints {
            Some(thumbprints) => Trust::parse(&thumbprints.join(" "))?,
            None => Trust::parse(jwks)?,
        };
        let Expected { now, workspace, environment, issuer, approval, action_digest } =
            self.expect.clone();
        let expect = Expect { workspace, environment, issuer, action_digest, approval };
        let verdict = match (&self.token, &self.bundle) {
            (Some(token), None) => verify_receipt(token, &trust, &expect, now),
            (None, Some(bundle)) => {
                verify_bundle(bundle.to_string().as_bytes(), &trust, &expect, now)
            }
            _ => return Err("a vector is either a token or a bundle".into()),
        };
        Ok(match verdict {
            Ok(verdict) => (verdict.exit_code(), None),
            Err(error) => (error.exit_code(), Some(error)),
        })
    }
}

/// Every generated file with its text.
pub(crate) fn files() -> Result<Vec<(PathBuf, String)>> {
    let signer = TestKey::read("test-only-signer.json")?;
    let stranger = TestKey::read("test-only-stranger.json")?;
    let jwks = pretty(&JwkSet { keys: vec![signer.signing.jwk().clone()] })?;

    let good = explained(good_vectors(&signer)?, &jwks)?;
    let mut refused = tokens::refused(&signer, &stranger)?;
    refused.extend(bundles::refused(&signer, &stranger)?);
    let refused = explained(refused, &jwks)?;

    let file = |name: &str, text: String| (folder().join(name), text);
    Ok(vec![
        file("jwks.json", jwks),
        file("good.json", pretty(&good)?),
        file("refused.json", pretty(&refused)?),
        file("digests.json", pretty(&digests()?)?),
    ])
}

fn explained(mut vectors: Vec<Vector>, jwks: &str) -> Result<Vec<Vector>> {
    for vector in &mut vectors {
        vector.says = vector.verify(jwks)?.1.map(|error| error.to_string());
    }
    Ok(vectors)
}

fn good_vectors(signer: &TestKey) -> Result<Vec<Vector>> {
    let receipt = |name: &str, why: &str, statement: Result<Statement>| -> Result<Vector> {
        let token = signer.signing.sign_receipt(&statement?.to_bytes()?)?;
        Ok(Vector::token(name, why, token))
    };
    let bundle = serde_json::to_value(good::bundle(&signer.signing)?)?;
    let environment = |it: Environment| move |expect: &mut Expected| expect.environment = Some(it);
    Ok(vec![
        receipt(
            "approved",
            "two people, an edit, a delegate, fractions of a second",
            good::approved(),
        )?
        .exit(0),
        receipt("approved plainly", "one person with a passkey", good::plain())?.exit(0),
        receipt("rejected", "authentic, and not an approval", good::refused(Decision::Rejected))?
            .exit(3),
        receipt("expired", "authentic, and not an approval", good::refused(Decision::Expired))?
            .exit(3),
        receipt("cancelled", "authentic, and not an approval", good::refused(Decision::Cancelled))?
            .exit(3),
        receipt(
            "approved in test",
            "accepted by who asks for test",
            good::rehearsed(Environment::Test),
        )?
        .exit(0)
        .expecting(environment(Environment::Test)),
        receipt(
            "approved in dev",
            "accepted by who asks for dev",
            good::rehearsed(Environment::Dev),
        )?
        .exit(0)
        .expecting(environment(Environment::Dev)),
        receipt("approved, last second", "one second before valid_until", good::plain())?
            .exit(0)
            .expecting(|expect| expect.now = NOW + 599),
        receipt("approved, too late", "at valid_until it is no longer usable", good::plain())?
            .exit(5)
            .expecting(|expect| expect.now = NOW + 600),
        receipt("approved, everything expected", "each expectation is met", good::plain())?
            .exit(0)
            .expecting(|expect| {
                expect.issuer = Some("https://askfirst.example/w/ws_acme".into());
                expect.approval = Some("apr_0002".into());
                expect.action_digest = good::plain().ok().map(|it| it.action_digest);
            }),
        Vector::bundle(
            "bundle",
            "everything the receipt names, checked against jwks.json",
            bundle.clone(),
        )
        .exit(0),
        Vector::bundle(
            "bundle by thumbprint",
            "its own key counts, since its thumbprint is trusted",
            bundle,
        )
        .exit(0)
        .trusting(signer.kid()),
        Vector::bundle(
            "bundle, erased",
            "its texts are gone, and the entry that tells so is there",
            serde_json::to_value(good::erased_bundle(&signer.signing)?)?,
        )
        .exit(0),
    ])
}

fn digests() -> Result<Value> {
    let values = [
        json!({}),
        json!(null),
        good::asked(),
        good::edited(),
        good::policy_document(),
        json!({"name": "pay", "arguments": {"amount": 1e21, "small": 1e-7, "whole": 100.0, "zero": -0.0, "big": 9_007_199_254_740_991_i64}}),
        json!({"\u{20ac}": 1, "\u{fb33}": 2, "\u{1f600}": 3, "\r": 4, "1": 5, "\u{80}": 6, "\u{f6}": 7}),
        json!({"composed": "\u{e9}", "decomposed": "e\u{301}", "control": "\u{0}\u{1f}\u{7f}\u{2028}", "nested": [[], {}, [{"b": 1, "a": 2}]]}),
    ];
    let json_digests: Result<Vec<Value>> = values
        .iter()
        .map(|value| {
            let text = String::from_utf8(canonical(value)?)?;
            Ok(json!({"value": value, "canonical": text, "digest": json_digest(value)?}))
        })
        .collect();
    let first = Entry {
        index: 1,
        previous: genesis(good::WORKSPACE)?,
        ..good::audit_entry(text_digest(""))?
    };
    let second = Entry { index: 2, previous: entry_hash(&first)?, ..first.clone() };
    Ok(json!({
        "json": json_digests?,
        "text": [{"text": good::SHOWN_TEXT, "digest": text_digest(good::SHOWN_TEXT)}],
        "audit": {
            "workspace": good::WORKSPACE,
            "genesis": genesis(good::WORKSPACE)?,
            "entries": [
                {"entry": first, "hash": entry_hash(&first)?},
                {"entry": second, "hash": entry_hash(&second)?},
            ],
        },
    }))
}

fn pretty(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
