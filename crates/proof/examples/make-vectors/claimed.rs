//! Tokens that are correctly signed over claims a receipt cannot have, or not in that spelling.

use askfirst_proof::{Decision, Statement};
use serde_json::{Value, json};

use crate::forge::{Result, TestKey, claims, header, rewritten};
use crate::good::{self, NOW};
use crate::vectors::Vector;

/// Correctly signed, with claims of the wrong type, missing or unknown.
pub(crate) fn claimed(signer: &TestKey) -> Result<Vec<Vector>> {
    let plain = good::plain()?;
    let genuine = header(signer.kid(), json!({}));
    let mut list = Vec::new();
    let mut add = |name: &str, why: &str, changes: Value| {
        list.push(Vector::token(name, why, signer.sign(&genuine, &claims(&plain, changes))));
    };
    for (name, exp) in [
        ("exp a string", json!("1893456600")),
        ("exp a fraction", json!(1_893_456_600.5)),
        ("exp missing", json!("(absent)")),
        ("exp null", json!(null)),
        ("exp true", json!(true)),
        ("exp negative", json!(-1)),
        ("exp huge", json!(1e300)),
        ("exp beyond exact integers", json!(9_007_199_254_740_992_i64)),
        ("exp later than valid_until", json!(1_893_456_601)),
        ("exp earlier than valid_until", json!(1_893_456_599)),
    ] {
        add(name, "exp is an integer, the second of valid_until", json!({ "exp": exp }));
    }
    for (name, iat) in [
        ("iat a string", json!("1893455700")),
        ("iat a fraction", json!(0.5)),
        ("iat missing", json!("(absent)")),
        ("iat negative", json!(-1)),
        ("iat in the future", json!(NOW + 301)),
    ] {
        add(name, "iat is an integer, not after the present", json!({ "iat": iat }));
    }
    for (name, nbf) in [
        ("nbf a string", json!("tomorrow")),
        ("nbf in the future", json!(NOW + 500)),
        ("nbf in the past", json!(0)),
        ("nbf null", json!(null)),
    ] {
        add(name, "a receipt has no nbf, so none can be half understood", json!({ "nbf": nbf }));
    }
    for (name, aud) in [
        ("aud a list with ours", json!(["ws_acme"])),
        ("aud a list with ours hidden", json!(["ws_other", "ws_acme"])),
        ("aud missing", json!("(absent)")),
        ("aud null", json!(null)),
        ("aud empty", json!("")),
        ("aud another's, iss ours", json!("ws_other")),
    ] {
        add(name, "aud is the workspace, one plain string", json!({ "aud": aud }));
    }
    add(
        "another workspace's",
        "genuine, for another workspace",
        json!({"aud": "ws_other", "iss": "https://askfirst.example/w/ws_other"}),
    );
    add(
        "iss another workspace's",
        "iss ends in the workspace of aud",
        json!({"iss": "https://askfirst.example/w/ws_other"}),
    );
    add(
        "iss a longer name",
        "iss ends in /w/ and the workspace",
        json!({"iss": "https://askfirst.example/w/x_ws_acme"}),
    );
    add("iss missing", "every claim is always there", json!({"iss": "(absent)"}));
    for claim in [
        "jti",
        "environment",
        "decision",
        "action_digest",
        "votes",
        "policy",
        "comment",
        "answer_digest",
        "valid_until",
    ] {
        add(
            &format!("{claim} missing"),
            "every claim is always there, null if need be",
            json!({ claim: "(absent)" }),
        );
    }
    add("unknown claim", "a receipt has no other claims", json!({"admin": true}));
    add("environment unknown", "live, test or dev", json!({"environment": "production"}));
    add("environment null", "live, test or dev", json!({"environment": null}));
    add("decision in capitals", "a closed list of words", json!({"decision": "Approved"}));
    add("decision pending", "only an end gets a receipt", json!({"decision": "pending"}));
    add("decision true", "a closed list of words", json!({"decision": true}));
    add(
        "digest in upper case",
        "a digest has one spelling",
        json!({"action_digest": plain.action_digest.to_string().to_uppercase().replace("SHA", "sha")}),
    );
    add(
        "digest of another kind",
        "digests are sha-256",
        json!({"asked_digest": format!("sha512:{}", "0".repeat(64))}),
    );
    add("digest short", "a digest has 64 digits", json!({"asked_digest": "sha256:00"}));
    add(
        "decided_at with an offset",
        "times are in utc",
        json!({"decided_at": "2029-12-31T23:55:00+00:00"}),
    );
    add(
        "decided_at in a leap second",
        "times are plain",
        json!({"decided_at": "2016-12-31T23:59:60Z"}),
    );
    add(
        "valid_until a number",
        "a text, as RFC 3339 has it",
        json!({"valid_until": 1_893_456_600}),
    );
    add(
        "valid_until no date",
        "the thirtieth of february",
        json!({"valid_until": "2030-02-30T00:00:00Z"}),
    );
    add(
        "policy version a fraction",
        "versions are whole",
        json!({"policy": {"name": "deploys", "version": 3.5, "digest": plain.policy.digest}}),
    );
    add("votes an object", "votes are a list", json!({"votes": {}}));
    add("vote with an unknown member", "a vote has no other members", {
        let mut votes = serde_json::to_value(&plain.votes)?;
        votes[0]["weight"] = json!(100);
        json!({ "votes": votes })
    });
    add("vote of an unknown assurance", "a closed list of words", {
        let mut votes = serde_json::to_value(&plain.votes)?;
        votes[0]["assurance"] = json!("certain");
        json!({ "votes": votes })
    });
    Ok(list)
}

