//! Tokens that were tampered with, confused with others, or presented as what they are not.

use askfirst_proof::{Decision, Environment, Statement};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::forge::{Result, TestKey, claims, header};
use crate::good::{self, NOW};
use crate::vectors::Vector;
use crate::{claimed, headers};

pub(crate) fn refused(signer: &TestKey, stranger: &TestKey) -> Result<Vec<Vector>> {
    let mut list = headers::algorithms(signer)?;
    list.extend(headers::headers(signer, stranger)?);
    list.extend(claimed::claimed(signer)?);
    list.extend(claimed::spelled(signer)?);
    list.extend(meant(signer)?);
    list.extend(presented(signer)?);
    list.extend(encoded(signer, stranger)?);
    Ok(list)
}

/// Correctly signed and spelled, with claims that contradict each other.
fn meant(signer: &TestKey) -> Result<Vec<Vector>> {
    let (plain, rejected) = (good::plain()?, good::refused(Decision::Rejected)?);
    let signed = |it: &Statement, changes: Value| {
        signer.sign(&header(signer.kid(), json!({})), &claims(it, changes))
    };
    let mut low = serde_json::to_value(&plain.votes)?;
    low[0]["assurance"] = json!("link");
    let mut against = serde_json::to_value(&plain.votes)?;
    against[0]["decision"] = json!("reject");
    let mut elsewhere = serde_json::to_value(&plain.votes)?;
    elsewhere[0]["action_digest"] = json!(askfirst_proof::action_digest(&good::asked())?);
    Ok(vec![
        Vector::token(
            "approved without valid_until",
            "an approval ends some time",
            signed(&plain, json!({"valid_until": null})),
        ),
        Vector::token(
            "rejected with valid_until",
            "only an approval can be used",
            signed(&rejected, json!({"valid_until": "2030-01-01T00:10:00Z"})),
        ),
        Vector::token(
            "approved without assurance",
            "an approval says how surely",
            signed(&plain, json!({"assurance": null})),
        ),
        Vector::token(
            "approved without votes",
            "somebody approved",
            signed(&plain, json!({"votes": []})),
        ),
        Vector::token(
            "approved by a vote against",
            "somebody approved",
            signed(&plain, json!({"votes": against})),
        ),
        Vector::token(
            "approved by a vote on another action",
            "somebody approved this action",
            signed(&plain, json!({"votes": elsewhere})),
        ),
        Vector::token(
            "surer than its votes",
            "the assurance is that of a vote",
            signed(&plain, json!({"votes": low})),
        ),
    ])
}

/// Genuine, but not what it is presented as.
fn presented(signer: &TestKey) -> Result<Vec<Vector>> {
    let receipt = |statement: Statement| -> Result<String> {
        Ok(signer.signing.sign_receipt(&statement.to_bytes()?)?)
    };
    let mut list = Vec::new();
    for decision in [Decision::Rejected, Decision::Expired, Decision::Cancelled] {
        let token = receipt(good::refused(decision)?)?;
        list.push(
            Vector::token(
                &format!("{decision} presented as an approval"),
                "authentic, and not an approval",
                token,
            )
            .exit(3),
        );
    }
    let plain = || -> Result<String> { receipt(good::plain()?) };
    let asked = askfirst_proof::action_digest(&good::asked())?;
    list.extend([
        Vector::token(
            "test presented as live",
            "nothing real was approved",
            receipt(good::rehearsed(Environment::Test)?)?,
        ),
        Vector::token(
            "dev presented as live",
            "nothing real was approved",
            receipt(good::rehearsed(Environment::Dev)?)?,
        ),
        Vector::token("used too late", "approved, but valid_until has passed", plain()?)
            .exit(5)
            .expecting(|it| it.now = NOW + 86_400),
        Vector::token(
            "rejection past its lifetime",
            "the receipt itself has lapsed",
            receipt(good::refused(Decision::Rejected)?)?,
        )
        .expecting(|it| it.now = NOW + 11 * 365 * 86_400),
        Vector::token("used for another action", "the digest is another", plain()?)
            .expecting(|it| it.action_digest = Some(asked)),
        Vector::token(
            "used for the action as asked",
            "an approver edited it",
            receipt(good::approved()?)?,
        )
        .expecting(|it| it.action_digest = Some(asked)),
        Vector::token("used for another approval", "the id is another", plain()?)
            .expecting(|it| it.approval = Some("apr_0001".into())),
        Vector::token("from another issuer", "the address is another", plain()?)
            .expecting(|it| it.issuer = Some("https://other.example/w/ws_acme".into())),
        Vector::token("for another workspace", "the checker belongs to another", plain()?)
            .expecting(|it| it.workspace = Some("ws_other".into())),
    ]);
    Ok(list)
}

