//! Canonical JSON agrees with the published vectors of RFC 8785, and digests have one spelling.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops at what it cannot do")]

use std::fs;
use std::path::PathBuf;

use askfirst_proof::canonical::{CanonicalError, canonical, parse_strict};
use askfirst_proof::log::{Entry, entry_hash, genesis};
use askfirst_proof::{Digest, action_digest, json_digest, text_digest};
use proptest::prelude::*;
use serde_json::{Value, json};

fn vectors(name: &str) -> Value {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../spec/vectors"));
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn canonical_text(value: &Value) -> String {
    String::from_utf8(canonical(value).unwrap()).unwrap()
}

#[test]
fn published_documents_become_their_published_form() {
    for name in [
        "arrays",
        "french",
        "structures",
        "unicode",
        "values",
        "weird",
        "rfc_example",
        "rfc_sorting",
    ] {
        let vector = vectors(&format!("jcs/{name}.json"));
        let input = parse_strict(vector["input"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(canonical_text(&input), vector["canonical"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn published_numbers_become_their_published_text() {
    for number in vectors("jcs/numbers.json")["numbers"].as_array().unwrap() {
        let bits = u64::from_str_radix(number["bits"].as_str().unwrap(), 16).unwrap();
        let value = serde_json::Number::from_f64(f64::from_bits(bits)).map(Value::Number);
        let text = value.as_ref().map(canonical_text);
        assert_eq!(text.as_deref(), number["text"].as_str(), "{bits:016x}");
    }
}

#[test]
fn canonical_form_is_its_own_canonical_form() {
    for vector in vectors("digests.json")["json"].as_array().unwrap() {
        let text = vector["canonical"].as_str().unwrap();
        assert_eq!(canonical_text(&vector["value"]), text);
        assert_eq!(canonical_text(&parse_strict(text.as_bytes()).unwrap()), text);
        assert_eq!(json_digest(&vector["value"]).unwrap().to_string(), vector["digest"]);
        assert_eq!(text_digest(text).to_string(), vector["digest"]);
    }
}

#[test]
fn audit_hashes_are_those_of_the_vectors() {
    let audit = &vectors("digests.json")["audit"];
    assert_eq!(
        genesis(audit["workspace"].as_str().unwrap()).unwrap().to_string(),
        audit["genesis"]
    );
    for vector in audit["entries"].as_array().unwrap() {
        let entry: Entry = serde_json::from_value(vector["entry"].clone()).unwrap();
        assert_eq!(entry_hash(&entry).unwrap().to_string(), vector["hash"]);
    }
}

#[test]
fn the_order_of_members_does_not_change_a_digest_and_their_values_do() {
    let one = json!({"name": "pay", "arguments": {"to": "a", "amount": 1.0}});
    let same = json!({"arguments": {"amount": 1, "to": "a"}, "name": "pay"});
    let other = json!({"arguments": {"amount": 2, "to": "a"}, "name": "pay"});
    assert_eq!(action_digest(&one).unwrap(), action_digest(&same).unwrap());
    assert_ne!(action_digest(&one).unwrap(), action_digest(&other).unwrap());
}

#[test]
fn composed_and_decomposed_letters_stay_distinct() {
    assert_ne!(json_digest(&json!("\u{e9}")).unwrap(), json_digest(&json!("e\u{301}")).unwrap());
}

#[test]
fn a_digest_has_one_spelling() {
    let digest = text_digest("abc");
    // FIPS 180-2, appendix B.1.
    let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest.to_string(), text);
    assert_eq!(text.parse::<Digest>().unwrap(), digest);
    assert_eq!(serde_json::to_value(digest).unwrap(), text);
    let hex = &text["sha256:".len()..];
    let bad = [
        hex.to_owned(),
        format!("SHA256:{hex}"),
        format!("sha256:{}", hex.to_uppercase()),
        format!("{text} "),
        format!(" {text}"),
        text[..text.len() - 2].to_owned(),
        format!("{text}00"),
        format!("sha256:+{}", &hex[1..]),
        format!("sha256:{}\u{e9}", &hex[2..]),
        String::new(),
    ];
    for text in bad {
        assert!(matches!(text.parse::<Digest>(), Err(CanonicalError::NotADigest)), "{text}");
    }
}

#[test]
fn a_repeated_key_is_refused_at_any_depth() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"b":{"a":1,"a":2}}]"#,
        r#"{"a":1} {}"#,
        r#"{"a":1e400}"#,
        r#""\ud800""#,
        "",
    ] {
        assert!(matches!(parse_strict(text.as_bytes()), Err(CanonicalError::NotJson(_))), "{text}");
    }
    assert!(parse_strict(&b"[".repeat(100_000)).is_err(), "deep nesting is refused, not followed");
}

#[test]
fn an_integer_that_canonical_json_would_round_is_refused() {
    for text in ["9007199254740991", "-9007199254740991", "9007199254740993.0", "1e30"] {
        assert!(parse_strict(text.as_bytes()).is_ok(), "{text}");
    }
    for text in ["9007199254740992", "-9007199254740992", "[9007199254740993]"] {
        assert!(parse_strict(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn an_error_about_foreign_json_does_not_speak_to_the_terminal() {
    let error =
        parse_strict("{\"\\u001b[2J\u{202e}\":1,\"\\u001b[2J\u{202e}\":2}".as_bytes()).unwrap_err();
    assert!(error.to_string().chars().all(|c| c.is_ascii() && !c.is_control()), "{error}");
}

/// Any JSON, with the keys and numbers that canonical forms go wrong on.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".{0,8}",
        "[\\x00-\\x1f\"\\\\/]{0,4}",
        "[\u{e000}-\u{ffff}\u{10000}-\u{10fff}]{0,3}"
    ];
    let exact = -(1_i64 << 53)..=(1_i64 << 53);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        exact.prop_map(Value::from),
        any::<f64>().prop_filter("finite", |double| double.is_finite()).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        let members = proptest::collection::btree_map(text.clone(), inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::from),
            members.prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn random_values_are_spelled_as_another_library_spells_them(value in any_json()) {
        let theirs = serde_json_canonicalizer::to_vec(&value).unwrap();
        prop_assert_eq!(canonical(&value).unwrap(), theirs);
    }
}