/// Correctly signed, with claims that a lenient reader reads in two ways.
pub(crate) fn spelled(signer: &TestKey) -> Result<Vec<Vector>> {
    let (plain, rejected) = (good::plain()?, good::refused(Decision::Rejected)?);
    let text = |it: &Statement, from: &str, to: &str| {
        signer.sign(&header(signer.kid(), json!({})), &rewritten(it, from, to))
    };
    let why = "the claims have one spelling";
    let raw = |bytes: &[u8]| signer.sign(&header(signer.kid(), json!({})), bytes);
    let (decided, comment) = (r#""decision":"rejected""#, r#""comment":null"#);
    Ok(vec![
        Vector::token(
            "decision twice, approved last",
            why,
            text(&rejected, decided, r#""decision":"rejected","decision":"approved""#),
        ),
        Vector::token(
            "decision twice, approved first",
            why,
            text(&rejected, decided, r#""decision":"approved","decision":"rejected""#),
        ),
        Vector::token(
            "comment twice, the same",
            why,
            text(&plain, comment, r#""comment":null,"comment":null"#),
        ),
        Vector::token(
            "approver twice",
            why,
            text(
                &plain,
                r#""approver":"member:ana""#,
                r#""approver":"member:eve","approver":"member:ana""#,
            ),
        ),
        Vector::token(
            "exp with .0",
            why,
            text(&plain, r#""exp":1893456600"#, r#""exp":1893456600.0"#),
        ),
        Vector::token(
            "exp with an exponent",
            why,
            text(&plain, r#""exp":1893456600"#, r#""exp":18934566e2"#),
        ),
        Vector::token(
            "exp beyond doubles",
            why,
            text(&plain, r#""exp":1893456600"#, r#""exp":1e400"#),
        ),
        Vector::token("claims with white space", why, text(&plain, comment, r#""comment": null"#)),
        Vector::token(
            "claims with a newline at the end",
            why,
            raw(&[plain.to_bytes()?.as_slice(), b"\n"].concat()),
        ),
        Vector::token("claims with escapes", why, text(&plain, r#""live""#, r#""l\u0069ve""#)),
        Vector::token("claims in another order", why, {
            let from = format!(r#""comment":null,"decided_at":"{}""#, plain.decided_at);
            let to = format!(r#""decided_at":"{}","comment":null"#, plain.decided_at);
            text(&plain, &from, &to)
        }),
        Vector::token("lone surrogate", why, text(&plain, comment, r#""comment":"\ud800""#)),
        Vector::token("invalid utf-8", why, {
            let mut bytes = rewritten(&plain, comment, r#""comment":"?""#);
            if let Some(byte) = bytes.iter_mut().find(|byte| **byte == b'?') {
                *byte = 0xff;
            }
            raw(&bytes)
        }),
        Vector::token(
            "byte order mark",
            why,
            raw(&[b"\xef\xbb\xbf", plain.to_bytes()?.as_slice()].concat()),
        ),
        Vector::token("claims a list", why, raw(b"[]")),
        Vector::token("claims empty", why, raw(b"{}")),
        Vector::token("claims not json", why, raw(b"approved")),
        Vector::token("no claims", why, raw(b"")),
    ])
}
