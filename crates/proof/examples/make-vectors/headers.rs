//! Tokens whose header names another algorithm, brings a key, or belongs to another kind of token.

use serde_json::{Value, json};

use crate::forge::{Result, TestKey, folder, header, hs256, message};
use crate::good;
use crate::vectors::Vector;

/// `alg` says something else, or something else was done.
pub(crate) fn algorithms(signer: &TestKey) -> Result<Vec<Vector>> {
    let payload = good::plain()?.to_bytes()?;
    let named = |alg: Value| header(signer.kid(), json!({ "alg": alg }));
    let mut list = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let token = message(&named(json!(alg)), &payload) + ".";
        list.push(Vector::token(&format!("alg {alg:?}, unsigned"), "an unsigned token", token));
    }
    let token = signer.sign(&named(json!("none")), &payload);
    list.push(Vector::token("alg none, signed", "the signature must not rescue the header", token));
    for (form, secret) in signer.public_bytes()? {
        let token = hs256(&secret, &named(json!("HS256")), &payload);
        list.push(Vector::token(
            &format!("HS256 with the public key as {form}"),
            "the public key is no shared secret",
            token,
        ));
        let token = hs256(&secret, &named(json!("RS256")), &payload);
        list.push(Vector::token(
            &format!("HS256 tag under RS256, {form}"),
            "a tag is no signature",
            token,
        ));
    }
    let token = hs256(b"", &named(json!("HS256")), &payload);
    list.push(Vector::token("HS256 with an empty secret", "no shared secrets at all", token));
    list.push(Vector::token(
        "RS384",
        "signed by the right key, by another algorithm",
        signer.sign_rs384(&named(json!("RS384")), &payload),
    ));
    list.push(Vector::token(
        "RS512",
        "signed by the right key, by another algorithm",
        signer.sign_rs512(&named(json!("RS512")), &payload),
    ));
    list.push(Vector::token(
        "RS384 under RS256",
        "the digest in the signature is another",
        signer.sign_rs384(&named(json!("RS256")), &payload),
    ));
    for (name, alg) in [
        ("rs256 in lower case", json!("rs256")),
        ("alg a number", json!(256)),
        ("alg a list", json!(["RS256"])),
        ("alg missing", json!("(absent)")),
    ] {
        list.push(Vector::token(name, "alg is exactly RS256", signer.sign(&named(alg), &payload)));
    }
    let fixed: Value =
        serde_json::from_str(&std::fs::read_to_string(folder().join("fixed.json"))?)?;
    for (member, name, why) in [
        ("ps256", "PS256", "signed by the right key, with another padding"),
        ("ps256_as_rs256", "PS256 under RS256", "the padding is another"),
        ("es256", "ES256", "another family of keys, under the signer's kid"),
        ("eddsa", "EdDSA", "another family of keys, under the signer's kid"),
    ] {
        let token = fixed[member]["token"].as_str().ok_or("no token")?;
        list.push(Vector::token(name, why, token.into()));
    }
    Ok(list)
}