/// Changed on the way, or encoded in another way.
fn encoded(signer: &TestKey, stranger: &TestKey) -> Result<Vec<Vector>> {
    let token = signer.signing.sign_receipt(&good::plain()?.to_bytes()?)?;
    let other = signer.signing.sign_receipt(&good::refused(Decision::Rejected)?.to_bytes()?)?;
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts[..] else { return Err("not three parts".into()) };
    let signature_bytes = URL_SAFE_NO_PAD.decode(signature)?;
    let other_signature = other.rsplit('.').next().ok_or("no signature")?;
    let flipped = |part: &str, bit: usize| -> Result<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(part)?;
        bytes[bit / 8] ^= 1 << (bit % 8);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    };
    let mut list = Vec::new();
    for bit in [0, 77, 400] {
        list.push(Vector::token(
            &format!("header bit {bit} flipped"),
            "the signature does not fit",
            format!("{}.{body}.{signature}", flipped(head, bit)?),
        ));
    }
    for bit in [0, 801, 4_002] {
        list.push(Vector::token(
            &format!("claims bit {bit} flipped"),
            "the signature does not fit",
            format!("{head}.{}.{signature}", flipped(body, bit)?),
        ));
    }
    for bit in [0, 1_024, 2_047] {
        list.push(Vector::token(
            &format!("signature bit {bit} flipped"),
            "the signature does not fit",
            format!("{head}.{body}.{}", flipped(signature, bit)?),
        ));
    }
    let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let mut add = |name: &str, why: &str, token: String| list.push(Vector::token(name, why, token));
    add(
        "signature of another receipt",
        "the signature does not fit",
        format!("{head}.{body}.{other_signature}"),
    );
    add(
        "signature all zeros",
        "the signature does not fit",
        format!("{head}.{body}.{}", encoded(&[0; 256])),
    );
    add(
        "signature one",
        "the signature does not fit",
        format!("{head}.{body}.{}", encoded(&[&[0; 255][..], &[1]].concat())),
    );
    add(
        "signature of the same claims by a stranger",
        "the signature does not fit",
        stranger.sign(&header(signer.kid(), json!({})), &good::plain()?.to_bytes()?),
    );
    add(
        "signature cut by a byte",
        "a signature is as long as its key",
        format!("{head}.{body}.{}", encoded(&signature_bytes[..255])),
    );
    add(
        "signature with a zero before it",
        "a signature is as long as its key",
        format!("{head}.{body}.{}", encoded(&[&[0], signature_bytes.as_slice()].concat())),
    );
    add("signature empty", "a signature is as long as its key", format!("{head}.{body}."));
    add(
        "signature with padding",
        "base64url without padding",
        format!("{head}.{body}.{signature}=="),
    );
    add(
        "signature in the other alphabet",
        "base64url without padding",
        format!("{head}.{body}.{}", STANDARD.encode(&signature_bytes).trim_end_matches('=')),
    );
    add(
        "signature with stray bits",
        "one spelling for the same bytes",
        format!("{head}.{body}.{}", stray_bits(signature)?),
    );
    add(
        "signature with a newline inside",
        "no white space",
        format!("{head}.{body}.{}\n{}", &signature[..64], &signature[64..]),
    );
    add("newline at the end", "no white space", format!("{token}\n"));
    add("space in front", "no white space", format!(" {token}"));
    add("bearer in front", "a receipt, not an Authorization header", format!("Bearer {token}"));
    add("NUL at the end", "nothing around it", format!("{token}\u{0}"));
    add("fourth part", "three parts", format!("{token}.{signature}"));
    add("empty fourth part", "three parts", format!("{token}."));
    add("five parts", "an encrypted token is no receipt", format!("{head}....{signature}"));
    add("two parts", "three parts", format!("{head}.{body}"));
    add("empty", "three parts", String::new());
    add("only dots", "three parts", "..".into());
    add("empty claims", "the signature does not fit", format!("{head}..{signature}"));
    add("truncated", "the signature is not whole", token[..token.len() - 20].to_owned());
    add(
        "json serialization",
        "only the compact form",
        json!({"protected": head, "payload": body, "signature": signature}).to_string(),
    );
    add("percent-encoded dots", "three parts", token.replace('.', "%2E"));
    Ok(list)
}

/// The same bytes under another spelling: the last character's unused bits are set.
fn stray_bits(part: &str) -> Result<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *part.as_bytes().last().ok_or("empty")?;
    let at = ALPHABET.iter().position(|byte| *byte == last).ok_or("not base64url")?;
    Ok(format!("{}{}", &part[..part.len() - 1], char::from(ALPHABET[at + 1])))
}
