//! The committed vectors are what the generator makes, and our own verifier agrees with each.
//! That other libraries agree too is shown by `tests/vectors` at the root.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops at what it cannot do")]

#[path = "../examples/make-vectors/bundles.rs"]
mod bundles;
#[path = "../examples/make-vectors/claimed.rs"]
mod claimed;
#[path = "../examples/make-vectors/forge.rs"]
mod forge;
#[path = "../examples/make-vectors/good.rs"]
mod good;
#[path = "../examples/make-vectors/headers.rs"]
mod headers;
#[path = "../examples/make-vectors/tokens.rs"]
mod tokens;
#[path = "../examples/make-vectors/vectors.rs"]
mod vectors;

use std::collections::BTreeSet;
use std::fs;

use vectors::Vector;

fn committed(name: &str) -> Vec<Vector> {
    serde_json::from_str(&fs::read_to_string(forge::folder().join(name)).unwrap()).unwrap()
}

fn jwks() -> String {
    fs::read_to_string(forge::folder().join("jwks.json")).unwrap()
}

#[test]
fn the_committed_vectors_are_what_the_generator_makes() {
    for (path, text) in vectors::files().unwrap() {
        assert!(
            fs::read_to_string(&path).unwrap() == text,
            "{} is stale: cargo run -p askfirst-proof --example make-vectors",
            path.display()
        );
    }
}

#[test]
fn every_good_receipt_has_its_verdict() {
    for vector in committed("good.json") {
        let (exit, error) = vector.verify(&jwks()).unwrap();
        assert_eq!(exit, vector.exit, "{}: {error:?}", vector.name);
        assert_ne!(exit, 4, "{}", vector.name);
    }
}

#[test]
fn no_tampered_or_confused_token_passes_for_an_approval() {
    let vectors = committed("refused.json");
    assert!(vectors.len() >= 200, "only {} vectors", vectors.len());
    for vector in &vectors {
        let (exit, error) = vector.verify(&jwks()).unwrap();
        assert_ne!(exit, 0, "{}", vector.name);
        assert_eq!(exit, vector.exit, "{}: {error:?}", vector.name);
        assert_eq!(error.map(|error| error.to_string()), vector.says, "{}", vector.name);
    }
}

#[test]
fn no_two_vectors_share_a_name() {
    let names: Vec<String> = committed("refused.json").into_iter().map(|it| it.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn no_flipped_bit_of_a_receipt_is_accepted() {
    let mut vector = committed("good.json").swap_remove(1);
    let token = vector.token.clone().unwrap().into_bytes();
    for at in 0..token.len() {
        let mut flipped = token.clone();
        flipped[at] ^= 1 << (at % 7);
        vector.token = Some(String::from_utf8(flipped).unwrap());
        assert_eq!(vector.verify(&jwks()).unwrap().0, 4, "character {at}");
    }
}