/// The header carries a key, points to one, or is another token's.
pub(crate) fn headers(signer: &TestKey, stranger: &TestKey) -> Result<Vec<Vector>> {
    let payload = good::plain()?.to_bytes()?;
    let by_signer = |changes: Value| signer.sign(&header(signer.kid(), changes), &payload);
    let by_stranger = |changes: Value| stranger.sign(&header(signer.kid(), changes), &payload);
    let jwk = stranger.signing.jwk();
    let mut list = vec![
        Vector::token(
            "stranger's key in jwk",
            "a token cannot bring its own key",
            by_stranger(json!({"jwk": jwk, "kid": stranger.kid()})),
        ),
        Vector::token(
            "stranger's key in jwk under the signer's kid",
            "a token cannot bring its own key",
            by_stranger(json!({"jwk": jwk})),
        ),
        Vector::token(
            "signer's own key in jwk",
            "not even the right key",
            by_signer(json!({"jwk": signer.signing.jwk()})),
        ),
        Vector::token(
            "jku",
            "a token cannot say where its key is",
            by_stranger(json!({"jku": "https://evil.example/jwks.json"})),
        ),
        Vector::token(
            "jku to the issuer",
            "not even at the issuer",
            by_signer(json!({"jku": "https://askfirst.example/.well-known/jwks.json"})),
        ),
        Vector::token(
            "x5u",
            "a token cannot say where its certificate is",
            by_stranger(json!({"x5u": "https://evil.example/cert.pem"})),
        ),
        Vector::token(
            "x5c",
            "a token cannot bring its own certificate",
            by_stranger(json!({"x5c": ["MIIB"]})),
        ),
        Vector::token(
            "x5t#S256",
            "receipts have no certificates",
            by_signer(json!({"x5t#S256": "AAAA"})),
        ),
        Vector::token("crit", "an extension we do not know", by_signer(json!({"crit": ["exp"]}))),
        Vector::token(
            "b64 false",
            "an unencoded payload",
            by_signer(json!({"b64": false, "crit": ["b64"]})),
        ),
        Vector::token(
            "unknown header",
            "a receipt has three header members",
            by_signer(json!({"note": "hello"})),
        ),
        Vector::token("cty", "a receipt nests nothing", by_signer(json!({"cty": "JWT"}))),
        Vector::token(
            "signed by a stranger",
            "the signature is not the signer's",
            by_stranger(json!({})),
        ),
        Vector::token(
            "kid of a stranger",
            "nobody trusts that key",
            by_stranger(json!({"kid": stranger.kid()})),
        ),
        Vector::token(
            "kid of a stranger, signed by the signer",
            "the key named is not trusted",
            by_signer(json!({"kid": stranger.kid()})),
        ),
    ];
    for (name, kid) in [
        ("kid a path", json!("../../../../dev/null")),
        ("kid a url", json!("https://evil.example/key")),
        ("kid with SQL", json!("x' UNION SELECT 'c2VjcmV0'; --")),
        ("kid with a NUL", json!(format!("{}\u{0}", signer.kid()))),
        ("kid empty", json!("")),
        ("kid a number", json!(0)),
        ("kid null", json!(null)),
        ("kid missing", json!("(absent)")),
        ("kid in another case", json!(signer.kid().to_lowercase())),
    ] {
        list.push(Vector::token(
            name,
            "kid is the thumbprint of a trusted key",
            by_signer(json!({ "kid": kid })),
        ));
    }
    for (name, typ) in [
        ("typ missing", json!("(absent)")),
        ("typ JWT", json!("JWT")),
        ("typ of an access token", json!("at+jwt")),
        ("typ of another kind of proof", json!("approval-proof+jwt")),
        ("typ in upper case", json!("ASKFIRST-RECEIPT+JWT")),
        ("typ with application/", json!("application/askfirst-receipt+jwt")),
        ("typ a list", json!(["askfirst-receipt+jwt"])),
    ] {
        list.push(Vector::token(
            name,
            "typ is exactly askfirst-receipt+jwt",
            by_signer(json!({ "typ": typ })),
        ));
    }
    let kid = signer.kid();
    for (name, text) in [
        (
            "header with white space",
            format!(r#"{{"alg": "RS256","kid":"{kid}","typ":"askfirst-receipt+jwt"}}"#),
        ),
        (
            "header in another order",
            format!(r#"{{"typ":"askfirst-receipt+jwt","alg":"RS256","kid":"{kid}"}}"#),
        ),
        (
            "header with alg twice",
            format!(r#"{{"alg":"none","alg":"RS256","kid":"{kid}","typ":"askfirst-receipt+jwt"}}"#),
        ),
        (
            "header with kid twice",
            format!(
                r#"{{"alg":"RS256","kid":"other","kid":"{kid}","typ":"askfirst-receipt+jwt"}}"#
            ),
        ),
        (
            "header with escapes",
            format!(r#"{{"alg":"RS\u003256","kid":"{kid}","typ":"askfirst-receipt+jwt"}}"#),
        ),
        ("header a list", r#"["RS256"]"#.to_owned()),
        ("header not json", "RS256".to_owned()),
        ("header empty", String::new()),
    ] {
        list.push(Vector::token(
            name,
            "the header has one spelling",
            signer.sign(text.as_bytes(), &payload),
        ));
    }
    Ok(list)
}
